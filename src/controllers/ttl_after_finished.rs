//! Jobs that are deleted some time after they ended.
//!
//! Mirrors `pkg/controller/ttlafterfinished`.

use crate::api::k8s::api::batch::v1::Job;
use crate::api::{Duration, Kind, ObjectKey, Time};
use crate::controllers::{Controller, Deletion, Outcome, Propagation, Write};
use crate::kinds::batch::job::is_finished;
use crate::store::{Change, View};

/// The controller of Jobs with `ttlSecondsAfterFinished`.
pub(super) struct TtlAfterFinishedController;

impl Controller for TtlAfterFinishedController {
    fn name(&self) -> &'static str {
        "ttl-after-finished"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind != Kind::Job {
            return;
        }
        let Some(object) = change.new.as_ref().filter(|o| !o.is_terminating()) else { return };
        if object.get::<Job>().is_some_and(|job| expires(job).is_some()) {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key).filter(|o| !o.is_terminating()) else { return outcome };
        let Some(expires) = object.get::<Job>().and_then(expires) else { return outcome };
        if now < expires {
            outcome.recurring(expires - now);
        } else {
            let deletion = Deletion { propagation: Propagation::Foreground, ..Deletion::of(object) };
            outcome.write(Write::Delete(deletion));
        }
        outcome
    }
}

/// When a Job is to go; none while it runs, or where nothing was said of it.
fn expires(job: &Job) -> Option<Time> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished.filter(|_| is_finished(job))?;
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let end = conditions.iter().find(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True")?;
    end.last_transition_time.as_ref().map(|t| Time::from_meta(t) + Duration::secs(seconds.into()))
}
