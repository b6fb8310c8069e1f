//! Versions of a kind that the server offers beside the one it stores, and how they turn into each other.

mod autoscaling;
mod events;

use serde_json::Value;

use crate::api::{Kind, definition, schema};

/// The groups and versions in which a kind is offered beside the one in which it is stored.
pub fn others(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::HorizontalPodAutoscaler => &[("autoscaling", "v1")],
        Kind::Event => &[("events.k8s.io", "v1")],
        _ => definition::of(kind).map_or(&[], |definition| definition.others),
    }
}

/// Whether the server offers a kind in that version without storing it so.
pub fn is_other(kind: Kind, api_version: &str) -> bool {
    api_version != kind.api_version() && schema::of_version(kind, api_version).is_some()
}

/// An object of another version, in Go's normal form, as the stored version has it.
pub fn to_stored(kind: Kind, api_version: &str, tree: &Value) -> Value {
    let mut tree = tree.clone();
    if !is_other(kind, api_version) {
        return tree;
    }
    tree["apiVersion"] = kind.api_version().into();
    match kind {
        Kind::Event => events::to_stored(tree),
        // Without a webhook, the versions of a taught kind differ in their names alone.
        _ if !kind.is_built_in() => tree,
        _ => autoscaling::to_stored(tree),
    }
}

/// An object of the stored version, as another version has it.
pub fn from_stored(kind: Kind, api_version: &str, mut tree: Value) -> Value {
    if !is_other(kind, api_version) {
        return tree;
    }
    tree["apiVersion"] = api_version.into();
    match kind {
        Kind::Event => events::from_stored(tree),
        _ if !kind.is_built_in() => tree,
        _ => autoscaling::from_stored(tree),
    }
}

/// A field that a selector names in a version, as the stored version calls it; none for one that it can't name there.
pub fn selected_field<'f>(kind: Kind, api_version: &str, field: &'f str) -> Option<&'f str> {
    match kind {
        Kind::Event if is_other(kind, api_version) => events::selected_field(field),
        _ => Some(field),
    }
}
