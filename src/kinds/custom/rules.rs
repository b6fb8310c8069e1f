//! The rules of a schema, `x-kubernetes-validations`: which of them an object breaks.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use super::cel::{Expression, Outcome, Scope, on_a_large_stack};
use super::schema::below;
use crate::error::FieldError;

/// How deep a tree is looked into.
const DEEPEST: usize = 64;

/// How many expressions are kept that were read.
const MOST_READ: usize = 10_000;

/// What a rule may speak of.
const VARIABLES: [&str; 2] = ["self", "oldSelf"];

/// The faults of a tree that stands at a path; `old` is what stood there before.
pub(super) fn validate(schema: &Value, tree: &Value, old: Option<&Value>, path: &str) -> Vec<FieldError> {
    if !has_rules(schema, 0) {
        return Vec::new();
    }
    let judge = || {
        let mut faults = Vec::new();
        walk(schema, tree, old, path, 0, &mut faults);
        faults
    };
    on_a_large_stack(judge).unwrap_or_else(|why| vec![FieldError::invalid("<nil>", &schema["type"], &why)])
}

/// Whether there are rules anywhere in a schema.
fn has_rules(schema: &Value, depth: usize) -> bool {
    let mut inner = schema.as_object().into_iter().flatten().map(|(_, value)| value);
    depth <= DEEPEST
        && match schema {
            Value::Object(map) => {
                map.contains_key("x-kubernetes-validations") || inner.any(|value| has_rules(value, depth + 1))
            }
            Value::Array(items) => items.iter().any(|item| has_rules(item, depth + 1)),
            _ => false,
        }
}

/// An expression that was read before, or is now.
fn compiled(text: &str) -> Result<Arc<Expression>, String> {
    static READ: RwLock<BTreeMap<String, Result<Arc<Expression>, String>>> = RwLock::new(BTreeMap::new());
    if let Some(known) = READ.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return known.clone();
    }
    let read = Expression::compile(text, &VARIABLES).map(Arc::new);
    let mut all = READ.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() < MOST_READ {
        all.insert(text.to_string(), read.clone());
    }
    read
}

fn walk(schema: &Value, tree: &Value, old: Option<&Value>, path: &str, depth: usize, faults: &mut Vec<FieldError>) {
    if tree.is_null() || depth > DEEPEST {
        return;
    }
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        faults.extend(fault_of(rule, schema, tree, old, path));
    }
    for all_of in schema["allOf"].as_array().into_iter().flatten() {
        walk(all_of, tree, old, path, depth + 1, faults);
    }
    match tree {
        Value::Object(map) => {
            let old = old.filter(|_| schema["x-kubernetes-map-type"] != "atomic");
            for (name, value) in map {
                let (of_its_own, other) = (&schema["properties"][name], &schema["additionalProperties"]);
                let old = old.and_then(|old| old.get(name));
                if of_its_own.is_object() {
                    walk(of_its_own, value, old, &below(path, name), depth + 1, faults);
                } else if other.is_object() {
                    walk(other, value, old, &format!("{path}[{name}]"), depth + 1, faults);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                let old = same_item(schema, item, old);
                walk(&schema["items"], item, old, &format!("{path}[{n}]"), depth + 1, faults);
            }
        }
        _ => {}
    }
}

/// The item of a list so far that is the same as this one: those of lists of type `map` are told apart by their keys, all
/// others have no version so far. Mirrors `makeMapList`.
fn same_item<'o>(schema: &Value, item: &Value, old: Option<&'o Value>) -> Option<&'o Value> {
    if schema["x-kubernetes-list-type"] != "map" {
        return None;
    }
    let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"].as_array()?.iter().filter_map(Value::as_str).collect();
    let of_key = |item: &Value, key: &str| match item.get(key) {
        Some(value) => value.clone(),
        None => schema["items"]["properties"][key]["default"].clone(),
    };
    old?.as_array()?.iter().find(|old| keys.iter().all(|key| of_key(old, key) == of_key(item, key)))
}

fn fault_of(rule: &Value, schema: &Value, tree: &Value, old: Option<&Value>, path: &str) -> Option<FieldError> {
    let text = rule["rule"].as_str().unwrap_or_default().trim();
    let place = if path.is_empty() { "<nil>" } else { path };
    // What can't be judged is a fault of the type.
    let unjudged = |detail: &str| Some(FieldError::invalid(place, &schema["type"], detail));
    let expression = match compiled(text) {
        Ok(expression) => expression,
        Err(fault) => return unjudged(&format!("rule compile error: compilation failed: {fault}")),
    };
    let is_optional = rule["optionalOldSelf"] == true;
    if expression.uses("oldSelf") && old.is_none() && !is_optional {
        return None;
    }
    let scope: &Scope<'_> = &[("self", Some((tree, schema))), ("oldSelf", old.map(|old| (old, schema)))];
    let message = rule["message"].as_str().filter(|m| !m.is_empty()).map(str::trim);
    match expression.evaluate(scope, is_optional.then_some("oldSelf")) {
        Ok(Outcome::Bool(true)) => None,
        // What is as it was before may be as wrong as it was before.
        Ok(_) if !expression.uses("oldSelf") && old == Some(tree) => None,
        Ok(_) => {
            let own_words = rule["messageExpression"].as_str().and_then(|text| own_words(text, scope));
            let detail =
                own_words.or_else(|| message.map(String::from)).unwrap_or_else(|| format!("failed rule: {text}"));
            let place = match rule["fieldPath"].as_str().map(str::trim).filter(|path| !path.is_empty()) {
                Some(further) => format!("{path}{further}").trim_start_matches('.').to_string(),
                None => place.to_string(),
            };
            Some(for_reason(rule["reason"].as_str().unwrap_or_default(), &place, tree, &detail))
        }
        Err(fault) => {
            let of = message.unwrap_or(text);
            unjudged(&if fault.starts_with("no such overload") {
                format!(
                    "'{fault}': call arguments did not match a supported operator, function or macro signature for rule: {of}"
                )
            } else if fault.starts_with("operation cancelled") {
                format!(
                    "'{fault}': no further validation rules will be run due to call cost exceeds limit for rule: {of}"
                )
            } else {
                format!("{fault} evaluating rule: {of}")
            })
        }
    }
}

/// What a rule's own expression says; none where that comes to no text of one line.
fn own_words(text: &str, scope: &Scope<'_>) -> Option<String> {
    match compiled(text.trim()).ok()?.evaluate(scope, None) {
        Ok(Outcome::Text(words)) => {
            let words = words.trim().to_string();
            Some(words).filter(|words| !words.is_empty() && !words.contains('\n'))
        }
        _ => None,
    }
}

/// Mirrors `fieldErrorForReason`.
fn for_reason(reason: &str, place: &str, tree: &Value, detail: &str) -> FieldError {
    match (reason, tree) {
        ("FieldValueForbidden", _) => FieldError::forbidden(place, detail),
        ("FieldValueRequired", _) => FieldError::required(place, detail),
        ("FieldValueDuplicate", value) => FieldError::duplicate(place, value),
        (_, Value::Object(_) | Value::Array(_)) => FieldError::invalid_as(place, detail),
        (_, value) => FieldError::invalid(place, value, detail),
    }
}

/// What is wrong with the rules of a schema themselves, wherever they stand in it. Mirrors the part of
/// `ValidateCustomResourceDefinitionOpenAPISchema` that is about them.
pub(crate) fn validate_schema(schema: &Value, path: &str) -> Vec<FieldError> {
    if !has_rules(schema, 0) {
        return Vec::new();
    }
    let judge = || {
        let mut faults = Vec::new();
        walk_schema(schema, path, 0, &mut faults);
        faults
    };
    on_a_large_stack(judge).unwrap_or_else(|why| vec![FieldError::invalid_as(path, &why)])
}

fn walk_schema(schema: &Value, path: &str, depth: usize, faults: &mut Vec<FieldError>) {
    if depth > DEEPEST {
        return;
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        walk_schema(inner, &format!("{path}.properties[{name}]"), depth + 1, faults);
    }
    for part in ["additionalProperties", "items", "not"] {
        if schema[part].is_object() {
            walk_schema(&schema[part], &format!("{path}.{part}"), depth + 1, faults);
        }
    }
    for part in ["allOf", "anyOf", "oneOf"] {
        for (n, inner) in schema[part].as_array().into_iter().flatten().enumerate() {
            walk_schema(inner, &format!("{path}.{part}[{n}]"), depth + 1, faults);
        }
    }
    for (n, rule) in schema["x-kubernetes-validations"].as_array().into_iter().flatten().enumerate() {
        let at = |field: &str| format!("{path}.x-kubernetes-validations[{n}].{field}");
        let text = |field: &str| rule[field].as_str().unwrap_or_default();
        let (condition, message) = (text("rule").trim(), text("message").trim());
        if condition.is_empty() {
            faults.push(FieldError::required(at("rule"), "rule is not specified"));
        } else if !text("message").is_empty() && message.is_empty() {
            faults.push(FieldError::invalid(at("message"), text("message"), "must be non-empty if specified"));
        } else if message.contains('\n') {
            faults.push(FieldError::invalid(at("message"), text("message"), "must not contain line breaks"));
        } else if condition.contains('\n') && message.is_empty() {
            let why = "message must be specified if rule contains line breaks";
            faults.push(FieldError::required(at("message"), why));
        }
        const REASONS: [&str; 4] =
            ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
        if rule["reason"].is_string() && !REASONS.contains(&text("reason")) {
            faults.push(FieldError::not_supported_in_order(at("reason"), text("reason"), &REASONS));
        }
        for (field, what) in [("rule", condition), ("messageExpression", text("messageExpression").trim())] {
            if let Some(Err(fault)) = (!what.is_empty()).then(|| compiled(what)) {
                faults.push(FieldError::invalid(at(field), what, &format!("compilation failed: {fault}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{compiled, on_a_large_stack, validate};
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
            assert!(on_a_large_stack(|| compiled(&rule).is_ok()).unwrap(), "{rule}");
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
