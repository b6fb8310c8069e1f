//! `flock`.

use serde::{Deserialize, Serialize};

use super::{Running, runs};
use crate::api::{Duration, Time};
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Fd, OpenOptions, Pid, Program, Status, Sys, Turn, Wait};
use crate::machine::tools::common::{fail, is_gnu, misuse, parse, say, tool_name};
use crate::machine::tools::options::Spec;
use crate::machine::tools::{Started, look_up};

/// A `flock` that waits for its lock, or for the command that it runs under it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lock {
    args: Vec<String>,
    fd: Fd,
    exclusive: bool,
    until: Option<Time>,
    conflict: u8,
    command: Vec<String>,
    child: Option<Pid>,
}

/// `flock [-sxunw] FILE COMMAND...`, `flock [-sxunw] FD`
pub(super) fn start(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("shared", 's'),
        ("exclusive", 'x'),
        ("unlock", 'u'),
        ("nonblock", 'n'),
        ("nb", 'n'),
        ("timeout", 'w'),
        ("wait", 'w'),
        ("conflict-exit-code", 'E'),
        ("close", 'o'),
        ("command", 'c'),
        ("no-fork", 'F'),
        ("verbose", 'v'),
    ];
    let parsed = match parse(sys, args, Spec::new("+sxeunw:E:oc:Fv", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    let Some((target, rest)) = parsed.rest.split_first() else {
        return misuse(
            sys,
            args,
            if is_gnu(sys) { "not enough arguments" } else { "" },
            if is_gnu(sys) { 64 } else { 1 },
        );
    };
    let command = match rest {
        [] => parsed.value('c').map(|c| vec!["/bin/sh".into(), "-c".into(), c.to_string()]).unwrap_or_default(),
        [c, line] if c == "-c" || c == "--command" => vec!["/bin/sh".into(), "-c".into(), line.clone()],
        rest => rest.to_vec(),
    };
    let fd = if command.is_empty() {
        match target.parse() {
            Ok(fd) => fd,
            Err(_) => {
                say(sys, args, &format!("bad file descriptor: '{target}'"), &format!("invalid number '{target}'"));
                return Started::Exit(if is_gnu(sys) { 64 } else { 1 });
            }
        }
    } else {
        let how = OpenOptions { read: true, create: true, write: true, ..OpenOptions::READ };
        let how = if sys.stat(target).is_ok_and(|s| s.kind == Kind::Dir || s.mode & 0o222 == 0) {
            OpenOptions::READ
        } else {
            how
        };
        match sys.open(target, how) {
            Ok(fd) => fd,
            Err(fault) => {
                fail(sys, args, &format!("cannot open lock file {target}"), &format!("can't open '{target}'"), fault);
                return Started::Exit(if is_gnu(sys) { 66 } else { 1 });
            }
        }
    };
    if parsed.has('u') {
        return match sys.unlock(fd) {
            Ok(()) => Started::Exit(0),
            Err(fault) => {
                fail(sys, args, &fd.to_string(), &fd.to_string(), fault);
                Started::Exit(65)
            }
        };
    }
    let until = match parsed.value('w').map(str::parse::<f64>) {
        Some(Ok(seconds)) if seconds >= 0.0 => Some(sys.now() + Duration::millis((seconds.min(1e9) * 1000.0) as i64)),
        Some(_) => {
            let text = format!("invalid timeout value: '{}'", parsed.value('w').unwrap_or(""));
            say(sys, args, &text, &text);
            return Started::Exit(64);
        }
        None if parsed.has('n') => Some(sys.now()),
        None => None,
    };
    let conflict = parsed.value('E').and_then(|e| e.parse().ok()).unwrap_or(1);
    let exclusive = !parsed.has('s');
    runs(Running::Lock(Lock { args: args.to_vec(), fd, exclusive, until, conflict, command, child: None }))
}

impl Lock {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(pid) = self.child {
            return match sys.wait_child(Some(pid)) {
                Ok(Some((_, status))) => Turn::Exit(Status::Code(status.code() as u8)),
                Ok(None) => Turn::Wait(Wait::child()),
                Err(_) => Turn::Exit(Status::Code(1)),
            };
        }
        match sys.lock(self.fd, self.exclusive) {
            Ok(()) => {}
            Err(Errno::Again) if self.until.is_some_and(|until| sys.now() >= until) => {
                return Turn::Exit(Status::Code(self.conflict));
            }
            // Whoever holds it does not tell when he lets go: it is asked for again and again.
            Err(Errno::Again) => {
                let next = sys.now() + Duration::millis(10);
                return Turn::Wait(Wait::until(self.until.map_or(next, |until| until.min(next))));
            }
            Err(fault) => {
                let fd = self.fd.to_string();
                fail(sys, &self.args, &fd, &fd, fault);
                return Turn::Exit(Status::Code(65));
            }
        }
        let Some(name) = self.command.first() else { return Turn::Exit(Status::Code(0)) };
        if let Err(fault) = look_up(sys, name) {
            let (tool, text) = (tool_name(sys, &self.args), sys.text(fault));
            let what =
                if is_gnu(sys) { format!("failed to execute {name}") } else { format!("can't execute '{name}'") };
            sys.err(format!("{tool}: {what}: {text}\n"));
            return Turn::Exit(Status::Code(if is_gnu(sys) { 69 } else { 127 }));
        }
        match sys.fork(Program::Command(self.command.clone())) {
            Ok(pid) => {
                self.child = Some(pid);
                let args = self.command.clone();
                let _ = sys.as_child(pid, |sys| {
                    sys.process_mut().args = args;
                    Ok(())
                });
                Turn::Again
            }
            Err(fault) => {
                fail(sys, &self.args, "fork failed", "vfork", fault);
                Turn::Exit(Status::Code(71))
            }
        }
    }
}
