//! What is wrong with a claim.
//!
//! Mirrors `ValidatePersistentVolumeClaim*` of `pkg/apis/core/validation/validation.go`.

use serde_json::json;

use crate::api::k8s::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate, TypedObjectReference,
};
use crate::api::names;
use crate::api::object::annotation_of;
use crate::api::quantity::{Quantity, amount};
use crate::api::selector::validate_label_selector;
use crate::error::FieldError;
use crate::kinds::NameRule;
use crate::kinds::core::persistent_volume::{BETA_STORAGE_CLASS_ANNOTATION, validate_access_modes, validation};
use crate::kinds::shared::access::{ResourceList, items, text};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::{FIELD_IMMUTABLE, name_faults, validate_annotations};

/// The states of a resize that a status may name.
const RESIZE_STATES: &[&str] = &[
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizePending",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
];

/// What is wrong with a claim's spec. `any_api_group` lets a data source keep a group that is no name.
pub fn validate_persistent_volume_claim_spec(
    spec: &PersistentVolumeClaimSpec,
    path: &str,
    any_api_group: bool,
) -> Vec<FieldError> {
    let at = |field: &str| format!("{path}.{field}");
    let mut faults = Vec::new();
    if items(&spec.access_modes).is_empty() {
        faults.push(FieldError::required(at("accessModes"), "at least 1 access mode is required"));
    }
    if let Some(selector) = &spec.selector {
        faults.extend(validate_label_selector(selector, &at("selector")));
    }
    faults.extend(validate_access_modes(items(&spec.access_modes), &at("accessModes")));
    let (field, requested) = (at("resources[storage]"), storage_request(spec));
    match requested {
        None => faults.push(FieldError::required(field, "")),
        Some(quantity) => faults.extend(validation::validate_positive_quantity(&quantity, &field)),
    }
    if let Some(class) = spec.storage_class_name.as_deref().filter(|c| !c.is_empty()) {
        faults.extend(validation::validate_class_name(class, &at("storageClassName")));
    }
    if let Some(mode) = spec.volume_mode.as_deref().filter(|m| !validation::SUPPORTED_VOLUME_MODES.contains(m)) {
        faults.push(FieldError::not_supported(at("volumeMode"), mode, validation::SUPPORTED_VOLUME_MODES));
    }
    faults.extend(validate_data_sources(spec, path, any_api_group));
    if let Some(class) = spec.volume_attributes_class_name.as_deref().filter(|c| !c.is_empty()) {
        faults.extend(validation::validate_class_name(class, &at("volumeAttributesClassName")));
    }
    faults
}

/// What is wrong with the template of a generic ephemeral volume's claim.
pub fn validate_persistent_volume_claim_template(
    template: &PersistentVolumeClaimTemplate,
    path: &str,
) -> Vec<FieldError> {
    let meta = template.metadata.clone().unwrap_or_default();
    let mut faults = Vec::new();
    if let Some(annotations) = &meta.annotations {
        faults.extend(validate_annotations(annotations, &format!("{path}.metadata.annotations")));
    }
    if let Some(labels) = &meta.labels {
        faults.extend(crate::api::selector::validate_labels(labels, &format!("{path}.metadata.labels")));
    }
    let others = [
        ("name", meta.name.is_some()),
        ("generateName", meta.generate_name.is_some()),
        ("namespace", meta.namespace.is_some()),
        ("selfLink", meta.self_link.is_some()),
        ("uID", meta.uid.is_some()),
        ("resourceVersion", meta.resource_version.is_some()),
        ("generation", meta.generation.is_some()),
        ("creationTimestamp", meta.creation_timestamp.is_some()),
        ("deletionTimestamp", meta.deletion_timestamp.is_some()),
        ("deletionGracePeriodSeconds", meta.deletion_grace_period_seconds.is_some()),
        ("ownerReferences", meta.owner_references.is_some()),
        ("finalizers", meta.finalizers.is_some()),
        ("managedFields", meta.managed_fields.is_some()),
    ];
    let set = others.into_iter().filter(|(_, set)| *set);
    faults.extend(set.map(|(name, _)| FieldError::forbidden(format!("{path}.metadata.{name}"), "cannot be set")));
    faults.extend(validate_persistent_volume_claim_spec(&template.spec, &format!("{path}.spec"), false));
    faults
}

fn validate_data_sources(spec: &PersistentVolumeClaimSpec, path: &str, any_api_group: bool) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if let Some(source) = &spec.data_source {
        let source = TypedObjectReference {
            api_group: source.api_group.clone(),
            kind: source.kind.clone(),
            name: source.name.clone(),
            namespace: None,
        };
        faults.extend(validate_data_source(&source, &format!("{path}.dataSource"), any_api_group));
    }
    if let Some(source) = &spec.data_source_ref {
        faults.extend(validate_data_source(source, &format!("{path}.dataSourceRef"), any_api_group));
    }
    if let (Some(source), Some(reference)) = (&spec.data_source, &spec.data_source_ref) {
        // The original gives the path as the value, which prints as an empty struct.
        if !text(&reference.namespace).is_empty() {
            let detail = "may not be specified when dataSourceRef.namespace is specified";
            faults.push(FieldError::invalid(path, json!({}), detail));
        } else if source.api_group != reference.api_group
            || source.kind != reference.kind
            || source.name != reference.name
        {
            faults.push(FieldError::invalid(path, json!({}), "must match dataSourceRef"));
        }
    }
    faults
}

fn validate_data_source(source: &TypedObjectReference, path: &str, any_api_group: bool) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if source.name.is_empty() {
        faults.push(FieldError::required(format!("{path}.name"), ""));
    }
    if source.kind.is_empty() {
        faults.push(FieldError::required(format!("{path}.kind"), ""));
    }
    let group = text(&source.api_group);
    if group.is_empty() && source.kind != "PersistentVolumeClaim" {
        let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        faults.push(FieldError::invalid(path, &source.kind, detail));
    }
    if !group.is_empty() && !any_api_group {
        let field = format!("{path}.apiGroup");
        faults.extend(names::dns1123_subdomain(group).iter().map(|e| FieldError::invalid(&field, group, e)));
    }
    let namespace = text(&source.namespace);
    if !namespace.is_empty() {
        let (field, wrong) = (format!("{path}.namespace"), name_faults(NameRule::Label, namespace, false));
        faults.extend(wrong.iter().map(|e| FieldError::invalid(&field, namespace, e)));
    }
    faults
}

fn storage_request(spec: &PersistentVolumeClaimSpec) -> Option<Quantity> {
    amount(spec.resources.as_ref().and_then(|r| r.requests.as_ref()), "storage")
}

/// What is wrong with the new version of a claim.
pub(super) fn validate_persistent_volume_claim_update(
    new: &PersistentVolumeClaim,
    old: &PersistentVolumeClaim,
) -> Vec<FieldError> {
    let (spec, mut old_spec) = (new.spec.clone().unwrap_or_default(), old.spec.clone().unwrap_or_default());
    // Versions before this one may have stored only one of the two.
    crate::kinds::core::persistent_volume_claim::normalize_data_sources(&mut old_spec);
    let group = |s: &PersistentVolumeClaimSpec| {
        s.data_source.as_ref().is_some_and(|d| d.api_group.is_some())
            || s.data_source_ref.as_ref().is_some_and(|d| d.api_group.is_some())
    };
    let mut faults = validate_persistent_volume_claim_spec(&spec, "spec", group(&old_spec));
    let status = new.status.clone().unwrap_or_default();
    let bound = text(&status.phase) == "Bound";
    let (mut clone, mut old_clone) = (spec.clone(), old_spec.clone());
    if text(&old_spec.volume_name).is_empty() {
        // OBSERVATION: the binder names the volume, once.
        old_clone.volume_name = clone.volume_name.clone();
    }
    let annotation =
        |claim: &PersistentVolumeClaim| annotation_of(&claim.metadata, BETA_STORAGE_CLASS_ANNOTATION).map(String::from);
    let (was, is) = (annotation(old), annotation(new));
    if is_upgrade_from_annotation(was.as_deref(), is.as_deref(), &old_spec, &spec) {
        clone.storage_class_name = None;
    } else {
        if was.as_deref().unwrap_or_default() != is.as_deref().unwrap_or_default() {
            let field = format!("metadata.annotations.{BETA_STORAGE_CLASS_ANNOTATION}");
            faults.push(FieldError::invalid(field, is.clone().unwrap_or_default(), FIELD_IMMUTABLE));
        }
        let from_nil = old_spec.storage_class_name.is_none()
            && spec.storage_class_name.is_some()
            && was.as_ref().is_none_or(|class| spec.storage_class_name.as_ref() == Some(class));
        if from_nil {
            // OBSERVATION: a claim without a class gets one.
            clone.storage_class_name = old_clone.storage_class_name.clone();
        }
    }
    if bound {
        keep_storage_request(&mut clone, &old_spec);
        clone.volume_attributes_class_name = old_clone.volume_attributes_class_name.clone();
    }
    if clone != old_clone && internal(&clone) != internal(&old_clone) {
        let diff = Internal::diff(&internal(&old_clone), &internal(&clone));
        let detail = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
             claims\n{diff}"
        );
        faults.push(FieldError::forbidden("spec", &detail));
    }
    let (size, old_size) = (storage_request(&spec).unwrap_or_default(), storage_request(&old_spec).unwrap_or_default());
    let has = amount(old.status.as_ref().and_then(|s| s.capacity.as_ref()), "storage").unwrap_or_default();
    if size < old_size && size <= has {
        let detail = "field can not be less than status.capacity";
        faults.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
    if spec.volume_mode != old_spec.volume_mode {
        faults.push(FieldError::invalid("volumeMode", &spec.volume_mode, FIELD_IMMUTABLE));
    }
    let applied = old.status.as_ref().is_some_and(|s| s.current_volume_attributes_class_name.is_some());
    if spec.volume_attributes_class_name != old_spec.volume_attributes_class_name && applied {
        let what = match spec.volume_attributes_class_name.as_deref() {
            None => Some("nil"),
            Some("") => Some("empty string"),
            Some(_) => None,
        };
        faults.extend(what.map(|what| {
            let detail =
                format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
            FieldError::forbidden("spec.volumeAttributesClassName", &detail)
        }));
    }
    faults
}

/// Whether a class given by annotation is now given as an attribute. Mirrors
/// `validateStorageClassUpgradeFromAnnotation`.
fn is_upgrade_from_annotation(
    was: Option<&str>,
    is: Option<&str>,
    old: &PersistentVolumeClaimSpec,
    new: &PersistentVolumeClaimSpec,
) -> bool {
    was.is_some()
        && old.storage_class_name.is_none()
        && new.storage_class_name.as_deref() == was
        && (is.is_none() || is == was)
}

/// The amount of storage may change: it is compared apart.
fn keep_storage_request(clone: &mut PersistentVolumeClaimSpec, old: &PersistentVolumeClaimSpec) {
    let Some(requests) = clone.resources.as_mut().and_then(|r| r.requests.as_mut()) else { return };
    let was = old.resources.as_ref().and_then(|r| r.requests.as_ref()).and_then(|r| r.get("storage"));
    if let Some(was) = was {
        requests.insert("storage".into(), was.clone());
    }
}

fn internal(spec: &PersistentVolumeClaimSpec) -> Internal {
    Internal::of("PersistentVolumeClaimSpec", spec)
}

/// What is wrong with a claim's status.
pub(super) fn validate_persistent_volume_claim_status(claim: &PersistentVolumeClaim) -> Vec<FieldError> {
    let status = claim.status.clone().unwrap_or_default();
    let mut faults = Vec::new();
    faults.extend(validate_amounts(status.capacity.as_ref(), "status.capacity"));
    let path = "status.allocatedResourceStatuses";
    for (key, state) in status.allocated_resource_statuses.iter().flatten() {
        faults.extend(validate_resource_key(key, path));
        if !RESIZE_STATES.contains(&state.as_str()) {
            faults.push(FieldError::not_supported(path, key, RESIZE_STATES));
        }
    }
    for (key, _) in status.allocated_resources.iter().flatten() {
        faults.extend(validate_resource_key(key, "status.allocatedResources"));
    }
    faults.extend(validate_amounts(status.allocated_resources.as_ref(), "status.allocatedResources"));
    faults
}

fn validate_amounts(list: Option<&ResourceList>, path: &str) -> Vec<FieldError> {
    let negative = list.into_iter().flatten().filter_map(|(name, q)| {
        let value = Quantity::try_from(q).unwrap_or_default().value();
        (value < 0).then(|| FieldError::invalid(format!("{path}[{name}]"), value, "must be a valid resource quantity"))
    });
    negative.collect()
}

fn validate_resource_key(key: &str, path: &str) -> Vec<FieldError> {
    let wrong = names::qualified_name(key);
    if !wrong.is_empty() {
        return wrong.iter().map(|e| FieldError::invalid(path, key, e)).collect();
    }
    let native = !key.contains('/') || key.split('/').next().is_some_and(|domain| domain.ends_with("kubernetes.io"));
    let refused = native && key != "storage";
    refused.then(|| FieldError::not_supported(path, key, &["storage"])).into_iter().collect()
}
