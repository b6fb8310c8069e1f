//! `id`, `whoami`, `groups`, `hostname`, `uname` and other names.

use crate::machine::errno::Errno;
use crate::machine::images::{self, KERNEL, KERNEL_BUILD};
use crate::machine::kernel::Sys;
use crate::machine::tools::Started;
use crate::machine::tools::common::{fail, is_gnu, missing_operand, misuse, parse, quote, say};
use crate::machine::tools::options::Spec;
use crate::machine::tools::users::{self, Names};

/// `id [-ugGnrz] [USER]`
pub(super) fn id(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("user", 'u'),
        ("group", 'g'),
        ("groups", 'G'),
        ("name", 'n'),
        ("real", 'r'),
        ("zero", 'z'),
        ("context", 'Z'),
    ];
    let parsed = match parse(sys, args, Spec::new(if is_gnu(sys) { "ugGnrzZa" } else { "ugGnra" }, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let gnu = is_gnu(sys);
    let names = Names::of(sys);
    let mine = parsed.rest.is_empty();
    let (uid, gid, others) = match parsed.rest.first() {
        None => (sys.process().uid, sys.process().gid, sys.process().groups.to_vec()),
        Some(name) => {
            let all = users::users(sys);
            let by_number = name.parse().ok();
            let found =
                all.iter().find(|u| u.name == *name).or_else(|| all.iter().find(|u| gnu && Some(u.uid) == by_number));
            let Some(user) = found else {
                say(sys, args, &format!("{}: no such user", quote(name)), &format!("unknown user {name}"));
                return Started::Exit(1);
            };
            (user.uid, user.gid, users::groups_of(sys, &user.name))
        }
    };
    if parsed.has_any("nrz") && !parsed.has_any("ugG") {
        if !gnu {
            return misuse(sys, args, "", 1);
        }
        let text = match parsed.has('z') {
            true => "option --zero not permitted in default format",
            false => "cannot print only names or real IDs in default format",
        };
        say(sys, args, text, "");
        return Started::Exit(1);
    }
    let mut groups = vec![gid];
    for other in &others {
        if !groups.contains(other) {
            groups.push(*other);
        }
    }
    let shown_user = |uid: u32| if parsed.has('n') { names.user(uid) } else { uid.to_string() };
    let shown_group = |gid: u32| if parsed.has('n') { names.group(gid) } else { gid.to_string() };
    let mut code = 0;
    let text = match parsed.last_of("ugG") {
        Some('u') => {
            if parsed.has('n') && names.find_user(uid).is_none() {
                say(sys, args, &format!("cannot find name for user ID {uid}"), &format!("unknown ID {uid}"));
                code = 1;
            }
            shown_user(uid)
        }
        Some('g') => {
            if parsed.has('n') && names.find_group(gid).is_none() {
                say(sys, args, &format!("cannot find name for group ID {gid}"), &format!("unknown ID {gid}"));
                code = 1;
            }
            shown_group(gid)
        }
        Some(_) => {
            for gid in groups.iter().filter(|g| parsed.has('n') && names.find_group(**g).is_none()) {
                say(sys, args, &format!("cannot find name for group ID {gid}"), &format!("unknown ID {gid}"));
                code = 1;
            }
            groups.iter().map(|g| shown_group(*g)).collect::<Vec<_>>().join(" ")
        }
        None => {
            let user = |uid: u32| match names.find_user(uid) {
                Some(name) => format!("{uid}({name})"),
                None => uid.to_string(),
            };
            let group = |gid: u32| match names.find_group(gid) {
                Some(name) => format!("{gid}({name})"),
                None => gid.to_string(),
            };
            let list = |all: &[u32]| all.iter().map(|g| group(*g)).collect::<Vec<_>>().join(",");
            let others = match (gnu, mine) {
                (false, true) if others.is_empty() => String::new(),
                (false, true) => format!(" groups={}", list(&others)),
                _ => format!(" groups={}", list(&groups)),
            };
            format!("uid={} gid={}{others}", user(uid), group(gid))
        }
    };
    sys.out(format!("{text}\n"));
    Started::Exit(code)
}

/// `whoami`
pub(super) fn whoami(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("", &[])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if let Some(extra) = parsed.rest.first() {
        let text = if is_gnu(sys) { format!("extra operand {}", quote(extra)) } else { String::new() };
        return misuse(sys, args, &text, 1);
    }
    let uid = sys.process().uid;
    match Names::of(sys).find_user(uid) {
        Some(name) => {
            sys.out(format!("{name}\n"));
            Started::Exit(0)
        }
        None => {
            say(sys, args, &format!("cannot find name for user ID {uid}"), &format!("unknown uid {uid}"));
            Started::Exit(1)
        }
    }
}

/// `groups [USER]...`
pub(super) fn groups(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let names = Names::of(sys);
    let mut code = 0;
    if args.len() < 2 {
        let mut all = vec![sys.process().gid];
        let others = sys.process().groups.to_vec();
        all.extend(others.into_iter().filter(|g| *g != all[0]).collect::<Vec<_>>());
        let mut shown = Vec::new();
        for gid in all {
            if names.find_group(gid).is_none() {
                say(sys, args, &format!("cannot find name for group ID {gid}"), &format!("unknown ID {gid}"));
                code = 1;
            }
            shown.push(names.group(gid));
        }
        sys.out(format!("{}\n", shown.join(" ")));
        return Started::Exit(code);
    }
    for name in &args[1..] {
        match users::find_user(sys, name) {
            Some(user) => {
                let mut all = vec![user.gid];
                all.extend(users::groups_of(sys, name).into_iter().filter(|g| *g != user.gid));
                let shown: Vec<String> = all.iter().map(|g| names.group(*g)).collect();
                let title = if is_gnu(sys) { format!("{name} : ") } else { String::new() };
                sys.out(format!("{title}{}\n", shown.join(" ")));
            }
            None => {
                say(sys, args, &format!("{}: no such user", quote(name)), &format!("unknown user {name}"));
                code = 1;
            }
        }
    }
    Started::Exit(code)
}

/// `logname`
pub(super) fn logname(sys: &mut Sys<'_>, args: &[String]) -> Started {
    say(sys, args, "no login name", "getlogin: No such device or address");
    Started::Exit(1)
}

/// `users`, `who`, `w`: nobody is logged in.
pub(super) fn nobody(_: &mut Sys<'_>, _: &[String]) -> Started {
    Started::Exit(0)
}

/// The names of this host in `/etc/hosts`, the full one first.
fn hosts(sys: &mut Sys<'_>) -> Vec<(String, Vec<String>)> {
    let bytes = sys.read_file("/etc/hosts").unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines()
        .map(|l| l.split('#').next().unwrap_or("").split_whitespace().map(String::from).collect::<Vec<_>>())
        .filter(|parts| parts.len() > 1)
        .map(|parts| (parts[0].clone(), parts[1..].to_vec()))
        .collect()
}

/// `hostname [-fisdIA]`
pub(super) fn hostname(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("fqdn", 'f'),
        ("long", 'f'),
        ("ip-address", 'i'),
        ("short", 's'),
        ("domain", 'd'),
        ("all-ip-addresses", 'I'),
        ("all-fqdns", 'A'),
        ("alias", 'a'),
        ("file", 'F'),
    ];
    let gnu = is_gnu(sys);
    let parsed = match parse(sys, args, Spec::new(if gnu { "fisdIAabF:y" } else { "fisdF:" }, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if !parsed.rest.is_empty() || parsed.has('F') {
        if sys.process().uid == 0 || !gnu {
            let text = "sethostname";
            fail(sys, args, text, text, Errno::Perm);
        } else {
            say(sys, args, "you must be root to change the host name", "");
        }
        return Started::Exit(1);
    }
    let name = sys.sandbox.hostname.clone();
    let all = hosts(sys);
    let mine = all.iter().find(|(_, names)| names.contains(&name));
    let full = mine.map_or(name.clone(), |(_, names)| names.first().cloned().unwrap_or_default());
    let ip = mine.map_or(sys.sandbox.ip.clone(), |(ip, _)| ip.clone());
    let text = match parsed.last_of("fisdIAa") {
        Some('f') => full,
        Some('A') => format!("{full} "),
        Some('i') if ip.is_empty() => {
            say(sys, args, "Name or service not known", &format!("{name}: Unknown host"));
            return Started::Exit(1);
        }
        Some('i') => ip,
        Some('I') => format!("{} ", sys.sandbox.ip),
        Some('s') => name.split('.').next().unwrap_or_default().to_string(),
        Some('d') => full.split_once('.').map(|(_, d)| d.to_string()).unwrap_or_default(),
        Some(_) => String::new(),
        None => name,
    };
    if !text.is_empty() || !parsed.has('d') || !gnu {
        sys.out(format!("{text}\n"));
    }
    Started::Exit(0)
}

/// `dnsdomainname`
pub(super) fn domain(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut all = args.to_vec();
    all.push("-d".into());
    hostname(sys, &all)
}

/// `uname [-asnrvmpio]`
pub(super) fn uname(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("all", 'a'),
        ("kernel-name", 's'),
        ("nodename", 'n'),
        ("kernel-release", 'r'),
        ("kernel-version", 'v'),
        ("machine", 'm'),
        ("processor", 'p'),
        ("hardware-platform", 'i'),
        ("operating-system", 'o'),
    ];
    let parsed = match parse(sys, args, Spec::new("asnrvmpio", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if let Some(extra) = parsed.rest.first() {
        let text = if is_gnu(sys) { format!("extra operand {}", quote(extra)) } else { String::new() };
        return misuse(sys, args, &text, 1);
    }
    let name = sys.sandbox.hostname.clone();
    let musl = images::has_musl(sys.image());
    let system = if musl { "Linux" } else { "GNU/Linux" };
    let all = [
        ('s', "Linux"),
        ('n', name.as_str()),
        ('r', KERNEL),
        ('v', KERNEL_BUILD),
        ('m', "x86_64"),
        ('p', "unknown"),
        ('i', "unknown"),
        ('o', system),
    ];
    let wanted = |c: char| match parsed.has('a') {
        true => !"pi".contains(c) || parsed.has(c),
        false => parsed.has(c) || parsed.options.is_empty() && c == 's',
    };
    let parts: Vec<&str> = all.iter().filter(|(c, _)| wanted(*c)).map(|(_, t)| *t).collect();
    sys.out(format!("{}\n", parts.join(" ")));
    Started::Exit(0)
}

/// `arch`
pub(super) fn arch(sys: &mut Sys<'_>, _: &[String]) -> Started {
    sys.out("x86_64\n");
    Started::Exit(0)
}

/// `hostid`
pub(super) fn hostid(sys: &mut Sys<'_>, _: &[String]) -> Started {
    sys.out("007f0100\n");
    Started::Exit(0)
}

/// `tty [-s]`
pub(super) fn tty(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("s", &[("silent", 's'), ("quiet", 's')]).failing(2)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let is = sys.is_tty(0);
    if !parsed.has('s') {
        sys.out(if is { "/dev/pts/0\n" } else { "not a tty\n" });
    }
    Started::Exit(u8::from(!is))
}

/// `stty`
pub(super) fn stty(sys: &mut Sys<'_>, args: &[String]) -> Started {
    if !sys.is_tty(0) {
        let gnu = "'standard input'";
        fail(sys, args, gnu, "standard input", Errno::NotTty);
        return Started::Exit(1);
    }
    let (columns, rows) = sys.terminal_size().unwrap_or((80, 24));
    match args.get(1).map(String::as_str) {
        Some("size") => sys.out(format!("{rows} {columns}\n")),
        Some("-g") => {
            sys.out("500:5:bf:8a3b:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0\n")
        }
        Some("-a") => sys.out(format!("speed 38400 baud; rows {rows}; columns {columns}; line = 0;\n")),
        None => sys.out("speed 38400 baud; line = 0;\n-brkint -imaxbel\n"),
        Some(_) => {}
    }
    Started::Exit(0)
}

/// `clear`, `reset`
pub(super) fn clear(sys: &mut Sys<'_>, _: &[String]) -> Started {
    if is_gnu(sys) && sys.env("TERM").is_none() {
        sys.err("TERM environment variable not set.\n");
        return Started::Exit(1);
    }
    sys.out("\x1b[H\x1b[J");
    Started::Exit(0)
}

/// `tput`
pub(super) fn tput(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let Some(capability) = args.get(1) else { return missing_operand(sys, args) };
    let (columns, rows) = sys.terminal_size().unwrap_or((80, 24));
    let has_terminal = sys.env("TERM").is_some();
    match capability.as_str() {
        "cols" => sys.out(format!("{columns}\n")),
        "lines" => sys.out(format!("{rows}\n")),
        _ if !has_terminal => {
            sys.err("tput: No value for $TERM and no -T specified\n");
            return Started::Exit(2);
        }
        "colors" => sys.out("8\n"),
        "bold" => sys.out("\x1b[1m"),
        "sgr0" => sys.out("\x1b(B\x1b[m"),
        "clear" => sys.out("\x1b[H\x1b[2J"),
        "setaf" => {
            let n = args.get(2).and_then(|n| n.parse::<u8>().ok()).unwrap_or(0);
            sys.out(format!("\x1b[3{}m", n % 10));
        }
        _ => {}
    }
    Started::Exit(0)
}
