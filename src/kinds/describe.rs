//! What `kubectl describe` says, as plain data: lines with a level and tab-separated cells.
//!
//! Mirrors `k8s.io/kubectl/pkg/describe/describe.go`; `printers` lays the lines out.

use crate::api::Typed;
use crate::kinds::PrintContext;

/// The text of a `describe`, line by line.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Description {
    /// Level of indentation (two blanks each) and text; tabs separate cells, a text ends with a newline.
    pub parts: Vec<(usize, String)>,
}

impl Description {
    /// An empty one.
    pub fn new() -> Description {
        Description::default()
    }

    /// Adds a text at a level; newlines are the caller's, as in `PrefixWriter.Write`.
    pub fn write(&mut self, level: usize, text: impl Into<String>) {
        self.parts.push((level, text.into()));
    }
}

/// A kind without a describer of its own: its metadata and events.
pub fn generic<T: Typed>(object: &T, d: &mut Description, _context: &PrintContext<'_>) {
    let meta = object.metadata();
    d.write(0, format!("Name:\t{}\n", meta.name.as_deref().unwrap_or_default()));
    d.write(0, format!("Namespace:\t{}\n", meta.namespace.as_deref().unwrap_or_default()));
}
