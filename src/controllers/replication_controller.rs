//! ReplicationControllers: what ReplicaSets were before, and work alike.
//!
//! Mirrors `pkg/controller/replication`, which converts them to ReplicaSets.

use crate::api::k8s::api::apps::v1::{ReplicaSetCondition, ReplicaSetStatus};
use crate::api::k8s::api::core::v1::{
    ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus,
};
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::replica_set::{Replicas, sync_replica_set};
use crate::controllers::{Controller, Outcome, pods};
use crate::store::{Change, View};

/// The controller of ReplicationControllers.
pub(super) struct ReplicationManager;

impl Controller for ReplicationManager {
    fn name(&self) -> &'static str {
        "replicationcontroller"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::ReplicationController => enqueue(change.key.clone()),
            Kind::Pod => pods::enqueue_owners(view, change, Kind::ReplicationController, selector_of, enqueue),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(object) = view.get(key) else { return Outcome::done() };
        let (Some(controller), Some(selector)) = (object.get::<ReplicationController>(), selector_of(object)) else {
            return Outcome::done();
        };
        let Some(spec) = &controller.spec else { return Outcome::done() };
        let set = Replicas {
            object,
            component: "replication-controller",
            wanted: spec.replicas.unwrap_or(1),
            min_ready: spec.min_ready_seconds.unwrap_or(0),
            selector,
            template: spec.template.clone().unwrap_or_default(),
            status: to_replica_set(controller.status.clone().unwrap_or_default()),
            counts_terminating: false,
            with_status: |object, status| {
                if let Some(controller) = object.get_mut::<ReplicationController>() {
                    controller.status = Some(from_replica_set(status));
                }
            },
        };
        sync_replica_set(view, &set, now)
    }
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<ReplicationController>()?.spec.as_ref()?;
    Some(spec.selector.as_ref().map_or_else(Selector::nothing, Selector::from_set))
}

fn to_replica_set(status: ReplicationControllerStatus) -> ReplicaSetStatus {
    let condition = |c: ReplicationControllerCondition| ReplicaSetCondition {
        type_: c.type_,
        status: c.status,
        last_transition_time: c.last_transition_time,
        reason: c.reason,
        message: c.message,
    };
    ReplicaSetStatus {
        replicas: status.replicas,
        fully_labeled_replicas: status.fully_labeled_replicas,
        ready_replicas: status.ready_replicas,
        available_replicas: status.available_replicas,
        observed_generation: status.observed_generation,
        terminating_replicas: None,
        conditions: status.conditions.map(|all| all.into_iter().map(condition).collect()),
    }
}

fn from_replica_set(status: ReplicaSetStatus) -> ReplicationControllerStatus {
    let condition = |c: ReplicaSetCondition| ReplicationControllerCondition {
        type_: c.type_,
        status: c.status,
        last_transition_time: c.last_transition_time,
        reason: c.reason,
        message: c.message,
    };
    ReplicationControllerStatus {
        replicas: status.replicas,
        fully_labeled_replicas: status.fully_labeled_replicas,
        ready_replicas: status.ready_replicas,
        available_replicas: status.available_replicas,
        observed_generation: status.observed_generation,
        conditions: status.conditions.map(|all| all.into_iter().map(condition).collect()),
    }
}
