//! Attaches volumes to the nodes whose pods use them, and detaches them from the others.
//!
//! Mirrors `pkg/controller/volume/attachdetach`. What the original goes through every 100 ms is looked at here volume by
//! volume, when something changes that counts for it: the key is a persistent volume. To a driver that attaches
//! (`external_attacher`) it speaks through VolumeAttachments; iSCSI and Fibre Channel need none.

mod actual_state_of_world;
mod desired_state_of_world;
mod in_tree;
mod node_status_updater;
mod reconciler;

use crate::api::csi::{CsiVolume, inline_names, unique_name_of};
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::pod::claims_of;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::is_pod_terminated;
use crate::controllers::{Controller, Outcome, csi};
use crate::store::index::attached_volume;
use crate::store::{Change, Index, View};

/// Who says the events.
const COMPONENT: &str = "attachdetach-controller";

/// The other nodes that have a volume of which only one may, by name; nothing for one that several may have.
pub fn holders_elsewhere(view: &View<'_>, volume: &PersistentVolume, node: &str) -> Vec<String> {
    if csi::is_multi_attach_allowed(volume) {
        return Vec::new();
    }
    let there = actual_state_of_world::attachments(view, volume.metadata.name.as_deref().unwrap_or_default());
    there.iter().filter(|a| a.node != node).map(|a| a.node.to_string()).collect()
}

/// See the module.
pub struct AttachDetachController;

impl Controller for AttachDetachController {
    fn name(&self) -> &'static str {
        "attachdetach"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let (old, new) = (change.old.as_deref(), change.new.as_deref());
        match change.key.kind {
            Kind::Pod => on_pod(view, old, new, enqueue),
            Kind::PersistentVolume => {
                let volume = new.or(old).and_then(Object::get::<PersistentVolume>);
                let claim = |o: Option<&Object>| o.and_then(Object::get::<PersistentVolume>)?.spec.clone()?.claim_ref;
                let same = new.is_some() && old.is_some() && claim(old) == claim(new);
                if !same && volume.is_some_and(|v| unique_name_of(v).is_some()) {
                    enqueue(change.key.clone());
                }
            }
            Kind::PersistentVolumeClaim => {
                let bound = |o: Option<&Object>| {
                    let claim = o.and_then(Object::get::<PersistentVolumeClaim>)?;
                    let phase = claim.status.as_ref()?.phase.clone()?;
                    claim.spec.as_ref()?.volume_name.clone().map(|volume| (volume, phase))
                };
                if bound(old) != bound(new) {
                    bound(old)
                        .or(bound(new))
                        .into_iter()
                        .for_each(|(volume, _)| enqueue_volume(view, &volume, enqueue));
                }
            }
            Kind::VolumeAttachment => {
                if let Some(Object::VolumeAttachment(attachment)) = new.or(old)
                    && let Some(volume) = attached_volume(attachment)
                {
                    enqueue(ObjectKey::cluster(Kind::PersistentVolume, &volume));
                }
            }
            Kind::Node => on_node(view, &change.key.name, old, new, enqueue),
            Kind::CSIDriver => {
                let of = view.list_as::<PersistentVolume>();
                let of = of.filter(|v| CsiVolume::of(v).is_some_and(|v| v.driver == change.key.name));
                of.for_each(|v| enqueue_name(&v.metadata.name, enqueue));
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let volume = desired_state_of_world::volume_of(view, &key.name);
        match volume.as_deref().filter(|volume| in_tree::is_in_tree(volume)) {
            None if in_tree::is_named_in_tree(&key.name) => in_tree::reconcile(view, &key.name, None, now),
            None => reconciler::reconcile(view, key, now),
            volume => in_tree::reconcile(view, &key.name, volume, now),
        }
    }
}

fn enqueue_name(name: &Option<String>, enqueue: &mut dyn FnMut(ObjectKey)) {
    enqueue(ObjectKey::cluster(Kind::PersistentVolume, name.as_deref().unwrap_or_default()));
}

/// Looks at a volume, if it is one that may be attached.
fn enqueue_volume(view: &View<'_>, name: &str, enqueue: &mut dyn FnMut(ObjectKey)) {
    let is_attached = || view.count(Kind::VolumeAttachment, Index::AttachmentVolume, name) > 0;
    if view.get_as::<PersistentVolume>("", name).map_or_else(is_attached, |v| unique_name_of(v).is_some()) {
        enqueue(ObjectKey::cluster(Kind::PersistentVolume, name));
    }
}

/// A pod got a node, ended, or is gone.
fn on_pod(view: &View<'_>, old: Option<&Object>, new: Option<&Object>, enqueue: &mut dyn FnMut(ObjectKey)) {
    let place = |object: Option<&Object>| {
        let pod = object.and_then(Object::get::<Pod>)?;
        let node = pod.spec.as_ref()?.node_name.clone().filter(|n| !n.is_empty())?;
        (!is_pod_terminated(pod)).then_some(node)
    };
    if place(old) == place(new) {
        return;
    }
    let Some(pod) = new.or(old).and_then(Object::get::<Pod>) else { return };
    for claim in claims_of(pod) {
        let Some((namespace, name)) = claim.split_once('/') else { continue };
        let claim = view.get_as::<PersistentVolumeClaim>(namespace, name);
        if let Some(volume) = claim.and_then(|c| c.spec.as_ref()?.volume_name.as_deref()) {
            enqueue_volume(view, volume, enqueue);
        }
    }
    for name in inline_names(pod) {
        enqueue(ObjectKey::cluster(Kind::PersistentVolume, &name));
    }
}

/// Looks at what is called so in nodes' statuses.
fn enqueue_named(view: &View<'_>, name: &str, enqueue: &mut dyn FnMut(ObjectKey)) {
    let mut volumes = view.indexed(Kind::PersistentVolume, Index::VolumeUniqueName, name).peekable();
    if volumes.peek().is_none() {
        // A pod's own volume goes by that name; the pods that have it may be gone.
        enqueue(ObjectKey::cluster(Kind::PersistentVolume, name));
    }
    volumes.for_each(|volume| enqueue(volume.key()));
}

/// A kubelet has unmounted volumes, or the node is healthy no more, or out of service, or gone.
fn on_node(
    view: &View<'_>,
    name: &str,
    old: Option<&Object>,
    new: Option<&Object>,
    enqueue: &mut dyn FnMut(ObjectKey),
) {
    let (old, new) = (old.and_then(Object::get::<Node>), new.and_then(Object::get::<Node>));
    let state = |node: Option<&Node>| node.map(|n| (reconciler::is_healthy(n), reconciler::is_out_of_service(n)));
    if state(old) != state(new) {
        let here = view.indexed(Kind::VolumeAttachment, Index::AttachmentNode, name);
        let volumes = here.filter_map(|o| match &**o {
            Object::VolumeAttachment(a) => attached_volume(a),
            _ => None,
        });
        volumes.for_each(|volume| enqueue(ObjectKey::cluster(Kind::PersistentVolume, &volume)));
        let listed = new.or(old).and_then(|n| n.status.as_ref()).and_then(|s| s.volumes_attached.as_ref());
        for attached in listed.into_iter().flatten().filter(|v| !v.name.starts_with("kubernetes.io/csi/")) {
            enqueue_named(view, &attached.name, enqueue);
        }
        return;
    }
    let in_use = |node: Option<&Node>| {
        let list = node.and_then(|n| n.status.as_ref()).and_then(|s| s.volumes_in_use.as_ref());
        list.into_iter().flatten().cloned().collect::<std::collections::BTreeSet<String>>()
    };
    let attached = |node: Option<&Node>| {
        let list = node.and_then(|n| n.status.as_ref()).and_then(|s| s.volumes_attached.as_ref());
        let in_tree =
            list.into_iter().flatten().map(|v| &v.name).filter(|name| !name.starts_with("kubernetes.io/csi/"));
        in_tree.cloned().collect::<std::collections::BTreeSet<String>>()
    };
    for gone in attached(old).difference(&attached(new)) {
        enqueue_named(view, gone, enqueue);
    }
    if old.and_then(|n| n.status.as_ref()?.volumes_in_use.as_ref())
        == new.and_then(|n| n.status.as_ref()?.volumes_in_use.as_ref())
    {
        return;
    }
    let (before, after) = (in_use(old), in_use(new));
    for gone in before.difference(&after) {
        enqueue_named(view, gone, enqueue);
    }
}
