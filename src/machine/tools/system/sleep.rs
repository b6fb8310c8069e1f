//! `sleep`, `usleep`.

use serde::{Deserialize, Serialize};

use super::{Running, runs};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Status, Sys, Turn, Wait};
use crate::machine::tools::Started;
use crate::machine::tools::common::{is_gnu, missing_operand, misuse, parse, quote, say, tool_name};
use crate::machine::tools::options::{Parsed, Spec};

/// A `sleep` that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sleep {
    until: Option<Time>,
}

/// Seconds with a unit, `1.5m`; none for what is no number. Infinite ones count as 10^12.
pub(super) fn seconds(text: &str, gnu: bool) -> Option<f64> {
    let (number, factor) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        'd' => (&text[..text.len() - 1], 86400.0),
        _ => (text, 1.0),
    };
    if ["inf", "infinity"].contains(&text.to_ascii_lowercase().as_str()) {
        return Some(1e12);
    }
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let may_be = gnu && number.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+');
    if !plain && !may_be {
        return None;
    }
    number.parse::<f64>().ok().filter(|n| *n >= 0.0).map(|n| n * factor)
}

/// `sleep 5`, `sleep 1.5 2m`, `sleep infinity`
pub(super) fn sleep(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let negative =
        args.get(1).is_some_and(|a| a.strip_prefix('-').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit())));
    let parsed = match if negative && !gnu {
        Ok(Parsed { options: Vec::new(), rest: args[1..].to_vec() })
    } else {
        parse(sys, args, Spec::new("+", &[]))
    } {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let mut total = 0.0;
    let mut wrong = false;
    for arg in &parsed.rest {
        match seconds(arg, gnu) {
            Some(n) => total += n,
            None => {
                say(sys, args, &format!("invalid time interval {}", quote(arg)), &format!("invalid number '{arg}'"));
                wrong = true;
                if !gnu {
                    return Started::Exit(1);
                }
            }
        }
    }
    if wrong {
        return misuse(sys, args, "", 1);
    }
    let until = (total < 1e10).then(|| sys.now() + Duration::millis((total * 1000.0).ceil() as i64));
    runs(Running::Sleep(Sleep { until }))
}

/// `usleep MICROSECONDS`
pub(super) fn usleep(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let Some(arg) = args.get(1) else { return missing_operand(sys, args) };
    let Ok(micros) = arg.parse::<u32>() else {
        let name = tool_name(sys, args);
        sys.err(format!("{name}: invalid number '{arg}'\n"));
        return Started::Exit(1);
    };
    let until = Some(sys.now() + Duration::millis(i64::from(micros.div_ceil(1000))));
    runs(Running::Sleep(Sleep { until }))
}

impl Sleep {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        match self.until {
            Some(until) if sys.now() >= until => Turn::Exit(Status::Code(0)),
            Some(until) => Turn::Wait(Wait::until(until)),
            None => Turn::Wait(Wait::signal()),
        }
    }
}
