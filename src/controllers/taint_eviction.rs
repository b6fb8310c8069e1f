//! Evicts pods from nodes whose NoExecute taints they do not tolerate, or no longer tolerate.
//!
//! Mirrors `pkg/controller/tainteviction/taint_eviction.go`.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{Node, Pod, Taint, Toleration};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::pods::with_disruption_target;
use crate::controllers::scheduler::taints::tolerates;
use crate::controllers::{About, Controller, Deletion, EventDraft, Outcome, Write};
use crate::kinds::shared::access::items;
use crate::store::{Change, Index, View};

/// Who says the controller's events.
const COMPONENT: &str = "taint-eviction-controller";

/// See the module.
pub(super) struct TaintEvictionController;

impl Controller for TaintEvictionController {
    fn name(&self) -> &'static str {
        "taint-eviction"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Node => {
                let taints = |object: Option<&Object>| object.and_then(|o| o.get::<Node>()).map(no_execute_taints);
                if taints(change.old.as_deref()) != taints(change.new.as_deref()) {
                    enqueue(change.key.clone());
                }
            }
            Kind::Pod => {
                let facts = |object: Option<&Object>| {
                    let spec = object?.get::<Pod>()?.spec.as_ref()?;
                    Some((spec.node_name.clone()?, spec.tolerations.clone()))
                };
                let new = facts(change.new.as_deref());
                if new != facts(change.old.as_deref())
                    && let Some((node, _)) = new
                {
                    enqueue(ObjectKey::cluster(Kind::Node, node));
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let note = format!("evictions/{}", key.name);
        let planned: BTreeSet<String> =
            view.note(&note).unwrap_or_default().split(' ').filter(|uid| !uid.is_empty()).map(String::from).collect();
        let node = view.get(key).and_then(|o| o.get::<Node>());
        let taints = node.map(no_execute_taints).unwrap_or_default();
        let mut plans: BTreeSet<String> = BTreeSet::new();
        let mut next: Option<Time> = None;
        for object in view.indexed(Kind::Pod, Index::Node, &key.name) {
            let Some(pod) = object.get::<Pod>() else { continue };
            if object.is_terminating() {
                continue;
            }
            match eviction_time(pod, &taints) {
                Some(time) if time <= now => evict(object, pod, now, &mut outcome),
                Some(time) => {
                    plans.insert(object.uid().to_string());
                    next = Some(next.map_or(time, |n| n.min(time)));
                }
                None if planned.contains(object.uid()) && node.is_some() => {
                    outcome.event(event(object, format!("Cancelling deletion of Pod {}", path(object))));
                }
                None => {}
            }
        }
        if plans != planned {
            outcome.note(note, plans.into_iter().collect::<Vec<_>>().join(" "));
        }
        if let Some(next) = next {
            outcome.recurring(next - now);
        }
        outcome
    }
}

fn no_execute_taints(node: &Node) -> Vec<Taint> {
    let taints = node.spec.as_ref().map(|s| items(&s.taints)).unwrap_or_default();
    taints.iter().filter(|t| t.effect == "NoExecute").cloned().collect()
}

fn path(object: &Object) -> String {
    format!("{}/{}", object.namespace(), object.name())
}

/// Events of this controller name a pod without its uid.
fn event(object: &Object, message: String) -> EventDraft {
    let about =
        About { key: object.key(), uid: String::new(), resource_version: String::new(), field_path: String::new() };
    EventDraft::normal(about, COMPONENT, "TaintManagerEviction", message)
}

/// When a pod must go; none where it may stay for ever.
fn eviction_time(pod: &Pod, taints: &[Taint]) -> Option<Time> {
    if taints.is_empty() {
        return None;
    }
    let tolerations = pod.spec.as_ref().map(|s| items(&s.tolerations)).unwrap_or_default();
    let mut used: Vec<&Toleration> = Vec::new();
    let since = taints.iter().filter_map(|t| t.time_added.as_ref()).map(Time::from_meta).min();
    let conditions = pod.status.as_ref().map(|s| items(&s.conditions)).unwrap_or_default();
    let bound = conditions.iter().find(|c| c.type_ == "PodScheduled").and_then(|c| c.last_transition_time.as_ref());
    let start = since.max(bound.map(Time::from_meta)).unwrap_or_default();
    for taint in taints {
        match tolerations.iter().find(|t| tolerates(t, taint)) {
            Some(toleration) => used.push(toleration),
            None => return Some(Time::default()),
        }
    }
    let least = used.iter().filter_map(|t| t.toleration_seconds).min()?;
    Some(start + Duration::secs(least.max(0)))
}

fn evict(object: &Object, pod: &Pod, now: Time, outcome: &mut Outcome) {
    outcome.event(event(object, format!("Marking for deletion Pod {}", path(object))));
    let reason = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint");
    outcome.write(Write::update_status(with_disruption_target(pod, reason, now)));
    outcome.write(Write::Delete(Deletion::of(object)));
}
