//! What is wrong with volumes of particular storage systems.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{
    AzureDiskVolumeSource, FCVolumeSource, FlexVolumeSource, FlockerVolumeSource, ISCSIVolumeSource,
    QuobyteVolumeSource, StorageOSVolumeSource, Volume,
};
use crate::api::names;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::{Faults, at};

/// The number of a disk's partition.
pub(super) fn validate_partition(partition: Option<i32>, path: &str, faults: &mut Faults) {
    if let Some(partition) = partition.filter(|n| !(0..=255).contains(n)) {
        faults.invalid(path, "partition", partition, &names::inclusive_range_error(1, 255));
    }
}

/// `iqn.YYYY-MM.domain:name`, or `eui.` and 16 or `naa.` and 32 letters and digits.
fn is_initiator(name: &str) -> bool {
    let code = |rest: Option<&str>, n: usize| {
        rest.is_some_and(|r| r.len() == n + 1 && r[1..].bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    if name.starts_with("eui") {
        return code(name.get(3..), 16);
    }
    if name.starts_with("naa") {
        return code(name.get(3..), 32);
    }
    // The pattern is not anchored at its start.
    name.match_indices("iqn.").any(|(i, _)| {
        let rest = &name[i + 4..];
        let date = rest.get(..8).is_some_and(|d| {
            d.bytes().enumerate().all(|(i, b)| match i {
                4 => b == b'-',
                7 => b == b'.',
                _ => b.is_ascii_digit(),
            })
        });
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        date && rest.get(8..).and_then(|r| r.split_once(':')).is_some_and(|(domain, tail)| {
            !domain.is_empty()
                && domain.bytes().all(inner)
                && !tail.is_empty()
                && !tail.contains(|c: char| ",;*&$|".contains(c) || c.is_ascii_whitespace())
        })
    })
}

fn validate_initiator(name: &str, path: &str, field: &str, faults: &mut Faults) {
    if !["iqn", "eui", "naa"].iter().any(|p| name.starts_with(p)) {
        faults.invalid(path, field, name, "must be valid format starting with iqn, eui, or naa");
    } else if !is_initiator(name) {
        faults.invalid(path, field, name, "must be valid format");
    }
}

/// Mirrors `validateISCSIVolumeSource`.
pub(super) fn validate_iscsi(s: &ISCSIVolumeSource, path: &str, faults: &mut Faults) {
    faults.require(path, "targetPortal", &s.target_portal);
    if faults.require(path, "iqn", &s.iqn) {
        validate_initiator(&s.iqn, path, "iqn", faults);
    }
    if !(0..=255).contains(&s.lun) {
        faults.invalid(path, "lun", s.lun, &names::inclusive_range_error(0, 255));
    }
    let authenticates = s.chap_auth_discovery == Some(true) || s.chap_auth_session == Some(true);
    if authenticates && s.secret_ref.is_none() {
        faults.required(path, "secretRef");
    }
    if let Some(name) = &s.initiator_name {
        validate_initiator(name, path, "initiatorname", faults);
    }
}

/// The name of an iSCSI volume becomes part of an interface's.
pub(super) fn validate_iscsi_name(v: &Volume, path: &str, faults: &mut Faults) {
    if let Some(s) = v.iscsi.as_ref().filter(|s| s.initiator_name.is_some())
        && v.name.len() + 1 + s.target_portal.len() > 64
    {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if \
            iscsi.initiatorName is specified.";
        faults.invalid(path, "name", &v.name, detail);
    }
}

/// Mirrors `validateFlockerVolumeSource`.
pub(super) fn validate_flocker(s: &FlockerVolumeSource, path: &str, faults: &mut Faults) {
    match (text(&s.dataset_name), text(&s.dataset_uuid)) {
        ("", "") => faults.required_for(path, "", "one of datasetName and datasetUUID is required"),
        ("", _) | (_, "") => {}
        _ => {
            let detail = "datasetName and datasetUUID can not be specified simultaneously";
            faults.invalid(path, "", "resource", detail);
        }
    }
    if text(&s.dataset_name).contains('/') {
        faults.invalid(path, "datasetName", text(&s.dataset_name), "must not contain '/'");
    }
}

/// Mirrors `validateQuobyteVolumeSource`.
pub(super) fn validate_quobyte(s: &QuobyteVolumeSource, path: &str, faults: &mut Faults) {
    let detail = "must be a host:port pair or multiple pairs separated by commas";
    let is_pair = |pair: &str| match pair.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || (host.starts_with('[') && host.ends_with(']')),
        None => false,
    };
    if s.registry.is_empty() {
        faults.required_for(path, "registry", detail);
    } else if text(&s.tenant).len() >= 65 {
        faults.required_for(path, "tenant", "must be a UUID and may not exceed a length of 64 characters");
    } else {
        for _ in s.registry.split(',').filter(|pair| !is_pair(pair)) {
            faults.invalid(path, "registry", &s.registry, detail);
        }
    }
    faults.require(path, "volume", &s.volume);
}

/// Mirrors `validateFCVolumeSource`.
pub(super) fn validate_fc(s: &FCVolumeSource, path: &str, faults: &mut Faults) {
    let (targets, ids) = (items(&s.target_wwns), items(&s.wwids));
    if targets.is_empty() && ids.is_empty() {
        faults.required_for(path, "targetWWNs", "must specify either targetWWNs or wwids, but not both");
    }
    if !targets.is_empty() && !ids.is_empty() {
        faults.invalid(path, "targetWWNs", targets, "targetWWNs and wwids can not be specified simultaneously");
    }
    match s.lun {
        _ if targets.is_empty() => {}
        None => faults.required_for(path, "lun", "lun is required if targetWWNs is specified"),
        Some(lun) if !(0..=255).contains(&lun) => {
            faults.invalid(path, "lun", lun, &names::inclusive_range_error(0, 255));
        }
        Some(_) => {}
    }
}

/// Mirrors `validateFlexVolumeSource`.
pub(super) fn validate_flex(s: &FlexVolumeSource, path: &str, faults: &mut Faults) {
    faults.require(path, "driver", &s.driver);
    for key in s.options.iter().flatten().map(|(key, _)| key) {
        let namespace = format!(".{}", key.split_once('/').map_or(key.as_str(), |(n, _)| n).to_lowercase());
        if namespace.ends_with(".kubernetes.io") || namespace.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            faults.invalid(&format!("{path}.options[{key}]"), "", key, detail);
        }
    }
}

/// Mirrors `validateAzureDisk`.
pub(super) fn validate_azure_disk(s: &AzureDiskVolumeSource, path: &str, faults: &mut Faults) {
    faults.require(path, "diskName", &s.disk_name);
    faults.require(path, "diskURI", &s.disk_uri);
    if let Some(mode) = &s.caching_mode {
        faults.one_of(path, "cachingMode", mode, &["None", "ReadOnly", "ReadWrite"]);
    }
    let Some(kind) = &s.kind else { return };
    faults.one_of(path, "kind", kind, &["Dedicated", "Managed", "Shared"]);
    let (prefix, form) = match kind.as_str() {
        "Managed" => (
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        ),
        _ => ("https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"),
    };
    if !s.disk_uri.starts_with(prefix) {
        faults.one_of(path, "diskURI", &s.disk_uri, &[form]);
    }
}

/// Mirrors `validateStorageOSVolumeSource`.
pub(super) fn validate_storage_os(s: &StorageOSVolumeSource, path: &str, faults: &mut Faults) {
    if faults.require(path, "volumeName", text(&s.volume_name)) {
        let name = text(&s.volume_name);
        faults.all_invalid(path, "volumeName", name, names::dns1123_label(name));
    }
    if let Some(namespace) = s.volume_namespace.as_ref().filter(|n| !n.is_empty()) {
        faults.all_invalid(path, "volumeNamespace", namespace, names::dns1123_label(namespace));
    }
    if let Some(secret) = &s.secret_ref {
        faults.require(&at(path, "secretRef"), "name", &secret.name);
    }
}

/// The same text twice in a projected volume.
pub(super) fn claim_path(paths: &mut BTreeSet<String>, claimed: &str, path: &str, value: &str, faults: &mut Faults) {
    if !paths.insert(claimed.to_string()) {
        faults.invalid(path, "", value, "conflicting duplicate paths");
    }
}
