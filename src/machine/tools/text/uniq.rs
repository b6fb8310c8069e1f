//! `uniq`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::numbers;
use super::opts::{self, Arg, Spec};
use crate::machine::images::Userland;
use crate::machine::kernel::{OpenOptions, Sys};
use crate::machine::tools::Started;

/// A `uniq` with the line before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Uniq {
    count: bool,
    repeated: bool,
    all_repeated: bool,
    unique: bool,
    icase: bool,
    fields: usize,
    chars: usize,
    width: Option<usize>,
    separator: u8,
    before: Option<Vec<u8>>,
    times: u64,
}

const SPEC: Spec = Spec {
    short: "cdDuif:s:w:z",
    long: &[
        ("count", Arg::No, 'c'),
        ("repeated", Arg::No, 'd'),
        ("all-repeated", Arg::Maybe, 'D'),
        ("unique", Arg::No, 'u'),
        ("ignore-case", Arg::No, 'i'),
        ("skip-fields", Arg::Yes, 'f'),
        ("skip-chars", Arg::Yes, 's'),
        ("check-chars", Arg::Yes, 'w'),
        ("zero-terminated", Arg::No, 'z'),
    ],
    code: 1,
};

/// `uniq [-cduiz] [-f N] [-s N] [-w N] [FILE [OUTFILE]]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let options = match opts::parse(sys, args, &SPEC) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let gnu = sys.userland() == Userland::Gnu;
    let mut numbers_of = [None; 3];
    for (place, (letter, what)) in [('f', "fields"), ('s', "bytes"), ('w', "bytes")].into_iter().enumerate() {
        let Some(value) = options.value(letter) else { continue };
        let Some(number) = numbers::plain(value) else {
            let middle = if letter == 'w' { "compare" } else { "skip" };
            sys.err(match gnu {
                true => format!("uniq: {value}: invalid number of {what} to {middle}\n"),
                false => format!("uniq: invalid number '{value}'\n"),
            });
            return Started::Exit(1);
        };
        numbers_of[place] = Some(number as usize);
    }
    if let Some(extra) = options.operands.get(2) {
        let text = format!("extra operand '{extra}'");
        return Started::Exit(opts::complain(sys, args, &SPEC, &text));
    }
    let separator = if options.has('z') { 0 } else { b'\n' };
    let uniq = Uniq {
        count: options.has('c'),
        repeated: options.has('d'),
        all_repeated: options.has('D'),
        unique: options.has('u'),
        icase: options.has('i'),
        fields: numbers_of[0].unwrap_or(0),
        chars: numbers_of[1].unwrap_or(0),
        width: numbers_of[2],
        separator,
        ..Uniq::default()
    };
    if let Some(to) = options.operands.get(1).filter(|n| *n != "-") {
        let opened = sys.open(to, OpenOptions::WRITE).and_then(|fd| sys.dup2(fd, 1));
        if let Err(fault) = opened {
            let text = sys.text(fault);
            sys.err(format!("uniq: {to}: {text}\n"));
            return Started::Exit(1);
        }
    }
    let files = options.operands.get(..1).unwrap_or_default();
    filter(sys, opts::name(args), files, Kind::Uniq(uniq)).separated(separator).start()
}

impl Uniq {
    fn key<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        let mut rest = line;
        for _ in 0..self.fields {
            let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            rest = rest.get(blanks..).unwrap_or_default();
            let word = rest.iter().take_while(|b| !matches!(b, b' ' | b'\t')).count();
            rest = rest.get(word..).unwrap_or_default();
        }
        rest = rest.get(self.chars..).unwrap_or_default();
        rest.get(..self.width.unwrap_or(usize::MAX).min(rest.len())).unwrap_or_default()
    }

    fn is_same(&self, a: &[u8], b: &[u8]) -> bool {
        let (a, b) = (self.key(a), self.key(b));
        if self.icase { a.eq_ignore_ascii_case(b) } else { a == b }
    }

    fn give(&self, io: &mut Io<'_, '_>, line: &[u8], times: u64) {
        let hidden = self.repeated && times < 2 || self.unique && times > 1;
        if hidden || self.all_repeated {
            return;
        }
        if self.count {
            io.out.put(format!("{times:7} "));
        }
        io.out.put(line);
        io.out.byte(self.separator);
    }
}

impl Filter for Uniq {
    fn line(&mut self, io: &mut Io<'_, '_>, line: Vec<u8>, _ended: bool) -> Flow {
        let same = self.before.as_ref().is_some_and(|b| self.is_same(b, &line));
        if same {
            self.times += 1;
            if self.all_repeated {
                if self.times == 2 {
                    io.out.put(self.before.clone().unwrap_or_default());
                    io.out.byte(self.separator);
                }
                io.out.put(line);
                io.out.byte(self.separator);
            }
            return Flow::More;
        }
        if let Some(before) = self.before.replace(line) {
            self.give(io, &before, self.times);
        }
        self.times = 1;
        Flow::More
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        if let Some(before) = self.before.take() {
            self.give(io, &before, self.times);
        }
        0
    }
}
