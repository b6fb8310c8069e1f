//! What tests do to a cluster without a server before it.

use std::sync::Arc;

use super::Cluster;
use crate::api::Object;
use crate::api::request::{By, Deletion};
use crate::api::user::User;
use crate::error::ApiError;
use crate::registry::{Answer, Context};

impl Cluster {
    fn as_kubectl<R>(&mut self, f: impl FnOnce(&mut crate::registry::Registry, &Context<'_>) -> R) -> R {
        let by = By::client(User::admin("test"), "kubectl");
        f(self.registry_mut(), &Context::new(&by))
    }

    pub(crate) fn create(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        self.as_kubectl(|registry, context| registry.create(object, context)).map(|answer| answer.object)
    }

    pub(crate) fn update(&mut self, object: Object) -> Result<Arc<Object>, ApiError> {
        self.as_kubectl(|registry, context| registry.update(object, context)).map(|answer| answer.object)
    }

    pub(crate) fn delete(&mut self, deletion: &Deletion) -> Result<Answer, ApiError> {
        self.as_kubectl(|registry, context| registry.delete(deletion, context))
    }
}
