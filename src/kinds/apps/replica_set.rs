//! ReplicaSet.

use crate::api::k8s::api::apps::v1::{ReplicaSet, ReplicaSetSpec, ReplicaSetStatus};
use crate::api::selector::{Selector, format_label_selector};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{
    describe_events_of, print_annotations_multiline, print_controller, print_labels_multiline,
};
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::workload::{
    REPLICA_COLUMNS, describe_conditions, nonnegative, pods_status, replica_row, validate_selector,
    validate_template_for_replica_set, warnings_of_template, warnings_on_create,
};

impl Strategy for ReplicaSet {
    crate::spec_and_status!(Some(ReplicaSetStatus::default()));
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        spec.replicas.get_or_insert(1);
        pod::set_pod_template_defaults(spec.template.get_or_insert_default());
    }

    fn validate(&self) -> Vec<FieldError> {
        self.spec.as_ref().map(validate_spec).unwrap_or_default()
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        let selector = |rs: &ReplicaSet| rs.spec.as_ref().map(|s| s.selector.clone());
        if selector(self) != selector(old) {
            faults.push(FieldError::invalid("spec.selector", selector(self), FIELD_IMMUTABLE));
        }
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warnings_on_create(&self.metadata, self.spec.as_ref().and_then(|s| s.template.as_ref()))
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        warnings_of_template(self.spec.as_ref().and_then(|s| s.template.as_ref()).filter(|_| !self.same_spec(old)))
    }

    fn columns() -> &'static [Column] {
        REPLICA_COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let numbers = [spec.and_then(|s| s.replicas).unwrap_or(0), status.replicas, status.ready_replicas.unwrap_or(0)];
        let selector = format_label_selector(spec.map(|s| &s.selector));
        replica_row(&self.metadata, numbers, spec.and_then(|s| s.template.as_ref()), selector, context)
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let (meta, spec) = (&self.metadata, self.spec.clone().unwrap_or_default());
        let status = self.status.clone().unwrap_or_default();
        d.field(0, "Name", text(&meta.name));
        d.field(0, "Namespace", text(&meta.namespace));
        d.field(0, "Selector", format_label_selector(Some(&spec.selector)));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        if let Some(controller) = print_controller(meta) {
            d.field(0, "Controlled By", controller);
        }
        d.field(0, "Replicas", format!("{} current / {} desired", status.replicas, spec.replicas.unwrap_or(0)));
        let selector = Selector::from_label_selector(Some(&spec.selector)).unwrap_or_else(|_| Selector::nothing());
        d.field(0, "Pods Status", pods_status(meta, &selector, context));
        pod::describe_pod_template(d, &spec.template.unwrap_or_default(), context.version);
        let conditions = items(&status.conditions).iter();
        describe_conditions(d, conditions.map(|c| (c.type_.as_str(), c.status.as_str(), &c.reason)));
        describe_events_of(d, meta, context);
    }
}

/// Mirrors `ValidateReplicaSetSpec`.
fn validate_spec(spec: &ReplicaSetSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    faults.extend(nonnegative(spec.replicas, "spec.replicas"));
    faults.extend(nonnegative(spec.min_ready_seconds, "spec.minReadySeconds"));
    faults.extend(validate_selector(&spec.selector, "spec.selector", "deployment"));
    let template = spec.template.clone().unwrap_or_default();
    faults.extend(validate_template_for_replica_set(&spec.selector, &template, "spec.template"));
    faults
}
