//! What a node's status says is attached to it.
//!
//! Mirrors `statusupdater/node_status_updater.go`. The status of a node is large where many volumes are attached, so one
//! write tells of all that has come about on the node by then.

use std::collections::{BTreeMap, BTreeSet};

use super::actual_state_of_world::{AttachState, Attachment, on_node};
use super::desired_state_of_world::{Volume, nodes_of};
use super::reconciler::{in_use, is_out_of_service};
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{AttachedVolume, Node, PersistentVolume};
use crate::controllers::{Outcome, Write};
use crate::store::View;
use crate::store::index::attached_volume;

/// Whether a node's status says that a volume is attached.
pub(super) fn is_reported(node: &Node, unique_name: &str) -> bool {
    let list = node.status.as_ref().and_then(|s| s.volumes_attached.as_ref());
    list.into_iter().flatten().any(|v| v.name == unique_name)
}

/// Reports all volumes that are attached to a node and wanted there.
pub(super) fn report_attached(view: &View<'_>, node: &Node, outcome: &mut Outcome) {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let mut list = listed(node);
    for (unique_name, key, volume) in attached(view, name) {
        if !list.contains_key(&unique_name) && nodes_of(view, &key, &volume).contains_key(name) {
            list.insert(unique_name.clone(), AttachedVolume { name: unique_name, device_path: String::new() });
        }
    }
    write(node, list, outcome);
}

/// Reports no more what may be detached from a node.
pub(super) fn report_detachable(view: &View<'_>, node: &Node, forced: &str, outcome: &mut Outcome) {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let mut list = listed(node);
    list.remove(forced);
    let mounted: BTreeSet<&str> = match is_out_of_service(node) {
        true => BTreeSet::new(),
        false => in_use(node).collect(),
    };
    if list.keys().all(|unique_name| mounted.contains(unique_name.as_str())) {
        return write(node, list, outcome);
    }
    for (unique_name, key, volume) in attached(view, name) {
        if list.contains_key(&unique_name)
            && !mounted.contains(unique_name.as_str())
            && !nodes_of(view, &key, &volume).contains_key(name)
        {
            list.remove(&unique_name);
        }
    }
    write(node, list, outcome);
}

pub(super) fn listed(node: &Node) -> BTreeMap<String, AttachedVolume> {
    let list = node.status.as_ref().and_then(|s| s.volumes_attached.as_ref());
    list.into_iter().flatten().map(|v| (v.name.clone(), v.clone())).collect()
}

/// What is attached to a node: its name there, its key, and the volume.
fn attached<'a>(view: &View<'a>, node: &str) -> impl Iterator<Item = (String, String, Volume<'a>)> {
    let view = *view;
    let is_attached = |a: &Attachment<'_>| a.state == AttachState::Attached;
    on_node(&view, node).into_iter().filter(is_attached).filter_map(move |a| {
        let key = attached_volume(a.attachment)?;
        let volume = match &a.attachment.spec.source.inline_volume_spec {
            Some(spec) => Volume::Owned(PersistentVolume { spec: Some(spec.clone()), ..Default::default() }),
            None => Volume::Borrowed(view.get_as::<PersistentVolume>("", &key)?),
        };
        Some((CsiVolume::of(&volume)?.unique_name(), key, volume))
    })
}

pub(super) fn write(node: &Node, list: BTreeMap<String, AttachedVolume>, outcome: &mut Outcome) {
    let list: Vec<AttachedVolume> = list.into_values().collect();
    let mut node = node.clone();
    let status = node.status.get_or_insert_default();
    let list = Some(list).filter(|list| !list.is_empty());
    if status.volumes_attached.clone().filter(|list| !list.is_empty()) != list {
        status.volumes_attached = list;
        outcome.write(Write::update_status(node));
    }
}
