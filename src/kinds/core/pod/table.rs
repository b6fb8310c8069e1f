//! The row of a pod in `kubectl get pods`. Mirrors `printPod` in `pkg/printers/internalversion/printers.go`.

use crate::api::k8s::api::core::v1::{
    Container, ContainerState, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus,
};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::Time as MetaTime;
use crate::api::time;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Version;
use crate::kinds::core::pod::resources::is_restartable_init;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::string_or_none;
use crate::kinds::shared::print;

/// The columns of pods.
pub(super) const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("READY"),
    Column::new("STATUS"),
    Column::new("RESTARTS"),
    Column::new("AGE"),
    Column::wide("IP"),
    Column::wide("NODE"),
    Column::wide("NOMINATED NODE"),
    Column::wide("READINESS GATES"),
];

/// Their cells.
pub(super) fn row(pod: &Pod, context: &PrintContext<'_>) -> Vec<String> {
    let (spec, status) = (pod.spec.clone().unwrap_or_default(), pod.status.clone().unwrap_or_default());
    let summary = summarize(pod, &spec, &status, context.version);
    let restarts = match &summary.restarts.last {
        Some(_) if summary.restarts.count != 0 && context.version >= Version(22) => {
            let ago = time::translate_timestamp_since(summary.restarts.last.as_ref(), context.now);
            format!("{} ({ago} ago)", summary.restarts.count)
        }
        _ => summary.restarts.count.to_string(),
    };
    let sidecars = items(&spec.init_containers).iter().filter(|c| is_restartable_init(c)).count();
    vec![
        text(&pod.metadata.name).to_string(),
        format!("{}/{}", summary.ready, spec.containers.len() + sidecars),
        summary.reason,
        restarts,
        print::age(&pod.metadata, context),
        string_or_none(items(&status.pod_ips).first().map_or("", |ip| &ip.ip)).to_string(),
        string_or_none(text(&spec.node_name)).to_string(),
        string_or_none(text(&status.nominated_node_name)).to_string(),
        readiness_gates(&spec, &status),
    ]
}

/// How often containers were restarted, and when last.
#[derive(Default)]
struct Restarts {
    count: i32,
    last: Option<MetaTime>,
}

impl Restarts {
    fn add(&mut self, container: &ContainerStatus) {
        self.count += container.restart_count;
        let ended = container.last_state.as_ref().and_then(|s| s.terminated.as_ref()?.finished_at.clone());
        self.last = self.last.take().max(ended);
    }
}

struct Summary {
    ready: usize,
    reason: String,
    restarts: Restarts,
}

fn has_condition(conditions: &[PodCondition], name: &str) -> bool {
    conditions.iter().any(|c| c.type_ == name && c.status == "True")
}

fn summarize(pod: &Pod, spec: &PodSpec, status: &PodStatus, version: Version) -> Summary {
    let phase = text(&status.phase);
    let conditions = items(&status.conditions);
    let mut reason = if text(&status.reason).is_empty() { phase } else { text(&status.reason) }.to_string();
    let gated = |c: &PodCondition| c.type_ == "PodScheduled" && c.reason.as_deref() == Some("SchedulingGated");
    if conditions.iter().any(gated) {
        reason = "SchedulingGated".into();
    }
    let mut summary = Summary { ready: 0, reason, restarts: Restarts::default() };
    let (initializing, sidecars) = look_at_init_containers(&mut summary, spec, status);
    if !initializing || has_condition(conditions, "Initialized") {
        summary.restarts = sidecars;
        look_at_containers(&mut summary, status, version);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        if text(&status.reason) == "NodeLost" {
            summary.reason = "Unknown".into();
        } else if !matches!(phase, "Failed" | "Succeeded") || version < Version(31) {
            summary.reason = "Terminating".into();
        }
    }
    summary
}

/// Whether one of them is still at work or failed, and the restarts of those that go on running.
fn look_at_init_containers(summary: &mut Summary, spec: &PodSpec, status: &PodStatus) -> (bool, Restarts) {
    let mut sidecars = Restarts::default();
    let init = items(&spec.init_containers);
    for (i, container) in items(&status.init_container_statuses).iter().enumerate() {
        summary.restarts.add(container);
        let sidecar = init.iter().any(|c: &Container| c.name == container.name && is_restartable_init(c));
        if sidecar {
            sidecars.add(container);
        }
        let state = container.state.clone().unwrap_or_default();
        let waiting = state.waiting.as_ref().map_or("", |w| text(&w.reason));
        if state.terminated.as_ref().is_some_and(|t| t.exit_code == 0) {
            continue;
        }
        if sidecar && container.started == Some(true) {
            summary.ready += usize::from(container.ready);
            continue;
        }
        summary.reason = match end_of(&state) {
            Some(end) => format!("Init:{end}"),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{i}/{}", init.len()),
        };
        return (true, sidecars);
    }
    (false, sidecars)
}

/// What a container ended with: its reason, signal or exit code.
fn end_of(state: &ContainerState) -> Option<String> {
    let ended = state.terminated.as_ref()?;
    Some(match (text(&ended.reason), ended.signal.unwrap_or(0)) {
        ("", 0) => format!("ExitCode:{}", ended.exit_code),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_string(),
    })
}

fn look_at_containers(summary: &mut Summary, status: &PodStatus, version: Version) {
    let (mut running, mut error) = (false, None);
    for container in items(&status.container_statuses).iter().rev() {
        summary.restarts.add(container);
        let state = container.state.clone().unwrap_or_default();
        let waiting = state.waiting.as_ref().map_or("", |w| text(&w.reason));
        if !waiting.is_empty() {
            summary.reason = waiting.to_string();
        } else if let Some(end) = end_of(&state) {
            if version >= Version(35) && state.terminated.is_some_and(|t| t.exit_code != 0) {
                error = Some(end.clone());
            }
            summary.reason = end;
        } else if container.ready && state.running.is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" {
        if running && has_condition(items(&status.conditions), "Ready") {
            summary.reason = "Running".into();
        } else if let Some(error) = error {
            summary.reason = error;
        } else if running {
            summary.reason = "NotReady".into();
        }
    }
}

fn readiness_gates(spec: &PodSpec, status: &PodStatus) -> String {
    let gates = items(&spec.readiness_gates);
    if gates.is_empty() {
        return "<none>".into();
    }
    let met =
        |name: &str| items(&status.conditions).iter().find(|c| c.type_ == name).is_some_and(|c| c.status == "True");
    format!("{}/{}", gates.iter().filter(|g| met(&g.condition_type)).count(), gates.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::summarize;
    use crate::api::k8s::api::core::v1::Pod;
    use crate::kinds::Version;

    #[test]
    fn status_column_tells_what_the_pod_does() {
        let status = |meta: Value, status: Value| {
            let pod: Pod = serde_json::from_value(json!({
                "metadata": meta,
                "spec": {
                    "initContainers": [{"name": "i", "image": "x"}],
                    "containers": [{"name": "c", "image": "x"}],
                },
                "status": status,
            }))
            .expect("a pod");
            let (spec, status) = (pod.spec.clone().expect("a spec"), pod.status.clone().expect("a status"));
            summarize(&pod, &spec, &status, Version(36)).reason
        };
        let init = |state: Value| {
            json!([{"name": "i", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": state}])
        };
        let main = |state: Value| {
            json!([{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 3,
            "state": state}])
        };
        let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        assert_eq!(status(json!({}), json!({"phase": "Pending"})), "Pending");
        let running = json!({"phase": "Pending", "initContainerStatuses": init(json!({"running": {}}))});
        assert_eq!(status(json!({}), running), "Init:0/1");
        let failed = json!({"phase": "Pending", "initContainerStatuses":
            init(json!({"terminated": {"exitCode": 2, "reason": ""}}))});
        assert_eq!(status(json!({}), failed), "Init:ExitCode:2");
        let crashing = json!({"phase": "Running", "initContainerStatuses": init(done),
            "containerStatuses": main(json!({"waiting": {"reason": "CrashLoopBackOff"}}))});
        assert_eq!(status(json!({}), crashing.clone()), "CrashLoopBackOff");
        assert_eq!(status(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), crashing), "Terminating");
        let lost = json!({"phase": "Running", "reason": "NodeLost"});
        assert_eq!(status(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), lost), "Unknown");
    }
}
