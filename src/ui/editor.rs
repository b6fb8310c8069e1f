//! Editing a line at a terminal: what stands in it, what was typed before, and the keys that end it.
//!
//! The keys are readline's, as in a shell: Ctrl-A and Ctrl-E, Ctrl-U, Ctrl-W and Ctrl-K, the arrows, Ctrl-R.

use std::fmt;
use std::io::{self, IsTerminal};

use rustyline::Editor;
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;

use super::{Sink, Ui};

/// How many lines are remembered.
const REMEMBERED: usize = 1000;

/// Ctrl-C among the lines of [`Ui::answering`].
const INTERRUPT: &str = "\u{3}";

/// What somebody did with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// He ended it with Enter.
    Line(String),
    /// He gave it up with Ctrl-C.
    Interrupt,
    /// There was nothing in it, and he said with Ctrl-D that nothing will come; or nobody is there.
    End,
}

/// Where lines are edited.
pub(super) struct LineEditor(Editor<(), MemHistory>);

impl fmt::Debug for LineEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineEditor")
    }
}

impl LineEditor {
    fn new() -> Result<LineEditor, ReadlineError> {
        let config = Config::builder().max_history_size(REMEMBERED)?.auto_add_history(true).build();
        let history = MemHistory::with_config(&config);
        Ok(LineEditor(Editor::with_history(config, history)?))
    }

    fn read(&mut self, prompt: &str) -> io::Result<Typed> {
        match self.0.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupt),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(other) => Err(io::Error::other(other.to_string())),
        }
    }
}

impl Ui {
    /// A line that somebody types after `prompt`, which stands in the last row already. What was typed before comes back
    /// with the arrows. From what is no terminal it is the next line, without a prompt.
    ///
    /// # Errors
    /// The terminal can't be read.
    pub fn edit_line(&self, prompt: &str) -> io::Result<Typed> {
        if let Some(answer) = self.answer() {
            return Ok(match answer {
                None => Typed::End,
                Some(key) if key == INTERRUPT => Typed::Interrupt,
                Some(line) => {
                    self.out(&format!("{line}\n"));
                    Typed::Line(line)
                }
            });
        }
        if matches!(self.sink, Sink::Captured { .. }) {
            return Ok(Typed::End);
        }
        self.release_for_question();
        if !io::stdin().is_terminal() {
            let mut line = String::new();
            return Ok(match io::stdin().read_line(&mut line)? {
                0 => Typed::End,
                _ => Typed::Line(line.trim_end_matches(['\n', '\r']).to_string()),
            });
        }
        let mut editor = self.editor.borrow_mut();
        if editor.is_none() {
            *editor = Some(LineEditor::new().map_err(|error| io::Error::other(error.to_string()))?);
        }
        match editor.as_mut() {
            Some(editor) => editor.read(prompt),
            None => Ok(Typed::End),
        }
    }
}
