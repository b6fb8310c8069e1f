//! StatefulSets: pods with a number, a name and claims of their own, started and stopped in order.
//!
//! Mirrors `pkg/controller/statefulset`.

mod identity;
mod pod_control;
mod retention;
mod revisions;
mod update;

use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, pods};
use crate::store::{Change, Index, View};

/// The controller of StatefulSets.
pub(super) struct StatefulSetController;

impl Controller for StatefulSetController {
    fn name(&self) -> &'static str {
        "statefulset"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::StatefulSet => enqueue(change.key.clone()),
            Kind::Pod => pods::enqueue_owners(view, change, Kind::StatefulSet, selector_of, enqueue),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(owner) = view.get(key) else { return Outcome::done() };
        let (Some(set), Some(selector)) = (owner.get::<StatefulSet>(), selector_of(owner)) else {
            return Outcome::done();
        };
        if let Some(wait) = pods::gather(view.count(Kind::Pod, Index::Owner, owner.uid()), now) {
            let mut outcome = Outcome::done();
            outcome.after(wait);
            return outcome;
        }
        let history = revisions::list(view, owner, &selector);
        let mut outcome = Outcome::done();
        outcome.actions.extend(revisions::adopt_orphan_revisions(owner, &history));
        let claimed = pods::claim_pods(view, owner, &selector, |_| true, |pod| identity::is_member_of(set, pod));
        outcome.actions.extend(claimed.actions);
        let members: Vec<&Pod> = claimed.objects.iter().filter_map(|o| o.get::<Pod>()).collect();

        let mut found = revisions::get_stateful_set_revisions(view, owner, set, &history);
        outcome.actions.append(&mut found.actions);
        let update = update::update_stateful_set(view, owner, set, &found, &members, now);
        outcome.actions.extend(update.actions);
        outcome.actions.extend(revisions::truncate_history(set, members.iter().copied(), &history, &found));

        if update.again {
            outcome.after(Duration::ZERO);
        }
        let min_ready = identity::min_ready_seconds(set);
        if min_ready > 0 && update.status.ready_replicas.unwrap_or(0) != update.status.available_replicas.unwrap_or(0) {
            let check = pods::next_availability_check(members, min_ready, now);
            outcome.after(check.unwrap_or(Duration::secs(min_ready.into())));
        }
        outcome
    }
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<StatefulSet>()?.spec.as_ref()?;
    Selector::from_label_selector(Some(&spec.selector)).ok()
}
