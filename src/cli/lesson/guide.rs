//! The guided lesson: it waits for the learner, who may leave the path at every prompt.

use owo_colors::Style;

use super::screen::Screen;
use crate::error::Failure;
use crate::lessons::model::{Block, Command, Console, Lesson, Quiz};
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
    pub(super) save: &'a mut dyn FnMut(&Reached) -> Result<(), Failure>,
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
    pub(super) fn run(mut self) -> Result<End, Failure> {
        let lesson = self.lesson;
        if self.reached.step == 0 && self.reached.block == 0 {
            Screen::new(self.ui).title(lesson);
            Screen::new(self.ui).prose(
                "Enter runs the command that is shown. You may type any other kubectl command instead, as often as \
                 you like; `help` says what else there is.",
            );
            let first = lesson.steps.first().map_or("", |step| step.heading.as_str());
            if let Flow::Quit = self.wait(&format!("Enter begins: {first}"))? {
                return Ok(End::Left);
            }
        }
        while let Some(step) = lesson.steps.get(self.reached.step) {
            match self.step(&step.blocks)? {
                Flow::On => self.go_to(self.reached.step + 1)?,
                Flow::Back => self.back()?,
                Flow::Quit => {
                    (self.save)(&self.reached)?;
                    self.say(&format!("\nUntil next time. kstate lesson {} goes on from here.\n", self.call));
                    return Ok(End::Left);
                }
            }
        }
        self.reached = Reached { finished: true, ..Reached::start(lesson) };
        (self.save)(&self.reached)?;
        let done = self.ui.paint("Done.", Style::new().green().bold());
        self.ui.out(&format!("\n{done} That was \"{}\".\n", lesson.front.title));
        Ok(End::Finished)
    }

    fn step(&mut self, blocks: &[Block]) -> Result<Flow, Failure> {
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
                _ if past => continue,
                Block::File { name, text, .. } => self.file(name, text)?,
                Block::Quiz(quiz) => self.quiz(quiz)?,
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

    fn file(&mut self, name: &str, text: &str) -> Result<Flow, Failure> {
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

    fn console(&mut self, console: &Console) -> Result<Flow, Failure> {
        self.ui.out("\n");
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
    fn offer(&mut self, command: &Command) -> Result<Wish, Failure> {
        let offer = format!(
            "{} {}\n",
            self.ui.paint(&command.line, Style::new().cyan()),
            self.ui.paint("(Enter runs it)", Style::new().dimmed())
        );
        loop {
            match self.ask(&offer, "$ ", &command.line)? {
                Wish::Word(word) => self.unknown(&word),
                wish => return Ok(wish),
            }
        }
    }

    fn quiz(&mut self, quiz: &Quiz) -> Result<Flow, Failure> {
        let screen = Screen::new(self.ui);
        screen.question(quiz);
        let letters: Vec<&str> = quiz.options.keys().map(String::as_str).collect();
        let (last, others) = letters.split_last().map_or(("", &letters[..]), |(last, others)| (*last, others));
        let prompt = format!("{} or {last}? ", others.join(", "));
        self.ui.out("\n");
        let mut tries = 0;
        loop {
            let word = match self.ask("", &prompt, "")? {
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Enter => continue,
                Wish::Word(word) => word.trim_end_matches([')', '.']).to_lowercase(),
            };
            if word == quiz.answer {
                let right = self.ui.paint("Right.", Style::new().green().bold());
                screen.answer(&right, quiz);
                return Ok(Flow::On);
            }
            if !quiz.options.contains_key(&word) {
                self.say("A letter, please; or a command, if you would rather look first.\n");
                continue;
            }
            tries += 1;
            if tries == 1 && letters.len() > 2 {
                let hint = quiz.hint.as_deref().unwrap_or("Think again, you have another try.");
                screen.prose(&format!("Not quite. {hint}"));
                self.ui.out("\n");
                continue;
            }
            screen.answer(&format!("It is {}: {}", quiz.answer, quiz.right()), quiz);
            return Ok(Flow::On);
        }
    }

    /// The end of a step.
    fn pause(&mut self) -> Result<Flow, Failure> {
        let next = self.lesson.steps.get(self.reached.step + 1);
        let what = next.map_or("Enter ends the lesson".to_string(), |step| format!("Enter goes on: {}", step.heading));
        self.wait(&what)
    }

    /// Lets the learner read, or try something, until Enter.
    fn wait(&mut self, what: &str) -> Result<Flow, Failure> {
        let offer = format!("\n{}\n", self.ui.paint(what, Style::new().dimmed()));
        loop {
            match self.ask(&offer, "$ ", "")? {
                Wish::Enter => return Ok(Flow::On),
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Word(word) => self.unknown(&word),
            }
        }
    }

    /// Asks until the learner wants something that is not answered on the spot.
    fn ask(&mut self, offer: &str, prompt: &str, suggestion: &str) -> Result<Wish, Failure> {
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
    fn back(&mut self) -> Result<(), Failure> {
        let stay = self.touched || !self.at_start();
        let step = if stay { self.reached.step } else { self.reached.step.saturating_sub(1) };
        let Some(mark) = self.reached.marks.get(step).cloned() else {
            self.say("There is no way back from here.\n");
            return Ok(());
        };
        self.shell.rollback(&mark)?;
        self.reached.marks.truncate(step);
        self.say("\nBack; the cluster is as it was then.\n");
        self.go_to(step)
    }

    fn go_to(&mut self, step: usize) -> Result<(), Failure> {
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
mod tests {
    use super::{End, Guide};
    use crate::error::Failure;
    use crate::lessons::model::Lesson;
    use crate::lessons::parse::parse;
    use crate::lessons::progress::Reached;
    use crate::lessons::shell::{Mark, Reply, Shell};
    use crate::ui::Ui;

    /// A cluster of which only the names of its pods are known: `kubectl run NAME` adds one.
    #[derive(Default)]
    struct Pods(Vec<String>);

    impl Shell for Pods {
        fn run(&mut self, line: &str) -> Reply {
            match line.strip_prefix("kubectl run ") {
                Some(name) => {
                    self.0.push(name.to_string());
                    Reply { output: format!("pod/{name} created\n"), code: 0 }
                }
                None => Reply { output: format!("{}\n", self.0.join(" ")), code: 0 },
            }
        }

        fn settle(&mut self) -> Result<(), Failure> {
            Ok(())
        }

        fn write_file(&mut self, _: &str, _: &str) -> Result<(), Failure> {
            Ok(())
        }

        fn checkpoint(&mut self) -> Result<Mark, Failure> {
            Ok(Mark(self.0.join(",")))
        }

        fn rollback(&mut self, mark: &Mark) -> Result<(), Failure> {
            self.0 = mark.0.split(',').filter(|p| !p.is_empty()).map(String::from).collect();
            Ok(())
        }

        fn watched_tables(&mut self, _: &[String]) -> String {
            let rows: String = self.0.iter().map(|p| format!("{p}   1/1\n")).collect();
            format!("NAME   READY\n{rows}")
        }
    }

    fn lesson() -> Lesson {
        let text = "---\ntitle: Pods\nsummary: S.\nminutes: 5\n---\nHello.\n\n## One\n\nRun it.\n\n```console\n$ kubectl run a\npod/a created\n```\n\n## Two\n\n```quiz\nquestion: How many?\noptions:\n  a: None\n  b: Two\n  c: Three\nanswer: b\nhint: Count.\nwhy: One and one.\n```\n\n```console\n$ kubectl run b\npod/b created\n$ kubectl get pods\na b\n```\n";
        parse("pods.md", text).expect("a lesson")
    }

    fn session(lesson: &Lesson, shell: &mut Pods, reached: Reached, lines: &[&str]) -> (End, Reached, String) {
        let ui = Ui::captured().answering(lines);
        let mut last = reached.clone();
        let mut save = |r: &Reached| {
            last = r.clone();
            Ok(())
        };
        let guide = Guide {
            ui: &ui,
            lesson,
            shell,
            reached,
            save: &mut save,
            folder: "files".into(),
            call: "pods".into(),
            touched: false,
        };
        let end = guide.run().expect("a session");
        (end, last, ui.take())
    }

    #[test]
    fn a_wrong_answer_a_command_of_ones_own_a_step_back_a_quit_and_a_resume() {
        let (lesson, mut shell) = (lesson(), Pods::default());
        let lines = ["", "", "k run mine", "", "a", "x", "c", "", "back", "b", "", "quit"];
        let (end, reached, shown) = session(&lesson, &mut shell, Reached::start(&lesson), &lines);
        assert_eq!((end, reached.step, reached.block, reached.command), (End::Left, 1, 1, 1));
        assert_eq!(shell.0, ["a", "mine", "b"]);
        insta::assert_snapshot!(shown.trim(), @r"
        Pods                                                          5 minutes, 2 steps
        ────────────────────────────────────────────────────────────────────────────────

        Hello.

        Enter runs the command that is shown. You may type any other kubectl command
        instead, as often as you like; `help` says what else there is.

        One                                                                       1 of 2
        ────────────────────────────────────────────────────────────────────────────────

        Run it.

        $ kubectl run a
        pod/a created

        The cluster now:
        NAME   READY
        a   1/1
        $ k run mine
        pod/mine created

        Two                                                                       2 of 2
        ────────────────────────────────────────────────────────────────────────────────

        ? How many?
            a) None
            b) Two
            c) Three

        a, b or c? a

        Not quite. Count.

        a, b or c? x
        A letter, please; or a command, if you would rather look first.
        a, b or c? c

        It is b: Two

        One and one.

        $ kubectl run b
        pod/b created
        $ back

        Back; the cluster is as it was then.

        Two                                                                       2 of 2
        ────────────────────────────────────────────────────────────────────────────────

        ? How many?
            a) None
            b) Two
            c) Three

        a, b or c? b

        Right.

        One and one.

        $ kubectl run b
        pod/b created
        $ quit

        Until next time. kstate lesson pods goes on from here.
        ");
        let again = ["kubectl run x", "back", "quit"];
        let place =
            Reached { step: 1, marks: vec![Mark(String::new()), Mark("a,mine".into())], ..Reached::start(&lesson) };
        let (_, undone, _) = session(&lesson, &mut Pods(vec!["a".into()]), place, &again);
        assert_eq!(undone.step, 1, "a command of one's own is taken back first");
        let (end, reached, shown) = session(&lesson, &mut shell, reached, &["", ""]);
        assert_eq!((end, reached.finished), (End::Finished, true));
        assert!(shown.contains("\n$ kubectl get pods\na mine b\n"), "{shown}");
    }
}
