//! Which objects of a kind a request selects.
//!
//! Mirrors `k8s.io/apiserver/pkg/storage/selection_predicate.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Registry;
use crate::api::selector::{FieldSelector, Selector};
use crate::api::{Kind, Object};
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

    /// The value that a field must have, if there is one.
    fn demands(&self, field: &str) -> Option<&str> {
        self.fields.terms.iter().find(|t| t.field == field && !t.negated).map(|t| t.value.as_str())
    }
}

impl Registry {
    /// The objects of a kind that are selected, by namespace and name; an empty namespace stands for all of them.
    pub fn list(&self, kind: Kind, namespace: &str, selection: &Selection) -> Vec<Arc<Object>> {
        let view = self.view();
        let by_index = |index, bucket: &str| -> Vec<&Arc<Object>> {
            let mut found: Vec<&Arc<Object>> = view.indexed(kind, index, bucket).collect();
            found.sort_by_key(|o| (o.namespace(), o.name()));
            found
        };
        let node = selection.demands("spec.nodeName").filter(|_| kind == Kind::Pod);
        let regarding = selection.demands("involvedObject.uid").filter(|_| kind == Kind::Event);
        let candidates = match (node, regarding) {
            (Some(node), _) => by_index(Index::Node, node),
            (_, Some(uid)) => by_index(Index::EventObject, uid),
            _ if namespace.is_empty() => view.list(kind).collect(),
            _ => view.list_in(kind, namespace).collect(),
        };
        let within = |o: &&Arc<Object>| namespace.is_empty() || o.namespace() == namespace;
        candidates.into_iter().filter(within).filter(|o| selection.matches(o)).cloned().collect()
    }
}
