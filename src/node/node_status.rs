//! What a kubelet reports of its node when it comes back.
//!
//! Mirrors `pkg/kubelet/kubelet_node_status.go` and `nodestatus/setters.go`.

use crate::api::k8s::api::core::v1::{Node, NodeCondition};
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::node_lifecycle::has_reported;
use crate::controllers::{About, Controller, Outcome, Write};
use crate::store::{Change, View};
use std::sync::Arc;

use super::events::event;

/// A condition: its status, reason, message, and the event that tells of its return to that status.
const HEALTHY: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// Posts a node's status once its kubelet runs again.
pub(super) struct NodeStatusReporter;

impl Controller for NodeStatusReporter {
    fn name(&self) -> &'static str {
        "kubelet-node-status"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        // The kubelet was stopped or started: then old and new are the same.
        let same = matches!((&change.old, &change.new), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
        if change.key.kind == Kind::Node && same {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        let Some(node) = object.get::<Node>().filter(|n| has_reported(n)) else { return outcome };
        if view.kubelet_stopped_since(&key.name).is_some() {
            return outcome;
        }
        // The kubelet's events name the node where others name its uid.
        let about = About { uid: key.name.clone(), resource_version: String::new(), ..About::object(object) };
        let say = |reason: &str, message: String| event(about.clone(), &key.name, reason, message);
        let status_is_now = |reason: &str| format!("Node {} status is now: {reason}", key.name);
        outcome.event(say("Starting", "Starting kubelet.".into()));
        for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
            outcome.event(say(reason, status_is_now(reason)));
        }
        outcome.event(say("NodeAllocatableEnforced", "Updated Node Allocatable limit across pods".into()));
        if let Some(node) = healthy(node, now) {
            outcome.write(Write::update_status(node));
            outcome.event(say("NodeReady", status_is_now("NodeReady")));
        }
        outcome
    }
}

/// The node with healthy conditions; none where they are that already.
fn healthy(node: &Node, now: Time) -> Option<Node> {
    let mut node = node.clone();
    let mut changed = false;
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    for (kind, status, reason, message) in HEALTHY {
        let before = conditions.iter_mut().find(|c| c.type_ == kind);
        let same = before.as_ref().is_some_and(|c| c.status == status);
        changed |= !same;
        let condition = NodeCondition {
            type_: kind.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_heartbeat_time: Some(now.meta()),
            last_transition_time: match (&before, same) {
                (Some(before), true) => before.last_transition_time.clone(),
                _ => Some(now.meta()),
            },
        };
        match before {
            Some(slot) => *slot = condition,
            None => conditions.push(condition),
        }
    }
    changed.then_some(node)
}
