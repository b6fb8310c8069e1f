//! System calls on processes: children, signals.

use crate::machine::errno::Errno;

use crate::machine::kernel::process::{Disposition, Pid, Process, State, Status};
use crate::machine::kernel::program::{Fd, Program};
use crate::machine::kernel::signal::Signal;

use super::Sys;

impl Sys<'_> {
    /// Starts a child that runs `program` with this process's files, environment and folder. Its local number.
    ///
    /// # Errors
    /// `EAGAIN` where the container has too many processes.
    pub fn fork(&mut self, program: Program) -> Result<Pid, Errno> {
        self.sandbox.fork(self.pid, program)
    }

    pub(super) fn global(&self, local: Pid) -> Option<Pid> {
        self.sandbox.processes.iter().find(|(_, p)| p.local == local && self.sees(p)).map(|(pid, _)| *pid)
    }

    /// Another process of the container by its local number.
    pub fn process_of(&mut self, local: Pid) -> Option<&mut Process> {
        let pid = self.global(local)?;
        self.sandbox.processes.get_mut(&pid)
    }

    /// Makes `to` in a child another name of the child's `from`, as `dup2` between fork and exec.
    ///
    /// # Errors
    /// `EBADF`, `ESRCH`.
    pub fn child_dup2(&mut self, child: Pid, from: Fd, to: Fd) -> Result<(), Errno> {
        self.as_child(child, |sys| sys.dup2(from, to))
    }

    /// Closes a descriptor in a child.
    ///
    /// # Errors
    /// `EBADF`, `ESRCH`.
    pub fn child_close(&mut self, child: Pid, fd: Fd) -> Result<(), Errno> {
        self.as_child(child, |sys| sys.close(fd))
    }

    /// Makes system calls as a child that has not been stepped yet, as between fork and exec.
    ///
    /// # Errors
    /// `ESRCH` where there is no such process, or what the calls return.
    pub fn as_child<T>(
        &mut self,
        child: Pid,
        calls: impl FnOnce(&mut Sys<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let pid = self.global(child).ok_or(Errno::NoProcess)?;
        calls(&mut Sys { sandbox: self.sandbox, disks: self.disks, outside: self.outside, pid })
    }

    /// Takes a child that has ended off the table: that one, or with none any. None where none has ended yet.
    ///
    /// # Errors
    /// `ECHILD` where there is no such child.
    pub fn wait_child(&mut self, which: Option<Pid>) -> Result<Option<(Pid, Status)>, Errno> {
        let mine = |p: &&Process| p.parent == self.pid && which.is_none_or(|w| w == p.local);
        let mut any = false;
        let mut ended = None;
        for (pid, process) in self.sandbox.processes.iter().filter(|(_, p)| mine(p)) {
            any = true;
            if let State::Zombie(status) = process.state {
                ended = Some((*pid, process.local, status));
                break;
            }
        }
        match ended {
            Some((pid, local, status)) => {
                self.sandbox.processes.remove(&pid);
                Ok(Some((local, status)))
            }
            None if any => Ok(None),
            None => Err(Errno::Child),
        }
    }

    /// Sends a signal to a process of the container by its local number; to a group with a negative one.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`. With no signal only that is checked.
    pub fn kill(&mut self, local: i64, signal: Option<Signal>) -> Result<(), Errno> {
        let me = (self.process().uid, self.pid);
        let group = if local == 0 { self.process().group } else { 0 };
        let wanted = |pid: Pid, p: &Process| match local {
            0 => p.group == group,
            -1 => p.local != 1 && pid != me.1,
            n if n < 0 => self.sandbox.processes.get(&p.group).is_some_and(|g| i64::from(g.local) == -n),
            n => i64::from(p.local) == n,
        };
        let all = self.sandbox.processes.iter().filter(|(pid, p)| self.sees(p) && wanted(**pid, p));
        let targets: Vec<(Pid, u32)> = all.map(|(pid, p)| (*pid, p.uid)).collect();
        if targets.is_empty() {
            return Err(Errno::NoProcess);
        }
        let allowed: Vec<Pid> = targets.iter().filter(|t| me.0 == 0 || me.0 == t.1).map(|t| t.0).collect();
        if allowed.is_empty() {
            return Err(Errno::Perm);
        }
        for pid in allowed {
            if let Some(signal) = signal {
                self.sandbox.deliver(pid, signal, self.disks, false);
            }
        }
        Ok(())
    }

    pub(super) fn signal_self(&mut self, signal: Signal) {
        self.sandbox.deliver(self.pid, signal, self.disks, false);
    }

    /// Whether a signal has ended the process while it was stepped: it returns then.
    pub fn is_dead(&self) -> bool {
        matches!(self.process().state, State::Zombie(_))
    }

    /// Ignores a signal, catches it, or (with none) leaves it to the default.
    pub fn set_disposition(&mut self, signal: Signal, to: Option<Disposition>) {
        let dispositions = &mut self.process_mut().dispositions;
        match to {
            Some(to) => dispositions.insert(signal, to),
            None => dispositions.remove(&signal),
        };
    }

    /// A signal that was caught and not looked at yet.
    pub fn take_signal(&mut self) -> Option<Signal> {
        self.process_mut().caught.pop_first()
    }
}
