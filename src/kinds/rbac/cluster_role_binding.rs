//! ClusterRoleBinding.

use crate::api::k8s::api::rbac::v1::ClusterRoleBinding;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::NameRule;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::rbac::role_binding::{
    COLUMNS, binding_row, describe_binding, role_ref_changed, set_binding_defaults, validate_binding,
};
use crate::kinds::shared::access::items;

impl Strategy for ClusterRoleBinding {
    const NAME: NameRule = NameRule::PathSegment;

    fn set_defaults(&mut self) {
        set_binding_defaults(&mut self.role_ref, &mut self.subjects);
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_binding(&self.role_ref, items(&self.subjects), &["ClusterRole"])
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        faults.extend(role_ref_changed(&self.role_ref, &old.role_ref));
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        binding_row(&self.metadata, &self.role_ref, items(&self.subjects), context)
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        describe_binding(d, &self.metadata, &self.role_ref, items(&self.subjects));
    }
}
