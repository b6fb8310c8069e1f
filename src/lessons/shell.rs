//! What a lesson needs from the world in order to run.

use serde::{Deserialize, Serialize};

use crate::error::Failure;

/// What a command printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Standard output and error in the order of writing, as a terminal shows them.
    pub output: String,
    /// The exit code.
    pub code: u8,
}

/// A state of the lesson's cluster that can be returned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(pub String);

/// Runs a lesson's commands on a cluster of the lesson's own.
pub trait Shell {
    /// Runs one `kubectl` or `kstate` line. A command that fails is a reply like any other.
    fn run(&mut self, line: &str) -> Reply;

    /// Lets the cluster's clock run until nothing is due any more, and a moment longer.
    ///
    /// # Errors
    /// The cluster's state can't be read or written.
    fn settle(&mut self) -> Result<(), Failure>;

    /// Puts a file into the folder in which the commands run.
    ///
    /// # Errors
    /// It can't be written.
    fn write_file(&mut self, name: &str, text: &str) -> Result<(), Failure>;

    /// Remembers the cluster as it is now.
    ///
    /// # Errors
    /// The cluster's state can't be read or written.
    fn checkpoint(&mut self) -> Result<Mark, Failure>;

    /// Makes the cluster what it was at the mark.
    ///
    /// # Errors
    /// The mark is none of this cluster, or its state can't be written.
    fn rollback(&mut self, mark: &Mark) -> Result<(), Failure>;

    /// The tables of these kinds as `kubectl get` prints them; empty when there are no objects.
    fn watched_tables(&mut self, kinds: &[String]) -> String;
}
