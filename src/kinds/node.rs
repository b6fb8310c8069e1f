//! Node.

use crate::api::k8s::api::core::v1::Node;
use crate::kinds::Strategy;

impl Strategy for Node {
    crate::spec_and_status!();
}
