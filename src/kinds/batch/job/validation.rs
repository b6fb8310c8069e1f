//! What is wrong with a Job. Mirrors `pkg/apis/batch/validation`.

use crate::api::k8s::api::batch::v1::{
    Job, JobSpec, JobTemplateSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule, SuccessPolicyRule,
};
use crate::api::k8s::api::core::v1::PodTemplateSpec;
use crate::api::names;
use crate::api::scalar::quote;
use crate::api::selector::{Selector, validate_label_name, validate_label_selector};
use crate::error::FieldError;
use crate::kinds::batch::job::indexes::parse_intervals;
use crate::kinds::batch::job::{
    CONTROLLER_UID, JOB_NAME, LEGACY_CONTROLLER_UID, LEGACY_JOB_NAME, is_condition_true, is_indexed,
};
use crate::kinds::core::pod;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::{FIELD_IMMUTABLE, validate_nonnegative};

/// The most pods at once of an indexed Job, and the most of its indexes that may fail.
const MAX_PARALLELISM: i32 = 100_000;

/// How many completions are many, and what the other limits are then.
const COMPLETIONS_SOFT_LIMIT: i32 = 100_000;
const LIMIT_FOR_HIGH_COMPLETIONS: i32 = 10_000;

const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;
const MAX_CONDITION_PATTERNS: usize = 20;
const MAX_MANAGED_BY: usize = 63;
const MAX_SUCCEEDED_INDEXES: usize = 64 * 1024;

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const CONDITION_STATUSES: [&str; 3] = ["False", "True", "Unknown"];

const NEEDS_INDEXES: &str = "requires indexed completion mode";

/// Values as Go's `%q` prints a list of them.
fn quoted_list(values: &[&str]) -> String {
    format!("valid values: [{}]", values.iter().map(|v| quote(v)).collect::<Vec<_>>().join(" "))
}

/// Faults of a Job; `prefixed` is whether it must have the newer labels.
pub(super) fn validate_job(job: &Job, prefixed: bool) -> Vec<FieldError> {
    let spec = job.spec.clone().unwrap_or_default();
    let mut faults = Faults::default();
    validate_generated_selector(job, &spec, prefixed, &mut faults);
    validate_job_spec(&spec, &mut faults);
    if let Some(completions) = spec.completions.filter(|n| *n > 0 && is_indexed(&spec)) {
        let name = text(&job.metadata.name);
        let longest = format!("{name}-{}", completions - 1);
        if !names::dns1123_label(&longest).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {longest}");
            faults.invalid("metadata", "name", name, &detail);
        }
    }
    faults.0
}

/// Faults of a Job's new version.
pub(super) fn validate_job_update(job: &Job, old: &Job) -> Vec<FieldError> {
    let (spec, was) = (job.spec.clone().unwrap_or_default(), old.spec.clone().unwrap_or_default());
    let labels = was.template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let prefixed = labels.is_some_and(|l| l.contains_key(JOB_NAME) && l.contains_key(CONTROLLER_UID));
    let mut faults = Faults(validate_job(job, prefixed));
    let immutable = |same: bool, field: &str, value: Internal| {
        (!same).then(|| FieldError::invalid(format!("spec.{field}"), value, FIELD_IMMUTABLE))
    };
    let plain = |value: serde_json::Value| Internal::Plain(value);
    if !is_indexed(&spec) {
        faults.extend(immutable(
            spec.completions == was.completions,
            "completions",
            plain(serde_json::json!(spec.completions)),
        ));
    } else if spec.completions != was.completions && spec.completions.is_some() && spec.completions != spec.parallelism
    {
        faults.invalid("spec", "completions", spec.completions, "can only be modified in tandem with spec.parallelism");
    }
    faults.extend(immutable(spec.selector == was.selector, "selector", plain(serde_json::json!(spec.selector))));
    validate_template_update(&spec, &was, old, &mut faults);
    let policy = |name: &str, policy: serde_json::Value| match policy {
        serde_json::Value::Null => Internal::Plain(policy),
        _ => Internal::of(name, &policy),
    };
    faults.extend(immutable(
        spec.completion_mode == was.completion_mode,
        "completionMode",
        plain(serde_json::json!(spec.completion_mode)),
    ));
    faults.extend(immutable(
        spec.pod_failure_policy == was.pod_failure_policy,
        "podFailurePolicy",
        policy("PodFailurePolicy", serde_json::json!(spec.pod_failure_policy)),
    ));
    faults.extend(immutable(
        spec.backoff_limit_per_index == was.backoff_limit_per_index,
        "backoffLimitPerIndex",
        plain(serde_json::json!(spec.backoff_limit_per_index)),
    ));
    faults.extend(immutable(spec.managed_by == was.managed_by, "managedBy", plain(serde_json::json!(spec.managed_by))));
    faults.extend(immutable(
        spec.success_policy == was.success_policy,
        "successPolicy",
        policy("SuccessPolicy", serde_json::json!(spec.success_policy)),
    ));
    faults.0
}

/// The template stays, but that a suspended Job may change where its pods go and what they ask for.
/// Mirrors `validatePodTemplateUpdate`.
fn validate_template_update(spec: &JobSpec, was: &JobSpec, old: &Job, faults: &mut Faults) {
    let (new, mut template) = (&spec.template, was.template.clone());
    let suspended = was.suspend == Some(true);
    let status = old.status.clone().unwrap_or_default();
    let idle = status.start_time.is_none() || is_condition_true(old, "Suspended");
    let changeable = suspended && idle && status.active.unwrap_or(0) == 0;
    if changeable {
        allow_scheduling_directives(new, &mut template);
    }
    if !changeable {
        if *new != template {
            faults.invalid("spec", "template", Internal::of("PodTemplateSpec", new), FIELD_IMMUTABLE);
        }
        return;
    }
    let (Some(new), Some(mut pod)) = (&new.spec, template.spec) else { return };
    if pod.containers.len() == new.containers.len() {
        for (was, is) in pod.containers.iter_mut().zip(&new.containers).filter(|(was, is)| was.name == is.name) {
            was.resources.clone_from(&is.resources);
        }
    }
    let (was, is) = (pod.init_containers.iter_mut().flatten(), items(&new.init_containers));
    if was.size_hint().0 == is.len() {
        for (was, is) in was.zip(is).filter(|(was, is)| was.name == is.name) {
            was.resources.clone_from(&is.resources);
        }
    }
    if *new != pod {
        faults.invalid("spec", "template.spec", Internal::of("PodSpec", new), FIELD_IMMUTABLE);
    }
}

/// Lets the old template have what the new one says of where pods go.
fn allow_scheduling_directives(new: &PodTemplateSpec, old: &mut PodTemplateSpec) {
    let (Some(new_spec), Some(old_spec)) = (&new.spec, &mut old.spec) else { return };
    let mut affinity = old_spec.affinity.take().unwrap_or_default();
    affinity.node_affinity = new_spec.affinity.as_ref().and_then(|a| a.node_affinity.clone());
    old_spec.affinity = Some(affinity).filter(|a| new_spec.affinity.is_some() || *a != Default::default());
    old_spec.node_selector.clone_from(&new_spec.node_selector);
    old_spec.tolerations.clone_from(&new_spec.tolerations);
    old_spec.scheduling_gates.clone_from(&new_spec.scheduling_gates);
    let meta = old.metadata.get_or_insert_default();
    let is = new.metadata.clone().unwrap_or_default();
    meta.annotations = is.annotations;
    meta.labels = is.labels;
    old.metadata = old.metadata.take().filter(|m| new.metadata.is_some() || *m != Default::default());
}

/// Checks that a generated selector and its labels are those of this Job.
fn validate_generated_selector(job: &Job, spec: &JobSpec, prefixed: bool, faults: &mut Faults) {
    let Some(selector) = spec.selector.as_ref().filter(|_| spec.manual_selector != Some(true)) else { return };
    let (name, uid) = (text(&job.metadata.name), text(&job.metadata.uid));
    if uid.is_empty() {
        faults.required("metadata.uid", "");
    }
    let labels = spec.template.metadata.clone().unwrap_or_default().labels.unwrap_or_default();
    let legacy = [(LEGACY_CONTROLLER_UID, uid), (LEGACY_JOB_NAME, name)];
    let newer = if prefixed { &[(CONTROLLER_UID, uid), (JOB_NAME, name)][..] } else { &[] };
    let expected = || legacy.iter().chain(newer);
    for (key, value) in expected() {
        let path = format!("spec.template.metadata.labels[{key}]");
        let detail = format!("must be '{value}'");
        match labels.get(*key) {
            None => faults.required_for(&path, "", &detail),
            Some(is) if is != value => faults.invalid(&path, "", &labels, &detail),
            Some(_) => {}
        }
    }
    let expected: std::collections::BTreeMap<String, String> =
        expected().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    if Selector::from_label_selector(Some(selector)).is_ok_and(|s| !s.matches(&expected)) {
        faults.invalid("spec", "selector", selector, "`selector` not auto-generated");
    }
}

/// Mirrors `ValidateJobSpec`.
fn validate_job_spec(spec: &JobSpec, faults: &mut Faults) {
    validate_common(spec, "spec", faults);
    match &spec.selector {
        None => faults.required("spec", "selector"),
        Some(selector) => faults.extend(validate_label_selector(selector, "spec.selector")),
    }
    let labels = spec.template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    if Selector::from_label_selector(spec.selector.as_ref()).is_ok_and(|s| !s.matches(labels)) {
        let detail = "`selector` does not match template `labels`";
        faults.invalid("spec.template.metadata", "labels", labels, detail);
    }
}

/// Faults of a CronJob's template. Mirrors `ValidateJobTemplateSpec`.
pub(in crate::kinds) fn validate_job_template(template: &JobTemplateSpec, path: &str) -> Vec<FieldError> {
    let spec = template.spec.clone().unwrap_or_default();
    let path = format!("{path}.spec");
    let mut faults = Faults::default();
    validate_common(&spec, &path, &mut faults);
    if let Some(selector) = &spec.selector {
        faults.invalid(&path, "selector", selector, "`selector` will be auto-generated");
    }
    if spec.manual_selector == Some(true) {
        let field = format!("{path}.manualSelector");
        faults.extend([FieldError::not_supported_in_order(field, true, &["nil", "false"])]);
    }
    faults.0
}

/// Mirrors `validateJobSpec`.
fn validate_common(spec: &JobSpec, path: &str, faults: &mut Faults) {
    for (name, value) in [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.map(i64::from)),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.map(i64::from)),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ] {
        faults.extend(value.and_then(|n| validate_nonnegative(n, &format!("{path}.{name}"))));
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        faults.required_for(path, "backoffLimitPerIndex", "when maxFailedIndexes is specified");
    }
    if let Some(manager) = &spec.managed_by {
        validate_domain_prefixed_path(manager, &format!("{path}.managedBy"), faults);
        if manager.len() > MAX_MANAGED_BY {
            faults.extend([FieldError::too_long(format!("{path}.managedBy"), MAX_MANAGED_BY)]);
        }
    }
    validate_completion_mode(spec, path, faults);
    if let Some(policy) = &spec.pod_failure_policy {
        let path = format!("{path}.podFailurePolicy.rules");
        if policy.rules.len() > MAX_RULES {
            faults.extend([FieldError::too_many(&path, policy.rules.len(), MAX_RULES)]);
        }
        for (i, rule) in policy.rules.iter().enumerate() {
            validate_failure_rule(spec, rule, &format!("{path}[{i}]"), faults);
        }
    }
    if let Some(policy) = &spec.success_policy {
        let rules = format!("{path}.successPolicy.rules");
        if !is_indexed(spec) {
            faults.invalid(path, "successPolicy", Internal::of("SuccessPolicy", policy), NEEDS_INDEXES);
        } else if policy.rules.is_empty() {
            let detail = "at least one rules must be specified when the successPolicy is specified";
            faults.required_for(&rules, "", detail);
        } else if policy.rules.len() > MAX_RULES {
            faults.extend([FieldError::too_many(&rules, policy.rules.len(), MAX_RULES)]);
        }
        for (i, rule) in policy.rules.iter().enumerate().filter(|_| is_indexed(spec)) {
            validate_success_rule(spec.completions.unwrap_or(0), rule, &format!("{rules}[{i}]"), faults);
        }
    }
    if let Some(policy) = &spec.pod_replacement_policy {
        let supported =
            if spec.pod_failure_policy.is_some() { &["Failed"][..] } else { &["Failed", "TerminatingOrFailed"] };
        faults.one_of(path, "podReplacementPolicy", policy, supported);
    }
    faults.extend(pod::validate_pod_template_spec(&spec.template, &format!("{path}.template")));
    validate_restart_policy(spec, &format!("{path}.template.spec"), faults);
}

fn validate_restart_policy(spec: &JobSpec, path: &str, faults: &mut Faults) {
    let policy = text(&spec.template.spec.as_ref().and_then(|s| s.restart_policy.clone())).to_string();
    match policy.as_str() {
        "" | "Always" => {
            faults.required_for(path, "restartPolicy", "valid values: \"OnFailure\", \"Never\"");
        }
        "OnFailure" if spec.pod_failure_policy.is_some() => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            faults.invalid(path, "restartPolicy", &policy, detail);
        }
        _ => faults.one_of_in_order(path, "restartPolicy", &policy, &["OnFailure", "Never"]),
    }
}

fn validate_completion_mode(spec: &JobSpec, path: &str, faults: &mut Faults) {
    let mode = spec.completion_mode.as_deref().unwrap_or("NonIndexed");
    if !matches!(mode, "NonIndexed" | "Indexed") {
        let field = format!("{path}.completionMode");
        faults.extend([FieldError::not_supported_in_order(field, mode, &["NonIndexed", "Indexed"])]);
    }
    if mode == "NonIndexed" {
        let limits =
            [("backoffLimitPerIndex", spec.backoff_limit_per_index), ("maxFailedIndexes", spec.max_failed_indexes)];
        for (name, value) in limits.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            faults.invalid(path, name, value, NEEDS_INDEXES);
        }
    }
    if mode != "Indexed" {
        return;
    }
    let too_many = |value: Option<i32>, max: i32| value.filter(|n| *n > max);
    let most = |max: i32| format!("must be less than or equal to {max}");
    let Some(completions) = spec.completions else {
        faults.required_for(path, "completions", "when completion mode is Indexed");
        return validate_index_limits(spec, path, faults);
    };
    validate_index_limits(spec, path, faults);
    if let Some(failed) = too_many(spec.max_failed_indexes, completions) {
        faults.invalid(path, "maxFailedIndexes", failed, "must be less than or equal to completions");
    }
    if let Some(failed) = too_many(spec.max_failed_indexes, MAX_PARALLELISM) {
        faults.invalid(path, "maxFailedIndexes", failed, &most(MAX_PARALLELISM));
    }
    if completions > COMPLETIONS_SOFT_LIMIT && spec.backoff_limit_per_index.is_some() {
        let detail = format!(
            "{} when completions are above {COMPLETIONS_SOFT_LIMIT} and used with backoff limit per index",
            most(LIMIT_FOR_HIGH_COMPLETIONS)
        );
        if spec.max_failed_indexes.is_none() {
            let detail = format!("must be specified when completions is above {COMPLETIONS_SOFT_LIMIT}");
            faults.required_for(path, "maxFailedIndexes", &detail);
        }
        for (name, value) in [("parallelism", spec.parallelism), ("maxFailedIndexes", spec.max_failed_indexes)] {
            if let Some(value) = too_many(value, LIMIT_FOR_HIGH_COMPLETIONS) {
                faults.invalid(path, name, value, &detail);
            }
        }
    }
}

fn validate_index_limits(spec: &JobSpec, path: &str, faults: &mut Faults) {
    if let Some(parallelism) = spec.parallelism.filter(|n| *n > MAX_PARALLELISM) {
        let detail = format!("must be less than or equal to {MAX_PARALLELISM} when completion mode is Indexed");
        faults.invalid(path, "parallelism", parallelism, &detail);
    }
}

/// Mirrors `IsDomainPrefixedPath`.
fn validate_domain_prefixed_path(value: &str, path: &str, faults: &mut Faults) {
    if value.is_empty() {
        return faults.required(path, "");
    }
    let Some((host, rest)) = value.split_once('/').filter(|(host, rest)| !host.is_empty() && !rest.is_empty()) else {
        return faults.invalid(path, "", value, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    };
    faults.all_invalid(path, "", host, names::dns1123_subdomain(host));
    if !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b)) {
        let detail = names::regex_error("Invalid path", "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+", &[]);
        faults.invalid(path, "", rest, &detail);
    }
}

fn validate_failure_rule(spec: &JobSpec, rule: &PodFailurePolicyRule, path: &str, faults: &mut Faults) {
    match rule.action.as_str() {
        "" => faults.required_for(path, "action", &quoted_list(&ACTIONS)),
        "FailIndex" if spec.backoff_limit_per_index.is_none() => {
            faults.invalid(path, "action", "FailIndex", "requires the backoffLimitPerIndex to be set");
        }
        action => faults.one_of(path, "action", action, &ACTIONS),
    }
    let patterns = items(&rule.on_pod_conditions);
    if let Some(codes) = &rule.on_exit_codes {
        validate_exit_codes(spec, codes, &format!("{path}.onExitCodes"), faults);
    }
    validate_condition_patterns(patterns, &format!("{path}.onPodConditions"), faults);
    let detail = match (&rule.on_exit_codes, patterns) {
        (Some(_), [_, ..]) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (None, []) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    faults.extend([FieldError::invalid_as(path, detail)]);
}

fn validate_condition_patterns(patterns: &[PodFailurePolicyOnPodConditionsPattern], path: &str, faults: &mut Faults) {
    if patterns.len() > MAX_CONDITION_PATTERNS {
        faults.extend([FieldError::too_many(path, patterns.len(), MAX_CONDITION_PATTERNS)]);
    }
    for (i, pattern) in patterns.iter().enumerate() {
        let path = format!("{path}[{i}]");
        faults.extend(validate_label_name(&pattern.type_, &format!("{path}.type")));
        match text(&pattern.status) {
            "" => faults.required_for(&path, "status", &quoted_list(&CONDITION_STATUSES)),
            status => faults.one_of(&path, "status", status, &CONDITION_STATUSES),
        }
    }
}

fn validate_exit_codes(
    spec: &JobSpec,
    codes: &PodFailurePolicyOnExitCodesRequirement,
    path: &str,
    faults: &mut Faults,
) {
    match codes.operator.as_str() {
        "" => faults.required_for(path, "operator", &quoted_list(&["In", "NotIn"])),
        operator => faults.one_of(path, "operator", operator, &["In", "NotIn"]),
    }
    let pod = spec.template.spec.clone().unwrap_or_default();
    let mut containers = pod.containers.iter().chain(items(&pod.init_containers));
    if let Some(name) = codes.container_name.as_ref().filter(|name| containers.all(|c| c.name != **name)) {
        let detail = "must be one of the container or initContainer names in the pod template";
        faults.invalid(path, "containerName", name, detail);
    }
    match codes.values.len() {
        0 => faults.invalid(path, "values", serde_json::Value::Null, "at least one value is required"),
        n if n > MAX_EXIT_CODES => {
            faults.extend([FieldError::too_many(format!("{path}.values"), n, MAX_EXIT_CODES)]);
        }
        _ => {}
    }
    for (i, value) in codes.values.iter().enumerate() {
        let field = format!("values[{i}]");
        if codes.operator == "In" && *value == 0 {
            faults.invalid(path, &field, value, "must not be 0 for the In operator");
        }
        if codes.values.iter().take(i).any(|v| v == value) {
            faults.duplicate(path, &field, value);
        }
    }
    if !codes.values.is_sorted() {
        faults.invalid(path, "values", &codes.values, "must be ordered");
    }
}

fn validate_success_rule(completions: i32, rule: &SuccessPolicyRule, path: &str, faults: &mut Faults) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        let detail = "at least one of succeededCount or succeededIndexes must be specified";
        faults.required_for(path, "", detail);
    }
    let mut total = 0;
    if let Some(indexes) = &rule.succeeded_indexes {
        if indexes.len() > MAX_SUCCEEDED_INDEXES {
            faults.extend([FieldError::too_long(format!("{path}.succeededIndexes"), MAX_SUCCEEDED_INDEXES)]);
        }
        match parse_intervals(indexes, completions) {
            Ok(intervals) => total = intervals.iter().map(|(first, last)| last - first + 1).sum(),
            Err(fault) => {
                let detail = format!("error parsing succeededIndexes: {fault}");
                faults.invalid(path, "succeededIndexes", indexes, &detail);
            }
        }
    }
    let Some(count) = rule.succeeded_count else { return };
    faults.extend(validate_nonnegative(count.into(), &format!("{path}.succeededCount")));
    let mut most = |max: i32, what: &str| {
        if count > max {
            let detail = format!("must be less than or equal to {max} (the number of {what})");
            faults.invalid(path, "succeededCount", count, &detail);
        }
    };
    most(completions, "specified completions");
    if rule.succeeded_indexes.is_some() {
        most(total, "indexes in the specified succeededIndexes field");
    }
}
