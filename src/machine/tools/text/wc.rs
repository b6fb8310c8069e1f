//! `wc`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::input::is_utf8;
use super::opts::{self, Arg, Spec};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind as FileKind;
use crate::machine::tools::Started;

/// A `wc` on its way through its files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Wc {
    /// Lines, words, characters, bytes, the longest line.
    wanted: [bool; 5],
    width: usize,
    utf8: bool,
    counts: [u64; 5],
    totals: [u64; 5],
    within: bool,
    column: u64,
    files: usize,
    from_stdin: bool,
}

const SPEC: Spec = Spec {
    short: "clwmL",
    long: &[
        ("bytes", Arg::No, 'c'),
        ("chars", Arg::No, 'm'),
        ("lines", Arg::No, 'l'),
        ("words", Arg::No, 'w'),
        ("max-line-length", Arg::No, 'L'),
        ("files0-from", Arg::Yes, '0'),
    ],
    code: 1,
};

/// `wc [-clwmL] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let options = match opts::parse(sys, args, &SPEC) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let mut wanted = ['l', 'w', 'm', 'c', 'L'].map(|l| options.has(l));
    if !wanted.contains(&true) {
        wanted = [true, true, false, true, false];
    }
    let mut files = options.operands.clone();
    if let Some(list) = options.value('0') {
        let text = super::input::read_whole(sys, list).unwrap_or_default();
        files = text.split(|b| *b == 0).filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into()).collect();
    }
    let from_stdin = files.is_empty();
    let single = wanted.iter().filter(|w| **w).count() == 1;
    let width = match sys.userland() {
        Userland::Busybox => 9,
        Userland::Gnu if single && files.len() < 2 => 1,
        Userland::Gnu => width(sys, &files),
    };
    let width = if single && files.len() < 2 { 1 } else { width };
    let wc = Wc { wanted, width, utf8: is_utf8(sys), from_stdin, ..Wc::default() };
    filter(sys, opts::name(args), &files, Kind::Wc(wc)).start()
}

/// As wide as the sum of the sizes; seven where a file's size is not known beforehand.
fn width(sys: &Sys<'_>, files: &[String]) -> usize {
    let (mut total, mut least) = (0u64, 1);
    for file in files {
        match (file.as_str(), sys.stat(file)) {
            ("-", _) => least = 7,
            (_, Ok(stat)) if stat.kind == FileKind::File && stat.disk != "proc" => total += stat.size,
            (_, Ok(_)) => least = 7,
            (_, Err(_)) => {}
        }
    }
    if files.is_empty() {
        let of_stdin = sys.open_file(0).ok().and_then(|f| match &f.on {
            crate::machine::kernel::files::On::Disk(disk, ino) => sys.disks.get(disk)?.get(*ino).ok().map(|i| i.len()),
            _ => None,
        });
        match of_stdin {
            Some(size) => total = size,
            None => least = 7,
        }
    }
    total.to_string().len().max(least)
}

impl Wc {
    fn print(&self, io: &mut Io<'_, '_>, counts: [u64; 5], name: &str) {
        let shown = counts.iter().zip(self.wanted).filter(|(_, w)| *w);
        let text: Vec<String> = shown.map(|(n, _)| format!("{n:>width$}", width = self.width)).collect();
        io.out.put(text.join(" "));
        if !name.is_empty() {
            io.out.put(format!(" {name}"));
        }
        io.out.byte(b'\n');
    }

    fn finish_file(&mut self, io: &mut Io<'_, '_>) {
        self.counts[4] = self.counts[4].max(self.column);
        let name = if self.from_stdin { String::new() } else { io.inputs.name.clone() };
        self.print(io, self.counts, &name);
        for (total, count) in self.totals.iter_mut().zip(self.counts).take(4) {
            *total += count;
        }
        self.totals[4] = self.totals[4].max(self.counts[4]);
        (self.counts, self.within, self.column) = ([0; 5], false, 0);
        self.files += 1;
    }
}

impl Filter for Wc {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, _io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        self.counts[3] += bytes.len() as u64;
        for b in bytes {
            let begins = !self.utf8 || b & 0xc0 != 0x80;
            self.counts[2] += u64::from(begins);
            match b {
                b'\n' => {
                    self.counts[0] += 1;
                    self.counts[4] = self.counts[4].max(std::mem::take(&mut self.column));
                }
                b'\r' | 0x0c => self.counts[4] = self.counts[4].max(std::mem::take(&mut self.column)),
                b'\t' => self.column += 8 - self.column % 8,
                b' '..=b'~' => self.column += 1,
                0x80.. if self.utf8 && begins => self.column += 1,
                _ => {}
            }
            let space = matches!(b, b' ' | 9..=13);
            // What cannot be printed makes no word, but does not end one either.
            if space {
                self.within = false;
            } else if !self.within && (b > 32 && b != 127) {
                self.within = true;
                self.counts[1] += 1;
            }
        }
        Flow::More
    }

    fn file_end(&mut self, io: &mut Io<'_, '_>) -> Flow {
        self.finish_file(io);
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        let text = super::driver::fault_text(io.sys, io.tool, &name, fault, opening);
        io.sys.err(text);
        if opening {
            self.files += 1;
        }
        1
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        if self.files > 1 {
            self.print(io, self.totals, "total");
        }
        0
    }
}
