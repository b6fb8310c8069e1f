//! What is wrong with an autoscaler's spec. Mirrors `pkg/apis/autoscaling/validation`.

use crate::api::k8s::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerSpec, MetricIdentifier,
    MetricSpec, MetricTarget,
};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::names;
use crate::api::quantity::Quantity;
use crate::error::FieldError;
use crate::kinds::core::pod::validate_container_resource_name;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::meta::IS_NEGATIVE;

/// The longest period of a scaling policy, in seconds.
const MAX_PERIOD_SECONDS: i32 = 1800;

/// The longest stabilization window, in seconds.
const MAX_STABILIZATION_WINDOW_SECONDS: i32 = 3600;

const METRIC_TYPES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];

const BOTH_TARGETS_MISSING: &str = "must set either a target raw value or a target utilization";

/// What is let pass because of what the object already is.
pub(super) struct Leniency {
    min_replicas: i32,
    any_target_version: bool,
    core_target: bool,
    any_object_version: bool,
}

impl Leniency {
    /// For a new object.
    pub(super) fn for_create(spec: &HorizontalPodAutoscalerSpec) -> Leniency {
        Leniency {
            min_replicas: 1,
            any_target_version: false,
            core_target: spec.scale_target_ref.kind == "ReplicationController",
            any_object_version: false,
        }
    }

    /// For a new version of an object.
    pub(super) fn for_update(spec: &HorizontalPodAutoscalerSpec, old: &HorizontalPodAutoscalerSpec) -> Leniency {
        let target =
            |s: &HorizontalPodAutoscalerSpec| (s.scale_target_ref.api_version.clone(), s.scale_target_ref.kind.clone());
        let objects = items(&old.metrics).iter().filter(|m| m.type_ == "Object").filter_map(|m| m.object.as_ref());
        Leniency {
            min_replicas: if old.min_replicas == Some(0) { 0 } else { 1 },
            any_target_version: target(spec) == target(old),
            any_object_version: objects.map(|o| api_version_fault(&o.described_object, true)).any(|f| f.is_some()),
            ..Leniency::for_create(spec)
        }
    }
}

/// Faults of a spec.
pub(super) fn validate_spec(spec: &HorizontalPodAutoscalerSpec, lenient: &Leniency) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let max = spec.max_replicas;
    if let Some(min) = spec.min_replicas.filter(|min| *min < lenient.min_replicas) {
        let detail = format!("must be greater than or equal to {}", lenient.min_replicas);
        faults.invalid("spec", "minReplicas", min, &detail);
    }
    match max {
        0 => faults.required_for("spec", "maxReplicas", "must be set and greater than 0"),
        ..0 => faults.invalid("spec", "maxReplicas", max, "must be greater than or equal to 1"),
        _ => {}
    }
    if spec.min_replicas.is_some_and(|min| max < min) {
        faults.invalid("spec", "maxReplicas", max, "must be greater than or equal to `minReplicas`");
    }
    let version = (!lenient.any_target_version).then_some(lenient.core_target);
    validate_reference(&spec.scale_target_ref, "spec.scaleTargetRef", version, &mut faults);
    let metrics = items(&spec.metrics);
    for (i, metric) in metrics.iter().enumerate() {
        let version = (!lenient.any_object_version).then_some(true);
        validate_metric_spec(metric, &format!("spec.metrics[{i}]"), version, &mut faults);
    }
    if spec.min_replicas == Some(0) && !metrics.iter().any(|m| matches!(m.type_.as_str(), "Object" | "External")) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        faults.forbidden("spec", "metrics", detail);
    }
    if let Some(behavior) = &spec.behavior {
        validate_scaling_rules(behavior.scale_up.as_ref(), "spec.behavior.scaleUp", &mut faults);
        validate_scaling_rules(behavior.scale_down.as_ref(), "spec.behavior.scaleDown", &mut faults);
    }
    faults.0
}

/// What is wrong with a reference's version: that it cannot be read, or names no group where one is needed.
fn api_version_fault(reference: &CrossVersionObjectReference, core: bool) -> Option<String> {
    let version = text(&reference.api_version);
    match version.matches('/').count() {
        0 if core => None,
        0 => Some("apiVersion must specify API group".into()),
        1 if !core && version.starts_with('/') => Some("apiVersion must specify API group".into()),
        1 => None,
        _ => Some(format!("unexpected GroupVersion string: {version}")),
    }
}

/// Checks a reference; `version` says whether its version may be of the core group, none that it isn't looked at.
fn validate_reference(r: &CrossVersionObjectReference, path: &str, version: Option<bool>, faults: &mut Faults) {
    for (name, value) in [("kind", &r.kind), ("name", &r.name)] {
        if faults.require(path, name, value) {
            faults.all_invalid(path, name, value, names::path_segment_name(value, false));
        }
    }
    if let Some(fault) = version.and_then(|core| api_version_fault(r, core)) {
        faults.invalid(path, "apiVersion", text(&r.api_version), &fault);
    }
}

fn validate_scaling_rules(rules: Option<&HPAScalingRules>, path: &str, faults: &mut Faults) {
    let Some(rules) = rules else { return };
    if let Some(seconds) = rules.stabilization_window_seconds {
        if seconds < 0 {
            faults.invalid(path, "stabilizationWindowSeconds", seconds, "must be greater than or equal to zero");
        }
        if seconds > MAX_STABILIZATION_WINDOW_SECONDS {
            let detail = format!("must be less than or equal to {MAX_STABILIZATION_WINDOW_SECONDS}");
            faults.invalid(path, "stabilizationWindowSeconds", seconds, &detail);
        }
    }
    if let Some(policy) = &rules.select_policy {
        faults.one_of(path, "selectPolicy", policy, &["Disabled", "Max", "Min"]);
    }
    if items(&rules.policies).is_empty() {
        faults.required_for(path, "policies", "must specify at least one Policy");
    }
    for (i, policy) in items(&rules.policies).iter().enumerate() {
        validate_scaling_policy(policy, &format!("{path}.policies[{i}]"), faults);
    }
    if let Some(tolerance) = rules.tolerance.as_ref().filter(|t| sign(t) < 0) {
        faults.invalid(path, "tolerance", tolerance, IS_NEGATIVE);
    }
}

fn validate_scaling_policy(policy: &HPAScalingPolicy, path: &str, faults: &mut Faults) {
    faults.one_of(path, "type", &policy.type_, &["Percent", "Pods"]);
    for (name, value) in [("value", policy.value), ("periodSeconds", policy.period_seconds)] {
        if value <= 0 {
            faults.invalid(path, name, value, "must be greater than zero");
        }
    }
    if policy.period_seconds > MAX_PERIOD_SECONDS {
        let detail = format!("must be less than or equal to {MAX_PERIOD_SECONDS}");
        faults.invalid(path, "periodSeconds", policy.period_seconds, &detail);
    }
}

/// Checks a metric: one source, the one that its type names.
fn validate_metric_spec(spec: &MetricSpec, path: &str, version: Option<bool>, faults: &mut Faults) {
    if spec.type_.is_empty() {
        faults.required_for(path, "type", "must specify a metric source type");
    }
    faults.one_of(path, "type", &spec.type_, METRIC_TYPES);
    let sources = [
        ("object", spec.object.is_some()),
        ("external", spec.external.is_some()),
        ("pods", spec.pods.is_some()),
        ("resource", spec.resource.is_some()),
        ("containerResource", spec.container_resource.is_some()),
    ];
    let present: Vec<&str> = sources.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    if let Some(first) = present.first() {
        validate_source(spec, first, &format!("{path}.{first}"), version, faults);
    }
    let expected = match spec.type_.as_str() {
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        "External" => "external",
        "ContainerResource" => "containerResource",
        _ => "",
    };
    if !expected.is_empty() && !present.contains(&expected) {
        faults.required_for(path, expected, "must populate information for the given metric source");
    }
    if present.len() != 1 {
        for other in present.into_iter().filter(|name| *name != expected) {
            faults.forbidden(path, other, "must populate the given metric source only");
        }
    }
}

fn validate_source(spec: &MetricSpec, source: &str, path: &str, version: Option<bool>, faults: &mut Faults) {
    let target_path = format!("{path}.target");
    if let (Some(source), "object") = (&spec.object, source) {
        validate_reference(&source.described_object, &format!("{path}.describedObject"), version, faults);
        validate_metric_identifier(&source.metric, path, faults);
        validate_metric_target(&source.target, &target_path, faults);
        if source.target.value.is_none() && source.target.average_value.is_none() {
            faults.required_for(&target_path, "averageValue", "must set either a target value or averageValue");
        }
    } else if let (Some(source), "external") = (&spec.external, source) {
        validate_metric_identifier(&source.metric, path, faults);
        validate_metric_target(&source.target, &target_path, faults);
        match (&source.target.value, &source.target.average_value) {
            (None, None) => {
                let detail = "must set either a target value for metric or a per-pod target";
                faults.required_for(&target_path, "averageValue", detail);
            }
            (Some(_), Some(_)) => {
                let detail = "may not set both a target value for metric and a per-pod target";
                faults.forbidden(&target_path, "value", detail);
            }
            _ => {}
        }
    } else if let (Some(source), "pods") = (&spec.pods, source) {
        validate_metric_identifier(&source.metric, path, faults);
        validate_metric_target(&source.target, &target_path, faults);
        if source.target.average_value.is_none() {
            faults.required_for(&target_path, "averageValue", "must specify a positive target averageValue");
        }
    } else if let (Some(source), "resource") = (&spec.resource, source) {
        if source.name.is_empty() {
            faults.required_for(path, "name", "must specify a resource name");
        }
        validate_resource_target(&source.target, &target_path, faults);
    } else if let Some(source) = &spec.container_resource {
        match source.name.as_str() {
            "" => faults.required_for(path, "name", "must specify a resource name"),
            name => validate_container_resource_name(name, &format!("{path}.name"), faults),
        }
        match source.container.as_str() {
            "" => faults.required_for(path, "container", "must specify a container"),
            name => faults.all_invalid(path, "container", name, names::dns1123_label(name)),
        }
        validate_resource_target(&source.target, &target_path, faults);
    }
}

fn validate_resource_target(target: &MetricTarget, path: &str, faults: &mut Faults) {
    validate_metric_target(target, path, faults);
    match (target.average_utilization, &target.average_value) {
        (None, None) => faults.required_for(path, "averageUtilization", BOTH_TARGETS_MISSING),
        (Some(_), Some(_)) => {
            let detail = "may not set both a target raw value and a target utilization";
            faults.forbidden(path, "averageValue", detail);
        }
        _ => {}
    }
}

fn validate_metric_target(target: &MetricTarget, path: &str, faults: &mut Faults) {
    if target.type_.is_empty() {
        faults.required_for(path, "type", "must specify a metric target type");
    }
    if !matches!(target.type_.as_str(), "Utilization" | "Value" | "AverageValue") {
        faults.invalid(path, "type", &target.type_, "must be either Utilization, Value, or AverageValue");
    }
    for (name, value) in [("value", &target.value), ("averageValue", &target.average_value)] {
        if let Some(value) = value.as_ref().filter(|v| sign(v) != 1) {
            faults.invalid(path, name, value, "must be positive");
        }
    }
    if let Some(share) = target.average_utilization.filter(|n| *n < 1) {
        faults.invalid(path, "averageUtilization", share, "must be greater than 0");
    }
}

fn validate_metric_identifier(metric: &MetricIdentifier, path: &str, faults: &mut Faults) {
    match metric.name.as_str() {
        "" => faults.required_for(&format!("{path}.metric"), "name", "must specify a metric name"),
        name => faults.all_invalid(&format!("{path}.metric"), "name", name, names::path_segment_name(name, false)),
    }
}

fn sign(amount: &Text) -> i32 {
    Quantity::parse(&amount.0).map_or(0, |q| q.sign())
}
