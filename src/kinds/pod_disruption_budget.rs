//! PodDisruptionBudget.

use crate::api::k8s::api::policy::v1::PodDisruptionBudget;
use crate::kinds::Strategy;

impl Strategy for PodDisruptionBudget {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
