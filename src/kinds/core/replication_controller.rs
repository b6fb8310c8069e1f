//! ReplicationController.

use crate::api::k8s::api::core::v1::{
    PodTemplateSpec, ReplicationController, ReplicationControllerSpec, ReplicationControllerStatus,
};
use crate::api::selector::{Selector, format_labels};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::workload::{
    REPLICA_COLUMNS, describe_conditions, nonnegative, pods_status, replica_row, validate_restarting_template,
    warnings_of_template, warnings_on_create,
};

impl Strategy for ReplicationController {
    crate::spec_and_status!(Some(ReplicationControllerStatus::default()));
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        let labels = spec.template.as_ref().and_then(|t| t.metadata.as_ref()).and_then(|m| m.labels.clone());
        if let Some(labels) = labels {
            if spec.selector.as_ref().is_none_or(|s| s.is_empty()) {
                spec.selector = Some(labels.clone());
            }
            if self.metadata.labels.as_ref().is_none_or(|l| l.is_empty()) {
                self.metadata.labels = Some(labels);
            }
        }
        spec.replicas.get_or_insert(1);
        spec.template.iter_mut().for_each(pod::set_pod_template_defaults);
    }

    fn validate(&self) -> Vec<FieldError> {
        self.spec.as_ref().map(validate_spec).unwrap_or_default()
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warnings_on_create(&self.metadata, self.spec.as_ref().and_then(|s| s.template.as_ref()))
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        warnings_of_template(self.spec.as_ref().and_then(|s| s.template.as_ref()).filter(|_| !self.same_spec(old)))
    }

    fn selectable_field(&self, path: &str) -> Option<String> {
        (path == "status.replicas").then(|| self.status.as_ref().map_or(0, |s| s.replicas).to_string())
    }

    fn columns() -> &'static [Column] {
        REPLICA_COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let numbers = [spec.and_then(|s| s.replicas).unwrap_or(0), status.replicas, status.ready_replicas.unwrap_or(0)];
        let selector = format_labels(spec.and_then(|s| s.selector.as_ref()));
        replica_row(&self.metadata, numbers, spec.and_then(|s| s.template.as_ref()), selector, context)
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, spec) = (&self.metadata, self.spec.clone().unwrap_or_default());
        let status = self.status.clone().unwrap_or_default();
        let selector = spec.selector.clone().unwrap_or_default();
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        d.field(0, "Selector", format_labels(&selector));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.field(0, "Replicas", format!("{} current / {} desired", status.replicas, spec.replicas.unwrap_or(0)));
        d.field(0, "Pods Status", pods_status(meta, &Selector::from_set(&selector), context));
        match &spec.template {
            Some(template) => pod::describe_pod_template(d, template, context.version),
            None => d.write(0, "Pod Template:\n  <unset>"),
        }
        let conditions = items(&status.conditions).iter();
        describe_conditions(d, conditions.map(|c| (c.type_.as_str(), c.status.as_str(), &c.reason)));
        describe_events_of(d, meta, context);
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["status.replicas"]
    }
}

/// Mirrors `ValidateReplicationControllerSpec`.
fn validate_spec(spec: &ReplicationControllerSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    faults.extend(nonnegative(spec.min_ready_seconds, "spec.minReadySeconds"));
    let selector = spec.selector.clone().unwrap_or_default();
    if selector.is_empty() {
        faults.push(FieldError::required("spec.selector", ""));
    }
    faults.extend(nonnegative(spec.replicas, "spec.replicas"));
    match &spec.template {
        None => faults.push(FieldError::required("spec.template", "")),
        Some(template) => faults.extend(validate_template(&Selector::from_set(&selector), template)),
    }
    faults
}

/// Mirrors `ValidatePodTemplateSpecForRC`.
fn validate_template(selector: &Selector, template: &PodTemplateSpec) -> Vec<FieldError> {
    let path = "spec.template";
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let mut faults = Vec::new();
    if !selector.is_everything() && !selector.matches(labels) {
        let detail = "`selector` does not match template `labels`";
        faults.push(FieldError::invalid(format!("{path}.metadata.labels"), labels, detail));
    }
    faults.extend(pod::validate_pod_template_spec(template, path));
    faults.extend(validate_restarting_template(template, path, "ReplicationController"));
    faults
}
