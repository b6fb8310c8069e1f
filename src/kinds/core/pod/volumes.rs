//! The volumes' part of a description, and which sources a volume has. Mirrors `describeVolumes` in `describe.go`.

use std::collections::BTreeMap;

use crate::api::Quantity;
use crate::api::k8s::api::core::v1::{EphemeralVolumeSource, LocalObjectReference, ProjectedVolumeSource, Volume};
use crate::kinds::Description;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    MAX_ANNOTATION_LEN, print_annotations_multiline, print_labels_multiline, quantity, shorten,
};

macro_rules! count_sources {
    ($v:expr, $($field:ident),* $(,)?) => { 0 $(+ usize::from($v.$field.is_some()))* };
}

/// How many sources a volume names; one is right.
pub(super) fn source_count(v: &Volume) -> usize {
    count_sources!(
        v,
        aws_elastic_block_store,
        azure_disk,
        azure_file,
        cephfs,
        cinder,
        config_map,
        csi,
        downward_api,
        empty_dir,
        ephemeral,
        fc,
        flex_volume,
        flocker,
        gce_persistent_disk,
        git_repo,
        glusterfs,
        host_path,
        image,
        iscsi,
        nfs,
        persistent_volume_claim,
        photon_persistent_disk,
        portworx_volume,
        projected,
        quobyte,
        rbd,
        scale_io,
        secret,
        storageos,
        vsphere_volume,
    )
}

/// The lines of volumes. `space` indents those of a template.
pub(super) fn describe_volumes(d: &mut Description, volumes: &[Volume], space: &str) {
    if volumes.is_empty() {
        d.write(0, format!("{space}Volumes:\t<none>\n"));
        return;
    }
    d.write(0, format!("{space}Volumes:\n"));
    let indent = if space.is_empty() { "" } else { " " };
    for v in volumes {
        d.write(1, format!("{indent}{}:\n", v.name));
        if !describe_source(d, v) {
            d.write(1, "<unknown>\n");
        }
    }
}

/// The lines of a volume's source. Answers whether it has one that is known.
pub(in crate::kinds) fn describe_source(d: &mut Description, v: &Volume) -> bool {
    describe_common(d, v) || describe_network(d, v) || describe_vendor(d, v)
}

/// A type and its fields, with four blanks before every field's name.
pub(in crate::kinds) fn source(d: &mut Description, kind: &str, fields: &[(&str, &dyn std::fmt::Display)]) -> bool {
    let mut lines = format!("Type:\t{kind}\n");
    for (name, value) in fields {
        lines += &format!("    {name}\t{value}\n");
    }
    d.write(2, lines);
    true
}

/// A flag that is false where it is absent.
pub(in crate::kinds) fn yes(flag: Option<bool>) -> bool {
    flag == Some(true)
}

/// A reference as the Go type's `String` prints it.
fn secret_ref(reference: &Option<LocalObjectReference>) -> String {
    reference.as_ref().map_or("nil".into(), |r| format!("&LocalObjectReference{{Name:{},}}", r.name))
}

/// A list as Go's `%v` prints it.
pub(in crate::kinds) fn list(items: &[String]) -> String {
    format!("[{}]", items.join(" "))
}

fn describe_common(d: &mut Description, v: &Volume) -> bool {
    if let Some(s) = &v.host_path {
        let kind = s.type_.as_deref().unwrap_or("<none>");
        return source(d, "HostPath (bare host directory volume)", &[("Path:", &s.path), ("HostPathType:", &kind)]);
    }
    if let Some(s) = &v.empty_dir {
        let limit = s.size_limit.as_ref().filter(|q| Quantity::parse(&q.0).is_ok_and(|q| q.sign() > 0));
        let limit = limit.map_or("<unset>".into(), quantity);
        let kind = "EmptyDir (a temporary directory that shares a pod's lifetime)";
        return source(d, kind, &[("Medium:", &text(&s.medium)), ("SizeLimit:", &limit)]);
    }
    if let Some(s) = &v.secret {
        let kind = "Secret (a volume populated by a Secret)";
        return source(d, kind, &[("SecretName:", &text(&s.secret_name)), ("Optional:", &yes(s.optional))]);
    }
    if let Some(s) = &v.config_map {
        let kind = "ConfigMap (a volume populated by a ConfigMap)";
        return source(d, kind, &[("Name:", &s.name), ("Optional:", &yes(s.optional))]);
    }
    if let Some(s) = &v.persistent_volume_claim {
        let kind = "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)";
        return source(d, kind, &[("ClaimName:", &s.claim_name), ("ReadOnly:", &yes(s.read_only))]);
    }
    if let Some(s) = &v.ephemeral {
        return describe_ephemeral(d, s);
    }
    if let Some(s) = &v.downward_api {
        d.write(2, "Type:\tDownwardAPI (a volume populated by information about the pod)\n    Items:\n");
        for item in items(&s.items) {
            if let Some(field) = &item.field_ref {
                d.write(3, format!("{} -> {}\n", field.field_path, item.path));
            }
            if let Some(field) = &item.resource_field_ref {
                d.write(3, format!("{} -> {}\n", field.resource, item.path));
            }
        }
        return true;
    }
    if let Some(s) = &v.projected {
        return describe_projected(d, s);
    }
    if let Some(s) = &v.csi {
        let kind = "CSI (a Container Storage Interface (CSI) volume source)";
        let fields: [(&str, &dyn std::fmt::Display); 3] =
            [("Driver:", &s.driver), ("FSType:", &text(&s.fs_type)), ("ReadOnly:", &yes(s.read_only))];
        source(d, kind, &fields);
        print_attributes_multiline(d, "VolumeAttributes", &s.volume_attributes);
        return true;
    }
    if let Some(s) = &v.image {
        let fields: [(&str, &dyn std::fmt::Display); 2] =
            [("Reference:", &text(&s.reference)), ("PullPolicy:", &text(&s.pull_policy))];
        return source(d, "Image (a container image or OCI artifact)", &fields);
    }
    false
}

/// Attributes of a CSI volume below each other. Mirrors `printCSIPersistentVolumeAttributesMultiline`.
pub fn print_attributes_multiline(d: &mut Description, title: &str, attributes: &Option<BTreeMap<String, String>>) {
    d.write(2, format!("{title}:\t"));
    let mut first = true;
    for (key, value) in attributes.iter().flatten() {
        if !first {
            d.write(2, "");
            d.write(2, "\t");
        }
        d.write(2, format!("{}\n", shorten(&format!("{key}={value}"), MAX_ANNOTATION_LEN)));
        first = false;
    }
    if first {
        d.write(0, "<none>\n");
    }
}

fn describe_projected(d: &mut Description, projected: &ProjectedVolumeSource) -> bool {
    source(d, "Projected (a volume that contains injected data from multiple sources)", &[]);
    for s in items(&projected.sources) {
        if let Some(secret) = &s.secret {
            d.write(2, format!("SecretName:\t{}\n    Optional:\t{}\n", secret.name, yes(secret.optional)));
        } else if s.downward_api.is_some() {
            d.field(2, "DownwardAPI", "true");
        } else if let Some(map) = &s.config_map {
            d.write(2, format!("ConfigMapName:\t{}\n    Optional:\t{}\n", map.name, yes(map.optional)));
        } else if let Some(token) = &s.service_account_token {
            d.field(2, "TokenExpirationSeconds", token.expiration_seconds.unwrap_or(0));
        }
    }
    true
}

fn describe_ephemeral(d: &mut Description, ephemeral: &EphemeralVolumeSource) -> bool {
    let kind = "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)";
    source(d, kind, &[]);
    let Some(template) = &ephemeral.volume_claim_template else { return true };
    let (meta, spec) = (template.metadata.clone().unwrap_or_default(), &template.spec);
    let annotation = meta.annotations.as_ref().and_then(|a| a.get("volume.beta.kubernetes.io/storage-class"));
    let class = annotation.map_or_else(|| text(&spec.storage_class_name), String::as_str);
    let mut inner = Description::new();
    inner.field(0, "StorageClass", class);
    inner.field(0, "Volume", text(&spec.volume_name));
    print_labels_multiline(&mut inner, "Labels", &meta.labels);
    print_annotations_multiline(&mut inner, "Annotations", &meta.annotations);
    let capacity = if text(&spec.volume_name).is_empty() { "" } else { "0" };
    inner.field(0, "Capacity", capacity);
    inner.field(0, "Access Modes", "");
    if let Some(mode) = &spec.volume_mode {
        inner.field(0, "VolumeMode", mode);
    }
    if let Some(from) = &spec.data_source {
        inner.write(0, "DataSource:\n");
        if let Some(group) = &from.api_group {
            inner.field(1, "APIGroup", group);
        }
        inner.field(1, "Kind", &from.kind);
        inner.field(1, "Name", &from.name);
    }
    d.nest(2, inner);
    true
}

fn describe_network(d: &mut Description, v: &Volume) -> bool {
    if let Some(s) = &v.nfs {
        let kind = "NFS (an NFS mount that lasts the lifetime of a pod)";
        return source(d, kind, &[("Server:", &s.server), ("Path:", &s.path), ("ReadOnly:", &yes(s.read_only))]);
    }
    if let Some(s) = &v.iscsi {
        return source(
            d,
            "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
            &[
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
            ],
        );
    }
    if let Some(s) = &v.glusterfs {
        let kind = "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)";
        let fields: [(&str, &dyn std::fmt::Display); 3] =
            [("EndpointsName:", &s.endpoints), ("Path:", &s.path), ("ReadOnly:", &yes(s.read_only))];
        return source(d, kind, &fields);
    }
    if let Some(s) = &v.rbd {
        return source(
            d,
            "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
            &[
                ("CephMonitors:", &list(&s.monitors)),
                ("RBDImage:", &s.image),
                ("FSType:", &text(&s.fs_type)),
                ("RBDPool:", &text(&s.pool)),
                ("RadosUser:", &text(&s.user)),
                ("Keyring:", &text(&s.keyring)),
                ("SecretRef:", &secret_ref(&s.secret_ref)),
                ("ReadOnly:", &yes(s.read_only)),
            ],
        );
    }
    if let Some(s) = &v.cephfs {
        return source(
            d,
            "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
            &[
                ("Monitors:", &list(&s.monitors)),
                ("Path:", &text(&s.path)),
                ("User:", &text(&s.user)),
                ("SecretFile:", &text(&s.secret_file)),
                ("SecretRef:", &secret_ref(&s.secret_ref)),
                ("ReadOnly:", &yes(s.read_only)),
            ],
        );
    }
    if let Some(s) = &v.fc {
        let lun = s.lun.map_or("<none>".to_string(), |n| n.to_string());
        return source(
            d,
            "FC (a Fibre Channel disk)",
            &[
                ("TargetWWNs:", &items(&s.target_wwns).join(", ")),
                ("LUN:", &lun),
                ("FSType:", &text(&s.fs_type)),
                ("ReadOnly:", &yes(s.read_only)),
            ],
        );
    }
    if let Some(s) = &v.git_repo {
        let kind = "GitRepo (a volume that is pulled from git when the pod is created)";
        return source(d, kind, &[("Repository:", &s.repository), ("Revision:", &text(&s.revision))]);
    }
    false
}

fn describe_vendor(d: &mut Description, v: &Volume) -> bool {
    if let Some(s) = &v.gce_persistent_disk {
        let (fs, partition) = (text(&s.fs_type), s.partition.unwrap_or(0));
        let kind = "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)";
        let fields: [(&str, &dyn std::fmt::Display); 4] =
            [("PDName:", &s.pd_name), ("FSType:", &fs), ("Partition:", &partition), ("ReadOnly:", &yes(s.read_only))];
        return source(d, kind, &fields);
    }
    if let Some(s) = &v.aws_elastic_block_store {
        let (fs, partition) = (text(&s.fs_type), s.partition.unwrap_or(0));
        let kind = "AWSElasticBlockStore (a Persistent Disk resource in AWS)";
        let fields: [(&str, &dyn std::fmt::Display); 4] = [
            ("VolumeID:", &s.volume_id),
            ("FSType:", &fs),
            ("Partition:", &partition),
            ("ReadOnly:", &yes(s.read_only)),
        ];
        return source(d, kind, &fields);
    }
    if let Some(s) = &v.quobyte {
        let kind = "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)";
        let fields: [(&str, &dyn std::fmt::Display); 3] =
            [("Registry:", &s.registry), ("Volume:", &s.volume), ("ReadOnly:", &yes(s.read_only))];
        return source(d, kind, &fields);
    }
    if let Some(s) = &v.azure_disk {
        return source(
            d,
            "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
            &[
                ("DiskName:", &s.disk_name),
                ("DiskURI:", &s.disk_uri),
                ("Kind: ", &text(&s.kind)),
                ("FSType:", &text(&s.fs_type)),
                ("CachingMode:", &text(&s.caching_mode)),
                ("ReadOnly:", &yes(s.read_only)),
            ],
        );
    }
    if let Some(s) = &v.vsphere_volume {
        return source(
            d,
            "vSphereVolume (a Persistent Disk resource in vSphere)",
            &[
                ("VolumePath:", &s.volume_path),
                ("FSType:", &text(&s.fs_type)),
                ("StoragePolicyName:", &text(&s.storage_policy_name)),
            ],
        );
    }
    if let Some(s) = &v.cinder {
        return source(
            d,
            "Cinder (a Persistent Disk resource in OpenStack)",
            &[
                ("VolumeID:", &s.volume_id),
                ("FSType:", &text(&s.fs_type)),
                ("ReadOnly:", &yes(s.read_only)),
                ("SecretRef:", &secret_ref(&s.secret_ref)),
            ],
        );
    }
    if let Some(s) = &v.photon_persistent_disk {
        let kind = "PhotonPersistentDisk (a Persistent Disk resource in photon platform)";
        return source(d, kind, &[("PdID:", &s.pd_id), ("FSType:", &text(&s.fs_type))]);
    }
    if let Some(s) = &v.portworx_volume {
        return source(d, "PortworxVolume (a Portworx Volume resource)", &[("VolumeID:", &s.volume_id)]);
    }
    if let Some(s) = &v.scale_io {
        return source(
            d,
            "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
            &[
                ("Gateway:", &s.gateway),
                ("System:", &s.system),
                ("Protection Domain:", &text(&s.protection_domain)),
                ("Storage Pool:", &text(&s.storage_pool)),
                ("Storage Mode:", &text(&s.storage_mode)),
                ("VolumeName:", &text(&s.volume_name)),
                ("FSType:", &text(&s.fs_type)),
                ("ReadOnly:", &yes(s.read_only)),
            ],
        );
    }
    if let Some(s) = &v.storageos {
        return source(
            d,
            "StorageOS (a StorageOS Persistent Disk resource)",
            &[
                ("VolumeName:", &text(&s.volume_name)),
                ("VolumeNamespace:", &text(&s.volume_namespace)),
                ("FSType:", &text(&s.fs_type)),
                ("ReadOnly:", &yes(s.read_only)),
            ],
        );
    }
    if let Some(s) = &v.azure_file {
        let kind = "AzureFile (an Azure File Service mount on the host and bind mount to the pod)";
        let fields: [(&str, &dyn std::fmt::Display); 3] =
            [("SecretName:", &s.secret_name), ("ShareName:", &s.share_name), ("ReadOnly:", &yes(s.read_only))];
        return source(d, kind, &fields);
    }
    if let Some(s) = &v.flex_volume {
        let options: Vec<String> = s.options.iter().flatten().map(|(k, v)| format!("{k}:{v}")).collect();
        return source(
            d,
            "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
            &[
                ("Driver:", &s.driver),
                ("FSType:", &text(&s.fs_type)),
                ("SecretRef:", &secret_ref(&s.secret_ref)),
                ("ReadOnly:", &yes(s.read_only)),
                ("Options:", &format!("map[{}]", options.join(" "))),
            ],
        );
    }
    if let Some(s) = &v.flocker {
        let kind = "Flocker (a Flocker volume mounted by the Flocker agent)";
        return source(d, kind, &[("DatasetName:", &text(&s.dataset_name)), ("DatasetUUID:", &text(&s.dataset_uuid))]);
    }
    false
}
