//! What a client of a database is to ask: the statements that it was given, or those that are typed to it.

use serde::{Deserialize, Serialize};

use super::sql;
use crate::machine::kernel::{Input, Sys, Turn, Wait};

/// The statements of a client.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Statements {
    /// Those that are whole, the next one last.
    waiting: Vec<String>,
    /// Whether more of them come from standard input.
    typed: bool,
    bytes: Vec<u8>,
}

impl Statements {
    /// Those that were given; with `typed` others follow from standard input.
    pub(super) fn new(mut given: Vec<String>, typed: bool) -> Statements {
        given.reverse();
        Statements { waiting: given, typed, bytes: Vec::new() }
    }

    /// The next statement.
    ///
    /// # Errors
    /// What the client is to do instead: go on, wait, or (with none) end.
    pub(super) fn next(&mut self, sys: &mut Sys<'_>) -> Result<String, Option<Turn>> {
        if self.typed {
            match sys.read(0, 1 << 20) {
                Ok(Input::Bytes(bytes)) => {
                    self.bytes.extend(bytes);
                    return Err(Some(Turn::Again));
                }
                Ok(Input::Wait) => {
                    // Whole statements run as they come.
                    let Some(end) = self.bytes.iter().rposition(|b| *b == b';') else {
                        return Err(Some(Turn::Wait(Wait::input(0))));
                    };
                    let whole = self.bytes.drain(..=end).collect();
                    self.take(sys, whole);
                    if self.waiting.is_empty() {
                        return Err(Some(Turn::Wait(Wait::input(0))));
                    }
                }
                Ok(Input::End) | Err(_) => {
                    self.typed = false;
                    let rest = std::mem::take(&mut self.bytes);
                    self.take(sys, rest);
                }
            }
        }
        self.waiting.pop().ok_or(self.typed.then_some(Turn::Again))
    }

    fn take(&mut self, sys: &mut Sys<'_>, bytes: Vec<u8>) {
        sys.work(bytes.len() / 256);
        self.waiting = sql::statements(&String::from_utf8_lossy(&bytes));
        self.waiting.reverse();
    }
}
