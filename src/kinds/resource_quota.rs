//! ResourceQuota.

use crate::api::k8s::api::core::v1::ResourceQuota;
use crate::kinds::Strategy;

impl Strategy for ResourceQuota {
    crate::spec_and_status!();
}
