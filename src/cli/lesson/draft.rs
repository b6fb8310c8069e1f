//! `kstate lesson new` and `kstate lesson record`: lessons to begin with.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

use super::shell::LessonShell;
use crate::cli::home::failed;
use crate::error::Failure;
use crate::lessons::check::visible;
use crate::lessons::parse;
use crate::lessons::shell::Shell;
use crate::lessons::update::misread;
use crate::ui::Ui;

/// What a new lesson is made of; `{title}` stands for its title.
const TEMPLATE: &str = include_str!("draft.md");

/// Writes `NAME.md`, a small lesson that passes its own check.
///
/// # Errors
/// The name is none, or the file is there or can't be written.
pub(super) fn new(ui: &Ui, folder: &Path, name: &str) -> Result<()> {
    let title = titled(stem(name)?);
    write_new(folder, &file_of(name), &TEMPLATE.replace("{title}", &title))?;
    let file = file_of(name);
    ui.out(&format!(
        "{file} written; take it with: kstate lesson ./{file}, check it with: kstate lesson check {file}\n"
    ));
    Ok(())
}

/// Runs the lines that come in on a lesson's cluster, and writes them with what they print as a lesson.
///
/// # Errors
/// The name is none, the file is there or can't be written, or a line prints what no block can hold.
pub(super) fn record(ui: &Ui, folder: &Path, name: &str) -> Result<()> {
    let (title, file) = (titled(stem(name)?), file_of(name));
    let front = format!("---\ntitle: {title}\nsummary: What it is about, in a sentence.\nminutes: 10\n---\n\n");
    let empty = format!("{front}## The first step\n");
    let lesson = parse(&file, &empty).map_err(Failure::error)?;
    let mut shell = LessonShell::in_memory(&lesson)?;
    let typed = ui.input().map_err(|e| failed("the commands can't be read".into(), &e))?;
    let typed = String::from_utf8_lossy(&typed).into_owned();
    let mut text = format!("{empty}\nSay here what is done, and why.\n\n```console\n");
    let mut lines = typed.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    while let Some(first) = lines.next() {
        let mut line = first.trim_end().trim_start_matches("$ ").to_string();
        let mut shown = format!("$ {line}\n");
        while shell.is_unfinished(&line)
            && let Some(more) = lines.next()
        {
            line = format!("{line}\n{more}");
            shown += &format!("> {more}\n");
        }
        let reply = shell.run(&line);
        shell.settle()?;
        ui.out(&format!("{shown}{}", reply.output));
        text += &shown;
        let visible = visible(&reply);
        if let Some(printed) = misread(visible.lines()) {
            let text = format!("{line:?} prints a line that can't stand in a console block: {printed}");
            return Err(Failure::error(text).into());
        }
        text.extend(visible.lines().flat_map(|printed| [printed, "\n"]));
    }
    text += "```\n";
    write_new(folder, &file, &text)?;
    ui.err(&format!("{file} written\n"));
    Ok(())
}

fn file_of(name: &str) -> String {
    format!("{}.md", name.strip_suffix(".md").unwrap_or(name))
}

/// The lesson's name within a path.
fn stem(name: &str) -> Result<&str> {
    let stem = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = stem.strip_suffix(".md").unwrap_or(stem);
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !stem.is_empty() && !stem.starts_with('-') && stem.chars().all(is_plain) {
        true => Ok(stem),
        false => Err(Failure::error(format!("{name:?} is no name for a lesson"))
            .hint("small letters, digits and - make one: my-first-volume")
            .into()),
    }
}

/// `my-first-volume` as `My first volume`.
fn titled(stem: &str) -> String {
    let words = stem.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

fn write_new(folder: &Path, name: &str, text: &str) -> Result<()> {
    use std::io::Write;
    let path = folder.join(name);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => Failure::error(format!("{name} is there already")).into(),
        _ => failed(format!("cannot write {name}"), &e).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::{TEMPLATE, stem, titled};
    use crate::cli::lesson::shell::LessonShell;
    use crate::lessons::lint::lint;
    use crate::lessons::{check, parse};

    #[test]
    fn a_new_lesson_passes_its_own_check() {
        let lesson = parse("new-lesson.md", &TEMPLATE.replace("{title}", "New")).expect("a lesson");
        let report = check(&lesson, &mut LessonShell::in_memory(&lesson).expect("a cluster")).expect("a replay");
        assert!(report.differences.is_empty() && report.faults.is_empty(), "{report:?}");
        assert_eq!(lint(&lesson, |_| false, |name| name == "static-pv"), []);
        assert_eq!(titled("my-first-volume"), "My first volume");
        assert!(stem("../My Lesson").is_err() && stem("").is_err() && stem("x/a-1.md").is_ok_and(|s| s == "a-1"));
    }
}
