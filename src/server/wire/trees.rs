//! Tables of what is not stored: scales, and what is measured.
//!
//! Mirrors `printScale` of `pkg/printers/internalversion` and `pkg/api/table.go` of metrics-server.

use serde_json::{Value, json};

use super::write::{Include, partial};
use crate::api::{Quantity, Time, time};
use crate::server::columns::{AGE, NAME};

/// A tree, or a list of trees, as a table of a version of `meta.k8s.io`; none for what only prints as itself.
pub(super) fn table(tree: &Value, version: &str, include: Include, now: Time) -> Option<Value> {
    let kind = tree["kind"].as_str().unwrap_or_default();
    let items = match (kind.strip_suffix("List"), tree["items"].as_array()) {
        (Some(_), Some(items)) => items.iter().collect(),
        _ => vec![tree],
    };
    let (columns, cells): (Value, Box<dyn Fn(&Value) -> Value>) = match kind.strip_suffix("List").unwrap_or(kind) {
        "Scale" => (
            json!([
                column("Name", "string", "name", NAME),
                column("Desired", "integer", "", "replicas is the desired number of instances for the scaled object."),
                column(
                    "Available",
                    "integer",
                    "",
                    "replicas is the actual number of observed instances of the scaled object."
                ),
                column("Age", "string", "", AGE),
            ]),
            Box::new(move |scale| {
                let made = scale["metadata"]["creationTimestamp"].as_str().and_then(Time::parse_rfc3339);
                let count = |part: &str| scale[part]["replicas"].as_i64().unwrap_or(0);
                let age = time::translate_timestamp_since(made.map(|made| made.meta()).as_ref(), now);
                json!([scale["metadata"]["name"], count("spec"), count("status"), age])
            }),
        ),
        "NodeMetrics" | "PodMetrics" => (
            json!([
                column("Name", "string", "name", "Name of the resource"),
                column("cpu", "string", "", ""),
                column("memory", "string", "", ""),
                column("Window", "string", "", ""),
            ]),
            Box::new(|item| {
                json!([item["metadata"]["name"], usage(item, "cpu"), usage(item, "memory"), item["window"]])
            }),
        ),
        _ => return None,
    };
    let row = |item: &&Value| {
        let object = match include {
            Include::None => Value::Null,
            Include::Metadata => partial(item, version),
            Include::Object => (*item).clone(),
        };
        json!({"cells": cells(item), "object": object})
    };
    Some(json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": {"resourceVersion": tree["metadata"]["resourceVersion"].as_str().unwrap_or_default()},
        "columnDefinitions": columns,
        "rows": items.iter().map(row).collect::<Vec<_>>(),
    }))
}

fn column(name: &str, ty: &str, format: &str, description: &str) -> Value {
    json!({"name": name, "type": ty, "format": format, "description": description, "priority": 0})
}

/// What all containers of a pod use, or a node.
fn usage(item: &Value, resource: &str) -> String {
    let containers = item["containers"].as_array().into_iter().flatten().map(|container| &container["usage"]);
    let all = containers.chain(item.get("usage"));
    let all = all.filter_map(|usage| Quantity::parse(usage[resource].as_str()?).ok());
    all.reduce(|a, b| a + b).map(|sum| sum.to_string()).unwrap_or_default()
}
