//! PersistentVolume.

use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::api::object::annotation_of;
use crate::kinds::Strategy;

/// The annotation that named a claim's or volume's class before `storageClassName` did; it still goes first.
pub const BETA_STORAGE_CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

impl Strategy for PersistentVolume {
    crate::spec_and_status!();
}

/// The class of a volume, `""` for none; mirrors `GetPersistentVolumeClass`.
pub fn get_persistent_volume_class(volume: &PersistentVolume) -> &str {
    let class = volume.spec.as_ref().and_then(|s| s.storage_class_name.as_deref());
    annotation_of(&volume.metadata, BETA_STORAGE_CLASS_ANNOTATION).or(class).unwrap_or_default()
}
