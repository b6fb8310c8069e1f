//! VolumeAttachment.

use crate::api::k8s::api::storage::v1::VolumeAttachment;
use crate::kinds::Strategy;

impl Strategy for VolumeAttachment {
    crate::spec_and_status!();
}
