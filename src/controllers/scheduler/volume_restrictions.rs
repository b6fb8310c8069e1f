//! Disks that only one node's, or one pod's, may be.
//!
//! Mirrors `pkg/scheduler/framework/plugins/volumerestrictions`.

use super::framework::{Cycle, NodeInfo, Rejection};
use super::volume_binding::PodVolumeClaims;
use crate::api::k8s::api::core::v1::{Pod, Volume};

const NO_DISK: &str = "node(s) had no available disk";
const IN_USE: &str =
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

/// Whether the pod's disks, and the claims that only one pod may use, are free. Mirrors `VolumeRestrictions.Filter`.
pub(super) fn check_restrictions(
    cycle: &Cycle<'_>,
    info: &NodeInfo<'_>,
    claims: &PodVolumeClaims<'_>,
) -> Result<(), Rejection> {
    let mut disks = cycle.spec.volumes.iter().flatten().filter(|v| is_disk(v));
    if disks.any(|disk| is_mounted(cycle, info, disk)) {
        return Err(Rejection::resolvable(NO_DISK));
    }
    match claims.in_use {
        true => Err(Rejection::resolvable(IN_USE)),
        false => Ok(()),
    }
}

fn is_disk(volume: &Volume) -> bool {
    volume.gce_persistent_disk.is_some()
        || volume.aws_elastic_block_store.is_some()
        || volume.iscsi.is_some()
        || volume.rbd.is_some()
}

fn is_mounted(cycle: &Cycle<'_>, info: &NodeInfo<'_>, disk: &Volume) -> bool {
    let specs = cycle.pods_meant_for(info.name).filter_map(|o| o.get::<Pod>()?.spec.as_ref());
    specs.flat_map(|s| s.volumes.iter().flatten()).any(|there| is_volume_conflict(disk, there))
}

/// Whether two pods' volumes are one disk that they can't share.
fn is_volume_conflict(one: &Volume, other: &Volume) -> bool {
    let both = |one: Option<bool>, other: Option<bool>| one == Some(true) && other == Some(true);
    if let (Some(a), Some(b)) = (&one.gce_persistent_disk, &other.gce_persistent_disk)
        && a.pd_name == b.pd_name
        && !both(a.read_only, b.read_only)
    {
        return true;
    }
    if let (Some(a), Some(b)) = (&one.aws_elastic_block_store, &other.aws_elastic_block_store)
        && a.volume_id == b.volume_id
    {
        return true;
    }
    if let (Some(a), Some(b)) = (&one.iscsi, &other.iscsi)
        && a.iqn == b.iqn
        && !both(a.read_only, b.read_only)
    {
        return true;
    }
    if let (Some(a), Some(b)) = (&one.rbd, &other.rbd)
        && a.monitors.iter().any(|m| b.monitors.contains(m))
        && (&a.pool, &a.image) == (&b.pool, &b.image)
        && !both(a.read_only, b.read_only)
    {
        return true;
    }
    false
}
