//! The annotation in which `kubectl apply` keeps what was applied last.

use serde_json::{Value, json};

pub use crate::api::object::LAST_APPLIED;
use crate::printers::json::to_compact;

/// The manifest with itself, as it was written, in the last-applied annotation.
pub fn with_last_applied(tree: &Value) -> Value {
    let mut bare = bare(tree);
    let text = format!("{}\n", to_compact(&bare));
    bare["metadata"]["annotations"][LAST_APPLIED] = Value::String(text);
    bare
}

/// The manifest without that annotation.
pub fn bare(tree: &Value) -> Value {
    let mut bare = tree.clone();
    if !bare["metadata"].is_object() {
        bare["metadata"] = json!({});
    }
    match bare["metadata"]["annotations"].as_object_mut() {
        Some(annotations) => {
            annotations.remove(LAST_APPLIED);
        }
        None => bare["metadata"]["annotations"] = json!({}),
    }
    bare
}

/// Keeps the annotation true where there is one, or makes it where that is asked for (`--save-config`). Mirrors
/// `CreateOrUpdateAnnotation` of `k8s.io/kubectl/pkg/util/apply.go`.
pub fn create_or_update_annotation(create: bool, tree: &mut Value) {
    if create || tree["metadata"]["annotations"][LAST_APPLIED].is_string() {
        *tree = with_last_applied(tree);
    }
}
