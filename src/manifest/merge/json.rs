//! JSON merge patches (RFC 7386) and JSON patches (RFC 6902), as `gopkg.in/evanphx/json-patch.v4` has them.
//!
//! That package is laxer than the RFC: `replace` sets what is not there, negative indices count from the end.

use serde_json::{Map, Value};

use super::MergeError;
use super::lists::type_of;

/// The document that a JSON merge patch makes of another.
pub fn json_merge_patch(current: &Value, patch: &Value) -> Value {
    let mut merged = current.clone();
    json_patch::merge(&mut merged, patch);
    merged
}

/// The JSON merge patch that leads from `original` to `modified`.
pub fn two_way_json_merge(original: &Value, modified: &Value) -> Value {
    match (original, modified) {
        (Value::Object(original), Value::Object(modified)) => Value::Object(difference(original, modified)),
        (_, modified) => modified.clone(),
    }
}

fn difference(original: &Map<String, Value>, modified: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, new) in modified {
        match (original.get(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = difference(old, new);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Some(old), new) if type_of(old) == type_of(new) && old == new => {}
            _ => {
                patch.insert(key.clone(), new.clone());
            }
        }
    }
    for key in original.keys().filter(|k| !modified.contains_key(*k)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// The document that a JSON patch makes of another.
///
/// # Errors
/// The first operation that does not apply, in the Go package's words.
pub fn json_patch(current: &Value, operations: &Value) -> Result<Value, MergeError> {
    let mut document = current.clone();
    for operation in operations.as_array().into_iter().flatten() {
        apply(&mut document, operation).map_err(MergeError::Unprocessable)?;
    }
    Ok(document)
}

fn apply(document: &mut Value, operation: &Value) -> Result<(), String> {
    let name = operation.get("op").and_then(Value::as_str).unwrap_or("unknown");
    let from = operation.get("from").and_then(Value::as_str);
    let value = operation.get("value");
    let Some(path) = operation.get("path").and_then(Value::as_str) else {
        return match name {
            "add" | "remove" | "copy" => Err(format!("{name} operation failed to decode path: missing value")),
            "replace" | "move" | "test" => {
                Err(format!("{name} operation failed to decode path: operation missing path field: missing value"))
            }
            other => Err(format!("Unexpected kind: {other}")),
        };
    };
    match name {
        "add" => {
            let missing = || format!("add operation does not apply: doc is missing path: \"{path}\": missing value");
            let (container, key) = container(document, path).ok_or_else(missing)?;
            add(container, &key, value.cloned().unwrap_or_default())
                .map_err(|e| format!("error in add for path: '{path}': {e}"))
        }
        "remove" => {
            let missing = || format!("remove operation does not apply: doc is missing path: \"{path}\": missing value");
            let (container, key) = container(document, path).ok_or_else(missing)?;
            remove(container, &key).map(|_| ()).map_err(|e| format!("error in remove for path: '{path}': {e}"))
        }
        "replace" => replace(document, path, value.cloned().unwrap_or_default()),
        "test" => test(document, path, value.unwrap_or(&Value::Null)),
        "move" | "copy" => transfer(document, name, from, path),
        other => Err(format!("Unexpected kind: {other}")),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err("replace operation value must be object or array: %!w(<nil>)".to_string());
        }
        *document = value;
        return Ok(());
    }
    let missing = |what| format!("replace operation does not apply: doc is missing {what}: {path}: missing value");
    let (container, key) = container(document, path).ok_or_else(|| missing("path"))?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        list => {
            let place = index(list, &key).map_err(|_| missing("key"))?;
            if let Some(item) = list.get_mut(place) {
                *item = value;
            }
        }
    }
    Ok(())
}

fn test(document: &mut Value, path: &str, wanted: &Value) -> Result<(), String> {
    let failed = || format!("testing value {path} failed: test failed");
    if path.is_empty() {
        return if document == wanted { Ok(()) } else { Err(failed()) };
    }
    let (container, key) = container(document, path)
        .ok_or_else(|| format!("test operation does not apply: is missing path: {path}: missing value"))?;
    let found = get(container, &key).map_err(|e| format!("error in test for path: '{path}': {e}"))?;
    if found == *wanted { Ok(()) } else { Err(failed()) }
}

fn transfer(document: &mut Value, name: &str, from: Option<&str>, path: &str) -> Result<(), String> {
    let from = from.ok_or_else(|| {
        format!("{name} operation failed to decode from: operation, missing from field: missing value")
    })?;
    let (source, key) = container(document, from)
        .ok_or_else(|| format!("{name} operation does not apply: doc is missing from path: {from}: missing value"))?;
    let value = if name == "move" {
        let wrap = |e| format!("error in move for path: '{key}': {e}");
        get(source, &key).map_err(wrap)?;
        remove(source, &key).map_err(wrap)?
    } else {
        get(source, &key).map_err(|e| format!("error in copy for from: '{from}': {e}"))?
    };
    let (target, key) = container(document, path).ok_or_else(|| {
        format!("{name} operation does not apply: doc is missing destination path: {path}: missing value")
    })?;
    add(target, &key, value).map_err(|e| match name {
        "move" => format!("error in move for path: '{path}': {e}"),
        _ => format!("error while adding value during copy: {e}"),
    })
}

/// The object or list that holds what a pointer names, and the last part of the pointer.
fn container<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut parts: Vec<String> = path.split('/').skip(1).map(|p| p.replace("~1", "/").replace("~0", "~")).collect();
    let last = parts.pop()?;
    let mut here = document;
    for part in parts {
        let place = match here {
            Value::Array(_) => index(here, &part).ok()?,
            _ => 0,
        };
        here = match here {
            Value::Object(map) => map.get_mut(&part)?,
            list => list.get_mut(place)?,
        };
    }
    (here.is_object() || here.is_array()).then_some((here, last))
}

fn invalid_index(index: i64) -> String {
    format!("Unable to access invalid index: {index}: invalid index referenced")
}

fn atoi(key: &str) -> Result<i64, String> {
    key.parse().map_err(|_| format!("strconv.Atoi: parsing {key:?}: invalid syntax"))
}

/// The place that a key names in a list.
fn index(list: &Value, key: &str) -> Result<usize, String> {
    let (wanted, len) = (atoi(key)?, list.as_array().map_or(0, Vec::len));
    let place = if wanted < 0 { wanted + len as i64 } else { wanted };
    usize::try_from(place).ok().filter(|p| *p < len).ok_or_else(|| invalid_index(wanted))
}

fn get(container: &Value, key: &str) -> Result<Value, String> {
    match container {
        Value::Object(map) => Ok(map.get(key).cloned().unwrap_or_default()),
        list => Ok(list.get(index(list, key)?).cloned().unwrap_or_default()),
    }
}

fn remove(container: &mut Value, key: &str) -> Result<Value, String> {
    match container {
        Value::Object(map) => {
            map.remove(key).ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value"))
        }
        list => {
            let place = index(list, key)?;
            Ok(list.as_array_mut().map(|l| l.remove(place)).unwrap_or_default())
        }
    }
}

fn add(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_string(), value);
        }
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => {
            let wanted = atoi(key).map_err(|e| format!("value was not a proper array index: '{key}': {e}"))?;
            let place = if wanted < 0 { wanted + list.len() as i64 + 1 } else { wanted };
            let place = usize::try_from(place).ok().filter(|p| *p <= list.len());
            list.insert(place.ok_or_else(|| invalid_index(wanted))?, value);
        }
        _ => {}
    }
    Ok(())
}
