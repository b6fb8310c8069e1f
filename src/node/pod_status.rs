//! The status that a kubelet writes for a pod: its conditions and its containers' states.
//!
//! Mirrors `pkg/kubelet/status/generate.go` and `Kubelet.convertStatusToAPIStatus`.

use crate::api::Time;
use crate::api::k8s::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    Node, Pod, PodCondition, PodIP, PodSpec, PodStatus,
};

/// The reason of a container that waits for its volumes or its image.
pub(super) const CONTAINER_CREATING: &str = "ContainerCreating";
/// The reason of a container that waits for the init containers.
pub(super) const POD_INITIALIZING: &str = "PodInitializing";

/// A container that waits.
pub(super) fn waiting(
    container: &Container,
    before: Option<&ContainerStatus>,
    reason: &str,
    message: &str,
) -> ContainerStatus {
    ContainerStatus {
        image: container.image.clone().unwrap_or_default(),
        image_id: String::new(),
        name: container.name.clone(),
        ready: false,
        started: Some(false),
        last_state: Some(before.and_then(|b| b.last_state.clone()).unwrap_or_default()),
        restart_count: before.map_or(0, |b| b.restart_count),
        state: Some(ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: Some(reason.to_string()),
                message: Some(message.to_string()).filter(|m| !m.is_empty()),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A container that runs since `now`.
pub(super) fn running(started: &ContainerStatus, now: Time) -> ContainerStatus {
    ContainerStatus {
        ready: true,
        started: Some(true),
        state: Some(ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(now.meta()) }),
            ..Default::default()
        }),
        ..started.clone()
    }
}

/// An init container that has done its work.
pub(super) fn completed(started: &ContainerStatus, now: Time) -> ContainerStatus {
    ContainerStatus {
        ready: true,
        started: Some(false),
        state: Some(terminated(started, "Completed", 0, now, now)),
        ..started.clone()
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

/// The status with which a kubelet takes a pod over: nothing has started yet.
pub(super) fn first_status(pod: &Pod, node: &Node, now: Time) -> PodStatus {
    let spec = pod.spec.clone().unwrap_or_default();
    let init = spec.init_containers.clone().unwrap_or_default();
    let reason = if init.is_empty() { CONTAINER_CREATING } else { POD_INITIALIZING };
    let mut status = pod.status.clone().unwrap_or_default();
    status.phase = Some("Pending".into());
    status.start_time = Some(now.meta());
    status.host_ip = host_ip(node);
    status.nominated_node_name = None;
    let all = |containers: &[Container]| containers.iter().map(|c| waiting(c, None, reason, "")).collect();
    if !init.is_empty() {
        status.init_container_statuses = Some(all(&init));
    }
    status.container_statuses = Some(all(&spec.containers));
    set_conditions(&spec, &mut status, now);
    status
}

/// The address of a node in the cluster's network.
pub(super) fn host_ip(node: &Node) -> Option<String> {
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    addresses.iter().find(|a| a.type_ == "InternalIP").map(|a| a.address.clone())
}

/// Gives the pod an address.
pub(super) fn set_pod_ip(status: &mut PodStatus, ip: String) {
    status.pod_ips = Some(vec![PodIP { ip: ip.clone() }]);
    status.pod_ip = Some(ip);
}

/// Derives phase and conditions from the containers' states. Mirrors `GeneratePodReadyCondition` and its likes.
pub(super) fn set_conditions(spec: &PodSpec, status: &mut PodStatus, now: Time) {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let incomplete = names(init, |c| !is_past(c, find(&status.init_container_statuses, &c.name)));
    let unready = names(&spec.containers, |c| !find(&status.container_statuses, &c.name).is_some_and(|s| s.ready));
    let started = status.container_statuses.iter().flatten().any(is_running);
    if started {
        status.phase = Some("Running".into());
    }
    let initialized = match incomplete.is_empty() || started {
        true => (true, "", String::new()),
        false => (
            false,
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{}]", incomplete.join(" ")),
        ),
    };
    let containers_ready = match unready.is_empty() {
        true => (true, "", String::new()),
        false => (false, "ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))),
    };
    let mut ready = containers_ready.clone();
    let gates = gate_faults(spec, status);
    if ready.0 && !gates.is_empty() {
        ready = (false, "ReadinessGatesNotReady", gates);
    }
    let old = status.conditions.take().unwrap_or_default();
    let scheduled = old.iter().find(|c| c.type_ == "PodScheduled").cloned();
    let mut conditions: Vec<PodCondition> =
        [("Initialized", initialized), ("Ready", ready), ("ContainersReady", containers_ready)]
            .into_iter()
            .map(|(kind, (holds, reason, message))| condition(&old, kind, holds, reason, message, now))
            .collect();
    conditions.push(match scheduled {
        Some(condition) if condition.status == "True" => condition,
        _ => condition(&old, "PodScheduled", true, "", String::new(), now),
    });
    let known: Vec<String> = conditions.iter().map(|c| c.type_.clone()).collect();
    conditions.extend(old.into_iter().filter(|c| !known.contains(&c.type_)));
    status.conditions = Some(conditions);
}

fn names(containers: &[Container], which: impl Fn(&&Container) -> bool) -> Vec<String> {
    containers.iter().filter(which).map(|c| c.name.clone()).collect()
}

/// What is wrong with a pod's readiness gates.
fn gate_faults(spec: &PodSpec, status: &PodStatus) -> String {
    let faults = spec.readiness_gates.iter().flatten().filter_map(|gate| {
        let found = status.conditions.iter().flatten().find(|c| c.type_ == gate.condition_type);
        match found {
            None => {
                Some(format!("corresponding condition of pod readiness gate {:?} does not exist.", gate.condition_type))
            }
            Some(c) if c.status != "True" => Some(format!(
                "the status of pod readiness gate {:?} is not \"True\", but {}",
                gate.condition_type, c.status
            )),
            Some(_) => None,
        }
    });
    faults.collect::<Vec<_>>().join(", ")
}

fn condition(old: &[PodCondition], kind: &str, holds: bool, reason: &str, message: String, now: Time) -> PodCondition {
    let status = if holds { "True" } else { "False" };
    let before = old.iter().find(|c| c.type_ == kind && c.status == status);
    PodCondition {
        type_: kind.into(),
        status: status.into(),
        reason: Some(reason.to_string()).filter(|r| !r.is_empty()),
        message: Some(message).filter(|m| !m.is_empty()),
        last_transition_time: before.and_then(|c| c.last_transition_time.clone()).or_else(|| Some(now.meta())),
        ..Default::default()
    }
}
