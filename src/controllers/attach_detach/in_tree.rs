//! Volumes of the attachable plugins that are still in the tree: iSCSI and Fibre Channel.
//!
//! Mirrors `reconciler/reconciler.go` with the attachers of `pkg/volume/iscsi` and `pkg/volume/fc`, whose `Attach` does
//! nothing: the node's kubelet logs in to the target. Where a volume is attached the nodes' statuses alone say.

use std::collections::BTreeMap;

use super::COMPONENT;
use super::actual_state_of_world::Memory;
use super::desired_state_of_world::nodes_of;
use super::node_status_updater::{is_reported, listed, write};
use super::reconciler::{
    MAX_WAIT_FOR_UNMOUNT, attach_succeeded, has_unmounted, is_healthy, is_out_of_service, multi_attach_error,
};
use crate::api::csi::unique_name_of;
use crate::api::k8s::api::core::v1::{AttachedVolume, Node, PersistentVolume};
use crate::api::{Duration, Object, Time};
use crate::controllers::csi::is_multi_attach_allowed;
use crate::controllers::{About, EventDraft, Outcome};
use crate::store::View;

/// Whether a volume is one of such a plugin.
pub(super) fn is_in_tree(volume: &PersistentVolume) -> bool {
    volume.spec.as_ref().is_some_and(|s| s.iscsi.is_some() || s.fc.is_some())
}

/// Whether a name in nodes' statuses is that of such a volume.
pub(super) fn is_named_in_tree(name: &str) -> bool {
    name.starts_with("kubernetes.io/iscsi/") || name.starts_with("kubernetes.io/fc/")
}

/// Looks at a volume; none is one that a pod named itself and that no pod has any more.
pub(super) fn reconcile(view: &View<'_>, name: &str, volume: Option<&PersistentVolume>, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let unique_name = match volume {
        Some(volume) => unique_name_of(volume),
        None => Some(name.to_string()),
    };
    let Some(unique_name) = unique_name else { return outcome };
    let before = Memory::of(view, name);
    let mut memory = before.clone();
    let wanted: BTreeMap<&str, Vec<&Object>> = volume.map(|volume| nodes_of(view, name, volume)).unwrap_or_default();
    let attached: Vec<&Node> = view.list_as::<Node>().filter(|node| is_reported(node, &unique_name)).collect();
    memory.0.retain(|node, _| wanted.contains_key(node.as_str()) || attached.iter().any(|n| name_of(n) == node));
    let mut stays = Vec::new();
    for node in attached {
        if wanted.contains_key(name_of(node)) {
            stays.push(name_of(node));
            continue;
        }
        let kept = memory.node(name_of(node));
        kept.multi_attach_error_reported = false;
        let since = Time(*kept.detach_requested.get_or_insert(now.0));
        let forced = !is_healthy(node) && now - since > MAX_WAIT_FOR_UNMOUNT;
        if !has_unmounted(node, &unique_name) && !forced && !is_out_of_service(node) {
            // OBSERVATION: it is still mounted; the node's status, or time, brings it back here.
            stays.push(name_of(node));
            if !is_healthy(node) {
                outcome.recurring(since + MAX_WAIT_FOR_UNMOUNT + Duration::millis(100) - now);
            }
            continue;
        }
        let mut list = listed(node);
        list.remove(&unique_name);
        memory.0.remove(name_of(node));
        write(node, list, &mut outcome);
    }
    let multi_attach = volume.is_none_or(is_multi_attach_allowed);
    for (node, pods) in &wanted {
        if stays.contains(node) {
            memory.node(node).detach_requested = None;
            continue;
        }
        let others: Vec<&str> = stays.iter().copied().filter(|other| other != node).collect();
        if !multi_attach && !others.is_empty() {
            if !std::mem::replace(&mut memory.node(node).multi_attach_error_reported, true) {
                let all = (volume.and_then(|v| v.metadata.name.as_deref()).unwrap_or(name), &wanted);
                multi_attach_error(all, pods, &others, &mut outcome);
            }
            continue;
        }
        let Some(object) = view.get_as::<Node>("", node) else { continue };
        let mut list = listed(object);
        list.insert(unique_name.clone(), AttachedVolume { name: unique_name.clone(), device_path: String::new() });
        write(object, list, &mut outcome);
        memory.0.remove(*node);
        stays.push(*node);
        let called = volume.and_then(|v| v.metadata.name.as_deref()).unwrap_or(name);
        for pod in pods {
            let about = About::object(pod);
            outcome.event(EventDraft::normal(about, COMPONENT, "SuccessfulAttachVolume", attach_succeeded(called)));
        }
    }
    memory.save(name, &before, &mut outcome);
    outcome
}

fn name_of(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}
