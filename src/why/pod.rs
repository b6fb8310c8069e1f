//! Why a pod is not scheduled, does not start, or does not go.

use serde_json::{Value, json};

use super::repair::{apply, in_namespace, made_anew, on, quoted};
use super::{Candidate, Mend, Rule, Verdict, claim, containers};
use crate::api::k8s::api::core::v1::{Node, PersistentVolumeClaim, Pod};
use crate::api::pod::claims_of;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::is_delay_binding_mode;
use crate::controllers::scheduler::explain::{self as scheduler, Obstacle};
use crate::store::{Index, View};

const SCHEDULING: Rule = (
    "A pod goes to a node that every filter of the scheduler lets through: its taints, labels, free resources, and the \
     places of the pod's volumes.",
    "concepts/scheduling-eviction/kube-scheduler/",
);
const GATES: Rule = (
    "A pod with scheduling gates is not looked at by the scheduler until the last gate is removed.",
    "concepts/scheduling-eviction/pod-scheduling-readiness/",
);
const SCHEDULER: Rule = (
    "A pod is scheduled only by the scheduler that its schedulerName names.",
    "tasks/extend-kubernetes/configure-multiple-schedulers/",
);
const CLAIM: Rule = (
    "A pod that uses a claim is scheduled only when the claim is there and its volume can be reached.",
    "concepts/storage/persistent-volumes/#claims-as-volumes",
);
const TERMINATION: Rule = (
    "A pod that is deleted stays until its containers have ended, at most for its grace period, and until its node's \
     kubelet has said so.",
    "concepts/workloads/pods/pod-lifecycle/#pod-termination",
);
const LOST_NODE: Rule = (
    "Only a node's own kubelet can say that a pod has ended; while the node is silent nobody knows whether it still runs.",
    "concepts/architecture/nodes/#heartbeats",
);
const RWOP: Rule = (
    "ReadWriteOncePod lets a single pod of the whole cluster use the volume.",
    "concepts/storage/persistent-volumes/#access-modes",
);

/// Why a pod is as it is.
pub(super) fn explain(view: &View<'_>, object: &Object, pod: &Pod, now: Time) -> Verdict {
    let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
    if object.is_terminating() {
        return terminating(view, object, pod, node);
    }
    if node.is_empty() {
        return unscheduled(view, object, pod, now);
    }
    if let Some(since) = view.kubelet_stopped_since(node) {
        let text = format!(
            "Its node {node} has been silent since {}; nobody knows whether the pod still runs.",
            since.rfc3339()
        );
        return Verdict::of(object, "Unknown", text)
            .rule(LOST_NODE)
            .mend([Mend::line(format!("kstate node start {node}"))]);
    }
    containers::explain(view, object, pod)
}

fn terminating(view: &View<'_>, object: &Object, pod: &Pod, node: &str) -> Verdict {
    let verdict = |text: String| Verdict::of(object, "Terminating", text);
    if view.kubelet_stopped_since(node).is_some() || (!node.is_empty() && view.get_as::<Node>("", node).is_none()) {
        let text =
            format!("It was deleted, and its node {node} is silent: nobody can say that its containers have ended.");
        let force = format!("{} --force --grace-period=0", on(object, "delete"));
        return verdict(text).rule(LOST_NODE).mend([Mend::line(force)]);
    }
    let finalizers: Vec<&str> = pod.metadata.finalizers.iter().flatten().map(String::as_str).collect();
    let ended = matches!(pod.status.as_ref().and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
    if ended && !finalizers.is_empty() {
        return super::deletion::explain(view, object);
    }
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    let text = format!("It was deleted, and its containers have up to {grace}s to end; then they are killed.");
    Verdict { well: true, ..verdict(text).rule(TERMINATION) }
}

/// Whether the scheduler has chosen a node, and only its volumes are to be bound there.
pub(super) fn is_being_placed(pod: &Object) -> bool {
    pod.get::<Pod>().and_then(crate::store::load::assumed_node).is_some()
}

/// Why a pod has no node.
pub(super) fn unscheduled(view: &View<'_>, object: &Object, pod: &Pod, now: Time) -> Verdict {
    let spec = pod.spec.as_ref();
    let gates = spec.and_then(|s| s.scheduling_gates.as_ref()).filter(|gates| !gates.is_empty());
    if let Some(gates) = gates {
        let names: Vec<&str> = gates.iter().map(|g| g.name.as_str()).collect();
        let text = format!("Its scheduling gates are closed: {}.", names.join(", "));
        let change = r#"[{"op":"remove","path":"/spec/schedulingGates"}]"#;
        let line = format!("{} --type=json -p '{change}'", on(object, "patch"));
        return Verdict::of(object, "SchedulingGated", text).rule(GATES).mend([Mend::line(line)]);
    }
    if !scheduler::is_waiting(object) {
        let name = spec.and_then(|s| s.scheduler_name.as_deref()).unwrap_or_default();
        let text = format!("It asks for the scheduler {name:?}, and none of that name runs here.");
        let fix = made_anew(object, |tree| remove(tree, "schedulerName"));
        return Verdict::of(object, "Pending", text).rule(SCHEDULER).mend([fix]);
    }
    if is_being_placed(object) {
        return being_placed(view, object, pod, now);
    }
    let placement = scheduler::explain(view, object);
    if let Some(reason) = placement.refused {
        return refused(view, object, pod, &reason, now);
    }
    let nodes = placement.nodes;
    if nodes.iter().any(|(_, why)| why.is_empty()) {
        return Verdict::well(object, "Pending", "A node takes it; the scheduler is about to bind it.")
            .rule(SCHEDULING);
    }
    let text = match nodes.len() {
        0 => "The cluster has no nodes.".to_string(),
        n => format!("None of the {n} nodes takes it."),
    };
    let seen = nodes.iter().map(|(name, why)| Candidate::new("node", name, why.clone()));
    let verdict = Verdict::of(object, "Pending", text).rule(SCHEDULING).seen(seen);
    mended(view, object, pod, &nodes, verdict)
}

/// Its volumes are being bound on the node that was chosen.
fn being_placed(view: &View<'_>, object: &Object, pod: &Pod, now: Time) -> Verdict {
    let node = pod.status.as_ref().and_then(|s| s.nominated_node_name.as_deref()).unwrap_or_default();
    let text = format!("The scheduler chose {node} for it, and waits for its volumes to be bound there.");
    let waits = unbound_claims(view, pod).next();
    let verdict = Verdict::well(object, "Pending", text).rule(CLAIM);
    match waits {
        Some((claim_object, inner)) => {
            let cause = claim::explain(view, claim_object, inner, now);
            Verdict { well: cause.well, ..verdict.because(cause) }
        }
        None => verdict,
    }
}

fn unbound_claims<'a>(
    view: &View<'a>,
    pod: &Pod,
) -> impl Iterator<Item = (&'a Object, &'a PersistentVolumeClaim)> + use<'a> {
    let view = *view;
    claims_of(pod).into_iter().filter_map(move |key| {
        let (namespace, name) = key.split_once('/')?;
        let object = view.get(&ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name))?;
        let claim = object.get::<PersistentVolumeClaim>()?;
        let bound = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
        (!bound).then_some((object.as_ref(), claim))
    })
}

/// The scheduler looked at no node.
fn refused(view: &View<'_>, object: &Object, pod: &Pod, reason: &str, now: Time) -> Verdict {
    let verdict = Verdict::of(object, "Pending", format!("The scheduler looks at no node: {reason}.")).rule(CLAIM);
    let missing = claims_of(pod).into_iter().find(|key| {
        let (namespace, name) = key.split_once('/').unwrap_or_default();
        view.get(&ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name)).is_none()
    });
    if let Some(key) = missing {
        let (namespace, name) = key.split_once('/').unwrap_or_default();
        let tree = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        return verdict.mend([apply(&tree)]);
    }
    // A claim that waits for this very pod is none of the reasons.
    match unbound_claims(view, pod).find(|(o, c)| o.is_terminating() || !is_delay_binding_mode(view, c)) {
        Some((claim_object, _)) if claim_object.is_terminating() => {
            verdict.because(super::deletion::explain(view, claim_object))
        }
        Some((claim_object, inner)) => verdict.because(claim::explain(view, claim_object, inner, now)),
        None => verdict,
    }
}

/// The command that opens a node, the nearest one first.
fn mended(view: &View<'_>, object: &Object, pod: &Pod, nodes: &[(String, Vec<String>)], verdict: Verdict) -> Verdict {
    if let Some(holder) = holder_of_once(view, object, pod) {
        let text = format!("{} The pod {} uses the claim, which only one pod may.", verdict.verdict, holder.name());
        let seen = [Candidate::new("pod", holder.name(), vec!["uses the claim".into()])];
        let verdict = Verdict { verdict: text, ..verdict }.rule(RWOP);
        return verdict.seen(seen).mend([Mend::line(on(holder, "delete"))]);
    }
    let reaches = |node: &str| !scheduler::obstacles(view, object, node).contains(&Obstacle::Volume);
    let mut open: Vec<&str> = nodes.iter().map(|(name, _)| name.as_str()).filter(|node| reaches(node)).collect();
    open.sort_by_key(|node| {
        (view.kubelet_stopped_since(node).is_some(), scheduler::obstacles(view, object, node).len())
    });
    for node in &open {
        if view.kubelet_stopped_since(node).is_some() {
            return verdict.mend([Mend::line(format!("kstate node start {node}"))]);
        }
        let obstacles = scheduler::obstacles(view, object, node);
        let lines: Option<Vec<Mend>> = obstacles.iter().map(|o| opened(view, pod, node, o).map(Mend::line)).collect();
        match lines {
            Some(lines) if !lines.is_empty() => return verdict.mend(lines),
            _ => {}
        }
    }
    if open.is_empty() {
        return verdict;
    }
    too_much(view, object, pod, verdict)
}

/// The pod that uses a claim of this one which a single pod may use.
fn holder_of_once<'a>(view: &View<'a>, object: &Object, pod: &Pod) -> Option<&'a Object> {
    claims_of(pod).into_iter().find_map(|key| {
        let (namespace, name) = key.split_once('/')?;
        let claim = view.get_as::<PersistentVolumeClaim>(namespace, name)?;
        let modes = claim.spec.as_ref()?.access_modes.as_ref()?;
        let once = modes.iter().any(|mode| mode == "ReadWriteOncePod");
        let mut users = view.indexed(Kind::Pod, Index::PodClaim, &key).filter(|other| {
            let placed = other.get::<Pod>().and_then(crate::store::load::node_of).is_some();
            placed && other.uid() != object.uid()
        });
        users.next().filter(|_| once).map(|o| o.as_ref())
    })
}

fn opened(view: &View<'_>, pod: &Pod, node: &str, obstacle: &Obstacle) -> Option<String> {
    match obstacle {
        Obstacle::Volume => None,
        Obstacle::Cordoned => Some(format!("kubectl uncordon {node}")),
        Obstacle::Taint(taint) => Some(format!("kubectl taint node {node} {}:{}-", taint.key, taint.effect)),
        Obstacle::Labels => {
            let labels = view.get_as::<Node>("", node)?.metadata.labels.as_ref();
            let missing = scheduler::missing_labels(pod, labels);
            let words: Vec<String> = missing.iter().map(|(k, v)| format!("{k}={v}")).collect();
            (!words.is_empty()).then(|| format!("kubectl label --overwrite node {node} {}", quoted(&words.join(" "))))
        }
    }
}

/// The nodes are open, and too small or too full.
fn too_much(view: &View<'_>, object: &Object, pod: &Pod, verdict: Verdict) -> Verdict {
    let fits_an_empty_one = view.node_infos().any(|info| {
        let requests = pod.spec.as_ref().map(crate::api::resources::pod_requests).unwrap_or_default();
        let has = &info.capacity.allocatable;
        requests.milli_cpu <= has.milli_cpu && requests.memory <= has.memory
    });
    if fits_an_empty_one {
        let number = view.len(Kind::Node);
        return verdict.mend([Mend::line(format!("kstate node add worker-{number}"))]);
    }
    match owner(view, object) {
        Some(owner) => {
            let line = format!(
                "kubectl set resources{} {} {} --requests=cpu=100m,memory=64Mi",
                in_namespace(object),
                super::type_of(owner.kind()),
                owner.name()
            );
            verdict.mend([Mend::line(line)])
        }
        None => verdict.mend([made_anew(object, |tree| {
            for container in tree["spec"]["containers"].as_array_mut().into_iter().flatten() {
                container["resources"] = json!({});
            }
        })]),
    }
}

/// The workload that a pod belongs to in the end: its Deployment, not its ReplicaSet.
pub(super) fn owner<'a>(view: &View<'a>, object: &Object) -> Option<&'a Object> {
    let above = |child: &Object| {
        let reference = child.controller()?;
        let kind = Kind::from_gvk(&reference.api_version, &reference.kind)?;
        view.get(&ObjectKey::new(kind, child.namespace(), &reference.name)).map(|o| o.as_ref())
    };
    let first = above(object)?;
    Some(above(first).unwrap_or(first))
}

fn remove(tree: &mut Value, field: &str) {
    if let Some(spec) = tree["spec"].as_object_mut() {
        spec.remove(field);
    }
}
