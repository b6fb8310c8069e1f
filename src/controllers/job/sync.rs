//! One look at a Job. Mirrors `syncJob`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::k8s::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use crate::api::k8s::api::core::v1::Pod;
use crate::api::object::{controller_of, new_controller_ref};
use crate::api::selector::Selector;
use crate::api::{Duration, Object, Time};
use crate::controllers::job::indexes::{Indexes, completion_index, valid_index};
use crate::controllers::job::policy::{
    Backoff, finished_time, index_failures, match_pod_failure_policy, match_success_policy,
};
use crate::controllers::job::{COMPONENT, TRACKING_FINALIZER, is_tracked, phase_of, pod_of};
use crate::controllers::pods::{self, is_active, is_ready, is_terminal, is_terminating, normal};
use crate::controllers::{Outcome, Write};
use crate::kinds::batch::job::{is_condition_true, is_indexed};
use crate::store::View;

/// What a look at a Job works with.
pub(super) struct Sync<'a> {
    pub(super) object: &'a Arc<Object>,
    pub(super) job: &'a Job,
    pub(super) spec: JobSpec,
    /// The status as it becomes.
    pub(super) status: JobStatus,
    /// The Job's pods.
    pub(super) pods: Vec<Arc<Object>>,
    /// Those of them that neither ended nor go.
    pub(super) active_pods: Vec<Arc<Object>>,
    /// How many are active, ready and going once this look is over.
    pub(super) active: i32,
    pub(super) ready: i32,
    pub(super) terminating: i32,
    /// How many ended well and not.
    pub(super) succeeded: i32,
    failed: i32,
    /// The condition that ends the Job.
    pub(super) finished: Option<JobCondition>,
    pub(super) backoff: Backoff,
    /// The indexes that the status counts already, and those that succeeded by now.
    pub(super) previous_indexes: Indexes,
    pub(super) succeeded_indexes: Indexes,
    /// The indexes that failed for good; none without a limit for each.
    pub(super) failed_indexes: Option<Indexes>,
    /// The failed pods that must stay until their replacements know how often their index failed.
    pub(super) delayed: BTreeMap<i32, Arc<Object>>,
    pub(super) now: Time,
    pub(super) outcome: Outcome,
}

impl<'a> Sync<'a> {
    pub(super) fn new(
        view: &View<'a>,
        object: &'a Arc<Object>,
        job: &'a Job,
        selector: &Selector,
        now: Time,
    ) -> Sync<'a> {
        let claimed = pods::claim_pods(view, object, selector, |_| true, |_| true);
        let mut outcome = Outcome::done();
        outcome.actions = claimed.actions;
        let mut pods = Vec::with_capacity(claimed.objects.len());
        for pod in claimed.objects {
            if controller_of(pod.meta()).is_some() {
                pods.push(Arc::clone(pod));
                continue;
            }
            // OBSERVATION: it was adopted just now, and is to be counted as well.
            let mut adopted = Object::clone(pod);
            let meta = adopted.meta_mut();
            meta.owner_references.get_or_insert_default().push(new_controller_ref(object));
            if !is_tracked(pod) {
                meta.finalizers.get_or_insert_default().push(TRACKING_FINALIZER.into());
            }
            outcome.actions.push(pods::tolerating_gone(Write::update(adopted.clone())));
            pods.push(Arc::new(adopted));
        }
        let is = |pod: &&Arc<Object>, what: fn(&Pod) -> bool| pod_of(pod).is_some_and(what);
        let active_pods: Vec<_> = pods.iter().filter(|p| is(p, is_active)).cloned().collect();
        let terminating = pods.iter().filter(|p| is(p, |p| is_terminating(&p.metadata) && !is_terminal(p))).count();
        let mut status = job.status.clone().unwrap_or_default();
        status.uncounted_terminated_pods.get_or_insert_default();
        Sync {
            object,
            job,
            spec: job.spec.clone().unwrap_or_default(),
            status,
            active: number(active_pods.len()),
            ready: number(active_pods.iter().filter(|p| is(p, is_ready)).count()),
            terminating: number(terminating),
            pods,
            active_pods,
            succeeded: 0,
            failed: 0,
            finished: None,
            backoff: Backoff::parse(view.note(&format!("job-backoff/{}", object.uid()))),
            previous_indexes: Indexes::default(),
            succeeded_indexes: Indexes::default(),
            failed_indexes: None,
            delayed: BTreeMap::new(),
            now,
            outcome,
        }
    }

    /// Looks at the Job and says what to write.
    pub(super) fn run(mut self) -> Outcome {
        self.count_ended_pods();
        if self.status.start_time.is_none() && !self.is_suspended() {
            self.status.start_time = Some(self.now.meta());
        }
        self.evaluate_standing_conditions();
        self.evaluate_limits();
        if is_indexed(&self.spec) {
            self.evaluate_indexes();
        }
        let mut needs_flush = false;
        if self.finished.is_some() {
            self.delete_active_pods();
        } else {
            let managed = self.object.meta().deletion_timestamp.is_none();
            if managed {
                self.manage_job();
            }
            if self.is_complete() {
                let message = "Reached expected number of succeeded pods";
                self.finished = Some(new_condition("SuccessCriteriaMet", "CompletionsReached", message, self.now));
            } else if managed {
                needs_flush = self.update_suspended_condition();
            }
        }
        let status = &mut self.status;
        needs_flush |= status.active.unwrap_or(0) != self.active;
        needs_flush |= status.ready != Some(self.ready) || status.terminating != Some(self.terminating);
        status.active = Some(self.active).filter(|n| *n != 0);
        status.ready = Some(self.ready);
        status.terminating = Some(self.terminating);
        self.track_job_status_and_remove_finalizers(needs_flush);
        self.outcome
    }

    /// How many completions are wanted; for a work queue none.
    pub(super) fn completions(&self) -> Option<i32> {
        self.spec.completions
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    pub(super) fn only_replaces_failed_pods(&self) -> bool {
        self.spec.pod_replacement_policy.as_deref() == Some("Failed") || self.spec.pod_failure_policy.is_some()
    }

    /// Whether a pod failed. One that goes counts as failed, unless only those are replaced that have ended.
    pub(super) fn is_pod_failed(&self, pod: &Arc<Object>) -> bool {
        match phase_of(pod) {
            "Failed" => true,
            phase => !self.only_replaces_failed_pods() && pod.is_terminating() && phase != "Succeeded",
        }
    }

    pub(super) fn counts_as_failure(&self, pod: &Arc<Object>) -> bool {
        match_pod_failure_policy(self.spec.pod_failure_policy.as_ref(), pod).counts
    }

    /// The pods that have yet to be counted, with an index of the Job's where they have one.
    fn uncounted(&self, already: &[String]) -> Vec<Arc<Object>> {
        let already: BTreeSet<&str> = already.iter().map(String::as_str).collect();
        let completions = self.completions().unwrap_or(0);
        let pods = self.pods.iter().filter(|p| is_tracked(p) && !already.contains(p.uid()));
        pods.filter(|p| !is_indexed(&self.spec) || valid_index(p, completions).is_some()).cloned().collect()
    }

    fn count_ended_pods(&mut self) {
        let uncounted = self.status.uncounted_terminated_pods.clone().unwrap_or_default();
        let (had_succeeded, had_failed) =
            (uncounted.succeeded.unwrap_or_default(), uncounted.failed.unwrap_or_default());
        let mut succeeded = self.uncounted(&had_succeeded);
        succeeded.retain(|p| phase_of(p) == "Succeeded");
        let mut failed = self.uncounted(&had_failed);
        failed.retain(|p| self.is_pod_failed(p));
        let counted = failed.iter().filter(|p| self.counts_as_failure(p)).count();
        self.succeeded = self.status.succeeded.unwrap_or(0) + number(succeeded.len() + had_succeeded.len());
        self.failed = self.status.failed.unwrap_or(0) + number(counted + had_failed.len());
        self.backoff = self.backoff.after(&succeeded, &failed);
    }

    /// Goes on with what an earlier look found, and asks the failure policy.
    fn evaluate_standing_conditions(&mut self) {
        let find = |kind: &str| {
            let mut conditions = self.status.conditions.iter().flatten();
            conditions.find(|c| c.type_ == kind && c.status == "True").cloned()
        };
        self.finished = find("SuccessCriteriaMet");
        if self.finished.is_some() {
            return;
        }
        if let Some(target) = find("FailureTarget") {
            let (reason, message) = (target.reason.unwrap_or_default(), target.message.unwrap_or_default());
            self.finished = Some(new_condition("Failed", &reason, &message, self.now));
            return;
        }
        let policy = self.spec.pod_failure_policy.as_ref();
        let mut failed = self.pods.iter().filter(|p| policy.is_some() && self.is_pod_failed(p));
        let message = failed.find_map(|p| match_pod_failure_policy(policy, p).fails_job);
        self.finished = message.map(|message| new_condition("FailureTarget", "PodFailurePolicy", &message, self.now));
    }

    fn evaluate_limits(&mut self) {
        if self.finished.is_some() {
            return;
        }
        let fail = |reason, message| Some(new_condition("FailureTarget", reason, message, self.now));
        let limit = self.spec.backoff_limit.unwrap_or(6);
        if self.failed > limit || self.past_backoff_limit_on_failure(limit) {
            self.finished = fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
            return;
        }
        let start = self.status.start_time.as_ref().filter(|_| !self.is_suspended());
        let Some((start, seconds)) = start.zip(self.spec.active_deadline_seconds) else { return };
        let due = Time::from_meta(start) + Duration::secs(seconds);
        if due <= self.now {
            self.finished = fail("DeadlineExceeded", "Job was active longer than specified deadline");
        } else {
            self.outcome.recurring(due - self.now);
        }
    }

    /// Whether containers restarted too often; only where they restart in their pods.
    fn past_backoff_limit_on_failure(&self, limit: i32) -> bool {
        if self.spec.template.spec.as_ref().and_then(|s| s.restart_policy.as_deref()) != Some("OnFailure") {
            return false;
        }
        let running = self.pods.iter().filter(|p| matches!(phase_of(p), "Running" | "Pending"));
        let statuses = running.filter_map(|p| pod_of(p)?.status.as_ref());
        let restarts: i32 = statuses
            .flat_map(|s| s.init_container_statuses.iter().chain(&s.container_statuses).flatten())
            .map(|c| c.restart_count)
            .sum();
        if limit == 0 { restarts > 0 } else { restarts >= limit }
    }

    fn evaluate_indexes(&mut self) {
        let completions = self.completions().unwrap_or(0);
        self.previous_indexes =
            Indexes::parse(self.status.completed_indexes.as_deref().unwrap_or_default(), completions);
        let done = self.pods.iter().filter(|p| phase_of(p) == "Succeeded" && is_tracked(p));
        let done: Vec<i32> = done.filter_map(|p| valid_index(p, completions)).collect();
        self.succeeded_indexes = self.previous_indexes.clone();
        self.succeeded_indexes.0.extend(done);
        self.succeeded = self.succeeded_indexes.total();
        if self.spec.backoff_limit_per_index.is_some() {
            self.evaluate_failed_indexes(completions);
        }
        if let (None, Some(policy)) = (&self.finished, &self.spec.success_policy)
            && let Some(message) = match_success_policy(policy, completions, &self.succeeded_indexes)
        {
            self.finished = Some(new_condition("SuccessCriteriaMet", "SuccessPolicy", &message, self.now));
        }
    }

    fn evaluate_failed_indexes(&mut self, completions: i32) {
        let mut failed = Indexes::parse(self.status.failed_indexes.as_deref().unwrap_or_default(), completions);
        let ended = self.pods.iter().filter(|p| is_tracked(p) && self.is_index_failed(p));
        failed.0.extend(ended.filter_map(|p| valid_index(p, completions)));
        if self.finished.is_none() {
            let fail = |reason, message| Some(new_condition("FailureTarget", reason, message, self.now));
            if self.spec.max_failed_indexes.is_some_and(|max| failed.total() > max) {
                let message = "Job has exceeded the specified maximal number of failed indexes";
                self.finished = fail("MaxFailedIndexesExceeded", message);
            } else if failed.total() > 0 && failed.total() + self.succeeded_indexes.total() >= completions {
                self.finished = fail("FailedIndexes", "Job has failed indexes");
            }
        }
        self.failed_indexes = Some(failed);
        self.delayed = self.pods_with_delayed_deletion_per_index();
    }

    fn is_index_failed(&self, pod: &Arc<Object>) -> bool {
        if !self.is_pod_failed(pod) {
            return false;
        }
        let verdict = match_pod_failure_policy(self.spec.pod_failure_policy.as_ref(), pod);
        let limit = self.spec.backoff_limit_per_index.unwrap_or(0);
        verdict.fails_index || verdict.counts && index_failures(pod).0 >= limit
    }

    fn pods_with_delayed_deletion_per_index(&self) -> BTreeMap<i32, Arc<Object>> {
        let active: BTreeSet<i32> = self.active_pods.iter().filter_map(completion_index).collect();
        let failed = self.failed_indexes.clone().unwrap_or_default();
        let mut delayed: BTreeMap<i32, Arc<Object>> = BTreeMap::new();
        for pod in self.uncounted(&[]).into_iter().filter(|p| self.is_pod_failed(p)) {
            let Some(index) = completion_index(&pod) else { continue };
            if self.succeeded_indexes.has(index) || failed.has(index) || active.contains(&index) {
                continue;
            }
            let rank = |p: &Arc<Object>| (index_failures(p).1, finished_time(p));
            let later = |old: &Arc<Object>| rank(old).0 <= rank(&pod).0 && rank(old).1 <= rank(&pod).1;
            if delayed.get(&index).is_none_or(later) {
                delayed.insert(index, pod);
            }
        }
        delayed
    }

    fn is_complete(&self) -> bool {
        self.active == 0 && self.succeeded >= self.completions().unwrap_or(1)
    }

    /// Says that the Job is suspended, or goes on. Whether that is news.
    fn update_suspended_condition(&mut self) -> bool {
        let (status, reason, message, event) = match self.is_suspended() {
            true => ("True", "JobSuspended", "Job suspended", "Suspended"),
            false => ("False", "JobResumed", "Job resumed", "Resumed"),
        };
        if !ensure_condition(&mut self.status, "Suspended", status, reason, message, self.now) {
            return false;
        }
        self.status.start_time = (!self.is_suspended()).then(|| self.now.meta());
        self.outcome.push(normal(self.object, COMPONENT, event, message));
        true
    }

    /// Whether the pods that are left need not be waited for.
    pub(super) fn had_met_criteria(&self) -> bool {
        is_condition_true(self.job, "SuccessCriteriaMet")
    }
}

/// A count as statuses have it.
pub(super) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A condition that holds.
pub(super) fn new_condition(kind: &str, reason: &str, message: &str, now: Time) -> JobCondition {
    JobCondition {
        type_: kind.into(),
        status: "True".into(),
        last_probe_time: Some(now.meta()),
        last_transition_time: Some(now.meta()),
        reason: Some(reason.into()),
        message: Some(message.into()),
    }
}

/// Brings a condition to a status; one that is not there and does not hold stays away. Whether something changed.
pub(super) fn ensure_condition(
    status: &mut JobStatus,
    kind: &str,
    holds: &str,
    reason: &str,
    message: &str,
    now: Time,
) -> bool {
    let condition = JobCondition { status: holds.into(), ..new_condition(kind, reason, message, now) };
    let conditions = status.conditions.get_or_insert_default();
    let same = |c: &JobCondition| {
        c.status == holds && c.reason.as_deref() == Some(reason) && c.message.as_deref() == Some(message)
    };
    let changed = match conditions.iter_mut().find(|c| c.type_ == kind) {
        Some(old) if same(old) => false,
        Some(old) => {
            *old = condition;
            true
        }
        None if holds == "False" => false,
        None => {
            conditions.push(condition);
            true
        }
    };
    status.conditions = status.conditions.take().filter(|c| !c.is_empty());
    changed
}
