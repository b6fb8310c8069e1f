//! What containers use of processors and memory: counted on virtual time, throttled by their limits.
//!
//! Mirrors a control group's `cpu.max` and `memory.current`, as far as what is read of them by the kubelet.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::api::{Duration, Time};

use super::process::{Pid, State, Status};
use super::signal::Signal;
use super::{Container, Disks, Sandbox};

/// How long a slot of what was used is: as often as metrics-server looks.
pub const SLOT: Duration = Duration::secs(15);

/// How many slots are kept.
const SLOTS: usize = 4;

/// How many processors a node has, beyond which no container uses any.
const CORES: u64 = 4;

/// The period within which a limit is shared out, in milliseconds: `cpu.cfs_period_us`.
const PERIOD: u64 = 100;

/// What starting a process takes, in microseconds.
const FORK: u64 = 700;

/// What answering a request takes at least, in microseconds.
const ANSWER: u64 = 200;

/// For how long one step keeps a process busy at most, in milliseconds.
const LONGEST: u64 = 20_000;

/// The memory that a process needs for itself, in bytes.
const PROCESS: u64 = 400 << 10;

/// The processor time that a container used, by slots of time; only the latest are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    slots: VecDeque<(i64, u64)>,
}

impl Usage {
    fn add(&mut self, now: Time, micros: u64) {
        let slot = slot_of(now);
        match self.slots.back_mut() {
            Some((last, used)) if *last >= slot => *used += micros,
            _ => {
                self.slots.push_back((slot, micros));
                if self.slots.len() > SLOTS {
                    self.slots.pop_front();
                }
            }
        }
    }

    /// Uses a processor, or a share of it in thousandths, all the time from one moment to another.
    fn fill(&mut self, from: Time, to: Time, milli: u64) {
        let first = slot_of(from).max(slot_of(to) - SLOTS as i64);
        for slot in first..=slot_of(to) {
            let span = overlap(from, to, slot);
            if span > 0 {
                self.add(from.max(Time(slot * SLOT.0)), span * milli);
            }
        }
    }

    fn of(&self, slot: i64) -> u64 {
        self.slots.iter().find(|(at, _)| *at == slot).map_or(0, |(_, used)| *used)
    }
}

/// How many milliseconds of a slot lie between two moments.
fn overlap(from: Time, to: Time, slot: i64) -> u64 {
    let (begin, end) = (slot * SLOT.0, (slot + 1) * SLOT.0);
    u64::try_from(to.0.min(end) - from.0.max(begin)).unwrap_or(0)
}

/// The slot that a time lies in.
pub fn slot_of(time: Time) -> i64 {
    time.0.div_euclid(SLOT.0)
}

/// How often a pod that sleeps only for moments goes on, and how much of that is left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pace {
    since: Time,
    wakes: u32,
    /// For how long it was hasty, in milliseconds.
    hasty: i64,
    /// How many rounds one stands for; 0 and 1 are the same.
    factor: u32,
}

/// A sleep under this is one of a hasty loop.
const MOMENT: Duration = Duration::millis(100);

/// How many rounds a second make a loop hasty.
const HASTY: i64 = 20;

/// For how long it may be.
const PATIENCE: i64 = 10_000;

impl Pace {
    fn factor(&self) -> u32 {
        self.factor.max(1)
    }

    /// How long a sleep lasts: a loop that goes on very often for long is thinned out, a round standing for many.
    fn stretch(&mut self, now: Time, span: Duration) -> Duration {
        self.wakes += 1;
        let passed = (now - self.since).0;
        if passed >= 1000 {
            let rate = i64::from(self.wakes) * i64::from(self.factor()) * 1000 / passed;
            self.hasty = if rate > HASTY { self.hasty.saturating_add(passed.min(2000)) } else { 0 };
            self.factor = if self.hasty > PATIENCE { u32::try_from(rate / 5).unwrap_or(1).clamp(1, 50) } else { 1 };
            (self.since, self.wakes) = (now, 0);
        }
        if self.factor <= 1 || span >= MOMENT || span <= Duration::ZERO {
            return span;
        }
        Duration((span.0 * i64::from(self.factor())).min(250.max(span.0)))
    }
}

impl Container {
    fn throttle(&self) -> Option<u64> {
        self.cpu_limit.filter(|limit| *limit > 0 && *limit < CORES * 1000)
    }

    /// What a request to it takes, in microseconds.
    pub fn request_cost(&self) -> u32 {
        self.resting.request
    }
}

impl Sandbox {
    /// How many rounds of a hasty loop one of now stands for.
    pub fn stands_for(&self) -> u32 {
        self.pace.factor()
    }

    /// Has a process be busy for so long, as far as its container's limit lets it: others go on meanwhile.
    pub(super) fn occupy(&mut self, pid: Pid, millis: u64) {
        let now = self.now;
        let Some(name) = self.processes.get(&pid).map(|p| p.container.clone()) else { return };
        let busy = |(other, p): &(&Pid, &super::Process)| **other != pid && p.container == name && p.busy_until > now;
        let count = 1 + self.processes.iter().filter(busy).count() as u64;
        let Some(container) = self.containers.get_mut(&name) else { return };
        let share = (container.throttle().unwrap_or(CORES * 1000) / count).clamp(1, 1000);
        let wall = (millis * 1000 / share).min(LONGEST);
        let until = now + Duration::millis(wall as i64);
        container.usage.fill(now, until, share);
        self.busy += wall;
        if let Some(process) = self.processes.get_mut(&pid) {
            process.cpu += wall * share / 1000;
            process.busy_until = until;
        }
    }

    /// Sleeps until a timer.
    pub(super) fn sleep_until(&mut self, timer: Time) {
        if self.is_occupied() {
            self.now = self.now.max(timer);
            return;
        }
        let span = self.pace.stretch(self.now, timer - self.now);
        self.now = self.now.max(self.now + span);
    }

    /// Lets the time pass that a process was busy: longer where its container is throttled. Whoever could have run
    /// meanwhile has run too.
    pub(super) fn spend(&mut self, pid: Pid, millis: u64) {
        let limit = self.processes.get(&pid).and_then(|p| self.containers.get(&p.container)).and_then(|c| c.throttle());
        let wall = match limit {
            Some(limit) if limit < 1000 && self.busy >= limit * PERIOD / 1000 => (millis * 1000).div_ceil(limit),
            _ => millis,
        };
        self.busy += wall;
        let began = self.now;
        self.now = self.now + Duration::millis(wall as i64);
        let news = self.news();
        let running: Vec<Pid> =
            self.processes.keys().copied().filter(|p| *p == pid || self.is_ready(*p, &news)).collect();
        let mut shares: Vec<(String, u64)> = Vec::new();
        for process in running.iter().filter_map(|pid| self.processes.get(pid)) {
            match shares.iter_mut().find(|(name, _)| *name == process.container) {
                Some((_, count)) => *count += 1,
                None => shares.push((process.container.clone(), 1)),
            }
        }
        for pid in running {
            let Some(process) = self.processes.get_mut(&pid) else { continue };
            let count = shares.iter().find(|(name, _)| *name == process.container).map_or(1, |(_, count)| *count);
            let Some(container) = self.containers.get_mut(&process.container) else { continue };
            let most = container.throttle().unwrap_or(CORES * 1000) * wall;
            let micros = (wall * 1000).min(most / count);
            process.cpu += micros / 1000;
            container.usage.add(began, micros);
        }
    }

    /// A process has been started.
    pub(super) fn count_fork(&mut self, container: &str) {
        let (now, times) = (self.now, u64::from(self.pace.factor()));
        if let Some(container) = self.containers.get_mut(container) {
            container.usage.add(now, FORK * times);
        }
    }

    /// A process uses its processor for so long to answer who asks, as many times over as that one stands for. It is
    /// through when its container's limit has let it: who asks waits until then.
    pub(super) fn burn(&mut self, pid: Pid, millis: u64) {
        let (now, times) = (self.now, u64::from(self.serves.max(1)));
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.cpu += millis * times;
        let Some(container) = self.containers.get_mut(&process.container) else { return };
        container.usage.add(now, millis * 1000 * times);
        let until = match container.throttle() {
            // Throttled, one request waits for the other.
            Some(limit) if limit < 1000 => {
                let took = Duration::millis((millis * 1000 / limit) as i64);
                container.busy_until = container.busy_until.max(now) + took;
                container.busy_until
            }
            _ => now + Duration::millis(millis as i64),
        };
        self.answers_at = self.answers_at.max(until);
    }

    /// A process has answered something that takes next to nothing.
    pub(crate) fn count_answer(&mut self, pid: Pid, times: u32) {
        let now = self.now;
        let container = self.processes.get(&pid).and_then(|p| self.containers.get_mut(&p.container));
        if let Some(container) = container {
            container.usage.add(now, ANSWER * u64::from(times));
        }
    }

    /// The processor time that a container used in a slot that is over by `now`, in microseconds: no more than its limit
    /// lets it.
    pub fn cpu_in(&self, name: &str, slot: i64) -> u64 {
        let Some(container) = self.containers.get(name) else { return 0 };
        let end = Time((slot + 1) * SLOT.0);
        let spinning = self.processes.values().filter(|p| p.container == name);
        let spun: u64 = spinning.filter_map(|p| Some(overlap(p.spins?, end, slot) * 1000)).sum();
        let ran = overlap(container.started, end, slot);
        let resting = u64::from(container.resting.cpu) * ran / 1000;
        let most = ran * container.throttle().unwrap_or(CORES * 1000);
        (container.usage.of(slot) + spun + resting).min(most)
    }

    /// The processor time that a process has used by now, in milliseconds.
    pub fn cpu_of(&self, process: &super::Process) -> u64 {
        let Some(since) = process.spins else { return process.cpu };
        let spins = |p: &&super::Process| p.container == process.container && p.spins.is_some();
        let share = self
            .containers
            .get(&process.container)
            .and_then(|c| c.throttle())
            .map_or(1000, |limit| limit / (self.processes.values().filter(spins).count().max(1) as u64));
        process.cpu + u64::try_from((self.now - since).0).unwrap_or(0) * share.min(1000) / 1000
    }

    /// A process that did nothing but use its processor goes on, or ends.
    pub(super) fn stop_spinning(&mut self, pid: Pid) {
        let now = self.now;
        let Some(process) = self.processes.get(&pid).filter(|p| p.spins.is_some()) else { return };
        let cpu = self.cpu_of(process);
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.cpu = cpu;
        let Some(since) = process.spins.take() else { return };
        if let Some(container) = self.containers.get_mut(&process.container) {
            container.usage.fill(since, now, 1000);
        }
    }

    /// The memory that a container holds, in bytes: what its processes took, and what was loaded on it.
    pub fn memory_of(&self, name: &str, now: Time) -> u64 {
        let Some(container) = self.containers.get(name) else { return 0 };
        let alive = |p: &&super::Process| p.container == name && !matches!(p.state, State::Zombie(_));
        let held: u64 = self.processes.values().filter(alive).map(|p| p.memory + PROCESS).sum();
        let pressed = container.pressed.filter(|(_, until)| *until > now).map_or(0, |(bytes, _)| bytes);
        held + container.resting.memory + pressed
    }

    /// Loads memory on a container until a time; what is over its limit gets it killed as soon as it runs.
    pub fn press(&mut self, name: &str, bytes: u64, until: Time) {
        if let Some(container) = self.containers.get_mut(name) {
            container.pressed = Some((bytes, until)).filter(|(bytes, _)| *bytes > 0);
        }
    }

    /// Kills the containers that more memory was loaded on than they may have.
    pub(super) fn check_pressed(&mut self, disks: &mut Disks) {
        let over = |(name, c): (&String, &Container)| {
            let limit = c.memory_limit.filter(|_| c.ended.is_none() && c.pressed.is_some())?;
            (self.memory_of(name, self.now) > limit).then(|| (name.clone(), c.first))
        };
        let over: Vec<(String, Pid)> = self.containers.iter().filter_map(over).collect();
        for (name, first) in over {
            if let Some(container) = self.containers.get_mut(&name) {
                container.oom = true;
            }
            self.exit(first, Status::Killed(Signal::KILL), disks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hasty_loop_is_thinned_out_after_a_while() {
        let mut pace = Pace::default();
        let mut now = Time(0);
        let mut rounds = 0;
        while now < Time(60_000) {
            now = now + pace.stretch(now, Duration::millis(10));
            rounds += 1;
        }
        assert!(rounds < 1600, "{rounds}");
        assert!((15..=50).contains(&pace.factor()), "{}", pace.factor());
        // One that sleeps longer is left alone.
        assert_eq!(pace.stretch(now, Duration::secs(1)), Duration::secs(1));
    }

    #[test]
    fn what_spins_fills_slots() {
        let mut usage = Usage::default();
        usage.fill(Time(10_000), Time(32_000), 1000);
        assert_eq!([usage.of(0), usage.of(1), usage.of(2)], [5_000_000, 15_000_000, 2_000_000]);
    }

    #[test]
    fn only_the_latest_slots_are_kept() {
        let mut usage = Usage::default();
        for second in 0..120 {
            usage.add(Time(second * 1000), 1);
        }
        assert_eq!((usage.of(7), usage.of(4), usage.of(3)), (15, 15, 0));
    }
}
