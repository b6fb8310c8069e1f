//! `adduser`, `addgroup`, `useradd`, `groupadd`, `deluser`, `passwd`, `getent`.

use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;
use crate::machine::tools::common::{base, fail, is_gnu, missing_operand, parse, say, tool_name};
use crate::machine::tools::options::Spec;
use crate::machine::tools::users;

fn text(sys: &mut Sys<'_>, path: &str) -> String {
    String::from_utf8_lossy(&sys.read_file(path).unwrap_or_default()).into_owned()
}

fn append(sys: &mut Sys<'_>, path: &str, line: &str) -> Result<(), Errno> {
    let mut all = text(sys, path);
    if !all.is_empty() && !all.ends_with('\n') {
        all.push('\n');
    }
    all.push_str(line);
    all.push('\n');
    sys.write_file(path, all.as_bytes())
}

fn free_id(taken: &[u32], system: bool) -> u32 {
    let range = if system { 100..1000 } else { 1000..60000 };
    range.into_iter().find(|n| !taken.contains(n)).unwrap_or(60000)
}

/// Adds a user to a group's line.
fn join_group(sys: &mut Sys<'_>, user: &str, group: &str) -> Result<(), Errno> {
    let all = text(sys, "/etc/group");
    let lines: Vec<String> = all
        .lines()
        .map(|line| {
            let mut parts: Vec<String> = line.split(':').map(String::from).collect();
            if parts.len() == 4 && parts[0] == group && !parts[3].split(',').any(|m| m == user) {
                parts[3] = if parts[3].is_empty() { user.to_string() } else { format!("{},{user}", parts[3]) };
            }
            parts.join(":")
        })
        .collect();
    sys.write_file("/etc/group", (lines.join("\n") + "\n").as_bytes())
}

fn refuse(sys: &mut Sys<'_>, args: &[String]) -> Option<Started> {
    if sys.process().uid == 0 {
        return None;
    }
    say(sys, args, "Permission denied.", "permission denied (are you root?)");
    Some(Started::Exit(1))
}

/// `addgroup [-S] [-g GID] GROUP`, `addgroup USER GROUP`, `groupadd [-r] [-g GID] GROUP`
pub(super) fn add_group(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let debian = is_gnu(sys) && base(&args[0]) == "addgroup";
    let long = &[("gid", 'g'), ("system", 'S'), ("force", 'f'), ("non-unique", 'o'), ("quiet", 'q')];
    let parsed = match parse(sys, args, Spec::new("g:SrfoqK:", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if let Some(end) = refuse(sys, args) {
        return end;
    }
    let Some(first) = parsed.rest.first().cloned() else { return missing_operand(sys, args) };
    if let Some(group) = parsed.rest.get(1).cloned() {
        if users::find_user(sys, &first).is_none() {
            say(sys, args, &format!("The user `{first}' does not exist."), &format!("unknown user {first}"));
            return Started::Exit(1);
        }
        if users::groups(sys).iter().all(|g| g.name != group) {
            say(sys, args, &format!("The group `{group}' does not exist."), &format!("unknown group {group}"));
            return Started::Exit(1);
        }
        return end(sys, args, |sys| join_group(sys, &first, &group));
    }
    let all = users::groups(sys);
    if all.iter().any(|g| g.name == first) {
        if parsed.has('f') {
            return Started::Exit(0);
        }
        let gnu = format!("group '{first}' already exists");
        say(sys, args, &gnu, &format!("group '{first}' in use"));
        return Started::Exit(if is_gnu(sys) { 9 } else { 1 });
    }
    let gid = match parsed.value('g').map(str::parse::<u32>) {
        Some(Ok(gid)) if all.iter().any(|g| g.gid == gid) && !parsed.has('o') => {
            say(sys, args, &format!("GID '{gid}' already exists"), &format!("gid '{gid}' in use"));
            return Started::Exit(if is_gnu(sys) { 4 } else { 1 });
        }
        Some(Ok(gid)) => gid,
        Some(Err(_)) => {
            let bad = parsed.value('g').unwrap_or("");
            say(sys, args, &format!("invalid group ID '{bad}'"), &format!("invalid number '{bad}'"));
            return Started::Exit(if is_gnu(sys) { 3 } else { 1 });
        }
        None => free_id(&all.iter().map(|g| g.gid).collect::<Vec<_>>(), parsed.has_any("Sr")),
    };
    if debian && !parsed.has('q') {
        sys.out(format!("Adding group `{first}' (GID {gid}) ...\nDone.\n"));
    }
    end(sys, args, |sys| append(sys, "/etc/group", &format!("{first}:x:{gid}:")))
}

fn end(sys: &mut Sys<'_>, args: &[String], act: impl FnOnce(&mut Sys<'_>) -> Result<(), Errno>) -> Started {
    match act(sys) {
        Ok(()) => Started::Exit(0),
        Err(fault) => {
            fail(sys, args, "cannot open /etc/passwd", "/etc/passwd", fault);
            Started::Exit(1)
        }
    }
}

/// `adduser [-DHS] [-h HOME] [-s SHELL] [-u UID] [-G GROUP] [-g GECOS] USER`, `useradd [-mMr] [-u UID] [-g GROUP] USER`
pub(super) fn add_user(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let tool = base(&args[0]).to_string();
    let useradd = tool == "useradd";
    let long: &[(&str, char)] = if useradd {
        &[
            ("uid", 'u'),
            ("gid", 'g'),
            ("groups", 'G'),
            ("home-dir", 'd'),
            ("home", 'd'),
            ("create-home", 'm'),
            ("no-create-home", 'M'),
            ("shell", 's'),
            ("system", 'r'),
            ("comment", 'c'),
            ("user-group", 'U'),
            ("no-user-group", 'N'),
            ("password", 'p'),
            ("non-unique", 'o'),
            ("no-log-init", 'l'),
        ]
    } else {
        &[
            ("home", 'h'),
            ("gecos", 'g'),
            ("comment", 'g'),
            ("shell", 's'),
            ("ingroup", 'G'),
            ("gid", 'γ'),
            ("system", 'S'),
            ("disabled-password", 'D'),
            ("disabled-login", 'D'),
            ("empty-password", 'D'),
            ("no-create-home", 'H'),
            ("uid", 'u'),
            ("skel", 'k'),
            ("group", 'q'),
            ("quiet", 'Q'),
            ("force-badname", 'Q'),
        ]
    };
    let short = if useradd { "u:g:G:d:mMs:rc:UNp:olK:b:k:" } else { "h:g:s:G:SDHu:k:qQγ:" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if let Some(end) = refuse(sys, args) {
        return end;
    }
    let Some(name) = parsed.rest.first().cloned() else { return missing_operand(sys, args) };
    if let (Some(group), false) = (parsed.rest.get(1).cloned(), useradd) {
        return end(sys, args, |sys| join_group(sys, &name, &group));
    }
    let gnu = is_gnu(sys);
    let (all, groups) = (users::users(sys), users::groups(sys));
    if all.iter().any(|u| u.name == name) {
        let text = match (useradd, gnu) {
            (true, _) => format!("user '{name}' already exists"),
            (false, true) => format!("The user `{name}' already exists."),
            (false, false) => format!("user '{name}' in use"),
        };
        say(sys, args, &text, &text);
        return Started::Exit(if useradd { 9 } else { 1 });
    }
    let system = if useradd { parsed.has('r') } else { parsed.has('S') };
    let uid = match parsed.value('u').map(str::parse::<u32>) {
        Some(Ok(uid)) if all.iter().any(|u| u.uid == uid) && !parsed.has('o') => {
            let gnu =
                if useradd { format!("UID {uid} is not unique") } else { format!("The UID {uid} is already in use.") };
            say(sys, args, &gnu, &format!("uid '{uid}' in use"));
            return Started::Exit(if useradd { 4 } else { 1 });
        }
        Some(Ok(uid)) => uid,
        Some(Err(_)) => {
            let bad = parsed.value('u').unwrap_or("");
            say(sys, args, &format!("invalid user ID '{bad}'"), &format!("invalid number '{bad}'"));
            return Started::Exit(if useradd { 3 } else { 1 });
        }
        None => free_id(&all.iter().map(|u| u.uid).collect::<Vec<_>>(), system),
    };
    let wanted = if useradd { parsed.value('g') } else { parsed.last_of("Gγ").and_then(|c| parsed.value(c)) };
    let mut made = None;
    let gid = match wanted {
        Some(group) => match groups.iter().find(|g| g.name == *group).map(|g| g.gid).or_else(|| group.parse().ok()) {
            Some(gid) => gid,
            None => {
                let text = if useradd {
                    format!("group '{group}' does not exist")
                } else {
                    format!("The group `{group}' does not exist.")
                };
                say(sys, args, &text, &format!("unknown group {group}"));
                return Started::Exit(if useradd { 6 } else { 1 });
            }
        },
        None if !gnu && parsed.has('S') => 65533,
        None if gnu && !useradd && system => 65534,
        None => {
            let free = groups.iter().all(|g| g.gid != uid);
            let gid = if free { uid } else { free_id(&groups.iter().map(|g| g.gid).collect::<Vec<_>>(), system) };
            made = Some(gid);
            gid
        }
    };
    let home = parsed.last_of("hd").and_then(|c| parsed.value(c)).map_or(format!("/home/{name}"), String::from);
    let default_shell = match (useradd, gnu, system) {
        (true, ..) => "/bin/sh",
        (false, true, true) => "/usr/sbin/nologin",
        (false, true, false) => "/bin/bash",
        (false, false, true) => "/bin/false",
        (false, false, false) => "/bin/sh",
    };
    let shell = parsed.value('s').unwrap_or(default_shell).to_string();
    let gecos = match (useradd, parsed.value(if useradd { 'c' } else { 'g' })) {
        (_, Some(gecos)) => gecos.to_string(),
        (false, None) if !gnu => "Linux User,,,".into(),
        _ => String::new(),
    };
    let with_home = if useradd { parsed.has('m') } else { !parsed.has('H') };
    if gnu && !useradd && !parsed.has('Q') {
        let kind = if system { "system user" } else { "user" };
        let group = if made.is_some() {
            format!(
                "Adding new group `{name}' ({gid}) ...\nAdding new user `{name}' ({uid}) with group `{name} ({gid})' ...\n"
            )
        } else {
            format!(
                "Adding new user `{name}' (UID {uid}) with group `{}' ...\n",
                groups.iter().find(|g| g.gid == gid).map_or("nogroup", |g| g.name.as_str())
            )
        };
        let end = if with_home {
            format!("Creating home directory `{home}' ...\n")
        } else {
            "Not creating home directory.\n".into()
        };
        sys.out(format!("Adding {kind} `{name}' ...\n{group}{end}"));
    }
    if !gnu && !parsed.has('D') && !useradd && !system {
        say(sys, args, "", "Password: ");
    }
    let extra: Vec<String> =
        if useradd { parsed.values('G').flat_map(|g| g.split(',')).map(String::from).collect() } else { Vec::new() };
    end(sys, args, |sys| {
        append(sys, "/etc/passwd", &format!("{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}"))?;
        if sys.stat("/etc/shadow").is_ok() {
            append(sys, "/etc/shadow", &format!("{name}:!:20000:0:99999:7:::"))?;
        }
        if made.is_some() {
            append(sys, "/etc/group", &format!("{name}:x:{gid}:"))?;
        }
        for group in &extra {
            join_group(sys, &name, group)?;
        }
        if with_home {
            let mut at = String::new();
            for part in home.split_inclusive('/') {
                at.push_str(part);
                let _ = sys.mkdir(&at, 0o755);
            }
            sys.chown(&home, Some(uid), Some(gid), true)?;
        }
        Ok(())
    })
}

/// `deluser USER`, `delgroup GROUP`, `userdel`, `groupdel`
pub(super) fn remove(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("rf", &[("remove-home", 'r'), ("remove", 'r'), ("force", 'f')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if let Some(end) = refuse(sys, args) {
        return end;
    }
    let Some(name) = parsed.rest.first().cloned() else { return missing_operand(sys, args) };
    let is_group = base(&args[0]).contains("group");
    let path = if is_group { "/etc/group" } else { "/etc/passwd" };
    let all = text(sys, path);
    let begins = format!("{name}:");
    if !all.lines().any(|l| l.starts_with(&begins)) {
        let what = if is_group { "group" } else { "user" };
        say(sys, args, &format!("{what} '{name}' does not exist"), &format!("unknown {what} {name}"));
        return Started::Exit(if is_gnu(sys) { 6 } else { 1 });
    }
    let kept: String = all.lines().filter(|l| !l.starts_with(&begins)).map(|l| format!("{l}\n")).collect();
    end(sys, args, |sys| sys.write_file(path, kept.as_bytes()))
}

/// `passwd`, `chpasswd`: passwords are kept nowhere.
pub(super) fn passwd(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let name = tool_name(sys, args);
    let user = args.iter().skip(1).find(|a| !a.starts_with('-')).cloned().unwrap_or_else(|| "root".into());
    if args.len() > 1 && args[1].starts_with('-') {
        let text = if is_gnu(sys) {
            "password expiry information changed.".into()
        } else {
            format!("password for {user} changed by root")
        };
        sys.out(format!("{name}: {text}\n"));
        return Started::Exit(0);
    }
    if is_gnu(sys) {
        sys.err(format!("New password: Password change has been aborted.\n{name}: Authentication token manipulation error\n{name}: password unchanged\n"));
        return Started::Exit(10);
    }
    sys.out(format!("Changing password for {user}\n"));
    sys.err(format!("New password: {name}: password for {user} is unchanged\n"));
    Started::Exit(1)
}

/// `chpasswd`
pub(super) fn chpasswd(_: &mut Sys<'_>, _: &[String]) -> Started {
    Started::Exit(0)
}
