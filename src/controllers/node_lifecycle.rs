//! Nodes that are lost and nodes that return: their conditions, their taints, their pods' readiness.
//!
//! Mirrors `pkg/controller/nodelifecycle/node_lifecycle_controller.go`. There are no heartbeats: a node's last one is
//! the moment at which its kubelet stopped.

use crate::api::k8s::api::core::v1::{Node, NodeCondition, NodeStatus, Pod, Taint};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{About, Controller, EventDraft, Outcome, Write};
use crate::kinds::shared::access::items;
use crate::store::{Change, Index, View};

/// How long a node may be silent: `--node-monitor-grace-period`.
const MONITOR_GRACE_PERIOD: Duration = Duration::secs(50);
/// How long a new node may take to report for the first time: `--node-startup-grace-period`.
const STARTUP_GRACE_PERIOD: Duration = Duration::secs(60);
/// How often nodes are looked at: `--node-monitor-period`.
const MONITOR_PERIOD: Duration = Duration::secs(5);

/// The taints of nodes whose kubelet is silent, and of those that say they are not ready.
pub(crate) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The conditions that a kubelet reports.
const REPORTED: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// Labels that follow others.
const RECONCILED_LABELS: [(&str, &str); 2] =
    [("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch")];

/// Which condition makes for which taint.
const CONDITION_TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

/// Who says the controller's events.
const COMPONENT: &str = "node-controller";

/// See the module.
pub(super) struct NodeLifecycleController;

impl Controller for NodeLifecycleController {
    fn name(&self) -> &'static str {
        "node-lifecycle"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::Node {
            enqueue(change.key.clone());
        }
    }

    fn on_change_all(&self, _view: &View<'_>, change: &Change) -> Option<Kind> {
        let ready = |object: Option<&Object>| object.and_then(|o| o.get::<Node>()).map(|n| ready_status(n).to_string());
        // Whether the others may be evicted from depends on whether all are lost.
        let differs = change.key.kind == Kind::Node && ready(change.old.as_deref()) != ready(change.new.as_deref());
        differs.then_some(Kind::Node)
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        tell_of_change(view, key, &mut outcome);
        let Some(object) = view.get(key) else { return outcome };
        let Some(node) = object.get::<Node>() else { return outcome };
        let mut node = node.clone();
        let deadline = match (view.kubelet_stopped_since(&key.name), has_reported(&node)) {
            (Some(since), _) => Some(since + MONITOR_GRACE_PERIOD),
            (None, true) => None,
            (None, false) => {
                let created = node.metadata.creation_timestamp.as_ref().map(Time::from_meta);
                Some(created.unwrap_or(now) + STARTUP_GRACE_PERIOD)
            }
        };
        if let Some(deadline) = deadline {
            if now < deadline {
                outcome.recurring(deadline - now);
            } else if ready_status(&node) != "Unknown" {
                lose(view, object, &mut node, now, &mut outcome);
            }
        }
        let relabelled = reconcile_labels(&mut node);
        if let Some(wait) = keep_taints(view, &mut node, relabelled, now, &mut outcome) {
            outcome.after(wait);
        }
        outcome
    }
}

/// Says that a node came or went. Mirrors `classifyNodes`.
fn tell_of_change(view: &View<'_>, key: &ObjectKey, outcome: &mut Outcome) {
    let note = View::node_known(&key.name);
    let known = view.note(&note).unwrap_or_default();
    let uid = view.get(key).map(|o| o.uid()).unwrap_or_default();
    if uid == known {
        return;
    }
    let mut say = |uid: &str, reason: &str, what: &str| {
        let about =
            About { key: key.clone(), uid: uid.into(), resource_version: String::new(), field_path: String::new() };
        let message = format!("Node {} event: {what}", key.name);
        outcome.event(EventDraft::normal(about, COMPONENT, reason, message));
    };
    match uid {
        "" => say(known, "RemovingNode", &format!("Removing Node {} from Controller", key.name)),
        uid => say(uid, "RegisteredNode", &format!("Registered Node {} in Controller", key.name)),
    }
    outcome.note(note, uid);
}

/// Whether the node's kubelet has ever posted a status.
pub(crate) fn has_reported(node: &Node) -> bool {
    let info = node.status.as_ref().and_then(|s| s.node_info.as_ref());
    info.is_some_and(|i| !i.kubelet_version.is_empty())
}

fn ready_status(node: &Node) -> &str {
    let conditions = node.status.as_ref().map(|s| items(&s.conditions)).unwrap_or_default();
    conditions.iter().find(|c| c.type_ == "Ready").map_or("", |c| c.status.as_str())
}

/// Marks a silent node, and its pods, as not ready.
fn lose(view: &View<'_>, object: &Object, node: &mut Node, now: Time, outcome: &mut Outcome) {
    let was_ready = ready_status(node) == "True";
    let created = node.metadata.creation_timestamp.clone();
    let status = node.status.get_or_insert_default();
    mark_unknown(status, created, now);
    outcome.write(Write::update_status(node.clone()));
    if !was_ready {
        return;
    }
    let message = format!("Node {} status is now: NodeNotReady", object.name());
    outcome.event(EventDraft::normal(About::object(object), COMPONENT, "NodeNotReady", message));
    for pod in view.indexed(Kind::Pod, Index::Node, object.name()) {
        let Some(new) = pod.get::<Pod>().and_then(|p| mark_pod_not_ready(p, now)) else { continue };
        outcome.write(Write::update_status(new));
        outcome.event(EventDraft::warning(About::object(pod), COMPONENT, "NodeNotReady", "Node is not ready"));
    }
}

fn mark_unknown(
    status: &mut NodeStatus,
    created: Option<crate::api::k8s::apimachinery::pkg::apis::meta::v1::Time>,
    now: Time,
) {
    let conditions = status.conditions.get_or_insert_default();
    for kind in REPORTED {
        match conditions.iter_mut().find(|c| c.type_ == kind) {
            Some(condition) if condition.status != "Unknown" => {
                condition.status = "Unknown".into();
                condition.reason = Some("NodeStatusUnknown".into());
                condition.message = Some("Kubelet stopped posting node status.".into());
                condition.last_transition_time = Some(now.meta());
            }
            Some(_) => {}
            None => conditions.push(NodeCondition {
                type_: kind.into(),
                status: "Unknown".into(),
                reason: Some("NodeStatusNeverUpdated".into()),
                message: Some("Kubelet never posted node status.".into()),
                last_heartbeat_time: created.clone(),
                last_transition_time: Some(now.meta()),
            }),
        }
    }
}

/// The pod with a Ready condition of False; none where it is that already, or has none. Mirrors `MarkPodsNotReady`.
fn mark_pod_not_ready(pod: &Pod, now: Time) -> Option<Pod> {
    let mut pod = pod.clone();
    let conditions = pod.status.as_mut()?.conditions.as_mut()?;
    let ready = conditions.iter_mut().find(|c| c.type_ == "Ready" && c.status != "False")?;
    ready.status = "False".into();
    ready.last_transition_time = Some(now.meta());
    Some(pod)
}

/// Gives the old labels for system and architecture the values of the new ones; says whether one was wrong. Mirrors
/// `reconcileNodeLabels`.
fn reconcile_labels(node: &mut Node) -> bool {
    let Some(labels) = &mut node.metadata.labels else { return false };
    let mut changed = false;
    for (primary, secondary) in RECONCILED_LABELS {
        let Some(value) = labels.get(primary).cloned() else { continue };
        changed |= labels.insert(secondary.into(), value.clone()) != Some(value);
    }
    changed
}

/// Gives the node the taints that its conditions call for, and writes it when they or its labels changed. Answers when to
/// look again though nothing changes.
fn keep_taints(
    view: &View<'_>,
    node: &mut Node,
    relabelled: bool,
    now: Time,
    outcome: &mut Outcome,
) -> Option<Duration> {
    let ready = ready_status(node).to_string();
    let conditions = node.status.as_ref().map(|s| items(&s.conditions).to_vec()).unwrap_or_default();
    let spec = node.spec.get_or_insert_default();
    let before = items(&spec.taints).to_vec();
    let mut wanted: Vec<&str> = CONDITION_TAINTS
        .iter()
        .filter(|(kind, status, _)| conditions.iter().any(|c| c.type_ == *kind && c.status == *status))
        .map(|(_, _, key)| *key)
        .collect();
    if spec.unschedulable == Some(true) {
        wanted.push(UNSCHEDULABLE);
    }
    let ours = |key: &str| key == UNSCHEDULABLE || CONDITION_TAINTS.iter().any(|(_, _, taint)| *taint == key);
    let mut taints = before.clone();
    taints.retain(|t| t.effect != "NoSchedule" || !ours(&t.key) || wanted.contains(&t.key.as_str()));
    for key in wanted {
        add_taint(&mut taints, key, "NoSchedule", now);
    }
    let mut wait = None;
    match ready.as_str() {
        "True" | "" => {
            let tainted = taints.iter().any(is_no_execute);
            let since = conditions.iter().find(|c| c.type_ == "Ready").and_then(|c| c.last_transition_time.as_ref());
            let due = since.map(Time::from_meta).unwrap_or(now) + MONITOR_PERIOD;
            // OBSERVATION: unlike NoSchedule, NoExecute is looked at once in a while only.
            if tainted && now < due {
                wait = Some(due - now);
            } else {
                taints.retain(|t| !is_no_execute(t));
            }
        }
        status if !all_are_lost(view) => {
            let (key, opposite) = if status == "False" { (NOT_READY, UNREACHABLE) } else { (UNREACHABLE, NOT_READY) };
            taints.retain(|t| t.effect != "NoExecute" || t.key != opposite);
            add_taint(&mut taints, key, "NoExecute", now);
        }
        // OBSERVATION: when every node is silent, it is rather the network's fault: nobody is evicted.
        _ => taints.retain(|t| !is_no_execute(t)),
    }
    if taints != before || relabelled {
        spec.taints = Some(taints).filter(|t| !t.is_empty());
        outcome.write(Write::update(node.clone()));
    }
    wait
}

fn is_no_execute(taint: &Taint) -> bool {
    taint.effect == "NoExecute" && (taint.key == UNREACHABLE || taint.key == NOT_READY)
}

fn add_taint(taints: &mut Vec<Taint>, key: &str, effect: &str, now: Time) {
    if !taints.iter().any(|t| t.key == key && t.effect == effect) {
        taints.push(Taint {
            key: key.into(),
            effect: effect.into(),
            time_added: Some(now.meta()),
            ..Default::default()
        });
    }
}

/// Whether no node is ready. Mirrors the state FullDisruption of all zones.
fn all_are_lost(view: &View<'_>) -> bool {
    view.list_as::<Node>().all(|n| ready_status(n) != "True")
}
