//! `ls`, `dir`, `vdir`.

use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    busybox_human, device_numbers, fail, human, is_gnu, join, misuse, mode_string, parent, parse, quote,
};
use crate::machine::tools::dates::{self, Zone};
use crate::machine::tools::options::{Parsed, Spec};
use crate::machine::tools::users::Names;

const LONG: &[(&str, char)] = &[
    ("all", 'a'),
    ("almost-all", 'A'),
    ("author", 'å'),
    ("block-size", 'β'),
    ("classify", 'F'),
    ("color", 'κ'),
    ("directory", 'd'),
    ("dereference", 'L'),
    ("dereference-command-line", 'H'),
    ("escape", 'b'),
    ("file-type", 'φ'),
    ("format", 'ƒ'),
    ("full-time", 'τ'),
    ("group-directories-first", 'γ'),
    ("hide", 'η'),
    ("human-readable", 'h'),
    ("ignore", 'I'),
    ("ignore-backups", 'B'),
    ("indicator-style", 'ι'),
    ("inode", 'i'),
    ("literal", 'N'),
    ("no-group", 'G'),
    ("numeric-uid-gid", 'n'),
    ("quote-name", 'Q'),
    ("recursive", 'R'),
    ("reverse", 'r'),
    ("si", 'š'),
    ("size", 's'),
    ("sort", 'ş'),
    ("time", 'ť'),
    ("time-style", 'ŧ'),
    ("width", 'w'),
    ("zero", 'ž'),
];

/// Those that busybox has.
const BUSYBOX_LONG: &[(&str, char)] = &[("color", 'κ'), ("full-time", 'τ'), ("group-directories-first", 'γ')];

#[derive(PartialEq, Clone, Copy)]
enum Format {
    Single,
    Long,
    Columns,
    Across,
    Commas,
}

#[derive(PartialEq, Clone, Copy)]
enum Sort {
    Name,
    Time,
    Size,
    Extension,
    Version,
    None,
}

struct Entry {
    name: String,
    path: String,
    stat: Stat,
}

struct List<'a> {
    args: &'a [String],
    options: Parsed,
    gnu: bool,
    format: Format,
    sort: Sort,
    names: Names,
    zone: Zone,
    color: bool,
    width: usize,
    dereference: bool,
    time_style: String,
    code: u8,
}

/// `ls [-1AaCdFhiLlmnpRrSstUXx] [FILE]...`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let short = if gnu {
        "aAbBcCdDfF::gGhHiI:klLmnNopqQrRsStT:uUvw:xXZ1åβ:κ::φƒ:τγη:ι:šş:ť:ŧ:ž"
    } else {
        "1AaCcdeFgHhiklLnpQRrSsTtuvw:xXκ::τγ"
    };
    let options = match parse(
        sys,
        args,
        Spec::new(short, if gnu { LONG } else { BUSYBOX_LONG }).failing(if gnu { 2 } else { 1 }),
    ) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let tty = sys.is_tty(1);
    let columns = match base_name(args) {
        "dir" | "vdir" => true,
        _ => tty,
    };
    let mut format = if columns { Format::Columns } else { Format::Single };
    if base_name(args) == "vdir" {
        format = Format::Long;
    }
    for (option, value) in &options.options {
        match (option, value.as_str()) {
            ('l' | 'n' | 'o' | 'g' | 'τ', _) => format = Format::Long,
            ('C', _) => format = Format::Columns,
            ('x', _) => format = Format::Across,
            ('m', _) => format = Format::Commas,
            ('1', _) if format != Format::Long => format = Format::Single,
            ('ƒ', "long" | "verbose") => format = Format::Long,
            ('ƒ', "single-column") => format = Format::Single,
            ('ƒ', "commas") => format = Format::Commas,
            ('ƒ', "across" | "horizontal") => format = Format::Across,
            ('ƒ', "vertical") => format = Format::Columns,
            ('ƒ', other) => {
                let text = format!("invalid argument {} for '--format'", quote(other));
                return misuse(sys, args, &text, 2);
            }
            _ => {}
        }
    }
    let sort = match options.last_of("tSXvUfş") {
        Some('t') => Sort::Time,
        Some('S') => Sort::Size,
        Some('X') => Sort::Extension,
        Some('v') => Sort::Version,
        Some('U' | 'f') => Sort::None,
        Some(_) => match options.value('ş').unwrap_or("") {
            "time" => Sort::Time,
            "size" => Sort::Size,
            "extension" => Sort::Extension,
            "version" => Sort::Version,
            "none" => Sort::None,
            _ => Sort::Name,
        },
        None if gnu && options.has_any("cu") && format != Format::Long => Sort::Time,
        None => Sort::Name,
    };
    let knows_terminal = ["TERM", "LS_COLORS", "COLORTERM"].iter().any(|v| sys.env(v).is_some_and(|v| !v.is_empty()));
    let color = match options.value('κ') {
        Some("always" | "force" | "yes" | "") => !gnu || knows_terminal,
        Some("never" | "no" | "none") => false,
        Some(_) => tty,
        None => tty && !gnu,
    };
    let screen = sys.terminal_size().map_or(80, |s| usize::from(s.0));
    let width = options.value('w').and_then(|w| w.parse().ok()).or_else(|| sys.env("COLUMNS")?.parse().ok());
    let mut list = List {
        args,
        gnu,
        format,
        sort,
        names: Names::of(sys),
        zone: dates::zone(sys),
        color,
        width: width.filter(|w| *w > 0).unwrap_or(if tty { screen } else { 80 }),
        dereference: options.has('L'),
        time_style: options.value('ŧ').unwrap_or("").to_string(),
        options,
        code: 0,
    };
    list.run(sys);
    Started::Exit(list.code)
}

fn base_name(args: &[String]) -> &str {
    args.first().map_or("", |a| crate::machine::tools::common::base(a))
}

impl List<'_> {
    fn fault(&mut self, sys: &mut Sys<'_>, path: &str, fault: Errno, is_operand: bool) {
        fail(sys, self.args, &format!("cannot access {}", quote(path)), path, fault);
        self.code = self.code.max(if self.gnu && is_operand { 2 } else { 1 });
    }

    fn run(&mut self, sys: &mut Sys<'_>) {
        let mut operands = self.options.rest.clone();
        if operands.is_empty() {
            operands.push(".".into());
        }
        let many = operands.len() > 1;
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        let follow = self.dereference
            || self.options.has('H')
            || self.format != Format::Long && !self.options.has('d') && !self.options.has('F')
            || !self.gnu && self.format != Format::Long && !self.options.has('d');
        for path in operands {
            let found = match if follow { sys.stat(&path) } else { sys.lstat(&path) } {
                Err(_) if follow && !self.dereference && self.gnu => sys.lstat(&path),
                other => other,
            };
            match found {
                Ok(stat) if stat.kind == Kind::Dir && !self.options.has('d') => {
                    folders.push(Entry { name: path.clone(), path, stat });
                }
                Ok(stat) => files.push(Entry { name: path.clone(), path, stat }),
                Err(fault) => self.fault(sys, &path, fault, true),
            }
        }
        let any_files = !files.is_empty();
        self.sort(&mut files);
        self.sort(&mut folders);
        if any_files {
            self.show(sys, &files, &folders);
        }
        let titled = many || self.options.has('R');
        let mut first = !any_files;
        let mut stack: Vec<(String, bool)> = folders.into_iter().rev().map(|f| (f.path, true)).collect();
        while let Some((folder, is_operand)) = stack.pop() {
            let entries = match self.read(sys, &folder) {
                Ok(entries) => entries,
                Err(fault) => {
                    let gnu = format!("cannot open directory {}", quote(&folder));
                    fail(sys, self.args, &gnu, &format!("can't open '{folder}'"), fault);
                    self.code = self.code.max(if self.gnu && is_operand { 2 } else { 1 });
                    if self.gnu || !titled {
                        continue;
                    }
                    Vec::new()
                }
            };
            if !first {
                sys.out("\n");
            }
            first = false;
            if titled {
                sys.out(format!("{folder}:\n"));
            }
            if self.format == Format::Long || self.options.has('s') {
                let blocks: u64 = entries.iter().map(|e| self.blocks(&e.stat)).sum();
                let total = match () {
                    () if self.options.has('h') && self.gnu => human(blocks * 1024, 1024),
                    () if self.options.has('h') && self.format != Format::Long => busybox_human(blocks * 1024),
                    () if self.options.has('h') => busybox_human(blocks * 1024),
                    () => blocks.to_string(),
                };
                sys.out(format!("total {total}\n"));
            }
            self.show(sys, &entries, &[]);
            if self.options.has('R') {
                let below = entries.into_iter().rev().filter(|e| e.stat.kind == Kind::Dir);
                stack.extend(below.filter(|e| e.name != "." && e.name != "..").map(|e| (e.path, false)));
            }
            if sys.is_dead() {
                return;
            }
        }
    }

    fn blocks(&self, stat: &Stat) -> u64 {
        stat.usage.div_ceil(1024)
    }

    fn read(&mut self, sys: &mut Sys<'_>, folder: &str) -> Result<Vec<Entry>, Errno> {
        let mut all = Vec::new();
        let options = &self.options;
        let dots = options.last_of("aAf").is_some_and(|c| c != 'A');
        for (name, stat) in sys.read_dir(folder)? {
            if name.starts_with('.') && !options.has_any("aAf") {
                continue;
            }
            let hidden = options.values('I').chain(options.values('η'));
            if hidden.into_iter().any(|p| super::glob::matches(p, &name)) || options.has('B') && name.ends_with('~') {
                continue;
            }
            let path = join(folder, &name);
            let stat = if self.dereference { sys.stat(&path).unwrap_or(stat) } else { stat };
            all.push(Entry { name, path, stat });
        }
        if dots {
            for name in [".", ".."] {
                let path = join(folder, name);
                let stat = sys.stat(&path)?;
                all.push(Entry { name: name.into(), path, stat });
            }
        }
        self.sort(&mut all);
        Ok(all)
    }

    fn sort(&self, entries: &mut [Entry]) {
        let by_name = |a: &Entry, b: &Entry| a.name.as_bytes().cmp(b.name.as_bytes());
        entries.sort_by(by_name);
        match self.sort {
            Sort::Name | Sort::None => {}
            Sort::Time => entries.sort_by_key(|e| std::cmp::Reverse(e.stat.modified)),
            Sort::Size => entries.sort_by_key(|e| std::cmp::Reverse(e.stat.size)),
            Sort::Extension => entries.sort_by(|a, b| extension(&a.name).cmp(extension(&b.name))),
            Sort::Version => entries.sort_by(|a, b| version_order(&a.name, &b.name)),
        }
        if self.options.has('r') {
            entries.reverse();
        }
        if self.options.has('γ') {
            entries.sort_by_key(|e| e.stat.kind != Kind::Dir);
        }
    }

    fn indicator(&self, stat: &Stat) -> &'static str {
        let classify = self.options.has('F') || self.options.value('ι') == Some("classify");
        let type_only = self.options.has('φ') || self.options.value('ι') == Some("file-type");
        let slash = self.options.has('p') || self.options.value('ι') == Some("slash");
        match stat.kind {
            Kind::Dir if classify || type_only || slash => "/",
            Kind::Link if (classify || type_only) && (self.format != Format::Long || !self.gnu) => "@",
            Kind::Fifo if classify || type_only => "|",
            Kind::Socket if classify || type_only => "=",
            Kind::File if classify && stat.mode & 0o111 != 0 => "*",
            _ => "",
        }
    }

    fn colored(&self, sys: &Sys<'_>, name: &str, path: &str, stat: &Stat) -> String {
        if !self.color {
            return name.to_string();
        }
        if !self.gnu {
            let code = match stat.kind {
                Kind::Dir => "1;34",
                Kind::Link => "1;36",
                Kind::Fifo => "0;35",
                Kind::Socket => "1;35",
                Kind::CharDevice | Kind::BlockDevice => "1;33",
                Kind::File if stat.mode & 0o111 != 0 => "1;32",
                Kind::File => "0;0",
            };
            return format!("\x1b[{code}m{name}\x1b[m");
        }
        let code = match stat.kind {
            Kind::Dir if stat.mode & 0o1002 == 0o1002 => "30;42",
            Kind::Dir if stat.mode & 0o2 != 0 => "34;42",
            Kind::Dir => "01;34",
            Kind::Link if sys.stat(path).is_err() => return name.to_string(),
            Kind::Link => "01;36",
            Kind::Fifo => "40;33",
            Kind::Socket => "01;35",
            Kind::CharDevice | Kind::BlockDevice => "40;33;01",
            Kind::File if stat.mode & 0o4000 != 0 => "37;41",
            Kind::File if stat.mode & 0o111 != 0 => "01;32",
            Kind::File => return name.to_string(),
        };
        format!("\x1b[0m\x1b[{code}m{name}\x1b[0m")
    }

    fn quoted(&self, sys: &Sys<'_>, name: &str) -> String {
        if self.options.has('Q') {
            return format!("{name:?}");
        }
        if self.options.has('b') {
            return name.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace(' ', "\\ ");
        }
        if self.gnu && sys.is_tty(1) && !self.options.has('N') {
            let plain = |c: char| c.is_alphanumeric() || "%+,-./:@_".contains(c);
            return if name.chars().all(plain) { name.to_string() } else { quote(name) };
        }
        if !self.gnu || sys.is_tty(1) || self.options.has('q') {
            return name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        }
        name.to_string()
    }

    /// A name with what goes before and after it in forms of several columns, and its width.
    fn cell(&self, sys: &Sys<'_>, entry: &Entry, widths: (usize, usize)) -> (String, usize) {
        let mut before = String::new();
        if self.options.has('i') {
            before.push_str(&format!("{:>w$} ", entry.stat.ino, w = widths.0));
        }
        if self.options.has('s') {
            before.push_str(&format!("{:>w$} ", self.size_blocks(&entry.stat), w = widths.1));
        }
        let shown = self.quoted(sys, &entry.name);
        let mark = self.indicator(&entry.stat);
        let width = before.chars().count() + shown.chars().count() + mark.len();
        let name = self.colored(sys, &shown, &entry.path, &entry.stat);
        (format!("{before}{name}{mark}"), width)
    }

    fn size_blocks(&self, stat: &Stat) -> String {
        match (self.options.has('h'), self.gnu) {
            (true, true) => human(stat.usage, 1024),
            (true, false) => busybox_human(stat.usage),
            _ => self.blocks(stat).to_string(),
        }
    }

    /// Shows entries; in long form as wide as `others` would need too.
    fn show(&self, sys: &mut Sys<'_>, entries: &[Entry], others: &[Entry]) {
        if self.format == Format::Long {
            return self.show_long(sys, entries, others);
        }
        let (mut ino, mut blocks) = if self.gnu { (0, 0) } else { (7, 6) };
        if self.gnu {
            ino = entries.iter().map(|e| e.stat.ino.to_string().len()).max().unwrap_or(0);
            blocks = entries.iter().map(|e| self.size_blocks(&e.stat).len()).max().unwrap_or(0);
        }
        let cells: Vec<(String, usize)> = entries.iter().map(|e| self.cell(sys, e, (ino, blocks))).collect();
        let mut out = String::new();
        match self.format {
            Format::Single | Format::Long => {
                for (cell, _) in &cells {
                    out.push_str(cell);
                    out.push(if self.options.has('ž') { '\0' } else { '\n' });
                }
            }
            Format::Commas => {
                let mut column = 0;
                for (at, (cell, width)) in cells.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                        column += 1;
                        if column + 1 + width + 1 > self.width {
                            out.push('\n');
                            column = 0;
                        } else {
                            out.push(' ');
                            column += 1;
                        }
                    }
                    out.push_str(cell);
                    column += width;
                }
                if !cells.is_empty() {
                    out.push('\n');
                }
            }
            Format::Columns | Format::Across if self.gnu => gnu_columns(&mut out, &cells, self.width, self.format),
            Format::Columns | Format::Across => busybox_columns(&mut out, &cells, self.width, self.format),
        }
        sys.out(out);
    }

    fn time(&self, sys: &Sys<'_>, time: Time) -> String {
        let format = |f: &str| dates::format(f, time, 0, &self.zone, true);
        if self.options.has('τ') || self.time_style == "full-iso" {
            return if self.gnu { format("%Y-%m-%d %H:%M:%S.%N %z") } else { format("%Y-%m-%d %H:%M:%S %z") };
        }
        if !self.gnu && self.options.has('e') {
            return format("%a %b %e %H:%M:%S %Y");
        }
        let age = (sys.now() - time).0;
        let half_a_year = if self.gnu { 15_778_476_000 } else { 15_768_000_000 };
        let ahead = if self.gnu { 0 } else { -900_000 };
        let recent = age < half_a_year && age >= ahead;
        match self.time_style.as_str() {
            "long-iso" => format("%Y-%m-%d %H:%M"),
            "iso" => format(if recent { "%m-%d %H:%M" } else { "%Y-%m-%d " }),
            style if style.starts_with('+') => format(&style[1..]),
            _ => format(if recent { "%b %e %H:%M" } else { "%b %e  %Y" }),
        }
    }

    fn show_long(&self, sys: &mut Sys<'_>, entries: &[Entry], others: &[Entry]) {
        let numeric = self.options.has('n');
        let owner = |uid: u32| if numeric { uid.to_string() } else { self.names.user(uid) };
        let group = |gid: u32| if numeric { gid.to_string() } else { self.names.group(gid) };
        let size = |e: &Entry| match e.stat.kind {
            Kind::CharDevice | Kind::BlockDevice => String::new(),
            _ if self.options.has('š') => human(e.stat.size, 1000),
            _ if self.options.has('h') && self.gnu => human(e.stat.size, 1024),
            _ if self.options.has('h') => busybox_human(e.stat.size),
            _ => match self.options.value('β') {
                Some("K" | "k") => format!("{}K", e.stat.size.div_ceil(1024)),
                Some("M" | "m") => format!("{}M", e.stat.size.div_ceil(1 << 20)),
                Some("G" | "g") => format!("{}G", e.stat.size.div_ceil(1 << 30)),
                Some("1K" | "1024") => e.stat.size.div_ceil(1024).to_string(),
                Some("1M") => e.stat.size.div_ceil(1 << 20).to_string(),
                _ => e.stat.size.to_string(),
            },
        };
        let width = |of: &dyn Fn(&Entry) -> usize| entries.iter().chain(others).map(of).max().unwrap_or(0);
        let w_ino = width(&|e| e.stat.ino.to_string().len());
        let w_blocks = width(&|e| self.size_blocks(&e.stat).len());
        let w_links = width(&|e| e.stat.links.to_string().len());
        let w_owner = width(&|e| owner(e.stat.uid).chars().count());
        let w_group = width(&|e| group(e.stat.gid).chars().count());
        let numbers: Vec<Option<(u32, u32)>> = entries
            .iter()
            .map(|e| {
                let device = matches!(e.stat.kind, Kind::CharDevice | Kind::BlockDevice);
                device.then(|| device_numbers(&e.path, &e.stat))
            })
            .collect();
        let w_major = numbers.iter().flatten().map(|n| n.0.to_string().len()).max().unwrap_or(0);
        let w_minor = numbers.iter().flatten().map(|n| n.1.to_string().len()).max().unwrap_or(0);
        let devices = if w_major > 0 { w_major + w_minor + 2 } else { 0 };
        let w_size = width(&|e| size(e).len()).max(devices);
        for (entry, device) in entries.iter().zip(&numbers) {
            let stat = &entry.stat;
            let mut line = String::new();
            if self.options.has('i') {
                line.push_str(&format!("{:>w$} ", stat.ino, w = if self.gnu { w_ino } else { 7 }));
            }
            if self.options.has('s') {
                let w = if self.gnu { w_blocks } else { 6 };
                line.push_str(&format!("{:>w$} ", self.size_blocks(stat)));
            }
            let mode = mode_string(stat.kind, stat.mode);
            if self.gnu {
                line.push_str(&format!("{mode} {:>w_links$} ", stat.links));
                if !self.options.has('g') {
                    line.push_str(&pad(&owner(stat.uid), w_owner, numeric));
                }
                if !self.options.has_any("oG") {
                    line.push_str(&pad(&group(stat.gid), w_group, numeric));
                }
                match device {
                    Some((major, minor)) => {
                        let w_first = w_size.saturating_sub(w_minor + 2);
                        line.push_str(&format!("{major:>w_first$}, {minor:>w_minor$} "));
                    }
                    None => line.push_str(&format!("{:>w_size$} ", size(entry))),
                }
            } else {
                line.push_str(&format!("{mode} {:>4} ", stat.links));
                if self.options.has('g') {
                    line.push_str(&format!("{:<8} ", group(stat.gid).chars().take(8).collect::<String>()));
                } else if numeric {
                    line.push_str(&format!("{:<8} {:<8} ", stat.uid, stat.gid));
                } else {
                    let cut = |name: String| name.chars().take(8).collect::<String>();
                    line.push_str(&format!("{:<8} {:<8} ", cut(owner(stat.uid)), cut(group(stat.gid))));
                }
                match device {
                    Some((major, minor)) => line.push_str(&format!("{major:>4}, {minor:>3} ")),
                    None if self.options.has('h') => line.push_str(&format!("{:>7} ", size(entry))),
                    None => line.push_str(&format!("{:>9} ", size(entry))),
                }
            }
            line.push_str(&self.time(sys, stat.modified));
            line.push(' ');
            let shown = self.quoted(sys, &entry.name);
            line.push_str(&self.colored(sys, &shown, &entry.path, stat));
            if let Some(target) = &stat.target {
                if !self.gnu {
                    line.push_str(self.indicator(stat));
                }
                line.push_str(&format!(" -> {}", self.quoted(sys, target)));
                let folder = parent(&entry.path);
                let at = if target.starts_with('/') { target.clone() } else { join(folder, target) };
                if let (true, Ok(to)) = (self.gnu && self.options.has('F'), sys.stat(&at)) {
                    line.push_str(self.indicator(&to));
                }
            } else {
                line.push_str(self.indicator(stat));
            }
            line.push('\n');
            sys.out(line);
        }
    }
}

fn pad(text: &str, width: usize, right: bool) -> String {
    if right { format!("{text:>width$} ") } else { format!("{text:<width$} ") }
}

fn extension(name: &str) -> &str {
    name.rfind('.').filter(|at| *at > 0).map_or("", |at| &name[at..])
}

/// The order of `sort -V`: runs of digits by their value.
pub(super) fn version_order(a: &str, b: &str) -> std::cmp::Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let others = |s: &str| s.find(|c: char| c.is_ascii_digit()).unwrap_or(s.len());
        let (ta, tb) = (others(a), others(b));
        match a[..ta].cmp(&b[..tb]) {
            std::cmp::Ordering::Equal => (a, b) = (&a[ta..], &b[tb..]),
            order => return order,
        }
        let (na, nb) = (digits(a), digits(b));
        let (x, y) = (a[..na].trim_start_matches('0'), b[..nb].trim_start_matches('0'));
        match x.len().cmp(&y.len()).then(x.cmp(y)) {
            std::cmp::Ordering::Equal if a.len() == na && b.len() == nb => return na.cmp(&nb),
            std::cmp::Ordering::Equal => (a, b) = (&a[na..], &b[nb..]),
            order => return order,
        }
    }
}

/// GNU's columns: as many as fit, each as wide as its widest, filled with tabs.
fn gnu_columns(out: &mut String, cells: &[(String, usize)], width: usize, format: Format) {
    let count = cells.len();
    if count == 0 {
        return;
    }
    let most = (width / 3).max(1).min(count);
    let layout = |columns: usize| -> Vec<usize> {
        let rows = count.div_ceil(columns);
        let mut widths = vec![3; columns];
        for (at, (_, w)) in cells.iter().enumerate() {
            let column = if format == Format::Columns { at / rows } else { at % columns };
            let last = column + 1 == columns;
            widths[column] = widths[column].max(w + if last { 0 } else { 2 });
        }
        widths
    };
    let mut columns = most;
    while columns > 1 && layout(columns).iter().sum::<usize>() >= width {
        columns -= 1;
    }
    let widths = layout(columns);
    let rows = count.div_ceil(columns);
    for row in 0..rows {
        let mut position = 0;
        let mut start = 0;
        for (column, w) in widths.iter().enumerate() {
            let at = if format == Format::Columns { column * rows + row } else { row * columns + column };
            let Some((cell, cell_width)) =
                cells.get(at).filter(|_| format != Format::Columns || column * rows + row < count)
            else {
                break;
            };
            while position < start {
                if start / 8 > (position + 1) / 8 {
                    out.push('\t');
                    position += 8 - position % 8;
                } else {
                    out.push(' ');
                    position += 1;
                }
            }
            out.push_str(cell);
            position += cell_width;
            start += w;
        }
        out.push('\n');
    }
}

/// busybox's columns: all as wide as the widest name.
fn busybox_columns(out: &mut String, cells: &[(String, usize)], width: usize, format: Format) {
    let widest = cells.iter().map(|c| c.1).max().unwrap_or(0);
    let each = widest + 2;
    let columns = (width.saturating_sub(1) / each.max(1)).max(1);
    let rows = if columns > 1 { cells.len().div_ceil(columns) } else { cells.len() };
    for row in 0..rows {
        let mut line = String::new();
        let mut gap = 0;
        for column in 0..columns {
            let at = if format == Format::Columns { column * rows + row } else { row * columns + column };
            let Some((cell, w)) = cells.get(at) else { continue };
            line.push_str(&" ".repeat(gap));
            line.push_str(cell);
            gap = each.saturating_sub(*w);
        }
        out.push_str(&line);
        out.push('\n');
    }
}
