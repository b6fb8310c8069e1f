//! Giving a cluster a CSI driver, and taking it away again.

use std::collections::BTreeMap;

use super::Cluster;
use super::config::region_of;
use crate::api::csi::csi_name_from_in_tree_name;
use crate::api::definition;
use crate::api::k8s::ByteString;
use crate::api::k8s::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Secret};
use crate::api::k8s::api::storage::v1::{CSIDriver, CSIDriverSpec};
use crate::api::names::Draw;
use crate::api::object::annotation_of;
use crate::api::request::{By, Deletion};
use crate::api::{Kind, Object, ObjectKey, ObjectMeta};
use crate::controllers::csi::{self, Driver, ZONE};
use crate::controllers::volume_snapshot;
use crate::error::ApiError;
use crate::registry::Context;

/// The label of a node's region.
const REGION: &str = "topology.kubernetes.io/region";

impl Cluster {
    /// Deploys a driver, or deploys it anew with other settings.
    ///
    /// # Errors
    /// When there is no such node, or none in a zone.
    pub fn add_csi_driver(&mut self, driver: Driver) -> Result<(), ApiError> {
        for node in &driver.nodes {
            if self.view().get(&ObjectKey::cluster(Kind::Node, node)).is_none() {
                return Err(ApiError::not_found("nodes", node));
            }
        }
        self.put_nodes_into_zones(&driver.zones)?;
        let mut drivers = csi::drivers(&self.view());
        let (name, capacity) = (driver.name.clone(), driver.capacity.is_some());
        let model = driver.model();
        drivers.insert(name.clone(), driver);
        self.keep_drivers(&drivers);
        self.store_mut().set_setting(&format!("note/{}", csi::registered_note(&name)), "1");
        if model.csi {
            let key = ObjectKey::cluster(Kind::CSIDriver, &name);
            match self.view().get(&key).cloned() {
                Some(there) => self.enqueue_for(&there),
                None => {
                    let by = By::cluster();
                    let object = csi_driver(&name, model, capacity, self.config.version);
                    self.registry.create(Object::from(object), &Context::new(&by))?;
                }
            }
            self.dispatch_changes();
        }
        if name.starts_with("rook-ceph.") {
            self.install_rook_secrets(&name)?;
        }
        if model.csi && model.snapshot {
            self.install_snapshots()?;
        }
        self.wake_work_of(&name);
        Ok(())
    }

    /// Makes the secrets that Rook's operator makes for a driver, by which its classes ask for volumes.
    fn install_rook_secrets(&mut self, name: &str) -> Result<(), ApiError> {
        const NAMESPACE: &str = "rook-ceph";
        let kind = if name.contains(".cephfs.") { "cephfs" } else { "rbd" };
        let by = By::cluster();
        if self.view().get(&ObjectKey::cluster(Kind::Namespace, NAMESPACE)).is_none() {
            let metadata = ObjectMeta { name: Some(NAMESPACE.into()), ..Default::default() };
            let namespace = Namespace { metadata, ..Default::default() };
            self.registry.create(Object::from(namespace), &Context::new(&by))?;
        }
        for part in ["provisioner", "node"] {
            let name = format!("rook-csi-{kind}-{part}");
            if self.view().get(&ObjectKey::new(Kind::Secret, NAMESPACE, name.clone())).is_some() {
                continue;
            }
            let (id, key) = if kind == "cephfs" { ("adminID", "adminKey") } else { ("userID", "userKey") };
            let mut draw = Draw::new(self.view().seed(), &format!("csi-secret/{name}"), 0);
            let data = [(id, format!("csi-{kind}-{part}")), (key, format!("{}==", draw.hex(38)))];
            let secret = Secret {
                metadata: ObjectMeta { name: Some(name), namespace: Some(NAMESPACE.into()), ..Default::default() },
                type_: Some("kubernetes.io/rook".into()),
                data: Some(data.into_iter().map(|(k, v)| (k.to_string(), ByteString(v.into_bytes()))).collect()),
                ..Default::default()
            };
            self.registry.create(Object::from(secret), &Context::new(&by))?;
        }
        self.dispatch_changes();
        Ok(())
    }

    /// Installs the definitions of the snapshots, where they are missing, and the controller that they need.
    fn install_snapshots(&mut self) -> Result<(), ApiError> {
        for kind in [Kind::VolumeSnapshotClass, Kind::VolumeSnapshotContent, Kind::VolumeSnapshot] {
            let name = kind.resource();
            let there = self.view().get(&ObjectKey::cluster(Kind::CustomResourceDefinition, &name)).is_some();
            let Some(definition) = definition::of(kind).filter(|_| !there) else { continue };
            let mut tree = definition.document.clone();
            for key in ["apiVersion", "kind", "status"] {
                tree.as_object_mut().map(|fields| fields.remove(key));
            }
            let object = Object::from_tree(Kind::CustomResourceDefinition, tree);
            let object = object.map_err(|e| ApiError::internal(format!("the definition {name} is damaged: {e}")))?;
            let by = By::cluster();
            self.registry.create(object, &Context::new(&by))?;
        }
        self.store_mut().set_setting(&format!("note/{}", volume_snapshot::DEPLOYED), "1");
        self.dispatch_changes();
        Ok(())
    }

    /// Takes a driver away; what it made and holds stays.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_csi_driver(&mut self, name: &str) -> Result<(), ApiError> {
        let mut drivers = csi::drivers(&self.view());
        if drivers.remove(name).is_none() {
            return Err(ApiError::not_found("csidrivers.storage.k8s.io", name));
        }
        self.keep_drivers(&drivers);
        if let Some(object) = self.view().get(&ObjectKey::cluster(Kind::CSIDriver, name)).cloned() {
            let by = By::cluster();
            self.registry.delete(&Deletion::of(&object), &Context::new(&by))?;
            self.dispatch_changes();
        }
        Ok(())
    }

    fn keep_drivers(&mut self, drivers: &BTreeMap<String, Driver>) {
        let (note, text) = csi::note_of(drivers);
        self.store_mut().set_setting(&format!("note/{note}"), &text);
    }

    /// Labels the nodes of a cluster that has no zones yet, in turn; where it has some, each of these must be among them.
    fn put_nodes_into_zones(&mut self, zones: &[String]) -> Result<(), ApiError> {
        let nodes: Vec<Node> = self.view().list_as::<Node>().cloned().collect();
        if zones.is_empty() || nodes.is_empty() {
            return Ok(());
        }
        if nodes.iter().any(|node| csi::zone_of(node).is_some()) {
            let has_node = |zone: &String| nodes.iter().any(|node| csi::zone_of(node) == Some(zone.as_str()));
            return match zones.iter().find(|zone| !has_node(zone)) {
                Some(zone) => Err(ApiError::internal(format!("no node is in zone {zone:?}"))),
                None => Ok(()),
            };
        }
        for (mut node, zone) in nodes.into_iter().zip(zones.iter().cycle()) {
            node.metadata.labels.get_or_insert_default().extend(zone_labels(zone));
            let by = By::cluster();
            self.registry.update(Object::from(node), &Context::new(&by))?;
        }
        Ok(())
    }

    /// Has the driver's sidecars look at all that has waited for them.
    fn wake_work_of(&mut self, name: &str) {
        let view = self.view();
        let is_of = |provisioner: &str| csi_name_from_in_tree_name(provisioner).unwrap_or(provisioner) == name;
        let claims = view.list(Kind::PersistentVolumeClaim).filter(|o| {
            let Some(claim) = o.get::<PersistentVolumeClaim>() else { return false };
            let keys = ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];
            keys.iter().any(|key| annotation_of(&claim.metadata, key).is_some_and(is_of))
        });
        let volumes = view.list(Kind::PersistentVolume).filter(|o| {
            let Some(volume) = o.get::<PersistentVolume>() else { return false };
            annotation_of(&volume.metadata, "pv.kubernetes.io/provisioned-by").is_some_and(is_of)
                || volume.spec.as_ref().and_then(|s| s.csi.as_ref()).is_some_and(|csi| csi.driver == name)
        });
        let attachments = view.list(Kind::VolumeAttachment);
        let snapshots = view.list(Kind::VolumeSnapshot).chain(view.list(Kind::VolumeSnapshotContent));
        let objects: Vec<_> = claims.chain(volumes).chain(attachments).chain(snapshots).cloned().collect();
        objects.iter().for_each(|object| self.enqueue_for(object));
    }
}

/// The labels of a node in a zone.
pub(super) fn zone_labels(zone: &str) -> impl Iterator<Item = (String, String)> {
    let region = region_of(zone).map(|region| (REGION.to_string(), region.to_string()));
    std::iter::once((ZONE.to_string(), zone.to_string())).chain(region)
}

fn csi_driver(name: &str, model: &csi::Model, capacity: bool, version: u32) -> CSIDriver {
    CSIDriver {
        metadata: ObjectMeta { name: Some(name.to_string()), ..Default::default() },
        spec: CSIDriverSpec {
            attach_required: Some(model.attach_required),
            pod_info_on_mount: Some(model.pod_info_on_mount),
            fs_group_policy: Some(model.fs_group_policy.to_string()),
            storage_capacity: Some(model.storage_capacity && capacity),
            node_allocatable_update_period_seconds: model.allocatable_update_period.filter(|_| version >= 34),
            se_linux_mount: Some(model.se_linux_mount),
            volume_lifecycle_modes: Some(model.lifecycle_modes.iter().map(|mode| mode.to_string()).collect()),
            ..Default::default()
        },
    }
}
