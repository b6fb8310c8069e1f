//! `md5sum`, `sha1sum`, `sha256sum` and the like.

use serde::{Deserialize, Serialize};

use super::digest::Algorithm;
use super::driver::{Filter, Flow, Io, fault_text, filter};
use super::filters::Kind;
use super::opts::{self, Arg, Spec};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;

/// The most that is summed.
const MAX: usize = 256 << 20;

/// A sum over files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sum {
    algorithm: Algorithm,
    tag: bool,
    binary: bool,
    end: u8,
    data: Vec<u8>,
    unreadable: bool,
}

/// The check of lists of sums.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    algorithm: Algorithm,
    quiet: bool,
    status: bool,
    warn: bool,
    strict: bool,
    ignore_missing: bool,
    lines: u64,
    good: u64,
    improper: u64,
    wrong: u64,
    unread: u64,
    failed: bool,
}

const GNU: Spec = Spec {
    short: "bctwz",
    long: &[
        ("binary", Arg::No, 'b'),
        ("check", Arg::No, 'c'),
        ("text", Arg::No, 't'),
        ("warn", Arg::No, 'w'),
        ("zero", Arg::No, 'z'),
        ("tag", Arg::No, 'T'),
        ("quiet", Arg::No, 'q'),
        ("status", Arg::No, 's'),
        ("strict", Arg::No, 'S'),
        ("ignore-missing", Arg::No, 'i'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "scwbt", long: &[], code: 1 };

/// `md5sum [-c] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let options = match opts::parse(sys, args, if gnu { &GNU } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let name = opts::name(args);
    let algorithm = Algorithm::of_tool(name);
    let kind = if options.has('c') {
        Kind::Check(Check {
            algorithm,
            quiet: options.has('q'),
            status: options.has('s'),
            warn: options.has('w'),
            strict: options.has('S'),
            ignore_missing: options.has('i'),
            lines: 0,
            good: 0,
            improper: 0,
            wrong: 0,
            unread: 0,
            failed: false,
        })
    } else {
        Kind::Sum(Sum {
            algorithm,
            tag: options.has('T'),
            binary: options.has('b') && gnu,
            end: if options.has('z') { 0 } else { b'\n' },
            data: Vec::new(),
            unreadable: false,
        })
    };
    filter(sys, name, &options.operands, kind).start()
}

impl Filter for Sum {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn bytes(&mut self, _io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        if self.data.len() < MAX {
            self.data.extend_from_slice(&bytes);
        }
        Flow::More
    }

    fn file_end(&mut self, io: &mut Io<'_, '_>) -> Flow {
        if std::mem::take(&mut self.unreadable) {
            return Flow::More;
        }
        let digest = self.algorithm.hex(&std::mem::take(&mut self.data));
        let name = io.inputs.name.clone();
        let (escape, shown) = match io.gnu() && self.end == b'\n' && name.contains(['\\', '\n']) {
            true => ("\\", name.replace('\\', "\\\\").replace('\n', "\\n")),
            false => ("", name),
        };
        io.out.put(match self.tag {
            true => format!("{escape}{} ({shown}) = {digest}", self.algorithm.name()),
            false => format!("{escape}{digest} {}{shown}", if self.binary { '*' } else { ' ' }),
        });
        io.out.byte(self.end);
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        let text = fault_text(io.sys, io.tool, &name, fault, opening);
        io.sys.err(text);
        self.unreadable = !opening;
        1
    }
}

impl Check {
    /// The digest and file of a line.
    fn parse(&self, line: &str, gnu: bool) -> Option<(String, String)> {
        if gnu && let Some(rest) = line.strip_prefix(&format!("{} (", self.algorithm.name())) {
            let (name, digest) = rest.rsplit_once(") = ")?;
            return Some((digest.to_string(), name.to_string()));
        }
        let (escaped, line) = match line.strip_prefix('\\') {
            Some(rest) if gnu => (true, rest),
            _ => (false, line),
        };
        let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (digest, rest) = line.split_at(digits);
        let name = rest.strip_prefix("  ").or(rest.strip_prefix(" *"));
        let name = if gnu { name.or(rest.strip_prefix(' ')) } else { name };
        if digits != self.algorithm.digits() && gnu {
            return None;
        }
        let name = name.filter(|n| !n.is_empty())?;
        let name = if escaped { name.replace("\\n", "\n").replace("\\\\", "\\") } else { name.to_string() };
        Some((digest.to_string(), name))
    }

    fn check(&mut self, io: &mut Io<'_, '_>, digest: &str, name: &str) {
        let contents = match name {
            "-" => super::input::read_whole(io.sys, "-"),
            _ => io.sys.read_file(name).map(|b| b.to_vec()),
        };
        let gnu = io.gnu();
        match contents {
            Ok(contents) => {
                let good = self.algorithm.hex(&contents).eq_ignore_ascii_case(digest);
                if good {
                    self.good += 1
                } else {
                    self.wrong += 1
                }
                if !(self.status || self.quiet && good) {
                    io.out.put(format!("{name}: {}\n", if good { "OK" } else { "FAILED" }));
                }
            }
            Err(Errno::NoEnt) if self.ignore_missing => {}
            Err(fault) => {
                let text = fault_text(io.sys, io.tool, name, fault, fault != Errno::IsDir);
                io.sys.err(text);
                self.unread += 1;
                if !self.status {
                    io.out.put(match gnu {
                        true => format!("{name}: FAILED open or read\n"),
                        false => format!("{name}: FAILED\n"),
                    });
                }
            }
        }
    }
}

/// How a list is named in complaints.
fn shown(name: &str) -> &str {
    if name == "-" { "'standard input'" } else { name }
}

impl Filter for Check {
    fn line(&mut self, io: &mut Io<'_, '_>, line: Vec<u8>, _ended: bool) -> Flow {
        let gnu = io.gnu();
        let line = String::from_utf8_lossy(&line).into_owned();
        self.lines += 1;
        if gnu && line.starts_with('#') {
            return Flow::More;
        }
        match self.parse(line.trim_end_matches('\r'), gnu) {
            Some((digest, name)) => self.check(io, &digest, &name),
            None => {
                self.improper += 1;
                if self.warn {
                    let text = match gnu {
                        true => format!(
                            "{}: {}: improperly formatted {} checksum line",
                            shown(&io.inputs.name),
                            self.lines,
                            self.algorithm.name()
                        ),
                        false => "invalid format".to_string(),
                    };
                    io.complain(&text);
                }
            }
        }
        Flow::More
    }

    fn file_end(&mut self, io: &mut Io<'_, '_>) -> Flow {
        let name = shown(&io.inputs.name).to_string();
        let checked = self.good + self.wrong + self.unread;
        let _ = io.out.flush(io.sys);
        let (one, many) = (self.improper == 1, self.wrong == 1);
        if io.gnu() {
            if checked == 0 && (!self.ignore_missing || self.improper > 0) {
                let text = format!("{name}: no properly formatted checksum lines found");
                io.complain(&text);
                self.failed = true;
            } else if !self.status {
                if self.improper > 0 {
                    let text = if one { "line is improperly" } else { "lines are improperly" };
                    io.complain(&format!("WARNING: {} {text} formatted", self.improper));
                }
                if self.unread > 0 {
                    let text = if self.unread == 1 { "listed file" } else { "listed files" };
                    io.complain(&format!("WARNING: {} {text} could not be read", self.unread));
                }
                if self.wrong > 0 {
                    let text = if many { "computed checksum" } else { "computed checksums" };
                    io.complain(&format!("WARNING: {} {text} did NOT match", self.wrong));
                }
                if self.ignore_missing && self.good == 0 {
                    let text = format!("{name}: no file was verified");
                    io.complain(&text);
                }
            }
            self.failed |= self.wrong + self.unread > 0 || self.strict && self.improper > 0;
            self.failed |= self.ignore_missing && self.good == 0;
        } else {
            let bad = self.wrong + self.unread + self.improper;
            if bad > 0 && !self.status {
                io.complain(&format!("WARNING: {bad} of {} computed checksums did NOT match", self.lines));
            }
            if self.lines == 0 {
                let text = format!("no checksum lines found in '{}'", io.inputs.name);
                io.complain(&text);
            }
            self.failed |= bad > 0 || self.lines == 0;
        }
        (self.lines, self.good, self.improper, self.wrong, self.unread) = (0, 0, 0, 0, 0);
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, _opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        let text = io.sys.text(fault);
        io.complain(&format!("{name}: {text}"));
        1
    }

    fn end(&mut self, _io: &mut Io<'_, '_>) -> u8 {
        u8::from(self.failed)
    }
}
