//! The conditions that a kubelet writes for a pod.
//!
//! Mirrors `pkg/kubelet/status/generate.go`.

use crate::api::k8s::api::core::v1::{Container, ContainerStatus, PodCondition, PodSpec, PodStatus};

use super::author::Author;
use super::container_status::{find, is_past, is_running, is_sidecar};

/// The condition that a pod's sandbox is there, its network included.
const READY_TO_START: &str = "PodReadyToStartContainers";

/// What a condition says: whether it holds, its reason and its message.
type Said = (bool, &'static str, String);

const TRUE: Said = (true, "", String::new());

/// Whether the status says that the pod has its sandbox.
pub(super) fn has_sandbox(spec: &PodSpec, status: &PodStatus) -> bool {
    let said = status.conditions.iter().flatten().find(|c| c.type_ == READY_TO_START);
    match said {
        Some(condition) => condition.status == "True",
        // OBSERVATION: kubelets before 1.29 don't say so.
        None if spec.host_network == Some(true) => statuses(status).any(|s| s.container_id.is_some()),
        None => status.pod_ip.is_some(),
    }
}

fn statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
}

/// Writes the kubelet's conditions, in its order, after those of others.
pub(super) fn set(author: &Author<'_>, status: &mut PodStatus, sandbox: bool) {
    let old = status.conditions.take().unwrap_or_default();
    let is_ours =
        |kind: &str| [READY_TO_START, "Initialized", "Ready", "ContainersReady", "PodScheduled"].contains(&kind);
    let mut conditions: Vec<PodCondition> = old.iter().filter(|c| !is_ours(&c.type_)).cloned().collect();
    let containers_ready = containers_ready(author.spec, status);
    let ready = ready(author.spec, &conditions, &containers_ready);
    let mut say = |kind: &str, (holds, reason, message): Said| {
        conditions.push(condition(author, &old, kind, holds, reason, message));
    };
    if author.version >= 29 {
        say(READY_TO_START, (sandbox, "", String::new()));
    }
    say("Initialized", initialized(author.spec, status));
    say("Ready", ready);
    say("ContainersReady", containers_ready);
    say("PodScheduled", TRUE);
    status.conditions = Some(conditions);
}

/// Mirrors `GenerateContainersReadyCondition`.
fn containers_ready(spec: &PodSpec, status: &PodStatus) -> Said {
    let sidecars = spec.init_containers.iter().flatten().filter(|c| is_sidecar(c));
    let all: Vec<&Container> = sidecars.chain(&spec.containers).collect();
    let known = |c: &Container| statuses(status).find(|s| s.name == c.name);
    let unknown = names(&all, |c| known(c).is_none());
    if let Some(reason) = ended(status).filter(|_| unknown.is_empty()) {
        return (false, reason, String::new());
    }
    let unready = names(&all, |c| known(c).is_some_and(|s| !s.ready));
    let message = faults("containers with unknown status", &unknown, "containers with unready status", &unready);
    if message.is_empty() { TRUE } else { (false, "ContainersNotReady", message) }
}

/// The reason of conditions of a pod that has ended.
fn ended(status: &PodStatus) -> Option<&'static str> {
    match status.phase.as_deref() {
        Some("Succeeded") => Some("PodCompleted"),
        Some("Failed") => Some("PodFailed"),
        _ => None,
    }
}

/// Mirrors `GeneratePodReadyCondition`.
fn ready(spec: &PodSpec, conditions: &[PodCondition], containers_ready: &Said) -> Said {
    if !containers_ready.0 {
        return containers_ready.clone();
    }
    let faults = spec.readiness_gates.iter().flatten().filter_map(|gate| {
        let kind = &gate.condition_type;
        match conditions.iter().find(|c| c.type_ == *kind) {
            None => Some(format!("corresponding condition of pod readiness gate {kind:?} does not exist.")),
            Some(c) if c.status != "True" => {
                Some(format!("the status of pod readiness gate {kind:?} is not \"True\", but {}", c.status))
            }
            Some(_) => None,
        }
    });
    let faults: Vec<String> = faults.collect();
    if faults.is_empty() { TRUE } else { (false, "ReadinessGatesNotReady", faults.join(", ")) }
}

/// Mirrors `GeneratePodInitializedCondition`.
fn initialized(spec: &PodSpec, status: &PodStatus) -> Said {
    if status.container_statuses.iter().flatten().any(is_running) {
        // OBSERVATION: a pod that was initialized once stays so, whatever its sidecars do.
        return TRUE;
    }
    if let Some(reason @ "PodCompleted") = ended(status) {
        return (true, reason, String::new());
    }
    let has_run = |s: &ContainerStatus| s.container_id.is_some();
    if status.container_statuses.iter().flatten().any(has_run) {
        return TRUE;
    }
    let all: Vec<&Container> = spec.init_containers.iter().flatten().collect();
    let known = |c: &Container| find(&status.init_container_statuses, &c.name);
    let unknown = names(&all, |c| known(c).is_none());
    let incomplete = names(&all, |c| known(c).is_some() && !is_past(c, known(c)));
    let message = faults("containers with unknown status", &unknown, "containers with incomplete status", &incomplete);
    if message.is_empty() { TRUE } else { (false, "ContainersNotInitialized", message) }
}

fn names<'a>(containers: &[&'a Container], which: impl Fn(&Container) -> bool) -> Vec<&'a str> {
    containers.iter().filter(|c| which(c)).map(|c| c.name.as_str()).collect()
}

fn faults(unknown: &str, are_unknown: &[&str], wrong: &str, are_wrong: &[&str]) -> String {
    let said = [(unknown, are_unknown), (wrong, are_wrong)];
    let said = said.iter().filter(|(_, names)| !names.is_empty());
    said.map(|(text, names)| format!("{text}: [{}]", names.join(" "))).collect::<Vec<_>>().join(", ")
}

fn condition(
    author: &Author<'_>,
    old: &[PodCondition],
    kind: &str,
    holds: bool,
    reason: &str,
    message: String,
) -> PodCondition {
    let status = if holds { "True" } else { "False" };
    let before = old.iter().find(|c| c.type_ == kind && c.status == status);
    PodCondition {
        type_: kind.into(),
        status: status.into(),
        reason: Some(reason.to_string()).filter(|r| !r.is_empty()),
        message: Some(message).filter(|m| !m.is_empty()),
        last_transition_time: before.and_then(|c| c.last_transition_time.clone()).or_else(|| Some(author.now.meta())),
        observed_generation: author.observed_generation(),
        ..Default::default()
    }
}
