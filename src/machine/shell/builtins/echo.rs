//! `echo`: what it prints, as each of the shells and tools has it.

use super::{Arrays, Done};
use crate::machine::kernel::Sys;
use crate::machine::shell::{Flavor, Shell};

/// Whose `echo` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Options `-n`, `-e`, `-E`; escapes with `-e`: bash, coreutils and busybox.
    Options,
    /// Only `-n`; escapes always.
    Dash,
}

/// What `echo` prints.
pub(crate) fn text(args: &[String], style: Style) -> Vec<u8> {
    let (mut newline, mut escapes, mut from) = (true, style == Style::Dash, 0);
    for arg in args {
        let is_option = match style {
            Style::Options => arg.len() > 1 && arg.starts_with('-') && arg[1..].bytes().all(|b| b"neE".contains(&b)),
            Style::Dash => from == 0 && arg == "-n",
        };
        if !is_option {
            break;
        }
        from += 1;
        for b in arg.bytes().skip(1) {
            match b {
                b'n' => newline = false,
                b'e' => escapes = true,
                _ => escapes = false,
            }
        }
    }
    let mut out = Vec::new();
    for (at, arg) in args.iter().enumerate().skip(from) {
        if at > from {
            out.push(b' ');
        }
        if escapes {
            if unescape(arg, style == Style::Options, &mut out) {
                return out;
            }
        } else {
            out.extend(arg.as_bytes());
        }
    }
    if newline {
        out.push(b'\n');
    }
    out
}

/// Replaces escapes; whether `\c` ends all output.
pub(crate) fn unescape(text: &str, hex: bool, out: &mut Vec<u8>) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(b) = bytes.get(at).copied() {
        at += 1;
        if b != b'\\' {
            out.push(b);
            continue;
        }
        let Some(next) = bytes.get(at).copied() else {
            out.push(b'\\');
            break;
        };
        at += 1;
        let digits = |from: usize, max: usize, radix: u32| {
            let rest = bytes.get(from..).unwrap_or_default();
            rest.iter().take(max).take_while(|b| char::from(**b).is_digit(radix)).count()
        };
        let value = |from: usize, len: usize, radix: u32| {
            let text = std::str::from_utf8(bytes.get(from..from + len).unwrap_or_default()).unwrap_or("0");
            u32::from_str_radix(text, radix).unwrap_or(0)
        };
        match next {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'\\' => out.push(b'\\'),
            b'e' | b'E' if hex => out.push(27),
            b'c' => return true,
            b'0' => {
                let len = digits(at, 3, 8);
                out.push(value(at, len, 8) as u8);
                at += len;
            }
            b'x' if hex && digits(at, 2, 16) > 0 => {
                let len = digits(at, 2, 16);
                out.push(value(at, len, 16) as u8);
                at += len;
            }
            b'u' | b'U' if hex && digits(at, 4, 16) > 0 => {
                let len = digits(at, if next == b'u' { 4 } else { 8 }, 16);
                out.extend(crate::machine::shell::dollar::spell(value(at, len, 16), false).as_bytes());
                at += len;
            }
            _ => out.extend([b'\\', next]),
        }
    }
    false
}

pub(super) fn builtin(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let style = if sh.flavor == Flavor::Dash { Style::Dash } else { Style::Options };
    let mut out = text(&args[1..], style);
    if sh.shopt("xpg_echo") && style == Style::Options {
        out = text(&args[1..], Style::Dash);
    }
    match sys.write(1, &out) {
        Ok(()) => Done::Code(0),
        Err(fault) => {
            let text = sys.text(fault);
            if fault != crate::machine::errno::Errno::Pipe || sh.bash() {
                match sh.flavor {
                    Flavor::Bash => sh.complain(sys, format!("write error: {text}")),
                    Flavor::Dash => sh.complain(sys, format!("I/O error: {text}")),
                    // It is the applet that says so, not the shell.
                    Flavor::Ash => sys.err(format!("sh: write error: {text}\n")),
                }
            }
            Done::Code(1)
        }
    }
}
