//! Job.

mod indexes;
mod status;
mod validation;

use std::collections::BTreeMap;

use crate::api::k8s::api::batch::v1::{Job, JobSpec, JobStatus};
use crate::api::k8s::api::core::v1::PodTemplateSpec;
use crate::api::selector::{Selector, format_label_selector};
use crate::api::time::{human_duration, rfc1123z};
use crate::api::{ObjectMeta, Time};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod;
use crate::kinds::shared::access::text;
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_controller, print_labels_multiline,
};
use crate::kinds::shared::print;
use crate::kinds::shared::workload::{container_cells, warn_of_name};
pub use indexes::parse_intervals;
pub(in crate::kinds) use validation::validate_job_template;

/// The label that names a pod's Job.
pub const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// The label by which a Job selects its pods: its uid.
pub const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

/// The label and annotation of a pod's index.
pub const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The older names of the labels; both are set.
const LEGACY_JOB_NAME: &str = "job-name";
const LEGACY_CONTROLLER_UID: &str = "controller-uid";

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("STATUS"),
    Column::new("COMPLETIONS"),
    Column::new("DURATION"),
    Column::new("AGE"),
    Column::wide("CONTAINERS"),
    Column::wide("IMAGES"),
    Column::wide("SELECTOR"),
];

/// Whether a condition of a Job holds.
pub fn is_condition_true(job: &Job, kind: &str) -> bool {
    let conditions = job.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.filter(|c| c.type_ == kind).any(|c| c.status == "True")
}

/// Whether a Job has ended, well or not.
pub fn is_finished(job: &Job) -> bool {
    is_condition_true(job, "Complete") || is_condition_true(job, "Failed")
}

/// Whether each of a Job's pods stands for one index.
pub fn is_indexed(spec: &JobSpec) -> bool {
    text(&spec.completion_mode) == "Indexed"
}

impl Strategy for Job {
    crate::spec_and_status!(Some(JobStatus::default()));
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        set_spec_defaults(spec);
        spec.manual_selector.get_or_insert(false);
        // OBSERVATION: the selector is generated along with labels, which the Job takes over as well.
        if spec.selector.is_some() || spec.manual_selector == Some(true) {
            set_label_defaults(&mut self.metadata, &spec.template);
        }
    }

    fn prepare_for_create(&mut self) {
        self.reset_status();
        let Some(spec) = &mut self.spec else { return };
        if spec.manual_selector != Some(true) {
            generate_selector(&self.metadata, spec);
        }
        set_label_defaults(&mut self.metadata, &spec.template);
    }

    fn validate(&self) -> Vec<FieldError> {
        validation::validate_job(self, true)
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validation::validate_job_update(self, old)
    }

    fn validate_status_update(&self, old: &Self) -> Vec<FieldError> {
        status::validate_status_update(self, old)
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let warnings = self.spec.as_ref().map(warnings_for_job_spec).unwrap_or_default();
        warn_of_name(&self.metadata).into_iter().chain(warnings).collect()
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        self.spec.as_ref().filter(|_| !self.same_spec(old)).map(warnings_for_job_spec).unwrap_or_default()
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["status.successful"]
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        let succeeded = self.status.as_ref().and_then(|s| s.succeeded).unwrap_or(0);
        (path == "status.successful").then(|| succeeded.to_string())
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let (spec, status) = (self.spec.clone().unwrap_or_default(), self.status.clone().unwrap_or_default());
        let [names, images] = container_cells(Some(&spec.template));
        let started = status.start_time.as_ref().map(Time::from_meta);
        let ended = status.completion_time.as_ref().map_or(context.now, Time::from_meta);
        vec![
            text(&self.metadata.name).to_string(),
            state(self).to_string(),
            completions(&spec, &status),
            started.map_or_else(String::new, |started| human_duration(ended - started)),
            print::age(&self.metadata, context),
            names,
            images,
            format_label_selector(spec.selector.as_ref()),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, spec) = (&self.metadata, self.spec.clone().unwrap_or_default());
        let status = self.status.clone().unwrap_or_default();
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        match Selector::from_label_selector(spec.selector.as_ref()) {
            Ok(selector) => d.field(0, "Selector", selector),
            Err(error) => d.field(0, "Selector", format!("Failed to get selector: {error}")),
        }
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        if let Some(controller) = print_controller(meta) {
            d.field(0, "Controlled By", controller);
        }
        describe_spec(d, &spec);
        let (start, end) = (&status.start_time, &status.completion_time);
        if start.is_some() {
            d.field(0, "Start Time", rfc1123z(start.as_ref()));
        }
        if end.is_some() {
            d.field(0, "Completed At", rfc1123z(end.as_ref()));
        }
        if let (Some(start), Some(end)) = (start, end) {
            d.field(0, "Duration", human_duration(Time::from_meta(end) - Time::from_meta(start)));
        }
        if let Some(seconds) = spec.active_deadline_seconds {
            d.field(0, "Active Deadline Seconds", format!("{seconds}s"));
        }
        let ready = status.ready.map(|n| format!(" ({n} Ready)")).unwrap_or_default();
        let counts = [status.active, status.succeeded, status.failed].map(|n| n.unwrap_or(0));
        let [active, succeeded, failed] = counts;
        d.field(0, "Pods Statuses", format!("{active} Active{ready} / {succeeded} Succeeded / {failed} Failed"));
        if is_indexed(&spec) {
            d.field(0, "Completed Indexes", cap_indexes(text(&status.completed_indexes), 50));
        }
        pod::describe_pod_template(d, &spec.template, context.version);
        describe_events_of(d, meta, context);
    }
}

/// What the table says of a Job. Mirrors `printJob`.
fn state(job: &Job) -> &'static str {
    let holds = |kind: &&&str| is_condition_true(job, kind);
    if let Some(end) = ["Complete", "Failed"].iter().find(holds) {
        return end;
    }
    if job.metadata.deletion_timestamp.is_some() {
        return "Terminating";
    }
    ["Suspended", "FailureTarget", "SuccessCriteriaMet"].iter().find(holds).copied().unwrap_or("Running")
}

/// Fills in what a Job's spec leaves out.
fn set_spec_defaults(spec: &mut JobSpec) {
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    let limit = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
    spec.backoff_limit.get_or_insert(limit);
    spec.completion_mode.get_or_insert_with(|| "NonIndexed".into());
    spec.suspend.get_or_insert(false);
    let replaced = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
    spec.pod_replacement_policy.get_or_insert_with(|| replaced.into());
    set_pod_failure_policy_defaults(spec);
    pod::set_pod_template_defaults(&mut spec.template);
}

/// Fills in the statuses of conditions that a failure policy looks at.
pub(in crate::kinds) fn set_pod_failure_policy_defaults(spec: &mut JobSpec) {
    let rules = spec.pod_failure_policy.iter_mut().flat_map(|p| p.rules.iter_mut());
    for pattern in rules.flat_map(|r| r.on_pod_conditions.iter_mut().flatten()) {
        pattern.status.get_or_insert_with(|| "True".into());
    }
}

fn set_label_defaults(meta: &mut ObjectMeta, template: &PodTemplateSpec) {
    if meta.labels.as_ref().is_none_or(BTreeMap::is_empty) {
        let labels = template.metadata.as_ref().and_then(|m| m.labels.clone());
        meta.labels = labels.or_else(|| meta.labels.take());
    }
}

/// Gives a Job a selector of its own, and its pods the labels for it. Mirrors `generateSelector`.
fn generate_selector(meta: &ObjectMeta, spec: &mut JobSpec) {
    let (name, uid) = (text(&meta.name), text(&meta.uid));
    let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
    for (key, value) in [(LEGACY_JOB_NAME, name), (JOB_NAME, name), (LEGACY_CONTROLLER_UID, uid), (CONTROLLER_UID, uid)]
    {
        labels.entry(key.into()).or_insert_with(|| value.into());
    }
    let selected = spec.selector.get_or_insert_default().match_labels.get_or_insert_default();
    selected.entry(CONTROLLER_UID.into()).or_insert_with(|| uid.into());
}

/// Warnings of a Job's spec. Mirrors `WarningsForJobSpec`.
fn warnings_for_job_spec(spec: &JobSpec) -> Vec<String> {
    warnings_for_job_spec_at(spec, "spec")
}

/// The same for a spec at a path.
pub(in crate::kinds) fn warnings_for_job_spec_at(spec: &JobSpec, path: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let many = spec.completions.unwrap_or(0) > 100_000 && spec.parallelism.unwrap_or(0) > 10_000;
    if is_indexed(spec) && many {
        warnings.push(format!(
            "{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, \
             Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        ));
    }
    warnings.extend(pod::warnings_for_pod_template(&spec.template, &format!("{path}.template")));
    warnings
}

fn completions(spec: &JobSpec, status: &JobStatus) -> String {
    let succeeded = status.succeeded.unwrap_or(0);
    match (spec.completions, spec.parallelism.unwrap_or(0)) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel @ 2..) => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn describe_spec(d: &mut Description, spec: &JobSpec) {
    if let Some(parallelism) = spec.parallelism {
        d.field(0, "Parallelism", parallelism);
    }
    d.field(0, "Completions", spec.completions.map_or_else(|| "<unset>".to_string(), |n| n.to_string()));
    if let Some(mode) = &spec.completion_mode {
        d.field(0, "Completion Mode", mode);
    }
    if let Some(suspend) = spec.suspend {
        d.field(0, "Suspend", suspend);
    }
    if let Some(limit) = spec.backoff_limit {
        d.field(0, "Backoff Limit", limit);
    }
    if let Some(seconds) = spec.ttl_seconds_after_finished {
        d.field(0, "TTL Seconds After Finished", seconds);
    }
}

/// Indexes in at most so many characters, cut at a comma. Mirrors `capIndexesListOrNone`.
fn cap_indexes(indexes: &str, softly: usize) -> String {
    if indexes.is_empty() {
        return "<none>".into();
    }
    let comma = indexes.char_indices().skip(softly).find(|(_, c)| *c == ',');
    match comma {
        Some((at, _)) => format!("{},...", &indexes[..at]),
        None => indexes.to_string(),
    }
}
