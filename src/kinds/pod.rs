//! Pod.

use crate::api::k8s::api::core::v1::Pod;
use crate::kinds::Strategy;

impl Strategy for Pod {
    crate::spec_and_status!();
}
