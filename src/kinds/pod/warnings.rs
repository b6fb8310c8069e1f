//! What the server warns of when a pod is made. Mirrors `pkg/api/pod/warnings.go`.

use crate::api::k8s::api::core::v1::Pod;

/// Warnings of a new pod.
pub(super) fn warnings_for_pod(_pod: &Pod) -> Vec<String> {
    Vec::new()
}
