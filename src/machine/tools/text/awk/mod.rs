//! `awk`.

mod arrays;
mod ast;
mod builtin;
mod code;
mod fields;
mod flow;
mod io;
mod lex;
mod parse;
mod random;
mod run;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::opts::{self, Arg, Options, Spec};
use super::out::Out;
use super::regex::{Flags, Regex};
use super::{Running, runs};
use crate::machine::bytes::Bytes;
use crate::machine::images::Userland;
use crate::machine::kernel::{Pid, Sys};
use crate::machine::tools::Started;
use code::{Code, SPECIAL};
use io::{Reader, Stream};
use random::Random;
use value::{Array, Value};

const NF: usize = 0;
const NR: usize = 1;
const FNR: usize = 2;
const FS: usize = 3;
const OFS: usize = 4;
const ORS: usize = 5;
const RS: usize = 6;
const FILENAME: usize = 7;
const SUBSEP: usize = 8;
const RSTART: usize = 9;
const RLENGTH: usize = 10;
const CONVFMT: usize = 11;
const OFMT: usize = 12;
const ARGC: usize = 13;
const ENVIRON: usize = 14;
const ARGV: usize = 15;

/// A running program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Awk {
    name: String,
    gnu: bool,
    code: Code,
    flags: Flags,
    at: usize,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    loops: Vec<Vec<Bytes>>,
    globals: Vec<Value>,
    arrays: BTreeMap<u32, Array>,
    next_array: u32,
    ranges: Vec<bool>,

    record: Bytes,
    /// Whether fields were changed since the record was put together.
    stale: bool,
    fields: Vec<Value>,
    split: bool,
    /// `FS` as it was when the record was read.
    fs: Bytes,

    main: Option<Reader>,
    operand: usize,
    any_file: bool,
    out: Out,
    streams: BTreeMap<Vec<u8>, Stream>,
    closing: Vec<Pid>,
    waits_for: Option<Pid>,
    in_end: bool,
    halting: bool,
    code_of_exit: u8,
    random: Random,
    seed: f64,
    /// How many bytes of texts were made since what is held was measured last.
    made: usize,
    /// What was held then.
    held: usize,
    #[serde(skip)]
    regexes: BTreeMap<Vec<u8>, Regex>,
}

/// A function that was called.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Frame {
    back: usize,
    base: usize,
    loops: usize,
    own: Vec<u32>,
}

const GNU: Spec = Spec {
    short: "+F:v:f:W:",
    long: &[
        ("version", Arg::No, 'V'),
        ("field-separator", Arg::Yes, 'F'),
        ("assign", Arg::Yes, 'v'),
        ("file", Arg::Yes, 'f'),
    ],
    code: 2,
};

const BUSYBOX: Spec = Spec { short: "+F:v:f:e:", long: &[], code: 1 };

/// `awk [-F FS] [-v NAME=VALUE] [-f FILE | PROGRAM] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let unknown = args.get(1).filter(|a| gnu && a.starts_with('-') && !a.starts_with("--") && a.len() > 1);
    if let Some(option) = unknown.filter(|o| !o[1..].starts_with(['F', 'v', 'f', 'W'])) {
        sys.err(format!("{}: not an option: {option}\n", opts::name(args)));
        return Started::Exit(2);
    }
    let options = match opts::parse(sys, args, if gnu { &GNU } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let name = opts::name(args).to_string();
    if options.has('V') || options.values('W').any(|w| w.starts_with("ver")) {
        sys.out("mawk 1.3.4 20200120\nCopyright 2008-2019,2020, Thomas E. Dickey\nCopyright 1991-1996,2014, Michael D. Brennan\n\n");
        return Started::Exit(0);
    }
    match build(sys, &name, options, gnu) {
        Ok(Some(awk)) => runs(Running::Awk(Box::new(awk))),
        Ok(None) => {
            match gnu {
                true => sys.err(GNU_USAGE),
                false => opts::usage(sys, "awk"),
            }
            Started::Exit(u8::from(!gnu))
        }
        Err(text) => {
            sys.err(format!("{name}: {text}\n"));
            Started::Exit(if gnu { 2 } else { 1 })
        }
    }
}

#[rustfmt::skip]
const GNU_USAGE: &str = "Usage: mawk [Options] [Program] [file ...]\n\nProgram:\n    \
    The -f option value is the name of a file containing program text.\n    \
    If no -f option is given, a \"--\" ends option processing; the following\n    \
    parameters are the program text.\n\nOptions:\n    -f program-file  Program  text is read from file instead of from the\n                     command-line.  Multiple -f options are accepted.\n    -F value         sets the field separator, FS, to value.\n    -v var=value     assigns value to program variable var.\n    --               unambiguous end of options.\n\n    Implementation-specific options are prefixed with \"-W\".  They can be\n    abbreviated:\n\n    -W version       show version information and exit.\n    -W dump          show assembler-like listing of program and exit.\n    -W help          show this message and exit.\n    -W interactive   set unbuffered output, line-buffered input.\n    -W exec file     use file as program as well as last option.\n    -W random=number set initial random seed.\n    -W sprintf=number adjust size of sprintf buffer.\n    -W posix_space   do not consider \"\\n\" a space.\n    -W usage         show this message and exit.\n";

fn build(sys: &mut Sys<'_>, name: &str, mut options: Options, gnu: bool) -> Result<Option<Awk>, String> {
    let mut text = Vec::new();
    for (letter, value) in &options.found {
        match letter {
            'f' => {
                let part = super::input::read_whole(sys, value).map_err(|fault| {
                    let why = sys.text(fault);
                    match gnu {
                        true => format!("cannot open {value} ({why})"),
                        false => format!("can't open '{value}': {why}"),
                    }
                })?;
                text.extend_from_slice(&part);
                text.push(b'\n');
            }
            'e' => text.extend_from_slice(format!("{value}\n").as_bytes()),
            _ => {}
        }
    }
    if !options.has('f') && !options.has('e') {
        if options.operands.is_empty() {
            return Ok(None);
        }
        text = options.operands.remove(0).into_bytes();
    }
    let program = parse::parse(&text, gnu)?;
    let flags = Flags { awk: true, no_intervals: gnu, ..Flags::default() };
    let code = code::compile(&program, flags, gnu)?;
    let ranges = vec![false; code.ranges];
    let globals = vec![Value::None; code.globals.len()];
    let seed = if gnu { sys.random() as u32 } else { 1 };
    let mut out = Out::stdout(sys);
    if !gnu || options.values('W').any(|w| w.starts_with('i')) {
        out.make_direct();
    }
    let mut awk = Awk {
        name: name.to_string(),
        gnu,
        code,
        flags,
        at: 0,
        stack: Vec::new(),
        frames: Vec::new(),
        loops: Vec::new(),
        globals,
        arrays: BTreeMap::new(),
        next_array: 0,
        ranges,
        record: Bytes::default(),
        stale: false,
        fields: Vec::new(),
        split: true,
        fs: Bytes::from(" "),
        main: None,
        operand: 1,
        any_file: false,
        out,
        streams: BTreeMap::new(),
        closing: Vec::new(),
        waits_for: None,
        in_end: false,
        halting: false,
        code_of_exit: 0,
        random: Random::new(seed),
        seed: if gnu { f64::from(seed) } else { 1.0 },
        made: 0,
        held: 0,
        regexes: BTreeMap::new(),
    };
    awk.set_up(sys, name, &options);
    for (letter, value) in &options.found {
        match letter {
            'F' => {
                let (text, _) = unescaped(value.as_bytes(), gnu);
                awk.globals[FS] = Value::text(text);
            }
            'v' if !awk.assign_operand(value) => {
                return Err(match gnu {
                    true => format!("improper assignment: -v {value}"),
                    false => format!("'{value}' is not a variable assignment"),
                });
            }
            _ => {}
        }
    }
    Ok(Some(awk))
}

/// A text with its escapes taken for what they stand for, and whether there were any.
fn unescaped(text: &[u8], gnu: bool) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut at = 0;
    let mut any = false;
    while let Some(b) = text.get(at) {
        if *b == b'\\' {
            let (bytes, len) = lex::unescape(text.get(at..).unwrap_or_default(), gnu);
            out.extend_from_slice(&bytes);
            at += len;
            any = true;
        } else {
            out.push(*b);
            at += 1;
        }
    }
    (out, any)
}

impl Awk {
    fn set_up(&mut self, sys: &Sys<'_>, name: &str, options: &Options) {
        for (number, is_array) in self.code.arrays.clone().into_iter().enumerate() {
            if is_array {
                self.globals[number] = Value::Array(self.new_array());
            }
        }
        for (number, value) in [
            (FS, " "),
            (OFS, " "),
            (ORS, "\n"),
            (RS, "\n"),
            (SUBSEP, "\x1c"),
            (CONVFMT, "%.6g"),
            (OFMT, "%.6g"),
            (FILENAME, ""),
        ] {
            self.globals[number] = Value::text(value);
        }
        for number in [NF, NR, FNR, RSTART] {
            self.globals[number] = Value::Number(0.0);
        }
        self.globals[RLENGTH] = Value::Number(-1.0);
        let argv: Vec<&str> = std::iter::once(name).chain(options.operands.iter().map(String::as_str)).collect();
        self.globals[ARGC] = Value::Number(argv.len() as f64);
        let environ: Vec<(String, String)> = sys.process().env.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        for (number, pairs) in [
            (ARGV, argv.iter().enumerate().map(|(n, v)| (n.to_string(), (*v).to_string())).collect()),
            (ENVIRON, environ),
        ] {
            let Value::Array(id) = self.globals[number] else { continue };
            for (key, value) in pairs {
                if let Some(array) = self.arrays.get_mut(&id) {
                    *array.element(&Bytes::from(key.as_str()), true) = Value::input(value.into_bytes());
                }
            }
        }
        debug_assert_eq!(self.code.globals.get(ARGV).map(String::as_str), Some(SPECIAL[ARGV]));
    }

    fn new_array(&mut self) -> u32 {
        self.next_array = self.next_array.wrapping_add(1);
        self.arrays.insert(self.next_array, Array::default());
        self.next_array
    }

    /// Carries `NAME=VALUE` out; false where it is none.
    fn assign_operand(&mut self, text: &str) -> bool {
        let Some((name, value)) = text.split_once('=') else { return false };
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return false;
        }
        let value = Value::input(unescaped(value.as_bytes(), self.gnu).0);
        if let Some(number) = self.code.globals.iter().position(|g| g == name)
            && !matches!(self.globals.get(number), Some(Value::Array(_)))
        {
            self.set_global(number, value);
        }
        true
    }
}
