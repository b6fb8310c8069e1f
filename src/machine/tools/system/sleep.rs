//! `sleep`.

use serde::{Deserialize, Serialize};

use super::{Running, runs};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Status, Sys, Turn, Wait};
use crate::machine::tools::Started;

/// A `sleep` that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sleep {
    until: Option<Time>,
}

/// `sleep 5`, `sleep 1.5 2m`, `sleep infinity`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut total = 0.0;
    for arg in &args[1..] {
        let (number, unit) = match arg.strip_suffix(['s', 'm', 'h', 'd']) {
            Some(number) => (number, &arg[number.len()..]),
            None => (arg.as_str(), "s"),
        };
        let factor =
            [("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)].iter().find(|u| u.0 == unit).map_or(1.0, |u| u.1);
        match number.parse::<f64>() {
            Ok(n) if n >= 0.0 => total += n * factor,
            _ => {
                sys.err(format!("sleep: invalid number '{arg}'\n"));
                return Started::Exit(1);
            }
        }
    }
    if args.len() < 2 {
        sys.err("sleep: missing operand\n");
        return Started::Exit(1);
    }
    let until = (total < 1e12).then(|| sys.now() + Duration::millis((total * 1000.0) as i64));
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
