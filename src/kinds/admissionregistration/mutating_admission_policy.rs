//! MutatingAdmissionPolicy and its binding.
//!
//! Mirrors `pkg/registry/admissionregistration/mutatingadmissionpolicy{,binding}`.

use super::matching::{set_match_defaults, validate_match_conditions, validate_mutating_operations};
use super::policy::{
    BINDING_COLUMNS, binding_row, param_kind_cell, set_policy_defaults, validate_binding, validate_policy,
    validate_variables,
};
use super::warn_of_suffix;
use crate::api::k8s::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, Mutation,
};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const COLUMNS: &[Column] =
    &[Column::new("NAME"), Column::new("MUTATIONS"), Column::new("PARAMKIND"), Column::new("AGE")];

impl Strategy for MutatingAdmissionPolicy {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        set_policy_defaults(&mut spec.failure_policy, &mut spec.match_constraints);
    }

    fn validate(&self) -> Vec<FieldError> {
        let spec = self.spec.clone().unwrap_or_default();
        let mut faults = Faults::default();
        let (params, constraints) = (spec.param_kind.as_ref(), spec.match_constraints.as_ref());
        validate_policy(&spec.failure_policy, params, constraints, &mut faults);
        if let Some(resources) = constraints {
            validate_mutating_operations(resources, "spec.matchConstraints", &mut faults);
        }
        validate_match_conditions(items(&spec.match_conditions), "spec.matchConditions", &mut faults);
        validate_variables(items(&spec.variables), &mut faults);
        if items(&spec.mutations).is_empty() {
            faults.required_for("spec", "mutations", "mutations must contain at least one item");
        }
        for (i, mutation) in items(&spec.mutations).iter().enumerate() {
            validate_mutation(mutation, &format!("spec.mutations[{i}]"), &mut faults);
        }
        let policy = text(&spec.reinvocation_policy);
        if faults.require("spec", "reinvocationPolicy", policy) {
            faults.one_of("spec", "reinvocationPolicy", policy, &["IfNeeded", "Never"]);
        }
        faults.0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        warn_of_suffix(&self.metadata)
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        vec![
            text(&self.metadata.name).into(),
            items(&spec.mutations).len().to_string(),
            param_kind_cell(spec.param_kind.as_ref()),
            print::age(&self.metadata, context),
        ]
    }
}

/// Mirrors `validateMutation`, but for the expressions themselves.
fn validate_mutation(mutation: &Mutation, path: &str, faults: &mut Faults) {
    const JSON_PATCH: &str = "JSONPatch";
    const APPLY: &str = "ApplyConfiguration";
    let json = mutation.json_patch.as_ref().map(|patch| text(&patch.expression));
    let apply = mutation.apply_configuration.as_ref().map(|configuration| text(&configuration.expression));
    let ((field, expression), (other, unwanted), kind) = match mutation.patch_type.as_str() {
        "" => return faults.required(path, "patchType"),
        JSON_PATCH => (("jsonPatch", json), ("applyConfiguration", apply), JSON_PATCH),
        APPLY => (("applyConfiguration", apply), ("jsonPatch", json), APPLY),
        unknown => return faults.one_of(path, "patchType", unknown, &[APPLY, JSON_PATCH]),
    };
    match expression {
        None => faults.required_for(path, field, &format!("must be specified when patchType is {kind}")),
        Some(expression) if expression.trim().is_empty() => faults.required(&format!("{path}.{field}"), "expression"),
        Some(_) => {}
    }
    if unwanted.is_some() {
        let detail = format!("must not be specified when patchType is {kind}");
        faults.invalid(path, other, format!("{{{other}}}"), &detail);
    }
}

impl Strategy for MutatingAdmissionPolicyBinding {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.match_resources.iter_mut().for_each(set_match_defaults);
    }

    fn validate(&self) -> Vec<FieldError> {
        let spec = self.spec.clone().unwrap_or_default();
        let mut faults = Faults::default();
        let resources = spec.match_resources.as_ref();
        validate_binding(text(&spec.policy_name), spec.param_ref.as_ref(), resources, &mut faults);
        if let Some(resources) = resources {
            validate_mutating_operations(resources, "spec.matchResources", &mut faults);
        }
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
        let spec = self.spec.clone().unwrap_or_default();
        binding_row(&self.metadata, text(&spec.policy_name), spec.param_ref.as_ref(), context)
    }
}
