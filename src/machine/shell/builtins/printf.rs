//! `printf`: formats as in C, used again until the arguments are through.

use super::format::{escape, escapes_of_b, float, strftime};
use super::{Arrays, Done};
use crate::machine::kernel::Sys;
use crate::machine::shell::{Flavor, Shell, quote};

/// Whose `printf` it is: messages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Bash,
    Dash,
    Busybox,
    Coreutils,
}

/// What `printf` came to.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub out: Vec<u8>,
    /// What is wrong, each without the name of the program; each with the place in `out` where it was found.
    pub errors: Vec<(usize, String)>,
    pub code: u8,
}

/// How wide a field may be.
const MAX_WIDTH: usize = 100_000;

struct Printer<'a> {
    args: std::slice::Iter<'a, String>,
    used: bool,
    voice: Voice,
    done: Printed,
}

/// What stands between `%` and the letter.
#[derive(Default, Clone)]
pub(super) struct Spec {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    pub sharp: bool,
    width: usize,
    pub precision: Option<usize>,
}

/// Prints.
pub(crate) fn print(format: &str, args: &[String], voice: Voice) -> Printed {
    let mut printer = Printer { args: args.iter(), used: false, voice, done: Printed::default() };
    loop {
        printer.used = false;
        let goes_on = printer.pass(format.as_bytes());
        if !goes_on || !printer.used || printer.args.as_slice().is_empty() || printer.done.out.len() > (64 << 20) {
            return printer.done;
        }
    }
}

impl Printer<'_> {
    fn fail(&mut self, text: String) {
        self.done.errors.push((self.done.out.len(), text));
        self.done.code = 1;
    }

    fn next(&mut self) -> Option<String> {
        self.used = true;
        self.args.next().cloned()
    }

    /// The format once; whether another pass may follow.
    fn pass(&mut self, format: &[u8]) -> bool {
        let mut at = 0;
        while let Some(b) = format.get(at).copied() {
            at += 1;
            match b {
                b'\\' => {
                    let (bytes, len, stop) = escape(&format[at..], self.voice);
                    if stop {
                        return false;
                    }
                    self.done.out.extend(bytes);
                    at += len;
                }
                b'%' if format.get(at) == Some(&b'%') => {
                    self.done.out.push(b'%');
                    at += 1;
                }
                b'%' => match self.directive(format, at) {
                    Some(next) => at = next,
                    None => return false,
                },
                b => self.done.out.push(b),
            }
        }
        true
    }

    fn directive(&mut self, format: &[u8], start: usize) -> Option<usize> {
        let mut at = start;
        let mut spec = Spec::default();
        while let Some(b) = format.get(at) {
            match b {
                b'-' => spec.minus = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'0' => spec.zero = true,
                b'#' => spec.sharp = true,
                _ => break,
            }
            at += 1;
        }
        let number = |at: &mut usize, printer: &mut Self| -> i64 {
            if format.get(*at) == Some(&b'*') {
                *at += 1;
                return printer.next().map_or(0, |a| printer.integer(&a));
            }
            let mut value = 0i64;
            while let Some(d) = format.get(*at).filter(|b| b.is_ascii_digit()) {
                value = value.saturating_mul(10).saturating_add(i64::from(d - b'0'));
                *at += 1;
            }
            value
        };
        let width = number(&mut at, self);
        spec.minus |= width < 0;
        spec.width = (width.unsigned_abs() as usize).min(MAX_WIDTH);
        if format.get(at) == Some(&b'.') {
            at += 1;
            let precision = number(&mut at, self);
            spec.precision = usize::try_from(precision).ok().map(|p| p.min(MAX_WIDTH));
        }
        while matches!(format.get(at), Some(b'l' | b'h' | b'j' | b'z' | b't' | b'L')) {
            at += 1;
        }
        let Some(kind) = format.get(at).copied() else {
            let text = String::from_utf8_lossy(&format[start - 1..]).into_owned();
            match self.voice {
                Voice::Bash => self.fail(format!("`{text}': missing format character")),
                Voice::Coreutils => self.fail(format!("{text}: invalid conversion specification")),
                Voice::Dash => self.fail(format!("{text}: invalid directive")),
                Voice::Busybox => self.fail(format!("{text}: invalid format")),
            }
            self.done.code = if self.voice == Voice::Dash { 2 } else { 1 };
            return None;
        };
        match kind {
            b'd' | b'i' => {
                let value = self.next().map_or(0, |a| self.integer(&a));
                let digits = value.unsigned_abs().to_string();
                let sign = if value < 0 {
                    "-"
                } else if spec.plus {
                    "+"
                } else if spec.space {
                    " "
                } else {
                    ""
                };
                self.put_number(sign, digits, &spec);
            }
            b'u' | b'o' | b'x' | b'X' => {
                let value = self.next().map_or(0, |a| self.integer(&a)) as u64;
                let digits = match kind {
                    b'u' => value.to_string(),
                    b'o' => format!("{}{value:o}", if spec.sharp { "0" } else { "" }),
                    b'x' => format!("{value:x}"),
                    _ => format!("{value:X}"),
                };
                let prefix = match kind {
                    b'x' if spec.sharp && value != 0 => "0x",
                    b'X' if spec.sharp && value != 0 => "0X",
                    _ => "",
                };
                self.put_number(prefix, digits, &spec);
            }
            b'f' | b'F' | b'e' | b'E' | b'g' | b'G' | b'a' | b'A' => {
                let value = self.next().map_or(0.0, |a| self.float(&a));
                let digits = float(value.abs(), kind, &spec);
                let negative = value.is_sign_negative() && !value.is_nan();
                let sign = if negative {
                    "-"
                } else if spec.plus {
                    "+"
                } else if spec.space {
                    " "
                } else {
                    ""
                };
                let spec = Spec { precision: None, zero: spec.zero && value.is_finite(), ..spec };
                self.put_number(sign, digits, &spec);
            }
            b'c' => {
                let arg = self.next().unwrap_or_default();
                let first = arg.as_bytes().first().copied();
                let piece: Vec<u8> = first.into_iter().collect();
                self.put(&piece, &spec);
            }
            b's' => {
                let arg = self.next().unwrap_or_default();
                let text = match spec.precision {
                    Some(p) => arg.chars().take(p).collect(),
                    None => arg,
                };
                self.put(text.as_bytes(), &spec);
            }
            b'b' => {
                let arg = self.next().unwrap_or_default();
                let mut bytes = Vec::new();
                let stop = escapes_of_b(&arg, self.voice, &mut bytes);
                if let Some(p) = spec.precision {
                    bytes.truncate(p);
                }
                self.put(&bytes, &spec);
                if stop {
                    return None;
                }
            }
            b'q' | b'Q' if matches!(self.voice, Voice::Bash | Voice::Coreutils) => {
                let arg = self.next().unwrap_or_default();
                let text = if self.voice == Voice::Bash {
                    quote::backslashed(&arg)
                } else {
                    quote::traced(&arg, Flavor::Bash)
                };
                self.put(text.as_bytes(), &spec);
            }
            b'(' if self.voice == Voice::Bash => {
                let rest = &format[at + 1..];
                let len = rest.iter().position(|b| *b == b')')?;
                let arg = self.next().map_or(-1, |a| self.integer(&a));
                let pattern = String::from_utf8_lossy(&rest[..len]).into_owned();
                let text = strftime(if pattern.is_empty() { "%X" } else { &pattern }, arg);
                self.put(text.as_bytes(), &spec);
                at += len + 1;
                if format.get(at + 1) == Some(&b'T') {
                    at += 1;
                }
            }
            other => {
                let text = String::from_utf8_lossy(&format[start - 1..=at]).into_owned();
                let whole = String::from_utf8_lossy(&format[start - 1..]).into_owned();
                match self.voice {
                    Voice::Bash => self.fail(format!("`{}': invalid format character", char::from(other))),
                    Voice::Coreutils => self.fail(format!("{text}: invalid conversion specification")),
                    Voice::Dash => self.fail(format!("{text}: invalid directive")),
                    Voice::Busybox => self.fail(format!("{whole}: invalid format")),
                }
                self.done.code = if self.voice == Voice::Dash { 2 } else { 1 };
                return None;
            }
        }
        Some(at + 1)
    }

    fn put(&mut self, bytes: &[u8], spec: &Spec) {
        let len = String::from_utf8_lossy(bytes).chars().count();
        let blanks = vec![b' '; spec.width.saturating_sub(len)];
        if !spec.minus {
            self.done.out.extend(&blanks);
        }
        self.done.out.extend(bytes);
        if spec.minus {
            self.done.out.extend(&blanks);
        }
    }

    fn put_number(&mut self, sign: &str, digits: String, spec: &Spec) {
        let mut digits = digits;
        if let Some(precision) = spec.precision {
            if precision == 0 && digits == "0" {
                digits.clear();
            }
            digits = format!("{digits:0>precision$}");
        } else if spec.zero && !spec.minus {
            let width = spec.width.saturating_sub(sign.len());
            digits = format!("{digits:0>width$}");
        }
        self.put(format!("{sign}{digits}").as_bytes(), spec);
    }

    /// An argument as a whole number; what is wrong with it is noted.
    fn integer(&mut self, arg: &str) -> i64 {
        if let Some(c) = arg.strip_prefix(['\'', '"']) {
            return c.chars().next().map_or(0, |c| c as i64);
        }
        let text = arg.trim_start();
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (radix, digits) = match rest.strip_prefix("0x").or(rest.strip_prefix("0X")) {
            Some(hex) => (16, hex),
            None if rest.starts_with('0') => (8, rest),
            None => (10, rest),
        };
        let len = digits.bytes().take_while(|b| char::from(*b).is_digit(radix)).count();
        let (digits, left) = digits.split_at(len);
        let value = digits.bytes().fold(0i128, |v, b| {
            (v * i128::from(radix) + i128::from(char::from(b).to_digit(radix).unwrap_or(0)))
                .min(i128::from(u64::MAX) + 1)
        });
        let value = if negative { -value } else { value };
        if digits.is_empty() {
            if arg.is_empty() && matches!(self.voice, Voice::Bash | Voice::Dash) {
                return 0;
            }
            self.not_a_number(arg);
            return 0;
        }
        if !left.is_empty() {
            match self.voice {
                Voice::Dash => self.fail(format!("{arg}: not completely converted")),
                Voice::Coreutils => self.fail(format!("'{arg}': value not completely converted")),
                _ => self.not_a_number(arg),
            }
            return if self.voice == Voice::Busybox { 0 } else { value as i64 };
        }
        let bounded = value.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        if value > i128::from(u64::MAX) || value < i128::from(i64::MIN) {
            match self.voice {
                Voice::Bash => {
                    self.fail(format!("warning: {arg}: Numerical result out of range"));
                    self.done.code = 0;
                }
                Voice::Dash => self.fail(format!("{arg}: Numerical result out of range")),
                Voice::Coreutils => self.fail(format!("'{arg}': Numerical result out of range")),
                Voice::Busybox => {
                    self.not_a_number(arg);
                    return 0;
                }
            }
            return bounded as i64;
        }
        if value > i128::from(i64::MAX) { value as u64 as i64 } else { bounded as i64 }
    }

    fn not_a_number(&mut self, arg: &str) {
        match self.voice {
            Voice::Bash => self.fail(format!("{arg}: invalid number")),
            Voice::Dash => self.fail(format!("{arg}: expected numeric value")),
            Voice::Busybox => self.fail(format!("invalid number '{arg}'")),
            Voice::Coreutils => self.fail(format!("'{arg}': expected a numeric value")),
        }
    }

    fn float(&mut self, arg: &str) -> f64 {
        if let Some(c) = arg.strip_prefix(['\'', '"']) {
            return c.chars().next().map_or(0.0, |c| f64::from(c as u32));
        }
        let text = arg.trim();
        if arg.is_empty() && matches!(self.voice, Voice::Bash | Voice::Dash) {
            return 0.0;
        }
        if text.starts_with("0x") {
            return self.integer(text) as f64;
        }
        let len = (1..=text.len()).rev().find(|n| text.is_char_boundary(*n) && text[..*n].parse::<f64>().is_ok());
        match len {
            Some(len) if len == text.len() => text.parse().unwrap_or(0.0),
            Some(len) => {
                match self.voice {
                    Voice::Dash => self.fail(format!("{arg}: not completely converted")),
                    Voice::Coreutils => self.fail(format!("'{arg}': value not completely converted")),
                    _ => self.not_a_number(arg),
                }
                if self.voice == Voice::Busybox { 0.0 } else { text[..len].parse().unwrap_or(0.0) }
            }
            None => {
                self.not_a_number(arg);
                0.0
            }
        }
    }
}

pub(super) fn builtin(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut rest = &args[1..];
    let mut variable = None;
    let bash = sh.bash();
    loop {
        match rest.first().map(String::as_str) {
            Some("--") => {
                rest = &rest[1..];
                break;
            }
            Some("-v") if bash && rest.len() > 1 => {
                variable = Some(rest[1].clone());
                rest = &rest[2..];
            }
            Some(option) if option.starts_with('-') && option.len() > 1 && sh.flavor != Flavor::Ash => {
                let letter: String = option.chars().take(2).collect();
                return sh.illegal_option(sys, &letter, "printf: usage: printf [-v var] format [arguments]");
            }
            _ => break,
        }
    }
    let Some(format) = rest.first() else {
        return match sh.flavor {
            Flavor::Bash => sh.usage_of(sys, "printf: usage: printf [-v var] format [arguments]"),
            Flavor::Dash => {
                sh.complain(sys, "usage: printf format [arg ...]");
                Done::Code(2)
            }
            Flavor::Ash => {
                sys.err("sh: usage: printf FORMAT [ARGUMENT...]\n");
                Done::Code(2)
            }
        };
    };
    let voice = match sh.flavor {
        Flavor::Bash => Voice::Bash,
        Flavor::Dash => Voice::Dash,
        Flavor::Ash => Voice::Busybox,
    };
    let mut given = rest[1..].to_vec();
    if bash && format.contains(")T") {
        // -1 is now, -2 when the shell began.
        for arg in &mut given {
            match arg.as_str() {
                "-1" => *arg = (sys.now().0 / 1000).to_string(),
                "-2" => *arg = (sh.started.0 / 1000).to_string(),
                _ => {}
            }
        }
        if given.is_empty() {
            given.push((sys.now().0 / 1000).to_string());
        }
    }
    let printed = print(format, &given, voice);
    let mut from = 0;
    for (at, text) in &printed.errors {
        if variable.is_none() && voice == Voice::Busybox {
            let _ = sys.write(1, &printed.out[from..*at]);
            from = *at;
        }
        if voice == Voice::Busybox {
            sys.err(format!("sh: {text}\n"));
        } else {
            sh.complain(sys, text);
        }
    }
    if let Some(name) = variable {
        let text = String::from_utf8_lossy(&printed.out).into_owned();
        let result = match name.split_once('[') {
            Some((of, index)) => sh.assign_element(sys, of, index.trim_end_matches(']'), &text, false),
            None if crate::machine::shell::lex::is_identifier(&name) => sh.assign(sys, &name, &text),
            None => {
                sh.complain(sys, format!("`{name}': not a valid identifier"));
                return Done::Code(2);
            }
        };
        return match result {
            Ok(()) => Done::Code(printed.code),
            Err(stop) => Done::Stop(stop),
        };
    }
    if sys.write(1, &printed.out[from..]).is_err() {
        return Done::Code(1);
    }
    Done::Code(printed.code)
}
