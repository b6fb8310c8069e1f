//! Selecting nodes by node affinity; mirrors `k8s.io/component-helpers/scheduling/corev1/nodeaffinity`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, PreferredSchedulingTerm,
};

use super::{Operator, Requirement, Selector, SelectorError};
use crate::error::FieldError;

type Labels = BTreeMap<String, String>;

/// Whether a node matches one of the terms. A broken term is an error only where no other term matches.
/// `name` is the node's; where it is empty (a volume's affinity is checked against labels alone), conditions on
/// fields count as fulfilled.
///
/// # Errors
/// What is wrong with the terms, as `LazyErrorNodeSelector.Match` has it.
pub fn matches_node_selector(
    selector: &NodeSelector,
    name: &str,
    labels: Option<&Labels>,
) -> Result<bool, SelectorError> {
    let mut faults = Vec::new();
    for (i, term) in selector.node_selector_terms.iter().enumerate().filter(|(_, term)| !is_empty(term)) {
        match Term::new(term, &format!("nodeSelectorTerms[{i}]")) {
            Ok(term) if term.matches(name, labels) => return Ok(true),
            Ok(_) => {}
            Err(found) => faults.extend(found),
        }
    }
    SelectorError::aggregate(faults).map_or(Ok(false), Err)
}

/// Whether a node matches a term; an empty or broken term matches none.
pub fn matches_node_selector_term(term: &NodeSelectorTerm, name: &str, labels: Option<&Labels>) -> bool {
    !is_empty(term) && Term::new(term, "").is_ok_and(|term| term.matches(name, labels))
}

/// The sum of the weights of the preferences that a node matches; mirrors `PreferredSchedulingTerms.Score`.
pub fn preferred_node_score(terms: &[PreferredSchedulingTerm], name: &str, labels: Option<&Labels>) -> i64 {
    let matching = terms.iter().filter(|t| t.weight != 0 && matches_node_selector_term(&t.preference, name, labels));
    matching.map(|t| i64::from(t.weight)).sum()
}

/// Whether a pod's `nodeSelector` and required node affinity allow a node; mirrors `RequiredNodeAffinity.Match`.
///
/// # Errors
/// Those of [`matches_node_selector`].
pub fn matches_required_node_affinity(
    pod: &PodSpec,
    name: &str,
    labels: Option<&Labels>,
) -> Result<bool, SelectorError> {
    if pod.node_selector.as_ref().is_some_and(|wanted| !Selector::from_set(wanted).matches(labels)) {
        return Ok(false);
    }
    let required = pod.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    match required.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref()) {
        Some(selector) => matches_node_selector(selector, name, labels),
        None => Ok(true),
    }
}

fn is_empty(term: &NodeSelectorTerm) -> bool {
    term.match_expressions.as_ref().is_none_or(Vec::is_empty) && term.match_fields.as_ref().is_none_or(Vec::is_empty)
}

/// A term that was found good.
struct Term<'a> {
    labels: Option<Selector>,
    /// Field, whether the value is excluded, value.
    fields: Vec<(&'a str, bool, &'a str)>,
}

impl<'a> Term<'a> {
    fn new(term: &'a NodeSelectorTerm, path: &str) -> Result<Term<'a>, Vec<String>> {
        let child = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        let mut faults = Vec::new();
        let mut requirements = Vec::new();
        let expressions = term.match_expressions.as_deref().unwrap_or_default();
        for (i, expression) in expressions.iter().enumerate() {
            match requirement(expression, &format!("{}[{i}]", child("matchExpressions"))) {
                Ok(requirement) => requirements.push(requirement),
                Err(fault) => faults.push(fault),
            }
        }
        let mut fields = Vec::new();
        for (i, condition) in term.match_fields.iter().flatten().enumerate() {
            let path = format!("{}[{i}]", child("matchFields"));
            match (condition.operator.as_str(), condition.values.as_deref().unwrap_or_default()) {
                (operator @ ("In" | "NotIn"), [value]) => {
                    fields.push((condition.key.as_str(), operator == "NotIn", value.as_str()));
                }
                ("In" | "NotIn", _) => {
                    let field = format!("{path}.values");
                    faults.push(FieldError::invalid(field, &condition.values, "must have one element").to_string());
                }
                (other, _) => {
                    let field = format!("{path}.operator");
                    faults.push(FieldError::not_supported(field, other, &["In", "NotIn"]).to_string());
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Term { labels: (!expressions.is_empty()).then(|| Selector::new(requirements)), fields })
    }

    fn matches(&self, name: &str, labels: Option<&Labels>) -> bool {
        let value_of = |field: &str| if field == "metadata.name" { name } else { "" };
        self.labels.as_ref().is_none_or(|selector| selector.matches(labels))
            && (name.is_empty() || self.fields.iter().all(|(field, not, value)| (value_of(field) == *value) != *not))
    }
}

fn requirement(expression: &NodeSelectorRequirement, path: &str) -> Result<Requirement, String> {
    let operator = match expression.operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::GreaterThan,
        "Lt" => Operator::LessThan,
        other => {
            let known = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
            return Err(FieldError::not_supported(format!("{path}.operator"), other, &known).to_string());
        }
    };
    let values = expression.values.clone().unwrap_or_default();
    Requirement::new(&expression.key, operator, values, path).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::core::v1::NodeSelector;
    use serde_json::json;

    use super::matches_node_selector;

    fn matches(terms: serde_json::Value, name: &str) -> Result<bool, String> {
        let selector: NodeSelector = serde_json::from_value(json!({ "nodeSelectorTerms": terms })).unwrap();
        let labels = BTreeMap::from([("zone".to_string(), "a".to_string()), ("gen".to_string(), "7".to_string())]);
        matches_node_selector(&selector, name, Some(&labels)).map_err(|e| e.to_string())
    }

    #[test]
    fn terms_are_alternatives_and_their_conditions_add_up() {
        let zone = |zone: &str| json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]});
        assert_eq!(matches(json!([zone("b"), zone("a")]), "n"), Ok(true));
        assert_eq!(matches(json!([zone("b")]), "n"), Ok(false));
        assert_eq!(matches(json!([]), "n"), Ok(false));
        assert_eq!(matches(json!([{}]), "n"), Ok(false));
        let newer = |than: &str| {
            json!([{"matchExpressions": [{"key": "gen", "operator": "Gt", "values": [than]},
                                          {"key": "zone", "operator": "Exists"}]}])
        };
        assert_eq!((matches(newer("6"), "n"), matches(newer("7"), "n")), (Ok(true), Ok(false)));
    }

    #[test]
    fn fields_count_where_the_node_has_a_name() {
        let named = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]);
        assert_eq!(matches(named.clone(), "n1"), Ok(true));
        assert_eq!(matches(named.clone(), "n2"), Ok(false));
        assert_eq!(matches(named, ""), Ok(true));
    }

    #[test]
    fn broken_terms() {
        let broken = json!({"matchExpressions": [{"key": "zone", "operator": "Equals", "values": ["a"]}]});
        insta::assert_snapshot!(matches(json!([broken]), "n").unwrap_err(), @r#"nodeSelectorTerms[0].matchExpressions[0].operator: Unsupported value: "Equals": supported values: "DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn""#);
        assert_eq!(
            matches(json!([broken, {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]), "n"),
            Ok(true)
        );
    }
}
