//! `mount`, `umount` and other tools for devices: what a container without privileges gets from them.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::mounts::Mount;
use crate::machine::kernel::sys::Kind;
use crate::machine::tools::Started;
use crate::machine::tools::common::{base, fail, is_gnu, missing_operand, parse, say, tool_name};
use crate::machine::tools::options::Spec;

fn options(mount: &Mount) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    if mount.options.is_empty() { access.to_string() } else { format!("{access},{}", mount.options) }
}

/// `mount`: lists; all else is refused.
pub(super) fn mount(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("types", 't'),
        ("options", 'o'),
        ("bind", 'β'),
        ("rbind", 'β'),
        ("all", 'a'),
        ("verbose", 'v'),
        ("read-only", 'r'),
    ];
    let parsed = match parse(sys, args, Spec::new("aflnrsvwit:o:O:Bβ", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() && !parsed.has('a') {
        let wanted = parsed.value('t').map(|t| t.split(',').map(String::from).collect::<Vec<_>>());
        let lines: String = sys
            .mounts()
            .iter()
            .filter(|m| wanted.as_ref().is_none_or(|w| w.contains(&m.fs_type)))
            .map(|m| format!("{} on {} type {} ({})\n", m.device, m.at, m.fs_type, options(m)))
            .collect();
        sys.out(lines);
        return Started::Exit(0);
    }
    if parsed.rest.is_empty() {
        return Started::Exit(0);
    }
    let at = parsed.rest.last().cloned().unwrap_or_default();
    let name = tool_name(sys, args);
    if !is_gnu(sys) {
        if parsed.rest.len() == 1 {
            sys.err(format!("{name}: can't find {at} in /etc/fstab\n"));
        } else if sys.process().uid != 0 {
            sys.err(format!("{name}: permission denied (are you root?)\n"));
        } else if sys.stat(&at).is_err() {
            let source = &parsed.rest[0];
            sys.err(format!("{name}: mounting {source} on {at} failed: No such file or directory\n"));
            return Started::Exit(255);
        } else {
            sys.err(format!("{name}: permission denied (are you root?)\n"));
        }
        return Started::Exit(1);
    }
    if parsed.rest.len() == 1 {
        sys.err(format!("{name}: {at}: can't find in /etc/fstab.\n"));
        return Started::Exit(1);
    }
    if sys.process().uid != 0 {
        sys.err(format!("{name}: {at}: must be superuser to use mount.\n"));
    } else if sys.stat(&at).is_err() {
        sys.err(format!("{name}: {at}: mount point does not exist.\n"));
    } else {
        sys.err(format!("{name}: {at}: permission denied.\n"));
    }
    sys.err("       dmesg(1) may have more information after failed mount system call.\n");
    Started::Exit(if sys.process().uid == 0 { 32 } else { 1 })
}

/// `umount`: refused.
pub(super) fn umount(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("lazy", 'l'), ("force", 'f'), ("recursive", 'R'), ("all", 'a'), ("verbose", 'v')];
    let parsed = match parse(sys, args, Spec::new("aldDfRrnvt:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let name = tool_name(sys, args);
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    let mut code = 0;
    for path in &parsed.rest {
        let at = sys.canonical(path).unwrap_or_default();
        let mounted = sys.mounts().iter().any(|m| m.at == at);
        let text = match (is_gnu(sys), mounted) {
            (true, true) => format!("{name}: {path}: must be superuser to unmount.\n"),
            (true, false) if sys.stat(path).is_ok() => format!("{name}: {path}: not mounted.\n"),
            (true, false) => format!("{name}: {path}: no mount point specified.\n"),
            (false, true) => format!("{name}: can't unmount {path}: {}\n", sys.text(Errno::Perm)),
            (false, false) => {
                let fault = if sys.stat(path).is_ok() { Errno::Invalid } else { Errno::NoEnt };
                format!("{name}: can't unmount {path}: {}\n", sys.text(fault))
            }
        };
        sys.err(text);
        code = if is_gnu(sys) { 32 } else { 1 };
    }
    Started::Exit(code)
}

/// `mountpoint [-qdx] FOLDER`
pub(super) fn mountpoint(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("quiet", 'q'), ("fs-devno", 'd'), ("devno", 'x'), ("nofollow", 'n')];
    let parsed = match parse(sys, args, Spec::new("qdxn", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let Some(path) = parsed.rest.first() else { return missing_operand(sys, args) };
    let stat = match sys.stat(path) {
        Ok(stat) => stat,
        Err(fault) => {
            if !parsed.has('q') {
                fail(sys, args, path, path, fault);
            }
            return Started::Exit(1);
        }
    };
    if stat.kind != Kind::Dir && !is_gnu(sys) {
        fail(sys, args, path, path, Errno::NotDir);
        return Started::Exit(1);
    }
    let at = sys.canonical(path).unwrap_or_default();
    let is = sys.mounts().iter().any(|m| m.at == at);
    if parsed.has('d') && is {
        sys.out("0:59\n");
    } else if !parsed.has('q') {
        sys.out(format!("{path} is {}a mountpoint\n", if is { "" } else { "not " }));
    }
    Started::Exit(match (is, is_gnu(sys)) {
        (true, _) => 0,
        (false, true) => 32,
        (false, false) => 1,
    })
}

/// `findmnt [TARGET]`
pub(super) fn findmnt(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("noheadings", 'n'), ("output", 'o'), ("target", 'T'), ("list", 'l'), ("raw", 'r'), ("types", 't')];
    let parsed = match parse(sys, args, Spec::new("no:T:lrt:aAJSM:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut mounts = sys.mounts().to_vec();
    if let Some(target) = parsed.value('T') {
        mounts = sys.mount_of(target).cloned().into_iter().collect();
    }
    if let Some(at) = parsed.rest.first() {
        mounts.retain(|m| m.at == *at || m.device == *at);
    }
    mounts.retain(|m| parsed.value('t').is_none_or(|t| t == m.fs_type));
    if mounts.is_empty() {
        return Started::Exit(1);
    }
    let columns = parsed.value('o').unwrap_or("TARGET,SOURCE,FSTYPE,OPTIONS").to_uppercase();
    let columns: Vec<&str> = columns.split(',').collect();
    let of = |m: &Mount, column: &str| match column {
        "TARGET" => m.at.clone(),
        "SOURCE" => m.device.clone(),
        "FSTYPE" => m.fs_type.clone(),
        "OPTIONS" => options(m),
        _ => String::new(),
    };
    let mut rows: Vec<Vec<String>> = mounts.iter().map(|m| columns.iter().map(|c| of(m, c)).collect()).collect();
    if !parsed.has('n') {
        rows.insert(0, columns.iter().map(|c| c.to_string()).collect());
    }
    let widths: Vec<usize> =
        (0..columns.len()).map(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, w)| format!("{cell:<w$}")).collect();
        sys.out(format!("{}\n", cells.join(" ").trim_end()));
    }
    Started::Exit(0)
}

/// `losetup`: no loop devices.
pub(super) fn losetup(sys: &mut Sys<'_>, args: &[String]) -> Started {
    if args.len() < 2 || args[1] == "-a" || args[1] == "-l" {
        return Started::Exit(0);
    }
    let text = if is_gnu(sys) { "cannot find an unused loop device" } else { "/dev/loop-control" };
    fail(sys, args, text, text, Errno::NoEnt);
    Started::Exit(1)
}

/// `blkid`: finds nothing.
pub(super) fn blkid(sys: &mut Sys<'_>, _: &[String]) -> Started {
    Started::Exit(if is_gnu(sys) { 2 } else { 0 })
}

/// `lsblk`: the node's disk, as `/sys` shows it everywhere.
pub(super) fn lsblk(sys: &mut Sys<'_>, _: &[String]) -> Started {
    sys.out("NAME MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nsda    8:0    0  256G  0 disk \n`-sda1 8:1    0  256G  0 part /etc/hosts\n");
    Started::Exit(0)
}

/// `fdisk`: no device can be opened.
pub(super) fn fdisk(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match args.iter().skip(1).find(|a| !a.starts_with('-')) {
        Some(device) => {
            let fault = sys.stat(device).err().unwrap_or(Errno::Perm);
            fail(sys, args, &format!("cannot open {device}"), &format!("can't open '{device}'"), fault);
            Started::Exit(1)
        }
        None if args.len() > 1 => Started::Exit(0),
        None => missing_operand(sys, args),
    }
}

/// `mkfs.*`, `mkswap`: there is no device that could be written.
pub(super) fn mkfs(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let Some(device) = args.iter().skip(1).rev().find(|a| !a.starts_with('-')) else {
        return missing_operand(sys, args);
    };
    let fault = sys.stat(device).err().unwrap_or(Errno::Perm);
    match is_gnu(sys) && base(&args[0]).starts_with("mkfs.ext") {
        true if fault == Errno::NoEnt => {
            sys.err("mke2fs 1.47.0 (5-Feb-2023)\n");
            sys.err(format!("The file {device} does not exist and no size was specified.\n"));
        }
        true => sys.err(format!("mke2fs 1.47.0 (5-Feb-2023)\nCould not open {device}: {}\n", fault.text())),
        false => fail(sys, args, &format!("cannot open {device}"), &format!("can't open '{device}'"), fault),
    }
    Started::Exit(1)
}

/// `lsattr [FILE]...`
pub(super) fn lsattr(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut code = 0;
    for path in args.iter().skip(1).filter(|a| !a.starts_with('-')) {
        match sys.stat(path) {
            Ok(_) => sys.out(format!("--------------e------- {path}\n")),
            Err(fault) => {
                let gnu = format!("{} while trying to stat {path}", fault.text());
                say(sys, args, &gnu, &format!("{path}: {}", fault.text()));
                code = 1;
            }
        }
    }
    Started::Exit(code)
}

/// `chattr`: refused without the capability.
pub(super) fn chattr(sys: &mut Sys<'_>, args: &[String]) -> Started {
    for path in args.iter().skip(2) {
        match sys.stat(path) {
            Ok(_) => {
                let gnu = format!("Operation not permitted while setting flags on {path}");
                say(sys, args, &gnu, &format!("setting flags on {path}: Operation not permitted"));
            }
            Err(fault) => {
                let gnu = format!("{} while trying to stat {path}", fault.text());
                say(sys, args, &gnu, &format!("stat {path}: {}", fault.text()));
            }
        }
    }
    Started::Exit(1)
}
