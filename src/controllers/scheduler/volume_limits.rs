//! How many volumes of a CSI driver a node takes, where its CSINode says so.
//!
//! Mirrors `pkg/scheduler/framework/plugins/nodevolumelimits`; what was in the tree once counts for the driver that took
//! over.

use std::collections::BTreeMap;

use super::framework::{Cycle, NodeInfo, Rejection};
use crate::api::Kind;
use crate::api::csi::{CsiVolume, attachable_inline_volumes, csi_name_from_in_tree_name};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::api::storage::v1::{CSINode, StorageClass, VolumeAttachment};
use crate::api::pod::{claims_of, count_claims};
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::store::{Index, View};

const TOO_MANY: &str = "node(s) exceed max volume count";

/// Volumes by a name of their own, with their driver.
type Volumes = BTreeMap<String, String>;

/// Whether the node takes the pod's volumes besides those that it has. Mirrors `CSILimits.Filter`.
pub(super) fn check_limits(cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> Result<(), Rejection> {
    if cycle.view.len(Kind::CSINode) == 0 {
        return Ok(());
    }
    let Some(node) = cycle.view.get_as::<CSINode>("", info.name) else { return Ok(()) };
    let limit = |driver: &str| {
        let driver = node.spec.drivers.iter().find(|d| d.name == driver)?;
        usize::try_from(driver.allocatable.as_ref()?.count?).ok()
    };
    let mut new = attachable_volumes(cycle.view, cycle.pod);
    if !new.values().any(|driver| limit(driver).is_some()) {
        return Ok(());
    }
    let pods = || cycle.pods_meant_for(info.name).filter_map(|o| o.get::<Pod>());
    // Most nodes have room even if all that is there were of one driver.
    let attached = cycle.view.count(Kind::VolumeAttachment, Index::AttachmentNode, info.name);
    let most = pods().map(count_volumes).fold(attached + new.len(), |sum, claims| sum.saturating_add(claims));
    if new.values().all(|driver| limit(driver).is_none_or(|limit| most <= limit)) {
        return Ok(());
    }
    let mut there = attachments(cycle.view, info.name);
    there.extend(pods().flat_map(|pod| attachable_volumes(cycle.view, pod)));
    new.retain(|volume, _| !there.contains_key(volume));
    let count = |volumes: &Volumes, driver: &str| volumes.values().filter(|d| *d == driver).count();
    let exceeds =
        |driver: &String| limit(driver).is_some_and(|most| count(&there, driver) + count(&new, driver) > most);
    match new.values().any(exceeds) {
        true => Err(Rejection::resolvable(TOO_MANY)),
        false => Ok(()),
    }
}

/// The volumes of a pod's claims that a driver attaches. Mirrors `filterAttachableVolumes`.
fn attachable_volumes(view: &View<'_>, pod: &Pod) -> Volumes {
    let claims = claims_of(pod);
    let claims = claims.iter().filter_map(|key| {
        let (namespace, name) = key.split_once('/')?;
        view.get_as::<PersistentVolumeClaim>(namespace, name)
    });
    let own = attachable_inline_volumes(pod);
    claims.filter_map(|claim| driver_info(view, claim)).chain(own.iter().filter_map(volume_info)).collect()
}

/// Mirrors `getCSIDriverInfo`.
fn driver_info(view: &View<'_>, claim: &PersistentVolumeClaim) -> Option<(String, String)> {
    let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    if let Some(volume) = view.get_as::<PersistentVolume>("", volume) {
        return volume_info(volume);
    }
    // OBSERVATION: a claim that is not bound yet counts for the driver of its class.
    let class = view.get_as::<StorageClass>("", get_persistent_volume_claim_class(claim))?;
    let uid = claim.metadata.uid.clone().unwrap_or_default();
    let driver = csi_name_from_in_tree_name(&class.provisioner).unwrap_or(&class.provisioner);
    Some((format!("claim/{uid}"), driver.to_string()))
}

fn volume_info(volume: &PersistentVolume) -> Option<(String, String)> {
    let csi = CsiVolume::of(volume)?;
    Some((format!("{}/{}", csi.driver, csi.handle), csi.driver))
}

/// The volumes that are attached to a node by name.
fn attachments(view: &View<'_>, node: &str) -> Volumes {
    let here = view.indexed(Kind::VolumeAttachment, Index::AttachmentNode, node);
    let here = here.filter_map(|o| o.get::<VolumeAttachment>());
    let info = |attachment: &VolumeAttachment| {
        let source = &attachment.spec.source;
        if let Some(name) = &source.persistent_volume_name {
            return volume_info(view.get_as::<PersistentVolume>("", name)?);
        }
        volume_info(&PersistentVolume { spec: source.inline_volume_spec.clone(), ..Default::default() })
    };
    here.filter_map(info).collect()
}

/// At most how many volumes of a pod are attached.
fn count_volumes(pod: &Pod) -> usize {
    count_claims(pod) + attachable_inline_volumes(pod).len()
}
