//! What a pod's status says of it.
//!
//! Mirrors `k8s.io/kubernetes/pkg/api/v1/pod`.

use crate::api::k8s::api::core::v1::{Pod, PodCondition};
use crate::api::object::is_terminating;
use crate::api::{Duration, Time};

/// The phase; empty before the API server has seen the pod.
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// Whether it has ended, well or not.
pub fn is_terminal(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether it counts as a replica: it neither ended nor goes. Mirrors `IsPodActive`.
pub fn is_active(pod: &Pod) -> bool {
    !is_terminal(pod) && !is_terminating(&pod.metadata)
}

fn ready_condition(pod: &Pod) -> Option<&PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|c| c.type_ == "Ready")
}

/// Whether its Ready condition holds. Mirrors `podutil.IsPodReady`.
pub fn is_ready(pod: &Pod) -> bool {
    ready_condition(pod).is_some_and(|c| c.status == "True")
}

/// Since when it is ready; none while it is not.
pub fn ready_since(pod: &Pod) -> Option<Time> {
    let condition = ready_condition(pod).filter(|c| c.status == "True")?;
    condition.last_transition_time.as_ref().map(Time::from_meta)
}

/// Whether it has been ready for `min_ready` seconds. Mirrors `podutil.IsPodAvailable`.
pub fn is_available(pod: &Pod, min_ready: i32, now: Time) -> bool {
    is_ready(pod)
        && (min_ready == 0 || ready_since(pod).is_some_and(|since| since + Duration::secs(min_ready.into()) <= now))
}

/// The pod with the condition that tells why it is disrupted: reason and message.
pub fn with_disruption_target(pod: &Pod, why: (&str, &str), now: Time) -> Pod {
    let mut pod = pod.clone();
    let observed_generation = pod.metadata.generation;
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|c| c.type_ != "DisruptionTarget");
    conditions.push(PodCondition {
        type_: "DisruptionTarget".into(),
        status: "True".into(),
        reason: Some(why.0.into()),
        message: Some(why.1.into()),
        last_transition_time: Some(now.meta()),
        observed_generation,
        ..Default::default()
    });
    pod
}

/// The most restarts of a container, and of a sidecar.
pub fn restarts(pod: &Pod) -> (i32, i32) {
    let Some(status) = &pod.status else { return (0, 0) };
    let containers = status.container_statuses.iter().flatten().map(|c| c.restart_count).max();
    let init = pod.spec.iter().flat_map(|s| s.init_containers.iter().flatten());
    let sidecars: Vec<&str> =
        init.filter(|c| c.restart_policy.as_deref() == Some("Always")).map(|c| c.name.as_str()).collect();
    let of_sidecars = status.init_container_statuses.iter().flatten().filter(|c| sidecars.contains(&c.name.as_str()));
    (containers.unwrap_or(0), of_sidecars.map(|c| c.restart_count).max().unwrap_or(0))
}
