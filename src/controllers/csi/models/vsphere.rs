//! VMware vSphere, after the documentation of kubernetes-sigs/vsphere-csi-driver ("Supported Kubernetes Functionality").
//!
//! Block volumes are for one node; several nodes share file volumes, which need vSAN File Services. Sizes go in MiB.

use crate::controllers::csi::model::{ANY, Expansion, MI, Model, ROX, RWO, RWOP, RWX, only};

const PARAMETERS: &[&str] = &[
    "storagePolicyName",
    "datastoreurl",
    "fstype",
    "csimigration",
    "datastore-migrationparam",
    "diskformat-migrationparam",
    "hostfailurestotolerate-migrationparam",
    "forceprovisioning-migrationparam",
    "cachereservation-migrationparam",
    "diskstripes-migrationparam",
    "objectspacereservation-migrationparam",
    "iopslimit-migrationparam",
];

pub(super) static DRIVER: Model = Model {
    name: "csi.vsphere.vmware.com",
    documents: "https://docs.vmware.com/en/VMware-vSphere-Container-Storage-Plug-in/index.html",
    in_tree: "kubernetes.io/vsphere-volume (migrated)",
    file_modes: &[RWO, ROX, RWX, RWOP],
    block_modes: &[RWO, RWOP],
    refuses_mode: |mode, _| {
        let mode = if mode == RWX { "MULTI_NODE_MULTI_WRITER" } else { "MULTI_NODE_READER_ONLY" };
        format!("volume capability not supported. Err: access mode {mode} is not supported for raw block volumes")
    },
    // Since vSphere 7.0 U2 volumes grow while they are in use.
    expansion: Expansion::Online,
    clone: false,
    topology_keys: &["topology.csi.vmware.com/k8s-zone"],
    // Four SCSI controllers with 15 places each, less one for the boot disk.
    attach_limit: Some(59),
    granularity: MI,
    check_parameters: |parameters| {
        only(parameters, PARAMETERS, |key| {
            let fault = format!("invalid parameter. key:{key}");
            format!("parsing storage class parameters failed with error: {fault}")
        })
    },
    handle: |draw, _| draw.uid(),
    snapshot_handle: |draw, snapshot| format!("{}+{}", snapshot.volume, draw.uid()),
    modify: None,
    pod: "vsphere-csi-controller-79f8c7d7b4-",
    holds_volumes: true,
    node_id: |draw, _| draw.uid(),
    ..ANY
};
