//! What the kinds that own pods share: checks of selectors, templates and percentages, cells, and counts of pods.
//!
//! Mirrors `pkg/apis/apps/validation/validation.go` and helpers of printers and `describe`.

use serde_json::json;

use crate::api::k8s::api::apps::v1::ReplicaSet;
use crate::api::k8s::api::core::v1::{Pod, PodTemplateSpec};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::object::controller_of;
use crate::api::selector::{Selector, validate_label_selector};
use crate::api::{Kind, LabelSelector, ObjectMeta, names};
use crate::error::FieldError;
use crate::kinds::core::pod;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::meta::validate_nonnegative;
use crate::kinds::shared::print;
use crate::kinds::{Column, Description, PrintContext};

/// The label by which a Deployment's ReplicaSets tell their pods apart.
pub const LABEL_POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// The columns of kinds that keep a number of pods of one template.
pub const REPLICA_COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("DESIRED"),
    Column::new("CURRENT"),
    Column::new("READY"),
    Column::new("AGE"),
    Column::wide("CONTAINERS"),
    Column::wide("IMAGES"),
    Column::wide("SELECTOR"),
];

/// Their row: the numbers are those of the columns, in that order.
pub fn replica_row(
    meta: &ObjectMeta,
    numbers: [i32; 3],
    template: Option<&PodTemplateSpec>,
    selector: String,
    context: &PrintContext<'_>,
) -> Vec<String> {
    let [desired, current, ready] = numbers.map(|n| n.to_string());
    let [names, images] = container_cells(template);
    let name = meta.name.clone().unwrap_or_default();
    vec![name, desired, current, ready, print::age(meta, context), names, images, selector]
}

/// What is odd in a new object with a pod template.
pub fn warnings_on_create(meta: &ObjectMeta, template: Option<&PodTemplateSpec>) -> Vec<String> {
    warn_of_name(meta).into_iter().chain(warnings_of_template(template)).collect()
}

/// What is odd in a pod template.
pub fn warnings_of_template(template: Option<&PodTemplateSpec>) -> Vec<String> {
    template.map(|t| pod::warnings_for_pod_template(t, "spec.template")).unwrap_or_default()
}

/// Names and images of a template's containers, as the wide columns have them. Mirrors `layoutContainerCells`.
pub fn container_cells(template: Option<&PodTemplateSpec>) -> [String; 2] {
    let containers = template.and_then(|t| t.spec.as_ref()).map(|s| s.containers.as_slice()).unwrap_or_default();
    let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
    let images: Vec<&str> = containers.iter().map(|c| text(&c.image)).collect();
    [names.join(","), images.join(",")]
}

/// Whether there is no selector. One that says nothing has an empty list of labels.
fn is_absent(selector: &LabelSelector) -> bool {
    selector.match_labels.is_none() && selector.match_expressions.is_none()
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(|l| l.is_empty()) && items(&selector.match_expressions).is_empty()
}

/// Faults of a required selector; `kind` is the word in the message.
pub fn validate_selector(selector: &LabelSelector, path: &str, kind: &str) -> Vec<FieldError> {
    if is_absent(selector) {
        return vec![FieldError::required(path, "")];
    }
    if is_empty(selector) {
        return vec![FieldError::invalid(path, json!({}), &format!("empty selector is invalid for {kind}"))];
    }
    validate_label_selector(selector, path)
}

/// The fault of a template whose labels the selector does not match.
pub fn validate_template_labels(
    selector: &LabelSelector,
    template: &PodTemplateSpec,
    path: &str,
    unreadable: &str,
) -> Option<FieldError> {
    let selector_path = path.strip_suffix(".template").unwrap_or(path);
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let mismatch = || {
        let detail = "`selector` does not match template `labels`";
        FieldError::invalid(format!("{path}.metadata.labels"), labels, detail)
    };
    if is_absent(selector) {
        return Some(mismatch());
    }
    match Selector::from_label_selector(Some(selector)) {
        Ok(read) => (!read.matches(labels)).then(mismatch),
        Err(_) => Some(FieldError::invalid(format!("{selector_path}.selector"), selector, unreadable)),
    }
}

/// Faults of a template whose pods run for ever: only `restartPolicy: Always`, no deadline. `kind` is the word in
/// the message.
pub fn validate_restarting_template(template: &PodTemplateSpec, path: &str, kind: &str) -> Vec<FieldError> {
    let Some(spec) = &template.spec else { return Vec::new() };
    let mut faults = Vec::new();
    if text(&spec.restart_policy) != "Always" {
        let field = format!("{path}.spec.restartPolicy");
        faults.push(FieldError::not_supported(field, text(&spec.restart_policy), &["Always"]));
    }
    if spec.active_deadline_seconds.is_some() {
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        faults.push(FieldError::forbidden(format!("{path}.spec.activeDeadlineSeconds"), &detail));
    }
    faults
}

/// Faults of a ReplicaSet's or Deployment's template. Mirrors `ValidatePodTemplateSpecForReplicaSet`.
pub fn validate_template_for_replica_set(
    selector: &LabelSelector,
    template: &PodTemplateSpec,
    path: &str,
) -> Vec<FieldError> {
    let mismatch = validate_template_labels(selector, template, path, "invalid label selector");
    let mut faults: Vec<FieldError> = mismatch.into_iter().collect();
    if faults.iter().any(|f| !f.field.ends_with(".labels")) {
        return faults;
    }
    faults.extend(pod::validate_pod_template_spec(template, path));
    faults.extend(validate_restarting_template(template, path, "ReplicaSet"));
    faults
}

/// Faults of a name that becomes part of pods' names but is none that a host may have.
pub fn warn_of_name(meta: &ObjectMeta) -> Option<String> {
    let faults = names::dns1123_label(text(&meta.name));
    (!faults.is_empty()).then(|| {
        format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; \
             a DNS label is recommended: [{}]",
            faults.join(" ")
        )
    })
}

/// Faults of a number that must not be negative, where it is given.
pub fn nonnegative(value: Option<i32>, path: &str) -> Option<FieldError> {
    validate_nonnegative(value.unwrap_or(0).into(), path)
}

/// Faults of a number or a percentage. Mirrors `ValidatePositiveIntOrPercent`.
pub fn validate_positive_int_or_percent(value: &IntOrString, path: &str) -> Vec<FieldError> {
    match value {
        IntOrString::Int(n) => validate_nonnegative((*n).into(), path).into_iter().collect(),
        IntOrString::String(s) => names::percent(s).iter().map(|e| FieldError::invalid(path, value, e)).collect(),
    }
}

/// The percentage that a text is.
fn percent_value(value: &IntOrString) -> Option<i64> {
    match value {
        IntOrString::String(s) if names::percent(s).is_empty() => s.strip_suffix('%')?.parse().ok(),
        _ => None,
    }
}

/// The number itself, be it a percentage or not; 0 for what is neither. Mirrors `getIntOrPercentValue`.
pub fn int_or_percent_value(value: &IntOrString) -> i64 {
    match value {
        IntOrString::Int(n) => (*n).into(),
        IntOrString::String(s) => percent_value(value).or_else(|| s.parse().ok()).unwrap_or(0),
    }
}

/// The fault of a percentage above 100. Mirrors `IsNotMoreThan100Percent`.
pub fn is_not_more_than_100_percent(value: &IntOrString, path: &str) -> Option<FieldError> {
    let over = percent_value(value).is_some_and(|n| n > 100);
    over.then(|| FieldError::invalid(path, value, "must not be greater than 100%"))
}

/// An absolute number, or a share of `total` in percent. What can't be read counts as 0.
/// Mirrors `intstr.GetScaledValueFromIntOrPercent`.
pub fn scaled_value(value: &IntOrString, total: i32, round_up: bool) -> i32 {
    match value {
        IntOrString::Int(n) => *n,
        IntOrString::String(text) => {
            let percent: i64 = text.strip_suffix('%').and_then(|t| t.parse().ok()).unwrap_or(0);
            let hundredths = percent * i64::from(total);
            let scaled = if round_up { -(-hundredths).div_euclid(100) } else { hundredths.div_euclid(100) };
            i32::try_from(scaled).unwrap_or(i32::MAX)
        }
    }
}

/// Whether two templates are the same but for the hash label. Mirrors `EqualIgnoreHash`.
pub fn equal_ignore_hash(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let plain = |t: &PodTemplateSpec| {
        let mut meta = t.metadata.clone().unwrap_or_default();
        let mut labels = meta.labels.take().unwrap_or_default();
        labels.remove(LABEL_POD_TEMPLATE_HASH);
        meta.labels = Some(labels);
        meta.annotations = meta.annotations.filter(|a| !a.is_empty());
        meta
    };
    a.spec == b.spec && plain(a) == plain(b)
}

/// Orders ReplicaSets from old to new. Mirrors `ReplicaSetsByCreationTimestamp`.
pub fn by_creation(a: &ReplicaSet, b: &ReplicaSet) -> std::cmp::Ordering {
    let made = |rs: &ReplicaSet| rs.metadata.creation_timestamp.as_ref().map(|t| t.0);
    made(a).cmp(&made(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
}

/// Writes how many pods of an owner run, wait, succeeded and failed. Mirrors `getPodStatusForController`.
pub fn pods_status(meta: &ObjectMeta, selector: &Selector, context: &PrintContext<'_>) -> String {
    let mut counts = [0; 4];
    for object in context.lister.list(Kind::Pod, meta.namespace.as_deref()) {
        let owned = controller_of(object.meta()).is_some_and(|c| Some(&c.uid) == meta.uid.as_ref());
        if !owned || !selector.matches(object.meta().labels.as_ref()) {
            continue;
        }
        let phase = object.get::<Pod>().and_then(|p| p.status.as_ref()).and_then(|s| s.phase.as_deref());
        let place = ["Running", "Pending", "Succeeded", "Failed"].iter().position(|p| Some(*p) == phase);
        if let Some(count) = place.and_then(|i| counts.get_mut(i)) {
            *count += 1;
        }
    }
    let [running, waiting, succeeded, failed] = counts;
    format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed")
}

/// Writes conditions as a table of type, status and reason.
pub fn describe_conditions<'a>(
    d: &mut Description,
    conditions: impl Iterator<Item = (&'a str, &'a str, &'a Option<String>)>,
) {
    let mut conditions = conditions.peekable();
    if conditions.peek().is_some() {
        d.write(0, "Conditions:\n  Type\tStatus\tReason\n");
        d.write(1, "----\t------\t------\n");
    }
    for (kind, status, reason) in conditions {
        d.write(1, format!("{kind} \t{status}\t{}\n", text(reason)));
    }
}

#[cfg(test)]
mod tests {
    use super::{IntOrString, int_or_percent_value, scaled_value};

    #[test]
    fn percentages_round_as_asked() {
        let percent = |text: &str| IntOrString::String(text.into());
        assert_eq!((scaled_value(&percent("25%"), 3, true), scaled_value(&percent("25%"), 3, false)), (1, 0));
        assert_eq!((scaled_value(&percent("100%"), 7, true), scaled_value(&IntOrString::Int(2), 7, true)), (7, 2));
        assert_eq!((int_or_percent_value(&percent("30%")), int_or_percent_value(&percent("x"))), (30, 0));
    }
}
