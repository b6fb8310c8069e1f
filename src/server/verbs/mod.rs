//! What each verb does, once it is clear who asks for it and of what.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers`, a file a verb.

mod create;
mod delete;
mod get;
mod list;
mod patch;
mod update;

pub(in crate::server) use list::check_revision;

use super::Ask;
use crate::api::request::{Agent, By, WriteOptions};
use crate::error::{ApiError, FieldError};

/// On whose behalf something is written: under the manager's name that the options give, or else the client's.
fn writer(ask: &Ask<'_>, options: &WriteOptions) -> Result<By, ApiError> {
    if options.field_manager.is_empty() {
        return Ok(ask.by.clone());
    }
    check_manager(&options.field_manager)?;
    Ok(By { user: ask.by.user.clone(), agent: Agent::Client(options.field_manager.clone()) })
}

/// Mirrors `ValidateFieldManager`.
fn check_manager(name: &str) -> Result<(), ApiError> {
    const LONGEST: usize = 128;
    let mut faults = Vec::new();
    if name.len() > LONGEST {
        faults.push(FieldError::too_long("fieldManager", LONGEST));
    }
    if let Some(odd) = name.chars().find(|c| c.is_control()) {
        let text = format!("should not contain unprintable characters: {odd:?}");
        faults.push(FieldError::invalid("fieldManager", name, &text));
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid("CreateOptions.meta.k8s.io", "", faults)) }
}
