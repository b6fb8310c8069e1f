//! `pods/eviction`: a deletion that disruption budgets may forbid.
//!
//! Mirrors `EvictionREST` of `pkg/registry/core/pod/storage/eviction.go`.

use serde_json::{Value, json};

use crate::api::request::{DeleteOptions, WriteOptions};
use crate::api::{Kind, ObjectKey, schema};
use crate::error::{ApiError, FieldError, Reason};
use crate::manifest::strict;
use crate::registry::Context;
use crate::server::{Ask, Reply, Server, codec};

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
    codec::check_type("policy/v1", ("policy", "Eviction"), body)?;
    let (body, _) = strict::decode_as(schema::eviction(), body).map_err(|e| {
        let text = format!("Eviction in version \"v1\" cannot be handled as a Eviction: {e}");
        ApiError::new(Reason::BadRequest, text)
    })?;
    if body["metadata"]["name"].as_str() != Some(name) {
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
    let said: Vec<&str> = delete["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if said.iter().any(|word| *word != "All") {
        let fault = FieldError::not_supported("dryRun", &said, &["All"]);
        return Err(ApiError::invalid("DeleteOptions.meta.k8s.io", "", vec![fault]));
    }
    let dry_run = options.dry_run || !said.is_empty();
    let context = Context::new(ask.by).dry_run(dry_run);
    let key = ObjectKey::new(Kind::Pod, namespace.clone(), name.clone());
    server.cluster_mut().registry_mut().evict(&key, &how, &context)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Reply::Tree(status))
}
