//! What a lesson looks like in a terminal.

use owo_colors::Style;

use crate::api::printable::printable;
use crate::lessons::model::{Block, Command, Lesson, Quiz, Step};
use crate::lessons::render::{heading, render};
use crate::lessons::shell::Reply;
use crate::lessons::tables::{self, Change};
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
        let steps = lesson.steps.len();
        let place = format!("{} minutes, {steps} step{}", lesson.front.minutes, if steps == 1 { "" } else { "s" });
        self.heading(&lesson.front.title, &place);
        self.prose(&lesson.intro);
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
        let text = render(markdown, self.ui.width(), self.ui.colour());
        if !text.is_empty() {
            self.ui.out(&format!("\n{text}"));
        }
    }

    /// A file that the lesson puts into its folder.
    pub(super) fn file(&self, name: &str, text: &str) {
        let quiet = Style::new().dimmed();
        let mut shown = format!("\n{}\n", self.ui.paint(name, Style::new().bold().underline()));
        for line in printable(text).lines() {
            // OBSERVATION: in the workshop's manifests no "#" stands inside a string.
            let (code, comment) = line.find('#').map_or((line, ""), |at| line.split_at(at));
            let comment = if comment.is_empty() { String::new() } else { self.ui.paint(comment, quiet) };
            shown.push_str(format!("    {code}{comment}").trim_end());
            shown.push('\n');
        }
        self.ui.out(&shown);
    }

    /// A question and its options.
    pub(super) fn question(&self, quiz: &Quiz) {
        let mark = self.ui.paint("?", Style::new().magenta().bold());
        let width = self.ui.width().saturating_sub(4);
        let mut shown = format!("\n{mark} {}\n", hang(&render(&quiz.question, width, self.ui.colour()), "  "));
        for (letter, option) in &quiz.options {
            let letter = self.ui.paint(&format!("{letter})"), Style::new().bold());
            let option = render(option, width.saturating_sub(4), self.ui.colour());
            shown.push_str(&format!("    {letter} {}\n", hang(&option, "       ")));
        }
        self.ui.out(&shown);
    }

    /// What the learner is to bring about.
    pub(super) fn task(&self, task: &Task) {
        let mark = self.ui.paint("!", Style::new().magenta().bold());
        let width = self.ui.width().saturating_sub(2);
        self.ui.out(&format!("\n{mark} {}\n", hang(&render(&task.task, width, self.ui.colour()), "  ")));
    }

    /// Why the right answer is right, below a first word.
    pub(super) fn answer(&self, verdict: &str, quiz: &Quiz) {
        self.ui.out(&format!("\n{verdict}\n"));
        self.prose(&quiz.why);
    }

    /// A command as if it had been typed.
    pub(super) fn command(&self, command: &Command) {
        self.line(&command.line);
    }

    /// A line as if it had been typed.
    pub(super) fn line(&self, line: &str) {
        self.ui.out(&format!("$ {}\n", self.ui.paint(&printable(line), Style::new().bold())));
    }

    /// A command that was run before the learner left.
    pub(super) fn done(&self, command: &Command) {
        self.ui.out(&format!("{}\n", self.ui.paint(&format!("$ {} (done)", command.line), Style::new().dimmed())));
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
        if !tables::differ(before, after) {
            return;
        }
        let mut shown = format!("\n{}\n", self.ui.paint("The cluster now:", Style::new().dimmed()));
        if after.trim().is_empty() {
            shown.push_str("nothing is left\n");
        }
        for line in tables::compare(before, after) {
            let text = self.fit(line.text);
            let style = match line.change {
                Change::New => Some(Style::new().green().bold()),
                Change::Changed => Some(Style::new().yellow().bold()),
                Change::None => None,
            };
            shown.push_str(&style.map_or(text.clone(), |style| self.ui.paint(&text, style)));
            shown.push('\n');
        }
        self.ui.out(&shown);
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

/// Moves all lines but the first to the right.
pub(super) fn hang(text: &str, by: &str) -> String {
    text.trim_end().replace('\n', &format!("\n{by}"))
}
