//! The CSI drivers that a cluster was given: what each can do, where it is, and what is to go wrong.
//!
//! A driver stands for all that is deployed with it: its controller with the sidecars (external-provisioner, -attacher,
//! -resizer, -snapshotter), its node plugins, and the storage behind it. Which there are is a note beside the objects.

mod capacity;
mod deleted;
pub mod model;
mod models;
pub mod stated;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::Duration;
use crate::api::csi::translation::{plugin_of, volume_to_csi};
use crate::api::csi::{CsiVolume, csi_name_from_in_tree_name};
use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::k8s::api::storage::v1::CSINode;
use crate::store::View;

pub use capacity::CapacityController;
pub use deleted::{attach_fault, expand_fault, is_deleted, mount_fault, with_deleted};
pub use model::Model;
pub use models::MODELS;

/// The note that names the drivers.
const NOTE: &str = "csi-drivers";

/// How long a driver takes to make, attach, detach or delete a volume unless told otherwise.
const LATENCY: Duration = Duration::secs(1);

/// The label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// What a driver can be told to fail at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Making a volume.
    Provision,
    /// Attaching one to a node.
    Attach,
    /// Mounting it there.
    Mount,
    /// Making it larger.
    Expand,
    /// Taking a snapshot of it.
    Snapshot,
    /// Giving it other attributes.
    Modify,
}

impl Operation {
    /// All of them, by name.
    pub const ALL: &'static [(&'static str, Operation)] = &[
        ("provision", Operation::Provision),
        ("attach", Operation::Attach),
        ("mount", Operation::Mount),
        ("expand", Operation::Expand),
        ("snapshot", Operation::Snapshot),
        ("modify", Operation::Modify),
    ];
}

/// A driver that runs in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// Its name.
    pub name: String,
    /// The zones in which its storage is; empty where it knows none.
    #[serde(default)]
    pub zones: Vec<String>,
    /// The nodes on which its node plugin runs; empty for all.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// How many bytes there are behind it; none where that is no question.
    #[serde(default)]
    pub capacity: Option<i64>,
    /// How many volumes a node takes.
    #[serde(default)]
    pub attach_limit: Option<i32>,
    /// Whether its volumes grow only while no pod uses them.
    #[serde(default)]
    pub offline_expansion: bool,
    /// What goes wrong, with what the driver says then.
    #[serde(default)]
    pub fail: BTreeMap<Operation, String>,
    /// How long it takes for each thing, in milliseconds.
    #[serde(default)]
    pub latency: Option<i64>,
    /// The same for attaching, where that takes another time.
    #[serde(default)]
    pub attach_latency: Option<i64>,
    /// Whether nothing is left of its storage.
    #[serde(default)]
    pub full: bool,
    /// What it can do, where that was stated: see `stated`.
    #[serde(default)]
    pub capabilities: Option<Vec<String>>,
}

impl Driver {
    /// What it can do.
    pub fn model(&self) -> &'static Model {
        match &self.capabilities {
            Some(words) => stated::model(words),
            None => models::of(&self.name),
        }
    }

    /// How its volumes grow.
    pub fn expansion(&self) -> model::Expansion {
        match self.offline_expansion {
            true => model::Expansion::Offline,
            false => self.model().expansion,
        }
    }

    /// How long it takes for each thing.
    pub fn latency(&self) -> Duration {
        self.latency.map_or(LATENCY, Duration)
    }

    /// How long it takes to attach a volume.
    pub fn attach_latency(&self) -> Duration {
        self.attach_latency.map_or_else(|| self.latency(), Duration)
    }

    /// How many volumes a node takes; none where nobody says.
    pub fn attach_limit(&self) -> Option<i32> {
        self.attach_limit.or(self.model().attach_limit)
    }

    /// What the driver answers where it is told to fail.
    pub fn failure(&self, operation: Operation) -> Option<String> {
        let text = self.fail.get(&operation)?;
        Some(match text.starts_with("rpc error:") {
            true => text.clone(),
            false => format!("rpc error: code = Internal desc = {text}"),
        })
    }

    /// Whether its node plugin runs on a node.
    pub fn is_on(&self, node: &Node) -> bool {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let zone = zone_of(node);
        (self.nodes.is_empty() || self.nodes.iter().any(|n| n == name))
            && (self.zones.is_empty() || zone.is_some_and(|zone| self.zones.iter().any(|z| z == zone)))
    }

    /// What its node plugin says of where a node is: labels that the kubelet puts on the node, and the CSINode's keys.
    pub fn topology_of(&self, node: &Node) -> BTreeMap<String, String> {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let labels = node.metadata.labels.as_ref();
        let keys = self.model().topology_keys.iter().filter_map(|key| {
            let value = match model::of_node(key) {
                true => Some(name.to_string()),
                false if self.zones.is_empty() => None,
                false if key.ends_with("/os") => labels.and_then(|l| l.get("kubernetes.io/os").cloned()),
                false => zone_of(node).map(String::from),
            };
            Some((key.to_string(), value?))
        });
        keys.collect()
    }
}

/// The zone that a node's labels name.
pub fn zone_of(node: &Node) -> Option<&str> {
    node.metadata.labels.as_ref()?.get(ZONE).map(String::as_str)
}

/// The drivers of a cluster, by name.
pub fn drivers(view: &View<'_>) -> BTreeMap<String, Driver> {
    view.note(NOTE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The driver of that name, if it runs in the cluster.
pub fn driver(view: &View<'_>, name: &str) -> Option<Driver> {
    // Most clusters have none, and most names are not among those of the others.
    let text = view.note(NOTE).filter(|text| text.contains(name))?;
    serde_json::from_str::<BTreeMap<String, Driver>>(text).ok()?.remove(name)
}

/// The note that says which drivers there are: its name and its text.
pub fn note_of(drivers: &BTreeMap<String, Driver>) -> (&'static str, String) {
    let text = match drivers.is_empty() {
        true => String::new(),
        false => serde_json::to_string(drivers).unwrap_or_default(),
    };
    (NOTE, text)
}

/// Who provisions for a class or made a volume: the driver itself, or the one that took over from the plugin named.
pub fn driver_of_provisioner(view: &View<'_>, provisioner: &str) -> Option<Driver> {
    driver(view, csi_name_from_in_tree_name(provisioner).unwrap_or(provisioner))
}

/// The note by which it is known that a driver of that name was once registered.
pub fn registered_note(driver: &str) -> String {
    format!("csi-registered/{driver}")
}

/// Whether one of a pod's own volumes is attached before it is mounted.
pub fn is_attached_inline(view: &View<'_>, volume: &PersistentVolume) -> bool {
    match CsiVolume::of(volume) {
        // OBSERVATION: a cloud's disk would wait for its driver for ever; where nobody ever deployed that, the recordings'
        // kubelets have it mounted.
        Some(csi) => view.note(&registered_note(&csi.driver)).is_some() && attach_required(view, &csi.driver),
        None => true,
    }
}

/// Whether volumes of a driver have to be attached. Mirrors `csiPlugin.skipAttach`: without a CSIDriver they have to.
pub fn attach_required(view: &View<'_>, driver: &str) -> bool {
    use crate::api::k8s::api::storage::v1::CSIDriver;
    let object = view.get_as::<CSIDriver>("", driver);
    object.and_then(|d| d.spec.attach_required).unwrap_or(true)
}

/// A volume as it counts on a node: one from the tree is its driver's, where drivers are registered there. Mirrors
/// `tryTranslatePVToCSI` of the scheduler's binder.
pub fn as_on_node<'v>(view: &View<'_>, volume: &'v PersistentVolume, node: &Node) -> Cow<'v, PersistentVolume> {
    if plugin_of(volume).is_none() {
        return Cow::Borrowed(volume);
    }
    let node = node.metadata.name.as_deref().unwrap_or_default();
    let registers = view.get_as::<CSINode>("", node).is_some();
    volume_to_csi(volume).filter(|_| registers).map_or(Cow::Borrowed(volume), Cow::Owned)
}

/// Whether several nodes may have a volume at once. Mirrors `IsMultiAttachAllowed` of `pkg/volume/util`.
pub fn is_multi_attach_allowed(volume: &PersistentVolume) -> bool {
    let modes = volume.spec.as_ref().and_then(|s| s.access_modes.as_deref()).unwrap_or_default();
    modes.is_empty() || modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
}
