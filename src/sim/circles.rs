//! Work that goes round in circles: what asks for itself again at once, and what never lets a cluster settle.

use std::collections::BTreeMap;

use super::Cluster;
use super::queue::Item;
use crate::api::object::controller_of;
use crate::api::{Duration, Kind, ObjectKey, Time};
use crate::controllers::Requeue;
use crate::error::ApiError;
use crate::store::Change;

/// How often a key's recurring work may change something while a cluster settles. Each time brings new work with it,
/// which is waited for; but where that brings the same again, it would be waited for without end.
const MOST_ROUNDS: u32 = 20;

/// A time, and what was written by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    now: Time,
    state: (u64, u64),
}

/// Whose recurring work changed something in a wait, and how often.
#[derive(Debug, Clone, Default)]
pub(super) struct Rounds {
    counts: BTreeMap<Item, u32>,
    last: String,
}

impl Rounds {
    /// Counts a round, and says whether there were too many.
    pub(super) fn count(&mut self, item: Item) -> bool {
        self.last = format!("{} of {}", item.controller, item.key);
        let rounds = self.counts.entry(item).or_insert(0);
        *rounds += 1;
        *rounds > MOST_ROUNDS
    }

    /// The controller that was counted last, and what it looked at.
    pub(super) fn last(self) -> String {
        self.last
    }
}

/// How many pods an owner may lose that were made while the same command let time pass. Whose pods go as fast as they
/// come makes them more and more seldom from then on, or such a command would never end.
const MOST_LOST: u32 = 1000;

/// How long such an owner waits at first; each further time it waits twice as long.
const FIRST_HOLD: Duration = Duration::secs(1);
const LONGEST_HOLD: Duration = Duration::secs(1000);

/// The controllers that make pods, by the names of their loops.
const MAKERS: [&str; 5] = ["daemonset", "job", "replicaset", "replicationcontroller", "statefulset"];

/// What an owner of pods lost within a command.
#[derive(Debug, Default)]
struct Loss {
    pods: u32,
    hold: Duration,
    until: Time,
}

/// The owners that lost pods which were made within the command.
#[derive(Debug, Default)]
pub(super) struct Losses {
    began: Time,
    owners: BTreeMap<ObjectKey, Loss>,
}

impl Losses {
    /// None yet, for a command that begins now.
    pub(super) fn since(began: Time) -> Losses {
        Losses { began, owners: BTreeMap::new() }
    }

    /// Counts a pod that is gone.
    pub(super) fn count(&mut self, change: &Change, now: Time) {
        // OBSERVATION: its owner makes another one as soon as it is told to go.
        let goes = change.key.kind == Kind::Pod && change.new.as_ref().is_none_or(|pod| pod.is_terminating());
        let Some(pod) = change.old.as_ref().filter(|pod| goes && !pod.is_terminating()) else { return };
        let made = pod.meta().creation_timestamp.as_ref().map(Time::from_meta);
        let owner = controller_of(pod.meta()).filter(|_| made.is_some_and(|made| made >= self.began));
        let kind = owner.and_then(|owner| {
            let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
            Kind::from_group_kind(group, &owner.kind)
        });
        let (Some(owner), Some(kind)) = (owner, kind) else { return };
        let loss = self.owners.entry(ObjectKey::new(kind, pod.namespace(), &owner.name)).or_default();
        loss.pods += 1;
        if loss.pods > MOST_LOST && loss.until <= now {
            loss.hold = Duration((loss.hold.0 * 2).clamp(FIRST_HOLD.0, LONGEST_HOLD.0));
            loss.until = now + loss.hold;
        }
    }

    /// Until when a controller lets an owner wait; none for most.
    pub(super) fn hold(&self, item: &Item, now: Time) -> Option<Time> {
        if self.owners.is_empty() || !MAKERS.contains(&item.controller) {
            return None;
        }
        self.owners.get(&item.key).map(|loss| loss.until).filter(|until| *until > now)
    }
}

impl Cluster {
    /// What is wrong where a controller asks to look at a key again at this very moment though nothing has changed since
    /// it asked so before: it would see the same and ask for ever.
    pub(super) fn asks_in_vain(&mut self, item: &Item, requeue: Option<Requeue>) -> Option<ApiError> {
        let (Some(Requeue::After(wait)) | Some(Requeue::Recurring(wait))) = requeue else { return None };
        if wait > Duration::ZERO {
            return None;
        }
        let moment = Moment { now: self.now(), state: self.state() };
        // All of them asked at the same time.
        if self.asked_at_once.values().next().is_some_and(|asked| asked.now != moment.now) {
            self.asked_at_once.clear();
        }
        let before = self.asked_at_once.insert(item.clone(), moment);
        (before == Some(moment)).then(|| {
            let (controller, key) = (item.controller, &item.key);
            ApiError::internal(format!("the controller {controller} asks for {key} at once again, and nothing changes"))
        })
    }

    /// What tells whether anything was written, be it an event or a note.
    pub(super) fn state(&self) -> (u64, u64) {
        (self.revision(), self.store().settings_changed())
    }
}

#[cfg(test)]
mod tests {
    use crate::api::{Duration, Kind, ObjectKey, Time};
    use crate::controllers::{Action, Outcome, Requeue};
    use crate::error::{ApiError, Reason};
    use crate::sim::queue::Item;
    use crate::sim::{ClockMode, Cluster, Config};

    fn cluster() -> Cluster {
        let config = Config { clock: ClockMode::Manual, ..Config::default() };
        let mut cluster = Cluster::new_in_memory(config, Time::default()).unwrap();
        cluster.begin(true, Time::default()).unwrap();
        cluster
    }

    fn item() -> Item {
        Item { controller: "statefulset", key: ObjectKey::new(Kind::StatefulSet, "default", "db") }
    }

    #[test]
    fn who_asks_again_at_once_without_a_change_is_found() {
        for requeue in [Requeue::After(Duration::ZERO), Requeue::Recurring(Duration::ZERO)] {
            let mut cluster = cluster();
            let mut ask = |requeue, note: Option<u32>| {
                let mut outcome = Outcome { requeue: Some(requeue), ..Outcome::default() };
                if let Some(n) = note {
                    outcome.note("progress", n);
                }
                cluster.carry_out(item(), outcome)
            };
            // Work in steps is no circle, and neither is a wait.
            ask(requeue, None).unwrap();
            ask(requeue, Some(1)).unwrap();
            ask(requeue, Some(2)).unwrap();
            ask(Requeue::After(Duration::millis(1)), None).unwrap();
            let fault = ask(requeue, None).unwrap_err();
            let said =
                "the controller statefulset asks for statefulset.apps/default/db at once again, and nothing changes";
            assert_eq!(fault.message, said);
        }
    }

    #[test]
    fn a_look_that_is_put_off_forgives_no_failure() {
        let mut cluster = cluster();
        for _ in 0..3 {
            let refused = Action::Fail(ApiError::new(Reason::Forbidden, "too many pods"));
            cluster.carry_out(item(), Outcome { actions: vec![refused], ..Outcome::default() }).unwrap();
            let mut put_off = Outcome::done();
            put_off.postpone(Duration::millis(1));
            cluster.carry_out(item(), put_off).unwrap();
        }
        assert_eq!(cluster.queue.fail(&item()), 3);
        cluster.carry_out(item(), Outcome::done()).unwrap();
        assert_eq!(cluster.queue.fail(&item()), 0);
    }
}
