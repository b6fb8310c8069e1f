//! `sort`.

mod compare;

use serde::{Deserialize, Serialize};

use super::input::{Inputs, Next};
use super::opts::{self, Arg, Options, Spec};
use super::out::Out;
use super::{Running, numbers, runs};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::{OpenOptions, Status, Sys, Turn};
use crate::machine::tools::Started;
use compare::{Key, Order, Sorting};

/// How many lines a step reads or writes.
const LINES: usize = 1000;

/// What the lines may take, in bytes.
const MAX_BYTES: usize = 128 << 20;

/// What a line takes beside its text, in bytes.
const LINE: usize = 48;

/// A `sort` that reads, or writes what it has sorted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sort {
    inputs: Inputs,
    out: Out,
    lines: Vec<Vec<u8>>,
    /// What the lines take, in bytes.
    bytes: usize,
    sorting: Sorting,
    unique: bool,
    check: Option<bool>,
    output: Option<String>,
    separator: u8,
    /// How many lines were written, once all are sorted.
    written: Option<usize>,
    before: Option<Vec<u8>>,
    number: u64,
}

const GNU: Spec = Spec {
    short: "bcCdfghik:mMno:rRsS:t:T:uVzy",
    long: &[
        ("ignore-leading-blanks", Arg::No, 'b'),
        ("check", Arg::Maybe, 'c'),
        ("dictionary-order", Arg::No, 'd'),
        ("ignore-case", Arg::No, 'f'),
        ("general-numeric-sort", Arg::No, 'g'),
        ("human-numeric-sort", Arg::No, 'h'),
        ("ignore-nonprinting", Arg::No, 'i'),
        ("key", Arg::Yes, 'k'),
        ("merge", Arg::No, 'm'),
        ("month-sort", Arg::No, 'M'),
        ("numeric-sort", Arg::No, 'n'),
        ("output", Arg::Yes, 'o'),
        ("reverse", Arg::No, 'r'),
        ("random-sort", Arg::No, 'R'),
        ("stable", Arg::No, 's'),
        ("buffer-size", Arg::Yes, 'S'),
        ("field-separator", Arg::Yes, 't'),
        ("temporary-directory", Arg::Yes, 'T'),
        ("unique", Arg::No, 'u'),
        ("version-sort", Arg::No, 'V'),
        ("zero-terminated", Arg::No, 'z'),
        ("parallel", Arg::Yes, 'y'),
    ],
    code: 2,
};

const BUSYBOX: Spec = Spec { short: "nghMucszbrdfiVmT:S:o:k:t:", long: &[], code: 2 };

/// `sort [-nrufhVbcsMz] [-t CHAR] [-k KEY] [-o FILE] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let options = match opts::parse(sys, args, if gnu { &GNU } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    match build(sys, &options, gnu) {
        Ok(sort) => runs(Running::Sort(Box::new(sort))),
        Err(text) => {
            sys.err(format!("sort: {text}\n"));
            Started::Exit(2)
        }
    }
}

fn build(sys: &mut Sys<'_>, options: &Options, gnu: bool) -> Result<Sort, String> {
    let mut global = Order { loose: !gnu, ..Order::default() };
    for (letter, _) in &options.found {
        global.set(*letter);
    }
    let mut keys = Vec::new();
    for value in options.values('k') {
        keys.push(key(value, &global, gnu)?);
    }
    let mut kinds = std::iter::once(&global).chain(keys.iter().map(|k: &Key| &k.order));
    if let (true, Some(text)) = (gnu, kinds.find_map(Order::incompatible)) {
        return Err(format!("options '-{text}' are incompatible"));
    }
    let tab = match options.value('t') {
        None => None,
        Some("\\0") if gnu => Some(0),
        Some("") if gnu => return Err("empty tab".into()),
        Some(tab) if tab.len() > 1 => {
            return Err(if gnu { format!("multi-character tab '{tab}'") } else { "bad -t parameter".into() });
        }
        Some(tab) => Some(tab.as_bytes().first().copied().unwrap_or(0)),
    };
    let separator = if options.has('z') { 0 } else { b'\n' };
    let mut inputs = Inputs::new(&options.operands);
    inputs.separator = separator;
    let check = match (options.has('C'), options.has('c')) {
        (true, _) => Some(true),
        (_, true) => Some(options.values('c').any(|v| v == "quiet" || v == "silent")),
        _ => None,
    };
    let seed = if global.random || keys.iter().any(|k| k.order.random) { sys.random() } else { 0 };
    Ok(Sort {
        inputs,
        out: Out::stdout(sys),
        lines: Vec::new(),
        bytes: 0,
        sorting: Sorting { keys, global, tab, stable: options.has('s') || options.has('u') && gnu, seed },
        unique: options.has('u'),
        check,
        output: options.value('o').map(str::to_string),
        separator,
        written: None,
        before: None,
        number: 0,
    })
}

/// A key such as `2.3n,4r`.
fn key(text: &str, global: &Order, gnu: bool) -> Result<Key, String> {
    let invalid = |why: &str, at: &str| match gnu {
        true => format!("{why}: invalid field specification '{text}'").replace("AT", at),
        false => "bad field specification".to_string(),
    };
    let mut order = Order { loose: !gnu, ..Order::default() };
    let mut any = false;
    let mut part = |part: &str, end: bool| -> Result<(usize, usize, bool), String> {
        let (mut numbers_of, mut rest) = ([0usize; 2], part);
        for (place, slot) in numbers_of.iter_mut().enumerate() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            match numbers::plain(number) {
                Some(number) => *slot = number as usize,
                None if place == 0 => {
                    return Err(match gnu {
                        true => format!("invalid number at field start: invalid count at start of '{part}'"),
                        false => "bad field specification".to_string(),
                    });
                }
                None => return Err(invalid("invalid number after '.'", part)),
            }
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) if place == 0 => rest = after,
                _ => {
                    if place == 0 && numbers_of[0] == 0 {
                        return Err(invalid("field number is zero", part));
                    }
                    break;
                }
            }
        }
        if !end && part.contains('.') && numbers_of[1] == 0 && gnu {
            return Err(invalid("character offset is zero", part));
        }
        let mut blanks = false;
        for letter in rest.chars() {
            if letter == 'b' {
                blanks = true;
            } else if !order.set(letter) {
                return Err(invalid("stray character in field spec", part));
            }
            any = true;
        }
        Ok((numbers_of[0], numbers_of[1], blanks))
    };
    let (first, last) = match text.split_once(',') {
        Some((first, last)) => (part(first, false)?, Some(part(last, true)?)),
        None => (part(text, false)?, None),
    };
    let (mut skip_first, mut skip_last) = (first.2, last.is_some_and(|l| l.2));
    if !any {
        order = global.clone();
        (skip_first, skip_last) = (global.blanks, global.blanks);
    }
    Ok(Key {
        field: first.0.saturating_sub(1),
        char: first.1.saturating_sub(1),
        skip_first,
        end: last.map(|(field, char, _)| (field, char)),
        skip_last,
        order,
    })
}

impl Sort {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let turn = match self.written {
            None => self.read(sys),
            Some(from) => self.write(from),
        };
        super::driver::finish(sys, "sort", &mut self.out, turn)
    }

    fn read(&mut self, sys: &mut Sys<'_>) -> Turn {
        let gnu = sys.userland() == Userland::Gnu;
        for _ in 0..LINES {
            match self.inputs.next(sys) {
                Next::Line(line, _) => {
                    if self.check.is_some() {
                        if let Some(turn) = self.check_line(sys, line, gnu) {
                            return turn;
                        }
                    } else {
                        self.bytes += line.len() + LINE;
                        self.lines.push(line);
                    }
                }
                Next::Wait(wait) => return Turn::Wait(wait),
                Next::End => return self.sort(sys),
                Next::Failed(fault) => return self.fail(sys, fault, true),
                Next::FileEnd(Some(fault)) if gnu || fault != Errno::IsDir => return self.fail(sys, fault, false),
                Next::Opened | Next::FileEnd(_) | Next::Bytes(_) => {}
            }
        }
        sys.set_memory(self.bytes as u64);
        if self.bytes > MAX_BYTES {
            sys.err(format!("sort: {}\n", super::exhausted(gnu)));
            return Turn::Exit(Status::Code(if gnu { 2 } else { 1 }));
        }
        Turn::Again
    }

    fn fail(&mut self, sys: &mut Sys<'_>, fault: Errno, opening: bool) -> Turn {
        let text = super::driver::fault_text(sys, "sort", &self.inputs.name, fault, opening);
        sys.err(text);
        Turn::Exit(Status::Code(2))
    }

    fn check_line(&mut self, sys: &mut Sys<'_>, line: Vec<u8>, gnu: bool) -> Option<Turn> {
        self.number += 1;
        if let Some(before) = &self.before {
            let order = match self.unique {
                true => self.sorting.compare_keys(before, &line),
                false => self.sorting.compare(before, &line),
            };
            if order.is_gt() || self.unique && order.is_eq() {
                if self.check == Some(false) {
                    let name = if self.inputs.name == "-" && !gnu { "-" } else { &self.inputs.name };
                    let line = String::from_utf8_lossy(&line);
                    sys.err(match gnu {
                        true => format!("sort: {name}:{}: disorder: {line}\n", self.number),
                        false => format!("Check line {}\n", self.number - 1),
                    });
                }
                return Some(Turn::Exit(Status::Code(1)));
            }
        }
        self.before = Some(line);
        None
    }

    fn sort(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.check.is_some() {
            return Turn::Exit(Status::Code(0));
        }
        let sorting = &self.sorting;
        self.lines.sort_by(|a, b| sorting.compare(a, b));
        if self.unique {
            self.lines.dedup_by(|b, a| sorting.compare_keys(a, b).is_eq());
        }
        if let Some(name) = self.output.take() {
            match sys.open(&name, OpenOptions::WRITE) {
                Ok(fd) => self.out = Out::of(sys, fd),
                Err(fault) => {
                    let text = sys.text(fault);
                    let gnu = sys.userland() == Userland::Gnu;
                    sys.err(match gnu {
                        true => format!("sort: open failed: {name}: {text}\n"),
                        false => format!("sort: can't open '{name}': {text}\n"),
                    });
                    return Turn::Exit(Status::Code(if gnu { 2 } else { 1 }));
                }
            }
        }
        self.written = Some(0);
        Turn::Again
    }

    fn write(&mut self, from: usize) -> Turn {
        let to = (from + LINES).min(self.lines.len());
        for line in self.lines.get_mut(from..to).unwrap_or_default() {
            self.out.put(std::mem::take(line));
            self.out.byte(self.separator);
        }
        self.written = Some(to);
        if to == self.lines.len() { Turn::Exit(Status::Code(0)) } else { Turn::Again }
    }
}
