//! From what a user writes to kinds and objects: `pv,pvc,sc`, `deploy/web`, `pods -l app=x`, `--all`.
//!
//! Mirrors `k8s.io/cli-runtime/pkg/resource/builder.go`.

use std::sync::Arc;

use serde_json::Value;

use super::mapper::{find_kind, find_kinds, no_such_type};
use crate::api::Object;
use crate::api::request::ListOptions;
use crate::error::{ApiError, Reason};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::server::served::Served;

/// In pieces of how many objects lists are read.
const CHUNK: u64 = 500;

/// What a command's arguments and flags ask for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The positional arguments.
    pub args: Vec<String>,
    /// `-l`.
    pub selector: Option<String>,
    /// `--field-selector`.
    pub field_selector: Option<String>,
    /// `--all`.
    pub all: bool,
    /// `-A`.
    pub all_namespaces: bool,
    /// Whether types alone mean all their objects (`get`, `describe`) or are an error (`delete`).
    pub types_alone_mean_all: bool,
}

/// What was asked for, resolved: kinds, and names where they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All objects of these kinds that the selectors let through.
    Kinds(Vec<Served>),
    /// Single objects.
    Names(Vec<(Served, String)>),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects, in the order in which they were asked for.
    pub objects: Vec<Arc<Object>>,
    /// What was not found, or could not be asked.
    pub faults: Vec<Fault>,
    /// Whether single objects were named (their `-o yaml` is then no List).
    pub named: bool,
    /// What was looked at, each once.
    pub kinds: Vec<Served>,
}

const SEPARATE: &str = "there is no need to specify a resource type as a separate argument when passing arguments in \
     resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource \
     resource/<resource_name>'";

impl Query {
    /// Resolves the arguments to kinds and names.
    ///
    /// # Errors
    /// When the arguments contradict each other or name an unknown type.
    pub fn target(&self, minor: u32) -> Result<Target, Fault> {
        let selects =
            self.selector.as_deref().is_some_and(|s| !s.is_empty()) || self.field_selector.is_some() || self.all;
        if self.args.iter().any(|a| a.contains('/')) {
            return self.combined(selects, minor);
        }
        let Some((types, names)) = self.args.split_first() else {
            return Err(Fault::plain("You must provide one or more resources by argument or filename."));
        };
        if names.is_empty() {
            let kinds = find_kinds(minor, types, true)?;
            if !selects && !self.types_alone_mean_all {
                return Err(Fault::plain("resource(s) were provided, but no name was specified"));
            }
            return Ok(Target::Kinds(kinds));
        }
        if self.all_namespaces {
            return Err(Fault::plain("a resource cannot be retrieved by name across all namespaces"));
        }
        if selects {
            return Err(Fault::plain("name cannot be provided when a selector is specified"));
        }
        let kinds = find_kinds(minor, types, false)?;
        let each = kinds.iter().flat_map(|k| names.iter().map(|n| (*k, n.clone())));
        Ok(Target::Names(each.collect()))
    }

    fn combined(&self, selects: bool, minor: u32) -> Result<Target, Fault> {
        let mut names = Vec::new();
        for arg in &self.args {
            let Some((kind, name)) = arg.split_once('/') else { return Err(Fault::plain(SEPARATE)) };
            if name.contains('/') {
                let text = "arguments in resource/name form may not have more than one slash";
                return Err(Fault::plain(text));
            }
            if kind.is_empty() || name.is_empty() || kind.contains(',') {
                let text = "arguments in resource/name form must have a single resource and name";
                return Err(Fault::plain(text));
            }
            names.push((find_kind(minor, kind).ok_or_else(|| no_such_type(kind))?, name.to_string()));
        }
        if self.all_namespaces {
            return Err(Fault::plain("a resource cannot be retrieved by name across all namespaces"));
        }
        if selects {
            return Err(Fault::plain("name cannot be provided when a selector is specified"));
        }
        Ok(Target::Names(names))
    }

    /// Looks the objects up.
    ///
    /// # Errors
    /// When the arguments can't be resolved. What is not there is a fault in `Found`.
    pub fn find(&self, session: &Session<'_>) -> Result<Found, Fault> {
        match self.target(session.client.minor())? {
            Target::Names(names) => Ok(self.find_named(session, &names)),
            Target::Kinds(kinds) => {
                let mut found = Found::default();
                for served in kinds {
                    match self.list(session, served) {
                        Ok(objects) => found.add(served, objects),
                        Err(fault) => found.faults.push(fault),
                    }
                }
                Ok(found)
            }
        }
    }

    /// The selectors of `-l` and `--field-selector` as the server takes them.
    pub fn options(&self) -> ListOptions {
        ListOptions {
            label_selector: self.selector.clone().unwrap_or_default(),
            field_selector: self.field_selector.clone().unwrap_or_default(),
            limit: CHUNK,
            ..ListOptions::default()
        }
    }

    /// The objects of one kind that the flags ask for.
    ///
    /// # Errors
    /// The server's refusal; what it says of selectors comes with them.
    pub fn list(&self, session: &Session<'_>, served: Served) -> Result<Vec<Arc<Object>>, Fault> {
        let options = self.options();
        let namespace = if self.all_namespaces || !served.namespaced { "" } else { session.namespace.as_str() };
        session.client.list_at(&served.within(namespace), &options).map_err(|e| named_selectors(e, served, &options))
    }

    fn find_named(&self, session: &Session<'_>, names: &[(Served, String)]) -> Found {
        let mut found = Found { named: true, ..Found::default() };
        for (served, name) in names {
            if name.is_empty() {
                found.faults.push(Fault::plain("resource name may not be empty"));
                continue;
            }
            match session.client.get_at(served.resource_of(&session.key(served.kind, name))) {
                Ok(object) => found.add(*served, vec![object]),
                Err(refused) => found.faults.push(refused.into()),
            }
        }
        found
    }
}

impl Found {
    /// Adds objects of a kind, or that there are none.
    pub fn add(&mut self, served: Served, objects: Vec<Arc<Object>>) {
        if !self.kinds.contains(&served) {
            self.kinds.push(served);
        }
        self.objects.extend(objects);
    }

    /// An object in the version in which it was asked for, as `-o json` and `-o yaml` show it.
    pub fn tree(&self, object: &Object, session: &Session<'_>) -> Value {
        let version = self.version_of(object).map(|served| served.api_version());
        session.tree_in(object, &version.unwrap_or_default())
    }

    /// What an object was asked for as.
    pub fn version_of(&self, object: &Object) -> Option<&Served> {
        self.kinds.iter().find(|served| served.kind == object.kind())
    }
}

/// What kubectl makes of a refusal of selectors. Mirrors `Selector.Visit`.
fn named_selectors(refused: ApiError, served: Served, options: &ListOptions) -> Fault {
    let (labels, fields) = (&options.label_selector, &options.field_selector);
    if refused.reason != Reason::BadRequest || labels.is_empty() && fields.is_empty() {
        return refused.into();
    }
    let resource = format!("{}/{}, Resource={}", served.group, served.version, served.plural);
    let message = format!(
        "Unable to find {resource:?} that match label selector {labels:?}, field selector {fields:?}: {}",
        refused.message
    );
    ApiError { message, ..refused }.into()
}
