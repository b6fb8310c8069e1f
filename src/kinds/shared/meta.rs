//! What is wrong with an object's metadata.
//!
//! Mirrors `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::api::selector::validate_labels;
use crate::api::{ObjectMeta, OwnerReference, Time, names};
use crate::error::FieldError;
use crate::kinds::NameRule;

/// Said of a field that an update may not change.
pub const FIELD_IMMUTABLE: &str = "field is immutable";
/// Said of a number that must not be negative; mirrors `IsNegativeErrorMsg`.
pub const IS_NEGATIVE: &str = "must be greater than or equal to 0";
/// How many bytes all annotations of an object may have.
const TOTAL_ANNOTATION_SIZE: usize = 256 * 1024;

/// What is wrong with a name. `prefix` is whether it is a `generateName`, to which more will be added.
pub fn name_faults(rule: NameRule, name: &str, prefix: bool) -> Vec<String> {
    let masked = if prefix { names::mask_trailing_dash(name) } else { name.to_string() };
    match rule {
        NameRule::Subdomain => names::dns1123_subdomain(&masked),
        NameRule::Label => names::dns1123_label(&masked),
        NameRule::PathSegment => names::path_segment_name(name, prefix),
        NameRule::Address => names::addresses::canonical_ip(name),
    }
}

/// Faults of a new object's metadata. `namespaced` says whether the kind lives in a namespace.
pub fn validate_object_meta(meta: &ObjectMeta, rule: NameRule, namespaced: bool, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let prefix = meta.generate_name.as_deref().unwrap_or_default();
    if !prefix.is_empty() {
        let field = format!("{path}.generateName");
        faults.extend(name_faults(rule, prefix, true).iter().map(|e| FieldError::invalid(&field, prefix, e)));
    }
    let name = meta.name.as_deref().unwrap_or_default();
    let field = format!("{path}.name");
    if name.is_empty() {
        faults.push(FieldError::required(field, "name or generateName is required"));
    } else {
        faults.extend(name_faults(rule, name, false).iter().map(|e| FieldError::invalid(&field, name, e)));
    }
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let field = format!("{path}.namespace");
    match (namespaced, namespace) {
        (true, "") => faults.push(FieldError::required(field, "")),
        (true, ns) => faults.extend(names::dns1123_label(ns).iter().map(|e| FieldError::invalid(&field, ns, e))),
        (false, "") => {}
        (false, _) => faults.push(FieldError::forbidden(field, "not allowed on this type")),
    }
    faults.extend(validate_nonnegative(meta.generation.unwrap_or(0), &format!("{path}.generation")));
    faults.extend(validate_maps(meta, path));
    faults.extend(validate_finalizers(meta.finalizers.as_deref().unwrap_or_default(), &format!("{path}.finalizers")));
    faults
}

/// Labels, annotations and owners, in this order.
fn validate_maps(meta: &ObjectMeta, path: &str) -> Vec<FieldError> {
    let none = BTreeMap::new();
    let mut faults = validate_labels(meta.labels.as_ref().unwrap_or(&none), &format!("{path}.labels"));
    faults.extend(validate_annotations(meta.annotations.as_ref().unwrap_or(&none), &format!("{path}.annotations")));
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    faults.extend(validate_owner_references(owners, &format!("{path}.ownerReferences")));
    faults
}

/// Faults of annotations: their keys, and their size altogether.
pub fn validate_annotations(annotations: &BTreeMap<String, String>, path: &str) -> Vec<FieldError> {
    let mut faults: Vec<FieldError> = Vec::new();
    for key in annotations.keys() {
        let messages = names::qualified_name(&key.to_lowercase());
        faults.extend(messages.iter().map(|e| FieldError::invalid(path, key, e)));
    }
    if annotations.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() > TOTAL_ANNOTATION_SIZE {
        faults.push(FieldError::too_long(path, TOTAL_ANNOTATION_SIZE));
    }
    faults
}

/// A number that must not be negative.
pub fn validate_nonnegative(value: i64, path: &str) -> Option<FieldError> {
    (value < 0).then(|| FieldError::invalid(path, value, IS_NEGATIVE))
}

fn validate_owner_references(owners: &[OwnerReference], path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut first: Option<String> = None;
    for owner in owners {
        let version = owner.api_version.rsplit('/').next().unwrap_or_default();
        if version.is_empty() {
            let field = format!("{path}.apiVersion");
            faults.push(FieldError::invalid(field, &owner.api_version, "version must not be empty"));
        }
        for (name, value) in [("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)] {
            if value.is_empty() {
                faults.push(FieldError::invalid(format!("{path}.{name}"), value, "must not be empty"));
            }
        }
        if owner.api_version == "v1" && owner.kind == "Event" {
            faults.push(FieldError::invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"));
        }
        if owner.controller == Some(true) {
            let this = format!("{}/{}", owner.kind, owner.name);
            match &first {
                Some(other) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {other} and {this}"
                    );
                    faults.push(FieldError::invalid(path, owners, &detail));
                }
                None => first = Some(this),
            }
        }
    }
    faults
}

fn validate_finalizers(finalizers: &[String], path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for finalizer in finalizers {
        faults.extend(names::qualified_name(finalizer).iter().map(|e| FieldError::invalid(path, finalizer, e)));
    }
    let has = |name: &str| finalizers.iter().any(|f| f == name);
    if has("foregroundDeletion") && has("orphan") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        faults.push(FieldError::invalid(path, finalizers, detail));
    }
    faults
}

/// Faults of a changed object's metadata.
pub fn validate_object_meta_update(new: &ObjectMeta, old: &ObjectMeta, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if old.deletion_timestamp.is_some() {
        let before: BTreeSet<&String> = old.finalizers.iter().flatten().collect();
        let added: BTreeSet<&String> = new.finalizers.iter().flatten().filter(|f| !before.contains(f)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|f| format!("{f:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            faults.push(FieldError::forbidden(format!("{path}.finalizers"), &detail));
        }
    }
    if new.resource_version.as_deref().unwrap_or_default().is_empty() {
        let field = format!("{path}.resourceVersion");
        faults.push(FieldError::invalid(field, "", "must be specified for an update"));
    }
    if new.generation.unwrap_or(0) < old.generation.unwrap_or(0) {
        let field = format!("{path}.generation");
        faults.push(FieldError::invalid(field, new.generation.unwrap_or(0), "must not be decremented"));
    }
    let text = |value: &Option<String>| json!(value.as_deref().unwrap_or_default());
    let time = |value: &Option<crate::api::k8s::apimachinery::pkg::apis::meta::v1::Time>| {
        value.as_ref().map_or(Value::Null, |t| json!(Time::from_meta(t).rfc3339()))
    };
    let fixed = [
        ("name", text(&new.name), text(&old.name)),
        ("namespace", text(&new.namespace), text(&old.namespace)),
        ("uid", text(&new.uid), text(&old.uid)),
        ("creationTimestamp", time(&new.creation_timestamp), time(&old.creation_timestamp)),
        ("deletionTimestamp", time(&new.deletion_timestamp), time(&old.deletion_timestamp)),
        (
            "deletionGracePeriodSeconds",
            json!(new.deletion_grace_period_seconds),
            json!(old.deletion_grace_period_seconds),
        ),
    ];
    faults.extend(
        fixed
            .into_iter()
            .filter(|(_, new, old)| new != old)
            .map(|(name, new, _)| FieldError::invalid(format!("{path}.{name}"), new, FIELD_IMMUTABLE)),
    );
    faults.extend(validate_maps(new, path));
    faults
}

#[cfg(test)]
mod tests {
    use super::{NameRule, validate_object_meta};
    use crate::api::ObjectMeta;

    #[test]
    fn says_what_is_wrong_in_order() {
        let meta = ObjectMeta {
            name: Some("a_b".into()),
            annotations: Some([("-".to_string(), String::new())].into()),
            ..Default::default()
        };
        let faults = validate_object_meta(&meta, NameRule::PathSegment, true, "metadata");
        assert_eq!(
            faults.iter().map(|f| f.field.as_str()).collect::<Vec<_>>(),
            ["metadata.namespace", "metadata.annotations"]
        );
        assert_eq!(faults[0].to_string(), "metadata.namespace: Required value");
    }
}
