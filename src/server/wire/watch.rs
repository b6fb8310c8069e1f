//! A watch over the wire: first what is there, then what happens, each a line.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/watch.go` and `pkg/storage/cacher`.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use super::accept::As;
use super::order;
use super::write::{self, Include, Style};
use crate::api::request::{ListOptions, Request, Resource, Verb};
use crate::api::{Kind, Object};
use crate::error::{ApiError, FieldError, Reason};
use crate::machine::net::http;
use crate::registry::Selection;
use crate::server::verbs::check_revision;
use crate::server::{Ask, Server, method_not_allowed, status};
use crate::store::Logged;

/// How a watch begins, beside what it selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// With what is there.
    Present,
    /// With what is there, and a bookmark behind it.
    PresentAndBookmark,
    /// After its revision.
    Revision,
}

/// What every watch that has come equally far sees of a kind; read and written out once for all of them.
#[derive(Default)]
pub struct Changes {
    logged: BTreeMap<(Kind, u64), Rc<Vec<Logged>>>,
    texts: BTreeMap<Told, Rc<str>>,
}

/// Which event it is, and how it is told: what is told alike is the same text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    revision: u64,
    what: &'static str,
    api_version: String,
    form: As,
    managed_fields: bool,
}

impl Changes {
    fn after(&mut self, server: &Server, kind: Kind, revision: u64) -> Result<Rc<Vec<Logged>>, ApiError> {
        if let Some(known) = self.logged.get(&(kind, revision)) {
            return Ok(Rc::clone(known));
        }
        let read = Rc::new(server.cluster.store().log_after(kind, revision)?);
        self.logged.insert((kind, revision), Rc::clone(&read));
        Ok(read)
    }

    fn text(&mut self, told: Told, write: impl FnOnce() -> String) -> Rc<str> {
        Rc::clone(self.texts.entry(told).or_insert_with(|| write().into()))
    }
}

/// A watch that somebody follows.
pub struct WatchStream {
    kind: Kind,
    resource: Resource,
    selection: Selection,
    start: Option<Start>,
    revision: u64,
    incarnation: Option<String>,
    style: Style,
    bookmarks: bool,
    /// Whether a table's columns were told.
    told_columns: bool,
    options: ListOptions,
}

/// What comes next of a stream.
#[derive(Debug, Default)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether nothing more will come.
    pub over: bool,
}

impl WatchStream {
    /// Begins a watch.
    ///
    /// # Errors
    /// The refusal of a request that may not, or says what means nothing.
    pub(super) fn begin(
        server: &Server,
        request: &Request,
        http: &http::Request,
        style: Style,
    ) -> Result<WatchStream, ApiError> {
        let Verb::Watch(options) = &request.verb else { return Err(method_not_allowed()) };
        let by = server.judge(request)?;
        let (served, resource) = server.find(request, &mut Vec::new())?;
        let _ = Ask { by: &by, served: &served, resource, accept: request.accept };
        let selection =
            Selection::parse(served.kind, &served.api_version(), &options.label_selector, &options.field_selector)?;
        let bookmarks = is(http, "allowWatchBookmarks");
        let initial = http.parameter("sendInitialEvents").map(|_| is(http, "sendInitialEvents"));
        check_initial(http, initial, bookmarks)?;
        let revision = check_revision(&options.resource_version)?.filter(|revision| *revision > 0);
        let start = match (initial, revision) {
            (Some(true), _) => Start::PresentAndBookmark,
            (Some(false), None) => Start::Revision,
            (_, Some(_)) => Start::Revision,
            (None, None) => Start::Present,
        };
        Ok(WatchStream {
            kind: served.kind,
            resource: resource.clone(),
            selection,
            start: Some(start),
            revision: revision.unwrap_or_else(|| server.cluster.revision()),
            incarnation: server.cluster.incarnation(),
            style,
            bookmarks,
            told_columns: false,
            options: ListOptions { resource_version: String::new(), limit: 0, ..options.clone() },
        })
    }

    /// What happened since it was looked at last.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next(&mut self, server: &Server, changes: &mut Changes) -> Result<Piece, ApiError> {
        let mut piece = Piece::default();
        if server.cluster.incarnation() != self.incarnation {
            // The cluster was made anew: its log tells nothing of what was there.
            return Ok(expired(self.revision, server.cluster.revision()));
        }
        match self.start.take() {
            Some(Start::Revision) if self.revision < server.cluster.compacted() => {
                return Ok(expired(self.revision, server.cluster.compacted()));
            }
            Some(Start::Revision) | None => {}
            Some(start) => {
                let list = server.present(self.kind, &self.resource.namespace, &self.selection);
                for object in &list {
                    self.tell(server, "ADDED", object, &mut piece.bytes);
                }
                self.revision = server.cluster.revision();
                if start == Start::PresentAndBookmark {
                    self.bookmark(true, &mut piece.bytes);
                }
                return Ok(piece);
            }
        }
        let now = server.cluster.revision();
        if now <= self.revision {
            return Ok(piece);
        }
        let logged = changes.after(server, self.kind, self.revision)?;
        for change in logged.iter() {
            self.see(server, change, changes, &mut piece.bytes);
        }
        self.revision = now;
        Ok(piece)
    }

    /// Tells a change, if it is one of what is selected.
    fn see(&mut self, server: &Server, change: &Logged, changes: &mut Changes, out: &mut Vec<u8>) {
        let namespace = &self.resource.namespace;
        if !namespace.is_empty() && change.object.namespace() != namespace {
            return;
        }
        let everything = self.selection.is_everything();
        let selected = !change.gone && (everything || self.selection.matches(&change.object));
        let before = change.replaced && (everything || change.before().is_some_and(|o| self.selection.matches(&o)));
        match (selected, before) {
            (true, false) => self.tell_of(server, "ADDED", &change.object, changes, out),
            (true, true) => self.tell_of(server, "MODIFIED", &change.object, changes, out),
            // What leaves the selection is told as it was, with the revision at which it left.
            (false, true) => {
                let last = if change.gone { Some(change.object.clone()) } else { change.before() };
                if let Some(last) = last {
                    let mut last = (*last).clone();
                    last.meta_mut().resource_version = Some(change.revision.to_string());
                    self.tell_of(server, "DELETED", &last.into(), changes, out);
                }
            }
            (false, false) => {}
        }
    }

    /// Tells a change as others tell it, too.
    fn tell_of(
        &mut self,
        server: &Server,
        what: &'static str,
        object: &Arc<Object>,
        changes: &mut Changes,
        out: &mut Vec<u8>,
    ) {
        let Style { agreed, managed_fields, .. } = self.style;
        if let As::Table(_) = agreed.form {
            // OBSERVATION: a table's columns are told once to each watch.
            return self.tell(server, what, object, out);
        }
        let (revision, api_version) = (object.revision(), self.resource.api_version());
        let told = Told { revision, what, api_version, form: agreed.form, managed_fields };
        let text = changes.text(told, || {
            let text = write::event_object(server, object, what == "DELETED", &self.resource, self.style);
            format!("{{\"type\":\"{what}\",\"object\":{text}}}\n")
        });
        out.extend_from_slice(text.as_bytes());
    }

    fn tell(&mut self, server: &Server, what: &str, object: &Arc<Object>, out: &mut Vec<u8>) {
        let text = match self.style.agreed.form {
            As::Table(_) => {
                let text = write::event_object(server, object, what == "DELETED", &self.resource, self.style);
                // Only the first of a watch's tables tells its columns.
                match std::mem::replace(&mut self.told_columns, true) {
                    false => text,
                    true => without_columns(&text),
                }
            }
            _ => write::event_object(server, object, what == "DELETED", &self.resource, self.style),
        };
        out.extend_from_slice(format!("{{\"type\":\"{what}\",\"object\":{text}}}\n").as_bytes());
    }

    /// Tells how far it has come, if it was asked to.
    pub fn mark(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.bookmarks && self.start.is_none() {
            self.bookmark(false, &mut out);
        }
        out
    }

    fn bookmark(&self, ends_initial: bool, out: &mut Vec<u8>) {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if ends_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.style.agreed.form {
            As::Partial(version) => write::partial(&json!({"metadata": metadata}), version),
            As::Table(version) => json!({
                "kind": "Table",
                "apiVersion": format!("meta.k8s.io/{version}"),
                "metadata": metadata,
                "columnDefinitions": Value::Null,
                "rows": [],
            }),
            _ => json!({"kind": self.kind.name(), "apiVersion": self.resource.api_version(), "metadata": metadata}),
        };
        let text = order::text(&json!({"type": "BOOKMARK", "object": object}), None);
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }

    /// Whether it waits for one object alone.
    pub fn waits_for_one(&self) -> bool {
        self.options.field_selector.contains("metadata.name=")
    }
}

fn without_columns(text: &str) -> String {
    let mut tree: Value = serde_json::from_str(text).unwrap_or_default();
    tree["columnDefinitions"] = Value::Null;
    order::text(&tree, None)
}

fn is(http: &http::Request, name: &str) -> bool {
    http.parameter(name).is_some_and(|value| matches!(value.as_str(), "1" | "true" | "True" | "TRUE" | "t" | "T"))
}

/// What of a table stands beside its rows.
pub(super) fn include(http: &http::Request) -> Include {
    match http.parameter("includeObject").as_deref() {
        Some("None") => Include::None,
        Some("Object") => Include::Object,
        _ => Include::Metadata,
    }
}

/// Mirrors `ValidateListOptions`.
fn check_initial(http: &http::Request, initial: Option<bool>, bookmarks: bool) -> Result<(), ApiError> {
    let matching = http.parameter("resourceVersionMatch").unwrap_or_default();
    let invalid = |fault: FieldError| Err(ApiError::invalid("ListOptions.meta.k8s.io", "", vec![fault]));
    match initial {
        None if !matching.is_empty() => invalid(FieldError::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )),
        Some(_) if matching.is_empty() => invalid(FieldError::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )),
        Some(_) if matching != "NotOlderThan" => {
            invalid(FieldError::not_supported("resourceVersionMatch", matching.as_str(), &["NotOlderThan"]))
        }
        Some(true) if !bookmarks => invalid(FieldError::forbidden(
            "sendInitialEvents",
            "sendInitialEvents requires setting allowWatchBookmarks to true",
        )),
        _ => Ok(()),
    }
}

/// The last event of a watch that began too long ago.
fn expired(asked: u64, oldest: u64) -> Piece {
    let text = format!("too old resource version: {asked} ({oldest})");
    let refusal = ApiError::new(Reason::Expired, text);
    let event = json!({"type": "ERROR", "object": status(&refusal)});
    Piece { bytes: (order::text(&event, None) + "\n").into_bytes(), over: true }
}
