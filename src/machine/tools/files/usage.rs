//! `df`, `du`, `sync`.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::mounts::Mount;
use crate::machine::kernel::sys::{FileSystem, Kind, Stat};
use crate::machine::tools::Started;
use crate::machine::tools::common::{busybox_human, fail, human, is_gnu, join, misuse, parse, quote, say};
use crate::machine::tools::options::Spec;

/// `df [-hkmPTia] [-t TYPE] [FILE]...`
pub(super) fn df(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("all", 'a'),
        ("block-size", 'B'),
        ("human-readable", 'h'),
        ("si", 'H'),
        ("inodes", 'i'),
        ("local", 'l'),
        ("output", 'o'),
        ("portability", 'P'),
        ("print-type", 'T'),
        ("sync", 's'),
        ("no-sync", 'ñ'),
        ("total", 'τ'),
        ("type", 't'),
        ("exclude-type", 'x'),
    ];
    let gnu = is_gnu(sys);
    let short = if gnu { "aB:hHiklmPTt:x:vo::sñτ" } else { "PkmhTaiB:t:" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut code = 0;
    let mut mounts: Vec<Mount> = Vec::new();
    let mut missing = Vec::new();
    if parsed.rest.is_empty() {
        let all = sys.mounts().to_vec();
        for mount in &all {
            let shown = sys.statfs(mount).is_some_and(|f| f.blocks > 0) || parsed.has('a');
            let doubled = gnu
                && !parsed.has('a')
                && mounts.iter().any(|m: &Mount| m.what == mount.what && m.device == mount.device && m.at != "/");
            if shown && !doubled {
                mounts.push(mount.clone());
            }
        }
    }
    for path in &parsed.rest {
        match sys.mount_of(path).cloned() {
            Ok(mount) if sys.stat(path).is_ok() => mounts.push(mount),
            Ok(_) | Err(Errno::NoEnt) if !gnu => {
                missing.push(path.clone());
                code = 1;
            }
            Ok(_) => {
                fail(sys, args, path, "", Errno::NoEnt);
                code = 1;
            }
            Err(fault) => {
                fail(sys, args, path, path, fault);
                code = 1;
            }
        }
    }
    mounts.retain(|m| parsed.value('t').is_none_or(|t| t == m.fs_type) && parsed.values('x').all(|t| t != m.fs_type));
    if mounts.is_empty() && gnu {
        if code == 0 {
            say(sys, args, "no file systems processed", "");
        }
        return Started::Exit(1);
    }
    let unit: u64 = match (parsed.last_of("kmBhH"), parsed.value('B')) {
        (Some('m'), _) => 1 << 20,
        (Some('B'), Some(text)) => {
            let text =
                if text.starts_with(|c: char| c.is_ascii_digit()) { text.to_string() } else { format!("1{text}") };
            match crate::machine::tools::common::parse_size(&text).filter(|u| *u > 0) {
                Some(unit) => unit,
                None => {
                    let text = format!("invalid --block-size argument {}", quote(&text));
                    say(sys, args, &text, &text);
                    return Started::Exit(1);
                }
            }
        }
        _ => 1024,
    };
    let readable = parsed.last_of("kmBhH").filter(|c| "hH".contains(*c));
    let inodes = parsed.has('i');
    let size = |bytes: u64| match readable {
        Some('H') => human(bytes, 1000),
        Some(_) if gnu => human(bytes, 1024),
        Some(_) if bytes == 0 => "0".into(),
        Some(_) => busybox_human(bytes),
        None if gnu => bytes.div_ceil(unit).to_string(),
        None => ((bytes + unit / 2) / unit).to_string(),
    };
    let mut rows = Vec::new();
    let mut sum = FileSystem::default();
    for mount in &mounts {
        let fs = sys.statfs(mount).unwrap_or_default();
        sum.blocks += fs.blocks;
        sum.free += fs.free;
        sum.available += fs.available;
        rows.push((mount.device.clone(), mount.fs_type.clone(), fs, mount.at.clone()));
    }
    if parsed.has('τ') {
        rows.push(("total".into(), "-".into(), sum, "-".into()));
    }
    let cells: Vec<[String; 7]> = rows
        .into_iter()
        .map(|(device, fs_type, fs, at)| {
            let (total, used, free) = if inodes {
                let readable = |n: u64| if readable.is_some() && gnu { human(n, 1024) } else { n.to_string() };
                let used = fs.files.saturating_sub(fs.free_files);
                (readable(fs.files), readable(used), readable(fs.free_files))
            } else {
                let used = fs.blocks.saturating_sub(fs.free) * fs.block;
                (size(fs.blocks * fs.block), size(used), size(fs.available * fs.block))
            };
            let (u, a) = match inodes {
                true => (fs.files.saturating_sub(fs.free_files), fs.free_files),
                false => (fs.blocks.saturating_sub(fs.free), fs.available),
            };
            let percent = match u + a {
                0 if gnu => "-".to_string(),
                0 => "0%".to_string(),
                all if gnu => format!("{}%", (u * 100).div_ceil(all)),
                all => format!("{}%", (u * 100 + all / 2) / all),
            };
            [device, fs_type, total, used, free, percent, at]
        })
        .collect();
    let size_title = match () {
        () if inodes => "Inodes".to_string(),
        () if readable.is_some() => "Size".into(),
        () if parsed.has('P') => format!("{unit}-blocks"),
        () if unit == 1 << 20 => "1M-blocks".into(),
        () if unit == 1024 => "1K-blocks".into(),
        () if unit == 1 << 30 => "1G-blocks".into(),
        () => format!("{unit}B-blocks"),
    };
    if gnu {
        gnu_df(sys, &cells, &parsed, &size_title, (inodes, readable.is_some()));
    } else {
        busybox_df(sys, &cells, parsed.has('T'), parsed.has('P'), &size_title, readable.is_some());
        for path in missing {
            say(sys, args, "", &format!("{path}: can't find mount point"));
        }
    }
    Started::Exit(code)
}

fn gnu_df(
    sys: &mut Sys<'_>,
    cells: &[[String; 7]],
    parsed: &crate::machine::tools::options::Parsed,
    size_title: &str,
    (inodes, readable): (bool, bool),
) {
    let titles: [&str; 7] = match (inodes, readable, parsed.has('P')) {
        (true, ..) => ["Filesystem", "Type", size_title, "IUsed", "IFree", "IUse%", "Mounted on"],
        (false, _, true) => ["Filesystem", "Type", size_title, "Used", "Available", "Capacity", "Mounted on"],
        (false, true, _) => ["Filesystem", "Type", size_title, "Used", "Avail", "Use%", "Mounted on"],
        _ => ["Filesystem", "Type", size_title, "Used", "Available", "Use%", "Mounted on"],
    };
    let mut columns: Vec<usize> = if parsed.has('T') { vec![0, 1, 2, 3, 4, 5, 6] } else { vec![0, 2, 3, 4, 5, 6] };
    let mut titles = titles.map(String::from);
    if let Some(fields) = parsed.value('o') {
        let all = ["source", "fstype", "size", "used", "avail", "pcent", "target"];
        titles[4] = "Avail".into();
        let wanted = if fields.is_empty() { all.join(",") } else { fields.to_string() };
        columns = wanted
            .split(',')
            .filter_map(|f| match f {
                "itotal" => Some(2),
                "iused" => Some(3),
                "iavail" => Some(4),
                "ipcent" => Some(5),
                f => all.iter().position(|a| *a == f),
            })
            .collect();
    }
    let least = [14, 4, 5, 5, 5, 4, 0];
    let widths: Vec<usize> = columns
        .iter()
        .map(|c| cells.iter().map(|r| r[*c].chars().count()).max().unwrap_or(0).max(titles[*c].len()).max(least[*c]))
        .collect();
    for row in std::iter::once(&titles).chain(cells) {
        let mut line = String::new();
        for (at, (column, width)) in columns.iter().zip(&widths).enumerate() {
            if at > 0 {
                line.push(' ');
            }
            let last = at + 1 == columns.len();
            match column {
                0 | 1 | 6 if last => line.push_str(&row[*column]),
                0 | 1 | 6 => line.push_str(&format!("{:<width$}", row[*column])),
                _ => line.push_str(&format!("{:>width$}", row[*column])),
            }
        }
        line.push('\n');
        sys.out(line);
    }
}

fn busybox_df(sys: &mut Sys<'_>, cells: &[[String; 7]], types: bool, posix: bool, size_title: &str, readable: bool) {
    let title = |name: &str| format!("{name:<20}");
    let kind = if types { format!(" {:<10}", "Type") } else { String::new() };
    let (used, percent) = if posix { ("   Used", "Capacity") } else { ("     Used", "Use%") };
    let used = if posix { used.to_string() } else { format!("{used:>9}") };
    let size = if posix && !readable { size_title.to_string() } else { format!("{size_title:>9}") };
    sys.out(format!("{}{kind} {size} {used} Available {percent} Mounted on\n", title("Filesystem")));
    for [device, fs_type, total, used, free, percent, at] in cells {
        let mut line = device.clone();
        if device.chars().count() > 20 && !posix {
            line.push_str(&format!("\n{:20}", ""));
        } else {
            line = format!("{device:<20}");
        }
        if types {
            line.push_str(&format!(" {fs_type:<10}"));
        }
        line.push_str(&format!(" {total:>9} {used:>9} {free:>9} {percent:>4} {at}\n"));
        sys.out(line);
    }
}

/// `du [-abcdhkmsx] [FILE]...`
pub(super) fn du(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("all", 'a'),
        ("apparent-size", 'α'),
        ("block-size", 'B'),
        ("bytes", 'b'),
        ("total", 'c'),
        ("dereference-args", 'D'),
        ("max-depth", 'd'),
        ("human-readable", 'h'),
        ("si", 'σ'),
        ("dereference", 'L'),
        ("count-links", 'l'),
        ("separate-dirs", 'S'),
        ("summarize", 's'),
        ("threshold", 't'),
        ("exclude", 'ε'),
        ("one-file-system", 'x'),
        ("null", '0'),
    ];
    let gnu = is_gnu(sys);
    let short = if gnu { "0aB:bcDd:HhkLlmPSst:xαε:σ" } else { "aHLd:clsxhmkb" };
    let parsed = match parse(sys, args, Spec::new(short, if gnu { long } else { &[] })) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let depth = match parsed.value('d').map(str::parse::<usize>) {
        Some(Err(_)) => {
            let text = parsed.value('d').unwrap_or("");
            if gnu {
                let name = crate::machine::tools::common::tool_name(sys, args);
                sys.err(format!("{name}: invalid maximum depth {}\n", quote(text)));
                return misuse(sys, args, "", 1);
            }
            say(sys, args, "", &format!("invalid number '{text}'"));
            return Started::Exit(1);
        }
        Some(Ok(depth)) => depth,
        None => usize::MAX,
    };
    if parsed.has('s') && parsed.has('a') && gnu {
        let name = crate::machine::tools::common::tool_name(sys, args);
        sys.err(format!("{name}: cannot both summarize and show all entries\n"));
        return misuse(sys, args, "", 1);
    }
    let depth = if parsed.has('s') { 0 } else { depth };
    let apparent = parsed.has_any("αb");
    let unit: u64 = match (parsed.last_of("kmBb"), parsed.value('B')) {
        (Some('m'), _) => 1 << 20,
        (Some('b'), _) => 1,
        (Some('B'), Some(text)) => {
            let text =
                if text.starts_with(|c: char| c.is_ascii_digit()) { text.to_string() } else { format!("1{text}") };
            crate::machine::tools::common::parse_size(&text).filter(|u| *u > 0).unwrap_or(1024)
        }
        _ => 1024,
    };
    let show = |bytes: u64| match (parsed.last_of("hkmσ"), gnu) {
        (Some('h'), true) => human(bytes, 1024),
        (Some('σ'), true) => human(bytes, 1000),
        (Some('h'), false) => busybox_human(bytes),
        _ => bytes.div_ceil(unit).to_string(),
    };
    let end = if parsed.has('0') { '\0' } else { '\n' };
    let mut code = 0;
    let mut total = 0;
    let mut operands = parsed.rest.clone();
    if operands.is_empty() {
        operands.push(".".into());
    }
    let mut seen = std::collections::BTreeSet::new();
    for operand in &operands {
        let follow = parsed.has_any("DHL");
        let stat = match if follow { sys.stat(operand) } else { sys.lstat(operand) } {
            Ok(stat) => stat,
            Err(fault) => {
                fail(sys, args, &format!("cannot access {}", quote(operand)), operand, fault);
                code = 1;
                continue;
            }
        };
        let size = |stat: &Stat| if apparent { stat.size } else { stat.usage };
        // Folders whose contents are being summed up: path, sum, entries that are left.
        struct Open {
            path: String,
            sum: u64,
            left: std::vec::IntoIter<(String, Stat)>,
        }
        let mut stack: Vec<Open> = Vec::new();
        let mut next = Some((operand.clone(), stat));
        let mut sum = 0;
        let root = next.as_ref().map_or(String::new(), |n| n.1.disk.clone());
        loop {
            if let Some((path, stat)) = next.take() {
                if stat.links > 1
                    && (stat.kind == Kind::Dir || !parsed.has('l'))
                    && !seen.insert((stat.disk.clone(), stat.ino))
                {
                    // Counted already by another name.
                } else if stat.kind == Kind::Dir {
                    let entries = match sys.read_dir(&path) {
                        Ok(entries) => entries,
                        Err(fault) => {
                            let gnu = format!("cannot read directory {}", quote(&path));
                            fail(sys, args, &gnu, &format!("can't open '{path}'"), fault);
                            code = 1;
                            Vec::new()
                        }
                    };
                    stack.push(Open { path, sum: size(&stat), left: entries.into_iter() });
                } else {
                    let bytes = size(&stat);
                    if stack.is_empty() || parsed.has('a') && stack.len() <= depth {
                        sys.out(format!("{}\t{path}{end}", show(bytes)));
                    }
                    match stack.last_mut() {
                        Some(open) => open.sum += bytes,
                        None => sum += bytes,
                    }
                }
            }
            let Some(open) = stack.last_mut() else { break };
            if let Some((name, stat)) = open.left.next() {
                let hidden = parsed.values('ε').any(|p| super::glob::matches(p, &name));
                let elsewhere = parsed.has('x') && stat.disk != root;
                if !hidden && !elsewhere {
                    next = Some((join(&open.path, &name), stat));
                }
                continue;
            }
            let Some(open) = stack.pop() else { break };
            if stack.len() <= depth {
                sys.out(format!("{}\t{}{end}", show(open.sum), open.path));
            }
            match stack.last_mut() {
                Some(above) if !parsed.has('S') => above.sum += open.sum,
                Some(_) => {}
                None => sum += open.sum,
            }
        }
        total += sum;
    }
    if parsed.has('c') {
        sys.out(format!("{}\ttotal{end}", show(total)));
    }
    Started::Exit(code)
}

/// `sync [-df] [FILE]...`
pub(super) fn sync(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("df", &[("data", 'd'), ("file-system", 'f')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut code = 0;
    for path in &parsed.rest {
        if let Err(fault) = sys.stat(path) {
            fail(sys, args, &format!("error opening {}", quote(path)), &format!("can't open '{path}'"), fault);
            code = 1;
        }
    }
    Started::Exit(code)
}
