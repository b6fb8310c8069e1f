//! How far the expansion of a command's words has come: it stops where a command substitution must run first.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ast::Unit;

/// The state of an expansion that waits for a command substitution. The word at hand is expanded again from its
/// beginning then; what must not happen twice is remembered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The results of the words before.
    pub done: Vec<String>,
    /// How many words are through.
    pub item: u32,
    /// What substitutions and arithmetic in the word at hand gave, in their order.
    pub memo: Vec<String>,
    /// How many of those this try has used.
    #[serde(skip)]
    pub used: usize,
    /// The status of the last command substitution.
    pub status: Option<u8>,
}

impl Progress {
    /// Begins a word.
    pub fn rewind(&mut self) {
        self.used = 0;
    }

    /// A word is through.
    pub fn next(&mut self) {
        self.item += 1;
        self.forget();
    }

    /// All words are through: the results. The status of the last substitution stays.
    pub fn finish(&mut self) -> Vec<String> {
        self.item = 0;
        self.forget();
        std::mem::take(&mut self.done)
    }

    pub fn forget(&mut self) {
        self.memo.clear();
        self.used = 0;
    }

    /// What the next effect gave when it was tried before.
    pub fn recall(&mut self) -> Option<String> {
        let found = self.memo.get(self.used).cloned()?;
        self.used += 1;
        Some(found)
    }

    pub fn remember(&mut self, text: &str) {
        self.memo.push(text.to_string());
        self.used = self.memo.len();
    }
}

/// Why an expansion stopped.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// A command substitution must run.
    Subst(Arc<Unit>),
    /// It failed, and so the shell ends with that status, as far as it is not interactive. The message is out.
    Exit(u8),
    /// It failed, and the command line with it, with that status.
    Discard(u8),
}
