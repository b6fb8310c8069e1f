//! One look at a StatefulSet: which pods to make, to mend, to stop and to replace, and its status.
//!
//! Mirrors `pkg/controller/statefulset/stateful_set_control.go`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::identity::{
    allows_burst, identity_matches, min_ready_seconds, ordinal, pod_name, pod_revision, set_pod_revision,
    start_ordinal, storage_matches, update_identity, update_storage, wanted,
};
use super::in_order::InOrder;
use super::pod_control::{
    Plan, claims_match_retention_policy, create_missing_persistent_volume_claims, create_stateful_pod,
    delete_stateful_pod, fix_pod_claim, pod_claim_is_stale, update_stateful_pod,
};
use super::revisions::{Revisions, apply_revision};
use crate::api::k8s::api::apps::v1::{
    ControllerRevision, RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetStatus,
};
use crate::api::k8s::api::core::v1::Pod;
use crate::api::{Object, Time};
use crate::controllers::pods::{self, is_available, is_ready, is_terminal, is_terminating, phase};
use crate::controllers::{Action, Write};
use crate::kinds::shared::workload::scaled_value;
use crate::store::View;

/// What a sync comes to.
pub(super) struct Update {
    /// What to do, the status's write included.
    pub(super) actions: Vec<Action>,
    /// The status that was written.
    pub(super) status: StatefulSetStatus,
    /// Whether to look again as soon as others have seen the claims and pods that were made.
    pub(super) again: bool,
    /// Which pods were found in order.
    pub(super) in_order: InOrder,
}

struct Sync<'a> {
    view: &'a View<'a>,
    owner: &'a Arc<Object>,
    set: &'a StatefulSet,
    current: StatefulSet,
    update: StatefulSet,
    found: &'a Revisions,
    now: Time,
    /// The pods of the wanted ordinals, the first one first; none where one is to be made.
    replicas: Vec<Option<&'a Pod>>,
    /// The pods of ordinals that are not wanted, the highest first.
    condemned: Vec<&'a Pod>,
    /// Whether claims were made whose pods are to follow.
    again: Cell<bool>,
    /// Which of the replicas an earlier look found in order, and have not changed since.
    known: Vec<bool>,
    /// How many of the first pods this look found in order, and which among them it did not.
    in_order: Cell<usize>,
    but: RefCell<BTreeSet<usize>>,
}

/// Whether to look at further pods.
#[derive(PartialEq)]
enum Next {
    GoOn,
    Stop,
}

/// How many pods one look makes at most, so that a huge number of replicas costs no more memory than its pods. The
/// original asks for all of them at once.
const BURST: usize = 500;

/// Brings a set a step nearer to its spec. Mirrors `updateStatefulSet`.
pub(super) fn update_stateful_set<'a>(
    view: &'a View<'a>,
    owner: &'a Arc<Object>,
    set: &'a StatefulSet,
    found: &'a Revisions,
    (known, others): (&[(usize, &'a Pod)], &[&'a Pod]),
    before: &InOrder,
    now: Time,
) -> Update {
    let (all, pods) = (usize::try_from(wanted(set)).unwrap_or(0), known.len() + others.len());
    let places = all.min(pods + BURST);
    let mut sync = Sync {
        view,
        owner,
        set,
        current: apply_revision(set, &found.current),
        update: apply_revision(set, &found.update),
        found,
        now,
        replicas: vec![None; places],
        condemned: Vec::new(),
        // OBSERVATION: in order, a look ends at the first pod that is not ready, and that pod's changes bring the next.
        again: Cell::new(allows_burst(set) && all > places),
        known: vec![false; places],
        in_order: Cell::new(0),
        but: RefCell::default(),
    };
    for (place, pod) in known {
        if let (Some(slot), Some(known)) = (sync.replicas.get_mut(*place), sync.known.get_mut(*place)) {
            (*slot, *known) = (Some(*pod), true);
        }
    }
    for pod in others {
        let ordinal = ordinal(pod);
        let place = i64::from(ordinal) - i64::from(start_ordinal(set));
        if (0..i64::from(wanted(set))).contains(&place) {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            if let (Some(slot), Some(known)) = (sync.replicas.get_mut(place), sync.known.get_mut(place)) {
                (*slot, *known) = (Some(*pod), false);
            }
        } else if ordinal >= 0 {
            sync.condemned.push(pod);
        }
    }
    sync.condemned.sort_by_key(|pod| std::cmp::Reverse(ordinal(pod)));
    let mut status = sync.compute_status();
    let mut actions = Vec::new();
    let mut on_failure = status.clone();
    complete_rolling_update(set, &mut on_failure);
    let plan = Rc::new(Plan { owner: Arc::clone(owner), status: sync.status_write(&on_failure) });
    if !owner.is_terminating() {
        let replaced = sync.process(&plan, &mut actions);
        status.current_replicas = count(status.current_replicas.unwrap_or(0) - replaced);
    }
    complete_rolling_update(set, &mut status);
    actions.extend(sync.status_write(&status).map(Write::action));
    let in_order = before.followed_by(owner, (sync.in_order.get(), sync.but.take()), view.revision(), now);
    Update { actions, status, again: sync.again.get(), in_order }
}

impl Sync<'_> {
    fn unavailable(&self, pod: &Pod) -> bool {
        !is_available(pod, min_ready_seconds(self.set), self.now) || is_terminating(&pod.metadata)
    }

    fn is_well(&self, place: usize) -> bool {
        self.replicas[place].is_some_and(|pod| is_running_and_ready(pod) && !self.unavailable(pod))
    }

    /// Does what may be done now, and says how many pods it began to replace.
    fn process(&self, plan: &Rc<Plan>, actions: &mut Vec<Action>) -> i32 {
        let monotonic = !allows_burst(self.set);
        for place in 0..self.replicas.len() {
            let done = actions.len();
            let next =
                if self.known[place] { Next::GoOn } else { self.process_replica(plan, monotonic, place, actions) };
            if next == Next::Stop && monotonic {
                return 0;
            }
            let in_order =
                self.known[place] || next == Next::GoOn && actions.len() == done && (monotonic || self.is_well(place));
            match in_order {
                true if self.in_order.get() == place => self.in_order.set(place + 1),
                // In order, nothing behind the first that is amiss is looked at.
                false if !monotonic => {
                    self.in_order.set(place + 1);
                    self.but.borrow_mut().insert(place);
                }
                _ => {}
            }
        }
        for pod in &self.condemned {
            actions.extend(fix_pod_claim(self.view, plan, &self.update, pod));
        }
        let unhealthy = self.first_unhealthy_condemned();
        for pod in &self.condemned {
            if self.process_condemned(plan, monotonic, unhealthy, pod, actions) == Next::Stop && monotonic {
                return 0;
            }
        }
        self.roll(plan, actions)
    }

    /// The condemned pod that is unhealthy while nothing before it is.
    fn first_unhealthy_condemned(&self) -> Option<&Pod> {
        let healthy = |pod: &Option<&Pod>| pod.is_some_and(|pod| !self.unavailable(pod));
        if !self.replicas.iter().all(healthy) {
            return None;
        }
        self.condemned.iter().rev().find(|pod| self.unavailable(pod)).copied()
    }

    fn process_replica(&self, plan: &Rc<Plan>, monotonic: bool, place: usize, actions: &mut Vec<Action>) -> Next {
        let Some(pod) = self.replicas[place] else {
            let ordinal = i32::try_from(place).ok().and_then(|place| start_ordinal(self.set).checked_add(place));
            let Some(ordinal) = ordinal else { return Next::Stop };
            let pod = self.new_versioned_stateful_set_pod(ordinal);
            if pod_claim_is_stale(self.view, self.set, &pod) {
                return Next::Stop;
            }
            let (created, again) = create_stateful_pod(self.view, plan, self.set, pod);
            actions.extend(created);
            self.again.set(self.again.get() || again);
            return Next::Stop;
        };
        if is_terminal(pod) {
            // OBSERVATION: it ended, well or not. The next one is made once this one is gone.
            if !is_terminating(&pod.metadata) {
                actions.push(delete_stateful_pod(plan, pod));
            }
            return Next::Stop;
        }
        if phase(pod) == "Pending" {
            actions.extend(create_missing_persistent_volume_claims(self.view, plan, self.set, pod));
        }
        if monotonic && (is_terminating(&pod.metadata) || !is_running_and_ready(pod)) {
            return Next::Stop;
        }
        if monotonic && !is_available(pod, min_ready_seconds(self.set), self.now) {
            return Next::Stop;
        }
        let consistent = identity_matches(self.set, pod)
            && storage_matches(self.set, pod)
            && claims_match_retention_policy(self.view, &self.update, pod);
        if !consistent {
            actions.extend(update_stateful_pod(self.view, plan, &self.update, pod));
        }
        Next::GoOn
    }

    fn process_condemned(
        &self,
        plan: &Rc<Plan>,
        monotonic: bool,
        first_unhealthy: Option<&Pod>,
        pod: &Pod,
        actions: &mut Vec<Action>,
    ) -> Next {
        if is_terminating(&pod.metadata) {
            return if monotonic { Next::Stop } else { Next::GoOn };
        }
        let is_first = first_unhealthy.is_some_and(|first| std::ptr::eq(first, pod));
        let healthy = is_running_and_ready(pod) && is_available(pod, min_ready_seconds(self.set), self.now);
        if monotonic && !healthy && !is_first {
            return Next::Stop;
        }
        actions.push(delete_stateful_pod(plan, pod));
        Next::Stop
    }

    /// Replaces pods of an old revision, the highest ordinal first.
    fn roll(&self, plan: &Rc<Plan>, actions: &mut Vec<Action>) -> i32 {
        let strategy = self.set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
        if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
            return 0;
        }
        let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
        let least = usize::try_from(rolling.and_then(|r| r.partition).unwrap_or(0)).unwrap_or(0);
        let outdated = |pod: &Pod| pod_revision(pod) != self.update_name() && !is_terminating(&pod.metadata);
        if let Some(allowed) = self.max_unavailable(rolling) {
            let out = self.replicas.iter().filter(|p| p.is_none_or(|p| self.unavailable(p))).count();
            let budget = allowed.saturating_sub(out);
            let targets = self.replicas.iter().skip(least).rev().filter_map(|p| *p).filter(|p| outdated(p));
            let chosen: Vec<&Pod> = targets.take(budget).collect();
            actions.extend(chosen.iter().map(|pod| delete_stateful_pod(plan, pod)));
            return i32::try_from(chosen.len()).unwrap_or(0);
        }
        for pod in self.replicas.iter().skip(least).rev() {
            // OBSERVATION: in burst mode a pod was just asked for, and is waited for like one that starts.
            let Some(pod) = pod else { return 0 };
            if outdated(pod) {
                actions.push(delete_stateful_pod(plan, pod));
                return 1;
            }
            if self.unavailable(pod) {
                return 0;
            }
        }
        0
    }

    /// How many pods may be out at once; none where the set leaves it at one.
    fn max_unavailable(&self, rolling: Option<&RollingUpdateStatefulSetStrategy>) -> Option<usize> {
        let allowed = scaled_value(rolling?.max_unavailable.as_ref()?, wanted(self.set), false);
        Some(usize::try_from(allowed.max(1)).unwrap_or(1))
    }

    fn update_name(&self) -> &str {
        self.found.update.metadata.name.as_deref().unwrap_or_default()
    }

    /// The pod of an ordinal, of the revision that it shall have now. Mirrors `newVersionedStatefulSetPod`.
    fn new_versioned_stateful_set_pod(&self, ordinal: i32) -> Pod {
        let strategy = self.current.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
        let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
        let is_rolling = strategy.and_then(|s| s.type_.as_deref()) == Some("RollingUpdate");
        let keeps = match rolling {
            None if is_rolling => self.set.status.as_ref().and_then(|s| s.current_replicas).unwrap_or(0),
            None => 0,
            Some(rolling) => rolling.partition.unwrap_or(0),
        };
        let of_current = i64::from(ordinal) < i64::from(start_ordinal(&self.current)) + i64::from(keeps);
        let (set, revision) =
            if of_current { (&self.current, &self.found.current) } else { (&self.update, &self.found.update) };
        new_stateful_set_pod(self.owner, set, revision, ordinal)
    }

    fn compute_status(&self) -> StatefulSetStatus {
        let replicas = self.replicas.iter().zip(&self.known).filter_map(|(pod, known)| Some(((*pod)?, *known)));
        let pods = replicas.chain(self.condemned.iter().map(|pod| (*pod, false)));
        let names = (revision_name(&self.found.current), revision_name(&self.found.update));
        compute_replica_status(pods, self.set, names, self.now, self.found.collision_count)
    }

    /// The write of a status; none when the stored one says the same. Mirrors `inconsistentStatus`.
    fn status_write(&self, status: &StatefulSetStatus) -> Option<Write> {
        let before = self.set.status.clone().unwrap_or_default();
        let numbers = |s: &StatefulSetStatus| {
            [Some(s.replicas), s.current_replicas, s.ready_replicas, s.updated_replicas, s.available_replicas]
                .map(|n| n.unwrap_or(0))
        };
        let changed = status.observed_generation > before.observed_generation
            || numbers(status) != numbers(&before)
            || status.current_revision != before.current_revision
            || status.update_revision != before.update_revision;
        changed.then(|| {
            let mut set = self.set.clone();
            set.status = Some(status.clone());
            Write::update_status(set)
        })
    }
}

/// Running and ready.
fn is_running_and_ready(pod: &Pod) -> bool {
    phase(pod) == "Running" && is_ready(pod)
}

fn revision_name(revision: &ControllerRevision) -> &str {
    revision.metadata.name.as_deref().unwrap_or_default()
}

/// A number that Go's JSON leaves out when it is 0.
fn count(n: i32) -> Option<i32> {
    Some(n).filter(|n| *n != 0)
}

fn new_stateful_set_pod(owner: &Object, set: &StatefulSet, revision: &ControllerRevision, ordinal: i32) -> Pod {
    let template = set.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
    let mut pod = pods::pod_from_template(&template, owner);
    let name = pod_name(set, ordinal);
    pod.metadata.name = Some(name.clone());
    update_identity(set, &mut pod);
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name);
    spec.subdomain = set.spec.as_ref().and_then(|s| s.service_name.clone()).filter(|s| !s.is_empty());
    update_storage(set, &mut pod);
    set_pod_revision(&mut pod, revision_name(revision));
    pod
}

/// Counts pods, each with whether it is known to be in order. `names` are those of the current and the update revision.
fn compute_replica_status<'p>(
    pods: impl Iterator<Item = (&'p Pod, bool)>,
    set: &StatefulSet,
    names: (&str, &str),
    now: Time,
    collision_count: i32,
) -> StatefulSetStatus {
    let (mut replicas, mut ready, mut available, mut current, mut updated) = (0, 0, 0, 0, 0);
    for (pod, known) in pods {
        let created = known || !phase(pod).is_empty();
        replicas += i32::from(created);
        if known || is_running_and_ready(pod) {
            ready += 1;
            available += i32::from(known || is_available(pod, min_ready_seconds(set), now));
        }
        if created && (known || !is_terminating(&pod.metadata)) {
            let revision = pod_revision(pod);
            current += i32::from(revision == names.0);
            updated += i32::from(revision == names.1);
        }
    }
    StatefulSetStatus {
        observed_generation: set.metadata.generation,
        replicas,
        ready_replicas: count(ready),
        available_replicas: Some(available),
        current_replicas: count(current),
        updated_replicas: count(updated),
        current_revision: Some(names.0.to_string()),
        update_revision: Some(names.1.to_string()),
        collision_count: Some(collision_count),
        conditions: None,
    }
}

/// Ends a rollout once all pods are of the update revision and ready. Mirrors `completeRollingUpdate`.
fn complete_rolling_update(set: &StatefulSet, status: &mut StatefulSetStatus) {
    let strategy = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
    let all = wanted(set);
    if strategy.and_then(|s| s.type_.as_deref()) == Some("RollingUpdate")
        && status.updated_replicas.unwrap_or(0) == all
        && status.ready_replicas.unwrap_or(0) == all
        && status.replicas == all
    {
        status.current_replicas = status.updated_replicas;
        status.current_revision = status.update_revision.clone();
    }
}
