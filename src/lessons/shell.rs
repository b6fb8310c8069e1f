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

/// Somebody who is there while a command runs.
pub trait Audience {
    /// Hears what it prints, as it comes.
    fn hear(&mut self, text: &str);

    /// Lets that much of the cluster's time pass, in milliseconds.
    fn pause(&mut self, millis: i64);

    /// Whether they have had enough (Ctrl-C); once.
    fn interrupts(&mut self) -> bool;

    /// A line for a program that reads what is typed; none for the end.
    fn types(&mut self) -> Option<String>;
}

/// Runs a lesson's commands on a cluster of the lesson's own.
pub trait Shell {
    /// Runs a line of a shell. A command that fails is a reply like any other.
    fn run(&mut self, line: &str) -> Reply;

    /// The same for somebody who is there: they have heard all that the reply holds.
    fn run_for(&mut self, line: &str, audience: &mut dyn Audience) -> Reply {
        let reply = self.run(line);
        audience.hear(&reply.output);
        reply
    }

    /// Whether a line begins with something that the shell knows.
    fn knows(&mut self, line: &str) -> bool;

    /// Whether a line is only the beginning of a command.
    fn is_unfinished(&self, _line: &str) -> bool {
        false
    }

    /// What the end of a line could go on with, each with a word about it, and where what is completed begins.
    fn complete(&mut self, line: &str) -> (usize, Vec<(String, String)>) {
        (line.len(), Vec::new())
    }

    /// Opens a file of the lesson's folder in the editor of who is there.
    ///
    /// # Errors
    /// Nobody is there, or it is none of the folder's.
    fn edit(&mut self, file: &str) -> Result<(), Failure> {
        Err(Failure::error(format!("no editor is started for {file}: nobody is at the terminal")))
    }

    /// Who holds whom in the cluster, drawn to that width; none where there is nothing of that kind.
    fn picture(&mut self, _width: usize) -> Option<String> {
        None
    }

    /// Makes the cluster anew, as it is when the lesson begins.
    ///
    /// # Errors
    /// It can't be made.
    fn restart(&mut self) -> Result<(), Failure>;

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
