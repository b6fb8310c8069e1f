//! Leaving what runs: the ends of commands, failures that end more than one, `exit`, `break`, signals.

use std::sync::Arc;

use super::Shell;
use super::vm::{Act, Flow, Frame, Kind};
use super::words::{Progress, Stop};
use crate::machine::kernel::{Signal, Status, Sys, Turn};

impl Shell {
    /// Puts a frame back that must wait for a command substitution, or gives the command up.
    pub(super) fn interrupted(&mut self, sys: &mut Sys<'_>, stop: Stop, frame: Frame) -> Flow {
        match stop {
            Stop::Subst(unit) => {
                self.push(frame);
                self.substitute(sys, &unit)
            }
            other => self.stopped(sys, other),
        }
    }

    /// An expansion failed.
    pub(super) fn stopped(&mut self, sys: &mut Sys<'_>, stop: Stop) -> Flow {
        self.progress = Progress::default();
        self.builtin = None;
        let (code, exits) = match stop {
            Stop::Exit(code) => (code, true),
            Stop::Discard(code) => (code, false),
            Stop::Subst(_) => (1, true),
        };
        self.status = code;
        if self.options.interactive {
            self.give_up(sys);
            return Flow::Go;
        }
        let in_child = matches!(self.acts.first().map(|a| &a.kind), Some(Kind::Child));
        if exits || in_child || self.from_c {
            return self.exit(sys, code);
        }
        self.give_up(sys);
        Flow::Go
    }

    /// Gives up all but the main script.
    pub(super) fn give_up(&mut self, sys: &mut Sys<'_>) {
        while self.acts.len() > 1 {
            self.leave(sys);
        }
        self.unwind(sys, 0);
    }

    /// Takes frames off the act on top until `left` are left, undoing what is to be undone.
    pub(super) fn unwind(&mut self, sys: &mut Sys<'_>, left: usize) {
        loop {
            let Some(act) = self.acts.last_mut() else { return };
            if act.frames.len() <= left {
                return;
            }
            match act.frames.pop() {
                Some(Frame::Restore(saved)) => self.undo(sys, saved),
                Some(Frame::Temporary(vars)) => {
                    for (name, var) in vars.into_iter().rev() {
                        self.vars.restore(&name, var);
                    }
                }
                Some(Frame::Collect { fd, .. }) => {
                    let _ = sys.close(fd);
                }
                _ => {}
            }
        }
    }

    /// Ends the act on top before its time.
    pub(super) fn leave(&mut self, sys: &mut Sys<'_>) {
        self.unwind(sys, 0);
        if let Some(act) = self.acts.pop() {
            self.after(sys, act);
        }
    }

    /// Puts back what an act covered.
    pub(super) fn after(&mut self, sys: &mut Sys<'_>, act: Act) {
        match act.kind {
            Kind::Function { args, locals, getopts, options } => {
                self.args = args;
                self.getopts = getopts;
                if self.return_trap as usize == self.calls.len() {
                    self.return_trap = u32::MAX;
                }
                if let Some(options) = options {
                    self.options = *options;
                }
                for (name, var) in locals.into_iter().rev() {
                    self.vars.restore(&name, var);
                }
                if let Some(call) = Arc::make_mut(&mut self.calls).pop() {
                    self.line = call.line;
                }
            }
            Kind::Source(source) => self.source_ended(sys, &source),
            Kind::Child => {}
        }
    }

    /// The act on top has no frame left.
    pub(super) fn act_ended(&mut self, sys: &mut Sys<'_>) -> Flow {
        match self.acts.last_mut().map(|a| &mut a.kind) {
            Some(Kind::Source(_)) => self.next_command(sys),
            Some(Kind::Function { .. })
                if self.traps.contains_key("RETURN")
                    && !self.in_trap
                    && (self.options.functrace || self.return_trap as usize == self.calls.len()) =>
            {
                // The trap sees what the function sees.
                if !self.run_named_trap("RETURN") {
                    self.leave(sys);
                    return Flow::Go;
                }
                let at = self.acts.len().saturating_sub(2);
                if let Some(act) = self.acts.get_mut(at) {
                    act.frames.push(Frame::Leave);
                }
                Flow::Go
            }
            _ => {
                self.leave(sys);
                Flow::Go
            }
        }
    }

    /// Nothing is left to do: the exit trap, then the end.
    pub(super) fn at_end(&mut self) -> Flow {
        if !self.exiting {
            self.exiting = true;
            self.exit_status = Some(self.status);
            if let Some(text) = self.traps.get("EXIT").cloned()
                && !text.is_empty()
            {
                self.start_trap(&text, super::source::What::ExitTrap);
                return Flow::Go;
            }
        }
        Flow::Turn(Turn::Exit(Status::Code(self.status)))
    }

    /// `exit`
    pub(super) fn exit(&mut self, sys: &mut Sys<'_>, code: u8) -> Flow {
        while !self.acts.is_empty() {
            self.leave(sys);
        }
        self.progress = Progress::default();
        self.builtin = None;
        self.status = code;
        Flow::Go
    }

    /// Whether a failure is the answer to a question, so that `set -e` and the trap of `ERR` do not count it.
    pub(super) fn is_tested(&self) -> bool {
        self.tested
            || self.acts.iter().flat_map(|a| &a.frames).any(|f| {
                matches!(f, Frame::If(..) | Frame::AndOr(..) | Frame::Negate | Frame::While { testing: true, .. })
            })
    }

    /// A command has ended: its failure may end the shell.
    pub(super) fn finished(&mut self, sys: &mut Sys<'_>) -> Flow {
        if self.status == 0 {
            return Flow::Go;
        }
        let errexit = self.options.errexit;
        let trapped = self.traps.contains_key("ERR") && !self.in_trap;
        if !errexit && !trapped || self.is_tested() {
            return Flow::Go;
        }
        let inside = self.calls.iter().any(|c| c.is_function);
        if trapped && (!inside || self.options.errtrace) {
            if errexit {
                self.push(Frame::ErrExit);
            }
            self.in_trap = true;
            if self.run_named_trap("ERR") {
                return Flow::Go;
            }
            self.in_trap = false;
        }
        if errexit {
            let code = self.status;
            return self.exit(sys, code);
        }
        Flow::Go
    }

    /// A signal came that the shell catches. What it does at once is handed back.
    pub(super) fn signalled(&mut self, sys: &mut Sys<'_>, signal: Signal) -> Option<Flow> {
        if self.traps.contains_key(signal.name()) {
            if !self.caught.contains(&signal) {
                self.caught.push(signal);
            }
            return None;
        }
        if self.options.interactive {
            if signal == Signal::INT {
                sys.err("\n");
                self.status = 130;
                self.give_up(sys);
                return Some(Flow::Go);
            }
            return None;
        }
        // Caught only so that the exit trap can run.
        let code = (128 + signal.number()) as u8;
        self.exit(sys, code);
        Some(Flow::Go)
    }

    /// Whether this is the last command that the process runs, so that it can become it.
    pub(super) fn is_last(&self) -> bool {
        let [act] = self.acts.as_slice() else { return false };
        let ended = match &act.kind {
            Kind::Child => true,
            Kind::Source(source) => source.is_last(),
            Kind::Function { .. } => false,
        };
        ended
            && act.frames.is_empty()
            && !self.options.interactive
            && self.processes.is_empty()
            && !self.traps.iter().any(|(name, text)| !text.is_empty() && name != "DEBUG")
    }

    /// Whether one of the loops around belongs to this process.
    pub(super) fn loops(&self) -> usize {
        let mut count = 0;
        for act in self.acts.iter().rev() {
            count += act.frames.iter().filter(|f| f.is_loop()).count();
            if matches!(act.kind, Kind::Function { .. }) {
                break;
            }
        }
        count
    }

    /// `break` (with `stop`) and `continue`.
    pub(super) fn jump(&mut self, sys: &mut Sys<'_>, levels: usize, stop: bool) {
        let mut levels = levels.min(self.loops());
        while levels > 0 {
            let Some(act) = self.acts.last() else { return };
            let Some(at) = act.frames.iter().rposition(Frame::is_loop) else {
                self.leave(sys);
                continue;
            };
            levels -= 1;
            let keep = levels == 0 && !stop;
            self.unwind(sys, at + usize::from(keep));
            if keep && let Some(Frame::While { testing, .. }) = self.acts.last_mut().and_then(|a| a.frames.last_mut()) {
                *testing = false;
            }
        }
        self.status = 0;
    }

    /// The flavor's words for a signal that killed a child.
    pub(super) fn describe(&self, signal: Signal) -> String {
        let text = match signal.name() {
            "HUP" => "Hangup",
            "QUIT" => "Quit",
            "ILL" => "Illegal instruction",
            "TRAP" => "Trace/breakpoint trap",
            "ABRT" => "Aborted",
            "BUS" => "Bus error",
            "FPE" => "Floating point exception",
            "KILL" => "Killed",
            "USR1" => "User defined signal 1",
            "SEGV" => "Segmentation fault",
            "USR2" => "User defined signal 2",
            "PIPE" => "Broken pipe",
            "ALRM" => "Alarm clock",
            "TERM" => "Terminated",
            "INT" => "Interrupt",
            other => other,
        };
        text.to_string()
    }
}
