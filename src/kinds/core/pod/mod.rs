//! Pod, and the pod templates of controllers.

mod app_armor;
pub mod container_names;
mod containers;
mod defaults;
mod describe;
mod image;
mod resize;
pub mod resources;
pub mod status;
mod strategy;
mod table;
#[cfg(test)]
mod tests;
mod validation;
mod visit;
pub(in crate::kinds) mod volumes;
mod warnings;

pub use containers::as_container;
pub use containers::{describe_resources, field_value, int_or_string, resource_value, split_maybe_subscripted_path};
pub use defaults::{set_pod_spec_defaults, set_pod_template_defaults};
pub use describe::describe_pod_template;
pub use image::is_image_reference;
pub use status::{is_ready, is_terminal};
pub use validation::validate_pod_template_spec;
pub(crate) use validation::{
    is_native, is_overcommit_allowed, is_standard_quota_resource, validate_container_resource_name,
    validate_resource_name, validate_resource_quantity,
};
pub use volumes::print_attributes_multiline;
pub use warnings::warnings_for_pod_template;
