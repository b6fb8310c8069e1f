//! What the API server does with the body of a patch request.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::Value;

use super::lookup::Lookup;
use super::print::go_value;
use super::strategic::{MergeMode, merge_map};
use super::{json_merge_patch, json_patch};
use crate::api::{Object, schema};
use crate::error::{ApiError, FieldError, Reason};
use crate::manifest::json::unmarshal_strict;
use crate::manifest::strict::{
    DecodeError, Decoded, FieldValidation, decode_patched, decode_version, normalise, strict_message,
};
use crate::manifest::versions::from_stored;

/// The kinds of patches that the server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/json-patch+json`.
    Json,
}

/// An object after a patch, before admission.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// The object.
    pub object: Object,
    /// What a client that asked for warnings is told: `unknown field "spec.foo"`.
    pub warnings: Vec<String>,
}

/// Applies the body of a patch request to a stored object.
///
/// # Errors
/// `BadRequest` for a body that is no patch or renames the object, `Invalid` for a patch that does not apply
/// or makes what is no object of its kind.
pub fn patch_object(
    current: &Object,
    patch_type: PatchType,
    body: &str,
    validation: FieldValidation,
) -> Result<Patched, ApiError> {
    patch_version(current, &current.kind().api_version(), patch_type, body, validation)
}

/// The same, where the request is about a version of the kind that need not be the stored one.
///
/// # Errors
/// Those of [`patch_object`].
pub fn patch_version(
    current: &Object,
    api_version: &str,
    patch_type: PatchType,
    body: &str,
    validation: FieldValidation,
) -> Result<Patched, ApiError> {
    let kind = current.kind();
    let mut tree = current.to_tree();
    normalise(kind, &mut tree);
    let tree = from_stored(kind, api_version, tree);
    let def = schema::of_version(kind, api_version).unwrap_or_else(|| schema::of(kind));
    let bad_request = |text: String| {
        let prefix = if patch_type == PatchType::Strategic { "" } else { "error decoding patch: " };
        ApiError::new(Reason::BadRequest, format!("{prefix}{text}"))
    };
    let (body, duplicates) = unmarshal_strict(body.as_bytes()).map_err(|e| bad_request(e.to_string()))?;
    let (decoded, mut strict, shown) = match patch_type {
        PatchType::Strategic => {
            let mut patch = match body {
                Value::Object(map) => map,
                Value::Null => Default::default(),
                other => return Err(bad_request(no_object(&other))),
            };
            let fields = tree.as_object().cloned().unwrap_or_default();
            let merged = merge_map(fields, &mut patch, Lookup::Struct(def), MergeMode::Apply)?;
            (decode_patched(kind, api_version, &Value::Object(merged)), duplicates, go_value(&Value::Object(patch)))
        }
        PatchType::Merge => {
            match &body {
                Value::Object(_) => {}
                Value::Null => return Err(ApiError::new(Reason::BadRequest, "Invalid JSON Patch")),
                other => return Err(bad_request(no_object(other))),
            }
            let patched = json_merge_patch(&tree, &body);
            (decode_version(kind, api_version, &patched), duplicates, patched.to_string())
        }
        PatchType::Json => {
            let mut strict = operations(&body).map_err(bad_request)?;
            strict.extend(duplicates);
            let strict = strict.into_iter().map(|e| format!("json patch {e}")).collect();
            let patched = json_patch(&tree, &body)?;
            (decode_version(kind, api_version, &patched), strict, patched.to_string())
        }
    };
    let invalid = |text: &str| ApiError::invalid("", "", vec![FieldError::invalid("patch", &shown, text)]);
    let Decoded { mut object, unknown } = decoded.map_err(|DecodeError(text)| invalid(&text))?;
    strict.extend(unknown);
    match validation {
        FieldValidation::Strict if !strict.is_empty() => return Err(invalid(&strict_message(&strict))),
        FieldValidation::Ignore => strict.clear(),
        _ => {}
    }
    keep_identity(current, &mut object)?;
    Ok(Patched { object, warnings: strict })
}

fn no_object(value: &Value) -> String {
    format!("json: cannot unmarshal {} into Go value of type map[string]interface {{}}", go_kind(value))
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
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

/// Checks the form of a JSON patch; gives the fields that no operation has.
fn operations(patch: &Value) -> Result<Vec<String>, String> {
    const TYPE: &str = "handlers.jsonPatchOp";
    check_json_patch(patch, &format!("[]{TYPE}"), TYPE)?;
    let mut unknown = Vec::new();
    for (i, operation) in patch.as_array().into_iter().flatten().enumerate() {
        let Value::Object(operation) = operation else { continue };
        for (key, value) in operation {
            match (key.as_str(), value) {
                ("value", _) | ("op" | "path" | "from", Value::String(_) | Value::Null) => {}
                ("op" | "path" | "from", other) => {
                    let kind = go_kind(other);
                    return Err(format!(
                        "json: cannot unmarshal {kind} into Go struct field jsonPatchOp.{key} of type string"
                    ));
                }
                _ => unknown.push(format!("unknown field \"[{i}].{key}\"")),
            }
        }
    }
    Ok(unknown)
}

/// A patch may not make another object of one.
fn keep_identity(current: &Object, object: &mut Object) -> Result<(), ApiError> {
    let bad_request = |text: String| Err(ApiError::new(Reason::BadRequest, text));
    if object.namespace() != current.namespace() {
        if !object.namespace().is_empty() && !current.namespace().is_empty() {
            let text = "the namespace of the provided object does not match the namespace sent on the request";
            return bad_request(text.to_string());
        }
        object.meta_mut().namespace = current.meta().namespace.clone();
    }
    if object.name() != current.name() {
        let (new, old) = (object.name(), current.name());
        return bad_request(if new.is_empty() {
            format!("the name of the object ({old} based on URL) was undeterminable: name must be provided")
        } else {
            format!("the name of the object ({new}) does not match the name on the URL ({old})")
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PatchType, patch_object};
    use crate::api::{Kind, Object};
    use crate::manifest::strict::{FieldValidation, decode};

    fn refusal(patch_type: PatchType, body: &str) -> String {
        let tree = json!({"metadata": {"name": "x", "namespace": "default"}, "spec": {"containers": [{"name": "x"}]}});
        let pod: Object = decode(Kind::Pod, &tree).unwrap().object;
        patch_object(&pod, patch_type, body, FieldValidation::Strict).unwrap_err().standard_message()
    }

    #[test]
    fn refuses_bodies_in_the_servers_words() {
        // The patch is shown as merging left it: the list is gone.
        let unknown = r#"{"spec":{"$setElementOrder/containers":[{"name":"x"}],"containers":[{"imagePulPolicy":"Always","name":"x"}]}}"#;
        insta::assert_snapshot!(refusal(PatchType::Strategic, unknown), @r#"The request is invalid: patch: Invalid value: "map[spec:map[]]": strict decoding error: unknown field "spec.containers[0].imagePulPolicy""#);
        insta::assert_snapshot!(refusal(PatchType::Strategic, "{bad"), @"Error from server (BadRequest): invalid character 'b' looking for beginning of object key string");
        insta::assert_snapshot!(refusal(PatchType::Json, r#"{"a": 1}"#), @"Error from server (BadRequest): error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp");
        insta::assert_snapshot!(refusal(PatchType::Json, r#"[{"op": "remove", "path": "/spec/nope"}]"#), @"The request is invalid: the server rejected our request due to an error in our request");
        insta::assert_snapshot!(refusal(PatchType::Merge, r#"{"metadata": {"name": "y"}}"#), @"Error from server (BadRequest): the name of the object (y) does not match the name on the URL (x)");
    }
}
