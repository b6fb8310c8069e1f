//! CronJob.

pub mod schedule;

use crate::api::k8s::api::batch::v1::{CronJob, CronJobSpec, CronJobStatus};
use crate::api::selector::{Selector, format_label_selector};
use crate::api::time::{rfc1123z, translate_timestamp_since};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::Version;
use crate::kinds::batch::job::{set_pod_failure_policy_defaults, validate_job_template, warnings_for_job_spec_at};
use crate::kinds::core::pod;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_bool_ptr, print_labels_multiline,
};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::meta::validate_nonnegative;
use crate::kinds::shared::print;
use crate::kinds::shared::workload::{container_cells, warn_of_name};
use schedule::{Schedule, load_location};

/// The longest name: the controller adds eleven characters to it.
const MAX_NAME: usize = 52;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("SCHEDULE"),
    Column::new("TIMEZONE"),
    Column::new("SUSPEND"),
    Column::new("ACTIVE"),
    Column::new("LAST SCHEDULE"),
    Column::new("AGE"),
    Column::wide("CONTAINERS"),
    Column::wide("IMAGES"),
    Column::wide("SELECTOR"),
];

impl Strategy for CronJob {
    crate::spec_and_status!(Some(CronJobStatus::default()));
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let spec = &mut self.spec;
        spec.concurrency_policy.get_or_insert_with(|| "Allow".into());
        spec.suspend.get_or_insert(false);
        spec.successful_jobs_history_limit.get_or_insert(3);
        spec.failed_jobs_history_limit.get_or_insert(1);
        let job = spec.job_template.spec.get_or_insert_default();
        set_pod_failure_policy_defaults(job);
        pod::set_pod_template_defaults(&mut job.template);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = validate_spec(&self.spec, None);
        let name = text(&self.metadata.name);
        if name.len() > MAX_NAME {
            faults.push(FieldError::invalid("metadata.name", name, "must be no more than 52 characters"));
        }
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validate_spec(&self.spec, Some(&old.spec))
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warn_of_name(&self.metadata).into_iter().chain(template_warnings(&self.spec)).collect()
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        let mut warnings = if self.same_spec(old) { Vec::new() } else { template_warnings(&self.spec) };
        if self.spec.schedule.contains("TZ") {
            warnings.push(
                "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
                 https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                    .into(),
            );
        }
        warnings
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let (spec, status) = (self.spec.clone(), self.status.clone().unwrap_or_default());
        let job = spec.job_template.spec.unwrap_or_default();
        let [names, images] = container_cells(Some(&job.template));
        let last = status.last_schedule_time.as_ref();
        vec![
            text(&self.metadata.name).to_string(),
            spec.schedule,
            spec.time_zone.unwrap_or_else(|| "<none>".into()),
            print_bool_ptr(spec.suspend).to_string(),
            items(&status.active).len().to_string(),
            last.map_or_else(|| "<none>".to_string(), |_| translate_timestamp_since(last, context.now)),
            print::age(&self.metadata, context),
            names,
            images,
            format_label_selector(job.selector.as_ref()),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, spec) = (&self.metadata, self.spec.clone());
        let status = self.status.clone().unwrap_or_default();
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.field(0, "Schedule", &spec.schedule);
        d.field(0, "Concurrency Policy", text(&spec.concurrency_policy));
        d.field(0, "Suspend", print_bool_ptr(spec.suspend));
        let unset = || "<unset>".to_string();
        if context.version >= Version(36) {
            d.field(0, "Time Zone", spec.time_zone.clone().unwrap_or_else(unset));
        }
        let number = |n: Option<i32>| n.map_or_else(unset, |n| n.to_string());
        d.field(0, "Successful Job History Limit", number(spec.successful_jobs_history_limit));
        d.field(0, "Failed Job History Limit", number(spec.failed_jobs_history_limit));
        let deadline = spec.starting_deadline_seconds.map_or_else(unset, |s| format!("{s}s"));
        d.field(0, "Starting Deadline Seconds", deadline);
        let job = spec.job_template.spec.unwrap_or_default();
        match job.selector.as_ref().map(|s| Selector::from_label_selector(Some(s))) {
            Some(Ok(selector)) => d.field(0, "Selector", selector),
            Some(Err(error)) => d.field(0, "Selector", format!("Failed to get selector: {error}")),
            None => d.field(0, "Selector", "<unset>"),
        }
        d.field(0, "Parallelism", number(job.parallelism));
        d.field(0, "Completions", number(job.completions));
        if let Some(seconds) = job.active_deadline_seconds {
            d.field(0, "Active Deadline Seconds", format!("{seconds}s"));
        }
        pod::describe_pod_template(d, &job.template, context.version);
        let last = status.last_schedule_time.as_ref();
        d.field(0, "Last Schedule Time", last.map_or_else(unset, |_| rfc1123z(last)));
        let active: Vec<&str> = items(&status.active).iter().map(|job| text(&job.name)).collect();
        d.field(0, "Active Jobs", if active.is_empty() { "<none>".to_string() } else { active.join(", ") });
        describe_events_of(d, meta, context);
    }
}

fn template_warnings(spec: &CronJobSpec) -> Vec<String> {
    spec.job_template
        .spec
        .as_ref()
        .map(|spec| warnings_for_job_spec_at(spec, "spec.jobTemplate.spec"))
        .unwrap_or_default()
}

/// Faults of a spec. Mirrors `validateCronJobSpec`.
fn validate_spec(spec: &CronJobSpec, old: Option<&CronJobSpec>) -> Vec<FieldError> {
    let mut faults = Faults::default();
    if faults.require("spec", "schedule", &spec.schedule) {
        validate_schedule(spec, old, &mut faults);
    }
    if let Some(seconds) = spec.starting_deadline_seconds {
        faults.extend(validate_nonnegative(seconds, "spec.startingDeadlineSeconds"));
    }
    if let Some(zone) = spec.time_zone.as_ref().filter(|_| old.is_none_or(|o| o.time_zone != spec.time_zone)) {
        validate_time_zone(zone, &mut faults);
    }
    let policy = text(&spec.concurrency_policy);
    faults.one_of_in_order("spec", "concurrencyPolicy", policy, &["Allow", "Forbid", "Replace"]);
    faults.extend(validate_job_template(&spec.job_template, "spec.jobTemplate"));
    for (name, limit) in [
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        faults.extend(limit.and_then(|n| validate_nonnegative(n.into(), &format!("spec.{name}"))));
    }
    faults.0
}

fn validate_schedule(spec: &CronJobSpec, old: Option<&CronJobSpec>, faults: &mut Faults) {
    let schedule = &spec.schedule;
    if let Err(fault) = Schedule::parse(schedule) {
        faults.invalid("spec", "schedule", schedule, &fault);
    }
    let had_zone = old.is_some_and(|o| o.schedule.contains("TZ"));
    match (had_zone, schedule.contains("TZ"), &spec.time_zone) {
        (true, true, Some(_)) => {
            let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
            faults.invalid("spec", "schedule", schedule, detail);
        }
        (false, true, _) => {
            let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            faults.invalid("spec", "schedule", schedule, detail);
        }
        _ => {}
    }
}

fn validate_time_zone(zone: &str, faults: &mut Faults) {
    if zone.is_empty() {
        return faults.invalid("spec", "timeZone", zone, "timeZone must be nil or non-empty string");
    }
    let good = |part: &str| {
        !matches!(part, "." | "..")
            && !part.starts_with('-')
            && (1..=14).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_+".contains(&b))
    };
    if !zone.split('/').all(good) {
        return faults.invalid("spec", "timeZone", zone, &format!("unknown time zone {zone}"));
    }
    if zone.eq_ignore_ascii_case("Local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        faults.invalid("spec", "timeZone", zone, detail);
    }
    if let Err(fault) = load_location(zone) {
        faults.invalid("spec", "timeZone", zone, &fault);
    }
}
