//! Makes and applies patches: strategic merge patches, JSON merge patches and JSON patches.
//!
//! kubectl makes them (apply, edit, set), the server applies them.
//! Mirrors `k8s.io/apimachinery/pkg/util/strategicpatch` and `gopkg.in/evanphx/json-patch.v4`.

mod conflict;
mod diff;
mod json;
mod lists;
mod lookup;
mod print;
mod strategic;

use std::fmt;

use serde_json::{Map, Value};

use self::diff::{DiffOptions, diff_maps};
use self::lookup::Lookup;
use self::strategic::{MergeMode, merge_map};
use crate::api::schema::TypeDef;
use crate::api::{Kind, schema};
use crate::error::{ApiError, Reason};
use crate::manifest::json::go_kind;

pub(in crate::manifest) use self::print::go_value;

pub use self::json::{json_merge_patch, json_patch, two_way_json_merge};

/// Why a patch could not be made or applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeError {
    /// The patch is malformed; the server answers 400 with the text.
    BadFormat(&'static str),
    /// The patch does not fit the object; the server answers 422 and keeps the text to itself.
    Unprocessable(String),
    /// Anything else; the server answers 500 with the text.
    Other(String),
}

impl MergeError {
    fn other(text: impl Into<String>) -> MergeError {
        MergeError::Other(text.into())
    }
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeError::BadFormat(text) => f.write_str(text),
            MergeError::Unprocessable(text) | MergeError::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for MergeError {}

/// Merges a strategic patch into the fields of an object of that type; what comes of it, and the patch as the server
/// shows it in a refusal.
///
/// # Errors
/// When the patch is malformed or does not fit.
pub fn strategic_merge(
    def: &'static TypeDef,
    fields: Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(Value, String), MergeError> {
    let merged = merge_map(fields, patch, Lookup::Struct(def), MergeMode::Apply)?;
    // Merging takes lists and directives out of the patch, and the server shows what is left.
    Ok((Value::Object(merged), go_value(&Value::Object(std::mem::take(patch)))))
}

/// What the server says of a patch that does not fit its object.
const REJECTED: &str = "the server rejected our request due to an error in our request";

impl From<MergeError> for ApiError {
    fn from(e: MergeError) -> ApiError {
        match e {
            MergeError::BadFormat(text) => ApiError::new(Reason::BadRequest, text),
            MergeError::Unprocessable(_) => ApiError::new(Reason::Invalid, REJECTED),
            MergeError::Other(text) => ApiError::new(Reason::Unknown, text),
        }
    }
}

/// The object that a strategic merge patch makes of `current`.
///
/// # Errors
/// A malformed patch, an item without its merge key, a field of objects that the kind does not have.
pub fn strategic_merge_patch(kind: Kind, current: &Value, patch: &Value) -> Result<Value, MergeError> {
    merge_map(fields(current), &mut fields(patch), root(kind, current), MergeMode::Apply).map(Value::Object)
}

/// The patch that `kubectl apply` sends: it brings `current` to what `modified` says, and deletes
/// what `original`, the last applied configuration, had and `modified` has no more.
///
/// # Errors
/// An item without its merge key, a field of objects that the kind does not have.
pub fn three_way_strategic(
    kind: Kind,
    original: &Value,
    modified: &Value,
    current: &Value,
) -> Result<Value, MergeError> {
    let (lookup, modified) = (root(kind, modified), fields(modified));
    let options =
        DiffOptions { set_element_order: true, only_deletions: false, ignore_deletions: true, retain_keys: false };
    let mut delta = diff_maps(&mut fields(current), &modified, lookup, options)?;
    let options = DiffOptions { only_deletions: true, ignore_deletions: false, ..options };
    let deletions = diff_maps(&mut fields(original), &modified, lookup, options)?;
    merge_map(deletions, &mut delta, lookup, MergeMode::Join).map(Value::Object)
}

/// What others changed since `original` was applied, if `patch` changes any of it differently
/// (`apply --overwrite=false`).
///
/// # Errors
/// Those of [`three_way_strategic`].
pub fn conflicting_changes(
    kind: Kind,
    original: &Value,
    patch: &Value,
    current: &Value,
) -> Result<Option<Value>, MergeError> {
    let options =
        DiffOptions { set_element_order: false, only_deletions: false, ignore_deletions: false, retain_keys: false };
    let lookup = root(kind, current);
    let changes = diff_maps(&mut fields(original), &fields(current), lookup, options)?;
    let clashes = conflict::clash(&fields(patch), &changes, lookup)?;
    Ok(clashes.then_some(Value::Object(changes)))
}

/// The patch that leads from `original` to `modified` (edit, set, label, annotate, scale).
///
/// # Errors
/// Those of [`three_way_strategic`].
pub fn two_way_strategic(kind: Kind, original: &Value, modified: &Value) -> Result<Value, MergeError> {
    let options =
        DiffOptions { set_element_order: true, only_deletions: false, ignore_deletions: false, retain_keys: false };
    diff_maps(&mut fields(original), &fields(modified), root(kind, modified), options).map(Value::Object)
}

/// Whether a patch changes what an object is: its `apiVersion`, `kind` or name. kubectl edit then says
/// `At least one of apiVersion, kind and name was changed`.
pub fn changes_identity(patch: &Value) -> bool {
    patch.get("apiVersion").is_some() || patch.get("kind").is_some() || patch.pointer("/metadata/name").is_some()
}

fn fields(document: &Value) -> Map<String, Value> {
    document.as_object().cloned().unwrap_or_default()
}

/// The schema of the version that a document says it is of; the stored one where it says nothing known.
fn root(kind: Kind, document: &Value) -> Lookup {
    let version = document.get("apiVersion").and_then(Value::as_str);
    Lookup::Struct(version.and_then(|v| schema::of_version(kind, v)).unwrap_or_else(|| schema::of(kind)))
}

/// Checks that a JSON patch is a list of objects; `list` and `item` are the Go types that errors name.
///
/// # Errors
/// Go's text for anything else.
pub fn check_json_patch(patch: &Value, list: &str, item: &str) -> Result<(), String> {
    let refused = |value: &Value, ty: &str| {
        let kind = go_kind(value);
        Err(format!("json: cannot unmarshal {kind} into Go value of type {ty}"))
    };
    match patch {
        Value::Null => Ok(()),
        Value::Array(operations) => match operations.iter().find(|o| !o.is_object()) {
            Some(other) => refused(other, item),
            None => Ok(()),
        },
        other => refused(other, list),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{strategic_merge_patch, three_way_strategic, two_way_strategic};
    use crate::api::Kind;

    /// The pod that a manifest with an unknown field made, as the server keeps it.
    fn live_pod() -> Value {
        json!({"metadata": {"name": "x", "namespace": "default"}, "spec": {
            "containers": [{"name": "x", "image": "busybox", "command": ["sh", "-c", "sleep 3600"], "imagePullPolicy": "Always",
                "resources": {}, "volumeMounts": [{"name": "token", "mountPath": "/var/run", "readOnly": true}]}],
            "restartPolicy": "Always", "volumes": [{"name": "token", "projected": {"defaultMode": 420}}],
        }})
    }

    fn apply_pod(spec: Value) -> String {
        let applied = json!({"metadata": {"name": "x", "namespace": "default"}, "spec": {
            "containers": [{"command": ["sh", "-c", "sleep 3600"], "image": "busybox", "imagePulPolicy": "Always", "name": "x"}],
        }});
        let modified = json!({"metadata": {"name": "x", "namespace": "default"}, "spec": spec});
        three_way_strategic(Kind::Pod, &applied, &modified, &live_pod()).unwrap().to_string()
    }

    #[test]
    fn makes_the_patches_that_kubectl_apply_sends() {
        let container = json!({"command": ["sh", "-c", "sleep 3600"], "image": "busybox", "name": "x", "volumeMounts": [{"mountPath": "/data", "name": "data"}]});
        let volumes =
            json!([{"name": "data", "persistentVolumeClaim": {"claimName": "a"}}, {"name": "data", "emptyDir": {}}]);
        // Two volumes of one name trade places, as Go's sort has it.
        insta::assert_snapshot!(apply_pod(json!({"containers": [container], "volumes": volumes})), @r#"{"spec":{"$setElementOrder/containers":[{"name":"x"}],"$setElementOrder/volumes":[{"name":"data"},{"name":"data"}],"containers":[{"$setElementOrder/volumeMounts":[{"mountPath":"/data"}],"imagePulPolicy":null,"name":"x","volumeMounts":[{"mountPath":"/data","name":"data"}]}],"volumes":[{"emptyDir":{},"name":"data"},{"name":"data","persistentVolumeClaim":{"claimName":"a"}}]}}"#);
        insta::assert_snapshot!(apply_pod(json!({"containers": []})), @r#"{"spec":{"containers":[{"$patch":"delete","name":"x"}]}}"#);
        insta::assert_snapshot!(apply_pod(json!({"containers": [{"command": ["sh", "-c", "sleep 3600"], "name": "x"}]})), @r#"{"spec":{"$setElementOrder/containers":[{"name":"x"}],"containers":[{"image":null,"imagePulPolicy":null,"name":"x"}]}}"#);
        insta::assert_snapshot!(apply_pod(json!({"containers": [{"command": ["sh", "-c", "sleep 3600"], "image": "busybox", "imagePulPolicy": "Always", "name": "x"}]})), @r#"{"spec":{"$setElementOrder/containers":[{"name":"x"}],"containers":[{"imagePulPolicy":"Always","name":"x"}]}}"#);
    }

    #[test]
    fn keeps_only_what_a_patch_retains() {
        let original = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let modified = json!({"spec": {"strategy": {"type": "Recreate"}}});
        let patch = two_way_strategic(Kind::Deployment, &original, &modified).unwrap();
        insta::assert_snapshot!(patch, @r#"{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":null,"type":"Recreate"}}}"#);
        assert_eq!(strategic_merge_patch(Kind::Deployment, &original, &patch).unwrap(), modified);
    }

    #[test]
    fn merges_lists_by_key_and_by_value() {
        let current = json!({"metadata": {"finalizers": ["b", "a"]}, "spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}});
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}, "spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "c", "image": "3"}, {"name": "a", "image": null, "tty": true}, {"name": "b", "$patch": "delete"}],
        }});
        // What the server does not know yet goes to the front.
        let patched = strategic_merge_patch(Kind::Pod, &current, &patch).unwrap();
        insta::assert_snapshot!(patched, @r#"{"metadata":{"finalizers":["c","b"]},"spec":{"containers":[{"image":"3","name":"c"},{"name":"a","tty":true}]}}"#);
        let keyless = json!({"spec": {"containers": [{"image": "nginx"}]}});
        assert_eq!(
            strategic_merge_patch(Kind::Pod, &current, &keyless).unwrap_err().to_string(),
            "map: map[image:nginx] does not contain declared merge key: name"
        );
    }
}
