//! Versions of a kind that the server offers beside the one it stores, and how they turn into each other.

use serde_json::Value;

use crate::api::Kind;

/// A manifest of another version, as the stored version has it.
pub fn to_stored(_kind: Kind, _api_version: &str, tree: &Value) -> Value {
    tree.clone()
}

/// An object of the stored version, as another version has it.
pub fn from_stored(_kind: Kind, _api_version: &str, tree: Value) -> Value {
    tree
}
