//! CronJobs: Jobs made on a schedule.
//!
//! Mirrors `pkg/controller/cronjob/cronjob_controllerv2.go`. The schedule is one of the cluster's clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::api::k8s::api::batch::v1::{CronJob, CronJobStatus, Job};
use crate::api::k8s::api::core::v1::ObjectReference;
use crate::api::object::{controller_of, new_controller_ref};
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::pods::{is_namespace_terminating, normal, warning};
use crate::controllers::{Action, Controller, Deletion, Outcome, Write};
use crate::error::Reason;
use crate::kinds::batch::cron_job::schedule::{Schedule, load_location};
use crate::kinds::batch::job::{is_condition_true, is_finished};
use crate::store::{Change, Index, View};

const COMPONENT: &str = "cronjob-controller";

/// The annotation of a Job that says when it was due.
const SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// How much later than due the controller looks.
const NEXT_SCHEDULE_DELTA: Duration = Duration(100);

/// How many missed starts are worth a warning.
const MANY: i64 = 100;

/// The controller of CronJobs.
pub(super) struct CronJobController;

impl Controller for CronJobController {
    fn name(&self) -> &'static str {
        "cronjob"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::CronJob => enqueue(change.key.clone()),
            Kind::Job if matters(change) => {
                for job in [&change.new, &change.old].into_iter().flatten() {
                    let Some(owner) = controller_of(job.meta()).filter(|o| o.kind == Kind::CronJob.name()) else {
                        continue;
                    };
                    let key = ObjectKey::new(Kind::CronJob, job.namespace(), &owner.name);
                    if view.get(&key).is_some_and(|o| o.uid() == owner.uid) {
                        enqueue(key);
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let Some(object) = view.get(key) else { return Outcome::done() };
        let Some(cron_job) = object.get::<CronJob>() else { return Outcome::done() };
        let jobs = view.indexed(Kind::Job, Index::Owner, object.uid());
        let jobs = jobs.filter(|o| controller_of(o.meta()).is_some_and(|c| c.uid == object.uid())).collect();
        let status = cron_job.status.clone().unwrap_or_default();
        let mut sync = Sync { view, object, cron_job, jobs, status, now, outcome: Outcome::done() };
        sync.cleanup_finished_jobs();
        if !sync.sync_cron_job() {
            sync.write_status();
        }
        sync.outcome
    }
}

/// Whether a CronJob looks at what changed of a Job of its own: whether it is there, has started, has ended. The original
/// looks at every change, of which most only count pods.
fn matters(change: &Change) -> bool {
    let told = |object: &Option<Arc<Object>>| {
        let job = object.as_ref()?.get::<Job>()?;
        let status = job.status.clone().unwrap_or_default();
        let owners = job.metadata.owner_references.clone();
        Some((
            owners,
            job.metadata.deletion_timestamp.clone(),
            status.start_time,
            status.completion_time,
            status.conditions,
        ))
    };
    told(&change.old) != told(&change.new)
}

/// One look at a CronJob.
struct Sync<'a> {
    view: &'a View<'a>,
    object: &'a Arc<Object>,
    cron_job: &'a CronJob,
    jobs: Vec<&'a Arc<Object>>,
    status: CronJobStatus,
    now: Time,
    outcome: Outcome,
}

/// Which starts are due.
struct Due {
    /// Since when starts are looked for.
    earliest: Time,
    /// The latest that is due.
    latest: Option<Time>,
    missed: i64,
}

impl Sync<'_> {
    fn job(object: &Arc<Object>) -> Option<&Job> {
        object.get::<Job>()
    }

    fn say(&mut self, warns: bool, reason: &str, message: String) {
        let event = if warns { warning } else { normal };
        self.outcome.push(event(self.object, COMPONENT, reason, message));
    }

    /// Deletes the oldest of the Jobs that ended, beyond those that are to be kept.
    fn cleanup_finished_jobs(&mut self) {
        let spec = &self.cron_job.spec;
        let limits = [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)];
        for (kind, limit) in limits {
            let Some(limit) = limit.and_then(|n| usize::try_from(n).ok()) else { continue };
            let ended = |o: &&Arc<Object>| Self::job(o).is_some_and(|j| is_condition_true(j, kind));
            let mut jobs: Vec<&Arc<Object>> = self.jobs.iter().copied().filter(|o| ended(o)).collect();
            let started = |o: &Arc<Object>| Self::job(o).and_then(|j| j.status.as_ref()?.start_time.clone());
            jobs.sort_by_key(|o| {
                let started = started(o).map(|t| t.0);
                (started.is_none(), started, o.name().to_string())
            });
            let excess = jobs.len().saturating_sub(limit);
            for job in jobs.into_iter().take(excess) {
                self.delete_job(job);
            }
        }
    }

    fn delete_job(&mut self, job: &Arc<Object>) {
        let (object, name) = (Arc::clone(self.object), job.name().to_string());
        let deletion = Deletion { uid: None, ..Deletion::of(job) };
        self.outcome.push(Write::Delete(deletion).then(move |answer| {
            vec![match answer {
                Ok(_) => normal(&object, COMPONENT, "SuccessfulDelete", format!("Deleted job {name}")),
                Err(error) => warning(&object, COMPONENT, "FailedDelete", format!("Deleted job: {error}")),
            }]
        }));
        self.forget(job.uid());
    }

    fn forget(&mut self, uid: &str) {
        let mut active = self.status.active.take().unwrap_or_default();
        active.retain(|reference| reference.uid.as_deref() != Some(uid));
        self.status.active = Some(active).filter(|a| !a.is_empty());
    }

    /// Takes in what became of the Jobs. Mirrors the first half of `syncCronJob`.
    fn observe_jobs(&mut self) {
        let stored = self.cron_job.status.iter().flat_map(|s| s.active.iter().flatten());
        let stored: BTreeSet<&str> = stored.filter_map(|reference| reference.uid.as_deref()).collect();
        // OBSERVATION: those that were just cleaned up are no longer among them.
        let left: Option<BTreeSet<String>> = match self.status.active.as_ref().map_or(0, Vec::len) < stored.len() {
            true => Some(self.status.active.iter().flatten().filter_map(|r| r.uid.clone()).collect()),
            false => None,
        };
        let is_active = |uid: &str| left.as_ref().map_or_else(|| stored.contains(uid), |left| left.contains(uid));
        for object in self.jobs.clone() {
            let Some(job) = Self::job(object) else { continue };
            let (name, found) = (object.name(), is_active(object.uid()));
            if !is_finished(job) {
                if !found {
                    let message = format!("Saw a job that the controller did not create or forgot: {name}");
                    self.say(true, "UnexpectedJob", message);
                }
                continue;
            }
            let succeeded = is_condition_true(job, "Complete");
            if found {
                self.forget(object.uid());
                let condition = if succeeded { "Complete" } else { "Failed" };
                let message = format!("Saw completed job: {name}, condition: {condition}");
                self.say(false, "SawCompletedJob", message);
            }
            let completed = job.status.as_ref().and_then(|s| s.completion_time.clone()).filter(|_| succeeded);
            let last = self.status.last_successful_time.as_ref();
            if completed.as_ref().is_some_and(|t| last.is_none_or(|last| t.0 > last.0)) {
                self.status.last_successful_time = completed;
            }
        }
        let known: BTreeSet<&str> = self.jobs.iter().map(|o| o.uid()).collect();
        let missing: Vec<ObjectReference> = self
            .status
            .active
            .iter()
            .flatten()
            .filter(|reference| !known.contains(reference.uid.as_deref().unwrap_or_default()))
            .cloned()
            .collect();
        for reference in missing {
            let name = reference.name.unwrap_or_default();
            let key = ObjectKey::new(Kind::Job, reference.namespace.unwrap_or_default(), &name);
            if self.view.get(&key).is_none() {
                self.say(false, "MissingJob", format!("Active job went missing: {name}"));
                self.forget(reference.uid.as_deref().unwrap_or_default());
            }
        }
    }

    /// Makes the Job that is due. Whether the status is written with it.
    fn sync_cron_job(&mut self) -> bool {
        self.observe_jobs();
        let spec = &self.cron_job.spec;
        if self.object.is_terminating() {
            return false;
        }
        let zone_name = spec.time_zone.clone().unwrap_or_default();
        let zone = match load_location(&zone_name) {
            Ok(zone) => zone,
            Err(error) => {
                self.say(true, "UnknownTimeZone", format!("invalid timeZone: {zone_name:?}: {error}"));
                return false;
            }
        };
        if spec.suspend == Some(true) {
            return false;
        }
        let Some(schedule) = self.schedule(&zone) else { return false };
        let due = match self.most_recent_schedule_time(&schedule, true) {
            Ok(due) => due,
            Err(fault) => {
                self.say(true, "InvalidSchedule", format!("invalid schedule: {} : {fault}", spec.schedule));
                return false;
            }
        };
        let Some(scheduled) = due.latest else {
            self.look_again(&schedule);
            return false;
        };
        if due.missed > MANY {
            let message =
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.say(true, "TooManyMissedTimes", message.into());
        }
        let deadline = spec.starting_deadline_seconds.map(|s| scheduled + Duration::secs(s));
        if deadline.is_some_and(|deadline| deadline < self.now) {
            let message = format!("Missed scheduled time to start a job: {}", scheduled.rfc1123z());
            self.say(true, "MissSchedule", message);
            self.look_again(&schedule);
            return false;
        }
        let name = job_name(self.object.name(), scheduled);
        let active = || self.status.active.iter().flatten();
        if active().any(|reference| reference.name.as_deref() == Some(&name))
            || self.status.last_schedule_time.as_ref().is_some_and(|t| Time::from_meta(t) == scheduled)
        {
            self.look_again(&schedule);
            return false;
        }
        let policy = spec.concurrency_policy.as_deref().unwrap_or_default();
        if policy == "Forbid" && active().next().is_some() {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.say(false, "JobAlreadyActive", message.into());
            self.look_again(&schedule);
            return false;
        }
        if policy == "Replace" {
            let running: BTreeSet<String> = active().filter_map(|reference| reference.uid.clone()).collect();
            for job in self.jobs.clone().into_iter().filter(|o| running.contains(o.uid())) {
                self.delete_job(job);
            }
        }
        self.create_job(name, scheduled, &zone);
        self.status.last_schedule_time = Some(scheduled.meta());
        self.look_again(&schedule);
        true
    }

    fn schedule(&mut self, zone: &TimeZone) -> Option<Schedule> {
        let text = &self.cron_job.spec.schedule;
        let own_zone = text.contains("TZ");
        if own_zone {
            let message = format!(
                "CRON_TZ or TZ used in schedule {text:?} is not officially supported, see \
                 https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
            );
            self.say(true, "UnsupportedSchedule", message);
        }
        match Schedule::parse(text) {
            Ok(schedule) if own_zone => Some(schedule),
            Ok(schedule) => Some(schedule.in_zone(zone.clone())),
            Err(fault) => {
                self.say(true, "UnparseableSchedule", format!("unparseable schedule: {text:?} : {fault}"));
                None
            }
        }
    }

    /// The latest start that is due. Mirrors `mostRecentScheduleTime`.
    fn most_recent_schedule_time(&self, schedule: &Schedule, with_deadline: bool) -> Result<Due, String> {
        let created = self.object.meta().creation_timestamp.as_ref();
        let last = self.status.last_schedule_time.as_ref();
        let mut earliest = last.or(created).map_or(self.now, Time::from_meta);
        if let Some(seconds) = self.cron_job.spec.starting_deadline_seconds.filter(|_| with_deadline) {
            earliest = earliest.max(self.now - Duration::secs(seconds));
        }
        let fault = || "time difference between two schedules is less than 1 second".to_string();
        let first = schedule.next(earliest).ok_or_else(fault)?;
        if self.now < first {
            return Ok(Due { earliest, latest: None, missed: 0 });
        }
        let second = schedule.next(first).ok_or_else(fault)?;
        if self.now < second {
            return Ok(Due { earliest, latest: Some(first), missed: 0 });
        }
        let between = (second - first).as_secs();
        if between < 1 {
            return Err(fault());
        }
        let missed = (self.now - first).as_secs() / between + 1;
        let mut latest = None;
        let mut next = schedule.next(first + Duration::secs((missed - 2) * between));
        while let Some(time) = next.filter(|t| *t <= self.now) {
            latest = Some(time);
            next = schedule.next(time);
        }
        Ok(Due { earliest, latest, missed })
    }

    /// Comes back when the next start is due. Mirrors `nextScheduleTimeDuration`.
    fn look_again(&mut self, schedule: &Schedule) {
        let from = match self.most_recent_schedule_time(schedule, false) {
            Ok(Due { latest: Some(latest), .. }) => latest,
            Ok(Due { earliest, missed: 0, .. }) => earliest,
            _ => self.now,
        };
        if let Some(next) = schedule.next(from) {
            self.outcome.recurring((next + NEXT_SCHEDULE_DELTA - self.now).max(Duration::ZERO));
        }
    }

    fn create_job(&mut self, name: String, scheduled: Time, zone: &TimeZone) {
        let template = self.cron_job.spec.job_template.clone();
        let meta = template.metadata.unwrap_or_default();
        let mut annotations: BTreeMap<String, String> = meta.annotations.unwrap_or_default();
        annotations.insert(SCHEDULED_TIMESTAMP.into(), scheduled.rfc3339_in(zone));
        let job = Job {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: self.object.meta().namespace.clone(),
                labels: meta.labels.filter(|l| !l.is_empty()),
                annotations: Some(annotations),
                owner_references: Some(vec![new_controller_ref(self.object)]),
                ..Default::default()
            },
            spec: template.spec,
            status: None,
        };
        let (object, mut cron_job) = (Arc::clone(self.object), self.cron_job.clone());
        let mut status = self.status.clone();
        status.last_schedule_time = Some(scheduled.meta());
        let before = self.status.clone();
        self.outcome.push(Write::create(job).then(move |answer| match answer {
            Ok(job) => {
                let message = format!("Created job {}", job.name());
                status.active.get_or_insert_default().push(reference_to(job));
                cron_job.status = Some(status);
                vec![normal(&object, COMPONENT, "SuccessfulCreate", message), Write::update_status(cron_job).action()]
            }
            Err(error) if error.reason == Reason::AlreadyExists || is_namespace_terminating(error) => Vec::new(),
            Err(error) => {
                let mut actions =
                    vec![warning(&object, COMPONENT, "FailedCreate", format!("Error creating job: {error}"))];
                if cron_job.status.as_ref() != Some(&before) {
                    cron_job.status = Some(before);
                    actions.push(Write::update_status(cron_job).action());
                }
                actions.push(Action::Fail(error.clone()));
                actions
            }
        }));
    }

    fn write_status(&mut self) {
        if self.cron_job.status.as_ref() != Some(&self.status) {
            let mut cron_job = self.cron_job.clone();
            cron_job.status = Some(self.status.clone());
            self.outcome.write(Write::update_status(cron_job));
        }
    }
}

/// The name of the Job of a start: with the minutes since the epoch.
fn job_name(cron_job: &str, scheduled: Time) -> String {
    format!("{cron_job}-{}", scheduled.0.div_euclid(60_000))
}

fn reference_to(job: &Object) -> ObjectReference {
    ObjectReference {
        api_version: Some(Kind::Job.api_version()),
        kind: Some(Kind::Job.name().to_string()),
        name: Some(job.name().to_string()),
        namespace: Some(job.namespace().to_string()),
        resource_version: job.meta().resource_version.clone(),
        uid: Some(job.uid().to_string()),
        field_path: None,
    }
}
