//! Google's Persistent Disk, after `README.md` and `docs/` of kubernetes-sigs/gcp-compute-persistent-disk-csi-driver.
//!
//! One node writes, or many only read. Sizes are whole GiB.

use std::collections::BTreeMap;

use crate::controllers::csi::model::{ANY, Expansion, GI, Model, ROX, RWO, RWOP, RWX, only};

const PARAMETERS: &[&str] = &[
    "type",
    "replication-type",
    "disk-encryption-kms-key",
    "labels",
    "provisioned-iops-on-create",
    "provisioned-throughput-on-create",
    "enable-confidential-storage",
    "resource-tags",
    "storage-pools",
    "use-allowed-disk-topology",
];

pub(super) static DRIVER: Model = Model {
    name: "pd.csi.storage.gke.io",
    documents: "https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver/blob/master/README.md",
    in_tree: "kubernetes.io/gce-pd (migrated)",
    file_modes: &[RWO, ROX, RWOP],
    block_modes: &[RWO, ROX, RWX, RWOP],
    refuses_mode: |_, _| "VolumeCapabilities is invalid: specified multi writer with mount access type".into(),
    expansion: Expansion::Online,
    topology_keys: &["topology.gke.io/zone"],
    // `docs/kubernetes/user-guides`: 127 disks of a machine besides the one that it boots from.
    attach_limit: Some(127),
    granularity: GI,
    check_parameters: |parameters| {
        let text = |key: &str| {
            format!("failed to extract parameters: parameters contains invalid option \"{}\"", key.to_lowercase())
        };
        only(parameters, PARAMETERS, text)
    },
    handle: |_, volume| {
        let zone = if volume.zone.is_empty() { "us-central1-a" } else { volume.zone };
        format!("projects/kstate/zones/{zone}/disks/{}", volume.name)
    },
    snapshot_handle: |_, snapshot| format!("projects/kstate/global/snapshots/{}", snapshot.name),
    // `pkg/gce-pd-csi-driver/controller.go`: one is ready once its status is `READY`.
    uploads_snapshots: true,
    modify: Some(modify),
    pod: "csi-gce-pd-controller-6c8f5b7d9c-",
    holds_volumes: true,
    node_id: |_, node| format!("projects/kstate/zones/us-central1-a/instances/{node}"),
    ..ANY
};

/// Mirrors `ControllerModifyVolume` and `ExtractModifyVolumeParameters`: only Hyperdisks can be modified.
fn modify(parameters: &BTreeMap<String, String>, class: &BTreeMap<String, String>) -> Result<(), String> {
    for (key, value) in parameters {
        let fault = match key.to_lowercase().as_str() {
            "iops" if value.parse::<i64>().is_err() => format!(
                "parameters contain invalid iops parameter: could not parse string to int64: strconv.ParseInt: parsing \
                 {value:?}: invalid syntax"
            ),
            "iops" | "throughput" => continue,
            _ => format!("parameters contain unknown parameter: {key}"),
        };
        return Err(format!("Invalid parameters: {fault}"));
    }
    let disk = class.get("type").map_or("pd-standard", String::as_str);
    let has = |key: &str| parameters.keys().any(|k| k.eq_ignore_ascii_case(key));
    let (iops, throughput) = match disk {
        "hyperdisk-balanced" => (true, true),
        "hyperdisk-extreme" => (true, false),
        "hyperdisk-throughput" | "hyperdisk-ml" => (false, true),
        _ => return Err(format!("Failed to modify volume: modifications not supported for disk type {disk}")),
    };
    match () {
        () if has("iops") && !iops => Err(format!("Cannot specify IOPS for disk type {disk}")),
        () if has("throughput") && !throughput => Err(format!("Cannot specify throughput for disk type {disk}")),
        () => Ok(()),
    }
}
