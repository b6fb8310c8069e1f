//! `create`: a new object, or a part of one that is posted.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/create.go`.

use serde_json::Value;

use super::writer;
use crate::api::request::WriteOptions;
use crate::api::{Kind, Object};
use crate::error::ApiError;
use crate::registry::Context;
use crate::server::{Ask, Reply, Server, codec, subresources};

impl Server {
    /// Creates what the body describes.
    ///
    /// # Errors
    /// The refusal of whoever finds something wrong with it.
    pub(in crate::server) fn create(
        &mut self,
        ask: &Ask<'_>,
        options: &WriteOptions,
        body: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let by = writer(ask, "CreateOptions", options)?;
        let object = codec::decode(ask, body, options.field_validation, warnings)?;
        let api_version = ask.resource.api_version();
        let context = Context::new(&by).sent_in(&api_version).dry_run(options.dry_run);
        if ask.served.kind == Kind::Binding {
            return subresources::binding::create(self, object, &context);
        }
        if let Some(reviewed) = self.review(ask, &object) {
            let owners = self.cluster.registry().owner_of_what_was_sent(&context, &object);
            return reviewed.map(|reply| match reply {
                Reply::Object(object) if ask.accept.managed_fields => {
                    let mut object = Object::clone(&object);
                    object.meta_mut().managed_fields = Some(owners).filter(|owners| !owners.is_empty());
                    Reply::Object(object.into())
                }
                reply => reply,
            });
        }
        let answer = self.cluster.registry_mut().create(object, &context)?;
        warnings.extend(answer.warnings);
        self.shown(ask, &answer.object)
    }
}
