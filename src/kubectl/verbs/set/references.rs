//! Where a variable's value comes from: keys of ConfigMaps and Secrets, fields, resources.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/set/env/env_resolve.go`.

use serde_json::Value;

use crate::api::k8s::api::core::v1::{ConfigMap, Secret};
use crate::api::quantity::Quantity;
use crate::api::{Kind, names};
use crate::kubectl::session::Session;

fn field<'a>(tree: &'a Value, key: &str) -> &'a str {
    tree[key].as_str().unwrap_or_default()
}

/// The source in words: `configmap web, key a`.
pub fn text(source: &Value) -> String {
    let key = |reference: &Value| format!("{}, key {}", field(reference, "name"), field(reference, "key"));
    if let Some(reference) = source.get("configMapKeyRef") {
        return format!("configmap {}", key(reference));
    }
    if let Some(reference) = source.get("secretKeyRef") {
        return format!("secret {}", key(reference));
    }
    if let Some(reference) = source.get("fieldRef") {
        return format!("field path {}", field(reference, "fieldPath"));
    }
    let Some(reference) = source.get("resourceFieldRef") else { return "invalid valueFrom".into() };
    let container = field(reference, "containerName");
    let before = if container.is_empty() { String::new() } else { format!("{container}/") };
    format!("resource field {before}{}", field(reference, "resource"))
}

/// The value that a variable gets.
///
/// # Errors
/// kubectl's text for what can't be resolved.
pub fn value(source: &Value, object: &Value, container: &Value, session: &Session<'_>) -> Result<String, String> {
    if let Some(reference) = source.get("secretKeyRef") {
        let (name, key) = (field(reference, "name"), field(reference, "key"));
        let secret = session.client.get(&session.key(Kind::Secret, name)).map_err(|e| e.message)?;
        let data = secret.get::<Secret>().and_then(|s| s.data.as_ref()).and_then(|d| d.get(key));
        let data = data.ok_or_else(|| format!("key {key} not found in secret {name}"))?;
        return Ok(String::from_utf8_lossy(&data.0).into_owned());
    }
    if let Some(reference) = source.get("configMapKeyRef") {
        let (name, key) = (field(reference, "name"), field(reference, "key"));
        let map = session.client.get(&session.key(Kind::ConfigMap, name)).map_err(|e| e.message)?;
        let data = map.get::<ConfigMap>().and_then(|m| m.data.as_ref()).and_then(|d| d.get(key));
        return data.cloned().ok_or_else(|| format!("key {key} not found in config map {name}"));
    }
    if let Some(reference) = source.get("fieldRef") {
        return field_path(field(reference, "fieldPath"), &object["metadata"]);
    }
    match source.get("resourceFieldRef") {
        Some(reference) => amount(reference, container),
        None => Err("invalid valueFrom".into()),
    }
}

fn field_path(path: &str, metadata: &Value) -> Result<String, String> {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")).filter(|(m, _)| !m.is_empty()) {
        let (place, checked) = match map {
            "metadata.annotations" => ("annotations", key.to_lowercase()),
            "metadata.labels" => ("labels", key.to_string()),
            _ => return Err(format!("fieldPath {path:?} does not support subscript")),
        };
        let faults = names::qualified_name(&checked);
        if !faults.is_empty() {
            return Err(format!("invalid key subscript in {path}: {}", faults.join(";")));
        }
        return Ok(field(&metadata[place], key).to_string());
    }
    let map = |key: &str| {
        let pairs = metadata[key].as_object().into_iter().flatten();
        pairs.map(|(k, v)| format!("{k}={:?}", v.as_str().unwrap_or_default())).collect::<Vec<_>>().join("\n")
    };
    Ok(match path {
        "metadata.annotations" => map("annotations"),
        "metadata.labels" => map("labels"),
        "metadata.name" => field(metadata, "name").to_string(),
        "metadata.namespace" => field(metadata, "namespace").to_string(),
        "metadata.uid" => field(metadata, "uid").to_string(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}

/// A container's limit or request, as a multiple of the divisor, rounded up.
fn amount(reference: &Value, container: &Value) -> Result<String, String> {
    let resource = field(reference, "resource");
    let unsupported = || format!("Unsupported container resource : {resource}");
    let (list, name) = resource.split_once('.').ok_or_else(unsupported)?;
    let known = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if !known || !matches!(list, "limits" | "requests") {
        return Err(unsupported());
    }
    let quantity = |text: &str| Quantity::parse(text).ok();
    let divisor = quantity(field(reference, "divisor")).filter(|d| !d.is_zero()).or_else(|| quantity("1"));
    let given = quantity(field(&container["resources"][list], name)).or_else(|| quantity("0"));
    let (Some(divisor), Some(given)) = (divisor, given) else { return Err(unsupported()) };
    let (of, by) = match name {
        "cpu" => (given.milli_value(), divisor.milli_value()),
        _ => (given.value(), divisor.value()),
    };
    Ok((of as f64 / by as f64).ceil().to_string())
}
