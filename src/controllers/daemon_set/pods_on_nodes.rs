//! Where daemons run, which of them go, and how new ones take over from old ones.
//!
//! Mirrors `manage` of `daemon_controller.go`, `rollingUpdate` of `update.go` and `util/daemonset_util.go`.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::history::LABEL_HASH;
use super::{COMPONENT, PodsByNode};
use crate::api::k8s::api::apps::v1::DaemonSet;
use crate::api::k8s::api::core::v1::{
    Affinity, Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, Toleration,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::selector::matches_required_node_affinity;
use crate::api::{Duration, Object, Time};
use crate::controllers::pods::{self, PodControl, is_available, is_ready, is_terminating, phase};
use crate::controllers::scheduler::taints;
use crate::controllers::{Action, Outcome};
use crate::kinds::apps::daemon_set::template_generation;
use crate::kinds::shared::workload::scaled_value;
use crate::store::View;

const LABEL_TEMPLATE_GENERATION: &str = "pod-template-generation";
const NODE_NAME_FIELD: &str = "metadata.name";

/// The most pods that one look makes or deletes.
const BURST_REPLICAS: usize = 250;

/// The daemons of a set, by node.
pub(super) struct Daemons<'a> {
    set: &'a DaemonSet,
    objects: &'a [&'a Arc<Object>],
    by_node: PodsByNode<'a>,
    pub(super) nodes: &'a [&'a Node],
    hash: String,
    pub(super) now: Time,
}

/// What to make where and what to delete.
#[derive(Default)]
struct Plan {
    create_on: Vec<String>,
    delete: Vec<String>,
}

impl<'a> Daemons<'a> {
    pub(super) fn new(
        set: &'a DaemonSet,
        objects: &'a [&'a Arc<Object>],
        nodes: &'a [&'a Node],
        hash: String,
        now: Time,
    ) -> Daemons<'a> {
        let mut by_node = PodsByNode::new();
        for pod in objects.iter().filter_map(|o| o.get::<Pod>()) {
            if let Some(node) = target_node_name(pod) {
                by_node.entry(node).or_default().push(pod);
            }
        }
        for pods in by_node.values_mut() {
            // The scheduled ones first, then by age.
            pods.sort_by_key(|p| {
                let made = p.metadata.creation_timestamp.as_ref().map(|t| t.0);
                (node_name(p).is_empty(), made, p.metadata.name.clone())
            });
        }
        Daemons { set, objects, by_node, nodes, hash, now }
    }

    /// The oldest daemon on a node or meant for it.
    pub(super) fn oldest_on(&self, node: &Node) -> Option<&'a Pod> {
        self.by_node.get(node.metadata.name.as_deref()?)?.first().copied()
    }

    /// Whether a pod is of the present template. Mirrors `IsPodUpdated`.
    pub(super) fn is_updated(&self, pod: &Pod) -> bool {
        let label = |key: &str| pod.metadata.labels.as_ref().and_then(|l| l.get(key));
        let generation = template_generation(self.set).map(|g| g.to_string());
        (!self.hash.is_empty() && label(LABEL_HASH) == Some(&self.hash))
            || (generation.is_some() && label(LABEL_TEMPLATE_GENERATION) == generation.as_ref())
    }

    fn min_ready(&self) -> i32 {
        self.set.spec.as_ref().and_then(|s| s.min_ready_seconds).unwrap_or(0)
    }

    fn available(&self, pod: &Pod) -> bool {
        is_available(pod, self.min_ready(), self.now)
    }

    /// How many pods may be unavailable, and how many there may be beyond one per node; none for another strategy.
    fn limits(&self, desired: usize) -> Option<(usize, usize)> {
        let strategy = self.set.spec.as_ref()?.update_strategy.as_ref()?;
        if strategy.type_.as_deref() != Some("RollingUpdate") {
            return None;
        }
        let rolling = strategy.rolling_update.clone().unwrap_or_default();
        let desired = i32::try_from(desired).unwrap_or(i32::MAX);
        let count = |value: Option<IntOrString>, default: i32| {
            let n = value.map_or(default, |v| scaled_value(&v, desired, true));
            usize::try_from(n).unwrap_or(0)
        };
        let (unavailable, surge) = (count(rolling.max_unavailable, 1), count(rolling.max_surge, 0));
        Some(if unavailable == 0 && surge == 0 { (1, 0) } else { (unavailable, surge) })
    }

    fn allows_surge(&self) -> bool {
        self.limits(1).is_some_and(|(_, surge)| surge > 0)
    }

    /// Makes and deletes daemons, first as the nodes need it, then as the rollout does.
    pub(super) fn manage(&self, view: &View<'_>, owner: &Arc<Object>, control: &Rc<PodControl>, outcome: &mut Outcome) {
        let mut plan = Plan::default();
        for node in self.nodes {
            self.pods_should_be_on_node(view, node, owner, &mut plan, outcome);
        }
        let known: BTreeSet<&str> = self.nodes.iter().filter_map(|n| n.metadata.name.as_deref()).collect();
        for (node, pods) in self.by_node.iter().filter(|(n, _)| !known.contains(n.as_str())) {
            // OBSERVATION: they were meant for a node that is gone, and nobody else will see to them.
            let waiting = pods.iter().filter(|p| node_name(p).is_empty() && !node.is_empty());
            plan.delete.extend(waiting.filter_map(|p| p.metadata.name.clone()));
        }
        let busy = !plan.create_on.is_empty() || !plan.delete.is_empty();
        outcome.actions.extend(self.sync_nodes(plan, owner, control));
        if !busy {
            let plan = self.rolling_update();
            outcome.actions.extend(self.sync_nodes(plan, owner, control));
        }
    }

    fn pods_should_be_on_node(
        &self,
        view: &View<'_>,
        node: &Node,
        owner: &Arc<Object>,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        let (should_run, should_continue) = node_should_run_daemon_pod(self.set, node);
        let name = node.metadata.name.clone().unwrap_or_default();
        let daemons = self.by_node.get(&name);
        if should_run && daemons.is_none() {
            plan.create_on.push(name);
            return;
        }
        let daemons = daemons.map(Vec::as_slice).unwrap_or_default();
        let alive = daemons.iter().filter(|p| !is_terminating(&p.metadata));
        if !should_continue {
            plan.delete.extend(alive.filter_map(|p| p.metadata.name.clone()));
            return;
        }
        let mut running: Vec<&Pod> = Vec::new();
        for pod in alive {
            let (namespace, pod_name) = (owner.namespace(), pod.metadata.name.clone().unwrap_or_default());
            let what = format!("daemon pod {namespace}/{pod_name} on node {name}, will try to");
            match phase(pod) {
                "Failed" => {
                    let mut back_off = FailedPods::of(view, owner, self.set, &name);
                    if let Some(wait) = back_off.remaining(self.now) {
                        // OBSERVATION: the kubelet refuses one daemon after the other; do not fight it.
                        outcome.after(wait);
                        continue;
                    }
                    back_off.next(self.now);
                    back_off.save(outcome);
                    let message = format!("Found failed {what} kill it");
                    outcome.push(pods::warning(owner, COMPONENT, "FailedDaemonPod", message));
                    plan.delete.push(pod_name);
                }
                "Succeeded" => {
                    let message = format!("Found succeeded {what} delete it");
                    outcome.push(pods::normal(owner, COMPONENT, "SucceededDaemonPod", message));
                    plan.delete.push(pod_name);
                }
                _ => running.push(pod),
            }
        }
        if !self.allows_surge() {
            plan.delete.extend(running.iter().skip(1).filter_map(|p| p.metadata.name.clone()));
        } else if running.is_empty() && should_run {
            plan.create_on.push(name);
        } else {
            self.prune_surge(&running, plan);
        }
    }

    /// With a surge there may be an old and a new daemon on a node, until the new one is ready.
    fn prune_surge(&self, running: &[&Pod], plan: &mut Plan) {
        let (mut new, mut old): (Option<&Pod>, Option<&Pod>) = (None, None);
        for pod in running {
            let place = if self.is_updated(pod) { &mut new } else { &mut old };
            match place {
                None => *place = Some(pod),
                Some(_) => plan.delete.extend(pod.metadata.name.clone()),
            }
        }
        if let (Some(new), Some(old)) = (new, old)
            && (!is_ready(old) || self.available(new))
        {
            plan.delete.extend(old.metadata.name.clone());
        }
    }

    /// Mirrors `rollingUpdate`.
    fn rolling_update(&self) -> Plan {
        let mut plan = Plan::default();
        let wanted: BTreeSet<String> = self
            .nodes
            .iter()
            .filter(|n| node_should_run_daemon_pod(self.set, n).0)
            .filter_map(|n| n.metadata.name.clone())
            .collect();
        let Some((max_unavailable, max_surge)) = self.limits(wanted.len()) else { return plan };
        let mut nodes: BTreeSet<&String> = wanted.iter().collect();
        nodes.extend(self.by_node.keys());
        if max_surge == 0 {
            self.replace(&nodes, max_unavailable, &mut plan);
        } else {
            self.surge(&nodes, &wanted, max_surge, &mut plan);
        }
        plan
    }

    /// The new and the old daemon of a node; none where there are several of either.
    fn updated_pods_on(&self, node: &str) -> Option<(Option<&'a Pod>, Option<&'a Pod>)> {
        let alive = self.by_node.get(node).into_iter().flatten().filter(|p| !is_terminating(&p.metadata));
        let (new, old): (Vec<&Pod>, Vec<&Pod>) = alive.partition(|p| self.is_updated(p));
        (new.len() <= 1 && old.len() <= 1).then(|| (new.first().copied(), old.first().copied()))
    }

    fn replace(&self, nodes: &BTreeSet<&String>, max_unavailable: usize, plan: &mut Plan) {
        let mut unavailable = 0;
        let mut candidates = Vec::new();
        for node in nodes {
            match self.updated_pods_on(node) {
                None | Some((None, None) | (Some(_), Some(_))) => unavailable += 1,
                Some((Some(new), None)) => unavailable += usize::from(!self.available(new)),
                Some((None, Some(old))) if !self.available(old) => {
                    plan.delete.extend(old.metadata.name.clone());
                    unavailable += 1;
                }
                Some((None, Some(old))) => candidates.extend(old.metadata.name.clone()),
            }
        }
        candidates.truncate(max_unavailable.saturating_sub(unavailable));
        plan.delete.extend(candidates);
    }

    fn surge(&self, nodes: &BTreeSet<&String>, wanted: &BTreeSet<String>, max_surge: usize, plan: &mut Plan) {
        let (mut surging, mut available) = (0, 0);
        let (mut candidates, mut unwanted) = (Vec::new(), Vec::new());
        for node in nodes {
            let Some((new, old)) = self.updated_pods_on(node) else {
                surging += 1;
                continue;
            };
            available += usize::from(old.or(new).is_some_and(|p| self.available(p)));
            let Some(old) = old else { continue };
            let name = old.metadata.name.clone();
            match new {
                Some(new) if self.available(new) => plan.delete.extend(name),
                Some(_) => surging += 1,
                None => match (self.available(old), wanted.contains(*node)) {
                    (false, false) => plan.delete.extend(name),
                    (false, true) => plan.create_on.push((*node).clone()),
                    (true, false) => unwanted.extend(name),
                    (true, true) => candidates.push((*node).clone()),
                },
            }
        }
        unwanted.truncate(available.saturating_sub(wanted.len()));
        plan.delete.extend(unwanted);
        candidates.truncate(max_surge.saturating_sub(surging));
        plan.create_on.extend(candidates);
    }

    fn sync_nodes(&self, plan: Plan, owner: &Arc<Object>, control: &Rc<PodControl>) -> Vec<Action> {
        let create = plan.create_on.iter().take(BURST_REPLICAS);
        let mut actions = control.create_all(create.map(|node| self.daemon_pod(owner, node)).collect());
        let doomed: BTreeSet<&String> = plan.delete.iter().take(BURST_REPLICAS).collect();
        let pods = self.objects.iter().filter(|o| o.meta().name.as_ref().is_some_and(|n| doomed.contains(n)));
        actions.extend(pods.map(|pod| control.delete(pod)));
        actions
    }

    /// A daemon for a node: its affinity names the node, and it tolerates what a daemon must. Mirrors `CreatePodTemplate`.
    fn daemon_pod(&self, owner: &Arc<Object>, node: &str) -> Pod {
        let template = self.set.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
        let mut pod = pods::pod_from_template(&template, owner);
        let labels = pod.metadata.labels.get_or_insert_default();
        if let Some(generation) = template_generation(self.set) {
            labels.insert(LABEL_TEMPLATE_GENERATION.into(), generation.to_string());
        }
        if !self.hash.is_empty() {
            labels.insert(LABEL_HASH.into(), self.hash.clone());
        }
        let spec = pod.spec.get_or_insert_default();
        add_or_update_daemon_pod_tolerations(spec);
        let affinity: &mut Affinity = spec.affinity.get_or_insert_default();
        affinity.node_affinity.get_or_insert_default().required_during_scheduling_ignored_during_execution =
            Some(NodeSelector {
                node_selector_terms: vec![NodeSelectorTerm {
                    match_fields: Some(vec![NodeSelectorRequirement {
                        key: NODE_NAME_FIELD.into(),
                        operator: "In".into(),
                        values: Some(vec![node.to_string()]),
                    }]),
                    match_expressions: None,
                }],
            });
        pod
    }
}

fn node_name(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()
}

/// The node that a pod is on, or that its affinity names. Mirrors `GetTargetNodeName`.
fn target_node_name(pod: &Pod) -> Option<String> {
    if !node_name(pod).is_empty() {
        return Some(node_name(pod).to_string());
    }
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let terms = &affinity.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms;
    let mut fields = terms.iter().flat_map(|t| t.match_fields.iter().flatten());
    let named = fields.find(|f| f.key == NODE_NAME_FIELD && f.operator == "In")?;
    match named.values.as_deref()? {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// Whether a daemon shall be made on a node, and whether one that is there may stay. Mirrors `NodeShouldRunDaemonPod`.
pub(super) fn node_should_run_daemon_pod(set: &DaemonSet, node: &Node) -> (bool, bool) {
    let mut spec = set.spec.as_ref().and_then(|s| s.template.spec.clone()).unwrap_or_default();
    add_or_update_daemon_pod_tolerations(&mut spec);
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let elsewhere = spec.node_name.as_deref().is_some_and(|n| !n.is_empty() && n != name);
    if elsewhere || !matches_required_node_affinity(&spec, name, node.metadata.labels.as_ref()).unwrap_or(false) {
        return (false, false);
    }
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_ref());
    if taints::find_untolerated(taints, spec.tolerations.as_ref()).is_none() {
        return (true, true);
    }
    let mut evicting = taints.into_iter().flatten().filter(|t| t.effect == "NoExecute");
    (false, evicting.all(|t| taints::is_tolerated(spec.tolerations.as_ref(), t)))
}

/// Gives a daemon the tolerations that keep it on a node in trouble. Mirrors `AddOrUpdateDaemonPodTolerations`.
fn add_or_update_daemon_pod_tolerations(spec: &mut PodSpec) {
    let host_network = spec.host_network == Some(true);
    let always = [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ];
    let network = host_network.then_some(("network-unavailable", "NoSchedule"));
    let tolerations = spec.tolerations.get_or_insert_default();
    for (key, effect) in always.into_iter().chain(network) {
        let new = Toleration {
            key: Some(format!("node.kubernetes.io/{key}")),
            operator: Some("Exists".into()),
            effect: Some(effect.into()),
            ..Default::default()
        };
        let same = |t: &&mut Toleration| {
            t.key == new.key && t.effect == new.effect && t.operator == new.operator && t.value.is_none()
        };
        match tolerations.iter_mut().find(same) {
            Some(there) => *there = new,
            None => tolerations.push(new),
        }
    }
}

/// The back-off with which failed daemons of a node are deleted. Mirrors `failedPodsBackoff`.
struct FailedPods {
    note: String,
    /// When the last one was deleted, and how long to wait since then.
    last: Option<(Time, Duration)>,
}

impl FailedPods {
    const FIRST: Duration = Duration::secs(1);
    const MOST: Duration = Duration::minutes(15);

    fn of(view: &View<'_>, owner: &Object, set: &DaemonSet, node: &str) -> FailedPods {
        let generation = set.status.as_ref().and_then(|s| s.observed_generation).unwrap_or(0);
        let note = format!("daemon-back-off/{}/{generation}/{node}", owner.uid());
        let kept = view.note(&note).and_then(|text| text.split_once(' '));
        let last = kept.and_then(|(at, wait)| Some((Time(at.parse().ok()?), Duration(wait.parse().ok()?))));
        FailedPods { note, last }
    }

    fn remaining(&self, now: Time) -> Option<Duration> {
        let (at, wait) = self.last?;
        (now < at + wait).then(|| at + wait - now)
    }

    fn next(&mut self, now: Time) {
        let wait = match self.last {
            Some((at, wait)) if now - at <= FailedPods::MOST * 2 => (wait * 2).min(FailedPods::MOST),
            _ => FailedPods::FIRST,
        };
        self.last = Some((now, wait));
    }

    fn save(&self, outcome: &mut Outcome) {
        if let Some((at, wait)) = self.last {
            outcome.note(self.note.as_str(), format!("{} {}", at.0, wait.0));
        }
    }
}
