//! Questions about Deployments and their ReplicaSets: fenceposts, revisions, conditions, proportions.
//!
//! Mirrors `pkg/controller/deployment/util/deployment_util.go`.

use std::cmp::Ordering;

use crate::api::Time;
use crate::api::k8s::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::kinds::shared::workload::{by_creation, scaled_value};

/// The number of the rollout, on the Deployment and its ReplicaSets.
pub(super) const ANN_REVISION: &str = "deployment.kubernetes.io/revision";
/// The earlier numbers of a ReplicaSet that was rolled back to.
const ANN_REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many replicas the Deployment wanted when the ReplicaSet was last scaled.
const ANN_DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// How many replicas the Deployment could have at most then.
const ANN_MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations that are not copied to ReplicaSets.
const ANNOTATIONS_TO_SKIP: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    ANN_REVISION,
    ANN_REVISION_HISTORY,
    ANN_DESIRED_REPLICAS,
    ANN_MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];
/// The longest revision history that is kept, in characters.
const MAX_REVISION_HISTORY: usize = 2000;

/// The condition that says whether enough replicas are available.
pub(super) const AVAILABLE: &str = "Available";
/// The condition that says whether the rollout gets on.
pub(super) const PROGRESSING: &str = "Progressing";
/// The condition that says that pods can't be made.
pub(super) const REPLICA_FAILURE: &str = "ReplicaFailure";
/// The reason of a rollout that has ended well.
pub(super) const NEW_RS_AVAILABLE: &str = "NewReplicaSetAvailable";
/// The reason of a rollout that takes too long.
pub(super) const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// The reason while the Deployment is paused.
pub(super) const PAUSED: &str = "DeploymentPaused";

/// A name.
pub(super) fn name(rs: &ReplicaSet) -> &str {
    rs.metadata.name.as_deref().unwrap_or_default()
}

/// How many replicas a Deployment wants.
pub(super) fn wanted(d: &Deployment) -> i32 {
    d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1)
}

/// How many replicas a ReplicaSet wants.
pub(super) fn replicas(rs: &ReplicaSet) -> i32 {
    rs.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1)
}

/// The status of a ReplicaSet.
pub(super) fn status(rs: &ReplicaSet) -> ReplicaSetStatus {
    rs.status.clone().unwrap_or_default()
}

/// How many replicas of a ReplicaSet are available.
pub(super) fn available(rs: &ReplicaSet) -> i32 {
    rs.status.as_ref().and_then(|s| s.available_replicas).unwrap_or(0)
}

/// Whether the strategy is RollingUpdate.
pub(super) fn is_rolling_update(d: &Deployment) -> bool {
    strategy_type(d) == "RollingUpdate"
}

/// The strategy's name.
pub(super) fn strategy_type(d: &Deployment) -> &str {
    d.spec.as_ref().and_then(|s| s.strategy.as_ref()).and_then(|s| s.type_.as_deref()).unwrap_or("RollingUpdate")
}

/// Surge and unavailability as numbers of pods. Mirrors `ResolveFenceposts`.
fn resolve_fenceposts(d: &Deployment) -> (i32, i32) {
    let strategy = d.spec.as_ref().and_then(|s| s.strategy.as_ref());
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let none = IntOrString::Int(0);
    let surge = rolling.and_then(|r| r.max_surge.as_ref()).unwrap_or(&none);
    let unavailable = rolling.and_then(|r| r.max_unavailable.as_ref()).unwrap_or(&none);
    let (surge, unavailable) = (scaled_value(surge, wanted(d), true), scaled_value(unavailable, wanted(d), false));
    // OBSERVATION: rounding left nothing to move with, so one pod may be missing.
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// How many pods may be unavailable during a rollout.
pub(super) fn max_unavailable(d: &Deployment) -> i32 {
    if !is_rolling_update(d) || wanted(d) == 0 {
        return 0;
    }
    resolve_fenceposts(d).1.min(wanted(d))
}

/// How many pods there may be beyond the wanted number.
pub(super) fn max_surge(d: &Deployment) -> i32 {
    if is_rolling_update(d) { resolve_fenceposts(d).0 } else { 0 }
}

/// Whether a rollout must get on within a time.
pub(super) fn progress_deadline(d: &Deployment) -> Option<i32> {
    d.spec.as_ref().and_then(|s| s.progress_deadline_seconds).filter(|n| *n != i32::MAX)
}

/// Whether the Deployment is paused.
pub(super) fn is_paused(d: &Deployment) -> bool {
    d.spec.as_ref().and_then(|s| s.paused) == Some(true)
}

/// The condition of a type.
pub(super) fn condition<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.as_ref()?.iter().find(|c| c.type_ == kind)
}

/// A condition that begins now.
pub(super) fn new_condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    now: Time,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: kind.into(),
        status: status.into(),
        last_update_time: Some(now.meta()),
        last_transition_time: Some(now.meta()),
        reason: Some(reason.into()),
        message: Some(message.into()),
    }
}

/// Puts a condition into a status, unless it says the same already. Mirrors `SetDeploymentCondition`.
pub(super) fn set_condition(status: &mut DeploymentStatus, mut new: DeploymentCondition) {
    if let Some(there) = condition(status, &new.type_) {
        if there.status == new.status && there.reason == new.reason {
            return;
        }
        if there.status == new.status {
            new.last_transition_time = there.last_transition_time.clone();
        }
    }
    remove_condition(status, &new.type_.clone());
    status.conditions.get_or_insert_default().push(new);
}

/// Takes the condition of a type out.
pub(super) fn remove_condition(status: &mut DeploymentStatus, kind: &str) {
    let kept: Vec<_> = status.conditions.take().unwrap_or_default().into_iter().filter(|c| c.type_ != kind).collect();
    status.conditions = Some(kept).filter(|c| !c.is_empty());
}

/// A ReplicaSet's condition as one of its Deployment. Mirrors `ReplicaSetToDeploymentCondition`.
pub(super) fn of_replica_set(condition: &ReplicaSetCondition) -> DeploymentCondition {
    DeploymentCondition {
        type_: condition.type_.clone(),
        status: condition.status.clone(),
        last_transition_time: condition.last_transition_time.clone(),
        last_update_time: condition.last_transition_time.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

/// The number of a ReplicaSet's rollout; none when it can't be read.
pub(super) fn revision(rs: &ReplicaSet) -> Option<i64> {
    match rs.metadata.annotations.as_ref().and_then(|a| a.get(ANN_REVISION)) {
        None => Some(0),
        Some(text) => text.parse().ok(),
    }
}

/// The greatest number among ReplicaSets.
pub(super) fn max_revision(sets: &[ReplicaSet]) -> i64 {
    sets.iter().filter_map(revision).max().unwrap_or(0).max(0)
}

/// Notes the number of the rollout on the Deployment, and says whether that changed it.
pub(super) fn set_deployment_revision(d: &mut Deployment, revision: &str) -> bool {
    let annotations = d.metadata.annotations.get_or_insert_default();
    annotations.insert(ANN_REVISION.into(), revision.into()).as_deref() != Some(revision)
}

/// Copies a Deployment's annotations to its new ReplicaSet and numbers it. Says whether that changed it.
/// Mirrors `SetNewReplicaSetAnnotations`.
pub(super) fn set_new_replica_set_annotations(d: &Deployment, rs: &mut ReplicaSet, new: i64, exists: bool) -> bool {
    let annotations = rs.metadata.annotations.get_or_insert_default();
    let mut changed = false;
    for (key, value) in d.metadata.annotations.iter().flatten() {
        if !ANNOTATIONS_TO_SKIP.contains(&key.as_str()) && annotations.get(key) != Some(value) {
            annotations.insert(key.clone(), value.clone());
            changed = true;
        }
    }
    let before = annotations.get(ANN_REVISION).cloned();
    let Ok(old) = before.as_deref().filter(|t| !t.is_empty()).unwrap_or("0").parse::<i64>() else { return false };
    if old < new {
        annotations.insert(ANN_REVISION.into(), new.to_string());
        changed = true;
        if let Some(before) = before {
            // OBSERVATION: it had a number and gets a new one: the Deployment was rolled back to it.
            let history = annotations.get(ANN_REVISION_HISTORY).cloned().unwrap_or_default();
            annotations.insert(ANN_REVISION_HISTORY.into(), longer_history(&history, &before));
        }
    }
    if !exists && set_replicas_annotations(rs, wanted(d), most(d)) {
        changed = true;
    }
    changed
}

/// A history with one number more; the oldest ones give way when it grows too long.
fn longer_history(history: &str, revision: &str) -> String {
    let mut numbers: Vec<&str> = history.split(',').filter(|n| !n.is_empty()).collect();
    numbers.push(revision);
    while numbers.len() > 1 && numbers.join(",").len() > MAX_REVISION_HISTORY {
        numbers.remove(0);
    }
    numbers.join(",")
}

/// How many replicas the Deployment wanted when a ReplicaSet was last scaled; none when it doesn't say.
pub(super) fn desired_replicas(rs: &ReplicaSet) -> Option<i32> {
    number_annotation(rs, ANN_DESIRED_REPLICAS)
}

fn number_annotation(rs: &ReplicaSet, key: &str) -> Option<i32> {
    rs.metadata.annotations.as_ref()?.get(key)?.parse::<i32>().ok().filter(|n| *n >= 0)
}

/// Whether the two numbers on a ReplicaSet are not the Deployment's.
pub(super) fn replicas_annotations_need_update(rs: &ReplicaSet, desired: i32, max: i32) -> bool {
    let has = |key: &str, n: i32| rs.metadata.annotations.as_ref().and_then(|a| a.get(key)) == Some(&n.to_string());
    !has(ANN_DESIRED_REPLICAS, desired) || !has(ANN_MAX_REPLICAS, max)
}

/// Notes the Deployment's numbers on a ReplicaSet, and says whether that changed it.
pub(super) fn set_replicas_annotations(rs: &mut ReplicaSet, desired: i32, max: i32) -> bool {
    let needed = replicas_annotations_need_update(rs, desired, max);
    let annotations = rs.metadata.annotations.get_or_insert_default();
    annotations.insert(ANN_DESIRED_REPLICAS.into(), desired.to_string());
    annotations.insert(ANN_MAX_REPLICAS.into(), max.to_string());
    needed
}

/// Orders ReplicaSets by the number of their rollout.
pub(super) fn by_revision(a: &ReplicaSet, b: &ReplicaSet) -> Ordering {
    match (revision(a), revision(b)) {
        (Some(x), Some(y)) => x.cmp(&y).then_with(|| by_creation(a, b)),
        _ => by_creation(a, b),
    }
}

/// How many replicas there may be at once. A sum too large wraps, as Go's does.
pub(super) fn most(d: &Deployment) -> i32 {
    wanted(d).wrapping_add(max_surge(d))
}

/// The sum of what ReplicaSets want.
pub(super) fn replica_count<'a>(sets: impl IntoIterator<Item = &'a ReplicaSet>) -> i32 {
    sets.into_iter().map(replicas).fold(0, i32::wrapping_add)
}

/// Whether a rollout has ended: all replicas are new and available. Mirrors `DeploymentComplete`.
pub(super) fn deployment_complete(d: &Deployment, status: &DeploymentStatus) -> bool {
    let all = wanted(d);
    status.updated_replicas.unwrap_or(0) == all
        && status.replicas.unwrap_or(0) == all
        && status.available_replicas.unwrap_or(0) == all
        && status.observed_generation.unwrap_or(0) >= d.metadata.generation.unwrap_or(0)
}

/// Whether a rollout has got on since the stored status. Mirrors `DeploymentProgressing`.
pub(super) fn deployment_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let n = |v: Option<i32>| v.unwrap_or(0);
    let outdated = |s: &DeploymentStatus| n(s.replicas) - n(s.updated_replicas);
    n(new.updated_replicas) > n(old.updated_replicas)
        || outdated(new) < outdated(old)
        || n(new.ready_replicas) > n(old.ready_replicas)
        || n(new.available_replicas) > n(old.available_replicas)
}

/// Whether a rollout takes too long. Mirrors `DeploymentTimedOut`.
pub(super) fn deployment_timed_out(d: &Deployment, status: &DeploymentStatus, now: Time) -> bool {
    let (Some(deadline), Some(condition)) = (progress_deadline(d), condition(status, PROGRESSING)) else {
        return false;
    };
    match condition.reason.as_deref() {
        Some(NEW_RS_AVAILABLE) => false,
        Some(TIMED_OUT) => true,
        _ => {
            let from = condition.last_update_time.as_ref().map(Time::from_meta).unwrap_or_default();
            from + crate::api::Duration::secs(deadline.into()) < now
        }
    }
}

/// How many replicas the new ReplicaSet may have now, of those that `all` count. Mirrors `NewRSNewReplicas`.
pub(super) fn new_rs_new_replicas(d: &Deployment, all: i32, new: i32) -> i32 {
    if !is_rolling_update(d) {
        return wanted(d);
    }
    let most = wanted(d).wrapping_add(max_surge_rounded_up(d));
    if all >= most {
        return new;
    }
    new + (most - all).min(wanted(d) - new)
}

/// The surge alone, without the fencepost rule that follows from both.
fn max_surge_rounded_up(d: &Deployment) -> i32 {
    let strategy = d.spec.as_ref().and_then(|s| s.strategy.as_ref());
    let surge = strategy.and_then(|s| s.rolling_update.as_ref()).and_then(|r| r.max_surge.as_ref());
    surge.map_or(0, |surge| scaled_value(surge, wanted(d), true))
}

/// Whether the new ReplicaSet holds all replicas, and they are available. Mirrors `IsSaturated`.
pub(super) fn is_saturated(d: &Deployment, rs: Option<&ReplicaSet>) -> bool {
    let Some(rs) = rs else { return false };
    let all = wanted(d);
    replicas(rs) == all && desired_replicas(rs) == Some(all) && available(rs) == all
}

/// A ReplicaSet's share of the replicas that are added or, below 0, taken away. Mirrors `GetReplicaSetProportion`.
pub(super) fn proportion(rs: &ReplicaSet, d: &Deployment, to_add: i32, added: i32) -> i32 {
    if replicas(rs) == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let (fraction, allowed) = (fraction(rs, d), to_add - added);
    if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
}

fn fraction(rs: &ReplicaSet, d: &Deployment) -> i32 {
    if wanted(d) == 0 {
        return -replicas(rs);
    }
    let most = most(d);
    let total = d.status.as_ref().and_then(|s| s.replicas).unwrap_or(0);
    let before = number_annotation(rs, ANN_MAX_REPLICAS).filter(|n| *n != 0).unwrap_or(total);
    if before == 0 {
        return 0;
    }
    let size = f64::from(replicas(rs)) * f64::from(most) / f64::from(before);
    size.round() as i32 - replicas(rs)
}
