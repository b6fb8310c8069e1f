//! HorizontalPodAutoscaler.

mod metrics;
mod validation;

use crate::api::k8s::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerStatus, MetricSpec, MetricTarget, ResourceMetricSource,
};
use crate::api::time::rfc1123z;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::meta::validate_nonnegative;
use crate::kinds::shared::print;
use metrics::{describe_metrics, format_hpa_metrics};
use validation::{Leniency, validate_spec};

/// The share of the requested CPU, in percent, that an autoscaler aims at when it names no metric.
const DEFAULT_CPU_UTILIZATION: i32 = 80;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("REFERENCE"),
    Column::new("TARGETS"),
    Column::new("MINPODS"),
    Column::new("MAXPODS"),
    Column::new("REPLICAS"),
    Column::new("AGE"),
];

impl Strategy for HorizontalPodAutoscaler {
    crate::spec_and_status!(Some(HorizontalPodAutoscalerStatus::default()));

    fn set_defaults(&mut self) {
        self.spec.min_replicas.get_or_insert(1);
        if items(&self.spec.metrics).is_empty() {
            self.spec.metrics = Some(vec![default_metric()]);
        }
        if let Some(behavior) = &mut self.spec.behavior {
            set_behavior_defaults(behavior);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_spec(&self.spec, &Leniency::for_create(&self.spec))
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validate_spec(&self.spec, &Leniency::for_update(&self.spec, &old.spec))
    }

    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        let status = self.status.clone().unwrap_or_default();
        let current = validate_nonnegative(status.current_replicas.unwrap_or(0).into(), "status.currentReplicas");
        let desired = validate_nonnegative(status.desired_replicas.into(), "status.desiredReplicas");
        current.into_iter().chain(desired).collect()
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let (spec, status) = (&self.spec, self.status.clone().unwrap_or_default());
        vec![
            text(&self.metadata.name).to_string(),
            format!("{}/{}", spec.scale_target_ref.kind, spec.scale_target_ref.name),
            format_hpa_metrics(items(&spec.metrics), items(&status.current_metrics), context.version),
            number_or_unset(spec.min_replicas),
            spec.max_replicas.to_string(),
            status.current_replicas.unwrap_or(0).to_string(),
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, spec) = (&self.metadata, &self.spec);
        let status = self.status.clone().unwrap_or_default();
        let target = &spec.scale_target_ref;
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.field(0, "CreationTimestamp", rfc1123z(meta.creation_timestamp.as_ref()));
        d.field(0, "Reference", format!("{}/{}", target.kind, target.name));
        d.field(0, "Metrics", "( current / target )");
        describe_metrics(d, items(&spec.metrics), items(&status.current_metrics));
        d.field(0, "Min replicas", number_or_unset(spec.min_replicas));
        d.field(0, "Max replicas", spec.max_replicas);
        if let Some(behavior) = &spec.behavior {
            d.write(0, "Behavior:\n");
            print_direction_behavior(d, "Scale Up", behavior.scale_up.as_ref());
            print_direction_behavior(d, "Scale Down", behavior.scale_down.as_ref());
        }
        let (current, desired) = (status.current_replicas.unwrap_or(0), status.desired_replicas);
        d.field(0, &format!("{} pods", target.kind), format!("{current} current / {desired} desired"));
        let conditions = items(&status.conditions);
        if !conditions.is_empty() {
            d.write(0, "Conditions:\n");
            d.write(1, "Type\tStatus\tReason\tMessage\n");
            d.write(1, "----\t------\t------\t-------\n");
        }
        for c in conditions {
            d.write(1, format!("{}\t{}\t{}\t{}\n", c.type_, c.status, text(&c.reason), text(&c.message)));
        }
        describe_events_of(d, meta, context);
    }
}

fn number_or_unset(number: Option<i32>) -> String {
    number.map_or_else(|| "<unset>".to_string(), |n| n.to_string())
}

fn default_metric() -> MetricSpec {
    let target = MetricTarget {
        type_: "Utilization".into(),
        average_utilization: Some(DEFAULT_CPU_UTILIZATION),
        ..Default::default()
    };
    MetricSpec {
        type_: "Resource".into(),
        resource: Some(ResourceMetricSource { name: "cpu".into(), target }),
        ..Default::default()
    }
}

fn set_behavior_defaults(behavior: &mut HorizontalPodAutoscalerBehavior) {
    let policy = |kind: &str, value| HPAScalingPolicy { type_: kind.into(), value, period_seconds: 15 };
    let up = behavior.scale_up.get_or_insert_default();
    up.stabilization_window_seconds.get_or_insert(0);
    up.policies.get_or_insert_with(|| vec![policy("Pods", 4), policy("Percent", 100)]);
    let down = behavior.scale_down.get_or_insert_default();
    down.policies.get_or_insert_with(|| vec![policy("Percent", 100)]);
    for rules in [up, down] {
        rules.select_policy.get_or_insert_with(|| "Max".into());
    }
}

fn print_direction_behavior(d: &mut Description, direction: &str, rules: Option<&HPAScalingRules>) {
    let Some(rules) = rules else { return };
    d.write(1, format!("{direction}:\n"));
    if let Some(seconds) = rules.stabilization_window_seconds {
        d.write(2, format!("Stabilization Window: {seconds} seconds\n"));
    }
    let policies = items(&rules.policies);
    if policies.is_empty() {
        return;
    }
    d.write(2, format!("Select Policy: {}\n", rules.select_policy.as_deref().unwrap_or("Max")));
    d.write(2, "Policies:\n");
    for p in policies {
        d.write(3, format!("- Type: {}\tValue: {}\tPeriod: {} seconds\n", p.type_, p.value, p.period_seconds));
    }
}
