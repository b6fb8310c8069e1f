//! The end of namespaces: their pods go, then all else, then they.
//!
//! Mirrors `pkg/controller/namespace` and its `deletion/namespaced_resources_deleter.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Namespace, NamespaceCondition, Pod};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::pods::{is_terminal, tolerating_gone};
use crate::controllers::{Action, Controller, Deletion, Outcome, RateLimiter, Requeue, Write};
use crate::error::{ApiError, Reason};
use crate::store::{Change, View};

/// The finalizer that this controller removes.
const FINALIZER: &str = "kubernetes";
/// How long a namespace is left alone after a change, so that last writes are seen.
const GRACE_PERIOD: Duration = Duration::secs(5);
/// How long finalizers are expected to take, in seconds.
const FINALIZER_ESTIMATE: i64 = 15;

/// Types of conditions, with reason and message while all goes well.
const CONDITIONS: [(&str, &str, &str); 5] = [
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (CONTENT_FAILURE, "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    (CONTENT_REMAINING, "ContentRemoved", "All content successfully removed"),
    (FINALIZERS_REMAINING, "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
];
const CONTENT_FAILURE: &str = "NamespaceDeletionContentFailure";
const CONTENT_REMAINING: &str = "NamespaceContentRemaining";
const FINALIZERS_REMAINING: &str = "NamespaceFinalizersRemaining";

/// The controller of namespaces.
pub(super) struct NamespaceController;

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter { max_delay: Duration::secs(60), ..RateLimiter::DEFAULT }
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let (Kind::Namespace, Some(new)) = (change.key.kind, change.new.as_deref()) else { return };
        let began = !change.old.as_deref().is_some_and(Object::is_terminating);
        if new.is_terminating() && began {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(namespace) = view.get(key).and_then(|o| o.get::<Namespace>()) else { return outcome };
        let Some(deleted_at) = namespace.metadata.deletion_timestamp.as_ref().map(Time::from_meta) else {
            return outcome;
        };
        let finalizers = namespace.spec.as_ref().and_then(|s| s.finalizers.as_deref()).unwrap_or_default();
        if finalizers.is_empty() {
            return outcome;
        }
        if now < deleted_at + GRACE_PERIOD {
            outcome.after(deleted_at + GRACE_PERIOD - now);
            return outcome;
        }
        delete_all_content(view, namespace, deleted_at, now, &mut outcome);
        outcome
    }
}

/// What stays of some kinds after their objects were deleted.
#[derive(Default)]
struct Remaining {
    /// How many of each resource.
    resources: BTreeMap<String, usize>,
    /// How many objects each finalizer holds.
    finalizers: BTreeMap<String, usize>,
    /// How many seconds it may take, as far as that can be told.
    estimate: i64,
    /// What should have gone and did not.
    faults: Vec<String>,
    /// Whether something may still get on by itself.
    gets_on: bool,
}

/// Mirrors `deleteAllContent` and what follows from it in `Delete`.
fn delete_all_content(view: &View<'_>, namespace: &Namespace, deleted_at: Time, now: Time, outcome: &mut Outcome) {
    let name = namespace.metadata.name.as_deref().unwrap_or_default();
    let mut remaining = Remaining::default();
    delete_kind(view, Kind::Pod, name, deleted_at, now, &mut remaining, outcome);
    let pods_first = !remaining.resources.is_empty();
    if !pods_first {
        let taught = view.taught_kinds();
        let kinds = Kind::ALL.iter().chain(&taught);
        for kind in kinds.filter(|k| k.is_namespaced() && **k != Kind::Pod) {
            delete_kind(view, *kind, name, deleted_at, now, &mut remaining, outcome);
        }
    }
    let conditions = new_conditions(&remaining, !pods_first, now);
    let mut updated = namespace.clone();
    let status = updated.status.get_or_insert_default();
    status.phase = Some("Terminating".into());
    let told = update_conditions(status.conditions.get_or_insert_default(), conditions, now);
    if told {
        outcome.write(Write::update_status(updated.clone()));
    }
    if let Some(fault) = remaining.faults.into_iter().next() {
        outcome.push(Action::Fail(ApiError::new(Reason::BadRequest, fault)));
        return;
    }
    if remaining.estimate > 0 {
        let wait = Duration::secs(remaining.estimate / 2 + 1);
        // The change of status leads to another look, too.
        let wait = if told { wait.min(GRACE_PERIOD) } else { wait };
        outcome.requeue = Some(if remaining.gets_on { Requeue::After(wait) } else { Requeue::Recurring(wait) });
        return;
    }
    let spec = updated.spec.get_or_insert_default();
    let kept: Vec<String> = spec.finalizers.take().unwrap_or_default().into_iter().filter(|f| f != FINALIZER).collect();
    spec.finalizers = Some(kept).filter(|f| !f.is_empty());
    outcome.write(Write::Finalize(updated.into()));
}

/// Deletes the objects of a kind and counts those that stay for now.
fn delete_kind<'a>(
    view: &View<'a>,
    kind: Kind,
    namespace: &'a str,
    deleted_at: Time,
    now: Time,
    remaining: &mut Remaining,
    outcome: &mut Outcome,
) {
    let objects: Vec<&Arc<Object>> = view.list_in(kind, namespace).collect();
    let estimate = match kind {
        Kind::Pod => estimate_graceful_termination(&objects, deleted_at, now),
        _ => 0,
    };
    let (mut count, mut held) = (0, 0);
    for object in objects {
        let going = object.is_terminating();
        if !going {
            outcome.push(tolerating_gone(Write::Delete(Deletion { uid: None, ..Deletion::of(object) })));
        }
        let finalizers = object.meta().finalizers.as_deref().unwrap_or_default();
        if finalizers.is_empty() && !is_graceful(object) {
            continue;
        }
        count += 1;
        held += usize::from(!finalizers.is_empty());
        for finalizer in finalizers {
            *remaining.finalizers.entry(finalizer.clone()).or_default() += 1;
        }
        let due = object.meta().deletion_timestamp.as_ref().map_or(now, Time::from_meta);
        remaining.gets_on |= due + Duration::secs(FINALIZER_ESTIMATE) > now;
    }
    if count == 0 {
        return;
    }
    remaining.resources.insert(format!("{}.{}", kind.plural(), kind.group()), count);
    if estimate == 0 && held == 0 {
        let group = if kind.group().is_empty() { "" } else { kind.group() };
        remaining.faults.push(format!(
            "unexpected items still remain in namespace: {namespace} for gvr: {group}/{}, Resource={}",
            kind.version(),
            kind.plural()
        ));
    }
    let held_for = if held > 0 { FINALIZER_ESTIMATE } else { 0 };
    remaining.estimate = remaining.estimate.max(if estimate > 0 { estimate } else { held_for });
}

/// Whether an object stays for a grace period when it is deleted: a pod on a node that has not ended.
fn is_graceful(object: &Object) -> bool {
    object.get::<Pod>().is_some_and(|pod| {
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
        !node.is_empty() && !is_terminal(pod)
    })
}

/// The longest grace period of the pods in seconds; 0 when it is over.
fn estimate_graceful_termination(pods: &[&Arc<Object>], deleted_at: Time, now: Time) -> i64 {
    let living = pods.iter().filter_map(|o| o.get::<Pod>()).filter(|p| !is_terminal(p));
    let grace = living.filter_map(|p| p.spec.as_ref().and_then(|s| s.termination_grace_period_seconds));
    let estimate = grace.max().unwrap_or(0);
    if now - deleted_at >= Duration::secs(estimate) { 0 } else { estimate }
}

fn condition(kind: &str, reason: &str, message: String, now: Time) -> NamespaceCondition {
    NamespaceCondition {
        type_: kind.into(),
        status: "True".into(),
        last_transition_time: Some(now.meta()),
        reason: Some(reason.into()),
        message: Some(message),
    }
}

/// What does not go well. While pods are waited for, totals are not told.
fn new_conditions(remaining: &Remaining, totals: bool, now: Time) -> Vec<NamespaceCondition> {
    let mut conditions = Vec::new();
    if !remaining.faults.is_empty() {
        let mut faults = remaining.faults.clone();
        faults.sort();
        let (n, faults) = (faults.len(), faults.join(", "));
        let message = format!("Failed to delete all resource types, {n} remaining: {faults}");
        conditions.push(condition(CONTENT_FAILURE, "ContentDeletionFailed", message, now));
    }
    if totals && !remaining.resources.is_empty() {
        let list: Vec<String> =
            remaining.resources.iter().map(|(r, n)| format!("{r} has {n} resource instances")).collect();
        let message = format!("Some resources are remaining: {}", list.join(", "));
        conditions.push(condition(CONTENT_REMAINING, "SomeResourcesRemain", message, now));
    }
    if totals && !remaining.finalizers.is_empty() {
        let list: Vec<String> =
            remaining.finalizers.iter().map(|(f, n)| format!("{f} in {n} resource instances")).collect();
        let message = format!("Some content in the namespace has finalizers remaining: {}", list.join(", "));
        conditions.push(condition(FINALIZERS_REMAINING, "SomeFinalizersRemain", message, now));
    }
    conditions
}

/// Puts the conditions right, and says whether that changed any. Mirrors `updateConditions`.
fn update_conditions(stored: &mut Vec<NamespaceCondition>, new: Vec<NamespaceCondition>, now: Time) -> bool {
    let mut changed = false;
    for (kind, reason, message) in CONDITIONS {
        let mut wanted = match new.iter().find(|c| c.type_ == kind) {
            Some(found) => found.clone(),
            None => NamespaceCondition { status: "False".into(), ..condition(kind, reason, message.to_string(), now) },
        };
        match stored.iter_mut().find(|c| c.type_ == kind) {
            None => {
                stored.push(wanted);
                changed = true;
            }
            Some(there) => {
                if there.status == wanted.status {
                    wanted.last_transition_time = there.last_transition_time.clone();
                }
                changed |= *there != wanted;
                *there = wanted;
            }
        }
    }
    changed
}
