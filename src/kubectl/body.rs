//! The server's answers as bytes: what `--raw` prints and `-v=8` logs.

use serde_json::Value;

use crate::api::request::Resource;
use crate::api::{Kind, schema};
use crate::printers::json::{to_compact, to_compact_in, write_string};
use crate::server::{Reply, encode};

/// An answer as it goes over the wire: fields in the order in which Go declares them.
pub fn text(reply: &Reply, resource: &Resource) -> String {
    let tree = encode(reply, resource);
    let def = |kind: Kind| schema::of_version(kind, &resource.api_version()).unwrap_or_else(|| schema::of(kind));
    match reply {
        Reply::Object(object) => to_compact_in(Some(def(object.kind())), &tree),
        Reply::List(list) => {
            let item = |item: &Value| to_compact_in(Some(def(list.kind)), item);
            let items: Vec<String> = tree["items"].as_array().into_iter().flatten().map(item).collect();
            format!(
                "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{},\"items\":[{}]}}",
                tree["kind"],
                tree["apiVersion"],
                ordered(&tree["metadata"]),
                items.join(",")
            )
        }
        _ => ordered(&tree),
    }
}

/// The fields of a resource in a document of discovery.
const OF_A_RESOURCE: &[&str] = &[
    "name",
    "singularName",
    "namespaced",
    "group",
    "version",
    "kind",
    "verbs",
    "shortNames",
    "categories",
    "storageVersionHash",
];

/// The fields of a status' details and their causes.
const OF_DETAILS: &[&str] =
    &["name", "group", "kind", "uid", "reason", "message", "field", "causes", "retryAfterSeconds"];

/// The fields of everything else that is not stored: statuses, documents of discovery, scales, reviews, tables.
const OF_THE_REST: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "namespace",
    "uid",
    "selfLink",
    "resourceVersion",
    "continue",
    "remainingItemCount",
    "creationTimestamp",
    "spec",
    "status",
    "message",
    "reason",
    "details",
    "code",
    "groups",
    "groupVersion",
    "version",
    "resources",
    "versions",
    "preferredVersion",
    "serverAddressByClientCIDRs",
    "clientCIDR",
    "serverAddress",
    "columnDefinitions",
    "rows",
    "cells",
    "object",
];

/// A tree of no stored kind, with its fields in the order in which Go declares them.
pub fn ordered(tree: &Value) -> String {
    match tree {
        Value::Object(map) => {
            let order = if map.contains_key("singularName") {
                OF_A_RESOURCE
            } else if map.contains_key("kind") && !map.contains_key("apiVersion") && !map.contains_key("versions") {
                OF_DETAILS
            } else {
                OF_THE_REST
            };
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(name, _)| order.iter().position(|known| known == name).unwrap_or(order.len()));
            let mut out = String::from("{");
            for (i, (name, value)) in fields.into_iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_string(&mut out, name);
                out.push(':');
                out.push_str(&ordered(value));
            }
            out + "}"
        }
        Value::Array(items) => format!("[{}]", items.iter().map(ordered).collect::<Vec<_>>().join(",")),
        other => to_compact(other),
    }
}
