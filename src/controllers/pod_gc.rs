//! Collects pods whose node is gone, or is out of service.
//!
//! Mirrors `pkg/controller/podgc/gc_controller.go`.

use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::api::{Duration, Kind, ObjectKey, Time};
use crate::controllers::pods::with_disruption_target;
use crate::controllers::{Controller, Deletion, Outcome, Write};
use crate::kinds::shared::access::items;
use crate::store::{Change, Index, View};

/// How long a node must be gone: `quarantineTime`.
const QUARANTINE: Duration = Duration::secs(40);
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// See the module.
pub(super) struct PodGcController;

impl Controller for PodGcController {
    fn name(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Node => enqueue(change.key.clone()),
            Kind::Pod => {
                let spec = change.new.as_ref().and_then(|o| o.get::<Pod>()).and_then(|p| p.spec.as_ref());
                let Some(name) = spec.and_then(|s| s.node_name.as_deref()) else { return };
                let node = ObjectKey::cluster(Kind::Node, name);
                let gone = view.get(&node).is_none();
                let begins_to_go = change.new.as_ref().is_some_and(|o| o.is_terminating())
                    && change.old.as_ref().is_some_and(|o| !o.is_terminating());
                if gone || begins_to_go {
                    enqueue(node);
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let note = format!("node-gone/{}", key.name);
        let missed = view.note(&note).and_then(|n| n.parse().ok()).map(Time);
        let pods = || view.indexed(Kind::Pod, Index::Node, &key.name);
        if let Some(node) = view.get(key).and_then(|o| o.get::<Node>()) {
            if missed.is_some() {
                outcome.note(note, "");
            }
            if is_out_of_service(node) {
                for pod in pods().filter(|p| p.is_terminating()) {
                    outcome.write(Write::Delete(Deletion::of(pod).grace(0)));
                }
            }
            return outcome;
        }
        if pods().next().is_none() {
            return outcome;
        }
        let since = missed.unwrap_or(now);
        if missed.is_none() {
            outcome.note(note, now.0);
        }
        if now < since + QUARANTINE {
            outcome.recurring(since + QUARANTINE - now);
            return outcome;
        }
        for object in pods() {
            let Some(pod) = object.get::<Pod>() else { continue };
            let why = ("DeletionByPodGC", "PodGC: node no longer exists");
            let mut pod = with_disruption_target(pod, why, now);
            let status = pod.status.get_or_insert_default();
            if !matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
                status.phase = Some("Failed".into());
            }
            outcome.write(Write::update_status(pod));
            outcome.write(Write::Delete(Deletion::of(object).grace(0)));
        }
        outcome
    }
}

/// Whether somebody declared a node that is not ready to be out of service.
fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.as_ref().map(|s| items(&s.taints)).unwrap_or_default();
    let conditions = node.status.as_ref().map(|s| items(&s.conditions)).unwrap_or_default();
    taints.iter().any(|t| t.key == OUT_OF_SERVICE)
        && !conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
}
