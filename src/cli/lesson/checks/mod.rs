//! `kstate lesson check`: replays lessons and shows where they and the cluster disagree.

mod report;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::courses::{self, Shelves};
use super::real::{self, Real};
use crate::cli::failure_of;
use crate::cli::home::failed;
use crate::cli::lesson::home::Found;
use crate::cli::lesson::shell::LessonShell;
use crate::error::Failure;
use crate::host::moment::{Stopwatch, rest};
use crate::host::whole;
use crate::lessons::check::{Difference, compare, replay, unreasoned};
use crate::lessons::library;
use crate::lessons::lint::{Remark, Weight, lint};
use crate::lessons::model::Lesson;
use crate::lessons::shell::{Reply, Shell};
use crate::lessons::update::update;
use crate::ui::Ui;

/// What `kstate lesson check` takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Args {
    /// Lessons, Markdown files, or folders of such; all lessons if none is named
    #[arg(value_name = "NAME|PATH")]
    pub(super) names: Vec<String>,
    /// Rewrite the outputs in the files, and nothing else
    #[arg(long)]
    pub(super) update: bool,
    /// Let --update write down that a command fails which did not
    #[arg(long, requires = "update")]
    accept_failures: bool,
    /// Warnings are faults, and what does not fit a terminal of 80 columns and 24 lines is warned of
    #[arg(long)]
    strict: bool,
    /// Show what differs after a first difference, too
    #[arg(long)]
    all: bool,
    /// How to say it: text, json or junit
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: report::Form,
    /// Check again whenever a file changes, until Ctrl-C
    #[arg(long, conflicts_with = "on")]
    watch: bool,
    /// Run the commands by the real kubectl on the PATH, in this context or the current one, instead of on kstate's cluster
    #[arg(long, value_name = "kubectl[=CONTEXT]", conflicts_with = "update")]
    on: Option<String>,
    /// Serve each lesson's own cluster, and run its commands by the real kubectl on the PATH
    #[arg(long, conflicts_with_all = ["on", "update", "watch"])]
    serve: bool,
    /// Do not ask before a real cluster is used
    #[arg(long, requires = "on")]
    yes: bool,
}

/// What became of one lesson.
pub(super) struct Verdict {
    name: String,
    path: String,
    /// How many commands ran.
    commands: usize,
    /// How many were not for a real kubectl.
    skipped: usize,
    /// What is wrong beside outputs.
    faults: Vec<String>,
    differences: Vec<Difference>,
    remarks: Vec<Remark>,
    /// Whether the file was rewritten.
    updated: bool,
    /// How long it took, in milliseconds.
    took: u128,
}

impl Verdict {
    fn of(name: &str, path: &str) -> Verdict {
        let (faults, differences, remarks) = (Vec::new(), Vec::new(), Vec::new());
        let (name, path) = (name.to_string(), path.to_string());
        Verdict { name, path, commands: 0, skipped: 0, faults, differences, remarks, updated: false, took: 0 }
    }

    fn holds(&self, strict: bool) -> bool {
        let differs = !self.differences.is_empty() && !self.updated;
        self.faults.is_empty() && !differs && (!strict || self.remarks.is_empty())
    }
}

/// Checks the lessons that are named, or all; with `--update` their files are brought up to date.
///
/// # Errors
/// A lesson is broken or disagrees (all has been said then), or a file can't be written.
pub(super) fn run(ui: &Ui, folder: &Path, args: &Args) -> Result<()> {
    if !args.watch {
        return once(ui, folder, args);
    }
    loop {
        let before = state_of(folder, args);
        // What is wrong was said; the next change may mend it.
        if let Err(error) = once(ui, folder, args) {
            let failure = failure_of(error);
            ui.err(&format!("{}{}", failure.message, if failure.message.is_empty() { "" } else { "\n" }));
        }
        while before == state_of(folder, args) {
            if ui.is_closed() {
                return Ok(());
            }
            rest(Duration::from_millis(300));
        }
        ui.out("\n");
    }
}

/// The files that are checked, and when they were written.
fn state_of(folder: &Path, args: &Args) -> Vec<(PathBuf, Option<SystemTime>)> {
    let names = expand(folder, &args.names).unwrap_or_default();
    let files = names.into_iter().map(|name| folder.join(name));
    files.map(|file| (file.clone(), std::fs::metadata(&file).and_then(|m| m.modified()).ok())).collect()
}

fn once(ui: &Ui, folder: &Path, args: &Args) -> Result<()> {
    let real = match &args.on {
        Some(on) => Some(Real::find(ui, on, args.yes)?),
        None => args.serve.then_some(Real::Served),
    };
    let shelves = Shelves::of_user()?;
    let mut verdicts = Vec::new();
    for name in expand(folder, &args.names)? {
        let verdict = match shelves.find(folder, &name) {
            Ok(found) => one(&found, args, real.as_ref().map(|real| (real, ui)), &shelves)?,
            Err(error) => {
                let failure = failure_of(error);
                let hint = failure.hint.map(|h| format!("\n{h}")).unwrap_or_default();
                let mut verdict = Verdict::of(&name, &name);
                verdict.faults.push(format!("{}{hint}", failure.message));
                verdict
            }
        };
        if args.output == report::Form::Text {
            report::text(ui, &verdict, args.strict, args.all);
        }
        verdicts.push(verdict);
    }
    match args.output {
        report::Form::Text => {}
        report::Form::Json => ui.out(&report::json(&verdicts, args.strict)),
        report::Form::Junit => ui.out(&report::junit(&verdicts, args.strict)),
    }
    match verdicts.iter().all(|verdict| verdict.holds(args.strict)) {
        true => Ok(()),
        false => Err(Failure::silent(1).into()),
    }
}

/// Folders become their lessons, no names all lessons; in a checkout a lesson's name means the file there.
fn expand(folder: &Path, names: &[String]) -> Result<Vec<String>> {
    let all: Vec<String> = library::lessons().map(|(name, _)| name.to_string()).collect();
    let mut paths = Vec::new();
    for name in if names.is_empty() { &all } else { names } {
        let here = library::lesson_path(name);
        if library::lesson(name).is_some() && folder.join(&here).is_file() {
            paths.push(here);
        } else if folder.join(name).is_dir() {
            paths.extend(courses::files(folder, name)?);
        } else {
            paths.push(name.clone());
        }
    }
    Ok(paths)
}

/// What becomes of a lesson, now.
fn one(found: &Found, args: &Args, real: Option<(&Real, &Ui)>, shelves: &Shelves) -> Result<Verdict> {
    let lesson = &found.lesson;
    let began = Stopwatch::start();
    let mut verdict = Verdict::of(&lesson.name, &lesson.path);
    verdict.faults = unreasoned(lesson);
    let beside = found.file.as_deref().and_then(Path::parent);
    let exists = |file: &str| beside.is_none_or(|folder| folder.join(file).exists());
    let knows = |name: &str| shelves.knows(name) || exists(&format!("{name}.md"));
    verdict.remarks = lint(lesson, exists, knows);
    verdict.remarks.retain(|remark| args.strict || remark.weight == Weight::Warning);
    let replies = match real {
        None => play(lesson, &mut LessonShell::in_memory(lesson)?, &mut verdict, compare)?,
        Some((real, ui)) => {
            let mut shell = real.shell(lesson, ui)?;
            let replies = play(lesson, &mut shell, &mut verdict, real::compare)?;
            verdict.skipped = shell.leave();
            replies
        }
    };
    verdict.took = began.passed().as_millis();
    if args.update && !verdict.differences.is_empty() {
        rewrite(found, args, &replies, &mut verdict)?;
    }
    Ok(verdict)
}

fn play(
    lesson: &Lesson,
    shell: &mut dyn Shell,
    verdict: &mut Verdict,
    compare: impl Fn(&crate::lessons::Command, &Reply) -> Option<Difference>,
) -> Result<Vec<Reply>> {
    let mut replies = Vec::new();
    let differences = &mut verdict.differences;
    let faults = replay(lesson, shell, |command, reply| {
        differences.extend(compare(command, &reply));
        replies.push(reply);
    })?;
    verdict.faults.extend(faults);
    verdict.commands = replies.len();
    Ok(replies)
}

/// Writes what the commands print into the file, unless one fails that did not.
fn rewrite(found: &Found, args: &Args, replies: &[Reply], verdict: &mut Verdict) -> Result<()> {
    let lesson = &found.lesson;
    let newly = lesson.commands().zip(replies).filter(|((_, command), reply)| command.exit == 0 && reply.code != 0);
    let newly: Vec<String> = newly
        .map(|((_, command), reply)| {
            let (at, line, code) = (command.at, &command.line, reply.code);
            format!("line {at}: \"{line}\" did not fail and ends with {code} now; --accept-failures writes that down")
        })
        .collect();
    if !newly.is_empty() && !args.accept_failures {
        verdict.faults.extend(newly);
        return Ok(());
    }
    let Some(file) = &found.file else {
        let text = format!("the lesson {:?} is in the binary, and no file to be updated", lesson.name);
        let hint = format!("name its file, as in: kstate lesson check --update {}", lesson.path);
        return Err(Failure::error(text).hint(hint).into());
    };
    let text = update(lesson, replies)?;
    whole::write(file, text.as_bytes()).map_err(|e| failed(format!("cannot write {}", lesson.path), &e))?;
    verdict.updated = true;
    Ok(())
}
