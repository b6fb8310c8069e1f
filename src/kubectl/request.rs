//! How verbs write: `--dry-run`, `--validate`, and under which name.

use std::sync::Arc;

use crate::api::Object;
use crate::api::request::{FieldValidation, PatchOptions, PatchType, Resource, WriteOptions};
use crate::error::Failure;
pub use crate::kubectl::client::PROGRAM;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;

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
            "none" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(DryRun::None),
            "client" | "unchanged" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(DryRun::Client),
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Validate {
    /// They are an error.
    Strict,
    /// They are a warning.
    Warn,
    /// They are dropped.
    #[default]
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

/// How something is written.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// Under which name the fields are owned.
    pub manager: &'a str,
    /// `--dry-run`; what is only printed is not sent at all.
    pub dry_run: DryRun,
    /// `--validate`.
    pub validate: Validate,
}

impl<'a> Writing<'a> {
    /// A write that lasts, and that does not mind unknown fields.
    pub fn by(manager: &'a str) -> Writing<'a> {
        Writing { manager, dry_run: DryRun::None, validate: Validate::Ignore }
    }

    /// The same with `--dry-run`.
    pub fn dry_run(self, dry_run: DryRun) -> Writing<'a> {
        Writing { dry_run, ..self }
    }

    /// The same with `--validate`.
    pub fn validate(self, validate: Validate) -> Writing<'a> {
        Writing { validate, ..self }
    }

    /// As the server takes it.
    pub fn options(&self) -> WriteOptions {
        WriteOptions {
            dry_run: self.dry_run == DryRun::Server,
            field_manager: self.manager.to_string(),
            field_validation: self.validate.field_validation(),
            faults: Vec::new(),
        }
    }

    /// As the server takes it for a patch.
    pub fn patch_options(&self) -> PatchOptions {
        PatchOptions { write: self.options(), force: false }
    }
}

/// Sends a patch of an object.
///
/// # Errors
/// The server's refusal.
pub fn patch(
    session: &mut Session<'_>,
    live: &Object,
    patch: (PatchType, &str),
    writing: &Writing<'_>,
) -> Result<Arc<Object>, Fault> {
    Ok(session.client.patch(Resource::object(&live.key()), patch, writing.patch_options())?)
}
