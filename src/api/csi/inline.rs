//! Volumes that pods name themselves and that are attached before they are mounted.
//!
//! Mirrors `TranslateInTreeInlineVolumeToCSI` of `k8s.io/csi-translation-lib`, and `CanAttach` of `pkg/volume/iscsi` and
//! `pkg/volume/fc`. Each is told as the persistent volume that it would be: whoever attaches, mounts or counts treats
//! both alike.

use super::translation::{self, ZONAL_DISK};
use super::unique_name_of;
use crate::api::ObjectMeta;
use crate::api::k8s::api::core::v1::{
    CSIPersistentVolumeSource, FCVolumeSource, ISCSIPersistentVolumeSource, ISCSIVolumeSource, PersistentVolume,
    PersistentVolumeSpec, Pod, SecretReference, Volume,
};

/// Whether what is called so is a pod's own volume: such a name has a slash, which a persistent volume's never has.
pub fn is_inline(name: &str) -> bool {
    name.contains('/')
}

/// The volumes that a pod names itself and that are attached, as persistent volumes.
pub fn attachable_inline_volumes(pod: &Pod) -> Vec<PersistentVolume> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.filter_map(|volume| as_persistent(volume, namespace)).collect()
}

/// The names in nodes' statuses of the volumes that a pod names itself and that are attached.
pub fn inline_names(pod: &Pod) -> Vec<String> {
    attachable_inline_volumes(pod).iter().filter_map(unique_name_of).collect()
}

/// A pod's own volume as the persistent volume that it would be; none for one that nobody attaches.
pub fn as_persistent(volume: &Volume, namespace: &str) -> Option<PersistentVolume> {
    if let Some(iscsi) = &volume.iscsi {
        return Some(of_target(&volume.name, of_iscsi(iscsi)));
    }
    if let Some(fc) = &volume.fc {
        return Some(of_target(&volume.name, of_fc(fc)));
    }
    of_cloud(volume, namespace)
}

fn of_target(name: &str, spec: PersistentVolumeSpec) -> PersistentVolume {
    let metadata = ObjectMeta { name: Some(name.to_string()), ..Default::default() };
    PersistentVolume { metadata, spec: Some(spec), status: None }
}

fn of_iscsi(source: &ISCSIVolumeSource) -> PersistentVolumeSpec {
    let secret_ref = source.secret_ref.as_ref();
    let source = ISCSIPersistentVolumeSource {
        chap_auth_discovery: source.chap_auth_discovery,
        chap_auth_session: source.chap_auth_session,
        fs_type: source.fs_type.clone(),
        initiator_name: source.initiator_name.clone(),
        iqn: source.iqn.clone(),
        iscsi_interface: source.iscsi_interface.clone(),
        lun: source.lun,
        portals: source.portals.clone(),
        read_only: source.read_only,
        secret_ref: secret_ref.map(|s| SecretReference { name: Some(s.name.clone()), namespace: None }),
        target_portal: source.target_portal.clone(),
    };
    PersistentVolumeSpec { iscsi: Some(source), ..Default::default() }
}

fn of_fc(source: &FCVolumeSource) -> PersistentVolumeSpec {
    PersistentVolumeSpec { fc: Some(source.clone()), ..Default::default() }
}

/// A cloud's disk, which a driver attaches today.
fn of_cloud(volume: &Volume, namespace: &str) -> Option<PersistentVolume> {
    let set = |flag: Option<bool>| flag.filter(|set| *set);
    let (name, handle, fs_type, read_only, attributes) = if let Some(disk) = &volume.aws_elastic_block_store {
        let handle = translation::ebs_volume_id(&disk.volume_id).to_string();
        let partition = ("partition".to_string(), disk.partition.unwrap_or_default().to_string());
        (format!("ebs.csi.aws.com-{handle}"), handle, disk.fs_type.clone(), disk.read_only, vec![partition])
    } else if let Some(disk) = &volume.gce_persistent_disk {
        let name = format!("pd.csi.storage.gke.io-{}", disk.pd_name);
        let partition = disk.partition.filter(|n| *n != 0).map(|n| n.to_string()).unwrap_or_default();
        let handle = format!("{ZONAL_DISK}{}", disk.pd_name);
        (name, handle, disk.fs_type.clone(), disk.read_only, vec![("partition".into(), partition)])
    } else if let Some(disk) = &volume.azure_disk {
        let mut attributes = vec![("kind".to_string(), "Managed".to_string())];
        attributes.extend(disk.caching_mode.clone().map(|mode| ("cachingmode".into(), mode)));
        attributes.extend(disk.fs_type.clone().map(|fs_type| ("fstype".into(), fs_type)));
        (disk.disk_uri.clone(), disk.disk_uri.clone(), disk.fs_type.clone(), disk.read_only, attributes)
    } else if let Some(share) = &volume.azure_file {
        let account = translation::storage_account(&share.secret_name);
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        let handle = format!("#{account}#{}#{}#{namespace}", share.share_name, volume.name);
        let attributes = vec![("sharename".into(), share.share_name.clone())];
        (handle.clone(), handle, None, share.read_only, attributes)
    } else if let Some(disk) = &volume.cinder {
        let name = format!("cinder.csi.openstack.org-{}", disk.volume_id);
        (name, disk.volume_id.clone(), disk.fs_type.clone(), disk.read_only, Vec::new())
    } else if let Some(disk) = &volume.vsphere_volume {
        let name = format!("csi.vsphere.vmware.com-{}", disk.volume_path);
        (name, disk.volume_path.clone(), disk.fs_type.clone(), None, Vec::new())
    } else if let Some(disk) = &volume.portworx_volume {
        let name = format!("pxd.portworx.com-{}", disk.volume_id);
        (name, disk.volume_id.clone(), disk.fs_type.clone(), disk.read_only, Vec::new())
    } else {
        return None;
    };
    let mode = match volume.gce_persistent_disk.is_some() && read_only == Some(true) {
        true => "ReadOnlyMany",
        false if volume.azure_file.is_some() => "ReadWriteMany",
        false => "ReadWriteOnce",
    };
    let driver = translation::driver_of_inline(volume)?;
    let secret = volume.azure_file.as_ref().map(|share| SecretReference {
        name: Some(share.secret_name.clone()),
        namespace: Some(if namespace.is_empty() { "default" } else { namespace }.to_string()),
    });
    let csi = CSIPersistentVolumeSource {
        driver: driver.to_string(),
        volume_handle: handle,
        fs_type: fs_type.filter(|fs_type| !fs_type.is_empty()),
        read_only: set(read_only),
        volume_attributes: Some(attributes.into_iter().collect())
            .filter(|all: &std::collections::BTreeMap<_, _>| !all.is_empty()),
        node_stage_secret_ref: secret,
        ..Default::default()
    };
    let spec = PersistentVolumeSpec {
        csi: Some(csi),
        access_modes: Some(vec![mode.to_string()]),
        volume_mode: Some("Filesystem".into()),
        ..Default::default()
    };
    Some(of_target(&name, spec))
}
