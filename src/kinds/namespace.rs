//! Namespace.

use crate::api::k8s::api::core::v1::Namespace;
use crate::kinds::Strategy;

impl Strategy for Namespace {
    crate::spec_and_status!();
}
