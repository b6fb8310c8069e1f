//! DaemonSets: a pod on every node that it suits.
//!
//! Mirrors `pkg/controller/daemon`.

mod history;
mod pods_on_nodes;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::k8s::api::apps::v1::{DaemonSet, DaemonSetStatus};
use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::pods::{self, PodControl, is_available, is_ready};
use crate::controllers::{Action, Controller, Outcome, Write};
use crate::store::{Change, View};
use history::Histories;
use pods_on_nodes::{Daemons, node_should_run_daemon_pod};

const COMPONENT: &str = "daemonset-controller";

/// The controller of DaemonSets.
pub(super) struct DaemonSetsController;

impl Controller for DaemonSetsController {
    fn name(&self) -> &'static str {
        "daemonset"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::DaemonSet => enqueue(change.key.clone()),
            Kind::Pod => pods::enqueue_owners(view, change, Kind::DaemonSet, selector_of, enqueue),
            Kind::Node if concerns_daemons(change) => view.list(Kind::DaemonSet).for_each(|d| enqueue(d.key())),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(owner) = view.get(key) else { return Outcome::done() };
        let (Some(set), Some(selector)) = (owner.get::<DaemonSet>(), selector_of(owner)) else {
            return Outcome::done();
        };
        let mut outcome = Outcome::done();
        if selector.is_everything() {
            let message = "This daemon set is selecting all pods. A non-empty selector is required.";
            outcome.push(pods::warning(owner, COMPONENT, "SelectingAll", message));
            return outcome;
        }
        if owner.is_terminating() {
            return outcome;
        }
        let claimed = pods::claim_pods(view, owner, &selector, |_| true, |_| true);
        outcome.actions = claimed.actions;
        let found = Histories::construct(view, owner, set, &selector);
        let nodes: Vec<&Node> = view.list_as::<Node>().collect();
        let daemons = Daemons::new(set, &claimed.objects, &nodes, found.hash(), now);
        let status = status_of(set, &daemons, found.collision_count);

        let write = status_write(owner, set, &status);
        let on_failure = write.clone();
        let control = PodControl::new(owner, COMPONENT, move |error, _| {
            on_failure.clone().map(Write::action).into_iter().chain([Action::Fail(error.clone())]).collect()
        });
        let (current, clean_up) = (found.actions, found.clean_up);
        outcome.actions.extend(current);
        daemons.manage(view, owner, &control, &mut outcome);
        outcome.actions.extend(clean_up);
        outcome.actions.extend(write.map(Write::action));
        let min_ready = set.spec.as_ref().and_then(|s| s.min_ready_seconds).unwrap_or(0);
        if min_ready > 0 && Some(status.number_ready) != status.number_available.or(Some(0)) {
            outcome.after(Duration::secs(min_ready.into()));
        }
        outcome
    }
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<DaemonSet>()?.spec.as_ref()?;
    Selector::from_label_selector(Some(&spec.selector)).ok()
}

/// Whether a node came or went, or changed in what decides where daemons run.
fn concerns_daemons(change: &Change) -> bool {
    let suits = |object: &Arc<Object>| {
        let spec = object.get::<Node>().and_then(|n| n.spec.clone()).unwrap_or_default();
        (object.meta().labels.clone(), spec.taints, spec.unschedulable)
    };
    change.old.as_ref().map(suits) != change.new.as_ref().map(suits)
}

/// Counts nodes and pods. Mirrors `updateDaemonSetStatus`.
fn status_of(set: &DaemonSet, daemons: &Daemons<'_>, collision_count: Option<i32>) -> DaemonSetStatus {
    let min_ready = set.spec.as_ref().and_then(|s| s.min_ready_seconds).unwrap_or(0);
    let (mut desired, mut current, mut misscheduled) = (0, 0, 0);
    let (mut ready, mut updated, mut available) = (0, 0, 0);
    for node in daemons.nodes {
        let scheduled = daemons.oldest_on(node);
        let (should_run, _) = node_should_run_daemon_pod(set, node);
        if !should_run {
            misscheduled += i32::from(scheduled.is_some());
            continue;
        }
        desired += 1;
        let Some(pod) = scheduled else { continue };
        current += 1;
        ready += i32::from(is_ready(pod));
        available += i32::from(is_available(pod, min_ready, daemons.now));
        updated += i32::from(daemons.is_updated(pod));
    }
    let shown = |n: i32| Some(n).filter(|n| *n != 0);
    DaemonSetStatus {
        current_number_scheduled: current,
        number_misscheduled: misscheduled,
        desired_number_scheduled: desired,
        number_ready: ready,
        observed_generation: set.metadata.generation,
        updated_number_scheduled: shown(updated),
        number_available: shown(available),
        number_unavailable: shown(desired - available),
        collision_count,
        conditions: set.status.as_ref().and_then(|s| s.conditions.clone()),
    }
}

fn status_write(owner: &Object, set: &DaemonSet, status: &DaemonSetStatus) -> Option<Write> {
    (set.status.as_ref() != Some(status)).then(|| {
        let mut object = owner.clone();
        if let Some(set) = object.get_mut::<DaemonSet>() {
            set.status = Some(status.clone());
        }
        Write::update_status(object)
    })
}

/// Pods by the node that they are on or meant for.
type PodsByNode<'a> = BTreeMap<String, Vec<&'a Pod>>;
