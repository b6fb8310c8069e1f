//! Tasks: what a learner is to bring about, and how it is seen that it was.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::check::compare;
use super::model::{Command, printable_text, printable_texts};
use super::shell::Shell;

/// A task that is solved by what the cluster has become, however one got there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What is to be reached, as Markdown.
    #[serde(deserialize_with = "printable_text")]
    pub task: String,
    /// What must hold in the end; at least one.
    pub check: Vec<Condition>,
    /// Nudges, each more outspoken than the one before it.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Files that the solution needs, by name: they are written when it is shown.
    #[serde(default, deserialize_with = "printable_texts")]
    pub files: BTreeMap<String, String>,
    /// Commands that solve it, one after the other; at least one.
    pub solution: Vec<String>,
    /// Why this solves it: shown when it is solved.
    #[serde(deserialize_with = "printable_text")]
    pub why: String,
}

/// One thing that must hold: a command that looks, and what it must print.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The command.
    pub run: String,
    /// What it must print, without the last newline; `...` and `[..]` stand for anything, as in a console block.
    #[serde(default)]
    pub is: String,
    /// The exit code that it must have.
    #[serde(default)]
    pub exit: u8,
    /// What to say while it does not hold; `{}` stands for what the command printed.
    #[serde(rename = "else", deserialize_with = "printable_text")]
    pub otherwise: String,
}

impl Task {
    /// What does not hold yet, each in the author's words; nothing once the task is solved.
    pub fn unmet(&self, shell: &mut dyn Shell) -> Vec<String> {
        self.check.iter().filter_map(|condition| condition.unmet(shell, str::to_string)).collect()
    }

    /// The same as Markdown: what a command printed keeps its stars and brackets.
    pub fn unmet_as_markdown(&self, shell: &mut dyn Shell) -> Vec<String> {
        let escaped = |text: &str| {
            text.chars().fold(String::new(), |mut shown, c| {
                if matches!(c, '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '#' | '&' | '~') {
                    shown.push('\\');
                }
                shown.push(c);
                shown
            })
        };
        self.check.iter().filter_map(|condition| condition.unmet(shell, escaped)).collect()
    }
}

impl Condition {
    fn unmet(&self, shell: &mut dyn Shell, shown: impl Fn(&str) -> String) -> Option<String> {
        let reply = shell.run(&self.run);
        let expected = self.is.trim_end_matches('\n').to_string();
        let command = Command { line: self.run.clone(), expected, exit: self.exit, at: 0, output_range: 0..0 };
        compare(&command, &reply).map(|_| self.otherwise.replace("{}", &shown(reply.output.trim())))
    }
}
