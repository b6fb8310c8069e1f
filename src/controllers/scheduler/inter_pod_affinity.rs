//! Affinity and anti-affinity between pods.
//!
//! Mirrors `pkg/scheduler/framework/plugins/interpodaffinity`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::framework::{Cycle, NodeInfo, Rejection};
use crate::api::k8s::api::core::v1::{Pod, PodAffinityTerm, PodSpec, WeightedPodAffinityTerm};
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey};
use crate::store::load::node_of;
use crate::store::{Index, View};

const EXISTING_ANTI_AFFINITY: &str = "node(s) didn't satisfy existing pods anti-affinity rules";
const AFFINITY: &str = "node(s) didn't match pod affinity rules";
const ANTI_AFFINITY: &str = "node(s) didn't match pod anti-affinity rules";

/// What a required affinity term of an existing pod weighs when it matches the pod.
const HARD_AFFINITY_WEIGHT: i64 = 1;

/// A term, read: which pods it is about, and in which topology.
pub(super) struct Term<'a> {
    namespaces: BTreeSet<&'a str>,
    namespace_selector: Option<Selector>,
    selector: Selector,
    key: &'a str,
}

impl<'a> Term<'a> {
    fn of(owner: &'a Object, term: &'a PodAffinityTerm) -> Term<'a> {
        let mut namespaces: BTreeSet<&str> = term.namespaces.iter().flatten().map(String::as_str).collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.insert(owner.namespace());
        }
        let read = |s| Selector::from_label_selector(s).unwrap_or_else(|_| Selector::nothing());
        let mut selector = read(term.label_selector.as_ref());
        let labels = owner.meta().labels.as_ref();
        let value = |key: &String| labels.and_then(|l| l.get(key)).cloned();
        if !selector.is_nothing() {
            let mut requirements = selector.requirements().to_vec();
            for key in term.match_label_keys.iter().flatten() {
                if let Some(value) = value(key) {
                    let set: BTreeMap<String, String> = [(key.clone(), value)].into();
                    requirements.extend(Selector::from_set(&set).requirements().iter().cloned());
                }
            }
            for key in term.mismatch_label_keys.iter().flatten() {
                if let Some(value) = value(key)
                    && let Ok(not) = Selector::parse(&format!("{key} notin ({value})"))
                {
                    requirements.extend(not.requirements().iter().cloned());
                }
            }
            selector = Selector::new(requirements);
        }
        let namespace_selector = term.namespace_selector.as_ref().map(|s| read(Some(s)));
        Term { namespaces, namespace_selector, selector, key: &term.topology_key }
    }

    fn matches(&self, view: &View<'_>, pod: &Object) -> bool {
        let in_namespace = self.namespaces.contains(pod.namespace())
            || self.namespace_selector.as_ref().is_some_and(|selector| {
                let namespace = view.get(&ObjectKey::cluster(Kind::Namespace, pod.namespace()));
                selector.matches(namespace.and_then(|n| n.meta().labels.as_ref()))
            });
        in_namespace && self.selector.matches(pod.meta().labels.as_ref())
    }
}

/// Whether there are terms and a pod is what all of them are about. Mirrors `podMatchesAllAffinityTerms`.
pub(super) fn all_match(terms: &[Term<'_>], view: &View<'_>, pod: &Object) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(view, pod))
}

/// The terms of the affinity that a pod must have.
pub(super) fn required_affinity<'a>(object: &'a Object, spec: &'a PodSpec) -> Vec<Term<'a>> {
    let terms = spec.affinity.as_ref().and_then(|a| a.pod_affinity.as_ref());
    let terms = terms.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    terms.into_iter().flatten().map(|t| Term::of(object, t)).collect()
}

/// The terms of the anti-affinity that a pod must have.
pub(super) fn required_anti_affinity<'a>(object: &'a Object, spec: &'a PodSpec) -> Vec<Term<'a>> {
    let terms = spec.affinity.as_ref().and_then(|a| a.pod_anti_affinity.as_ref());
    let terms = terms.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    terms.into_iter().flatten().map(|t| Term::of(object, t)).collect()
}

fn weighted<'a>(
    object: &'a Object,
    terms: Option<&'a Vec<WeightedPodAffinityTerm>>,
    sign: i64,
) -> Vec<(Term<'a>, i64)> {
    let terms = terms.into_iter().flatten();
    terms.map(|t| (Term::of(object, &t.pod_affinity_term), sign * i64::from(t.weight))).collect()
}

fn preferred<'a>(object: &'a Object, spec: &'a PodSpec) -> Vec<(Term<'a>, i64)> {
    let Some(affinity) = &spec.affinity else { return Vec::new() };
    let near = affinity.pod_affinity.as_ref();
    let near = near.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref());
    let far = affinity.pod_anti_affinity.as_ref();
    let far = far.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref());
    let mut all = weighted(object, near, 1);
    all.extend(weighted(object, far, -1));
    all
}

/// A topology's key and value.
type Pair<'a> = (&'a str, &'a str);

/// What the filter needs to know of the pods that run.
pub(super) struct Affinities<'a> {
    affinity: Vec<Term<'a>>,
    anti_affinity: Vec<Term<'a>>,
    matching_affinity: BTreeSet<Pair<'a>>,
    matching_anti_affinity: BTreeSet<Pair<'a>>,
    existing_anti_affinity: BTreeSet<Pair<'a>>,
    matches_itself: bool,
}

impl<'a> Affinities<'a> {
    /// Looks at the pods that count.
    pub(super) fn new(cycle: &Cycle<'a>) -> Affinities<'a> {
        let view = cycle.view;
        let mut all = Affinities {
            affinity: required_affinity(cycle.object, cycle.spec),
            anti_affinity: required_anti_affinity(cycle.object, cycle.spec),
            matching_affinity: BTreeSet::new(),
            matching_anti_affinity: BTreeSet::new(),
            existing_anti_affinity: BTreeSet::new(),
            matches_itself: false,
        };
        all.matches_itself = all.affinity.iter().all(|t| t.matches(view, cycle.object));
        let asks_for_nothing = all.affinity.is_empty() && all.anti_affinity.is_empty();
        if asks_for_nothing && view.count(Kind::Pod, Index::Affinity, "") == 0 {
            return all;
        }
        let nodes: BTreeMap<&str, &NodeInfo<'a>> = cycle.nodes().iter().map(|info| (info.name, info)).collect();
        for (pod, spec, info) in bound(view.indexed(Kind::Pod, Index::Affinity, ""), &nodes) {
            if cycle.is_removed(pod.uid()) {
                continue;
            }
            for term in required_anti_affinity(pod, spec) {
                if let Some(value) = info.label(term.key)
                    && term.matches(view, cycle.object)
                {
                    all.existing_anti_affinity.insert((term.key, value));
                }
            }
        }
        if asks_for_nothing {
            return all;
        }
        for info in nodes.values() {
            for pod in cycle.pods_on(info.name) {
                if !all.affinity.is_empty() && all.affinity.iter().all(|t| t.matches(view, pod)) {
                    let pairs = all.affinity.iter().filter_map(|t| Some((t.key, info.label(t.key)?)));
                    all.matching_affinity.extend(pairs);
                }
                for term in all.anti_affinity.iter().filter(|t| t.matches(view, pod)) {
                    all.matching_anti_affinity.extend(info.label(term.key).map(|value| (term.key, value)));
                }
            }
        }
        all
    }

    /// Whether the pod's and the other pods' rules allow a node.
    pub(super) fn check(&self, info: &NodeInfo<'_>) -> Result<(), Rejection> {
        if !self.satisfies_affinity(info) {
            return Err(Rejection::unresolvable(AFFINITY));
        }
        let hits =
            |pairs: &BTreeSet<Pair<'_>>, key: &str| info.label(key).is_some_and(|value| pairs.contains(&(key, value)));
        if self.anti_affinity.iter().any(|t| hits(&self.matching_anti_affinity, t.key)) {
            return Err(Rejection::resolvable(ANTI_AFFINITY));
        }
        let existing = &self.existing_anti_affinity;
        if existing.iter().any(|(key, value)| info.label(key) == Some(value)) {
            return Err(Rejection::resolvable(EXISTING_ANTI_AFFINITY));
        }
        Ok(())
    }

    fn satisfies_affinity(&self, info: &NodeInfo<'_>) -> bool {
        let mut pods_exist = true;
        for term in &self.affinity {
            match info.label(term.key) {
                None => return false,
                Some(value) => pods_exist &= self.matching_affinity.contains(&(term.key, value)),
            }
        }
        // OBSERVATION: no pod matches anywhere; the first of pods that want to be together may go where it likes.
        pods_exist || (self.matching_affinity.is_empty() && self.matches_itself)
    }
}

fn bound<'a, 'n>(
    pods: impl Iterator<Item = &'a Arc<Object>>,
    nodes: &'n BTreeMap<&str, &'n NodeInfo<'a>>,
) -> impl Iterator<Item = (&'a Object, &'a PodSpec, &'n NodeInfo<'a>)> {
    pods.filter_map(|object| {
        let object: &'a Object = object;
        let pod = object.get::<Pod>()?;
        Some((object, pod.spec.as_ref()?, *nodes.get(node_of(pod)?.as_str())?))
    })
}

/// A score from 0 to 100 for each node; none when no preference counts.
pub(super) fn score(cycle: &Cycle<'_>, feasible: &[NodeInfo<'_>]) -> Option<Vec<i64>> {
    let view = cycle.view;
    let own = preferred(cycle.object, cycle.spec);
    if own.is_empty() && view.count(Kind::Pod, Index::Affinity, "") == 0 {
        return None;
    }
    let nodes: BTreeMap<&str, &NodeInfo<'_>> = cycle.nodes().iter().map(|info| (info.name, info)).collect();
    let mut weights: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut add = |key: &str, info: &NodeInfo<'_>, weight: i64| {
        if let Some(value) = info.label(key) {
            *weights.entry((key.to_string(), value.to_string())).or_insert(0) += weight;
        }
    };
    if !own.is_empty() {
        for info in nodes.values() {
            for pod in cycle.pods_on(info.name) {
                own.iter().filter(|(t, _)| t.matches(view, pod)).for_each(|(t, weight)| add(t.key, info, *weight));
            }
        }
    }
    for (pod, spec, info) in bound(view.indexed(Kind::Pod, Index::Affinity, ""), &nodes) {
        let hard = required_affinity(pod, spec).into_iter().map(|t| (t, HARD_AFFINITY_WEIGHT));
        for (term, weight) in hard.chain(preferred(pod, spec)) {
            if term.matches(view, cycle.object) {
                add(term.key, info, weight);
            }
        }
    }
    if weights.is_empty() {
        return None;
    }
    let raw: Vec<i64> = feasible
        .iter()
        .map(|info| {
            let hits = weights.iter().filter(|((key, value), _)| info.label(key) == Some(value));
            hits.map(|(_, weight)| weight).sum()
        })
        .collect();
    let (least, most) = (raw.iter().min().copied().unwrap_or(0), raw.iter().max().copied().unwrap_or(0));
    let normalize = |score: &i64| match most - least {
        0 => 0,
        span => (100.0 * ((score - least) as f64 / span as f64)) as i64,
    };
    Some(raw.iter().map(normalize).collect())
}
