//! Growing the file system of a volume on the node that has it mounted.
//!
//! Mirrors `pkg/volume/util/operationexecutor/node_expander.go` and `pkg/volume/util/resize_util.go`. The key is a claim:
//! its status says that something is left to do on a node.

use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::pod::claims_of;
use crate::api::quantity::amount;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::csi::{Operation, driver};
use crate::controllers::resizer::conditions::merge;
use crate::controllers::{About, Controller, Outcome, Write};
use crate::store::{Change, Index, View};

use super::events::{event, warning};
use super::runtime::disk_of_volume;

/// How long the driver's node plugin takes.
const LOOK: Duration = Duration::secs(1);

/// See the module.
pub(super) struct NodeExpander;

impl Controller for NodeExpander {
    fn name(&self) -> &'static str {
        "kubelet-volume-expander"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let (old, new) = (change.old.as_deref(), change.new.as_deref());
        match change.key.kind {
            Kind::PersistentVolumeClaim
                if new.and_then(Object::get::<PersistentVolumeClaim>).is_some_and(is_pending) =>
            {
                enqueue(change.key.clone());
            }
            Kind::Pod => {
                let Some(pod) = new.and_then(Object::get::<Pod>).filter(|pod| has_mounted(pod)) else { return };
                if old.and_then(Object::get::<Pod>).is_some_and(has_mounted) {
                    return;
                }
                for claim in claims_of(pod) {
                    let Some((namespace, name)) = claim.split_once('/') else { continue };
                    if view.get_as::<PersistentVolumeClaim>(namespace, name).is_some_and(is_pending) {
                        enqueue(ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name));
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        if let Some((object, claim)) = view.get(key).and_then(|o| Some((o, o.get::<PersistentVolumeClaim>()?))) {
            expand(view, object, claim, now, &mut outcome);
        }
        outcome
    }
}

fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    matches!(status_of(claim), "NodeResizePending" | "NodeResizeInProgress")
}

fn status_of(claim: &PersistentVolumeClaim) -> &str {
    let all = claim.status.as_ref().and_then(|s| s.allocated_resource_statuses.as_ref());
    all.and_then(|all| all.get("storage")).map_or("", String::as_str)
}

/// Whether a pod's volumes are mounted: its sandbox was made.
fn has_mounted(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let ended = matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
    !ended
        && status.is_some_and(|s| {
            s.pod_ip.is_some() || s.container_statuses.iter().flatten().any(|c| c.container_id.is_some())
        })
}

fn expand(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time, outcome: &mut Outcome) {
    if !is_pending(claim) {
        return;
    }
    let name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else { return };
    let size = amount(claim.status.as_ref().and_then(|s| s.allocated_resources.as_ref()), "storage");
    let (Some(csi), Some(size)) = (CsiVolume::of(volume), size) else { return };
    let users = view.indexed(Kind::Pod, Index::PodClaim, &format!("{}/{}", object.namespace(), object.name()));
    let on_live_node = |pod: &Pod| {
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
        view.kubelet_stopped_since(node).is_none() && view.get_as::<Node>("", node).is_some()
    };
    let mut users = users.filter(|o| o.get::<Pod>().is_some_and(|pod| has_mounted(pod) && on_live_node(pod)));
    let Some(user) = users.next() else {
        // OBSERVATION: no node has it mounted; the next pod that does brings it back here.
        return;
    };
    let node = user.get::<Pod>().and_then(|p| p.spec.as_ref()?.node_name.clone()).unwrap_or_default();
    let mut clone = claim.clone();
    let status = clone.status.get_or_insert_default();
    if status_of(claim) == "NodeResizePending" {
        let statuses = status.allocated_resource_statuses.get_or_insert_default();
        statuses.insert("storage".into(), "NodeResizeInProgress".into());
        outcome.write(Write::update_status(clone));
        outcome.after(LOOK);
        return;
    }
    if let Some(fault) = driver(view, &csi.driver).and_then(|d| d.failure(Operation::Mount)) {
        let fault_of = format!("failed to expand pvc with {fault}");
        merge(&mut status.conditions, &[("NodeResizeError", fault_of)], true, now);
        if clone != *claim {
            outcome.write(Write::update_status(clone));
        }
        let message = format!("NodeExpandVolume.NodeExpandVolume failed for volume {name:?} : {fault}");
        outcome.event(warning(About::object(user), &node, "VolumeResizeFailed", message));
        outcome.recurring(Duration::secs(30));
        return;
    }
    let message = format!("MountVolume.NodeExpandVolume succeeded for volume {name:?} {node}");
    for about in [About::object(user), About::object(object)] {
        outcome.event(event(about, &node, "FileSystemResizeSuccessful", message.clone()));
    }
    status.capacity.get_or_insert_default().insert("storage".into(), Text(size.to_string()));
    merge(&mut status.conditions, &[], false, now);
    status.allocated_resource_statuses.iter_mut().for_each(|all| _ = all.remove("storage"));
    status.allocated_resource_statuses = status.allocated_resource_statuses.take().filter(|all| !all.is_empty());
    outcome.write(Write::update_status(clone));
    if let Some(disk) = disk_of_volume(volume) {
        let bytes = size.value().max(0) as u64;
        outcome.machine(move |store, _| {
            if store.have_disk(&disk)
                && let Some(disk) = store.disks_mut().get_mut(&disk)
            {
                disk.size = disk.size.map(|size| size.max(bytes));
            }
            Vec::new()
        });
    }
}
