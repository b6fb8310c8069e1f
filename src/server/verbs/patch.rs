//! `patch`: a change in one of four forms, applied to what is there by now.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::Value;

use super::{check_name, writer};
use crate::api::request::{FieldValidation, PatchOptions, PatchType, WriteOptions};
use crate::api::{Object, ObjectKey, schema};
use crate::error::{ApiError, FieldError, Reason};
use crate::kinds::rbac::authorizer::Attributes;
use crate::manifest::json::{go_kind, unmarshal_strict};
use crate::manifest::merge::{self, json_merge_patch, json_patch};
use crate::manifest::strict::{
    DecodeError, Decoded, decode_as, decode_patched, decode_version, normalise, strict_message,
};
use crate::manifest::versions::{from_stored, to_stored};
use crate::manifest::yaml;
use crate::registry::{Applied, Context};
use crate::server::authorize::authorize;
use crate::server::{Ask, Reply, Server, codec, subresources};

/// 415: a form that the kind does not take. Mirrors `NewUnsupportedMediaTypeError`.
pub(in crate::server) fn unsupported(accepted: &[PatchType]) -> ApiError {
    let accepted: Vec<&str> = accepted.iter().map(|form| form.media_type()).collect();
    let text = "the body of the request was in an unknown format - accepted media types include";
    ApiError::new(Reason::UnsupportedMediaType, format!("{text}: {}", accepted.join(", ")))
}

impl Server {
    /// Patches an object, or a part of it.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` or `Invalid` for a patch that can't be read or does not apply, `Conflict` for fields of
    /// others, and the refusal of whoever finds something wrong with what comes of it.
    pub(in crate::server) fn patch(
        &mut self,
        ask: &Ask<'_>,
        options: &PatchOptions,
        (form, body): (PatchType, &str),
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let faults = [validate_form(options, form), options.write.faults.clone()].concat();
        let by = writer(ask, "PatchOptions", &WriteOptions { faults, ..options.write.clone() })?;
        let api_version = ask.resource.api_version();
        let context =
            Context::new(&by).part(&ask.resource.subresource).sent_in(&api_version).dry_run(options.write.dry_run);
        let key = ObjectKey::new(ask.served.kind, ask.resource.namespace.clone(), ask.resource.name.clone());
        if form == PatchType::Strategic && !key.kind.is_built_in() {
            return Err(unsupported(&[PatchType::Json, PatchType::Merge, PatchType::Apply]));
        }
        if form == PatchType::Apply {
            return self.apply(ask, &key, (body, options), &context.named(&key.name), warnings);
        }
        let live = self.cluster.view().get(&key).cloned();
        let live = live.ok_or_else(|| ApiError::not_found(&key.kind.resource(), &key.name))?;
        if ask.resource.subresource == "scale" {
            let scale = subresources::scale::of(&live)?;
            let scale = patch_scale(&scale, form, body, options.write.field_validation, warnings)?;
            return subresources::scale::update(self, ask, &scale, &context, warnings);
        }
        // Who owns which field is only worked out for a patch that speaks of it.
        let live = match body.contains("managedFields") {
            true => self.cluster.registry().with_owners(&live)?,
            false => live,
        };
        let patched = patch_object(&live, &api_version, (form, body), options.write.field_validation)?;
        warnings.extend(patched.warnings);
        self.put(ask, patched.object, &context, warnings)
    }

    /// Server-side apply; who applies what is not there creates it, and must be allowed to.
    fn apply(
        &mut self,
        ask: &Ask<'_>,
        key: &ObjectKey,
        (body, options): (&str, &PatchOptions),
        context: &Context<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Reply, ApiError> {
        let bad_request = |text: String| {
            ApiError::new(Reason::BadRequest, format!("error decoding YAML: error converting YAML to JSON: {text}"))
        };
        let mut tree = yaml::to_json(body).map_err(|e| bad_request(e.to_string()))?;
        let live = self.cluster.view().get(key).cloned();
        if live.is_none() && !context.subresource.is_empty() {
            return Err(ApiError::not_found(&key.kind.resource(), &key.name));
        }
        let is_scale = context.subresource == "scale";
        let of_kind = (key.kind.group(), key.kind.name());
        let (version, of_kind) = match is_scale {
            true => ("autoscaling/v1".to_string(), ("autoscaling", "Scale")),
            false => (ask.resource.api_version(), of_kind),
        };
        check_applied(ask, &mut tree, (&version, of_kind), live.is_some())?;
        let registry = self.cluster.registry();
        let applied = match is_scale {
            true => subresources::scale::applied(registry, key, &tree, options.force, context)?,
            false => registry.applied(key, &to_stored(key.kind, &version, &tree), options.force, context)?,
        };
        warnings.extend(check_keys(body, options.write.field_validation)?);
        if live.is_none() {
            self.may_create(ask, key, &applied, context)?;
        }
        if !context.subresource.is_empty() && !is_scale {
            // What an apply makes of the part is known once it was tried.
            let tried = self.cluster.registry_mut().put_applied(key, applied.clone(), &context.dry_run(true))?;
            self.may_decide(ask, &tried.object)?;
        }
        let answer = self.cluster.registry_mut().put_applied(key, applied, context)?;
        warnings.extend(answer.warnings);
        match is_scale {
            true => subresources::scale::of(&answer.object).map(Reply::Tree),
            false => self.shown(ask, &answer.object),
        }
    }

    /// Refuses to create for who may not: that is asked of what is else ready to be stored. Mirrors
    /// `withAuthorization`.
    fn may_create(
        &mut self,
        ask: &Ask<'_>,
        key: &ObjectKey,
        applied: &Applied,
        context: &Context<'_>,
    ) -> Result<(), ApiError> {
        let create = Attributes {
            verb: "create".into(),
            group: ask.resource.group.clone(),
            resource: ask.resource.plural.clone(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            ..Attributes::default()
        };
        let Err(refused) = authorize(&self.cluster.view(), &context.by.user, &create) else { return Ok(()) };
        self.cluster.registry_mut().put_applied(key, applied.clone(), &context.dry_run(true))?;
        Err(refused)
    }
}

/// What of a configuration is told or refused since a key stands twice in it.
fn check_keys(body: &str, validation: FieldValidation) -> Result<Vec<String>, ApiError> {
    let found = match validation {
        FieldValidation::Ignore => Vec::new(),
        _ => yaml::duplicate_keys(body).unwrap_or_default(),
    };
    if found.is_empty() || validation == FieldValidation::Warn {
        return Ok(found);
    }
    let found = found.join("\n  ");
    let text = format!("error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {found}");
    Err(ApiError::new(Reason::BadRequest, text))
}

/// Mirrors `ValidatePatchOptions`, as far as the patch's form counts.
fn validate_form(options: &PatchOptions, form: PatchType) -> Vec<FieldError> {
    match form {
        PatchType::Apply if options.write.field_manager.is_empty() => {
            vec![FieldError::required("fieldManager", "is required for apply patch")]
        }
        PatchType::Apply => Vec::new(),
        _ if options.force => vec![FieldError::forbidden("force", "may not be specified for non-apply patch")],
        _ => Vec::new(),
    }
}

/// Refuses a configuration of something else than what the request names; `exists` says whether that is there. Mirrors
/// the checks of `structuredMergeManager.Apply` and `patcher.applyPatch`.
fn check_applied(
    ask: &Ask<'_>,
    config: &mut Value,
    (expected, kind): (&str, (&str, &str)),
    exists: bool,
) -> Result<(), ApiError> {
    let bad_request = |text: String| Err(ApiError::new(Reason::BadRequest, text));
    let resource = ask.resource;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let (version, name) = (text(&config["apiVersion"]), text(&config["metadata"]["name"]));
    if version != expected {
        return bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {expected}"
        ));
    }
    codec::check_type(expected, kind, config)?;
    if !exists || !name.is_empty() {
        check_name(&name, &resource.name)?;
    }
    let namespace = text(&config["metadata"]["namespace"]);
    let asked = &resource.namespace;
    if !asked.is_empty() && !namespace.is_empty() && namespace != *asked {
        let text = "the namespace of the provided object does not match the namespace sent on the request";
        return bad_request(text.into());
    }
    let metadata = config.get_mut("metadata").and_then(Value::as_object_mut);
    metadata.into_iter().for_each(|metadata| match asked.is_empty() {
        true => _ = metadata.remove("namespace"),
        false => _ = metadata.insert("namespace".into(), Value::String(asked.clone())),
    });
    Ok(())
}

/// What a patch makes of a `Scale`.
///
/// # Errors
/// `BadRequest` for a body that is no patch, `Invalid` for a patch that makes what is no `Scale`.
fn patch_scale(
    scale: &Value,
    form: PatchType,
    body: &str,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let bad_request = |text: String| ApiError::new(Reason::BadRequest, format!("error decoding patch: {text}"));
    let (patch, duplicates) = unmarshal_strict(body.as_bytes()).map_err(|e| bad_request(e.to_string()))?;
    let patched = match form {
        PatchType::Json => {
            check_length(&patch)?;
            json_patch(scale, &patch)?
        }
        _ if !patch.is_object() => return Err(bad_request(no_object(&patch))),
        _ => json_merge_patch(scale, &patch),
    };
    let invalid = |text: &str| ApiError::invalid("", "", vec![FieldError::invalid("patch", patched.to_string(), text)]);
    let (scale, unknown) = decode_as(schema::scale(), &patched).map_err(|DecodeError(text)| invalid(&text))?;
    let unknown = [duplicates, unknown].concat();
    match validation {
        FieldValidation::Strict if !unknown.is_empty() => return Err(invalid(&strict_message(&unknown))),
        FieldValidation::Warn => warnings.extend(unknown),
        _ => {}
    }
    Ok(scale)
}

/// An object after a patch, before admission.
struct Patched {
    object: Object,
    /// What a client that asked for warnings is told: `unknown field "spec.foo"`.
    warnings: Vec<String>,
}

/// Applies the body of a patch request to a stored object.
///
/// # Errors
/// `BadRequest` for a body that is no patch or renames the object, `Invalid` for a patch that does not apply
/// or makes what is no object of its kind.
fn patch_object(
    current: &Object,
    api_version: &str,
    (patch_type, body): (PatchType, &str),
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
            let (merged, shown) = merge::strategic_merge(def, fields, &mut patch)?;
            (decode_patched(kind, api_version, &merged), duplicates, shown)
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
        PatchType::Apply => return Err(ApiError::internal("an apply patch is no change of an object")),
        PatchType::Json => {
            check_length(&body)?;
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

/// How many operations a JSON patch may hold. Mirrors `maxJSONPatchOperations`.
const MOST_OPERATIONS: usize = 10_000;

fn check_length(patch: &Value) -> Result<(), ApiError> {
    let operations = patch.as_array().map_or(0, Vec::len);
    if operations <= MOST_OPERATIONS {
        return Ok(());
    }
    let text = format!("The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {operations}");
    Err(ApiError::new(Reason::RequestEntityTooLarge, format!("Request entity too large: {text}")))
}

fn no_object(value: &Value) -> String {
    format!("json: cannot unmarshal {} into Go value of type map[string]interface {{}}", go_kind(value))
}

/// Checks the form of a JSON patch; gives the fields that no operation has.
fn operations(patch: &Value) -> Result<Vec<String>, String> {
    const TYPE: &str = "handlers.jsonPatchOp";
    merge::check_json_patch(patch, &format!("[]{TYPE}"), TYPE)?;
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

    use super::patch_object;
    use crate::api::request::{FieldValidation, PatchType};
    use crate::api::{Kind, Object};
    use crate::manifest::strict::decode;

    fn refusal(patch_type: PatchType, body: &str) -> String {
        let tree = json!({"metadata": {"name": "x", "namespace": "default"}, "spec": {"containers": [{"name": "x"}]}});
        let pod: Object = decode(Kind::Pod, &tree).unwrap().object;
        let refused = patch_object(&pod, "v1", (patch_type, body), FieldValidation::Strict);
        refused.map(|_| ()).unwrap_err().standard_message()
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
