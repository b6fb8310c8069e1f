//! The patch of a client-side apply: how it is made, sent, tried again, and what `--force` does instead.
//!
//! Mirrors `k8s.io/kubectl/pkg/cmd/apply/patcher.go`.

use serde_json::Value;

use crate::api::request::{DeleteOptions, Form, PatchType, Propagation, Verb};
use crate::api::{Duration, Object, schema};
use crate::error::{ApiError, Reason};
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::info::Info;
use crate::kubectl::client::{Waited, nothing_due};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::Writing;
use crate::kubectl::session::Session;
use crate::kubectl::verbs::replace::create_one;
use crate::manifest::merge;
use crate::manifest::versions::from_stored;
use crate::printers::go_value::sprint;
use crate::printers::json::to_compact;
use crate::printers::yaml::to_yaml;
use crate::server::tree_with_owners;

/// How often a patch is tried again that came too late.
const MAX_PATCH_RETRY: usize = 5;

/// From which try on it waits before the next.
const TRIES_BEFORE_BACK_OFF: usize = 1;

/// How long it waits then.
const BACK_OFF: Duration = Duration::secs(1);

/// `--force`: how an object that can't be patched is made anew.
#[derive(Debug)]
pub(in crate::kubectl) struct Force {
    pub(in crate::kubectl) propagation: Propagation,
    pub(in crate::kubectl) grace_period: Option<i64>,
    pub(in crate::kubectl) timeout: Duration,
}

/// How patches are made.
#[derive(Debug)]
pub(in crate::kubectl) struct Patcher<'a> {
    /// `--overwrite`: whether the manifest wins over what others made of the object.
    pub(in crate::kubectl) overwrite: bool,
    /// `--openapi-patch`: whether the server's schemas are tried before the built-in ones.
    pub(in crate::kubectl) openapi: bool,
    pub(in crate::kubectl) force: Option<&'a Force>,
    /// Whether the patch is for the version alone that it was made from.
    pub(in crate::kubectl) locked: bool,
    pub(in crate::kubectl) writing: &'a Writing<'a>,
}

/// How it begins what may not change and would.
const PRECONDITION: &str = "precondition failed for: ";

/// A fault, and the patch as far as there is one.
type Failed = (String, Fault);

impl Patcher<'_> {
    /// Brings the live object to what the manifest says; `info` then holds what came of it. Whether there was nothing to
    /// do. Mirrors `Patch`.
    pub(in crate::kubectl) fn patch(
        &self,
        info: &mut Info,
        modified: &Value,
        session: &mut Session<'_>,
    ) -> Result<bool, Failed> {
        let mut outcome = self.patch_simple(info, modified, session);
        for attempt in 1..=MAX_PATCH_RETRY {
            let too_late = |(_, fault): &Failed| fault.reason() == Some(Reason::Conflict);
            if !outcome.as_ref().is_err_and(too_late) {
                break;
            }
            if attempt > TRIES_BEFORE_BACK_OFF {
                let next = session.client.now() + BACK_OFF;
                session.client.sleep_until(next).map_err(|e| (String::new(), e.into()))?;
            }
            info.get(Form::Object, session).map_err(|fault| (String::new(), fault))?;
            outcome = self.patch_simple(info, modified, session);
        }
        let (patch, fault) = match outcome {
            Ok(unchanged) => return Ok(unchanged),
            Err(failed) => failed,
        };
        match self.force {
            Some(force) if matches!(fault.reason(), Some(Reason::Conflict | Reason::Invalid)) => {
                let made = self.delete_and_create(info, modified, force, session);
                // What is told as the patch then is the whole object, as it was encoded: with the end of its line.
                made.map(|()| false).map_err(|fault| (to_compact(modified) + "\n", fault))
            }
            _ => Err((patch, fault.when("patching", &info.source))),
        }
    }

    /// The same without a server. Mirrors `PatchLocal`.
    pub(in crate::kubectl) fn patch_local(
        &self,
        info: &mut Info,
        modified: &Value,
        session: &Session<'_>,
    ) -> Result<bool, Failed> {
        let patch = self.make_patch(info, modified, session).map_err(|fault| (String::new(), fault))?;
        if is_empty(&patch) {
            return Ok(true);
        }
        let api_version = info.api_version();
        let def = schema::of_version(info.kind(), &api_version).unwrap_or_else(|| schema::of(info.kind()));
        let fields = info.tree.as_object().cloned().unwrap_or_default();
        let mut body = patch.as_object().cloned().unwrap_or_default();
        let merged = merge::strategic_merge(def, fields, &mut body).map_err(|e| {
            let text = format!("applying patch locally: {}", ApiError::from(e).message);
            (to_compact(&patch), Fault::plain(text))
        })?;
        info.tree = merged.0;
        Ok(false)
    }

    fn patch_simple(&self, info: &mut Info, modified: &Value, session: &mut Session<'_>) -> Result<bool, Failed> {
        let patch = self.make_patch(info, modified, session).map_err(|fault| (String::new(), fault))?;
        if is_empty(&patch) {
            return Ok(true);
        }
        let mut patch = patch;
        if self.locked {
            patch["metadata"]["resourceVersion"] = info.tree["metadata"]["resourceVersion"].clone();
        }
        let body = to_compact(&patch);
        // Of kinds that it has no types for kubectl knows no better way to merge.
        let form = if info.kind().is_built_in() { PatchType::Strategic } else { PatchType::Merge };
        let verb = Verb::Patch(self.writing.patch_options(), form, body.clone());
        let sent = session.client.send(verb, info.whole()).and_then(|reply| info.refresh(reply, session));
        sent.map(|()| false).map_err(|refused| (body, refused.into()))
    }

    /// The patch that brings the live object to what the manifest says.
    fn make_patch(&self, info: &Info, modified: &Value, session: &Session<'_>) -> Result<Value, Fault> {
        let original = info.tree["metadata"]["annotations"][LAST_APPLIED].as_str();
        let original = original.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        // What others made of the object only counts where they must not be overruled.
        let whole = if self.overwrite { None } else { Some(whole_tree(info, session)?) };
        three_way(info, &original, modified, whole.as_ref())
            .or_else(|text| Err(self.no_patch(info, modified, &text, session)?))
    }

    /// What kubectl says when it can't make a patch: it tries three ways, and then shows all that it tried with.
    fn no_patch(&self, info: &Info, modified: &Value, text: &str, session: &Session<'_>) -> Result<Fault, Fault> {
        let warns = self.openapi && !text.starts_with(PRECONDITION);
        for schema in ["openapi v3 spec", "openapi spec"].iter().filter(|_| warns) {
            session.ui.err(&format!("warning: error calculating patch from {schema}: {text}\n"));
        }
        let original = info.tree["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap_or_default();
        let (current, modified) = (to_compact(&whole_tree(info, session)?), to_compact(modified));
        Ok(Fault::plain(format!(
            "creating patch with:\noriginal:\n{original}\nmodified:\n{modified}\n\ncurrent:\n{current}\n\nfor: {text}"
        )))
    }

    /// Makes the object anew; if that is refused, the old one comes back. Mirrors `deleteAndCreate`.
    fn delete_and_create(
        &self,
        info: &mut Info,
        modified: &Value,
        force: &Force,
        session: &mut Session<'_>,
    ) -> Result<(), Fault> {
        let Some(live) = info.object.clone() else { return Err(Fault::plain("there is no object to replace")) };
        let key = info.key();
        let options = DeleteOptions {
            grace_period: force.grace_period,
            propagation: Some(force.propagation),
            ..DeleteOptions::default()
        };
        session.client.send(Verb::Delete(options), info.whole())?;
        let deadline = session.client.deadline(force.timeout);
        if session.client.wait_until_gone((&key, live.uid()), deadline, nothing_due)? != Waited::Done(()) {
            return Err(Fault::plain("context deadline exceeded"));
        }
        let old = std::mem::replace(&mut info.tree, modified.clone());
        let Err(refused) = create_one(info, self.writing, session) else { return Ok(()) };
        info.tree = old;
        match create_one(info, self.writing, session) {
            Ok(()) => Err(refused),
            Err(again) => Err(Fault::plain(format!(
                "An error occurred force-replacing the existing object with the newly provided one:\n\n{refused}.\n\n\
                 Additionally, an error occurred attempting to restore the original object:\n\n{again}"
            ))),
        }
    }
}

fn is_empty(patch: &Value) -> bool {
    patch.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The object as the server sends it, in the manifest's version.
fn whole_tree(info: &Info, session: &Session<'_>) -> Result<Value, Fault> {
    let live: std::sync::Arc<Object> = session.client.get_with_owners(&info.key())?;
    Ok(from_stored(info.kind(), &info.api_version(), tree_with_owners(&live)))
}

/// The patch, if it does not contradict what others made of the object where that is given whole.
fn three_way(info: &Info, original: &Value, modified: &Value, whole: Option<&Value>) -> Result<Value, String> {
    let text = |e: merge::MergeError| e.to_string();
    let patch = merge::three_way_strategic(info.kind(), original, modified, &info.tree).map_err(text)?;
    // A kind in small letters is found, but is no other kind to change to.
    if merge::changes_identity(&patch) {
        return Err(format!("{PRECONDITION}{}", sprint(&patch)));
    }
    let clash = match whole {
        None => None,
        Some(whole) => merge::conflicting_changes(info.kind(), original, &patch, whole).map_err(text)?,
    };
    match clash {
        None => Ok(patch),
        Some(changes) => Err(format!(
            "patch:\n{}\nconflicts with changes made from original to current:\n{}\n",
            to_yaml(&patch),
            to_yaml(&changes)
        )),
    }
}
