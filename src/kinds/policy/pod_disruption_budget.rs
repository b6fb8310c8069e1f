//! PodDisruptionBudget.

use crate::api::k8s::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use crate::api::selector::{format_label_selector, validate_label_selector};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::int_or_string;
use crate::kinds::shared::access::text;
use crate::kinds::shared::describe::describe_events_of;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::validate_nonnegative;
use crate::kinds::shared::print;
use crate::kinds::shared::workload::{is_not_more_than_100_percent, validate_positive_int_or_percent};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("MIN AVAILABLE"),
    Column::new("MAX UNAVAILABLE"),
    Column::new("ALLOWED DISRUPTIONS"),
    Column::new("AGE"),
];

impl Strategy for PodDisruptionBudget {
    crate::spec_and_status!(Some(PodDisruptionBudgetStatus {
        disruptions_allowed: Some(0),
        current_healthy: Some(0),
        desired_healthy: Some(0),
        expected_pods: Some(0),
        ..Default::default()
    }));
    const GENERATION: bool = true;

    fn validate(&self) -> Vec<FieldError> {
        let spec = self.spec.clone().unwrap_or_default();
        let mut faults = Faults::default();
        if spec.min_available.is_some() && spec.max_unavailable.is_some() {
            let shown = Internal::of("PodDisruptionBudgetSpec", &spec);
            faults.invalid("spec", "", shown, "minAvailable and maxUnavailable cannot be both set");
        }
        for (path, value) in
            [("spec.minAvailable", &spec.min_available), ("spec.maxUnavailable", &spec.max_unavailable)]
        {
            let Some(value) = value else { continue };
            faults.extend(validate_positive_int_or_percent(value, path));
            faults.extend(is_not_more_than_100_percent(value, path));
        }
        if let Some(selector) = &spec.selector {
            faults.extend(validate_label_selector(selector, "spec.selector"));
        }
        if let Some(policy) = &spec.unhealthy_pod_eviction_policy {
            faults.one_of("spec", "unhealthyPodEvictionPolicy", policy, &["AlwaysAllow", "IfHealthyBudget"]);
        }
        faults.0
    }

    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        let status = self.status.clone().unwrap_or_default();
        let counts = [
            (status.disruptions_allowed, "status.disruptionsAllowed"),
            (status.current_healthy, "status.currentHealthy"),
            (status.desired_healthy, "status.desiredHealthy"),
            (status.expected_pods, "status.expectedPods"),
        ];
        counts.iter().filter_map(|(n, path)| validate_nonnegative(n.unwrap_or(0).into(), path)).collect()
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let allowed = self.status.as_ref().and_then(|s| s.disruptions_allowed).unwrap_or(0);
        let shown = |value: &Option<_>| value.as_ref().map_or_else(|| "N/A".to_string(), int_or_string);
        vec![
            text(&self.metadata.name).to_string(),
            shown(&spec.min_available),
            shown(&spec.max_unavailable),
            allowed.to_string(),
            print::age(&self.metadata, context),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (spec, status) = (self.spec.clone().unwrap_or_default(), self.status.clone().unwrap_or_default());
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Namespace", text(&self.metadata.namespace));
        match (&spec.min_available, &spec.max_unavailable) {
            (Some(min), _) => d.field(0, "Min available", int_or_string(min)),
            (None, Some(max)) => d.field(0, "Max unavailable", int_or_string(max)),
            (None, None) => {}
        }
        match &spec.selector {
            Some(selector) => d.field(0, "Selector", format_label_selector(Some(selector))),
            None => d.field(0, "Selector", "<unset>"),
        }
        d.write(0, "Status:\n");
        d.field(2, "Allowed disruptions", status.disruptions_allowed.unwrap_or(0));
        d.field(2, "Current", status.current_healthy.unwrap_or(0));
        d.field(2, "Desired", status.desired_healthy.unwrap_or(0));
        d.field(2, "Total", status.expected_pods.unwrap_or(0));
        describe_events_of(d, &self.metadata, context);
    }
}
