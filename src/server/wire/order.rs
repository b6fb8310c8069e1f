//! The fields of what is not stored, in the order in which Go declares them: statuses, documents of discovery, tables, lists'
//! metadata, versions.

use serde_json::{Map, Value};

use crate::printers::json::to_compact;

/// Whatever has a kind, and what stands where such things stand.
const OF_THE_REST: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "groupVersion",
    "resources",
    "groups",
    "versions",
    "preferredVersion",
    "serverAddressByClientCIDRs",
    "columnDefinitions",
    "rows",
    "items",
    "spec",
    "status",
    "message",
    "reason",
    "details",
    "code",
    "timestamp",
    "window",
    "usage",
    "major",
    "minor",
    "emulationMajor",
    "emulationMinor",
    "minCompatibilityMajor",
    "minCompatibilityMinor",
    "gitVersion",
    "gitCommit",
    "gitTreeState",
    "buildDate",
    "goVersion",
    "compiler",
];

/// `metav1.ListMeta` and `metav1.ObjectMeta`.
const OF_METADATA: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "continue",
    "remainingItemCount",
];

/// `metav1.APIResource`, and `apidiscovery.APIResourceDiscovery` with its subresources.
const OF_A_RESOURCE: &[&str] = &[
    "name",
    "singularName",
    "namespaced",
    "group",
    "version",
    "kind",
    "resource",
    "subresource",
    "responseKind",
    "acceptedTypes",
    "scope",
    "singularResource",
    "verbs",
    "shortNames",
    "categories",
    "subresources",
    "storageVersionHash",
];

/// The order of the fields of what stands under a name; none where maps stand, which Go writes by their keys.
fn order(under: &str) -> &'static [&'static str] {
    match under {
        "" | "items" | "object" | "groups" => OF_THE_REST,
        "metadata" => OF_METADATA,
        "details" => &["name", "group", "kind", "uid", "causes", "retryAfterSeconds"],
        "causes" => &["reason", "message", "field"],
        "resources" | "subresources" => OF_A_RESOURCE,
        "responseKind" => &["group", "version", "kind"],
        "versions" | "preferredVersion" => &["groupVersion", "version", "resources", "freshness"],
        "serverAddressByClientCIDRs" => &["clientCIDR", "serverAddress"],
        "columnDefinitions" => &["name", "type", "format", "description", "priority"],
        "rows" => &["cells", "object"],
        "containers" => &["name", "usage"],
        _ => &[],
    }
}

/// A tree of no stored kind as text; with an indent over several lines.
pub fn text(tree: &Value, indent: Option<&str>) -> String {
    text_of("", tree, indent)
}

/// The same of what stands under a name.
pub fn text_of(under: &str, tree: &Value, indent: Option<&str>) -> String {
    let deeper = indent.map(|i| format!("{i}  "));
    let inner = deeper.as_deref();
    let wrap = |open: char, parts: Vec<String>, close: char| match (indent, &deeper) {
        (Some(indent), Some(deeper)) if !parts.is_empty() => {
            format!("{open}\n{deeper}{}\n{indent}{close}", parts.join(&format!(",\n{deeper}")))
        }
        _ => format!("{open}{}{close}", parts.join(",")),
    };
    match tree {
        Value::Object(map) => {
            let gap = if indent.is_some() { " " } else { "" };
            let field = |(name, value): (&String, &Value)| {
                format!("{}:{gap}{}", to_compact(&Value::from(name.as_str())), text_of(name, value, inner))
            };
            wrap('{', in_order(under, map).into_iter().map(field).collect(), '}')
        }
        Value::Array(items) => wrap('[', items.iter().map(|item| text_of(under, item, inner)).collect(), ']'),
        other => to_compact(other),
    }
}

fn in_order<'t>(under: &str, map: &'t Map<String, Value>) -> Vec<(&'t String, &'t Value)> {
    let order = order(under);
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_by_key(|(name, _)| order.iter().position(|known| known == name).unwrap_or(order.len()));
    fields
}
