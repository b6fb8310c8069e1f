//! `diff`.

mod lcs;
mod show;

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, filter};
use super::filters::Kind;
use super::opts::{self, Arg, Options, Spec};
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind as FileKind;
use crate::machine::tools::Started;

/// How differences are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    Normal,
    Unified(usize),
    Context(usize),
}

/// A `diff` with what it has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diff {
    format: Format,
    gnu: bool,
    brief: bool,
    same: bool,
    recurse: bool,
    new_files: bool,
    fold: bool,
    all_blanks: bool,
    blanks: bool,
    blank_lines: bool,
    labels: Vec<String>,
    /// What is printed before the differences of files in folders.
    command: String,
    files: Vec<(String, Vec<u8>)>,
    failed: bool,
}

const GNU: Spec = Spec {
    short: "abBcC:dEiL:NqrstTuU:wyW:x:",
    long: &[
        ("text", Arg::No, 'a'),
        ("ignore-space-change", Arg::No, 'b'),
        ("ignore-blank-lines", Arg::No, 'B'),
        ("context", Arg::Maybe, 'ç'),
        ("unified", Arg::Maybe, 'ü'),
        ("ignore-case", Arg::No, 'i'),
        ("label", Arg::Yes, 'L'),
        ("new-file", Arg::No, 'N'),
        ("brief", Arg::No, 'q'),
        ("recursive", Arg::No, 'r'),
        ("report-identical-files", Arg::No, 's'),
        ("ignore-all-space", Arg::No, 'w'),
        ("strip-trailing-cr", Arg::No, 'R'),
        ("color", Arg::Maybe, 'K'),
        ("exclude", Arg::Yes, 'x'),
        ("normal", Arg::No, 'n'),
        ("minimal", Arg::No, 'd'),
        ("side-by-side", Arg::No, 'y'),
    ],
    code: 2,
};

const BUSYBOX: Spec = Spec { short: "abdiL:NqrsS:tTU:uwB", code: 1, ..GNU };

/// `diff [-urNqsibwB] FILE1 FILE2`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let spec = if gnu { &GNU } else { &BUSYBOX };
    let options = match opts::parse(sys, args, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let given = &options.operands;
    let last = given.last().cloned().unwrap_or_else(|| "diff".into());
    if given.len() != 2 {
        if !gnu {
            opts::usage(sys, "diff");
            return Started::Exit(1);
        }
        let text = if given.len() > 2 {
            format!("extra operand '{}'", given[2])
        } else {
            format!("missing operand after '{last}'")
        };
        return Started::Exit(opts::complain(sys, args, spec, &text));
    }
    let mut diff = settings(&options, gnu);
    let flags: Vec<&str> =
        args.iter().skip(1).filter(|a| a.starts_with('-') && *a != "-").map(String::as_str).collect();
    diff.command = format!("diff {}", flags.join(" "));
    let (mut first, mut second) = (given[0].clone(), given[1].clone());
    let is_dir = |sys: &Sys<'_>, name: &str| name != "-" && sys.stat(name).is_ok_and(|s| s.kind == FileKind::Dir);
    match (is_dir(sys, &first), is_dir(sys, &second)) {
        (true, true) => {
            let same = |sys: &Sys<'_>, name: &str| sys.stat(name).ok().map(|s| (s.disk, s.ino));
            if same(sys, &first) == same(sys, &second) {
                return Started::Exit(0);
            }
            let mut out = Vec::new();
            let code = diff.folders(sys, &first, &second, &mut out, 0);
            sys.out(out);
            return Started::Exit(code);
        }
        (true, false) => first = format!("{}/{}", first.trim_end_matches('/'), second.rsplit('/').next().unwrap_or("")),
        (false, true) => {
            second = format!("{}/{}", second.trim_end_matches('/'), first.rsplit('/').next().unwrap_or(""))
        }
        _ => {}
    }
    filter(sys, "diff", &[first, second], Kind::Diff(diff)).start()
}

fn settings(options: &Options, gnu: bool) -> Diff {
    let number = |l: char| options.value(l).map(|v| v.parse().unwrap_or(3));
    let format = match (number('U').or(number('ü')), number('C').or(number('ç'))) {
        (Some(lines), _) => Format::Unified(lines),
        _ if options.has('u') || !gnu => Format::Unified(3),
        (_, Some(lines)) => Format::Context(lines),
        _ if options.has('c') => Format::Context(3),
        _ => Format::Normal,
    };
    Diff {
        format,
        gnu,
        brief: options.has('q'),
        same: options.has('s'),
        recurse: options.has('r'),
        new_files: options.has('N'),
        fold: options.has('i'),
        all_blanks: options.has('w'),
        blanks: options.has('b'),
        blank_lines: options.has('B'),
        labels: options.values('L').map(str::to_string).collect(),
        command: String::new(),
        files: Vec::new(),
        failed: false,
    }
}

impl Diff {
    /// A line as it is compared.
    fn key(&self, line: &[u8]) -> Vec<u8> {
        let mut key = line.to_vec();
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12);
        if self.all_blanks {
            key.retain(|b| !blank(b));
        } else if self.blanks {
            let words: Vec<&[u8]> = line.split(blank).filter(|w| !w.is_empty()).collect();
            let lead: &[u8] = if line.first().is_some_and(blank) && !words.is_empty() { b" " } else { b"" };
            key = [lead, &words.join(&b' ')].concat();
        }
        if self.fold {
            key.make_ascii_lowercase();
        }
        key
    }

    /// Compares two files; what differs is put out.
    fn compare(
        &self,
        sys: &Sys<'_>,
        (first, a): (&str, &[u8]),
        (second, b): (&str, &[u8]),
        out: &mut Vec<u8>,
        nested: bool,
    ) -> u8 {
        if a == b {
            if self.same {
                out.extend_from_slice(format!("Files {first} and {second} are identical\n").as_bytes());
            }
            return 0;
        }
        let binary = |bytes: &[u8]| bytes.iter().take(4096).any(|b| *b == 0);
        let (x, y): (Vec<&[u8]>, Vec<&[u8]>) = (super::gather_lines(a).collect(), super::gather_lines(b).collect());
        let is_binary = binary(a) || binary(b);
        let (keys_x, keys_y): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
            (x.iter().map(|l| self.key(l)).collect(), y.iter().map(|l| self.key(l)).collect());
        let mut changes = if is_binary { Vec::new() } else { lcs::changes(&keys_x, &keys_y) };
        if self.blank_lines {
            let blank = |lines: &[&[u8]]| lines.iter().all(|l| l.trim_ascii().is_empty());
            changes.retain(|c| !(blank(&x[c.a.0..c.a.1]) && blank(&y[c.b.0..c.b.1])));
        }
        if !is_binary && changes.is_empty() {
            if self.same {
                out.extend_from_slice(format!("Files {first} and {second} are identical\n").as_bytes());
            }
            return 0;
        }
        if self.brief {
            out.extend_from_slice(format!("Files {first} and {second} differ\n").as_bytes());
            return 1;
        }
        if is_binary {
            out.extend_from_slice(format!("Binary files {first} and {second} differ\n").as_bytes());
            return if self.gnu { 2 } else { 1 };
        }
        if nested && self.gnu {
            out.extend_from_slice(format!("{} {first} {second}\n", self.command).as_bytes());
        }
        let titles = [self.title(sys, first, 0), self.title(sys, second, 1)];
        match self.format {
            Format::Normal => show::normal(&changes, &x, &y, out),
            Format::Unified(lines) => show::unified(&changes, &x, &y, lines, &titles, out),
            Format::Context(lines) => show::context(&changes, &x, &y, lines, &titles, out),
        }
        1
    }

    /// What stands behind `---` and `+++`.
    fn title(&self, sys: &Sys<'_>, name: &str, number: usize) -> String {
        if let Some(label) = self.labels.get(number) {
            return label.clone();
        }
        if !self.gnu {
            return name.to_string();
        }
        let time = match sys.stat(name) {
            Ok(stat) if name != "-" => stat.modified.0,
            _ => sys.now().0,
        };
        let zone = sys.env("TZ").unwrap_or_default().to_string();
        let zone = jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let text = jiff::Timestamp::from_millisecond(time)
            .ok()
            .and_then(|t| jiff::fmt::strtime::format("%Y-%m-%d %H:%M:%S.%9f %z", &t.to_zoned(zone)).ok());
        format!("{name}\t{}", text.unwrap_or_default())
    }

    /// Compares two folders.
    fn folders(&self, sys: &mut Sys<'_>, first: &str, second: &str, out: &mut Vec<u8>, depth: usize) -> u8 {
        let names = |sys: &Sys<'_>, folder: &str| -> Vec<(String, FileKind)> {
            let all = sys.read_dir(folder).unwrap_or_default();
            all.into_iter().filter(|(n, _)| n != "." && n != "..").map(|(n, s)| (n, s.kind)).collect()
        };
        let (a, b) = (names(sys, first), names(sys, second));
        let mut all: Vec<&String> = a.iter().chain(&b).map(|(n, _)| n).collect();
        all.sort();
        all.dedup();
        let mut code = 0;
        for name in all {
            let at = |folder: &str| format!("{}/{name}", folder.trim_end_matches('/'));
            let kind = |all: &[(String, FileKind)]| all.iter().find(|(n, _)| n == name).map(|(_, k)| *k);
            let (left, right) = (at(first), at(second));
            match (kind(&a), kind(&b)) {
                (Some(FileKind::Dir), Some(FileKind::Dir)) => {
                    if self.recurse && depth < 64 {
                        code = code.max(self.folders(sys, &left, &right, out, depth + 1));
                    } else {
                        out.extend_from_slice(format!("Common subdirectories: {left} and {right}\n").as_bytes());
                    }
                }
                (Some(x), Some(y)) if (x == FileKind::Dir) != (y == FileKind::Dir) => {
                    let what = |k: FileKind| if k == FileKind::Dir { "a directory" } else { "a regular file" };
                    out.extend_from_slice(
                        format!("File {left} is {} while file {right} is {}\n", what(x), what(y)).as_bytes(),
                    );
                    code = code.max(1);
                }
                (Some(k), None) | (None, Some(k)) if !self.new_files || k == FileKind::Dir => {
                    let folder = if kind(&a).is_some() { first } else { second };
                    out.extend_from_slice(format!("Only in {}: {name}\n", folder.trim_end_matches('/')).as_bytes());
                    code = code.max(1);
                }
                _ => {
                    let read =
                        |sys: &mut Sys<'_>, path: &str| sys.read_file(path).map(|b| b.to_vec()).unwrap_or_default();
                    let (x, y) = (read(sys, &left), read(sys, &right));
                    code = code.max(self.compare(sys, (&left, &x), (&right, &y), out, true));
                }
            }
        }
        code
    }
}

impl Filter for Diff {
    fn wants_bytes(&self) -> bool {
        true
    }

    fn opened(&mut self, io: &mut Io<'_, '_>) -> Flow {
        self.files.push((io.inputs.name.clone(), Vec::new()));
        Flow::More
    }

    fn bytes(&mut self, _io: &mut Io<'_, '_>, bytes: Vec<u8>) -> Flow {
        if let Some((_, all)) = self.files.last_mut() {
            all.extend_from_slice(&bytes);
        }
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, _opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        if self.new_files && fault == Errno::NoEnt {
            self.files.push((name, Vec::new()));
            return 0;
        }
        self.failed = true;
        let text = io.sys.text(fault);
        io.complain(&match self.gnu {
            true => format!("{name}: {text}"),
            false => format!("can't stat '{name}': {text}"),
        });
        2
    }

    fn end(&mut self, io: &mut Io<'_, '_>) -> u8 {
        let files = std::mem::take(&mut self.files);
        let [(first, a), (second, b)] = &files[..] else { return 2 };
        if self.failed {
            return 2;
        }
        let mut out = Vec::new();
        let code = self.compare(io.sys, (first, a), (second, b), &mut out, false);
        io.out.put(out);
        code
    }
}
