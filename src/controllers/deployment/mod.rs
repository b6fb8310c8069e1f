//! Deployments: ReplicaSets that take over from each other, step by step.
//!
//! Mirrors `pkg/controller/deployment`.

mod progress;
mod rollout;
mod sync;
mod util;

use crate::api::k8s::api::apps::v1::{Deployment, ReplicaSet};
use crate::api::object::controller_of;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, RateLimiter, pods};
use crate::store::{Change, Index, View};

/// The controller of Deployments.
pub(super) struct DeploymentController;

const COMPONENT: &str = "deployment-controller";

impl Controller for DeploymentController {
    fn name(&self) -> &'static str {
        "deployment"
    }

    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter { max_retries: Some(15), ..RateLimiter::DEFAULT }
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Deployment => enqueue(change.key.clone()),
            Kind::ReplicaSet => pods::enqueue_owners(view, change, Kind::Deployment, selector_of, enqueue),
            Kind::Pod if change.new.is_none() => enqueue_recreated(view, change, enqueue),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(owner) = view.get(key) else { return Outcome::done() };
        let (Some(deployment), Some(selector)) = (owner.get::<Deployment>(), selector_of(owner)) else {
            return Outcome::done();
        };
        if selector.is_everything() {
            return sync::selecting_all(owner, deployment);
        }
        let owned = view.indexed(Kind::ReplicaSet, Index::Owner, owner.uid());
        let orphans = view.indexed(Kind::ReplicaSet, Index::Orphan, owner.namespace());
        let candidates = owned.filter(|o| controller_of(o.meta()).is_some()).chain(orphans);
        let claimed = pods::claim(owner, candidates, |o| selector.matches(o.meta().labels.as_ref()));
        let sets = claimed.objects.iter().filter_map(|o| o.get::<ReplicaSet>()).cloned().collect();
        let mut sync = sync::Sync::new(view, owner, deployment, sets, now);
        sync.outcome.actions = claimed.actions;
        sync.sync_deployment();
        sync.outcome
    }
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<Deployment>()?.spec.as_ref()?;
    Selector::from_label_selector(Some(&spec.selector)).ok()
}

/// A Deployment that is recreated goes on once its last pod is gone. Mirrors `deletePod`.
fn enqueue_recreated(view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
    let Some(pod) = &change.old else { return };
    let owner_of = |object: &Object, kind: Kind| {
        let reference = controller_of(object.meta()).filter(|r| r.kind == kind.name())?;
        let key = ObjectKey::new(kind, object.namespace(), &reference.name);
        view.get(&key).filter(|o| o.uid() == reference.uid).cloned()
    };
    let Some(set) = owner_of(pod, Kind::ReplicaSet) else { return };
    let Some(owner) = owner_of(&set, Kind::Deployment) else { return };
    let recreated = owner.get::<Deployment>().is_some_and(|d| util::strategy_type(d) == "Recreate");
    let mut sets = view.indexed(Kind::ReplicaSet, Index::Owner, owner.uid());
    if recreated && sets.all(|s| view.count(Kind::Pod, Index::Owner, s.uid()) == 0) {
        enqueue(owner.key());
    }
}
