//! `kubectl describe pv`.

use std::fmt::Display;

use crate::api::k8s::api::core::v1::{
    NodeSelectorRequirement, PersistentVolume, PersistentVolumeSpec, SecretReference, Volume, VolumeNodeAffinity,
};
use crate::api::time::translate_timestamp_since;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::core::persistent_volume::{get_access_modes_as_string, get_persistent_volume_class, storage};
use crate::kinds::core::pod::volumes::{describe_source, list, print_attributes_multiline, source, yes};
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};

/// Mirrors `describePersistentVolume`.
pub(super) fn describe_persistent_volume(volume: &PersistentVolume, d: &mut Description, context: &PrintContext<'_>) {
    let (meta, spec) = (&volume.metadata, volume.spec.clone().unwrap_or_default());
    let status = volume.status.clone().unwrap_or_default();
    d.field(0, "Name", text(&meta.name));
    print_labels_multiline(d, "Labels", &meta.labels);
    print_annotations_multiline(d, "Annotations", &meta.annotations);
    d.field(0, "Finalizers", list(items(&meta.finalizers)));
    d.field(0, "StorageClass", get_persistent_volume_class(volume));
    match &meta.deletion_timestamp {
        Some(since) => {
            let age = translate_timestamp_since(Some(since), context.now);
            d.field(0, "Status", format!("Terminating (lasts {age})"));
        }
        None => d.field(0, "Status", text(&status.phase)),
    }
    let claim = spec.claim_ref.as_ref().map(|r| format!("{}/{}", text(&r.namespace), text(&r.name)));
    d.field(0, "Claim", claim.unwrap_or_default());
    d.field(0, "Reclaim Policy", text(&spec.persistent_volume_reclaim_policy));
    d.field(0, "Access Modes", get_access_modes_as_string(items(&spec.access_modes)));
    if let Some(mode) = &spec.volume_mode {
        d.field(0, "VolumeMode", mode);
    }
    d.field(0, "Capacity", storage(spec.capacity.as_ref().and_then(|c| c.get("storage"))));
    print_volume_node_affinity(d, spec.node_affinity.as_ref());
    d.field(0, "Message", text(&status.message));
    d.write(0, "Source:\n");
    if !describe_persistent_source(d, &spec) && !describe_source(d, &pod_source(&spec)) {
        d.write(1, "<unknown>\n");
    }
    describe_events_of(d, meta, context);
}

fn print_volume_node_affinity(d: &mut Description, affinity: Option<&VolumeNodeAffinity>) {
    d.write(0, "Node Affinity:\t");
    let Some(required) = affinity.and_then(|a| a.required.as_ref()) else {
        d.write(0, "<none>\n");
        return;
    };
    d.write(0, "\n");
    d.write(1, "Required Terms:\t");
    if required.node_selector_terms.is_empty() {
        d.write(0, "<none>\n");
        return;
    }
    d.write(0, "\n");
    for (i, term) in required.node_selector_terms.iter().enumerate() {
        print_node_selector_terms_multiline(d, &format!("Term {i}"), items(&term.match_expressions));
    }
}

fn print_node_selector_terms_multiline(d: &mut Description, title: &str, requirements: &[NodeSelectorRequirement]) {
    d.write(2, format!("{title}:\t"));
    if requirements.is_empty() {
        d.write(0, "<none>\n");
        return;
    }
    for (i, requirement) in requirements.iter().enumerate() {
        if i != 0 {
            d.write(2, "\t");
        }
        let mut line = format!("{} {}", requirement.key, requirement.operator.to_lowercase());
        if let Some(values) = requirement.values.as_ref().filter(|v| !v.is_empty()) {
            line += &format!(" [{}]", values.join(", "));
        }
        d.write(0, line + "\n");
    }
}

/// The sources that a pod's volume has in the same form.
fn pod_source(spec: &PersistentVolumeSpec) -> Volume {
    let spec = spec.clone();
    Volume {
        host_path: spec.host_path,
        gce_persistent_disk: spec.gce_persistent_disk,
        aws_elastic_block_store: spec.aws_elastic_block_store,
        nfs: spec.nfs,
        quobyte: spec.quobyte,
        vsphere_volume: spec.vsphere_volume,
        azure_disk: spec.azure_disk,
        photon_persistent_disk: spec.photon_persistent_disk,
        portworx_volume: spec.portworx_volume,
        fc: spec.fc,
        flocker: spec.flocker,
        ..Default::default()
    }
}

/// A reference as the Go type's `String` prints it.
fn secret_ref(reference: &Option<SecretReference>) -> String {
    reference.as_ref().map_or("nil".into(), |r| {
        format!("&SecretReference{{Name:{},Namespace:{},}}", text(&r.name), text(&r.namespace))
    })
}

/// The sources that differ from those of a pod's volume.
fn describe_persistent_source(d: &mut Description, spec: &PersistentVolumeSpec) -> bool {
    if let Some(s) = &spec.local {
        let kind = "LocalVolume (a persistent volume backed by local storage on a node)";
        return source(d, kind, &[("Path:", &s.path)]);
    }
    if let Some(s) = &spec.csi {
        let fields: [(&str, &dyn Display); 4] = [
            ("Driver:", &s.driver),
            ("FSType:", &text(&s.fs_type)),
            ("VolumeHandle:", &s.volume_handle),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        source(d, "CSI (a Container Storage Interface (CSI) volume source)", &fields);
        print_attributes_multiline(d, "VolumeAttributes", &s.volume_attributes);
        return true;
    }
    if let Some(s) = &spec.glusterfs {
        let fields: [(&str, &dyn Display); 4] = [
            ("EndpointsName:", &s.endpoints),
            ("EndpointsNamespace:", &s.endpoints_namespace.as_deref().unwrap_or("<unset>")),
            ("Path:", &s.path),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)", &fields);
    }
    if let Some(s) = &spec.azure_file {
        let fields: [(&str, &dyn Display); 4] = [
            ("SecretName:", &s.secret_name),
            ("SecretNamespace:", &text(&s.secret_namespace)),
            ("ShareName:", &s.share_name),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, "AzureFile (an Azure File Service mount on the host and bind mount to the pod)", &fields);
    }
    if let Some(s) = &spec.cinder {
        let fields: [(&str, &dyn Display); 4] = [
            ("VolumeID:", &s.volume_id),
            ("FSType:", &text(&s.fs_type)),
            ("ReadOnly:", &yes(s.read_only)),
            ("SecretRef:", &secret_ref(&s.secret_ref)),
        ];
        return source(d, "Cinder (a Persistent Disk resource in OpenStack)", &fields);
    }
    if let Some(s) = &spec.storageos {
        let fields: [(&str, &dyn Display); 4] = [
            ("VolumeName:", &text(&s.volume_name)),
            ("VolumeNamespace:", &text(&s.volume_namespace)),
            ("FSType:", &text(&s.fs_type)),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, "StorageOS (a StorageOS Persistent Disk resource)", &fields);
    }
    if let Some(s) = &spec.flex_volume {
        let options: Vec<String> = s.options.iter().flatten().map(|(k, v)| format!("{k}:{v}")).collect();
        let kind = "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)";
        let fields: [(&str, &dyn Display); 5] = [
            ("Driver:", &s.driver),
            ("FSType:", &text(&s.fs_type)),
            ("SecretRef:", &secret_ref(&s.secret_ref)),
            ("ReadOnly:", &yes(s.read_only)),
            ("Options:", &format!("map[{}]", options.join(" "))),
        ];
        return source(d, kind, &fields);
    }
    describe_block_source(d, spec)
}

fn describe_block_source(d: &mut Description, spec: &PersistentVolumeSpec) -> bool {
    if let Some(s) = &spec.iscsi {
        let kind =
            "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)";
        let fields: [(&str, &dyn Display); 11] = [
            ("TargetPortal:", &s.target_portal),
            ("IQN:", &s.iqn),
            ("Lun:", &s.lun),
            ("ISCSIInterface", &text(&s.iscsi_interface)),
            ("FSType:", &text(&s.fs_type)),
            ("ReadOnly:", &yes(s.read_only)),
            ("Portals:", &list(items(&s.portals))),
            ("DiscoveryCHAPAuth:", &yes(s.chap_auth_discovery)),
            ("SessionCHAPAuth:", &yes(s.chap_auth_session)),
            ("SecretRef:", &secret_ref(&s.secret_ref)),
            ("InitiatorName:", &s.initiator_name.as_deref().unwrap_or("<none>")),
        ];
        return source(d, kind, &fields);
    }
    if let Some(s) = &spec.rbd {
        let fields: [(&str, &dyn Display); 8] = [
            ("CephMonitors:", &list(&s.monitors)),
            ("RBDImage:", &s.image),
            ("FSType:", &text(&s.fs_type)),
            ("RBDPool:", &text(&s.pool)),
            ("RadosUser:", &text(&s.user)),
            ("Keyring:", &text(&s.keyring)),
            ("SecretRef:", &secret_ref(&s.secret_ref)),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)", &fields);
    }
    if let Some(s) = &spec.cephfs {
        let fields: [(&str, &dyn Display); 6] = [
            ("Monitors:", &list(&s.monitors)),
            ("Path:", &text(&s.path)),
            ("User:", &text(&s.user)),
            ("SecretFile:", &text(&s.secret_file)),
            ("SecretRef:", &secret_ref(&s.secret_ref)),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, "CephFS (a CephFS mount on the host that shares a pod's lifetime)", &fields);
    }
    if let Some(s) = &spec.scale_io {
        let fields: [(&str, &dyn Display); 10] = [
            ("Gateway:", &s.gateway),
            ("System:", &s.system),
            ("Protection Domain:", &text(&s.protection_domain)),
            ("Storage Pool:", &text(&s.storage_pool)),
            ("Storage Mode:", &text(&s.storage_mode)),
            ("VolumeName:", &text(&s.volume_name)),
            ("SecretName:", &text(&s.secret_ref.name)),
            ("SecretNamespace:", &text(&s.secret_ref.namespace)),
            ("FSType:", &text(&s.fs_type)),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, "ScaleIO (a persistent volume backed by a block device in ScaleIO)", &fields);
    }
    false
}
