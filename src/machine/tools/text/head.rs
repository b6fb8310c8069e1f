//! `head`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::numbers;
use super::opts::{self, Arg, Spec};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// A `head` on its way through its files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Head {
    in_bytes: bool,
    /// Whether all but the last are wanted.
    but_last: bool,
    count: u64,
    headers: bool,
    begun: bool,
    separator: u8,
    left: u64,
    held: VecDeque<Vec<u8>>,
    held_bytes: Vec<u8>,
}

const SPEC: Spec = Spec {
    short: "n:c:qvz",
    long: &[
        ("lines", Arg::Yes, 'n'),
        ("bytes", Arg::Yes, 'c'),
        ("quiet", Arg::No, 'q'),
        ("silent", Arg::No, 'q'),
        ("verbose", Arg::No, 'v'),
        ("zero-terminated", Arg::No, 'z'),
    ],
    code: 1,
};

/// `head [-n N | -c N] [-qv] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut args = args.to_vec();
    // `-5` is `-n 5`, `-5c` is `-c 5`.
    if let Some(arg) = args.get_mut(1)
        && let Some(rest) = arg.strip_prefix('-').filter(|r| r.starts_with(|c: char| c.is_ascii_digit()))
    {
        let kind = if rest.ends_with('c') { "-c" } else { "-n" };
        *arg = format!("{kind}{}", rest.trim_end_matches(['c', 'l', 'q', 'v']));
    }
    let options = match opts::parse(sys, &args, &SPEC) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let userland = sys.userland();
    let mut head = Head { count: 10, separator: b'\n', ..Head::default() };
    let mut verbose = options.operands.len() > 1;
    for (letter, value) in &options.found {
        match letter {
            'n' | 'c' => {
                head.in_bytes = *letter == 'c';
                head.but_last = value.starts_with('-');
                let text = value.strip_prefix('-').or(value.strip_prefix('+')).unwrap_or(value);
                match numbers::size(text, userland) {
                    Some(count) => head.count = count,
                    None => {
                        let what = if head.in_bytes { "bytes" } else { "lines" };
                        sys.err(match userland {
                            Userland::Gnu => format!("head: invalid number of {what}: '{text}'\n"),
                            Userland::Busybox => format!("head: invalid number '{value}'\n"),
                        });
                        return Started::Exit(1);
                    }
                }
            }
            'q' => verbose = false,
            'v' => verbose = true,
            _ => head.separator = 0,
        }
    }
    head.headers = verbose;
    let separator = head.separator;
    filter(sys, opts::name(&args), &options.operands, Kind::Head(head)).separated(separator).start()
}

/// The header of a file that is one of several.
pub(super) fn header(name: &str, gnu: bool, begun: bool) -> String {
    let name = match name {
        "-" | "standard input" => "standard input",
        other => other,
    };
    let _ = gnu;
    format!("{}==> {name} <==\n", if begun { "\n" } else { "" })
}

impl Filter for Head {
    fn wants_bytes(&self) -> bool {
        self.in_bytes
    }

    fn opened(&mut self, io: &mut Io<'_, '_>) -> Flow {
        if self.headers {
            let text = header(&io.inputs.name, io.gnu(), self.begun);
            io.out.put(text);
        }
        self.begun = true;
        self.left = self.count;
        if self.count == 0 && !self.but_last { Flow::SkipFile } else { Flow::More }
    }

    fn line(&mut self, io: &mut Io<'_, '_>, mut line: Vec<u8>, ended: bool) -> Flow {
        if ended {
            line.push(self.separator);
        }
        if self.but_last {
            self.held.push_back(line);
            if self.held.len() as u64 > self.count {
                io.out.put(self.held.pop_front().unwrap_or_default());
            }
            return Flow::More;
        }
        io.out.put(line);
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return Flow::More;
        }
        io.inputs.give_back(io.sys);
        Flow::SkipFile
    }

    fn bytes(&mut self, io: &mut Io<'_, '_>, mut bytes: Vec<u8>) -> Flow {
        if self.but_last {
            self.held_bytes.extend_from_slice(&bytes);
            let over = (self.held_bytes.len() as u64).saturating_sub(self.count);
            io.out.put(self.held_bytes.drain(..over as usize).as_slice());
            return Flow::More;
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let over = bytes.split_off(wanted);
        io.out.put(bytes);
        self.left -= wanted as u64;
        if self.left > 0 {
            return Flow::More;
        }
        if let (Some(fd), false) = (io.inputs.fd(), over.is_empty()) {
            let _ = io.sys.seek(fd, crate::machine::kernel::sys::Seek::Current(-(over.len() as i64)));
        }
        Flow::SkipFile
    }

    fn file_end(&mut self, _io: &mut Io<'_, '_>) -> Flow {
        self.held.clear();
        self.held_bytes.clear();
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        let text = super::driver::fault_text(io.sys, io.tool, &name, fault, opening);
        io.sys.err(text);
        self.begun |= !io.gnu();
        1
    }
}
