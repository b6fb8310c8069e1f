//! DeviceClass: which devices somebody may ask for by a name, and how they are set up.
//!
//! Mirrors `pkg/registry/resource/deviceclass/strategy.go`.

use super::devices::{validate_configuration, validate_list, validate_selectors};
use crate::api::k8s::api::resource::v1::DeviceClass;
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::Strategy;
use crate::kinds::core::pod::is_native;
use crate::kinds::shared::access::items;
use crate::kinds::shared::faults::Faults;

/// How many configurations a class or a claim may have.
pub(super) const MAX_CONFIGS: usize = 32;

/// What resources begin with that a quota counts the requests of.
const REQUESTS_PREFIX: &str = "requests.";

impl Strategy for DeviceClass {
    const GENERATION: bool = true;

    fn validate(&self) -> Vec<FieldError> {
        let (spec, mut faults) = (&self.spec, Faults::default());
        validate_selectors(items(&spec.selectors), "spec", &mut faults);
        validate_list(items(&spec.config), MAX_CONFIGS, "spec.config", &mut faults, |config, path, faults| {
            validate_configuration(config.opaque.as_ref(), path, faults);
        });
        if let Some(name) = spec.extended_resource_name.as_deref().filter(|name| !is_extended(name)) {
            faults.invalid("spec", "extendedResourceName", name, "must be a valid extended resource name");
        }
        faults.0
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

/// Mirrors `IsExtendedResourceName`.
fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with(REQUESTS_PREFIX)
        && names::qualified_name(&format!("{REQUESTS_PREFIX}{name}")).is_empty()
}
