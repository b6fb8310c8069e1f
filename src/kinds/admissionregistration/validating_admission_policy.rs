//! ValidatingAdmissionPolicy and its binding.
//!
//! Mirrors `pkg/registry/admissionregistration/validatingadmissionpolicy{,binding}`.

use std::collections::BTreeSet;

use super::matching::{set_match_defaults, validate_match_conditions};
use super::policy::{
    BINDING_COLUMNS, binding_row, param_kind_cell, set_policy_defaults, validate_binding, validate_policy,
    validate_variables,
};
use super::warn_of_suffix;
use crate::api::k8s::api::admissionregistration::v1::{
    AuditAnnotation, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, Validation,
};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const COLUMNS: &[Column] =
    &[Column::new("NAME"), Column::new("VALIDATIONS"), Column::new("PARAMKIND"), Column::new("AGE")];

const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];
const MAX_AUDIT_ANNOTATIONS: usize = 20;
/// How long the expression of an annotation's value may be.
const MAX_VALUE_EXPRESSION: usize = 5 * 1024;

impl Strategy for ValidatingAdmissionPolicy {
    const GENERATION: bool = true;
    crate::spec_and_status!();

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        set_policy_defaults(&mut spec.failure_policy, &mut spec.match_constraints);
    }

    fn validate(&self) -> Vec<FieldError> {
        let spec = self.spec.clone().unwrap_or_default();
        let mut faults = Faults::default();
        let (params, constraints) = (spec.param_kind.as_ref(), spec.match_constraints.as_ref());
        validate_policy(&spec.failure_policy, params, constraints, &mut faults);
        validate_match_conditions(items(&spec.match_conditions), "spec.matchConditions", &mut faults);
        validate_variables(items(&spec.variables), &mut faults);
        let (validations, annotations) = (items(&spec.validations), items(&spec.audit_annotations));
        if validations.is_empty() && annotations.is_empty() {
            for field in ["validations", "auditAnnotations"] {
                let detail = "validations or auditAnnotations must contain at least one item";
                faults.required_for("spec", field, detail);
            }
            return faults.0;
        }
        for (i, validation) in validations.iter().enumerate() {
            validate_validation(validation, &format!("spec.validations[{i}]"), &mut faults);
        }
        validate_annotations(text(&self.metadata.name), annotations, &mut faults);
        faults.0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warn_of_suffix(&self.metadata)
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        vec![
            text(&self.metadata.name).into(),
            items(&spec.validations).len().to_string(),
            param_kind_cell(spec.param_kind.as_ref()),
            print::age(&self.metadata, context),
        ]
    }
}

/// Mirrors `validateValidation`, but for the expressions themselves.
fn validate_validation(validation: &Validation, path: &str, faults: &mut Faults) {
    if validation.expression.trim().is_empty() {
        faults.required_for(path, "expression", "expression is not specified");
    }
    let (message, expression) = (text(&validation.message), text(&validation.message_expression));
    let blank = |text: &str| !text.is_empty() && text.trim().is_empty();
    if blank(expression) {
        faults.invalid(path, "messageExpression", expression, "must be non-empty if specified");
    }
    if blank(message) {
        faults.invalid(path, "message", message, "must be non-empty if specified");
    } else if message.trim().contains(['\n', '\r']) {
        faults.invalid(path, "message", message, "must not contain line breaks");
    }
    if let Some(reason) = &validation.reason {
        faults.one_of(path, "reason", reason, &REASONS);
    }
}

/// Mirrors `validateAuditAnnotation`, but for the expressions themselves.
fn validate_annotations(name: &str, annotations: &[AuditAnnotation], faults: &mut Faults) {
    let path = "spec.auditAnnotations";
    if annotations.len() > MAX_AUDIT_ANNOTATIONS {
        let all = annotations.iter().map(|annotation| Internal::of("AuditAnnotation", annotation)).collect();
        let detail = format!("must not have more than {MAX_AUDIT_ANNOTATIONS} auditAnnotations");
        faults.invalid(path, "", Internal::List(all), &detail);
    }
    let mut seen = BTreeSet::new();
    for (i, annotation) in annotations.iter().enumerate() {
        let (at, key) = (format!("{path}[{i}]"), annotation.key.as_str());
        if name.is_empty() {
            faults.invalid(&at, "key", key, "requires metadata.name be non-empty");
        } else {
            let whole = format!("{name}/{key}");
            faults.all_invalid(&at, "key", &whole, names::qualified_name(&whole));
        }
        let expression = annotation.value_expression.trim();
        if expression.is_empty() {
            faults.required_for(&at, "valueExpression", "valueExpression is not specified");
        } else if expression.len() > MAX_VALUE_EXPRESSION {
            let detail = format!("must not exceed {MAX_VALUE_EXPRESSION} bytes in length");
            faults.required_for(&at, "valueExpression", &detail);
        }
        if !seen.insert(key) {
            faults.duplicate(&at, "key", key);
        }
    }
}

impl Strategy for ValidatingAdmissionPolicyBinding {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        self.spec.match_resources.iter_mut().for_each(set_match_defaults);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let spec = &self.spec;
        validate_binding(&spec.policy_name, spec.param_ref.as_ref(), spec.match_resources.as_ref(), &mut faults);
        validate_actions(&spec.validation_actions, &mut faults);
        faults.0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warn_of_suffix(&self.metadata)
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    fn columns() -> &'static [Column] {
        BINDING_COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        binding_row(&self.metadata, &self.spec.policy_name, self.spec.param_ref.as_ref(), context)
    }
}

/// Mirrors `validateValidationActions`.
fn validate_actions(actions: &[String], faults: &mut Faults) {
    let (path, mut seen) = ("spec.validationActions", BTreeSet::new());
    for (i, action) in actions.iter().enumerate() {
        let field = format!("{path}[{i}]");
        faults.one_of(&field, "", action, &ACTIONS);
        if !seen.insert(action.as_str()) {
            faults.duplicate(&field, "", action);
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the \
                      API response and headers serves no purpose)";
        faults.invalid(path, "", actions, detail);
    }
    if seen.is_empty() {
        faults.required_for(path, "", "at least one validation action is required");
    }
}
