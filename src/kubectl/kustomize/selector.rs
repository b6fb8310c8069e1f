//! Which objects a patch or a replacement means.
//!
//! Mirrors `types/selector.go` of `sigs.k8s.io/kustomize/api`.

use regex_lite::Regex;

use super::Failed;
use super::id::{Gvk, ResId};
use super::kustomization::Selector;
use super::node::Node;
use super::resource::{Resource, meta_texts};
use crate::api::selector;

/// A selector whose patterns are read.
pub(super) struct Patterns {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
}

/// A pattern, for the whole of a text if it is `anchored`.
pub(super) fn pattern(text: &str) -> Result<Regex, Failed> {
    Regex::new(text).map_err(|e| Failed::new(format!("error parsing regexp: {e}: `{text}`")))
}

fn whole(text: &str) -> Result<Option<Regex>, Failed> {
    match text {
        "" => Ok(None),
        text => pattern(&format!("^(?:{text})$")).map(Some),
    }
}

impl Patterns {
    pub(super) fn of(selector: &Selector) -> Result<Patterns, Failed> {
        let id = &selector.id;
        Ok(Patterns {
            group: whole(&id.gvk.group)?,
            version: whole(&id.gvk.version)?,
            kind: whole(&id.gvk.kind)?,
            name: whole(&id.name)?,
            namespace: whole(&id.namespace)?,
        })
    }

    fn matches_gvk(&self, gvk: &Gvk) -> bool {
        is(&self.group, &gvk.group) && is(&self.version, &gvk.version) && is(&self.kind, &gvk.kind)
    }

    /// Whether an id is meant.
    pub(super) fn matches(&self, id: &ResId) -> bool {
        self.matches_gvk(&id.gvk) && is(&self.name, &id.name) && is(&self.namespace, &id.namespace)
    }
}

fn is(pattern: &Option<Regex>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
}

/// Whether the annotations and the labels of a node are meant.
pub(super) fn matches_labels(node: &Node, selector: &Selector) -> Result<bool, Failed> {
    let matches = |text: &str, field| {
        let parsed = selector::Selector::parse(text).map_err(|e| Failed::new(e.to_string()))?;
        Ok(parsed.matches(&meta_texts(node, field)))
    };
    Ok(matches(&selector.annotation_selector, "annotations")? & matches(&selector.label_selector, "labels")?)
}

/// The places of the objects that are meant, by what they are called now or were called at first.
pub(super) fn select(resources: &[Resource], selector: &Selector) -> Result<Vec<usize>, Failed> {
    let patterns = Patterns::of(selector)?;
    let mut places = Vec::new();
    for (place, resource) in resources.iter().enumerate() {
        let (now, first) = (resource.id(), resource.original_id());
        let namespace = |id: &ResId| is(&patterns.namespace, id.effective_namespace());
        let name = |id: &ResId| is(&patterns.name, &id.name);
        let Some(node) = &resource.node else { continue };
        if (namespace(&first) || namespace(&now))
            && (name(&first) || name(&now))
            && patterns.matches_gvk(&resource.gvk())
            && matches_labels(node, selector)?
        {
            places.push(place);
        }
    }
    Ok(places)
}
