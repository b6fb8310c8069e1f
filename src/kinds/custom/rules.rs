//! The rules of a schema, `x-kubernetes-validations`: which of them an object breaks.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`.

use serde_json::Value;

use super::cel::{Expression, Scope};
use super::schema::below;
use crate::error::FieldError;

/// How deep a tree is looked into.
const DEEPEST: usize = 64;

/// The faults of a tree that stands at a path; `old` is what stood there before.
pub(super) fn validate(schema: &Value, tree: &Value, old: Option<&Value>, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    walk(schema, tree, old, path, 0, &mut faults);
    faults
}

fn walk(schema: &Value, tree: &Value, old: Option<&Value>, path: &str, depth: usize, faults: &mut Vec<FieldError>) {
    if tree.is_null() || depth > DEEPEST {
        return;
    }
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        faults.extend(fault_of(rule, tree, old, path));
    }
    match tree {
        Value::Object(map) => {
            for (name, value) in map {
                let (of_its_own, other) = (&schema["properties"][name], &schema["additionalProperties"]);
                let schema = if of_its_own.is_null() { other } else { of_its_own };
                if schema.is_object() {
                    walk(schema, value, old.and_then(|old| old.get(name)), &below(path, name), depth + 1, faults);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                // Items of lists have no version so far: they are told apart by their places alone.
                walk(&schema["items"], item, None, &format!("{path}[{n}]"), depth + 1, faults);
            }
        }
        _ => {}
    }
}

fn fault_of(rule: &Value, tree: &Value, old: Option<&Value>, path: &str) -> Option<FieldError> {
    let text = rule["rule"].as_str().unwrap_or_default().trim();
    let place = if path.is_empty() { "<nil>" } else { path };
    let invalid = |detail: &str| match tree {
        Value::Object(_) | Value::Array(_) => FieldError::invalid_as(place, detail),
        value => FieldError::invalid(place, value, detail),
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(fault) => return Some(invalid(&format!("rule compile error: {fault}"))),
    };
    if expression.uses("oldSelf") && old.is_none() {
        return None;
    }
    let message = rule["message"].as_str().map(|m| m.trim().to_string());
    match expression.holds(&Scope { this: tree, old }) {
        Ok(true) => None,
        // What is as it was before may be as wrong as it was before.
        Ok(false) if !expression.uses("oldSelf") && old == Some(tree) => None,
        Ok(false) => Some(invalid(&message.unwrap_or_else(|| format!("failed rule: {text}")))),
        Err(fault) => {
            let of = message.unwrap_or_else(|| text.to_string());
            Some(invalid(&format!("{fault} evaluating rule: {of}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Expression, validate};
    use crate::api::{Kind, definition};

    fn rules_in(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(map) => map.iter().for_each(|(name, value)| match name.as_str() {
                "x-kubernetes-validations" => {
                    found.extend(value.as_array().unwrap().iter().map(|r| r["rule"].as_str().unwrap().to_string()));
                }
                _ => rules_in(value, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| rules_in(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_rule_that_is_at_hand_can_be_read() {
        let mut found = Vec::new();
        for kind in [Kind::VolumeSnapshotClass, Kind::VolumeSnapshotContent, Kind::VolumeSnapshot] {
            rules_in(&definition::of(kind).unwrap().schema, &mut found);
        }
        assert_eq!(found.len(), 14, "{found:?}");
        for rule in found {
            assert!(Expression::parse(&rule).is_ok(), "{rule}");
        }
    }

    #[test]
    fn a_rule_about_a_change_is_asked_where_there_was_something() {
        let schema = &definition::of(Kind::VolumeSnapshot).unwrap().schema;
        let snapshot = |source: Value| json!({"spec": {"source": source}});
        let (one, other) = (json!({"persistentVolumeClaimName": "a"}), json!({"persistentVolumeClaimName": "b"}));
        let faults = |new: &Value, old: Option<&Value>| {
            let old = old.map(|old| snapshot(old.clone()));
            let faults = validate(schema, &snapshot(new.clone()), old.as_ref(), "");
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(faults(&one, None), "");
        insta::assert_snapshot!(faults(&other, Some(&one)), @r#"spec.source.persistentVolumeClaimName: Invalid value: "b": persistentVolumeClaimName is immutable"#);
        insta::assert_snapshot!(faults(&json!({}), Some(&one)), @"
        spec.source: Invalid value: persistentVolumeClaimName is required once set
        spec.source: Invalid value: exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set
        ");
    }
}
