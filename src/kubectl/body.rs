//! The server's answers as bytes: what `--raw` prints and `-v=8` logs.

use serde_json::Value;

use crate::api::request::Resource;
use crate::api::{Kind, schema};
use crate::printers::json::to_compact_in;
use crate::server::wire::order::{self, text_of};
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
                text_of("metadata", &tree["metadata"], None),
                items.join(",")
            )
        }
        _ => order::text(&tree, None),
    }
}
