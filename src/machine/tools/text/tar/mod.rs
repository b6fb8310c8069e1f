//! `tar`.

mod create;
mod extract;
mod header;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::input::Inputs;
use super::opts::{self, Arg, Options, Spec};
use super::out::Out;
use super::{Running, runs};
use crate::machine::images::Userland;
use crate::machine::kernel::{Fd, OpenOptions, Status, Sys, Turn};
use crate::machine::tools::Started;

/// What is done with the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Mode {
    Create,
    Extract,
    List,
}

/// A `tar` on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tar {
    mode: Mode,
    gnu: bool,
    gzip: bool,
    verbose: bool,
    to_stdout: bool,
    keep_old: bool,
    keep_time: bool,
    keep_owner: bool,
    keep_mode: bool,
    dereference: bool,
    absolute: bool,
    recurse: bool,
    strip: usize,
    excludes: Vec<String>,
    /// What is archived, or else wanted: a folder to go to and a name.
    names: VecDeque<(Option<String>, String)>,
    /// Which of the wanted names were found.
    found: Vec<bool>,
    /// Standard output, or standard error while the archive is there.
    said: Fd,
    out: Out,
    code: u8,

    // Creating.
    archive: Fd,
    packed: Vec<u8>,
    written: u64,
    copying: Option<(Fd, u64)>,
    told_of_slash: bool,

    // Reading.
    input: Inputs,
    data: Vec<u8>,
    /// How much of `data` is through.
    at: usize,
    ended: bool,
    entry: Option<extract::Entry>,
    long_name: Option<String>,
    long_link: Option<String>,
    folders: Vec<(String, u32, i64)>,
    any: bool,
}

const LONG: &[(&str, Arg, char)] = &[
    ("create", Arg::No, 'c'),
    ("extract", Arg::No, 'x'),
    ("get", Arg::No, 'x'),
    ("list", Arg::No, 't'),
    ("file", Arg::Yes, 'f'),
    ("directory", Arg::Yes, 'C'),
    ("gzip", Arg::No, 'z'),
    ("gunzip", Arg::No, 'z'),
    ("auto-compress", Arg::No, 'a'),
    ("bzip2", Arg::No, 'j'),
    ("xz", Arg::No, 'J'),
    ("verbose", Arg::No, 'v'),
    ("to-stdout", Arg::No, 'O'),
    ("touch", Arg::No, 'm'),
    ("preserve-permissions", Arg::No, 'p'),
    ("same-permissions", Arg::No, 'p'),
    ("no-same-permissions", Arg::No, 'ƥ'),
    ("same-owner", Arg::No, 's'),
    ("no-same-owner", Arg::No, 'o'),
    ("keep-old-files", Arg::No, 'k'),
    ("overwrite", Arg::No, 'w'),
    ("dereference", Arg::No, 'h'),
    ("absolute-names", Arg::No, 'P'),
    ("files-from", Arg::Yes, 'T'),
    ("exclude-from", Arg::Yes, 'X'),
    ("exclude", Arg::Yes, 'ε'),
    ("strip-components", Arg::Yes, 'σ'),
    ("no-recursion", Arg::No, 'ρ'),
    ("numeric-owner", Arg::No, 'ν'),
    ("owner", Arg::Yes, 'ω'),
    ("group", Arg::Yes, 'γ'),
    ("mode", Arg::Yes, 'μ'),
    ("mtime", Arg::Yes, 'τ'),
    ("format", Arg::Yes, 'H'),
    ("sort", Arg::Yes, 'ς'),
    ("warning", Arg::Yes, 'ϖ'),
    ("ignore-failed-read", Arg::No, 'ι'),
    ("wildcards", Arg::No, 'χ'),
    ("totals", Arg::No, 'θ'),
];

const SPEC: Spec = Spec { short: "ctxzjJaf:C:vOmposkhPT:X:wBbSH:", long: LONG, code: 2 };
const BUSYBOX: Spec = Spec { code: 1, ..SPEC };

/// `tar -c|-x|-t [-zvOkmh] [-f ARCHIVE] [-C DIR] NAME...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let spec = if gnu { &SPEC } else { &BUSYBOX };
    let args = with_dashes(args);
    // Operands belong to the folder that was named before them.
    let marked: Vec<String> = args.clone();
    let options = match opts::parse(sys, &marked, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    match build(sys, &args, &options, gnu) {
        Ok(tar) => runs(Running::Tar(Box::new(tar))),
        Err((text, code)) => {
            sys.err(text);
            Started::Exit(code)
        }
    }
}

/// The old form `tar xzf FILE` with dashes.
fn with_dashes(args: &[String]) -> Vec<String> {
    let mut out: Vec<String> = args.iter().take(1).cloned().collect();
    let Some(first) = args.get(1) else { return out };
    if first.starts_with('-') {
        out.extend(args.iter().skip(1).cloned());
        return out;
    }
    let mut rest = args.iter().skip(2);
    for letter in first.chars() {
        out.push(format!("-{letter}"));
        if matches!(letter, 'f' | 'C' | 'T' | 'X' | 'b') {
            out.extend(rest.next().cloned());
        }
    }
    out.extend(rest.cloned());
    out
}

/// The operands with the folder that each is relative to.
fn operands(args: &[String]) -> Vec<(Option<String>, String)> {
    let mut folder: Option<String> = None;
    let mut out = Vec::new();
    let mut rest = args.iter().skip(1).peekable();
    let mut plain = false;
    while let Some(arg) = rest.next() {
        if plain || !arg.starts_with('-') || arg == "-" {
            out.push((folder.take(), arg.clone()));
        } else if arg == "--" {
            plain = true;
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
            let takes = LONG.iter().any(|(n, a, _)| n.starts_with(name) && *a == Arg::Yes);
            let value = if takes && value.is_none() { rest.next().cloned() } else { value };
            if "directory".starts_with(name) && name.len() > 2 {
                folder = value;
            }
        } else if let Some(at) = arg.find(['f', 'C', 'T', 'X', 'H', 'b']).filter(|at| *at > 0) {
            let value = arg.get(at + 1..).filter(|v| !v.is_empty()).map(str::to_string);
            let value =
                if arg.as_bytes().get(at) == Some(&b'b') { None } else { value.or_else(|| rest.next().cloned()) };
            if arg.as_bytes().get(at) == Some(&b'C') {
                folder = value;
            }
        }
    }
    if out.is_empty() {
        out.extend(folder.map(|f| (Some(f), String::new())));
    }
    out
}

fn build(sys: &mut Sys<'_>, args: &[String], options: &Options, gnu: bool) -> Result<Tar, (String, u8)> {
    let modes: Vec<char> = options.found.iter().map(|(l, _)| *l).filter(|l| matches!(l, 'c' | 'x' | 't')).collect();
    let usage = "Try 'tar --help' or 'tar --usage' for more information.\n";
    let mode = match modes.last() {
        Some('c') => Mode::Create,
        Some('x') => Mode::Extract,
        Some(_) => Mode::List,
        None if gnu => {
            let text =
                format!("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\n{usage}");
            return Err((text, 2));
        }
        None => return Err((super::usage::busybox("tar"), 1)),
    };
    let file = options.value('f').filter(|f| *f != "-").map(str::to_string);
    let gzip = options.has('z')
        || mode == Mode::Create && options.has('a') && file.as_ref().is_some_and(|f| f.ends_with("gz"));
    let packer = if options.has('j') {
        Some("bzip2")
    } else if options.has('J') {
        Some("xz")
    } else {
        None
    };
    if let Some(packer) = packer {
        return Err(match gnu {
            true => (
                format!(
                    "tar ({}): {packer}: Cannot exec: No such file or directory\ntar ({0}): Error is not recoverable: exiting now\ntar: Child returned status 2\ntar: Error is not recoverable: exiting now\n",
                    "child"
                ),
                2,
            ),
            false => (format!("tar: can't execute '{packer}': No such file or directory\n"), 1),
        });
    }
    let mut names: VecDeque<(Option<String>, String)> = operands(args).into();
    if let Some(list) = options.value('T') {
        let text = super::input::read_whole(sys, list).unwrap_or_default();
        let listed = String::from_utf8_lossy(&text).into_owned();
        names.extend(listed.lines().filter(|l| !l.is_empty()).map(|l| (None, l.to_string())));
    }
    let mut excludes: Vec<String> = options.values('ε').map(str::to_string).collect();
    if let Some(list) = options.value('X') {
        let text = super::input::read_whole(sys, list).unwrap_or_default();
        excludes.extend(String::from_utf8_lossy(&text).lines().map(str::to_string));
    }
    if mode == Mode::Create && names.iter().all(|(_, n)| n.is_empty()) {
        return Err(match gnu {
            true => (format!("tar: Cowardly refusing to create an empty archive\n{usage}"), 2),
            false => ("tar: empty archive\n".into(), 1),
        });
    }
    let refuse = |sys: &Sys<'_>, name: &str, fault| {
        let why = sys.text(fault);
        match gnu {
            true => (format!("tar: {name}: Cannot open: {why}\ntar: Error is not recoverable: exiting now\n"), 2),
            false => (format!("tar: can't open '{name}': {why}\n"), 1),
        }
    };
    let mut archive = if mode == Mode::Create { 1 } else { 0 };
    if let Some(file) = &file {
        let how = if mode == Mode::Create { OpenOptions::WRITE } else { OpenOptions::READ };
        archive = sys.open(file, how).map_err(|fault| refuse(sys, file, fault))?;
    }
    if mode != Mode::Create {
        for folder in names.iter_mut().filter_map(|(folder, _)| folder.take()) {
            sys.chdir(&folder).map_err(|fault| match gnu {
                true => refuse(sys, &folder, fault),
                false => (format!("tar: can't change directory to '{folder}': {}\n", sys.text(fault)), 1),
            })?;
        }
        names.retain(|(_, name)| !name.is_empty());
    }
    let said = if mode == Mode::Create && file.is_none() || options.has('O') { 2 } else { 1 };
    let root = sys.process().uid == 0;
    Ok(Tar {
        mode,
        gnu,
        gzip,
        verbose: options.has('v'),
        to_stdout: options.has('O'),
        keep_old: options.has('k'),
        keep_time: !options.has('m'),
        keep_owner: root && !options.has('o'),
        keep_mode: root && !options.has('ƥ') || options.has('p'),
        dereference: options.has('h'),
        absolute: options.has('P'),
        recurse: !options.has('ρ'),
        strip: options.value('σ').and_then(|v| v.parse().ok()).unwrap_or(0),
        excludes,
        found: vec![false; names.len()],
        names,
        said,
        out: Out::of(sys, said),
        code: 0,
        archive,
        packed: Vec::new(),
        written: 0,
        copying: None,
        told_of_slash: false,
        input: Inputs::default(),
        data: Vec::new(),
        at: 0,
        ended: false,
        entry: None,
        long_name: None,
        long_link: None,
        folders: Vec::new(),
        any: false,
    })
}

impl Tar {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let mut turn = Turn::Again;
        for _ in 0..16 {
            turn = match self.mode {
                Mode::Create => self.create(sys),
                _ => self.read(sys),
            };
            if turn != Turn::Again || self.out.waiting() > 0 && self.said == 2 {
                break;
            }
        }
        super::driver::finish(sys, "tar", &mut self.out, turn)
    }

    /// Complains about a file; the rest goes on.
    fn complain(&mut self, sys: &mut Sys<'_>, text: &str) {
        sys.err(format!("tar: {text}\n"));
        self.code = if self.gnu { 2 } else { 1 };
    }

    /// The exit, with the word about what failed before.
    fn exit(&mut self, sys: &mut Sys<'_>) -> Turn {
        if self.code != 0 {
            let _ = self.out.flush(sys);
            sys.err(match self.gnu {
                true => "tar: Exiting with failure status due to previous errors\n",
                false => "tar: error exit delayed from previous errors\n",
            });
        }
        Turn::Exit(Status::Code(self.code))
    }

    fn is_excluded(&self, name: &str) -> bool {
        let base = name.rsplit('/').next().unwrap_or(name);
        let parts = || name.split('/');
        self.excludes.iter().any(|pattern| {
            let pattern = pattern.trim_end_matches('/');
            let glob = |text: &str| super::glob::matches(pattern.as_bytes(), text.as_bytes());
            glob(name) || glob(base) || !pattern.contains('/') && parts().any(glob) || {
                let bare = name.trim_start_matches("./");
                let pattern = pattern.trim_start_matches("./");
                bare == pattern || bare.strip_prefix(pattern).is_some_and(|r| r.starts_with('/'))
            }
        })
    }
}
