//! Ceph's two drivers as Rook deploys them, after `docs/rbd/deploy.md` and `docs/cephfs/deploy.md` of ceph/ceph-csi.
//!
//! RBD's file systems are for one node (many may only read), its raw devices for many; CephFS is for many and has no
//! devices.

use crate::api::names::Draw;
use crate::controllers::csi::model::{ANY, Expansion, GI, MI, Model, NewSnapshot, NewVolume, ROX, RWO, RWOP, RWX};

pub(super) static RBD: Model = Model {
    name: "rook-ceph.rbd.csi.ceph.com",
    documents: "https://github.com/ceph/ceph-csi/blob/devel/docs/rbd/deploy.md",
    in_tree: "kubernetes.io/rbd (removed in v1.31)",
    fs_group_policy: "File",
    se_linux_mount: true,
    file_modes: &[RWO, ROX, RWOP],
    block_modes: &[RWO, ROX, RWX, RWOP],
    refuses_mode: |_, _| "multi node access modes are only supported on rbd `block` type volumes".into(),
    expansion: Expansion::Online,
    topology_keys: &[],
    granularity: MI,
    check_parameters: |parameters| {
        required(parameters, "clusterID", "missing or empty cluster ID to provision volume from")?;
        required(parameters, "pool", "missing required parameter pool")
    },
    handle,
    snapshot_handle,
    modify: None,
    pod: "csi-rbdplugin-provisioner-7c9c8c5c5f-",
    holds_volumes: true,
    ..ANY
};

pub(super) static CEPHFS: Model = Model {
    name: "rook-ceph.cephfs.csi.ceph.com",
    documents: "https://github.com/ceph/ceph-csi/blob/devel/docs/cephfs/deploy.md",
    in_tree: "kubernetes.io/cephfs (removed in v1.31)",
    fs_group_policy: "File",
    se_linux_mount: true,
    file_modes: &[RWO, ROX, RWX, RWOP],
    block_modes: &[],
    refuses_mode: |_, _| "block volume not supported".into(),
    expansion: Expansion::Online,
    node_expansion: false,
    topology_keys: &[],
    granularity: GI,
    check_parameters: |parameters| {
        required(parameters, "clusterID", "clusterID must be set")?;
        required(parameters, "fsName", "missing required field: fsName")
    },
    handle,
    snapshot_handle,
    modify: None,
    pod: "csi-cephfsplugin-provisioner-6c8b7c5d6f-",
    holds_volumes: true,
    ..ANY
};

fn required(parameters: &std::collections::BTreeMap<String, String>, key: &str, fault: &str) -> Result<(), String> {
    match parameters.get(key).is_some_and(|value| !value.is_empty()) {
        true => Ok(()),
        false => Err(fault.to_string()),
    }
}

/// The same for a snapshot: only the uid is another one.
fn snapshot_handle(draw: &mut Draw, snapshot: &NewSnapshot<'_>) -> String {
    let parts: Vec<&str> = snapshot.volume.split('-').collect();
    let before = parts.len().saturating_sub(5);
    format!("{}-{}", parts.get(..before).unwrap_or_default().join("-"), draw.uid())
}

/// Mirrors `CSIIdentifier.ComposeCSIID`: version, length and name of the cluster, number of the pool, uid of the image.
fn handle(draw: &mut Draw, volume: &NewVolume<'_>) -> String {
    let cluster = volume.parameters.get("clusterID").map_or("rook-ceph", String::as_str);
    format!("0001-{:04x}-{cluster}-0000000000000001-{}", cluster.len(), draw.uid())
}
