//! ReplicationController.

use crate::api::k8s::api::core::v1::ReplicationController;
use crate::kinds::Strategy;

impl Strategy for ReplicationController {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
