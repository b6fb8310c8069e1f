//! `update`: a whole object in place of another, or a part of one.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/update.go`.

use serde_json::Value;

use super::writer;
use crate::api::Object;
use crate::api::request::WriteOptions;
use crate::error::{ApiError, Reason};
use crate::registry::Context;
use crate::server::{Ask, Reply, Server, codec, subresources};

impl Server {
    /// Replaces an object by what the body describes.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`, and the refusal of whoever finds something wrong with it.
    pub(in crate::server) fn update(
        &mut self,
        ask: &Ask<'_>,
        options: &WriteOptions,
        body: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let by = writer(ask, "UpdateOptions", options)?;
        let api_version = ask.resource.api_version();
        let context = Context::new(&by).part(&ask.resource.subresource).sent_in(&api_version).dry_run(options.dry_run);
        if ask.resource.subresource == "scale" {
            let scale = subresources::scale::decode(ask, body, options.field_validation, warnings)?;
            return subresources::scale::update(self, ask, &scale, &context, warnings);
        }
        let object = codec::decode(ask, body, options.field_validation, warnings)?;
        check_name(object.name(), &ask.resource.name)?;
        self.put(ask, object, &context, warnings)
    }

    /// Stores the new version of an object, or of the part that the context names.
    pub(in crate::server) fn put(
        &mut self,
        ask: &Ask<'_>,
        object: Object,
        context: &Context<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        self.may_decide(ask, &object)?;
        let registry = self.cluster.registry_mut();
        let answer = match context.subresource {
            "finalize" => registry.finalize(object, context)?,
            _ => registry.update(object, context)?,
        };
        warnings.extend(answer.warnings);
        self.shown(ask, &answer.object)
    }
}

/// Refuses an object of another name than the path's. Mirrors `checkName`.
pub(in crate::server) fn check_name(given: &str, name: &str) -> Result<(), ApiError> {
    let text = match given {
        same if same == name => return Ok(()),
        "" => format!("the name of the object ({name} based on URL) was undeterminable: name must be provided"),
        other => format!("the name of the object ({other}) does not match the name on the URL ({name})"),
    };
    Err(ApiError::new(Reason::BadRequest, text))
}
