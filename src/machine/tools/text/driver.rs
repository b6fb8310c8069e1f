//! What drives a filter: feeds it the lines or bytes of its files as they come, and says which cannot be read.

use serde::{Deserialize, Serialize};

use super::input::{Inputs, Next};
use super::out::Out;
use super::{Running, filters, runs};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::{Status, Sys, Turn};
use crate::machine::tools::Started;

/// How many lines a step handles at most.
const LINES: usize = 200;

/// How many bytes a step handles at most.
const BYTES: usize = 32768;

/// What a filter works with.
pub struct Io<'a, 'b> {
    /// The kernel.
    pub sys: &'a mut Sys<'b>,
    /// Standard output.
    pub out: &'a mut Out,
    /// Which files are still to be read.
    pub inputs: &'a mut Inputs,
    /// The tool's name.
    pub tool: &'a str,
}

impl Io<'_, '_> {
    /// Whether the tools are GNU's.
    pub fn gnu(&self) -> bool {
        self.sys.userland() == Userland::Gnu
    }

    /// Complains about something, by the tool's name.
    pub fn complain(&mut self, text: &str) {
        let line = format!("{}: {text}\n", self.tool);
        self.sys.err(line);
    }
}

/// How a filter goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// With what comes next.
    More,
    /// With the next file.
    SkipFile,
    /// Not at all.
    Stop,
}

/// A tool that makes output of input as it comes.
pub trait Filter {
    /// Whether it takes bytes rather than lines.
    fn wants_bytes(&self) -> bool {
        false
    }

    /// A file was opened.
    fn opened(&mut self, _io: &mut Io<'_, '_>) -> Flow {
        Flow::More
    }

    /// A line has come, without its end.
    fn line(&mut self, _io: &mut Io<'_, '_>, _line: Vec<u8>, _ended: bool) -> Flow {
        Flow::More
    }

    /// Bytes have come.
    fn bytes(&mut self, _io: &mut Io<'_, '_>, _bytes: Vec<u8>) -> Flow {
        Flow::More
    }

    /// A file is at its end.
    fn file_end(&mut self, _io: &mut Io<'_, '_>) -> Flow {
        Flow::More
    }

    /// A file could not be opened or read. The exit code for that.
    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        let text = fault_text(io.sys, io.tool, &name, fault, opening);
        io.sys.err(text);
        1
    }

    /// All is read, or the filter has stopped. The exit code where no file failed.
    fn end(&mut self, _io: &mut Io<'_, '_>) -> u8 {
        0
    }

    /// The exit code, out of the filter's own and that of files that failed.
    fn code(&self, own: u8, failed: u8) -> u8 {
        own.max(failed)
    }
}

/// A filter on its way through its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Filtering {
    tool: String,
    inputs: Inputs,
    out: Out,
    code: u8,
    kind: filters::Kind,
}

/// Runs a filter over files.
pub fn filter(sys: &Sys<'_>, tool: &str, files: &[String], kind: filters::Kind) -> Filtering {
    Filtering { tool: tool.to_string(), inputs: Inputs::new(files), out: Out::stdout(sys), code: 0, kind }
}

impl Filtering {
    /// Writes output at once, as `tee` and `cat` do.
    pub fn direct(mut self) -> Filtering {
        self.out = Out::direct();
        self
    }

    /// Writes output line by line.
    pub fn by_line(mut self) -> Filtering {
        self.out.make_by_line();
        self
    }

    /// Reads lines that end so.
    pub fn separated(mut self, by: u8) -> Filtering {
        self.inputs.separator = by;
        self
    }

    /// Goes on with it.
    pub fn start(self) -> Started {
        runs(Running::Filter(Box::new(self)))
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let (mut lines, mut bytes) = (0, 0);
        let wants_bytes = self.kind.filter().wants_bytes();
        let mut turn = None;
        while lines < LINES && bytes < BYTES && turn.is_none() {
            lines += 1;
            let next = if wants_bytes { self.inputs.next_bytes(sys) } else { self.inputs.next(sys) };
            let mut io = Io { sys, out: &mut self.out, inputs: &mut self.inputs, tool: &self.tool };
            let filter = self.kind.filter();
            let flow = match next {
                Next::Opened => filter.opened(&mut io),
                Next::Line(line, ended) => {
                    bytes += line.len() + 1;
                    filter.line(&mut io, line, ended)
                }
                Next::Bytes(piece) => {
                    bytes += piece.len();
                    filter.bytes(&mut io, piece)
                }
                Next::FileEnd(None) => filter.file_end(&mut io),
                Next::FileEnd(Some(fault)) => {
                    self.code = self.code.max(filter.failed(&mut io, fault, false));
                    filter.file_end(&mut io)
                }
                Next::Failed(fault) => {
                    self.code = self.code.max(filter.failed(&mut io, fault, true));
                    Flow::More
                }
                Next::Wait(wait) => {
                    turn = Some(Turn::Wait(wait));
                    Flow::More
                }
                Next::End => Flow::Stop,
            };
            match flow {
                Flow::More => {}
                Flow::SkipFile => self.inputs.skip_file(sys),
                Flow::Stop => {
                    let mut io = Io { sys, out: &mut self.out, inputs: &mut self.inputs, tool: &self.tool };
                    let own = self.kind.filter().end(&mut io);
                    let code = self.kind.filter().code(own, self.code);
                    turn = Some(Turn::Exit(Status::Code(code)));
                }
            }
        }
        let turn = turn.unwrap_or(Turn::Again);
        finish(sys, &self.tool, &mut self.out, turn)
    }
}

/// Writes what a step has put out, all of it where the tool exits; a failure ends it.
pub fn finish(sys: &mut Sys<'_>, tool: &str, out: &mut Out, turn: Turn) -> Turn {
    let written = if matches!(turn, Turn::Exit(_)) { out.flush(sys) } else { out.settle(sys) };
    match written {
        Ok(()) => turn,
        Err(_) if sys.is_dead() => Turn::Exit(Status::Code(1)),
        Err(fault) => {
            let text = sys.text(fault);
            let gnu = sys.userland() == Userland::Gnu;
            let (what, code) = match tool {
                "grep" | "egrep" | "fgrep" if gnu => ("write error", 2),
                "sed" if gnu => ("couldn't flush stdout", 4),
                "sort" if gnu => ("write failed: 'standard output'", 2),
                _ => ("write error", 1),
            };
            sys.err(format!("{tool}: {what}: {text}\n"));
            Turn::Exit(Status::Code(code))
        }
    }
}

/// What a tool says about a file that cannot be opened (or else read).
pub fn fault_text(sys: &Sys<'_>, tool: &str, name: &str, fault: Errno, opening: bool) -> String {
    let text = sys.text(fault);
    if sys.userland() == Userland::Busybox {
        return match (tool, opening) {
            ("cat" | "uniq" | "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" | "tail", true) => {
                format!("{tool}: can't open '{name}': {text}\n")
            }
            ("md5sum" | "sha1sum" | "sha256sum" | "sha512sum", false) => {
                format!("{tool}: can't read '{name}': {text}\n")
            }
            ("cat" | "tail" | "base64" | "more" | "less", false) => format!("{tool}: read error: {text}\n"),
            ("grep" | "egrep" | "fgrep" | "sed" | "sort" | "cut" | "rev" | "nl" | "strings" | "paste", false) => {
                String::new()
            }
            ("fold" | "expand" | "unexpand" | "head", false) => {
                format!("{tool}: {name}: {}\n", sys.text(Errno::Io))
            }
            ("uniq", false) => format!("{tool}: {name}: I/O error\n"),
            ("od", false) => format!("{tool}: {name}: read error\n"),
            _ => format!("{tool}: {name}: {text}\n"),
        };
    }
    match (tool, opening) {
        ("head" | "tail" | "split" | "fmt", true) => format!("{tool}: cannot open '{name}' for reading: {text}\n"),
        ("head" | "tail", false) => format!("{tool}: error reading '{name}': {text}\n"),
        ("sed", true) => format!("sed: can't read {name}: {text}\n"),
        ("sed", false) => format!("sed: couldn't edit {name}: not a regular file\n"),
        ("sort", true) => format!("sort: cannot read: {name}: {text}\n"),
        ("sort", false) => format!("sort: read failed: {name}: {text}\n"),
        ("uniq", false) => format!("uniq: error reading '{name}'\n"),
        ("tac", true) => format!("tac: failed to open '{name}' for reading: {text}\n"),
        ("tac", false) => format!("tac: {name}: read error: {}\n", sys.text(Errno::Invalid)),
        ("rev" | "more" | "column", true) => format!("{tool}: cannot open {name}: {text}\n"),
        ("rev", false) => format!("rev: {name}: 0: {text}\n"),
        ("base64" | "base32" | "join" | "shuf", false) => format!("{tool}: read error: {text}\n"),
        ("strings", true) => format!("strings: '{name}': No such file\n"),
        _ => format!("{tool}: {name}: {text}\n"),
    }
}
