//! Which volumes a kubelet has in use, as its node's status tells: those of its pods that are attached before they are
//! mounted.
//!
//! Mirrors `GetVolumesInUse` of `pkg/kubelet/volumemanager/volume_manager.go`. The key is a node. A kubelet unmounts what
//! no pod uses any more before it says so; one that does not run says nothing.

use std::collections::BTreeSet;

use crate::api::csi::{CsiVolume, attachable_inline_volumes, inline_names, unique_name_of};
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::pod::claims_of;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::csi::{attach_required, is_attached_inline};
use crate::controllers::node_lifecycle::has_reported;
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, Index, View};

/// See the module.
pub(super) struct VolumeManager;

impl Controller for VolumeManager {
    fn name(&self) -> &'static str {
        "kubelet-volume-manager"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let (old, new) = (change.old.as_deref(), change.new.as_deref());
        match change.key.kind {
            Kind::Pod if place(old) != place(new) => {
                let has_any = |pod: &&Pod| !claims_of(pod).is_empty() || !inline_names(pod).is_empty();
                let pod = new.or(old).and_then(Object::get::<Pod>).filter(has_any);
                let nodes: BTreeSet<String> = [place(old), place(new)].into_iter().flatten().collect();
                if pod.is_some() {
                    nodes.into_iter().for_each(|node| enqueue(ObjectKey::cluster(Kind::Node, node)));
                }
            }
            // A claim was bound though its pods had a node before.
            Kind::PersistentVolumeClaim => {
                let volume = |o: Option<&Object>| {
                    o.and_then(Object::get::<PersistentVolumeClaim>)?.spec.as_ref()?.volume_name.clone()
                };
                if volume(old) != volume(new) {
                    let claim = format!("{}/{}", change.key.namespace, change.key.name);
                    enqueue_nodes(view, &claim, enqueue);
                }
            }
            Kind::PersistentVolume if old.is_none() != new.is_none() => {
                let spec = new.or(old).and_then(Object::get::<PersistentVolume>).and_then(|v| v.spec.as_ref());
                if let Some(claim) = spec.and_then(|s| s.claim_ref.as_ref()) {
                    let of = |part: &Option<String>| part.clone().unwrap_or_default();
                    enqueue_nodes(view, &format!("{}/{}", of(&claim.namespace), of(&claim.name)), enqueue);
                }
            }
            Kind::Node if new.is_some() && (old.is_none() || change.old == change.new) => enqueue(change.key.clone()),
            Kind::CSIDriver => view.list(Kind::Node).for_each(|node| enqueue(node.key())),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(node) = view.get_as::<Node>("", &key.name) else { return outcome };
        if view.kubelet_stopped_since(&key.name).is_some() || !has_reported(node) {
            return outcome;
        }
        let in_use: Vec<String> = volumes_in_use(view, &key.name).into_iter().collect();
        let in_use = Some(in_use).filter(|list| !list.is_empty());
        let mut clone = node.clone();
        let status = clone.status.get_or_insert_default();
        if status.volumes_in_use.clone().filter(|list| !list.is_empty()) != in_use {
            status.volumes_in_use = in_use;
            outcome.write(Write::update_status(clone));
        }
        outcome
    }
}

/// The node of a pod whose volumes are or will be mounted.
fn place(object: Option<&Object>) -> Option<String> {
    let pod = object.and_then(Object::get::<Pod>)?;
    let ended = matches!(pod.status.as_ref().and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
    pod.spec.as_ref()?.node_name.clone().filter(|node| !node.is_empty() && !ended)
}

fn enqueue_nodes(view: &View<'_>, claim: &str, enqueue: &mut dyn FnMut(ObjectKey)) {
    let pods = view.indexed(Kind::Pod, Index::PodClaim, claim);
    let nodes: BTreeSet<String> = pods.filter_map(|pod| place(Some(pod))).collect();
    nodes.into_iter().for_each(|node| enqueue(ObjectKey::cluster(Kind::Node, node)));
}

/// The names of the volumes that the pods of a node use and that are attached before.
fn volumes_in_use(view: &View<'_>, node: &str) -> BTreeSet<String> {
    let pods = view.indexed(Kind::Pod, Index::Node, node).filter(|pod| place(Some(pod)).is_some());
    let pods: Vec<&Pod> = pods.filter_map(|o| o.get::<Pod>()).collect();
    let own = pods.iter().flat_map(|pod| attachable_inline_volumes(pod));
    let own = own.filter(|volume| is_attached_inline(view, volume));
    let own: Vec<String> = own.filter_map(|volume| reported_name(view, &volume)).collect();
    let volumes = pods.iter().flat_map(|pod| claims_of(pod)).filter_map(|claim| {
        let (namespace, name) = claim.split_once('/')?;
        let claim = view.get_as::<PersistentVolumeClaim>(namespace, name)?;
        view.get_as::<PersistentVolume>("", claim.spec.as_ref()?.volume_name.as_deref()?)
    });
    volumes.filter_map(|volume| reported_name(view, volume)).chain(own).collect()
}

/// The name of a volume in its node's status, if it has to be attached.
pub(super) fn reported_name(view: &View<'_>, volume: &PersistentVolume) -> Option<String> {
    match CsiVolume::of(volume) {
        Some(_) => attachable(view, volume).map(|csi| csi.unique_name()),
        None => unique_name_of(volume),
    }
}

/// What a volume is to its driver, if it has to be attached.
pub(super) fn attachable(view: &View<'_>, volume: &PersistentVolume) -> Option<CsiVolume> {
    CsiVolume::of(volume).filter(|csi| attach_required(view, &csi.driver))
}
