//! Which nodes a volume is to be attached to: those of the pods that use it.
//!
//! Mirrors `cache/desired_state_of_world.go` and `DetermineVolumeAction` of `pkg/controller/volume/attachdetach`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::actual_state_of_world::attachments;
use super::in_tree::is_in_tree;
use crate::api::csi::{CsiVolume, attachable_inline_volumes, is_inline, unique_name_of};
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::object::annotation_of;
use crate::api::{Kind, Object};
use crate::controllers::csi::{attach_required, is_attached_inline};
use crate::controllers::persistent_volume::helpers::is_volume_bound_to_claim;
use crate::controllers::persistent_volume::is_pod_terminated;
use crate::store::{Index, View};

/// On a node: its kubelet leaves attaching to the controller.
const CONTROLLER_MANAGED_ATTACH: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

/// A volume as the controller goes by it: its own, or the persistent volume that a pod's own would be.
pub(super) type Volume<'a> = Cow<'a, PersistentVolume>;

/// The volume of a key: a persistent volume by its name, a pod's own by its name in nodes' statuses.
pub(super) fn volume_of<'a>(view: &View<'a>, name: &str) -> Option<Volume<'a>> {
    if !is_inline(name) {
        return view.get_as::<PersistentVolume>("", name).map(Cow::Borrowed);
    }
    let mut users = view.indexed(Kind::Pod, Index::PodVolume, name).filter_map(|o| o.get::<Pod>());
    let mut all = attachable_inline_volumes(users.next()?).into_iter();
    all.find(|volume| unique_name_of(volume).as_deref() == Some(name)).map(Cow::Owned)
}

/// The nodes that want the volume of a key, each with the pods that use it there.
pub(super) fn nodes_of<'a>(
    view: &View<'a>,
    name: &str,
    volume: &PersistentVolume,
) -> BTreeMap<&'a str, Vec<&'a Object>> {
    let mut nodes: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    if !is_in_tree(volume) {
        let csi = CsiVolume::of(volume).filter(|csi| attach_required(view, &csi.driver));
        if csi.is_none_or(|csi| csi.handle.is_empty()) {
            return nodes;
        }
    }
    let managed = Managed { view, volume: name };
    if is_inline(name) && !is_attached_inline(view, volume) {
        return nodes;
    }
    if is_inline(name) {
        managed.add(view.indexed(Kind::Pod, Index::PodVolume, name), &mut nodes);
    } else if let Some(claim) = claim_of(view, volume) {
        managed.add_users(claim, &mut nodes);
    }
    nodes
}

/// The same for a volume that is no more: what was wanted once is wanted as long as its pods are there.
pub(super) fn nodes_of_removed<'a>(view: &View<'a>, volume: &str) -> BTreeMap<&'a str, Vec<&'a Object>> {
    let mut nodes = BTreeMap::new();
    let claims = view.indexed(Kind::PersistentVolumeClaim, Index::ClaimVolume, volume);
    let managed = Managed { view, volume };
    claims.filter_map(|o| o.get::<PersistentVolumeClaim>()).for_each(|claim| managed.add_users(claim, &mut nodes));
    nodes
}

/// Which nodes' pods count.
struct Managed<'v, 'a> {
    view: &'v View<'a>,
    volume: &'v str,
}

impl<'a> Managed<'_, 'a> {
    fn add_users(&self, claim: &PersistentVolumeClaim, nodes: &mut BTreeMap<&'a str, Vec<&'a Object>>) {
        let key = format!("{}/{}", claim.metadata.namespace.as_deref().unwrap_or_default(), name_of(claim));
        self.add(self.view.indexed(Kind::Pod, Index::PodClaim, &key), nodes);
    }

    fn add(&self, users: impl Iterator<Item = &'a Arc<Object>>, nodes: &mut BTreeMap<&'a str, Vec<&'a Object>>) {
        for object in users.map(AsRef::as_ref) {
            let Some(pod) = object.get::<Pod>().filter(|pod| !is_pod_terminated(pod)) else { continue };
            let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
            if !node.is_empty() && self.manages(node) {
                nodes.entry(node).or_default().push(object);
            }
        }
    }

    /// Whether volumes of a node are the controller's to attach. A node that is gone stays as it was for what its pods
    /// have attached there, as long as these are not gone too.
    fn manages(&self, node: &str) -> bool {
        match self.view.get_as::<Node>("", node) {
            Some(node) => annotation_of(&node.metadata, CONTROLLER_MANAGED_ATTACH).is_some(),
            None => attachments(self.view, self.volume).iter().any(|a| a.node == node),
        }
    }
}

/// The claim that a volume is bound to, if the claim knows of it.
fn claim_of<'a>(view: &View<'a>, volume: &PersistentVolume) -> Option<&'a PersistentVolumeClaim> {
    let claim_ref = volume.spec.as_ref()?.claim_ref.as_ref()?;
    let claim = view.get_as::<PersistentVolumeClaim>(claim_ref.namespace.as_deref()?, claim_ref.name.as_deref()?)?;
    let bound = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
    let mutual = claim.spec.as_ref().and_then(|s| s.volume_name.as_ref()) == volume.metadata.name.as_ref();
    (bound && mutual && is_volume_bound_to_claim(volume, claim)).then_some(claim)
}

fn name_of(claim: &PersistentVolumeClaim) -> &str {
    claim.metadata.name.as_deref().unwrap_or_default()
}
