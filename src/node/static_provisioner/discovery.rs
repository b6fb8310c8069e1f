//! Finding disks, and making a volume for each.
//!
//! Mirrors `pkg/discovery/discovery.go`.

use std::collections::BTreeMap;

use super::config::MountConfig;
use super::{NodeDisk, Provisioner, State, Turn, cleaning};
use crate::api::k8s::api::core::v1::{
    LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume, PersistentVolumeSpec,
    VolumeNodeAffinity,
};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::api::{Kind, ObjectMeta, OwnerReference};
use crate::controllers::Write;
use crate::controllers::persistent_volume::helpers::ANN_DYNAMICALLY_PROVISIONED;
use crate::controllers::provisioner::binary_si;
use crate::store::Index;

/// By which a volume knows its node.
const HOSTNAME: &str = "kubernetes.io/hostname";

impl Provisioner<'_> {
    /// Mirrors `DiscoverLocalVolumes`.
    pub(super) fn discover_local_volumes(&self, turn: &mut Turn) {
        for (class, config) in &self.config.classes {
            // OBSERVATION: of a class that is not there, or that recycles, the original says so in its log only.
            let Some(found) = self.view.get_as::<StorageClass>("", class) else { continue };
            let policy = found.reclaim_policy.as_deref().unwrap_or("Delete");
            if !matches!(policy, "Retain" | "Delete") {
                continue;
            }
            let there = self.read_dir(&config.mount_dir).into_iter();
            for (file, disk) in there.filter(|(file, _)| config.matches(file)) {
                if let Some(volume) = self.volume_of(class, found, policy, config, &file, &disk) {
                    turn.gets_on = true;
                    turn.outcome.write(Write::create(volume));
                }
            }
        }
    }

    /// The volume to be made of a disk; none where it is there already, or can't be.
    fn volume_of(
        &self,
        class_name: &str,
        class: &StorageClass,
        policy: &str,
        config: &MountConfig,
        file: &str,
        disk: &NodeDisk,
    ) -> Option<PersistentVolume> {
        let mode = config.volume_mode();
        // OBSERVATION: a file system can't be handed out as a device; a raw device can be, or the kubelet formats it.
        if disk.state == State::Broken || (mode == "Block" && !disk.block) {
            return None;
        }
        let (name, path) =
            (generate_pv_name(file, self.node_name(), class_name), format!("{}/{file}", config.host_dir));
        if self.view.get_as::<PersistentVolume>("", &name).is_some() || self.view.note(&cleaning(&name)).is_some() {
            return None;
        }
        let ours = self.view.indexed(Kind::PersistentVolume, Index::ProvisionedBy, &self.name);
        let mut ours = ours.filter_map(|o| o.get::<PersistentVolume>()?.spec.as_ref()?.local.as_ref());
        if ours.any(|local| local.path == path) {
            return None;
        }
        let labels = self.labels();
        let mut affinity = vec![self.node_term()?];
        affinity.extend(config.selector.iter().cloned());
        let access_mode = config.access_mode.clone().filter(|mode| !mode.is_empty());
        Some(PersistentVolume {
            metadata: ObjectMeta {
                name: Some(name),
                labels: Some(labels).filter(|labels| !labels.is_empty()),
                annotations: Some([(ANN_DYNAMICALLY_PROVISIONED.to_string(), self.name.clone())].into()),
                owner_references: self.config.set_pv_owner_ref.then(|| vec![self.owner()]),
                ..Default::default()
            },
            spec: Some(PersistentVolumeSpec {
                persistent_volume_reclaim_policy: Some(policy.to_string()),
                capacity: Some(
                    [("storage".to_string(), Quantity(binary_si(round_down_capacity_pretty(disk.size))))].into(),
                ),
                local: Some(LocalVolumeSource { path, fs_type: config.fs_type.clone().filter(|t| !t.is_empty()) }),
                access_modes: Some(vec![access_mode.unwrap_or_else(|| "ReadWriteOnce".into())]),
                storage_class_name: Some(class_name.to_string()),
                volume_mode: Some(mode.to_string()),
                mount_options: class.mount_options.clone(),
                node_affinity: Some(VolumeNodeAffinity {
                    required: Some(NodeSelector { node_selector_terms: affinity }),
                }),
                ..Default::default()
            }),
            status: None,
        })
    }

    /// The labels of its volumes: of the node those that are asked for, and those that are given.
    fn labels(&self) -> BTreeMap<String, String> {
        let node = self.node.metadata.labels.as_ref();
        let copied = self.config.node_labels_for_pv.iter();
        let copied = copied.filter_map(|label| Some((label.clone(), node?.get(label)?.clone())));
        copied.chain(self.config.labels_for_pv.clone()).collect()
    }

    /// Mirrors `generateNodeSelector`.
    fn node_term(&self) -> Option<NodeSelectorTerm> {
        let value = self.node.metadata.labels.as_ref()?.get(HOSTNAME)?.clone();
        let here = NodeSelectorRequirement { key: HOSTNAME.into(), operator: "In".into(), values: Some(vec![value]) };
        Some(NodeSelectorTerm { match_expressions: Some(vec![here]), ..Default::default() })
    }

    fn owner(&self) -> OwnerReference {
        OwnerReference {
            api_version: "v1".into(),
            kind: "Node".into(),
            name: self.node_name().to_string(),
            uid: self.node.metadata.uid.clone().unwrap_or_default(),
            ..Default::default()
        }
    }
}

/// Mirrors `generatePVName`: FNV-1a over the file's, the node's and the class's name.
fn generate_pv_name(file: &str, node: &str, class: &str) -> String {
    let bytes = [file, node, class].concat();
    let hash = bytes.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("local-pv-{hash:x}")
}

/// Mirrors `roundDownCapacityPretty`: whole GiB, or MiB, if there are at least ten.
fn round_down_capacity_pretty(bytes: i64) -> i64 {
    let units = [1 << 30, 1 << 20];
    let unit = units.into_iter().find(|unit| bytes / unit >= 10).unwrap_or(1);
    bytes / unit * unit
}

#[cfg(test)]
mod tests {
    use super::{generate_pv_name, round_down_capacity_pretty};

    #[test]
    fn volumes_are_named_as_upstream_names_them() {
        // Of `pkg/discovery/discovery_test.go`.
        assert_eq!(generate_pv_name("mount1", "test-node", "sc1"), "local-pv-aaaafef5");
        assert_eq!(generate_pv_name("symlink1", "test-node", "sc2"), "local-pv-55d5adba");
        assert_eq!(round_down_capacity_pretty((10 << 30) + 5), 10 << 30);
        assert_eq!(round_down_capacity_pretty((9 << 30) + 5), 9 << 30);
        assert_eq!(round_down_capacity_pretty(1000), 1000);
    }
}
