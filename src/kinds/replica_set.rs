//! ReplicaSet.

use crate::api::k8s::api::apps::v1::ReplicaSet;
use crate::kinds::Strategy;

impl Strategy for ReplicaSet {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
