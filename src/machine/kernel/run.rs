//! Stepping processes on virtual time.

use crate::api::Time;
use crate::machine::disk::{DiskId, Ino};
use crate::machine::errno::Errno;
use crate::machine::net::Outside;

use super::files::{FileId, MAX_UNFETCHED, On, PIPE_CAPACITY, PipeId};
use super::log::Log;
use super::process::{Disposition, Pid, Process, State, Status};
use super::program::{Program, Turn, Wait};
use super::signal::Signal;
use super::{Disks, Ended, Sandbox, Sys};

/// What else a loop takes for a process that it starts, in steps.
const FORKING: u32 = 8;

/// How much memory subshells may hold with their parents, in bytes.
const MAX_COPIED: u64 = 512 << 20;

/// How many processes a container may have; mirrors a node's `pid_max` shared out.
const MAX_PROCESSES: usize = 1024;

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// When the sandbox wants to run again; none for never, unless something comes from outside.
    pub next: Option<Time>,
    /// Whether a container or a process of a session has ended: the kubelet wants to know at this time.
    pub ended: bool,
}

pub(super) fn run(sandbox: &mut Sandbox, disks: &mut Disks, outside: &mut dyn Outside, horizon: Time) -> Ran {
    let ran = run_until(sandbox, disks, outside, horizon);
    sandbox.keep_logs(disks);
    ran
}

fn run_until(sandbox: &mut Sandbox, disks: &mut Disks, outside: &mut dyn Outside, horizon: Time) -> Ran {
    let ended_before = sandbox.ends;
    sandbox.check_pressed(disks);
    if sandbox.ends != ended_before {
        sandbox.sweep();
        return Ran { next: Some(sandbox.now), ended: true };
    }
    sandbox.tell_closed(disks, outside);
    loop {
        sandbox.send_unsent(disks);
        sandbox.sweep();
        if let Some(pid) = sandbox.next_ready() {
            sandbox.rested();
            sandbox.last = pid;
            run_slice(sandbox, disks, outside, pid);
            sandbox.tell_closed(disks, outside);
            sandbox.check_memory(pid, disks);
            sandbox.sweep();
            if sandbox.logs.values().any(Log::is_long) {
                sandbox.keep_logs(disks);
            }
            if sandbox.ends != ended_before {
                return Ran { next: Some(sandbox.now), ended: true };
            }
            if sandbox.now > horizon {
                return Ran { next: Some(sandbox.now), ended: false };
            }
            continue;
        }
        sandbox.idle();
        match sandbox.next_timer() {
            Some(timer) if timer <= horizon => sandbox.sleep_until(timer),
            next => return Ran { next, ended: false },
        }
    }
}

fn run_slice(sandbox: &mut Sandbox, disks: &mut Disks, outside: &mut dyn Outside, pid: Pid) {
    sandbox.stop_spinning(pid);
    sandbox.rest(pid);
    let memory = sandbox.processes.get(&pid).map_or(0, |p| p.memory);
    for _ in 0..sandbox.slice_of(pid) {
        if sandbox.processes.get(&pid).is_none_or(|p| p.busy_until > sandbox.now) {
            return;
        }
        let Some(process) = sandbox.processes.get_mut(&pid) else { return };
        process.state = State::Ready;
        let Some(mut program) = process.program.take() else { return };
        let turn = program.step(&mut Sys::new(sandbox, disks, outside, pid));
        sandbox.account(pid);
        let Some(process) = sandbox.processes.get_mut(&pid) else { return };
        match process.state {
            State::Zombie(_) => return,
            // It stopped itself: it goes on later with what it wanted.
            State::Stopped if !matches!(turn, Turn::Exit(_)) => {
                process.program = Some(match turn {
                    Turn::Exec(args) => {
                        process.args.clone_from(&args);
                        Program::Command(args)
                    }
                    _ => program,
                });
                return;
            }
            _ => {}
        }
        match turn {
            Turn::Again => process.program = Some(program),
            Turn::Wait(wait) => {
                process.program = Some(program);
                if process.caught.is_empty() {
                    process.state = State::Waits(wait);
                    return;
                }
            }
            Turn::Exec(args) => {
                process.args.clone_from(&args);
                process.dispositions.retain(|_, d| *d == Disposition::Ignore);
                process.program = Some(Program::Command(args));
            }
            Turn::Exit(status) => {
                // What is still on its way into a full pipe goes first.
                if process.unsent.is_empty() {
                    sandbox.exit(pid, status, disks);
                } else {
                    process.exiting = Some(status);
                }
                return;
            }
        }
        // What it holds now may be too much.
        if !process.unsent.is_empty() || process.memory > memory {
            return;
        }
    }
}

impl Sandbox {
    /// Moves what processes could not write into full pipes on, as far as there is room.
    fn send_unsent(&mut self, disks: &mut Disks) {
        let waiting: Vec<Pid> =
            self.processes.iter().filter(|(_, p)| !p.unsent.is_empty()).map(|(pid, _)| *pid).collect();
        for pid in waiting {
            let Some(process) = self.processes.get_mut(&pid) else { continue };
            let mut rest = Vec::new();
            let mut broken = false;
            for (id, bytes) in std::mem::take(&mut process.unsent) {
                let pipe = match self.files.get(&id).map(|f| &f.on) {
                    Some(On::PipeIn(pipe)) => self.pipes.get_mut(pipe),
                    _ => None,
                };
                match pipe {
                    Some(pipe) if !pipe.is_broken() => {
                        let room = PIPE_CAPACITY.saturating_sub(pipe.bytes.len()).min(bytes.len());
                        let room = if pipe.readers == 0 { 0 } else { room };
                        pipe.bytes.extend(&bytes[..room]);
                        if room < bytes.len() {
                            rest.push((id, bytes[room..].to_vec()));
                        }
                    }
                    _ => broken = true,
                }
            }
            process.unsent = rest;
            let exiting = process.exiting;
            if broken {
                self.deliver(pid, Signal::PIPE, disks, false);
            }
            let done = self.processes.get(&pid).is_some_and(|p| p.unsent.is_empty());
            if let (Some(status), true) = (exiting, done) {
                self.exit(pid, status, disks);
            }
        }
    }

    pub(super) fn fork(&mut self, parent: Pid, program: Program) -> Result<Pid, Errno> {
        let of = self.processes.get(&parent).ok_or(Errno::NoProcess)?;
        if matches!(of.state, State::Zombie(_)) {
            return Err(Errno::Again);
        }
        let name = of.container.clone();
        if self.processes.values().filter(|p| p.container == name).count() >= MAX_PROCESSES {
            return Err(Errno::Again);
        }
        if !self.containers.contains_key(&name) {
            return Err(Errno::NoProcess);
        }
        // A subshell is a copy of its parent; what becomes another program is not.
        let copied = if matches!(program, Program::Shell(_)) { of.memory } else { 0 };
        if copied > 0 && copied + self.processes.values().map(|p| p.memory).sum::<u64>() > MAX_COPIED {
            return Err(Errno::NoMem);
        }
        let mut child = of.clone();
        let local = self.next_local(&name);
        let pid = self.next_pid;
        self.next_pid += 1;
        if let Program::Command(args) | Program::Found(_, args) = &program {
            child.args.clone_from(args);
        }
        (child.parent, child.local, child.started) = (parent, local, self.now);
        (child.cpu, child.state, child.program, child.busy_until) = (0, State::Ready, Some(program), Time::default());
        child.unsent.clear();
        child.caught.clear();
        (child.exiting, child.from_outside, child.memory, child.spins) = (None, false, copied, None);
        self.count_work(parent, FORKING);
        if let Some(Program::Command(args) | Program::Found(_, args)) = &child.program {
            // Handlers do not outlive what becomes another program.
            child.args.clone_from(args);
            child.dispositions.retain(|_, d| *d == Disposition::Ignore);
        }
        for id in child.fds.values() {
            if let Some(file) = self.files.get_mut(id) {
                file.count += 1;
            }
        }
        self.processes.insert(pid, child);
        self.count_fork(&name);
        Ok(local)
    }

    /// Ends a process: its files are closed, its children are orphans, its parent may ask.
    pub(super) fn exit(&mut self, pid: Pid, status: Status, disks: &mut Disks) {
        self.close_all(pid, disks);
        self.stop_spinning(pid);
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if matches!(process.state, State::Zombie(_)) {
            return;
        }
        (process.program, process.exiting, process.memory) = (None, None, 0);
        process.unsent.clear();
        process.state = State::Zombie(status);
        let (parent, name, cpu, effort) = (process.parent, process.container.clone(), process.cpu, process.effort);
        if let Some(Process { state: State::Waits(Wait { child: true, .. }), effort: waits, .. }) =
            self.processes.get_mut(&parent)
        {
            // Who waited for somebody that rested has rested, too.
            *waits = effort.min(*waits);
        }
        self.listeners.retain(|_, by| *by != pid);
        self.drop_accepted(pid);
        let orphans: Vec<Pid> = self.processes.iter().filter(|(_, p)| p.parent == pid).map(|(pid, _)| *pid).collect();
        for orphan in orphans {
            let Some(process) = self.processes.get_mut(&orphan) else { continue };
            process.parent = 0;
            if matches!(process.state, State::Zombie(_)) {
                self.gone.push(orphan);
            }
        }
        let Some(container) = self.containers.get_mut(&name) else { return };
        container.cpu += cpu;
        if container.first == pid && container.ended.is_none() {
            container.ended = Some(Ended { status, at: self.now, oom: container.oom });
            self.ends += 1;
            // With the first process of a PID namespace all that are in it end.
            let takes_all = self.pids_of(&name) == name;
            let others: Vec<Pid> = self
                .processes
                .iter()
                .filter(|(other, p)| {
                    **other != pid && (p.container == name || takes_all && self.pids_of(&p.container) == name)
                })
                .map(|(p, _)| *p)
                .collect();
            for other in others {
                self.exit(other, Status::Killed(Signal::KILL), disks);
            }
            self.gone.push(pid);
        } else if !self.processes.contains_key(&parent) {
            if self.processes.get(&pid).is_some_and(|p| p.from_outside) {
                self.exited.insert(pid, status);
                self.ends += 1;
            }
            self.gone.push(pid);
        } else {
            self.deliver(parent, Signal::CHLD, disks, false);
        }
    }

    /// Takes ended processes off that nobody will ask for. Not at once: one of them may be the one that is stepped.
    pub(super) fn sweep(&mut self) {
        for pid in std::mem::take(&mut self.gone) {
            self.processes.remove(&pid);
        }
    }

    /// Whether a process waits because nobody fetches what it has written to a session.
    pub(super) fn is_choked(&self, process: &super::Process) -> bool {
        if self.sessions.values().all(|s| s.unfetched() < MAX_UNFETCHED) {
            return false;
        }
        let full = |id: &FileId| match self.files.get(id).map(|f| &f.on) {
            Some(On::Session(session, 1 | 2)) => {
                self.sessions.get(session).is_some_and(|s| s.unfetched() >= MAX_UNFETCHED)
            }
            _ => false,
        };
        process.fds.values().any(full)
    }

    /// Kills a container that holds more memory than it may.
    fn check_memory(&mut self, stepped: Pid, disks: &mut Disks) {
        let Some(process) = self.processes.get(&stepped).filter(|p| p.memory > 0) else { return };
        let name = process.container.clone();
        let limit = self.containers.get(&name).and_then(|c| c.memory_limit).unwrap_or(super::sys::MEMORY << 10);
        let mine = || self.processes.iter().filter(|(_, p)| p.container == name);
        let held: u64 = mine().map(|(_, p)| p.memory).sum();
        let mounts = self.containers.get(&name).map(|c| c.mounts.clone()).unwrap_or_default();
        let in_memory: std::collections::BTreeSet<&DiskId> = mounts
            .iter()
            .filter(|m| m.fs_type == "tmpfs")
            .filter_map(|m| match &m.what {
                super::mounts::Source::Disk(disk, _) => Some(disk),
                _ => None,
            })
            .collect();
        let files: u64 = in_memory.into_iter().filter_map(|d| disks.get(d)).map(|d| d.used()).sum();
        if held.saturating_add(files) <= limit {
            return;
        }
        // As `memory.oom.group` has it, all that runs in the container goes.
        let first = self.containers.get_mut(&name).filter(|c| c.ended.is_none()).map(|container| {
            container.oom = true;
            container.first
        });
        if let Some(first) = first {
            self.exit(first, Status::Killed(Signal::KILL), disks);
        }
    }

    /// Hands a signal to a process.
    pub(super) fn deliver(&mut self, pid: Pid, signal: Signal, disks: &mut Disks, from_outside: bool) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let is_first = process.local == 1;
        if matches!(process.state, State::Zombie(_)) {
            return;
        }
        match signal {
            Signal::KILL if is_first && !from_outside => return,
            Signal::KILL => return self.exit(pid, Status::Killed(signal), disks),
            Signal::STOP if !is_first => {
                process.state = State::Stopped;
                return;
            }
            Signal::CONT if process.state == State::Stopped => process.state = State::Ready,
            _ => {}
        }
        match process.dispositions.get(&signal) {
            Some(Disposition::Ignore) => {}
            Some(Disposition::Catch) => {
                process.caught.insert(signal);
                if matches!(process.state, State::Waits(_)) {
                    process.state = State::Ready;
                }
            }
            // The kernel shields the first process of a PID namespace from signals that it does not catch.
            None if is_first || signal.is_ignored_by_default() => {}
            None => self.exit(pid, Status::Killed(signal), disks),
        }
    }

    pub(super) fn close_all(&mut self, pid: Pid, disks: &mut Disks) {
        let fds = self.processes.get_mut(&pid).map(|p| std::mem::take(&mut p.fds)).unwrap_or_default();
        for id in fds.into_values() {
            self.release(id, disks);
        }
    }

    /// Ends one descriptor's share of an open file.
    pub(super) fn release(&mut self, id: FileId, disks: &mut Disks) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.count = file.count.saturating_sub(1);
        if file.count > 0 {
            return;
        }
        let Some(file) = self.files.remove(&id) else { return };
        self.drop_locks(id);
        match &file.on {
            On::Disk(disk, ino) | On::Dir(disk, ino) => {
                if let Some(disk) = disks.all.get_mut(disk) {
                    disk.closed(*ino);
                }
            }
            On::PipeIn(_) | On::PipeOut(_) => self.count_pipe(&file.on, -1),
            On::Listener(port) => {
                self.listeners.remove(port);
            }
            On::Connection(connection) => {
                self.hung_up.extend(self.connections.remove(connection));
            }
            _ => {}
        }
    }

    pub(super) fn count_pipe(&mut self, end: &On, by: i32) {
        let (id, is_reader) = match end {
            On::PipeOut(id) => (*id, true),
            On::PipeIn(id) => (*id, false),
            _ => return,
        };
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let count = if is_reader { &mut pipe.readers } else { &mut pipe.writers };
        *count = count.saturating_add_signed(by);
        pipe.had_reader |= pipe.readers > 0;
        pipe.had_writer |= pipe.writers > 0;
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.remove(&id);
            self.named.retain(|_, pipe| *pipe != id);
        }
    }

    /// The pipe behind a named one, while somebody has it open.
    pub(super) fn named_pipe(&mut self, disk: &DiskId, ino: Ino) -> PipeId {
        let key = format!("{disk}#{ino}");
        if let Some(pipe) = self.named.get(&key) {
            return *pipe;
        }
        self.next_pipe += 1;
        self.pipes.insert(self.next_pipe, super::files::Pipe { named: true, ..Default::default() });
        self.named.insert(key, self.next_pipe);
        self.next_pipe
    }
}
