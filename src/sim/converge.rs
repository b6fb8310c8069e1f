//! Letting the controllers work: until nothing is due now, until a time, or until the cluster has settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::circles::Rounds;
use super::loops::all;
use super::queue::Item;
use super::{ClockMode, Cluster, OFFSET};
use crate::api::request::By;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{Action, Outcome, RateLimiter, Requeue, Step, Write};
use crate::error::{ApiError, Reason};
use crate::registry::Context;
use crate::store::Change;

/// A gap between two commands on a wall clock beyond which recurring work is done once and not for every period
/// that went by.
const LONG_GAP: Duration = Duration::secs(600);

/// The same for time that a command lets pass.
pub(super) const LONG_JUMP: Duration = Duration::secs(86_400);

/// Where the clock ends, as nanoseconds since 1970 are counted in 63 bits: in the year 2255.
const END_OF_TIME: Time = Time(9_000_000_000_000);

/// How long a command leaves the controllers to react.
const BREATH: Duration = Duration::millis(20);

/// How long a request of a command takes.
const REQUEST: Duration = Duration::millis(5);

/// How long a settling cluster may take before it counts as one that never settles: a day.
const NEVER_SETTLES: Duration = Duration::secs(86_400);

/// The most items that one moment may take; beyond it two controllers undo each other's work.
const LIVELOCK: usize = 5_000_000;

/// An item of work that was done.
pub(super) struct Done {
    /// The item, if it was recurring and changed something.
    round: Option<Item>,
}

/// What a wait lets happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lets {
    /// What brings the cluster on; recurring work only as it comes due on the way.
    Progress,
    /// Everything, up to the deadline.
    Everything,
    /// Everything, until what is due has been done once without changing anything.
    WhatHelps,
}

/// A wait for something: how long, and what may happen meanwhile.
#[derive(Debug, Clone)]
pub struct Wait {
    lets: Lets,
    began: Time,
    deadline: Time,
    /// How many changes there were when something changed last, and by when all that was due then is done.
    seen: (u64, Time),
    /// How much was done at this very moment.
    at_this_moment: usize,
    rounds: Rounds,
}

/// How a cluster settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Nothing is due any more but recurring work.
    AtRest,
    /// It comes to no rest: recurring work of this controller brings the same again and again.
    GoesRound(String),
}

/// How time passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Something that was due has happened.
    Moved,
    /// The time is over.
    Over,
    /// Nothing that is due can change anything any more.
    Idle,
    /// What is due only brings the same again and again.
    Circles,
}

/// The longest recurring period that a wait without a deadline sees through.
const LONGEST_PERIOD: Duration = Duration::secs(1000);

/// How long a wait without a deadline lasts at most, as kubectl's do: a week.
const A_WEEK: Duration = Duration::secs(7 * 24 * 3600);

impl Cluster {
    /// Does what is due now, and what comes of it within a few milliseconds: the time that a command takes.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn converge(&mut self) -> Result<(), ApiError> {
        self.run_until(self.now())?;
        let end = self.now() + BREATH;
        while let Some(next) = self.queue.next_progress(self.registry.store()).filter(|next| *next <= end) {
            self.run_until(next)?;
        }
        Ok(())
    }

    /// Lets the controllers work between two requests of one command.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn between_requests(&mut self) -> Result<(), ApiError> {
        match self.config.clock {
            // A long list of requests must not put the clock ahead of real time.
            ClockMode::Wall => self.run_until(self.now()),
            ClockMode::Manual => self.run_until(self.now() + REQUEST),
        }
    }

    /// Lets time pass up to `target` and does all that comes due on the way.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn run_until(&mut self, target: Time) -> Result<(), ApiError> {
        self.work_through(target, LONG_JUMP)
    }

    /// Lets the time pass that went by since the last command.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn catch_up(&mut self, target: Time) -> Result<(), ApiError> {
        self.in_pieces(|cluster| cluster.work_through(target, LONG_GAP))
    }

    fn work_through(&mut self, target: Time, gap: Duration) -> Result<(), ApiError> {
        while !self.work_until(target, gap)? {
            self.cut()?;
        }
        Ok(())
    }

    /// False: a piece of it is done.
    fn work_until(&mut self, target: Time, gap: Duration) -> Result<bool, ApiError> {
        self.dispatch_changes();
        let mut done = 0;
        while self.step(target, gap)?.is_some() {
            done += 1;
            if done > LIVELOCK {
                return Err(ApiError::internal("the controllers never come to rest"));
            }
            if self.is_long() {
                return Ok(false);
            }
        }
        self.move_clock(target).map(|()| true)
    }

    /// Lets a span of time pass.
    ///
    /// # Errors
    /// When the clock can't go so far, or the file can't be written.
    pub fn advance(&mut self, span: Duration) -> Result<(), ApiError> {
        let target = self.now() + span;
        if target > END_OF_TIME {
            return Err(ApiError::internal("the cluster's clock ends in the year 2255"));
        }
        loop {
            let start = self.now();
            let done = self.work_until(target, LONG_JUMP)?;
            self.note_jump(self.now() - start);
            if done {
                return Ok(());
            }
            self.cut()?;
        }
    }

    /// Lets time pass until nothing is due but recurring work.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn settle(&mut self) -> Result<(), ApiError> {
        self.come_to_rest().map(|_| ())
    }

    /// The same, and says how it settled.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn come_to_rest(&mut self) -> Result<Settled, ApiError> {
        let mut wait = self.wait_for_rest(NEVER_SETTLES);
        loop {
            match self.pass(&mut wait)? {
                Passed::Moved if self.is_long() => self.cut()?,
                Passed::Moved => {}
                Passed::Over | Passed::Idle => return Ok(Settled::AtRest),
                Passed::Circles => return Ok(Settled::GoesRound(wait.rounds.last())),
            }
        }
    }

    /// A wait until the cluster has settled, but no longer than `most`.
    pub fn wait_for_rest(&mut self, most: Duration) -> Wait {
        self.wait(Lets::Progress, self.now() + most)
    }

    /// A wait that lets everything happen until a deadline, or without one, as long as anything can still change.
    pub fn wait_until(&mut self, deadline: Option<Time>) -> Wait {
        match deadline {
            Some(deadline) => self.wait(Lets::Everything, deadline),
            None => self.wait(Lets::WhatHelps, self.now() + A_WEEK),
        }
    }

    /// A wait that ends at a deadline, or before it when nothing can change any more.
    pub fn wait_while_it_helps(&mut self, deadline: Time) -> Wait {
        self.wait(Lets::WhatHelps, deadline)
    }

    fn wait(&mut self, lets: Lets, deadline: Time) -> Wait {
        self.dispatch_changes();
        let seen = (self.changed, self.round_ends());
        Wait {
            lets,
            began: self.now(),
            deadline: deadline.min(END_OF_TIME),
            seen,
            at_this_moment: 0,
            rounds: Rounds::default(),
        }
    }

    /// When all recurring work that waits now will have been done once.
    fn round_ends(&mut self) -> Time {
        self.queue.last_due(self.registry.store()).map_or(self.now(), |last| last.min(self.now() + LONGEST_PERIOD))
    }

    /// Lets the next thing happen that is due, and the time pass until then.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn pass(&mut self, wait: &mut Wait) -> Result<Passed, ApiError> {
        let start = self.now();
        let passed = self.pass_to_next(wait)?;
        let span = self.now() - start;
        self.note_jump(span);
        wait.at_this_moment = if span == Duration::ZERO { wait.at_this_moment + 1 } else { 0 };
        match wait.at_this_moment > LIVELOCK {
            true => Err(ApiError::internal("the controllers never come to rest")),
            false => Ok(passed),
        }
    }

    fn pass_to_next(&mut self, wait: &mut Wait) -> Result<Passed, ApiError> {
        let wake = self.store_mut().first_wake();
        let next = match wait.lets {
            Lets::Progress => {
                // Work of this moment may still lie behind a recurring item.
                let at_once = self.queue.next_due(self.registry.store()).filter(|due| *due <= self.now());
                let runs = wake.filter(|wake| *wake <= self.now());
                runs.or_else(|| self.queue.next_progress(self.registry.store()).or(at_once))
            }
            Lets::Everything | Lets::WhatHelps => {
                self.queue.next_due(self.registry.store()).into_iter().chain(wake).min()
            }
        };
        if wait.lets == Lets::WhatHelps {
            if wait.seen.0 != self.changed {
                wait.seen = (self.changed, self.round_ends());
            }
            let can_help = self.queue.next_progress(self.registry.store()).is_some()
                || next.is_some_and(|next| next <= wait.seen.1);
            if !can_help {
                return Ok(Passed::Idle);
            }
        }
        match next {
            Some(next) if next <= wait.deadline => {
                // A wait that has lasted a day skips what recurs until its end.
                let is_long = wait.lets != Lets::Progress && self.now() - wait.began > LONG_JUMP;
                let (target, gap) = match is_long {
                    true => (wait.deadline, Duration::ZERO),
                    false => (next.max(self.now()), LONG_JUMP),
                };
                let round = self.step(target, gap)?.and_then(|done| done.round);
                let restless =
                    round.filter(|_| wait.lets == Lets::Progress).is_some_and(|item| wait.rounds.count(item));
                Ok(if restless { Passed::Circles } else { Passed::Moved })
            }
            None if wait.lets == Lets::Progress => Ok(Passed::Idle),
            _ => {
                self.move_clock(wait.deadline)?;
                Ok(Passed::Over)
            }
        }
    }

    /// Does one item of work that is due by `target`, and moves the clock to it. Recurring work that is late by more
    /// than `gap` skips what it missed.
    pub(super) fn step(&mut self, target: Time, gap: Duration) -> Result<Option<Done>, ApiError> {
        if self.run_pods(target)? {
            return Ok(Some(Done { round: None }));
        }
        let Some((item, due, recurring)) = self.queue.pop(target, self.registry.store()) else { return Ok(None) };
        let mut done = Done { round: None };
        if recurring && target - due > gap {
            self.queue.add(item, target, true, self.registry.store());
            return Ok(Some(done));
        }
        self.move_clock(due)?;
        let Some(controller) = all().get(item.controller) else { return Ok(Some(done)) };
        let (changed, repeats) = (self.changed, recurring.then(|| item.clone()));
        let outcome = controller.reconcile(&self.view(), &item.key, self.now());
        self.carry_out(item, outcome)?;
        self.compact_along()?;
        done.round = repeats.filter(|_| self.changed != changed);
        Ok(Some(done))
    }

    /// Hands every change to every controller, which names the keys that it wants to look at.
    pub fn dispatch_changes(&mut self) {
        let changes = self.store_mut().take_changes();
        // Events and heartbeats tell of things; they don't bring anything on.
        let counts = |change: &&Change| !matches!(change.key.kind, Kind::Event | Kind::Lease);
        self.changed += changes.iter().filter(counts).count() as u64;
        let now = self.now();
        for change in &changes {
            self.forget_what_ran(change);
            self.leases.note(change, now);
            self.losses.count(change, now);
        }
        self.dispatch(&changes);
    }

    fn dispatch(&mut self, changes: &[Change]) {
        let view = self.registry.view();
        let (queue, store, now) = (&mut self.queue, self.registry.store(), self.registry.now());
        let losses = &self.losses;
        let mut in_full: BTreeSet<(&str, Kind)> = BTreeSet::new();
        for change in changes {
            let first = all().values().filter(|c| c.looks_first(change));
            for controller in first.chain(all().values().filter(|c| !c.looks_first(change))) {
                let mut enqueue = |key| {
                    let item = Item { controller: controller.name(), key };
                    match losses.hold(&item, now) {
                        Some(until) => queue.add(item, until, true, store),
                        None => queue.add(item, now, false, store),
                    }
                };
                controller.on_change(&view, change, &mut enqueue);
                let all = controller.on_change_all(&view, change);
                if let Some(kind) = all.filter(|kind| in_full.insert((controller.name(), *kind))) {
                    view.list(kind).for_each(|object| enqueue(object.key()));
                }
            }
        }
    }

    /// Has every controller look at what hangs on an object though the object itself did not change.
    pub(super) fn enqueue_for(&mut self, object: &Arc<Object>) {
        let change = Change {
            key: object.key(),
            old: Some(Arc::clone(object)),
            new: Some(Arc::clone(object)),
            revision: object.revision(),
        };
        self.dispatch(&[change]);
    }

    /// Notes that a jump put a wall clock forward.
    pub(super) fn note_jump(&mut self, span: Duration) {
        if self.config.clock == ClockMode::Wall && span > Duration::ZERO {
            let offset = self.offset() + span;
            self.store_mut().set_setting(OFFSET, &offset.0.to_string());
        }
    }

    pub(super) fn carry_out(&mut self, item: Item, outcome: Outcome) -> Result<(), ApiError> {
        let mut chain = Chain::default();
        let by = By::controller(item.controller);
        let mut refused = self.do_actions(outcome.actions, &by, &mut chain)?;
        // Who reacts to what was written comes before another look at the same key.
        self.dispatch_changes();
        if refused.is_none()
            && let Some(fault) = self.asks_in_vain(&item, outcome.requeue)
        {
            // A controller that does so is wrong, and no test shall pass over it; for a user it backs off.
            if cfg!(debug_assertions) {
                return Err(fault);
            }
            refused = Some(fault);
        }
        match refused {
            None => {
                if !outcome.postponed {
                    self.queue.forget_failures(&item);
                }
                match outcome.requeue {
                    Some(Requeue::After(wait)) => {
                        let (due, held) = (self.now() + wait, self.losses.hold(&item, self.now()));
                        let due = held.map_or(due, |until| due.max(until));
                        self.queue.add(item, due, held.is_some(), self.registry.store());
                    }
                    Some(Requeue::Recurring(wait)) => {
                        let by_lot = all().get(item.controller).is_some_and(|c| c.resyncs_by_lot());
                        let seed = by_lot.then(|| self.view().seed());
                        self.queue.resync(item, self.registry.now() + wait, seed, self.registry.store());
                    }
                    None => {}
                }
            }
            Some(error) => {
                let failures = self.queue.fail(&item);
                let limiter = all().get(item.controller).map_or(RateLimiter::DEFAULT, |c| c.rate_limiter());
                let Some(wait) = limiter.when(failures) else {
                    self.queue.forget_failures(&item);
                    return Ok(());
                };
                let recurring = error.reason != Reason::Conflict && failures > 0;
                self.queue.add(item, self.registry.now() + wait, recurring, self.registry.store());
            }
        }
        Ok(())
    }

    /// Does actions in order. The answer is the refusal that ended them early.
    fn do_actions(&mut self, actions: Vec<Action>, by: &By, chain: &mut Chain) -> Result<Option<ApiError>, ApiError> {
        for action in actions {
            match action {
                Action::Event(event) => self.record(event, by)?,
                Action::Fail(error) => return Ok(Some(error)),
                Action::Machine(work) => {
                    let now = self.now();
                    let further = work(self.store_mut(), now);
                    if let Some(error) = self.do_actions(further, by, chain)? {
                        return Ok(Some(error));
                    }
                }
                Action::Run(uid) => self.run_at_once(&uid),
                Action::Note { name, value } => self.store_mut().set_setting(&format!("note/{name}"), &value),
                Action::Write(Step { write, then }) => {
                    let answer = self.do_write(write, by, chain)?;
                    let handled = then.is_some();
                    if let Some(then) = then {
                        let further = then(&answer);
                        if let Some(error) = self.do_actions(further, by, chain)? {
                            return Ok(Some(error));
                        }
                    }
                    if let Err(error) = answer {
                        if !handled || error.reason == Reason::Conflict {
                            return Ok(Some(error));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    fn do_write(
        &mut self,
        write: Write,
        by: &By,
        chain: &mut Chain,
    ) -> Result<Result<Arc<Object>, ApiError>, ApiError> {
        let (registry, context) = (&mut self.registry, Context::new(by));
        let answer = match write {
            Write::Create(object) => registry.create(object, &context),
            Write::Update(object) => registry.update(chain.rebase(object), &context),
            Write::UpdateStatus(object) => registry.update(chain.rebase(object), &context.part("status")),
            Write::Finalize(object) => registry.finalize(chain.rebase(object), &context),
            Write::Delete(deletion) => registry.delete(&deletion, &context),
            Write::Bind { pod, node } => registry.bind(&pod, &node, &context),
        };
        let answer = answer.map(|a| a.object);
        if let Err(error) = &answer
            && error.reason == Reason::InternalError
        {
            return Err(error.clone());
        }
        if let Ok(object) = &answer {
            chain.written.insert(object.key(), object.revision());
        }
        Ok(answer)
    }
}

/// The revisions that a reconcile's own writes made, so that its later writes build on the earlier ones.
#[derive(Default)]
struct Chain {
    written: BTreeMap<ObjectKey, u64>,
}

impl Chain {
    fn rebase(&self, mut object: Object) -> Object {
        if let Some(revision) = self.written.get(&object.key()) {
            object.meta_mut().resource_version = Some(revision.to_string());
        }
        object
    }
}
