//! PersistentVolumeClaim.

use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::object::annotation_of;
use crate::kinds::Strategy;
use crate::kinds::persistent_volume::BETA_STORAGE_CLASS_ANNOTATION;

impl Strategy for PersistentVolumeClaim {
    crate::spec_and_status!();
}

/// The class that a claim asks for: `""` for volumes without one, none where it leaves the choice to the cluster.
/// Mirrors `GetPersistentVolumeClaimClass` and `PersistentVolumeClaimHasClass`.
pub fn requested_class(claim: &PersistentVolumeClaim) -> Option<&str> {
    let class = claim.spec.as_ref().and_then(|s| s.storage_class_name.as_deref());
    annotation_of(&claim.metadata, BETA_STORAGE_CLASS_ANNOTATION).or(class)
}

/// The class of a claim, `""` for none; mirrors `GetPersistentVolumeClaimClass`.
pub fn get_persistent_volume_claim_class(claim: &PersistentVolumeClaim) -> &str {
    requested_class(claim).unwrap_or_default()
}
