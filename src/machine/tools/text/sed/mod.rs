//! `sed`.

mod exec;
mod parse;
mod script;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::input::{Inputs, is_utf8, read_whole};
use super::opts::{self, Arg, Options, Spec};
use super::out::Out;
use super::regex::{Flags, Regex};
use super::{Running, runs};
use crate::machine::images::{Userland, has_musl};
use crate::machine::kernel::{Fd, OpenOptions, Sys};
use crate::machine::tools::Started;
use parse::{Part, Style};
use script::Command;

/// A `sed` on its way through its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sed {
    commands: Vec<Command>,
    quiet: bool,
    separate: bool,
    /// The suffix of backups; none where files are not edited in place.
    in_place: Option<String>,
    wrap: usize,
    gnu: bool,
    posix: bool,
    last_regex: Option<Regex>,
    inputs: Inputs,
    out: Out,
    /// Open files that are written, by their number in the script.
    writes: Vec<Fd>,
    /// Those whose last line had no end.
    unended: BTreeMap<Fd, bool>,
    reads: Vec<Inputs>,
    edit: Option<Edit>,

    pattern: Vec<u8>,
    ended: bool,
    hold: Vec<u8>,
    line: u64,
    at: usize,
    /// Whether a cycle is under way.
    running: bool,
    replaced: bool,
    /// Whether the next cycle begins with the pattern space as it is.
    keep: bool,
    appended: Vec<Appended>,
    quit: Option<u8>,
    code: u8,
}

/// What is printed at the end of a cycle.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Appended {
    Text(Vec<u8>),
    File(String),
}

/// A file that is edited in place.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Edit {
    name: String,
    temporary: String,
    fd: Fd,
}

const GNU: Spec = Spec {
    short: "bsnrzuEe:f:l:i::V:",
    long: &[
        ("quiet", Arg::No, 'n'),
        ("silent", Arg::No, 'n'),
        ("expression", Arg::Yes, 'e'),
        ("file", Arg::Yes, 'f'),
        ("in-place", Arg::Maybe, 'i'),
        ("line-length", Arg::Yes, 'l'),
        ("null-data", Arg::No, 'z'),
        ("regexp-extended", Arg::No, 'E'),
        ("separate", Arg::No, 's'),
        ("unbuffered", Arg::No, 'u'),
        ("posix", Arg::No, 'p'),
        ("debug", Arg::No, 'D'),
        ("sandbox", Arg::No, 'S'),
        ("follow-symlinks", Arg::No, 'F'),
        ("binary", Arg::No, 'b'),
        ("version", Arg::No, 'v'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec {
    short: "i::rEne:f:",
    long: &[
        ("in-place", Arg::Maybe, 'i'),
        ("regexp-extended", Arg::No, 'r'),
        ("quiet", Arg::No, 'n'),
        ("silent", Arg::No, 'n'),
        ("expression", Arg::Yes, 'e'),
        ("file", Arg::Yes, 'f'),
    ],
    code: 1,
};

/// `sed [-nEsz] [-i[SUFFIX]] [-e SCRIPT] [-f FILE] [SCRIPT] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let mut options = match opts::parse(sys, args, if gnu { &GNU } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    if options.has('v') {
        sys.out("sed (GNU sed) 4.9\n");
        return Started::Exit(0);
    }
    match build(sys, &mut options, gnu) {
        Ok(Some(sed)) => runs(Running::Sed(Box::new(sed))),
        Ok(None) => {
            opts::usage(sys, "sed");
            Started::Exit(1)
        }
        Err((text, code)) => {
            sys.err(format!("sed: {text}\n"));
            Started::Exit(code)
        }
    }
}

fn build(sys: &mut Sys<'_>, options: &mut Options, gnu: bool) -> Result<Option<Sed>, (String, u8)> {
    let mut parts = Vec::new();
    for (letter, value) in &options.found {
        match letter {
            'e' => parts.push(Part { text: value.as_bytes().to_vec(), file: None, number: parts.len() + 1 }),
            'f' => {
                let mut text = read_whole(sys, value).map_err(|fault| {
                    let why = sys.text(fault);
                    match gnu {
                        true => (format!("couldn't open file {value}: {why}"), 4),
                        false => (format!("{value}: {why}"), 1),
                    }
                })?;
                if text.last() == Some(&b'\n') {
                    text.pop();
                }
                parts.push(Part { text, file: Some(value.clone()), number: parts.len() + 1 });
            }
            _ => {}
        }
    }
    if parts.is_empty() {
        if options.operands.is_empty() {
            return Ok(None);
        }
        let script = options.operands.remove(0);
        parts.push(Part { text: script.into_bytes(), file: None, number: 1 });
    }
    let begins_quiet = parts.first().is_some_and(|p| p.text.starts_with(b"#n\n") || p.text == b"#n");
    let flags = Flags {
        extended: options.has('E') || options.has('r'),
        utf8: is_utf8(sys),
        tre: has_musl(sys.image()),
        ..Flags::default()
    };
    let script = parse::parse(&parts, Style { flags, gnu })?;
    let in_place = options.found.iter().rev().find(|(l, _)| *l == 'i').map(|(_, suffix)| suffix.clone());
    if in_place.is_some() && options.operands.is_empty() {
        return Err(match gnu {
            true => ("no input files".into(), 4),
            false => ("-i requires an argument".into(), 1),
        });
    }
    let mut writes = Vec::new();
    for name in &script.writes {
        let fd = match name.as_str() {
            "/dev/stdout" if gnu => Ok(1),
            "/dev/stderr" if gnu => Ok(2),
            name => sys.open(name, OpenOptions::WRITE),
        };
        writes.push(fd.map_err(|fault| {
            let why = sys.text(fault);
            match gnu {
                true => (format!("couldn't open file {name}: {why}"), 4),
                false => (format!("can't open '{name}': {why}"), 1),
            }
        })?);
    }
    let mut out = Out::stdout(sys);
    if options.has('u') {
        out.make_by_line();
    }
    let mut inputs = Inputs::new(&options.operands);
    inputs.plain_dash = in_place.is_some();
    if options.has('z') {
        inputs.separator = 0;
    }
    let wrap = options.value('l').and_then(|v| v.parse().ok()).unwrap_or(70);
    Ok(Some(Sed {
        commands: script.commands,
        quiet: options.has('n') || begins_quiet,
        separate: options.has('s') || in_place.is_some(),
        in_place,
        wrap,
        gnu,
        posix: options.has('p') || sys.env("POSIXLY_CORRECT").is_some(),
        last_regex: None,
        inputs,
        out,
        writes,
        unended: BTreeMap::new(),
        reads: script.reads.into_iter().map(|name| Inputs::new(&[name])).collect(),
        edit: None,
        pattern: Vec::new(),
        ended: true,
        hold: Vec::new(),
        line: 0,
        at: 0,
        running: false,
        replaced: false,
        keep: false,
        appended: Vec::new(),
        quit: None,
        code: 0,
    }))
}
