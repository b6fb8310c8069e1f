//! Pod, and the pod templates of controllers.

mod containers;
mod defaults;
mod describe;
mod image;
pub mod resources;
mod validation;
mod volumes;

use crate::api::k8s::api::core::v1::{Pod, PodStatus};
use crate::error::FieldError;
use crate::kinds::{Description, PrintContext, Strategy};

pub use defaults::{set_pod_spec_defaults, set_pod_template_defaults};
pub use describe::describe_pod_template;
pub use validation::validate_pod_template_spec;

pub use containers::{describe_resources, field_value, int_or_string, resource_value, split_maybe_subscripted_path};
pub use volumes::print_attributes_multiline;

impl Strategy for Pod {
    crate::spec_and_status!();

    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        defaults::set_pod_defaults(self);
    }

    fn prepare_for_create(&mut self) {
        let qos = self.spec.as_ref().map_or("BestEffort", resources::compute_pod_qos);
        self.status =
            Some(PodStatus { phase: Some("Pending".into()), qos_class: Some(qos.into()), ..Default::default() });
    }

    fn validate(&self) -> Vec<FieldError> {
        validation::validate_pod_create(self)
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        describe::describe_pod(self, d, context);
    }
}
