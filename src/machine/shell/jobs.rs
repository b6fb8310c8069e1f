//! Child processes: subshells, pipelines, jobs in the background, substitutions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ast::{Node, NodeId, Unit};
use super::vm::{Act, Flow, Frame, Kind};
use super::{Flavor, Shell};
use crate::api::Time;
use crate::machine::errno::Errno;
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::{Fd, OpenOptions, Pid, Program, Signal, Status, Sys, Turn, Wait};

/// How many ended jobs are remembered.
const MAX_ENDED: usize = 512;

/// A job in the background.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub number: u32,
    pub pid: Pid,
    pub text: String,
    pub status: Option<Status>,
    /// Whether its end has been told or asked for.
    pub told: bool,
    pub stopped: bool,
    /// Whether it is a job of the shell above.
    pub foreign: bool,
}

/// A command in the foreground.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub children: Vec<(Pid, Option<Status>)>,
    /// For the message where it is killed.
    pub text: String,
    /// Whether it is what a command substitution runs: its end is not a command's end.
    pub substitution: bool,
    /// Whether the last command of the pipeline ran in the shell itself.
    pub last_here: bool,
}

impl Shell {
    /// Makes the process's environment what the exported variables are.
    pub(super) fn sync_env(&mut self, sys: &mut Sys<'_>) {
        if self.vars.env_is_old {
            self.vars.env_is_old = false;
            sys.process_mut().env = Arc::new(self.vars.environment().into());
        }
    }

    /// Starts a subshell that runs a node. It does not get what the shell keeps for itself.
    pub(super) fn fork(
        &mut self,
        sys: &mut Sys<'_>,
        unit: &Arc<Unit>,
        node: NodeId,
        background: bool,
    ) -> Result<Pid, Errno> {
        self.sync_env(sys);
        let (acts, progress) = (std::mem::take(&mut self.acts), std::mem::take(&mut self.progress));
        let mut child = self.clone();
        (self.acts, self.progress) = (acts, progress);
        child.jobs.iter_mut().for_each(|j| j.foreign = true);
        child.tested = self.is_tested();
        child.subshells += 1;
        child.outer_loops = self.loops() > 0 || self.outer_loops;
        child.exiting = false;
        child.builtin = None;
        child.options.interactive = false;
        child.options.monitor = false;
        child.kept.clear();
        child.caught.clear();
        child.processes.clear();
        child.in_trap = false;
        if !child.traps.is_empty() {
            let kept = |name: &str, text: &str| {
                text.is_empty() || name == "DEBUG" && child.options.functrace || name == "ERR" && child.options.errtrace
            };
            child.traps =
                Arc::new(child.traps.iter().filter(|(n, t)| kept(n, t)).map(|(n, t)| (n.clone(), t.clone())).collect());
        }
        let act = Act { kind: Kind::Child, unit: unit.clone(), frames: vec![Frame::Run(node)] };
        child.acts.push(act);
        let pid = self.spawn(sys, Program::Shell(Box::new(child)))?;
        if background && !self.options.monitor {
            let _ = sys.as_child(pid, |sys| {
                for signal in [Signal::INT, Signal::QUIT] {
                    sys.set_disposition(signal, Some(Disposition::Ignore));
                }
                let null = sys.open("/dev/null", OpenOptions::READ)?;
                sys.dup2(null, 0)?;
                if null != 0 { sys.close(null) } else { Ok(()) }
            });
        }
        Ok(pid)
    }

    /// Starts a child: descriptors that are the shell's own are closed in it, signals that it traps reset.
    pub(super) fn spawn(&mut self, sys: &mut Sys<'_>, program: Program) -> Result<Pid, Errno> {
        let pid = match sys.fork(program) {
            Ok(pid) => pid,
            Err(fault) => {
                let text = match self.flavor {
                    Flavor::Bash => format!("fork: {}", sys.text(fault)),
                    Flavor::Dash => "Cannot fork".to_string(),
                    Flavor::Ash => "can't fork: ".to_string() + sys.text(fault),
                };
                self.complain(sys, text);
                return Err(fault);
            }
        };
        let (kept, interactive) = (&self.kept, self.options.interactive);
        let _ = sys.as_child(pid, |sys| {
            for fd in kept {
                let _ = sys.close(*fd);
            }
            let caught: Vec<Signal> =
                sys.process().dispositions.iter().filter(|(_, d)| **d == Disposition::Catch).map(|(s, _)| *s).collect();
            for signal in caught {
                sys.set_disposition(signal, None);
            }
            if interactive {
                for signal in [Signal::TERM, Signal::QUIT] {
                    sys.set_disposition(signal, None);
                }
            }
            Ok(())
        });
        Ok(pid)
    }

    /// `( ... )`
    pub(super) fn subshell(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, node: NodeId) -> Flow {
        match self.fork(sys, unit, node, false) {
            Ok(pid) => self.foreground(pid, String::new()),
            Err(_) => self.cannot_fork(sys),
        }
    }

    pub(super) fn cannot_fork(&mut self, sys: &mut Sys<'_>) -> Flow {
        self.exit(sys, if self.bash() { 254 } else { 2 })
    }

    /// Waits for a child.
    pub(super) fn foreground(&mut self, pid: Pid, text: String) -> Flow {
        let children = vec![(pid, None)];
        self.push(Frame::Wait(Waiting { children, text, substitution: false, last_here: false }));
        Flow::Yield
    }

    pub(super) fn pipeline(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, id: NodeId) -> Flow {
        let Node::Pipeline { commands, negate, timed, text } = unit.node(id) else { return Flow::Go };
        if let Some(posix) = timed {
            self.push(Frame::Time { since: sys.now(), cpu: sys.process().cpu, posix: *posix });
        }
        if *negate {
            self.push(Frame::Negate);
        }
        if let [only] = commands.as_slice() {
            self.push(Frame::Run(*only));
            return Flow::Go;
        }
        let mut children = Vec::new();
        let mut input: Option<Fd> = None;
        // `lastpipe`: the last one runs in the shell itself.
        let here = self.shopt("lastpipe") && !self.options.monitor;
        for (at, node) in commands.iter().enumerate() {
            if here && at + 1 == commands.len() {
                let mut saved = super::redirect::Saved::default();
                if let Some(fd) = input.take() {
                    self.cover(sys, 0, &mut saved);
                    let _ = sys.dup2(fd, 0);
                    let _ = sys.close(fd);
                }
                let waiting = Waiting { children, text: text.clone(), substitution: false, last_here: true };
                self.push(Frame::Wait(waiting));
                self.push(Frame::Restore(saved));
                self.push(Frame::Run(*node));
                return Flow::Yield;
            }
            let pipe = (at + 1 < commands.len()).then(|| sys.pipe());
            let Ok(pid) = self.fork(sys, unit, *node, false) else { return self.cannot_fork(sys) };
            let _ = sys.as_child(pid, |sys| {
                if let Some(fd) = input {
                    sys.dup2(fd, 0)?;
                    sys.close(fd)?;
                }
                if let Some((out, inn)) = pipe {
                    sys.dup2(inn, 1)?;
                    sys.close(inn)?;
                    sys.close(out)?;
                }
                Ok(())
            });
            if let Some(fd) = input.take() {
                let _ = sys.close(fd);
            }
            if let Some((out, inn)) = pipe {
                let _ = sys.close(inn);
                // The reading end must not be one of the standard streams that a later child replaces.
                input = Some(out);
            }
            children.push((pid, None));
        }
        self.push(Frame::Wait(Waiting { children, text: text.clone(), substitution: false, last_here: false }));
        Flow::Yield
    }

    pub(super) fn background(&mut self, sys: &mut Sys<'_>, unit: &Arc<Unit>, node: NodeId, text: &str) -> Flow {
        let Ok(pid) = self.fork(sys, unit, node, true) else { return self.cannot_fork(sys) };
        self.reap(sys);
        let ended = self.jobs.iter().filter(|j| j.status.is_some()).count();
        if ended > MAX_ENDED
            && let Some(at) = self.jobs.iter().position(|j| j.status.is_some())
        {
            self.jobs.remove(at);
        }
        if !self.options.interactive && self.bash() {
            // Nobody will be told of those; their status is kept until it is asked for.
            self.jobs.iter_mut().filter(|j| j.status.is_some()).for_each(|j| j.told = true);
        }
        let number =
            self.jobs.iter().filter(|j| !(j.told && j.status.is_some())).map(|j| j.number).max().unwrap_or(0) + 1;
        // Only with job control do the small shells keep what a job runs.
        let text = if self.bash() || self.options.monitor { text } else { "" };
        self.jobs.push(Job {
            number,
            pid,
            text: text.to_string(),
            status: None,
            told: false,
            stopped: false,
            foreign: false,
        });
        self.last_background = Some(pid);
        if self.options.interactive && self.bash() {
            sys.err(format!("[{number}] {pid}\n"));
        }
        self.status = 0;
        Flow::Yield
    }

    /// Takes children that have ended off the kernel's table.
    pub(super) fn reap(&mut self, sys: &mut Sys<'_>) -> bool {
        loop {
            match sys.wait_child(None) {
                Ok(Some((pid, status))) => {
                    if let Some(job) = self.jobs.iter_mut().find(|j| j.pid == pid && j.status.is_none()) {
                        job.status = Some(status);
                    } else {
                        self.ended.push((pid, status));
                        if self.ended.len() > MAX_ENDED {
                            self.ended.remove(0);
                        }
                    }
                }
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    pub(super) fn wait_foreground(&mut self, sys: &mut Sys<'_>, mut waiting: Waiting) -> Flow {
        let any = self.reap(sys);
        for (pid, status) in waiting.children.iter_mut().filter(|c| c.1.is_none()) {
            if let Some(at) = self.ended.iter().position(|e| e.0 == *pid) {
                *status = Some(self.ended.remove(at).1);
            } else if let Some(job) = self.jobs.iter_mut().find(|j| j.pid == *pid && !j.foreign) {
                *status = job.status;
            } else if !any {
                *status = Some(Status::Code(127));
            }
        }
        if waiting.children.iter().any(|c| c.1.is_none()) {
            self.push(Frame::Wait(waiting));
            return Flow::Turn(Turn::Wait(Wait::child()));
        }
        let mut codes: Vec<u8> = waiting.children.iter().map(|c| c.1.map_or(127, |s| s.code() as u8)).collect();
        if waiting.last_here {
            codes.push(self.status);
        }
        let mut status = codes.last().copied().unwrap_or(0);
        if self.options.pipefail {
            status = codes.iter().rev().copied().find(|c| *c != 0).unwrap_or(0);
        }
        self.status = status;
        if waiting.substitution {
            self.progress.status = Some(status);
            return Flow::Go;
        }
        self.pipe_status = Arc::new(codes);
        self.tell_deaths(sys, &waiting);
        self.finished(sys)
    }

    /// Says that the foreground command was killed.
    fn tell_deaths(&mut self, sys: &mut Sys<'_>, waiting: &Waiting) {
        let Some((pid, Some(Status::Killed(signal)))) = waiting.children.last().copied() else { return };
        if matches!(signal.name(), "INT" | "PIPE") {
            if signal.name() == "INT" && !self.bash() || self.options.interactive {
                sys.err("\n");
            }
            return;
        }
        let what = self.describe(signal);
        if !self.bash() || self.options.interactive || signal == Signal::TERM {
            sys.err(format!("{what}\n"));
        } else {
            let text = &waiting.text;
            let by = self.prefix();
            sys.err(format!("{by}{pid:5} {what:<23} {text}\n"));
        }
    }

    /// Tells of jobs that have ended, before a prompt.
    pub(super) fn notify_jobs(&mut self, sys: &mut Sys<'_>) {
        self.reap(sys);
        let last = self.jobs.last().map(|j| j.number);
        let mut lines = String::new();
        for job in self.jobs.iter_mut().filter(|j| j.status.is_some() && !j.told) {
            job.told = true;
            let sign = if Some(job.number) == last { '+' } else { '-' };
            lines.push_str(&job_line(self.flavor, job, sign, false));
        }
        self.jobs.retain(|j| !(j.status.is_some() && j.told));
        sys.err(lines);
    }

    pub(super) fn report_time(&mut self, sys: &mut Sys<'_>, since: Time, cpu: u64, posix: bool) {
        let real = (sys.now() - since).0.max(0);
        let user = sys.process().cpu.saturating_sub(cpu) as i64;
        let show = |millis: i64| {
            if posix {
                format!("{}.{:02}", millis / 1000, millis % 1000 / 10)
            } else {
                format!("{}m{}.{:03}s", millis / 60_000, millis / 1000 % 60, millis % 1000)
            }
        };
        if let Some(format) = self.vars.get("TIMEFORMAT").filter(|_| !posix).map(str::to_string) {
            let plain = |millis: i64| format!("{}.{:03}", millis / 1000, millis % 1000);
            let mut text = format.replace("%%", "\u{1}");
            for (letter, millis) in [('R', real), ('U', user), ('S', 0)] {
                text = text.replace(&format!("%l{letter}"), &show(millis));
                for digits in 0..=3usize {
                    let cut = plain(millis);
                    let cut = &cut[..cut.len() - (3 - digits) - usize::from(digits == 0)];
                    text = text.replace(&format!("%{digits}{letter}"), cut);
                }
                text = text.replace(&format!("%{letter}"), &plain(millis));
            }
            text = text.replace("%P", "0.00").replace('\u{1}', "%");
            if !format.is_empty() {
                sys.err(format!("{text}\n"));
            }
            return;
        }
        let blank = if posix { "" } else { "\n" };
        let tab = if posix { ' ' } else { '\t' };
        sys.err(format!("{blank}real{tab}{}\nuser{tab}{}\nsys{tab}{}\n", show(real), show(user), show(0)));
    }

    /// The job that `%1`, `%%`, `%-` or `%text` names.
    pub(super) fn job_of(&self, spec: &str) -> Option<usize> {
        let live = |j: &Job| !(j.told && j.status.is_some());
        let text = spec.strip_prefix('%')?;
        match text {
            "" | "%" | "+" => self.jobs.iter().rposition(live),
            "-" => {
                let last = self.jobs.iter().rposition(live)?;
                self.jobs[..last].iter().rposition(live).or(Some(last))
            }
            text => match text.parse::<u32>() {
                Ok(number) => self.jobs.iter().position(|j| j.number == number && live(j)),
                Err(_) => match text.strip_prefix('?') {
                    Some(part) => self.jobs.iter().position(|j| j.text.contains(part)),
                    None => self.jobs.iter().position(|j| j.text.starts_with(text)),
                },
            },
        }
    }
}

/// A line of `jobs`.
pub(super) fn job_line(flavor: Flavor, job: &Job, sign: char, long: bool) -> String {
    let state = match job.status {
        None if job.stopped => "Stopped".to_string(),
        None => "Running".to_string(),
        Some(Status::Code(0)) => "Done".to_string(),
        Some(Status::Code(code)) if flavor == Flavor::Bash => format!("Exit {code}"),
        Some(Status::Code(code)) => format!("Done({code})"),
        Some(Status::Killed(signal)) => match signal.name() {
            "KILL" => "Killed".into(),
            "TERM" => "Terminated".into(),
            "HUP" => "Hangup".into(),
            "INT" => "Interrupt".into(),
            other => other.to_string(),
        },
    };
    let amp = if job.status.is_none() && flavor == Flavor::Bash { " &" } else { "" };
    let pid = if long && flavor != Flavor::Bash {
        format!("{} ", job.pid)
    } else if long {
        format!("{:5} ", job.pid)
    } else {
        String::new()
    };
    match flavor {
        Flavor::Bash => format!("[{}]{sign}  {pid}{state:<24}{}{amp}\n", job.number, job.text),
        Flavor::Dash => format!("{:<33}{}\n", format!("[{}] {sign} {pid}{state}", job.number), job.text),
        Flavor::Ash => format!("{:<33}{}\n", format!("[{}]{sign}  {pid}{state}", job.number), job.text),
    }
}
