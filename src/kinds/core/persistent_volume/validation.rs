//! What is wrong with a volume.
//!
//! Mirrors `ValidatePersistentVolume*` of `pkg/apis/core/validation/validation.go` and
//! `pkg/volume/validation/pv_validation.go`.

use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity};
use crate::api::names;
use crate::api::object::annotation_of;
use crate::api::quantity::Quantity;
use crate::error::FieldError;
use crate::kinds::core::persistent_volume::source::validate_source;
use crate::kinds::shared::access::{ResourceList, items, text};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::node_selector::validate_node_selector;

/// The access modes there are.
pub const SUPPORTED_ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
/// The modes that a volume may be used in.
pub(in crate::kinds) const SUPPORTED_VOLUME_MODES: &[&str] = &["Block", "Filesystem"];
const SUPPORTED_RECLAIM_POLICIES: &[&str] = &["Delete", "Recycle", "Retain"];

/// What is wrong with a new volume.
pub(super) fn validate_persistent_volume(volume: &PersistentVolume) -> Vec<FieldError> {
    let spec = volume.spec.clone().unwrap_or_default();
    let mut faults = validate_persistent_volume_spec(&spec, text(&volume.metadata.name), "spec");
    faults.extend(check_mount_option(volume, &spec));
    faults
}

/// What is wrong with a volume's spec. `name` is the volume's.
pub fn validate_persistent_volume_spec(spec: &PersistentVolumeSpec, name: &str, path: &str) -> Vec<FieldError> {
    let at = |field: &str| format!("{path}.{field}");
    let mut faults = Vec::new();
    if items(&spec.access_modes).is_empty() {
        faults.push(FieldError::required(at("accessModes"), ""));
    }
    faults.extend(validate_access_modes(items(&spec.access_modes), &at("accessModes")));
    faults.extend(validate_capacity(spec.capacity.as_ref(), &at("capacity")));
    let policy = text(&spec.persistent_volume_reclaim_policy);
    if !policy.is_empty() && !SUPPORTED_RECLAIM_POLICIES.contains(&policy) {
        let field = at("persistentVolumeReclaimPolicy");
        faults.push(FieldError::not_supported(field, policy, SUPPORTED_RECLAIM_POLICIES));
    }
    if let Some(affinity) = &spec.node_affinity {
        match &affinity.required {
            Some(required) => faults.extend(validate_node_selector(required, &at("nodeAffinity.required"))),
            None => {
                let detail = "must specify required node constraints";
                faults.push(FieldError::required(at("nodeAffinity.required"), detail));
            }
        }
    }
    faults.extend(validate_source(spec, name, path));
    let root = spec.host_path.as_ref().is_some_and(|s| is_root(&s.path));
    if root && policy == "Recycle" {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        faults.push(FieldError::forbidden(at("persistentVolumeReclaimPolicy"), detail));
    }
    let class = text(&spec.storage_class_name);
    if !class.is_empty() {
        faults.extend(validate_class_name(class, &at("storageClassName")));
    }
    if let Some(mode) = spec.volume_mode.as_deref().filter(|m| !SUPPORTED_VOLUME_MODES.contains(m)) {
        faults.push(FieldError::not_supported(at("volumeMode"), mode, SUPPORTED_VOLUME_MODES));
    }
    if let Some(class) = &spec.volume_attributes_class_name {
        let field = at("volumeAttributesClassName");
        if class.is_empty() {
            faults.push(FieldError::required(field, "an empty string is disallowed"));
        } else {
            faults.extend(validate_class_name(class, &field));
        }
        if spec.csi.is_none() {
            faults.push(FieldError::required(at("csi"), "has to be specified when using volumeAttributesClassName"));
        }
    }
    faults
}

/// What is wrong with access modes, beyond their being there.
pub fn validate_access_modes(modes: &[String], path: &str) -> Vec<FieldError> {
    let supported = |m: &String| SUPPORTED_ACCESS_MODES.contains(&m.as_str());
    let unknown = modes.iter().filter(|m| !supported(m));
    let mut faults: Vec<FieldError> =
        unknown.map(|m| FieldError::not_supported(path, m, SUPPORTED_ACCESS_MODES)).collect();
    let single = modes.iter().any(|m| m == "ReadWriteOncePod");
    if single && modes.iter().any(|m| supported(m) && m != "ReadWriteOncePod") {
        faults.push(FieldError::forbidden(path, "may not use ReadWriteOncePod with other access modes"));
    }
    faults
}

fn validate_capacity(capacity: Option<&ResourceList>, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let count = capacity.map_or(0, |c| c.len());
    if count == 0 {
        faults.push(FieldError::required(path, ""));
    }
    if count != 1 || capacity.is_none_or(|c| !c.contains_key("storage")) {
        faults.push(FieldError::not_supported(path, capacity, &["storage"]));
    }
    for (name, amount) in capacity.into_iter().flatten() {
        let field = format!("{path}[{name}]");
        let quantity = Quantity::try_from(amount).unwrap_or_default();
        if quantity.value() < 0 {
            faults.push(FieldError::invalid(&field, quantity.value(), "must be a valid resource quantity"));
        }
        faults.extend(validate_positive_quantity(&quantity, &field));
    }
    faults
}

/// Mirrors `ValidatePositiveQuantityValue`.
pub(in crate::kinds) fn validate_positive_quantity(quantity: &Quantity, path: &str) -> Option<FieldError> {
    (quantity.sign() <= 0).then(|| FieldError::invalid(path, quantity.to_string(), "must be greater than zero"))
}

/// What is wrong with the name of a class; mirrors `ValidateClassName`.
pub(in crate::kinds) fn validate_class_name(class: &str, path: &str) -> Vec<FieldError> {
    names::dns1123_subdomain(class).iter().map(|e| FieldError::invalid(path, class, e)).collect()
}

/// Whether a path is the root once it is cleaned, as `path.Clean` does.
fn is_root(path: &str) -> bool {
    let mut depth = 0usize;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

fn check_mount_option(volume: &PersistentVolume, spec: &PersistentVolumeSpec) -> Option<FieldError> {
    let key = crate::kinds::core::persistent_volume::MOUNT_OPTION_ANNOTATION;
    let supported = spec.gce_persistent_disk.is_some()
        || spec.aws_elastic_block_store.is_some()
        || spec.glusterfs.is_some()
        || spec.nfs.is_some()
        || spec.rbd.is_some()
        || spec.quobyte.is_some()
        || spec.iscsi.is_some()
        || spec.cinder.is_some()
        || spec.cephfs.is_some()
        || spec.azure_file.is_some()
        || spec.vsphere_volume.is_some()
        || spec.azure_disk.is_some()
        || spec.photon_persistent_disk.is_some();
    let there = annotation_of(&volume.metadata, key).is_some();
    (there && !supported).then(|| {
        let detail = "may not specify mount options for this volume type";
        FieldError::forbidden(format!("metadata.annotations.{key}"), detail)
    })
}

/// What is wrong with the new version of a volume.
pub(super) fn validate_persistent_volume_update(new: &PersistentVolume, old: &PersistentVolume) -> Vec<FieldError> {
    let mut faults = validate_persistent_volume(new);
    let (mut spec, old) = (new.spec.clone().unwrap_or_default(), old.spec.clone().unwrap_or_default());
    // OBSERVATION: the secret for expanding may be set later.
    if let (Some(csi), Some(was)) = (&mut spec.csi, &old.csi)
        && was.controller_expand_secret_ref.is_none()
    {
        csi.controller_expand_secret_ref = None;
    }
    let (source, old_source) = (source_of(&spec), source_of(&old));
    if source != old_source {
        let (source, old_source) = (internal(&source), internal(&old_source));
        let diff = Internal::diff(&old_source, &source);
        let detail = format!("spec.persistentvolumesource is immutable after creation\n{diff}");
        faults.push(FieldError::forbidden("spec.persistentvolumesource", &detail));
    }
    if spec.volume_mode != old.volume_mode {
        faults.push(FieldError::invalid("volumeMode", &spec.volume_mode, FIELD_IMMUTABLE));
    }
    if let Some(was) = &old.node_affinity
        && spec.node_affinity.as_ref() != Some(&with_ga_labels(was, spec.node_affinity.as_ref()))
    {
        let value = spec.node_affinity.as_ref().map(|a| Internal::of("VolumeNodeAffinity", a));
        let detail = format!("{FIELD_IMMUTABLE}, except for updating from beta label to GA");
        faults.push(FieldError::invalid("nodeAffinity", value, &detail));
    }
    if old.volume_attributes_class_name.is_some() && spec.volume_attributes_class_name.is_none() {
        let detail = "update from non-nil value to nil is forbidden";
        faults.push(FieldError::forbidden("spec.volumeAttributesClassName", detail));
    }
    faults
}

/// The old affinity with the labels that the new one has moved from beta to GA.
fn with_ga_labels(old: &VolumeNodeAffinity, new: Option<&VolumeNodeAffinity>) -> VolumeNodeAffinity {
    let mut old = old.clone();
    let terms = |a: &VolumeNodeAffinity| a.required.as_ref().map(|r| r.node_selector_terms.clone()).unwrap_or_default();
    let new = new.map(terms).unwrap_or_default();
    for (term, new) in old.required.iter_mut().flat_map(|r| r.node_selector_terms.iter_mut()).zip(&new) {
        let requirements = term.match_expressions.iter_mut().flatten().zip(new.match_expressions.iter().flatten());
        for (requirement, new) in requirements {
            let ga = match requirement.key.as_str() {
                "failure-domain.beta.kubernetes.io/zone" => "topology.kubernetes.io/zone",
                "failure-domain.beta.kubernetes.io/region" => "topology.kubernetes.io/region",
                "beta.kubernetes.io/os" => "kubernetes.io/os",
                "beta.kubernetes.io/arch" => "kubernetes.io/arch",
                "beta.kubernetes.io/instance-type" => "node.kubernetes.io/instance-type",
                _ => continue,
            };
            if new.key == ga {
                requirement.key = ga.into();
            }
        }
    }
    old
}

/// A spec with nothing in it but the source.
fn source_of(spec: &PersistentVolumeSpec) -> PersistentVolumeSpec {
    PersistentVolumeSpec {
        access_modes: None,
        capacity: None,
        claim_ref: None,
        mount_options: None,
        node_affinity: None,
        persistent_volume_reclaim_policy: None,
        storage_class_name: None,
        volume_attributes_class_name: None,
        volume_mode: None,
        ..spec.clone()
    }
}

fn internal(spec: &PersistentVolumeSpec) -> Internal {
    Internal::of("PersistentVolumeSource", spec)
}
