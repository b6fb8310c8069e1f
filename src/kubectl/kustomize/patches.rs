//! Patches of both kinds, and what they change.
//!
//! Mirrors `PatchTransformer`, `PatchStrategicMergeTransformer` and `PatchJson6902Transformer` of
//! `sigs.k8s.io/kustomize/api`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Failed;
use super::id::ResId;
use super::kustomization::{Patch, Selector};
use super::loader::Loader;
use super::node::Node;
use super::res_map::{append, with_any_id};
use super::resource::Resource;
use super::selector::select;
use super::{read, strategic};
use crate::api::scalar::quote;
use crate::manifest::merge::{MergeError, json_patch};
use crate::manifest::{json, yaml};

/// Fields that an object may have once a patch copied some.
const MAX_FIELDS: usize = 10_000_000;

/// A patch that was read.
pub(super) struct Loaded {
    body: Body,
    target: Option<Selector>,
    /// Where it was read, for texts.
    source: String,
}

enum Body {
    Strategic(Vec<Resource>),
    Json(Value),
}

/// Reads an entry of `patches`.
pub(super) fn load(loader: &Loader<'_>, patch: &Patch) -> Result<Loaded, Failed> {
    let within = |e: Failed| {
        let what = format!("trouble configuring builtin PatchTransformer with config: `\n{}`", patch.shown);
        e.within(&what)
    };
    load_one(loader, patch).map_err(within)
}

pub(super) fn load_one(loader: &Loader<'_>, patch: &Patch) -> Result<Loaded, Failed> {
    let inline = patch.patch.trim();
    let (text, source) = match (inline, patch.path.as_str()) {
        ("", "") => return Err(Failed::new(format!("must specify one of patch and path in\n{}", patch.shown))),
        (inline, "") => (inline.to_string(), format!("[patch: {}]", quote(inline))),
        ("", path) => {
            let bytes = loader.load(path);
            let bytes = bytes.map_err(|e| e.within(&format!("failed to get the patch file from path({path})")))?;
            (String::from_utf8_lossy(&bytes).into_owned(), format!("[path: {}]", quote(path)))
        }
        _ => return Err(Failed::new(format!("patch and path can't be set at the same time\n{}", patch.shown))),
    };
    let body = match (read::objects(text.as_bytes()), operations(&text)) {
        (Ok(objects), Ok(operations)) if !objects.is_empty() && !is_empty(&operations) => {
            return Err(Failed::new(format!("illegally qualifies as both an SM and JSON patch: {source}")));
        }
        (Ok(objects), _) => {
            let mut patches: Vec<Resource> = objects.into_iter().map(Resource::new).collect();
            for loaded in &mut patches {
                if patch.options.allow_name_change {
                    loaded.allow_name_change()?;
                }
                if patch.options.allow_kind_change {
                    loaded.allow_kind_change()?;
                }
            }
            Body::Strategic(patches)
        }
        (Err(_), Ok(operations)) => Body::Json(operations),
        (Err(_), Err(_)) => return Err(Failed::new(format!("unable to parse SM or JSON patch from {source}"))),
    };
    Ok(Loaded { body, target: patch.target.clone(), source })
}

fn is_empty(operations: &Value) -> bool {
    operations.as_array().is_none_or(Vec::is_empty)
}

/// The operations of a JSON patch, which may be written as YAML.
fn operations(text: &str) -> Result<Value, Failed> {
    let value = match text.chars().next() {
        None => return Err(Failed::new("empty json patch operations")),
        Some('[') => json::unmarshal(text.as_bytes()).map_err(|e| Failed::new(e.to_string()))?,
        Some(_) => yaml::to_json(text).map_err(|e| Failed::new(e.to_string()))?,
    };
    let wrong = |found: &str, wanted: &str| {
        Err(Failed::new(format!("json: cannot unmarshal {found} into Go value of type {wanted}")))
    };
    match &value {
        Value::Null => Ok(value),
        Value::Array(items) if items.iter().all(|item| item.is_object() || item.is_null()) => Ok(value),
        Value::Array(items) => match items.iter().find(|item| !item.is_object()) {
            Some(Value::String(_)) => wrong("string", "jsonpatch.Operation"),
            Some(Value::Array(_)) => wrong("array", "jsonpatch.Operation"),
            Some(Value::Bool(_)) => wrong("bool", "jsonpatch.Operation"),
            _ => wrong("number", "jsonpatch.Operation"),
        },
        Value::Object(_) => wrong("object", "jsonpatch.Patch"),
        Value::String(_) => wrong("string", "jsonpatch.Patch"),
        Value::Bool(_) => wrong("bool", "jsonpatch.Patch"),
        Value::Number(_) => wrong("number", "jsonpatch.Patch"),
    }
}

/// Applies an entry of `patches`.
pub(super) fn apply(resources: &mut Vec<Resource>, loaded: &Loaded) -> Result<(), Failed> {
    match &loaded.body {
        Body::Strategic(patches) => apply_strategic(resources, patches, loaded),
        Body::Json(operations) => {
            let Some(target) = &loaded.target else {
                return Err(Failed::new(format!("must specify a target for JSON patch {}", loaded.source)));
            };
            for place in select(resources, target)? {
                let Some(resource) = resources.get_mut(place) else { continue };
                resource.store_previous_id()?;
                apply_operations(resource, operations)?;
            }
            Ok(())
        }
    }
}

fn apply_strategic(resources: &mut Vec<Resource>, patches: &[Resource], loaded: &Loaded) -> Result<(), Failed> {
    if let Some(target) = &loaded.target {
        return match patches {
            [] => Ok(()),
            [patch] => {
                let selected = select(resources, target)?;
                let ids = selected.iter().filter_map(|place| resources.get(*place)).map(Resource::id).collect();
                merge_into(resources, &ids, patch)
            }
            _ => {
                let text = "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field";
                Err(Failed::new(format!("{text}: {}", loaded.source)))
            }
        };
    }
    for patch in patches {
        let id = patch.original_id();
        let place = only(resources, &id)
            .map_err(|e| e.within(&format!("no resource matches strategic merge patch \"{id}\"")))?;
        if let Some(resource) = resources.get_mut(place) {
            merge_one(resource, patch)?;
        }
    }
    Ok(())
}

/// The one object that a patch names.
fn only(resources: &[Resource], id: &ResId) -> Result<usize, Failed> {
    let failed = |what: &str| {
        Err(Failed::new(format!("{what} matches for Id {id}; failed to find unique target for patch {id}")))
    };
    match with_any_id(resources, |known| known.is(id)).as_slice() {
        [] => failed("no"),
        [place] => Ok(*place),
        _ => failed("multiple"),
    }
}

/// Merges a patch into several objects. Mirrors `ApplySmPatch` of a `ResMap`.
fn merge_into(resources: &mut Vec<Resource>, ids: &BTreeSet<ResId>, patch: &Resource) -> Result<(), Failed> {
    for mut resource in std::mem::take(resources) {
        if ids.contains(&resource.id()) {
            let mut own = patch.clone();
            own.copy_metadata_from(patch)?;
            let kind = patch.kind().to_string();
            own.set_text("kind", &kind)?;
            own.set_text("apiVersion", &resource.gvk().api_version())?;
            merge_one(&mut resource, &own)?;
        }
        if !resource.is_empty() {
            append(resources, resource)?;
        }
    }
    Ok(())
}

/// Merges a patch into an object, whose name, kind and namespace stay.
fn merge_one(resource: &mut Resource, patch: &Resource) -> Result<(), Failed> {
    let (name, namespace) = (resource.name().to_string(), resource.namespace().to_string());
    let kind = resource.kind().to_string();
    if patch.may_change_name() || patch.may_change_kind() {
        resource.store_previous_id()?;
    }
    let (Some(node), Some(patch_node)) = (&resource.node, &patch.node) else { return Ok(()) };
    resource.node = strategic::merge(node, patch_node)?;
    if resource.is_empty() {
        return Ok(());
    }
    if !patch.may_change_kind() {
        resource.set_text("kind", &kind)?;
    }
    if !patch.may_change_name() {
        resource.set_name(&name)?;
    }
    resource.set_namespace(&namespace)
}

/// Applies a JSON patch to an object, whose notes stay.
fn apply_operations(resource: &mut Resource, operations: &Value) -> Result<(), Failed> {
    let internal = resource.internal_annotations();
    let Some(node) = &resource.node else { return Ok(()) };
    let copies = operations.as_array().into_iter().flatten().filter(|operation| operation["op"] == "copy").count();
    // OBSERVATION: what is copied into itself over and over doubles each time.
    let fields = node.count(MAX_FIELDS);
    if copies > 0 && fields.checked_shl(copies as u32).is_none_or(|most| copies > 30 || most > MAX_FIELDS) {
        return Err(Failed::new(format!("the copies of a patch may make more than {MAX_FIELDS} fields")));
    }
    let patched = json_patch(&node.value()?, operations).map_err(|e| match e {
        MergeError::Unprocessable(text) => Failed::new(text),
        other => Failed::new(other.to_string()),
    })?;
    resource.node = Some(Node::from(&patched));
    let mut annotations = resource.annotations();
    annotations.extend(internal);
    resource.set_annotations(&annotations)
}

/// Reads `patchesStrategicMerge`: patches, or the files of some.
pub(super) fn load_strategic(loader: &Loader<'_>, listed: &[String]) -> Result<Vec<Resource>, Failed> {
    let mut shown = String::from("paths:\n");
    listed.iter().for_each(|path| shown.push_str(&format!("- {path}\n")));
    let within = |e: Failed| {
        e.within(&format!("trouble configuring builtin PatchStrategicMergeTransformer with config: `\n{shown}`"))
    };
    let patches = load_paths(loader, listed).map_err(within)?;
    if patches.is_empty() {
        let text = format!("patch appears to be empty; files=[{}], Patch=", listed.join(" "));
        return Err(within(Failed::new(text)));
    }
    Ok(patches)
}

/// Reads patches that are written in place, or in files.
pub(super) fn load_paths(loader: &Loader<'_>, listed: &[String]) -> Result<Vec<Resource>, Failed> {
    let mut patches = Vec::new();
    for path in listed {
        let objects = match read::objects(path.as_bytes()) {
            Ok(objects) => objects,
            Err(_) => loader.load(path).and_then(|bytes| read::objects_of_file(&bytes, path))?,
        };
        patches.extend(objects.into_iter().map(Resource::new));
    }
    Ok(patches)
}

/// Applies `patchesStrategicMerge`.
pub(super) fn apply_listed(resources: &mut Vec<Resource>, patches: &[Resource]) -> Result<(), Failed> {
    for patch in patches {
        let place = only(resources, &patch.original_id())?;
        let ids = resources.get(place).map(Resource::id).into_iter().collect();
        merge_into(resources, &ids, patch)?;
    }
    Ok(())
}

/// Reads an entry of `patchesJson6902`.
pub(super) fn load_json(loader: &Loader<'_>, patch: &Patch) -> Result<Loaded, Failed> {
    let what = format!("trouble configuring builtin PatchJson6902Transformer with config: `\n{}`", patch.shown);
    load_one_json(loader, patch).map_err(|e| e.within(&what))
}

pub(super) fn load_one_json(loader: &Loader<'_>, patch: &Patch) -> Result<Loaded, Failed> {
    let Some(target) = patch.target.clone().filter(|target| !target.id.name.is_empty()) else {
        return Err(Failed::new("must specify the target name"));
    };
    let text = match (patch.path.as_str(), patch.patch.as_str()) {
        ("", "") => return Err(Failed::new("empty file path and empty jsonOp")),
        ("", text) => text.to_string(),
        (path, "") => {
            let text = String::from_utf8_lossy(&loader.load(path)?).into_owned();
            if text.is_empty() {
                return Err(Failed::new(format!("patch file '{path}' empty seems to be empty")));
            }
            text
        }
        _ => return Err(Failed::new("must specify a file path or jsonOp, not both")),
    };
    let operations = operations(&text).map_err(|e| e.within(&format!("decoding {text}")))?;
    if is_empty(&operations) {
        return Err(Failed::new(format!("patch appears to be empty; file={}, JsonOp={text}", patch.path)));
    }
    Ok(Loaded { body: Body::Json(operations), target: Some(target), source: text })
}

/// Applies an entry of `patchesJson6902`.
pub(super) fn apply_json(resources: &mut [Resource], loaded: &Loaded) -> Result<(), Failed> {
    let (Some(target), Body::Json(operations)) = (&loaded.target, &loaded.body) else { return Ok(()) };
    for place in select(resources, target)? {
        if let Some(resource) = resources.get_mut(place) {
            apply_operations(resource, operations)?;
        }
    }
    Ok(())
}
