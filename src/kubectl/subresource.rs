//! `--subresource`: the parts of an object that the server offers as objects of their own.
//!
//! Mirrors `pkg/registry/apps/.../storage` (ScaleREST, StatusREST).

use serde_json::{Value, json};

use crate::api::selector::Selector;
use crate::api::{Kind, Object};
use crate::error::{ApiError, Reason};
use crate::kubectl::print::output::tree_of;

/// What a subresource holds of an object: its `Scale`, or for `status` the object itself.
///
/// # Errors
/// `NotFound` for a kind that has no such subresource.
pub fn of(object: &Object, subresource: &str) -> Result<Value, ApiError> {
    let tree = tree_of(object);
    match subresource {
        "" => Ok(tree),
        "status" if tree.get("status").is_some() => Ok(tree),
        "resize" | "ephemeralcontainers" if object.kind() == Kind::Pod => Ok(tree),
        "scale" => scale(&tree).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

fn unknown() -> ApiError {
    ApiError::new(Reason::NotFound, "the server could not find the requested resource")
}

/// The `Scale` of what can be scaled.
fn scale(tree: &Value) -> Option<Value> {
    let selector = &tree["spec"]["selector"];
    let selector = match tree["kind"].as_str()? {
        "Deployment" | "ReplicaSet" | "StatefulSet" => {
            let selector = serde_json::from_value(selector.clone()).ok()?;
            Selector::from_label_selector(Some(&selector)).map(|s| s.to_string()).unwrap_or_default()
        }
        "ReplicationController" => {
            let pairs = selector.as_object().into_iter().flatten();
            pairs.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
        }
        _ => return None,
    };
    let mut metadata = json!({});
    for field in ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"] {
        metadata[field] = tree["metadata"][field].clone();
    }
    let spec = match tree["spec"]["replicas"].as_i64() {
        Some(0) | None => json!({}),
        Some(n) => json!({"replicas": n}),
    };
    let status = json!({"replicas": tree["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector});
    Some(json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec, "status": status}))
}
