//! DaemonSet.

use crate::api::k8s::api::apps::v1::DaemonSet;
use crate::kinds::Strategy;

impl Strategy for DaemonSet {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
