//! Spreading pods over topology domains: a pod's own constraints, and the default ones for a controller's replicas.
//!
//! Mirrors `pkg/scheduler/framework/plugins/podtopologyspread`.

use std::collections::BTreeMap;

use super::filters::matches_node_affinity;
use super::framework::{Cycle, HOSTNAME, NodeInfo, Rejection, ZONE};
use super::taints::find_untolerated;
use crate::api::k8s::api::core::v1::{Pod, ReplicationController, Service, TopologySpreadConstraint};
use crate::api::object::controller_of;
use crate::api::selector::Selector;
use crate::api::{Kind, Object};

const CONSTRAINTS: &str = "node(s) didn't match pod topology spread constraints";
const MISSING_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// Which pods a constraint counts.
enum Counted<'a> {
    /// Those that a selector selects.
    Selected(Selector),
    /// The replicas of the pod's controller; their number per node is known.
    Owned(&'a str),
}

struct Constraint<'a> {
    max_skew: i64,
    key: &'a str,
    counted: Counted<'a>,
    min_domains: usize,
    honor_affinity: bool,
    honor_taints: bool,
}

impl<'a> Constraint<'a> {
    fn of(pod: &Pod, constraint: &'a TopologySpreadConstraint) -> Option<Constraint<'a>> {
        let mut selector = Selector::from_label_selector(constraint.label_selector.as_ref()).ok()?;
        let labels = pod.metadata.labels.as_ref();
        let keys = constraint.match_label_keys.iter().flatten();
        let same: BTreeMap<String, String> =
            keys.filter_map(|key| Some((key.clone(), labels?.get(key)?.clone()))).collect();
        if !same.is_empty() && !selector.is_nothing() {
            let mut requirements = selector.requirements().to_vec();
            requirements.extend(Selector::from_set(&same).requirements().iter().cloned());
            selector = Selector::new(requirements);
        }
        Some(Constraint {
            max_skew: constraint.max_skew.into(),
            key: &constraint.topology_key,
            counted: Counted::Selected(selector),
            min_domains: constraint.min_domains.and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
            honor_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honor_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
        })
    }

    /// Whether the pods of a node count.
    fn includes(&self, cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> bool {
        let taints = info.node.spec.as_ref().and_then(|s| s.taints.as_ref());
        (!self.honor_affinity || matches_node_affinity(cycle, info))
            && (!self.honor_taints || find_untolerated(taints, cycle.spec.tolerations.as_ref()).is_none())
    }

    fn count(&self, cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> i64 {
        match &self.counted {
            Counted::Owned(owner) => info.load.and_then(|load| load.owned.get(*owner)).copied().map_or(0, i64::from),
            Counted::Selected(selector) if selector.is_everything() => 0,
            Counted::Selected(selector) => {
                let pods = cycle.pods_on(info.name).filter(|o| {
                    !o.is_terminating()
                        && o.namespace() == cycle.namespace()
                        && selector.matches(o.meta().labels.as_ref())
                });
                pods.count() as i64
            }
        }
    }

    fn selects(&self, pod: &Pod) -> bool {
        match &self.counted {
            Counted::Owned(_) => true,
            Counted::Selected(selector) => selector.matches(pod.metadata.labels.as_ref()),
        }
    }
}

fn own_constraints<'a>(cycle: &Cycle<'a>, action: &str) -> Vec<Constraint<'a>> {
    let all = cycle.spec.topology_spread_constraints.iter().flatten();
    all.filter(|c| c.when_unsatisfiable == action).filter_map(|c| Constraint::of(cycle.pod, c)).collect()
}

/// What the filter needs to know of all nodes.
pub(super) struct Spread<'a> {
    constraints: Vec<Constraint<'a>>,
    counts: Vec<BTreeMap<&'a str, i64>>,
}

impl<'a> Spread<'a> {
    /// Counts the pods of each domain.
    pub(super) fn new(cycle: &Cycle<'a>) -> Spread<'a> {
        let constraints = own_constraints(cycle, "DoNotSchedule");
        let mut counts = vec![BTreeMap::new(); constraints.len()];
        if !constraints.is_empty() {
            for info in cycle.nodes().iter().filter(|info| constraints.iter().all(|c| info.label(c.key).is_some())) {
                for (constraint, counts) in constraints.iter().zip(&mut counts) {
                    if let Some(value) = info.label(constraint.key)
                        && constraint.includes(cycle, info)
                    {
                        *counts.entry(value).or_insert(0) += constraint.count(cycle, info);
                    }
                }
            }
        }
        Spread { constraints, counts }
    }

    /// Whether the pod keeps the skew on a node small enough.
    pub(super) fn check(&self, cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> Result<(), Rejection> {
        for (constraint, counts) in self.constraints.iter().zip(&self.counts) {
            let Some(value) = info.label(constraint.key) else { return Err(Rejection::unresolvable(MISSING_LABEL)) };
            let least = match counts.len() < constraint.min_domains {
                true => 0,
                false => counts.values().min().copied().unwrap_or(0),
            };
            let own = i64::from(constraint.selects(cycle.pod));
            if counts.get(value).copied().unwrap_or(0) + own - least > constraint.max_skew {
                return Err(Rejection::resolvable(CONSTRAINTS));
            }
        }
        Ok(())
    }
}

/// The pod's soft constraints, else the cluster's default ones for the replicas of a controller or service.
fn soft_constraints<'a>(cycle: &Cycle<'a>) -> Vec<Constraint<'a>> {
    if cycle.spec.topology_spread_constraints.as_ref().is_some_and(|c| !c.is_empty()) {
        return own_constraints(cycle, "ScheduleAnyway");
    }
    let selector = || match controller_of(&cycle.pod.metadata) {
        Some(owner) if matches!(owner.kind.as_str(), "ReplicaSet" | "StatefulSet" | "ReplicationController") => {
            Some(Counted::Owned(owner.uid.as_str()))
        }
        _ => service_selector(cycle).map(Counted::Selected),
    };
    let constraint = |key, max_skew| {
        Some(Constraint {
            max_skew,
            key,
            counted: selector()?,
            min_domains: 1,
            honor_affinity: true,
            honor_taints: false,
        })
    };
    [constraint(HOSTNAME, 3), constraint(ZONE, 5)].into_iter().flatten().collect()
}

/// The merged selectors of the services and controllers that select a pod without a controller of its own.
fn service_selector(cycle: &Cycle<'_>) -> Option<Selector> {
    let labels = cycle.pod.metadata.labels.as_ref()?;
    let selector_of = |object: &Object| match object.kind() {
        Kind::Service => object.get::<Service>()?.spec.as_ref()?.selector.clone(),
        _ => object.get::<ReplicationController>()?.spec.as_ref()?.selector.clone(),
    };
    let mut merged: BTreeMap<String, String> = BTreeMap::new();
    for object in cycle.view.list_in(Kind::Service, cycle.namespace()) {
        if let Some(selector) = selector_of(object).filter(|s| !s.is_empty())
            && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
        {
            merged.extend(selector);
        }
    }
    (!merged.is_empty()).then(|| Selector::from_set(&merged))
}

/// A score from 0 to 100 for each node, most where fewest of the pod's likes are; none when nothing is to be spread.
pub(super) fn score(cycle: &Cycle<'_>, feasible: &[NodeInfo<'_>]) -> Option<Vec<i64>> {
    let constraints = soft_constraints(cycle);
    if constraints.is_empty() {
        return None;
    }
    let all_required = cycle.spec.topology_spread_constraints.as_ref().is_some_and(|c| !c.is_empty());
    let complete = |info: &NodeInfo<'_>| !all_required || constraints.iter().all(|c| info.label(c.key).is_some());
    let scored: Vec<bool> = feasible.iter().map(&complete).collect();
    let mut raw = vec![0f64; feasible.len()];
    for constraint in &constraints {
        let by_host = constraint.key == HOSTNAME;
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        if !by_host {
            let domains = feasible.iter().zip(&scored).filter(|(_, scored)| **scored);
            counts.extend(domains.map(|(info, _)| (info.label(constraint.key).unwrap_or_default(), 0)));
        }
        let size = if by_host { scored.iter().filter(|s| **s).count() } else { counts.len() };
        let weight = ((size + 2) as f64).ln();
        if !by_host {
            for info in cycle.nodes().iter().filter(|info| complete(info) && constraint.includes(cycle, info)) {
                if let Some(count) = counts.get_mut(info.label(constraint.key).unwrap_or_default()) {
                    *count += constraint.count(cycle, info);
                }
            }
        }
        for (info, raw) in feasible.iter().zip(&mut raw) {
            let Some(value) = info.label(constraint.key) else { continue };
            let count = match by_host {
                true => constraint.count(cycle, info),
                false => counts.get(value).copied().unwrap_or(0),
            };
            *raw += count as f64 * weight + (constraint.max_skew - 1) as f64;
        }
    }
    let rounded: Vec<i64> = raw.iter().map(|s| s.round() as i64).collect();
    let of_scored = || rounded.iter().zip(&scored).filter(|(_, s)| **s).map(|(r, _)| *r);
    let (least, most) = (of_scored().min().unwrap_or(0), of_scored().max().unwrap_or(0));
    let normalize = |(score, scored): (&i64, &bool)| match (*scored, most) {
        (false, _) => 0,
        (true, 0) => 100,
        (true, most) => 100 * (most + least - score) / most,
    };
    Some(rounded.iter().zip(&scored).map(normalize).collect())
}
