//! `--raw`: a request to a path, and the server's answer as it came.
//!
//! Mirrors `k8s.io/kubectl/pkg/rawhttp`.

use serde_json::Value;

use crate::api::request::{Form, Resource, Target, Verb};
use crate::api::scalar::{path_unescape, quote};
use crate::api::{Kind, schema};
use crate::error::Failure;
use crate::host::go_io_error;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::get::watch::follow;
use crate::printers::json::{to_compact, to_compact_in, write_string};
use crate::server::{Reply, encode, request_info};

/// Refuses what is no path. Mirrors Go's `url.ParseRequestURI`.
///
/// # Errors
/// kubectl's text.
pub fn check_uri(uri: &str) -> Result<(), Failure> {
    let path = uri.split('?').next().unwrap_or_default();
    let fault = if uri.chars().any(|c| c.is_ascii_control()) {
        Some("net/url: invalid control character in URL".to_string())
    } else if uri.starts_with(':') {
        Some("missing protocol scheme".to_string())
    } else if !uri.starts_with('/') && !uri.contains("://") {
        Some("invalid URI for request".to_string())
    } else {
        path_unescape(path).err().map(|escape| format!("invalid URL escape {}", quote(&escape)))
    };
    match fault {
        None => Ok(()),
        Some(what) => Err(Failure::error(format!("--raw must be a valid URL path: parse {}: {what}", quote(uri)))),
    }
}

/// Refuses what can't go with `--raw` where it sends a file. Mirrors the `Validate` of `create`, `replace` and `delete`.
///
/// # Errors
/// kubectl's texts.
pub fn check_file(files: &[String]) -> Result<(), Failure> {
    match files {
        [one] if one.starts_with("http://") || one.starts_with("https://") => {
            Err(Failure::error("--raw cannot read from a url"))
        }
        [_] => Ok(()),
        _ => Err(Failure::error("--raw can only use a single local file or stdin")),
    }
}

/// Sends a request with a method (`GET`, `POST`, `PUT`, `DELETE`) and the content of a file, and prints the answer.
///
/// # Errors
/// When the file can't be read, and the server's refusal.
pub fn run(method: &str, uri: &str, file: Option<&String>, session: &mut Session<'_>) -> Result<(), Failure> {
    let body = match file.map(String::as_str) {
        None => Vec::new(),
        Some("-") => session.stdin().map_err(|e| Failure::error(go_io_error("read", "/dev/stdin", &e)))?,
        Some(name) => session.read(name).map_err(|e| Failure::error(go_io_error("open", name, &e)))?,
    };
    // A whole address leads to the same server.
    let path = uri.split_once("://").map_or(uri, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let (target, verb) = request_info::request(method, path, &String::from_utf8_lossy(&body))?;
    session.client.want_managed_fields(true);
    if let (Verb::Watch(options), Target::Resource(resource)) = (&verb, &target) {
        let mut watch = session.client.watch_at(resource.clone(), options.clone())?;
        let resource = resource.clone();
        return follow(session, &mut watch, &mut |session, change| {
            let object = text(&Reply::Object(change.object), &resource);
            session.ui.out(&format!("{{\"type\":{:?},\"object\":{object}}}\n", change.event.as_str()));
            Ok(())
        });
    }
    let reply = match verb.writes() {
        true => session.client.send_to(verb, target.clone())?,
        false => session.client.read(verb, target.clone(), Form::Object)?,
    };
    session.ui.out(&match (&reply, &target) {
        (Reply::Text(text), _) => text.clone(),
        (reply, Target::Resource(resource)) => format!("{}\n", text(reply, resource)),
        (reply, Target::Path(_)) => format!("{}\n", text(reply, &Resource::default())),
    });
    Ok(())
}

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
