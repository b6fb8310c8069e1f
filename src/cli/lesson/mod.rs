//! `kstate lesson`: the menu, the guided lesson, and the check of what lessons say.

mod auto;
mod checks;
mod guide;
mod home;
mod screen;
mod shell;

use std::path::Path;

use anyhow::Result;
use owo_colors::Style;

use crate::cli::home::Home as Folder;
use crate::lessons::progress::Reached;
use crate::lessons::render::render;
use crate::ui::Ui;
use guide::{End, Guide};
use home::{Found, Home};
use screen::{Screen, hang};
use shell::LessonShell;

/// Take a lesson: prose, commands and questions, on a cluster of the lesson's own.
///
/// Without a name it shows the menu. A lesson of your own is named by its file: kstate lesson ./my-lesson.md
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Sub>,
    /// The lesson, or a Markdown file that holds one
    #[arg(value_name = "NAME|PATH")]
    name: Option<String>,
    /// Play it without questions, as a pipe does too
    #[arg(long, requires = "name")]
    auto: bool,
    /// Start again, even if you were in the middle of it
    #[arg(long, requires = "name", conflicts_with = "auto")]
    restart: bool,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Sub {
    /// List the lessons, with how far you are
    List,
    /// Replay lessons and compare what their commands print with what the lessons say; exits with 1 if it differs
    Check {
        /// Lessons, Markdown files, or folders of such; all lessons if none is named
        #[arg(value_name = "NAME|PATH")]
        names: Vec<String>,
        /// Rewrite the outputs in the files, and nothing else
        #[arg(long)]
        update: bool,
    },
}

/// Runs `kstate lesson`. `home` is kstate's folder, `folder` where the user's relative paths start.
///
/// # Errors
/// There is no such lesson, it is broken or disagrees, or its cluster or the progress can't be kept.
pub(super) fn run(args: &Args, ui: &Ui, home: &Folder, folder: &Path) -> Result<()> {
    let home = Home::new(home.file("lessons"));
    // Whoever wrote the lesson has no say over the terminal.
    ui.allow_only_printable();
    match (&args.command, &args.name) {
        (Some(Sub::List), _) => list(ui, &home),
        (Some(Sub::Check { names, update }), _) => checks::run(ui, folder, names, *update),
        (None, Some(name)) => {
            let found = home::find(folder, name)?;
            if args.auto || !ui.is_interactive() {
                return Ok(auto::play(ui, &found.lesson, &mut LessonShell::in_memory(&found.lesson)?)?);
            }
            guided(ui, &home, &found, args.restart).map(|_| ())
        }
        (None, None) if ui.is_interactive() => menu(ui, &home),
        (None, None) => list(ui, &home),
    }
}

/// One line for each lesson: name, length, how far, and what it is about.
fn list(ui: &Ui, home: &Home) -> Result<()> {
    let progress = home.progress()?;
    let lessons = home::all()?;
    let longest = longest_name(&lessons);
    let mut text = String::new();
    for Found { lesson, key, .. } in lessons {
        let reached = progress.lessons.get(&key).map(|r| r.summary(&lesson)).unwrap_or_default();
        let name = ui.paint(&format!("{:<longest$}", lesson.name), Style::new().bold());
        text.push_str(&format!("{name} {:>2} min  {reached:<13} {}\n", lesson.front.minutes, lesson.front.title));
        let summary = render(&lesson.front.summary, ui.width().saturating_sub(4), ui.colour());
        text.push_str(&format!("    {}\n", hang(&summary, "    ")));
    }
    ui.out(&text);
    Ok(())
}

fn longest_name(lessons: &[Found]) -> usize {
    lessons.iter().map(|found| found.lesson.name.len()).max().unwrap_or(0)
}

fn menu(ui: &Ui, home: &Home) -> Result<()> {
    let lessons = home::all()?;
    let longest = longest_name(&lessons);
    let mut start = 0;
    loop {
        let progress = home.progress()?;
        let row = |Found { lesson, key, .. }: &Found| {
            let reached = progress.lessons.get(key).map(|r| r.summary(lesson)).unwrap_or_default();
            let row = format!(
                "{:<longest$} {:<30} {:>2} min  {reached}",
                lesson.name, lesson.front.title, lesson.front.minutes
            );
            row.trim_end().to_string()
        };
        let rows: Vec<String> = lessons.iter().map(row).collect();
        let Some(found) = ui.select("Which lesson?", &rows, start)?.and_then(|n| lessons.get(n)) else { return Ok(()) };
        if guided(ui, home, found, false)? == End::Left {
            return Ok(());
        }
        start = lessons.iter().position(|l| l.key == found.key).map_or(0, |n| (n + 1) % lessons.len());
        ui.out("\n");
    }
}

/// A session with somebody at the terminal; it goes on where the last one ended.
fn guided(ui: &Ui, home: &Home, found: &Found, restart: bool) -> Result<End> {
    let lesson = &found.lesson;
    let before = home.progress()?.lessons.remove(&found.key);
    let finished = before.as_ref().is_some_and(|r| r.finished);
    let state = home.cluster(&found.key);
    let place = before.filter(|r| !restart && r.can_resume(lesson) && state.is_file());
    let place = match place {
        Some(reached) => match resume(ui, found, &reached)? {
            Some(true) => Some(reached),
            Some(false) => None,
            None => return Ok(End::Left),
        },
        None => None,
    };
    let goes_on = match place {
        Some(reached) => LessonShell::open(&state, home.files(&found.key, false)?)?.map(|shell| (reached, shell)),
        None => None,
    };
    let (reached, mut shell) = match goes_on {
        Some(goes_on) => goes_on,
        None => {
            let _lock = home.lock()?;
            let folder = home.files(&found.key, true)?;
            (Reached { finished, ..Reached::start(lesson) }, LessonShell::on_disk(lesson, &state, folder)?)
        }
    };
    let folder = shell.folder().display().to_string();
    let call = found.file.as_ref().map_or(&lesson.name, |_| &lesson.path).clone();
    let mut save = |reached: &Reached| {
        let mut progress = home.progress()?;
        progress.lessons.insert(found.key.clone(), reached.clone());
        home.save(&progress)
    };
    Guide { ui, lesson, shell: &mut shell, reached, save: &mut save, folder, call, touched: false }.run()
}

/// Whether to go on from `reached`; `None`: neither that nor start again.
fn resume(ui: &Ui, found: &Found, reached: &Reached) -> Result<Option<bool>> {
    let heading = found.lesson.steps.get(reached.step).map_or("", |step| step.heading.as_str());
    let rows = [format!("Go on with step {}: {heading}", reached.step + 1), "Start again".to_string()];
    Screen::new(ui).prose(&format!("You were in the middle of **{}**.", found.lesson.front.title));
    loop {
        match ui.select("How shall we go on?", &rows, 0)? {
            // A letter moves the choice, too: nobody shall lose a place by typing a command here.
            Some(1) if !ui.confirm("Start again, and give up the place you were at?", false)? => {}
            chosen => return Ok(chosen.map(|n| n == 0)),
        }
    }
}
