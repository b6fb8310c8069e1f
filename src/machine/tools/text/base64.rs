//! `base64` and `base32`.

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::numbers;
use super::opts::{self, Arg, Spec};
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

const SIXTY_FOUR: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const THIRTY_TWO: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A `base64` on its way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Base64 {
    bits: u32,
    decode: bool,
    ignore: bool,
    wrap: usize,
    /// What is not enough for a group yet.
    held: Vec<u8>,
    column: usize,
    code: u8,
}

const GNU: Spec = Spec {
    short: "diw:",
    long: &[("decode", Arg::No, 'd'), ("ignore-garbage", Arg::No, 'i'), ("wrap", Arg::Yes, 'w')],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "dw:", long: &[], code: 1 };

/// `base64 [-d] [-i] [-w COLUMNS] [FILE]`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let userland = sys.userland();
    let name = opts::name(args).to_string();
    let spec = if userland == Userland::Gnu { &GNU } else { &BUSYBOX };
    let options = match opts::parse(sys, args, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let wrap = match options.value('w') {
        Some(value) => match numbers::plain(value) {
            Some(number) => number as usize,
            None => {
                sys.err(match userland {
                    Userland::Gnu => format!("{name}: invalid wrap size: '{value}'\n"),
                    Userland::Busybox => format!("{name}: invalid number '{value}'\n"),
                });
                return Started::Exit(1);
            }
        },
        None => 76,
    };
    if let Some(extra) = options.operands.get(1) {
        return Started::Exit(opts::complain(sys, args, spec, &format!("extra operand '{extra}'")));
    }
    let bits = if name == "base32" { 5 } else { 6 };
    let tool = Base64 { bits, decode: options.has('d'), ignore: options.has('i'), wrap, ..Base64::default() };
    filter(sys, &name, &options.operands, Kind::Base64(tool)).start()
}

impl Base64 {
    /// How many bytes make a group, and how many characters.
    fn group(&self) -> (usize, usize) {
        if self.bits == 6 { (3, 4) } else { (5, 8) }
    }

    fn value(&self, c: u8) -> Option<u64> {
        let alphabet: &[u8] = if self.bits == 6 { SIXTY_FOUR } else { THIRTY_TWO };
        alphabet.iter().position(|a| *a == c).map(|p| p as u64)
    }

    fn encode(&mut self, io: &mut Io<'_, '_>, group: &[u8]) {
        let (bytes, chars) = self.group();
        let alphabet: &[u8] = if self.bits == 6 { SIXTY_FOUR } else { THIRTY_TWO };
        let mut word = 0u64;
        for n in 0..bytes {
            word = word << 8 | u64::from(group.get(n).copied().unwrap_or(0));
        }
        let used = (group.len() * 8).div_ceil(self.bits as usize);
        for n in 0..chars {
            let shift = self.bits as usize * (chars - 1 - n);
            let value = (word >> shift) as usize & ((1 << self.bits) - 1);
            let c = if n < used { alphabet.get(value).copied().unwrap_or(b'=') } else { b'=' };
            io.out.byte(c);
            self.column += 1;
            if self.wrap > 0 && self.column == self.wrap {
                io.out.byte(b'\n');
                self.column = 0;
            }
        }
    }

    /// Decodes a group of characters; false where it is none.
    fn decode(&self, io: &mut Io<'_, '_>, group: &[u8]) -> bool {
        let (bytes, chars) = self.group();
        let data = group.iter().take_while(|c| **c != b'=').count();
        let mut word = 0u64;
        let mut good = group.len() == chars && group[data..].iter().all(|c| *c == b'=');
        let mut valid = 0;
        for n in 0..chars {
            let value = group.get(n).filter(|_| n < data).and_then(|c| self.value(*c));
            good &= value.is_some() || n >= data;
            valid = if value.is_some() && valid == n { n + 1 } else { valid };
            word = word << self.bits | value.unwrap_or(0);
        }
        let whole = valid * self.bits as usize / 8;
        for n in 0..whole.min(bytes) {
            io.out.byte((word >> (8 * (bytes - 1 - n))) as u8);
        }
        good && (data == chars || data >= 2)
    }

    fn invalid(&mut self, io: &mut Io<'_, '_>) -> Flow {
        let name = io.tool.to_string();
        let text =
            if io.gnu() || !self.held.is_empty() && self.code == 2 { "invalid input" } else { "truncated input" };
        io.sys.err(format!("{name}: {text}\n"));
        self.code = 1;
        self.held.clear();
        Flow::Stop
    }
}

impl Filter for Base64 {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, io: &mut Io<'_, '_>, input: Vec<u8>) -> Flow {
        let (bytes, chars) = self.group();
        if !self.decode {
            self.held.extend_from_slice(&input);
            let held = std::mem::take(&mut self.held);
            let whole = held.len() / bytes * bytes;
            for group in held[..whole].chunks(bytes) {
                self.encode(io, group);
            }
            self.held = held[whole..].to_vec();
            return Flow::More;
        }
        let lenient = self.ignore || !io.gnu();
        for c in input {
            let known = self.value(c).is_some() || c == b'=';
            if c == b'\n' || !known && lenient {
                continue;
            }
            self.held.push(c);
            if self.held.len() == chars {
                let group = std::mem::take(&mut self.held);
                if !self.decode(io, &group) {
                    return self.invalid(io);
                }
            }
        }
        Flow::More
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        let held = std::mem::take(&mut self.held);
        if self.decode {
            if !held.is_empty() {
                if io.gnu() {
                    self.decode(io, &held);
                }
                let _ = self.invalid(io);
            }
            return self.code;
        }
        if !held.is_empty() {
            self.encode(io, &held);
        }
        if self.wrap > 0 && self.column > 0 {
            io.out.byte(b'\n');
        }
        self.code
    }
}
