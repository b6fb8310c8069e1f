//! `cksum`, `sum` and `crc32`.

use serde::{Deserialize, Serialize};

use super::digest;
use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::opts::{self, Spec};
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// What is summed how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum How {
    Cksum,
    Crc32,
    Bsd,
    SysV,
}

/// A checksum over files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checksum {
    how: How,
    value: u32,
    len: u64,
    stdin: bool,
    several: bool,
}

/// `cksum FILE...`, `sum [-rs] FILE...`, `crc32 FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let name = opts::name(args);
    let spec = Spec { short: if name == "sum" { "rs" } else { "" }, long: &[], code: 1 };
    let options = match opts::parse(sys, args, &spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let how = match name {
        "cksum" => How::Cksum,
        "crc32" => How::Crc32,
        _ if options.has('s') => How::SysV,
        _ => How::Bsd,
    };
    let (stdin, several) = (options.operands.is_empty(), options.operands.len() > 1);
    let kind = Kind::Checksum(Checksum { how, value: 0, len: 0, stdin, several });
    filter(sys, name, &options.operands, kind).start()
}

impl Filter for Checksum {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, _io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        self.len += bytes.len() as u64;
        self.value = match self.how {
            How::Cksum => digest::cksum(self.value, &bytes),
            How::Crc32 => digest::crc32(self.value, &bytes),
            How::SysV => bytes.iter().fold(self.value, |v, b| v.wrapping_add(u32::from(*b))),
            How::Bsd => bytes.iter().fold(self.value, |v, b| ((v >> 1) + ((v & 1) << 15) + u32::from(*b)) & 0xffff),
        };
        Flow::More
    }

    fn file_end(&mut self, io: &mut Io<'_, '_>) -> Flow {
        let name = io.inputs.name.clone();
        let text = match self.how {
            How::Cksum => {
                let mut len = self.len;
                while len > 0 {
                    self.value = digest::cksum(self.value, &[len as u8]);
                    len >>= 8;
                }
                format!("{} {}", !self.value, self.len)
            }
            How::Crc32 => format!("{:08x}", self.value),
            How::Bsd => format!("{:05} {:5}", self.value, self.len.div_ceil(1024)),
            How::SysV => {
                let folded = (self.value & 0xffff) + (self.value >> 16);
                format!("{} {}", (folded & 0xffff) + (folded >> 16), self.len.div_ceil(512))
            }
        };
        io.out.put(text);
        if !self.stdin && (self.how != How::Bsd || self.several || io.gnu()) {
            io.out.put(format!(" {name}"));
        }
        io.out.byte(b'\n');
        (self.value, self.len) = (0, 0);
        Flow::More
    }
}
