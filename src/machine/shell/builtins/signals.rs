//! `trap` and `kill`.

use std::sync::Arc;

use super::{Arrays, Done};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Signal, Sys};
use crate::machine::shell::{Flavor, Shell, quote};

/// The name under which a trap is kept: `EXIT`, or a signal's name.
fn trap_name(flavor: Flavor, text: &str) -> Option<String> {
    if text == "0" {
        return Some("EXIT".into());
    }
    let bash = flavor == Flavor::Bash;
    let upper = if bash || flavor == Flavor::Ash { text.to_ascii_uppercase() } else { text.to_string() };
    let name = if bash || flavor == Flavor::Ash { upper.strip_prefix("SIG").unwrap_or(&upper) } else { &upper };
    match name {
        "EXIT" => Some("EXIT".into()),
        "ERR" | "DEBUG" | "RETURN" if bash => Some(name.into()),
        name if name.starts_with("SIG") => None,
        name => Signal::parse(name).map(|s| s.name().to_string()),
    }
}

fn order(name: &str) -> i32 {
    match name {
        "EXIT" => 0,
        "DEBUG" => 100,
        "ERR" => 101,
        "RETURN" => 102,
        name => Signal::parse(name).map_or(99, Signal::number),
    }
}

fn show(sh: &Shell, sys: &mut Sys<'_>, only: &[String]) {
    let mut all: Vec<(&String, &String)> = sh.traps.iter().collect();
    all.sort_by_key(|(name, _)| order(name));
    let mut out = String::new();
    for (name, text) in all {
        if !only.is_empty() && !only.contains(name) {
            continue;
        }
        let is_signal = Signal::parse(name).is_some();
        let shown = if sh.bash() && is_signal { format!("SIG{name}") } else { name.clone() };
        let quoted = if sh.bash() { quote::single(text) } else { quote::ash(text, true) };
        out.push_str(&format!("trap -- {quoted} {shown}\n"));
    }
    sys.out(out);
}

pub(super) fn trap(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut rest = &args[1..];
    if rest.first().is_some_and(|a| a == "--") {
        rest = &rest[1..];
    }
    match rest.first().map(String::as_str) {
        None => {
            show(sh, sys, &[]);
            return Done::Code(0);
        }
        Some("-p") if sh.flavor != Flavor::Dash => {
            let names: Vec<String> = rest[1..].iter().filter_map(|n| trap_name(sh.flavor, n)).collect();
            show(sh, sys, &names);
            return Done::Code(0);
        }
        Some("-l") if sh.bash() => {
            list_signals(sh, sys);
            return Done::Code(0);
        }
        Some(option) if option.len() > 1 && option.starts_with('-') => {
            let letter: String = option.chars().take(2).collect();
            return sh.illegal_option(sys, &letter, "trap: usage: trap [-lp] [[arg] signal_spec ...]");
        }
        _ => {}
    }
    // With one argument, or a number first, all of them are signals to reset.
    let resets = rest.len() == 1 || rest[0].bytes().all(|b| b.is_ascii_digit()) && !rest[0].is_empty();
    let (action, names) = match rest {
        all if resets => (None, all),
        [dash, names @ ..] if dash == "-" => (None, names),
        [text, names @ ..] => (Some(text.clone()), names),
        [] => return Done::Code(0),
    };
    let mut code = 0;
    for name in names {
        let Some(name) = trap_name(sh.flavor, name) else {
            sh.complain(
                sys,
                match sh.flavor {
                    Flavor::Bash => format!("{name}: invalid signal specification"),
                    Flavor::Dash => {
                        sys.err(format!("trap: {name}: bad trap\n"));
                        code = 1;
                        continue;
                    }
                    Flavor::Ash => format!("{name}: invalid signal specification"),
                },
            );
            code = 1;
            continue;
        };
        let traps = Arc::make_mut(&mut sh.traps);
        match &action {
            Some(text) => {
                traps.insert(name.clone(), text.clone());
            }
            None => {
                traps.remove(&name);
            }
        }
        if let Some(signal) = Signal::parse(&name) {
            let to = match &action {
                Some(text) if text.is_empty() => Some(Disposition::Ignore),
                Some(_) => Some(Disposition::Catch),
                None if sh.options.interactive && signal == Signal::INT => Some(Disposition::Catch),
                None => None,
            };
            if !matches!(signal, Signal::KILL | Signal::STOP) {
                sys.set_disposition(signal, to);
            }
        }
        if name == "RETURN" {
            sh.return_trap = sh.calls.len() as u32;
        }
        if name == "EXIT" {
            catch_deadly(sh, sys, action.is_some());
        }
    }
    if code != 0 && !sh.bash() {
        return Done::Code(1);
    }
    Done::Code(code)
}

/// bash runs the trap of `EXIT` when a signal ends it too.
fn catch_deadly(sh: &Shell, sys: &mut Sys<'_>, on: bool) {
    if !sh.bash() || sh.options.interactive {
        return;
    }
    for signal in [Signal::HUP, Signal::INT, Signal::TERM, Signal::QUIT, Signal::USR1] {
        if sh.traps.contains_key(signal.name()) || sys.process().dispositions.get(&signal) == Some(&Disposition::Ignore)
        {
            continue;
        }
        if signal != Signal::QUIT {
            sys.set_disposition(signal, on.then_some(Disposition::Catch));
        }
    }
}

fn list_signals(sh: &Shell, sys: &mut Sys<'_>) {
    let mut out = String::new();
    for n in 1..=31 {
        let Some(signal) = Signal::from_number(n) else { continue };
        if sh.bash() {
            let end = if n % 5 == 0 || n == 31 { "\n" } else { "\t" };
            out.push_str(&format!("{n:2}) SIG{}{end}", signal.name()));
        } else {
            out.push_str(&format!("{n:2}) {}\n", signal.name()));
        }
    }
    if sh.flavor == Flavor::Dash {
        out = "0\n".to_string()
            + &(1..=31).filter_map(Signal::from_number).map(|s| format!("{}\n", s.name())).collect::<String>();
    }
    sys.out(out);
}

const USAGE_BASH: &str = "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]";
const USAGE_DASH: &str = "Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]... or\nkill -l [exitstatus]";

fn usage(sh: &Shell, sys: &mut Sys<'_>) -> Done {
    match sh.flavor {
        Flavor::Bash => {
            sys.err(format!("{USAGE_BASH}\n"));
            Done::Code(2)
        }
        Flavor::Dash => {
            sh.complain(sys, USAGE_DASH);
            Done::Code(2)
        }
        Flavor::Ash => {
            sys.err("sh: you need to specify whom to kill\n");
            Done::Code(1)
        }
    }
}

pub(super) fn kill(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut rest = &args[1..];
    let mut signal = Some(Signal::TERM);
    if rest.is_empty() {
        return usage(sh, sys);
    }
    if let "-l" | "-L" = rest[0].as_str() {
        return names_of(sh, sys, &rest[1..]);
    }
    let parse = |text: &str| if text == "0" { Some(None) } else { Signal::parse(text).map(Some) };
    let mut given: Option<String> = None;
    match rest[0].as_str() {
        "-s" | "-n" => {
            given = rest.get(1).cloned();
            rest = rest.get(2..).unwrap_or_default();
        }
        "--" => rest = &rest[1..],
        option if option.starts_with('-') && option.len() > 1 => {
            given = Some(option[1..].to_string());
            rest = &rest[1..];
        }
        _ => {}
    }
    if let Some(text) = given {
        match parse(&text) {
            Some(s) => signal = s,
            None => {
                return match sh.flavor {
                    Flavor::Bash => {
                        sh.complain(sys, format!("{text}: invalid signal specification"));
                        Done::Code(1)
                    }
                    Flavor::Dash => {
                        sh.complain(sys, format!("Illegal option -{}", text.chars().next().unwrap_or('?')));
                        Done::Code(2)
                    }
                    Flavor::Ash => {
                        sys.err(format!("sh: bad signal name '{text}'\n"));
                        Done::Code(1)
                    }
                };
            }
        }
    }
    if rest.first().is_some_and(|a| a == "--") {
        rest = &rest[1..];
    }
    if rest.is_empty() {
        return usage(sh, sys);
    }
    let mut code = 0;
    for target in rest {
        let pid = if target.starts_with('%') {
            match sh.job_of(target) {
                Some(at) => i64::from(sh.jobs[at].pid),
                None => {
                    sh.complain(
                        sys,
                        match sh.flavor {
                            Flavor::Bash => format!("{target}: no such job"),
                            Flavor::Dash => format!("No such job: {target}"),
                            Flavor::Ash => format!("{target}: no such job"),
                        },
                    );
                    code = if sh.bash() { 1 } else { 2 };
                    continue;
                }
            }
        } else {
            match target.trim().parse::<i64>() {
                Ok(pid) => pid,
                Err(_) => {
                    match sh.flavor {
                        Flavor::Bash => sh.complain(sys, format!("{target}: arguments must be process or job IDs")),
                        Flavor::Dash => {
                            sh.complain(sys, format!("Illegal number: {target}"));
                            return Done::Code(2);
                        }
                        Flavor::Ash => sys.err(format!("sh: invalid number '{target}'\n")),
                    }
                    code = 1;
                    continue;
                }
            }
        };
        if let Err(fault) = sys.kill(pid, signal) {
            let text = sys.text(fault);
            match sh.flavor {
                Flavor::Bash => sh.complain(sys, format!("({pid}) - {text}")),
                Flavor::Dash => sh.complain(sys, format!("{text}\n")),
                Flavor::Ash => {
                    sys.err(format!("sh: can't kill pid {pid}: {text}\n"));
                }
            }
            code = 1;
        }
        if sys.is_dead() {
            return Done::Code(code);
        }
    }
    if sh.bash() && rest.len() > 1 && code != 0 {
        // One that could be reached is enough.
        let any = rest.iter().any(|t| t.parse::<i64>().is_ok_and(|p| sys.kill(p, None).is_ok()));
        code = u8::from(!any);
    }
    Done::Code(code)
}

fn names_of(sh: &Shell, sys: &mut Sys<'_>, rest: &[String]) -> Done {
    if rest.is_empty() {
        list_signals(sh, sys);
        return Done::Code(0);
    }
    let mut code = 0;
    for text in rest {
        let number = text.parse::<i32>().ok();
        let number_or = number.map(|n| if n > 128 { n - 128 } else { n });
        match number_or {
            Some(n) => match Signal::from_number(n) {
                Some(signal) => sys.out(format!("{}\n", signal.name())),
                None if n == 0 => sys.out(if sh.bash() { "EXIT\n" } else { "0\n" }),
                None => {
                    sh.complain(
                        sys,
                        match sh.flavor {
                            Flavor::Bash => format!("{text}: invalid signal specification"),
                            Flavor::Dash => format!("Illegal number: {text}"),
                            Flavor::Ash => format!("unknown signal '{text}'"),
                        },
                    );
                    code = if sh.bash() { 1 } else { 2 };
                }
            },
            None => match Signal::parse(text) {
                Some(signal) if sh.flavor != Flavor::Dash => sys.out(format!("{}\n", signal.number())),
                _ => {
                    match sh.flavor {
                        Flavor::Bash => sh.complain(sys, format!("{text}: invalid signal specification")),
                        Flavor::Dash => sh.complain(sys, format!("Illegal number: {text}")),
                        Flavor::Ash => sys.err(format!("sh: unknown signal '{text}'\n")),
                    }
                    code = if sh.bash() { 1 } else { 2 };
                }
            },
        }
    }
    Done::Code(code)
}
