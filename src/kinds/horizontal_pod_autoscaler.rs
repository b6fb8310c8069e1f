//! HorizontalPodAutoscaler.

use crate::api::k8s::api::autoscaling::v2::HorizontalPodAutoscaler;
use crate::kinds::Strategy;

impl Strategy for HorizontalPodAutoscaler {
    crate::spec_and_status!();
}
