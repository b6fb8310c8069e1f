//! Holds trees to OpenAPI v3 schemas: what is wrong with them, and the defaults.
//!
//! Mirrors `k8s.io/kube-openapi/pkg/validation/validate`, `k8s.io/apiextensions-apiserver/pkg/apiserver/validation`
//! (the errors' words, and that what is unchanged is not looked at again) and `pkg/apiserver/schema/defaulting`.

use serde_json::{Map, Value};

use crate::api::{Quantity, Time};
use crate::error::FieldError;

/// The pattern of quantities, which is asked often.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// How deep a tree is looked into.
const DEEPEST: usize = 64;

/// The faults of a tree that stands at a path; `old` is what stood there before.
pub(super) fn validate(schema: &Value, tree: &Value, old: Option<&Value>, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    check(schema, tree, old, path, 0, &mut faults);
    faults
}

/// Whether a fault keeps rules from being looked at. Mirrors `hasBlockingErr`.
pub(super) fn is_blocking(fault: &FieldError) -> bool {
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", TYPE_INVALID]
        .contains(&fault.reason)
}

const TYPE_INVALID: &str = "FieldValueTypeInvalid";

/// A place below another.
pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

/// What a value is called. Mirrors `typeValidator.schemaInfoForType`.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn types_of(schema: &Value) -> Vec<&str> {
    match schema["x-kubernetes-int-or-string"] == true {
        true => vec!["integer", "string"],
        false => schema["type"].as_str().into_iter().collect(),
    }
}

fn check(schema: &Value, tree: &Value, old: Option<&Value>, path: &str, depth: usize, faults: &mut Vec<FieldError>) {
    // OBSERVATION: what is as it was before may be as wrong as it was before.
    if depth > DEEPEST || old == Some(tree) {
        return;
    }
    let place = if path.is_empty() { String::new() } else { format!("{path} in body ") };
    if tree.is_null() && schema["nullable"] == true {
        return;
    }
    let (types, is) = (types_of(schema), type_of(tree));
    let fits = types.is_empty() || types.contains(&is) || (is == "integer" && types.contains(&"number"));
    if !fits {
        let said = format!("{place}must be of type {}: {is:?}", types.join(","));
        faults.push(FieldError::new(TYPE_INVALID, path, format!("Invalid value: {is:?}: {said}")));
        return;
    }
    let mut invalid = |said: String| faults.push(FieldError::invalid(path, tree, &format!("{place}{said}")));
    match tree {
        Value::String(text) => check_string(schema, text, &mut invalid),
        Value::Number(number) => {
            if let Some((least, _)) = bound(schema, "minimum").filter(|(least, _)| number.as_f64() < Some(*least)) {
                invalid(format!("should be greater than or equal to {least}"));
            }
            if let Some((most, _)) = bound(schema, "maximum").filter(|(most, _)| number.as_f64() > Some(*most)) {
                invalid(format!("should be less than or equal to {most}"));
            }
        }
        Value::Array(items) => {
            if let Some((_, least)) = bound(schema, "minItems").filter(|(_, least)| items.len() < *least) {
                invalid(format!("should have at least {least} items"));
            }
        }
        _ => {}
    }
    if let Some((_, most)) = bound(schema, "maxLength")
        && tree.as_str().is_some_and(|text| text.chars().count() > most)
    {
        faults.push(FieldError::too_long(path, most));
    }
    if let Some((_, most)) = bound(schema, "maxItems")
        && tree.as_array().is_some_and(|items| items.len() > most)
    {
        faults.push(FieldError::too_many(path, tree.as_array().map_or(0, Vec::len), most));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(tree)
    {
        let words: Vec<String> =
            allowed.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), String::from)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        faults.push(FieldError::not_supported_in_order(path, tree, &words));
    }
    match tree {
        Value::Object(map) => check_object(schema, map, old, path, depth, faults),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                // Items of lists are told apart by their places, but for lists that are maps.
                let before = old.and_then(|old| old.get(n));
                check(&schema["items"], item, before, &format!("{path}[{n}]"), depth + 1, faults);
            }
        }
        _ => {}
    }
}

fn check_object(
    schema: &Value,
    map: &Map<String, Value>,
    old: Option<&Value>,
    path: &str,
    depth: usize,
    faults: &mut Vec<FieldError>,
) {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !map.contains_key(*name)) {
        faults.push(FieldError::required(below(path, name), ""));
    }
    for (name, value) in map {
        let (of_its_own, other) = (&schema["properties"][name], &schema["additionalProperties"]);
        let schema = if of_its_own.is_null() { other } else { of_its_own };
        // What every object has was looked at already.
        if schema.is_object() && !(path.is_empty() && name == "metadata") {
            let before = old.and_then(|old| old.get(name));
            check(schema, value, before, &below(path, name), depth + 1, faults);
        }
    }
}

fn bound(schema: &Value, name: &str) -> Option<(f64, usize)> {
    let number = schema[name].as_f64()?;
    Some((number, number.max(0.0) as usize))
}

fn check_string(schema: &Value, text: &str, invalid: &mut dyn FnMut(String)) {
    if let Some((_, least)) = bound(schema, "minLength").filter(|(_, least)| text.chars().count() < *least) {
        invalid(format!("should be at least {least} chars long"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let matches = match pattern {
            QUANTITY => Quantity::parse(text).is_ok(),
            // OBSERVATION: what can't be read as a pattern can't be asked.
            pattern => regex_lite::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text)),
        };
        if !matches {
            invalid(format!("should match '{pattern}'"));
        }
    }
    if schema["format"] == "date-time" && Time::parse_rfc3339(text).is_none() {
        invalid(format!("must be of type date-time: {text:?}"));
    }
}

/// Fills in what is left out and has a default.
pub(super) fn set_defaults(schema: &Value, tree: &mut Value) {
    fill(schema, tree, 0);
}

fn fill(schema: &Value, tree: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    match tree {
        Value::Object(map) => {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let default = &property["default"];
                let absent = map.get(name).is_none_or(|v| v.is_null() && property["nullable"] != true);
                if absent && !default.is_null() {
                    map.insert(name.clone(), default.clone());
                }
                if let Some(value) = map.get_mut(name) {
                    fill(property, value, depth + 1);
                }
            }
            let others = &schema["additionalProperties"];
            for (_, value) in
                map.iter_mut().filter(|(name, _)| others.is_object() && schema["properties"][*name].is_null())
            {
                fill(others, value, depth + 1);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(&schema["items"], item, depth + 1)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{QUANTITY, set_defaults, validate};
    use crate::api::{Kind, definition};

    fn said(schema: &serde_json::Value, tree: serde_json::Value) -> String {
        validate(schema, &tree, None, "").iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_pattern_is_that_of_the_definitions() {
        let schema = &definition::of(Kind::VolumeSnapshot).unwrap().schema;
        assert_eq!(schema["properties"]["status"]["properties"]["restoreSize"]["pattern"], QUANTITY);
    }

    #[test]
    fn trees_are_held_to_their_schema() {
        let schema = &definition::of(Kind::VolumeSnapshotContent).unwrap().schema;
        insta::assert_snapshot!(said(schema, json!({"spec": {"deletionPolicy": "Keep", "driver": 1, "source": {}}})), @r#"
        spec.volumeSnapshotRef: Required value
        spec.deletionPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"
        spec.driver: Invalid value: "integer": spec.driver in body must be of type string: "integer"
        "#);
        insta::assert_snapshot!(said(schema, json!({"spec": [], "status": {"restoreSize": -1}})), @r#"
        spec: Invalid value: "array": spec in body must be of type object: "array"
        status.restoreSize: Invalid value: -1: status.restoreSize in body should be greater than or equal to 0
        "#);
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let schema = json!({"properties": {"a": {"properties": {"b": {"default": 1}}}, "c": {"default": {}}},
            "additionalProperties": {"properties": {"d": {"default": "x"}}}});
        let mut tree = json!({"a": {}, "z": {}});
        set_defaults(&schema, &mut tree);
        assert_eq!(tree, json!({"a": {"b": 1}, "c": {}, "z": {"d": "x"}}));
    }
}
