//! `yes`, `factor` and `envsubst`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::{Running, opts, runs};
use crate::machine::images::Userland;
use crate::machine::kernel::{Status, Sys, Turn};
use crate::machine::tools::Started;

/// A `yes` that goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Yes {
    line: String,
}

/// `yes [TEXT...]`
pub(super) fn yes(_: &mut Sys<'_>, args: &[String]) -> Started {
    let words = args.get(1..).unwrap_or_default();
    let line = if words.is_empty() { "y".to_string() } else { words.join(" ") };
    runs(Running::Yes(Yes { line: format!("{line}\n") }))
}

impl Yes {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let room = if sys.is_thinned_out() { 256 } else { 4096 };
        let count = (room / self.line.len().max(1)).max(1);
        match sys.write(1, self.line.repeat(count).as_bytes()) {
            Ok(()) => Turn::Again,
            Err(fault) => {
                let text = sys.text(fault);
                if !sys.is_dead() {
                    sys.err(format!("yes: standard output: {text}\n"));
                }
                Turn::Exit(Status::Code(1))
            }
        }
    }
}

/// Numbers on the input, or parts of a text with variables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Words {
    factor: bool,
    /// The variables that `envsubst` replaces; none for all.
    only: Option<Vec<String>>,
    code: u8,
}

fn factors(mut number: u64) -> Vec<u64> {
    let mut out = Vec::new();
    let mut by = 2;
    while by * by <= number && by < 3_000_000 {
        while number.is_multiple_of(by) {
            out.push(by);
            number /= by;
        }
        by += if by == 2 { 1 } else { 2 };
    }
    if number > 1 {
        out.push(number);
    }
    out
}

fn factor_line(io: &mut Io<'_, '_>, word: &str) -> bool {
    match word.strip_prefix('+').unwrap_or(word).parse::<u64>() {
        Ok(number) => {
            let all: String = factors(number).iter().map(|f| format!(" {f}")).collect();
            io.out.put(format!("{number}:{all}\n"));
            true
        }
        Err(_) => {
            if io.gnu() {
                io.complain(&format!("'{word}' is not a valid positive integer"));
            } else {
                opts::usage(io.sys, "factor");
            }
            false
        }
    }
}

/// `factor [NUMBER...]`
pub(super) fn factor(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let words = args.get(1..).unwrap_or_default();
    if words.is_empty() {
        let kind = Kind::Words(Words { factor: true, only: None, code: 0 });
        return filter(sys, "factor", &[], kind).start();
    }
    let mut code = 0;
    for word in words {
        match word.parse::<u64>() {
            Ok(number) => {
                let all: String = factors(number).iter().map(|f| format!(" {f}")).collect();
                sys.out(format!("{number}:{all}\n"));
            }
            Err(_) => {
                code = 1;
                if sys.userland() == Userland::Gnu {
                    sys.err(format!("factor: '{word}' is not a valid positive integer\n"));
                } else {
                    opts::usage(sys, "factor");
                    return Started::Exit(1);
                }
            }
        }
    }
    Started::Exit(code)
}

/// The names of variables in a text: `$NAME` and `${NAME}`.
fn variables(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in text.split('$').skip(1) {
        let body = part.strip_prefix('{').unwrap_or(part);
        let name: String = body.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
            out.push(name);
        }
    }
    out
}

/// `envsubst [SHELL-FORMAT]`
pub(super) fn envsubst(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut rest: Vec<&String> = args.iter().skip(1).collect();
    let names = rest.iter().any(|a| *a == "-v" || *a == "--variables");
    rest.retain(|a| *a != "-v" && *a != "--variables");
    if names {
        let all = variables(rest.first().map_or("", |s| s.as_str()));
        sys.out(all.iter().map(|n| format!("{n}\n")).collect::<String>());
        return Started::Exit(0);
    }
    let only = rest.first().map(|format| variables(format));
    filter(sys, "envsubst", &[], Kind::Words(Words { factor: false, only, code: 0 })).start()
}

impl Words {
    fn replace(&self, sys: &Sys<'_>, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(line.len());
        let mut at = 0;
        while let Some(b) = line.get(at).copied() {
            at += 1;
            if b != b'$' {
                out.push(b);
                continue;
            }
            let braced = line.get(at) == Some(&b'{');
            let begin = at + usize::from(braced);
            let len = line
                .get(begin..)
                .unwrap_or_default()
                .iter()
                .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
                .count();
            let name = String::from_utf8_lossy(line.get(begin..begin + len).unwrap_or_default()).into_owned();
            let closed = !braced || line.get(begin + len) == Some(&b'}');
            let named = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
            if !named || !closed || self.only.as_ref().is_some_and(|only| !only.contains(&name)) {
                out.push(b);
                continue;
            }
            out.extend_from_slice(sys.env(&name).unwrap_or("").as_bytes());
            at = begin + len + usize::from(braced);
        }
        out
    }
}

impl Filter for Words {
    fn line(&mut self, io: &mut Io<'_, '_>, line: Vec<u8>, ended: bool) -> Flow {
        if self.factor {
            for word in String::from_utf8_lossy(&line).split_whitespace() {
                if !factor_line(io, word) {
                    self.code = 1;
                }
            }
            return Flow::More;
        }
        let done = self.replace(io.sys, &line);
        io.out.put(done);
        if ended {
            io.out.byte(b'\n');
        }
        Flow::More
    }

    fn end(&mut self, _io: &mut Io<'_, '_>) -> u8 {
        self.code
    }
}
