//! `kstate lesson review`: asks again what was wrong.

use anyhow::Result;

use crate::cli::lesson::guide::Guide;
use crate::cli::lesson::home::{self, Home};
use crate::error::Failure;
use crate::kubectl::wall::wall_now;
use crate::lessons::model::{Lesson, Quiz};
use crate::lessons::progress::Reached;
use crate::lessons::review::{Missed, answer, questions};
use crate::lessons::shell::{Mark, Reply, Shell};
use crate::ui::Ui;

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// Today, counted from 1970.
pub(super) fn today() -> i64 {
    wall_now().0.div_euclid(DAY)
}

/// Asks the questions that are due, or all that were wrong once.
///
/// # Errors
/// The terminal or the progress file fails.
pub(super) fn run(ui: &Ui, home: &Home, all: bool) -> Result<()> {
    let progress = home.progress()?;
    let (due, later): (Vec<Missed>, Vec<Missed>) =
        progress.missed.iter().cloned().partition(|missed| all || missed.due <= today());
    let lessons: Vec<home::Found> = home::all()?;
    let known = |missed: &Missed| -> Option<(&Lesson, &Quiz)> {
        let lesson = &lessons.iter().find(|found| found.key == missed.lesson)?.lesson;
        questions(lesson).find(|quiz| quiz.question == missed.question).map(|quiz| (lesson, quiz))
    };
    let asked: Vec<(&Missed, &Lesson, &Quiz)> =
        due.iter().filter_map(|missed| known(missed).map(|(lesson, quiz)| (missed, lesson, quiz))).collect();
    if asked.is_empty() {
        let next = later.iter().map(|missed| missed.due - today()).min();
        ui.out(&match next {
            None => "There is nothing to review: no question was answered wrong.\n".to_string(),
            Some(1) => format!("Nothing is due today; {} tomorrow. --all asks now.\n", later.len()),
            Some(days) => format!("Nothing is due today; the next in {days} days. --all asks now.\n"),
        });
        return Ok(());
    }
    if !ui.is_interactive() {
        for (missed, lesson, quiz) in &asked {
            ui.out(&format!("{}: {}\n", lesson.front.title, missed.question.trim()));
            ui.out(&format!("    {}) {}\n", quiz.answer, quiz.right()));
        }
        return Ok(());
    }
    let (mut right, count) = (0, asked.len());
    for (number, (missed, lesson, quiz)) in asked.iter().enumerate() {
        ui.out(&format!("\n{} of {count}, from \"{}\"\n", number + 1, lesson.front.title));
        let mut known = false;
        let mut remember = |_: &Quiz, at_once: bool| {
            known = at_once;
            let mut progress = home.progress()?;
            answer(&mut progress.missed, &missed.lesson, &missed.question, at_once, today());
            home.save(&progress)
        };
        let mut save = |_: &Reached| Ok(());
        let guide = Guide {
            ui,
            lesson,
            shell: &mut NoShell,
            reached: Reached::start(lesson),
            save: &mut save,
            remember: &mut remember,
            folder: String::new(),
            call: lesson.name.clone(),
            touched: false,
            begin_at: None,
            whole: None,
        };
        if !guide.ask_once(quiz)? {
            return Ok(());
        }
        right += usize::from(known);
    }
    ui.out(&format!("\n{right} of {count} at once. What was right comes back later, the rest tomorrow.\n"));
    Ok(())
}

/// There is no cluster to look at.
struct NoShell;

impl NoShell {
    fn nothing() -> Failure {
        Failure::error("there is no cluster here")
    }
}

impl Shell for NoShell {
    fn run(&mut self, _: &str) -> Reply {
        Reply { output: String::new(), code: 1 }
    }

    fn knows(&mut self, _: &str) -> bool {
        false
    }

    fn restart(&mut self) -> Result<(), Failure> {
        Err(NoShell::nothing())
    }

    fn settle(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn write_file(&mut self, _: &str, _: &str) -> Result<(), Failure> {
        Err(NoShell::nothing())
    }

    fn checkpoint(&mut self) -> Result<Mark, Failure> {
        Err(NoShell::nothing())
    }

    fn rollback(&mut self, _: &Mark) -> Result<(), Failure> {
        Err(NoShell::nothing())
    }

    fn watched_tables(&mut self, _: &[String]) -> String {
        String::new()
    }
}
