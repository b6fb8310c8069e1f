//! What the kubelet's events say of a container that comes to life, in the words of its version.
//!
//! Mirrors `pkg/kubelet/kuberuntime/kuberuntime_container.go` and `pkg/kubelet/images/image_manager.go`.

use crate::api::Duration;

/// An image was pulled in so much time.
pub(super) fn pulled(version: u32, image: &str, took: Duration, size: i64) -> String {
    match version {
        30.. => format!(
            "Successfully pulled image {image:?} in {took} ({took} including waiting). Image size: {size} bytes."
        ),
        25.. => format!("Successfully pulled image {image:?} in {took} ({took} including waiting)"),
        _ => format!("Successfully pulled image {image:?} in {took}"),
    }
}

/// An image is there already.
pub(super) fn already_present(version: u32, image: &str) -> String {
    let whose = if version >= 35 { " and can be accessed by the pod" } else { "" };
    format!("Container image {image:?} already present on machine{whose}")
}

/// A container was created.
pub(super) fn created(version: u32, container: &str) -> String {
    match version {
        35.. => "Container created".into(),
        29.. => format!("Created container: {container}"),
        _ => format!("Created container {container}"),
    }
}

/// A container was started.
pub(super) fn started(version: u32, container: &str) -> String {
    if version >= 35 { "Container started".into() } else { format!("Started container {container}") }
}
