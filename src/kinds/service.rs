//! Service.

use crate::api::k8s::api::core::v1::Service;
use crate::kinds::Strategy;

impl Strategy for Service {
    crate::spec_and_status!();
}
