//! Tools that change something of their process and become another program: `env`, `nohup`, `nice`, `su`, `chroot`.

use std::sync::Arc;

use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Sys};
use crate::machine::tools::common::{base, fail, is_gnu, missing_operand, misuse, parse, quote, say, tool_name};
use crate::machine::tools::options::Spec;
use crate::machine::tools::users::{self, User};
use crate::machine::tools::{Started, look_up};

/// How each tool says that it cannot run a command: `gnu` before the quoted name.
pub(super) fn become_program(sys: &mut Sys<'_>, args: &[String], command: &[String], gnu: &str) -> Started {
    match check(sys, args, command, gnu) {
        Ok(()) => Started::Exec(command.to_vec()),
        Err(code) => Started::Exit(code),
    }
}

/// Says that a command cannot be run, and the exit code for it.
pub(super) fn check(sys: &mut Sys<'_>, args: &[String], command: &[String], gnu: &str) -> Result<(), u8> {
    let name = command.first().cloned().unwrap_or_default();
    match look_up(sys, &name) {
        Ok(_) => Ok(()),
        Err(fault) => {
            // util-linux does not quote.
            let gnu = match gnu {
                "failed to execute " => format!("{gnu}{name}"),
                gnu => format!("{gnu}{}", quote(&name)),
            };
            fail(sys, args, &gnu, &format!("can't execute '{name}'"), fault);
            Err(if fault == Errno::NoEnt { 127 } else { 126 })
        }
    }
}

/// `env [-i] [-u NAME] [-C FOLDER] [NAME=VALUE]... [COMMAND]`
pub(super) fn env(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("ignore-environment", 'i'),
        ("null", '0'),
        ("unset", 'u'),
        ("chdir", 'C'),
        ("split-string", 'S'),
        ("debug", 'v'),
        ("block-signal", 'σ'),
        ("default-signal", 'σ'),
        ("ignore-signal", 'σ'),
    ];
    let gnu = is_gnu(sys);
    let short = if gnu { "+iu:0C:S:vσ::" } else { "+iu:0" };
    let mut parsed = match parse(sys, args, Spec::new(short, long).failing(if gnu { 125 } else { 1 })) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if let Some(text) = parsed.value('S') {
        let words: Vec<String> = text.split_whitespace().map(String::from).collect();
        parsed.rest.splice(0..0, words);
    }
    let mut rest = parsed.rest.as_slice();
    let mut clear = parsed.has('i');
    if let [first, others @ ..] = rest {
        if first == "-" {
            (clear, rest) = (true, others);
        }
    }
    if clear {
        sys.process_mut().env = Arc::default();
    }
    for name in parsed.values('u').map(String::from).collect::<Vec<_>>() {
        sys.set_env(&name, None);
    }
    while let [first, others @ ..] = rest {
        let Some((name, value)) = first.split_once('=') else { break };
        sys.set_env(name, Some(value.to_string()));
        rest = others;
    }
    if let Some(folder) = parsed.value('C') {
        if let Err(fault) = sys.chdir(folder) {
            fail(sys, args, &format!("cannot change directory to {}", quote(folder)), folder, fault);
            return Started::Exit(125);
        }
    }
    if rest.is_empty() {
        let end = if parsed.has('0') { '\0' } else { '\n' };
        let text: String = sys.process().env.iter().map(|(k, v)| format!("{k}={v}{end}")).collect();
        sys.out(text);
        return Started::Exit(0);
    }
    if clear && sys.env("PATH").is_none() && gnu && !rest[0].contains('/') {
        // execvp's own path, where there is none.
        let found = ["/bin", "/usr/bin"].iter().map(|f| format!("{f}/{}", rest[0])).find(|p| sys.stat(p).is_ok());
        if let Some(found) = found {
            let mut command = rest.to_vec();
            command[0] = found;
            return become_program(sys, args, &command, "");
        }
    }
    become_program(sys, args, rest, "")
}

/// `printenv [NAME]...`
pub(super) fn printenv(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("+0", &[("null", '0')]).failing(2)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let end = if parsed.has('0') { '\0' } else { '\n' };
    if parsed.rest.is_empty() {
        let text: String = sys.process().env.iter().map(|(k, v)| format!("{k}={v}{end}")).collect();
        sys.out(text);
        return Started::Exit(0);
    }
    let mut code = 0;
    for name in &parsed.rest {
        match sys.env(name).map(String::from) {
            Some(value) => sys.out(format!("{value}{end}")),
            None => code = 1,
        }
    }
    Started::Exit(code)
}

/// `nohup COMMAND...`
pub(super) fn nohup(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("+", &[]).failing(125)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "missing operand", 125) } else { missing_operand(sys, args) };
    }
    if sys.is_tty(1) {
        let how = crate::machine::kernel::OpenOptions { mode: 0o600, ..crate::machine::kernel::OpenOptions::APPEND };
        if let Ok(fd) = sys.open("nohup.out", how) {
            let _ = sys.dup2(fd, 1);
            let _ = sys.close(fd);
            say(sys, args, "ignoring input and appending output to 'nohup.out'", "appending output to nohup.out");
        }
    }
    sys.set_disposition(Signal::HUP, Some(Disposition::Ignore));
    become_program(sys, args, &parsed.rest, "failed to run command ")
}

/// `nice [-n N] [COMMAND...]`
pub(super) fn nice(sys: &mut Sys<'_>, args: &[String]) -> Started {
    // The old form, -5.
    let mut all = args.to_vec();
    if let Some(n) = all.get(1).and_then(|a| a.strip_prefix('-')).filter(|n| n.parse::<i32>().is_ok()).map(String::from)
    {
        all.splice(1..2, ["-n".to_string(), n]);
    }
    let parsed = match parse(sys, &all, Spec::new("+n:", &[("adjustment", 'n')]).failing(125)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let by = match parsed.value('n').map(str::parse::<i32>) {
        Some(Err(_)) => {
            let text = parsed.value('n').unwrap_or("");
            say(sys, args, &format!("invalid adjustment {}", quote(text)), &format!("invalid number '{text}'"));
            return Started::Exit(125);
        }
        Some(Ok(by)) => by,
        None => 10,
    };
    if parsed.rest.is_empty() {
        sys.out("0\n");
        return Started::Exit(0);
    }
    if by < 0 {
        fail(sys, args, "cannot set niceness", "setpriority", Errno::Access);
        if !is_gnu(sys) {
            return Started::Exit(1);
        }
    }
    become_program(sys, args, &parsed.rest, "")
}

/// `renice`: nobody may be served before others.
pub(super) fn renice(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("n:pgu", &[("priority", 'n')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let mut rest = parsed.rest.iter();
    let priority = parsed.value('n').map(String::from).or_else(|| rest.next().cloned());
    let Some(Ok(priority)) = priority.map(|p| p.parse::<i32>()) else {
        return if is_gnu(sys) { misuse(sys, args, "not enough arguments", 1) } else { missing_operand(sys, args) };
    };
    let mut code = 0;
    for pid in rest {
        let exists = pid.parse().is_ok_and(|pid| sys.process_of(pid).is_some());
        if !exists {
            let gnu = format!("failed to get priority for {pid} (process ID)");
            fail(sys, args, &gnu, &format!("getpriority: {pid}"), Errno::NoProcess);
            code = 1;
        } else if priority < 0 {
            let gnu = format!("failed to set priority for {pid} (process ID)");
            fail(sys, args, &gnu, &format!("setpriority: {pid}"), Errno::Access);
            code = 1;
        } else if is_gnu(sys) {
            sys.out(format!("{pid} (process ID) old priority 0, new priority {priority}\n"));
        }
    }
    Started::Exit(code)
}

/// `ionice [-c CLASS] [-n LEVEL] [COMMAND...]`, `chrt`
pub(super) fn ionice(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("+c:n:p:t", &[("class", 'c'), ("classdata", 'n'), ("pid", 'p')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        sys.out("none: prio 0\n");
        return Started::Exit(0);
    }
    become_program(sys, args, &parsed.rest, "failed to execute ")
}

/// `setsid [-c] COMMAND...`
pub(super) fn setsid(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("+cfw", &[("ctty", 'c'), ("fork", 'f'), ("wait", 'w')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return if is_gnu(sys) { misuse(sys, args, "no command specified", 1) } else { missing_operand(sys, args) };
    }
    sys.process_mut().group = sys.pid;
    become_program(sys, args, &parsed.rest, "failed to execute ")
}

/// `chroot FOLDER [COMMAND...]`
pub(super) fn chroot(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[("userspec", 'u'), ("groups", 'g'), ("skip-chdir", 's')];
    let parsed = match parse(sys, args, Spec::new("+u:g:s", long).failing(125)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let Some((folder, command)) = parsed.rest.split_first() else {
        return if is_gnu(sys) { misuse(sys, args, "missing operand", 125) } else { missing_operand(sys, args) };
    };
    if let Err(fault) = sys.change_root(folder) {
        let gnu = format!("cannot change root directory to {}", quote(folder));
        fail(sys, args, &gnu, &format!("can't change root directory to '{folder}'"), fault);
        return Started::Exit(if is_gnu(sys) { 125 } else { 1 });
    }
    let mut command = command.to_vec();
    if command.is_empty() {
        command = vec![sys.env("SHELL").unwrap_or("/bin/sh").to_string(), "-i".into()];
    }
    become_program(sys, args, &command, "failed to run command ")
}

/// `nsenter -t PID -m|-a [-u -i -n -p -C] [COMMAND...]`: of another process's namespaces only its files make a difference
/// here, since a pod's network and the node's processes are those of the target already.
pub(super) fn nsenter(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("target", 't'),
        ("mount", 'm'),
        ("uts", 'u'),
        ("ipc", 'i'),
        ("net", 'n'),
        ("pid", 'p'),
        ("user", 'U'),
        ("cgroup", 'C'),
        ("all", 'a'),
        ("root", 'r'),
        ("wd", 'w'),
        ("no-fork", 'F'),
    ];
    let parsed = match parse(sys, args, Spec::new("+t:m::u::i::n::p::U::C::r::w::Fa", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let enters: Vec<(char, &str)> =
        [('C', "cgroup"), ('i', "ipc"), ('u', "uts"), ('n', "net"), ('p', "pid"), ('m', "mnt")]
            .into_iter()
            .filter(|(option, _)| parsed.has(*option) || parsed.has('a'))
            .collect();
    let Some(target) = parsed.value('t') else {
        return match enters.is_empty() {
            true => shell_or(sys, args, &parsed.rest),
            false => misuse(sys, args, "no target PID specified", 1),
        };
    };
    let Ok(target) = target.parse::<u32>() else {
        sys.err(format!("{}: invalid number '{target}'\n", tool_name(sys, args)));
        return Started::Exit(1);
    };
    if let Some((_, first)) = enters.first() {
        // The first namespace that is not to be had is the one that is told of.
        match sys.enter_mounts(target) {
            Ok(()) => {}
            Err(fault) => {
                let fault = if fault == Errno::NoProcess { Errno::NoEnt } else { Errno::Access };
                let path = format!("/proc/{target}/ns/{first}");
                fail(sys, args, &format!("cannot open {path}"), &format!("can't open '{path}'"), fault);
                return Started::Exit(1);
            }
        }
    }
    shell_or(sys, args, &parsed.rest)
}

/// Becomes a command, or the user's shell where there is none.
fn shell_or(sys: &mut Sys<'_>, args: &[String], command: &[String]) -> Started {
    let shell = || vec![sys.env("SHELL").unwrap_or("/bin/sh").to_string()];
    let command = if command.is_empty() { shell() } else { command.to_vec() };
    become_program(sys, args, &command, "failed to execute ")
}

/// Becomes another user, with his groups.
fn become_user(sys: &mut Sys<'_>, uid: u32, gid: u32, groups: Vec<u32>) {
    let process = sys.process_mut();
    (process.uid, process.gid, process.groups) = (uid, gid, Arc::new(groups));
}

/// `su [-] [-s SHELL] [-c COMMAND] [USER [ARGUMENTS]]`
pub(super) fn su(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("command", 'c'),
        ("shell", 's'),
        ("login", 'l'),
        ("preserve-environment", 'm'),
        ("group", 'g'),
        ("supp-group", 'G'),
        ("pty", 'P'),
    ];
    let mut all = args.to_vec();
    let mut login = false;
    if let Some(at) = all.iter().skip(1).position(|a| a == "-") {
        all.remove(at + 1);
        login = true;
    }
    // Options may follow the user's name; what follows -- is the shell's.
    let parsed = match parse(sys, &all, Spec::new("c:s:lmpfg:G:P", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    login |= parsed.has('l');
    let mut rest = parsed.rest.clone();
    let name = if rest.is_empty() { "root".to_string() } else { rest.remove(0) };
    let Some(user) = users::find_user(sys, &name) else {
        let gnu = format!("user {name} does not exist or the user entry does not contain all the required fields");
        say(sys, args, &gnu, &format!("unknown user {name}"));
        return Started::Exit(1);
    };
    if sys.process().uid != 0 {
        if is_gnu(sys) {
            sys.err("Password: ");
            say(sys, args, "Authentication failure", "");
        } else {
            sys.err("Password: ");
            say(sys, args, "", "incorrect password");
        }
        return Started::Exit(1);
    }
    let shell = parsed.value('s').map_or_else(|| user.shell.clone(), String::from);
    let shell = if shell.is_empty() { "/bin/sh".into() } else { shell };
    if shell.ends_with("nologin") {
        sys.out("This account is currently not available.\n");
        return Started::Exit(1);
    }
    let groups = users::groups_of(sys, &name);
    if !parsed.has_any("mp") {
        prepare_env(sys, &user, &shell, login);
    }
    if login {
        let _ = sys.chdir(&user.home);
    }
    become_user(sys, user.uid, user.gid, groups);
    // The shell is called by its name, where PATH leads to it.
    let short = base(&shell).to_string();
    let same = look_up(sys, &short).is_ok_and(|found| sys.canonical(&found) == sys.canonical(&shell));
    let mut command = vec![if same { short } else { shell }];
    if login {
        command.push("-l".into());
    }
    if let Some(line) = parsed.value('c') {
        command.extend(["-c".to_string(), line.to_string()]);
    }
    command.extend(rest);
    become_program(sys, args, &command, "failed to execute ")
}

fn prepare_env(sys: &mut Sys<'_>, user: &User, shell: &str, login: bool) {
    if login {
        let term = sys.env("TERM").map(String::from);
        sys.process_mut().env = Arc::default();
        if let Some(term) = term {
            sys.set_env("TERM", Some(term));
        }
        let path = if user.uid == 0 {
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        } else {
            "/usr/local/bin:/usr/bin:/bin"
        };
        sys.set_env("PATH", Some(path.into()));
    }
    sys.set_env("HOME", Some(user.home.clone()));
    sys.set_env("SHELL", Some(shell.to_string()));
    if user.uid != 0 || login {
        sys.set_env("USER", Some(user.name.clone()));
        sys.set_env("LOGNAME", Some(user.name.clone()));
    }
}

/// `gosu USER[:GROUP] COMMAND...`, `su-exec`
pub(super) fn gosu(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let tool = base(args.first().map_or("gosu", String::as_str)).to_string();
    let (Some(spec), command) = (args.get(1), args.get(2..).unwrap_or_default()) else {
        sys.err(format!("Usage: {tool} user-spec command [args]\n"));
        return Started::Exit(1);
    };
    if command.is_empty() {
        sys.err(format!("Usage: {tool} user-spec command [args]\n"));
        return Started::Exit(1);
    }
    let (user, group) = spec.split_once(':').map_or((spec.as_str(), None), |(u, g)| (u, Some(g)));
    let Some(uid) = users::uid_of(sys, user) else {
        let text = match tool.as_str() {
            "gosu" => format!(
                "error: failed switching to \"{spec}\": unable to find user {user}: no matching entries in passwd file"
            ),
            _ => format!("{tool}: getpwnam({user}): Success"),
        };
        sys.err(format!("{text}\n"));
        return Started::Exit(1);
    };
    let found = users::users(sys).into_iter().find(|u| u.uid == uid);
    let gid = match group {
        Some(group) => users::gid_of(sys, group),
        None => Some(found.as_ref().map_or(0, |u| u.gid)),
    };
    let Some(gid) = gid else {
        sys.err(format!(
            "error: failed switching to \"{spec}\": unable to find group {}: no matching entries in group file\n",
            group.unwrap_or("")
        ));
        return Started::Exit(1);
    };
    if sys.process().uid != 0 && (sys.process().uid, sys.process().gid) != (uid, gid) {
        let text = match tool.as_str() {
            "gosu" => format!("error: failed switching to \"{spec}\": operation not permitted"),
            _ => format!("{tool}: setgroups({gid}): Operation not permitted"),
        };
        sys.err(format!("{text}\n"));
        return Started::Exit(1);
    }
    let groups = match (&found, group) {
        (Some(user), None) => {
            let name = user.name.clone();
            users::groups_of(sys, &name)
        }
        _ => vec![gid],
    };
    become_user(sys, uid, gid, groups);
    let home = found.map_or("/".to_string(), |u| u.home);
    sys.set_env("HOME", Some(home));
    match look_up(sys, &command[0]) {
        Ok(_) => Started::Exec(command.to_vec()),
        Err(fault) => {
            let text = match tool.as_str() {
                "gosu" if command[0].contains('/') => {
                    format!("error: exec: \"{}\": stat {}: no such file or directory", command[0], command[0])
                }
                "gosu" => format!("error: exec: \"{}\": executable file not found in $PATH", command[0]),
                _ => format!("{tool}: {}: {}", command[0], sys.text(fault)),
            };
            sys.err(format!("{text}\n"));
            Started::Exit(1)
        }
    }
}

/// `setpriv [--reuid=U] [--regid=G] [--clear-groups|--init-groups|--groups=...] COMMAND...`
pub(super) fn setpriv(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("reuid", 'u'),
        ("ruid", 'u'),
        ("euid", 'u'),
        ("regid", 'g'),
        ("rgid", 'g'),
        ("egid", 'g'),
        ("clear-groups", 'c'),
        ("keep-groups", 'k'),
        ("init-groups", 'i'),
        ("groups", 'G'),
        ("no-new-privs", 'n'),
        ("nnp", 'n'),
        ("inh-caps", 'x'),
        ("bounding-set", 'x'),
        ("ambient-caps", 'x'),
        ("securebits", 'x'),
        ("pdeathsig", 'x'),
        ("reset-env", 'r'),
        ("dump", 'd'),
    ];
    let parsed = match parse(sys, args, Spec::new("+u:g:ckiG:nx:rd", long).failing(127)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return misuse(sys, args, "No program specified", 127);
    }
    let uid = match parsed.value('u').map(String::from) {
        Some(user) => match users::uid_of(sys, &user) {
            Some(uid) => Some(uid),
            None => {
                say(sys, args, &format!("failed to parse reuid: '{user}'"), &format!("unknown user {user}"));
                return Started::Exit(127);
            }
        },
        None => None,
    };
    let gid = match parsed.value('g').map(String::from) {
        Some(group) => users::gid_of(sys, &group),
        None => None,
    };
    let changes = uid.is_some_and(|u| u != sys.process().uid) || gid.is_some_and(|g| g != sys.process().gid);
    if changes && sys.process().uid != 0 {
        fail(sys, args, "setresuid failed", "setresuid", Errno::Perm);
        return Started::Exit(127);
    }
    let mut groups = sys.process().groups.to_vec();
    if parsed.has('c') {
        groups = Vec::new();
    }
    if let Some(list) = parsed.value('G') {
        groups = list.split(',').filter_map(|g| g.parse().ok()).collect();
    }
    if let (true, Some(uid)) = (parsed.has('i'), uid) {
        let name = users::users(sys).into_iter().find(|u| u.uid == uid).map(|u| u.name);
        groups = name.map(|n| users::groups_of(sys, &n)).unwrap_or_default();
    }
    let (old_uid, old_gid) = (sys.process().uid, sys.process().gid);
    become_user(sys, uid.unwrap_or(old_uid), gid.unwrap_or(old_gid), groups);
    become_program(sys, args, &parsed.rest, "failed to execute ")
}

/// `sudo [-u USER] [-E] COMMAND...`
pub(super) fn sudo(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("+u:g:EHnSkKis", &[("user", 'u'), ("preserve-env", 'E')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let name = tool_name(sys, args);
    if sys.process().uid != 0 {
        sys.err(format!("{name}: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\n{name}: a password is required\n"));
        return Started::Exit(1);
    }
    let user = parsed.value('u').unwrap_or("root").to_string();
    let Some(user) = users::find_user(sys, &user) else {
        sys.err(format!("{name}: unknown user {user}\n{name}: error initializing audit plugin sudoers_audit\n"));
        return Started::Exit(1);
    };
    let mut rest = parsed.rest.as_slice();
    while let [first, others @ ..] = rest {
        let Some((name, value)) = first.split_once('=') else { break };
        sys.set_env(name, Some(value.to_string()));
        rest = others;
    }
    let groups = users::groups_of(sys, &user.name);
    prepare_env(sys, &user, &user.shell, false);
    become_user(sys, user.uid, user.gid, groups);
    match rest {
        [] => Started::Exec(vec![user.shell]),
        [command, ..] if look_up(sys, command).is_err() => {
            sys.err(format!("{name}: {command}: command not found\n"));
            Started::Exit(1)
        }
        rest => Started::Exec(rest.to_vec()),
    }
}
