//! `events.k8s.io/v1`, which has other names for what the core group's events say.
//!
//! Mirrors `pkg/apis/events/v1/conversion.go`.

use serde_json::Value;

/// The fields by their names in `events.k8s.io/v1` and in the core group.
const FIELDS: [(&str, &str); 7] = [
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedSource", "source"),
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
];

fn rename(mut tree: Value, names: impl Iterator<Item = (&'static str, &'static str)>) -> Value {
    if let Some(fields) = tree.as_object_mut() {
        for (from, to) in names {
            if let Some(value) = fields.remove(from) {
                fields.insert(to.to_string(), value);
            }
        }
    }
    tree
}

/// An event of `events.k8s.io/v1`, as the core group has it.
pub(super) fn to_stored(tree: Value) -> Value {
    rename(tree, FIELDS.into_iter())
}

/// An event of the core group, as `events.k8s.io/v1` has it.
pub(super) fn from_stored(tree: Value) -> Value {
    let mut tree = rename(tree, FIELDS.into_iter().map(|(new, core)| (core, new)));
    if let Some(fields) = tree.as_object_mut() {
        // These the core group always says, even if they are empty.
        for name in ["reportingController", "reportingInstance"] {
            if fields.get(name).and_then(Value::as_str) == Some("") {
                fields.remove(name);
            }
        }
    }
    tree
}

/// A field that a selector names, as the core group calls it. Mirrors `AddFieldLabelConversionsForEvent`.
pub(super) fn selected_field(field: &str) -> Option<&str> {
    Some(match field {
        "regarding.kind" => "involvedObject.kind",
        "regarding.namespace" => "involvedObject.namespace",
        "regarding.name" => "involvedObject.name",
        "regarding.uid" => "involvedObject.uid",
        "regarding.apiVersion" => "involvedObject.apiVersion",
        "regarding.resourceVersion" => "involvedObject.resourceVersion",
        "regarding.fieldPath" => "involvedObject.fieldPath",
        "reportingController" => "reportingComponent",
        "reason" | "type" | "metadata.namespace" | "metadata.name" => field,
        _ => return None,
    })
}
