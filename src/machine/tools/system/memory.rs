//! What tells of the machine: `free`, `uptime`, `nproc`, `getconf`, `lscpu`, `sysctl`, `lsof`.

use super::ps::rows;
use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::files::On;
use crate::machine::tools::common::{busybox_human, fail, is_gnu, missing_operand, parse, say, tool_name};
use crate::machine::tools::options::Spec;
use crate::machine::tools::{Started, dates};

/// A node's memory in KiB: all of it, and what its own processes and caches take.
const TOTAL: u64 = crate::machine::kernel::sys::MEMORY;
const BASE: u64 = 1_363_148;
const CACHED: u64 = 1_048_576;
const SHARED: u64 = 8_872;

/// `free [-bkmgh]`
pub(super) fn free(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("bytes", 'b'),
        ("kibi", 'k'),
        ("mebi", 'm'),
        ("gibi", 'g'),
        ("human", 'h'),
        ("total", 't'),
        ("wide", 'w'),
        ("seconds", 's'),
        ("count", 'c'),
        ("si", 'S'),
    ];
    let parsed = match parse(sys, args, Spec::new("bkmghtws:c:lS", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let gnu = is_gnu(sys);
    let held: u64 = sys.sandbox.processes.values().map(|p| p.memory / 1024).sum();
    let used = BASE + held;
    let free = TOTAL.saturating_sub(used + CACHED);
    let show = |kib: u64| match (parsed.last_of("bkmgh"), gnu) {
        (Some('b'), _) => (kib * 1024).to_string(),
        (Some('m'), _) => (kib / 1024).to_string(),
        (Some('g'), _) => (kib >> 20).to_string(),
        (Some('h'), false) if kib == 0 => "0".into(),
        (Some('h'), false) => busybox_human(kib * 1024),
        (Some('h'), true) => human(kib),
        _ => kib.to_string(),
    };
    let (label, gap) = if gnu { (8, 16) } else { (7, 15) };
    let title = ["used", "free", "shared", "buff/cache", "available"].map(|t| format!("{t:>12}")).concat();
    let mut text = format!("{:>w$}{title}\n", "total", w = gap + 4);
    let row = |name: &str, cells: &[u64]| {
        let cells: String = cells.iter().map(|c| format!("{:>12}", show(*c))).collect();
        format!("{name:<label$}{cells}\n")
    };
    text.push_str(&row("Mem:", &[TOTAL, used, free, SHARED, CACHED, TOTAL.saturating_sub(used)]));
    text.push_str(&row("Swap:", &[0, 0, 0]));
    if parsed.has('t') {
        text.push_str(&row("Total:", &[TOTAL, used, free]));
    }
    sys.out(text);
    Started::Exit(0)
}

fn human(kib: u64) -> String {
    if kib == 0 {
        return "0B".into();
    }
    let mut value = kib as f64;
    let mut unit = 0;
    let units = ["Ki", "Mi", "Gi", "Ti"];
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1}{}", units[unit]) } else { format!("{:.0}{}", value.floor(), units[unit]) }
}

/// ` 11:45:38 up 12:24,  0 users,  load average: 0.00, 0.01, 0.05`
pub(super) fn uptime_line(sys: &mut Sys<'_>, gnu: bool) -> String {
    let zone = dates::zone(sys);
    let clock = dates::format("%H:%M:%S", sys.now(), 0, &zone, true);
    let minutes = (sys.now() - sys.sandbox.booted).0.max(0) / 60_000;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        n => format!("{n} days, "),
    };
    let rest = if hours > 0 { format!("{hours:>2}:{minutes:02}") } else { format!("{minutes} min") };
    let users = if gnu { "0 user" } else { "0 users" };
    format!(" {clock} up {days}{rest},  {users},  load average: 0.00, 0.01, 0.05")
}

/// `uptime [-ps]`
pub(super) fn uptime(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("ps", &[("pretty", 'p'), ("since", 's')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let gnu = is_gnu(sys);
    let text = match parsed.last_of("ps") {
        Some('s') => {
            let zone = dates::zone(sys);
            dates::format("%Y-%m-%d %H:%M:%S", sys.sandbox.booted, 0, &zone, true)
        }
        Some(_) => {
            let minutes = (sys.now() - sys.sandbox.booted).0.max(0) / 60_000;
            let part = |n: i64, name: &str| (n > 0).then(|| format!("{n} {name}{}", if n == 1 { "" } else { "s" }));
            let parts = [
                part(minutes / 10_080, "week"),
                part(minutes / 1440 % 7, "day"),
                part(minutes / 60 % 24, "hour"),
                Some(format!("{} minute{}", minutes % 60, if minutes % 60 == 1 { "" } else { "s" })),
            ];
            format!("up {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        None => uptime_line(sys, gnu),
    };
    sys.out(format!("{text}\n"));
    Started::Exit(0)
}

/// `nproc [--all] [--ignore=N]`
pub(super) fn nproc(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("αι:", &[("all", 'α'), ("ignore", 'ι')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let ignored: u32 = parsed.value('ι').and_then(|n| n.parse().ok()).unwrap_or(0);
    sys.out(format!("{}\n", 2_u32.saturating_sub(ignored).max(1)));
    Started::Exit(0)
}

/// `getconf NAME`
pub(super) fn getconf(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let Some(name) = args.get(1) else { return missing_operand(sys, args) };
    let value = match name.as_str() {
        "_NPROCESSORS_ONLN" | "_NPROCESSORS_CONF" => "2",
        "PAGESIZE" | "PAGE_SIZE" => "4096",
        "LONG_BIT" => "64",
        "ARG_MAX" => "2097152",
        "OPEN_MAX" => "1048576",
        "NAME_MAX" => "255",
        "PATH_MAX" => "4096",
        "CLK_TCK" => "100",
        "CHILD_MAX" => "31327",
        "HOST_NAME_MAX" => "64",
        "_PHYS_PAGES" => "2012032",
        "_AVPHYS_PAGES" => "1409107",
        "GNU_LIBC_VERSION" if is_gnu(sys) => "glibc 2.36",
        "PATH" => "/bin:/usr/bin",
        other => {
            let name = tool_name(sys, args);
            sys.err(format!("{name}: Unrecognized variable `{other}'\n"));
            return Started::Exit(2);
        }
    };
    sys.out(format!("{value}\n"));
    Started::Exit(0)
}

/// `lscpu`
pub(super) fn lscpu(sys: &mut Sys<'_>, _: &[String]) -> Started {
    sys.out(
        "Architecture:            x86_64\n  CPU op-mode(s):        32-bit, 64-bit\n  Address sizes:         46 bits physical, 48 bits virtual\n  Byte Order:            Little Endian\nCPU(s):                  2\n  On-line CPU(s) list:   0,1\nVendor ID:               GenuineIntel\n  Model name:            Intel(R) Xeon(R) CPU\n    CPU family:          6\n    Thread(s) per core:  1\n    Core(s) per socket:  2\n    Socket(s):           1\n",
    );
    Started::Exit(0)
}

/// `dmesg`
pub(super) fn dmesg(sys: &mut Sys<'_>, args: &[String]) -> Started {
    fail(sys, args, "read kernel buffer failed", "klogctl", Errno::Perm);
    Started::Exit(1)
}

/// `logger`: the system log is nowhere.
pub(super) fn logger(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("sp:t:i", &[("stderr", 's'), ("priority", 'p'), ("tag", 't')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.has('s') {
        let tag = parsed.value('t').unwrap_or("root").to_string();
        sys.err(format!("{tag}: {}\n", parsed.rest.join(" ")));
    }
    Started::Exit(0)
}

/// `sysctl [-n] NAME...`: what `/proc/sys` has; changes are refused.
pub(super) fn sysctl(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("values", 'n'), ("write", 'w'), ("all", 'a'), ("quiet", 'q'), ("ignore", 'e'), ("load", 'p')];
    let parsed = match parse(sys, args, Spec::new("nwaqep::N", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut names = parsed.rest.clone();
    if parsed.has('a') {
        for folder in ["fs", "kernel", "kernel/random", "net/core", "net/ipv4", "vm"] {
            for (name, stat) in sys.read_dir(&format!("/proc/sys/{folder}")).unwrap_or_default() {
                if stat.kind == crate::machine::kernel::sys::Kind::File {
                    names.push(format!("{}.{name}", folder.replace('/', ".")));
                }
            }
        }
    }
    let gnu = is_gnu(sys);
    let mut code = 0;
    for name in names {
        let (key, value) = name.split_once('=').map_or((name.as_str(), None), |(k, v)| (k.trim_end(), Some(v)));
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        if let Some(_value) = value {
            let exists = sys.stat(&path).is_ok();
            let text = match (gnu, exists) {
                (true, true) => format!("permission denied on key \"{key}\", ignoring"),
                (true, false) => format!("cannot stat {path}: No such file or directory"),
                (false, true) => format!("error setting key '{key}': {}", sys.text(Errno::ReadOnly)),
                (false, false) => format!("error: '{key}' is an unknown key"),
            };
            let text =
                if gnu && exists { format!("setting key \"{key}\", ignoring: Read-only file system") } else { text };
            say(sys, args, &text, &text);
            code = if gnu && exists { code } else { 1 };
            continue;
        }
        match sys.read_file(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).trim_end().to_string();
                let line =
                    if parsed.has('n') { format!("{text}\n") } else { format!("{} = {text}\n", key.replace('/', ".")) };
                sys.out(line);
            }
            Err(_) => {
                if !parsed.has('e') {
                    let gnu = format!("cannot stat {path}: No such file or directory");
                    say(sys, args, &gnu, &format!("error: '{}' is an unknown key", key.replace('.', "/")));
                    code = 1;
                }
            }
        }
    }
    Started::Exit(code)
}

/// `lsof`: the open files of all processes.
pub(super) fn lsof(sys: &mut Sys<'_>, _: &[String]) -> Started {
    let mut lines = Vec::new();
    for row in rows(sys) {
        let fds: Vec<u32> = sys.process_of(row.pid).map(|p| p.fds.keys().copied().collect()).unwrap_or_default();
        for fd in fds {
            let path = match sys.stat_link(row.pid, fd) {
                Some(path) => path,
                None => continue,
            };
            let program = row.args.first().cloned().unwrap_or_default();
            lines.push(format!("{}\t{program}\t{fd}\t{path}\n", row.pid));
        }
    }
    sys.out(lines.concat());
    Started::Exit(0)
}

/// `fuser FILE...`
pub(super) fn fuser(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut found = Vec::new();
    for path in args.iter().skip(1).filter(|a| !a.starts_with('-')) {
        let Ok(stat) = sys.stat(path) else { continue };
        for row in rows(sys) {
            let fds: Vec<u32> = sys.process_of(row.pid).map(|p| p.fds.values().copied().collect()).unwrap_or_default();
            let holds = fds.iter().any(|id| match sys.sandbox.file_on(*id) {
                Some(On::Disk(disk, ino) | On::Dir(disk, ino)) => *disk == stat.disk && *ino == stat.ino,
                _ => false,
            });
            if holds {
                found.push(row.pid.to_string());
            }
        }
    }
    if found.is_empty() {
        return Started::Exit(1);
    }
    sys.out(format!("{}\n", found.join(" ")));
    Started::Exit(0)
}
