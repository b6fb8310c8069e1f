//! The volume plugins that live in the controller manager: what they provision, delete and recycle.
//!
//! Mirrors `pkg/volume/plugins.go`, `cmd/kube-controller-manager/app/plugins.go` and
//! `k8s.io/csi-translation-lib`. Only hostPath and NFS are left; the clouds' disks are handed to CSI drivers.

use super::helpers::{ANN_DYNAMICALLY_PROVISIONED, ANN_MIGRATED_TO};
pub(crate) use crate::api::csi::csi_name_from_in_tree_name;
use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;

const HOST_PATH: &str = "kubernetes.io/host-path";
const NFS: &str = "kubernetes.io/nfs";

/// Who provisions for a class.
pub(super) enum Provisioning {
    /// A provisioner outside of the controller manager, of that name.
    External(String),
    /// A plugin that could, and why it does not.
    InTree {
        /// The plugin's name.
        plugin: &'static str,
        /// The text of its event.
        refusal: String,
    },
}

/// Who deletes a volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deleting {
    /// The external provisioner that made it.
    External,
    /// The hostPath plugin.
    HostPath,
}

/// Finds who provisions for a class; mirrors `findProvisionablePlugin`.
///
/// # Errors
/// The text of the event `ProvisioningFailed`.
pub(super) fn find_provisionable_plugin(class: Option<&StorageClass>, name: &str) -> Result<Provisioning, String> {
    let Some(class) = class else {
        return Err(format!("storageclass.storage.k8s.io {name:?} not found"));
    };
    let provisioner = class.provisioner.as_str();
    if let Some(driver) = csi_name_from_in_tree_name(provisioner) {
        return Ok(Provisioning::External(driver.to_string()));
    }
    match provisioner {
        HOST_PATH => Ok(Provisioning::InTree {
            plugin: HOST_PATH,
            refusal: format!("Failed to create provisioner: provisioning in volume plugin {HOST_PATH:?} is disabled"),
        }),
        NFS => Err("no provisionable volume plugin matched".into()),
        other if other.starts_with("kubernetes.io/") => Err(format!("no volume plugin matched name: {other}")),
        other => Ok(Provisioning::External(other.to_string())),
    }
}

/// Finds who deletes a volume; mirrors `findDeletablePlugin`.
///
/// # Errors
/// The text of the event `VolumeFailedDelete`.
pub(super) fn find_deletable_plugin(volume: &PersistentVolume) -> Result<Deleting, String> {
    match annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED).unwrap_or_default() {
        "" => {}
        HOST_PATH => return Ok(Deleting::HostPath),
        NFS => return Err("no deletable volume plugin matched".into()),
        other if other.starts_with("kubernetes.io/") => return Err(format!("no volume plugin matched name: {other}")),
        _ => return Ok(Deleting::External),
    }
    if annotation_of(&volume.metadata, ANN_MIGRATED_TO).is_some() {
        return Ok(Deleting::External);
    }
    let name = volume.metadata.name.as_deref().unwrap_or_default();
    let fail = |reason: &str| Err(format!("error getting deleter volume plugin for volume {name:?}: {reason}"));
    match &volume.spec {
        Some(spec) if spec.csi.is_some() => Ok(Deleting::External),
        Some(spec) if spec.host_path.is_some() => Ok(Deleting::HostPath),
        Some(spec) if spec.nfs.is_some() => fail("no deletable volume plugin matched"),
        _ => fail("no volume plugin matched"),
    }
}

/// What deleting a hostPath volume ends with: nothing, or why it fails; mirrors `hostPathDeleter.Delete`.
pub(super) fn delete_host_path(path: &str) -> Result<(), String> {
    // The original's pattern, /tmp/.+, is not anchored.
    match path.find("/tmp/") {
        Some(at) if path.len() > at + "/tmp/".len() => Ok(()),
        _ => Err(format!("host_path deleter only supports /tmp/.+ but received provided {path}")),
    }
}

/// The plugin in the tree whose volumes a CSI driver took over, where this is such a volume.
pub(crate) fn migrated_plugin_of(volume: &PersistentVolume) -> Option<&'static str> {
    let spec = volume.spec.as_ref()?;
    [
        (spec.aws_elastic_block_store.is_some(), "kubernetes.io/aws-ebs"),
        (spec.azure_disk.is_some(), "kubernetes.io/azure-disk"),
        (spec.azure_file.is_some(), "kubernetes.io/azure-file"),
        (spec.gce_persistent_disk.is_some(), "kubernetes.io/gce-pd"),
        (spec.cinder.is_some(), "kubernetes.io/cinder"),
        (spec.portworx_volume.is_some(), "kubernetes.io/portworx-volume"),
        (spec.vsphere_volume.is_some(), "kubernetes.io/vsphere-volume"),
    ]
    .into_iter()
    .find_map(|(is_it, plugin)| is_it.then_some(plugin))
}
