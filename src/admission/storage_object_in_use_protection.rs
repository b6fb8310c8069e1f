//! Gives new claims, volumes and attributes classes the finalizer that keeps them while they are in use.
//!
//! Mirrors `plugin/pkg/admission/storage/storageobjectinuseprotection`.

use super::{Plugin, Request};
use crate::api::{Kind, Object};
use crate::error::ApiError;

/// See the module.
pub(super) struct StorageObjectInUseProtection;

impl Plugin for StorageObjectInUseProtection {
    fn create(&self, _request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let finalizer = match object.kind() {
            Kind::PersistentVolume => "kubernetes.io/pv-protection",
            Kind::PersistentVolumeClaim => "kubernetes.io/pvc-protection",
            Kind::VolumeAttributesClass => "kubernetes.io/vac-protection",
            _ => return Ok(()),
        };
        let finalizers = object.meta_mut().finalizers.get_or_insert_default();
        if !finalizers.iter().any(|f| f == finalizer) {
            finalizers.push(finalizer.to_string());
        }
        Ok(())
    }
}
