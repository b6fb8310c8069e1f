//! Sessions with what runs in containers: a command of `exec`, and the time that passes until it ends.

use super::Cluster;
use super::converge::LONG_JUMP;
use crate::api::Time;
use crate::error::ApiError;
use crate::machine::kernel::{Pid, Signal, StartError, Status};
use crate::node::node_view;

/// A session with a process in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId {
    /// The pod's uid.
    pub uid: String,
    /// The container.
    pub container: String,
    /// The process, in its pod's numbers. That of the container itself for one that was attached to.
    pub pid: Pid,
    /// Its streams.
    pub session: u32,
    /// Whether the process belongs to the session, and ends with it.
    pub owns: bool,
}

/// Why a session stopped going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Its process has ended so.
    Ended(Status),
    /// It has written something.
    Output,
    /// It waits for input.
    WantsInput,
    /// It waits, and nothing that is due by the deadline will let it go on.
    Waits,
}

impl Cluster {
    /// Starts a command in a running container.
    ///
    /// # Errors
    /// The runtime's text, where the command can't be executed.
    pub fn exec(
        &mut self,
        uid: &str,
        container: &str,
        command: Vec<String>,
        streams: (bool, bool),
    ) -> Result<SessionId, StartError> {
        let now = self.now();
        self.renew_node_view(uid);
        let started = self
            .store_mut()
            .with_sandbox(uid, now, |sandbox, disks| sandbox.exec(container, command, streams, disks, now));
        let not_running = || Err(StartError(format!("container {container} is not running")));
        let (pid, session) = started.unwrap_or_else(not_running)?;
        Ok(SessionId { uid: uid.to_string(), container: container.to_string(), pid, session, owns: true })
    }

    /// Has a pod that may ask its node's runtime know what that holds by now.
    fn renew_node_view(&mut self, uid: &str) {
        let Some(sandbox) = self.view().sandbox(uid).filter(|s| s.node_view.is_some()) else { return };
        let (node, now) = (sandbox.node.clone(), self.now());
        let view = node_view::of(&self.view(), &node);
        self.store_mut().with_sandbox(uid, now, |sandbox, _| sandbox.node_view = Some(Box::new(view)));
    }

    /// Attaches to a container that runs.
    pub fn attach(&mut self, uid: &str, container: &str) -> Option<SessionId> {
        let now = self.now();
        let (pid, session) = self.store_mut().with_sandbox(uid, now, |sandbox, _| sandbox.attach(container))??;
        Some(SessionId { uid: uid.to_string(), container: container.to_string(), pid, session, owns: false })
    }

    /// Types into a session; with `end` nothing more will come.
    pub fn type_into(&mut self, id: &SessionId, bytes: &[u8], end: bool) {
        let now = self.now();
        self.store_mut().with_sandbox(&id.uid, now, |sandbox, _| sandbox.type_into(id.session, bytes, end));
    }

    /// Takes what was written to a session.
    pub fn take_output(&mut self, id: &SessionId) -> Vec<(u8, Vec<u8>)> {
        let now = self.now();
        let output = self.store_mut().with_sandbox(&id.uid, now, |sandbox, _| sandbox.take_output(id.session));
        output.unwrap_or_default()
    }

    /// Ends a session as Ctrl-C does.
    pub fn interrupt(&mut self, id: &SessionId, signal: Signal) {
        let now = self.now();
        self.store_mut().with_sandbox(&id.uid, now, |sandbox, disks| match id.owns {
            true => sandbox.interrupt(id.pid, signal, disks),
            false => sandbox.detach(id.session),
        });
    }

    /// Interrupts what is in a session's foreground. False for a shell at its prompt.
    pub fn interrupt_foreground(&mut self, id: &SessionId) -> bool {
        let now = self.now();
        let pid = id.pid;
        let hit =
            self.store_mut().with_sandbox(&id.uid, now, |sandbox, disks| sandbox.interrupt_foreground(pid, disks));
        hit.unwrap_or(true)
    }

    /// Lets a session go on until it ends, has written something, wants input, or cannot go on by the deadline: then
    /// it stays as it is.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn go_on_with(&mut self, id: &SessionId, deadline: Time) -> Result<Pause, ApiError> {
        loop {
            let Some(sandbox) = self.store_mut().take_sandbox(&id.uid) else {
                return Ok(Pause::Ended(Status::Killed(Signal::KILL)));
            };
            let until = self.now();
            self.run_sandbox(sandbox, until);
            let Some(mut sandbox) = self.store_mut().take_sandbox(&id.uid) else {
                return Ok(Pause::Ended(Status::Killed(Signal::KILL)));
            };
            let wake = sandbox.wake();
            let has_output = sandbox.sessions.get(&id.session).is_some_and(|s| !s.output.is_empty());
            let wants_input = sandbox.wants_input(id.session);
            let ended = match id.owns {
                true if has_output => None,
                true => sandbox
                    .take_exit(id.pid, id.session)
                    .or_else(|| (!sandbox.processes.contains_key(&id.pid)).then_some(Status::Killed(Signal::KILL))),
                false => sandbox.containers.get(&id.container).and_then(|c| c.ended.as_ref()).map(|e| e.status),
            };
            self.store_mut().put_sandbox(sandbox, wake);
            match ended {
                _ if has_output => return Ok(Pause::Output),
                Some(status) => return Ok(Pause::Ended(status)),
                None if wants_input => return Ok(Pause::WantsInput),
                None => {}
            }
            if !self.pass_one(deadline)? {
                return Ok(Pause::Waits);
            }
        }
    }

    /// Lets the next thing happen that is due by a deadline, whatever it is. False where nothing is.
    ///
    /// # Errors
    /// When the file can't be written.
    fn pass_one(&mut self, deadline: Time) -> Result<bool, ApiError> {
        self.dispatch_changes();
        let wake = self.store_mut().first_wake();
        let due = self.queue.next_due(self.registry.store());
        match due.into_iter().chain(wake).min().filter(|next| *next <= deadline) {
            Some(next) => {
                let start = self.now();
                self.step(next.max(start), LONG_JUMP)?;
                self.note_jump(self.now() - start);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}
