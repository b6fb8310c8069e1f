//! The plugins that look at one node at a time: NodeUnschedulable, NodeName, TaintToleration, NodeAffinity,
//! NodePorts, NodeResourcesFit.
//!
//! Mirrors `pkg/scheduler/framework/plugins`.

use std::collections::BTreeSet;

use super::framework::{Cycle, NodeInfo, Rejection};
use super::taints::{self, TAINT_NODE_UNSCHEDULABLE};
use crate::api::k8s::api::core::v1::Taint;
use crate::api::resources::Resources;
use crate::api::selector::matches_required_node_affinity;
use crate::store::load::{HostPort, NodeLoad};

const UNSCHEDULABLE: &str = "node(s) were unschedulable";
const NODE_NAME: &str = "node(s) didn't match the requested node name";
const UNTOLERATED: &str = "node(s) had untolerated taint(s)";
const NODE_AFFINITY: &str = "node(s) didn't match Pod's node affinity/selector";
const NODE_PORTS: &str = "node(s) didn't have free ports for the requested pod ports";

/// The nodes that the pod's affinity names one by one, if it names any. Mirrors `NodeAffinity.PreFilter`.
pub(super) fn named_nodes(cycle: &Cycle<'_>) -> Result<Option<BTreeSet<String>>, String> {
    let affinity = cycle.spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
    let Some(required) = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref()) else {
        return Ok(None);
    };
    let mut all: BTreeSet<String> = BTreeSet::new();
    for term in &required.node_selector_terms {
        let mut of_term: Option<BTreeSet<String>> = None;
        for field in term.match_fields.iter().flatten().filter(|f| f.key == "metadata.name" && f.operator == "In") {
            let names: BTreeSet<String> = field.values.iter().flatten().cloned().collect();
            of_term = Some(match of_term {
                Some(so_far) => so_far.intersection(&names).cloned().collect(),
                None => names,
            });
        }
        match of_term {
            // OBSERVATION: terms are ORed, so one without names allows any node.
            None => return Ok(None),
            Some(names) => all.extend(names),
        }
    }
    if all.is_empty() && !required.node_selector_terms.is_empty() {
        return Err("pod affinity terms conflict".into());
    }
    Ok(Some(all).filter(|names| !names.is_empty()))
}

/// Asks the plugins in their order; the first that rejects the node has the word.
pub(super) fn check_node(cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> Result<(), Rejection> {
    let spec = cycle.spec;
    let node_spec = info.node.spec.as_ref();
    if node_spec.and_then(|s| s.unschedulable) == Some(true) {
        let taint = Taint { key: TAINT_NODE_UNSCHEDULABLE.into(), effect: "NoSchedule".into(), ..Default::default() };
        if !taints::is_tolerated(spec.tolerations.as_ref(), &taint) {
            return Err(Rejection::unresolvable(UNSCHEDULABLE));
        }
    }
    if spec.node_name.as_deref().is_some_and(|name| !name.is_empty() && name != info.name) {
        return Err(Rejection::unresolvable(NODE_NAME));
    }
    let taints = node_spec.and_then(|s| s.taints.as_ref());
    if taints::find_untolerated(taints, spec.tolerations.as_ref()).is_some() {
        return Err(Rejection::unresolvable(UNTOLERATED));
    }
    if !matches_node_affinity(cycle, info) {
        return Err(Rejection::unresolvable(NODE_AFFINITY));
    }
    Ok(())
}

/// Whether the pod's node selector and required node affinity allow a node.
pub(super) fn matches_node_affinity(cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> bool {
    let labels = info.node.metadata.labels.as_ref();
    matches_required_node_affinity(cycle.spec, info.name, labels).unwrap_or(false)
}

/// Whether two pods can't have these ports on one node.
pub(super) fn clashes(a: &HostPort, b: &HostPort) -> bool {
    a.0 == b.0 && a.1 == b.1 && (a.2 == b.2 || a.2 == "0.0.0.0" || b.2 == "0.0.0.0")
}

/// Whether the pod's host ports are free. Mirrors `NodePorts`.
pub(super) fn check_ports(cycle: &Cycle<'_>, load: Option<&NodeLoad>) -> Result<(), Rejection> {
    let Some(load) = load else { return Ok(()) };
    match cycle.ports.iter().any(|port| load.ports.keys().any(|used| clashes(port, used))) {
        true => Err(Rejection::resolvable(NODE_PORTS)),
        false => Ok(()),
    }
}

/// Whether the node has enough left. Mirrors `fitsRequest`.
pub(super) fn check_resources(
    cycle: &Cycle<'_>,
    info: &NodeInfo<'_>,
    load: Option<&NodeLoad>,
) -> Result<(), Rejection> {
    let nothing = Resources::default();
    let used = load.map_or(&nothing, |l| &l.requested);
    let (asked, has) = (&cycle.requests, &info.capacity.allocatable);
    let mut reasons = Vec::new();
    let mut resolvable = true;
    if load.map_or(0, |l| l.pods) + 1 > info.capacity.pods {
        reasons.push("Too many pods".into());
    }
    let mut check = |name: &str, asked: i64, used: i64, has: i64| {
        if asked > 0 && asked > has - used {
            reasons.push(format!("Insufficient {name}").into());
            resolvable &= asked <= has;
        }
    };
    check("cpu", asked.milli_cpu, used.milli_cpu, has.milli_cpu);
    check("memory", asked.memory, used.memory, has.memory);
    check("ephemeral-storage", asked.ephemeral_storage, used.ephemeral_storage, has.ephemeral_storage);
    for (name, amount) in &asked.scalar {
        let of = |list: &Resources| list.scalar.get(name).copied().unwrap_or(0);
        check(name, *amount, of(used), of(has));
    }
    match reasons.is_empty() {
        true => Ok(()),
        false => Err(Rejection { reasons, resolvable }),
    }
}
