//! NamespaceLifecycle: nothing is made in a namespace that is missing or on its way out.
//!
//! Mirrors `k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle`.

use super::{Plugin, Request};
use crate::api::k8s::api::core::v1::Namespace;
use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;

/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// The plugin.
pub(super) struct NamespaceLifecycle;

/// The cause by which a client tells this refusal from others. Mirrors `v1.NamespaceTerminatingCause`.
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

impl Plugin for NamespaceLifecycle {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let kind = object.kind();
        let namespace = object.namespace();
        if namespace.is_empty() || kind == Kind::Namespace {
            return Ok(());
        }
        let found = request.view.get(&ObjectKey::cluster(Kind::Namespace, namespace));
        let Some(found) = found.and_then(|o| o.get::<Namespace>()) else {
            return Err(ApiError::not_found("namespaces", namespace));
        };
        let phase = found.status.as_ref().and_then(|s| s.phase.as_deref());
        if phase == Some("Terminating") {
            let detail =
                format!("unable to create new content in namespace {namespace} because it is being terminated");
            let goes = format!("namespace {namespace} is being terminated");
            return Err(ApiError::forbidden(&kind.resource(), object.name(), &detail).cause(
                NAMESPACE_TERMINATING,
                "metadata.namespace",
                &goes,
            ));
        }
        Ok(())
    }

    fn delete(&self, _request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        if object.kind() == Kind::Namespace && IMMORTAL.contains(&object.name()) {
            return Err(ApiError::forbidden("namespaces", object.name(), "this namespace may not be deleted"));
        }
        Ok(())
    }
}
