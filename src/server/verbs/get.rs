//! `get`: one object, or a part of it.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/get.go`.

use crate::api::ObjectKey;
use crate::error::{ApiError, Reason};
use crate::server::{Ask, Reply, Server, subresources};

impl Server {
    /// Answers with an object, or with what a subresource holds of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub(in crate::server) fn get(&self, ask: &Ask<'_>) -> Result<Reply, ApiError> {
        let (kind, resource) = (ask.served.kind, ask.resource);
        if let Some(computed) = self.computed(ask) {
            return computed;
        }
        let key = ObjectKey::new(kind, resource.namespace.clone(), resource.name.clone());
        let object = self.cluster.view().get(&key).cloned();
        let object = object.ok_or_else(|| ApiError::not_found(&kind.resource(), &key.name))?;
        match resource.subresource.as_str() {
            "attach" | "exec" | "portforward" => Err(ApiError::new(Reason::BadRequest, "Upgrade request required")),
            "scale" => Ok(Reply::Tree(subresources::scale::of(&object)?)),
            _ => self.shown(ask, &object),
        }
    }
}
