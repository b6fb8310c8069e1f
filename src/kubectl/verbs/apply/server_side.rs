//! `apply --server-side`: the server merges what is applied, by who owns which field.
//!
//! Mirrors the second half of `applyOneObject` in `k8s.io/kubectl/pkg/cmd/apply/apply.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::request::{PatchOptions, PatchType, Resource};
use crate::api::{Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::info::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::{DryRun, PROGRAM, Writing};
use crate::kubectl::session::Session;
use crate::manifest::managed::{Managers, Operation};
use crate::printers::json::to_compact;

/// The manager's name unless the user gives another: the one that takes over from client-side apply.
pub const MANAGER: &str = "kubectl";

/// The manager that keeps the last-applied annotation for those who go back.
const KEEPER: &str = "kubectl-last-applied";

const ADVICE: &str = "
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

/// Sends a manifest to be applied.
///
/// # Errors
/// The server's refusal.
pub fn send(
    info: &Info,
    subresource: &str,
    force: bool,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<Arc<Object>, ApiError> {
    let resource = info.whole().part(subresource);
    let options = PatchOptions { force, ..writing.patch_options() };
    session.client.patch(resource, (PatchType::Apply, &to_compact(&info.tree)), options)
}

/// Applies one manifest; `info` then holds what came of it.
///
/// # Errors
/// The server's refusal; a conflict with what kubectl advises.
pub fn apply(
    info: &mut Info,
    subresource: &str,
    force: bool,
    writing: &Writing<'_>,
    session: &mut Session<'_>,
) -> Result<(), Fault> {
    let manifest = info.clone();
    let applied = send(&manifest, subresource, force, writing, session).map_err(|e| match e.reason {
        Reason::Conflict => Fault::plain(e.message + ADVICE),
        _ => Fault::from(e),
    })?;
    info.refresh_object(applied, session);
    if writing.dry_run == DryRun::Server {
        return Ok(());
    }
    let owned = session.client.get_with_owners(&info.key())?;
    if let Err(e) = keep_last_applied(&owned, writing.manager, session) {
        warn(session, "failed to migrate kubectl.kubernetes.io/last-applied-configuration for", &e);
        return Ok(());
    }
    match upgrade_managers(&info.key(), writing.manager, session) {
        Err(e) => warn(session, "server rejected managed fields migration to", &e),
        Ok(true) => {
            // What was applied before and is not any more goes now, since its owner is known.
            if let Err(e) = send(&manifest, subresource, force, writing, session) {
                let text = "failed to re-apply configuration after performing Server-Side Apply migration. This is \
                            non-fatal and will be retried next time you apply. Error:";
                session.ui.err(&format!("Warning: {text} {}\n", e.message));
            }
        }
        Ok(false) => {}
    }
    let now = session.client.get(&info.key())?;
    info.refresh_object(now, session);
    Ok(())
}

fn warn(session: &Session<'_>, what: &str, e: &ApiError) {
    let rest = "Server-Side Apply. This is non-fatal and will be retried next time you apply. Error:";
    session.ui.err(&format!("Warning: {what} {rest} {}\n", e.message));
}

/// The names of the managers that own the annotation in which kubectl keeps what it applied.
fn owners_of_last_applied(object: &Object, operation: Operation) -> Vec<String> {
    let entries = object.meta().managed_fields.as_deref().unwrap_or_default();
    Managers::decode(entries).owners(operation, &["metadata", "annotations", LAST_APPLIED])
}

/// Makes what client-side apply owns part of what the manager applies, and says whether that changed anything.
///
/// Mirrors `UpgradeManagedFieldsPatch` of `k8s.io/client-go/util/csaupgrade`.
fn upgrade_managers(key: &ObjectKey, manager: &str, session: &mut Session<'_>) -> Result<bool, ApiError> {
    let live = session.client.get_with_owners(key)?;
    let client_side = owners_of_last_applied(&live, Operation::Update);
    let mut managers = Managers::decode(live.meta().managed_fields.as_deref().unwrap_or_default());
    if !managers.upgrade(&client_side, manager) {
        return Ok(false);
    }
    let version = live.meta().resource_version.as_deref().unwrap_or_default();
    let patch = json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": managers.encode()},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]);
    let writing = Writing::by(PROGRAM);
    let patch = (PatchType::Json, &*patch.to_string());
    session.client.patch(Resource::object(key), patch, writing.patch_options()).map(|_| true)
}

/// Has a manager of its own apply the last-applied annotation, so that it does not go with its former owner.
fn keep_last_applied(object: &Object, manager: &str, session: &mut Session<'_>) -> Result<(), ApiError> {
    let Some(text) = object.annotation(LAST_APPLIED).filter(|_| manager == MANAGER) else { return Ok(()) };
    if !owners_of_last_applied(object, Operation::Apply).is_empty() {
        return Ok(());
    }
    let key = object.key();
    let mut config = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.name(),
        "metadata": {"annotations": {LAST_APPLIED: text}, "name": key.name},
    });
    if !key.namespace.is_empty() {
        config["metadata"]["namespace"] = json!(key.namespace);
    }
    let options = Writing::by(KEEPER).patch_options();
    session.client.patch(Resource::object(&key), (PatchType::Apply, &config.to_string()), options).map(|_| ())
}
