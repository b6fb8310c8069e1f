//! Bindings: a pod's node, as a scheduler posts it.
//!
//! Mirrors `BindingREST` of `pkg/registry/core/pod/storage/storage.go`.

use serde_json::json;

use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, FieldError};
use crate::registry::Context;
use crate::server::{Reply, Server};

/// Binds the pod of the binding's name.
///
/// # Errors
/// `Invalid` for a binding to something else than a node, and the refusals of the pod's storage.
pub(in crate::server) fn create(
    server: &mut Server,
    binding: Object,
    context: &Context<'_>,
) -> Result<Reply, ApiError> {
    let Object::Binding(binding) = &binding else { return Err(ApiError::internal("no binding")) };
    let (name, target) = (binding.metadata.name.clone().unwrap_or_default(), &binding.target);
    let mut faults = Vec::new();
    let kind = target.kind.as_deref().unwrap_or_default();
    if !matches!(kind, "" | "Node") {
        faults.push(FieldError::not_supported("target.kind", kind, &["Node", "<empty>"]));
    }
    let node = target.name.as_deref().unwrap_or_default();
    if node.is_empty() {
        faults.push(FieldError::required("target.name", ""));
    }
    if !faults.is_empty() {
        return Err(ApiError::invalid("Binding", &name, faults));
    }
    let key = ObjectKey::new(Kind::Pod, binding.metadata.namespace.clone().unwrap_or_default(), name);
    server.cluster_mut().registry_mut().bind(&key, node, context)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Reply::Tree(status))
}
