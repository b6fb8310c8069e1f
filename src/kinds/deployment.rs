//! Deployment.

use crate::api::k8s::api::apps::v1::Deployment;
use crate::kinds::Strategy;

impl Strategy for Deployment {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
