//! What an applied configuration may not say.
//!
//! Mirrors `sigs.k8s.io/structured-merge-diff/typed/validate.go`.

use serde_json::Value;

use super::typed::{MapOf, Place, element_of};
use crate::api::schema::{FieldType, ListType};
use crate::manifest::merge::go_value;

/// Checks a configuration against the schema.
///
/// # Errors
/// The faults in structured-merge-diff's words, each with its path.
pub fn validate(value: &Value, place: Place) -> Result<(), String> {
    let mut faults = Vec::new();
    check(value, place, "", &mut faults);
    match &faults[..] {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(many.iter().fold("errors:".to_string(), |text, fault| format!("{text}\n  {fault}"))),
    }
}

fn check(value: &Value, place: Place, path: &str, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(if path.is_empty() { text } else { format!("{path}: {text}") });
    if value.is_null() {
        return;
    }
    let map = match place {
        Place::Object(def) => Some(MapOf::Struct(def)),
        _ => match place.ty() {
            Some(FieldType::Struct(def)) => Some(MapOf::Struct(def)),
            Some(FieldType::Map(item)) => Some(MapOf::Values(item)),
            _ => None,
        },
    };
    if let Some(of) = map {
        let Value::Object(map) = value else { return fault(format!("expected map, got {}", shown(value))) };
        for (key, value) in map {
            match of.place(key) {
                None => return faults.push(format!("{path}.{key}: field not declared in schema")),
                Some(place) => check(value, place, &format!("{path}.{key}"), faults),
            }
        }
        return;
    }
    let expected = match place.ty() {
        Some(FieldType::Array(item)) => {
            let Value::Array(list) = value else { return fault(format!("expected list, got {}", shown(value))) };
            let how = if let Place::Field(field) = place { &field.list } else { &ListType::Atomic };
            return check_items(list, how, item, path, faults);
        }
        Some(FieldType::Int32 | FieldType::Int64 | FieldType::Number) if !value.is_number() => {
            format!("expected numeric (int or float), got {}", go_type(value))
        }
        Some(FieldType::String | FieldType::Bytes) if !value.is_string() => {
            format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_syntax(value))
        }
        Some(FieldType::Boolean) if !value.is_boolean() => format!("expected boolean, got {}", shown(value)),
        _ => return,
    };
    fault(expected);
}

fn check_items(list: &[Value], how: &ListType, item: &'static FieldType, path: &str, faults: &mut Vec<String>) {
    let mut seen = Vec::new();
    for (i, value) in list.iter().enumerate() {
        let step = match how {
            ListType::Atomic => format!("[{i}]"),
            _ => match element_of(how, item, value) {
                Err(text) => return faults.push(format!("{path}: element {i}: {text}")),
                Ok(element) => {
                    let step = element.to_string();
                    if seen.contains(&element) {
                        faults.push(format!("{path}: duplicate entries for key {step}"));
                    }
                    seen.push(element);
                    step
                }
            },
        };
        check(value, Place::Item(item), &format!("{path}{step}"), faults);
    }
}

/// A value as Go's `%v` prints it within a pointer to a struct.
fn shown(value: &Value) -> String {
    format!("&{{{}}}", go_value(value))
}

/// A value as Go's `%#v` prints it.
fn go_syntax(value: &Value) -> String {
    let all = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "interface {}(nil)".to_string(),
        Value::String(s) => format!("{s:?}"),
        Value::Array(list) => format!("[]interface {{}}{{{}}}", all(list.iter().map(go_syntax).collect())),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key:?}:{}", go_syntax(value)));
            format!("map[string]interface {{}}{{{}}}", all(pairs.collect()))
        }
        other => other.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Array(_) => "[]interface {}",
        _ => "map[string]interface {}",
    }
}
