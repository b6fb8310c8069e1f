//! Counting pods that ended, each once. Mirrors `trackJobStatusAndRemoveFinalizers`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::Object;
use crate::api::k8s::api::batch::v1::JobStatus;
use crate::controllers::Write;
use crate::controllers::job::indexes::{completion_index, valid_index};
use crate::controllers::job::sync::{Sync, ensure_condition, new_condition, number};
use crate::controllers::job::{COMPONENT, is_tracked, phase_of, remove_tracking_finalizer};
use crate::controllers::pods::{normal, warning};
use crate::kinds::batch::job::is_indexed;

/// The most pods that are counted at a time.
const MAX_UNCOUNTED_PODS: usize = 500;

impl Sync<'_> {
    /// Notes which pods ended, lets go of them, counts them, and ends the Job when that was all.
    pub(super) fn track_job_status_and_remove_finalizers(&mut self, mut needs_flush: bool) {
        let mut held: BTreeSet<String> =
            self.pods.iter().filter(|p| is_tracked(p)).map(|p| p.uid().to_string()).collect();
        needs_flush |= count_released_pods(&mut self.status, &held);
        let (released, all, news) = self.note_ended_pods();
        needs_flush |= news;
        needs_flush |= self.end_with_interim_condition();
        if needs_flush {
            self.write_status();
            self.outcome.note(format!("job-backoff/{}", self.object.uid()), self.backoff.note());
        }
        for pod in &released {
            self.outcome.actions.extend(remove_tracking_finalizer(pod));
            held.remove(pod.uid());
        }
        let counted = count_released_pods(&mut self.status, &held);
        let finished = all && self.enact_job_finished();
        if counted || finished {
            self.write_status();
        }
        if finished {
            self.record_job_finished();
        }
    }

    /// Puts the pods that ended into the status, as not counted yet: the pods, whether those were all, and whether
    /// the status is another now.
    fn note_ended_pods(&mut self) -> (Vec<Arc<Object>>, bool, bool) {
        let indexed = is_indexed(&self.spec);
        let completions = self.completions().unwrap_or(0);
        let mut pods = self.pods.clone();
        if indexed {
            pods.sort_by_key(|p| completion_index(p).unwrap_or(-1));
        }
        let mut uncounted = self.status.uncounted_terminated_pods.take().unwrap_or_default();
        let mut succeeded = uncounted.succeeded.take().unwrap_or_default();
        let mut failed = uncounted.failed.take().unwrap_or_default();
        let (had_succeeded, had_failed) = (succeeded.clone(), failed.clone());
        let met = self.finished.as_ref().is_some_and(|c| c.type_ == "SuccessCriteriaMet");
        let (mut released, mut all, mut news, mut new_indexes) = (Vec::new(), true, false, 0);
        for pod in pods.iter().filter(|p| is_tracked(p)) {
            let considered_failed = self.is_pod_failed(pod);
            if !self.can_remove_finalizer(pod, considered_failed) {
                continue;
            }
            released.push(Arc::clone(pod));
            let (uid, index) = (pod.uid().to_string(), valid_index(pod, completions));
            if phase_of(pod) == "Succeeded" && !had_failed.contains(&uid) {
                if indexed {
                    let new = index.is_some_and(|i| !self.previous_indexes.has(i));
                    new_indexes += usize::from(new);
                    self.succeeded_indexes.0.extend(index.filter(|_| new));
                    news |= new;
                } else if !had_succeeded.contains(&uid) {
                    succeeded.push(uid);
                    news = true;
                }
            } else if (considered_failed || self.finished.is_some() && !met)
                && !had_failed.contains(&uid)
                && (!indexed || index.is_some())
                && self.counts_as_failure(pod)
            {
                failed.push(uid);
                news = true;
            }
            if new_indexes + succeeded.len() + failed.len() >= MAX_UNCOUNTED_PODS {
                all = false;
                break;
            }
        }
        uncounted.succeeded = Some(succeeded).filter(|l| !l.is_empty());
        uncounted.failed = Some(failed).filter(|l| !l.is_empty());
        self.status.uncounted_terminated_pods = Some(uncounted);
        if indexed {
            news |= self.note_indexes();
        }
        (released, all, news)
    }

    fn note_indexes(&mut self) -> bool {
        let completed = Some(self.succeeded_indexes.to_string()).filter(|l| !l.is_empty());
        let failed = self.failed_indexes.as_ref().map(ToString::to_string);
        let news = completed != self.status.completed_indexes || failed != self.status.failed_indexes;
        self.status.succeeded = Some(self.succeeded_indexes.total()).filter(|n| *n != 0);
        self.status.completed_indexes = completed;
        self.status.failed_indexes = failed;
        news
    }

    fn can_remove_finalizer(&self, pod: &Arc<Object>, considered_failed: bool) -> bool {
        if self.object.is_terminating() || self.finished.is_some() || phase_of(pod) == "Succeeded" {
            return true;
        }
        let waits = || {
            let delayed = completion_index(pod).and_then(|index| self.delayed.get(&index));
            delayed.is_some_and(|p| p.uid() == pod.uid())
        };
        considered_failed && !(self.spec.backoff_limit_per_index.is_some() && waits())
    }

    /// Says how the Job will end, before its pods are let go; the final condition follows. Whether that is news.
    fn end_with_interim_condition(&mut self) -> bool {
        let Some(interim) = self.finished.clone() else { return false };
        let last = match interim.type_.as_str() {
            "FailureTarget" => "Failed",
            "SuccessCriteriaMet" => "Complete",
            _ => return false,
        };
        let (reason, message) =
            (interim.reason.clone().unwrap_or_default(), interim.message.clone().unwrap_or_default());
        self.finished = Some(new_condition(last, &reason, &message, self.now));
        if last == "Complete" && self.had_met_criteria() {
            return false;
        }
        self.status.conditions.get_or_insert_default().push(interim);
        true
    }

    /// Ends the Job if all its pods are counted and gone. Mirrors `enactJobFinished`.
    fn enact_job_finished(&mut self) -> bool {
        let Some(finished) = self.finished.clone() else { return false };
        let uncounted = self.status.uncounted_terminated_pods.clone().unwrap_or_default();
        let waiting = [uncounted.failed, uncounted.succeeded].into_iter().flatten().any(|l| !l.is_empty());
        if waiting || self.terminating > 0 {
            return false;
        }
        let (reason, message) = (finished.reason.unwrap_or_default(), finished.message.unwrap_or_default());
        ensure_condition(&mut self.status, &finished.type_, "True", &reason, &message, self.now);
        if finished.type_ == "Complete" {
            self.status.completion_time = finished.last_transition_time;
        }
        true
    }

    fn record_job_finished(&mut self) {
        let Some(finished) = self.finished.clone() else { return };
        if finished.type_ != "Complete" {
            let (reason, message) = (finished.reason.unwrap_or_default(), finished.message.unwrap_or_default());
            self.outcome.push(warning(self.object, COMPONENT, &reason, message));
            return;
        }
        if self.completions().is_some_and(|wanted| self.status.succeeded.unwrap_or(0) > wanted) {
            let message = "Too many succeeded pods running after completion count reached";
            self.outcome.push(warning(self.object, COMPONENT, "TooManySucceededPods", message));
        }
        self.outcome.push(normal(self.object, COMPONENT, "Completed", "Job completed"));
    }

    fn write_status(&mut self) {
        let mut job = self.job.clone();
        job.status = Some(self.status.clone());
        self.outcome.write(Write::update_status(job));
    }
}

/// Counts the pods of the status that nothing holds any more. Whether there were any.
fn count_released_pods(status: &mut JobStatus, held: &BTreeSet<String>) -> bool {
    let mut changed = false;
    let Some(uncounted) = &mut status.uncounted_terminated_pods else { return false };
    for (list, count) in
        [(&mut uncounted.succeeded, &mut status.succeeded), (&mut uncounted.failed, &mut status.failed)]
    {
        let all = list.take().unwrap_or_default();
        let before = all.len();
        let left: Vec<String> = all.into_iter().filter(|uid| held.contains(uid)).collect();
        let released = number(before - left.len());
        if released > 0 {
            *count = Some(count.unwrap_or(0) + released);
            changed = true;
        }
        *list = Some(left).filter(|l| !l.is_empty());
    }
    changed
}
