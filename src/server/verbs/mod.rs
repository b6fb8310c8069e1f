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
pub(in crate::server) use update::check_name;

use super::Ask;
use crate::api::request::{Agent, By, WriteOptions};
use crate::error::{ApiError, FieldError};

/// On whose behalf something is written: under the manager's name that the options give, or else the client's. `kind` is
/// that of the options, `CreateOptions`.
pub(in crate::server) fn writer(ask: &Ask<'_>, kind: &str, options: &WriteOptions) -> Result<By, ApiError> {
    let faults = [validate_field_manager(&options.field_manager), options.faults.clone()].concat();
    check_options(kind, faults)?;
    if options.field_manager.is_empty() {
        return Ok(ask.by.clone());
    }
    Ok(By { user: ask.by.user.clone(), agent: Agent::Client(options.field_manager.clone()) })
}

/// Refuses options that have faults; `kind` is theirs, `DeleteOptions`.
fn check_options(kind: &str, faults: Vec<FieldError>) -> Result<(), ApiError> {
    match faults.is_empty() {
        true => Ok(()),
        false => Err(ApiError::invalid(&format!("{kind}.meta.k8s.io"), "", faults)),
    }
}

/// Mirrors `ValidateFieldManager`.
fn validate_field_manager(name: &str) -> Vec<FieldError> {
    const LONGEST: usize = 128;
    let mut faults = Vec::new();
    if name.len() > LONGEST {
        faults.push(FieldError::too_long("fieldManager", LONGEST));
    }
    let odd = name.char_indices().filter(|(_, c)| c.is_control() || c.is_whitespace() && *c != ' ');
    faults.extend(odd.map(|(at, c)| {
        let text = format!("invalid character U+{:04X} (at position {at})", u32::from(c));
        FieldError::invalid("fieldManager", name, &text)
    }));
    faults
}
