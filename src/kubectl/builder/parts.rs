//! Objects, or a part of each (`--subresource`), as trees: what a verb is about that prints or sends whatever it gets.
//!
//! Mirrors `Builder.Subresource` of `k8s.io/cli-runtime/pkg/resource/builder.go`.

use serde_json::Value;

use super::resources::{Query, Target};
use crate::api::request::Resource;
use crate::api::{Object, ObjectKey};
use crate::error::{ApiError, Failure};
use crate::kubectl::builder::files::FileArgs;
use crate::kubectl::builder::target::FILES_AND_NAMES;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::server::Reply;
use crate::server::served::Served;

/// An object or a part of one, as the server sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What the server offers there.
    pub served: Served,
    /// The object.
    pub key: ObjectKey,
    /// The part, `status`; empty for the whole.
    pub subresource: String,
    /// The whole, or the part.
    pub tree: Value,
    /// The object, where the answer is one.
    pub object: Option<std::sync::Arc<Object>>,
}

impl Part {
    /// Where it is.
    pub fn resource(&self) -> Resource {
        self.served.resource_of(&self.key).part(&self.subresource)
    }

    /// The same as the server sent it last.
    pub fn now(&self, reply: Reply, session: &Session<'_>) -> Result<Part, ApiError> {
        let (tree, object) = match reply {
            Reply::Object(object) => (session.tree_in(&object, &self.served.api_version()), Some(object)),
            Reply::Tree(tree) => (tree, None),
            _ => return Err(ApiError::internal("the server did not answer with an object")),
        };
        Ok(Part { tree, object, ..self.clone() })
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Parts {
    /// In the order in which they were asked for.
    pub parts: Vec<Part>,
    /// What was not found, or could not be asked.
    pub faults: Vec<Fault>,
}

/// Looks objects or parts of them up; types alone stand for all their objects, if `types_alone` says so.
///
/// # Errors
/// When the arguments can't be resolved, or name many of which a part is wanted.
pub fn find(
    args: &[String],
    files: &FileArgs,
    subresource: &str,
    types_alone: bool,
    session: &Session<'_>,
) -> Result<Parts, Failure> {
    let mut parts = Parts::default();
    if !files.is_empty() {
        if !args.is_empty() {
            return Err(Failure::error(FILES_AND_NAMES));
        }
        let (infos, faults) = files.read(session, false);
        parts.faults = faults;
        infos.into_iter().for_each(|info| parts.look_up(info.served, info.key(), subresource, session));
        return Ok(parts);
    }
    if args.is_empty() {
        return Err(Failure::error(super::target::NOTHING_NAMED));
    }
    let query = Query { args: args.to_vec(), types_alone_mean_all: types_alone, ..Query::default() };
    match query.target(session.client.minor())? {
        Target::Kinds(_) if !subresource.is_empty() => {
            return Err(Failure::error("subresource cannot be used when bulk resources are specified"));
        }
        Target::Kinds(kinds) => {
            for served in kinds {
                match query.list(session, served) {
                    Ok(objects) => parts.parts.extend(objects.into_iter().map(|object| Part {
                        served,
                        key: object.key(),
                        subresource: String::new(),
                        tree: session.tree_in(&object, &served.api_version()),
                        object: Some(object),
                    })),
                    Err(fault) => parts.faults.push(fault),
                }
            }
        }
        Target::Names(names) => {
            for (served, name) in names {
                match name.is_empty() {
                    true => parts.faults.push(Fault::plain("resource name may not be empty")),
                    false => parts.look_up(served, session.key(served.kind, &name), subresource, session),
                }
            }
        }
    }
    Ok(parts)
}

impl Parts {
    fn look_up(&mut self, served: Served, key: ObjectKey, subresource: &str, session: &Session<'_>) {
        let part = Part { served, key, subresource: subresource.into(), tree: Value::Null, object: None };
        let reply = session.client.get_part(part.resource());
        match reply.and_then(|reply| part.now(reply, session)) {
            Ok(part) => self.parts.push(part),
            Err(refused) => self.faults.push(refused.into()),
        }
    }
}
