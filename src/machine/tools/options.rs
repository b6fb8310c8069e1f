//! Options of a command line, as `getopt_long` reads them, with both userlands' texts for what is wrong.

use super::Started;
use crate::machine::images::{self, Userland};
use crate::machine::kernel::Sys;

/// What a command line held.
#[derive(Debug, Clone, Default)]
pub(super) struct Parsed {
    /// The options in order, each with its value where it has one.
    pub options: Vec<(char, String)>,
    /// All that is no option.
    pub rest: Vec<String>,
}

impl Parsed {
    /// Whether an option was given.
    pub fn has(&self, option: char) -> bool {
        self.options.iter().any(|o| o.0 == option)
    }

    /// Whether one of these was given.
    pub fn has_any(&self, options: &str) -> bool {
        self.options.iter().any(|o| options.contains(o.0))
    }

    /// The last value of an option.
    pub fn value(&self, option: char) -> Option<&str> {
        self.options.iter().rev().find(|o| o.0 == option).map(|o| o.1.as_str())
    }

    /// All values of an option.
    pub fn values(&self, option: char) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |o| o.0 == option).map(|o| o.1.as_str())
    }

    /// Which of these was given last.
    pub fn last_of(&self, options: &str) -> Option<char> {
        self.options.iter().rev().map(|o| o.0).find(|o| options.contains(*o))
    }
}

/// What a tool takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec<'a> {
    /// As `getopt` has it: `ab:c::`, with a `+` before it where options end at the first operand. Options that have no
    /// short form are other characters than ASCII.
    pub short: &'a str,
    /// The long names.
    pub long: &'a [(&'a str, char)],
    /// The exit code for what is wrong.
    pub failure: u8,
}

impl<'a> Spec<'a> {
    /// A tool that exits with 1 for what is wrong.
    pub const fn new(short: &'a str, long: &'a [(&'a str, char)]) -> Spec<'a> {
        Spec { short, long, failure: 1 }
    }

    /// With another exit code.
    pub const fn failing(self, failure: u8) -> Spec<'a> {
        Spec { failure, ..self }
    }

    /// How many values an option takes: 0, 1, or 2 for one that may be left out.
    fn takes(&self, option: char) -> Option<usize> {
        let mut chars = self.short.trim_start_matches(['+', '-']).chars().peekable();
        while let Some(c) = chars.next() {
            let mut colons = 0;
            while chars.next_if_eq(&':').is_some() {
                colons += 1;
            }
            if c == option && c != ':' {
                return Some(colons);
            }
        }
        None
    }
}

/// Reads a command line. What is wrong is said, and ends the tool.
///
/// # Errors
/// How the tool ends.
pub(super) fn parse(sys: &mut Sys<'_>, args: &[String], spec: Spec<'_>) -> Result<Parsed, Started> {
    let mut parsed = Parsed::default();
    let mut args_left = args.get(1..).unwrap_or_default().iter();
    while let Some(arg) = args_left.next() {
        if arg == "--" {
            parsed.rest.extend(args_left.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_string())));
            let option = long_option(sys, args, spec, (name, long))?;
            let value = match (spec.takes(option).unwrap_or(0), value) {
                (0, Some(_)) => {
                    let text = match style(sys) {
                        Style::Musl => format!("option does not take an argument: {name}"),
                        Style::Glibc => format!("option '--{name}' doesn't allow an argument"),
                    };
                    return Err(misuse(sys, args, &text, spec.failure));
                }
                (1, None) => match args_left.next() {
                    Some(value) => value.clone(),
                    None => {
                        let text = match style(sys) {
                            Style::Musl => format!("option requires an argument: {name}"),
                            Style::Glibc => format!("option '--{name}' requires an argument"),
                        };
                        return Err(misuse(sys, args, &text, spec.failure));
                    }
                },
                (_, value) => value.unwrap_or_default(),
            };
            parsed.options.push((option, value));
            continue;
        }
        let Some(cluster) = arg.strip_prefix('-').filter(|c| !c.is_empty()) else {
            parsed.rest.push(arg.clone());
            if spec.short.starts_with('+') {
                parsed.rest.extend(args_left.cloned());
                break;
            }
            continue;
        };
        for (at, option) in cluster.char_indices() {
            let after = &cluster[at + option.len_utf8()..];
            match spec.takes(option).filter(|_| option.is_ascii()) {
                None => {
                    let text = match style(sys) {
                        Style::Musl => format!("unrecognized option: {option}"),
                        Style::Glibc => format!("invalid option -- '{option}'"),
                    };
                    return Err(misuse(sys, args, &text, spec.failure));
                }
                Some(0) => parsed.options.push((option, String::new())),
                Some(1) if after.is_empty() => {
                    let Some(value) = args_left.next() else {
                        let text = match style(sys) {
                            Style::Musl => format!("option requires an argument: {option}"),
                            Style::Glibc => format!("option requires an argument -- '{option}'"),
                        };
                        return Err(misuse(sys, args, &text, spec.failure));
                    };
                    parsed.options.push((option, value.clone()));
                    break;
                }
                Some(_) => {
                    parsed.options.push((option, after.to_string()));
                    break;
                }
            }
        }
    }
    Ok(parsed)
}

fn long_option(
    sys: &mut Sys<'_>,
    args: &[String],
    spec: Spec<'_>,
    (name, whole): (&str, &str),
) -> Result<char, Started> {
    if let Some(exact) = spec.long.iter().find(|l| l.0 == name) {
        return Ok(exact.1);
    }
    let tool = args.first().map_or("", |a| base(a)).to_string();
    if name == "help" {
        help(sys, &tool);
        return Err(Started::Exit(0));
    }
    if name == "version" && sys.userland() == Userland::Gnu {
        sys.out(format!("{tool} (GNU coreutils) 9.1\n"));
        return Err(Started::Exit(0));
    }
    let like: Vec<&(&str, char)> = spec.long.iter().filter(|l| l.0.starts_with(name)).collect();
    match like.as_slice() {
        [only] => return Ok(only.1),
        [first, others @ ..] if others.iter().all(|o| o.1 == first.1) => return Ok(first.1),
        _ => {}
    }
    let text = match style(sys) {
        Style::Musl if like.is_empty() => format!("unrecognized option: {name}"),
        Style::Musl => format!("option is ambiguous: {name}"),
        Style::Glibc if like.is_empty() => format!("unrecognized option '--{whole}'"),
        Style::Glibc => {
            let all: String = like.iter().map(|l| format!(" '--{}'", l.0)).collect();
            format!("option '--{whole}' is ambiguous; possibilities:{all}")
        }
    };
    Err(misuse(sys, args, &text, spec.failure))
}

enum Style {
    Musl,
    Glibc,
}

fn style(sys: &Sys<'_>) -> Style {
    if images::has_musl(sys.image()) { Style::Musl } else { Style::Glibc }
}

/// The name of a tool without its folders.
pub(super) fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Says what is wrong with a command line, and how the tool is used.
pub(super) fn misuse(sys: &mut Sys<'_>, args: &[String], text: &str, code: u8) -> Started {
    let name = args.first().cloned().unwrap_or_default();
    match sys.userland() {
        Userland::Gnu => {
            if !text.is_empty() {
                sys.err(format!("{name}: {text}\n"));
            }
            sys.err(format!("Try '{name} --help' for more information.\n"));
        }
        Userland::Busybox => {
            let name = base(&name);
            if !text.is_empty() {
                sys.err(format!("{name}: {text}\n"));
            }
            let usage = usage(name);
            sys.err(usage);
        }
    }
    Started::Exit(code)
}

/// Says that operands are missing: `missing operand` where GNU says so, the usage where busybox shows it.
pub(super) fn missing_operand(sys: &mut Sys<'_>, args: &[String]) -> Started {
    match sys.userland() {
        Userland::Gnu => misuse(sys, args, "missing operand", 1),
        Userland::Busybox => misuse(sys, args, "", 1),
    }
}

fn help(sys: &mut Sys<'_>, name: &str) {
    match sys.userland() {
        Userland::Gnu => {
            let synopsis = synopsis(name);
            sys.out(format!("Usage: {name} {synopsis}\n"));
        }
        Userland::Busybox => {
            let usage = usage(name);
            sys.err(usage);
        }
    }
}

/// What busybox shows where a command line makes no sense.
pub(super) fn usage(name: &str) -> String {
    format!("{BANNER}\n\nUsage: {name} {}\n", synopsis(name)).replace(" \n", "\n")
}

/// The first line of busybox's usage texts.
pub(super) const BANNER: &str = "BusyBox v1.36.1 (2023-07-27 17:12:24 UTC) multi-call binary.";

fn synopsis(name: &str) -> &'static str {
    let found = SYNOPSES.binary_search_by_key(&name, |s| s.0);
    found.ok().and_then(|at| SYNOPSES.get(at)).map_or("[OPTION]... [FILE]...", |s| s.1)
}

/// What each tool takes, in order of names.
const SYNOPSES: &[(&str, &str)] = &[
    ("basename", "FILE [SUFFIX] | -a FILE... | -s SUFFIX FILE..."),
    ("chgrp", "[-Rh]... GROUP FILE..."),
    ("chmod", "[-Rcvf] MODE[,MODE]... FILE..."),
    ("chown", "[-Rh]... USER[:[GRP]] FILE..."),
    ("chroot", "NEWROOT [PROG ARGS]"),
    ("cp", "[-arPLHpfinlsTu] SOURCE DEST\n   or: cp [-arPLHpfinlsu] SOURCE... { -t DIRECTORY | DIRECTORY }"),
    ("date", "[OPTIONS] [+FMT] [[-s] TIME]"),
    ("dd", "[if=FILE] [of=FILE] [ibs=N obs=N/bs=N] [count=N] [skip=N] [seek=N]"),
    ("df", "[-PkmhTai] [-B SIZE] [-t TYPE] [FILESYSTEM]..."),
    ("dirname", "FILENAME"),
    ("du", "[-aHLdclsxhmk] [FILE]..."),
    ("env", "[-i0] [-u NAME]... [-] [NAME=VALUE]... [PROG ARGS]"),
    ("find", "[-HL] [PATH]... [OPTIONS] [ACTIONS]"),
    ("flock", "[-sxun] FD | { FILE [-c] PROG ARGS }"),
    ("free", "[-bkmgh]"),
    ("hostname", "[-sidf] [HOSTNAME | -F FILE]"),
    ("id", "[-ugGnr] [USER]"),
    ("install", "[-cdDsp] [-o USER] [-g GRP] [-m MODE] [-t DIR] [SOURCE]... DEST"),
    ("kill", "[-l] [-SIG] PID..."),
    ("killall", "[-lq] [-SIG] PROCESS_NAME..."),
    ("link", "FILE LINK"),
    ("ln", "[-sfnbtv] [-S SUF] TARGET... LINK|DIR"),
    ("ls", "[-1AaCxdLHRFplinshrSXvctu] [-w WIDTH] [FILE]..."),
    ("mkdir", "[-m MODE] [-p] DIRECTORY..."),
    ("mkfifo", "[-m MODE] NAME"),
    ("mknod", "[-m MODE] NAME TYPE [MAJOR MINOR]"),
    ("mktemp", "[-dt] [-p DIR, --tmpdir[=DIR]] [TEMPLATE]"),
    ("mv", "[-finT] SOURCE DEST\n   or: mv [-fin] SOURCE... { -t DIRECTORY | DIRECTORY }"),
    ("nice", "[-n ADJUST] [PROG ARGS]"),
    ("nohup", "PROG ARGS"),
    ("nproc", "[--all] [--ignore=N]"),
    ("pgrep", "[-flanovx] [-s SID|-P PPID|PATTERN]"),
    ("pidof", "[OPTIONS] [NAME]..."),
    ("pkill", "[-l|-SIGNAL] [-xfvnoe] [-s SID|-P PPID|PATTERN]"),
    ("printenv", "[VARIABLE]..."),
    ("ps", "[-o COL1,COL2=HEADER] [-T]"),
    ("readlink", "[-fnv] FILE"),
    ("realpath", "FILE..."),
    ("renice", "[-n] PRIORITY [[-p|g|u] ID...]..."),
    ("rm", "[-irf] FILE..."),
    ("rmdir", "[-p] DIRECTORY..."),
    ("setsid", "[-c] PROG ARGS"),
    ("sleep", "[N]..."),
    ("stat", "[-ltf] FILE..."),
    ("su", "[-lmp] [-s SH] [-] [USER [FILE/ARGS]]"),
    ("sync", "[-df] [FILE]..."),
    ("timeout", "[-s SIG] [-k KILL_SECS] SECS PROG ARGS"),
    ("top", "[-bmH] [-n COUNT] [-d SECONDS]"),
    ("touch", "[-cham] [-d DATE] [-t DATE] [-r FILE] FILE..."),
    ("truncate", "[-c] -s SIZE FILE..."),
    ("uname", "[-amnrspvio]"),
    ("unlink", "FILE"),
    ("usleep", "N"),
    ("watch", "[-n SEC] [-t] PROG ARGS"),
    ("which", "[-a] COMMAND..."),
    ("xargs", "[OPTIONS] [PROG ARGS]"),
];

/// A name in quotes as GNU's tools show it: in single ones, or as a shell would take it.
pub(super) fn quote(name: &str) -> String {
    let has_control = name.chars().any(|c| c.is_control());
    if has_control {
        let mut out = String::from("'");
        for c in name.chars() {
            match c {
                '\n' => out.push_str("'$'\\n''"),
                '\t' => out.push_str("'$'\\t''"),
                c if c.is_control() => out.push_str(&format!("'$'\\{:03o}''", c as u32)),
                '\'' => out.push_str("'\\''"),
                c => out.push(c),
            }
        }
        return out + "'";
    }
    if !name.contains('\'') {
        return format!("'{name}'");
    }
    if name.contains(['"', '$', '`', '\\', '!']) {
        return format!("'{}'", name.replace('\'', "'\\''"));
    }
    format!("\"{name}\"")
}
