//! Letting the controllers work: until nothing is due now, until a time, or until the cluster has settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::loops::all;
use super::ownership::Writer;
use super::queue::Item;
use super::{ClockMode, Cluster, OFFSET};
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::{Action, Outcome, Requeue, Step, Write};
use crate::error::{ApiError, Reason};
use crate::store::Change;

/// A gap between two commands on a wall clock beyond which recurring work is done once and not for every period
/// that went by.
const LONG_GAP: Duration = Duration::secs(600);

/// The same for time that a command lets pass.
const LONG_JUMP: Duration = Duration::secs(86_400);

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

/// How a wait for the cluster ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// What was waited for holds.
    Reached,
    /// Nothing is due but recurring work: it can never hold by itself.
    Idle,
    /// The time is over.
    TimedOut,
}

impl Cluster {
    /// Does what is due now, and what comes of it within a few milliseconds: the time that a command takes.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn converge(&mut self) -> Result<(), ApiError> {
        self.run_until(self.now)?;
        let end = self.now + BREATH;
        while let Some(next) = self.queue.next_progress().filter(|next| *next <= end) {
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
            ClockMode::Wall => self.run_until(self.now),
            ClockMode::Manual => self.run_until(self.now + REQUEST),
        }
    }

    /// Lets time pass up to `target` and does all that comes due on the way.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn run_until(&mut self, target: Time) -> Result<(), ApiError> {
        self.work_until(target, LONG_JUMP)
    }

    /// Lets the time pass that went by since the last command.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn catch_up(&mut self, target: Time) -> Result<(), ApiError> {
        self.work_until(target, LONG_GAP)
    }

    fn work_until(&mut self, target: Time, gap: Duration) -> Result<(), ApiError> {
        self.dispatch_changes();
        let mut done = 0;
        while self.step(target, gap)? {
            done += 1;
            if done > LIVELOCK {
                return Err(ApiError::internal("the controllers never come to rest"));
            }
        }
        self.now = target.max(self.now);
        Ok(())
    }

    /// Lets a span of time pass.
    ///
    /// # Errors
    /// When the clock can't go so far, or the file can't be written.
    pub fn advance(&mut self, span: Duration) -> Result<(), ApiError> {
        let target = self.now + span;
        if target > END_OF_TIME {
            return Err(ApiError::internal("the cluster's clock ends in the year 2255"));
        }
        self.run_until(target)?;
        self.note_jump(span)
    }

    /// Lets time pass until nothing is due but recurring work.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn settle(&mut self) -> Result<(), ApiError> {
        let until = self.now + NEVER_SETTLES;
        self.run_while(until, |_| true).map(|_| ())
    }

    /// Lets time pass until `waiting` no longer holds, nothing more can happen, or `deadline` has come. `waiting`
    /// is asked after every item of work.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn run_while(
        &mut self,
        deadline: Time,
        mut waiting: impl FnMut(&mut Cluster) -> bool,
    ) -> Result<Settled, ApiError> {
        let start = self.now;
        let deadline = deadline.min(END_OF_TIME);
        self.dispatch_changes();
        let mut at_this_moment = 0;
        let ended = loop {
            if !waiting(self) {
                break Settled::Reached;
            }
            let Some(next) = self.queue.next_progress() else {
                // Work of this moment may still lie behind a recurring item.
                if self.queue.next_due().is_some_and(|due| due <= self.now) {
                    self.step(self.now, LONG_JUMP)?;
                    continue;
                }
                break Settled::Idle;
            };
            if next > deadline {
                self.now = deadline.max(self.now);
                break Settled::TimedOut;
            }
            let before = self.now;
            self.step(next.max(self.now), LONG_JUMP)?;
            at_this_moment = if self.now == before { at_this_moment + 1 } else { 0 };
            if at_this_moment > LIVELOCK {
                return Err(ApiError::internal("the controllers never come to rest"));
            }
        };
        let span = self.now - start;
        self.note_jump(span)?;
        Ok(ended)
    }

    /// Does one item of work that is due by `target`, and moves the clock to it. Recurring work that is late by more
    /// than `gap` skips what it missed.
    fn step(&mut self, target: Time, gap: Duration) -> Result<bool, ApiError> {
        let Some((item, due, recurring)) = self.queue.pop(target) else { return Ok(false) };
        if recurring && target - due > gap {
            self.queue.add(item, target, true);
            return Ok(true);
        }
        self.now = due.max(self.now);
        let Some(controller) = all().get(item.controller) else { return Ok(true) };
        let outcome = controller.reconcile(&self.store.view(), &item.key, self.now);
        let asking = std::mem::replace(&mut self.writer, Writer::Controller(item.controller));
        let done = self.carry_out(item, outcome);
        self.writer = asking;
        done?;
        Ok(true)
    }

    /// Hands every change to every controller, which names the keys that it wants to look at.
    pub(super) fn dispatch_changes(&mut self) {
        let changes = self.store.take_changes();
        self.dispatch(&changes);
    }

    fn dispatch(&mut self, changes: &[Change]) {
        let view = self.store.view();
        let (queue, now) = (&mut self.queue, self.now);
        for change in changes {
            for controller in all().values() {
                controller.on_change(&view, change, &mut |key| {
                    queue.add(Item { controller: controller.name(), key }, now, false)
                });
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
    fn note_jump(&mut self, span: Duration) -> Result<(), ApiError> {
        if self.config.clock == ClockMode::Wall && span > Duration::ZERO {
            let offset = self.offset() + span;
            self.store.set_setting(OFFSET, &offset.0.to_string())?;
        }
        Ok(())
    }

    fn carry_out(&mut self, item: Item, outcome: Outcome) -> Result<(), ApiError> {
        let mut chain = Chain::default();
        let refused = self.do_actions(outcome.actions, &mut chain)?;
        // Who reacts to what was written comes before another look at the same key.
        self.dispatch_changes();
        match refused {
            None => {
                self.queue.forget_failures(&item);
                match outcome.requeue {
                    Some(Requeue::After(wait)) => self.queue.add(item, self.now + wait, false),
                    Some(Requeue::Recurring(wait)) => self.queue.add(item, self.now + wait, true),
                    None => {}
                }
            }
            Some(error) => {
                // Mirrors workqueue.DefaultTypedControllerRateLimiter: 5 ms, doubled with each failure, 1000 s at most.
                let failures = self.queue.fail(&item);
                let wait = Duration::millis((5i64 << failures.min(18)).min(1_000_000));
                let recurring = error.reason != Reason::Conflict && failures > 0;
                self.queue.add(item, self.now + wait, recurring);
            }
        }
        Ok(())
    }

    /// Does actions in order. The answer is the refusal that ended them early.
    fn do_actions(&mut self, actions: Vec<Action>, chain: &mut Chain) -> Result<Option<ApiError>, ApiError> {
        for action in actions {
            match action {
                Action::Event(event) => self.record(event)?,
                Action::Fail(error) => return Ok(Some(error)),
                Action::Note { name, value } => self.store.set_setting(&format!("note/{name}"), &value)?,
                Action::Write(Step { write, then }) => {
                    let answer = self.do_write(write, chain)?;
                    let handled = then.is_some();
                    if let Some(then) = then {
                        let further = then(&answer);
                        if let Some(error) = self.do_actions(further, chain)? {
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

    fn do_write(&mut self, write: Write, chain: &mut Chain) -> Result<Result<Arc<Object>, ApiError>, ApiError> {
        let answer = match write {
            Write::Create(object) => self.create(*object, &Default::default()).map(|a| a.object),
            Write::Update(object) => self.update(chain.rebase(*object)),
            Write::UpdateStatus(object) => self.update_status(chain.rebase(*object)),
            Write::Finalize(object) => self.finalize(chain.rebase(*object)),
            Write::Delete(deletion) => self.delete(&deletion),
            Write::Bind { pod, node } => self.bind(&pod, &node),
        };
        if let Err(error) = &answer
            && error.reason == Reason::InternalError
        {
            return Err(error.clone());
        }
        // Warnings are for the user who asked, not for controllers.
        self.warnings.clear();
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
