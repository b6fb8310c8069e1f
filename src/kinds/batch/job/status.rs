//! What is wrong with a change of a Job's status. Mirrors `ValidateJobStatusUpdate`.

use crate::api::k8s::api::batch::v1::{Job, JobStatus};
use crate::error::FieldError;
use crate::kinds::batch::job::indexes::parse_intervals;
use crate::kinds::batch::job::{is_condition_true, is_finished, is_indexed};
use crate::kinds::shared::access::text;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::validate_nonnegative;

/// Faults of a Job whose status was changed. Most are looked for only where that part of the status is another.
pub(super) fn validate_status_update(job: &Job, old: &Job) -> Vec<FieldError> {
    let (status, was) = (job.status.clone().unwrap_or_default(), old.status.clone().unwrap_or_default());
    let mut faults = Faults::default();
    for (name, count) in [
        ("active", status.active),
        ("succeeded", status.succeeded),
        ("failed", status.failed),
        ("ready", status.ready),
        ("terminating", status.terminating),
    ] {
        faults.extend(validate_nonnegative(count.unwrap_or(0).into(), &format!("status.{name}")));
    }
    validate_conditions(job, old, &mut faults);
    validate_times(job, &status, &was, old, &mut faults);
    validate_indexes(job, &status, &was, &mut faults);
    validate_counters(job, &status, &was, old, &mut faults);
    faults.0
}

fn validate_conditions(job: &Job, old: &Job, faults: &mut Faults) {
    let is = |kind: &str| is_condition_true(job, kind);
    let changed = |kinds: &[&str]| kinds.iter().any(|kind| is(kind) != is_condition_true(old, kind));
    let mut refuse = |refused: bool, detail: &str| {
        if refused {
            faults.extend([FieldError::invalid_as("status.conditions", detail)]);
        }
    };
    let (complete, failed, target, met) = (is("Complete"), is("Failed"), is("FailureTarget"), is("SuccessCriteriaMet"));
    let ends = ["Complete", "Failed"];
    refuse(changed(&ends) && complete && failed, "cannot set Complete=True and Failed=true conditions");
    refuse(
        changed(&["Complete", "FailureTarget"]) && complete && target,
        "cannot set Complete=True and FailureTarget=true conditions",
    );
    refuse(
        changed(&["Failed"]) && failed && !target,
        "cannot set Failed=True condition without the FailureTarget=true condition",
    );
    refuse(
        changed(&["Complete", "SuccessCriteriaMet"]) && complete && !met,
        "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
    );
    refuse(met && failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions");
    refuse(met && target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    for kind in ["Failed", "Complete", "FailureTarget"] {
        let lost = is_condition_true(old, kind) && !is(kind);
        refuse(lost, &format!("cannot disable the terminal {kind}=True condition"));
    }
    let was_met = is_condition_true(old, "SuccessCriteriaMet");
    refuse(was_met && !met, "cannot disable the SuccessCriteriaMet=True condition");
    refuse(
        is_condition_true(old, "Complete") && !was_met && met,
        "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
    );
}

fn validate_times(job: &Job, status: &JobStatus, was: &JobStatus, old: &Job, faults: &mut Faults) {
    let spec = job.spec.clone().unwrap_or_default();
    let (start, end) = (&status.start_time, &status.completion_time);
    let complete = is_condition_true(job, "Complete");
    let complete_changed = complete != is_condition_true(old, "Complete");
    let (start_changed, end_changed) = (*start != was.start_time, *end != was.completion_time);
    if (complete_changed || end_changed) && end.is_some() != complete {
        match complete {
            true => faults.required_for("status", "completionTime", "completionTime is required for Complete jobs"),
            false => {
                let detail = "cannot set completionTime when there is no Complete=True condition";
                faults.invalid("status", "completionTime", end, detail);
            }
        }
    }
    let before = matches!((start, end), (Some(start), Some(end)) if end.0 < start.0);
    if (start_changed || end_changed) && before {
        faults.invalid("status", "completionTime", end, "must be equal to or after `startTime`");
    }
    if end.is_some() && was.completion_time.is_some() && end_changed {
        faults.invalid("status", "completionTime", end, "field is immutable");
    }
    let idle = spec.suspend == Some(true) && spec.completions == Some(0);
    let finished = is_finished(job);
    if (finished != is_finished(old) || start_changed) && !idle && finished && start.is_none() {
        faults.required_for("status", "startTime", "startTime is required for finished job");
    }
    let resumes = is_condition_true(old, "Suspended") && !is_condition_true(job, "Suspended");
    if start_changed && !resumes && was.start_time.is_some() && spec.suspend != Some(true) {
        faults.invalid("status", "startTime", start, "field is immutable for unsuspended job once set");
    }
}

fn validate_indexes(job: &Job, status: &JobStatus, was: &JobStatus, faults: &mut Faults) {
    let spec = job.spec.clone().unwrap_or_default();
    let (completed, failed) = (text(&status.completed_indexes), &status.failed_indexes);
    let completed_changed = status.completed_indexes != was.completed_indexes;
    let failed_changed = *failed != was.failed_indexes;
    if let Some(completions) = spec.completions {
        let mut readable = |changed: bool, name: &str, value: &str| {
            if let Some(fault) = parse_intervals(value, completions).err().filter(|_| changed) {
                faults.invalid("status", name, value, &format!("error parsing {name}: {fault}"));
            }
        };
        readable(completed_changed, "completedIndexes", completed);
        if spec.backoff_limit_per_index.is_some() {
            readable(failed_changed, "failedIndexes", text(failed));
        }
    }
    if completed_changed && !completed.is_empty() && !is_indexed(&spec) {
        let detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
        faults.invalid("status", "completedIndexes", completed, detail);
    }
    let Some(failed) = failed else { return };
    if failed_changed && spec.backoff_limit_per_index.is_none() {
        let detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        faults.invalid("status", "failedIndexes", failed, detail);
    }
    let Some(completions) = spec.completions.filter(|_| failed_changed || completed_changed) else { return };
    let (done, lost) = (parse_intervals(completed, completions), parse_intervals(failed, completions));
    let (Ok(done), Ok(lost)) = (done, lost) else { return };
    let meeting = done.iter().flat_map(|(a, b)| lost.iter().map(move |(x, y)| (*a.max(x), *b.min(y))));
    if let Some((index, _)) = meeting.filter(|(first, last)| first <= last).min() {
        let detail = format!("failedIndexes and completedIndexes overlap at index: {index}");
        faults.invalid("status", "failedIndexes", failed, &detail);
    }
}

fn validate_counters(job: &Job, status: &JobStatus, was: &JobStatus, old: &Job, faults: &mut Faults) {
    let spec = job.spec.clone().unwrap_or_default();
    let finished = is_finished(job);
    let ends = finished != is_finished(old);
    let (active, terminating) = (status.active.unwrap_or(0), status.terminating.unwrap_or(0));
    if (ends || status.active != was.active) && finished && active > 0 {
        faults.invalid("status", "active", active, "active>0 is invalid for finished job");
    }
    let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
    let some = [&uncounted.failed, &uncounted.succeeded].iter().any(|l| l.as_ref().is_some_and(|l| !l.is_empty()));
    if (ends || status.uncounted_terminated_pods != was.uncounted_terminated_pods) && finished && some {
        let value = Internal::of("UncountedTerminatedPods", &uncounted);
        faults.invalid("status", "uncountedTerminatedPods", value, "must be empty for finished job");
    }
    if (ends || status.terminating != was.terminating) && finished && terminating > 0 {
        faults.invalid("status", "terminating", terminating, "terminating>0 is invalid for finished job");
    }
    let ready = status.ready.unwrap_or(0);
    if (status.ready != was.ready || status.active != was.active) && ready > active {
        faults.invalid("status", "ready", ready, "cannot set more ready pods than active");
    }
    let shrinks = is_indexed(&spec) && spec.completions == spec.parallelism;
    for (name, is, was, may) in
        [("failed", status.failed, was.failed, false), ("succeeded", status.succeeded, was.succeeded, shrinks)]
    {
        let (is, was) = (is.unwrap_or(0), was.unwrap_or(0));
        if is < was && !may {
            faults.invalid("status", name, is, &format!("cannot decrease the {name} counter"));
        }
    }
}
