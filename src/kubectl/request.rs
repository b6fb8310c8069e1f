//! What several verbs ask of the server: decode a manifest, patch an object, `--dry-run`, `--validate`.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Kind, Object};
use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;
use crate::manifest::merge::server::{self, PatchType};
use crate::manifest::strict::{self, FieldValidation};

/// `--dry-run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// Do it.
    None,
    /// Only print what would be sent.
    Client,
    /// Send it, but store nothing.
    Server,
}

impl DryRun {
    /// Reads the flag's value.
    ///
    /// # Errors
    /// kubectl's text for another value.
    pub fn parse(text: &str) -> Result<DryRun, Failure> {
        match text {
            "none" | "false" => Ok(DryRun::None),
            "client" | "true" | "unchanged" => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            other => Err(Failure::error(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }

    /// What kubectl adds to the line that says what was done.
    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }
}

/// `--validate`: what happens to fields that the server doesn't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validate {
    /// They are an error.
    Strict,
    /// They are a warning.
    Warn,
    /// They are dropped.
    Ignore,
}

impl Validate {
    /// The server's own name for it.
    pub fn field_validation(self) -> FieldValidation {
        match self {
            Validate::Strict => FieldValidation::Strict,
            Validate::Warn => FieldValidation::Warn,
            Validate::Ignore => FieldValidation::Ignore,
        }
    }

    /// Reads the flag's value.
    ///
    /// # Errors
    /// kubectl's text for another value.
    pub fn parse(text: &str) -> Result<Validate, Failure> {
        match text {
            "strict" | "true" => Ok(Validate::Strict),
            "warn" => Ok(Validate::Warn),
            "ignore" | "false" => Ok(Validate::Ignore),
            other => Err(Failure::error(format!(
                "invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"
            ))),
        }
    }
}

/// Reads a manifest as the server does: types, unknown fields, Go's normal form.
///
/// # Errors
/// `BadRequest` with the decoder's text.
pub fn decode(
    session: &mut Session<'_>,
    kind: Kind,
    api_version: &str,
    tree: &Value,
    validate: Validate,
) -> Result<Object, Fault> {
    let bad = |text: String| Fault::from(ApiError::new(Reason::BadRequest, text));
    let decoded = strict::decode_version(kind, api_version, tree)
        .map_err(|e| bad(strict::bad_request_message(kind, api_version, e)))?;
    if !decoded.unknown.is_empty() {
        match validate {
            Validate::Strict => {
                let text = strict::strict_message(&decoded.unknown);
                return Err(bad(strict::bad_request_message(kind, api_version, text)));
            }
            Validate::Warn => session.warn(decoded.unknown),
            Validate::Ignore => {}
        }
    }
    Ok(decoded.object)
}

/// Sends a patch and stores what it makes of the object.
///
/// # Errors
/// The server's refusal.
pub fn patch(
    session: &mut Session<'_>,
    live: &Object,
    patch_type: PatchType,
    body: &str,
    validate: Validate,
    dry_run: DryRun,
) -> Result<Arc<Object>, Fault> {
    patch_version(session, live, &live.kind().api_version(), patch_type, body, validate, dry_run)
}

/// The same, where the patch is about a version of the kind that need not be the stored one.
///
/// # Errors
/// The server's refusal.
pub fn patch_version(
    session: &mut Session<'_>,
    live: &Object,
    api_version: &str,
    patch_type: PatchType,
    body: &str,
    validate: Validate,
    dry_run: DryRun,
) -> Result<Arc<Object>, Fault> {
    // The server patches what it has by now; a client that minds says which version it means in the patch.
    let Some(live) = session.cluster.view().get(&live.key()).cloned() else {
        return Err(ApiError::not_found(&live.kind().resource(), live.name()).into());
    };
    session.authorize_on("patch", &live.key())?;
    let live = if body.contains("managedFields") { session.cluster.with_owners(&live)? } else { live };
    let patched = server::patch_version(&live, api_version, patch_type, body, validate.field_validation())?;
    session.warn(patched.warnings);
    let answer = match dry_run {
        DryRun::None => session.cluster.update(patched.object),
        _ => session.cluster.update_dry_run(patched.object),
    };
    session.print_warnings();
    Ok(answer?)
}
