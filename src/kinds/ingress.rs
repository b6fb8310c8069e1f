//! Ingress.

use crate::api::k8s::api::networking::v1::Ingress;
use crate::kinds::Strategy;

impl Strategy for Ingress {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
