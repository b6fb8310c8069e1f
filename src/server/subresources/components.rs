//! Component statuses: worked out when somebody asks.
//!
//! Mirrors `pkg/registry/core/componentstatus/rest.go`.

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{ComponentCondition, ComponentStatus};
use crate::api::{Kind, Object, ObjectMeta};
use crate::error::ApiError;
use crate::server::{Ask, Reply, Server};

/// The parts of a control plane, and what each says when it is well.
const PARTS: [(&str, &str); 3] = [("controller-manager", "ok"), ("etcd-0", "ok"), ("scheduler", "ok")];

fn status(name: &str, message: &str) -> Arc<Object> {
    let healthy = ComponentCondition {
        type_: "Healthy".into(),
        status: "True".into(),
        message: Some(message.into()),
        error: None,
    };
    let metadata = ObjectMeta { name: Some(name.into()), ..Default::default() };
    Arc::new(Object::from(ComponentStatus { metadata, conditions: Some(vec![healthy]) }))
}

impl Server {
    /// The answer to a get of something that nothing is stored of; none for what is stored.
    pub(in crate::server) fn computed(&self, ask: &Ask<'_>) -> Option<Result<Reply, ApiError>> {
        if ask.served.kind != Kind::ComponentStatus {
            return None;
        }
        let name = &ask.resource.name;
        let found = PARTS.iter().find(|(part, _)| part == name).map(|(part, message)| status(part, message));
        let missing = || ApiError::not_found("componentstatus", name);
        Some(found.ok_or_else(missing).and_then(|object| self.shown(ask, &object)))
    }

    /// The same for a list.
    pub(in crate::server) fn computed_list(&self, ask: &Ask<'_>) -> Option<Result<Vec<Arc<Object>>, ApiError>> {
        let is_computed = ask.served.kind == Kind::ComponentStatus;
        is_computed.then(|| Ok(PARTS.iter().map(|(part, message)| status(part, message)).collect()))
    }
}
