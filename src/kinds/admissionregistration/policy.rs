//! What policies of both sorts and their bindings share.
//!
//! Mirrors `pkg/apis/admissionregistration/validation`.

use super::matching::{set_match_defaults, validate_failure_policy, validate_match_resources};
use crate::api::k8s::api::admissionregistration::v1::{MatchResources, ParamKind, ParamRef, Variable};
use crate::api::selector::{go_selector, validate_label_selector};
use crate::api::{ObjectMeta, names};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext};

/// The columns of bindings.
pub(super) const BINDING_COLUMNS: &[Column] =
    &[Column::new("NAME"), Column::new("POLICYNAME"), Column::new("PARAMREF"), Column::new("AGE")];

/// The cells of `BINDING_COLUMNS`.
pub(super) fn binding_row(
    meta: &ObjectMeta,
    policy: &str,
    params: Option<&ParamRef>,
    context: &PrintContext<'_>,
) -> Vec<String> {
    let params = match params {
        None => "<unset>".to_string(),
        Some(r) => match (text(&r.namespace), text(&r.name)) {
            // Whether the parameter has a namespace can't be told from here.
            ("", name) if !name.is_empty() => format!("*/{name}"),
            (namespace, name) if !name.is_empty() => format!("{namespace}/{name}"),
            _ => r.selector.as_ref().map_or_else(|| "<unset>".into(), |selector| go_selector(Some(selector))),
        },
    };
    vec![text(&meta.name).into(), policy.into(), params, print::age(meta, context)]
}

/// The PARAMKIND cell.
pub(super) fn param_kind_cell(kind: Option<&ParamKind>) -> String {
    kind.map_or_else(|| "<unset>".into(), |kind| format!("{}/{}", text(&kind.api_version), text(&kind.kind)))
}

/// What a policy leaves out.
pub(super) fn set_policy_defaults(failure: &mut Option<String>, constraints: &mut Option<MatchResources>) {
    failure.get_or_insert_with(|| "Fail".into());
    constraints.iter_mut().for_each(set_match_defaults);
}

/// What holds for both sorts of policies before their conditions.
pub(super) fn validate_policy(
    failure: &Option<String>,
    params: Option<&ParamKind>,
    constraints: Option<&MatchResources>,
    faults: &mut Faults,
) {
    validate_failure_policy(failure, "spec", faults);
    if let Some(kind) = params {
        validate_param_kind(kind, faults);
    }
    match constraints {
        None => faults.required("spec", "matchConstraints"),
        Some(resources) => {
            validate_match_resources(resources, "spec.matchConstraints", faults);
            // Without a rule nobody would know the types of what the expressions speak of.
            if items(&resources.resource_rules).is_empty() {
                faults.required("spec.matchConstraints", "resourceRules");
            }
        }
    }
}

/// Mirrors `validateParamKind`.
fn validate_param_kind(kind: &ParamKind, faults: &mut Faults) {
    let path = "spec.paramKind";
    let (api_version, name) = (text(&kind.api_version), text(&kind.kind));
    let parts: Vec<&str> = api_version.split('/').collect();
    if faults.require(path, "apiVersion", api_version) {
        match parts.as_slice() {
            _ if api_version == "/" => faults.invalid(path, "apiVersion", api_version, "version must be specified"),
            [version] => validate_version(("", version), api_version, faults),
            [group, version] => validate_version((group, version), api_version, faults),
            _ => {
                let detail = format!("unexpected GroupVersion string: {api_version}");
                faults.invalid(path, "apiVersion", api_version, &detail);
            }
        }
    }
    if faults.require(path, "kind", name) {
        let wrong = names::dns1035_label(&name.to_lowercase());
        if !wrong.is_empty() {
            let detail = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
            faults.invalid(path, "kind", name, &detail);
        }
    }
}

fn validate_version((group, version): (&str, &str), whole: &str, faults: &mut Faults) {
    let path = "spec.paramKind";
    let wrong = names::dns1123_subdomain(group);
    if !group.is_empty() && !wrong.is_empty() {
        faults.invalid(path, "apiVersion", group, &wrong.join(","));
    }
    if version.is_empty() {
        return faults.invalid(path, "apiVersion", whole, "version must be specified");
    }
    let wrong = names::dns1035_label(version);
    if !wrong.is_empty() {
        faults.invalid(path, "apiVersion", version, &wrong.join(","));
    }
}

/// Mirrors `validateVariable`, but for the expression itself.
pub(super) fn validate_variables(variables: &[Variable], faults: &mut Faults) {
    for (i, variable) in variables.iter().enumerate() {
        let path = format!("spec.variables[{i}]");
        let name = variable.name.as_str();
        if name.trim().is_empty() {
            faults.required_for(&path, "name", "name is not specified");
        } else if !is_cel_identifier(name) {
            faults.invalid(&path, "name", name, "must be a valid CEL identifier");
        }
        if variable.expression.trim().is_empty() {
            faults.required_for(&path, "expression", "expression is not specified");
        }
    }
}

/// Words that are no names in expressions.
#[rustfmt::skip]
const CEL_RESERVED: [&str; 21] = [
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
];

fn is_cel_identifier(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !CEL_RESERVED.contains(&name)
}

/// What holds for both sorts of bindings.
pub(super) fn validate_binding(
    policy: &str,
    params: Option<&ParamRef>,
    resources: Option<&MatchResources>,
    faults: &mut Faults,
) {
    if faults.require("spec", "policyName", policy) {
        faults.all_invalid("spec", "policyName", policy, names::dns1123_subdomain(policy));
    }
    if let Some(params) = params {
        validate_param_ref(params, faults);
    }
    if let Some(resources) = resources {
        validate_match_resources(resources, "spec.matchResources", faults);
    }
}

/// Mirrors `validateParamRef`.
fn validate_param_ref(params: &ParamRef, faults: &mut Faults) {
    const EXCLUSIVE: &str = "name and selector are mutually exclusive";
    let (path, name) = ("spec.paramRef", text(&params.name));
    if !name.is_empty() {
        faults.all_invalid(path, "name", name, names::path_segment_name(name, false));
        if params.selector.is_some() {
            faults.forbidden(path, "name", EXCLUSIVE);
        }
    }
    if let Some(selector) = &params.selector {
        faults.extend(validate_label_selector(selector, &format!("{path}.selector")));
        if !name.is_empty() {
            faults.forbidden(path, "selector", EXCLUSIVE);
        }
    } else if name.is_empty() {
        faults.required_for(path, "", "one of name or selector must be specified");
    }
    let action = text(&params.parameter_not_found_action);
    if faults.require(path, "parameterNotFoundAction", action) && !["Allow", "Deny"].contains(&action) {
        let field = format!("{path}.parameterNotFoundAction");
        faults.0.push(FieldError::not_supported_in_order(field, action, &["Deny", "Allow"]));
    }
}
