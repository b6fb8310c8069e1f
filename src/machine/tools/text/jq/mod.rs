//! `jq`: filters of JSON, as jaq runs them.
//!
//! A filter runs in one step, so what could go on without end is bounded: a definition may not call itself, and the
//! filters that repeat do so a hundred thousand times at most. Nothing in it reads a clock or an environment.

mod options;

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
use jaq_json::{Val, read, write};
use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, fault_text, filter};
use super::filters::Kind;
use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// The most input that is looked at, in bytes.
const MAX: usize = 64 << 20;

/// The most output that is made, in bytes.
const MAX_OUTPUT: usize = 16 << 20;

/// The longest filter, in bytes.
const MAX_FILTER: usize = 64 << 10;

/// How deep brackets may nest, in a filter and in its input.
const DEEPEST: usize = 256;

/// What filters are not given: what reads the host's clock and environment, writes to its terminal, or ends the process.
const ABSENT: [&str; 7] = ["now", "localtime", "mktime", "env", "stderr_empty", "debug_empty", "halt"];

/// Filters that could go on for ever, and do so for long enough here.
const BOUNDED: &str = "def recurse(f): def r: ., (f | r); limit(100000; r); \
def recurse(f; c): def r: ., (f | select(c) | r); limit(100000; r); \
def repeat(f): def r: ., (f | r); limit(100000; r); \
def while(c; f): def r: if c then ., (f | r) else empty end; limit(100000; r); \
def until(c; f): def r: if c then . else ., (f | r) end; last(limit(100000; r)); \
def __range($from; $upto; $by): range($from; $upto; $by); \
def range($from; $upto; $by): if $by == 0 then empty else limit(1000000; __range($from; $upto; $by)) end; \
def range($from; $upto): range($from; $upto; 1); def range($upto): range(0; $upto; 1); \
def __cell(f): if type == \"string\" then f elif . == null then \"\" else tostring end; \
def @csv: [.[] | __cell(\"\\\"\" + gsub(\"\\\"\"; \"\\\"\\\"\") + \"\\\"\")] | join(\",\"); \
def @tsv: [.[] | __cell(split(\"\\\\\") | join(\"\\\\\\\\\") | split(\"\\t\") | join(\"\\\\t\") | split(\"\\n\") | join(\"\\\\n\"))] \
| join(\"\\t\"); ";

/// A call of `jq` with what it has read so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Jq {
    filter: String,
    /// Variables by name, each as JSON.
    variables: Vec<(String, String)>,
    input: Vec<u8>,
    raw: bool,
    join: bool,
    compact: bool,
    null_input: bool,
    slurp: bool,
    raw_input: bool,
    sort_keys: bool,
    ascii: bool,
    exit_status: bool,
    tab: bool,
    indent: usize,
    failed: bool,
}

/// Starts it.
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match options::read_line(sys, args) {
        Ok((mut jq, _)) if jq.null_input => {
            let (out, err, code) = jq.answer();
            sys.out(out);
            sys.err(err);
            Started::Exit(code)
        }
        Ok((jq, files)) => filter(sys, "jq", &files, Kind::Jq(jq)).start(),
        Err((text, code)) => {
            if code == 0 {
                sys.out(text)
            } else {
                sys.err(text)
            }
            Started::Exit(code)
        }
    }
}

impl Filter for Jq {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, _: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        if self.input.len() + bytes.len() > MAX {
            return Flow::Stop;
        }
        self.input.extend_from_slice(&bytes);
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        self.failed = true;
        let name = io.inputs.name.clone();
        let text = match opening {
            true => format!("jq: error: Could not open {name}: {}\n", io.sys.text(fault)),
            false => fault_text(io.sys, "jq", &name, fault, opening),
        };
        io.sys.err(text);
        2
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        let (out, err, code) = self.answer();
        io.out.put(out);
        if !err.is_empty() {
            let _ = io.out.flush(io.sys);
            io.sys.err(err);
        }
        code
    }
}

impl Jq {
    /// What it puts out and complains of, and its exit code.
    fn answer(&mut self) -> (Vec<u8>, String, u8) {
        if let Some(why) = refuse(&self.filter) {
            return (Vec::new(), format!("jq: error: {why}\njq: 1 compile error\n"), 3);
        }
        let code = format!("{BOUNDED}{}", self.filter);
        let names: Vec<String> = self.variables.iter().map(|(name, _)| format!("${name}")).collect();
        let values: Vec<Val> =
            self.variables.iter().map(|(_, json)| parse(json.as_bytes()).unwrap_or_default()).collect();
        let arena = Arena::default();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        // A definition of ours stands for each that could go on for ever.
        let defs = defs.filter(|d| {
            !ABSENT.iter().any(|a| d.name.starts_with("halt") || *a == d.name)
                && d.name != "stderr"
                && d.name != "debug"
        });
        let modules = match Loader::new(defs).load(&arena, File { code: code.as_str(), path: () }) {
            Ok(modules) => modules,
            Err(_) => return (Vec::new(), self.syntax_error(), 3),
        };
        let funs = jaq_core::funs::<JustLut<Val>>().chain(jaq_std::funs()).chain(jaq_json::funs());
        let funs = funs.filter(|(name, ..)| !ABSENT.contains(name));
        let compiled =
            Compiler::default().with_funs(funs).with_global_vars(names.iter().map(String::as_str)).compile(modules);
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(errors) => {
                let faults = errors.into_iter().flat_map(|(_, faults)| faults);
                let said: Vec<String> = faults
                    .map(|(name, what)| {
                        let arity = match &what {
                            jaq_core::compile::Undefined::Filter(arity) => format!("/{arity}"),
                            _ => String::new(),
                        };
                        format!("jq: error: {name}{arity} is not defined at <top-level>, line 1:\n{}\n", self.filter)
                    })
                    .collect();
                let count = said.len();
                let end = format!("jq: {count} compile error{}\n", if count == 1 { "" } else { "s" });
                return (Vec::new(), said.concat() + &end, 3);
            }
        };
        let (inputs, broken) = self.inputs();
        let (mut out, mut err, mut status, mut last) = (Vec::new(), String::new(), 0, None);
        'inputs: for input in inputs {
            let ctx = Ctx::<JustLut<Val>>::new(&compiled.lut, Vars::new(values.clone()));
            for result in compiled.id.run((ctx, input)).map(unwrap_valr) {
                match result {
                    Ok(value) => {
                        self.put(&value, &mut out);
                        last = Some(value);
                    }
                    Err(error) => {
                        err += &format!("jq: error (at <stdin>:0): {error}\n");
                        status = 5;
                        break;
                    }
                }
                if out.len() > MAX_OUTPUT {
                    err += "jq: error: that is too much output\n";
                    status = 5;
                    break 'inputs;
                }
            }
        }
        if let Some(why) = broken {
            err += &format!("jq: parse error: {why}\n");
            status = 2;
        }
        if status == 0 && self.exit_status {
            status = match last {
                None => 4,
                Some(Val::Null | Val::Bool(false)) => 1,
                Some(_) => 0,
            };
        }
        (out, err, status)
    }

    fn syntax_error(&self) -> String {
        format!(
            "jq: error: syntax error (Unix shell quoting issues?) at <top-level>, line 1:\n{}\njq: 1 compile error\n",
            self.filter
        )
    }

    /// The values that the filter gets, one after the other, and what is wrong after them.
    fn inputs(&self) -> (Vec<Val>, Option<String>) {
        if self.null_input {
            return (vec![Val::Null], None);
        }
        if self.raw_input {
            let text = String::from_utf8_lossy(&self.input).into_owned();
            return match self.slurp {
                true => (vec![Val::from(text)], None),
                false => (text.lines().map(|line| Val::from(line.to_string())).collect(), None),
            };
        }
        if too_deep(&self.input) {
            return (Vec::new(), Some(format!("Exceeds depth limit for parsing ({DEEPEST})")));
        }
        let (mut values, mut broken) = (Vec::new(), None);
        for value in read::parse_many(&self.input) {
            match value {
                Ok(value) => values.push(value),
                Err(why) => {
                    broken = Some(why.to_string());
                    break;
                }
            }
        }
        if self.slurp && broken.is_none() { (vec![values.into_iter().collect()], None) } else { (values, broken) }
    }

    /// Puts a value out as the options want it.
    fn put(&self, value: &Val, out: &mut Vec<u8>) {
        let text = match value {
            Val::TStr(text) if self.raw => text.to_vec(),
            value => {
                let indent = if self.tab { "\t".to_string() } else { " ".repeat(self.indent) };
                let flat = self.compact || !self.tab && self.indent == 0;
                let form = write::Pp {
                    indent: (!flat).then_some(indent),
                    sort_keys: self.sort_keys,
                    styles: Default::default(),
                    sep_space: !flat,
                };
                let mut text = Vec::new();
                let _ = write::write(&mut text, &form, 0, value);
                text
            }
        };
        if self.ascii {
            for c in String::from_utf8_lossy(&text).chars() {
                let mut units = [0; 2];
                match c.is_ascii() {
                    true => out.push(c as u8),
                    false => {
                        c.encode_utf16(&mut units).iter().for_each(|unit| out.extend(format!("\\u{unit:04x}").bytes()))
                    }
                }
            }
        } else {
            out.extend(text);
        }
        if !self.join {
            out.push(b'\n');
        }
    }
}

fn parse(text: &[u8]) -> Result<Val, String> {
    if too_deep(text) {
        return Err("it nests too deep".into());
    }
    read::parse_single(text).map_err(|why| why.to_string())
}

fn parse_all(text: &[u8]) -> Result<Vec<Val>, String> {
    if too_deep(text) {
        return Err("it nests too deep".into());
    }
    read::parse_many(text).collect::<Result<_, _>>().map_err(|why| why.to_string())
}

fn too_deep(text: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

/// Why a filter is not even tried: it could use more than there is.
fn refuse(filter: &str) -> Option<String> {
    let signs = filter.bytes().filter(|b| matches!(b, b'(' | b'[' | b'{' | b'-')).count();
    let words = filter.split(|c: char| !c.is_alphanumeric() && c != '_');
    let openers = words.filter(|w| matches!(*w, "if" | "try" | "reduce" | "foreach" | "def" | "as" | "label")).count();
    if filter.len() > MAX_FILTER || signs + openers > 4 * DEEPEST || too_deep(filter.as_bytes()) {
        return Some("this filter is too long, or nests too deep".into());
    }
    let name = calls_itself(filter)?;
    Some(format!("{name} calls itself, which is not supported here"))
}

/// A definition whose name stands in its own text.
fn calls_itself(filter: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    let mut rest = filter;
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '@';
        let length = match c {
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if !word.trim().is_empty() {
            words.push(word);
        }
        rest = after;
    }
    // Definitions that are open: their names, where those stand, and within how many brackets.
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match *word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "def" => {
                if let Some(name) = words.get(at + 1) {
                    open.push((name.to_string(), at + 1, depth));
                }
            }
            ";" => {
                if open.last().is_some_and(|(_, _, d)| *d == depth) {
                    open.pop();
                }
            }
            word => {
                if let Some((name, ..)) = open.iter().find(|(name, from, _)| name == word && at > *from) {
                    return Some(name.clone());
                }
            }
        }
    }
    None
}
