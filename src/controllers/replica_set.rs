//! ReplicaSets: so many pods of one template, whichever they are.
//!
//! Mirrors `pkg/controller/replicaset`. ReplicationControllers work the same way and share `sync`.

use std::rc::Rc;
use std::sync::Arc;

use crate::api::k8s::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use crate::api::k8s::api::core::v1::{Pod, PodTemplateSpec};
use crate::api::object::controller_of;
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::pods::{self, PodControl, is_active, is_available, is_ready, is_terminal, is_terminating};
use crate::controllers::{Action, Controller, Outcome, Write};
use crate::error::ApiError;
use crate::store::{Change, Index, View};

/// The most pods that one look creates or deletes.
const BURST_REPLICAS: usize = 500;

/// The condition that says that pods could not be made or deleted.
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The controller of ReplicaSets.
pub(super) struct ReplicaSetController;

impl Controller for ReplicaSetController {
    fn name(&self) -> &'static str {
        "replicaset"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::ReplicaSet => enqueue(change.key.clone()),
            Kind::Pod => pods::enqueue_owners(view, change, Kind::ReplicaSet, selector_of, enqueue),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(object) = view.get(key) else { return Outcome::done() };
        let (Some(set), Some(selector)) = (object.get::<ReplicaSet>(), selector_of(object)) else {
            return Outcome::done();
        };
        let Some(spec) = &set.spec else { return Outcome::done() };
        sync_replica_set(
            view,
            &Replicas {
                object,
                component: "replicaset-controller",
                wanted: spec.replicas.unwrap_or(1),
                min_ready: spec.min_ready_seconds.unwrap_or(0),
                selector,
                template: spec.template.clone().unwrap_or_default(),
                status: set.status.clone().unwrap_or_default(),
                counts_terminating: true,
                with_status: |object, status| {
                    if let Some(set) = object.get_mut::<ReplicaSet>() {
                        set.status = Some(status);
                    }
                },
            },
            now,
        )
    }
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<ReplicaSet>()?.spec.as_ref()?;
    Selector::from_label_selector(Some(&spec.selector)).ok()
}

/// A ReplicaSet or a ReplicationController.
pub(super) struct Replicas<'a> {
    /// The set as stored.
    pub(super) object: &'a Arc<Object>,
    /// Who its events come from.
    pub(super) component: &'static str,
    /// How many pods it wants.
    pub(super) wanted: i32,
    /// How many seconds a pod must be ready to be available.
    pub(super) min_ready: i32,
    /// Which pods are its own.
    pub(super) selector: Selector,
    /// What its pods are made from.
    pub(super) template: PodTemplateSpec,
    /// The status as stored.
    pub(super) status: ReplicaSetStatus,
    /// Whether the status counts pods that go.
    pub(super) counts_terminating: bool,
    /// Puts a status into the object.
    pub(super) with_status: fn(&mut Object, ReplicaSetStatus),
}

/// Brings the number of pods to what is wanted. Mirrors `syncReplicaSet`.
pub(super) fn sync_replica_set(view: &View<'_>, set: &Replicas<'_>, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    if let Some(wait) = pods::gather(view.count(Kind::Pod, Index::Owner, set.object.uid()), now) {
        outcome.postpone(wait);
        return outcome;
    }
    let claimed = pods::claim_pods(view, set.object, &set.selector, is_active, |_| true);
    outcome.actions.extend(claimed.actions);
    let active = claimed.objects;
    let owned = view.indexed(Kind::Pod, Index::Owner, set.object.uid());
    let terminating = owned.filter(|o| o.get::<Pod>().is_some_and(|p| is_terminating(&p.metadata) && !is_terminal(p)));
    let terminating = terminating
        .filter(|o| controller_of(o.meta()).is_some_and(|c| c.uid == set.object.uid()))
        .filter(|o| set.selector.matches(o.meta().labels.as_ref()))
        .count();

    let mut status = calculate_status(set, &active, terminating, now);
    let on_failure = Failing {
        object: Arc::clone(set.object),
        status: status.clone(),
        reason: if (active.len() as i64) < i64::from(set.wanted) { "FailedCreate" } else { "FailedDelete" },
        with_status: set.with_status,
        now,
    };
    let control = PodControl::new(set.object, set.component, move |error, _| on_failure.fail(error));
    if !set.object.is_terminating() {
        outcome.actions.extend(manage_replicas(view, set, &active, &control, now));
    }
    remove_condition(&mut status);
    outcome.actions.extend(status_write(set, &status).map(Write::action));

    if set.min_ready > 0 && status.ready_replicas != status.available_replicas {
        let ready = active.iter().filter_map(|o| o.get::<Pod>());
        let check = pods::next_availability_check(ready, set.min_ready, now);
        outcome.after(check.unwrap_or(Duration::secs(set.min_ready.into())));
    }
    outcome
}

/// What is needed when a pod can't be made or deleted.
struct Failing {
    object: Arc<Object>,
    status: ReplicaSetStatus,
    reason: &'static str,
    with_status: fn(&mut Object, ReplicaSetStatus),
    now: Time,
}

impl Failing {
    /// Notes the failure in the status and ends the sync with it.
    fn fail(&self, error: &ApiError) -> Vec<Action> {
        let mut status = self.status.clone();
        let conditions = status.conditions.get_or_insert_default();
        if !conditions.iter().any(|c| c.type_ == REPLICA_FAILURE) {
            conditions.push(ReplicaSetCondition {
                type_: REPLICA_FAILURE.into(),
                status: "True".into(),
                last_transition_time: Some(self.now.meta()),
                reason: Some(self.reason.into()),
                message: Some(error.message.clone()),
            });
        }
        let mut object = Object::clone(&self.object);
        (self.with_status)(&mut object, status);
        vec![Write::update_status(object).action(), Action::Fail(error.clone())]
    }
}

/// Makes the pods that lack and deletes those that are too many. Mirrors `manageReplicas`.
fn manage_replicas(
    view: &View<'_>,
    set: &Replicas<'_>,
    active: &[&Arc<Object>],
    control: &Rc<PodControl>,
    now: Time,
) -> Vec<Action> {
    let wanted = usize::try_from(set.wanted).unwrap_or(0);
    if active.len() < wanted {
        let lacking = (wanted - active.len()).min(BURST_REPLICAS);
        return control.create_all(vec![pods::pod_from_template(&set.template, set.object); lacking]);
    }
    let excess = (active.len() - wanted).min(BURST_REPLICAS);
    if excess == 0 {
        return Vec::new();
    }
    get_pods_to_delete(view, set, active, excess, now).into_iter().map(|pod| control.delete(pod)).collect()
}

/// Which pods go when they are too many. Mirrors `getPodsToDelete`.
fn get_pods_to_delete<'a>(
    view: &View<'a>,
    set: &Replicas<'a>,
    active: &[&'a Arc<Object>],
    excess: usize,
    now: Time,
) -> Vec<&'a Arc<Object>> {
    if excess >= active.len() {
        return active.to_vec();
    }
    let siblings: Vec<&Arc<Object>> = match controller_of(set.object.meta()) {
        Some(parent) => view.indexed(set.object.kind(), Index::Owner, &parent.uid).collect(),
        None => vec![set.object],
    };
    let related: Vec<&Arc<Object>> =
        siblings.iter().flat_map(|s| view.indexed(Kind::Pod, Index::Owner, s.uid())).collect();
    let mut ranked = pods::rank_for_deletion(active, &related, now);
    ranked.truncate(excess);
    ranked
}

fn calculate_status(set: &Replicas<'_>, active: &[&Arc<Object>], terminating: usize, now: Time) -> ReplicaSetStatus {
    let template_labels = set.template.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
    let template = Selector::from_set(&template_labels);
    let (mut labelled, mut ready, mut available) = (0, 0, 0);
    for object in active {
        labelled += i32::from(template.matches(object.meta().labels.as_ref()));
        let Some(pod) = object.get::<Pod>() else { continue };
        ready += i32::from(is_ready(pod));
        available += i32::from(is_available(pod, set.min_ready, now));
    }
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let shown = |n: i32| Some(n).filter(|n| *n != 0);
    ReplicaSetStatus {
        replicas: number(active.len()),
        fully_labeled_replicas: shown(labelled),
        ready_replicas: shown(ready),
        available_replicas: shown(available),
        terminating_replicas: set.counts_terminating.then(|| number(terminating)),
        observed_generation: set.object.meta().generation,
        conditions: set.status.conditions.clone(),
    }
}

fn remove_condition(status: &mut ReplicaSetStatus) {
    let kept: Vec<_> =
        status.conditions.take().unwrap_or_default().into_iter().filter(|c| c.type_ != REPLICA_FAILURE).collect();
    status.conditions = Some(kept).filter(|c| !c.is_empty());
}

/// The write of a status; none when it is the stored one.
fn status_write(set: &Replicas<'_>, status: &ReplicaSetStatus) -> Option<Write> {
    (*status != set.status).then(|| {
        let mut object = Object::clone(set.object);
        (set.with_status)(&mut object, status.clone());
        Write::update_status(object)
    })
}
