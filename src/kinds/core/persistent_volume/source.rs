//! What is wrong with the source of a volume: there must be one, and one only.
//!
//! Mirrors the part of `ValidatePersistentVolumeSpec` that goes through the sources.

use crate::api::k8s::api::core::v1::{
    AzureDiskVolumeSource, CSIPersistentVolumeSource, FCVolumeSource, FlexPersistentVolumeSource, HostPathVolumeSource,
    ISCSIPersistentVolumeSource, NFSVolumeSource, PersistentVolumeSpec, QuobyteVolumeSource, SecretReference,
    StorageOSPersistentVolumeSource,
};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::NameRule;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::meta::name_faults;

/// The types that a hostPath may ask for.
const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// Sources that were met, and what is wrong with them.
struct Sources<'a> {
    path: &'a str,
    count: usize,
    faults: Vec<FieldError>,
}

impl Sources<'_> {
    /// Counts a source. It is looked at only where it is the first.
    fn add<T>(&mut self, field: &str, source: &Option<T>, check: impl FnOnce(&T, &str) -> Vec<FieldError>) {
        let Some(source) = source else { return };
        let path = format!("{}.{field}", self.path);
        if self.count > 0 {
            self.faults.push(FieldError::forbidden(path, "may not specify more than 1 volume type"));
        } else {
            self.count += 1;
            self.faults.extend(check(source, &path));
        }
    }
}

/// What is wrong with a volume's source. `name` is the volume's.
pub(in crate::kinds) fn validate_source(spec: &PersistentVolumeSpec, name: &str, path: &str) -> Vec<FieldError> {
    let mut all = Sources { path, count: 0, faults: Vec::new() };
    all.add("hostPath", &spec.host_path, validate_host_path);
    all.add("gcePersistentDisk", &spec.gce_persistent_disk, |s, _| {
        // The original looks for its faults under another name.
        validate_disk(&s.pd_name, "pdName", s.partition, &format!("{path}.persistentDisk"))
    });
    all.add("awsElasticBlockStore", &spec.aws_elastic_block_store, |s, p| {
        validate_disk(&s.volume_id, "volumeID", s.partition, p)
    });
    all.add("glusterfs", &spec.glusterfs, |s, p| {
        let mut faults = required(p, &[("endpoints", &s.endpoints), ("path", &s.path)]);
        if let Some(namespace) = &s.endpoints_namespace {
            let field = format!("{p}.endpointsNamespace");
            if namespace.is_empty() {
                let detail = "if the endpointnamespace is set, it must be a valid namespace name";
                faults.push(FieldError::invalid(field, namespace, detail));
            } else {
                let wrong = name_faults(NameRule::Label, namespace, false);
                faults.extend(wrong.iter().map(|e| FieldError::invalid(&field, namespace, e)));
            }
        }
        faults
    });
    all.add("flocker", &spec.flocker, |s, p| validate_flocker(text(&s.dataset_name), text(&s.dataset_uuid), p));
    all.add("nfs", &spec.nfs, validate_nfs);
    all.add("rbd", &spec.rbd, |s, p| monitors(&s.monitors, required(p, &[("image", &s.image)]), p));
    all.add("quobyte", &spec.quobyte, validate_quobyte);
    // A second one is told of as cephFS, the first is looked at as cephfs: so it is in the original.
    let field = if all.count > 0 { "cephFS" } else { "cephfs" };
    all.add(field, &spec.cephfs, |s, p| monitors(&s.monitors, Vec::new(), p));
    all.add("iscsi", &spec.iscsi, |s, p| validate_iscsi(s, name, p));
    all.add("cinder", &spec.cinder, |s, p| {
        let mut faults = required(p, &[("volumeID", &s.volume_id)]);
        faults.extend(secret_names(s.secret_ref.as_ref(), p));
        faults
    });
    all.add("fc", &spec.fc, validate_fc);
    if let Some(s) = &spec.flex_volume {
        // It may stand beside another source.
        all.count += 1;
        all.faults.extend(validate_flex(s, &format!("{path}.flexVolume")));
    }
    all.add("azureFile", &spec.azure_file, |s, p| {
        let mut faults = required(p, &[("secretName", &s.secret_name), ("shareName", &s.share_name)]);
        if s.secret_namespace.as_ref().is_some_and(String::is_empty) {
            faults.push(FieldError::required(format!("{p}.secretNamespace"), ""));
        }
        faults
    });
    all.add("vsphereVolume", &spec.vsphere_volume, |s, p| required(p, &[("volumePath", &s.volume_path)]));
    all.add("photonPersistentDisk", &spec.photon_persistent_disk, |s, p| required(p, &[("pdID", &s.pd_id)]));
    all.add("portworxVolume", &spec.portworx_volume, |s, p| required(p, &[("volumeID", &s.volume_id)]));
    all.add("azureDisk", &spec.azure_disk, validate_azure_disk);
    all.add("scaleIO", &spec.scale_io, |s, p| {
        required(p, &[("gateway", &s.gateway), ("system", &s.system), ("volumeName", text(&s.volume_name))])
    });
    all.add("local", &spec.local, |s, p| {
        let mut faults = match s.path.as_str() {
            "" => vec![FieldError::required(format!("{p}.path"), "")],
            local => validate_path_no_backsteps(local, &format!("{p}.path")),
        };
        if spec.node_affinity.is_none() {
            let detail = "Local volume requires node affinity";
            faults.push(FieldError::required(format!("{path}.nodeAffinity"), detail));
        }
        faults
    });
    all.add("storageos", &spec.storageos, validate_storageos);
    all.add("csi", &spec.csi, validate_csi);
    if all.count == 0 {
        all.faults.push(FieldError::required(path, "must specify a volume type"));
    }
    all.faults
}

/// A fault for each field that is empty.
fn required(path: &str, fields: &[(&str, &str)]) -> Vec<FieldError> {
    let empty = fields.iter().filter(|(_, value)| value.is_empty());
    empty.map(|(field, _)| FieldError::required(format!("{path}.{field}"), "")).collect()
}

/// The monitors of a Ceph cluster; they go before the other faults.
fn monitors(monitors: &[String], others: Vec<FieldError>, path: &str) -> Vec<FieldError> {
    let none = monitors.is_empty().then(|| FieldError::required(format!("{path}.monitors"), ""));
    none.into_iter().chain(others).collect()
}

/// Mirrors `validateHostPathVolumeSource`.
pub(in crate::kinds) fn validate_host_path(source: &HostPathVolumeSource, path: &str) -> Vec<FieldError> {
    if source.path.is_empty() {
        return vec![FieldError::required(format!("{path}.path"), "")];
    }
    let mut faults = validate_path_no_backsteps(&source.path, &format!("{path}.path"));
    if let Some(kind) = source.type_.as_deref().filter(|t| !HOST_PATH_TYPES.contains(t)) {
        faults.push(FieldError::not_supported(format!("{path}.type"), kind, HOST_PATH_TYPES));
    }
    faults
}

/// Mirrors `validatePathNoBacksteps`.
pub(in crate::kinds) fn validate_path_no_backsteps(target: &str, path: &str) -> Vec<FieldError> {
    let back = target.split('/').any(|part| part == "..");
    back.then(|| FieldError::invalid(path, target, "must not contain '..'")).into_iter().collect()
}

/// Mirrors `validateNFSVolumeSource`.
pub(in crate::kinds) fn validate_nfs(source: &NFSVolumeSource, path: &str) -> Vec<FieldError> {
    let mut faults = required(path, &[("server", &source.server), ("path", &source.path)]);
    if !source.path.starts_with('/') {
        faults.push(FieldError::invalid(format!("{path}.path"), &source.path, "must be an absolute path"));
    }
    faults
}

/// A disk of a cloud: its name, and a partition up to 255.
pub(in crate::kinds) fn validate_disk(id: &str, field: &str, partition: Option<i32>, path: &str) -> Vec<FieldError> {
    let mut faults = required(path, &[(field, id)]);
    let partition = partition.unwrap_or(0);
    if !(0..=255).contains(&partition) {
        let detail = names::inclusive_range_error(1, 255);
        faults.push(FieldError::invalid(format!("{path}.partition"), partition, &detail));
    }
    faults
}

/// Mirrors `validateFlockerVolumeSource`.
pub(in crate::kinds) fn validate_flocker(name: &str, uuid: &str, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if name.is_empty() && uuid.is_empty() {
        faults.push(FieldError::required(path, "one of datasetName and datasetUUID is required"));
    }
    if !name.is_empty() && !uuid.is_empty() {
        let detail = "datasetName and datasetUUID can not be specified simultaneously";
        faults.push(FieldError::invalid(path, "resource", detail));
    }
    if name.contains('/') {
        faults.push(FieldError::invalid(format!("{path}.datasetName"), name, "must not contain '/'"));
    }
    faults
}

/// Mirrors `validateQuobyteVolumeSource`.
pub(in crate::kinds) fn validate_quobyte(source: &QuobyteVolumeSource, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let (field, detail) =
        (format!("{path}.registry"), "must be a host:port pair or multiple pairs separated by commas");
    if source.registry.is_empty() {
        faults.push(FieldError::required(field, detail));
    } else if text(&source.tenant).len() >= 65 {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        faults.push(FieldError::required(format!("{path}.tenant"), detail));
    } else {
        let pairs = source.registry.split(',').filter(|pair| !is_host_and_port(pair));
        faults.extend(pairs.map(|_| FieldError::invalid(&field, &source.registry, detail)));
    }
    faults.extend(required(path, &[("volume", &source.volume)]));
    faults
}

/// Mirrors `net.SplitHostPort`.
fn is_host_and_port(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || (host.starts_with('[') && host.ends_with(']')),
        None => false,
    }
}

fn validate_iscsi(source: &ISCSIPersistentVolumeSource, volume: &str, path: &str) -> Vec<FieldError> {
    let mut faults = required(path, &[("targetPortal", &source.target_portal)]);
    let initiator = source.initiator_name.as_deref();
    if initiator.is_some() && volume.len() + 1 + source.target_portal.len() > 64 {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if \
            iscsi.initiatorName is specified.";
        faults.push(FieldError::invalid(format!("{path}.targetportal"), &source.target_portal, detail));
    }
    if source.iqn.is_empty() {
        faults.push(FieldError::required(format!("{path}.iqn"), ""));
    } else if !is_iscsi_name(&source.iqn) {
        faults.push(FieldError::invalid(format!("{path}.iqn"), &source.iqn, "must be valid format"));
    }
    if !(0..=255).contains(&source.lun) {
        let detail = names::inclusive_range_error(0, 255);
        faults.push(FieldError::invalid(format!("{path}.lun"), source.lun, &detail));
    }
    let chap = source.chap_auth_discovery == Some(true) || source.chap_auth_session == Some(true);
    match &source.secret_ref {
        None if chap => faults.push(FieldError::required(format!("{path}.secretRef"), "")),
        Some(secret) if text(&secret.name).is_empty() => {
            faults.push(FieldError::required(format!("{path}.secretRef.name"), ""));
        }
        _ => {}
    }
    if let Some(name) = initiator.filter(|n| !is_iscsi_name(n)) {
        faults.push(FieldError::invalid(format!("{path}.initiatorname"), name, "must be valid format"));
    }
    faults
}

/// Whether a text is a name of iSCSI: `iqn.YYYY-MM.DOMAIN:REST`, `eui.` and 16 or `naa.` and 32 letters and digits.
pub(in crate::kinds) fn is_iscsi_name(name: &str) -> bool {
    let alnum = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_alphanumeric());
    // In the original's patterns the character after the scheme may be any.
    let rest = name.char_indices().nth(4).map_or("", |(i, _)| &name[i..]);
    match name.get(..3) {
        Some("eui") => alnum(rest, 16),
        Some("naa") => alnum(rest, 32),
        // That of iqn is not anchored at the start.
        Some("iqn") => name.match_indices("iqn.").any(|(i, _)| is_iqn(&name[i + 4..])),
        _ => false,
    }
}

fn is_iqn(text: &str) -> bool {
    let digits = |text: Option<&str>| text.is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()));
    let date = digits(text.get(..4)) && text.get(4..5) == Some("-") && digits(text.get(5..7));
    let Some(rest) = text.get(7..).and_then(|t| t.strip_prefix('.')).filter(|_| date) else { return false };
    let authority = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')).count();
    let tail = &rest[authority..];
    let forbidden = |c: char| matches!(c, ',' | ';' | '*' | '&' | '$' | '|') || c.is_whitespace();
    authority > 0 && tail.strip_prefix(':').is_some_and(|t| !t.is_empty() && !t.contains(forbidden))
}

/// Mirrors `validateFCVolumeSource`.
pub(in crate::kinds) fn validate_fc(source: &FCVolumeSource, path: &str) -> Vec<FieldError> {
    let (targets, ids) = (items(&source.target_wwns), items(&source.wwids));
    let field = format!("{path}.targetWWNs");
    let mut faults = Vec::new();
    if targets.is_empty() && ids.is_empty() {
        faults.push(FieldError::required(&field, "must specify either targetWWNs or wwids, but not both"));
    }
    if !targets.is_empty() && !ids.is_empty() {
        let detail = "targetWWNs and wwids can not be specified simultaneously";
        faults.push(FieldError::invalid(&field, targets, detail));
    }
    if !targets.is_empty() {
        let field = format!("{path}.lun");
        match source.lun {
            None => faults.push(FieldError::required(field, "lun is required if targetWWNs is specified")),
            Some(lun) if !(0..=255).contains(&lun) => {
                faults.push(FieldError::invalid(field, lun, &names::inclusive_range_error(0, 255)));
            }
            Some(_) => {}
        }
    }
    faults
}

fn validate_flex(source: &FlexPersistentVolumeSource, path: &str) -> Vec<FieldError> {
    let mut faults = required(path, &[("driver", &source.driver)]);
    for key in source.options.iter().flatten().map(|(k, _)| k) {
        let namespace = key.split_once('/').map_or(key.as_str(), |(n, _)| n).to_lowercase();
        let normalized = format!(".{namespace}");
        if normalized.ends_with(".kubernetes.io") || normalized.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            faults.push(FieldError::invalid(format!("{path}.options[{key}]"), key, detail));
        }
    }
    faults
}

/// Mirrors `validateAzureDisk`.
pub(in crate::kinds) fn validate_azure_disk(source: &AzureDiskVolumeSource, path: &str) -> Vec<FieldError> {
    let mut faults = required(path, &[("diskName", &source.disk_name), ("diskURI", &source.disk_uri)]);
    let caching = ["None", "ReadOnly", "ReadWrite"];
    if let Some(mode) = source.caching_mode.as_deref().filter(|m| !caching.contains(m)) {
        faults.push(FieldError::not_supported(format!("{path}.cachingMode"), mode, &caching));
    }
    let kinds = ["Dedicated", "Managed", "Shared"];
    if let Some(kind) = source.kind.as_deref() {
        if !kinds.contains(&kind) {
            faults.push(FieldError::not_supported(format!("{path}.kind"), kind, &kinds));
        }
        let (prefix, form) = match kind {
            "Managed" => (
                "/subscriptions/",
                "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
            ),
            _ => ("https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"),
        };
        if !source.disk_uri.starts_with(prefix) {
            faults.push(FieldError::not_supported(format!("{path}.diskURI"), &source.disk_uri, &[form]));
        }
    }
    faults
}

fn secret_names(secret: Option<&SecretReference>, path: &str) -> Vec<FieldError> {
    let Some(secret) = secret else { return Vec::new() };
    let path = format!("{path}.secretRef");
    required(&path, &[("name", text(&secret.name)), ("namespace", text(&secret.namespace))])
}

fn validate_storageos(source: &StorageOSPersistentVolumeSource, path: &str) -> Vec<FieldError> {
    let label = |value: &str, field: &str| -> Vec<FieldError> {
        let field = format!("{path}.{field}");
        names::dns1123_label(value).iter().map(|e| FieldError::invalid(&field, value, e)).collect()
    };
    let mut faults = match text(&source.volume_name) {
        "" => vec![FieldError::required(format!("{path}.volumeName"), "")],
        name => label(name, "volumeName"),
    };
    if let Some(namespace) = source.volume_namespace.as_deref().filter(|n| !n.is_empty()) {
        faults.extend(label(namespace, "volumeNamespace"));
    }
    if let Some(secret) = &source.secret_ref {
        let path = format!("{path}.secretRef");
        faults.extend(required(&path, &[("name", text(&secret.name)), ("namespace", text(&secret.namespace))]));
    }
    faults
}

/// Mirrors `ValidateCSIDriverName`.
pub(in crate::kinds) fn validate_csi_driver_name(driver: &str, path: &str) -> Vec<FieldError> {
    if driver.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let long = (driver.len() > 63).then(|| FieldError::too_long(path, 63));
    let wrong = names::dns1123_subdomain(&driver.to_lowercase());
    long.into_iter().chain(wrong.iter().map(|e| FieldError::invalid(path, driver, e))).collect()
}

fn validate_csi(source: &CSIPersistentVolumeSource, path: &str) -> Vec<FieldError> {
    let mut faults = validate_csi_driver_name(&source.driver, &format!("{path}.driver"));
    faults.extend(required(path, &[("volumeHandle", &source.volume_handle)]));
    for (field, secret) in [
        ("controllerPublishSecretRef", &source.controller_publish_secret_ref),
        ("controllerExpandSecretRef", &source.controller_expand_secret_ref),
        ("nodePublishSecretRef", &source.node_publish_secret_ref),
        ("nodeExpandSecretRef", &source.node_expand_secret_ref),
    ] {
        let Some(secret) = secret else { continue };
        let parts = [
            ("name", text(&secret.name), names::dns1123_subdomain as fn(&str) -> Vec<String>),
            ("namespace", text(&secret.namespace), names::dns1123_label),
        ];
        for (part, value, check) in parts {
            let field = format!("{path}.{field}.{part}");
            match value {
                "" => faults.push(FieldError::required(field, "")),
                value => faults.extend(check(value).iter().map(|e| FieldError::invalid(&field, value, e))),
            }
        }
    }
    faults
}
