//! `cut`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::input::is_utf8;
use super::opts::{self, Arg, Spec};
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// What is cut by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum By {
    #[default]
    Bytes,
    Chars,
    Fields,
}

/// A `cut` with its list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cut {
    by: By,
    /// Ranges from one.
    list: Vec<(usize, usize)>,
    delimiter: u8,
    output: Option<Vec<u8>>,
    only_delimited: bool,
    separator: u8,
}

const GNU: Spec = Spec {
    short: "b:c:d:f:nsz",
    long: &[
        ("bytes", Arg::Yes, 'b'),
        ("characters", Arg::Yes, 'c'),
        ("delimiter", Arg::Yes, 'd'),
        ("fields", Arg::Yes, 'f'),
        ("only-delimited", Arg::No, 's'),
        ("complement", Arg::No, 'C'),
        ("output-delimiter", Arg::Yes, 'O'),
        ("zero-terminated", Arg::No, 'z'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "b:c:f:d:snD", long: &[("output-delimiter", Arg::Yes, 'O')], code: 1 };

/// `cut -b|-c|-f LIST [-d CHAR] [-s] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let spec = if gnu { &GNU } else { &BUSYBOX };
    let options = match opts::parse(sys, args, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    match build(sys, &options, gnu) {
        Ok(cut) => {
            let separator = cut.separator;
            filter(sys, opts::name(args), &options.operands, Kind::Cut(cut)).separated(separator).start()
        }
        Err(text) if gnu => Started::Exit(opts::complain(sys, args, spec, &text)),
        Err(text) if text.starts_with("only one") => {
            opts::usage(sys, "cut");
            Started::Exit(1)
        }
        Err(text) => {
            sys.err(format!("cut: {text}\n"));
            Started::Exit(1)
        }
    }
}

fn build(sys: &Sys<'_>, options: &opts::Options, gnu: bool) -> Result<Cut, String> {
    let lists: Vec<&(char, String)> = options.found.iter().filter(|(l, _)| "bcf".contains(*l)).collect();
    let missing = if gnu {
        "you must specify a list of bytes, characters, or fields"
    } else {
        "expected a list of bytes, characters, or fields"
    };
    let (letter, list) = lists.first().ok_or(missing)?;
    if lists.len() > 1 {
        return Err("only one list may be specified".into());
    }
    let by = match letter {
        'f' => By::Fields,
        'c' if is_utf8(sys) && !gnu => By::Chars,
        _ => By::Bytes,
    };
    if by != By::Fields && options.has('d') {
        return Err(match gnu {
            true => "an input delimiter may be specified only when operating on fields".into(),
            false => "a delimiter may be specified only when operating on fields".into(),
        });
    }
    if by != By::Fields && options.has('s') {
        return Err(match gnu {
            true => "suppressing non-delimited lines makes sense\n\tonly when operating on fields".into(),
            false => "suppressing non-delimited lines makes sense only when operating on fields".into(),
        });
    }
    let delimiter = options.value('d').unwrap_or("\t");
    if delimiter.len() > 1 && gnu {
        return Err("the delimiter must be a single character".into());
    }
    let mut ranges = Vec::new();
    for item in list.split([',', ' ']) {
        ranges.push(range(item, by == By::Fields, gnu)?);
    }
    ranges.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    if options.has('C') {
        merged = complement(&merged);
    }
    Ok(Cut {
        by,
        list: merged,
        delimiter: delimiter.bytes().next().unwrap_or(0),
        output: options.value('O').map(|o| if o.is_empty() && gnu { vec![0] } else { o.as_bytes().to_vec() }),
        only_delimited: options.has('s'),
        separator: if options.has('z') { 0 } else { b'\n' },
    })
}

fn range(item: &str, fields: bool, gnu: bool) -> Result<(usize, usize), String> {
    let invalid = |text: &str| match (gnu, fields) {
        (false, _) => format!("invalid number '{text}'"),
        (true, true) => format!("invalid field value '{text}'"),
        (true, false) => format!("invalid byte/character position '{text}'"),
    };
    let number = |text: &str, default: usize| match text {
        "" => Ok(default),
        _ => super::numbers::plain(text).map(|n| n as usize).ok_or_else(|| invalid(text)),
    };
    if item == "-" && gnu {
        return Err("invalid range with no endpoint: -".into());
    }
    let (from, to) = match item.split_once('-') {
        Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
        None if item.is_empty() => (0, 0),
        None => {
            let at = number(item, 0)?;
            (at, at)
        }
    };
    if from == 0 {
        return match (gnu, fields) {
            (true, true) => Err("fields are numbered from 1".into()),
            (true, false) => Err("byte/character positions are numbered from 1".into()),
            // busybox takes the list's zero for nothing at all.
            (false, _) => Ok((0, usize::MAX)),
        };
    }
    if to < from {
        return Err(if gnu { "invalid decreasing range".into() } else { format!("{to}<{}", from - 1) });
    }
    Ok((from, to))
}

fn complement(list: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut next = 1;
    let mut out = Vec::new();
    for (from, to) in list {
        if *from > next {
            out.push((next, from - 1));
        }
        next = to.saturating_add(1);
    }
    if next < usize::MAX {
        out.push((next, usize::MAX));
    }
    out
}

impl Cut {
    fn has(&self, at: usize) -> bool {
        self.list.iter().any(|(from, to)| (*from..=*to).contains(&at))
    }

    fn fields(&self, line: &[u8]) -> Option<Vec<u8>> {
        if !line.contains(&self.delimiter) {
            return (!self.only_delimited).then(|| line.to_vec());
        }
        let joint = self.output.clone().unwrap_or_else(|| vec![self.delimiter]);
        let wanted = line.split(|b| *b == self.delimiter).enumerate().filter(|(n, _)| self.has(n + 1));
        let wanted: Vec<&[u8]> = wanted.map(|(_, field)| field).collect();
        Some(wanted.join(&joint[..]))
    }

    fn pieces(&self, line: &[u8]) -> Vec<u8> {
        let text;
        let units: Vec<&[u8]> = if self.by == By::Chars {
            text = String::from_utf8_lossy(line).into_owned();
            text.char_indices().map(|(at, c)| &text.as_bytes()[at..at + c.len_utf8()]).collect()
        } else {
            line.chunks(1).collect()
        };
        let mut out: Vec<Vec<u8>> = Vec::new();
        for (from, to) in &self.list {
            let to = (*to).min(units.len());
            if let Some(piece) = units.get(from.saturating_sub(1)..to).filter(|p| !p.is_empty()) {
                out.push(piece.concat());
            }
        }
        out.join(&self.output.clone().unwrap_or_default()[..])
    }
}

impl Filter for Cut {
    fn line(&mut self, io: &mut Io<'_, '_>, line: Vec<u8>, _ended: bool) -> Flow {
        let cut = if self.by == By::Fields { self.fields(&line) } else { Some(self.pieces(&line)) };
        if let Some(cut) = cut {
            io.out.put(cut);
            io.out.byte(self.separator);
        }
        Flow::More
    }
}
