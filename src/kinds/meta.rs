//! What is wrong with an object's metadata.
//!
//! Mirrors `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`.

use super::NameRule;
use crate::api::ObjectMeta;
use crate::error::FieldError;

/// Faults of a new object's metadata. `namespaced` says whether the kind lives in a namespace.
pub fn validate_object_meta(_meta: &ObjectMeta, _rule: NameRule, _namespaced: bool, _path: &str) -> Vec<FieldError> {
    Vec::new()
}

/// Faults of a changed object's metadata.
pub fn validate_object_meta_update(_new: &ObjectMeta, _old: &ObjectMeta, _path: &str) -> Vec<FieldError> {
    Vec::new()
}
