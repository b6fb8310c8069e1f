//! How kubectl words what went wrong: one fault, or several of one command.
//!
//! Mirrors `checkErr`, `AddSourceToErr` and `MultipleErrors` of `k8s.io/kubectl/pkg/cmd/util/helpers.go`.

use crate::error::{ApiError, Failure};
use crate::kubectl::session::Session;

/// One fault met on the way of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server's refusal.
    Api(Box<ApiError>),
    /// kubectl's own, without the `error: ` before it.
    Plain(String),
}

impl Fault {
    /// A fault of kubectl's own.
    pub fn plain(message: impl Into<String>) -> Fault {
        Fault::Plain(message.into())
    }

    /// `error when VERB "SOURCE": ...`.
    pub fn when(self, verb: &str, source: &str) -> Fault {
        match self {
            Fault::Api(mut e) => {
                e.message = format!("error when {verb} {source:?}: {}", e.message);
                Fault::Api(e)
            }
            Fault::Plain(text) => Fault::Plain(format!("error when {verb} {source:?}: {text}")),
        }
    }

    /// The message alone.
    pub fn message(&self) -> String {
        match self {
            Fault::Api(e) => e.message.clone(),
            Fault::Plain(text) => text.clone(),
        }
    }

    /// Puts a text before the message.
    pub fn when_raw(self, before: &str) -> Fault {
        match self {
            Fault::Api(mut e) => {
                e.message = format!("{before}{}", e.message);
                Fault::Api(e)
            }
            Fault::Plain(text) => Fault::Plain(format!("{before}{text}")),
        }
    }

    /// The line that stands for this fault among several.
    fn among_many(&self) -> String {
        match self {
            Fault::Api(e) => format!("Error from server ({}): {}", e.reason.as_str(), e.message),
            Fault::Plain(text) => text.clone(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Api(e) => f.write_str(&e.message),
            Fault::Plain(text) => f.write_str(text),
        }
    }
}

impl From<ApiError> for Fault {
    fn from(e: ApiError) -> Fault {
        Fault::Api(Box::new(e))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        match fault {
            Fault::Api(e) => Failure::from(*e),
            Fault::Plain(text) if text.starts_with("error: ") => Failure::raw(text.strip_suffix('\n').unwrap_or(&text)),
            Fault::Plain(text) => Failure::error(text),
        }
    }
}

/// A fault in how a command was called; `path` is the command as it is known, `create configmap`.
///
/// Mirrors `UsageErrorf`.
pub fn usage(session: &Session<'_>, path: &str, text: &str) -> Failure {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    Failure::error(format!("{text}\nSee '{} {path} -h' for help and examples", session.line.program))
}

/// What a command prints that does nothing without a command below it.
///
/// Mirrors `DefaultSubCommandRun`.
pub fn sub_command_needed(session: &Session<'_>, path: &str) -> Failure {
    Failure::raw((session.line.help)(session.line.program, path))
}

/// Ends a command with all that it met: nothing, one fault in its own form, or a list.
///
/// # Errors
/// The failure that says it all, if there was a fault.
pub fn check(mut faults: Vec<Fault>) -> Result<(), Failure> {
    match faults.len() {
        0 => Ok(()),
        1 => Err(faults.remove(0).into()),
        _ => Err(Failure::raw(faults.iter().map(Fault::among_many).collect::<Vec<_>>().join("\n"))),
    }
}
