//! The only writer to the terminal: output, colour, width and prompts.
//!
//! A verb gets a [`Ui`] and says everything through it, so the same verb serves a terminal, a pipe,
//! a lesson and a test.

mod editor;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Mutex;

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Select};
use owo_colors::{OwoColorize, Style};

use crate::api::printable::printable;
use crate::error::Failure;
use crate::host::{interrupt, read};
pub use editor::{Assist, Completions, Prompt, Typed};

/// Columns assumed where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 80;

/// Rows assumed where there is no terminal to ask.
const DEFAULT_HEIGHT: usize = 24;

/// Where a command's words go, and where its answers come from.
#[derive(Debug)]
pub struct Ui {
    sink: Sink,
    colour: bool,
    interactive: bool,
    width: Option<usize>,
    closed: Cell<bool>,
    printable: Cell<bool>,
    /// What waits for [`Ui::release`], and whether it goes to standard error; `None`: nothing is held back.
    held: RefCell<Option<Vec<(Vec<u8>, bool)>>>,
    write_error: RefCell<Option<String>>,
    /// Answers that somebody else gives; `None`: the terminal is asked.
    answers: Option<RefCell<VecDeque<String>>>,
    /// How many lines were written since somebody typed last.
    rows: Cell<usize>,
    /// What was typed before.
    remembered: RefCell<editor::Remembered>,
}

#[derive(Debug)]
enum Sink {
    Terminal,
    Captured { parts: RefCell<Vec<(bool, String)>>, input: RefCell<String> },
}

impl Ui {
    /// The process's own standard streams. Coloured when standard output is a terminal that can
    /// show it and `NO_COLOR` is unset; interactive when both input and output are terminals.
    pub fn terminal() -> Self {
        let term = Term::stdout();
        let is_terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Ui {
            sink: Sink::Terminal,
            colour: is_terminal && !no_colour && term.features().colors_supported(),
            interactive: is_terminal && io::stdin().is_terminal(),
            width: None,
            closed: Cell::new(false),
            printable: Cell::new(false),
            held: RefCell::new(None),
            write_error: RefCell::new(None),
            answers: None,
            rows: Cell::new(0),
            remembered: RefCell::default(),
        }
    }

    /// Keeps everything in memory: no colour, 80 columns, never interactive, empty standard input.
    pub fn captured() -> Self {
        Ui {
            sink: Sink::Captured { parts: RefCell::default(), input: RefCell::default() },
            colour: false,
            interactive: false,
            width: Some(DEFAULT_WIDTH),
            closed: Cell::new(false),
            printable: Cell::new(false),
            held: RefCell::new(None),
            write_error: RefCell::new(None),
            answers: None,
            rows: Cell::new(0),
            remembered: RefCell::default(),
        }
    }

    /// The same, with what [`Ui::input`] will read. Without effect on a terminal.
    pub fn with_input(self, text: &str) -> Self {
        if let Sink::Captured { input, .. } = &self.sink {
            *input.borrow_mut() = text.to_string();
        }
        self
    }

    /// The same, as wide as another.
    pub fn as_wide_as(mut self, other: &Ui) -> Self {
        self.width = Some(other.width());
        self
    }

    /// The same, as if somebody were there and typed these lines when asked; after the last one they
    /// hang up.
    pub fn answering(mut self, lines: &[&str]) -> Self {
        self.answers = Some(RefCell::new(lines.iter().map(|l| l.to_string()).collect()));
        self.interactive = true;
        self
    }

    /// From here on nothing is written that a terminal would obey but the colours of [`Ui::paint`], where they are wanted:
    /// a net below what makes a stranger's words [`printable`] in the first place.
    pub fn allow_only_printable(&self) {
        self.printable.set(true);
    }

    fn checked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match (self.printable.get(), self.colour) {
            (false, _) => Cow::Borrowed(text),
            (true, false) => printable(text),
            (true, true) => Cow::Owned(printable_but_colours(text)),
        }
    }

    /// From here on nothing is written before [`Ui::release`]: what a command says holds only once it is stored.
    pub fn hold(&self) {
        self.held.borrow_mut().get_or_insert_default();
    }

    /// Writes what was held back, and from here on everything at once again.
    pub fn release(&self) {
        for (text, is_error) in self.held.take().unwrap_or_default() {
            if is_error { self.notice(&String::from_utf8_lossy(&text)) } else { self.put(&text) }
        }
    }

    /// Writes what was held back though it is not stored yet: a question is understood only after what leads to it.
    fn release_for_question(&self) {
        let holds = self.held.borrow().is_some();
        if holds {
            self.release();
            self.hold();
        }
    }

    /// Forgets what was held back.
    pub fn discard(&self) {
        self.held.take();
    }

    /// Keeps a text if texts are held back.
    fn keeps(&self, bytes: &[u8], is_error: bool) -> bool {
        let mut held = self.held.borrow_mut();
        held.as_mut().map(|held| held.push((bytes.to_vec(), is_error))).is_some()
    }

    /// Writes to standard output exactly what is given (no newline is added) and flushes it, so a
    /// watch's lines come when they happen. A reader that went away ends the output quietly.
    pub fn out(&self, text: &str) {
        self.put(self.checked(text).as_bytes());
    }

    fn put(&self, bytes: &[u8]) {
        if self.keeps(bytes, false) {
            return;
        }
        match &self.sink {
            Sink::Terminal => {
                self.rows.set(self.rows.get() + bytes.iter().filter(|b| **b == b'\n').count());
                self.write(&mut io::stdout().lock(), bytes);
            }
            Sink::Captured { parts, .. } => add(&mut parts.borrow_mut(), false, &String::from_utf8_lossy(bytes)),
        }
    }

    /// The same for what may be no text: what a process in a container wrote.
    pub fn out_bytes(&self, bytes: &[u8]) {
        match self.printable.get() {
            true => self.out(&String::from_utf8_lossy(bytes)),
            false => self.put(bytes),
        }
    }

    /// Writes to standard error exactly what is given.
    pub fn err(&self, text: &str) {
        let text = &*self.checked(text);
        if !self.keeps(text.as_bytes(), true) {
            self.notice(text);
        }
    }

    /// Writes to standard error at once, whatever is held back: why nothing happens for a while.
    pub fn notice(&self, text: &str) {
        match &self.sink {
            // OBSERVATION: when standard error is gone too, there is nobody left to tell.
            Sink::Terminal => _ = io::stderr().lock().write_all(text.as_bytes()),
            Sink::Captured { parts, .. } => add(&mut parts.borrow_mut(), true, text),
        }
    }

    /// What a captured [`Ui`] was given so far, both streams in the order of writing, as a terminal
    /// shows them. Empties it. A terminal gives an empty text.
    pub fn take(&self) -> String {
        match &self.sink {
            Sink::Terminal => String::new(),
            Sink::Captured { parts, .. } => parts.take().into_iter().map(|(_, text)| text).collect(),
        }
    }

    /// As [`Ui::take`], but in parts: whether each went to standard error, and what it says.
    pub fn take_parts(&self) -> Vec<(bool, String)> {
        match &self.sink {
            Sink::Terminal => Vec::new(),
            Sink::Captured { parts, .. } => parts.take(),
        }
    }

    /// As [`Ui::take`], but standard output alone, as the next command of a pipe sees it.
    pub fn take_out(&self) -> String {
        match &self.sink {
            Sink::Terminal => String::new(),
            Sink::Captured { parts, .. } => {
                parts.take().into_iter().filter(|(is_error, _)| !is_error).map(|(_, text)| text).collect()
            }
        }
    }

    /// Whether somebody is there to answer: standard input and output are both terminals.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether somebody sits at the terminal himself, and no test answers for him.
    pub fn is_attended(&self) -> bool {
        self.interactive && self.answers.is_none()
    }

    /// Whether colours are wanted.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Columns of the terminal, or 80.
    pub fn width(&self) -> usize {
        // OBSERVATION: a terminal may be resized between two prompts, so it is asked each time.
        self.width.or_else(|| Term::stdout().size_checked().map(|(_, columns)| columns.into())).unwrap_or(DEFAULT_WIDTH)
    }

    /// Rows of the terminal, or 24.
    pub fn height(&self) -> usize {
        let known = self.width.map_or_else(|| Term::stdout().size_checked().map(|(rows, _)| rows.into()), |_| None);
        known.unwrap_or(DEFAULT_HEIGHT)
    }

    /// How many lines were written to the terminal since somebody typed last.
    pub fn rows(&self) -> usize {
        self.rows.get()
    }

    /// Whether the reader of standard output has gone away; a watch ends then.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// The first thing that went wrong when writing to standard output, other than a reader that
    /// went away, as Go words it: `no space left on device`.
    pub fn write_error(&self) -> Option<String> {
        self.write_error.borrow().clone()
    }

    /// `text` in `style`, or as it is where colours are not wanted.
    pub fn paint(&self, text: &str, style: Style) -> String {
        if self.colour { text.style(style).to_string() } else { text.to_string() }
    }

    /// Standard input to its end.
    ///
    /// # Errors
    /// It can't be read, or has no end.
    pub fn input(&self) -> io::Result<Vec<u8>> {
        match &self.sink {
            Sink::Terminal => read::to_end(io::stdin().lock()),
            Sink::Captured { input, .. } => Ok(input.take().into_bytes()),
        }
    }

    /// From here on an interrupt (Ctrl-C) at a terminal says this before it ends the process.
    pub fn on_interrupt(&self, farewell: &str) {
        if self.interactive && self.answers.is_none() {
            interrupt::before_exit(leave);
            if let Ok(mut slot) = FAREWELL.lock() {
                *slot = Some(printable(farewell).into_owned());
            }
        }
    }

    /// Lets the user choose one of `items` with the arrow keys, starting at `default`. `None`: the
    /// user left with Escape or `q`, or there is nobody to ask.
    ///
    /// # Errors
    /// The terminal can't be read.
    pub fn select(&self, prompt: &str, items: &[String], default: usize) -> Result<Option<usize>, Failure> {
        if let Some(answer) = self.answer() {
            return Ok(answer.and_then(|a| items.iter().position(|i| i.starts_with(&a))));
        }
        if !self.interactive {
            return Ok(None);
        }
        interrupt::before_exit(leave);
        let theme = self.theme();
        Select::with_theme(theme.as_ref())
            .with_prompt(printable(prompt))
            .items(items.iter().map(|item| printable(item)))
            .default(default)
            .interact_on_opt(&Term::stdout())
            .map_err(lost_terminal)
    }

    /// Asks yes or no; `default` is Enter's answer, and the answer where there is nobody to ask.
    ///
    /// # Errors
    /// The terminal can't be read.
    pub fn confirm(&self, prompt: &str, default: bool) -> Result<bool, Failure> {
        if let Some(answer) = self.answer() {
            return Ok(answer.map_or(default, |a| a == "y"));
        }
        if !self.interactive {
            return Ok(default);
        }
        self.release_for_question();
        let theme = self.theme();
        let answer = Confirm::with_theme(theme.as_ref())
            .with_prompt(prompt)
            .default(default)
            .interact_on_opt(&Term::stdout())
            .map_err(lost_terminal)?;
        Ok(answer.unwrap_or(default))
    }

    /// The next answer of [`Ui::answering`]; `Some(None)` when it has none left, `None` when the terminal is to be asked.
    fn answer(&self) -> Option<Option<String>> {
        self.answers.as_ref().map(|answers| answers.borrow_mut().pop_front())
    }

    fn theme(&self) -> Box<dyn Theme> {
        if self.colour { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) }
    }

    fn write(&self, stream: &mut impl Write, bytes: &[u8]) {
        if self.closed.get() {
            return;
        }
        if let Err(e) = stream.write_all(bytes).and_then(|()| stream.flush()) {
            self.closed.set(true);
            if e.kind() != ErrorKind::BrokenPipe {
                let text = e.to_string();
                let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
                self.write_error.borrow_mut().get_or_insert(text);
            }
        }
    }
}

/// Adds to what was captured.
fn add(parts: &mut Vec<(bool, String)>, is_error: bool, text: &str) {
    match parts.last_mut() {
        Some((stream, last)) if *stream == is_error => last.push_str(text),
        _ => parts.push((is_error, text.to_string())),
    }
}

/// [`printable`], but for what sets colours and styles (`ESC [ 1 ; 31 m`).
fn printable_but_colours(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut parts = text.split("\u{1b}[");
    shown.push_str(&printable(parts.next().unwrap_or_default()));
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(part.len());
        let (style, rest) = part.split_at(end);
        match rest.strip_prefix('m') {
            Some(rest) => shown.extend(["\u{1b}[", style, "m", &*printable(rest)]),
            None => shown.extend(["^[[", &*printable(part)]),
        }
    }
    shown
}

/// What an interrupt says before it ends the process; taken by whoever says it.
static FAREWELL: Mutex<Option<String>> = Mutex::new(None);

/// dialoguer hides the cursor while one selects, and an interrupt would leave it hidden in the user's shell.
fn leave() {
    let _ = Term::stdout().show_cursor();
    let farewell = FAREWELL.lock().ok().and_then(|mut f| f.take()).filter(|f| !f.is_empty());
    if let Some(farewell) = farewell {
        let _ = Term::stdout().write_line(&format!("\n\n{farewell}"));
    }
}

fn lost_terminal(dialoguer::Error::IO(e): dialoguer::Error) -> Failure {
    if e.kind() == ErrorKind::Interrupted {
        leave();
        return Failure::silent(interrupt::EXIT);
    }
    Failure::error(format!("the terminal can't be read: {e}"))
}

#[cfg(test)]
mod tests {
    use super::{Style, Ui, printable_but_colours};

    #[test]
    fn a_stranger_has_no_say_over_the_terminal() {
        let ui = Ui::captured();
        ui.allow_only_printable();
        ui.out("\u{1b}[31mred\u{1b}[2J\n");
        ui.err("\u{9b}2J\u{202e}\n");
        assert_eq!(ui.take(), "^[[31mred^[[2J\n\\u009b2J\\u202e\n");
        assert_eq!(
            printable_but_colours("a\u{1b}[1;31mb\u{1b}[0m\u{1b}[2Jc\u{1b}]0;d\u{7}"),
            "a\u{1b}[1;31mb\u{1b}[0m^[[2Jc^[]0;d^G"
        );
    }

    #[test]
    fn captured_keeps_both_streams_in_order() {
        let ui = Ui::captured().with_input("a: 1\n");
        ui.out("pod/a created\n");
        ui.err("Error from server (NotFound): pods \"b\" not found\n");
        ui.out("pod/c created\n");
        assert_eq!(ui.take(), "pod/a created\nError from server (NotFound): pods \"b\" not found\npod/c created\n");
        ui.out("x");
        ui.err("y");
        assert_eq!(ui.take_out(), "x");
        assert_eq!(ui.take(), "");
        assert_eq!(ui.input().unwrap(), b"a: 1\n");
        assert_eq!(ui.paint("plain", Style::new().red()), "plain");
        assert_eq!((ui.width(), ui.select("?", &[], 0)), (80, Ok(None)));
    }
}
