//! The kubelets of all nodes as one control loop over pods.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{Node, NodeStatus, PersistentVolume, Pod};
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::node_lifecycle::has_reported;
use crate::controllers::{Controller, Outcome};
use crate::store::{Change, Index, View};

use super::{memory, pods, prober, stopping, volumes};

/// Starts what is bound to its node, keeps it running, and stops what is being deleted.
pub(super) struct Kubelet;

impl Controller for Kubelet {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        match key.kind {
            Kind::Pod => {
                let pod = change.new.as_ref().and_then(|o| o.get::<Pod>());
                if pod.is_none_or(|p| !node_name(p).is_empty()) {
                    enqueue(key.clone());
                }
            }
            // A node that is new, or whose kubelet was stopped or started: then old and new are the same.
            Kind::Node if change.new.is_some() && (change.old.is_none() || change.old == change.new) => {
                view.indexed(Kind::Pod, Index::Node, &key.name).for_each(|pod| enqueue(pod.key()));
            }
            // The controller has attached volumes to the node.
            Kind::Node if change.new.is_some() => enqueue_attached(view, change, enqueue),
            Kind::ConfigMap | Kind::Secret => {
                let waiting = view.list_in(Kind::Pod, &key.namespace).filter(|o| {
                    o.get::<Pod>().is_some_and(|p| {
                        !node_name(p).is_empty() && phase(p) == "Pending" && volumes::refers_to(p, &key.name)
                    })
                });
                waiting.for_each(|pod| enqueue(pod.key()));
            }
            Kind::PersistentVolumeClaim => enqueue_users(view, &format!("{}/{}", key.namespace, key.name), enqueue),
            Kind::PersistentVolume => {
                let volume = change.new.as_ref().and_then(|o| o.get::<PersistentVolume>());
                if let Some(claim) = volume.and_then(claim_of) {
                    enqueue_users(view, &claim, enqueue);
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(object) = view.get(key) else {
            let mut outcome = Outcome::done();
            memory::forget(view, key, &mut outcome);
            return outcome;
        };
        let Some(pod) = object.get::<Pod>() else { return Outcome::done() };
        let name = node_name(pod);
        let Some(node) = view.get_as::<Node>("", name) else { return Outcome::done() };
        if view.kubelet_stopped_since(name).is_some() || !has_reported(node) {
            return Outcome::done();
        }
        if object.is_terminating() {
            return stopping::kill_pod(view, object, pod, now);
        }
        match phase(pod) {
            "Succeeded" | "Failed" => Outcome::done(),
            _ => {
                let mut outcome = pods::sync_pod(view, node, object, pod, now);
                prober::probe_pod(view, object, pod, now, &mut outcome);
                outcome
            }
        }
    }
}

/// Looks again at the pods that wait for volumes which a node's status says are attached now, or may be attached.
fn enqueue_attached<'c>(view: &View<'_>, change: &'c Change, enqueue: &mut dyn FnMut(ObjectKey)) {
    let status = |object: &'c Option<std::sync::Arc<crate::api::Object>>| {
        object.as_ref().and_then(|o| o.get::<Node>()).and_then(|n| n.status.as_ref())
    };
    let (old, now) = (status(&change.old), status(&change.new));
    let attached = |status: Option<&'c NodeStatus>| status.and_then(|s| s.volumes_attached.as_ref());
    let in_use = |status: Option<&'c NodeStatus>| status.and_then(|s| s.volumes_in_use.as_ref());
    let mut new: BTreeSet<&str> = BTreeSet::new();
    if attached(old) != attached(now) {
        let names = |status| attached(status).into_iter().flatten().map(|v| v.name.as_str()).collect::<BTreeSet<_>>();
        new.extend(names(now).difference(&names(old)));
    }
    if in_use(old) != in_use(now) {
        let names = |status| in_use(status).into_iter().flatten().map(String::as_str).collect::<BTreeSet<_>>();
        new.extend(names(now).difference(&names(old)));
    }
    for name in new {
        let volumes = view.indexed(Kind::PersistentVolume, Index::VolumeUniqueName, name);
        for volume in volumes.filter_map(|o| o.get::<PersistentVolume>()) {
            let Some(claim) = claim_of(volume) else { continue };
            let pods = view.indexed(Kind::Pod, Index::PodClaim, &claim);
            let here = pods.filter(|o| o.get::<Pod>().is_some_and(|p| node_name(p) == change.key.name));
            here.for_each(|pod| enqueue(pod.key()));
        }
        let own = view.indexed(Kind::Pod, Index::PodVolume, name);
        let here = own.filter(|o| o.get::<Pod>().is_some_and(|p| node_name(p) == change.key.name));
        here.for_each(|pod| enqueue(pod.key()));
    }
}

/// The claim that a volume is for, as `Index::PodClaim` names it.
fn claim_of(volume: &PersistentVolume) -> Option<String> {
    let claim = volume.spec.as_ref()?.claim_ref.as_ref()?;
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    Some(format!("{}/{}", of(&claim.namespace), of(&claim.name)))
}

/// Looks again at the pods with a node that wait for a claim.
fn enqueue_users(view: &View<'_>, claim: &str, enqueue: &mut dyn FnMut(ObjectKey)) {
    let pods = view.indexed(Kind::Pod, Index::PodClaim, claim);
    let waiting = pods.filter(|o| o.get::<Pod>().is_some_and(|p| !node_name(p).is_empty() && phase(p) == "Pending"));
    waiting.for_each(|pod| enqueue(pod.key()));
}

/// The node that a pod is bound to; empty for none.
pub(super) fn node_name(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}
