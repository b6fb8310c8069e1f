//! `scale`: how many replicas an object shall have and has, as an `autoscaling/v1` Scale.
//!
//! Mirrors the `ScaleREST` of `pkg/registry/apps/*/storage` and `pkg/registry/core/replicationcontroller/storage`.

use serde_json::{Value, json};

use crate::api::request::FieldValidation;
use crate::api::selector::Selector;
use crate::api::{Object, ObjectKey, definition, schema};
use crate::error::{ApiError, FieldError, Reason};
use crate::manifest::managed::Place;
use crate::manifest::strict;
use crate::registry::{Applied, Context, Registry, check_applied};
use crate::server::verbs::check_name;
use crate::server::{Ask, Reply, Server, codec, not_served, tree_of};

/// The `Scale` of an object.
///
/// # Errors
/// `NotFound` for what can't be scaled.
pub(in crate::server) fn of(object: &Object) -> Result<Value, ApiError> {
    let tree = tree_of(object);
    if let Some(paths) = definition::of(object.kind()).and_then(|d| d.scale.as_ref()) {
        let at = |path: &str| tree.pointer(&pointer(path)).cloned().unwrap_or_default();
        let selector = at(&paths.selector).as_str().unwrap_or_default().to_string();
        let replicas = at(&paths.spec).as_i64();
        return Ok(scale(&tree, replicas, at(&paths.status).as_i64().unwrap_or(0), &selector));
    }
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
    let replicas = |part: &str| tree[part]["replicas"].as_i64();
    Ok(scale(&tree, replicas("spec"), replicas("status").unwrap_or(0), &selector))
}

/// A path of a definition as a pointer into a tree.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn scale(tree: &Value, wanted: Option<i64>, there: i64, selector: &str) -> Value {
    let mut metadata = json!({});
    for field in ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"] {
        metadata[field] = tree["metadata"][field].clone();
    }
    let spec = match wanted {
        Some(0) | None => json!({}),
        Some(n) => json!({"replicas": n}),
    };
    let mut status = json!({"replicas": there});
    if !selector.is_empty() {
        status["selector"] = json!(selector);
    }
    json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec, "status": status})
}

/// Reads a body as a `Scale`.
///
/// # Errors
/// `BadRequest` for what is no `Scale`, or one of another object.
pub(in crate::server) fn decode(
    ask: &Ask<'_>,
    body: &Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let bad_request = |detail: String| {
        ApiError::new(Reason::BadRequest, format!("Scale in version \"v1\" cannot be handled as a Scale: {detail}"))
    };
    codec::check_type("autoscaling/v1", ("autoscaling", "Scale"), body)?;
    let (scale, unknown) = strict::decode_as(schema::scale(), body).map_err(|e| bad_request(e.to_string()))?;
    match validation {
        FieldValidation::Strict if !unknown.is_empty() => return Err(bad_request(strict::strict_message(&unknown))),
        FieldValidation::Warn => warnings.extend(unknown),
        _ => {}
    }
    check_name(scale["metadata"]["name"].as_str().unwrap_or_default(), &ask.resource.name)?;
    Ok(scale)
}

/// What an applied `Scale` makes of the object that it scales. Mirrors `scaleUpdatedObjectInfo.UpdatedObject`.
///
/// # Errors
/// `Conflict` when somebody else owns the replicas, `Invalid` for a number below zero, and faults of the configuration.
pub(in crate::server) fn applied(
    registry: &Registry,
    key: &ObjectKey,
    scale: &Value,
    force: bool,
    context: &Context<'_>,
) -> Result<Applied, ApiError> {
    check_applied(key, scale, Place::Object(schema::scale()), ("autoscaling/v1", "Scale"))?;
    let mut config = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.name(),
        "metadata": {"name": key.name, "namespace": key.namespace},
    });
    if let Some(version) = scale["metadata"]["resourceVersion"].as_str() {
        config["metadata"]["resourceVersion"] = json!(version);
    }
    if let Some(replicas) = scale["spec"]["replicas"].as_i64() {
        config["spec"] = json!({"replicas": replicas});
    }
    let mut applied = registry.applied(key, &config, force, context)?;
    check_replicas(&key.name, scale["spec"]["replicas"].as_i64().unwrap_or(0))?;
    // A `Scale` that lost its replicas asks for none.
    match applied.object_mut() {
        Some(Object::Deployment(o)) => _ = o.spec.get_or_insert_default().replicas.get_or_insert(0),
        Some(Object::ReplicaSet(o)) => _ = o.spec.get_or_insert_default().replicas.get_or_insert(0),
        Some(Object::StatefulSet(o)) => _ = o.spec.get_or_insert_default().replicas.get_or_insert(0),
        Some(Object::ReplicationController(o)) => _ = o.spec.get_or_insert_default().replicas.get_or_insert(0),
        _ => {}
    }
    Ok(applied)
}

/// Mirrors `ValidateScale`.
fn check_replicas(name: &str, replicas: i64) -> Result<(), ApiError> {
    if replicas >= 0 {
        return Ok(());
    }
    let cause = FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
    Err(ApiError::invalid("Scale.autoscaling", name, vec![cause]))
}

/// Gives an object the number of replicas that a `Scale` says.
///
/// # Errors
/// `Invalid` for a number below zero, `Conflict` for an old `Scale`.
pub(in crate::server) fn update(
    server: &mut Server,
    ask: &Ask<'_>,
    scale: &Value,
    context: &Context<'_>,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    let (name, resource) = (&ask.resource.name, ask.served.kind.resource());
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    check_replicas(name, replicas)?;
    let key = ObjectKey::new(ask.served.kind, ask.resource.namespace.clone(), name.clone());
    let old = server.cluster().view().get(&key).cloned();
    let old = old.ok_or_else(|| ApiError::not_found(&resource, name))?;
    let version = scale["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() && old.meta().resource_version.as_deref() != Some(version) {
        return Err(ApiError::stale(&resource, name));
    }
    let mut tree = tree_of(&old);
    let paths = definition::of(key.kind).and_then(|d| d.scale.as_ref());
    match paths.and_then(|paths| paths.spec.trim_start_matches('.').rsplit_once('.')) {
        Some((outer, last)) => {
            if let Some(outer) = tree.pointer_mut(&pointer(&format!(".{outer}"))) {
                outer[last] = json!(replicas);
            }
        }
        None => tree["spec"]["replicas"] = json!(replicas),
    }
    let decoded = strict::decode(key.kind, &tree).map_err(|e| ApiError::new(Reason::BadRequest, e.to_string()))?;
    let answer = server.cluster_mut().registry_mut().update(decoded.object, context)?;
    warnings.extend(answer.warnings);
    Ok(Reply::Tree(of(&answer.object)?))
}
