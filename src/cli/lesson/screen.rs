//! What a lesson looks like in a terminal.

use std::collections::BTreeSet;

use owo_colors::Style;

use crate::api::printable::printable;
use crate::lessons::model::{Block, Command, Lesson, Quiz, Step};
use crate::lessons::render::{heading, render};
use crate::lessons::shell::Reply;
use crate::lessons::tables::{self, Change, Line};
use crate::lessons::task::Task;
use crate::ui::Ui;

/// Shows the parts of a lesson, one after the other.
pub(super) struct Screen<'a> {
    ui: &'a Ui,
}

impl<'a> Screen<'a> {
    pub(super) fn new(ui: &'a Ui) -> Self {
        Screen { ui }
    }

    /// The first screen: title, length, introduction.
    pub(super) fn title(&self, lesson: &Lesson) {
        self.ui.out(&self.title_text(lesson));
    }

    /// The same as a text.
    pub(super) fn title_text(&self, lesson: &Lesson) -> String {
        let steps = lesson.steps.len();
        let place = format!("{} minutes, {steps} step{}", lesson.front.minutes, if steps == 1 { "" } else { "s" });
        let title = heading(&lesson.front.title, &place, self.ui.width(), self.ui.colour());
        format!("\n{title}{}", self.prose_text(&lesson.intro))
    }

    /// The heading of the step `number`, from 0.
    pub(super) fn step(&self, lesson: &Lesson, number: usize, step: &Step) {
        self.heading(&step.heading, &format!("{} of {}", number + 1, lesson.steps.len()));
    }

    fn heading(&self, text: &str, place: &str) {
        self.ui.out(&format!("\n{}", heading(text, place, self.ui.width(), self.ui.colour())));
    }

    /// A paragraph or more of Markdown.
    pub(super) fn prose(&self, markdown: &str) {
        self.ui.out(&self.prose_text(markdown));
    }

    /// The same as a text.
    pub(super) fn prose_text(&self, markdown: &str) -> String {
        let text = render(markdown, self.ui.width(), self.ui.colour());
        if text.is_empty() { text } else { format!("\n{text}") }
    }

    /// A file that the lesson puts into its folder.
    pub(super) fn file(&self, name: &str, text: &str) {
        self.ui.out(&self.file_text(name, text, &BTreeSet::new()));
    }

    /// The same as a text; lines that hold one of the words are marked.
    pub(super) fn file_text(&self, name: &str, text: &str, words: &BTreeSet<String>) -> String {
        let quiet = Style::new().dimmed();
        let mut shown = format!("\n{}\n", self.ui.paint(name, Style::new().bold().underline()));
        let mark = self.ui.paint(">", Style::new().yellow().bold());
        for line in printable(text).lines() {
            // OBSERVATION: in the workshop's manifests no "#" stands inside a string.
            let (code, comment) = line.find('#').map_or((line, ""), |at| line.split_at(at));
            let comment = if comment.is_empty() { String::new() } else { self.ui.paint(comment, quiet) };
            let is_named = self.ui.is_attended() && names_line(code, words);
            let margin = if is_named { format!("  {mark} ") } else { "    ".to_string() };
            shown.push_str(format!("{margin}{code}{comment}").trim_end());
            shown.push('\n');
        }
        shown
    }

    /// A question and its options.
    pub(super) fn question(&self, quiz: &Quiz) {
        self.ui.out(&self.question_text(quiz));
    }

    /// The same as a text.
    pub(super) fn question_text(&self, quiz: &Quiz) -> String {
        let mark = self.ui.paint("?", Style::new().magenta().bold());
        let width = self.ui.width().saturating_sub(4);
        let mut shown = format!("\n{mark} {}\n", hang(&render(&quiz.question, width, self.ui.colour()), "  "));
        for (letter, option) in &quiz.options {
            let letter = self.ui.paint(&format!("{letter})"), Style::new().bold());
            let option = render(option, width.saturating_sub(4), self.ui.colour());
            shown.push_str(&format!("    {letter} {}\n", hang(&option, "       ")));
        }
        shown
    }

    /// What the learner is to bring about.
    pub(super) fn task(&self, task: &Task) {
        self.ui.out(&self.task_text(task));
    }

    /// The same as a text.
    pub(super) fn task_text(&self, task: &Task) -> String {
        let mark = self.ui.paint("!", Style::new().magenta().bold());
        let width = self.ui.width().saturating_sub(2);
        format!("\n{mark} {}\n", hang(&render(&task.task, width, self.ui.colour()), "  "))
    }

    /// Why the right answer is right, below a first word.
    pub(super) fn answer(&self, verdict: &str, quiz: &Quiz) {
        self.ui.out(&self.answer_text(verdict, quiz));
    }

    /// The same as a text.
    pub(super) fn answer_text(&self, verdict: &str, quiz: &Quiz) -> String {
        format!("\n{verdict}\n{}", self.prose_text(&quiz.why))
    }

    /// A command as if it had been typed.
    pub(super) fn command(&self, command: &Command) {
        self.line(&command.line);
    }

    /// A line as if it had been typed.
    pub(super) fn line(&self, line: &str) {
        let line = printable(line).replace('\n', "\n> ");
        self.ui.out(&format!("$ {}\n", self.ui.paint(&line, Style::new().bold())));
    }

    /// A command that was run before the learner left.
    pub(super) fn done(&self, command: &Command) {
        let line = command.line.replace('\n', "\n> ");
        self.ui.out(&format!("{}\n", self.ui.paint(&format!("$ {line} (done)"), Style::new().dimmed())));
    }

    /// A part of a step that was done before the learner left: what the rest of the step speaks of.
    pub(super) fn past(&self, block: &Block) {
        match block {
            Block::Prose(text) => self.prose(text),
            Block::File { hidden: true, .. } => {}
            Block::Console(console) if console.hidden => {}
            Block::File { name, text, .. } => self.file(name, text),
            Block::Task(task) => self.task(task),
            Block::Quiz(quiz) => {
                self.question(quiz);
                self.answer(&format!("It is {}: {}", quiz.answer, quiz.right()), quiz);
            }
            Block::Console(console) => {
                self.ui.out("\n");
                console.commands.iter().for_each(|command| self.done(command));
            }
        }
    }

    /// What a command printed.
    pub(super) fn reply(&self, reply: &Reply) {
        self.ui.out(&reply.output);
        if !reply.output.is_empty() && !reply.output.ends_with('\n') {
            self.ui.out("\n");
        }
    }

    /// The watched tables, what is new in them made to stand out; nothing if nothing is.
    pub(super) fn tables(&self, before: &str, after: &str) {
        self.ui.out(&self.picture_text(before, after));
    }

    /// The cluster now, drawn or as tables, what is new made to stand out; nothing if nothing is.
    pub(super) fn picture_text(&self, before: &str, after: &str) -> String {
        let drawing = |text: &str| text.lines().any(|line| line.starts_with(DRAWN));
        let is_drawn = drawing(after) || after.trim().is_empty() && drawing(before);
        // A drawing and tables can't be compared line by line.
        let before = if !is_drawn && drawing(before) { after } else { before };
        let differ = match is_drawn {
            true => before.lines().map(cells).ne(after.lines().map(cells)),
            false => tables::differ(before, after),
        };
        if !differ {
            return String::new();
        }
        let mut shown = format!("\n{}\n", self.ui.paint("The cluster now:", Style::new().dimmed()));
        if after.trim().is_empty() {
            shown.push_str("nothing is left\n");
        }
        let lines = match is_drawn {
            true => drawn(before, after),
            false => tables::compare(before, after),
        };
        for line in lines {
            let text = self.fit(line.text);
            let style = match line.change {
                Change::New => Some(Style::new().green().bold()),
                Change::Changed => Some(Style::new().yellow().bold()),
                Change::None => None,
            };
            let text = match (is_drawn, line.change) {
                (true, Change::None) | (false, _) => text,
                // Who sees no colours sees this.
                (true, _) => format!("{text} *"),
            };
            shown.push_str(&style.map_or(text.clone(), |style| self.ui.paint(&text, style)));
            shown.push('\n');
        }
        shown
    }

    /// A table's line is cut where the terminal ends: it is there to be glanced at, `kubectl get` shows the rest.
    fn fit(&self, line: &str) -> String {
        let width = self.ui.width();
        if !self.ui.is_interactive() || line.chars().count() <= width {
            return line.to_string();
        }
        line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    }
}

/// What each line of a drawing of the cluster begins with.
pub(super) const DRAWN: char = ' ';

/// What stands in a line of a drawing, wherever it stands.
fn cells(line: &str) -> Vec<&str> {
    line.split_whitespace().filter(|cell| !cell.chars().all(|c| c == '─')).collect()
}

/// The lines of a drawing, compared with an earlier one: a line about the same object has changed.
fn drawn<'a>(before: &str, after: &'a str) -> Vec<Line<'a>> {
    let head = |line: &[&str]| line.iter().skip(1).find(|cell| **cell != "-").map(|cell| cell.to_string());
    let old: Vec<Vec<&str>> = before.lines().map(cells).collect();
    let change = |number: usize, line: Vec<&str>| match () {
        // The first names the columns.
        () if number == 0 || old.contains(&line) => Change::None,
        () if old.iter().any(|old| head(old) == head(&line)) => Change::Changed,
        () => Change::New,
    };
    after.lines().enumerate().map(|(number, text)| Line { text, change: change(number, cells(text)) }).collect()
}

/// The words that the prose of a step writes as code: names of fields and columns.
pub(super) fn marked_words(blocks: &[Block]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Prose(text) => Some(text.clone()),
        Block::Quiz(quiz) => Some(format!("{}\n{}", quiz.question, quiz.why)),
        Block::Task(task) => Some(task.task.clone()),
        _ => None,
    });
    for text in texts {
        // What stands between single backquotes.
        for (number, part) in text.split('`').enumerate() {
            if number % 2 == 1 && !part.contains('\n') && part.chars().count() < 60 {
                words.insert(part.trim().trim_end_matches(':').to_string());
            }
        }
        let capitals = |word: &&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
        words.extend(text.split(|c: char| !c.is_ascii_alphabetic()).filter(capitals).map(String::from));
    }
    words
}

/// Whether the prose speaks of a line of a manifest: its field, or all that stands in it.
fn names_line(line: &str, words: &BTreeSet<String>) -> bool {
    let line = line.trim().trim_start_matches("- ").trim();
    let (key, value) = line.split_once(':').map_or((line, ""), |(key, value)| (key, value.trim()));
    // Every manifest has these.
    let is_common = matches!(key, "" | "name" | "kind" | "metadata" | "spec" | "apiVersion" | "labels" | "app");
    !line.is_empty()
        && (words.contains(line)
            || words.iter().any(|w| !is_common && (w == key || w.split('.').next_back() == Some(key)))
            || !value.is_empty() && !is_common && words.contains(value.trim_matches('"')))
}

/// Moves all lines but the first to the right.
pub(super) fn hang(text: &str, by: &str) -> String {
    text.trim_end().replace('\n', &format!("\n{by}"))
}
