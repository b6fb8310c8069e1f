//! Going to another step: back to a state that was kept, or on by doing what lies between.

use anyhow::Result;

use super::Guide;
use crate::error::Failure;
use crate::lessons::model::Block;

impl Guide<'_> {
    /// Makes the cluster what it is at the start of a step, and goes there.
    pub(super) fn jump(&mut self, step: usize) -> Result<()> {
        let step = step.min(self.lesson.steps.len().saturating_sub(1));
        let kept = self.reached.marks.len();
        match step < kept {
            true => self.return_to(step)?,
            false => {
                let from = kept.saturating_sub(1);
                if kept > 0 {
                    self.return_to(from)?;
                }
                self.pass(from, step)?;
            }
        }
        self.go_to(step)
    }

    /// Makes the cluster what it was at the start of a step that was reached before, or what it is there for who does all
    /// that the lesson does.
    pub(super) fn return_to(&mut self, step: usize) -> Result<()> {
        let mark = self.reached.marks.get(step).cloned();
        let returned = mark.map_or_else(|| Err(Failure::silent(1)), |mark| self.shell.rollback(&mark));
        match returned {
            Ok(()) => {
                self.reached.marks.truncate(step);
                self.write_files(step)
            }
            // The cluster remembers it no longer: it is made anew.
            Err(_) => {
                self.shell.restart()?;
                self.reached.marks.clear();
                self.pass(0, step)
            }
        }
    }

    /// Does what the steps from one up to another do, unseen.
    fn pass(&mut self, from: usize, to: usize) -> Result<()> {
        let lesson = self.lesson;
        for (number, step) in lesson.steps.iter().enumerate().take(to).skip(from) {
            self.reached.marks.truncate(number);
            let mark = self.shell.checkpoint()?;
            self.reached.marks.push(mark);
            for block in &step.blocks {
                let (lines, settle) = match block {
                    Block::Prose(_) | Block::Quiz(_) => continue,
                    Block::File { name, text, .. } => {
                        self.shell.write_file(name, text)?;
                        continue;
                    }
                    Block::Task(task) => {
                        for (name, text) in &task.files {
                            self.shell.write_file(name, text)?;
                        }
                        (task.solution.clone(), true)
                    }
                    Block::Console(console) => {
                        (console.commands.iter().map(|c| c.line.clone()).collect(), console.settle)
                    }
                };
                for line in lines {
                    self.shell.run(&line);
                    if settle {
                        self.shell.settle()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the files of the steps before one anew: what was done to them since is taken back, too.
    fn write_files(&mut self, step: usize) -> Result<()> {
        let lesson = self.lesson;
        for block in lesson.steps.iter().take(step).flat_map(|step| &step.blocks) {
            if let Block::File { name, text, .. } = block {
                self.shell.write_file(name, text)?;
            }
        }
        Ok(())
    }
}
