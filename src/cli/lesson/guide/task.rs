//! Tasks in a guided lesson: the learner does what they like, and the cluster says whether it is enough.

use std::collections::BTreeSet;

use anyhow::Result;
use owo_colors::Style;

use super::{Flow, Guide, Wish};
use crate::cli::lesson::screen::Screen;
use crate::lessons::task::Task;

/// After how many vain looks the solution may be had without asking for it.
const TRIES: usize = 3;

impl Guide<'_> {
    /// Lets the learner work until the task is solved, or they want to see how.
    pub(super) fn task(&mut self, task: &Task) -> Result<Flow> {
        let screen = Screen::new(self.ui);
        let flow = self.read(&screen.task_text(task))?;
        if !matches!(flow, Flow::On) {
            return Ok(flow);
        }
        self.ui.out("\n");
        let (mut hints, mut tries) = (task.hints.iter(), 0);
        let mut unmet = task.unmet(self.shell).len();
        loop {
            let asked = match self.ask("$ ", "", "Enter looks whether it is done; hint, solution and skip help")? {
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Jump(step) => return Ok(Flow::Jump(step)),
                Wish::Ran(..) => false,
                Wish::Enter => true,
                Wish::Word(word) => match word.as_str() {
                    "check" => true,
                    "hint" => {
                        match hints.next() {
                            Some(hint) => screen.prose(hint),
                            None => self.say("There are no more hints; solution shows how it is done.\n"),
                        }
                        continue;
                    }
                    "task" | "question" => {
                        self.say(&screen.task_text(task));
                        continue;
                    }
                    "skip" => return Ok(Flow::On),
                    "solution" | "answer" => return self.solution(task),
                    _ => {
                        self.unknown(&word);
                        continue;
                    }
                },
            };
            let now = task.unmet_as_markdown(self.shell);
            if now.is_empty() {
                let solved = self.ui.paint("Solved.", Style::new().green().bold());
                self.say(&format!("\n{solved}\n"));
                return self.read(&screen.prose_text(&task.why));
            }
            if asked {
                tries += 1;
                now.iter().for_each(|why| screen.prose(&format!("Not yet: {why}")));
                if tries == TRIES {
                    self.say("\nsolution shows how it is done, if you would rather see it.\n");
                }
            } else if now.len() != unmet {
                self.say(&format!("({} of {} are reached)\n", task.check.len() - now.len(), task.check.len()));
            }
            unmet = now.len();
        }
    }

    fn solution(&mut self, task: &Task) -> Result<Flow> {
        let screen = Screen::new(self.ui);
        for (name, text) in &task.files {
            self.shell.write_file(name, text)?;
            let flow = self.read(&screen.file_text(name, text, &BTreeSet::new()))?;
            if !matches!(flow, Flow::On) {
                return Ok(flow);
            }
        }
        self.ui.out("\n");
        for line in &task.solution {
            // What was shown is read before more comes.
            let flow = self.read_so_far()?;
            if !matches!(flow, Flow::On) {
                return Ok(flow);
            }
            screen.line(line);
            self.run_shown(line);
            self.shell.settle()?;
        }
        if !task.unmet(self.shell).is_empty() {
            self.say("(The cluster is not what it was when the task began: back returns to a state from which this works.)\n");
        }
        self.read(&screen.prose_text(&task.why))
    }
}
