//! How many volumes of a CSI driver a node takes, where its CSINode says so.
//!
//! Mirrors `pkg/scheduler/framework/plugins/nodevolumelimits`; what was in the tree once counts for the driver that took
//! over.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::framework::{Cycle, NodeInfo, Rejection};
use crate::api::Kind;
use crate::api::csi::{CsiVolume, attachable_inline_volumes, csi_name_from_in_tree_name};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::api::storage::v1::{CSINode, StorageClass, VolumeAttachment};
use crate::api::pod::{claim_names_of, count_claims};
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::store::{Index, View};

const TOO_MANY: &str = "node(s) exceed max volume count";

/// A volume as its driver knows it: the driver, and the volume's name there. Nodes have many, so that what an object
/// says is not copied.
type Known<'v> = (Cow<'v, str>, Cow<'v, str>);

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
    let mut new: BTreeSet<Known<'_>> = attachable_volumes(cycle.view, cycle.pod).into_iter().collect();
    if !new.iter().any(|(driver, _)| limit(driver).is_some()) {
        return Ok(());
    }
    let pods = || cycle.pods_meant_for(info.name).filter_map(|o| o.get::<Pod>());
    // Most nodes have room even if all that is there were of one driver.
    let attached = cycle.view.count(Kind::VolumeAttachment, Index::AttachmentNode, info.name);
    let most = pods().map(count_volumes).fold(attached + new.len(), |sum, claims| sum.saturating_add(claims));
    if new.iter().all(|(driver, _)| limit(driver).is_none_or(|limit| most <= limit)) {
        return Ok(());
    }
    let mut there: BTreeSet<Known<'_>> = attachments(cycle.view, info.name).collect();
    there.extend(pods().flat_map(|pod| attachable_volumes(cycle.view, pod)));
    new.retain(|volume| !there.contains(volume));
    let count = |volumes: &BTreeSet<Known<'_>>, driver: &str| volumes.iter().filter(|(d, _)| d == driver).count();
    let exceeds =
        |(driver, _): &Known<'_>| limit(driver).is_some_and(|most| count(&there, driver) + count(&new, driver) > most);
    match new.iter().any(exceeds) {
        true => Err(Rejection::resolvable(TOO_MANY)),
        false => Ok(()),
    }
}

/// The volumes of a pod's claims that a driver attaches. Mirrors `filterAttachableVolumes`.
fn attachable_volumes<'v>(view: &View<'v>, pod: &'v Pod) -> Vec<Known<'v>> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let claims = claim_names_of(pod).filter_map(|name| view.get_as::<PersistentVolumeClaim>(namespace, &name));
    let own = attachable_inline_volumes(pod).into_iter().filter_map(|volume| volume_info(&volume).map(owned));
    claims.filter_map(|claim| driver_info(view, claim)).chain(own).collect()
}

/// Mirrors `getCSIDriverInfo`.
fn driver_info<'v>(view: &View<'v>, claim: &'v PersistentVolumeClaim) -> Option<Known<'v>> {
    let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    if let Some(volume) = view.get_as::<PersistentVolume>("", volume) {
        return volume_info(volume);
    }
    // OBSERVATION: a claim that is not bound yet counts for the driver of its class.
    let class = view.get_as::<StorageClass>("", get_persistent_volume_claim_class(claim))?;
    let uid = claim.metadata.uid.as_deref().unwrap_or_default();
    let driver = csi_name_from_in_tree_name(&class.provisioner).unwrap_or(&class.provisioner);
    Some((driver.into(), format!("claim/{uid}").into()))
}

fn volume_info(volume: &PersistentVolume) -> Option<Known<'_>> {
    if let Some(source) = volume.spec.as_ref().and_then(|spec| spec.csi.as_ref()) {
        return Some((source.driver.as_str().into(), source.volume_handle.as_str().into()));
    }
    CsiVolume::of(volume).map(|csi| (csi.driver.into(), csi.handle.into()))
}

fn owned((driver, name): Known<'_>) -> Known<'static> {
    (driver.into_owned().into(), name.into_owned().into())
}

/// The volumes that are attached to a node by name.
fn attachments<'v>(view: &View<'v>, node: &str) -> impl Iterator<Item = Known<'v>> {
    let here = view.indexed(Kind::VolumeAttachment, Index::AttachmentNode, node);
    let view = *view;
    here.filter_map(|o| o.get::<VolumeAttachment>()).filter_map(move |attachment| {
        let source = &attachment.spec.source;
        match &source.persistent_volume_name {
            Some(name) => volume_info(view.get_as::<PersistentVolume>("", name)?),
            None => {
                let volume = PersistentVolume { spec: source.inline_volume_spec.clone(), ..Default::default() };
                volume_info(&volume).map(owned)
            }
        }
    })
}

/// At most how many volumes of a pod are attached.
fn count_volumes(pod: &Pod) -> usize {
    count_claims(pod) + attachable_inline_volumes(pod).len()
}
