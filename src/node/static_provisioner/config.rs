//! What a provisioner is configured with: the ConfigMap that its container has mounted.
//!
//! Mirrors `ProvisionerConfiguration` and `ConfigMapDataToVolumeConfig` of `pkg/common`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::api::k8s::api::core::v1::{ConfigMap, Container, NodeSelectorTerm, Pod};
use crate::machine::tools::matches;
use crate::store::View;

use crate::node::disk::clean;

/// Where the ConfigMap is mounted.
const CONFIG_PATH: &str = "/etc/provisioner/config";

/// How the disks of a class are found. Mirrors `MountConfig`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MountConfig {
    /// The folder on the node.
    pub(super) host_dir: String,
    /// The same folder in the container.
    pub(super) mount_dir: String,
    /// `volumeMode` of the volumes.
    pub(super) volume_mode: Option<String>,
    /// The access mode of the volumes.
    pub(super) access_mode: Option<String>,
    /// The file system that a kubelet makes on a raw device.
    pub(super) fs_type: Option<String>,
    /// Patterns of names, with commas between them.
    pub(super) name_pattern: Option<String>,
    /// More terms of the volumes' node affinity.
    pub(super) selector: Vec<NodeSelectorTerm>,
}

impl MountConfig {
    /// The mode of the volumes.
    pub(super) fn volume_mode(&self) -> &str {
        self.volume_mode.as_deref().filter(|mode| !mode.is_empty()).unwrap_or("Filesystem")
    }

    /// Whether a name is looked for. Mirrors the use of `filepath.Match`.
    pub(super) fn matches(&self, name: &str) -> bool {
        let patterns = self.name_pattern.as_deref().filter(|all| !all.is_empty()).unwrap_or("*");
        patterns.split(',').any(|pattern| !pattern.is_empty() && matches(pattern, name))
    }
}

/// All that a provisioner is configured with.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// By class.
    pub(super) classes: BTreeMap<String, MountConfig>,
    pub(super) node_labels_for_pv: Vec<String>,
    pub(super) labels_for_pv: BTreeMap<String, String>,
    pub(super) set_pv_owner_ref: bool,
    pub(super) use_node_name_only: bool,
}

impl Config {
    /// What the ConfigMap says that a container has mounted; nothing where that can't be read.
    pub(super) fn of(view: &View<'_>, pod: &Pod, container: &Container) -> Config {
        let mounts = container.volume_mounts.iter().flatten();
        let mount = mounts.into_iter().find(|m| m.mount_path.trim_end_matches('/') == CONFIG_PATH);
        let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
        let volume = mount.and_then(|mount| volumes.into_iter().find(|v| v.name == mount.name));
        let name = volume.and_then(|v| v.config_map.as_ref()).map(|source| source.name.as_str()).unwrap_or_default();
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let Some(map) = view.get_as::<ConfigMap>(namespace, name) else { return Config::default() };
        let mut classes: BTreeMap<String, MountConfig> = value(map, "storageClassMap");
        for config in classes.values_mut() {
            let plain = |path: &str| if path.is_empty() { String::new() } else { clean(path) };
            (config.host_dir, config.mount_dir) = (plain(&config.host_dir), plain(&config.mount_dir));
        }
        // OBSERVATION: what is misconfigured ends the original's process before it has looked at anything.
        let is_right = |config: &MountConfig| {
            let known = matches!(config.volume_mode(), "Block" | "Filesystem");
            !config.host_dir.is_empty() && !config.mount_dir.is_empty() && known
        };
        if !classes.values().all(is_right) {
            return Config::default();
        }
        Config {
            classes,
            node_labels_for_pv: value(map, "nodeLabelsForPV"),
            labels_for_pv: value(map, "labelsForPV"),
            set_pv_owner_ref: value(map, "setPVOwnerRef"),
            use_node_name_only: value(map, "useNodeNameOnly"),
        }
    }
}

fn value<T: DeserializeOwned + Default>(map: &ConfigMap, key: &str) -> T {
    let text = map.data.as_ref().and_then(|data| data.get(key));
    text.and_then(|text| serde_yaml::from_str(text).ok()).unwrap_or_default()
}
