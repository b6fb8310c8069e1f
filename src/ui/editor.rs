//! Editing a line at a terminal: what stands in it, what was typed before, what it could go on with, and the keys that
//! end it.
//!
//! The keys are readline's, as in a shell: Ctrl-A and Ctrl-E, Ctrl-U, Ctrl-W and Ctrl-K, the arrows, Ctrl-R, TAB.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use dialoguer::console::measure_text_width;
use owo_colors::OwoColorize;
use rustyline::completion::{Candidate, Completer};
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::history::{History, MemHistory};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

use super::{Sink, Ui};
use crate::host::{lines, read};

/// How many lines are remembered.
const REMEMBERED: usize = 1000;

/// Ctrl-C among the lines of [`Ui::answering`].
const INTERRUPT: &str = "\u{3}";

/// What stands for a line break in a history file, where each entry is one line.
const BREAK: char = '\u{1f}';

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

/// What a line could go on with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completions {
    /// Where what is completed begins in the line, in bytes.
    pub start: usize,
    /// What it could be, each with a word about it.
    pub candidates: Vec<(String, String)>,
}

/// What helps while a line is typed.
pub trait Assist {
    /// What a line up to its end could go on with.
    fn complete(&mut self, line: &str) -> Completions;

    /// Whether a line is only the beginning of something: Enter then begins another one.
    fn is_unfinished(&self, line: &str) -> bool;
}

/// Nothing helps.
struct Unassisted;

impl Assist for Unassisted {
    fn complete(&mut self, _: &str) -> Completions {
        Completions::default()
    }

    fn is_unfinished(&self, _: &str) -> bool {
        false
    }
}

/// What was typed before, and the file that keeps it.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    lines: Vec<String>,
    file: Option<PathBuf>,
}

impl Remembered {
    /// OBSERVATION: a history that can't be read or written is no reason to stop.
    fn read(file: &Path) -> Remembered {
        let bytes = read::file(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<String> = text.lines().map(|line| line.replace(BREAK, "\n")).collect();
        let from = lines.len().saturating_sub(REMEMBERED);
        Remembered { lines: lines[from..].to_vec(), file: Some(file.to_path_buf()) }
    }

    fn add(&mut self, line: &str) {
        if line.trim().is_empty() || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        self.lines.push(line.to_string());
        if let Some(file) = &self.file {
            let _ = lines::append(file, &line.replace('\n', &BREAK.to_string()));
        }
    }
}

/// What rustyline asks while a line is typed.
struct Desk<'a> {
    assist: RefCell<&'a mut dyn Assist>,
    /// What stands behind the prompt, how much of it Enter alone stands for, and what that is when it is taken over.
    ghost: &'a str,
    shown: &'a str,
    offered: &'a str,
    colour: bool,
    width: usize,
}

/// The ghost behind the prompt.
struct Ghost {
    shown: String,
    offered: String,
}

impl Hint for Ghost {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        Some(self.offered.as_str()).filter(|text| !text.is_empty())
    }
}

impl Hinter for Desk<'_> {
    type Hint = Ghost;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<Ghost> {
        let ghost = || Ghost { shown: self.ghost.to_string(), offered: self.offered.to_string() };
        (line.is_empty() && !self.ghost.is_empty()).then(ghost)
    }
}

impl Highlighter for Desk<'_> {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if !self.colour {
            return Cow::Borrowed(hint);
        }
        match hint.strip_prefix(self.shown) {
            Some(rest) => Cow::Owned(format!("{}{}", self.shown.cyan(), rest.dimmed())),
            None => Cow::Owned(hint.dimmed().to_string()),
        }
    }
}

impl Validator for Desk<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match self.assist.borrow().is_unfinished(context.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

/// One of the things that a line could go on with.
struct Choice {
    text: String,
    shown: String,
}

impl Candidate for Choice {
    fn display(&self) -> &str {
        &self.shown
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

impl Completer for Desk<'_> {
    type Candidate = Choice;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Choice>)> {
        let Completions { start, candidates } = self.assist.borrow_mut().complete(line.get(..pos).unwrap_or(line));
        let longest = candidates.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
        let shown = |text: &str, about: &str| match about {
            "" => text.to_string(),
            about => {
                let whole = format!("{text:<longest$}  {about}");
                whole.chars().take(self.width.saturating_sub(3)).collect()
            }
        };
        let choices = candidates
            .into_iter()
            .map(|(text, about)| Choice { shown: shown(text.trim_end(), &about), text })
            .collect();
        Ok((start, choices))
    }
}

impl Helper for Desk<'_> {}

/// A command as a terminal shows it, over several lines maybe.
fn shown(offered: &str) -> String {
    offered.replace('\n', "\n> ")
}

/// A prompt to type behind.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    /// What stands before the line.
    pub text: &'a str,
    /// What Enter alone stands for; it can be taken over into the line to be edited.
    pub offered: &'a str,
    /// What is said behind that.
    pub about: &'a str,
}

impl Ui {
    /// From here on what is typed is remembered in a file, beside what is in it.
    pub fn remember_in(&self, file: &Path) {
        *self.remembered.borrow_mut() = Remembered::read(file);
    }

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
        self.read_line(Prompt { text: prompt, offered: "", about: "" }, &mut Unassisted)
    }

    /// A line that somebody types, with help. What is offered stands in dim letters behind the prompt until something is
    /// typed; Enter alone gives an empty line. A line that is left without an answer leaves no trace.
    ///
    /// # Errors
    /// The terminal can't be read.
    pub fn typed(&self, prompt: Prompt<'_>, assist: &mut dyn Assist) -> io::Result<Typed> {
        if let Some(answer) = self.answer() {
            return Ok(match answer {
                None => Typed::End,
                Some(key) if key == INTERRUPT => Typed::Interrupt,
                Some(line) => {
                    if !line.is_empty() {
                        self.out(&format!("{}{line}\n", prompt.text));
                    }
                    Typed::Line(line)
                }
            });
        }
        if !self.interactive {
            return Ok(Typed::End);
        }
        // Without colours a ghost could not be told from what is typed.
        if !self.colour {
            self.out(&format!("{}\n", self.ghost(prompt)));
        }
        let typed =
            self.read_line(if self.colour { prompt } else { Prompt { offered: "", about: "", ..prompt } }, assist)?;
        if let Typed::Line(line) = &typed
            && line.trim().is_empty()
        {
            let rows = if self.colour { 1 } else { 1 + self.rows_of(&self.ghost(prompt)) };
            dialoguer::console::Term::stdout().clear_last_lines(rows)?;
        }
        Ok(typed)
    }

    /// What stands behind a prompt until something is typed.
    fn ghost(&self, prompt: Prompt<'_>) -> String {
        let shown = shown(prompt.offered);
        let last = shown.lines().next_back().unwrap_or_default();
        let used = prompt.text.chars().count() + last.chars().count() + prompt.about.chars().count() + 2;
        match (prompt.offered, prompt.about) {
            ("", about) => about.to_string(),
            // A line that is full takes no more words: the terminal would cut them in two.
            _ if used >= self.width() => shown,
            (_, about) => format!("{shown}  {about}").trim_end().to_string(),
        }
    }

    fn rows_of(&self, text: &str) -> usize {
        let width = self.width().max(1);
        text.trim().lines().map(|line| measure_text_width(line).div_ceil(width).max(1)).sum()
    }

    fn read_line(&self, prompt: Prompt<'_>, assist: &mut dyn Assist) -> io::Result<Typed> {
        let other = |error: ReadlineError| match error {
            ReadlineError::Io(error) => error,
            other => io::Error::other(other.to_string()),
        };
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .map_err(other)?
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            .build();
        let mut history = MemHistory::with_config(&config);
        for line in &self.remembered.borrow().lines {
            history.add(line).map_err(other)?;
        }
        let ghost = self.ghost(prompt);
        let shown = shown(prompt.offered);
        let desk = Desk {
            assist: RefCell::new(assist),
            ghost: &ghost,
            shown: &shown,
            offered: prompt.offered,
            colour: self.colour,
            width: self.width(),
        };
        let mut editor: Editor<Desk<'_>, MemHistory> = Editor::with_history(config, history).map_err(other)?;
        editor.set_helper(Some(desk));
        let typed = editor.readline(prompt.text);
        self.rows.set(0);
        match typed {
            Ok(line) => {
                self.remembered.borrow_mut().add(&line);
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupt),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(other(error)),
        }
    }

    /// Makes the terminal empty.
    pub fn clear(&self) {
        if self.is_attended() {
            // OBSERVATION: a terminal that can't be cleared is one that goes on below.
            let _ = dialoguer::console::Term::stdout().clear_screen();
        }
    }
}
