//! Indented lines with tabs, as `kubectl describe` writes them.
//!
//! Mirrors `PrefixWriter` of `k8s.io/kubectl/pkg/describe`.

use std::fmt;

use super::tabwriter::TabWriter;
use crate::api::printable::escape_terminal;

/// No indent.
pub const LEVEL_0: usize = 0;
/// Two blanks, and so on.
pub const LEVEL_1: usize = 1;

/// Collects a description; tabs align what follows them within neighbouring lines.
#[derive(Debug, Clone)]
pub struct PrefixWriter {
    tabs: TabWriter,
}

impl Default for PrefixWriter {
    fn default() -> Self {
        PrefixWriter::new()
    }
}

impl PrefixWriter {
    /// An empty description.
    pub fn new() -> PrefixWriter {
        PrefixWriter { tabs: TabWriter::new(0, 2) }
    }

    /// Writes text after `level` times two blanks: `w.write(LEVEL_0, format_args!("Name:\t{name}\n"))`.
    /// Control sequences for terminals are made visible.
    pub fn write(&mut self, level: usize, text: impl fmt::Display) {
        let indent = "  ".repeat(level);
        self.tabs.write(&format!("{indent}{}", escape_terminal(&text.to_string())));
    }

    /// The description, laid out.
    pub fn finish(mut self) -> String {
        self.tabs.take()
    }
}

#[cfg(test)]
mod tests {
    use super::{LEVEL_0, LEVEL_1, PrefixWriter};

    #[test]
    fn indents_and_aligns() {
        let mut w = PrefixWriter::new();
        w.write(LEVEL_0, "Name:\tstatic-pvc01\n");
        w.write(LEVEL_0, format_args!("Capacity:\t{}\n", "1Gi"));
        w.write(LEVEL_0, "Source:\n");
        w.write(LEVEL_1, "Type:\tHostPath\n");
        w.write(LEVEL_1, "HostPathType:\t\u{1b}[31m\n");
        insta::assert_snapshot!(w.finish(), @"
        Name:      static-pvc01
        Capacity:  1Gi
        Source:
          Type:          HostPath
          HostPathType:  ^[[31m
        ");
    }
}
