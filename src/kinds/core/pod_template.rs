//! PodTemplate.

use crate::api::k8s::api::core::v1::PodTemplate;
use crate::api::selector::format_labels;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::{set_pod_template_defaults, validate_pod_template_spec, warnings_for_pod_template};
use crate::kinds::shared::access::text;
use crate::kinds::shared::print;

impl Strategy for PodTemplate {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        set_pod_template_defaults(self.template.get_or_insert_default());
    }

    fn validate(&self) -> Vec<FieldError> {
        let template = self.template.clone().unwrap_or_default();
        validate_pod_template_spec(&template, "template")
    }

    fn warnings_on_create(&self) -> Vec<String> {
        self.template.as_ref().map_or(Vec::new(), |t| warnings_for_pod_template(t, "template"))
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        if self.template == old.template { Vec::new() } else { self.warnings_on_create() }
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.template == other.template
    }

    fn columns() -> &'static [Column] {
        const { &[Column::new("NAME"), Column::new("CONTAINERS"), Column::new("IMAGES"), Column::new("POD LABELS")] }
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        let template = self.template.clone().unwrap_or_default();
        let (names, images) = print::container_cells(template.spec.as_ref());
        let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
        vec![text(&self.metadata.name).to_string(), names, images, format_labels(labels)]
    }
}
