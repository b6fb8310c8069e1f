//! Sessions from outside: what `exec` and `attach` type and read.

use super::files::{On, Session};
use super::process::{Pid, State, Status};
use super::signal::Signal;
use super::{Disks, Program, Sandbox};

impl Sandbox {
    /// Types into a session; with `end` nothing more will come.
    pub fn type_into(&mut self, session: u32, bytes: &[u8], end: bool) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.stdin.extend(bytes);
            session.stdin_open &= !end;
        }
    }

    /// Attaches to a container that runs: its first process, and the session of its streams. What was typed by whom was
    /// attached before is gone; what it has printed with nobody there is heard where it has a standard input.
    pub fn attach(&mut self, container: &str) -> Option<(Pid, u32)> {
        let of = self.containers.get(container).filter(|_| self.can_attach(container))?;
        let (first, known) = (of.first, of.session);
        let id = known.unwrap_or_else(|| self.open_session(false, false));
        if let Some(container) = self.containers.get_mut(container) {
            container.session = Some(id);
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            (session.hears, session.attached) = (true, true);
        }
        Some((first, id))
    }

    /// Whether a container can be attached to: it runs, or has ended before somebody could, who waits for its output.
    pub fn can_attach(&self, container: &str) -> bool {
        let Some(of) = self.containers.get(container) else { return false };
        let unheard = |s: &Session| s.hears && !s.attached;
        of.ended.is_none() || of.session.and_then(|s| self.sessions.get(&s)).is_some_and(unheard)
    }

    /// Lets go of a container that goes on.
    pub fn detach(&mut self, session: u32) {
        if let Some(session) = self.sessions.get_mut(&session) {
            (session.hears, session.attached) = (false, false);
            session.output.clear();
        }
    }

    /// Takes what was written to a session: stream and bytes.
    pub fn take_output(&mut self, session: u32) -> Vec<(u8, Vec<u8>)> {
        self.sessions.get_mut(&session).map(|s| std::mem::take(&mut s.output)).unwrap_or_default()
    }

    /// Whether a process waits for what is typed into a session.
    pub fn wants_input(&self, session: u32) -> bool {
        let is_stdin =
            |file: &u32| matches!(self.files.get(file).map(|f| &f.on), Some(On::Session(s, 0)) if *s == session);
        let open = self.sessions.get(&session).is_some_and(|s: &Session| s.stdin.is_empty() && s.stdin_open);
        open && self.processes.values().any(|process| match &process.state {
            State::Waits(wait) => wait.input.iter().any(|fd| process.fds.get(fd).is_some_and(is_stdin)),
            _ => false,
        })
    }

    /// How a session's process ended, once: it is forgotten then, and so is the session.
    pub fn take_exit(&mut self, pid: Pid, session: u32) -> Option<Status> {
        let status = self.exited.remove(&pid)?;
        self.sessions.remove(&session);
        Some(status)
    }

    /// Interrupts what is in a session's foreground, as Ctrl-C at its terminal does: what a shell has started, or the
    /// program that is no shell. False for a shell at its prompt, which only begins a new line.
    pub fn interrupt_foreground(&mut self, pid: Pid, disks: &mut Disks) -> bool {
        let children: Vec<Pid> = self.processes.iter().filter(|(_, p)| p.parent == pid).map(|(pid, _)| *pid).collect();
        let is_shell = |p: &super::Process| matches!(p.program, Some(Program::Shell(_)));
        if children.is_empty() && self.processes.get(&pid).is_some_and(is_shell) {
            return false;
        }
        match children.is_empty() {
            true => self.interrupt(pid, Signal::INT, disks),
            false => children.into_iter().for_each(|child| self.interrupt(child, Signal::INT, disks)),
        }
        true
    }

    /// Interrupts what runs in a session, as Ctrl-C at its terminal does: its process and all that came of it.
    pub fn interrupt(&mut self, pid: Pid, signal: Signal, disks: &mut Disks) {
        let mut family = vec![pid];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            family.extend(self.processes.iter().filter(|(_, p)| p.parent == parent).map(|(pid, _)| *pid));
            at += 1;
        }
        for pid in family {
            self.deliver(pid, signal, disks, true);
        }
        self.sweep();
    }
}
