//! Copies fields to other fields, as `replacements` ask for.
//!
//! Mirrors `filters/replacement` of `sigs.k8s.io/kustomize/api`.

use serde_json::Value;

use super::Failed;
use super::id::ResId;
use super::kustomization::{FieldOptions, REPLACEMENT, Replacement, Source, Target};
use super::loader::Loader;
use super::node::{Kind, Node};
use super::path_matcher::{get, get_mut, split_field_path, visit};
use super::resource::{Resource, id_of, previous_ids};
use super::selector::{Patterns, matches_labels};
use super::{Failed as F, decode};
use crate::manifest::yaml;
use crate::printers;

const DEFAULT_FIELD_PATH: &str = "metadata.name";
/// Fields that all objects together may have once something is copied.
const MAX_NODES: usize = 1_000_000;

/// The replacements of a kustomization, those in files of their own among them.
pub(super) fn load(loader: &Loader<'_>, listed: &[Replacement]) -> Result<Vec<Replacement>, Failed> {
    let mut all = Vec::new();
    for replacement in listed {
        if replacement.path.is_empty() {
            all.push(replacement.clone());
            continue;
        }
        if replacement.source.is_some() || replacement.targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
            return Err(F::new("cannot specify both path and inline replacement"));
        }
        let bytes = loader.load(&replacement.path)?;
        let value = yaml::to_json(&String::from_utf8_lossy(&bytes))
            .map_err(|e| F::new(format!("error converting YAML to JSON: {e}")))?;
        let items = match value {
            Value::Array(items) => items,
            Value::Object(_) => vec![value],
            Value::String(_) => return Err(unsupported("string")),
            Value::Bool(_) => return Err(unsupported("bool")),
            Value::Number(_) => return Err(unsupported("float64")),
            Value::Null => return Err(unsupported("invalid")),
        };
        for item in items {
            let item = decode::normal(&item, "Replacement", REPLACEMENT)?;
            all.push(serde_json::from_value(item).map_err(|e| F::new(e.to_string()))?);
        }
    }
    Ok(all)
}

fn unsupported(kind: &str) -> Failed {
    F::new(format!("unsupported replacement type encountered within replacement path: {kind}"))
}

/// Copies what is to be copied, one replacement after the other.
pub(super) fn apply(resources: &mut [Resource], replacements: &[Replacement]) -> Result<(), Failed> {
    for replacement in replacements {
        let Some(targets) =
            replacement.targets.as_ref().filter(|_| replacement.source.is_some() || replacement.source_value.is_some())
        else {
            return Err(F::new("replacements must specify a source and at least one target"));
        };
        let value = match (&replacement.source_value, &replacement.source) {
            (Some(_), Some(_)) => return Err(F::new("value and resource selectors are mutually exclusive")),
            (Some(text), None) => Node::scalar(text),
            (None, Some(source)) => read(resources, source)?,
            (None, None) => continue,
        };
        targets.iter().try_for_each(|target| write(resources, &value, target))?;
        check_size(resources)?;
    }
    Ok(())
}

/// OBSERVATION: what is copied into itself over and over doubles each time.
fn check_size(resources: &[Resource]) -> Result<(), Failed> {
    let nodes = resources.iter().filter_map(|resource| resource.node.as_ref());
    match nodes.fold(0, |count, node| count + node.count(MAX_NODES)) {
        count if count > MAX_NODES => Err(F::new(format!("replacements make more than {MAX_NODES} fields"))),
        _ => Ok(()),
    }
}

/// All that a node is and was known by.
fn ids(node: &Node) -> Result<Vec<ResId>, Failed> {
    let id = id_of(node);
    let mut ids = vec![ResId::previous(id.gvk, &id.name, &id.namespace)];
    ids.extend(previous_ids(node)?);
    Ok(ids)
}

fn show(source: &Source) -> String {
    let mut parts = vec![source.id.to_string()];
    if !source.field_path.is_empty() {
        parts.push(source.field_path.clone());
    }
    if let Some(options) = source.options.as_ref().filter(|o| !o.delimiter.is_empty() || o.create) {
        parts.push(format!("{}({}), create={}", options.delimiter, options.index, options.create));
    }
    parts.join(":")
}

fn read(resources: &[Resource], source: &Source) -> Result<Node, Failed> {
    let mut found = None;
    for node in resources.iter().filter_map(|resource| resource.node.as_ref()) {
        if ids(node)?.iter().any(|id| id.is_selected_by(&source.id)) {
            if found.is_some() {
                return Err(F::new(format!("multiple matches for selector {}", show(source))));
            }
            found = Some(node);
        }
    }
    let found = found.ok_or_else(|| F::new(format!("nothing selected by {}", show(source))))?;
    let path = if source.field_path.is_empty() { DEFAULT_FIELD_PATH } else { &source.field_path };
    let node = get(found, &split_field_path(path)).map_err(|e| e.within("error looking up replacement source"))?;
    let Some(node) = node.filter(|node| !node.is_empty()) else {
        let text = format!("fieldPath `{path}` is missing for replacement source {}", source.id);
        return Err(F::new(text));
    };
    match source.options.as_ref().filter(|options| !options.delimiter.is_empty()) {
        None => Ok(node.clone()),
        Some(options) => refine(node, options),
    }
}

/// A part of a text.
fn refine(node: &Node, options: &FieldOptions) -> Result<Node, Failed> {
    let Node::Scalar(scalar) = node else {
        return Err(F::new("delimiter option can only be used with scalar nodes"));
    };
    let mut parts = scalar.text.split(&options.delimiter);
    let part = usize::try_from(options.index).ok().and_then(|index| parts.nth(index));
    let Some(part) = part else {
        let text = format!("options.index {} is out of bounds for value {}", options.index, scalar.text);
        return Err(F::new(text));
    };
    let mut scalar = scalar.clone();
    scalar.text = part.to_string();
    Ok(Node::Scalar(scalar))
}

fn write(resources: &mut [Resource], value: &Node, target: &Target) -> Result<(), Failed> {
    let Some(select) = &target.select else { return Err(F::new("target must specify resources to select")) };
    let creating = |e: Failed| e.within("error creating target selector");
    let wanted = Patterns::of(select).map_err(creating)?;
    let mut rejected = Vec::new();
    for selector in &target.reject {
        rejected.push((selector, Patterns::of(selector).map_err(creating)?));
    }
    for node in resources.iter_mut().filter_map(|resource| resource.node.as_mut()) {
        let ids = ids(node)?;
        let mut is_meant = matches_labels(node, select)?;
        for (selector, patterns) in &rejected {
            let by_label = !selector.annotation_selector.is_empty() || !selector.label_selector.is_empty();
            is_meant &= !(by_label && matches_labels(node, selector)?);
            is_meant &= selector.id.is_blank() || !ids.iter().any(|id| patterns.matches(id));
        }
        if is_meant && ids.iter().any(|id| wanted.matches(id)) {
            copy_to(node, value, target)?;
        }
    }
    Ok(())
}

fn copy_to(node: &mut Node, value: &Node, target: &Target) -> Result<(), Failed> {
    let default = [DEFAULT_FIELD_PATH.to_string()];
    let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
    let options = target.options.as_ref();
    let create = options.filter(|options| options.create).map(|_| value.kind());
    for path in paths {
        if set_in_text(node, value, path, create).is_some() {
            continue;
        }
        let what = if create.is_some() { "find or create" } else { "find" };
        let missing = || format!("unable to {what} field {path:?} in replacement target");
        let mut fault = None;
        let set = &mut |field: &mut Node| set_field(options, field, value).inspect_err(|e| fault = Some(e.clone()));
        let found = visit(node, &split_field_path(path), create, set);
        match (found, fault) {
            (_, Some(fault)) => return Err(fault),
            (Err(e), None) => return Err(e.within(&missing())),
            (Ok(0), None) => return Err(F::new(missing())),
            (Ok(_), None) => {}
        }
    }
    Ok(())
}

fn set_field(options: Option<&FieldOptions>, field: &mut Node, value: &Node) -> Result<(), Failed> {
    let mut value = value.clone();
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        if !matches!(field, Node::Scalar(_)) {
            return Err(F::new("delimiter option can only be used with scalar nodes"));
        }
        let mut parts: Vec<&str> = field.text().split(&options.delimiter).collect();
        let text = value.text_unless_null().to_string();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = &text,
                None => parts.push(&text),
            },
        }
        let joined = parts.join(&options.delimiter);
        if let Node::Scalar(scalar) = &mut value {
            scalar.text = joined;
        }
    }
    match field {
        // What the field is stays: a number that is copied to a text is text.
        Node::Scalar(scalar) => scalar.text = value.text().to_string(),
        field => *field = value,
    }
    Ok(())
}

/// Sets a field of the JSON or YAML that a text holds; none if there is no such thing. Mirrors
/// `setValueInStructuredData`.
fn set_in_text(node: &mut Node, value: &Node, path: &str, create: Option<Kind>) -> Option<()> {
    let parts = split_field_path(path);
    let (mut outer, mut inner) = (None, &parts[..]);
    for i in 1..parts.len() {
        let (before, behind) = parts.split_at(i);
        let Ok(Some(Node::Scalar(scalar))) = get(node, before) else { continue };
        if yaml::to_tree(&scalar.text).is_ok() {
            (outer, inner) = (Some(before), behind);
            break;
        }
    }
    let outer = outer?;
    let Node::Scalar(scalar) = get_mut(node, outer)? else { return None };
    let mut parsed = Node::from(yaml::to_tree(&scalar.text).ok()??);
    let set = &mut |field: &mut Node| {
        match field {
            Node::Scalar(scalar) => scalar.text = value.text().to_string(),
            field => *field = value.clone(),
        }
        Ok(())
    };
    if visit(&mut parsed, inner, create, set).ok()? == 0 {
        return None;
    }
    let changed = parsed.value().ok()?;
    let is_json = scalar.text.trim_start().starts_with(['{', '[']);
    scalar.text = match is_json {
        true if scalar.text.contains('\n') && scalar.text.contains("  ") => {
            let pretty = printers::json::to_pretty(&changed);
            let halved = |line: &str| {
                let text = line.trim_start_matches(' ');
                format!("{}{text}", " ".repeat((line.len() - text.len()) / 2))
            };
            pretty.lines().map(halved).collect::<Vec<_>>().join("\n")
        }
        true => printers::json::to_compact(&changed),
        false => printers::yaml::to_yaml(&changed).trim().to_string(),
    };
    Some(())
}
