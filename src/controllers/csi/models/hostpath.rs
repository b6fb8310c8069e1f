//! The example driver, which keeps volumes in folders of a node, after `README.md`, `deploy/` and `pkg/hostpath` of
//! kubernetes-csi/csi-driver-host-path.
//!
//! Each volume is on one node, which its topology names; nothing is attached; it tells how much room each node has.

use crate::controllers::csi::model::{ANY, Expansion, Model, ROX, RWO, RWOP, RWX};

pub(super) static DRIVER: Model = Model {
    name: "hostpath.csi.k8s.io",
    documents: "https://github.com/kubernetes-csi/csi-driver-host-path/blob/master/README.md",
    attach_required: false,
    pod_info_on_mount: true,
    storage_capacity: true,
    fs_group_policy: "File",
    lifecycle_modes: &["Persistent", "Ephemeral"],
    file_modes: &[RWO, ROX, RWX, RWOP],
    block_modes: &[RWO, ROX, RWX, RWOP],
    expansion: Expansion::Online,
    topology_keys: &["topology.hostpath.csi/node"],
    granularity: 1,
    handle: |draw, _| draw.uid(),
    snapshot_handle: |draw, _| draw.uid(),
    // Only where its `--enable-controller-modify-volume` is set, which its deployments do not.
    modify: None,
    pod: "csi-hostpathplugin-0",
    holds_volumes: true,
    ..ANY
};
