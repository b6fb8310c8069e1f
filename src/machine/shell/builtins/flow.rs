//! Builtins that change what runs: `break`, `return`, `exit`, `eval`, `.` and the like.

use std::sync::Arc;

use super::{Arrays, Done};
use crate::machine::errno::Errno;
use crate::machine::kernel::Sys;
use crate::machine::kernel::sys::Kind as FileKind;
use crate::machine::shell::source::{Source, What};
use crate::machine::shell::vm::{Flow, Kind};
use crate::machine::shell::words::Stop;
use crate::machine::shell::{Call, Flavor, Shell};

pub(super) fn colon(_: &mut Shell, _: &mut Sys<'_>, _: &[String], _: &mut Arrays) -> Done {
    Done::Code(0)
}

pub(super) fn truth(_: &mut Shell, _: &mut Sys<'_>, _: &[String], _: &mut Arrays) -> Done {
    Done::Code(0)
}

pub(super) fn falsity(_: &mut Shell, _: &mut Sys<'_>, _: &[String], _: &mut Arrays) -> Done {
    Done::Code(1)
}

pub(super) fn break_loop(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    jump(sh, sys, args, true)
}

pub(super) fn continue_loop(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    jump(sh, sys, args, false)
}

fn jump(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], stop: bool) -> Done {
    let mut levels = 1;
    if let Some(arg) = args.get(1) {
        match arg.trim().parse::<i64>() {
            Ok(n) if n > 0 => levels = n as usize,
            Ok(n) if sh.bash() => {
                sh.complain(sys, format!("{n}: loop count out of range"));
                let depth = sh.loops();
                sh.jump(sys, depth, true);
                sh.status = 1;
                return Done::Flow(Flow::Yield);
            }
            _ => {
                sh.complain(
                    sys,
                    match sh.flavor {
                        Flavor::Bash => format!("{arg}: numeric argument required"),
                        Flavor::Dash => format!("Illegal number: {arg}"),
                        Flavor::Ash => format!("Illegal number: {arg}"),
                    },
                );
                return if sh.bash() { Done::Flow(sh.exit(sys, 128)) } else { Done::Fatal(2) };
            }
        }
    }
    if sh.loops() == 0 {
        if sh.outer_loops {
            return Done::Flow(sh.exit(sys, 0));
        }
        if sh.bash() {
            sh.complain(sys, "only meaningful in a `for', `while', or `until' loop");
        }
        return Done::Code(0);
    }
    sh.builtin = None;
    sh.jump(sys, levels, stop);
    Done::Flow(Flow::Yield)
}

/// The status that an argument of `exit` or `return` names.
fn code_of(sh: &mut Shell, sys: &mut Sys<'_>, arg: Option<&String>) -> Result<u8, Done> {
    let Some(arg) = arg else { return Ok(sh.status) };
    let text = arg.trim();
    match text.parse::<i64>() {
        Ok(n) if sh.bash() || n >= 0 => Ok(n as u8),
        _ => {
            let text = match sh.flavor {
                Flavor::Bash => format!("{arg}: numeric argument required"),
                Flavor::Dash => format!("Illegal number: {arg}"),
                Flavor::Ash => format!("Illegal number: {arg}"),
            };
            sh.complain(sys, text);
            Err(if sh.bash() { Done::Code(2) } else { Done::Fatal(2) })
        }
    }
}

pub(super) fn exit(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    if sh.options.interactive && sh.bash() && sh.subshells == 0 {
        sys.err("exit\n");
    }
    let in_exit_trap = sh.exiting && args.len() < 2;
    let code = match code_of(sh, sys, args.get(1)) {
        Ok(code) if in_exit_trap => sh.exit_status.unwrap_or(code),
        Ok(code) => code,
        Err(Done::Code(code)) => code,
        Err(done) => return done,
    };
    if args.len() > 2 && sh.bash() && args[1].parse::<i64>().is_ok() {
        sh.complain(sys, "too many arguments");
        return Done::Flow(sh.exit(sys, 1));
    }
    Done::Flow(sh.exit(sys, code))
}

pub(super) fn return_command(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let code = match code_of(sh, sys, args.get(1)) {
        Ok(code) => code,
        Err(Done::Code(code)) => code,
        Err(done) => return done,
    };
    let to = sh.acts.iter().rposition(|a| match &a.kind {
        Kind::Function { .. } => true,
        Kind::Source(source) => matches!(source.what, What::Dot(_) | What::Profile),
        Kind::Child => false,
    });
    let Some(to) = to else {
        let in_child = matches!(sh.acts.first().map(|a| &a.kind), Some(Kind::Child));
        if sh.bash() && (!in_child || sh.calls.is_empty()) {
            sh.complain(sys, "can only `return' from a function or sourced script");
            return Done::Code(2);
        }
        return Done::Flow(sh.exit(sys, code));
    };
    while sh.acts.len() > to {
        sh.leave(sys);
    }
    sh.status = code;
    if sh.acts.is_empty() {
        return Done::Flow(sh.exit(sys, code));
    }
    Done::Flow(Flow::Yield)
}

pub(super) fn shift(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let count = match args.get(1).map(|a| a.parse::<i64>()) {
        None => 1,
        Some(Ok(n)) if n >= 0 => n as usize,
        Some(other) => {
            let arg = &args[1];
            sh.complain(
                sys,
                match (sh.flavor, other) {
                    (Flavor::Bash, Ok(_)) => format!("{arg}: shift count out of range"),
                    (Flavor::Bash, Err(_)) => format!("{arg}: numeric argument required"),
                    (Flavor::Dash, _) => format!("Illegal number: {arg}"),
                    (Flavor::Ash, _) => format!("Illegal number: {arg}"),
                },
            );
            return if sh.bash() { Done::Code(1) } else { Done::Fatal(2) };
        }
    };
    if count > sh.args.len() {
        if sh.flavor == Flavor::Dash {
            sh.complain(sys, "can't shift that many");
            return Done::Fatal(2);
        }
        if sh.bash() && sh.shopt("shift_verbose") {
            sh.complain(sys, format!("{count}: shift count out of range"));
        }
        return Done::Code(1);
    }
    if count > 0 {
        Arc::make_mut(&mut sh.args).drain(..count);
    }
    Done::Code(0)
}

pub(super) fn eval(sh: &mut Shell, _: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let rest = match args.get(1).map(String::as_str) {
        Some("--") => &args[2..],
        _ => &args[1..],
    };
    let text = rest.join(" ");
    if text.trim().is_empty() {
        return Done::Code(0);
    }
    sh.builtin = None;
    let mut source = Source::new(text, What::Eval);
    source.line = if sh.bash() { sh.parsed_line() } else { sh.line };
    if sh.flavor == Flavor::Dash {
        source.line = 1;
    }
    sh.status = 0;
    sh.enter(source.act());
    Done::Flow(Flow::Yield)
}

/// `. file` and `source file`
pub(super) fn dot(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let args = if args.get(1).is_some_and(|a| a == "--") { &args[1..] } else { args };
    let Some(name) = args.get(1) else {
        if sh.bash() {
            sh.complain(sys, "filename argument required");
            return sh.usage_of(sys, &format!("{0}: usage: {0} filename [arguments]", args[0]));
        }
        return match sh.flavor {
            Flavor::Dash => Done::Code(0),
            _ => {
                sh.complain(sys, "not enough arguments");
                Done::Fatal(2)
            }
        };
    };
    let path = match name.contains('/') {
        true => Some(name.clone()),
        false => {
            let path = sh.vars.get("PATH").unwrap_or("").to_string();
            let at = |folder: &str| if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let found = path
                .split(':')
                .map(at)
                .find(|p| sys.stat(p).is_ok_and(|s| s.kind == FileKind::File) && sys.access(p, 4).is_ok());
            found.or_else(|| (sh.bash() && !sh.options.posix && sys.stat(name).is_ok()).then(|| name.clone()))
        }
    };
    let contents = match &path {
        Some(path) => sys.read_file(path),
        None => Err(Errno::NoEnt),
    };
    let bytes = match contents {
        Ok(bytes) => bytes,
        Err(Errno::Invalid) if path.is_some() => {
            // A pipe: what is in it now.
            match sys.open(path.as_deref().unwrap_or(""), crate::machine::kernel::OpenOptions::READ) {
                Ok(fd) => {
                    sh.builtin = None;
                    let call = Call { name: "source".into(), line: sh.line, source: name.clone(), is_function: false };
                    Arc::make_mut(&mut sh.calls).push(call);
                    let mut source = Source::new(String::new(), What::Dot(None));
                    source.fd = Some(fd);
                    sh.enter(source.act());
                    return Done::Flow(Flow::Yield);
                }
                Err(_) => return Done::Code(1),
            }
        }
        Err(fault) => {
            let text = sys.text(fault);
            match sh.flavor {
                Flavor::Bash => {
                    sh.builtin = None;
                    if fault == Errno::IsDir {
                        sh.builtin = Some(args[0].as_str().into());
                        sh.complain(sys, format!("{name}: is a directory"));
                    } else {
                        sh.complain(sys, format!("{name}: {text}"));
                    }
                    return if sh.options.posix { Done::Flow(sh.exit(sys, 1)) } else { Done::Code(1) };
                }
                Flavor::Dash => {
                    let text = if path.is_none() {
                        "not found"
                    } else if fault == Errno::NoEnt {
                        "No such file"
                    } else {
                        text
                    };
                    sh.complain(
                        sys,
                        match path {
                            None => format!("{name}: {text}"),
                            Some(_) => format!("cannot open {name}: {text}"),
                        },
                    );
                    return Done::Fatal(2);
                }
                Flavor::Ash => {
                    sh.complain(
                        sys,
                        if path.is_none() {
                            format!("{name}: not found")
                        } else {
                            format!("can't open '{name}': {text}")
                        },
                    );
                    return Done::Fatal(2);
                }
            }
        }
    };
    sh.builtin = None;
    let covered = (args.len() > 2 && sh.flavor != Flavor::Dash)
        .then(|| std::mem::replace(&mut sh.args, Arc::new(args[2..].to_vec())));
    let call = Call { name: "source".into(), line: sh.line, source: name.clone(), is_function: false };
    Arc::make_mut(&mut sh.calls).push(call);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    sh.status = 0;
    sh.enter(Source::new(text, What::Dot(covered)).act());
    Done::Flow(Flow::Yield)
}

pub(super) fn let_command(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    if args.len() < 2 {
        sh.complain(sys, "expression expected");
        return Done::Code(1);
    }
    let mut value = 0;
    for arg in &args[1..] {
        match sh.arithmetic(sys, arg) {
            Ok(result) => value = result,
            Err(Stop::Discard(_)) => return Done::Code(1),
            Err(stop) => return Done::Stop(stop),
        }
    }
    Done::Code(u8::from(value == 0))
}
