//! Which of the nodes that fit is the best.
//!
//! Mirrors `prioritizeNodes` and the default plugins with their weights. ImageLocality has no say here: it counts
//! images of more than 23 MB only.

use super::framework::{Cycle, NodeInfo};
use super::{inter_pod_affinity, taints, topology_spread};
use crate::api::names::Draw;
use crate::api::resources::nonzero_requests;
use crate::api::selector::preferred_node_score;

/// The best of the nodes; among equals the cluster's seed draws.
pub(super) fn best<'a>(cycle: &Cycle<'_>, feasible: &[NodeInfo<'a>]) -> Option<&'a str> {
    if let [only] = feasible {
        return Some(only.name);
    }
    let mut totals = vec![0i64; feasible.len()];
    let mut add = |weight: i64, scores: Option<Vec<i64>>| {
        for (total, score) in totals.iter_mut().zip(scores.into_iter().flatten()) {
            *total += weight * score;
        }
    };
    add(3, taint_toleration(cycle, feasible));
    add(2, node_affinity(cycle, feasible));
    add(1, Some(least_allocated(cycle, feasible)));
    add(2, topology_spread::score(cycle, feasible));
    add(2, inter_pod_affinity::score(cycle, feasible));
    add(1, balanced_allocation(cycle, feasible));
    let most = totals.iter().max().copied()?;
    let best: Vec<&NodeInfo<'a>> = feasible.iter().zip(&totals).filter(|(_, t)| **t == most).map(|(n, _)| n).collect();
    let drawn = Draw::new(cycle.view.seed(), &format!("node/{}", cycle.object.uid()), 0).below(best.len() as u64);
    best.get(drawn as usize).map(|info| info.name)
}

/// Fewer taints that only advise against the node are better.
fn taint_toleration(cycle: &Cycle<'_>, feasible: &[NodeInfo<'_>]) -> Option<Vec<i64>> {
    let tolerations = cycle.spec.tolerations.as_ref().map(|all| {
        let soft = |effect: Option<&str>| matches!(effect.unwrap_or_default(), "" | "PreferNoSchedule");
        all.iter().filter(|t| soft(t.effect.as_deref())).cloned().collect::<Vec<_>>()
    });
    let count = |info: &NodeInfo<'_>| {
        let taints = info.node.spec.iter().flat_map(|s| s.taints.iter().flatten());
        let soft = taints.filter(|t| t.effect == "PreferNoSchedule");
        soft.filter(|t| !taints::is_tolerated(tolerations.as_ref(), t)).count() as i64
    };
    Some(normalize(feasible.iter().map(count).collect(), true))
}

fn node_affinity(cycle: &Cycle<'_>, feasible: &[NodeInfo<'_>]) -> Option<Vec<i64>> {
    let affinity = cycle.spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
    let terms = affinity.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref())?;
    let score = |info: &NodeInfo<'_>| preferred_node_score(terms, info.name, info.node.metadata.labels.as_ref());
    Some(normalize(feasible.iter().map(score).collect(), false))
}

/// Mirrors `DefaultNormalizeScore`.
fn normalize(scores: Vec<i64>, reverse: bool) -> Vec<i64> {
    let most = scores.iter().max().copied().unwrap_or(0);
    let scale = |score: i64| match (most, reverse) {
        (0, true) => 100,
        (0, false) => 0,
        (most, true) => 100 - 100 * score / most,
        (most, false) => 100 * score / most,
    };
    scores.into_iter().map(scale).collect()
}

fn least_allocated(cycle: &Cycle<'_>, feasible: &[NodeInfo<'_>]) -> Vec<i64> {
    let (cpu, memory) = nonzero_requests(cycle.spec);
    let free = |requested: i64, has: i64| match has {
        0 => None,
        has if requested > has => Some(0),
        has => Some(((i128::from(has) - i128::from(requested)) * 100 / i128::from(has)) as i64),
    };
    let score = |info: &NodeInfo<'_>| {
        let used = info.load.map_or((0, 0), |l| l.nonzero);
        let has = &info.capacity.allocatable;
        let parts: Vec<i64> =
            [free(used.0.saturating_add(cpu), has.milli_cpu), free(used.1.saturating_add(memory), has.memory)]
                .into_iter()
                .flatten()
                .collect();
        if parts.is_empty() { 0 } else { parts.iter().sum::<i64>() / parts.len() as i64 }
    };
    feasible.iter().map(score).collect()
}

/// Mirrors `balancedResourceScorer`: what the pod does to the balance of CPU and memory.
fn balanced_allocation(cycle: &Cycle<'_>, feasible: &[NodeInfo<'_>]) -> Option<Vec<i64>> {
    let (cpu, memory) = (cycle.requests.milli_cpu, cycle.requests.memory);
    if cpu == 0 && memory == 0 {
        return None;
    }
    let balance = |used: [i64; 2], has: [i64; 2]| {
        let fractions: Vec<f64> = used
            .iter()
            .zip(has)
            .filter(|(_, has)| *has != 0)
            .map(|(used, has)| (*used as f64 / has as f64).min(1.0))
            .collect();
        let deviation = match fractions.as_slice() {
            [a, b] => ((a - b) / 2.0).abs(),
            _ => 0.0,
        };
        ((1.0 - deviation) * 100.0) as i64
    };
    let score = |info: &NodeInfo<'_>| {
        let used = info.load.map_or((0, 0), |l| (l.requested.milli_cpu, l.requested.memory));
        let has = [info.capacity.allocatable.milli_cpu, info.capacity.allocatable.memory];
        let with = balance([used.0.saturating_add(cpu), used.1.saturating_add(memory)], has);
        let without = balance([used.0, used.1], has);
        50 + (50 + with - without) / 2
    };
    Some(feasible.iter().map(score).collect())
}
