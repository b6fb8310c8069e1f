//! Which objects of a kind a request selects.
//!
//! Mirrors `k8s.io/apiserver/pkg/storage/selection_predicate.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Registry;
use crate::api::selector::{FieldSelector, Operator, Requirement, Selector};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kinds::shared::print::{selectable_field, unknown_field};
use crate::manifest::versions::selected_field;
use crate::store::Index;

/// What objects must look like to be selected.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    labels: Selector,
    fields: FieldSelector,
}

impl Selection {
    /// Reads a label selector and a field selector for a kind in a version; empty ones select everything.
    ///
    /// # Errors
    /// `BadRequest` when one can't be read, or names a field that the kind can't be selected by.
    pub fn parse(kind: Kind, api_version: &str, labels: &str, fields: &str) -> Result<Selection, ApiError> {
        let refuse = |text: String| ApiError::new(Reason::BadRequest, text);
        let labels = Selector::parse(labels).map_err(|e| refuse(e.to_string()))?;
        let mut fields = FieldSelector::parse(fields).map_err(|e| refuse(e.to_string()))?;
        for term in &mut fields.terms {
            match selected_field(kind, api_version, &term.field) {
                Some(stored) => term.field = stored.to_string(),
                None => return Err(refuse(format!("field label not supported: {}", term.field))),
            }
        }
        match unknown_field(kind, &fields) {
            Some(unknown) => Err(refuse(unknown)),
            None => Ok(Selection { labels, fields }),
        }
    }

    /// Whether an object passes.
    pub fn matches(&self, object: &Object) -> bool {
        let empty = BTreeMap::new();
        self.labels.matches(object.meta().labels.as_ref().unwrap_or(&empty))
            && self.fields.matches(|path| selectable_field(object, path).unwrap_or_default())
    }

    /// Whether every object passes.
    pub fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.terms.is_empty()
    }

    /// Words that the stored text of every object that passes holds: a label that it must have.
    fn telltale(&self) -> Option<String> {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
        let term = |requirement: &Requirement| match (requirement.operator, requirement.values.as_slice()) {
            (Operator::Equals | Operator::DoubleEquals | Operator::In, [value]) if plain(value) => {
                Some(format!("\"{}\":\"{value}\"", requirement.key))
            }
            _ => None,
        };
        self.labels.requirements().iter().filter(|requirement| plain(&requirement.key)).find_map(term)
    }

    /// The value that a field must have, if there is one.
    fn demands(&self, field: &str) -> Option<&str> {
        self.fields.terms.iter().find(|t| t.field == field && !t.negated).map(|t| t.value.as_str())
    }
}

/// How many objects are looked at at once where few of them may be selected.
const PAGE: usize = 1000;

/// From which object on, and how many, a list has.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The namespace and the name that come first, or what follows them.
    pub from: (&'a str, &'a str),
    /// The most objects; none for all.
    pub limit: Option<usize>,
}

impl Piece<'_> {
    /// Everything.
    pub const ALL: Piece<'static> = Piece { from: ("", ""), limit: None };
}

impl Registry {
    /// The objects of a kind that are selected, by namespace and name; an empty namespace stands for all of them.
    pub fn list(&self, kind: Kind, namespace: &str, selection: &Selection, piece: Piece<'_>) -> Vec<Arc<Object>> {
        let view = self.view();
        let limit = piece.limit.unwrap_or(usize::MAX);
        let within = |o: &&Arc<Object>| namespace.is_empty() || o.namespace() == namespace;
        let pick = |mut found: Vec<&Arc<Object>>| -> Vec<Arc<Object>> {
            found.sort_by_key(|o| (o.namespace(), o.name()));
            let wanted = found.into_iter().filter(|o| (o.namespace(), o.name()) >= piece.from);
            wanted.filter(within).filter(|o| selection.matches(o)).take(limit).cloned().collect()
        };
        if let Some(name) = selection.demands("metadata.name")
            && (!namespace.is_empty() || !kind.is_namespaced())
        {
            return pick(view.get(&ObjectKey::new(kind, namespace, name)).into_iter().collect());
        }
        let node = selection.demands("spec.nodeName").filter(|_| kind == Kind::Pod);
        let regarding = selection.demands("involvedObject.uid").filter(|uid| kind == Kind::Event && !uid.is_empty());
        match (node, regarding) {
            (Some(node), _) => pick(view.indexed(kind, Index::Node, node).collect()),
            (_, Some(uid)) => pick(view.indexed(kind, Index::EventObject, uid).collect()),
            _ => self.go_through(kind, Some(namespace).filter(|ns| !ns.is_empty()), selection, piece),
        }
    }

    /// Looks at the objects one page after the other, and keeps those that are selected.
    fn go_through(
        &self,
        kind: Kind,
        within: Option<&str>,
        selection: &Selection,
        piece: Piece<'_>,
    ) -> Vec<Arc<Object>> {
        let limit = piece.limit.unwrap_or(usize::MAX);
        let size = if selection.is_everything() { limit } else { PAGE };
        let telltale = selection.telltale();
        let (mut namespace, mut name) = (piece.from.0.to_string(), piece.from.1.to_string());
        let mut found = Vec::new();
        loop {
            let page = self.view().page(kind, within, (&namespace, &name), size, telltale.as_deref());
            let last = page.last().map(|o| (o.namespace().to_string(), format!("{}\0", o.name())));
            let is_last = page.len() < size;
            found.extend(page.into_iter().filter(|o| selection.matches(o)).take(limit - found.len()));
            match last {
                Some(next) if !is_last && found.len() < limit => (namespace, name) = next,
                _ => return found,
            }
        }
    }

    /// How many objects of a kind come from a place on, in a namespace or, for an empty one, in all.
    pub fn count_from(&self, kind: Kind, namespace: &str, from: (&str, &str)) -> usize {
        self.view().count_from(kind, Some(namespace).filter(|ns| !ns.is_empty()), from)
    }
}
