//! Tools that run a command and wait for it: `timeout`, `time`, `watch`, `tini`, `dumb-init`.

use serde::{Deserialize, Serialize};

use super::run::check;
use super::sleep::seconds;
use super::{Running, runs};
use crate::api::{Duration, Time};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Pid, Program, Signal, Status, Sys, Turn, Wait};
use crate::machine::tools::Started;
use crate::machine::tools::common::{base, fail, is_gnu, missing_operand, misuse, parse, quote, say};
use crate::machine::tools::options::Spec;

/// Starts a command as a child.
pub(super) fn spawn(sys: &mut Sys<'_>, args: &[String], command: &[String]) -> Option<Pid> {
    match sys.fork(Program::Command(command.to_vec())) {
        Ok(pid) => {
            let own = command.to_vec();
            let _ = sys.as_child(pid, |sys| {
                let process = sys.process_mut();
                process.args = own;
                process.dispositions.retain(|_, d| *d == Disposition::Ignore);
                Ok(())
            });
            Some(pid)
        }
        Err(fault) => {
            fail(sys, args, "fork system call failed", "vfork", fault);
            None
        }
    }
}

/// A `timeout` whose command runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timeout {
    gnu: bool,
    child: Pid,
    until: Option<Time>,
    signal: Signal,
    kill_after: Option<i64>,
    foreground: bool,
    preserve: bool,
    verbose: Option<String>,
    fired: bool,
    killed: bool,
}

/// `timeout [-s SIGNAL] [-k DURATION] DURATION COMMAND...`
pub(super) fn timeout(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let gnu = is_gnu(sys);
    let long = &[("signal", 's'), ("kill-after", 'k'), ("foreground", 'f'), ("preserve-status", 'p'), ("verbose", 'v')];
    let short = if gnu { "+s:k:fpv" } else { "+s:k:t:" };
    let parsed =
        match parse(sys, args, Spec::new(short, if gnu { long } else { &[] }).failing(if gnu { 125 } else { 1 })) {
            Ok(parsed) => parsed,
            Err(end) => return end,
        };
    let signal = match parsed.value('s') {
        None => Signal::TERM,
        Some(name) => match Signal::parse(name) {
            Some(signal) => signal,
            None => {
                let text = format!("{}: invalid signal", quote(name));
                if gnu {
                    return misuse(sys, args, &text, 125);
                }
                say(sys, args, "", &format!("unknown signal '{name}'"));
                return Started::Exit(1);
            }
        },
    };
    let mut rest = parsed.rest.as_slice();
    let old = parsed.value('t').map(String::from);
    let limit = match (&old, rest) {
        (Some(limit), _) => limit.clone(),
        (None, [limit, others @ ..]) => {
            rest = others;
            limit.clone()
        }
        (None, []) => String::new(),
    };
    if rest.is_empty() {
        return if gnu { misuse(sys, args, "", 125) } else { missing_operand(sys, args) };
    }
    let bad = |sys: &mut Sys<'_>, text: &str| {
        if gnu {
            return misuse(sys, args, &format!("invalid time interval {}", quote(text)), 125);
        }
        say(sys, args, "", &format!("invalid number '{text}'"));
        Started::Exit(1)
    };
    let Some(limit_seconds) = seconds(&limit, gnu) else { return bad(sys, &limit) };
    let kill_after = match parsed.value('k') {
        None => None,
        Some(text) => match seconds(text, gnu) {
            Some(n) => Some((n.min(1e9) * 1000.0) as i64),
            None => return bad(sys, text),
        },
    };
    if let Err(code) = check(sys, args, rest, "failed to run command ") {
        return Started::Exit(code);
    }
    let Some(child) = spawn(sys, args, rest) else { return Started::Exit(125) };
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        sys.set_disposition(signal, Some(Disposition::Catch));
    }
    let until = (limit_seconds > 0.0 && limit_seconds < 1e10)
        .then(|| sys.now() + Duration::millis((limit_seconds * 1000.0).ceil() as i64));
    runs(Running::Timeout(Timeout {
        gnu,
        child,
        until,
        signal,
        kill_after,
        foreground: parsed.has('f'),
        preserve: parsed.has('p'),
        verbose: parsed.has('v').then(|| rest[0].clone()),
        fired: false,
        killed: false,
    }))
}

impl Timeout {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        while let Some(signal) = sys.take_signal() {
            let _ = sys.kill(i64::from(self.child), Some(signal));
        }
        match sys.wait_child(Some(self.child)) {
            Ok(Some((_, status))) => return Turn::Exit(self.status(status)),
            Ok(None) => {}
            Err(_) => return Turn::Exit(Status::Code(125)),
        }
        if self.until.is_some_and(|until| sys.now() >= until) {
            let signal = if self.fired { Signal::KILL } else { self.signal };
            if let Some(command) = &self.verbose {
                let text = format!("timeout: sending signal {} to command {}\n", signal.name(), quote(command));
                sys.err(text);
            }
            (self.killed, self.fired) = (signal == Signal::KILL, true);
            let _ = sys.kill(i64::from(self.child), Some(signal));
            let _ = sys.kill(i64::from(self.child), Some(Signal::CONT));
            self.until = match self.kill_after.take() {
                Some(after) if !self.killed => Some(sys.now() + Duration::millis(after)),
                _ => None,
            };
            return Turn::Again;
        }
        Turn::Wait(Wait { until: self.until, child: true, ..Wait::default() })
    }

    fn status(&self, status: Status) -> Status {
        match (self.gnu, self.fired) {
            // busybox's own process became the command.
            (false, _) => status,
            (true, true) if self.killed => Status::Killed(Signal::KILL),
            (true, true) if !self.preserve => Status::Code(124),
            (true, _) => Status::Code(status.code() as u8),
        }
    }
}

/// A `time` whose command runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Clock {
    child: Pid,
    began: Time,
    portable: bool,
    gnu: bool,
}

/// `time [-p] COMMAND...`
pub(super) fn time(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let parsed = match parse(sys, args, Spec::new("+pvf:o:a", &[("portability", 'p'), ("verbose", 'v')])) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    if let Err(code) = check(sys, args, &parsed.rest, "cannot run ") {
        return Started::Exit(code);
    }
    let Some(child) = spawn(sys, args, &parsed.rest) else { return Started::Exit(1) };
    runs(Running::Clock(Clock { child, began: sys.now(), portable: parsed.has('p'), gnu: is_gnu(sys) }))
}

impl Clock {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        let used = sys.process_of(self.child).map_or(0, |p| p.cpu) as f64 / 1000.0;
        let status = match sys.wait_child(Some(self.child)) {
            Ok(Some((_, status))) => status,
            Ok(None) => return Turn::Wait(Wait::child()),
            Err(_) => return Turn::Exit(Status::Code(1)),
        };
        let real = (sys.now() - self.began).0 as f64 / 1000.0;
        let (minutes, seconds) = ((real / 60.0).floor(), real % 60.0);
        let text = match (self.portable, self.gnu) {
            (true, _) => format!("real {real:.2}\nuser {used:.2}\nsys 0.00\n"),
            (false, false) => {
                format!(
                    "real\t{minutes}m {seconds:.2}s\nuser\t{}m {:.2}s\nsys\t0m 0.00s\n",
                    (used / 60.0).floor(),
                    used % 60.0
                )
            }
            (false, true) => {
                let percent = if real > 0.0 { (used / real * 100.0) as u32 } else { 0 };
                format!(
                    "{used:.2}user 0.00system {minutes}:{seconds:05.2}elapsed {percent}%CPU (0avgtext+0avgdata 2048maxresident)k\n0inputs+0outputs (0major+100minor)pagefaults 0swaps\n"
                )
            }
        };
        sys.err(text);
        Turn::Exit(Status::Code(status.code() as u8))
    }
}

/// A `watch`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watch {
    args: Vec<String>,
    command: Vec<String>,
    shown: String,
    every: i64,
    title: bool,
    child: Option<Pid>,
    next: Time,
    gnu: bool,
}

/// `watch [-n SECONDS] [-t] COMMAND...`
pub(super) fn watch(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let long = &[
        ("interval", 'n'),
        ("no-title", 't'),
        ("differences", 'd'),
        ("exec", 'x'),
        ("errexit", 'e'),
        ("chgexit", 'g'),
    ];
    let gnu = is_gnu(sys);
    let short = if gnu { "+n:td::xegbcpw" } else { "+n:td" };
    let parsed = match parse(sys, args, Spec::new(short, long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        return missing_operand(sys, args);
    }
    if gnu && sys.env("TERM").is_none() {
        sys.err("Error opening terminal: unknown.\n");
        return Started::Exit(1);
    }
    let every = parsed.value('n').map_or(Some(2.0), |n| seconds(n, true));
    let Some(every) = every else {
        let text = parsed.value('n').unwrap_or("");
        say(sys, args, &format!("failed to parse argument: '{text}'"), &format!("invalid number '{text}'"));
        return Started::Exit(1);
    };
    let every = if gnu { every.max(0.1) } else { every };
    let shown = parsed.rest.join(" ");
    let command = match parsed.has('x') {
        true => parsed.rest.clone(),
        false => vec!["/bin/sh".into(), "-c".into(), shown.clone()],
    };
    runs(Running::Watch(Watch {
        args: args.to_vec(),
        command,
        shown,
        every: (every.min(1e9) * 1000.0) as i64,
        title: !parsed.has('t'),
        child: None,
        next: sys.now(),
        gnu,
    }))
}

impl Watch {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if let Some(child) = self.child {
            return match sys.wait_child(Some(child)) {
                Ok(None) => Turn::Wait(Wait::child()),
                _ => {
                    self.child = None;
                    self.next = sys.now() + Duration::millis(self.every);
                    Turn::Again
                }
            };
        }
        if sys.now() < self.next {
            return Turn::Wait(Wait::until(self.next));
        }
        sys.out("\x1b[H\x1b[J");
        if self.title {
            let zone = crate::machine::tools::dates::zone(sys);
            let form = if self.gnu { "%a %b %e %H:%M:%S %Y" } else { "%Y-%m-%d %H:%M:%S" };
            let date = crate::machine::tools::dates::format(form, sys.now(), 0, &zone, true);
            let left = format!("Every {:.1}s: {}", self.every as f64 / 1000.0, self.shown);
            let width = sys.terminal_size().map_or(80, |s| usize::from(s.0));
            let gap = width.saturating_sub(left.chars().count() + date.len()).max(1);
            sys.out(format!("{left}{}{date}\n\n", " ".repeat(gap)));
        }
        let (args, command) = (self.args.clone(), self.command.clone());
        self.child = spawn(sys, &args, &command);
        if self.child.is_some() { Turn::Again } else { Turn::Exit(Status::Code(1)) }
    }
}

/// An init of a container: hands signals on, and takes orphans off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Init {
    child: Pid,
    group: bool,
}

/// `tini [-g] -- COMMAND...`, `dumb-init COMMAND...`
pub(super) fn init(sys: &mut Sys<'_>, args: &[String]) -> Started {
    let tool = base(args.first().map_or("", String::as_str)).to_string();
    let long = &[("single-child", 'c'), ("verbose", 'v'), ("rewrite", 'r'), ("version", 'V')];
    let parsed = match parse(sys, args, Spec::new("+gvscr:p:e:wlV", long)) {
        Ok(parsed) => parsed,
        Err(end) => return end,
    };
    if parsed.rest.is_empty() {
        sys.err(format!("Usage: {tool} [OPTIONS] PROGRAM -- [ARGS] | --version\n"));
        return Started::Exit(1);
    }
    if crate::machine::tools::look_up(sys, &parsed.rest[0]).is_err() {
        let text = match tool.as_str() {
            "dumb-init" => format!("[dumb-init] {}: No such file or directory\n", parsed.rest[0]),
            _ => format!(
                "[FATAL tini ({})] exec {} failed: No such file or directory\n",
                sys.getpid() + 1,
                parsed.rest[0]
            ),
        };
        sys.err(text);
        return Started::Exit(if tool == "dumb-init" { 2 } else { 127 });
    }
    let Some(child) = spawn(sys, args, &parsed.rest) else { return Started::Exit(1) };
    let _ = sys.as_child(child, |sys| {
        sys.process_mut().group = sys.pid;
        Ok(())
    });
    for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM"] {
        if let Some(signal) = Signal::parse(name) {
            sys.set_disposition(signal, Some(Disposition::Catch));
        }
    }
    runs(Running::Init(Init { child, group: tool == "dumb-init" && !parsed.has('c') || parsed.has('g') }))
}

impl Init {
    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        while let Some(signal) = sys.take_signal() {
            let child = i64::from(self.child);
            let _ = sys.kill(if self.group { -child } else { child }, Some(signal));
        }
        loop {
            match sys.wait_child(None) {
                Ok(Some((pid, status))) if pid == self.child => return Turn::Exit(Status::Code(status.code() as u8)),
                Ok(Some(_)) => {}
                Ok(None) => return Turn::Wait(Wait::child()),
                Err(_) => return Turn::Exit(Status::Code(1)),
            }
        }
    }
}
