//! Jobs: pods that run to their end, so many times.
//!
//! Mirrors `pkg/controller/job`. A pod is held by a finalizer until the Job's status has counted it.

mod indexes;
mod manage;
mod policy;
mod sync;
mod tracking;

use std::sync::Arc;

use crate::api::k8s::api::batch::v1::Job;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::object::controller_of;
use crate::api::selector::Selector;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::pods;
use crate::controllers::{Action, Controller, Outcome, RateLimiter, Write};
use crate::kinds::batch::job::is_finished;
use crate::store::{Change, Index, View};
use sync::Sync;

const COMPONENT: &str = "job-controller";

/// The finalizer of a pod that its Job has yet to count.
const TRACKING_FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// The controller of Jobs.
pub(super) struct JobController;

impl Controller for JobController {
    fn name(&self) -> &'static str {
        "job"
    }

    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter { base_delay: Duration::secs(1), max_delay: Duration::secs(60), ..RateLimiter::DEFAULT }
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Job => {
                enqueue(change.key.clone());
                let gone = change.old.as_ref().filter(|_| change.new.is_none());
                let finished = change.new.as_ref().filter(|o| o.get::<Job>().is_some_and(is_finished));
                if let Some(job) = gone.or(finished) {
                    let owned = view.indexed(Kind::Pod, Index::Owner, job.uid());
                    owned.filter(|p| is_tracked(p)).for_each(|p| enqueue(p.key()));
                }
            }
            Kind::Pod => {
                pods::enqueue_owners(view, change, Kind::Job, selector_of, enqueue);
                if change.new.as_ref().is_some_and(|pod| is_tracked(pod) && is_orphan(view, pod)) {
                    enqueue(change.key.clone());
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(object) = view.get(key) else { return Outcome::done() };
        if key.kind == Kind::Pod {
            let mut outcome = Outcome::done();
            if is_orphan(view, object) {
                outcome.actions.extend(remove_tracking_finalizer(object));
            }
            return outcome;
        }
        let Some(job) = object.get::<Job>() else { return Outcome::done() };
        let managed = job.spec.as_ref().and_then(|s| s.managed_by.as_deref());
        if is_finished(job) || managed.is_some_and(|by| by != "kubernetes.io/job-controller") {
            return Outcome::done();
        }
        let Some(selector) = selector_of(object) else { return Outcome::done() };
        Sync::new(view, object, job, &selector, now).run()
    }
}

fn selector_of(object: &Object) -> Option<Selector> {
    let spec = object.get::<Job>()?.spec.as_ref()?;
    Selector::from_label_selector(spec.selector.as_ref()).ok()
}

/// Whether a pod is held until its Job has counted it.
fn is_tracked(pod: &Object) -> bool {
    pod.meta().finalizers.iter().flatten().any(|f| f == TRACKING_FINALIZER)
}

/// Whether nobody will count a pod any more. Mirrors `handleSingleOrphanPod`.
fn is_orphan(view: &View<'_>, pod: &Object) -> bool {
    let Some(controller) = controller_of(pod.meta()) else { return true };
    if controller.kind != Kind::Job.name() || controller.api_version != Kind::Job.api_version() {
        return false;
    }
    let job = view.get(&ObjectKey::new(Kind::Job, pod.namespace(), &controller.name));
    let job = job.filter(|o| o.uid() == controller.uid).and_then(|o| o.get::<Job>());
    job.is_none_or(|job| job.spec.as_ref().is_none_or(|s| s.managed_by.is_none()) && is_finished(job))
}

/// Lets go of a pod, if it is held.
fn remove_tracking_finalizer(pod: &Arc<Object>) -> Option<Action> {
    if !is_tracked(pod) {
        return None;
    }
    let mut object = Object::clone(pod);
    let mut finalizers = object.meta_mut().finalizers.take().unwrap_or_default();
    finalizers.retain(|f| f != TRACKING_FINALIZER);
    object.meta_mut().finalizers = Some(finalizers).filter(|f| !f.is_empty());
    Some(pods::tolerating_gone(Write::update(object)))
}

fn pod_of(object: &Arc<Object>) -> Option<&Pod> {
    object.get::<Pod>()
}

fn phase_of(object: &Arc<Object>) -> &str {
    pod_of(object).map(pods::phase).unwrap_or_default()
}
