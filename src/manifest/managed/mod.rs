//! Field ownership: `metadata.managedFields` and server-side apply.
//!
//! Writes of controllers are many, and few ask who owns what. So a stored object carries only a note of who wrote
//! it last (an entry without fields); [`Managers`] replays the revisions when somebody asks.

mod managers;
mod set;
mod typed;
mod validate;

use serde_json::{Value, json};

use crate::api::k8s::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use crate::api::{Kind, Object, Time};
use crate::manifest::strict::normalise;

pub use managers::{Conflicts, Manager, Managers, Operation, place_of, reset_fields};
pub use set::FieldSet;
pub use typed::{Place, compare, field_set};
pub use validate::validate;

/// The note of who wrote an object: an entry that names no fields.
pub fn note(manager: &str, subresource: &str, now: Time) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(manager.to_string()),
        subresource: Some(subresource.to_string()).filter(|s| !s.is_empty()),
        time: Some(now.meta()),
        ..Default::default()
    }
}

/// The note in an object, if its entries are not worked out.
pub fn note_of(object: &Object) -> Option<&ManagedFieldsEntry> {
    object.meta().managed_fields.as_ref()?.last().filter(|entry| entry.fields_type.is_none())
}

/// The entries of an object that are worked out.
pub fn worked_out(object: &Object) -> Vec<ManagedFieldsEntry> {
    let entries = object.meta().managed_fields.as_deref().unwrap_or_default();
    entries.iter().filter(|entry| entry.fields_type.is_some()).cloned().collect()
}

/// An object as ownership sees it: Go's normal form without `managedFields`.
pub fn tree_of(object: &Object) -> Value {
    let mut tree = object.to_tree();
    normalise(object.kind(), &mut tree);
    if let Some(metadata) = tree["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    tree
}

/// What is there before an object is created: the kind's empty struct.
pub fn empty_tree(kind: Kind) -> Value {
    let mut tree = json!({"apiVersion": kind.api_version(), "kind": kind.name()});
    normalise(kind, &mut tree);
    tree
}
