//! How kubectl words what went wrong: one fault, or several of one command.
//!
//! Mirrors `checkErr`, `AddSourceToErr` and `MultipleErrors` of `k8s.io/kubectl/pkg/cmd/util/helpers.go`.

use crate::error::{ApiError, Failure, Reason};
use crate::kubectl::session::Session;

/// One fault met on the way of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server's refusal.
    Api(Box<ApiError>),
    /// kubectl's own, without the `error: ` before it.
    Plain(String),
    /// Several that came up together. Mirrors `utilerrors.Aggregate`.
    Many(Vec<Fault>),
}

impl Fault {
    /// A fault of kubectl's own.
    pub fn plain(message: impl Into<String>) -> Fault {
        Fault::Plain(message.into())
    }

    /// What ended a command, as one fault among others.
    pub fn of(failure: Failure) -> Fault {
        let text = failure.message;
        Fault::Plain(text.strip_prefix("error: ").map(String::from).unwrap_or(text))
    }

    /// The server's answer that something is not there. Mirrors `apierrors.IsNotFound`.
    pub fn is_not_found(&self) -> bool {
        self.reason() == Some(Reason::NotFound)
    }

    /// Why the server refused; none for what kubectl itself finds.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Fault::Api(e) => Some(e.reason),
            Fault::Plain(_) | Fault::Many(_) => None,
        }
    }

    /// `error when VERB "SOURCE": ...`; nothing is added for what no file asked for.
    pub fn when(self, verb: &str, source: &str) -> Fault {
        match source {
            "" => self,
            source => self.when_raw(&format!("error when {verb} {source:?}: ")),
        }
    }

    /// The message alone.
    pub fn message(&self) -> String {
        match self {
            Fault::Api(e) => e.message.clone(),
            Fault::Plain(text) => text.clone(),
            Fault::Many(faults) => in_one_line(faults),
        }
    }

    /// Puts a text before the message.
    pub fn when_raw(self, before: &str) -> Fault {
        match self {
            Fault::Api(mut e) => {
                e.message = format!("{before}{}", e.message);
                Fault::Api(e)
            }
            other => Fault::Plain(format!("{before}{}", other.message())),
        }
    }

    /// What is left of it without what `ignored` knows. Mirrors `utilerrors.FilterOut`.
    pub fn without(self, ignored: fn(&Fault) -> bool) -> Option<Fault> {
        match self {
            Fault::Many(faults) => {
                let left: Vec<_> = faults.into_iter().filter_map(|f| f.without(ignored)).collect();
                (!left.is_empty()).then_some(Fault::Many(left))
            }
            other => (!ignored(&other)).then_some(other),
        }
    }

    /// The line that stands for this fault among several. Mirrors `messageForError`.
    fn among_many(&self) -> String {
        match self {
            Fault::Api(e) => match e.reason {
                Reason::Unknown => format!("Error from server: {}", e.message),
                Reason::Unauthorized => format!("error: You must be logged in to the server ({})", e.message),
                reason => format!("Error from server ({}): {}", reason.as_str(), e.message),
            },
            other => other.message(),
        }
    }

    fn leaves<'a>(&'a self, found: &mut Vec<&'a Fault>) {
        match self {
            Fault::Many(faults) => faults.iter().for_each(|f| f.leaves(found)),
            one => found.push(one),
        }
    }
}

/// Several faults as Go prints a list of errors, each text once.
fn in_one_line(faults: &[Fault]) -> String {
    let mut leaves = Vec::new();
    faults.iter().for_each(|f| f.leaves(&mut leaves));
    let mut texts: Vec<String> = Vec::new();
    for text in leaves.into_iter().map(Fault::message) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
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
            // A list of one is that one.
            Fault::Many(mut faults) if faults.len() == 1 => match faults.remove(0) {
                Fault::Many(inner) => several(&inner),
                one => one.into(),
            },
            Fault::Many(faults) => several(&faults),
        }
    }
}

fn several(faults: &[Fault]) -> Failure {
    Failure::raw(faults.iter().map(Fault::among_many).collect::<Vec<_>>().join("\n"))
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
    Failure::raw((session.line.help)(&session.host, session.line.program, path))
}

/// Ends a command with all that it met: nothing, one fault in its own form, or a list.
///
/// # Errors
/// The failure that says it all, if there was a fault.
pub fn check(faults: Vec<Fault>) -> Result<(), Failure> {
    if faults.is_empty() { Ok(()) } else { Err(Fault::Many(faults).into()) }
}
