//! Server-side apply.
//!
//! Mirrors `applyPatcher` of `k8s.io/apiserver/pkg/endpoints/handlers/patch.go` and the field managers around
//! structured merge (`lastappliedmanager.go`, `lastappliedupdater.go`, `skipnonapplied.go`).

use serde_json::Value;

use super::ownership::reset;
use super::{Answer, Context, Registry};
use crate::api::object::LAST_APPLIED;
use crate::api::request::Agent;
use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, FieldError, Reason};
use crate::manifest::managed::{
    self, Conflicts, FieldSet, Manager, Managers, Operation, Place, compare, field_set, place_of, validate,
};
use crate::manifest::strict;

/// The manager that takes over from client-side apply.
const KUBECTL: &str = "kubectl";

/// The part that shows the replicas of its whole, and who owns them, as another kind. Mirrors `ScaleHandler`.
const SCALE: &str = "scale";

/// The version of that kind.
const SCALE_VERSION: &str = "autoscaling/v1";

/// What an applied configuration makes of an object.
#[derive(Debug, Clone)]
pub struct Applied {
    /// What it becomes; none when nothing changes, neither fields nor their owners.
    object: Option<Object>,
}

impl Applied {
    /// What it becomes; none when nothing changes.
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        self.object.as_mut()
    }
}

impl Registry {
    /// Applies a configuration in the stored version of its kind, and gives back what comes of it, before admission.
    ///
    /// # Errors
    /// `Conflict` when others own fields with other values; faults of the configuration.
    pub fn applied(
        &self,
        key: &ObjectKey,
        config: &Value,
        force: bool,
        context: &Context<'_>,
    ) -> Result<Applied, ApiError> {
        let kind = key.kind;
        let Agent::Client(name) = &context.by.agent else {
            return Err(ApiError::internal("only clients apply"));
        };
        check_applied(key, config, place_of(kind), (&kind.api_version(), kind.name()))?;
        let live = self.view().get(key).cloned();
        let tree = live.as_ref().map_or_else(|| managed::empty_tree(kind), |o| managed::tree_of(o));
        let mut managers = match &live {
            Some(live) => self.managers(live)?,
            None => Managers::default(),
        };
        if live.is_some() {
            self.grant_before_first_apply(&mut managers, kind, &tree, context.subresource);
        }
        let (before, fields) = (managers.encode(), reset(kind, context.subresource));
        let manager = Manager::applying(name, context.subresource);
        let outcome = managers.apply(kind, &tree, config, &manager, (&fields, force), self.now);
        let is_scale = context.subresource == SCALE;
        let new = match outcome {
            Ok(new) => new,
            Err(conflicts) if is_scale => return Err(conflicts.seen_in(SCALE_VERSION).into()),
            Err(conflicts) => match self.rightful(kind, &tree, conflicts, name) {
                Some(conflicts) => return Err(conflicts.into()),
                None => managers.apply(kind, &tree, config, &manager, (&fields, true), self.now)?,
            },
        };
        let mut new = new.unwrap_or_else(|| tree.clone());
        if name == KUBECTL && !is_scale && last_applied(&new).is_some_and(|text| !text.is_empty()) {
            new["metadata"]["annotations"][LAST_APPLIED] = Value::String(configuration(config));
        }
        let entries = managers.encode();
        if live.is_some() && new == tree && entries == before {
            return Ok(Applied { object: None });
        }
        let decoded = strict::decode(kind, &new).map_err(|e| {
            ApiError::invalid("", "", vec![FieldError::invalid("patch", new.to_string(), &e.to_string())])
        })?;
        let mut object = decoded.object;
        object.meta_mut().managed_fields = Some(entries);
        Ok(Applied { object: Some(object) })
    }

    /// Stores what was applied, and gives it back as stored.
    ///
    /// # Errors
    /// `NotFound` for a part of what is not there; any other refusal of the server.
    pub fn put_applied(
        &mut self,
        key: &ObjectKey,
        applied: Applied,
        context: &Context<'_>,
    ) -> Result<Answer, ApiError> {
        let Some(object) = applied.object else { return self.live(key).map(Answer::plain) };
        match self.view().get(key).is_some() {
            true => self.update_owned(object, context),
            false if !context.subresource.is_empty() => Err(ApiError::not_found(&key.kind.resource(), &key.name)),
            false => self.create_owned(object, context),
        }
    }

    /// What nobody is known to have written belongs to a manager of its own before somebody applies. Mirrors
    /// `skipNonAppliedManager`; who applies a `Scale` sees the replicas alone.
    fn grant_before_first_apply(&self, managers: &mut Managers, kind: Kind, live: &Value, subresource: &str) {
        let replicas = &["spec", "replicas"];
        let is_owned =
            [Operation::Apply, Operation::Update].iter().any(|by| !managers.owners(*by, replicas).is_empty());
        let mut empty = managed::empty_tree(kind);
        if subresource == SCALE && !is_owned {
            empty = live.clone();
            empty["spec"].as_object_mut().map(|spec| spec.remove("replicas"));
        } else if *managers != Managers::default() {
            return;
        }
        let manager = Manager::updating(kind, "before-first-apply", "");
        managers.update(kind, &empty, live, manager, &reset(kind, ""), self.now);
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

/// Refuses a configuration that does not fit the schema of what it is applied to, or says who owns its fields.
///
/// # Errors
/// The faults in structured-merge-diff's words.
pub fn check_applied(
    key: &ObjectKey,
    config: &Value,
    place: Place,
    (api_version, kind): (&str, &str),
) -> Result<(), ApiError> {
    validate(config, place).map_err(|text| {
        let (namespace, name) = (&key.namespace, &key.name);
        let core = if api_version.contains('/') { "" } else { "/" };
        let gvk = format!("{core}{api_version}, Kind={kind}");
        let text = format!("failed to create typed patch object ({namespace}/{name}; {gvk}): {text}");
        ApiError::new(Reason::Unknown, text)
    })?;
    match config["metadata"]["managedFields"].is_null() {
        true => Ok(()),
        false => Err(ApiError::new(Reason::BadRequest, "metadata.managedFields must be nil")),
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
