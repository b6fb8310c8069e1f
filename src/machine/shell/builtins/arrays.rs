//! `mapfile`: the lines of an input in an array.

use serde::{Deserialize, Serialize};

use super::{Active, Arrays, Done};
use crate::machine::kernel::{Fd, Input, Sys, Turn, Wait};
use crate::machine::shell::Shell;
use crate::machine::shell::vm::{Flow, Frame};

/// How much it reads.
const MAX_BYTES: usize = 64 << 20;

/// A `mapfile` that reads.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::machine::shell) struct Mapping {
    name: String,
    strip: bool,
    delimiter: u8,
    count: usize,
    skip: usize,
    origin: Option<i64>,
    fd: Fd,
    bytes: Vec<u8>,
}

const USAGE: &str = "mapfile: usage: mapfile [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]";

pub(super) fn mapfile(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut mapping = Mapping { name: "MAPFILE".into(), delimiter: b'\n', ..Mapping::default() };
    let mut rest = args[1..].iter();
    while let Some(arg) = rest.next() {
        if arg == "-t" {
            mapping.strip = true;
            continue;
        }
        if !arg.starts_with('-') || arg.len() < 2 {
            mapping.name.clone_from(arg);
            break;
        }
        let (option, joined) = arg.split_at(2);
        let option = if option == "-t" {
            mapping.strip = true;
            match joined.chars().next() {
                Some(c) => format!("-{c}"),
                None => continue,
            }
        } else {
            option.to_string()
        };
        let value = if joined.is_empty() || arg.starts_with("-t") {
            rest.next().cloned().unwrap_or_default()
        } else {
            joined.to_string()
        };
        match option.as_str() {
            "-d" => mapping.delimiter = value.bytes().next().unwrap_or(0),
            "-n" => mapping.count = value.parse().unwrap_or(0),
            "-s" => mapping.skip = value.parse().unwrap_or(0),
            "-O" => mapping.origin = value.parse().ok(),
            "-u" => mapping.fd = value.parse().unwrap_or(0),
            "-C" | "-c" => {}
            option => return sh.illegal_option(sys, option, USAGE),
        }
    }
    sh.builtin = None;
    Done::Flow(sh.mapping(sys, mapping))
}

impl Shell {
    pub(in crate::machine::shell) fn mapping(&mut self, sys: &mut Sys<'_>, mut mapping: Mapping) -> Flow {
        match sys.read(mapping.fd, 65536) {
            Ok(Input::Bytes(bytes)) if mapping.bytes.len() < MAX_BYTES => {
                mapping.bytes.extend(bytes);
                self.push(Frame::Builtin(Box::new(Active::Map(mapping))));
                Flow::Yield
            }
            Ok(Input::Wait) => {
                let wait = Wait::input(mapping.fd);
                self.push(Frame::Builtin(Box::new(Active::Map(mapping))));
                Flow::Turn(Turn::Wait(wait))
            }
            _ => {
                let limit = if mapping.count == 0 { usize::MAX } else { mapping.count };
                let lines = mapping.bytes.split_inclusive(|b| *b == mapping.delimiter).skip(mapping.skip).take(limit);
                let origin = mapping.origin.unwrap_or(0);
                let all = lines.enumerate().map(|(n, line)| {
                    let line =
                        if mapping.strip { line.strip_suffix(&[mapping.delimiter]).unwrap_or(line) } else { line };
                    let text = String::from_utf8_lossy(line).into_owned();
                    ((origin + n as i64).to_string(), text)
                });
                let all = all.map(|(k, v)| (Some(k), false, v)).collect();
                self.status = 0;
                let name = mapping.name.clone();
                if let Err(stop) = self.assign_array(sys, &name, all, mapping.origin.is_some()) {
                    return self.stopped(sys, stop);
                }
                Flow::Yield
            }
        }
    }
}
