//! The states of a pod's containers: how they are written, and what they say.

use crate::api::Time;
use crate::api::k8s::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStatus,
};

/// A container that runs since `now`.
pub(super) fn running(created: &ContainerStatus, now: Time) -> ContainerStatus {
    ContainerStatus {
        ready: true,
        started: Some(true),
        state: Some(ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(now.meta()) }),
            ..Default::default()
        }),
        ..created.clone()
    }
}

/// The state of a container that has ended.
pub(super) fn terminated(of: &ContainerStatus, reason: &str, exit_code: i32, from: Time, to: Time) -> ContainerState {
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            container_id: of.container_id.clone(),
            exit_code,
            reason: Some(reason.to_string()),
            started_at: Some(from.meta()),
            finished_at: Some(to.meta()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Whether a container runs.
pub(super) fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|s| s.running.is_some())
}

/// Whether an init container has done its work, or runs beside the others as a sidecar.
pub(super) fn is_past(container: &Container, status: Option<&ContainerStatus>) -> bool {
    let Some(status) = status else { return false };
    match is_sidecar(container) {
        true => is_running(status),
        false => status.state.as_ref().and_then(|s| s.terminated.as_ref()).is_some_and(|t| t.exit_code == 0),
    }
}

/// Whether an init container runs as long as the pod.
pub(super) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The status of a container by its name.
pub(super) fn find<'a>(all: &'a Option<Vec<ContainerStatus>>, name: &str) -> Option<&'a ContainerStatus> {
    all.iter().flatten().find(|s| s.name == name)
}
