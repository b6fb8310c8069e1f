//! `pods/eviction`: a deletion that disruption budgets may forbid.
//!
//! Mirrors `EvictionREST` of `pkg/registry/core/pod/storage/eviction.go`.

use serde_json::{Value, json};

use crate::api::request::{DeleteOptions, WriteOptions};
use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::registry::Context;
use crate::server::{Ask, Reply, Server};

/// Evicts the pod that the request names.
///
/// # Errors
/// `TooManyRequests` when a budget forbids it for now, else the server's refusal.
pub(super) fn create(
    server: &mut Server,
    ask: &Ask<'_>,
    options: &WriteOptions,
    body: &Value,
) -> Result<Reply, ApiError> {
    let (name, namespace) = (&ask.resource.name, &ask.resource.namespace);
    let named = body["metadata"]["name"].as_str().unwrap_or(name);
    if named != name {
        return Err(ApiError::new(Reason::BadRequest, "name in URL does not match name in Eviction object"));
    }
    let delete = &body["deleteOptions"];
    let text = |value: &Value| value.as_str().map(String::from);
    let how = DeleteOptions {
        grace_period: delete["gracePeriodSeconds"].as_i64(),
        uid: text(&delete["preconditions"]["uid"]),
        resource_version: text(&delete["preconditions"]["resourceVersion"]),
        ..DeleteOptions::default()
    };
    let dry_run = options.dry_run || delete["dryRun"].as_array().is_some_and(|all| all.iter().any(|d| d == "All"));
    let context = Context::new(ask.by).dry_run(dry_run);
    let key = ObjectKey::new(Kind::Pod, namespace.clone(), name.clone());
    server.cluster_mut().registry_mut().evict(&key, &how, &context)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Reply::Tree(status))
}
