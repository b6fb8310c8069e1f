//! Node selectors as pods, volumes and classes have them: what is wrong with one, and what is out of date in it.
//!
//! Mirrors `ValidateNodeSelector` of `pkg/apis/core/validation` and `pkg/api/node/util.go`.

use crate::api::k8s::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use crate::api::names;
use crate::api::selector::validate_label_name;
use crate::error::FieldError;
use crate::kinds::NameRule;
use crate::kinds::shared::access::items;
use crate::kinds::shared::meta::name_faults;

/// What is wrong with a node selector.
pub fn validate_node_selector(selector: &NodeSelector, path: &str) -> Vec<FieldError> {
    let path = format!("{path}.nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        return vec![FieldError::required(path, "must have at least one node selector term")];
    }
    let terms = selector.node_selector_terms.iter().enumerate();
    terms.flat_map(|(i, term)| validate_node_selector_term(term, true, &format!("{path}[{i}]"))).collect()
}

/// What is wrong with a term of a node selector. A preference may have a value that no label can have: `check_values`
/// is for the others.
pub fn validate_node_selector_term(term: &NodeSelectorTerm, check_values: bool, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (i, requirement) in items(&term.match_expressions).iter().enumerate() {
        faults.extend(validate_requirement(requirement, check_values, &format!("{path}.matchExpressions[{i}]")));
    }
    for (i, requirement) in items(&term.match_fields).iter().enumerate() {
        faults.extend(validate_field_requirement(requirement, &format!("{path}.matchFields[{i}]")));
    }
    faults
}

fn validate_requirement(requirement: &NodeSelectorRequirement, check_values: bool, path: &str) -> Vec<FieldError> {
    let (values, field) = (items(&requirement.values), format!("{path}.values"));
    let mut faults = Vec::new();
    match requirement.operator.as_str() {
        "In" | "NotIn" => {
            if values.is_empty() {
                faults.push(FieldError::required(&field, "must be specified when `operator` is 'In' or 'NotIn'"));
            }
        }
        "Exists" | "DoesNotExist" => {
            if !values.is_empty() {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                faults.push(FieldError::forbidden(&field, detail));
            }
        }
        "Gt" | "Lt" => {
            if values.len() != 1 {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                faults.push(FieldError::required(&field, detail));
            }
        }
        other => {
            faults.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"));
        }
    }
    faults.extend(validate_label_name(&requirement.key, &format!("{path}.key")));
    for (i, value) in values.iter().enumerate().filter(|_| check_values) {
        let wrong = names::label_value(value);
        faults.extend(wrong.iter().map(|e| FieldError::invalid(format!("{field}[{i}]"), value, e)));
    }
    faults
}

fn validate_field_requirement(requirement: &NodeSelectorRequirement, path: &str) -> Vec<FieldError> {
    let values = items(&requirement.values);
    let mut faults = Vec::new();
    match requirement.operator.as_str() {
        "In" | "NotIn" => {
            if values.len() != 1 {
                let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                faults.push(FieldError::required(format!("{path}.values"), detail));
            }
        }
        other => {
            faults.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"));
        }
    }
    if requirement.key != "metadata.name" {
        let detail = "not a valid field selector key";
        faults.push(FieldError::invalid(format!("{path}.key"), &requirement.key, detail));
        return faults;
    }
    for (i, value) in values.iter().enumerate() {
        let wrong = name_faults(NameRule::Subdomain, value, false);
        faults.extend(wrong.iter().map(|e| FieldError::invalid(format!("{path}.values[{i}]"), value, e)));
    }
    faults
}

/// What to use in place of a node label that is out of date; none for any other label.
pub fn get_node_label_deprecated_message(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => "deprecated since v1.22; use Taints and Tolerations instead",
        "node-role.kubernetes.io/master" => "use \"node-role.kubernetes.io/control-plane\" instead",
        _ => return None,
    })
}

/// Warnings of a term of a node selector. `check_values` has its values checked as labels too.
pub fn get_warnings_for_node_selector_term(term: &NodeSelectorTerm, check_values: bool, path: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (i, expression) in items(&term.match_expressions).iter().enumerate() {
        let (key, path) = (&expression.key, format!("{path}.matchExpressions[{i}]"));
        if let Some(message) = get_node_label_deprecated_message(key) {
            warnings.push(format!("{path}.key: {key} is {message}"));
        }
        if check_values {
            for (j, value) in items(&expression.values).iter().enumerate() {
                let wrong = names::label_value(value);
                warnings.extend(wrong.iter().map(|e| format!("{path}.values[{j}]: {value} is invalid, {e}")));
            }
        }
    }
    warnings
}
