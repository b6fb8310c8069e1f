//! Bodies into objects, strictly, and answers into the trees that go over a wire.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers` (create.go, negotiation) and `responsewriters`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Ask, List, Reply};
use crate::api::request::{FieldValidation, Resource};
use crate::api::{Kind, Object};
use crate::error::{ApiError, Reason};
use crate::manifest::json::unmarshal;
use crate::manifest::strict::{self, normalise};
use crate::manifest::versions::from_stored;

fn bad_request(text: String) -> ApiError {
    ApiError::new(Reason::BadRequest, text)
}

/// Reads the body of a request as an object of the kind that is served there.
///
/// # Errors
/// `BadRequest` for a body of another kind or version, for what does not fit its field, and for a namespace or name
/// other than the request's.
pub(super) fn decode(
    ask: &Ask<'_>,
    body: &Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Object, ApiError> {
    let (kind, resource) = (ask.served.kind, ask.resource);
    if let Value::String(text) = body {
        return Err(bad_request(unrecognized(kind, text)));
    }
    let api_version = resource.api_version();
    check_type(&api_version, (kind.group(), kind.name()), body)?;
    let decoded = strict::decode_version(kind, &api_version, body)
        .map_err(|e| bad_request(strict::bad_request_message(kind, &api_version, e)))?;
    if !decoded.unknown.is_empty() {
        match validation {
            FieldValidation::Strict => {
                let text = strict::strict_message(&decoded.unknown);
                return Err(bad_request(strict::bad_request_message(kind, &api_version, text)));
            }
            FieldValidation::Warn => warnings.extend(decoded.unknown),
            FieldValidation::Ignore => {}
        }
    }
    let mut object = decoded.object;
    let (given, asked) = (object.namespace(), resource.namespace.as_str());
    if !given.is_empty() && !asked.is_empty() && given != asked {
        let text = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(bad_request(text.into()));
    }
    // What is of the whole cluster has none, whatever it says. Mirrors `EnsureObjectNamespaceMatchesRequestNamespace`.
    object.meta_mut().namespace = Some(resource.namespace.clone()).filter(|n| !n.is_empty());
    Ok(object)
}

/// What is said of a body that is no JSON. Mirrors `transformDecodeError` and `summarizeData`.
fn unrecognized(kind: Kind, text: &str) -> String {
    const LONGEST: usize = 30;
    let fault = unmarshal(text.as_bytes()).err().map(|e| e.to_string());
    let fault = fault.unwrap_or_else(|| {
        "json: cannot unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; \
         Kind string \"json:\\\"kind,omitempty\\\"\" }"
            .into()
    });
    let start = &text.as_bytes()[..text.len().min(LONGEST)];
    let summary = match text.as_bytes().first() {
        None => "<empty>".to_string(),
        Some(b'{') => String::from_utf8_lossy(start).into_owned(),
        Some(_) => start.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let more = if text.len() > LONGEST { " ..." } else { "" };
    format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {fault} \
         ({summary}{more})",
        kind.name()
    )
}

/// Where the server keeps the kinds that it knows.
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";

/// Whether the body is what it must be; what it does not say of itself is taken for granted.
pub(super) fn check_type(expected: &str, (group, kind): (&str, &str), body: &Value) -> Result<(), ApiError> {
    let text = |field: &str| body[field].as_str().filter(|text| !text.is_empty());
    let (version, name) = (text("apiVersion").unwrap_or(expected), text("kind").unwrap_or(kind));
    if (version, name) == (expected, kind) {
        return Ok(());
    }
    let bare = version.rsplit('/').next().unwrap_or(version);
    let Some(other) = Kind::from_gvk(version, name) else {
        let wanted = format!("no kind {name:?} is registered for version {version:?} in scheme {SCHEME:?}");
        return Err(bad_request(format!("{name} in version {bare:?} cannot be handled as a {kind}: {wanted}")));
    };
    if (other.group(), other.name()) == (group, kind) {
        let text =
            format!("the API version in the data ({version}) does not match the expected API version ({expected})");
        return Err(bad_request(text));
    }
    let internal = |group: &str| match group {
        "" => "core".to_string(),
        group => group.split('.').next().unwrap_or_default().to_string(),
    };
    Err(bad_request(format!(
        "{name} in version {bare:?} cannot be handled as a {kind}: converting ({bare}.{name}) to ({}.{kind}): unknown conversion",
        internal(group),
    )))
}

/// An object as a client sees it: with `apiVersion` and `kind`, without who owns its fields.
pub fn tree_of(object: &Object) -> Value {
    let mut tree = object.to_tree();
    normalise(object.kind(), &mut tree);
    if let Some(metadata) = tree["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    tree
}

/// The same with who owns its fields, as far as the object tells that.
pub fn tree_with_owners(object: &Object) -> Value {
    let mut tree = tree_of(object);
    if let Some(owners) = object.meta().managed_fields.as_ref().filter(|owners| !owners.is_empty()) {
        tree["metadata"]["managedFields"] = serde_json::to_value(owners).unwrap_or_default();
    }
    tree
}

/// An answer as a tree, in the version that was asked for.
pub fn encode(reply: &Reply, resource: &Resource) -> Value {
    let in_version =
        |object: &Arc<Object>| from_stored(object.kind(), &resource.api_version(), tree_with_owners(object));
    match reply {
        Reply::Object(object) => in_version(object),
        Reply::List(list) => encode_list(list, resource, in_version),
        Reply::Table(table) => {
            let column = |c: &crate::api::table::ColumnDefinition| json!({"name": c.name, "priority": c.priority});
            let row = |r: &crate::api::table::Row| json!({"cells": r.cells, "object": in_version(&r.object)});
            json!({
                "kind": "Table",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": list_meta(table.revision, &table.continue_at, table.remaining),
                "columnDefinitions": table.columns.iter().map(column).collect::<Vec<_>>(),
                "rows": table.rows.iter().map(row).collect::<Vec<_>>(),
            })
        }
        Reply::Tree(tree) => tree.clone(),
        Reply::Text(text) => Value::String(text.clone()),
        Reply::Bytes(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Reply::Session(_) | Reply::Forward(_) => Value::Null,
    }
}

/// Items of a list do not say of themselves what they are.
fn encode_list(list: &List, resource: &Resource, in_version: impl Fn(&Arc<Object>) -> Value) -> Value {
    let bare = |object: &Arc<Object>| {
        let mut tree = in_version(object);
        if let Some(fields) = tree.as_object_mut().filter(|_| object.kind().is_built_in()) {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        tree
    };
    json!({
        "kind": format!("{}List", list.kind.name()),
        "apiVersion": resource.api_version(),
        "metadata": list_meta(list.revision, &list.continue_at, list.remaining),
        "items": list.items.iter().map(bare).collect::<Vec<_>>(),
    })
}

fn list_meta(revision: u64, continue_at: &str, remaining: Option<u64>) -> Value {
    let mut metadata = json!({});
    if revision > 0 {
        metadata["resourceVersion"] = json!(revision.to_string());
    }
    if !continue_at.is_empty() {
        metadata["continue"] = json!(continue_at);
    }
    if let Some(remaining) = remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    metadata
}
