//! Answers as the server writes them: JSON with its fields in Go's order, or YAML; whole, as tables or as metadata alone.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/responsewriters` and `handlers/response.go`.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use super::accept::{Agreed, As, Media};
use super::order::{text as plain, text_of};
use super::{protobuf, texts, trees};
use crate::api::request::Resource;
use crate::api::table::Table;
use crate::api::{Kind, Object, schema};
use crate::error::{ApiError, Reason};
use crate::manifest::versions::from_stored;
use crate::printers::json::{to_compact, to_compact_in, to_indented_in};
use crate::printers::yaml::to_yaml;
use crate::server::{List, Reply, Server, columns, encode, status, tree_with_owners};

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    pub(super) agreed: Agreed,
    pub(super) pretty: bool,
    pub(super) include: Include,
    /// Whether rows tell who owns which field.
    pub(super) managed_fields: bool,
    /// Whether who owns which field is not worked out yet.
    pub(super) owners_later: bool,
}

/// What of an object stands beside its row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Include {
    None,
    #[default]
    Metadata,
    Object,
}

/// An answer as bytes, and its content type.
pub(super) fn reply(server: &Server, reply: Reply, resource: &Resource, style: Style) -> (Vec<u8>, &'static str) {
    if style.agreed.media == Media::Protobuf
        && style.agreed.form == As::Itself
        && let Some(bytes) = protobuf::encode(&encode(&reply, resource))
    {
        return (bytes, Media::Protobuf.content_type());
    }
    match reply {
        Reply::Bytes(bytes) => (bytes, "text/plain"),
        Reply::Object(object) if style.owners_later => {
            (format!("{}\n", texts::of(server, &object, resource)).into_bytes(), Media::Json.content_type())
        }
        Reply::List(list) if style.owners_later => {
            (list_of_texts(server, list, resource).into_bytes(), Media::Json.content_type())
        }
        reply => {
            let (text, kind) = readable(server, &reply, resource, style);
            (text.into_bytes(), kind)
        }
    }
}

/// An answer as text, and its content type.
fn readable(server: &Server, reply: &Reply, resource: &Resource, style: Style) -> (String, &'static str) {
    let media = if style.agreed.media == Media::Protobuf { Media::Json } else { style.agreed.media };
    let tree = match (reply, style.agreed.form) {
        (Reply::Text(text), _) => return (text.clone(), "text/plain; charset=utf-8"),
        (Reply::Table(table), As::Table(version)) => table_tree(server, table, resource, version, style),
        (Reply::Object(object), As::Table(version)) => {
            let table = server.table(object.kind(), std::slice::from_ref(object));
            table_tree(server, &table, resource, version, style)
        }
        (Reply::Tree(tree), As::Table(version)) => match trees::table(tree, version, style.include, server.now()) {
            Some(table) => table,
            None => return (written(reply, resource, style.pretty), Media::Json.content_type()),
        },
        (Reply::Object(object), As::Partial(version)) => {
            partial(&encode(&Reply::Object(object.clone()), resource), version)
        }
        (Reply::List(list), As::Partial(version)) => {
            let whole = encode(reply, resource);
            let items = list.items.iter().map(|o| partial(&encode(&Reply::Object(o.clone()), resource), version));
            json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": format!("meta.k8s.io/{version}"),
                "metadata": whole["metadata"],
                "items": items.collect::<Vec<_>>(),
            })
        }
        _ if style.agreed.media == Media::Yaml => encode(reply, resource),
        _ => return (written(reply, resource, style.pretty), Media::Json.content_type()),
    };
    (tree_text(&tree, media, style.pretty), media.content_type())
}

/// A tree of no stored kind as text.
pub(super) fn tree_text(tree: &Value, media: Media, pretty: bool) -> String {
    match (media, pretty) {
        (Media::Yaml, _) => to_yaml(tree),
        (_, true) => plain(tree, Some("")),
        (_, false) => plain(tree, None) + "\n",
    }
}

/// The metadata of an object alone.
pub(super) fn partial(tree: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": tree["metadata"],
    })
}

/// A table as it goes over the wire.
pub(super) fn table_tree(server: &Server, table: &Table, resource: &Resource, version: &str, style: Style) -> Value {
    let columns: Vec<(Value, String)> = table.columns.iter().map(|c| columns::definition(table.kind, c)).collect();
    let row = |row: &crate::api::table::Row| {
        let cells = row.cells.iter().zip(&columns).map(|(text, (_, ty))| columns::cell(ty, text));
        let object = match style.include {
            Include::None => Value::Null,
            Include::Metadata => partial(&row_object(server, &row.object, resource, style), version),
            Include::Object => row_object(server, &row.object, resource, style),
        };
        json!({"cells": cells.collect::<Vec<_>>(), "object": object})
    };
    let one = (table.revision == 0).then(|| table.rows.first().map(|r| r.object.revision())).flatten();
    let revision = one.unwrap_or(table.revision);
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if !table.continue_at.is_empty() {
        metadata["continue"] = json!(table.continue_at);
    }
    if let Some(remaining) = table.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": metadata,
        "columnDefinitions": columns.iter().map(|(definition, _)| definition).collect::<Vec<_>>(),
        "rows": table.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row_object(server: &Server, object: &Arc<Object>, resource: &Resource, style: Style) -> Value {
    let with = style.managed_fields.then(|| server.cluster.registry().with_owners(object).ok()).flatten();
    let object = with.as_ref().unwrap_or(object);
    let tree = match style.managed_fields {
        true => tree_with_owners(object),
        false => crate::server::tree_of(object),
    };
    from_stored(object.kind(), &resource.api_version(), tree)
}

/// A refusal as text.
pub(super) fn refusal(refusal: &ApiError, resource: &Resource, media: Media, pretty: bool) -> String {
    let mut tree = status(refusal);
    if refusal.reason == Reason::Forbidden && tree.get("details").is_none() {
        let parts = [("name", &resource.name), ("group", &resource.group), ("kind", &resource.plural)];
        let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
        tree["details"] = parts.map(|(n, text)| (n.to_string(), Value::from(text.as_str()))).collect();
    }
    tree_text(&tree, media, pretty)
}

/// An answer as the server writes it: fields in the order in which Go declares them.
fn written(reply: &Reply, resource: &Resource, pretty: bool) -> String {
    let tree = encode(reply, resource);
    let def = |kind: Kind| schema::of_version(kind, &resource.api_version()).unwrap_or_else(|| schema::of(kind));
    let text = |kind: Kind, tree: &Value| match pretty {
        true => to_indented_in(def(kind), tree, "  ").trim_end().to_string(),
        false => to_compact_in(Some(def(kind)), tree),
    };
    match reply {
        Reply::Object(object) => text(object.kind(), &tree) + if pretty { "" } else { "\n" },
        Reply::List(list) => {
            let items: Vec<String> =
                tree["items"].as_array().into_iter().flatten().map(|item| text(list.kind, item)).collect();
            let (kind, version) = (&tree["kind"], &tree["apiVersion"]);
            match pretty {
                false => list_text(&tree, &items),
                true => {
                    let meta = text_of("metadata", &tree["metadata"], Some("  "));
                    let items: Vec<String> =
                        items.iter().map(|i| format!("    {}", i.replace('\n', "\n    "))).collect();
                    let items = if items.is_empty() { "[]".into() } else { format!("[\n{}\n  ]", items.join(",\n")) };
                    format!(
                        "{{\n  \"kind\": {kind},\n  \"apiVersion\": {version},\n  \"metadata\": {meta},\n  \"items\": {items}\n}}"
                    )
                }
            }
        }
        _ if pretty => plain(&tree, Some("")),
        _ => plain(&tree, None) + "\n",
    }
}

/// A list on one line, of its items' texts; the tree tells all but them.
fn list_text<T: AsRef<str>>(tree: &Value, items: &[T]) -> String {
    let (kind, version, meta) = (&tree["kind"], &tree["apiVersion"], text_of("metadata", &tree["metadata"], None));
    let mut text = format!("{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{meta},\"items\":[");
    for (n, item) in items.iter().enumerate() {
        text.push_str(if n == 0 { "" } else { "," });
        text.push_str(item.as_ref());
    }
    text + "]}\n"
}

/// A list of objects, each as it is told to whoever gets or watches it.
fn list_of_texts(server: &Server, list: List, resource: &Resource) -> String {
    let said = format!("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",", list.kind.name(), resource.api_version());
    let items: Vec<_> = list.items.iter().map(|object| texts::of(server, object, resource)).collect();
    let tree = encode(&Reply::List(List { items: Vec::new(), ..list }), resource);
    // Items of a list do not say of themselves what they are.
    let bare = |text: &Rc<str>| match text.strip_prefix(&said).filter(|_| list.kind.is_built_in()) {
        Some(rest) => format!("{{{rest}"),
        None => text.to_string(),
    };
    list_text(&tree, &items.iter().map(bare).collect::<Vec<_>>())
}

/// An object on one line, with who owns its fields.
pub(super) fn owned(server: &Server, object: &Arc<Object>, resource: &Resource) -> String {
    let whole = server.cluster.registry().with_owners(object).unwrap_or_else(|_| Arc::clone(object));
    let mut text = written(&Reply::Object(whole), resource, false);
    text.truncate(text.trim_end().len());
    text
}

/// An object as an event of a watch has it; one that is gone bears the revision that removed it, and is no version of its own.
pub(super) fn event_object(
    server: &Server,
    object: &Arc<Object>,
    gone: bool,
    resource: &Resource,
    style: Style,
) -> String {
    let whole = || match style.managed_fields {
        true => server.cluster.registry().with_owners(object).unwrap_or_else(|_| Arc::clone(object)),
        false => Arc::clone(object),
    };
    match style.agreed.form {
        As::Table(version) => {
            let table = server.table(object.kind(), std::slice::from_ref(&whole()));
            to_compact(&table_tree(server, &table, resource, version, style))
        }
        As::Partial(version) => plain(&partial(&encode(&Reply::Object(whole()), resource), version), None),
        _ if gone => owned(server, object, resource),
        _ => texts::of(server, object, resource).to_string(),
    }
}
