//! What is posted to a part of an object.

use serde_json::Value;

use super::{binding, eviction, token};
use crate::api::Kind;
use crate::api::request::WriteOptions;
use crate::error::{ApiError, Reason};
use crate::registry::Context;
use crate::server::verbs::writer;
use crate::server::{Ask, Reply, Server, codec, method_not_allowed};

impl Server {
    /// Answers what is posted to a subresource.
    ///
    /// # Errors
    /// The subresource's refusal.
    pub(in crate::server) fn post(
        &mut self,
        ask: &Ask<'_>,
        options: &WriteOptions,
        body: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let by = writer(ask, "CreateOptions", options)?;
        match (ask.served.kind, ask.resource.subresource.as_str()) {
            (Kind::ServiceAccount, "token") => token::create(self, ask, body, options.dry_run),
            (Kind::Pod, "eviction") => eviction::create(self, ask, options, body),
            (Kind::Pod, "binding") => {
                let served = crate::server::served::of_kind(self.minor(), Kind::Binding);
                let served = served.ok_or_else(method_not_allowed)?;
                let ask = Ask { by: ask.by, served: &served, resource: ask.resource, accept: ask.accept };
                let binding = codec::decode(&ask, body, options.field_validation, warnings)?;
                if binding.name() != ask.resource.name {
                    let text = "name in URL does not match name in Binding object";
                    return Err(ApiError::new(Reason::BadRequest, text));
                }
                binding::create(self, binding, &Context::new(&by).dry_run(options.dry_run))
            }
            _ => Err(method_not_allowed()),
        }
    }
}
