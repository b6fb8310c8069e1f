//! Whose turn it is, for how long, and what time that takes: loops are thinned out, and let others go first.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::api::Time;

use super::files::{FileId, On, PIPE_CAPACITY};
use super::process::{Pid, Process, State};
use super::program::Wait;
use super::{Sandbox, Sys};

/// How many steps a process makes before another has its turn.
const SLICE: u32 = 64;

/// For how long a process keeps the processor at most, in ticks, where steps have become slow.
const TURN: u32 = 5_000;

/// From how many ticks a step on others do not wait for it.
const BESIDE: u32 = 500;

/// How many ticks a millisecond has.
const TICKS: u32 = 100;

/// How long a step takes at most, in ticks.
const LONGEST: u64 = 1_000_000;

/// How many steps a process makes in a row that do not count as a loop.
const PATIENCE: u32 = 5_000;

/// Beyond how many processes each step takes longer.
const CROWD: usize = 64;

/// How long a step takes, in ticks. A loop that never pauses is thinned out, so that virtual days of it cost little: its
/// container shows as using a whole processor all the same.
fn ticks_of_step(busy: u64) -> u32 {
    match busy {
        0..1_000 => 2,
        1_000..10_000 => 25,
        10_000..60_000 => 100,
        60_000..600_000 => 500,
        600_000..3_600_000 => 2_500,
        _ => 25_000,
    }
}

/// Who of the processes has children, and whether one of them has ended: looked up once for all who ask.
pub(super) struct News<'a> {
    processes: &'a BTreeMap<Pid, Process>,
    known: OnceCell<BTreeMap<Pid, bool>>,
}

impl News<'_> {
    /// Whether a process that waits for a child need not wait any more.
    fn has_come(&self, parent: Pid) -> bool {
        let ended = |p: &Process| matches!(p.state, State::Zombie(_));
        if self.processes.len() <= CROWD / 4 {
            let mut children = self.processes.values().filter(|p| p.parent == parent).peekable();
            return children.peek().is_none() || children.any(ended);
        }
        let known = self.known.get_or_init(|| {
            let mut known = BTreeMap::new();
            for process in self.processes.values() {
                *known.entry(process.parent).or_default() |= ended(process);
            }
            known
        });
        known.get(&parent).copied().unwrap_or(true)
    }
}

impl Sandbox {
    /// When it wants to go on: now where a process can be stepped, or what one wrote can be taken; else when the first
    /// timer is due.
    pub fn wake(&self) -> Option<Time> {
        let moves = |p: &Process| p.unsent.iter().any(|(id, _)| self.takes_more(*id));
        if self.next_ready().is_some() || self.processes.values().any(moves) {
            return Some(self.now);
        }
        self.next_timer()
    }

    /// Whether a pipe takes more of what was written into it, or is broken.
    pub(super) fn takes_more(&self, id: FileId) -> bool {
        match self.files.get(&id).map(|f| &f.on) {
            Some(On::PipeIn(pipe)) => {
                self.pipes.get(pipe).is_none_or(|p| p.is_broken() || p.readers > 0 && p.bytes.len() < PIPE_CAPACITY)
            }
            _ => true,
        }
    }

    /// Counts what a step does beyond its own cost, where it is one of a loop.
    pub(super) fn count_work(&mut self, pid: Pid, steps: u32) {
        if self.busy >= 1_000 && self.processes.get(&pid).is_some_and(|p| self.is_loop(p)) {
            self.extra = self.extra.saturating_add(steps);
        }
    }

    /// Nobody can go on before time has passed.
    pub(super) fn idle(&mut self) {
        if self.is_occupied() {
            return;
        }
        self.steps = 0;
        self.idle_since.get_or_insert(self.now);
    }

    /// Whether a process is busy with what a step of it stands for.
    pub(super) fn is_occupied(&self) -> bool {
        self.processes.values().any(|p| p.busy_until > self.now)
    }

    /// Somebody goes on: it all has rested as long as nobody could.
    pub(super) fn rested(&mut self) {
        let Some(since) = self.idle_since.take() else { return };
        let rested = u64::try_from((self.now - since).0).unwrap_or(0);
        self.busy = self.busy.saturating_sub(rested);
        let steps = match self.busy {
            0 => u32::MAX,
            _ => u32::try_from(rested.saturating_mul(u64::from(TICKS / 2))).unwrap_or(u32::MAX),
        };
        for process in self.processes.values_mut() {
            process.effort = process.effort.saturating_sub(steps);
        }
    }

    /// Whether a process has gone on for so long that it is taken for a loop.
    fn is_loop(&self, process: &Process) -> bool {
        // In a crowd each does little, all together much.
        process.effort > PATIENCE.checked_shr(self.processes.len() as u32 / 32).unwrap_or(0)
    }

    pub(super) fn slice_of(&self, pid: Pid) -> u32 {
        if !self.processes.get(&pid).is_some_and(|p| self.is_loop(p)) {
            return SLICE;
        }
        (TURN / ticks_of_step(self.busy)).clamp(1, SLICE)
    }

    /// A process that waited for something from outside, or for a time, has rested as long.
    pub(super) fn rest(&mut self, pid: Pid) {
        let now = self.now;
        let Some(process) = self.processes.get(&pid) else { return };
        let State::Waits(wait) = &process.state else { return };
        let is_inner = |fd| {
            let on = process.fds.get(fd).and_then(|id| self.files.get(id)).map(|f| &f.on);
            matches!(on, Some(On::PipeOut(_)) | None)
        };
        if wait.child || wait.until.is_none() && wait.input.iter().all(is_inner) {
            return;
        }
        if let Some(process) = self.processes.get_mut(&pid) {
            let rested = u32::try_from((now - process.ran).0).unwrap_or(u32::MAX);
            process.effort = process.effort.saturating_sub(rested.saturating_mul(TICKS / 2));
        }
    }

    /// Lets the time pass that a step took, and what it did beyond: in a crowd, and for a loop, all takes longer.
    pub(super) fn account(&mut self, pid: Pid) {
        let read = u32::try_from(std::mem::take(&mut self.gulped) >> 16).unwrap_or(u32::MAX >> 2);
        let weight = 1 + std::mem::take(&mut self.extra) + read;
        let crowd = 1 + self.processes.len().saturating_sub(CROWD) as u64 / 2;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.effort = process.effort.saturating_add(weight);
        let is_loop = self.processes.get(&pid).is_some_and(|p| self.is_loop(p));
        let ticks = ticks_of_step(if is_loop { self.busy } else { 0 });
        let took = (u64::from(ticks) * u64::from(weight) * crowd).min(LONGEST) + u64::from(self.steps);
        self.steps = (took % u64::from(TICKS)) as u32;
        let millis = took / u64::from(TICKS);
        // What takes long goes on beside others.
        match millis {
            0 => {}
            _ if ticks >= BESIDE => self.occupy(pid, millis),
            _ => self.spend(pid, millis),
        }
        if let Some(process) = self.processes.get_mut(&pid) {
            process.ran = self.now;
        }
    }

    /// The next process in turn. Those that go on for long let the others go first.
    pub(super) fn next_ready(&self) -> Option<Pid> {
        let news = self.news();
        let turns = self.processes.range(self.last.saturating_add(1)..).chain(self.processes.range(..=self.last));
        let mut first = None;
        for (pid, process) in turns {
            let is_loop = self.is_loop(process);
            if first.is_some() && is_loop || !self.is_ready(*pid, &news) {
                continue;
            }
            if !is_loop {
                return Some(*pid);
            }
            first = first.or(Some(*pid));
        }
        first
    }

    pub(super) fn is_ready(&self, pid: Pid, news: &News<'_>) -> bool {
        let Some(process) = self.processes.get(&pid) else { return false };
        let is_stuck = !process.unsent.is_empty() || process.exiting.is_some();
        if is_stuck || process.busy_until > self.now || self.is_choked(process) {
            return false;
        }
        match &process.state {
            State::Ready => true,
            State::Waits(wait) => {
                wait.until.is_some_and(|until| until <= self.now)
                    || wait.input.iter().any(|fd| process.fds.get(fd).is_none_or(|id| self.can_be_read(*id)))
                    || wait.child && news.has_come(pid)
            }
            State::Stopped | State::Zombie(_) => false,
        }
    }

    pub(super) fn news(&self) -> News<'_> {
        News { processes: &self.processes, known: OnceCell::new() }
    }

    pub(super) fn can_be_read(&self, id: FileId) -> bool {
        match self.files.get(&id).map(|f| &f.on) {
            Some(On::PipeOut(pipe)) => self.pipes.get(pipe).is_none_or(|p| !p.bytes.is_empty() || p.is_at_end()),
            Some(On::Session(session, _)) => {
                self.sessions.get(session).is_none_or(|s| !s.stdin.is_empty() || !s.stdin_open)
            }
            Some(On::Connection(connection)) => {
                self.connections.get(connection).is_none_or(|c| c.can_be_read(self.now))
            }
            Some(On::Listener(_)) => false,
            _ => true,
        }
    }

    pub(super) fn next_timer(&self) -> Option<Time> {
        // Whoever is stuck in a full pipe does not go on when his time has come.
        let timer = |p: &Process| match &p.state {
            State::Waits(Wait { until, input, .. })
                if p.unsent.is_empty() && p.exiting.is_none() && !self.is_choked(p) =>
            {
                let comes = input.iter().filter_map(|fd| self.comes_at(p.fds.get(fd)?));
                comes.chain(*until).min()
            }
            _ => None,
        };
        let busy = |p: &Process| Some(p.busy_until).filter(|until| *until > self.now);
        let when = |p: &Process| busy(p).or_else(|| timer(p));
        self.processes.values().filter_map(when).min()
    }

    /// When what is on its way on a connection comes.
    fn comes_at(&self, id: &FileId) -> Option<Time> {
        match self.files.get(id).map(|f| &f.on) {
            Some(On::Connection(connection)) => self.connections.get(connection)?.comes_at(),
            _ => None,
        }
    }
}

impl Sys<'_> {
    /// Counts work that a step does beyond its own cost, in steps.
    pub fn work(&mut self, steps: usize) {
        self.sandbox.extra = self.sandbox.extra.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
    }

    /// Whether it is one of a loop that goes on for long: who makes output without end then makes less at a time.
    pub fn is_thinned_out(&self) -> bool {
        self.sandbox.busy >= 60_000 && self.sandbox.is_loop(self.process())
    }
}
