//! VolumeAttributesClass.
//!
//! Mirrors `pkg/registry/storage/volumeattributesclass/strategy.go` and `pkg/apis/storage/validation`.

use crate::api::k8s::api::storage::v1::VolumeAttributesClass;
use crate::api::selector::format_labels;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::text;
use crate::kinds::shared::describe::describe_events_of;
use crate::kinds::shared::print;
use crate::kinds::storage::storage_class::{validate_parameters, validate_provisioner};

const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("DRIVERNAME"), Column::new("AGE")];

impl Strategy for VolumeAttributesClass {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults = validate_provisioner(&self.driver_name, "driverName");
        faults.extend(validate_parameters(self.parameters.as_ref(), false, "parameters"));
        faults
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.driver_name != old.driver_name {
            faults.push(FieldError::forbidden("driverName", "updates to driverName are forbidden."));
        }
        if self.parameters != old.parameters {
            faults.push(FieldError::forbidden("parameters", "updates to parameters are forbidden."));
        }
        faults.extend(self.validate());
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![text(&self.metadata.name).into(), self.driver_name.clone(), print::age(&self.metadata, context)]
    }

    /// Mirrors `describeVolumeAttributesClass`.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Annotations", format_labels(self.metadata.annotations.as_ref()));
        d.field(0, "DriverName", &self.driver_name);
        d.field(0, "Parameters", format_labels(self.parameters.as_ref()));
        describe_events_of(d, &self.metadata, context);
    }
}
