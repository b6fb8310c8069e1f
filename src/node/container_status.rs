//! The states of a pod's containers: how they are written, and what they say.

use crate::api::Time;
use crate::api::k8s::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStatus, PodSpec, PodStatus,
};

/// The sorts of containers that a pod has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Init,
    Usual,
    Ephemeral,
}

impl Sort {
    /// What sort of a container that name is of.
    pub(super) fn of(spec: &PodSpec, name: &str) -> Sort {
        if spec.init_containers.iter().flatten().any(|c| c.name == name) {
            Sort::Init
        } else if spec.ephemeral_containers.iter().flatten().any(|c| c.name == name) {
            Sort::Ephemeral
        } else {
            Sort::Usual
        }
    }

    /// The field of the pod's spec that holds them.
    pub(super) fn field(self) -> &'static str {
        match self {
            Sort::Init => "initContainers",
            Sort::Usual => "containers",
            Sort::Ephemeral => "ephemeralContainers",
        }
    }

    /// What an event about one of them names: `spec.containers{web}`.
    pub(super) fn path(self, name: &str) -> String {
        format!("spec.{}{{{name}}}", self.field())
    }

    /// Their states.
    pub(super) fn statuses(self, status: &PodStatus) -> &Option<Vec<ContainerStatus>> {
        match self {
            Sort::Init => &status.init_container_statuses,
            Sort::Usual => &status.container_statuses,
            Sort::Ephemeral => &status.ephemeral_container_statuses,
        }
    }

    /// The same, to change them.
    pub(super) fn statuses_mut(self, status: &mut PodStatus) -> &mut Vec<ContainerStatus> {
        match self {
            Sort::Init => status.init_container_statuses.get_or_insert_default(),
            Sort::Usual => status.container_statuses.get_or_insert_default(),
            Sort::Ephemeral => status.ephemeral_container_statuses.get_or_insert_default(),
        }
    }
}

/// The states of all containers.
pub(super) fn all(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten()
}

/// The states of all containers, to change them.
pub(super) fn all_mut(status: &mut PodStatus) -> impl Iterator<Item = &mut ContainerStatus> {
    let init = status.init_container_statuses.iter_mut().flatten();
    let usual = status.container_statuses.iter_mut().flatten();
    init.chain(usual).chain(status.ephemeral_container_statuses.iter_mut().flatten())
}

/// Puts the state of a container in place of the one that it had.
pub(super) fn put(list: &mut Vec<ContainerStatus>, next: ContainerStatus) {
    match list.iter_mut().find(|s| s.name == next.name) {
        Some(slot) => *slot = next,
        None => list.push(next),
    }
}

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
