//! The guided lesson: it waits for the learner, who may leave the path at every prompt.

mod ask;
mod jump;
mod quiz;
mod task;

use anyhow::Result;
use owo_colors::Style;

use crate::cli::lesson::live::{Live, goes_on};
use crate::cli::lesson::same::has_same_effect;
use crate::cli::lesson::screen::{Screen, marked_words};
use crate::lessons::model::{Block, Command, Console, Lesson, Quiz};
use crate::lessons::progress::Reached;
use crate::lessons::shell::{Reply, Shell};
use crate::ui::Ui;

/// Rows that stay free below what is shown: for a prompt, and a line to read on from.
const MARGIN: usize = 4;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All steps are done.
    Finished,
    /// The learner left, and can come back.
    Left,
}

/// What the learner wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    /// Go on.
    Enter,
    /// Go on, after a command of their own was run.
    Ran(String, Reply),
    /// A word of their own that is no command.
    Word(String),
    Back,
    Jump(usize),
    Quit,
}

/// What a part of the lesson led to.
enum Flow {
    On,
    Back,
    Jump(usize),
    Quit,
}

/// What is remembered of answers to questions: the question, and whether it was right at once.
pub(super) type Remember<'a> = &'a mut dyn FnMut(&Quiz, bool) -> Result<()>;

/// A session of a learner with a lesson.
pub(super) struct Guide<'a> {
    pub(super) ui: &'a Ui,
    pub(super) lesson: &'a Lesson,
    pub(super) shell: &'a mut dyn Shell,
    pub(super) reached: Reached,
    /// Keeps the place, so that a killed process loses nothing.
    pub(super) save: &'a mut dyn FnMut(&Reached) -> Result<()>,
    /// Keeps what was answered.
    pub(super) remember: Remember<'a>,
    /// Where the lesson's files are, for the help.
    pub(super) folder: String,
    /// What the learner calls the lesson on the command line.
    pub(super) call: String,
    /// Whether the learner changed something of their own accord since the step began.
    pub(super) touched: bool,
    /// The step to begin with, from 0.
    pub(super) begin_at: Option<usize>,
    /// What the last command printed, where it was not shown as it is.
    pub(super) whole: Option<String>,
}

impl Guide<'_> {
    /// Goes through the lesson from where it was left.
    ///
    /// # Errors
    /// The terminal, the cluster or the progress file fails.
    pub(super) fn run(mut self) -> Result<End> {
        let lesson = self.lesson;
        self.ui.on_interrupt(&self.farewell());
        if let Some(step) = self.begin_at.take() {
            self.jump(step)?;
        } else if self.reached.step == 0 && self.reached.block == 0 {
            let screen = Screen::new(self.ui);
            let words = screen.prose_text(
                "Enter runs the command that is shown. You may type any other command instead, as often as you like: \
                 the prompt is a shell, and TAB completes. `help` says what else there is.",
            );
            if !matches!(self.read(&(screen.title_text(lesson) + &words))?, Flow::On | Flow::Jump(_)) {
                self.say(&format!("\n{}\n", self.farewell()));
                return Ok(End::Left);
            }
            let first = lesson.steps.first().map_or("", |step| step.heading.as_str());
            loop {
                match self.wait(&format!("Enter begins: {first}"))? {
                    Flow::On => break,
                    Flow::Back => self.say("This is the beginning.\n"),
                    Flow::Jump(step) => {
                        self.jump(step)?;
                        break;
                    }
                    Flow::Quit => {
                        self.say(&format!("\n{}\n", self.farewell()));
                        return Ok(End::Left);
                    }
                }
            }
        }
        while let Some(step) = lesson.steps.get(self.reached.step) {
            match self.step(&step.blocks)? {
                Flow::On => self.go_to(self.reached.step + 1)?,
                Flow::Back => self.back()?,
                Flow::Jump(step) => self.jump(step)?,
                Flow::Quit => {
                    (self.save)(&self.reached)?;
                    self.say(&format!("\n{}\n", self.farewell()));
                    return Ok(End::Left);
                }
            }
        }
        self.debrief()?;
        self.reached = Reached { finished: true, ..Reached::start(lesson) };
        (self.save)(&self.reached)?;
        self.ui.on_interrupt("");
        let done = self.ui.paint("Done.", Style::new().green().bold());
        self.ui.out(&format!("\n{done} That was \"{}\".\n", lesson.front.title));
        Ok(End::Finished)
    }

    fn farewell(&self) -> String {
        let farewell = format!("Until next time. kstate lesson {} goes on from here.", self.call);
        match farewell.chars().count() < self.ui.width() {
            true => farewell,
            false => farewell.replacen(". ", ".\n", 1),
        }
    }

    fn step(&mut self, blocks: &[Block]) -> Result<Flow> {
        let lesson = self.lesson;
        let screen = Screen::new(self.ui);
        let number = self.reached.step;
        screen.step(lesson, number, &lesson.steps[number]);
        if self.at_start() {
            self.reached.marks.truncate(number);
            let mark = self.shell.checkpoint()?;
            self.reached.marks.push(mark);
            (self.save)(&self.reached)?;
        }
        let before = self.picture();
        for (index, block) in blocks.iter().enumerate() {
            let past = index < self.reached.block;
            let flow = match block {
                Block::Prose(text) => self.read(&screen.prose_text(text))?,
                _ if past => {
                    screen.past(block);
                    Flow::On
                }
                Block::File { name, text, hidden: true, .. } => {
                    self.shell.write_file(name, text)?;
                    Flow::On
                }
                Block::File { name, text, .. } => self.file(name, text, blocks)?,
                Block::Quiz(quiz) => self.quiz(quiz)?,
                Block::Task(task) => self.task(task)?,
                Block::Console(console) if console.hidden => self.behind_the_scenes(console)?,
                Block::Console(console) => self.console(console)?,
            };
            if !matches!(flow, Flow::On) {
                return Ok(flow);
            }
            if !past {
                (self.reached.block, self.reached.command) = (index + 1, 0);
                (self.save)(&self.reached)?;
            }
        }
        let after = self.picture();
        let flow = self.read(&screen.picture_text(&before, &after))?;
        if !matches!(flow, Flow::On) {
            return Ok(flow);
        }
        self.pause()
    }

    /// The cluster in small: who holds whom, or the tables of what the lesson watches.
    fn picture(&mut self) -> String {
        // A mark may stand behind each line.
        let drawn = self.shell.picture(self.ui.width().saturating_sub(2));
        match drawn {
            Some(drawn) => drawn,
            None => self.shell.watched_tables(&self.lesson.front.watch),
        }
    }

    /// Shows a text; one that would push what stands above it off the screen only once that was read.
    fn read(&mut self, text: &str) -> Result<Flow> {
        let height = self.ui.height().saturating_sub(MARGIN).max(4);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut left = &lines[..];
        while !left.is_empty() {
            let free = match self.ui.is_attended() {
                true => height.saturating_sub(self.ui.rows()),
                false => left.len(),
            };
            if left.len() <= free {
                self.say(&left.concat());
                return Ok(Flow::On);
            }
            // A screen is filled where there is much; a little more waits as a whole.
            if free >= height / 2 && left.len() > height {
                // A paragraph is not begun in the last row.
                let most = &left[..free];
                let end = most.iter().rposition(|line| line.trim().is_empty()).filter(|end| *end > free / 2);
                let (now, rest) = left.split_at(end.map_or(free, |end| end + 1));
                self.say(&now.concat());
                left = rest;
            }
            let flow = self.wait_more("Enter reads on")?;
            if !matches!(flow, Flow::On) {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    /// Lets a screen that is nearly full be read.
    fn read_so_far(&mut self) -> Result<Flow> {
        let height = self.ui.height().saturating_sub(MARGIN).max(4);
        match self.ui.is_attended() && self.ui.rows() > height / 2 {
            true => self.wait_more("Enter reads on"),
            false => Ok(Flow::On),
        }
    }

    fn file(&mut self, name: &str, text: &str, blocks: &[Block]) -> Result<Flow> {
        self.shell.write_file(name, text)?;
        let marks = marked_words(blocks);
        let shown = Screen::new(self.ui).file_text(name, text, &marks);
        self.read(&shown)
    }

    /// Runs what the learner does not see.
    fn behind_the_scenes(&mut self, console: &Console) -> Result<Flow> {
        for command in &console.commands {
            self.shell.run(&command.line);
            if console.settle {
                self.shell.settle()?;
            }
        }
        Ok(Flow::On)
    }

    fn console(&mut self, console: &Console) -> Result<Flow> {
        self.ui.out("\n");
        for command in console.commands.iter().take(self.reached.command) {
            Screen::new(self.ui).done(command);
        }
        for (index, command) in console.commands.iter().enumerate().skip(self.reached.command) {
            match self.offer(command)? {
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Jump(step) => return Ok(Flow::Jump(step)),
                // Their own spelling of it has been run.
                Wish::Ran(..) => {}
                _ => {
                    Screen::new(self.ui).command(command);
                    let reply = self.run_shown(&command.line);
                    if console.settle {
                        self.shell.settle()?;
                    }
                    if (reply.code == 0) != (command.exit == 0) {
                        self.say("(The lesson expected another answer: the cluster is not what it was there. back returns to a state that is.)\n");
                    }
                }
            }
            self.reached.command = index + 1;
            (self.save)(&self.reached)?;
        }
        Ok(Flow::On)
    }

    /// Runs a line and shows what it prints, as wide as the terminal.
    fn run_shown(&mut self, line: &str) -> Reply {
        let keep = self.lesson.steps.get(self.reached.step).map(|step| marked_words(&step.blocks)).unwrap_or_default();
        let mut live = Live::new(self.ui, line, keep);
        let reply = self.shell.run_for(line, &mut live);
        self.whole = live.take_whole();
        // The prompt begins a line of its own.
        if !reply.output.is_empty() && !reply.output.ends_with('\n') {
            self.say("\n");
        }
        if let Some(note) = live.note() {
            self.say(&format!("{}\n", self.ui.paint(&note, Style::new().dimmed())));
        }
        if goes_on(line) && reply.code == 0 && self.ui.is_attended() {
            let note = "(Nothing changes any more. On a real cluster it would go on: Ctrl-C ends it.)";
            self.say(&format!("{}\n", self.ui.paint(note, Style::new().dimmed())));
        }
        reply
    }

    /// Shows a command until the learner wants it to run, or has run it in their own words.
    fn offer(&mut self, command: &Command) -> Result<Wish> {
        loop {
            match self.ask("$ ", &command.line, "(Enter runs it)")? {
                Wish::Word(word) if matches!(word.as_str(), "hint" | "answer" | "solution") => {
                    self.say(&format!("Enter runs: {}\n", command.line));
                }
                Wish::Word(word) if word == "skip" => return Ok(Wish::Enter),
                Wish::Word(word) => self.unknown(&word),
                Wish::Ran(line, reply) => {
                    if has_same_effect(command, &line, &reply) {
                        return Ok(Wish::Ran(line, reply));
                    }
                }
                wish => return Ok(wish),
            }
        }
    }

    /// The end of a step.
    fn pause(&mut self) -> Result<Flow> {
        let next = self.lesson.steps.get(self.reached.step + 1);
        let what = next.map_or("Enter ends the lesson".to_string(), |step| format!("Enter goes on: {}", step.heading));
        self.wait(&what)
    }

    /// Lets the learner read, or try something, until Enter.
    fn wait(&mut self, what: &str) -> Result<Flow> {
        self.say("\n");
        self.wait_more(what)
    }

    fn wait_more(&mut self, what: &str) -> Result<Flow> {
        loop {
            match self.ask("$ ", "", what)? {
                Wish::Enter => return Ok(Flow::On),
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Jump(step) => return Ok(Flow::Jump(step)),
                Wish::Word(word) if word == "skip" => return Ok(Flow::On),
                Wish::Word(word) if word == "hint" => self.say("There is nothing to be solved here: Enter goes on.\n"),
                Wish::Word(word) => self.unknown(&word),
                Wish::Ran(..) => {}
            }
        }
    }

    /// To the start of this step, or from there to the one before.
    fn back(&mut self) -> Result<()> {
        let stay = self.touched || !self.at_start();
        let step = if stay { self.reached.step } else { self.reached.step.saturating_sub(1) };
        if !stay && self.reached.step == 0 {
            self.say("This is the first step.\n");
        }
        self.return_to(step)?;
        self.say("\nBack; the cluster is as it was then.\n");
        self.go_to(step)
    }

    fn go_to(&mut self, step: usize) -> Result<()> {
        (self.reached.step, self.reached.block, self.reached.command) = (step, 0, 0);
        self.touched = false;
        (self.save)(&self.reached)
    }

    /// Whether nothing of this step has been done yet: no command run, no question answered.
    fn at_start(&self) -> bool {
        let blocks = self.lesson.steps.get(self.reached.step).map_or(&[][..], |step| &step.blocks);
        let passive = |block: &Block| matches!(block, Block::Prose(_) | Block::File { .. });
        self.reached.command == 0 && blocks.iter().take(self.reached.block).all(passive)
    }

    fn say(&self, text: &str) {
        self.ui.out(text);
    }
}

#[cfg(test)]
mod tests;
