//! Jobs and the process itself: `wait`, `jobs`, `fg`, `bg`, `times`, `ulimit`.

use serde::{Deserialize, Serialize};

use super::{Active, Arrays, Done};
use crate::machine::kernel::{Pid, Signal, Status, Sys, Turn, Wait};
use crate::machine::shell::jobs::{Job, job_line};
use crate::machine::shell::vm::{Flow, Frame};
use crate::machine::shell::{Flavor, Shell};

/// A `wait` that waits.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::machine::shell) struct WaitFor {
    pids: Vec<Pid>,
    /// All jobs.
    all: bool,
    /// Any one of them (`-n`).
    any: bool,
    /// The variable that gets the PID (`-p`).
    name: Option<String>,
    code: u8,
}

pub(super) fn wait(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let mut waiting = WaitFor::default();
    let mut at = 1;
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        match arg.as_str() {
            "-n" if sh.bash() => waiting.any = true,
            "-f" if sh.bash() => {}
            "-p" if sh.bash() => {
                waiting.name = args.get(at).cloned();
                at += 1;
            }
            "--" => break,
            option => {
                let option = option.chars().take(2).collect::<String>();
                return sh.illegal_option(sys, &option, "wait: usage: wait [-fn] [-p var] [id ...]");
            }
        }
    }
    let names = args.get(at..).unwrap_or_default();
    waiting.all = names.is_empty();
    for name in names {
        if name.starts_with('%') {
            match sh.job_of(name) {
                Some(job) => waiting.pids.push(sh.jobs[job].pid),
                None => {
                    sh.complain(
                        sys,
                        match sh.flavor {
                            Flavor::Bash => format!("{name}: no such job"),
                            Flavor::Dash => format!("No such job: {name}"),
                            Flavor::Ash => format!("{name}: no such job"),
                        },
                    );
                    if !sh.bash() {
                        return Done::Code(2);
                    }
                    waiting.code = 127;
                }
            }
            continue;
        }
        match name.parse::<Pid>() {
            Ok(pid) => waiting.pids.push(pid),
            Err(_) => {
                sh.complain(
                    sys,
                    match sh.flavor {
                        Flavor::Bash => format!("`{name}': not a pid or valid job spec"),
                        Flavor::Dash => format!("Illegal number: {name}"),
                        Flavor::Ash => format!("Illegal number: {name}"),
                    },
                );
                return Done::Code(if sh.bash() { 1 } else { 2 });
            }
        }
    }
    sh.builtin = None;
    Done::Flow(sh.waiting(sys, waiting))
}

impl Shell {
    pub(in crate::machine::shell) fn waiting(&mut self, sys: &mut Sys<'_>, mut waiting: WaitFor) -> Flow {
        self.reap(sys);
        if let Some(signal) = self.caught.first() {
            // A trap ends the wait.
            self.status = (128 + signal.number()) as u8;
            return Flow::Go;
        }
        if waiting.any {
            let wanted = |pid: Pid| waiting.all || waiting.pids.contains(&pid);
            self.jobs.retain(|j| !j.foreign);
            let ended = self.jobs.iter().position(|j| j.status.is_some() && !j.told && wanted(j.pid));
            if let Some(at) = ended {
                let job = self.jobs.remove(at);
                self.status = job.status.map_or(0, |s| s.code() as u8);
                if let Some(name) = &waiting.name {
                    self.vars.set(name, &job.pid.to_string());
                }
                return Flow::Go;
            }
            if !self.jobs.iter().any(|j| j.status.is_none() && wanted(j.pid)) {
                self.status = 127;
                return Flow::Go;
            }
        } else if waiting.all {
            if !self.jobs.iter().any(|j| j.status.is_none() && !j.foreign) {
                if self.bash() {
                    self.jobs.clear();
                }
                self.status = 0;
                return Flow::Go;
            }
        } else {
            while let Some(pid) = waiting.pids.first().copied() {
                let Some(at) = self.jobs.iter().position(|j| j.pid == pid && !j.foreign) else {
                    if let Some(at) = self.ended.iter().position(|e| e.0 == pid) {
                        waiting.code = self.ended[at].1.code() as u8;
                    } else {
                        if self.bash() {
                            self.builtin = Some("wait".into());
                            self.complain(sys, format!("pid {pid} is not a child of this shell"));
                            self.builtin = None;
                        }
                        waiting.code = 127;
                    }
                    waiting.pids.remove(0);
                    continue;
                };
                let Some(status) = self.jobs[at].status else { break };
                waiting.code = status.code() as u8;
                self.tell_killed_job(sys, pid);
                self.jobs[at].told = true;
                waiting.pids.remove(0);
            }
            if waiting.pids.is_empty() {
                self.status = waiting.code;
                return Flow::Go;
            }
        }
        self.push(Frame::Builtin(Box::new(Active::Wait(waiting))));
        Flow::Turn(Turn::Wait(Wait::child()))
    }

    /// Says that a job which is waited for was killed; a `wait` for all says nothing.
    fn tell_killed_job(&mut self, sys: &mut Sys<'_>, which: Pid) {
        let mut lines = String::new();
        for job in self.jobs.iter().filter(|j| j.pid == which && !j.told) {
            let Some(Status::Killed(signal)) = job.status else { continue };
            if matches!(signal.name(), "INT" | "PIPE") || self.bash() && signal == Signal::TERM {
                continue;
            }
            let what = self.describe(signal);
            if self.bash() {
                lines.push_str(&format!("{}{:5} {what:<23} {}\n", self.prefix(), job.pid, job.text));
            } else {
                lines.push_str(&format!("{what}\n"));
            }
        }
        sys.err(lines);
    }
}

pub(super) fn jobs(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    sh.reap(sys);
    let long = args.iter().any(|a| a == "-l");
    let pids = args.iter().any(|a| a == "-p");
    let only_running = args.iter().any(|a| a == "-r");
    let shown = |j: &Job| !j.told || j.status.is_none();
    let mut live: Vec<u32> = sh.jobs.iter().filter(|j| shown(j)).map(|j| j.number).collect();
    let mut lines: Vec<String> = Vec::new();
    let flavor = sh.flavor;
    let mut list = |job: &mut Job| {
        if only_running && job.status.is_some() {
            return;
        }
        let place = live.iter().rev().position(|n| *n == job.number);
        let sign = match place {
            Some(0) => '+',
            Some(1) => '-',
            _ => ' ',
        };
        lines.push(if pids { format!("{}\n", job.pid) } else { job_line(flavor, job, sign, long) });
        if job.status.is_some() {
            job.told = true;
            if flavor != Flavor::Bash {
                // It is off the list at once, so the one before moves up.
                live.retain(|n| *n != job.number);
            }
        }
    };
    if flavor == Flavor::Bash {
        sh.jobs.iter_mut().filter(|j| shown(j)).for_each(&mut list);
    } else {
        sh.jobs.iter_mut().rev().filter(|j| shown(j)).for_each(&mut list);
    }
    sys.out(lines.concat());
    Done::Code(0)
}

pub(super) fn fg(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    resume(sh, sys, args, true)
}

pub(super) fn bg(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    resume(sh, sys, args, false)
}

fn resume(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], foreground: bool) -> Done {
    if !sh.options.monitor && sh.bash() {
        sh.complain(sys, "no job control");
        return Done::Code(1);
    }
    let spec = args.get(1).map_or("%%", String::as_str);
    let Some(at) = sh.job_of(spec) else {
        let what = if args.len() > 1 { spec } else { "current" };
        sh.complain(
            sys,
            match sh.flavor {
                Flavor::Bash => format!("{what}: no such job"),
                Flavor::Dash if args.len() < 2 => "No current job".to_string(),
                Flavor::Dash => format!("No such job: {what}"),
                Flavor::Ash if args.len() < 2 => "No current job".to_string(),
                Flavor::Ash => format!("{what}: no such job"),
            },
        );
        return Done::Code(if sh.bash() { 1 } else { 2 });
    };
    if !sh.options.monitor {
        sh.complain(sys, format!("job {} not created under job control", args.get(1).map_or("(null)", String::as_str)));
        return Done::Code(2);
    }
    let (pid, text, number) = (sh.jobs[at].pid, sh.jobs[at].text.clone(), sh.jobs[at].number);
    sh.jobs[at].stopped = false;
    let _ = sys.kill(i64::from(pid), Some(Signal::CONT));
    if foreground {
        sys.out(format!("{text}\n"));
        sh.builtin = None;
        sh.jobs[at].told = true;
        return Done::Flow(sh.foreground(pid, text));
    }
    sys.out(if sh.bash() { format!("[{number}]+ {text} &\n") } else { format!("[{number}] {text}\n") });
    Done::Code(0)
}

pub(super) fn disown(sh: &mut Shell, _: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    match args.get(1) {
        Some(spec) => {
            let at = sh.job_of(spec).or_else(|| sh.jobs.iter().position(|j| j.pid.to_string() == *spec));
            if let Some(at) = at {
                sh.jobs.remove(at);
            }
        }
        None => {
            sh.jobs.pop();
        }
    }
    Done::Code(0)
}

pub(super) fn times(sh: &mut Shell, sys: &mut Sys<'_>, _: &[String], _: &mut Arrays) -> Done {
    let cpu = sys.process().cpu as i64;
    let show = |millis: i64| match sh.flavor {
        Flavor::Bash | Flavor::Ash => format!("{}m{}.{:03}s", millis / 60_000, millis / 1000 % 60, millis % 1000),
        Flavor::Dash => format!("{}m{}.{:06}s", millis / 60_000, millis / 1000 % 60, millis % 1000 * 1000),
    };
    sys.out(format!("{} {}\n{} {}\n", show(cpu), show(0), show(0), show(0)));
    Done::Code(0)
}

/// The limits: letter, name in bash, unit, value, name in dash and busybox.
const LIMITS: [(char, &str, &str, &str, &str); 15] = [
    ('R', "real-time non-blocking time ", "(microseconds, -R) ", "unlimited", ""),
    ('c', "core file size             ", "(blocks, -c) ", "unlimited", "coredump(blocks)"),
    ('d', "data seg size              ", "(kbytes, -d) ", "unlimited", "data(kbytes)"),
    ('e', "scheduling priority        ", "(-e) ", "0", "nice"),
    ('f', "file size                  ", "(blocks, -f) ", "unlimited", "file(blocks)"),
    ('i', "pending signals            ", "(-i) ", "31206", "sigpending"),
    ('l', "max locked memory          ", "(kbytes, -l) ", "64", "locked memory(kbytes)"),
    ('m', "max memory size            ", "(kbytes, -m) ", "unlimited", "memory(kbytes)"),
    ('n', "open files                 ", "(-n) ", "1048576", "nofiles"),
    ('p', "pipe size                  ", "(512 bytes, -p) ", "8", "process"),
    ('q', "POSIX message queues       ", "(bytes, -q) ", "819200", "msgqueue"),
    ('s', "stack size                 ", "(kbytes, -s) ", "8192", "stack(kbytes)"),
    ('t', "cpu time                   ", "(seconds, -t) ", "unlimited", "time(seconds)"),
    ('u', "max user processes         ", "(-u) ", "unlimited", ""),
    ('v', "virtual memory             ", "(kbytes, -v) ", "unlimited", "vmemory(kbytes)"),
];

pub(super) fn ulimit(sh: &mut Shell, sys: &mut Sys<'_>, args: &[String], _: &mut Arrays) -> Done {
    let (mut which, mut all, mut at) = ('f', false, 1);
    while let Some(arg) = args.get(at).filter(|a| a.len() > 1 && a.starts_with('-')) {
        at += 1;
        for letter in arg.chars().skip(1) {
            match letter {
                'S' | 'H' => {}
                'a' => all = true,
                letter if LIMITS.iter().any(|l| l.0 == letter) => which = letter,
                letter => {
                    if sh.flavor == Flavor::Ash {
                        sys.err(format!("ulimit: invalid option -- '{letter}'\n"));
                        return Done::Fatal(1);
                    }
                    return sh.illegal_option(
                        sys,
                        &format!("-{letter}"),
                        "ulimit: usage: ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]",
                    );
                }
            }
        }
    }
    let value = |sh: &Shell, letter: char, default: &str| {
        sh.limits.get(&letter).cloned().unwrap_or_else(|| default.to_string())
    };
    if all {
        let mut out = String::new();
        for (letter, name, unit, default, short) in LIMITS {
            let value = value(sh, letter, default);
            if sh.bash() {
                out.push_str(&format!("{name}{:>width$}{value}\n", unit, width = 20));
            } else if !short.is_empty() {
                out.push_str(&format!("{short:<20} {value}\n"));
            }
        }
        sys.out(out);
        return Done::Code(0);
    }
    let default = LIMITS.iter().find(|l| l.0 == which).map_or("unlimited", |l| l.3);
    match args.get(at) {
        None => {
            let text = value(sh, which, default);
            sys.out(format!("{text}\n"));
            Done::Code(0)
        }
        Some(limit) => {
            let ok =
                limit.bytes().all(|b| b.is_ascii_digit()) || matches!(limit.as_str(), "unlimited" | "hard" | "soft");
            if !ok {
                sh.complain(
                    sys,
                    match sh.flavor {
                        Flavor::Bash => format!("{limit}: invalid number"),
                        Flavor::Dash => "bad number".to_string(),
                        Flavor::Ash => "bad number".to_string(),
                    },
                );
                return if sh.bash() { Done::Code(1) } else { Done::Fatal(2) };
            }
            if limit.bytes().all(|b| b.is_ascii_digit()) {
                sh.limits.insert(which, limit.clone());
            } else if limit == "unlimited" {
                sh.limits.insert(which, "unlimited".into());
            }
            Done::Code(0)
        }
    }
}
