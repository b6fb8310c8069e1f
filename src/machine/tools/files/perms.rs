//! `chmod`, `chown`, `chgrp`.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::tools::Started;
use crate::machine::tools::common::{
    Tree, Visit, fail, is_gnu, missing_operand, misuse, mode_string, parse, parse_mode, quote, say,
};
use crate::machine::tools::options::Spec;
use crate::machine::tools::users::{self, Names};

const LONG: &[(&str, char)] = &[
    ("changes", 'c'),
    ("silent", 'f'),
    ("quiet", 'f'),
    ("verbose", 'v'),
    ("recursive", 'R'),
    ("reference", 'ρ'),
    ("no-dereference", 'h'),
    ("dereference", 'δ'),
    ("from", 'φ'),
    ("preserve-root", 'π'),
    ("no-preserve-root", 'ñ'),
];

/// All that the operands name: themselves, and with `deep` what is below them.
fn each(sys: &mut Sys<'_>, path: &str, deep: bool, mut act: impl FnMut(&mut Sys<'_>, &str, Result<&Stat, Errno>)) {
    match sys.lstat(path) {
        Err(fault) => act(sys, path, Err(fault)),
        Ok(stat) if !deep => act(sys, path, Ok(&stat)),
        Ok(stat) => {
            let mut tree = Tree::new(path, stat, false);
            while let Some(visit) = tree.next(sys) {
                match visit {
                    Visit::Entry(path, stat) => act(sys, &path, Ok(&stat)),
                    Visit::Fault(path, fault) => act(sys, &path, Err(fault)),
                }
            }
        }
    }
}

/// `chmod [-Rvcf] MODE FILE...`
pub(super) fn chmod(sys: &mut Sys<'_>, args: &[String]) -> Started {
    // A mode such as -w looks like an option.
    let mut args: Vec<String> = args.to_vec();
    let looks = |a: &String| a.len() > 1 && a.starts_with('-') && a[1..].starts_with(|c| "rwxXstugo,=+".contains(c));
    if let Some(at) = args.iter().position(looks) {
        let mode = args.remove(at);
        let first = args.iter().skip(1).position(|a| !a.starts_with('-')).map_or(args.len(), |at| at + 1);
        args.insert(first, mode);
        args.insert(first, "--".into());
    }
    let args = &args[..];
    let parsed = match parse(sys, args, Spec::new("RvcfρZ:π::ñ", LONG)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut operands = parsed.rest.iter();
    let reference = parsed.value('ρ').filter(|r| !r.is_empty()).and_then(|r| sys.stat(r).ok()).map(|s| s.mode);
    let text = match reference {
        Some(mode) => format!("{mode:04o}"),
        None => match operands.next() {
            Some(text) => text.clone(),
            None => return missing_operand(sys, args),
        },
    };
    let files: Vec<&String> = operands.collect();
    if files.is_empty() {
        return match is_gnu(sys) {
            true => misuse(sys, args, &format!("missing operand after {}", quote(&text)), 1),
            false => missing_operand(sys, args),
        };
    }
    let umask = sys.process().umask;
    if parse_mode(&text, 0, false, umask).is_none() {
        return if is_gnu(sys) {
            misuse(sys, args, &format!("invalid mode: {}", quote(&text)), 1)
        } else {
            say(sys, args, "", &format!("invalid mode '{text}'"));
            Started::Exit(1)
        };
    }
    let mut code = 0;
    let (deep, verbose, changes) = (parsed.has('R'), parsed.has('v'), parsed.has('c'));
    let quiet = parsed.has('f') && is_gnu(sys);
    for path in files {
        each(sys, path, deep, |sys, path, stat| {
            let stat = match stat {
                Ok(stat) if stat.kind == Kind::Link && !deep => sys.stat(path),
                Ok(stat) if stat.kind == Kind::Link => return,
                Ok(stat) => Ok(stat.clone()),
                Err(fault) => Err(fault),
            };
            let stat = match stat {
                Ok(stat) => stat,
                Err(fault) => {
                    code = 1;
                    if !quiet {
                        let what = match fault {
                            Errno::NoEnt if sys.lstat(path).is_ok() => {
                                let gnu = format!("cannot operate on dangling symlink {}", quote(path));
                                if is_gnu(sys) {
                                    say(sys, args, &gnu, "");
                                    return;
                                }
                                gnu
                            }
                            Errno::Access if sys.lstat(path).is_ok() => {
                                format!("cannot read directory {}", quote(path))
                            }
                            _ => format!("cannot access {}", quote(path)),
                        };
                        fail(sys, args, &what, path, fault);
                    }
                    return;
                }
            };
            // busybox sets what an octal mode says, for folders too.
            let old = if is_gnu(sys) || !text.starts_with(|c: char| c.is_ascii_digit()) { stat.mode } else { 0 };
            let Some(mode) = parse_mode(&text, old, stat.kind == Kind::Dir, umask) else { return };
            if let Err(fault) = sys.chmod(path, mode) {
                code = 1;
                if !quiet {
                    fail(sys, args, &format!("changing permissions of {}", quote(path)), path, fault);
                }
                return;
            }
            if verbose || changes && mode != stat.mode {
                let (old, new) = (mode_string(stat.kind, stat.mode), mode_string(stat.kind, mode));
                let line = match (is_gnu(sys), mode == stat.mode) {
                    (true, true) => format!("mode of {} retained as {mode:04o} ({})\n", quote(path), &new[1..]),
                    (true, false) => format!(
                        "mode of {} changed from {:04o} ({}) to {mode:04o} ({})\n",
                        quote(path),
                        stat.mode,
                        &old[1..],
                        &new[1..]
                    ),
                    (false, _) => format!("mode of '{path}' changed to {mode:04o} ({})\n", &new[1..]),
                };
                sys.out(line);
            }
        });
    }
    Started::Exit(code)
}

/// `chown [-Rhvcf] OWNER[:GROUP] FILE...`
pub(super) fn chown(sys: &mut Sys<'_>, args: &[String]) -> Started {
    change_owner(sys, args, false)
}

/// `chgrp [-Rhvcf] GROUP FILE...`
pub(super) fn chgrp(sys: &mut Sys<'_>, args: &[String]) -> Started {
    change_owner(sys, args, true)
}

/// Reads `user`, `user:group`, `user:`, `:group`; faults are texts of GNU and busybox.
pub(super) fn owner_of(sys: &mut Sys<'_>, text: &str) -> Result<(Option<u32>, Option<u32>), (String, String)> {
    let (user, group) = match text.split_once(':').or_else(|| text.split_once('.')) {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let mut gid = None;
    let uid = match user {
        "" => None,
        user => match users::uid_of(sys, user) {
            Some(uid) => {
                if group == Some("") {
                    gid = users::find_user(sys, user).map(|u| u.gid);
                }
                Some(uid)
            }
            None => return Err((format!("invalid user: {}", quote(text)), format!("unknown user {user}"))),
        },
    };
    if let Some(group) = group.filter(|g| !g.is_empty()) {
        gid = Some(users::gid_of(sys, group).ok_or_else(|| {
            let busybox = if user.is_empty() { format!("group {group}") } else { format!("user/group {text}") };
            (format!("invalid group: {}", quote(text)), format!("unknown {busybox}"))
        })?);
    }
    Ok((uid, gid))
}

fn change_owner(sys: &mut Sys<'_>, args: &[String], group_only: bool) -> Started {
    let parsed = match parse(sys, args, Spec::new("RhvcfHLPρ:δφ:π::ñ", LONG)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut operands = parsed.rest.iter();
    let (uid, gid, text) = match parsed.value('ρ').and_then(|r| sys.stat(r).ok()) {
        Some(stat) => (if group_only { None } else { Some(stat.uid) }, Some(stat.gid), String::new()),
        None => {
            let Some(text) = operands.next() else { return missing_operand(sys, args) };
            if group_only {
                match users::gid_of(sys, text) {
                    Some(gid) => (None, Some(gid), text.clone()),
                    None => {
                        say(sys, args, &format!("invalid group: {}", quote(text)), &format!("unknown group {text}"));
                        return Started::Exit(1);
                    }
                }
            } else {
                match owner_of(sys, text) {
                    Ok((uid, gid)) => (uid, gid, text.clone()),
                    Err((gnu, busybox)) => {
                        say(sys, args, &gnu, &busybox);
                        return Started::Exit(1);
                    }
                }
            }
        }
    };
    let files: Vec<&String> = operands.collect();
    if files.is_empty() {
        return match is_gnu(sys) {
            true => misuse(sys, args, &format!("missing operand after {}", quote(&text)), 1),
            false => missing_operand(sys, args),
        };
    }
    let mut code = 0;
    let (deep, quiet) = (parsed.has('R'), parsed.has('f'));
    let (verbose, changes) = (parsed.has('v'), parsed.has('c'));
    let follow = !parsed.has('h') && !deep;
    let names = Names::of(sys);
    for path in files {
        each(sys, path, deep, |sys, path, stat| {
            let stat = match stat {
                Ok(stat) if stat.kind == Kind::Link && follow => sys.stat(path),
                Ok(stat) => Ok(stat.clone()),
                Err(fault) => Err(fault),
            };
            let changed = stat.and_then(|stat| sys.chown(path, uid, gid, follow).map(|()| stat));
            let stat = match changed {
                Ok(stat) => stat,
                Err(fault) => {
                    code = 1;
                    if !quiet {
                        let what = match fault {
                            Errno::NoEnt => format!("cannot access {}", quote(path)),
                            Errno::Access => format!("cannot read directory {}", quote(path)),
                            _ if group_only || uid.is_none() => format!("changing group of {}", quote(path)),
                            _ => format!("changing ownership of {}", quote(path)),
                        };
                        fail(sys, args, &what, path, fault);
                    }
                    return;
                }
            };
            let same = uid.is_none_or(|u| u == stat.uid) && gid.is_none_or(|g| g == stat.gid);
            if verbose || changes && !same {
                let of = |u: u32, g: u32| match (group_only || uid.is_none(), gid.is_some()) {
                    (true, _) => names.group(g),
                    (false, true) => format!("{}:{}", names.user(u), names.group(g)),
                    (false, false) => names.user(u),
                };
                let old = of(stat.uid, stat.gid);
                let new =
                    if text.is_empty() { of(uid.unwrap_or(stat.uid), gid.unwrap_or(stat.gid)) } else { text.clone() };
                let what = if group_only || uid.is_none() { "group" } else { "ownership" };
                let line = match (is_gnu(sys), same) {
                    (true, true) => format!("{what} of {} retained as {old}\n", quote(path)),
                    (true, false) => format!("changed {what} of {} from {old} to {new}\n", quote(path)),
                    (false, _) => format!(
                        "changed ownership of '{path}' to {}:{}\n",
                        uid.unwrap_or(stat.uid),
                        gid.unwrap_or(stat.gid)
                    ),
                };
                sys.out(line);
            }
        });
    }
    Started::Exit(code)
}
