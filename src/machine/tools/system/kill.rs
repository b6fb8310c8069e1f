//! `kill`, `killall`, `pkill`.

use super::ps::{grep, named, rows};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Signal, Sys};
use crate::machine::tools::Started;
use crate::machine::tools::common::{fail, is_gnu, misuse, parse, say, tool_name};
use crate::machine::tools::options::Spec;

/// What procps shows.
const USAGE: &str = "
Usage:
 kill [options] <pid> [...]

Options:
 <pid> [...]            send signal to every <pid> listed
 -<signal>, -s, --signal <signal>
                        specify the <signal> to be sent
 -q, --queue <value>    integer value to be sent with the signal
 -l, --list=[<signal>]  list all signal names, or convert one to a name
 -L, --table            list all signal names in a nice table

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see kill(1).
";

/// Takes a signal off a command line: `-9`, `-TERM`, `-s TERM`, `-SIGTERM`. With its place.
fn take_signal(args: &mut Vec<String>, with_s: bool) -> Result<Option<Option<Signal>>, String> {
    let mut at = 1;
    while let Some(arg) = args.get(at) {
        if arg == "--" || !arg.starts_with('-') || arg.len() < 2 {
            break;
        }
        if arg == "-s" && with_s || arg == "--signal" {
            if at + 1 >= args.len() {
                return Err(String::new());
            }
            let name = args.remove(at + 1);
            args.remove(at);
            return read_signal(&name).map(Some).ok_or(name);
        }
        let name = arg[1..].to_string();
        let long = name.strip_prefix("-signal=").map(String::from);
        if let Some(name) = long {
            args.remove(at);
            return read_signal(&name).map(Some).ok_or(name);
        }
        if let Some(signal) = read_signal(&name) {
            args.remove(at);
            return Ok(Some(signal));
        }
        if name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase()) || name.bytes().all(|b| b.is_ascii_digit()) {
            return Err(name);
        }
        at += 1;
    }
    Ok(None)
}

fn read_signal(name: &str) -> Option<Option<Signal>> {
    if name == "0" || name == "EXIT" {
        return Some(None);
    }
    Signal::parse(name).map(Some)
}

fn list(sys: &mut Sys<'_>, wanted: &[String]) -> Started {
    if wanted.is_empty() {
        let all: Vec<Signal> = (1..=31).filter_map(Signal::from_number).collect();
        if is_gnu(sys) {
            let names: Vec<&str> = all.iter().map(|s| s.name()).collect();
            sys.out(format!("{}\n{}\n", names[..16].join(" "), names[16..].join(" ")));
        } else {
            let text: String = all.iter().map(|s| format!("{:>2}) {}\n", s.number(), s.name())).collect();
            sys.out(text);
        }
        return Started::Exit(0);
    }
    for name in wanted {
        let number: Option<i32> = name.parse().ok();
        match (number, Signal::parse(name)) {
            (Some(n), _) if is_gnu(sys) && n > 64 => {
                sys.err(format!("kill: unknown signal name {n}\n"));
                return Started::Exit(0);
            }
            (Some(n), _) => match Signal::from_number(n & 127) {
                Some(signal) => sys.out(format!("{}\n", signal.name())),
                None => sys.out(format!("{n}\n")),
            },
            (None, Some(signal)) => sys.out(format!("{}\n", signal.number())),
            (None, None) => {
                sys.err(format!("kill: unknown signal '{name}'\n"));
                return Started::Exit(1);
            }
        }
    }
    Started::Exit(0)
}

/// `kill [-l] [-SIGNAL] PID...`
pub(super) fn kill(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut all = args.to_vec();
    if let Some(first) = all.get(1) {
        if first == "-l" || first == "-L" || first == "--list" || first == "--table" {
            return list(sys, &all[2..]);
        }
    }
    let signal = match take_signal(&mut all, true) {
        Ok(signal) => signal.unwrap_or(Some(Signal::TERM)),
        Err(name) => {
            if is_gnu(sys) {
                let first = name.chars().next().unwrap_or('-');
                say(sys, args, &format!("invalid argument {first}"), "");
                sys.err(USAGE);
            } else {
                say(sys, args, "", &format!("bad signal name '{name}'"));
            }
            return Started::Exit(1);
        }
    };
    let pids: Vec<&String> = all[1..].iter().filter(|a| *a != "--").collect();
    if pids.is_empty() {
        if is_gnu(sys) {
            sys.err(USAGE);
        } else {
            sys.err("kill: you need to specify whom to kill\n");
        }
        return Started::Exit(1);
    }
    let mut code = 0;
    for text in pids {
        let Ok(pid) = text.parse::<i64>() else {
            say(sys, args, &format!("failed to parse argument: '{text}'"), &format!("invalid number '{text}'"));
            code = 1;
            continue;
        };
        if let Err(fault) = sys.kill(pid, signal) {
            fail(sys, args, &format!("({pid})"), &format!("can't kill pid {pid}"), fault);
            code = 1;
        }
        if sys.is_dead() {
            break;
        }
    }
    Started::Exit(code)
}

/// `killall [-q] [-SIGNAL] NAME...`
pub(super) fn killall(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let mut all = args.to_vec();
    if all.get(1).is_some_and(|a| a == "-l" || a == "--list") {
        return list(sys, &all[2..]);
    }
    let signal = match take_signal(&mut all, true) {
        Ok(signal) => signal.unwrap_or(Some(Signal::TERM)),
        Err(name) => {
            say(sys, args, &format!("{name}: unknown signal"), &format!("bad signal name '{name}'"));
            return Started::Exit(1);
        }
    };
    let parsed = match parse(sys, &all, Spec::new("qevwiIrgo:y:u:", &[("quiet", 'q'), ("wait", 'w'), ("exact", 'e')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        let name = tool_name(sys, args);
        if is_gnu(sys) {
            sys.err(format!("Usage: {name} [OPTION]... [--] NAME...\n"));
        } else {
            sys.err(format!("{name}: you need to specify whom to kill\n"));
        }
        return Started::Exit(1);
    }
    let me = sys.getpid();
    let mut code = 0;
    for name in &parsed.rest {
        let found: Vec<_> = rows(sys).into_iter().filter(|r| r.pid != me && r.state != 'Z' && named(r, name)).collect();
        if found.is_empty() {
            code = 1;
            if !parsed.has('q') {
                let text = if is_gnu(sys) {
                    format!("{name}: no process found\n")
                } else {
                    format!("killall: {name}: no process killed\n")
                };
                sys.err(text);
            }
        }
        for row in found {
            if let Err(fault) = sys.kill(i64::from(row.pid), signal) {
                let text = sys.text(fault);
                sys.err(format!("{name}({}): {text}\n", row.pid));
                code = 1;
            }
        }
    }
    Started::Exit(code)
}

/// `pkill [-SIGNAL] [-fxvno] [-P PARENT] [-u USER] PATTERN`
pub(super) fn pkill(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let mut all = args.to_vec();
    if all.get(1).is_some_and(|a| a == "-l") && !gnu {
        return list(sys, &[]);
    }
    let signal = match take_signal(&mut all, false) {
        Ok(signal) => signal.unwrap_or(Some(Signal::TERM)),
        Err(name) => {
            if gnu {
                return misuse(sys, args, &format!("invalid option -- '{}'", name.chars().next().unwrap_or('-')), 2);
            }
            say(sys, args, "", &format!("bad signal name '{name}'"));
            return Started::Exit(1);
        }
    };
    let long = &[
        ("full", 'f'),
        ("exact", 'x'),
        ("inverse", 'v'),
        ("newest", 'n'),
        ("oldest", 'o'),
        ("echo", 'e'),
        ("count", 'c'),
        ("parent", 'P'),
        ("euid", 'u'),
    ];
    let short = if gnu { "fxvnoecP:u:U:iG:g:s:t:" } else { "flaxvnos:P:e" };
    let parsed = match parse(sys, &all, Spec::new(short, long).failing(if gnu { 2 } else { 1 })) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let found = match grep(sys, args, &parsed) {
        Ok(found) => found,
        Err(end) => return end,
    };
    let mut code = u8::from(found.is_empty());
    for row in &found {
        match sys.kill(i64::from(row.pid), signal) {
            Ok(()) if parsed.has('e') => sys.out(format!("{} killed (pid {})\n", row.comm(), row.pid)),
            Ok(()) | Err(Errno::NoProcess) => {}
            Err(fault) => {
                let gnu = format!("killing pid {} failed", row.pid);
                fail(sys, args, &gnu, &format!("can't kill pid {}", row.pid), fault);
                code = 1;
            }
        }
    }
    if parsed.has('c') {
        sys.out(format!("{}\n", found.len()));
    }
    Started::Exit(code)
}
