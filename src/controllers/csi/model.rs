//! What a CSI driver can do, as its own documents say.

use std::collections::BTreeMap;

use crate::api::names::Draw;

/// Access modes by their short names, as documents list them.
pub const RWO: &str = "ReadWriteOnce";
/// See `RWO`.
pub const ROX: &str = "ReadOnlyMany";
/// See `RWO`.
pub const RWX: &str = "ReadWriteMany";
/// See `RWO`.
pub const RWOP: &str = "ReadWriteOncePod";

/// How a volume grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expansion {
    /// While it is in use.
    Online,
    /// Only while no pod uses it.
    Offline,
    /// Never.
    No,
}

/// A driver's abilities.
pub struct Model {
    /// Its name, which classes name as their provisioner; empty for any other.
    pub name: &'static str,
    /// Where its makers say so.
    pub documents: &'static str,
    /// What was in the tree in its place once; empty for nothing.
    pub in_tree: &'static str,
    /// Whether it is a CSI driver; else only a provisioner, whose volumes need no driver.
    pub csi: bool,
    /// `spec.attachRequired` of its CSIDriver.
    pub attach_required: bool,
    /// `spec.podInfoOnMount`.
    pub pod_info_on_mount: bool,
    /// Whether it tells how much room is left where.
    pub storage_capacity: bool,
    /// `spec.fsGroupPolicy`.
    pub fs_group_policy: &'static str,
    /// `spec.volumeLifecycleModes`.
    pub lifecycle_modes: &'static [&'static str],
    /// `spec.seLinuxMount`.
    pub se_linux_mount: bool,
    /// The access modes of volumes with a file system.
    pub file_modes: &'static [&'static str],
    /// The access modes of raw devices; none where there are no such.
    pub block_modes: &'static [&'static str],
    /// What it answers to other access modes: the description of the gRPC status InvalidArgument.
    pub refuses_mode: fn(mode: &str, block: bool) -> String,
    /// How volumes grow.
    pub expansion: Expansion,
    /// Whether the file system has to be grown on the node.
    pub node_expansion: bool,
    /// Whether it copies volumes.
    pub clone: bool,
    /// Whether it takes snapshots.
    pub snapshot: bool,
    /// The name that it gives to a new snapshot.
    pub snapshot_handle: fn(&mut Draw, &NewSnapshot<'_>) -> String,
    /// Whether a snapshot is taken at once and can be used only later, once it is uploaded.
    pub uploads_snapshots: bool,
    /// What is wrong with the parameters of an attributes class, as the description of the gRPC status InvalidArgument;
    /// none where volumes can't be modified. The second parameters are those of the volume's StorageClass.
    pub modify: Option<Modify>,
    /// The keys by which it says where a node is.
    pub topology_keys: &'static [&'static str],
    /// How many volumes a node takes.
    pub attach_limit: Option<i32>,
    /// `spec.nodeAllocatableUpdatePeriodSeconds`.
    pub allocatable_update_period: Option<i64>,
    /// The least size and the steps in which sizes go, in bytes.
    pub granularity: i64,
    /// What is wrong with the parameters of a class.
    pub check_parameters: fn(&BTreeMap<String, String>) -> Result<(), String>,
    /// The name that it gives to a new volume.
    pub handle: fn(&mut Draw, &NewVolume<'_>) -> String,
    /// The name of the pod that runs its controller; a `-` at the end is followed by five letters.
    pub pod: &'static str,
    /// Whether its sidecars hold volumes by their finalizers.
    pub holds_volumes: bool,
    /// What its node plugin calls a node.
    pub node_id: fn(&mut Draw, &str) -> String,
}

/// What the name of a new volume may be made of.
pub struct NewVolume<'a> {
    /// The persistent volume's name.
    pub name: &'a str,
    /// The class's parameters.
    pub parameters: &'a BTreeMap<String, String>,
    /// The zone in which it is; empty for none.
    pub zone: &'a str,
}

/// See `Model::modify`.
pub type Modify = fn(&BTreeMap<String, String>, &BTreeMap<String, String>) -> Result<(), String>;

/// What the name of a new snapshot may be made of.
pub struct NewSnapshot<'a> {
    /// What the sidecar calls it, `snapshot-UID`.
    pub name: &'a str,
    /// What the driver calls the volume.
    pub volume: &'a str,
}

/// One gibibyte.
pub const GI: i64 = 1 << 30;
/// One mebibyte.
pub const MI: i64 = 1 << 20;

/// A driver about which nothing more is known: what the CSI specification leaves to drivers it takes.
pub const ANY: Model = Model {
    name: "",
    documents: "https://kubernetes-csi.github.io/docs/csi-driver-object.html",
    in_tree: "",
    csi: true,
    attach_required: true,
    pod_info_on_mount: false,
    storage_capacity: false,
    fs_group_policy: "ReadWriteOnceWithFSType",
    lifecycle_modes: &["Persistent"],
    se_linux_mount: false,
    file_modes: &[RWO, ROX, RWX, RWOP],
    block_modes: &[RWO, ROX, RWX, RWOP],
    refuses_mode: |_, _| "Volume capabilities not supported".into(),
    expansion: Expansion::Online,
    node_expansion: true,
    clone: true,
    snapshot: true,
    snapshot_handle: |draw, _| format!("snap-{}", draw.hex(8)),
    uploads_snapshots: false,
    modify: Some(|_, _| Ok(())),
    topology_keys: &["topology.kubernetes.io/zone"],
    attach_limit: None,
    allocatable_update_period: None,
    granularity: MI,
    check_parameters: |_| Ok(()),
    handle: |draw, _| format!("vol-{}", draw.hex(8)),
    pod: "csi-controller-0",
    holds_volumes: false,
    node_id: |_, node| node.to_string(),
};

/// Whether a key of a driver's topology tells nodes apart, and not zones.
pub fn of_node(key: &str) -> bool {
    key.ends_with("/node") || key.ends_with("/nodename") || key.ends_with("/hostname")
}

/// The parameters that sidecars read, which no driver sees.
pub fn is_of_sidecars(key: &str) -> bool {
    key.starts_with("csi.storage.k8s.io/")
}

/// Refuses parameters that are not among those named, whatever their case.
///
/// # Errors
/// What `text` makes of the first unknown key.
pub fn only(parameters: &BTreeMap<String, String>, known: &[&str], text: fn(&str) -> String) -> Result<(), String> {
    let unknown =
        parameters.keys().find(|key| !is_of_sidecars(key) && !known.iter().any(|k| key.eq_ignore_ascii_case(k)));
    unknown.map_or(Ok(()), |key| Err(text(key)))
}
