//! Which objects a selector picks: by labels, by fields, and nodes by node affinity.
//!
//! Mirrors `k8s.io/apimachinery/pkg/labels`, `pkg/fields`, `metav1.LabelSelectorAsSelector` and
//! `k8s.io/component-helpers/scheduling/corev1/nodeaffinity`.

mod field;
mod node;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

use super::{LabelSelector, names};
use crate::error::FieldError;

pub use field::{FieldSelector, FieldTerm};
pub use node::{
    matches_node_selector, matches_node_selector_term, matches_required_node_affinity, preferred_node_score,
};

/// Why a selector cannot be read, in Kubernetes' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);

impl SelectorError {
    /// The faults as one error; mirrors `ErrorList.ToAggregate().Error()`, which names each once.
    fn aggregate(faults: impl IntoIterator<Item = String>) -> Option<SelectorError> {
        let mut seen: Vec<String> = Vec::new();
        for fault in faults {
            if !seen.contains(&fault) {
                seen.push(fault);
            }
        }
        match seen.as_slice() {
            [] => None,
            [one] => Some(SelectorError(one.clone())),
            many => Some(SelectorError(format!("[{}]", many.join(", ")))),
        }
    }
}

/// How a requirement relates a key to its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `key=value`
    Equals,
    /// `key==value`
    DoubleEquals,
    /// `key!=value`; an object without the key matches.
    NotEquals,
    /// `key in (a,b)`
    In,
    /// `key notin (a,b)`; an object without the key matches.
    NotIn,
    /// `key`
    Exists,
    /// `!key`
    DoesNotExist,
    /// `key>1`
    GreaterThan,
    /// `key<1`
    LessThan,
}

/// One condition on labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How the values are taken.
    pub operator: Operator,
    /// The values: one, several or none, as the operator has it.
    pub values: Vec<String>,
}

impl Requirement {
    /// A condition that obeys the rules of keys, values and their number; mirrors `labels.NewRequirement`.
    /// `path` goes before the field names in errors (`""` for none).
    ///
    /// # Errors
    /// All broken rules, with apimachinery's texts.
    pub fn new(key: &str, operator: Operator, values: Vec<String>, path: &str) -> Result<Requirement, SelectorError> {
        let child = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        let wrong =
            |detail| Some(FieldError::invalid(child("values"), (!values.is_empty()).then_some(&values), detail));
        let mut faults: Vec<FieldError> = Vec::new();
        let of_key = names::qualified_name(key);
        if !of_key.is_empty() {
            faults.push(FieldError::invalid(child("key"), key, &of_key.join("; ")));
        }
        faults.extend(match operator {
            Operator::In | Operator::NotIn if values.is_empty() => {
                wrong("for 'in', 'notin' operators, values set can't be empty")
            }
            Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if values.len() != 1 => {
                wrong("exact-match compatibility requires one single value")
            }
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                wrong("values set must be empty for exists and does not exist")
            }
            Operator::GreaterThan | Operator::LessThan if values.len() != 1 => {
                wrong("for 'Gt', 'Lt' operators, exactly one value is required")
            }
            _ => None,
        });
        for (i, value) in values.iter().enumerate() {
            if matches!(operator, Operator::GreaterThan | Operator::LessThan) && value.parse::<i64>().is_err() {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                faults.push(FieldError::invalid(format!("{}[{i}]", child("values")), value, detail));
            }
        }
        for (i, value) in values.iter().enumerate() {
            let of_value = names::label_value(value);
            if !of_value.is_empty() {
                let field = format!("{}[{i}][{key}]", child("values"));
                faults.push(FieldError::invalid(field, value, &of_value.join("; ")));
            }
        }
        match SelectorError::aggregate(faults.iter().map(ToString::to_string)) {
            Some(error) => Err(error),
            None => Ok(Requirement { key: key.to_string(), operator, values }),
        }
    }

    /// Whether labels fulfil the condition.
    pub fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let value = labels.and_then(|labels| labels.get(&self.key));
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => value.is_some_and(|v| self.values.contains(v)),
            Operator::NotIn | Operator::NotEquals => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan | Operator::LessThan => {
                let number = |text: Option<&String>| text.and_then(|t| t.parse::<i64>().ok());
                match (number(value), number(self.values.first())) {
                    (Some(is), Some(bound)) if self.operator == Operator::GreaterThan => is > bound,
                    (Some(is), Some(bound)) => is < bound,
                    _ => false,
                }
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.values.clone();
        values.sort();
        let (key, values) = (&self.key, values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => write!(f, "{key}"),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

/// Conditions on labels that must all hold. The default selects everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Sorted by key; none selects nothing.
    requirements: Option<Vec<Requirement>>,
}

impl Default for Selector {
    fn default() -> Self {
        Selector::everything()
    }
}

impl Selector {
    /// Selects every object.
    pub const fn everything() -> Selector {
        Selector { requirements: Some(Vec::new()) }
    }

    /// Selects no object.
    pub const fn nothing() -> Selector {
        Selector { requirements: None }
    }

    /// Conditions that must all hold.
    pub fn new(mut requirements: Vec<Requirement>) -> Selector {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Selector { requirements: Some(requirements) }
    }

    /// Selects what has all these labels; without any, everything. Mirrors `labels.SelectorFromSet`.
    pub fn from_set(labels: &BTreeMap<String, String>) -> Selector {
        let equals = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: vec![value.clone()],
        };
        Selector { requirements: Some(labels.iter().map(equals).collect()) }
    }

    /// Reads what `-l` takes: `a=b,c!=d,e in (f,g),!h,i,j>3`; mirrors `labels.Parse`.
    ///
    /// # Errors
    /// The texts of `labels.Parse`.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        parse::parse(text).map(Selector::new)
    }

    /// The selector of an API field. An absent one selects nothing, an empty one everything;
    /// mirrors `metav1.LabelSelectorAsSelector`.
    ///
    /// # Errors
    /// An unknown operator, or keys and values that are none.
    pub fn from_label_selector(selector: Option<&LabelSelector>) -> Result<Selector, SelectorError> {
        let Some(selector) = selector else { return Ok(Selector::nothing()) };
        let mut requirements = Vec::new();
        for (key, value) in selector.match_labels.iter().flatten() {
            requirements.push(Requirement::new(key, Operator::Equals, vec![value.clone()], "")?);
        }
        for expression in selector.match_expressions.iter().flatten() {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(SelectorError(format!("{other:?} is not a valid label selector operator"))),
            };
            let values = expression.values.clone().unwrap_or_default();
            requirements.push(Requirement::new(&expression.key, operator, values, "")?);
        }
        Ok(Selector::new(requirements))
    }

    /// Whether it selects an object with these labels.
    pub fn matches<'a>(&self, labels: impl Into<Option<&'a BTreeMap<String, String>>>) -> bool {
        let labels = labels.into();
        self.requirements.as_ref().is_some_and(|all| all.iter().all(|r| r.matches(labels)))
    }

    /// Whether it restricts nothing.
    pub fn is_everything(&self) -> bool {
        self.requirements.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether it can select nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.requirements.is_none()
    }

    /// The conditions, sorted by key; empty for a selector of nothing too.
    pub fn requirements(&self) -> &[Requirement] {
        self.requirements.as_deref().unwrap_or_default()
    }
}

/// Go's canonical form: `app=x,env in (a,b)`; empty for everything and for nothing.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.requirements().iter().map(ToString::to_string).collect();
        f.write_str(&all.join(","))
    }
}

/// Whether an API field's selector selects an object with these labels; an absent or broken selector does not.
pub fn label_selector_matches<'a>(
    selector: Option<&LabelSelector>,
    labels: impl Into<Option<&'a BTreeMap<String, String>>>,
) -> bool {
    Selector::from_label_selector(selector).is_ok_and(|s| s.matches(labels))
}

/// A selector as tables and `describe` print it: `app=x`, `<none>`, `<error>`; mirrors `metav1.FormatLabelSelector`.
pub fn format_label_selector(selector: Option<&LabelSelector>) -> String {
    match Selector::from_label_selector(selector) {
        Ok(selector) => or_none(selector.to_string()),
        Err(_) => "<error>".into(),
    }
}

/// Labels as tables print them: `a=b,c=d` or `<none>`; mirrors `labels.FormatLabels`.
pub fn format_labels<'a>(labels: impl Into<Option<&'a BTreeMap<String, String>>>) -> String {
    let all: Vec<String> = labels.into().into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
    or_none(all.join(","))
}

/// A selector as Go prints the struct.
pub fn go_selector(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "nil".into() };
    let labels: String = selector.match_labels.iter().flatten().map(|(k, v)| format!("{k}: {v},")).collect();
    let expressions: String = selector
        .match_expressions
        .iter()
        .flatten()
        .map(|e| {
            let values = e.values.clone().unwrap_or_default().join(" ");
            format!("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}},", e.key, e.operator)
        })
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".into() } else { text }
}

/// What is wrong with a label selector; mirrors `metav1/validation.ValidateLabelSelector`.
pub fn validate_label_selector(selector: &LabelSelector, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if let Some(labels) = &selector.match_labels {
        faults.extend(validate_labels(labels, &format!("{path}.matchLabels")));
    }
    for (i, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = format!("{path}.matchExpressions[{i}]");
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                faults.push(FieldError::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                faults.push(FieldError::forbidden(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                faults.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"))
            }
        }
        faults.extend(validate_label_name(&expression.key, &format!("{path}.key")));
        for (i, value) in values.iter().enumerate() {
            let field = format!("{path}.values[{i}]");
            faults.extend(names::label_value(value).iter().map(|e| FieldError::invalid(field.clone(), value, e)));
        }
    }
    faults
}

/// What is wrong with labels; mirrors `metav1/validation.ValidateLabels`.
pub fn validate_labels(labels: &BTreeMap<String, String>, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (key, value) in labels {
        faults.extend(validate_label_name(key, path));
        faults.extend(names::label_value(value).iter().map(|e| FieldError::invalid(path, value, e)));
    }
    faults
}

/// What is wrong with a label's key; mirrors `metav1/validation.ValidateLabelName`.
pub fn validate_label_name(key: &str, path: &str) -> Vec<FieldError> {
    names::qualified_name(key).iter().map(|e| FieldError::invalid(path, key, e)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{LabelSelector, Selector, format_label_selector, format_labels};

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn selects_by_every_operator() {
        let selector = Selector::parse("a=b, c!=d,e in (f,g),!h,i,j>3,k<10,m notin (x)").unwrap();
        let good = labels(&[("a", "b"), ("e", "g"), ("i", ""), ("j", "4"), ("k", "-1")]);
        assert!(selector.matches(&good));
        for (key, value) in [("a", "x"), ("c", "d"), ("e", "h"), ("h", ""), ("j", "3"), ("j", "x"), ("m", "x")] {
            let mut bad = good.clone();
            bad.insert(key.into(), value.into());
            assert!(!selector.matches(&bad), "{key}={value}");
        }
        assert!(Selector::everything().matches(None) && !Selector::nothing().matches(&good));
        assert_eq!(selector.to_string(), "a=b,c!=d,e in (f,g),!h,i,j>3,k<10,m notin (x)");
    }

    #[test]
    fn selectors_of_the_api() {
        let read = |tree| serde_json::from_value::<LabelSelector>(tree).unwrap();
        let selector = read(serde_json::json!({
            "matchLabels": {"app": "x"},
            "matchExpressions": [{"key": "env", "operator": "In", "values": ["b", "a"]}, {"key": "z", "operator": "Exists"}],
        }));
        assert_eq!(format_label_selector(Some(&selector)), "app=x,env in (a,b),z");
        assert_eq!(format_label_selector(Some(&read(serde_json::json!({})))), "<none>");
        assert_eq!(format_label_selector(None), "<none>");
        let broken = read(serde_json::json!({"matchExpressions": [{"key": "z", "operator": "In"}]}));
        assert_eq!(format_label_selector(Some(&broken)), "<error>");
        assert_eq!(
            Selector::from_label_selector(Some(&broken)).unwrap_err().to_string(),
            "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"
        );
        assert_eq!(format_labels(&labels(&[("b", "2"), ("a", "1")])), "a=1,b=2");
        assert_eq!(format_labels(None), "<none>");
    }
}
