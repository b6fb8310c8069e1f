//! StatefulSet.

use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::kinds::Strategy;

impl Strategy for StatefulSet {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
