//! What a client is to ask: the statements that it was given, or those that are typed to it, at a prompt if at a terminal.

use serde::{Deserialize, Serialize};

use super::sql;
use crate::machine::kernel::{Input, Sys, Turn, Wait};

/// What ends a statement at a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ends {
    /// The line.
    Line,
    /// `;`, `\g` or `\G`; `exit` and `use` the line.
    Mysql,
    /// `;` or `\g`; what begins with a backslash, and `exit`, the line.
    Psql,
}

/// A terminal at which somebody types.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Prompting {
    ends: Ends,
    /// Asks for a statement.
    first: String,
    /// Asks for the rest of one.
    more: String,
    /// Whether it has asked for the line that is waited for.
    asked: bool,
    begun: String,
}

/// The statements of a client.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Statements {
    /// Those that are whole, the next one last.
    waiting: Vec<String>,
    /// Whether more of them come from standard input.
    typed: bool,
    bytes: Vec<u8>,
    prompting: Option<Prompting>,
}

impl Prompting {
    /// Takes one more line; the statements that are whole with it.
    fn take(&mut self, line: &str) -> Vec<String> {
        if self.ends == Ends::Line {
            return vec![line.to_string()];
        }
        self.begun.push_str(line);
        self.begun.push('\n');
        let text = self.begun.trim().to_string();
        let lower = text.to_ascii_lowercase();
        let is_line = match self.ends {
            Ends::Psql => text.starts_with('\\') || matches!(lower.as_str(), "exit" | "quit"),
            _ => matches!(lower.as_str(), "exit" | "quit" | "\\q" | "\\c") || lower.starts_with("use "),
        };
        if text.is_empty() || text.ends_with("\\c") && self.ends == Ends::Mysql {
            self.begun.clear();
            return Vec::new();
        }
        if !is_line && !text.ends_with(';') && !lower.ends_with("\\g") {
            return Vec::new();
        }
        self.begun.clear();
        if is_line { vec![text.trim_end_matches(';').to_string()] } else { sql::statements(&text) }
    }
}

impl Statements {
    /// Those that were given; with `typed` others follow from standard input.
    pub(super) fn new(mut given: Vec<String>, typed: bool) -> Statements {
        given.reverse();
        Statements { waiting: given, typed, ..Statements::default() }
    }

    /// Those that somebody types at prompts.
    pub(super) fn asked_for(ends: Ends, first: &str, more: &str) -> Statements {
        let mut statements = Statements { typed: true, ..Statements::default() };
        statements.ask_with(ends, first, more);
        statements
    }

    /// Asks from now on with these prompts.
    pub(super) fn ask_with(&mut self, ends: Ends, first: &str, more: &str) {
        let (first, more) = (first.to_string(), more.to_string());
        self.prompting = Some(Prompting { ends, first, more, asked: false, begun: String::new() });
    }

    /// Takes others in their place, which go on with what was read already.
    pub(super) fn become_others(&mut self, others: Statements) {
        let bytes = std::mem::take(&mut self.bytes);
        *self = Statements { bytes, ..others };
    }

    /// Whether they are asked for with prompts.
    pub(super) fn is_prompting(&self) -> bool {
        self.prompting.is_some()
    }

    /// The next statement.
    ///
    /// # Errors
    /// What the client is to do instead: go on, wait, or (with none) end.
    pub(super) fn next(&mut self, sys: &mut Sys<'_>) -> Result<String, Option<Turn>> {
        if self.typed && self.prompting.is_some() {
            return self.next_at_prompt(sys);
        }
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

    fn next_at_prompt(&mut self, sys: &mut Sys<'_>) -> Result<String, Option<Turn>> {
        if let Some(text) = self.waiting.pop() {
            return Ok(text);
        }
        let Some(prompting) = &mut self.prompting else { return Err(None) };
        if !prompting.asked {
            prompting.asked = true;
            let prompt = if prompting.begun.is_empty() { &prompting.first } else { &prompting.more };
            if sys.is_tty(1) { sys.out(prompt.clone()) } else { sys.err(prompt.clone()) }
        }
        if let Some(end) = self.bytes.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            prompting.asked = false;
            self.waiting = prompting.take(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
            self.waiting.reverse();
            return Err(Some(Turn::Again));
        }
        match sys.read(0, 1 << 16) {
            Ok(Input::Bytes(bytes)) => {
                self.bytes.extend(bytes);
                Err(Some(Turn::Again))
            }
            Ok(Input::Wait) => Err(Some(Turn::Wait(Wait::input(0)))),
            Ok(Input::End) | Err(_) => {
                self.typed = false;
                Err(None)
            }
        }
    }

    fn take(&mut self, sys: &mut Sys<'_>, bytes: Vec<u8>) {
        sys.work(bytes.len() / 256);
        self.waiting = sql::statements(&String::from_utf8_lossy(&bytes));
        self.waiting.reverse();
    }
}
