//! What is wrong with a pod. Mirrors `pkg/apis/core/validation/validation.go`.

use crate::api::k8s::api::core::v1::{Pod, PodTemplateSpec};
use crate::error::FieldError;

/// Faults of a controller's template; `path` is its field, `spec.template`. Mirrors `ValidatePodTemplateSpec`.
pub fn validate_pod_template_spec(_template: &PodTemplateSpec, _path: &str) -> Vec<FieldError> {
    Vec::new()
}

/// Faults of a new pod. Mirrors `ValidatePodCreate`.
pub(super) fn validate_pod_create(_pod: &Pod) -> Vec<FieldError> {
    Vec::new()
}

/// Faults of the new version of a pod. Mirrors `ValidatePodUpdate`.
pub(super) fn validate_pod_update(_new: &Pod, _old: &Pod) -> Vec<FieldError> {
    Vec::new()
}
