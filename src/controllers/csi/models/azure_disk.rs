//! Azure Disk, after `docs/driver-parameters.md` and `pkg/azuredisk` of kubernetes-sigs/azuredisk-csi-driver.
//!
//! One node writes a file system; shared disks (`maxShares`) are raw devices. Sizes are whole GiB.

use crate::controllers::csi::model::{ANY, Expansion, GI, Model, ROX, RWO, RWOP, RWX, only};

const PARAMETERS: &[&str] = &[
    "skuName",
    "storageAccountType",
    "kind",
    "fsType",
    "cachingMode",
    "location",
    "resourceGroup",
    "subscriptionID",
    "diskIOPSReadWrite",
    "diskMBpsReadWrite",
    "logicalSectorSize",
    "tags",
    "tagValueDelimiter",
    "diskEncryptionSetID",
    "diskEncryptionType",
    "writeAcceleratorEnabled",
    "networkAccessPolicy",
    "publicNetworkAccess",
    "diskAccessID",
    "enableBursting",
    "enablePerformancePlus",
    "userAgent",
    "perfProfile",
    "maxShares",
    "attachDiskInitialDelay",
];

pub(super) static DRIVER: Model = Model {
    name: "disk.csi.azure.com",
    documents: "https://github.com/kubernetes-sigs/azuredisk-csi-driver/blob/master/docs/driver-parameters.md",
    in_tree: "kubernetes.io/azure-disk (migrated)",
    fs_group_policy: "File",
    file_modes: &[RWO, RWOP],
    block_modes: &[RWO, ROX, RWX, RWOP],
    refuses_mode: |mode, _| format!("mountVolume is not supported for access mode: {}", grpc_mode(mode)),
    // `docs/known-issues`: since Azure grows attached disks, so does the driver.
    expansion: Expansion::Online,
    topology_keys: &["topology.disk.csi.azure.com/zone"],
    // A machine of the series DSv3 with four cores.
    attach_limit: Some(8),
    granularity: GI,
    check_parameters: |parameters| {
        only(parameters, PARAMETERS, |key| {
            format!("Failed parsing disk parameters: invalid parameter {key} in storage class")
        })
    },
    handle: |_, volume| {
        let group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/kstate";
        format!("{group}/providers/Microsoft.Compute/disks/{}", volume.name)
    },
    snapshot_handle: |_, snapshot| {
        let group = snapshot.volume.split("/disks/").next().unwrap_or_default();
        format!("{group}/snapshots/{}", snapshot.name)
    },
    // `ControllerModifyVolume` of `pkg/azuredisk/controllerserver.go`.
    modify: Some(|parameters, _| {
        only(parameters, PARAMETERS, |key| {
            format!("Failed parsing disk parameters: invalid parameter {key} in storage class")
        })
    }),
    pod: "csi-azuredisk-controller-5f7d8c9b6f-",
    holds_volumes: true,
    ..ANY
};

/// The CSI specification's name of an access mode.
fn grpc_mode(mode: &str) -> &'static str {
    match mode {
        RWX => "MULTI_NODE_MULTI_WRITER",
        ROX => "MULTI_NODE_READER_ONLY",
        _ => "SINGLE_NODE_WRITER",
    }
}
