//! The scheduler: finds a node for each pod that has none.
//!
//! Mirrors `pkg/scheduler/schedule_one.go` and its default plugins. A pod that fits nowhere is tried again when
//! something happens that may help it (`Index::Unschedulable` says what would), not on a timer.

mod binding;
pub mod explain;
mod filters;
mod framework;
mod hints;
mod inter_pod_affinity;
mod preemption;
mod scores;
pub(crate) mod taints;
mod topology_spread;
mod volume_binding;
mod volume_limits;
mod volume_restrictions;
mod volume_zone;

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Node, PersistentVolume, Pod, PodCondition};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{About, Action, Controller, EventDraft, Outcome, Requeue, Write};
use crate::store::load::NodeLoad;
use crate::store::{Change, Index, View};
use binding::{Binding, Stage};
use filters::{check_node, check_ports, check_resources};
use framework::{Cycle, Diagnosis, NodeInfo, Rejection};
use inter_pod_affinity::Affinities;
use preemption::Preemption;
use topology_spread::Spread;
use volume_binding::{PodVolumeClaims, PodVolumes};

/// The scheduler's name, as pods ask for it and as its events name it.
const NAME: &str = "default-scheduler";

/// Which of several schedulers it is.
const INSTANCE: &str = "default-scheduler-vm";

/// Pods that fit nowhere are tried again at least that often: `podMaxInUnschedulablePodsDuration`.
const FLUSH: Duration = Duration::secs(300);

/// How many pods that fit nowhere are tried again in that time.
const FLUSHED_AT_ONCE: usize = 250;

/// The longest note of an event.
const NOTE_MAX: usize = 1024;

/// See the module.
pub struct Scheduler;

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let (old, new) = (change.old.as_deref(), change.new.as_deref());
        match change.key.kind {
            Kind::Pod => on_pod(view, old, new, enqueue),
            Kind::Node => {
                if new.is_none() {
                    view.indexed(Kind::Pod, Index::Nominated, &change.key.name).for_each(|pod| enqueue(pod.key()));
                }
                if old.is_none() != new.is_none() || nodes_differ(old, new) {
                    let (before, after) = (old.and_then(Object::get::<Node>), new.and_then(Object::get::<Node>));
                    wake_if(view, "node", enqueue, |waiting| {
                        let pod = waiting.get::<Pod>();
                        pod.zip(after).is_none_or(|(pod, node)| hints::node_may_help(pod, before, node))
                    });
                }
            }
            Kind::PersistentVolumeClaim => {
                let claim = format!("{}/{}", change.key.namespace, change.key.name);
                wake_users(view, &claim, enqueue, |_| true);
            }
            Kind::PersistentVolume => on_volume(view, old, new, enqueue),
            Kind::CSINode => wake_if(view, "pod", enqueue, hints::waits_for_volume_limits),
            Kind::VolumeAttachment if new.is_none() => {
                wake_if(view, "pod", enqueue, hints::waits_for_volume_limits);
            }
            Kind::StorageClass | Kind::CSIStorageCapacity | Kind::CSIDriver => {
                wake(view, "volume", enqueue);
                wake(view, "claim", enqueue);
            }
            _ => {}
        }
    }

    fn looks_first(&self, change: &Change) -> bool {
        // The binder has yet to bind a new volume when the scheduler hears of it.
        change.key.kind == Kind::PersistentVolume && change.old.is_none()
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key).filter(|o| is_ours(o)) else {
            binding::forget(view, key, &mut outcome);
            return outcome;
        };
        let Some(cycle) = Cycle::new(view, object) else { return outcome };
        if cycle.spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
            return outcome;
        }
        let binding = Binding::of(view, object);
        match binding.stage(view, &key.namespace, now) {
            Stage::Idle => return schedule_one(&cycle, binding, now),
            Stage::BacksOff(wait) | Stage::Waits(wait) => outcome.recurring(wait),
            Stage::Bound(node) => {
                binding::forget(view, key, &mut outcome);
                bind(&cycle, &node, &mut outcome);
            }
            Stage::Failed(message) => {
                let unfit = Unfit { reason: "SchedulerError", ..Unfit::new(message) };
                outcome = fail(&cycle, &unfit, now);
                let wait = binding.fail(object, now, &mut outcome);
                outcome.requeue = Some(Requeue::Recurring(wait));
            }
        }
        outcome
    }
}

/// Whether a pod waits for this scheduler.
fn is_ours(object: &Object) -> bool {
    let spec = object.get::<Pod>().and_then(|p| p.spec.as_ref());
    !object.is_terminating()
        && spec.is_some_and(|s| {
            s.node_name.as_deref().unwrap_or_default().is_empty() && s.scheduler_name.as_deref().unwrap_or(NAME) == NAME
        })
}

fn spec_of(object: Option<&Object>) -> Option<&crate::api::k8s::api::core::v1::PodSpec> {
    object?.get::<Pod>()?.spec.as_ref()
}

fn on_pod(view: &View<'_>, old: Option<&Object>, new: Option<&Object>, enqueue: &mut dyn FnMut(ObjectKey)) {
    if let Some(pod) = new.filter(|pod| is_ours(pod)) {
        let same = old.is_some_and(|old| {
            spec_of(Some(old)) == spec_of(new) && old.meta().labels == pod.meta().labels && old.uid() == pod.uid()
        });
        if !same {
            enqueue(pod.key());
        }
        return;
    }
    let takes_room = |object: Option<&Object>| {
        let pod = object.and_then(|o| o.get::<Pod>());
        let status = pod.and_then(|p| p.status.as_ref());
        let ended = matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
        let bound = spec_of(object).is_some_and(|s| s.node_name.is_some());
        pod.is_some() && !ended && (bound || status.is_some_and(|s| s.nominated_node_name.is_some()))
    };
    if takes_room(old) && !takes_room(new) {
        let helps = |waiting: &Object| hints::pod_may_help(view, waiting, old, None);
        wake_if(view, "pod", enqueue, helps);
        wake_if(view, "affinity", enqueue, helps);
        return;
    }
    let is_bound = |object: Option<&Object>| spec_of(object).is_some_and(|s| s.node_name.is_some());
    let labels_differ = || old.and_then(|o| o.meta().labels.as_ref()) != new.and_then(|o| o.meta().labels.as_ref());
    if is_bound(new) && (!is_bound(old) || labels_differ()) {
        let before = old.filter(|_| is_bound(old));
        wake_if(view, "affinity", enqueue, |waiting| hints::pod_may_help(view, waiting, before, new));
    }
}

fn nodes_differ(old: Option<&Object>, new: Option<&Object>) -> bool {
    let part = |object: Option<&Object>| {
        let node = object?.get::<Node>()?;
        let allocatable = node.status.as_ref().and_then(|s| s.allocatable.clone());
        Some((node.spec.clone(), node.metadata.labels.clone(), allocatable))
    };
    part(old) != part(new)
}

fn on_volume(view: &View<'_>, old: Option<&Object>, new: Option<&Object>, enqueue: &mut dyn FnMut(ObjectKey)) {
    let Some(new) = new.and_then(Object::get::<PersistentVolume>) else { return };
    let old = old.and_then(Object::get::<PersistentVolume>);
    let helps = |waiting: &Object| hints::volume_may_help(waiting, old, new);
    if let Some(claim) = new.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) {
        let of = |part: &Option<String>| part.clone().unwrap_or_default();
        let claim = format!("{}/{}", of(&claim.namespace), of(&claim.name));
        wake_users(view, &claim, enqueue, helps);
    }
    wake_if(view, "volume", enqueue, helps);
}

/// Looks again at the pods that such a change may help, the most important ones first.
fn wake(view: &View<'_>, help: &str, enqueue: &mut dyn FnMut(ObjectKey)) {
    wake_if(view, help, enqueue, |_| true);
}

/// The same, for those that the change may help when looked at closely.
fn wake_if(view: &View<'_>, help: &str, enqueue: &mut dyn FnMut(ObjectKey), may_help: impl Fn(&Object) -> bool) {
    let pods = view.indexed(Kind::Pod, Index::Unschedulable, help);
    let mut pods: Vec<_> = pods.filter(|pod| may_help(pod)).collect();
    pods.sort_by_key(|pod| std::cmp::Reverse(spec_of(Some(pod)).and_then(|s| s.priority).unwrap_or(0)));
    pods.into_iter().for_each(|pod| enqueue(pod.key()));
}

/// Looks again at the pods without a node that use a claim.
fn wake_users(view: &View<'_>, claim: &str, enqueue: &mut dyn FnMut(ObjectKey), may_help: impl Fn(&Object) -> bool) {
    let pods = view.indexed(Kind::Pod, Index::PodClaim, claim).filter(|pod| is_ours(pod) && may_help(pod));
    pods.for_each(|pod| enqueue(pod.key()));
}

/// Tries to place one pod.
fn schedule_one(cycle: &Cycle<'_>, binding: Binding, now: Time) -> Outcome {
    match find_node(cycle) {
        Ok((node, volumes, all_bound)) => place(cycle, node, &volumes, all_bound, binding, now),
        Err(unfit) => fail(cycle, &unfit, now),
    }
}

/// Why no node takes a pod, and what is done about it.
struct Unfit<'a> {
    message: String,
    /// The reason of the pod's condition.
    reason: &'static str,
    nominated: Nominated<'a>,
    victims: Vec<&'a Arc<Object>>,
}

/// What becomes of the node that a pod is meant for.
enum Nominated<'a> {
    Stays,
    Gone,
    Is(&'a str),
}

impl Unfit<'_> {
    fn new(message: String) -> Self {
        Unfit { message, reason: "Unschedulable", nominated: Nominated::Gone, victims: Vec::new() }
    }
}

/// The node for a pod, and what its volumes need there.
fn find_node<'a>(cycle: &Cycle<'a>) -> Result<(&'a str, PodVolumes<'a>, bool), Unfit<'a>> {
    if cycle.view.len(Kind::Node) == 0 {
        return Err(Unfit::new("no nodes available to schedule pods".into()));
    }
    let mut diagnosis = Diagnosis::default();
    let refuse = |reason: String| {
        // OBSERVATION: DynamicResources, which has a say when nothing fits, has not been asked before.
        let diagnosis = Diagnosis { pre_filter: Some(reason), post_filter: "not found".into(), ..Default::default() };
        Unfit::new(diagnosis.message(cycle.nodes().len()))
    };
    let named = filters::named_nodes(cycle).map_err(refuse)?;
    let claims = volume_binding::pod_volume_claims(cycle).map_err(refuse)?;
    let spread = Spread::new(cycle);
    let affinities = Affinities::new(cycle);
    let check = |info: &NodeInfo<'a>| check(cycle, info, &claims, &spread, &affinities);
    let nominated = cycle.pod.status.as_ref().and_then(|s| s.nominated_node_name.as_deref());
    if let Some(info) = nominated.and_then(|name| cycle.nodes().iter().find(|info| info.name == name))
        && let Ok(volumes) = check(info)
    {
        return Ok((info.name, volumes, claims.all_bound));
    }
    let mut feasible: Vec<NodeInfo<'a>> = Vec::with_capacity(cycle.nodes().len());
    let mut volumes: Vec<PodVolumes<'a>> = Vec::with_capacity(cycle.nodes().len());
    let mut rejected = Vec::new();
    for info in cycle.nodes() {
        if named.as_ref().is_some_and(|names| !names.contains(info.name)) {
            diagnosis.absent = Some("node(s) didn't satisfy plugin(s) [NodeAffinity]".into());
            continue;
        }
        match check(info) {
            Ok(found) => {
                feasible.push(info.clone());
                volumes.push(found);
            }
            Err(rejection) => rejected.push((info.name, rejection)),
        }
    }
    match scores::best(cycle, &feasible) {
        Some(best) => {
            let at = feasible.iter().position(|info| info.name == best).unwrap_or_default();
            Ok((best, volumes.swap_remove(at), claims.all_bound))
        }
        None => {
            diagnosis.nodes.extend(rejected.into_iter().map(|(node, rejection)| (node.to_string(), rejection)));
            Err(make_room(cycle, diagnosis))
        }
    }
}

/// Sees whether ending other pods would help.
fn make_room<'a>(cycle: &Cycle<'a>, mut diagnosis: Diagnosis) -> Unfit<'a> {
    let (nominated, victims, preemption) = match preemption::preempt(cycle, &diagnosis.nodes) {
        Preemption::Victims(node, victims) => (Nominated::Is(node), victims, None),
        Preemption::NotEligible(why) => (Nominated::Stays, Vec::new(), Some(why.to_string())),
        Preemption::Hopeless(why) => (Nominated::Gone, Vec::new(), Some(why)),
    };
    if let Some(why) = preemption {
        diagnosis.post_filter = format!("no new claims to deallocate, preemption: {why}");
    }
    Unfit { nominated, victims, ..Unfit::new(diagnosis.message(cycle.nodes().len())) }
}

/// Asks all plugins, in their order, whether a node does.
fn check<'a>(
    cycle: &Cycle<'a>,
    info: &NodeInfo<'a>,
    claims: &PodVolumeClaims<'a>,
    spread: &Spread<'_>,
    affinities: &Affinities<'_>,
) -> Result<PodVolumes<'a>, Rejection> {
    let with_nominated = with_nominated(cycle, info);
    let load = with_nominated.as_ref().or(cycle.load(info));
    check_node(cycle, info)?;
    check_ports(cycle, load)?;
    check_resources(cycle, info, load)?;
    volume_restrictions::check_restrictions(cycle, info, claims)?;
    volume_limits::check_limits(cycle, info)?;
    let volumes = volume_binding::find_pod_volumes(cycle, claims, info)?;
    volume_zone::check_zones(&claims.topologies, info)?;
    spread.check(cycle, info)?;
    affinities.check(info)?;
    Ok(volumes)
}

/// The node's load together with the pods that are meant for it and are no less important than this one; none when
/// there are no such pods.
fn with_nominated(cycle: &Cycle<'_>, info: &NodeInfo<'_>) -> Option<NodeLoad> {
    let nominated = info.nominated?;
    let important = nominated.priorities.range(cycle.priority()..).next().is_some();
    if !important {
        return None;
    }
    // Only what the filters look at: this is asked of every node for every pod.
    let mut load = cycle.load(info).map_or_else(NodeLoad::default, |load| NodeLoad {
        requested: load.requested.clone(),
        ports: load.ports.clone(),
        pods: load.pods,
        ..NodeLoad::default()
    });
    let alike = nominated.priorities.range(..cycle.priority()).next().is_none();
    let own = cycle.pod.status.as_ref().and_then(|s| s.nominated_node_name.as_deref()) == Some(info.name);
    if alike {
        load.requested.add(&nominated.requested);
        load.pods += nominated.pods;
        nominated.ports.iter().for_each(|(port, n)| *load.ports.entry(port.clone()).or_insert(0) += n);
        if own {
            load.count(cycle.pod, false);
        }
        return Some(load);
    }
    for other in cycle.view.indexed(Kind::Pod, Index::Nominated, info.name) {
        if let Some(pod) = other.get::<Pod>()
            && let Some(spec) = &pod.spec
            && spec.priority.unwrap_or(0) >= cycle.priority()
            && other.uid() != cycle.object.uid()
        {
            load.count(pod, true);
        }
    }
    Some(load)
}

/// Binds the pod to its node, or first what its claims need there.
fn place(
    cycle: &Cycle<'_>,
    node: &str,
    volumes: &PodVolumes<'_>,
    all_bound: bool,
    binding: Binding,
    now: Time,
) -> Outcome {
    let mut outcome = Outcome::done();
    if all_bound {
        binding::forget(cycle.view, &cycle.object.key(), &mut outcome);
        bind(cycle, node, &mut outcome);
    } else {
        nominate(cycle, node, &mut outcome);
        volume_binding::bind_pod_volumes(volumes, node, &mut outcome);
        binding.begin(cycle, node, volumes, now, &mut outcome);
    }
    outcome
}

/// Binds the pod to its node.
fn bind(cycle: &Cycle<'_>, node: &str, outcome: &mut Outcome) {
    let about = About::object(cycle.object);
    let message = format!("Successfully assigned {}/{} to {node}", cycle.namespace(), cycle.object.name());
    let bind = Write::Bind { pod: cycle.object.key(), node: node.to_string() };
    outcome.push(bind.then(move |answer| match answer {
        Ok(_) => vec![Action::Event(EventDraft::normal(about, NAME, "Scheduled", message).on(INSTANCE))],
        Err(_) => Vec::new(),
    }));
}

/// Says on the pod which node it is meant for, since binding takes a while.
fn nominate(cycle: &Cycle<'_>, node: &str, outcome: &mut Outcome) {
    let mut pod = cycle.pod.clone();
    let status = pod.status.get_or_insert_default();
    if status.nominated_node_name.as_deref() != Some(node) {
        status.nominated_node_name = Some(node.to_string());
        outcome.write(Write::update_status(pod));
    }
}

/// Notes that a pod fits nowhere. Mirrors `handleSchedulingFailure`.
fn fail(cycle: &Cycle<'_>, unfit: &Unfit<'_>, now: Time) -> Outcome {
    let message = unfit.message.as_str();
    let mut outcome = Outcome::done();
    let note = match message.char_indices().nth(NOTE_MAX) {
        Some(_) => message.chars().take(NOTE_MAX - 4).chain(" ...".chars()).collect(),
        None => message.to_string(),
    };
    let about = About::object(cycle.object);
    outcome.event(EventDraft::warning(about, NAME, "FailedScheduling", note).on(INSTANCE));
    let mut pod = cycle.pod.clone();
    let generation = pod.metadata.generation;
    let status = pod.status.get_or_insert_default();
    match unfit.nominated {
        Nominated::Stays => {}
        Nominated::Gone => status.nominated_node_name = None,
        Nominated::Is(node) => status.nominated_node_name = Some(node.to_string()),
    }
    let conditions = status.conditions.get_or_insert_default();
    let old = conditions.iter().find(|c| c.type_ == "PodScheduled");
    let since = old.filter(|c| c.status == "False").and_then(|c| c.last_transition_time.clone());
    let waited = since.as_ref().map_or(Duration::ZERO, |since| now - Time::from_meta(since));
    let condition = PodCondition {
        type_: "PodScheduled".into(),
        status: "False".into(),
        reason: Some(unfit.reason.into()),
        message: Some(unfit.message.clone()),
        last_transition_time: since.or_else(|| Some(now.meta())),
        observed_generation: generation,
        ..Default::default()
    };
    match conditions.iter_mut().find(|c| c.type_ == "PodScheduled") {
        Some(slot) => *slot = condition,
        None => conditions.push(condition),
    }
    if Some(&pod) != cycle.object.get::<Pod>() {
        outcome.write(Write::update_status(pod));
    }
    if let Nominated::Is(node) = unfit.nominated {
        preemption::end(cycle, node, &unfit.victims, now, &mut outcome);
    }
    let waiting = cycle.view.count(Kind::Pod, Index::Unschedulable, "node");
    outcome.recurring(flush(waited, waiting));
    outcome
}

/// When a pod that fits nowhere is tried again though nothing has happened that may help it. Who has waited for very
/// long waits a part of that time more; and of very many only so many are tried at once.
fn flush(waited: Duration, waiting: usize) -> Duration {
    let crowd = i64::try_from(waiting / FLUSHED_AT_ONCE).unwrap_or(i64::MAX).max(1);
    Duration(FLUSH.0.max(waited.0 / 4).saturating_mul(crowd))
}
