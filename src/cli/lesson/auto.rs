//! A lesson that plays by itself: for a pipe, for a look at it, for a recording.

use crate::cli::lesson::screen::Screen;
use crate::error::Failure;
use crate::lessons::model::{Block, Lesson};
use crate::lessons::shell::Shell;
use crate::ui::Ui;

/// Shows and runs all of `lesson` without a question.
///
/// # Errors
/// The shell can't go on.
pub(super) fn play(ui: &Ui, lesson: &Lesson, shell: &mut dyn Shell) -> Result<(), Failure> {
    let screen = Screen::new(ui);
    screen.title(lesson);
    for (number, step) in lesson.steps.iter().enumerate() {
        screen.step(lesson, number, step);
        let before = shell.watched_tables(&lesson.front.watch);
        for block in &step.blocks {
            match block {
                Block::Prose(text) => screen.prose(text),
                Block::File { name, text, hidden, .. } => {
                    shell.write_file(name, text)?;
                    if !hidden {
                        screen.file(name, text);
                    }
                }
                Block::Task(task) => {
                    screen.task(task);
                    for (name, text) in &task.files {
                        shell.write_file(name, text)?;
                        screen.file(name, text);
                    }
                    ui.out("\n");
                    for line in &task.solution {
                        screen.line(line);
                        screen.reply(&shell.run(line));
                        shell.settle()?;
                    }
                    screen.prose(&task.why);
                }
                Block::Console(console) if console.hidden => {
                    for command in &console.commands {
                        shell.run(&command.line);
                        if console.settle {
                            shell.settle()?;
                        }
                    }
                }
                Block::Quiz(quiz) => {
                    screen.question(quiz);
                    screen.answer(&format!("{}) {}", quiz.answer, quiz.right()), quiz);
                }
                Block::Console(console) => {
                    ui.out("\n");
                    for command in &console.commands {
                        screen.command(command);
                        screen.reply(&shell.run(&command.line));
                        if console.settle {
                            shell.settle()?;
                        }
                    }
                }
            }
            if ui.is_closed() {
                return Ok(());
            }
        }
        screen.tables(&before, &shell.watched_tables(&lesson.front.watch));
    }
    Ok(())
}
