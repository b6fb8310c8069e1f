//! Server-side apply.
//!
//! Mirrors `applyPatcher` of `k8s.io/apiserver/pkg/endpoints/handlers/patch.go` and the field managers around
//! structured merge (`lastappliedmanager.go`, `lastappliedupdater.go`, `skipnonapplied.go`).

use serde_json::Value;

use super::ownership::reset;
use super::{Answer, Context, Registry};
use crate::api::object::LAST_APPLIED;
use crate::api::request::Agent;
use crate::api::{Kind, ObjectKey};
use crate::error::{ApiError, FieldError, Reason};
use crate::manifest::managed::{self, Conflicts, FieldSet, Manager, Managers, compare, field_set, place_of, validate};
use crate::manifest::strict;

/// The manager that takes over from client-side apply.
const KUBECTL: &str = "kubectl";

impl Registry {
    /// Applies a configuration in the stored version of its kind, and gives back the object as stored.
    ///
    /// # Errors
    /// `Conflict` when others own fields with other values; any other refusal of the server.
    pub fn apply(
        &mut self,
        key: &ObjectKey,
        config: &Value,
        force: bool,
        context: &Context<'_>,
    ) -> Result<Answer, ApiError> {
        let kind = key.kind;
        let Agent::Client(name) = &context.by.agent else {
            return Err(ApiError::internal("only clients apply"));
        };
        validate(config, place_of(kind)).map_err(|text| {
            let (namespace, name) = (&key.namespace, &key.name);
            let gvk = format!("{}, Kind={}", kind.api_version(), kind.name());
            let gvk = if kind.group().is_empty() { format!("/{gvk}") } else { gvk };
            let text = format!("failed to create typed patch object ({namespace}/{name}; {gvk}): {text}");
            ApiError::new(Reason::Unknown, text)
        })?;
        if !config["metadata"]["managedFields"].is_null() {
            return Err(ApiError::new(Reason::BadRequest, "metadata.managedFields must be nil"));
        }
        let live = self.view().get(key).cloned();
        let tree = live.as_ref().map_or_else(|| managed::empty_tree(kind), |o| managed::tree_of(o));
        let mut managers = match &live {
            Some(live) => self.managers(live)?,
            None => Managers::default(),
        };
        if live.is_some() && managers == Managers::default() {
            let manager = Manager::updating(kind, "before-first-apply", "");
            managers.update(kind, &managed::empty_tree(kind), &tree, manager, &reset(kind, ""), self.now);
        }
        let (before, fields) = (managers.encode(), reset(kind, context.subresource));
        let manager = Manager::applying(name, context.subresource);
        let outcome = managers.apply(kind, &tree, config, &manager, (&fields, force), self.now);
        let new = match outcome {
            Ok(new) => new,
            Err(conflicts) => match self.rightful(kind, &tree, conflicts, name) {
                Some(conflicts) => return Err(conflicts.into()),
                None => managers.apply(kind, &tree, config, &manager, (&fields, true), self.now)?,
            },
        };
        let mut new = new.unwrap_or_else(|| tree.clone());
        if name == KUBECTL && last_applied(&new).is_some_and(|text| !text.is_empty()) {
            new["metadata"]["annotations"][LAST_APPLIED] = Value::String(configuration(config));
        }
        let entries = managers.encode();
        if let Some(live) = live.filter(|_| new == tree && entries == before) {
            return Ok(Answer::plain(live));
        }
        let decoded = strict::decode(kind, &new).map_err(|e| {
            ApiError::invalid("", "", vec![FieldError::invalid("patch", new.to_string(), &e.to_string())])
        })?;
        let mut object = decoded.object;
        object.meta_mut().managed_fields = Some(entries);
        match self.view().get(key).is_some() {
            true => self.update_owned(object, context),
            false if !context.subresource.is_empty() => Err(ApiError::not_found(&kind.resource(), &key.name)),
            false => self.create_owned(object, context),
        }
    }

    /// Conflicts that remain when kubectl takes over what it applied itself, on the client's side, and nobody changed.
    fn rightful(&self, kind: Kind, live: &Value, conflicts: Conflicts, manager: &str) -> Option<Conflicts> {
        let applied = || -> Option<FieldSet> {
            let applied: Value = serde_json::from_str(last_applied(live).filter(|t| !t.is_empty())?).ok()?;
            if applied["apiVersion"].as_str() != Some(&kind.api_version()) {
                return None;
            }
            let changes = compare(&applied, live, place_of(kind));
            let changed = changes.modified.union(&changes.added).union(&changes.removed);
            Some(field_set(&applied, place_of(kind)).difference(&changed))
        };
        match applied().filter(|_| manager == KUBECTL) {
            Some(applied) => conflicts.beyond(&applied),
            None => Some(conflicts),
        }
    }
}

fn last_applied(tree: &Value) -> Option<&str> {
    tree["metadata"]["annotations"][LAST_APPLIED].as_str()
}

/// A configuration as the annotation keeps it.
fn configuration(config: &Value) -> String {
    let mut bare = config.clone();
    if let Some(annotations) = bare.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    // Go's encoder escapes what HTML would take for markup.
    let text = bare.to_string().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    text + "\n"
}
