//! The guided lesson: it waits for the learner, who may leave the path at every prompt.

mod quiz;
mod task;

use anyhow::Result;
use owo_colors::Style;

use crate::cli::lesson::screen::Screen;
use crate::lessons::model::{Block, Command, Console, Lesson};
use crate::lessons::progress::Reached;
use crate::lessons::shell::Shell;
use crate::ui::Ui;

/// Lines of a file from which on the learner is given time before it is shown.
const LONG_FILE: usize = 14;

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
    Ran,
    /// A word of their own that is no command.
    Word(String),
    Back,
    Quit,
}

/// What a part of the lesson led to.
enum Flow {
    On,
    Back,
    Quit,
}

/// A session of a learner with a lesson.
pub(super) struct Guide<'a> {
    pub(super) ui: &'a Ui,
    pub(super) lesson: &'a Lesson,
    pub(super) shell: &'a mut dyn Shell,
    pub(super) reached: Reached,
    /// Keeps the place, so that a killed process loses nothing.
    pub(super) save: &'a mut dyn FnMut(&Reached) -> Result<()>,
    /// Where the lesson's files are, for the help.
    pub(super) folder: String,
    /// What the learner calls the lesson on the command line.
    pub(super) call: String,
    /// Whether the learner changed something of their own accord since the step began.
    pub(super) touched: bool,
}

impl Guide<'_> {
    /// Goes through the lesson from where it was left.
    ///
    /// # Errors
    /// The terminal, the cluster or the progress file fails.
    pub(super) fn run(mut self) -> Result<End> {
        let lesson = self.lesson;
        self.ui.on_interrupt(&self.farewell());
        if self.reached.step == 0 && self.reached.block == 0 {
            Screen::new(self.ui).title(lesson);
            Screen::new(self.ui).prose(
                "Enter runs the command that is shown. You may type any other kubectl command instead, as often as \
                 you like; `help` says what else there is.",
            );
            let first = lesson.steps.first().map_or("", |step| step.heading.as_str());
            loop {
                match self.wait(&format!("Enter begins: {first}"))? {
                    Flow::On => break,
                    Flow::Back => self.say("This is the beginning.\n"),
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
        format!("Until next time. kstate lesson {} goes on from here.", self.call)
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
        let before = self.shell.watched_tables(&lesson.front.watch);
        for (index, block) in blocks.iter().enumerate() {
            let past = index < self.reached.block;
            let flow = match block {
                Block::Prose(text) => {
                    screen.prose(text);
                    Flow::On
                }
                _ if past => {
                    screen.past(block);
                    Flow::On
                }
                Block::File { name, text, hidden: true, .. } => {
                    self.shell.write_file(name, text)?;
                    Flow::On
                }
                Block::File { name, text, .. } => self.file(name, text)?,
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
        screen.tables(&before, &self.shell.watched_tables(&lesson.front.watch));
        self.pause()
    }

    fn file(&mut self, name: &str, text: &str) -> Result<Flow> {
        self.shell.write_file(name, text)?;
        // OBSERVATION: a long file would push the words about it off the screen unread.
        if text.lines().count() > LONG_FILE {
            let flow = self.wait(&format!("Enter shows {name}"))?;
            if !matches!(flow, Flow::On) {
                return Ok(flow);
            }
        }
        Screen::new(self.ui).file(name, text);
        Ok(Flow::On)
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
                _ => {}
            }
            let reply = self.shell.run(&command.line);
            if console.settle {
                self.shell.settle()?;
            }
            Screen::new(self.ui).reply(&reply);
            if (reply.code == 0) != (command.exit == 0) {
                self.say("(The lesson expected another answer: the cluster is not what it was there. back returns to a state that is.)\n");
            }
            self.reached.command = index + 1;
            (self.save)(&self.reached)?;
        }
        Ok(Flow::On)
    }

    /// Shows a command until the learner wants it to run.
    fn offer(&mut self, command: &Command) -> Result<Wish> {
        let hint = "(Enter runs it)";
        // A line that is full takes no hint: the terminal would cut it in two.
        let fits = command.line.chars().count() + hint.len() < self.ui.width();
        let offer = format!(
            "{}{}{}\n",
            self.ui.paint(&command.line, Style::new().cyan()),
            if fits { ' ' } else { '\n' },
            self.ui.paint(hint, Style::new().dimmed())
        );
        loop {
            match self.ask(&offer, "$ ", &command.line)? {
                Wish::Word(word) => self.unknown(&word),
                Wish::Ran => {}
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
        let offer = format!("\n{}\n", self.ui.paint(what, Style::new().dimmed()));
        loop {
            match self.ask(&offer, "$ ", "")? {
                Wish::Enter => return Ok(Flow::On),
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Word(word) => self.unknown(&word),
                Wish::Ran => {}
            }
        }
    }

    /// Asks until the learner wants something that is not answered on the spot.
    fn ask(&mut self, offer: &str, prompt: &str, suggestion: &str) -> Result<Wish> {
        loop {
            let Some(line) = self.ui.line(offer, prompt, suggestion)? else { return Ok(Wish::Quit) };
            let line = line.trim();
            if line == suggestion {
                return Ok(Wish::Enter);
            }
            match line {
                "back" => return Ok(Wish::Back),
                "quit" | "exit" | "q" => return Ok(Wish::Quit),
                "help" | "?" => self.help(),
                _ => match own_command(line) {
                    Some(command) => {
                        let reply = self.shell.run(&command);
                        self.shell.settle()?;
                        self.touched |= !only_looks(&command);
                        Screen::new(self.ui).reply(&reply);
                        return Ok(Wish::Ran);
                    }
                    None => return Ok(Wish::Word(line.to_string())),
                },
            }
        }
    }

    fn unknown(&self, word: &str) {
        self.say(&format!("{word:?} is no kubectl command; help says what works here.\n"));
    }

    fn help(&self) {
        let folder = &self.folder;
        self.say(&format!(
            "
  Enter         runs the command that is shown, or goes on
  kubectl ...   any command of your own; it really happens (k ... will do)
  kstate ...    kstate clock advance 1m, kstate node stop NODE, ...
  back          to the start of this step, or to the one before it;
                the cluster goes back too
  quit          leaves; the lesson goes on where you left it
  help, ?       this

The lesson's files are in {folder}
"
        ));
    }

    /// To the start of this step, or from there to the one before.
    fn back(&mut self) -> Result<()> {
        let stay = self.touched || !self.at_start();
        let step = if stay { self.reached.step } else { self.reached.step.saturating_sub(1) };
        if !stay && self.reached.step == 0 {
            self.say("This is the first step.\n");
        }
        let Some(mark) = self.reached.marks.get(step).cloned() else {
            self.say("There is no way back from here.\n");
            return Ok(());
        };
        self.shell.rollback(&mark)?;
        self.reached.marks.truncate(step);
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

/// The command line that the learner means, if it is one: `k`, as many call it, is kubectl.
fn own_command(line: &str) -> Option<String> {
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match first {
        "k" | "kubectl" => Some(format!("kubectl {rest}").trim_end().to_string()),
        "kstate" => Some(line.to_string()),
        _ => None,
    }
}

/// Whether the command changes nothing, so that there is nothing to take back.
fn only_looks(command: &str) -> bool {
    const LOOKS: [&str; 11] =
        ["get", "describe", "events", "explain", "logs", "top", "diff", "auth", "config", "version", "help"];
    command.split_whitespace().nth(1).is_none_or(|verb| LOOKS.contains(&verb) || verb.starts_with("api-"))
}

#[cfg(test)]
mod tests;
