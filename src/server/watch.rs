//! `watch`: the changes of what a request selects, in the order of their revisions.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/watch.go` and `pkg/storage/etcd3/watcher.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Ask, Server, method_not_allowed};
use crate::api::request::{ListOptions, Request, Verb};
use crate::api::{Kind, Object};
use crate::error::ApiError;
use crate::registry::Selection;
use crate::server::verbs::check_revision;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// It was made, or is selected now.
    Added,
    /// It was changed.
    Modified,
    /// It was removed, or is no longer selected; the object is as it was last.
    Deleted,
}

impl EventType {
    /// The type as it goes over the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Added => "ADDED",
            EventType::Modified => "MODIFIED",
            EventType::Deleted => "DELETED",
        }
    }
}

/// A change of an object.
#[derive(Debug, Clone)]
pub struct WatchEvent {
    /// What happened.
    pub event: EventType,
    /// To what.
    pub object: Arc<Object>,
}

/// A watch: what it selects, and how far it has come.
#[derive(Debug)]
pub struct Watch {
    kind: Kind,
    namespace: String,
    selection: Selection,
    revision: u64,
    /// Which cluster the revision is one of.
    incarnation: Option<String>,
    /// What is selected, as it was seen last, by uid.
    known: BTreeMap<String, Arc<Object>>,
}

impl Server {
    /// Begins a watch after the revision that the options name, or now.
    ///
    /// # Errors
    /// Those of a list.
    pub fn watch(&self, request: &Request) -> Result<Watch, ApiError> {
        let Verb::Watch(options) = &request.verb else { return Err(method_not_allowed()) };
        let by = self.judge(request)?;
        let (served, resource) = self.find(request, &mut Vec::new())?;
        let ask = Ask { by: &by, served: &served, resource, accept: request.accept };
        let now = self.select(&ask, &ListOptions { resource_version: String::new(), limit: 0, ..options.clone() })?;
        let selection =
            Selection::parse(served.kind, &served.api_version(), &options.label_selector, &options.field_selector)?;
        let known = now.items.into_iter().map(|o| (o.uid().to_string(), o)).collect();
        let revision = check_revision(&options.resource_version)?.unwrap_or(now.revision).min(now.revision);
        let (kind, namespace) = (served.kind, resource.namespace.clone());
        let incarnation = self.cluster.incarnation();
        let mut watch = Watch { kind, namespace, selection, revision, incarnation, known };
        // What has changed since the revision is told first, so it must not count as known.
        for (_, object, _) in self.cluster.store().changes_after(watch.kind, revision)? {
            watch.known.remove(object.uid());
        }
        Ok(watch)
    }

    /// What happened since the watch was looked at last.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn events(&self, watch: &mut Watch) -> Result<Vec<WatchEvent>, ApiError> {
        let (revision, incarnation) = (self.cluster.revision(), self.cluster.incarnation());
        if incarnation != watch.incarnation {
            // The cluster was made anew: nothing of what was known is there, and its log tells nothing of it.
            (watch.revision, watch.incarnation) = (revision, incarnation);
            let gone = std::mem::take(&mut watch.known).into_values();
            let mut events: Vec<_> = gone.map(|object| WatchEvent { event: EventType::Deleted, object }).collect();
            events.extend(self.cluster.view().list(watch.kind).filter_map(|o| watch.see(Arc::clone(o), false)));
            return Ok(events);
        }
        if revision == watch.revision {
            return Ok(Vec::new());
        }
        let changes = self.cluster.store().changes_after(watch.kind, watch.revision)?;
        watch.revision = revision;
        Ok(changes.into_iter().filter_map(|(_, object, gone)| watch.see(Arc::new(object), gone)).collect())
    }
}

impl Watch {
    /// Whether the object of that uid was there, and selected, when the watch was looked at last.
    pub fn knows(&self, uid: &str) -> bool {
        self.known.contains_key(uid)
    }

    /// What was there, and selected, when the watch was looked at last.
    pub fn known(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.known.values()
    }

    /// What a change is to this watch; none for what it does not select.
    fn see(&mut self, object: Arc<Object>, gone: bool) -> Option<WatchEvent> {
        if !self.namespace.is_empty() && object.namespace() != self.namespace {
            return None;
        }
        let selected = !gone && self.selection.matches(&object);
        let before = self.known.get(object.uid()).cloned();
        Some(match (selected, before) {
            (true, before) => {
                self.known.insert(object.uid().to_string(), Arc::clone(&object));
                WatchEvent { event: if before.is_some() { EventType::Modified } else { EventType::Added }, object }
            }
            // OBSERVATION: what leaves the selection is told as it was, like what is deleted.
            (false, Some(before)) => {
                self.known.remove(object.uid());
                WatchEvent { event: EventType::Deleted, object: before }
            }
            (false, None) => return None,
        })
    }
}
