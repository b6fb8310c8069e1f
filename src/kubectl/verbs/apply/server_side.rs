//! `apply --server-side`: the server merges what is applied, by who owns which field.
//!
//! Mirrors the second half of `applyOneObject` in `k8s.io/kubectl/pkg/cmd/apply/apply.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::{Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kubectl::annotation::LAST_APPLIED;
use crate::kubectl::builder::files::Info;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::request::DryRun;
use crate::kubectl::session::Session;
use crate::manifest::managed::Operation;
use crate::manifest::versions::to_stored;
use crate::sim::ApplyOptions;

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

/// Applies one manifest.
///
/// # Errors
/// The server's refusal; a conflict with what kubectl advises.
pub fn apply(
    info: &Info,
    (manager, subresource): (Option<&str>, &str),
    force: bool,
    dry_run: DryRun,
    session: &mut Session<'_>,
) -> Result<Arc<Object>, Fault> {
    let key = ObjectKey::new(info.kind, info.namespace.clone(), info.name.clone());
    let config = to_stored(info.kind, &info.api_version, &info.tree);
    let manager = manager.unwrap_or(MANAGER);
    let options = ApplyOptions { manager, subresource, force, dry_run: dry_run == DryRun::Server };
    authorize(&key, session)?;
    let answer = session.cluster.apply(&key, &config, options);
    session.print_warnings();
    let applied = answer.map_err(|e| match e.reason {
        Reason::Conflict => Fault::plain(e.message + ADVICE),
        _ => Fault::from(e),
    })?;
    if dry_run == DryRun::Server {
        return Ok(applied);
    }
    if let Err(e) = keep_last_applied(&applied, manager, session) {
        warn(session, "failed to migrate kubectl.kubernetes.io/last-applied-configuration for", &e);
        return Ok(applied);
    }
    let client_side = session.cluster.owners_of_last_applied(&current(session, applied), Operation::Update)?;
    match session.cluster.upgrade_managers(&key, &client_side, manager) {
        Err(e) => warn(session, "server rejected managed fields migration to", &e),
        Ok(true) => {
            // What was applied before and is not any more goes now, since its owner is known.
            if let Err(e) = session.cluster.apply(&key, &config, options) {
                let text = "failed to re-apply configuration after performing Server-Side Apply migration. This is \
                            non-fatal and will be retried next time you apply. Error:";
                session.ui.err(&format!("Warning: {text} {}\n", e.message));
            }
        }
        Ok(false) => {}
    }
    let object = session.cluster.view().get(&key).cloned();
    object.ok_or_else(|| ApiError::not_found(&key.kind.resource(), &key.name).into())
}

/// Who applies may patch, and create what is not there.
///
/// # Errors
/// `Forbidden`.
pub fn authorize(key: &ObjectKey, session: &Session<'_>) -> Result<(), ApiError> {
    session.authorize_on("patch", key)?;
    match session.cluster.view().get(key) {
        Some(_) => Ok(()),
        None => session.authorize_on("create", key),
    }
}

fn warn(session: &Session<'_>, what: &str, e: &ApiError) {
    let rest = "Server-Side Apply. This is non-fatal and will be retried next time you apply. Error:";
    session.ui.err(&format!("Warning: {what} {rest} {}\n", e.message));
}

/// The object as it is now; another request may have changed it since.
fn current(session: &Session<'_>, object: Arc<Object>) -> Arc<Object> {
    session.cluster.view().get(&object.key()).cloned().unwrap_or(object)
}

/// Has a manager of its own apply the last-applied annotation, so that it does not go with its former owner.
fn keep_last_applied(object: &Arc<Object>, manager: &str, session: &mut Session<'_>) -> Result<(), ApiError> {
    let Some(text) = object.annotation(LAST_APPLIED).filter(|_| manager == MANAGER) else { return Ok(()) };
    if !session.cluster.owners_of_last_applied(object, Operation::Apply)?.is_empty() {
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
    let options = ApplyOptions { manager: KEEPER, subresource: "", force: false, dry_run: false };
    session.cluster.apply(&key, &config, options).map(|_| ())
}
