//! The prompt of a guided lesson: words of the lesson, and everything else is for the shell.

use anyhow::{Result, anyhow};
use clap::CommandFactory;

use super::{Guide, Wish};
use crate::cli::App;
use crate::lessons::shell::Shell;
use crate::ui::{Assist, Completions, Prompt, Typed};

/// The words that mean something to a lesson.
const WORDS: [&str; 14] = [
    "back", "help", "hint", "skip", "answer", "solution", "question", "task", "check", "full", "step", "steps", "quit",
    "clear",
];

/// What helps at the prompt: the shell, and the lesson's own words.
struct Helping<'a>(&'a mut dyn Shell);

impl Assist for Helping<'_> {
    fn complete(&mut self, line: &str) -> Completions {
        let (start, mut candidates) = self.0.complete(line);
        if !line.trim().is_empty() && !line.contains(' ') {
            let own = WORDS.iter().filter(|word| word.starts_with(line));
            candidates.extend(own.map(|word| (format!("{word} "), String::new())));
            candidates.sort();
            candidates.dedup_by(|a, b| a.0 == b.0);
        }
        Completions { start, candidates }
    }

    fn is_unfinished(&self, line: &str) -> bool {
        let first = line.trim().split(' ').next().unwrap_or_default();
        !WORDS.contains(&first) && line.trim().chars().count() > 1 && self.0.is_unfinished(line)
    }
}

/// Whether a line changes nothing in the cluster, so that there is nothing to take back.
pub(super) fn only_looks(line: &str) -> bool {
    const LOOKS: [&str; 13] = [
        "get", "describe", "events", "explain", "logs", "top", "diff", "auth", "config", "version", "help", "why",
        "map",
    ];
    let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || "|;&()`".contains(c)).collect();
    let verbs = words.iter().enumerate().filter(|(_, word)| matches!(**word, "k" | "kubectl" | "kstate"));
    let mut verbs = verbs.filter_map(|(at, _)| words.get(at + 1));
    verbs.all(|verb| LOOKS.contains(verb) || verb.starts_with("api-"))
}

/// The program that has such a command.
fn called(verb: &str) -> Option<&'static str> {
    const OWN: [&str; 11] =
        ["check", "clock", "cluster", "csi", "fault", "image", "load", "map", "node", "undo", "why"];
    let is_verb = || App::command().find_subcommand(verb).is_some();
    match OWN.contains(&verb) {
        true => Some("kstate"),
        false => is_verb().then_some("kubectl"),
    }
}

impl Guide<'_> {
    /// Asks until the learner wants something that is not answered on the spot. Ctrl-C gives a line up, Ctrl-D leaves.
    pub(super) fn ask(&mut self, prompt: &str, offered: &str, about: &str) -> Result<Wish> {
        loop {
            let prompt = Prompt { text: prompt, offered, about };
            let typed = self.ui.typed(prompt, &mut Helping(self.shell));
            let line = match typed.map_err(|error| anyhow!("the terminal can't be read: {error}"))? {
                Typed::Line(line) => line,
                Typed::Interrupt => continue,
                Typed::End => return Ok(Wish::Quit),
            };
            let line = line.trim();
            if line.is_empty() || line == offered {
                return Ok(Wish::Enter);
            }
            let (first, rest) = line.split_once(' ').map_or((line, ""), |(first, rest)| (first, rest.trim()));
            match (first, rest) {
                ("back", "") => return Ok(Wish::Back),
                ("quit" | "exit" | "q", "") => return Ok(Wish::Quit),
                ("help" | "?", "") => self.help(),
                ("clear", "") => self.ui.clear(),
                ("full", "") => match self.whole.take() {
                    Some(whole) => self.say(&whole),
                    None => self.say("The last answer was shown whole.\n"),
                },
                ("vi" | "vim" | "nano" | "edit", file) if !file.is_empty() && self.ui.is_attended() => {
                    if let Err(failure) = self.shell.edit(file) {
                        self.say(&format!("{}\n", failure.message));
                    }
                }
                ("steps", "") => self.steps(),
                ("step", number) if !number.contains(' ') => match self.step_number(number) {
                    Some(step) => return Ok(Wish::Jump(step)),
                    None => self.steps(),
                },
                _ if !WORDS.contains(&line) && self.shell.knows(line) => {
                    let reply = self.run_shown(line);
                    self.shell.settle()?;
                    self.touched |= !only_looks(line);
                    return Ok(Wish::Ran(line.to_string(), reply));
                }
                _ => return Ok(Wish::Word(line.to_string())),
            }
        }
    }

    fn step_number(&self, text: &str) -> Option<usize> {
        let number: usize = text.parse().ok()?;
        (1..=self.lesson.steps.len()).contains(&number).then(|| number - 1)
    }

    fn steps(&self) {
        for (number, step) in self.lesson.steps.iter().enumerate() {
            let here = if number == self.reached.step { '>' } else { ' ' };
            self.say(&format!("{here} {}. {}\n", number + 1, step.heading));
        }
        self.say("step N goes there; the cluster is then what it is when the lesson comes there.\n");
    }

    pub(super) fn unknown(&self, word: &str) {
        let first = word.split(' ').next().unwrap_or_default();
        if word.is_empty() {
            return;
        }
        match called(first) {
            Some(program) => self.say(&format!("{first}: command not found; did you mean {program} {word}?\n")),
            None => self.say(&format!("{first}: command not found; help says what works here\n")),
        }
    }

    fn help(&self) {
        let folder = &self.folder;
        self.say(&format!(
            "
  Enter         runs the command that is shown, or goes on
  kubectl ...   any command of your own; it really happens (k ... will do)
  ls, cat, ...  the prompt is a shell: pipes, loops, $( ), grep, awk, jq, ...
  edit FILE     your editor on a file of the lesson (vi FILE does it, too)
  kstate ...    kstate clock advance 1m, kstate map, kstate why pvc/NAME, ...
  TAB, arrows   complete, and what was typed before; right takes the
                shown command over, so that you can change it
  Ctrl-C        ends what runs, or clears the line
  hint, skip    a nudge, or past what is asked
  back          to the start of this step, or to the one before it;
                the cluster goes back too
  step N        to another step (steps lists them)
  full          the last table with all its columns
  quit, Ctrl-D  leaves; the lesson goes on where you left it

In another terminal, `kstate shell {}` opens your own shell on this
cluster. The lesson's files are in {folder}
",
            self.call
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_verb_without_its_program_is_known() {
        assert_eq!([called("map"), called("get"), called("foo")], [Some("kstate"), Some("kubectl"), None]);
    }
}
