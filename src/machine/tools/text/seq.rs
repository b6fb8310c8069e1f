//! `seq`.

use serde::{Deserialize, Serialize};

use super::opts::{self, Arg, Spec};
use super::out::Out;
use super::{Running, runs};
use crate::machine::images::Userland;
use crate::machine::kernel::{Status, Sys, Turn};
use crate::machine::tools::Started;

/// How many numbers a step prints.
const NUMBERS: u32 = 500;

/// A `seq` at its next number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seq {
    /// Numbers in units of the last decimal place.
    first: i128,
    step: i128,
    last: i128,
    places: u32,
    /// As busybox counts: in floating point.
    floats: Option<(f64, f64, f64)>,
    width: usize,
    separator: String,
    format: Option<String>,
    turn: i128,
    out: Out,
}

const GNU: Spec = Spec {
    short: "+f:s:w",
    long: &[("format", Arg::Yes, 'f'), ("separator", Arg::Yes, 's'), ("equal-width", Arg::No, 'w')],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "+ws:", long: &[], code: 1 };

/// A decimal number in units of its last place, and how many places it has.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let lower = text.trim_start().to_ascii_lowercase();
    let (negative, digits) = match (lower.strip_prefix('-'), lower.strip_prefix('+')) {
        (Some(rest), _) => (true, rest.to_string()),
        (_, Some(rest)) => (false, rest.to_string()),
        _ => (false, lower.clone()),
    };
    let sign = if negative { -1 } else { 1 };
    if let Some(hex) = digits.strip_prefix("0x") {
        return Some((sign * i128::from_str_radix(hex, 16).ok()?, 0));
    }
    if digits == "inf" || digits == "infinity" {
        return Some((sign * 1_000_000_000_000_000_000_000_000, 0));
    }
    let (number, exponent) = match digits.split_once('e') {
        Some((number, exponent)) => (number.to_string(), exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 24 || !all.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > 20 {
        return None;
    }
    let mut value: i128 = all.parse().ok()?;
    let places = fraction.len() as i32 - exponent;
    if places < 0 {
        value *= 10i128.checked_pow(places.unsigned_abs())?;
    }
    Some((sign * value, places.max(0) as u32))
}

/// `seq [-w] [-s SEP] [-f FORMAT] [FIRST [STEP]] LAST`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let spec = if gnu { &GNU } else { &BUSYBOX };
    let mut args = args.to_vec();
    // A negative number is no option.
    if gnu {
        let mut at = 1;
        while let Some(arg) = args.get(at) {
            if arg.strip_prefix('-').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit() || c == '.')) {
                args.insert(at, "--".into());
                break;
            }
            if arg == "--" || !arg.starts_with('-') {
                break;
            }
            at += if arg == "-s" || arg == "-f" { 2 } else { 1 };
        }
    }
    let options = match opts::parse(sys, &args, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let given = &options.operands;
    if !gnu && !(1..=3).contains(&given.len()) {
        opts::usage(sys, "seq");
        return Started::Exit(1);
    }
    let fail = |sys: &mut Sys<'_>, text: String| Started::Exit(opts::complain(sys, &args, spec, &text));
    match given.len() {
        0 => return fail(sys, "missing operand".into()),
        1..=3 => {}
        _ => return fail(sys, format!("extra operand '{}'", given[3])),
    }
    let mut numbers = Vec::new();
    for text in given {
        match decimal(text) {
            Some(number) => numbers.push(number),
            None if gnu => return fail(sys, format!("invalid floating point argument: '{text}'")),
            None => {
                opts::usage(sys, "seq");
                return Started::Exit(1);
            }
        }
    }
    let (first, step, last) = match numbers[..] {
        [last] => ((1, 0), (1, 0), last),
        [first, last] => (first, (1, 0), last),
        [first, step, last] => (first, step, last),
        _ => return Started::Exit(1),
    };
    if step.0 == 0 && gnu {
        return fail(sys, format!("invalid Zero increment value: '{}'", given[1]));
    }
    if options.has('f') && options.has('w') {
        return fail(sys, "format string may not be specified when printing equal width strings".into());
    }
    let places = first.1.max(step.1);
    let scale = |(value, of): (i128, u32)| match of.cmp(&places) {
        std::cmp::Ordering::Less => value.saturating_mul(10i128.pow((places - of).min(30))),
        // What is finer than the steps does not matter.
        _ => value.div_euclid(10i128.pow((of - places).min(30))),
    };
    let as_float = |(value, of): (i128, u32)| value as f64 / 10f64.powi(of as i32);
    let mut seq = Seq {
        first: scale(first),
        step: scale(step),
        last: scale(last),
        places,
        floats: (!gnu && places > 0).then(|| (as_float(first), as_float(step), as_float(last))),
        width: 0,
        separator: options.value('s').unwrap_or("\n").to_string(),
        format: options.value('f').map(str::to_string),
        turn: 0,
        out: Out::stdout(sys),
    };
    if options.has('w') {
        seq.width = [seq.first, seq.last].map(|v| seq.show(v).len()).into_iter().max().unwrap_or(0);
    }
    runs(Running::Seq(Box::new(seq)))
}

impl Seq {
    fn show(&self, value: i128) -> String {
        if let Some(format) = &self.format {
            let value = value as f64 / 10f64.powi(self.places as i32);
            return super::format::one_float(format, value);
        }
        let digits = value.unsigned_abs().to_string();
        let places = self.places as usize;
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let body = if places > 0 { format!("{whole}.{fraction}") } else { whole.to_string() };
        let sign = if value < 0 { "-" } else { "" };
        format!("{sign}{body:0>width$}", width = self.width.saturating_sub(sign.len()))
    }

    /// The next number; none after the last.
    fn next(&mut self) -> Option<String> {
        if let Some((first, step, last)) = self.floats {
            let value = first + self.turn as f64 * step;
            let over = if step >= 0.0 { value > last } else { value < last };
            self.turn += 1;
            return (!over)
                .then(|| format!("{value:0width$.places$}", width = self.width, places = self.places as usize));
        }
        let value = self.first.checked_add(self.turn.checked_mul(self.step)?)?;
        let over = if self.step >= 0 { value > self.last } else { value < self.last };
        self.turn += 1;
        (!over).then(|| self.show(value))
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let mut turn = Turn::Again;
        for _ in 0..if sys.is_thinned_out() { NUMBERS / 10 } else { NUMBERS } {
            let begun = self.turn > 0;
            match self.next() {
                Some(text) => {
                    if begun {
                        self.out.put(&self.separator);
                    }
                    self.out.put(text);
                }
                None => {
                    if begun {
                        self.out.byte(b'\n');
                    }
                    turn = Turn::Exit(Status::Code(0));
                    break;
                }
            }
        }
        super::driver::finish(sys, "seq", &mut self.out, turn)
    }
}
