//! Makes room for a pod by ending pods of lower priority.
//!
//! Mirrors `pkg/scheduler/framework/preemption` and its plugin `defaultpreemption`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::framework::{Cycle, Diagnosis, NodeInfo, Rejection};
use super::inter_pod_affinity::Affinities;
use super::topology_spread::Spread;
use super::{INSTANCE, NAME, check, volume_binding};
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::api::policy::v1::PodDisruptionBudget;
use crate::api::names::Draw;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, Time};
use crate::controllers::pods::with_disruption_target;
use crate::controllers::{About, Deletion, EventDraft, Outcome, Write};
use crate::store::{Index, View};

const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
/// Said in the condition of a pod that has to go.
const PREEMPTED: &str = "PreemptionByScheduler";
/// How many candidates are looked for on large clusters: `minCandidateNodesAbsolute` and `...Percentage`.
const MIN_CANDIDATES: usize = 100;
const MIN_CANDIDATES_PERCENT: usize = 10;

/// What became of the attempt.
pub(super) enum Preemption<'a> {
    /// The pods to end on a node, the most important first.
    Victims(&'a str, Vec<&'a Arc<Object>>),
    /// The pod may not preempt others; the node that it is meant for stays as it is.
    NotEligible(&'static str),
    /// Nothing helps: the text that says why.
    Hopeless(String),
}

/// A node with the pods that would have to go.
struct Candidate<'a> {
    node: &'a str,
    victims: Vec<&'a Arc<Object>>,
    violations: usize,
}

/// Looks for pods to end. `rejections` says why each node does not do as it is.
pub(super) fn preempt<'a>(cycle: &Cycle<'a>, rejections: &BTreeMap<String, Rejection>) -> Preemption<'a> {
    if let Some(reason) = not_eligible(cycle, rejections) {
        return Preemption::NotEligible(reason);
    }
    let mut nodes: Vec<&NodeInfo<'a>> =
        cycle.nodes().iter().filter(|info| rejections.get(info.name).is_some_and(|r| r.resolvable)).collect();
    let wanted = (nodes.len() * MIN_CANDIDATES_PERCENT / 100).max(MIN_CANDIDATES);
    if nodes.len() > wanted {
        let purpose = format!("preemption/{}", cycle.object.uid());
        let offset = Draw::new(cycle.view.seed(), &purpose, 0).below(nodes.len() as u64);
        nodes.rotate_left(offset as usize);
    }
    let mut found: Vec<Candidate<'a>> = Vec::new();
    let mut diagnosis = Diagnosis { absent: Some(NOT_HELPFUL.into()), ..Default::default() };
    for info in nodes {
        match select_victims(cycle, info) {
            Ok(candidate) => found.push(candidate),
            Err(rejection) => {
                diagnosis.nodes.insert(info.name.to_string(), rejection);
            }
        }
        if found.len() >= wanted && found.iter().any(|c| c.violations == 0) {
            break;
        }
    }
    match pick_one(found) {
        Some(best) => Preemption::Victims(best.node, best.victims),
        None => Preemption::Hopeless(diagnosis.message(cycle.nodes().len())),
    }
}

/// Why a pod may not preempt others. Mirrors `PodEligibleToPreemptOthers`.
fn not_eligible(cycle: &Cycle<'_>, rejections: &BTreeMap<String, Rejection>) -> Option<&'static str> {
    if cycle.spec.preemption_policy.as_deref() == Some("Never") {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let node = cycle.pod.status.as_ref().and_then(|s| s.nominated_node_name.as_deref()).filter(|n| !n.is_empty())?;
    if rejections.get(node).is_some_and(|r| !r.resolvable) {
        return None;
    }
    let goes = |o: &Arc<Object>| is_lower(cycle, o) && goes_by_preemption(o);
    let goes = cycle.view.indexed(Kind::Pod, Index::Node, node).any(goes);
    goes.then_some("not eligible due to a terminating pod on the nominated node.")
}

fn priority_of(object: &Object) -> i32 {
    object.get::<Pod>().and_then(|p| p.spec.as_ref()).and_then(|s| s.priority).unwrap_or(0)
}

fn is_lower(cycle: &Cycle<'_>, other: &Object) -> bool {
    let ended = other.get::<Pod>().is_some_and(crate::controllers::pods::is_terminal);
    !ended && priority_of(other) < cycle.priority()
}

fn goes_by_preemption(object: &Object) -> bool {
    let status = object.get::<Pod>().and_then(|p| p.status.as_ref());
    let mut conditions = status.iter().flat_map(|s| s.conditions.iter().flatten());
    object.is_terminating()
        && conditions
            .any(|c| c.type_ == "DisruptionTarget" && c.status == "True" && c.reason.as_deref() == Some(PREEMPTED))
}

/// When a pod started; one that has not started counts as the youngest.
fn start_of(object: &Object) -> Time {
    let start = object.get::<Pod>().and_then(|p| p.status.as_ref()).and_then(|s| s.start_time.as_ref());
    start.map_or(Time(i64::MAX), Time::from_meta)
}

/// Sorts the more important pods before the others. Mirrors `MoreImportantPod`.
fn sort_by_importance(pods: &mut [&Arc<Object>]) {
    pods.sort_by_key(|o| (Reverse(priority_of(o)), start_of(o)));
}

/// The least that must go from a node. Mirrors `SelectVictimsOnNode`.
fn select_victims<'a>(cycle: &Cycle<'a>, info: &NodeInfo<'a>) -> Result<Candidate<'a>, Rejection> {
    let lower = info.load.is_some_and(|l| l.priorities.range(..cycle.priority()).next().is_some());
    if !lower {
        return Err(Rejection::unresolvable(NO_VICTIMS));
    }
    let mut potential: Vec<&'a Arc<Object>> = cycle.pods_on(info.name).filter(|o| is_lower(cycle, o)).collect();
    let mut dry = cycle.dry_run(info);
    potential.iter().for_each(|victim| dry.take_away(victim));
    fits(&dry, info)?;
    sort_by_importance(&mut potential);
    let (violating, others) = split_by_violation(cycle.view, &potential);
    let both = !violating.is_empty() && !others.is_empty();
    let mut victims = Vec::new();
    let mut violations = 0;
    for (pods, violates) in [(violating, true), (others, false)] {
        for pod in pods {
            dry.put_back(pod);
            if fits(&dry, info).is_err() {
                dry.take_away(pod);
                victims.push(pod);
                violations += usize::from(violates);
            }
        }
    }
    if both {
        sort_by_importance(&mut victims);
    }
    Ok(Candidate { node: info.name, victims, violations })
}

fn fits<'a>(dry: &Cycle<'a>, info: &NodeInfo<'a>) -> Result<(), Rejection> {
    let claims = volume_binding::pod_volume_claims(dry).map_err(Rejection::unresolvable)?;
    check(dry, info, &claims, &Spread::new(dry), &Affinities::new(dry)).map(|_| ())
}

/// Which pods' ends would break a disruption budget, and which not. Mirrors `filterPodsWithPDBViolation`.
fn split_by_violation<'a>(view: &View<'_>, pods: &[&'a Arc<Object>]) -> (Vec<&'a Arc<Object>>, Vec<&'a Arc<Object>>) {
    let budgets = view.list_as::<PodDisruptionBudget>().filter_map(|budget| {
        let selector = Selector::from_label_selector(budget.spec.as_ref()?.selector.as_ref()).ok()?;
        let allowed = budget.status.as_ref().and_then(|s| s.disruptions_allowed).unwrap_or(0);
        (!selector.is_everything()).then_some((budget, selector, allowed))
    });
    let mut budgets: Vec<_> = budgets.collect();
    let violates = |pod: &&Arc<Object>| {
        let mut violated = false;
        for (budget, selector, allowed) in &mut budgets {
            let known = budget.status.as_ref().and_then(|s| s.disrupted_pods.as_ref());
            if budget.metadata.namespace.as_deref() == Some(pod.namespace())
                && pod.meta().labels.as_ref().is_some_and(|l| !l.is_empty() && selector.matches(l))
                && !known.is_some_and(|k| k.contains_key(pod.name()))
            {
                *allowed -= 1;
                violated |= *allowed < 0;
            }
        }
        violated
    };
    pods.iter().copied().partition(violates)
}

/// The node where least is lost. Mirrors `pickOneNodeForPreemption`.
fn pick_one(candidates: Vec<Candidate<'_>>) -> Option<Candidate<'_>> {
    candidates.into_iter().min_by_key(|c| {
        let priority = |o: &&Arc<Object>| i64::from(priority_of(o));
        let highest = c.victims.iter().map(priority).max().unwrap_or(i64::MIN);
        let sum: i64 = c.victims.iter().map(|o| priority(o) + i64::from(i32::MAX) + 1).sum();
        let of_highest = c.victims.iter().filter(|o| priority(o) == highest);
        let earliest = of_highest.map(|o| start_of(o)).min().unwrap_or_default();
        (c.violations, highest, sum, c.victims.len(), Reverse(earliest))
    })
}

/// Ends the victims, and takes back that less important pods are meant for the node. Mirrors `prepareCandidateAsync`.
pub(super) fn end(cycle: &Cycle<'_>, node: &str, victims: &[&Arc<Object>], now: Time, outcome: &mut Outcome) {
    let leaving: Vec<_> = victims.iter().filter(|v| !v.is_terminating()).collect();
    if leaving.is_empty() {
        return;
    }
    for other in cycle.view.indexed(Kind::Pod, Index::Nominated, node).filter(|o| is_lower(cycle, o)) {
        let Some(mut pod) = other.get::<Pod>().cloned() else { continue };
        pod.status.get_or_insert_default().nominated_node_name = None;
        outcome.write(Write::update_status(pod));
    }
    let why = (PREEMPTED, "default-scheduler: preempting to accommodate a higher priority pod");
    for victim in leaving {
        let Some(pod) = victim.get::<Pod>() else { continue };
        outcome.write(Write::update_status(with_disruption_target(pod, why, now)));
        outcome.write(Write::Delete(Deletion::of(victim)));
        let message = format!("Preempted by pod {} on node {node}", cycle.object.uid());
        outcome.event(EventDraft::normal(About::object(victim), NAME, "Preempted", message).on(INSTANCE));
    }
}
