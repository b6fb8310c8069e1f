//! StorageClass.

use std::cmp::Reverse;

use crate::api::ObjectMeta;
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;
use crate::kinds::Strategy;

/// The annotation that makes a class the default one.
pub const IS_DEFAULT_STORAGE_CLASS_ANNOTATION: &str = "storageclass.kubernetes.io/is-default-class";
/// The same before 1.6.
pub const BETA_IS_DEFAULT_STORAGE_CLASS_ANNOTATION: &str = "storageclass.beta.kubernetes.io/is-default-class";

impl Strategy for StorageClass {}

/// Whether a class is marked as a default; mirrors `util.IsDefaultAnnotation` of `pkg/apis/storage/util`.
pub fn is_default_annotation(meta: &ObjectMeta) -> bool {
    [IS_DEFAULT_STORAGE_CLASS_ANNOTATION, BETA_IS_DEFAULT_STORAGE_CLASS_ANNOTATION]
        .iter()
        .any(|key| annotation_of(meta, key) == Some("true"))
}

/// The class of claims that name none: the newest of those marked so, by name among equals.
/// Mirrors `util.GetDefaultClass` of `pkg/volume/util/storageclass.go`.
pub fn get_default_class<'a>(classes: impl Iterator<Item = &'a StorageClass>) -> Option<&'a StorageClass> {
    let defaults = classes.filter(|class| is_default_annotation(&class.metadata));
    defaults.min_by_key(|class| {
        (Reverse(class.metadata.creation_timestamp.as_ref().map(|t| t.0)), class.metadata.name.as_deref())
    })
}
