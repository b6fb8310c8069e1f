//! Which nodes a volume is to be attached to: those of the pods that use it.
//!
//! Mirrors `cache/desired_state_of_world.go` and `DetermineVolumeAction` of `pkg/controller/volume/attachdetach`.

use std::collections::BTreeMap;

use super::in_tree::is_in_tree;
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::object::annotation_of;
use crate::api::{Kind, Object};
use crate::controllers::csi::attach_required;
use crate::controllers::persistent_volume::helpers::is_volume_bound_to_claim;
use crate::controllers::persistent_volume::is_pod_terminated;
use crate::store::{Index, View};

/// On a node: its kubelet leaves attaching to the controller.
const CONTROLLER_MANAGED_ATTACH: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

/// The nodes that want a volume, each with the pods that use it there.
pub(super) fn nodes_of<'a>(view: &View<'a>, volume: &PersistentVolume) -> BTreeMap<&'a str, Vec<&'a Object>> {
    let mut nodes: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    if !is_in_tree(volume) {
        let csi = CsiVolume::of(volume).filter(|csi| attach_required(view, &csi.driver));
        if csi.is_none_or(|csi| csi.handle.is_empty()) {
            return nodes;
        }
    }
    if let Some(claim) = claim_of(view, volume) {
        add_users(view, claim, &mut nodes);
    }
    nodes
}

/// The same for a volume that is no more: what was wanted once is wanted as long as its pods are there.
pub(super) fn nodes_of_removed<'a>(view: &View<'a>, volume: &str) -> BTreeMap<&'a str, Vec<&'a Object>> {
    let mut nodes = BTreeMap::new();
    let claims = view.indexed(Kind::PersistentVolumeClaim, Index::ClaimVolume, volume);
    claims.filter_map(|o| o.get::<PersistentVolumeClaim>()).for_each(|claim| add_users(view, claim, &mut nodes));
    nodes
}

fn add_users<'a>(view: &View<'a>, claim: &PersistentVolumeClaim, nodes: &mut BTreeMap<&'a str, Vec<&'a Object>>) {
    let key = format!("{}/{}", claim.metadata.namespace.as_deref().unwrap_or_default(), name_of(claim));
    for object in view.indexed(Kind::Pod, Index::PodClaim, &key) {
        let Some(pod) = object.get::<Pod>().filter(|pod| !is_pod_terminated(pod)) else { continue };
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
        if !node.is_empty() && manages(view, node) {
            nodes.entry(node).or_default().push(object);
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

/// Whether volumes of a node are the controller's to attach.
fn manages(view: &View<'_>, node: &str) -> bool {
    let node = view.get_as::<Node>("", node);
    node.is_some_and(|n| annotation_of(&n.metadata, CONTROLLER_MANAGED_ATTACH).is_some())
}
