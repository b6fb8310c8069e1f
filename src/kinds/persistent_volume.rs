//! PersistentVolume.

use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::kinds::Strategy;

impl Strategy for PersistentVolume {
    crate::spec_and_status!();
}
