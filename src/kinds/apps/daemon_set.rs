//! DaemonSet.

use serde_json::json;

use crate::api::k8s::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::selector::{Selector, format_label_selector, format_labels};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod;
use crate::kinds::shared::access::{set_text, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;
use crate::kinds::shared::workload::{
    container_cells, int_or_percent_value, is_not_more_than_100_percent, nonnegative, pods_status,
    validate_positive_int_or_percent, validate_restarting_template, validate_selector, validate_template_labels,
};

/// The number of the template, which counts its changes.
const ANN_TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("DESIRED"),
    Column::new("CURRENT"),
    Column::new("READY"),
    Column::new("UP-TO-DATE"),
    Column::new("AVAILABLE"),
    Column::new("NODE SELECTOR"),
    Column::new("AGE"),
    Column::wide("CONTAINERS"),
    Column::wide("IMAGES"),
    Column::wide("SELECTOR"),
];

impl Strategy for DaemonSet {
    crate::spec_and_status!(Some(DaemonSetStatus::default()));
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        let strategy = spec.update_strategy.get_or_insert_default();
        set_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
            rolling.max_surge.get_or_insert(IntOrString::Int(0));
        }
        spec.revision_history_limit.get_or_insert(10);
        pod::set_pod_template_defaults(&mut spec.template);
    }

    fn prepare_for_create(&mut self) {
        self.reset_status();
        set_template_generation(self, template_generation(self).unwrap_or(0).max(1));
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let template = |d: &DaemonSet| d.spec.as_ref().map(|s| s.template.clone());
        let before = template_generation(old).unwrap_or(0);
        set_template_generation(self, if template(self) == template(old) { before } else { before + 1 });
    }

    fn validate(&self) -> Vec<FieldError> {
        self.spec.as_ref().map(validate_spec).unwrap_or_default()
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let selector = |d: &DaemonSet| d.spec.as_ref().map(|s| s.selector.clone());
        let mut faults = Vec::new();
        if selector(self) != selector(old) {
            faults.push(FieldError::invalid("spec.selector", selector(self), FIELD_IMMUTABLE));
        }
        faults.extend(self.validate());
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let spec = self.spec.as_ref();
        spec.map(|s| pod::warnings_for_pod_template(&s.template, "spec.template")).unwrap_or_default()
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        let template = |d: &DaemonSet| d.spec.as_ref().map(|s| s.template.clone());
        if template(self) == template(old) { Vec::new() } else { self.warnings_on_create() }
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let [names, images] = container_cells(spec.map(|s| &s.template));
        let node_selector = spec.and_then(|s| s.template.spec.as_ref()).and_then(|s| s.node_selector.as_ref());
        vec![
            text(&self.metadata.name).to_string(),
            status.desired_number_scheduled.to_string(),
            status.current_number_scheduled.to_string(),
            status.number_ready.to_string(),
            status.updated_number_scheduled.unwrap_or(0).to_string(),
            status.number_available.unwrap_or(0).to_string(),
            format_labels(node_selector),
            print::age(&self.metadata, context),
            names,
            images,
            format_label_selector(spec.map(|s| &s.selector)),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, spec) = (&self.metadata, self.spec.clone().unwrap_or_default());
        let status = self.status.clone().unwrap_or_default();
        let selector = Selector::from_label_selector(Some(&spec.selector)).unwrap_or_else(|_| Selector::nothing());
        let node_selector = spec.template.spec.as_ref().and_then(|s| s.node_selector.as_ref());
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        d.field(0, "Selector", &selector);
        d.field(0, "Node-Selector", format_labels(node_selector));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        for (name, n) in [
            ("Desired Number of Nodes Scheduled", status.desired_number_scheduled),
            ("Current Number of Nodes Scheduled", status.current_number_scheduled),
            ("Number of Nodes Scheduled with Up-to-date Pods", status.updated_number_scheduled.unwrap_or(0)),
            ("Number of Nodes Scheduled with Available Pods", status.number_available.unwrap_or(0)),
            ("Number of Nodes Misscheduled", status.number_misscheduled),
        ] {
            d.write(0, format!("{name}: {n}\n"));
        }
        d.field(0, "Pods Status", pods_status(meta, &selector, context));
        pod::describe_pod_template(d, &spec.template, context.version);
        describe_events_of(d, meta, context);
    }
}

/// The number of the template that the annotation holds. Mirrors `GetTemplateGeneration`.
pub fn template_generation(set: &DaemonSet) -> Option<i64> {
    set.metadata.annotations.as_ref()?.get(ANN_TEMPLATE_GENERATION)?.parse().ok()
}

fn set_template_generation(set: &mut DaemonSet, generation: i64) {
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(ANN_TEMPLATE_GENERATION.into(), generation.to_string());
}

/// Mirrors `ValidateDaemonSetSpec`.
fn validate_spec(spec: &DaemonSetSpec) -> Vec<FieldError> {
    // An absent selector is no fault of its own here: it selects nothing, so the labels do not match.
    let mut faults = validate_selector(&spec.selector, "spec.selector", "daemonset");
    faults.retain(|f| f.detail != "Required value");
    let mismatch = validate_template_labels(&spec.selector, &spec.template, "spec.template", "");
    faults.extend(mismatch.filter(|f| f.field.ends_with(".labels")));
    faults.extend(pod::validate_pod_template_spec(&spec.template, "spec.template"));
    faults.extend(validate_restarting_template(&spec.template, "spec.template", "DaemonSet"));
    faults.extend(nonnegative(spec.min_ready_seconds, "spec.minReadySeconds"));
    faults.extend(spec.update_strategy.as_ref().map(validate_update_strategy).unwrap_or_default());
    faults.extend(nonnegative(spec.revision_history_limit, "spec.revisionHistoryLimit"));
    faults
}

fn validate_update_strategy(strategy: &DaemonSetUpdateStrategy) -> Vec<FieldError> {
    let path = "spec.updateStrategy";
    match (text(&strategy.type_), &strategy.rolling_update) {
        ("OnDelete", _) => Vec::new(),
        ("RollingUpdate", None) => vec![FieldError::required(format!("{path}.rollingUpdate"), "")],
        ("RollingUpdate", Some(rolling)) => validate_rolling_update(rolling, &format!("{path}.rollingUpdate")),
        _ => {
            let strategy = Internal::of("DaemonSetUpdateStrategy", strategy);
            vec![FieldError::not_supported(path, strategy, &["RollingUpdate", "OnDelete"])]
        }
    }
}

/// Mirrors `ValidateRollingUpdateDaemonSet`.
fn validate_rolling_update(rolling: &RollingUpdateDaemonSet, path: &str) -> Vec<FieldError> {
    let none = IntOrString::Int(0);
    let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&none);
    let surge = rolling.max_surge.as_ref().unwrap_or(&none);
    let (of_unavailable, of_surge) = (format!("{path}.maxUnavailable"), format!("{path}.maxSurge"));
    let mut faults = validate_positive_int_or_percent(unavailable, &of_unavailable);
    faults.extend(validate_positive_int_or_percent(surge, &of_surge));
    faults.extend(is_not_more_than_100_percent(unavailable, &of_unavailable));
    faults.extend(is_not_more_than_100_percent(surge, &of_surge));
    match (int_or_percent_value(unavailable) != 0, int_or_percent_value(surge) != 0) {
        (true, true) => {
            faults.push(FieldError::invalid(of_surge, json!(surge), "may not be set when maxUnavailable is non-zero"));
        }
        (false, false) => faults.push(FieldError::required(of_unavailable, "cannot be 0 when maxSurge is 0")),
        _ => {}
    }
    faults
}
