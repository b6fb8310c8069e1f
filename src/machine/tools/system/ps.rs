//! `ps`, `top`, `pgrep`, `pidof`.

use crate::api::Time;
use crate::machine::kernel::process::{Process, State};
use crate::machine::kernel::{Pid, Sys};
use crate::machine::tools::common::{base, is_gnu, parse, say, tool_name};
use crate::machine::tools::options::{Spec, usage};
use crate::machine::tools::text::regex::{Flags, Regex};
use crate::machine::tools::users::Names;
use crate::machine::tools::{Started, dates};

/// What is shown of a process.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub pid: Pid,
    pub parent: Pid,
    pub group: Pid,
    pub uid: u32,
    pub gid: u32,
    pub args: Vec<String>,
    pub state: char,
    pub cpu: u64,
    pub memory: u64,
    pub started: Time,
}

impl Row {
    /// The command's name, as the kernel has it.
    pub fn comm(&self) -> String {
        let first = self.args.first().map_or("", String::as_str);
        base(first).trim_start_matches('-').chars().take(15).collect()
    }

    fn command(&self) -> String {
        if self.state == 'Z' { format!("[{}]", self.comm()) } else { self.args.join(" ") }
    }

    /// Resident memory in KiB.
    fn rss(&self) -> u64 {
        if self.state == 'Z' { 0 } else { 1728 + self.memory / 1024 }
    }

    fn vsz(&self) -> u64 {
        if self.state == 'Z' { 0 } else { 2592 + self.memory / 1024 }
    }
}

/// All processes of the container, by number.
pub(super) fn rows(sys: &Sys<'_>) -> Vec<Row> {
    let local = |pid: Pid| sys.sandbox.processes.get(&pid).map_or(0, |p| p.local);
    let row = |p: &Process| Row {
        pid: p.local,
        parent: if p.parent == 0 && !p.from_outside { 1 } else { local(p.parent) },
        group: local(p.group),
        uid: p.uid,
        gid: p.gid,
        args: p.args.clone(),
        state: match p.state {
            _ if p.local == sys.getpid() => 'R',
            State::Ready => 'R',
            State::Waits(_) if p.spins.is_some() => 'R',
            State::Waits(_) => 'S',
            State::Stopped => 'T',
            State::Zombie(_) => 'Z',
        },
        cpu: sys.sandbox.cpu_of(p),
        memory: p.memory,
        started: p.started,
    };
    let mut all: Vec<Row> = sys.sandbox.processes.values().filter(|p| sys.sees(p)).map(row).collect();
    all.sort_by_key(|r| r.pid);
    all
}

/// `ps`
pub(super) fn ps(sys: &mut Sys<'_>, args: &[String]) -> Started {
    if is_gnu(sys) { gnu_ps(sys, args) } else { busybox_ps(sys, args) }
}

fn busybox_ps(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("Zo:aAdeflT", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let columns: Vec<(&str, usize, bool, &str)> = vec![
        ("user", 8, false, "USER"),
        ("group", 8, false, "GROUP"),
        ("comm", 16, false, "COMMAND"),
        ("args", 256, false, "COMMAND"),
        ("pid", 5, true, "PID"),
        ("ppid", 5, true, "PPID"),
        ("pgid", 5, true, "PGID"),
        ("etime", 7, true, "ELAPSED"),
        ("nice", 5, true, "NI"),
        ("rgroup", 8, false, "RGROUP"),
        ("ruser", 8, false, "RUSER"),
        ("time", 5, true, "TIME"),
        ("tty", 6, false, "TT"),
        ("vsz", 4, true, "VSZ"),
        ("sid", 5, true, "SID"),
        ("stat", 4, false, "STAT"),
        ("rss", 4, true, "RSS"),
    ];
    let mut wanted = Vec::new();
    let given: Vec<&str> = parsed.values('o').flat_map(|v| v.split([',', ' '])).collect();
    let given = if given.is_empty() { vec!["pid", "user", "time", "args"] } else { given };
    for field in given.into_iter().filter(|f| !f.is_empty()) {
        let (name, title) = field.split_once('=').map_or((field, None), |(n, t)| (n, Some(t)));
        match columns.iter().find(|c| c.0 == name) {
            Some(column) => wanted.push((column.0, column.1, column.2, title.unwrap_or(column.3).to_string())),
            None => {
                let all = "user,group,comm,args,pid,ppid,pgid,etime,nice,rgroup,ruser,time,tty,vsz,sid,stat,rss";
                say(sys, args, "", &format!("bad -o argument '{name}', supported arguments: {all}"));
                return Started::Exit(1);
            }
        }
    }
    let names = Names::of(sys);
    let now = sys.now();
    let mut lines = Vec::new();
    if wanted.iter().any(|w| !w.3.is_empty()) {
        let cells: Vec<String> = wanted.iter().map(|(_, width, _, title)| format!("{title:<width$}")).collect();
        lines.push(cells.join(" ").trim_end().to_string());
    }
    for row in rows(sys) {
        let cells: Vec<String> = wanted
            .iter()
            .map(|(name, width, right, _)| {
                let text = match *name {
                    "user" | "ruser" => cut(&names.user(row.uid), *width),
                    "group" | "rgroup" => cut(&names.group(row.gid), *width),
                    "comm" => row.comm(),
                    "args" => row.command(),
                    "pid" => row.pid.to_string(),
                    "ppid" => row.parent.to_string(),
                    "pgid" | "sid" => row.group.to_string(),
                    "etime" => short_elapsed(now, row.started),
                    "nice" => "0".into(),
                    "time" => format!("{}:{:02}", row.cpu / 60_000, row.cpu / 1000 % 60),
                    "tty" => "?".into(),
                    "vsz" => short_size(row.vsz()),
                    "rss" => short_size(row.rss()),
                    "stat" => row.state.to_string(),
                    _ => String::new(),
                };
                if *right { format!("{text:>width$}") } else { format!("{text:<width$}") }
            })
            .collect();
        lines.push(cells.join(" ").trim_end().to_string());
    }
    sys.out(lines.join("\n") + "\n");
    Started::Exit(0)
}

fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

fn short_size(kib: u64) -> String {
    if kib > 9999 { format!("{}m", kib / 1024) } else { kib.to_string() }
}

fn short_elapsed(now: Time, started: Time) -> String {
    let s = (now - started).0.max(0) / 1000;
    match s {
        0..3600 => format!("{}:{:02}", s / 60, s % 60),
        3600..86400 => format!("{}h{:02}", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}", s / 86400, s / 3600 % 24),
    }
}

fn elapsed(now: Time, started: Time) -> String {
    let s = (now - started).0.max(0) / 1000;
    let (d, h, m, s) = (s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
    match (d, h) {
        (0, 0) => format!("{m:02}:{s:02}"),
        (0, _) => format!("{h:02}:{m:02}:{s:02}"),
        _ => format!("{d}-{h:02}:{m:02}:{s:02}"),
    }
}

fn long_time(cpu: u64) -> String {
    let s = cpu / 1000;
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// GNU's columns: name, title, width, whether numbers stand right.
fn gnu_column(name: &str) -> Option<(&'static str, &'static str, usize, bool)> {
    Some(match name {
        "pid" | "tgid" => ("pid", "PID", 7, true),
        "ppid" => ("ppid", "PPID", 7, true),
        "pgid" | "pgrp" => ("pgid", "PGID", 7, true),
        "sid" | "sess" => ("pgid", "SID", 7, true),
        "user" | "euser" | "uname" => ("user", "USER", 8, false),
        "ruser" => ("user", "RUSER", 8, false),
        "uid" | "euid" => ("uid", "UID", 5, true),
        "gid" | "egid" => ("gid", "GID", 5, true),
        "group" | "egroup" => ("group", "GROUP", 8, false),
        "%cpu" | "pcpu" => ("pcpu", "%CPU", 4, true),
        "%mem" | "pmem" => ("pmem", "%MEM", 4, true),
        "vsz" | "vsize" => ("vsz", "VSZ", 6, true),
        "rss" | "rssize" => ("rss", "RSS", 5, true),
        "tty" | "tt" | "tname" => ("tty", "TT", 8, false),
        "stat" => ("stat", "STAT", 4, false),
        "s" | "state" => ("stat", "S", 1, false),
        "start" => ("start", "STARTED", 8, true),
        "stime" | "start_time" => ("stime", "START", 5, false),
        "lstart" => ("lstart", "STARTED", 24, true),
        "time" | "cputime" => ("time", "TIME", 8, true),
        "etime" => ("etime", "ELAPSED", 11, true),
        "etimes" => ("etimes", "ELAPSED", 7, true),
        "comm" | "ucmd" | "ucomm" => ("comm", "COMMAND", 15, false),
        "args" | "command" | "cmd" => ("args", if name == "cmd" { "CMD" } else { "COMMAND" }, 27, false),
        "ni" | "nice" => ("ni", "NI", 3, true),
        "pri" => ("pri", "PRI", 3, true),
        "c" => ("c", "C", 2, true),
        "nlwp" | "thcount" => ("nlwp", "NLWP", 4, true),
        _ => return None,
    })
}

struct Select {
    all: bool,
    pids: Vec<Pid>,
    names: Vec<String>,
    users: Vec<String>,
    parents: Vec<Pid>,
}

fn gnu_ps(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut select = Select { all: false, pids: Vec::new(), names: Vec::new(), users: Vec::new(), parents: Vec::new() };
    let (mut full, mut bsd, mut no_head) = (false, false, false);
    let mut format: Vec<(String, Option<String>)> = Vec::new();
    let mut sort: Option<String> = None;
    let mut left = args[1..].iter();
    let numbers = |text: &str| text.split([',', ' ']).filter_map(|p| p.parse().ok()).collect::<Vec<Pid>>();
    let bad = |sys: &mut Sys<'_>, text: &str| {
        sys.err(format!("error: {text}\n\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n"));
        Started::Exit(1)
    };
    while let Some(arg) = left.next() {
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
            match name {
                "no-headers" | "no-heading" | "no-headings" | "noheaders" | "noheading" => no_head = true,
                "headers" | "forest" | "cumulative" => {}
                "sort" => sort = value.or_else(|| left.next().cloned()),
                "pid" => select.pids.extend(numbers(&value.or_else(|| left.next().cloned()).unwrap_or_default())),
                "ppid" => select.parents.extend(numbers(&value.or_else(|| left.next().cloned()).unwrap_or_default())),
                "user" => select.users.extend(value.or_else(|| left.next().cloned())),
                "format" => format.extend(fields(&value.or_else(|| left.next().cloned()).unwrap_or_default())),
                "version" => {
                    sys.out("ps from procps-ng 4.0.2\n");
                    return Started::Exit(0);
                }
                _ => return bad(sys, "unknown gnu long option"),
            }
            continue;
        }
        let dashed = arg.starts_with('-');
        let letters = arg.trim_start_matches('-');
        if !dashed && letters.bytes().all(|b| b.is_ascii_digit()) {
            select.pids.extend(numbers(letters));
            continue;
        }
        for (at, c) in letters.char_indices() {
            let after = &letters[at + c.len_utf8()..];
            let mut value =
                || if after.is_empty() { left.next().cloned().unwrap_or_default() } else { after.to_string() };
            match (dashed, c) {
                (true, 'e' | 'A') | (false, 'x') | (true, 'a' | 'd') => select.all = true,
                (false, 'a') => select.all = true,
                (true, 'f' | 'F') => full = true,
                (false, 'u') => bsd = true,
                (_, 'o') | (true, 'O') => {
                    format.extend(fields(&value()));
                    break;
                }
                (true, 'p' | 'q') | (false, 'p') => {
                    select.pids.extend(numbers(&value()));
                    break;
                }
                (true, 'C') => {
                    select.names.extend(value().split(',').map(String::from));
                    break;
                }
                (true, 'u' | 'U') => {
                    select.users.extend(value().split(',').map(String::from));
                    break;
                }
                (_, 'w' | 'l' | 'H' | 'L' | 'T' | 'm' | 'j' | 'y' | 'c' | 'h' | 'f' | 'e' | 'M' | 'Z') => {}
                _ => return bad(sys, "unsupported option (BSD syntax)"),
            }
        }
    }
    let mut columns = Vec::new();
    for (name, title) in &format {
        let Some(column) = gnu_column(&name.to_lowercase()) else {
            return bad(sys, &format!("unknown user-defined format specifier \"{name}\""));
        };
        columns.push((column.0, title.clone().unwrap_or_else(|| column.1.to_string()), column.2, column.3));
    }
    let given = !columns.is_empty();
    let preset: &[(&str, &str, usize, bool)] = match (full, bsd) {
        (_, true) => &[
            ("user", "USER", 8, false),
            ("pid", "PID", 7, true),
            ("pcpu", "%CPU", 4, true),
            ("pmem", "%MEM", 4, true),
            ("vsz", "VSZ", 6, true),
            ("rss", "RSS", 5, true),
            ("tty", "TTY", 8, false),
            ("stat", "STAT", 4, false),
            ("stime", "START", 5, false),
            ("bsdtime", "TIME", 6, true),
            ("args", "COMMAND", 27, false),
        ],
        (true, _) => &[
            ("user", "UID", 8, false),
            ("pid", "PID", 7, true),
            ("ppid", "PPID", 7, true),
            ("c", "C", 2, true),
            ("stime", "STIME", 5, false),
            ("tty", "TTY", 8, false),
            ("time", "TIME", 8, true),
            ("args", "CMD", 27, false),
        ],
        _ => {
            &[("pid", "PID", 7, true), ("tty", "TTY", 8, false), ("time", "TIME", 8, true), ("comm", "CMD", 15, false)]
        }
    };
    if !given {
        columns = preset.iter().map(|c| (c.0, c.1.to_string(), c.2, c.3)).collect();
    }
    let names = Names::of(sys);
    let (now, zone, me) = (sys.now(), dates::zone(sys), sys.process().uid);
    let chosen =
        !select.pids.is_empty() || !select.names.is_empty() || !select.users.is_empty() || !select.parents.is_empty();
    let mut all: Vec<Row> = rows(sys)
        .into_iter()
        .filter(|r| match chosen {
            true => {
                select.pids.contains(&r.pid)
                    || select.names.contains(&r.comm())
                    || select.parents.contains(&r.parent)
                    || select.users.iter().any(|u| names.user(r.uid) == *u || u.parse() == Ok(r.uid))
            }
            false => select.all || r.uid == me || bsd,
        })
        .collect();
    if let Some(sort) = &sort {
        let (reverse, key) = match sort.strip_prefix('-') {
            Some(key) => (true, key),
            None => (false, sort.trim_start_matches('+')),
        };
        match key {
            "%cpu" | "pcpu" | "time" | "cputime" => all.sort_by_key(|r| r.cpu),
            "%mem" | "pmem" | "rss" | "vsz" => all.sort_by_key(Row::rss),
            "start_time" | "start" | "stime" | "lstart" => all.sort_by_key(|r| r.started),
            "ppid" => all.sort_by_key(|r| r.parent),
            "comm" | "args" | "cmd" | "command" => all.sort_by_key(Row::comm),
            _ => {}
        }
        if reverse {
            all.reverse();
        }
    }
    let memory = crate::machine::kernel::sys::MEMORY;
    let value = |row: &Row, name: &str| -> String {
        let since = (now - row.started).0.max(1) as u64;
        match name {
            "pid" => row.pid.to_string(),
            "ppid" => row.parent.to_string(),
            "pgid" => row.group.to_string(),
            "user" => {
                let name = names.user(row.uid);
                if name.chars().count() > 8 { format!("{}+", cut(&name, 7)) } else { name }
            }
            "uid" => row.uid.to_string(),
            "gid" => row.gid.to_string(),
            "group" => names.group(row.gid),
            "pcpu" => {
                let tenths = (row.cpu * 1000 / since).min(999);
                format!("{}.{}", tenths / 10, tenths % 10)
            }
            "c" => (row.cpu * 100 / since).min(99).to_string(),
            "pmem" => {
                let tenths = row.rss() * 1000 / memory;
                format!("{}.{}", tenths / 10, tenths % 10)
            }
            "vsz" => row.vsz().to_string(),
            "rss" => row.rss().to_string(),
            "tty" => "?".into(),
            "stat" => row.state.to_string(),
            "start" => dates::format("%H:%M:%S", row.started, 0, &zone, true),
            "stime" => {
                let format = if (now - row.started).0 < 86_400_000 { "%H:%M" } else { "%b%d" };
                dates::format(format, row.started, 0, &zone, true)
            }
            "lstart" => dates::format("%a %b %e %H:%M:%S %Y", row.started, 0, &zone, true),
            "time" => long_time(row.cpu),
            "bsdtime" => format!("{}:{:02}", row.cpu / 60_000, row.cpu / 1000 % 60),
            "etime" => elapsed(now, row.started),
            "etimes" => ((now - row.started).0 / 1000).to_string(),
            "comm" => {
                if row.state == 'Z' {
                    format!("{} <defunct>", row.comm())
                } else {
                    row.comm()
                }
            }
            "args" if row.state == 'Z' => format!("[{}] <defunct>", row.comm()),
            "args" => row.args.join(" "),
            "ni" => "0".into(),
            "pri" => "19".into(),
            "nlwp" => "1".into(),
            _ => String::new(),
        }
    };
    let mut lines = Vec::new();
    let line = |cells: Vec<String>| -> String {
        let mut out = String::new();
        let last = cells.len().saturating_sub(1);
        for (at, (cell, column)) in cells.into_iter().zip(&columns).enumerate() {
            let width = column.2.max(column.1.len());
            if at > 0 {
                out.push(' ');
            }
            if column.3 {
                out.push_str(&format!("{cell:>width$}"));
            } else if at == last {
                out.push_str(&cell);
            } else {
                out.push_str(&format!("{cell:<width$}"));
            }
        }
        out
    };
    if !no_head && columns.iter().any(|c| !c.1.is_empty()) {
        lines.push(line(columns.iter().map(|c| c.1.clone()).collect()));
    }
    for row in &all {
        lines.push(line(columns.iter().map(|c| value(row, c.0)).collect()));
    }
    if !lines.is_empty() {
        sys.out(lines.join("\n") + "\n");
    }
    Started::Exit(u8::from(all.is_empty()))
}

fn fields(text: &str) -> Vec<(String, Option<String>)> {
    // A title may hold commas: it goes to the end.
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([',', ' ', '=']).unwrap_or(rest.len());
        let name = rest[..end].to_string();
        if let Some(title) = rest[end..].strip_prefix('=') {
            // pid=,comm= : an empty title ends at the next comma.
            let (title, after) = title.strip_prefix(',').map_or((title, ""), |after| ("", after));
            all.push((name, Some(title.to_string())));
            rest = after;
        } else {
            if !name.is_empty() {
                all.push((name, None));
            }
            rest = rest.get(end + 1..).unwrap_or("");
        }
    }
    all
}

/// `top -b -n 1`
pub(super) fn top(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let parsed = match parse(sys, args, Spec::new("bn:d:HmciSp:u:o:w::1Es", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if !parsed.has('b') && !sys.is_tty(1) && gnu {
        let name = tool_name(sys, args);
        sys.err(format!("{name}: failed tty get\n"));
        return Started::Exit(1);
    }
    let names = Names::of(sys);
    let all = rows(sys);
    let used: u64 = 1_363_148 + all.iter().map(|r| r.memory / 1024).sum::<u64>();
    let (total, cached) = (crate::machine::kernel::sys::MEMORY, 1_048_576_u64);
    let free = total.saturating_sub(used + cached);
    let mut text = String::new();
    if gnu {
        let count = |s: char| all.iter().filter(|r| r.state == s).count();
        let mib = |kib: u64| kib as f64 / 1024.0;
        text.push_str(&format!("top -{}\n", super::memory::uptime_line(sys, true)));
        text.push_str(&format!(
            "Tasks: {:>3} total, {:>3} running, {:>3} sleeping, {:>3} stopped, {:>3} zombie\n",
            all.len(),
            count('R'),
            count('S'),
            count('T'),
            count('Z')
        ));
        text.push_str("%Cpu(s):  1.2 us,  0.8 sy,  0.0 ni, 98.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \n");
        text.push_str(&format!(
            "MiB Mem : {:>8.1} total, {:>8.1} free, {:>8.1} used, {:>8.1} buff/cache     \n",
            mib(total),
            mib(free),
            mib(used),
            mib(cached)
        ));
        text.push_str(&format!(
            "MiB Swap:      0.0 total,      0.0 free,      0.0 used. {:>8.1} avail Mem \n\n",
            mib(total - used)
        ));
        text.push_str("    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n");
        for row in &all {
            text.push_str(&format!(
                "{:>7} {:<8}  20   0 {:>7} {:>6} {:>6} {} {:>5} {:>5} {:>9} {}\n",
                row.pid,
                cut(&names.user(row.uid), 8),
                row.vsz(),
                row.rss(),
                1364,
                row.state,
                "0.0",
                format!("{:.1}", row.rss() as f64 * 100.0 / total as f64),
                format!("{}:{:02}.{:02}", row.cpu / 60_000, row.cpu / 1000 % 60, row.cpu / 10 % 100),
                row.comm()
            ));
        }
    } else {
        text.push_str(&format!("Mem: {used}K used, {free}K free, 8872K shrd, 0K buff, {cached}K cached\n"));
        text.push_str("CPU:   0% usr   0% sys   0% nic 100% idle   0% io   0% irq   0% sirq\n");
        text.push_str(&format!("Load average: 0.00 0.01 0.05 1/{} {}\n", 200 + all.len(), sys.getpid()));
        text.push_str("  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n");
        for row in &all {
            text.push_str(&format!(
                "{:>5} {:>5} {:<8} {:<4} {:>5} {:>4}% {:>3} {:>3}% {}\n",
                row.pid,
                row.parent,
                cut(&names.user(row.uid), 8),
                row.state,
                row.vsz(),
                row.vsz() * 100 / total,
                0,
                0,
                row.command()
            ));
        }
    }
    sys.out(text);
    Started::Exit(0)
}

/// The rows that a pattern and options choose, for `pgrep` and `pkill`.
pub(super) fn grep(
    sys: &mut Sys<'_>,
    args: &[String],
    parsed: &crate::machine::tools::options::Parsed,
) -> Result<Vec<Row>, Started> {
    let gnu = is_gnu(sys);
    let name = tool_name(sys, args);
    let criteria = parsed.has_any("PuUGgs");
    if parsed.rest.is_empty() && !criteria {
        if gnu {
            sys.err(format!("{name}: no matching criteria specified\nTry `{name} --help' for more information.\n"));
            return Err(Started::Exit(2));
        }
        sys.err(usage(&name));
        return Err(Started::Exit(1));
    }
    if parsed.rest.len() > 1 {
        if gnu {
            sys.err(format!("{name}: only one pattern can be provided\nTry `{name} --help' for more information.\n"));
            return Err(Started::Exit(2));
        }
        sys.err(usage(&name));
        return Err(Started::Exit(1));
    }
    let names = Names::of(sys);
    let me = sys.getpid();
    let list = |option: char| parsed.value(option).map(|v| v.split(',').map(String::from).collect::<Vec<_>>());
    let (parents, users) = (list('P'), list('u').or_else(|| list('U')));
    let pattern = parsed.rest.first().cloned().unwrap_or_default();
    let flags = Flags { extended: true, icase: parsed.has('i'), whole: parsed.has('x'), ..Flags::default() };
    let regex = match Regex::new(pattern.as_bytes(), flags) {
        Ok(regex) => regex,
        Err(fault) => {
            sys.err(format!("{name}: {}\n", fault.text()));
            return Err(Started::Exit(2));
        }
    };
    let mut found: Vec<Row> = rows(sys)
        .into_iter()
        .filter(|r| r.pid != me)
        .filter(|r| {
            let text = if parsed.has('f') { r.args.join(" ") } else { r.comm() };
            let hit = regex.is_match(text.as_bytes())
                && parents.as_ref().is_none_or(|p| p.contains(&r.parent.to_string()))
                && users.as_ref().is_none_or(|u| u.contains(&names.user(r.uid)) || u.contains(&r.uid.to_string()));
            hit != parsed.has('v')
        })
        .collect();
    if parsed.has('n') {
        found = found.pop().into_iter().collect();
    }
    if parsed.has('o') {
        found.truncate(1);
    }
    Ok(found)
}

/// `pgrep [-flaxvnoc] [-P PARENT] [-u USER] PATTERN`
pub(super) fn pgrep(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("full", 'f'),
        ("list-name", 'l'),
        ("list-full", 'a'),
        ("exact", 'x'),
        ("inverse", 'v'),
        ("newest", 'n'),
        ("oldest", 'o'),
        ("count", 'c'),
        ("parent", 'P'),
        ("euid", 'u'),
        ("uid", 'U'),
        ("ignore-case", 'i'),
        ("delimiter", 'd'),
    ];
    let gnu = is_gnu(sys);
    let short = if gnu { "flaxvnocP:u:U:id:G:g:s:t:" } else { "flaxvnos:P:" };
    let parsed = match parse(sys, args, Spec::new(short, long).failing(if gnu { 2 } else { 1 })) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let found = match grep(sys, args, &parsed) {
        Ok(found) => found,
        Err(end) => return end,
    };
    if parsed.has('c') {
        sys.out(format!("{}\n", found.len()));
        return Started::Exit(u8::from(found.is_empty()));
    }
    let delimiter = parsed.value('d').unwrap_or("\n");
    let lines: Vec<String> = found
        .iter()
        .map(|r| match parsed.last_of("la") {
            Some('l') if !parsed.has('f') || gnu => format!("{} {}", r.pid, r.comm()),
            Some(_) => format!("{} {}", r.pid, r.args.join(" ")),
            None => r.pid.to_string(),
        })
        .collect();
    if !lines.is_empty() {
        sys.out(lines.join(delimiter) + "\n");
    }
    Started::Exit(u8::from(found.is_empty()))
}

/// `pidof [-s] NAME...`
pub(super) fn pidof(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("so:xcqS:", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let omit: Vec<String> = parsed.values('o').flat_map(|v| v.split(',')).map(String::from).collect();
    let mut found: Vec<Pid> = rows(sys)
        .into_iter()
        .filter(|r| r.state != 'Z' && !omit.contains(&r.pid.to_string()))
        .filter(|r| parsed.rest.iter().any(|name| named(r, name)))
        .map(|r| r.pid)
        .collect();
    if is_gnu(sys) || parsed.has('s') {
        found.reverse();
    }
    if parsed.has('s') {
        found.truncate(1);
    }
    if !found.is_empty() && !parsed.has('q') {
        let text: Vec<String> = found.iter().map(Pid::to_string).collect();
        let separator = parsed.value('S').unwrap_or(" ");
        sys.out(text.join(separator) + "\n");
    }
    Started::Exit(u8::from(found.is_empty()))
}

/// Whether a process runs a program of that name, or a script of it.
pub(super) fn named(row: &Row, name: &str) -> bool {
    let first = row.args.first().map_or("", String::as_str);
    let is = |arg: &str| arg == name || !name.contains('/') && base(arg) == name;
    row.comm() == name.chars().take(15).collect::<String>() && !name.contains('/') || is(first)
}
