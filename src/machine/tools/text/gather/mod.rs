//! Tools that look at all of their input before they put anything out.

mod compare;
mod dump;
mod join;
mod lines;
mod pages;
mod pick;

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::opts::{self, Options, Spec};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// The most of a file that is looked at.
const MAX: usize = 64 << 20;

/// A tool with what it has read so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gather {
    tool: String,
    found: Vec<(char, String)>,
    operands: Vec<String>,
    /// Files with their contents.
    files: Vec<(String, Vec<u8>)>,
    failed: bool,
}

/// A call of such a tool.
pub(super) struct Call<'a> {
    pub tool: &'a str,
    pub options: Options,
    pub files: Vec<(String, Vec<u8>)>,
    pub gnu: bool,
    pub failed: bool,
}

impl Call<'_> {
    /// All that was read, one file after the other.
    pub fn all(&self) -> Vec<u8> {
        self.files.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>().concat()
    }

    /// A number that an option gives.
    pub fn number(&self, letter: char) -> Option<usize> {
        self.options.value(letter).and_then(super::numbers::plain).map(|n| n as usize)
    }
}

/// Lines with their ends.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n')
}

/// A line without its end.
pub(super) fn bare(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn short(tool: &str, gnu: bool) -> &'static str {
    match (tool, gnu) {
        ("tac", true) => "brs:",
        ("nl", true) => "b:d:f:h:i:l:n:ps:v:w:",
        ("nl", false) => "b:i:l:s:v:w:",
        ("paste", true) => "d:sz",
        ("paste", false) => "d:s",
        ("fold", _) => "bsw:",
        ("expand", _) => "it:",
        ("unexpand", _) => "ait:f",
        ("comm", _) => "123z",
        ("join", _) => "a:e:i1:2:j:o:t:v:z",
        ("shuf", _) => "eo:n:i:zr",
        ("column", _) => "ts:o:c:nexN:",
        ("fmt", _) => "w:sut",
        ("split", _) => "a:b:C:dl:n:x",
        ("strings", _) => "an:t:fo",
        ("cmp", _) => "blsn:i:",
        ("od", _) => "A:abcdDfFhHiIlLj:N:oOsS:t:vw::xX",
        ("hexdump", _) => "bcCde:f:n:os:vx",
        ("xxd", true) => "abc:eEg:hil:o:prs:uvn:",
        ("xxd", false) => "pg:c:n:s:l:o:ri",
        ("dos2unix" | "unix2dos", _) => "udqkfn",
        ("more" | "less", _) => "EFIMmNSRXrsdfpn",
        ("uuencode", _) => "m",
        ("bc", _) => "lqsw",
        ("dc", _) => "e:f:x",
        ("iconv", _) => "f:t:clo:s",
        _ => "",
    }
}

fn long(tool: &str) -> &'static [(&'static str, opts::Arg, char)] {
    use opts::Arg::{No, Yes};
    match tool {
        "paste" => &[("delimiters", Yes, 'd'), ("serial", No, 's')],
        "fold" => &[("width", Yes, 'w'), ("spaces", No, 's'), ("bytes", No, 'b')],
        "comm" => {
            &[("total", No, 'T'), ("output-delimiter", Yes, 'O'), ("nocheck-order", No, 'N'), ("check-order", No, 'K')]
        }
        "join" => &[("nocheck-order", No, 'N'), ("header", No, 'H'), ("check-order", No, 'K')],
        "shuf" => &[
            ("echo", No, 'e'),
            ("head-count", Yes, 'n'),
            ("input-range", Yes, 'i'),
            ("output", Yes, 'o'),
            ("repeat", No, 'r'),
            ("random-source", Yes, 'R'),
        ],
        "column" => &[("table", No, 't'), ("separator", Yes, 's'), ("output-separator", Yes, 'o')],
        "expand" | "unexpand" => &[("tabs", Yes, 't'), ("initial", No, 'i'), ("all", No, 'a'), ("first-only", No, 'f')],
        "split" => &[
            ("lines", Yes, 'l'),
            ("bytes", Yes, 'b'),
            ("numeric-suffixes", No, 'd'),
            ("suffix-length", Yes, 'a'),
            ("additional-suffix", Yes, 'S'),
        ],
        "od" => &[
            ("address-radix", Yes, 'A'),
            ("format", Yes, 't'),
            ("read-bytes", Yes, 'N'),
            ("skip-bytes", Yes, 'j'),
            ("output-duplicates", No, 'v'),
        ],
        "cmp" => &[("quiet", No, 's'), ("silent", No, 's'), ("verbose", No, 'l'), ("bytes", Yes, 'n')],
        "nl" => &[
            ("body-numbering", Yes, 'b'),
            ("number-width", Yes, 'w'),
            ("number-separator", Yes, 's'),
            ("number-format", Yes, 'n'),
            ("starting-line-number", Yes, 'v'),
            ("line-increment", Yes, 'i'),
        ],
        "fmt" => &[("width", Yes, 'w')],
        "iconv" => &[("from-code", Yes, 'f'), ("to-code", Yes, 't'), ("list", No, 'l')],
        _ => &[],
    }
}

/// Starts one of these tools.
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let name = opts::name(args).to_string();
    let tool = match name.as_str() {
        "hd" => "hexdump",
        other => other,
    };
    let mut args = args.to_vec();
    // Old forms: `fold -80`, `nl` and the like have none.
    if matches!(tool, "fold" | "fmt" | "expand" | "strings" | "split")
        && let Some(arg) = args.get_mut(1)
        && arg.len() > 1
        && arg.starts_with('-')
        && arg[1..].bytes().all(|b| b.is_ascii_digit())
    {
        let letter = match tool {
            "strings" => 'n',
            "expand" => 't',
            "split" => 'l',
            _ => 'w',
        };
        *arg = format!("-{letter}{}", &arg[1..]);
    }
    let code = if matches!(tool, "cmp") { 2 } else { 1 };
    let spec = Spec { short: short(tool, gnu), long: long(tool), code };
    let mut options = match opts::parse(sys, &args, &spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    if name == "hd" {
        options.found.push(('C', String::new()));
    }
    let complain = |sys: &mut Sys<'_>, text: &str| match gnu {
        true => Started::Exit(opts::complain(sys, &args, &spec, text)),
        false => {
            opts::usage(sys, &name);
            Started::Exit(code)
        }
    };
    let given = &options.operands;
    if matches!(tool, "comm" | "join" | "cmp") {
        match given.len() {
            0 => return complain(sys, if tool == "cmp" { "missing operand after 'cmp'" } else { "missing operand" }),
            1 if tool != "cmp" => return complain(sys, &format!("missing operand after '{}'", given[0])),
            3.. if tool != "cmp" => return complain(sys, &format!("extra operand '{}'", given[2])),
            _ => {}
        }
    }
    let files: Vec<String> = match tool {
        "shuf" if options.has('e') || options.has('i') => Vec::new(),
        "shuf" | "split" | "xxd" | "uuencode" if tool != "uuencode" || given.len() > 1 => {
            given.iter().take(1).cloned().collect()
        }
        "uuencode" => Vec::new(),
        // What comes by the standard input goes first where that is no terminal.
        "more" if gnu && !given.is_empty() && !sys.is_tty(0) => {
            std::iter::once("-".to_string()).chain(given.iter().cloned()).collect()
        }
        "bc" => given.iter().cloned().chain(std::iter::once("-".to_string())).collect(),
        "cmp" if given.len() == 1 => vec![given[0].clone(), "-".into()],
        "cmp" => given.iter().take(2).cloned().collect(),
        _ => given.clone(),
    };
    if tool == "dc" && options.has('e') && given.is_empty() {
        let mut call = Call { tool, options, files: Vec::new(), gnu, failed: false };
        let mut out = Vec::new();
        let code = super::bc::dc(sys, &mut call, &mut out);
        sys.out(out);
        return Started::Exit(code);
    }
    if tool == "shuf" && (options.has('e') || options.has('i')) {
        let mut call = Call { tool, options, files: Vec::new(), gnu, failed: false };
        let mut out = Vec::new();
        let code = pick::shuf(sys, &mut call, &mut out);
        sys.out(out);
        return Started::Exit(code);
    }
    let gather = Gather {
        tool: tool.to_string(),
        found: options.found,
        operands: options.operands,
        files: Vec::new(),
        failed: false,
    };
    filter(sys, &name, &files, Kind::Gather(gather)).start()
}

impl Filter for Gather {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn opened(&mut self, io: &mut Io<'_, '_>) -> Flow {
        self.files.push((io.inputs.name.clone(), Vec::new()));
        Flow::More
    }

    fn bytes(&mut self, _io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        if let Some((_, all)) = self.files.last_mut()
            && all.len() < MAX
        {
            all.extend_from_slice(&bytes);
        }
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        self.failed = true;
        let name = io.inputs.name.clone();
        let text = super::driver::fault_text(io.sys, io.tool, &name, fault, opening);
        io.sys.err(text);
        match self.tool.as_str() {
            "cmp" => 2,
            "more" | "less" if io.gnu() => 0,
            _ => 1,
        }
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        let gnu = io.gnu();
        let options = Options { found: std::mem::take(&mut self.found), operands: std::mem::take(&mut self.operands) };
        let tool = self.tool.clone();
        let mut call = Call { tool: &tool, options, files: std::mem::take(&mut self.files), gnu, failed: self.failed };
        let mut out = Vec::new();
        let code = run(io, &mut call, &mut out);
        io.out.put(out);
        code
    }
}

fn run(io: &mut Io<'_, '_>, call: &mut Call<'_>, out: &mut Vec<u8>) -> u8 {
    // Tools for two files say nothing where one is missing.
    let nothing = call.tool == "od" && call.files.is_empty();
    if call.failed && (nothing || matches!(call.tool, "comm" | "join" | "cmp" | "paste" | "shuf")) {
        return if call.tool == "cmp" { 2 } else { 1 };
    }
    match call.tool {
        "tac" => lines::tac(call, out),
        "rev" => lines::rev(io.sys, call, out),
        "nl" => lines::nl(call, out),
        "fold" => lines::fold(call, out),
        "expand" => lines::expand(call, out),
        "unexpand" => lines::unexpand(call, out),
        "paste" => join::paste(call, out),
        "comm" => join::comm(io.sys, call, out),
        "join" => join::join(io.sys, call, out),
        "cmp" => compare::cmp(io.sys, call, out),
        "od" => dump::od(io.sys, call, out),
        "hexdump" => dump::hexdump(call, out),
        "xxd" => dump::xxd(io.sys, call, out),
        "shuf" => pick::shuf(io.sys, call, out),
        "split" => pick::split(io.sys, call),
        "strings" => pick::strings(call, out),
        "dos2unix" | "unix2dos" => pick::dos2unix(io.sys, call, out),
        "uuencode" => pick::uuencode(call, out),
        "iconv" => {
            out.extend_from_slice(&call.all());
            0
        }
        "bc" => super::bc::bc(io.sys, call, out),
        "dc" => super::bc::dc(io.sys, call, out),
        "column" => pages::column(call, out),
        "fmt" => pages::fmt(call, out),
        "more" | "less" => pages::more(call, out),
        _ => 0,
    }
}
