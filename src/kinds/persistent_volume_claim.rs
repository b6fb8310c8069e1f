//! PersistentVolumeClaim.

use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::kinds::Strategy;

impl Strategy for PersistentVolumeClaim {
    crate::spec_and_status!();
}
