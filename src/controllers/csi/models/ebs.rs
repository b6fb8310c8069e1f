//! Amazon EBS, after `docs/parameters.md`, `docs/faq.md` and `pkg/driver` of kubernetes-sigs/aws-ebs-csi-driver.
//!
//! One node writes a file system; several nodes share only raw devices (io2 with Multi-Attach). Sizes are whole GiB.

use std::collections::BTreeMap;

use crate::controllers::csi::model::{ANY, Expansion, GI, Model, RWO, RWOP, RWX, only};

/// The keys of `pkg/driver/constants.go` that a class may have.
const PARAMETERS: &[&str] = &[
    "type",
    "iopsPerGB",
    "allowAutoIOPSPerGBIncrease",
    "allowAutoIOPSIncreaseOnModify",
    "volumeInitializationRate",
    "iops",
    "throughput",
    "encrypted",
    "kmsKeyId",
    "fsType",
    "blockExpress",
    "blockSize",
    "inodeSize",
    "bytesPerInode",
    "numberOfInodes",
    "ext4BigAlloc",
    "ext4ClusterSize",
    "ext4EncryptionSupport",
    "outpostArn",
    "blockAttachUntilInitialized",
];

const TYPES: &[&str] = &["io1", "io2", "gp2", "gp3", "sc1", "st1", "standard", "sbp1", "sbg1"];

pub(super) static DRIVER: Model = Model {
    name: "ebs.csi.aws.com",
    documents: "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/tree/master/docs",
    in_tree: "kubernetes.io/aws-ebs (migrated)",
    fs_group_policy: "File",
    file_modes: &[RWO, RWOP],
    block_modes: &[RWO, RWX, RWOP],
    refuses_mode: |_, _| "Volume capabilities not supported".into(),
    expansion: Expansion::Online,
    topology_keys: &["kubernetes.io/os", "topology.ebs.csi.aws.com/zone", "topology.kubernetes.io/zone"],
    // A Nitro instance has 28 places, of which the root volume and the network take some: `docs/options.md`.
    attach_limit: Some(25),
    allocatable_update_period: Some(10),
    granularity: GI,
    check_parameters: |parameters| {
        let tags = |key: &&String| key.starts_with("tagSpecification");
        let rest = parameters.iter().filter(|(key, _)| !tags(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        only(&rest, PARAMETERS, |key| format!("Invalid parameter key {} for CreateVolume", key.to_lowercase()))?;
        for (key, value) in &rest {
            let is = |name: &str| key.eq_ignore_ascii_case(name);
            let wrong = |what: &str| {
                let fault = format!("strconv.ParseInt: parsing {value:?}: invalid syntax");
                Err(format!("Could not parse invalid {what}: {fault}"))
            };
            match value.parse::<i64>().is_err() {
                true if is("iopsPerGB") => return wrong("iopsPerGB"),
                true if is("iops") => return wrong("iops"),
                true if is("throughput") => return wrong("throughput"),
                _ => {}
            }
            if is("type") && !TYPES.contains(&value.as_str()) {
                return Err(format!("Could not create volume: invalid AWS VolumeType {value:?}"));
            }
        }
        Ok(())
    },
    handle: |draw, _| format!("vol-0{}", draw.hex(16)),
    snapshot_handle: |draw, _| format!("snap-0{}", draw.hex(16)),
    // `docs/faq.md`, and `pkg/driver/controller.go`: one is ready once it is `completed`.
    uploads_snapshots: true,
    modify: Some(modify),
    pod: "ebs-csi-controller-7d8f8c9b6d-",
    holds_volumes: true,
    node_id: |draw, _| format!("i-0{}", draw.hex(16)),
    ..ANY
};

/// Mirrors `parseModifyVolumeParameters` of `pkg/driver/controller_modify_volume.go`, and what EC2 says of a type.
fn modify(parameters: &BTreeMap<String, String>, _: &BTreeMap<String, String>) -> Result<(), String> {
    for (key, value) in parameters {
        let number = value.parse::<i32>().is_ok();
        match key.as_str() {
            "iops" if !number => return Err(format!("Could not parse IOPS: {value:?}")),
            "throughput" if !number => return Err(format!("Could not parse throughput: {value:?}")),
            "iopsPerGB" if !number => return Err(format!("Could not parse IopsPerGb: {value:?}")),
            "type" | "volumeType" if !TYPES.contains(&value.as_str()) => {
                return Err(format!("Could not modify volume (invalid argument): invalid AWS VolumeType {value:?}"));
            }
            "iops" | "throughput" | "iopsPerGB" | "type" | "volumeType" | "allowAutoIOPSIncreaseOnModify" => {}
            key if key.starts_with("tagSpecification") || key.starts_with("tagDeletion") => {}
            key => return Err(format!("Invalid mutable parameter key: {key}")),
        }
    }
    Ok(())
}
