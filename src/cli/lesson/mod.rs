//! `kstate lesson`: the menu, the guided lesson, and the check of what lessons say.

mod auto;
mod checks;
mod courses;
mod desk;
mod draft;
mod guide;
pub(super) mod home;
mod live;
pub(super) mod own_shell;
mod real;
mod review;
mod same;
mod screen;
mod shell;

use std::path::Path;

use anyhow::Result;
use owo_colors::Style;

use crate::cli::home::Home as Folder;
use crate::error::Failure;
use crate::lessons::model::Quiz;
use crate::lessons::progress::Reached;
use crate::lessons::render::render;
use crate::lessons::review::miss;
use crate::lessons::schema;
use crate::server::Server;
use crate::sim::Cluster;
use crate::ui::Ui;
use courses::Shelves;
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
    /// Begin at this step: what comes before it is done for you
    #[arg(long, value_name = "N", requires = "name", conflicts_with = "auto")]
    step: Option<usize>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Sub {
    /// List the lessons, with how far you are
    List,
    /// Ask again what you answered wrong, in longer and longer spans
    Review {
        /// What is not due yet, too
        #[arg(long)]
        all: bool,
    },
    /// Replay lessons and compare what their commands print with what the lessons say; exits with 1 if it differs
    Check(checks::Args),
    /// Write a small lesson to begin with
    New {
        /// What it is called; the file is NAME.md
        name: String,
    },
    /// Run the lines that come in on a lesson's cluster, and write them with what they print as a lesson
    Record {
        /// What it is called; the file is NAME.md
        name: String,
    },
    /// Print the JSON schema of a lesson's front matter
    Schema,
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
        (Some(Sub::List), _) => list(ui, &home, &Shelves::of_user()?.all()?),
        (Some(Sub::Review { all }), _) => review::run(ui, &home, *all),
        (Some(Sub::Check(args)), _) => checks::run(ui, folder, args),
        (Some(Sub::New { name }), _) => draft::new(ui, folder, name),
        (Some(Sub::Record { name }), _) => draft::record(ui, folder, name),
        (Some(Sub::Schema), _) => {
            let text = serde_json::to_string_pretty(&schema::front_matter()).unwrap_or_default();
            ui.out(&format!("{text}\n"));
            Ok(())
        }
        (None, Some(name)) if folder.join(name).is_dir() && !args.auto => {
            let title = courses::course(folder, name)?.map(|course| course.title);
            let lessons = courses::in_folder(folder, name)?;
            let shown = title.as_deref().unwrap_or(name);
            if lessons.is_empty() {
                return Err(Failure::error(format!("there is no lesson in {name}")).into());
            }
            match ui.is_interactive() {
                true => menu(ui, &home, &format!("{shown}: which lesson?"), &lessons),
                false => list(ui, &home, &lessons),
            }
        }
        (None, Some(name)) => {
            let found = Shelves::of_user()?.find(folder, name)?;
            if args.auto || !ui.is_interactive() {
                return Ok(auto::play(ui, &found.lesson, &mut LessonShell::in_memory(&found.lesson)?)?);
            }
            let begin = Begin { restart: args.restart, step: args.step };
            go_through(ui, &home, found, begin)
        }
        (None, None) if ui.is_interactive() => menu(ui, &home, "Which lesson?", &Shelves::of_user()?.all()?),
        (None, None) => list(ui, &home, &Shelves::of_user()?.all()?),
    }
}

/// How a session begins.
#[derive(Debug, Clone, Copy, Default)]
struct Begin {
    /// From the beginning, whatever was reached.
    restart: bool,
    /// At a step, from 1.
    step: Option<usize>,
}

/// One lesson after the other, as long as the learner wants.
fn go_through(ui: &Ui, home: &Home, mut found: Found, mut begin: Begin) -> Result<()> {
    let lessons = neighbours(&found)?;
    while guided(ui, home, &found, begin)? == End::Finished {
        let at = lessons.iter().position(|lesson| lesson.key == found.key);
        let Some(next) = at.and_then(|at| lessons.get(at + 1)) else { return Ok(()) };
        ui.out("\n");
        if !ui.confirm(&format!("Go on with the next lesson, \"{}\"?", next.lesson.front.title), true)? {
            return Ok(());
        }
        (found, begin) = (next.clone(), Begin::default());
    }
    Ok(())
}

pub(super) use shell::judge;

/// Does something with a lesson's cluster for somebody in a shell of his own, and lets the cluster settle after it, as in
/// the lesson.
///
/// # Errors
/// The lesson's cluster is not there, or the command's.
pub(super) fn run_in(key: &str, home: &Folder, act: impl FnOnce(&mut Server) -> Result<(), Failure>) -> Result<()> {
    let home = Home::new(home.file("lessons"));
    let gone = || Failure::error(format!("the lesson {key:?} has no cluster any more")).hint("exit leaves this shell");
    let cluster = Cluster::open(&home.cluster(key))?.ok_or_else(gone)?;
    let mut server = Server::over(cluster);
    let outcome = act(&mut server);
    let settled = shell::settle(&mut server);
    server.leave();
    outcome?;
    Ok(settled?)
}

/// The lessons among which the next one is: those of its folder for one that has a file.
fn neighbours(found: &Found) -> Result<Vec<Found>> {
    match found.file.as_ref().and_then(|file| file.parent()) {
        Some(folder) if courses::course(Path::new(""), &folder.to_string_lossy())?.is_some() => {
            courses::in_folder(Path::new(""), &folder.to_string_lossy())
        }
        _ => home::all(),
    }
}

/// One line for each lesson: name, length, how far, and what it is about.
fn list(ui: &Ui, home: &Home, lessons: &[Found]) -> Result<()> {
    let progress = home.progress()?;
    let longest = longest_name(lessons);
    let mut text = String::new();
    for Found { lesson, key, .. } in lessons {
        let reached = progress.lessons.get(key).map(|r| r.summary(lesson)).unwrap_or_default();
        let name = ui.paint(&format!("{:<longest$}", lesson.name), Style::new().bold());
        text.push_str(&format!("{name} {:>2} min  {reached:<20} {}\n", lesson.front.minutes, lesson.front.title));
        let summary = render(&lesson.front.summary, ui.width().saturating_sub(4), ui.colour());
        text.push_str(&format!("    {}\n", hang(&summary, "    ")));
    }
    ui.out(&text);
    Ok(())
}

fn longest_name(lessons: &[Found]) -> usize {
    lessons.iter().map(|found| found.lesson.name.len()).max().unwrap_or(0)
}

fn menu(ui: &Ui, home: &Home, question: &str, lessons: &[Found]) -> Result<()> {
    let longest = longest_name(lessons);
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
        let Some(found) = ui.select(question, &rows, start)?.and_then(|n| lessons.get(n)) else { return Ok(()) };
        if guided(ui, home, found, Begin::default())? == End::Left {
            return Ok(());
        }
        start = lessons.iter().position(|l| l.key == found.key).map_or(0, |n| (n + 1) % lessons.len());
        ui.out("\n");
    }
}

/// A session with somebody at the terminal; it goes on where the last one ended.
fn guided(ui: &Ui, home: &Home, found: &Found, begin: Begin) -> Result<End> {
    let lesson = &found.lesson;
    let step = match begin.step {
        Some(step) if !(1..=lesson.steps.len()).contains(&step) => {
            return Err(Failure::error(format!("{:?} has {} steps", lesson.name, lesson.steps.len())).into());
        }
        step => step.map(|step| step - 1),
    };
    let Some(_session) = home.session(&found.key) else {
        let failure = Failure::error(format!("the lesson {:?} is open in another terminal", lesson.name));
        return Err(failure
            .hint(format!("kstate shell {} opens a shell of your own on its cluster", found.key))
            .into());
    };
    let restart = begin.restart;
    let before = home.progress()?.lessons.remove(&found.key);
    let finished = before.as_ref().is_some_and(|r| r.finished);
    let state = home.cluster(&found.key);
    let place = before.filter(|r| !restart && r.can_resume(lesson) && state.is_file());
    let place = match place {
        Some(reached) if step.is_some() => Some(reached),
        Some(reached) => match resume(ui, found, &reached)? {
            Some(true) => Some(reached),
            Some(false) => None,
            None => return Ok(End::Left),
        },
        None => None,
    };
    let goes_on = match place {
        Some(reached) => {
            LessonShell::open(lesson, &state, home.files(&found.key, false)?, ui)?.map(|shell| (reached, shell))
        }
        None => None,
    };
    let (reached, mut shell) = match goes_on {
        Some(goes_on) => goes_on,
        None => {
            let _lock = home.lock()?;
            let folder = home.files(&found.key, true)?;
            (Reached { finished, ..Reached::start(lesson) }, LessonShell::on_disk(lesson, &state, folder, ui)?)
        }
    };
    let folder = shell.folder().map(|f| f.display().to_string()).unwrap_or_default();
    let call = found.file.as_ref().map_or(&lesson.name, |_| &lesson.path).clone();
    let mut save = |reached: &Reached| {
        let mut progress = home.progress()?;
        progress.lessons.insert(found.key.clone(), reached.clone());
        home.save(&progress)
    };
    let mut remember = |quiz: &Quiz, right: bool| {
        if right {
            return Ok(());
        }
        let mut progress = home.progress()?;
        miss(&mut progress.missed, &found.key, &quiz.question, review::today());
        home.save(&progress)
    };
    ui.remember_in(&home.folder(&found.key).join("history"));
    Guide {
        ui,
        lesson,
        shell: &mut shell,
        reached,
        save: &mut save,
        remember: &mut remember,
        folder,
        call,
        touched: false,
        begin_at: step,
        whole: None,
    }
    .run()
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
