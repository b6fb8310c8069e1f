//! `gzip`, `gunzip` and `zcat`.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use super::input::{Inputs, Next};
use super::opts::{self, Arg, Spec};
use super::out::Out;
use super::{Running, runs};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{OpenOptions, Status, Sys, Turn};
use crate::machine::tools::Started;

/// The most that comes out of an archive.
const MAX: u64 = 512 << 20;

/// A `gzip` on its way through its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gzip {
    name: String,
    unpack: bool,
    to_stdout: bool,
    keep: bool,
    force: bool,
    test: bool,
    list: bool,
    verbose: bool,
    level: u32,
    files: Vec<String>,
    stdin: Option<(Inputs, Vec<u8>)>,
    out: Out,
    code: u8,
}

const SPEC: Spec = Spec {
    short: "cdfhklLnNqrtvV123456789S:",
    long: &[
        ("stdout", Arg::No, 'c'),
        ("to-stdout", Arg::No, 'c'),
        ("decompress", Arg::No, 'd'),
        ("uncompress", Arg::No, 'd'),
        ("force", Arg::No, 'f'),
        ("keep", Arg::No, 'k'),
        ("list", Arg::No, 'l'),
        ("no-name", Arg::No, 'n'),
        ("name", Arg::No, 'N'),
        ("quiet", Arg::No, 'q'),
        ("recursive", Arg::No, 'r'),
        ("test", Arg::No, 't'),
        ("verbose", Arg::No, 'v'),
        ("fast", Arg::No, '1'),
        ("best", Arg::No, '9'),
        ("suffix", Arg::Yes, 'S'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "cdfkt123456789nqv", ..SPEC };

/// `gzip [-cdfkltv1-9] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let name = opts::name(args).to_string();
    let options = match opts::parse(sys, args, if gnu { &SPEC } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let level = options.found.iter().rev().find_map(|(l, _)| l.to_digit(10)).unwrap_or(6);
    let mut files = options.operands.clone();
    if files.is_empty() {
        files.push("-".into());
    }
    files.reverse();
    runs(Running::Gzip(Box::new(Gzip {
        unpack: name != "gzip" || options.has('d') || options.has('t') || options.has('l'),
        to_stdout: options.has('c') || name == "zcat" || name == "gzcat",
        keep: options.has('k'),
        force: options.has('f'),
        test: options.has('t'),
        list: options.has('l'),
        verbose: options.has('v'),
        level,
        files,
        stdin: None,
        out: Out::stdout(sys),
        code: 0,
        name: if gnu { "gzip".into() } else { name },
    })))
}

/// Packs bytes.
pub(super) fn pack(bytes: &[u8], level: u32, name: Option<&str>, time: u32) -> Vec<u8> {
    let mut builder = flate2::GzBuilder::new().operating_system(3).mtime(time);
    if let Some(name) = name {
        builder = builder.filename(name);
    }
    let mut encoder = builder.write(Vec::new(), flate2::Compression::new(level));
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Unpacks bytes.
///
/// # Errors
/// Whether the format is not gzip's (or else the data is damaged).
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, bool> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(true);
    }
    let mut out = Vec::new();
    match flate2::read::MultiGzDecoder::new(bytes).take(MAX).read_to_end(&mut out) {
        Ok(_) => Ok(out),
        Err(_) => Err(false),
    }
}

impl Gzip {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let turn = self.advance(sys);
        let name = self.name.clone();
        super::driver::finish(sys, &name, &mut self.out, turn)
    }

    fn advance(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some((inputs, data)) = &mut self.stdin {
            match inputs.next_bytes(sys) {
                Next::Bytes(bytes) if (data.len() as u64) < MAX => {
                    data.extend_from_slice(&bytes);
                }
                Next::Wait(wait) => return Turn::Wait(wait),
                Next::End => {
                    let data = std::mem::take(data);
                    self.stdin = None;
                    self.stream(sys, "stdin", &data);
                }
                _ => {}
            }
            return Turn::Again;
        }
        match self.files.pop() {
            None => Turn::Exit(Status::Code(self.code)),
            Some(file) if file == "-" => {
                self.stdin = Some((Inputs::new(&[]), Vec::new()));
                Turn::Again
            }
            Some(file) => {
                self.file(sys, &file);
                Turn::Again
            }
        }
    }

    fn say(&mut self, sys: &mut Sys<'_>, text: &str, code: u8) {
        let line = format!("{}: {text}\n", self.name);
        sys.err(line);
        // A warning does not hide an error.
        self.code = if self.code == 1 { 1 } else { code };
    }

    /// Packs or unpacks to standard output.
    fn stream(&mut self, sys: &mut Sys<'_>, name: &str, data: &[u8]) {
        if !self.unpack {
            self.out.put(pack(data, self.level, None, 0));
            return;
        }
        if let Some(out) = self.unpacked(sys, name, data)
            && !self.test
            && !self.list
        {
            self.out.put(out);
        }
    }

    fn unpacked(&mut self, sys: &mut Sys<'_>, name: &str, data: &[u8]) -> Option<Vec<u8>> {
        let gnu = sys.userland() == Userland::Gnu;
        if gnu && data.is_empty() {
            sys.err(format!("\ngzip: {name}: unexpected end of file\n"));
            self.code = 1;
            return None;
        }
        match unpack(data) {
            Ok(out) => Some(out),
            Err(_) if !gnu && data.is_empty() => {
                self.say(sys, "short read", 1);
                None
            }
            Err(format) => {
                match (gnu, format) {
                    (true, true) if self.force && self.to_stdout => return Some(data.to_vec()),
                    (true, true) => sys.err(format!("\ngzip: {name}: not in gzip format\n")),
                    (true, false) => sys.err(format!("\ngzip: {name}: unexpected end of file\n")),
                    (false, true) if self.to_stdout && self.name == "zcat" => {
                        return self.fail(sys, "no gzip/bzip2/xz magic");
                    }
                    (false, true) => return self.fail(sys, "invalid magic"),
                    (false, false) => return self.fail(sys, "corrupted data"),
                }
                self.code = 1;
                None
            }
        }
    }

    fn fail(&mut self, sys: &mut Sys<'_>, text: &str) -> Option<Vec<u8>> {
        self.say(sys, text, 1);
        None
    }

    fn file(&mut self, sys: &mut Sys<'_>, file: &str) {
        let gnu = sys.userland() == Userland::Gnu;
        let mut file = file.to_string();
        let stat = match sys.stat(&file) {
            // `gunzip x` finds `x.gz`.
            Err(Errno::NoEnt)
                if self.unpack && gnu && !file.ends_with(".gz") && sys.stat(&format!("{file}.gz")).is_ok() =>
            {
                file.push_str(".gz");
                sys.stat(&file)
            }
            other => other,
        };
        let stat = match stat {
            Ok(stat) => stat,
            Err(fault) => {
                let text = sys.text(fault);
                let shown = if self.unpack && gnu && !file.ends_with(".gz") { format!("{file}.gz") } else { file };
                return self.say(sys, &format!("{shown}: {text}"), 1);
            }
        };
        if stat.kind == Kind::Dir {
            return self.say(sys, &format!("{file} is a directory -- ignored"), 2);
        }
        let stem = match file.strip_suffix(".tgz") {
            Some(stem) => Some(format!("{stem}.tar")),
            None => file.strip_suffix(".gz").or(file.strip_suffix(".Z")).map(str::to_string),
        };
        if !self.to_stdout && !self.test && !self.list {
            match (self.unpack, &stem) {
                (true, None) => {
                    let dashes = if gnu { "--" } else { "-" };
                    let code = if gnu { 2 } else { 1 };
                    return self.say(sys, &format!("{file}: unknown suffix {dashes} ignored"), code);
                }
                (false, Some(_)) if !self.force && gnu => {
                    return self.say(sys, &format!("{file} already has .gz suffix -- unchanged"), 2);
                }
                _ => {}
            }
        }
        let data = match super::input::read_whole(sys, &file) {
            Ok(data) => data,
            Err(fault) => {
                let text = sys.text(fault);
                return self.say(sys, &format!("{file}: {text}"), 1);
            }
        };
        if self.list {
            if let Some(out) = self.unpacked(sys, &file, &data) {
                let ratio = if out.is_empty() { 0.0 } else { 100.0 - 100.0 * data.len() as f64 / out.len() as f64 };
                let stem = stem.unwrap_or(file);
                self.out.put(format!(
                    "         compressed        uncompressed  ratio uncompressed_name\n{:>19} {:>19} {ratio:5.1}% {stem}\n",
                    data.len(),
                    out.len()
                ));
            }
            return;
        }
        if self.to_stdout || self.test {
            return self.stream(sys, &file, &data);
        }
        let (target, out) = match (self.unpack, stem) {
            (true, Some(stem)) => match self.unpacked(sys, &file, &data) {
                Some(out) => (stem, out),
                None => return,
            },
            _ => {
                let base = file.rsplit('/').next().unwrap_or(&file);
                let time = u32::try_from(stat.modified.0 / 1000).unwrap_or(0);
                (format!("{file}.gz"), pack(&data, self.level, Some(base), time))
            }
        };
        if sys.stat(&target).is_ok() && !self.force {
            let text = match gnu {
                true => format!("{target} already exists;\tnot overwritten"),
                false => format!("can't open '{target}': File exists"),
            };
            return self.say(sys, &text, if gnu { 2 } else { 1 });
        }
        let written = sys.open(&target, OpenOptions::WRITE).and_then(|fd| {
            let written = sys.write(fd, &out);
            sys.close(fd).and(written)
        });
        if let Err(fault) = written {
            let text = sys.text(fault);
            return self.say(sys, &format!("{target}: {text}"), 1);
        }
        let _ = sys.chmod(&target, stat.mode);
        let _ = sys.set_modified(&target, stat.modified);
        if !self.keep {
            let _ = sys.unlink(&file);
        }
        if self.verbose && gnu {
            let (small, big) = if self.unpack { (data.len(), out.len()) } else { (out.len(), data.len()) };
            let ratio = if big == 0 { 0.0 } else { 100.0 - 100.0 * small as f64 / big as f64 };
            let what = if self.keep { "created" } else { "replaced with" };
            sys.err(format!("{file}:\t{ratio:5.1}% -- {what} {target}\n"));
        }
    }
}
