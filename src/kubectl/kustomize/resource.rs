//! An object while it is customized, with what it was called before.
//!
//! Mirrors `sigs.k8s.io/kustomize/api/resource`. As there, what a build has to remember of an object stands in its
//! annotations until the build ends.

use std::collections::BTreeMap;

use super::Failed;
use super::id::{Gvk, ResId};
use super::node::{Kind, Node};
use super::origin::{ORIGIN, TRANSFORMATIONS};

const PREVIOUS_KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";
const PREVIOUS_NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const REFERENCED_BY: &str = "internal.config.kubernetes.io/refBy";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";
const ALLOW_NAME_CHANGE: &str = "internal.config.kubernetes.io/allowNameChange";
const ALLOW_KIND_CHANGE: &str = "internal.config.kubernetes.io/allowKindChange";
const ENABLED: &str = "enabled";

/// The annotations that a build makes and takes away again.
const BUILD_ANNOTATIONS: [&str; 19] = [
    PREVIOUS_KINDS,
    PREVIOUS_NAMES,
    PREFIXES,
    SUFFIXES,
    PREVIOUS_NAMESPACES,
    ALLOW_NAME_CHANGE,
    ALLOW_KIND_CHANGE,
    REFERENCED_BY,
    BEHAVIOR,
    NEEDS_HASH,
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    "internal.config.kubernetes.io/helm-generated",
];

/// An object, and the variables that read it.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// None once a patch deleted it.
    pub(super) node: Option<Node>,
    pub(super) variables: Vec<String>,
}

/// What a node is known by.
pub(super) fn id_of(node: &Node) -> ResId {
    let text = |name| node.field(name).map_or("", Node::text);
    let meta = |name| node.at(&["metadata", name]).map_or("", Node::text_unless_null);
    ResId::new(Gvk::new(text("apiVersion"), text("kind")), meta("name"), meta("namespace"))
}

/// What a node was known by before, the first first.
///
/// # Errors
/// The annotations that say so disagree.
pub(super) fn previous_ids(node: &Node) -> Result<Vec<ResId>, Failed> {
    let annotations = node.at(&["metadata", "annotations"]);
    let list = |name| annotations.and_then(|a| a.field(name)).map(|n| n.text().split(',').collect::<Vec<_>>());
    let Some(names) = list(PREVIOUS_NAMES) else { return Ok(Vec::new()) };
    let (namespaces, kinds) = (list(PREVIOUS_NAMESPACES).unwrap_or_default(), list(PREVIOUS_KINDS).unwrap_or_default());
    if names.len() != namespaces.len() || names.len() != kinds.len() {
        let text = "number of previous names, number of previous namespaces, number of previous kinds not equal";
        return Err(Failed::new(text));
    }
    let api_version = node.field("apiVersion").map_or("", Node::text);
    let ids = names.iter().zip(namespaces).zip(kinds);
    Ok(ids.map(|((name, namespace), kind)| ResId::previous(Gvk::new(api_version, kind), name, namespace)).collect())
}

/// The labels or annotations of a node.
pub(super) fn meta_texts(node: &Node, field: &str) -> BTreeMap<String, String> {
    node.at(&["metadata", field]).map(Node::texts).unwrap_or_default()
}

/// Sets the labels or annotations of a node; none takes the field away. Mirrors `setMapInMetadata`.
pub(super) fn set_meta_texts(node: &mut Node, field: &str, texts: &BTreeMap<String, String>) -> Result<(), Failed> {
    let Some(meta) = node.field_or("metadata", Kind::Map)? else { return Ok(()) };
    meta.clear(field)?;
    if texts.is_empty() {
        return Ok(());
    }
    let texts = texts.iter().map(|(k, v)| (k.clone(), Node::string(v))).collect();
    meta.set_field(field, Some(Node::Map(texts)), false)
}

impl Resource {
    pub(super) fn new(node: Node) -> Resource {
        Resource { node: Some(node), variables: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.node.as_ref().is_none_or(Node::is_empty)
    }

    pub(super) fn kind(&self) -> &str {
        self.text("kind")
    }

    fn text(&self, name: &str) -> &str {
        self.node.as_ref().and_then(|n| n.field(name)).map_or("", Node::text)
    }

    /// `metadata.name` or `metadata.namespace`.
    pub(super) fn meta(&self, name: &str) -> &str {
        self.node.as_ref().and_then(|n| n.at(&["metadata", name])).map_or("", Node::text_unless_null)
    }

    pub(super) fn name(&self) -> &str {
        self.meta("name")
    }

    pub(super) fn namespace(&self) -> &str {
        self.meta("namespace")
    }

    pub(super) fn gvk(&self) -> Gvk {
        Gvk::new(self.text("apiVersion"), self.text("kind"))
    }

    /// What it is known by now.
    pub(super) fn id(&self) -> ResId {
        self.node.as_ref().map(id_of).unwrap_or_default()
    }

    /// What it was known by before, the first first.
    pub(super) fn previous_ids(&self) -> Vec<ResId> {
        self.node.as_ref().and_then(|node| previous_ids(node).ok()).unwrap_or_default()
    }

    /// What it was known by at first.
    pub(super) fn original_id(&self) -> ResId {
        self.previous_ids().into_iter().next().unwrap_or_else(|| self.id())
    }

    /// All that it was ever known by.
    pub(super) fn ids(&self) -> Vec<ResId> {
        let mut ids = self.previous_ids();
        ids.push(self.id());
        ids
    }

    pub(super) fn set_text(&mut self, name: &str, text: &str) -> Result<(), Failed> {
        let Some(node) = &mut self.node else { return Ok(()) };
        node.set_field(name, Some(Node::scalar(text)), false)
    }

    pub(super) fn set_name(&mut self, name: &str) -> Result<(), Failed> {
        self.set_meta("name", name)
    }

    /// An empty one takes the field away.
    pub(super) fn set_namespace(&mut self, namespace: &str) -> Result<(), Failed> {
        if !namespace.is_empty() {
            return self.set_meta("namespace", namespace);
        }
        match self.node.as_mut().and_then(|node| node.field_mut("metadata")) {
            Some(meta) => meta.clear("namespace"),
            None => Ok(()),
        }
    }

    fn set_meta(&mut self, field: &str, text: &str) -> Result<(), Failed> {
        let Some(node) = &mut self.node else { return Ok(()) };
        match node.field_or("metadata", Kind::Map)? {
            Some(meta) => meta.set_field(field, Some(Node::scalar(text)), false),
            None => Ok(()),
        }
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        self.node.as_ref().map(|node| meta_texts(node, "labels")).unwrap_or_default()
    }

    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        self.node.as_ref().map(|node| meta_texts(node, "annotations")).unwrap_or_default()
    }

    pub(super) fn set_labels(&mut self, labels: &BTreeMap<String, String>) -> Result<(), Failed> {
        self.node.as_mut().map_or(Ok(()), |node| set_meta_texts(node, "labels", labels))
    }

    pub(super) fn set_annotations(&mut self, annotations: &BTreeMap<String, String>) -> Result<(), Failed> {
        self.node.as_mut().map_or(Ok(()), |node| set_meta_texts(node, "annotations", annotations))
    }

    /// Adds to a list that stands in an annotation.
    fn append(&mut self, annotation: &str, value: &str) -> Result<(), Failed> {
        let Some(node) = self.node.as_mut().filter(|_| !value.is_empty()) else { return Ok(()) };
        let Some(meta) = node.field_or("metadata", Kind::Map)? else { return Ok(()) };
        if meta.field("annotations").is_some_and(Node::is_null) {
            meta.clear("annotations")?;
        }
        let Some(annotations) = meta.field_or("annotations", Kind::Map)? else { return Ok(()) };
        let text = match annotations.field(annotation) {
            Some(known) => format!("{},{value}", known.text()),
            None => value.to_string(),
        };
        annotations.set_field(annotation, Some(Node::string(&text)), false)
    }

    fn list(&self, annotation: &str) -> Vec<String> {
        let annotations = self.node.as_ref().and_then(|n| n.at(&["metadata", "annotations", annotation]));
        annotations.map(|n| n.text().split(',').map(str::to_string).collect()).unwrap_or_default()
    }

    /// Remembers what it is known by now.
    pub(super) fn store_previous_id(&mut self) -> Result<(), Failed> {
        let id = self.id();
        self.append(PREVIOUS_NAMES, &id.name)?;
        self.append(PREVIOUS_NAMESPACES, id.effective_namespace())?;
        self.append(PREVIOUS_KINDS, &id.gvk.kind)
    }

    pub(super) fn add_prefix(&mut self, prefix: &str) -> Result<(), Failed> {
        self.append(PREFIXES, prefix)
    }

    pub(super) fn add_suffix(&mut self, suffix: &str) -> Result<(), Failed> {
        self.append(SUFFIXES, suffix)
    }

    pub(super) fn add_referrer(&mut self, referrer: &ResId) -> Result<(), Failed> {
        self.append(REFERENCED_BY, &referrer.to_string())
    }

    /// Whether both got the same prefixes and suffixes; with `allow_empty`, none go with all.
    pub(super) fn has_affixes_of(&self, other: &Resource, allow_empty: bool) -> bool {
        [PREFIXES, SUFFIXES].iter().all(|annotation| {
            let (mine, others) = (self.list(annotation), other.list(annotation));
            allow_empty && (mine.is_empty() || others.is_empty()) || same_ending(&mine, &others)
        })
    }

    fn enable(&mut self, annotation: &str) -> Result<(), Failed> {
        self.set_annotation(annotation, ENABLED)
    }

    pub(super) fn set_annotation(&mut self, annotation: &str, text: &str) -> Result<(), Failed> {
        let mut annotations = self.annotations();
        annotations.insert(annotation.into(), text.into());
        self.set_annotations(&annotations)
    }

    fn is_enabled(&self, annotation: &str) -> bool {
        self.node
            .as_ref()
            .and_then(|n| n.at(&["metadata", "annotations", annotation]))
            .is_some_and(|n| n.text() == ENABLED)
    }

    pub(super) fn allow_name_change(&mut self) -> Result<(), Failed> {
        self.enable(ALLOW_NAME_CHANGE)
    }

    pub(super) fn allow_kind_change(&mut self) -> Result<(), Failed> {
        self.enable(ALLOW_KIND_CHANGE)
    }

    pub(super) fn may_change_name(&self) -> bool {
        self.is_enabled(ALLOW_NAME_CHANGE)
    }

    pub(super) fn may_change_kind(&self) -> bool {
        self.is_enabled(ALLOW_KIND_CHANGE)
    }

    pub(super) fn needs_hash(&self) -> bool {
        self.is_enabled(NEEDS_HASH)
    }

    /// Notes how a generated object is added to others.
    pub(super) fn set_generated(&mut self, behavior: &str, hashed: bool) -> Result<(), Failed> {
        if hashed {
            self.enable(NEEDS_HASH)?;
        }
        let behavior = match behavior {
            "replace" | "merge" | "create" => behavior,
            _ => "unspecified",
        };
        self.set_annotation(BEHAVIOR, behavior)
    }

    pub(super) fn behavior(&self) -> String {
        self.annotations().remove(BEHAVIOR).unwrap_or_else(|| "unspecified".into())
    }

    /// The annotations that a patch that replaces everything must not take away.
    pub(super) fn internal_annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = self.annotations();
        annotations.retain(|name, _| name.starts_with("internal.config.kubernetes.io") || is_reader_annotation(name));
        annotations
    }

    /// Takes over labels, annotations, name and namespace. Mirrors `CopyMergeMetaDataFieldsFrom`.
    pub(super) fn copy_metadata_from(&mut self, other: &Resource) -> Result<(), Failed> {
        let mut labels = other.labels();
        labels.extend(self.labels());
        self.set_labels(&labels)?;
        let (mine, others) = (self.annotations(), other.annotations());
        let mut merged = others.clone();
        merged.extend(mine.clone());
        for annotation in BUILD_ANNOTATIONS {
            match others.get(annotation) {
                Some(text) => merged.insert(annotation.into(), text.clone()),
                None => merged.remove(annotation),
            };
        }
        if !mine.contains_key(NEEDS_HASH) {
            merged.remove(NEEDS_HASH);
        }
        self.set_annotations(&merged)?;
        let (name, namespace) = (other.name().to_string(), other.namespace().to_string());
        self.set_name(&name)?;
        self.set_namespace(&namespace)?;
        self.variables.clone_from(&other.variables);
        Ok(())
    }

    /// Takes away what the build noted.
    pub(super) fn remove_build_annotations(&mut self) -> Result<(), Failed> {
        let mut annotations = self.annotations();
        if annotations.is_empty() {
            return Ok(());
        }
        BUILD_ANNOTATIONS.iter().for_each(|annotation| {
            annotations.remove(*annotation);
        });
        self.set_annotations(&annotations)
    }

    /// Takes away where it comes from, and what changed it.
    pub(super) fn remove_tracking(&mut self, origin: bool, transformations: bool) -> Result<(), Failed> {
        let mut annotations = self.annotations();
        if origin {
            annotations.remove(ORIGIN);
        }
        if transformations {
            annotations.remove(TRANSFORMATIONS);
        }
        self.set_annotations(&annotations)
    }
}

fn is_reader_annotation(name: &str) -> bool {
    matches!(name, "config.kubernetes.io/path" | "config.kubernetes.io/index" | "config.k8s.io/id")
}

/// Whether the longer list ends with the shorter; an empty one goes with an empty one alone.
fn same_ending(one: &[String], other: &[String]) -> bool {
    let (short, long) = if one.len() > other.len() { (other, one) } else { (one, other) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}
