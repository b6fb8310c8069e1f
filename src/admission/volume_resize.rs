//! Lets a claim grow only where its class allows it (`PersistentVolumeClaimResize`).
//!
//! Mirrors `plugin/pkg/admission/storage/persistentvolume/resize`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::quantity::{Quantity, amount};
use crate::error::ApiError;
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;

/// See the module.
pub(super) struct PersistentVolumeClaimResize;

impl Plugin for PersistentVolumeClaimResize {
    fn validate_update(&self, request: &Request<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
        let (Some(claim), Some(old)) = (object.get::<PersistentVolumeClaim>(), old.get::<PersistentVolumeClaim>())
        else {
            return Ok(());
        };
        if size(claim) <= size(old) {
            return Ok(());
        }
        let refuse = |detail: &str| Err(ApiError::forbidden("persistentvolumeclaims", object.name(), detail));
        if old.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Bound") {
            return refuse("Only bound persistent volume claims can be expanded");
        }
        if !allow_resize(request, claim, old) {
            return refuse(
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
                 support resize",
            );
        }
        Ok(())
    }
}

fn allow_resize(request: &Request<'_>, claim: &PersistentVolumeClaim, old: &PersistentVolumeClaim) -> bool {
    let class = get_persistent_volume_claim_class(claim);
    class == get_persistent_volume_claim_class(old)
        && request.view.get_as::<StorageClass>("", class).is_some_and(|c| c.allow_volume_expansion == Some(true))
}

fn size(claim: &PersistentVolumeClaim) -> Quantity {
    let requests = claim.spec.as_ref().and_then(|s| s.resources.as_ref()).and_then(|r| r.requests.as_ref());
    amount(requests, "storage").unwrap_or_default()
}
