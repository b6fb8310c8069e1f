//! NetworkPolicy.

use crate::api::k8s::api::networking::v1::NetworkPolicy;
use crate::kinds::Strategy;

impl Strategy for NetworkPolicy {
    const GENERATION: bool = true;
}
