//! `grep`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::driver::{Filter, Flow, Io, fault_text, filter};
use super::filters::Kind;
use super::input::{is_utf8, read_whole};
use super::opts::{self, Arg, Options, Spec};
use super::regex::{Flags, Match, Regex};
use super::{glob, numbers};
use crate::machine::errno::Errno;
use crate::machine::images::{Userland, has_musl};
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind as FileKind;
use crate::machine::tools::Started;

/// A `grep` on its way through its files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Grep {
    patterns: Vec<Regex>,
    invert: bool,
    count: bool,
    names: bool,
    names_without: bool,
    only_matching: bool,
    quiet: bool,
    silent: bool,
    with_name: bool,
    numbers: bool,
    offsets: bool,
    recurse: bool,
    follow_links: bool,
    from_here: bool,
    max: Option<u64>,
    before: usize,
    after: usize,
    text: bool,
    skip_binary: bool,
    null_names: bool,
    initial_tab: bool,
    color: bool,
    separator: u8,
    label: String,
    include: Vec<String>,
    exclude: Vec<String>,
    exclude_dir: Vec<String>,
    skip_dirs: bool,
    group_separator: Option<String>,

    binary: bool,
    line: u64,
    offset: u64,
    selected: u64,
    matched: bool,
    held: VecDeque<(u64, u64, Vec<u8>)>,
    after_left: usize,
    last_shown: Option<u64>,
    shown_any: bool,
    stopped: bool,
    was_dir: bool,
}

const GNU: Spec = Spec {
    short: "EFGPe:f:iywxzsvVm:bnHhoqaIUd:D:rRLlcTZA:B:C:0123456789",
    long: &[
        ("extended-regexp", Arg::No, 'E'),
        ("fixed-strings", Arg::No, 'F'),
        ("basic-regexp", Arg::No, 'G'),
        ("perl-regexp", Arg::No, 'P'),
        ("regexp", Arg::Yes, 'e'),
        ("file", Arg::Yes, 'f'),
        ("ignore-case", Arg::No, 'i'),
        ("no-ignore-case", Arg::No, 'ĩ'),
        ("word-regexp", Arg::No, 'w'),
        ("line-regexp", Arg::No, 'x'),
        ("null-data", Arg::No, 'z'),
        ("no-messages", Arg::No, 's'),
        ("invert-match", Arg::No, 'v'),
        ("version", Arg::No, 'V'),
        ("max-count", Arg::Yes, 'm'),
        ("byte-offset", Arg::No, 'b'),
        ("line-number", Arg::No, 'n'),
        ("line-buffered", Arg::No, 'ł'),
        ("with-filename", Arg::No, 'H'),
        ("no-filename", Arg::No, 'h'),
        ("label", Arg::Yes, 'λ'),
        ("only-matching", Arg::No, 'o'),
        ("quiet", Arg::No, 'q'),
        ("silent", Arg::No, 'q'),
        ("binary-files", Arg::Yes, 'β'),
        ("text", Arg::No, 'a'),
        ("directories", Arg::Yes, 'd'),
        ("devices", Arg::Yes, 'D'),
        ("recursive", Arg::No, 'r'),
        ("dereference-recursive", Arg::No, 'R'),
        ("include", Arg::Yes, 'ι'),
        ("exclude", Arg::Yes, 'ε'),
        ("exclude-dir", Arg::Yes, 'δ'),
        ("files-without-match", Arg::No, 'L'),
        ("files-with-matches", Arg::No, 'l'),
        ("count", Arg::No, 'c'),
        ("initial-tab", Arg::No, 'T'),
        ("null", Arg::No, 'Z'),
        ("before-context", Arg::Yes, 'B'),
        ("after-context", Arg::Yes, 'A'),
        ("context", Arg::Yes, 'C'),
        ("group-separator", Arg::Yes, 'γ'),
        ("no-group-separator", Arg::No, 'Γ'),
        ("color", Arg::Maybe, 'κ'),
        ("colour", Arg::Maybe, 'κ'),
        ("binary", Arg::No, 'U'),
    ],
    code: 2,
};

const BUSYBOX: Spec = Spec { short: "lnqvscFiHhe:f:LorRm:wxA:B:C:EIaz", long: &[("color", Arg::Maybe, 'κ')], code: 2 };

/// `grep [OPTIONS] PATTERN FILE...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = sys.userland() == Userland::Gnu;
    let spec = if gnu { &GNU } else { &BUSYBOX };
    let mut options = match opts::parse(sys, args, spec) {
        Ok(options) => options,
        Err(code) => return Started::Exit(code),
    };
    if options.has('V') {
        sys.out("grep (GNU grep) 3.8\n");
        return Started::Exit(0);
    }
    let name = opts::name(args).to_string();
    let patterns = match patterns(sys, &mut options) {
        Ok(Some(patterns)) => patterns,
        Ok(None) => {
            opts::usage(sys, &name);
            return Started::Exit(2);
        }
        Err((file, fault)) => {
            let text = sys.text(fault);
            sys.err(format!("grep: {file}: {text}\n"));
            return Started::Exit(2);
        }
    };
    let mut grep = match settings(sys, &options, gnu) {
        Ok(grep) => grep,
        Err(text) => {
            sys.err(format!("grep: {text}\n"));
            return Started::Exit(2);
        }
    };
    if let Err(text) = compile(sys, &mut grep, &options, &name, &patterns) {
        sys.err(format!("{}: {text}\n", if gnu { "grep" } else { &name }));
        return Started::Exit(2);
    }
    let mut files = options.operands;
    if files.is_empty() && grep.recurse {
        files.push(".".into());
        grep.from_here = gnu;
    }
    let by_line = options.found.iter().any(|(l, _)| *l == 'ł');
    let separator = grep.separator;
    let filter = filter(sys, "grep", &files, Kind::Grep(grep)).separated(separator);
    if by_line { filter.by_line().start() } else { filter.start() }
}

/// The patterns of the command line; none where there is no one.
fn patterns(sys: &mut Sys<'_>, options: &mut Options) -> Result<Option<Vec<Vec<u8>>>, (String, Errno)> {
    let mut all = Vec::new();
    let mut any = false;
    for (letter, value) in options.found.clone() {
        match letter {
            'e' => all.extend(value.split('\n').map(|p| p.as_bytes().to_vec())),
            'f' => {
                let mut text = read_whole(sys, &value).map_err(|fault| (value.clone(), fault))?;
                if text.last() == Some(&b'\n') {
                    text.pop();
                } else if text.is_empty() {
                    any = true;
                    continue;
                }
                all.extend(text.split(|b| *b == b'\n').map(<[u8]>::to_vec));
            }
            _ => continue,
        }
        any = true;
    }
    if !any {
        if options.operands.is_empty() {
            return Ok(None);
        }
        let first = options.operands.remove(0);
        all.extend(first.split('\n').map(|p| p.as_bytes().to_vec()));
    }
    Ok(Some(all))
}

fn settings(sys: &Sys<'_>, options: &Options, gnu: bool) -> Result<Grep, String> {
    let has = |l: char| options.has(l);
    let all = |l: char| options.values(l).map(str::to_string).collect::<Vec<_>>();
    let number = |letter: char| match options.value(letter) {
        None => Ok(None),
        Some(value) => match numbers::plain(value) {
            Some(number) => Ok(Some(number)),
            None if !gnu => Err(format!("invalid number '{value}'")),
            None if letter == 'm' && value.starts_with('-') => Ok(Some(u64::MAX)),
            None if letter == 'm' => Err("invalid max count".to_string()),
            None => Err(format!("{value}: invalid context length argument")),
        },
    };
    let digits: String = options.found.iter().map(|(l, _)| *l).filter(char::is_ascii_digit).collect();
    let context = match numbers::plain(&digits) {
        Some(context) => Some(context),
        None => number('C')?,
    };
    let color = match options.value('κ') {
        Some("always" | "yes" | "force") => true,
        Some("auto" | "tty" | "if-tty" | "") => sys.is_tty(1),
        _ => false,
    };
    let several = options.operands.len() > 1 || has('r') || has('R');
    let single_file = options.operands.len() == 1
        && options.operands.first().is_some_and(|f| sys.stat(f).is_ok_and(|s| s.kind != FileKind::Dir));
    let last_name = options.found.iter().rev().find(|(l, _)| matches!(l, 'H' | 'h')).map(|(l, _)| *l);
    let with_name = match last_name {
        Some(letter) => letter == 'H',
        None => several && !single_file,
    };
    Ok(Grep {
        invert: has('v'),
        count: has('c'),
        names: has('l'),
        names_without: has('L'),
        only_matching: has('o'),
        quiet: has('q'),
        silent: has('s'),
        with_name,
        numbers: has('n'),
        offsets: has('b'),
        recurse: has('r') || has('R') || options.values('d').any(|d| d == "recurse"),
        follow_links: has('R'),
        max: number('m')?,
        before: number('B')?.or(context).unwrap_or(0).min(100_000) as usize,
        after: number('A')?.or(context).unwrap_or(0).min(1 << 30) as usize,
        text: has('a') || !gnu || has('z') || options.values('β').any(|v| v == "text"),
        skip_binary: gnu && has('I') || options.values('β').any(|v| v == "without-match"),
        null_names: gnu && has('Z'),
        initial_tab: has('T'),
        color: color && gnu,
        separator: if has('z') { 0 } else { b'\n' },
        label: options.value('λ').unwrap_or("(standard input)").to_string(),
        include: all('ι'),
        exclude: all('ε'),
        exclude_dir: all('δ'),
        skip_dirs: options.values('d').any(|d| d == "skip"),
        group_separator: if has('Γ') { None } else { Some(options.value('γ').unwrap_or("--").to_string()) },
        ..Grep::default()
    })
}

fn compile(sys: &Sys<'_>, grep: &mut Grep, options: &Options, name: &str, patterns: &[Vec<u8>]) -> Result<(), String> {
    let gnu = sys.userland() == Userland::Gnu;
    let kind = options.found.iter().rev().map(|(l, _)| *l).find(|l| matches!(l, 'E' | 'F' | 'G' | 'P'));
    let kind = kind.unwrap_or(match name {
        "egrep" => 'E',
        "fgrep" => 'F',
        _ => 'G',
    });
    let icase = options.found.iter().rev().map(|(l, _)| *l).find(|l| matches!(l, 'i' | 'y' | 'ĩ'));
    let flags = Flags {
        extended: kind == 'E',
        perl: kind == 'P',
        icase: icase.is_some_and(|l| l != 'ĩ'),
        utf8: is_utf8(sys),
        word: options.has('w'),
        whole: options.has('x'),
        tre: has_musl(sys.image()),
        ..Flags::default()
    };
    for pattern in patterns {
        let source = if kind == 'F' { quoted(pattern) } else { pattern.clone() };
        let compiled = Regex::new(&source, flags).map_err(|fault| match gnu {
            true if kind == 'P' => "unmatched parentheses or brackets".to_string(),
            true if pattern.ends_with(b"[") || pattern.ends_with(b"[^") => "Invalid regular expression".to_string(),
            true => fault.text().to_string(),
            false => format!("bad regex '{}'", String::from_utf8_lossy(pattern)),
        })?;
        grep.patterns.push(compiled);
    }
    Ok(())
}

/// A basic pattern that stands for a text itself.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for b in text {
        if b"\\[].*^$".contains(b) {
            out.push(b'\\');
        }
        out.push(*b);
    }
    out
}

impl Grep {
    fn name(&self, io: &Io<'_, '_>) -> String {
        if io.inputs.name == "-" {
            return self.label.clone();
        }
        let name = &io.inputs.name;
        if self.from_here { name.strip_prefix("./").unwrap_or(name).to_string() } else { name.clone() }
    }

    fn find_at(&self, line: &[u8], from: usize) -> Option<Match> {
        let found = self.patterns.iter().filter_map(|p| p.find_at(line, from));
        found.min_by_key(|m| (m.start(), usize::MAX - m.end()))
    }

    /// The beginning of a line: file name, number, offset.
    fn prefix(&self, io: &mut Io<'_, '_>, mark: u8, number: u64, offset: u64) {
        let color = self.color;
        let mut put = |text: &str, code: &str| match color {
            true => io.out.put(format!("\x1b[{code}m\x1b[K{text}\x1b[m\x1b[K")),
            false => io.out.put(text),
        };
        let mark = char::from(mark).to_string();
        let mut any = false;
        if self.with_name {
            let name = match io.inputs.name.as_str() {
                "-" => self.label.clone(),
                name if self.from_here => name.strip_prefix("./").unwrap_or(name).to_string(),
                name => name.to_string(),
            };
            put(&name, "35");
            if self.null_names {
                io.out.byte(0);
            } else {
                put(&mark, "36");
            }
            any = true;
        }
        let mut put = |text: &str, code: &str| match color {
            true => io.out.put(format!("\x1b[{code}m\x1b[K{text}\x1b[m\x1b[K")),
            false => io.out.put(text),
        };
        if self.numbers {
            put(&if self.initial_tab { format!("{number:>4}") } else { number.to_string() }, "32");
            put(&mark, "36");
            any = true;
        }
        if self.offsets {
            put(&offset.to_string(), "32");
            put(&mark, "36");
            any = true;
        }
        if self.initial_tab && any {
            io.out.byte(b'\t');
        }
    }

    fn gap(&mut self, io: &mut Io<'_, '_>, number: u64) {
        let adjacent = self.last_shown.is_some_and(|last| last + 1 >= number);
        if (self.before > 0 || self.after > 0)
            && self.shown_any
            && !adjacent
            && let Some(separator) = &self.group_separator
        {
            match self.color {
                true => io.out.put(format!("\x1b[36m\x1b[K{separator}\x1b[m\x1b[K\n")),
                false => io.out.put(format!("{separator}\n")),
            }
        }
        self.last_shown = Some(number);
        self.shown_any = true;
    }

    fn show(&mut self, io: &mut Io<'_, '_>, mark: u8, (number, offset, line): (u64, u64, &[u8])) {
        if self.only_matching {
            if mark == b':' && !self.invert {
                self.show_matches(io, number, offset, line);
            }
            return;
        }
        self.gap(io, number);
        self.prefix(io, mark, number, offset);
        if self.color && mark == b':' && !self.invert {
            self.highlight(io, line);
        } else {
            io.out.put(line);
        }
        io.out.byte(self.separator);
    }

    fn show_matches(&mut self, io: &mut Io<'_, '_>, number: u64, offset: u64, line: &[u8]) {
        let mut from = 0;
        let mut first = true;
        while let Some(found) = self.find_at(line, from) {
            let (start, end) = (found.start(), found.end());
            if start == end {
                from = end + 1;
                continue;
            }
            if std::mem::take(&mut first) {
                self.gap(io, number);
            }
            self.prefix(io, b':', number, offset + start as u64);
            let text = &line[start..end];
            if self.color {
                io.out.put("\x1b[01;31m\x1b[K");
                io.out.put(text);
                io.out.put("\x1b[m\x1b[K");
            } else {
                io.out.put(text);
            }
            io.out.byte(self.separator);
            from = end;
        }
    }

    fn highlight(&self, io: &mut Io<'_, '_>, line: &[u8]) {
        let (mut from, mut shown) = (0, 0);
        while let Some(found) = self.find_at(line, from) {
            let (start, end) = (found.start(), found.end());
            from = end.max(start + 1);
            if start == end {
                continue;
            }
            io.out.put(&line[shown..start]);
            io.out.put("\x1b[01;31m\x1b[K");
            io.out.put(&line[start..end]);
            io.out.put("\x1b[m\x1b[K");
            shown = end;
        }
        io.out.put(line.get(shown..).unwrap_or_default());
    }

    fn is_excluded(&self, name: &str) -> bool {
        let base = name.rsplit('/').next().unwrap_or(name).as_bytes();
        let any = |globs: &[String]| {
            globs.iter().any(|g| glob::matches(g.as_bytes(), base) || glob::matches(g.as_bytes(), name.as_bytes()))
        };
        any(&self.exclude) || !self.include.is_empty() && !any(&self.include)
    }

    /// Puts what is in a folder before the files that are left.
    fn enter(&self, io: &mut Io<'_, '_>) {
        let folder = io.inputs.name.clone();
        let base = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default().as_bytes().to_vec();
        if folder.contains('/')
            && self.exclude_dir.iter().any(|g| glob::matches(g.trim_end_matches('/').as_bytes(), &base))
        {
            return;
        }
        let Ok(entries) = io.sys.read_dir(&folder) else { return };
        let folder = folder.trim_end_matches('/');
        let follow = self.follow_links;
        let wanted = entries.into_iter().filter(|(name, stat)| {
            let link_is_skipped = stat.kind == FileKind::Link && !follow;
            name != "."
                && name != ".."
                && !link_is_skipped
                && matches!(stat.kind, FileKind::File | FileKind::Dir | FileKind::Link)
        });
        let wanted = wanted.map(|(name, stat)| (format!("{folder}/{name}"), stat.kind));
        let wanted = wanted.filter(|(name, kind)| *kind == FileKind::Dir || !self.is_excluded(name));
        let names: Vec<String> = wanted.map(|(name, _)| name).collect();
        io.inputs.push_first(names);
    }

    fn end_file(&mut self, io: &mut Io<'_, '_>) {
        let name = self.name(io);
        if self.count && !self.quiet && !self.names && !self.names_without {
            if self.with_name {
                io.out.put(&name);
                io.out.byte(if self.null_names { 0 } else { b':' });
            }
            io.out.put(format!("{}\n", self.selected));
        }
        let listed = self.names && self.selected > 0 || self.names_without && self.selected == 0;
        if listed && !self.quiet {
            match self.color {
                true => io.out.put(format!("\x1b[35m\x1b[K{name}\x1b[m\x1b[K")),
                false => io.out.put(name),
            }
            io.out.byte(if self.null_names { 0 } else { b'\n' });
        }
    }
}

impl Filter for Grep {
    fn opened(&mut self, io: &mut Io<'_, '_>) -> Flow {
        (self.line, self.offset, self.selected, self.after_left) = (0, 0, 0, 0);
        (self.last_shown, self.binary, self.stopped) = (None, false, false);
        self.held.clear();
        if !self.include.is_empty() || !self.exclude.is_empty() {
            let name = io.inputs.name.clone();
            let is_dir = io.sys.stat(&name).is_ok_and(|s| s.kind == FileKind::Dir);
            if name != "-" && !is_dir && self.is_excluded(&name) {
                self.stopped = true;
                return Flow::SkipFile;
            }
        }
        if self.max == Some(0) {
            return Flow::Stop;
        }
        Flow::More
    }

    fn line(&mut self, io: &mut Io<'_, '_>, line: Vec<u8>, _ended: bool) -> Flow {
        self.line += 1;
        let offset = self.offset;
        self.offset += line.len() as u64 + 1;
        if self.stopped {
            // The wanted number is reached: only the context after it is left.
            if self.after_left == 0 {
                self.end_file(io);
                return Flow::SkipFile;
            }
            self.after_left -= 1;
            self.show(io, b'-', (self.line, offset, &line));
            return Flow::More;
        }
        self.binary |= !self.text && line.contains(&0);
        if self.binary && self.skip_binary {
            return Flow::SkipFile;
        }
        let is_match = self.patterns.iter().any(|p| p.is_match(&line));
        let silent = self.quiet || self.count || self.names || self.names_without;
        if is_match == self.invert {
            if silent {
                return Flow::More;
            }
            if self.after_left > 0 {
                self.after_left -= 1;
                self.show(io, b'-', (self.line, offset, &line));
            } else if self.before > 0 {
                self.held.push_back((self.line, offset, line));
                if self.held.len() > self.before {
                    self.held.pop_front();
                }
            }
            return Flow::More;
        }
        self.selected += 1;
        self.matched = true;
        if self.quiet {
            return Flow::Stop;
        }
        if self.names || self.names_without {
            self.end_file(io);
            return Flow::SkipFile;
        }
        if !silent && self.binary {
            let name = self.name(io);
            io.complain(&format!("{name}: binary file matches"));
            return Flow::SkipFile;
        }
        if !silent {
            for (number, offset, held) in std::mem::take(&mut self.held) {
                self.show(io, b'-', (number, offset, &held));
            }
            self.show(io, b':', (self.line, offset, &line));
            self.after_left = self.after;
        }
        if self.max.is_some_and(|max| self.selected >= max) {
            self.stopped = true;
            if self.after_left == 0 || silent {
                self.end_file(io);
                io.inputs.give_back(io.sys);
                return Flow::SkipFile;
            }
        }
        Flow::More
    }

    fn file_end(&mut self, io: &mut Io<'_, '_>) -> Flow {
        if !std::mem::take(&mut self.was_dir) {
            self.end_file(io);
        }
        Flow::More
    }

    fn failed(&mut self, io: &mut Io<'_, '_>, fault: Errno, opening: bool) -> u8 {
        let name = io.inputs.name.clone();
        if fault == Errno::IsDir {
            // What follows is no end of a file that was read.
            self.was_dir = true;
            if self.recurse {
                self.enter(io);
                return 0;
            }
            if self.skip_dirs || !io.gnu() {
                return 0;
            }
        }
        if self.silent {
            return 2;
        }
        let text = fault_text(io.sys, io.tool, &name, fault, opening);
        io.sys.err(text);
        2
    }

    fn end(&mut self, _io: &mut Io<'_, '_>) -> u8 {
        u8::from(!self.matched)
    }

    fn code(&self, own: u8, failed: u8) -> u8 {
        if self.quiet && self.matched { 0 } else { own.max(failed) }
    }
}
