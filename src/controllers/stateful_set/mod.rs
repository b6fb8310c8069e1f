//! StatefulSets: pods with a number, a name and claims of their own, started and stopped in order.
//!
//! Mirrors `pkg/controller/statefulset`.

mod identity;
mod in_order;
mod pod_control;
mod retention;
mod revisions;
mod update;

use std::sync::Arc;

use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::api::k8s::api::core::v1::{Pod, Volume};
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, pods};
use crate::store::{Change, Index, View};
use in_order::InOrder;

/// The controller of StatefulSets.
pub(super) struct StatefulSetController;

impl Controller for StatefulSetController {
    fn name(&self) -> &'static str {
        "statefulset"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::StatefulSet if !only_counts_differ(change) => enqueue(change.key.clone()),
            Kind::Pod if matters(change) => {
                pods::enqueue_owners(view, change, Kind::StatefulSet, selector_of, enqueue);
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(owner) = view.get(key) else {
            let mut outcome = Outcome::done();
            InOrder::forgotten(view, key).into_iter().for_each(|(name, value)| outcome.note(name, value));
            return outcome;
        };
        let (Some(set), Some(selector)) = (owner.get::<StatefulSet>(), selector_of(owner)) else {
            return Outcome::done();
        };
        if let Some(wait) = pods::gather(view.count(Kind::Pod, Index::Owner, owner.uid()), now) {
            let mut outcome = Outcome::done();
            outcome.postpone(wait);
            return outcome;
        }
        let history = revisions::list(view, owner, &selector);
        let mut outcome = Outcome::done();
        outcome.actions.extend(revisions::adopt_orphan_revisions(owner, &history));
        let before = InOrder::load(view, owner, now);
        // OBSERVATION: of a large set all that costs more than a glance at each pod is felt.
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for object in view.indexed(Kind::Pod, Index::Owner, owner.uid()) {
            match object.get::<Pod>().and_then(|pod| Some((before.place_of(set, pod)?, pod))) {
                Some(found) => known.push(found),
                None => others.push(object),
            }
        }
        let member = |pod: &Pod| identity::is_member_of(set, pod);
        let claimed = pods::claim_pods_among(view, owner, others.into_iter(), &selector, |_| true, member);
        outcome.actions.extend(claimed.actions);
        let others: Vec<&Pod> = claimed.objects.iter().filter_map(|o| o.get::<Pod>()).collect();

        let mut found = revisions::get_stateful_set_revisions(view, owner, set, &history);
        outcome.actions.append(&mut found.actions);
        let update = update::update_stateful_set(view, owner, set, &found, (&known, &others), &before, now);
        if let Some((name, value)) = update.in_order.noted(view, owner) {
            outcome.note(name, value);
        }
        outcome.actions.extend(update.actions);
        let members = || known.iter().map(|(_, pod)| *pod).chain(others.iter().copied());
        outcome.actions.extend(revisions::truncate_history(set, members(), &history, &found));

        if update.again {
            outcome.after(Duration::ZERO);
        }
        let min_ready = identity::min_ready_seconds(set);
        if min_ready > 0 && update.status.ready_replicas.unwrap_or(0) != update.status.available_replicas.unwrap_or(0) {
            let check = pods::next_availability_check(members(), min_ready, now);
            outcome.after(check.unwrap_or(Duration::secs(min_ready.into())));
        }
        outcome
    }
}

/// Whether a set only says of more or fewer pods that they are there or ready: its own look wrote that.
fn only_counts_differ(change: &Change) -> bool {
    let set = |object: &Option<Arc<Object>>| {
        let mut set = object.as_ref()?.get::<StatefulSet>()?.clone();
        (set.metadata.resource_version, set.metadata.managed_fields) = (None, None);
        let status = set.status.get_or_insert_default();
        (status.replicas, status.ready_replicas, status.available_replicas) = (0, None, None);
        Some(set)
    };
    set(&change.old).is_some_and(|old| Some(old) == set(&change.new))
}

/// Whether a change of a pod can have a set do something. The original looks at every one, most of which only tell how
/// far the pod is on its way.
fn matters(change: &Change) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let (Some(old), Some(new)) = (old.get::<Pod>(), new.get::<Pod>()) else { return true };
    let (before, after) = (&old.metadata, &new.metadata);
    // OBSERVATION: nothing places it, perhaps for want of a claim.
    let waits = |pod: &Pod| {
        let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
        conditions.into_iter().any(|c| c.type_ == "PodScheduled" && c.status == "False")
    };
    pods::phase(old) != pods::phase(new)
        || pods::ready_since(old) != pods::ready_since(new)
        || pods::is_ready(old) != pods::is_ready(new)
        || waits(new)
        || before.uid != after.uid
        || before.labels != after.labels
        || before.owner_references != after.owner_references
        || before.deletion_timestamp != after.deletion_timestamp
        || volumes(old) != volumes(new)
}

fn volumes(pod: &Pod) -> Option<&[Volume]> {
    pod.spec.as_ref()?.volumes.as_deref()
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<StatefulSet>()?.spec.as_ref()?;
    Selector::from_label_selector(Some(&spec.selector)).ok()
}
