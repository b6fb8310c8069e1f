//! Gives a new claim that names no class the default one.
//!
//! Mirrors `plugin/pkg/admission/storage/storageclass/setdefault`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::error::ApiError;
use crate::kinds::core::persistent_volume_claim::requested_class;
use crate::kinds::storage::storage_class::get_default_class;

/// See the module.
pub(super) struct DefaultStorageClass;

impl Plugin for DefaultStorageClass {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let Some(claim) = object.get_mut::<PersistentVolumeClaim>() else { return Ok(()) };
        if requested_class(claim).is_none()
            && let Some(class) = get_default_class(request.view.list_as::<StorageClass>())
        {
            claim.spec.get_or_insert_default().storage_class_name = class.metadata.name.clone();
        }
        Ok(())
    }
}
