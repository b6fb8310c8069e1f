//! Disruption budgets: how many pods of an application may go at once.
//!
//! Mirrors `pkg/controller/disruption`. Keys are budgets, and pods that need a word of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Pod, PodCondition};
use crate::api::k8s::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::Time as MetaTime;
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::object::controller_of;
use crate::api::selector::go_selector;
use crate::api::{Duration, Kind, Object, ObjectKey, OwnerReference, Time};
use crate::controllers::pods::{is_ready, is_terminal, is_terminating, normal, warning};
use crate::controllers::{Action, Controller, Outcome, Write};
use crate::kinds::policy::disruption::{guards, selector_of, set_condition};
use crate::kinds::shared::workload::scaled_value;
use crate::store::{Change, View};

const COMPONENT: &str = "controllermanager";

/// The condition of a pod that is about to be disrupted.
const DISRUPTION_TARGET: &str = "DisruptionTarget";

/// How long an evicted pod counts as gone though it is still there.
const DELETION_TIMEOUT: Duration = Duration::minutes(2);

/// How long a pod that was to be disrupted keeps the condition when it stays.
const STALE_DISRUPTION_TIMEOUT: Duration = Duration::minutes(2);

/// The controller of PodDisruptionBudgets.
pub(super) struct DisruptionController;

impl Controller for DisruptionController {
    fn name(&self) -> &'static str {
        "disruption"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::PodDisruptionBudget => enqueue(change.key.clone()),
            Kind::Pod => {
                let Some(pod) = change.new.as_ref().or(change.old.as_ref()) else { return };
                let budgets = budgets_of(view, pod);
                budgets.first().iter().for_each(|b| enqueue(b.key()));
                let stale = change.new.as_ref().and_then(|p| p.get::<Pod>()).is_some_and(|p| stale_since(p).is_some());
                if budgets.len() > 1 || stale {
                    enqueue(change.key.clone());
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(object) = view.get(key) else { return Outcome::done() };
        match (object.get::<Pod>(), object.get::<PodDisruptionBudget>()) {
            (Some(pod), _) => look_at_pod(view, object, pod, now),
            (None, Some(budget)) => sync(view, object, budget, now),
            (None, None) => Outcome::done(),
        }
    }
}

/// The budgets that select a pod, by name. Mirrors `GetPodPodDisruptionBudgets`.
fn budgets_of<'a>(view: &View<'a>, pod: &'a Object) -> Vec<&'a Arc<Object>> {
    view.list_in(Kind::PodDisruptionBudget, pod.namespace()).filter(|budget| guards(budget, pod)).collect()
}

/// Since when a pod has been about to be disrupted, though nothing happens to it.
fn stale_since(pod: &Pod) -> Option<Time> {
    if is_terminating(&pod.metadata) || is_terminal(pod) {
        return None;
    }
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let target = conditions.iter().find(|c| c.type_ == DISRUPTION_TARGET && c.status == "True")?;
    if target.reason.as_deref() == Some("TerminationByKubelet") {
        return None;
    }
    Some(target.last_transition_time.as_ref().map_or(Time(0), Time::from_meta))
}

fn look_at_pod(view: &View<'_>, object: &Arc<Object>, pod: &Pod, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let budgets = budgets_of(view, object);
    if let [chosen, _, ..] = budgets.as_slice() {
        let message = format!(
            "Pod {:?}/{:?} matches multiple PodDisruptionBudgets.  Chose {:?} arbitrarily.",
            object.namespace(),
            object.name(),
            chosen.name()
        );
        outcome.push(warning(object, COMPONENT, "MultiplePodDisruptionBudgets", message));
    }
    let Some(since) = stale_since(pod) else { return outcome };
    let due = since + STALE_DISRUPTION_TIMEOUT;
    if now < due {
        outcome.recurring(due - now);
        return outcome;
    }
    let mut pod = pod.clone();
    let conditions = pod.status.iter_mut().flat_map(|s| s.conditions.iter_mut().flatten());
    for condition in conditions.filter(|c| c.type_ == DISRUPTION_TARGET) {
        *condition = PodCondition {
            type_: DISRUPTION_TARGET.into(),
            status: "False".into(),
            last_transition_time: Some(now.meta()),
            observed_generation: condition.observed_generation,
            ..Default::default()
        };
    }
    outcome.write(Write::update_status(pod));
    outcome
}

/// Counts a budget's pods. Mirrors `trySync`.
fn sync(view: &View<'_>, object: &Arc<Object>, budget: &PodDisruptionBudget, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let selector = selector_of(budget);
    let selected = view.list_in(Kind::Pod, object.namespace()).filter(|p| selector.matches(&p.meta().labels));
    let pods: Vec<&Arc<Object>> = selected.collect();
    if pods.is_empty() {
        outcome.push(normal(object, COMPONENT, "NoPods", "No matching pods found"));
    }
    let spec = budget.spec.clone().unwrap_or_default();
    let expected = match get_expected_pod_count(view, &spec, &pods) {
        Ok(expected) => expected,
        Err(fault) => {
            let message = format!("Failed to calculate the number of expected pods: {fault}");
            outcome.push(warning(object, COMPONENT, "CalculateExpectedPodCountFailed", message));
            outcome.actions.extend(fail_safe(budget, &fault, now));
            return outcome;
        }
    };
    if expected.unmanaged {
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status \
             of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these \
             pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
            go_selector(spec.selector.as_ref())
        );
        outcome.push(warning(object, COMPONENT, "UnmanagedPods", message));
    }

    let old = budget.status.clone().unwrap_or_default();
    let mut disrupted = BTreeMap::new();
    let mut recheck: Option<Time> = None;
    for pod in pods.iter().filter(|p| !p.is_terminating()) {
        let Some(since) = old.disrupted_pods.as_ref().and_then(|d| d.get(pod.name())) else { continue };
        let due = Time::from_meta(since) + DELETION_TIMEOUT;
        if due < now {
            let message = format!("Pod was expected by PDB {0}/{0} to be deleted but it wasn't", object.namespace());
            outcome.push(warning(pod, COMPONENT, "NotDeleted", message));
        } else {
            recheck = Some(recheck.map_or(due, |r| r.min(due)));
            disrupted.insert(pod.name().to_string(), since.clone());
        }
    }
    let healthy = count_healthy_pods(&pods, &disrupted, now);
    outcome.actions.extend(status_write(budget, &old, &expected, healthy, disrupted, now));
    if let Some(due) = recheck {
        outcome.recurring(due - now);
    }
    outcome
}

/// How many pods there should be, and how many of them healthy.
struct Expected {
    pods: i32,
    healthy: i32,
    unmanaged: bool,
}

fn get_expected_pod_count(
    view: &View<'_>,
    spec: &PodDisruptionBudgetSpec,
    pods: &[&Arc<Object>],
) -> Result<Expected, String> {
    match (&spec.max_unavailable, &spec.min_available) {
        (Some(max), _) => {
            let (count, unmanaged) = get_expected_scale(view, pods)?;
            Ok(Expected { pods: count, healthy: (count - scaled_value(max, count, true)).max(0), unmanaged })
        }
        (None, Some(IntOrString::Int(min))) => {
            let count = i32::try_from(pods.len()).unwrap_or(i32::MAX);
            Ok(Expected { pods: count, healthy: *min, unmanaged: false })
        }
        (None, Some(min)) => {
            let (count, unmanaged) = get_expected_scale(view, pods)?;
            Ok(Expected { pods: count, healthy: scaled_value(min, count, true), unmanaged })
        }
        (None, None) => Ok(Expected { pods: 0, healthy: 0, unmanaged: false }),
    }
}

/// The sizes of all that control some of the pods, in sum, and whether nobody controls one of them.
fn get_expected_scale(view: &View<'_>, pods: &[&Arc<Object>]) -> Result<(i32, bool), String> {
    let mut scales: BTreeMap<String, i32> = BTreeMap::new();
    let mut unmanaged = false;
    for pod in pods {
        let Some(controller) = controller_of(pod.meta()) else {
            unmanaged = true;
            continue;
        };
        if scales.contains_key(&controller.uid) {
            continue;
        }
        let (uid, scale) = scale_of(view, controller, pod.namespace())?
            .ok_or_else(|| format!("found no controllers for pod {:?}", pod.name()))?;
        scales.insert(uid, scale);
    }
    Ok((scales.values().sum(), unmanaged))
}

/// The controller's size; for a ReplicaSet of a Deployment the Deployment's. Mirrors the controller's `finders`.
fn scale_of(view: &View<'_>, controller: &OwnerReference, namespace: &str) -> Result<Option<(String, i32)>, String> {
    let group = controller.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let Some(kind) = Kind::from_group_kind(group, &controller.kind) else {
        let version = controller.api_version.rsplit('/').next().unwrap_or_default();
        let place = if group.is_empty() { version.to_string() } else { controller.api_version.clone() };
        return Err(format!("no matches for kind {:?} in version {place:?}", controller.kind));
    };
    let found = view.get(&ObjectKey::new(kind, namespace, &controller.name));
    let found = found.filter(|o| o.uid() == controller.uid);
    let scale = |object: &Arc<Object>| {
        let replicas = match &**object {
            Object::ReplicationController(o) => o.spec.as_ref()?.replicas,
            Object::ReplicaSet(o) => o.spec.as_ref()?.replicas,
            Object::StatefulSet(o) => o.spec.as_ref()?.replicas,
            Object::Deployment(o) => o.spec.as_ref()?.replicas,
            _ => return None,
        };
        Some((object.uid().to_string(), replicas.unwrap_or(0)))
    };
    match kind {
        Kind::ReplicaSet => {
            let Some(set) = found else { return Ok(None) };
            let parent = controller_of(set.meta()).filter(|c| c.kind == Kind::Deployment.name());
            let deployment =
                parent.and_then(|c| view.get(&ObjectKey::new(Kind::Deployment, namespace, &c.name)).map(|d| (c, d)));
            let deployment = deployment.filter(|(c, d)| c.uid == d.uid()).map(|(_, d)| d);
            // A set whose Deployment is gone still has a size of its own.
            Ok(scale(deployment.unwrap_or(set)))
        }
        Kind::ReplicationController | Kind::StatefulSet | Kind::Deployment => Ok(found.and_then(scale)),
        _ => Err(format!("{} does not implement the scale subresource", kind.resource())),
    }
}

fn count_healthy_pods(pods: &[&Arc<Object>], disrupted: &BTreeMap<String, MetaTime>, now: Time) -> i32 {
    let soon_gone = |name: &str| disrupted.get(name).is_some_and(|t| Time::from_meta(t) + DELETION_TIMEOUT > now);
    let healthy = pods
        .iter()
        .filter(|p| !p.is_terminating() && !soon_gone(p.name()))
        .filter(|p| p.get::<Pod>().is_some_and(is_ready));
    i32::try_from(healthy.count()).unwrap_or(i32::MAX)
}

/// The write of a status, where it is another. Mirrors `updatePdbStatus`.
fn status_write(
    budget: &PodDisruptionBudget,
    old: &PodDisruptionBudgetStatus,
    expected: &Expected,
    healthy: i32,
    disrupted: BTreeMap<String, MetaTime>,
    now: Time,
) -> Option<Action> {
    let allowed = if expected.pods <= 0 { 0 } else { (healthy - expected.healthy).max(0) };
    let mut status = PodDisruptionBudgetStatus {
        current_healthy: Some(healthy),
        desired_healthy: Some(expected.healthy),
        expected_pods: Some(expected.pods),
        disruptions_allowed: Some(allowed),
        disrupted_pods: Some(disrupted).filter(|d| !d.is_empty()),
        observed_generation: budget.metadata.generation,
        conditions: old.conditions.clone(),
    };
    let reason = if allowed > 0 { "SufficientPods" } else { "InsufficientPods" };
    set_condition(&mut status, allowed > 0, reason, "", now);
    (status != *old).then(|| {
        let mut budget = budget.clone();
        budget.status = Some(status);
        Write::update_status(budget).action()
    })
}

/// Allows nothing, since nothing is known for sure.
fn fail_safe(budget: &PodDisruptionBudget, fault: &str, now: Time) -> Option<Action> {
    let mut budget = budget.clone();
    let old = budget.status.clone().unwrap_or_default();
    let mut status = PodDisruptionBudgetStatus { disruptions_allowed: Some(0), ..old.clone() };
    set_condition(&mut status, false, "SyncFailed", fault, now);
    if status == old {
        return None;
    }
    budget.status = Some(status);
    Some(Write::update_status(budget).action())
}
