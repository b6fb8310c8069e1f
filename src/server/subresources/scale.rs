//! `scale`: how many replicas an object shall have and has, as an `autoscaling/v1` Scale.
//!
//! Mirrors the `ScaleREST` of `pkg/registry/apps/*/storage` and `pkg/registry/core/replicationcontroller/storage`.

use serde_json::{Value, json};

use crate::api::selector::Selector;
use crate::api::{Object, ObjectKey};
use crate::error::{ApiError, FieldError, Reason};
use crate::manifest::strict;
use crate::registry::Context;
use crate::server::{Ask, Reply, Server, not_served, tree_of};

/// The `Scale` of an object.
///
/// # Errors
/// `NotFound` for what can't be scaled.
pub(in crate::server) fn of(object: &Object) -> Result<Value, ApiError> {
    let tree = tree_of(object);
    let selector = &tree["spec"]["selector"];
    let selector = match object {
        Object::Deployment(_) | Object::ReplicaSet(_) | Object::StatefulSet(_) => {
            let selector = serde_json::from_value(selector.clone()).ok();
            Selector::from_label_selector(selector.as_ref()).map(|s| s.to_string()).unwrap_or_default()
        }
        Object::ReplicationController(_) => {
            let pairs = selector.as_object().into_iter().flatten();
            pairs.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")
        }
        _ => return Err(not_served()),
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
    Ok(json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec, "status": status}))
}

/// Gives an object the number of replicas that a `Scale` says.
///
/// # Errors
/// `BadRequest` for what is no `Scale`, `Invalid` for a number below zero, `Conflict` for an old one.
pub(in crate::server) fn update(
    server: &mut Server,
    ask: &Ask<'_>,
    body: &Value,
    context: &Context<'_>,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    let kind = body["kind"].as_str().unwrap_or("Scale");
    if kind != "Scale" {
        let text = format!("{kind} in version \"v1\" cannot be handled as a Scale: the kinds differ");
        return Err(ApiError::new(Reason::BadRequest, text));
    }
    let (name, resource) = (&ask.resource.name, ask.served.kind.resource());
    let replicas = body["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let cause = FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        return Err(ApiError::invalid("Scale.autoscaling", name, vec![cause]));
    }
    let key = ObjectKey::new(ask.served.kind, ask.resource.namespace.clone(), name.clone());
    let old = server.cluster().view().get(&key).cloned();
    let old = old.ok_or_else(|| ApiError::not_found(&resource, name))?;
    let version = body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() && old.meta().resource_version.as_deref() != Some(version) {
        return Err(ApiError::stale(&resource, name));
    }
    let mut tree = tree_of(&old);
    tree["spec"]["replicas"] = json!(replicas);
    let decoded = strict::decode(key.kind, &tree).map_err(|e| ApiError::new(Reason::BadRequest, e.to_string()))?;
    let answer = server.cluster_mut().registry_mut().update(decoded.object, context)?;
    warnings.extend(answer.warnings);
    Ok(Reply::Tree(of(&answer.object)?))
}
