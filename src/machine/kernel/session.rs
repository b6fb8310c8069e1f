//! Sessions from outside: what `exec` and `attach` type and read.

use super::files::{On, Session};
use super::process::{Pid, State, Status};
use super::signal::Signal;
use super::{Disks, Sandbox};

impl Sandbox {
    /// Types into a session; with `end` nothing more will come.
    pub fn type_into(&mut self, session: u32, bytes: &[u8], end: bool) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.stdin.extend(bytes);
            session.stdin_open &= !end;
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
