//! Lease.

use crate::api::k8s::api::coordination::v1::Lease;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::text;
use crate::kinds::shared::print;

impl Strategy for Lease {
    fn validate(&self) -> Vec<FieldError> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let mut faults = Vec::new();
        if let Some(seconds) = spec.lease_duration_seconds.filter(|s| *s <= 0) {
            faults.push(FieldError::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
        }
        if let Some(n) = spec.lease_transitions.filter(|n| *n < 0) {
            faults.push(FieldError::invalid("spec.leaseTransitions", n, "must be greater than or equal to 0"));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("HOLDER"), Column::new("AGE")];
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let holder = self.spec.as_ref().and_then(|s| s.holder_identity.clone()).unwrap_or_default();
        vec![text(&self.metadata.name).to_string(), holder, print::age(&self.metadata, context)]
    }
}
