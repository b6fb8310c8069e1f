//! The objects of a build, in the order in which they were read.
//!
//! Mirrors `resmap/reswrangler.go` of `sigs.k8s.io/kustomize/api`.

use super::Failed;
use super::id::ResId;
use super::node::Node;
use super::origin::ORIGIN;
use super::resource::Resource;

/// The places of the objects that are known by an id now.
pub(super) fn with_id(resources: &[Resource], id: &ResId) -> Vec<usize> {
    places(resources, |resource| resource.id().is(id))
}

/// The places of the objects that are or were ever known by one of the ids.
pub(super) fn with_any_id(resources: &[Resource], matches: impl Fn(&ResId) -> bool) -> Vec<usize> {
    places(resources, |resource| !resource.is_empty() && resource.ids().iter().any(&matches))
}

fn places(resources: &[Resource], is: impl Fn(&Resource) -> bool) -> Vec<usize> {
    resources.iter().enumerate().filter(|(_, resource)| is(resource)).map(|(place, _)| place).collect()
}

/// Adds an object, of which there must be none yet.
pub(super) fn append(resources: &mut Vec<Resource>, resource: Resource) -> Result<(), Failed> {
    let id = resource.id();
    if !with_id(resources, &id).is_empty() {
        return Err(Failed::new(format!("may not add resource with an already registered id: {id}")));
    }
    resources.push(resource);
    Ok(())
}

/// The id of an object as Go prints the struct.
fn go_struct(id: &ResId) -> String {
    let gvk = &id.gvk;
    format!(
        "resid.ResId{{Gvk:resid.Gvk{{Group:{:?}, Version:{:?}, Kind:{:?}, isClusterScoped:{}}}, Name:{:?}, Namespace:{:?}}}",
        gvk.group, gvk.version, gvk.kind, id.cluster_scoped, id.name, id.namespace
    )
}

/// Adds a generated object, or merges it with the one of its name. Mirrors `appendReplaceOrMerge`.
pub(super) fn absorb(resources: &mut Vec<Resource>, mut resource: Resource) -> Result<(), Failed> {
    let id = resource.id();
    let behavior = resource.behavior();
    let found = with_any_id(resources, |known| known.is(&id));
    let (place, old) = match found.as_slice() {
        [] if matches!(behavior.as_str(), "merge" | "replace") => {
            return Err(Failed::new(format!("id {} does not exist; cannot merge or replace", go_struct(&id))));
        }
        [] => return append(resources, resource),
        [place] => match resources.get(*place) {
            Some(old) => (*place, old.clone()),
            None => return Err(Failed::new("id lookup failure")),
        },
        _ => {
            let shown: Vec<String> = found.iter().filter_map(|place| resources.get(*place)).map(show).collect();
            let shown = shown.join(" ");
            return Err(Failed::new(format!("found multiple objects [{shown}] that could accept merge of {id}")));
        }
    };
    match behavior.as_str() {
        "replace" => resource.copy_metadata_from(&old)?,
        "merge" => {
            let origin = old.annotations().get(ORIGIN).cloned();
            resource.copy_metadata_from(&old)?;
            for field in ["data", "binaryData"] {
                merge_data(&mut resource, &old, field)?;
            }
            if let Some(origin) = origin {
                resource.set_annotation(ORIGIN, &origin)?;
            }
        }
        _ => {
            let id = go_struct(&id);
            let text = format!("id {id} exists; can not use behavior: '{behavior}', behavior must be merge or replace");
            return Err(Failed::new(text));
        }
    }
    if let Some(slot) = resources.get_mut(place) {
        *slot = resource;
    }
    Ok(())
}

fn merge_data(resource: &mut Resource, old: &Resource, field: &str) -> Result<(), Failed> {
    let texts = |resource: &Resource| resource.node.as_ref().and_then(|n| n.field(field)).map(Node::texts);
    let mut merged = texts(old).unwrap_or_default();
    merged.extend(texts(resource).unwrap_or_default());
    let Some(node) = &mut resource.node else { return Ok(()) };
    node.clear(field)?;
    if merged.is_empty() {
        return Ok(());
    }
    let merged = merged.iter().map(|(k, v)| (k.clone(), Node::string(v))).collect();
    node.set_field(field, Some(Node::Map(merged)), false)
}

/// An object as a text shows it.
pub(super) fn show(resource: &Resource) -> String {
    let value = resource.node.as_ref().map(Node::value);
    value.and_then(Result::ok).map(|value| crate::printers::json::to_compact(&value)).unwrap_or_default()
}

/// An object as YAML.
pub(super) fn show_yaml(resource: &Resource) -> String {
    let value = resource.node.as_ref().map(Node::value);
    value.and_then(Result::ok).map(|value| crate::printers::yaml::to_yaml(&value)).unwrap_or_default()
}

/// Takes away what patches deleted.
pub(super) fn drop_empty(resources: &mut Vec<Resource>) {
    resources.retain(|resource| !resource.is_empty());
}
