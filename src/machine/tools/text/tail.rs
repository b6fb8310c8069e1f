//! `tail`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::head::header;
use super::input::MAX_LINE;
use super::numbers;
use super::opts::{self, Arg, Spec};
use super::out::Out;
use super::{Running, runs};
use crate::api::Duration;
use crate::machine::errno::Errno;
use crate::machine::images::Userland;
use crate::machine::kernel::files::On;
use crate::machine::kernel::sys::{Kind, Seek};
use crate::machine::kernel::{Fd, Input, OpenOptions, Pid, Status, Sys, Turn, Wait};
use crate::machine::tools::Started;

/// How much is read at once.
const PIECE: usize = 32768;

/// A file that is shown, and perhaps followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tailed {
    name: String,
    fd: Option<Fd>,
    /// The disk and inode that are open, to see when another has the name.
    is: Option<(String, u64)>,
    /// How far it was read.
    at: u64,
    /// Whether it cannot grow.
    fixed: bool,
    /// Whether it was complained about.
    missing: bool,
}

/// What is being done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Open,
    /// The beginning is passed over.
    Skip,
    /// The end of what cannot be sought in is kept.
    Keep,
    Copy,
    Follow,
}

/// A `tail` on its way through its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tail {
    files: Vec<Tailed>,
    current: usize,
    phase: Phase,
    in_bytes: bool,
    from_start: bool,
    count: u64,
    follow: bool,
    /// Whether names are followed rather than open files.
    by_name: bool,
    retry: bool,
    interval: i64,
    pid: Option<Pid>,
    headers: bool,
    /// The file whose header was printed last.
    shown: Option<usize>,
    left: u64,
    kept: VecDeque<Vec<u8>>,
    kept_len: u64,
    out: Out,
    code: u8,
}

const GNU: Spec = Spec {
    short: "n:c:fFqvs:z",
    long: &[
        ("lines", Arg::Yes, 'n'),
        ("bytes", Arg::Yes, 'c'),
        ("follow", Arg::Maybe, 'f'),
        ("retry", Arg::No, 'R'),
        ("pid", Arg::Yes, 'P'),
        ("quiet", Arg::No, 'q'),
        ("silent", Arg::No, 'q'),
        ("verbose", Arg::No, 'v'),
        ("sleep-interval", Arg::Yes, 's'),
        ("max-unchanged-stats", Arg::Yes, 'M'),
        ("zero-terminated", Arg::No, 'z'),
    ],
    code: 1,
};

const BUSYBOX: Spec = Spec { short: "fFc:n:qs:v", long: &[], code: 1 };

/// `tail [-n [+]N | -c [+]N] [-fFqv] [-s SECONDS] FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let userland = sys.userland();
    let args = modern(args);
    let options = match opts::parse(sys, &args, if userland == Userland::Gnu { &GNU } else { &BUSYBOX }) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    let mut tail = Tail {
        files: Vec::new(),
        current: 0,
        phase: Phase::Open,
        in_bytes: false,
        from_start: false,
        count: 10,
        follow: options.has('f') || options.has('F'),
        by_name: options.has('F') || options.values('f').any(|v| v == "name"),
        retry: options.has('F') || options.has('R'),
        interval: 1000,
        pid: None,
        headers: options.operands.len() > 1,
        shown: None,
        left: 0,
        kept: VecDeque::new(),
        kept_len: 0,
        out: Out::stdout(sys),
        code: 0,
    };
    for (letter, value) in &options.found {
        match letter {
            'n' | 'c' => {
                tail.in_bytes = *letter == 'c';
                tail.from_start = value.starts_with('+');
                let text = value.strip_prefix(['-', '+']).unwrap_or(value);
                let Some(count) = numbers::size(text, userland) else {
                    let what = if tail.in_bytes { "bytes" } else { "lines" };
                    sys.err(match userland {
                        Userland::Gnu => format!("tail: invalid number of {what}: '{value}'\n"),
                        Userland::Busybox => format!("tail: invalid number '{value}'\n"),
                    });
                    return Started::Exit(1);
                };
                tail.count = count;
            }
            's' => match value.parse::<f64>() {
                Ok(seconds) if seconds >= 0.0 => tail.interval = ((seconds * 1000.0) as i64).max(10),
                _ => {
                    sys.err(match userland {
                        Userland::Gnu => format!("tail: invalid number of seconds: '{value}'\n"),
                        Userland::Busybox => format!("tail: invalid number '{value}'\n"),
                    });
                    return Started::Exit(1);
                }
            },
            'P' => tail.pid = value.parse().ok(),
            'q' => tail.headers = false,
            'v' => tail.headers = true,
            _ => {}
        }
    }
    if tail.pid.is_some() && !tail.follow {
        sys.err("tail: warning: PID ignored; --pid=PID is useful only when following\n");
    }
    if options.has('R') && !tail.follow {
        sys.err("tail: warning: --retry ignored; --retry is useful only when following\n");
    }
    let names = if options.operands.is_empty() { vec!["-".to_string()] } else { options.operands };
    let tailed = |name| Tailed { name, fd: None, is: None, at: 0, fixed: false, missing: false };
    tail.files = names.into_iter().map(tailed).collect();
    runs(Running::Tail(Box::new(tail)))
}

/// The old forms `-5`, `-5f`, `+5` as options.
fn modern(args: &[String]) -> Vec<String> {
    let mut args = args.to_vec();
    let Some(first) = args.get(1).cloned() else { return args };
    let (sign, rest) = match (first.strip_prefix('-'), first.strip_prefix('+')) {
        (Some(rest), _) => ("", rest),
        (_, Some(rest)) => ("+", rest),
        _ => return args,
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, letters) = rest.split_at(digits);
    if number.is_empty() || !letters.bytes().all(|b| b"clfbq".contains(&b)) {
        return args;
    }
    let mut with = vec![format!("{}{sign}{number}", if letters.contains('c') { "-c" } else { "-n" })];
    if letters.contains('f') {
        with.push("-f".into());
    }
    args.splice(1..2, with);
    args
}

impl Tail {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let turn = match self.phase {
            Phase::Follow => self.follow(sys),
            _ => self.show(sys),
        };
        super::driver::finish(sys, "tail", &mut self.out, turn)
    }

    fn complain(&mut self, sys: &mut Sys<'_>, name: &str, fault: Errno, opening: bool) {
        let text = super::driver::fault_text(sys, "tail", name, fault, opening);
        sys.err(text);
        self.code = 1;
    }

    /// Prints the header of a file, where another's output was before.
    fn head(&mut self, number: usize, gnu: bool) {
        if !self.headers || self.shown == Some(number) {
            return;
        }
        let text = header(&self.files[number].name, gnu, self.shown.is_some());
        self.out.put(text);
        self.shown = Some(number);
    }

    fn next_file(&mut self) -> Turn {
        self.current += 1;
        self.phase = Phase::Open;
        (self.kept, self.kept_len) = (VecDeque::new(), 0);
        Turn::Again
    }

    /// Shows the end of the current file.
    fn show(&mut self, sys: &mut Sys<'_>) -> Turn {
        let number = self.current;
        let Some(file) = self.files.get(number) else { return self.shown_all(sys) };
        let Some(fd) = file.fd else { return self.open(sys, number) };
        match sys.read(fd, PIECE) {
            Ok(Input::Wait) => return Turn::Wait(Wait::input(fd)),
            Ok(Input::Bytes(bytes)) => {
                if let Some(file) = self.files.get_mut(number) {
                    file.at += bytes.len() as u64;
                }
                self.take(bytes);
                if self.kept_len > MAX_LINE as u64 {
                    sys.set_memory(self.kept_len);
                }
                return Turn::Again;
            }
            Ok(Input::End) => {}
            Err(fault) => {
                let name = self.files[number].name.clone();
                self.complain(sys, &name, fault, false);
                self.files[number].fixed = true;
            }
        }
        for line in std::mem::take(&mut self.kept) {
            self.out.put(line);
        }
        if !self.follow && fd != 0 {
            let _ = sys.close(fd);
        }
        self.next_file()
    }

    fn open(&mut self, sys: &mut Sys<'_>, number: usize) -> Turn {
        let gnu = sys.userland() == Userland::Gnu;
        let name = self.files[number].name.clone();
        let opened = if name == "-" { Ok(0) } else { sys.open(&name, OpenOptions::READ) };
        let fd = match opened {
            Ok(fd) => fd,
            Err(fault) => {
                self.complain(sys, &name, fault, true);
                // busybox counts only files that it could open.
                self.headers &= gnu || self.files.len() > 2;
                self.files[number].missing = true;
                return self.next_file();
            }
        };
        self.head(number, gnu);
        let on = sys.open_file(fd).map(|f| f.on.clone());
        let file = &mut self.files[number];
        file.fd = Some(fd);
        file.fixed = !matches!(on, Ok(On::Disk(..)));
        if let Ok(On::Disk(disk, ino)) = &on {
            file.is = Some((disk.clone(), *ino));
        }
        let seekable = matches!(on, Ok(On::Disk(..)));
        self.left = self.count.saturating_sub(1);
        self.phase = match (self.from_start, seekable) {
            (true, _) if self.left == 0 => Phase::Copy,
            (true, _) => Phase::Skip,
            (false, true) => {
                self.seek_tail(sys, fd, number);
                Phase::Copy
            }
            (false, false) => Phase::Keep,
        };
        Turn::Again
    }

    /// Finds where the wanted end of a file begins.
    fn seek_tail(&mut self, sys: &mut Sys<'_>, fd: Fd, number: usize) {
        let Ok(size) = sys.seek(fd, Seek::End(0)) else { return };
        let mut begin = size.saturating_sub(self.count);
        if !self.in_bytes {
            begin = size;
            let mut lines = 0;
            'blocks: while begin > 0 && self.count > 0 {
                let from = begin.saturating_sub(PIECE as u64);
                let _ = sys.seek(fd, Seek::Start(from));
                let Ok(Input::Bytes(bytes)) = sys.read(fd, (begin - from) as usize) else { break };
                for (at, _) in bytes.iter().enumerate().rev().filter(|(_, b)| **b == b'\n') {
                    let at = from + at as u64;
                    // The newline at the very end belongs to the last line.
                    if at + 1 == size {
                        continue;
                    }
                    lines += 1;
                    if lines == self.count {
                        begin = at + 1;
                        break 'blocks;
                    }
                }
                begin = from;
            }
        }
        let _ = sys.seek(fd, Seek::Start(begin));
        self.files[number].at = begin;
    }

    fn take(&mut self, bytes: Vec<u8>) {
        match self.phase {
            Phase::Skip if self.in_bytes => {
                let skipped = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= skipped as u64;
                self.out.put(&bytes[skipped..]);
                if self.left == 0 {
                    self.phase = Phase::Copy;
                }
            }
            Phase::Skip => {
                let mut rest = &bytes[..];
                while self.left > 0 {
                    let Some(at) = rest.iter().position(|b| *b == b'\n') else { return };
                    rest = &rest[at + 1..];
                    self.left -= 1;
                }
                self.out.put(rest);
                self.phase = Phase::Copy;
            }
            Phase::Keep if self.in_bytes => {
                self.kept_len += bytes.len() as u64;
                self.kept.push_back(bytes);
                while self.kept_len > self.count {
                    let over = (self.kept_len - self.count) as usize;
                    let Some(first) = self.kept.front_mut() else { break };
                    let len = first.len().min(over);
                    first.drain(..len);
                    self.kept_len -= len as u64;
                    if self.kept.front().is_some_and(Vec::is_empty) {
                        self.kept.pop_front();
                    }
                }
            }
            Phase::Keep => {
                for line in bytes.split_inclusive(|b| *b == b'\n') {
                    self.kept_len += line.len() as u64;
                    match self.kept.back_mut() {
                        // What is longer than anything that ends is only counted.
                        Some(last) if last.last() != Some(&b'\n') && last.len() > MAX_LINE => {}
                        Some(last) if last.last() != Some(&b'\n') => last.extend_from_slice(line),
                        _ => self.kept.push_back(line.to_vec()),
                    }
                    if self.kept.len() as u64 > self.count {
                        let gone = self.kept.pop_front().map_or(0, |l| l.len() as u64);
                        self.kept_len = self.kept_len.saturating_sub(gone);
                    }
                }
            }
            _ => self.out.put(bytes),
        }
    }

    /// Every file was shown: the end, or the beginning of the wait.
    fn shown_all(&mut self, sys: &mut Sys<'_>) -> Turn {
        let gnu = sys.userland() == Userland::Gnu;
        if !self.follow {
            if !gnu && self.files.iter().all(|f| f.missing) {
                sys.err("tail: no files\n");
            }
            return Turn::Exit(Status::Code(self.code));
        }
        self.out.make_direct();
        if self.files.iter().all(|f| f.missing) && !self.retry {
            sys.err(if gnu { "tail: no files remaining\n" } else { "tail: no files\n" });
            return Turn::Exit(Status::Code(1));
        }
        // A pipe that is at its end is not followed.
        let only_stdin = self.files.iter().all(|f| f.name == "-");
        if only_stdin && self.files.iter().all(|f| f.fixed) && !sys.is_tty(0) {
            let null = matches!(sys.open_file(0).map(|f| &f.on), Ok(On::Device(_)));
            if !null {
                return Turn::Exit(Status::Code(self.code));
            }
        }
        self.phase = Phase::Follow;
        Turn::Again
    }

    fn follow(&mut self, sys: &mut Sys<'_>) -> Turn {
        let gnu = sys.userland() == Userland::Gnu;
        if self.pid.is_some_and(|pid| sys.process_of(pid).is_none()) {
            return Turn::Exit(Status::Code(self.code));
        }
        for number in 0..self.files.len() {
            if self.by_name || self.retry && self.files[number].missing {
                self.look_again(sys, number, gnu);
            }
            self.read_on(sys, number, gnu);
        }
        let idle = self.files.iter().all(|f| f.fixed && f.fd.is_some() && !self.by_name || f.missing && !self.retry);
        if idle && self.pid.is_none() {
            return Turn::Wait(Wait::signal());
        }
        Turn::Wait(Wait::until(sys.now() + Duration::millis(self.interval)))
    }

    /// Prints what a file has grown by.
    fn read_on(&mut self, sys: &mut Sys<'_>, number: usize, gnu: bool) {
        let file = &mut self.files[number];
        let (Some(fd), false) = (file.fd, file.fixed) else { return };
        if let Some((disk, ino)) = &file.is {
            let len = sys.disks.get(disk).and_then(|d| d.get(*ino).ok()).map_or(0, |i| i.len());
            if len < file.at {
                if gnu {
                    let text = format!("tail: {}: file truncated\n", file.name);
                    sys.err(text);
                }
                file.at = 0;
                let _ = sys.seek(fd, Seek::Start(0));
            }
        }
        for _ in 0..8 {
            let Ok(Input::Bytes(bytes)) = sys.read(fd, PIECE) else { return };
            self.files[number].at += bytes.len() as u64;
            self.head(number, gnu);
            self.out.put(bytes);
        }
    }

    /// Looks whether a name leads to another file than before.
    fn look_again(&mut self, sys: &mut Sys<'_>, number: usize, gnu: bool) {
        let file = &self.files[number];
        let name = file.name.clone();
        if name == "-" {
            return;
        }
        let said = |text: String| format!("tail: {text}\n");
        match sys.stat(&name) {
            Err(fault) if !file.missing => {
                let text = sys.text(fault);
                sys.err(match gnu {
                    true => said(format!("'{name}' has become inaccessible: {text}")),
                    false => said(format!("{name} has been removed; following end of file"))
                        .replace("removed; following end of file", "renamed or deleted"),
                });
                let file = &mut self.files[number];
                file.missing = true;
                if let Some(fd) = file.fd.take() {
                    let _ = sys.close(fd);
                }
            }
            Err(_) => {}
            Ok(stat) => {
                let is = Some((stat.disk.clone(), stat.ino));
                if stat.kind == Kind::File && (file.missing || file.is != is) {
                    let what = if file.missing && gnu { "appeared" } else { "been replaced" };
                    let text = match gnu {
                        true => said(format!("'{name}' has {what};  following new file")),
                        false => said(format!(
                            "{name} has {}; following end of new file",
                            if file.missing { "appeared" } else { "been replaced" }
                        )),
                    };
                    sys.err(text);
                    if let Some(fd) = self.files[number].fd.take() {
                        let _ = sys.close(fd);
                    }
                    let fd = sys.open(&name, OpenOptions::READ).ok();
                    let file = &mut self.files[number];
                    (file.fd, file.is, file.at, file.missing, file.fixed) = (fd, is, 0, fd.is_none(), false);
                }
            }
        }
    }
}
