//! `cat`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::opts::{self, Arg, Spec};
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// A `cat` on its way through its files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cat {
    number: bool,
    number_nonblank: bool,
    squeeze: bool,
    ends: bool,
    tabs: bool,
    visible: bool,
    count: u64,
    within: bool,
    blanks: u32,
    /// A carriage return that waits for what comes after it.
    carriage: bool,
}

const GNU: Spec = Spec {
    short: "nbsvETAetu",
    long: &[
        ("number", Arg::No, 'n'),
        ("number-nonblank", Arg::No, 'b'),
        ("squeeze-blank", Arg::No, 's'),
        ("show-nonprinting", Arg::No, 'v'),
        ("show-ends", Arg::No, 'E'),
        ("show-tabs", Arg::No, 'T'),
        ("show-all", Arg::No, 'A'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "nbvteAu", long: &[], code: 1 };

/// `cat [-nbsvETAetu] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let options = match opts::parse(sys, args, if gnu { &GNU } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let has = |letters: &str| letters.chars().any(|l| options.has(l));
    let cat = Cat {
        number: has("nb"),
        number_nonblank: has("b"),
        squeeze: has("s"),
        ends: has("EAe"),
        tabs: has("TAt"),
        visible: has("vAet"),
        ..Cat::default()
    };
    let plain = !(cat.number || cat.squeeze || cat.ends || cat.tabs || cat.visible);
    let filter = filter(sys, opts::name(args), &options.operands, Kind::Cat(cat));
    if gnu || plain { filter.direct().start() } else { filter.start() }
}

impl Cat {
    fn is_plain(&self) -> bool {
        !(self.number || self.squeeze || self.ends || self.tabs || self.visible)
    }

    fn show(&mut self, b: u8, io: &mut Io<'_, '_>) {
        if std::mem::take(&mut self.carriage) {
            io.out.put(if b == b'\n' { &b"^M"[..] } else { b"\r" });
        }
        if b == b'\n' {
            self.blanks = if self.within { 0 } else { self.blanks + 1 };
            if self.squeeze && self.blanks > 1 {
                return;
            }
            if !self.within && self.number && !self.number_nonblank {
                self.begin(io);
            }
            if self.ends {
                io.out.byte(b'$');
            }
            io.out.byte(b'\n');
            self.within = false;
            return;
        }
        if !self.within {
            self.within = true;
            if self.number {
                self.begin(io);
            }
        }
        match b {
            b'\t' if self.tabs => io.out.put("^I"),
            b'\t' => io.out.byte(b),
            b'\r' if self.ends && !self.visible => self.carriage = true,
            _ if self.visible => visible(b, io),
            _ => io.out.byte(b),
        }
    }

    fn begin(&mut self, io: &mut Io<'_, '_>) {
        self.count += 1;
        io.out.put(format!("{:6}\t", self.count));
    }
}

fn visible(b: u8, io: &mut Io<'_, '_>) {
    if b >= 0x80 {
        io.out.put("M-");
    }
    match b & 0x7f {
        c @ 0..32 => io.out.put([b'^', c + 64]),
        127 => io.out.put("^?"),
        c => io.out.byte(c),
    }
}

impl Filter for Cat {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        if self.is_plain() {
            io.out.put(bytes);
        } else {
            bytes.into_iter().for_each(|b| self.show(b, io));
        }
        Flow::More
    }

    fn file_end(&mut self, io: &mut Io<'_, '_>) -> Flow {
        // busybox counts lines, and ends each.
        if self.number && self.within && !io.gnu() {
            self.show(b'\n', io);
        }
        Flow::More
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        if std::mem::take(&mut self.carriage) {
            io.out.byte(b'\r');
        }
        0
    }
}
