//! From what a user writes to kinds and objects: `pv,pvc,sc`, `deploy/web`, `pods -l app=x`, `--all`.
//!
//! Mirrors `k8s.io/cli-runtime/pkg/resource/builder.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::selector::{FieldSelector, Selector};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kinds;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;

/// The kind of a name such as `pvc`, `statefulsets`, `deployment.apps` or `pods.v1.`.
pub fn find_kind(name: &str) -> Option<Kind> {
    let lower = name.to_ascii_lowercase();
    let (resource, rest) = lower.split_once('.').unwrap_or((lower.as_str(), ""));
    let grouped = |k: &Kind| {
        rest.is_empty()
            || rest == k.group()
            || rest.strip_suffix('.').unwrap_or(rest) == k.version() && k.group().is_empty()
            || rest
                .split_once('.')
                .is_some_and(|(v, g)| g == k.group() && (v == k.version() || is_other_version(*k, v)))
            || (!k.group().is_empty() && !rest.contains('.') && k.group().split('.').next() == Some(rest))
    };
    Kind::ALL.iter().copied().find(|k| k.is_called(resource) && grouped(k))
}

/// Whether the server offers the kind in that version besides the one it stores.
fn is_other_version(kind: Kind, version: &str) -> bool {
    kind == Kind::HorizontalPodAutoscaler && version == "v1"
}

/// The text for a type that the server doesn't have.
pub fn no_such_type(name: &str) -> Fault {
    let mut parts = name.splitn(3, '.');
    let (resource, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    Fault::plain(match (second, third) {
        (Some(version), Some(group))
            if version.starts_with('v') && version[1..].starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("the server doesn't have a resource type {resource:?} in group {group:?} and version {version:?}")
        }
        (Some(_), _) => {
            let group = name.split_once('.').map(|(_, g)| g).unwrap_or_default();
            format!("the server doesn't have a resource type {resource:?} in group {group:?}")
        }
        _ => format!("the server doesn't have a resource type {resource:?}"),
    })
}

/// The kinds of a comma-separated list; categories such as `all` stand for their members.
///
/// # Errors
/// When the server doesn't have one of them.
pub fn find_kinds(list: &str, categories: bool) -> Result<Vec<Kind>, Fault> {
    let mut kinds: Vec<Kind> = Vec::new();
    for name in list.split(',') {
        let members: Vec<Kind> = match categories {
            true => members_of_category(name),
            false => Vec::new(),
        };
        if members.is_empty() {
            kinds.push(find_kind(name).ok_or_else(|| no_such_type(name))?);
        } else {
            kinds.extend(members);
        }
    }
    Ok(kinds)
}

/// The kinds of a category in the order in which kubectl lists them.
fn members_of_category(name: &str) -> Vec<Kind> {
    Kind::ALL.iter().copied().filter(|k| k.categories().contains(&name)).collect()
}

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
    /// Whether objects that are named are asked for first; a deletion does not.
    pub unasked: bool,
    /// Whether types alone mean all their objects (`get`, `describe`) or are an error (`delete`).
    pub types_alone_mean_all: bool,
}

/// What was asked for, resolved: kinds, and names where they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All objects of these kinds that the selectors let through.
    Kinds(Vec<Kind>),
    /// Single objects.
    Names(Vec<(Kind, String)>),
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
    /// How many kinds were asked for.
    pub kinds: Vec<Kind>,
}

const SEPARATE: &str = "there is no need to specify a resource type as a separate argument when passing arguments in \
     resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource \
     resource/<resource_name>'";

impl Query {
    /// Resolves the arguments to kinds and names.
    ///
    /// # Errors
    /// When the arguments contradict each other or name an unknown type.
    pub fn target(&self) -> Result<Target, Fault> {
        let selects =
            self.selector.as_deref().is_some_and(|s| !s.is_empty()) || self.field_selector.is_some() || self.all;
        if self.args.iter().any(|a| a.contains('/')) {
            return self.combined(selects);
        }
        let Some((types, names)) = self.args.split_first() else {
            return Err(Fault::plain("You must provide one or more resources by argument or filename."));
        };
        if names.is_empty() {
            let kinds = find_kinds(types, true)?;
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
        let kinds = find_kinds(types, false)?;
        let each = kinds.iter().flat_map(|k| names.iter().map(|n| (*k, n.clone())));
        Ok(Target::Names(each.collect()))
    }

    fn combined(&self, selects: bool) -> Result<Target, Fault> {
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
            names.push((find_kind(kind).ok_or_else(|| no_such_type(kind))?, name.to_string()));
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
        match self.target()? {
            Target::Names(names) => Ok(find_named(session, &names, if self.unasked { "delete" } else { "get" })),
            Target::Kinds(kinds) => {
                let mut found = Found { kinds: kinds.clone(), ..Found::default() };
                for kind in kinds {
                    match self.list(session, kind) {
                        Ok(objects) => found.objects.extend(objects),
                        Err(fault) => found.faults.push(fault),
                    }
                }
                Ok(found)
            }
        }
    }

    /// The objects of one kind that the flags ask for.
    ///
    /// # Errors
    /// When a selector can't be read.
    pub fn list(&self, session: &Session<'_>, kind: Kind) -> Result<Vec<Arc<Object>>, Fault> {
        session.authorize("list", kind, "", self.all_namespaces)?;
        let filter = self.filter(kind)?;
        let view = session.cluster.view();
        let objects: Vec<&Arc<Object>> = match kind.is_namespaced() && !self.all_namespaces {
            true => view.list_in(kind, &session.namespace).collect(),
            false => view.list(kind).collect(),
        };
        Ok(objects.into_iter().filter(|o| filter.matches(o)).cloned().collect())
    }

    /// The selectors of `-l` and `--field-selector`, read for a kind.
    ///
    /// # Errors
    /// When one can't be read, or names a field that the kind can't be selected by.
    pub fn filter(&self, kind: Kind) -> Result<Filter, Fault> {
        let (labels, fields) =
            (self.selector.clone().unwrap_or_default(), self.field_selector.clone().unwrap_or_default());
        let refuse = |detail: String| {
            let group = if kind.group().is_empty() { String::new() } else { kind.group().to_string() };
            let resource = format!("{group}/{}, Resource={}", kind.version(), kind.plural());
            let text = format!(
                "Unable to find {resource:?} that match label selector {labels:?}, field selector {fields:?}: {detail}"
            );
            Fault::from(ApiError::new(Reason::BadRequest, text))
        };
        let selector = Selector::parse(&labels).map_err(|e| refuse(e.to_string()))?;
        let field_selector = FieldSelector::parse(&fields).map_err(|e| refuse(e.to_string()))?;
        if let Some(unknown) = kinds::shared::print::unknown_field(kind, &field_selector) {
            return Err(refuse(unknown));
        }
        Ok(Filter { labels: selector, fields: field_selector })
    }
}

/// What objects must look like to be shown.
pub struct Filter {
    labels: Selector,
    fields: FieldSelector,
}

impl Filter {
    /// Whether an object passes that has these labels, whatever its fields.
    pub fn matches_labels(&self, labels: Option<&serde_json::Map<String, serde_json::Value>>) -> bool {
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_string();
        let labels: BTreeMap<String, String> =
            labels.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect();
        self.labels.matches(&labels)
    }

    /// Whether an object passes.
    pub fn matches(&self, object: &Object) -> bool {
        let empty = BTreeMap::new();
        self.labels.matches(object.meta().labels.as_ref().unwrap_or(&empty))
            && self.fields.matches(|path| kinds::shared::print::selectable_field(object, path).unwrap_or_default())
    }
}

fn find_named(session: &Session<'_>, names: &[(Kind, String)], verb: &str) -> Found {
    let mut found = Found { named: true, ..Found::default() };
    for (kind, name) in names {
        if !found.kinds.contains(kind) {
            found.kinds.push(*kind);
        }
        if name.is_empty() {
            found.faults.push(Fault::plain("resource name may not be empty"));
            continue;
        }
        if let Err(refused) = session.authorize(verb, *kind, name, false) {
            found.faults.push(refused);
            continue;
        }
        match session.cluster.view().get(&session.key(*kind, name)) {
            Some(object) => found.objects.push(Arc::clone(object)),
            None => found.faults.push(ApiError::not_found(&kind.resource(), name).into()),
        }
    }
    found
}

impl Session<'_> {
    /// The key of a name in the session's namespace, or in none.
    pub fn key(&self, kind: Kind, name: &str) -> ObjectKey {
        let namespace = if kind.is_namespaced() { self.namespace.as_str() } else { "" };
        ObjectKey::new(kind, namespace, name)
    }
}
