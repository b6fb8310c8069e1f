//! `kstate lesson check`: replays lessons and shows where they and the cluster disagree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use owo_colors::Style;

use crate::cli::failure_of;
use crate::cli::home::failed;
use crate::cli::lesson::home::{self, Found};
use crate::cli::lesson::shell::LessonShell;
use crate::error::Failure;
use crate::host::whole;
use crate::lessons::check::{compare, replay, unreasoned};
use crate::lessons::library;
use crate::lessons::update::update;
use crate::ui::Ui;

/// Checks the lessons that are named, or all; with `rewrite` their files are brought up to date.
///
/// # Errors
/// A lesson is broken or disagrees (all has been said then), or a file can't be written.
pub(super) fn run(ui: &Ui, folder: &Path, names: &[String], rewrite: bool) -> Result<()> {
    let mut good = true;
    for name in expand(folder, names)? {
        match home::find(folder, &name) {
            Ok(found) => good &= one(ui, &found, rewrite)?,
            Err(error) => {
                good = false;
                let failure = failure_of(error);
                let hint = failure.hint.map(|h| format!("{h}\n")).unwrap_or_default();
                ui.err(&format!("{}\n{hint}", failure.message));
            }
        }
    }
    if good { Ok(()) } else { Err(Failure::silent(1).into()) }
}

/// Folders become their lessons, no names all lessons; in a checkout a lesson's name means the file there.
fn expand(folder: &Path, names: &[String]) -> Result<Vec<String>> {
    let all: Vec<String> = library::lessons().map(|(name, _)| name.to_string()).collect();
    let mut paths = Vec::new();
    for name in if names.is_empty() { &all } else { names } {
        let here = library::lesson_path(name);
        let path = folder.join(name);
        if library::lesson(name).is_some() && folder.join(&here).is_file() {
            paths.push(here);
        } else if path.is_dir() {
            let mut files: Vec<PathBuf> = fs::read_dir(&path)
                .map_err(|e| failed(format!("{name} can't be read"), &e))?
                .filter_map(|entry| entry.ok().map(|e| e.path()))
                .filter(|file| file.extension().is_some_and(|e| e == "md"))
                .collect();
            files.sort();
            let name = name.trim_end_matches(['/', '\\']);
            let leaves = files.iter().filter_map(|f| f.file_name()?.to_str());
            paths.extend(leaves.map(|leaf| format!("{name}/{leaf}")));
        } else {
            paths.push(name.clone());
        }
    }
    Ok(paths)
}

/// Whether the lesson holds, now.
fn one(ui: &Ui, found: &Found, rewrite: bool) -> Result<bool> {
    let lesson = &found.lesson;
    let mut shell = LessonShell::in_memory(lesson)?;
    let (mut replies, mut differences) = (Vec::new(), Vec::new());
    let mut faults = unreasoned(lesson);
    faults.extend(replay(lesson, &mut shell, |command, reply| {
        differences.extend(compare(command, &reply));
        replies.push(reply);
    })?);
    let commands = replies.len();
    let verdict = |word: &str, style: Style, detail: String| {
        let word = ui.paint(&format!("{word:<8}"), style);
        ui.out(&format!("{word}{:<14} ({detail})\n", lesson.name));
    };
    let good = Style::new().green();
    if !faults.is_empty() {
        verdict("FAILED", Style::new().red().bold(), format!("{} faults", faults.len()));
        faults.iter().for_each(|fault| ui.out(&format!("{}: {}\n", lesson.path, fault.trim_end())));
        if !rewrite {
            return Ok(false);
        }
    }
    if differences.is_empty() {
        if faults.is_empty() {
            verdict("ok", good, format!("{commands} commands"));
        }
        return Ok(faults.is_empty());
    }
    if rewrite {
        let Some(file) = &found.file else {
            return Err(Failure::error(format!(
                "the lesson {:?} is in the binary, and no file to be updated",
                lesson.name
            ))
            .hint(format!("name its file, as in: kstate lesson check --update {}", lesson.path))
            .into());
        };
        let text = update(lesson, &replies)?;
        whole::write(file, text.as_bytes()).map_err(|e| failed(format!("cannot write {}", lesson.path), &e))?;
        verdict("updated", good, format!("{} of {commands} commands", differences.len()));
        return Ok(faults.is_empty());
    }
    verdict("FAILED", Style::new().red().bold(), format!("{} of {commands} commands differ", differences.len()));
    for difference in differences {
        let (path, at, line) = (&lesson.path, difference.at, &difference.line);
        ui.out(&format!("{path}:{at}: output of \"{line}\" differs\n"));
        for line in difference.diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => Style::new().green(),
                Some(b'-') => Style::new().red(),
                _ => Style::new(),
            };
            ui.out(&format!("{}\n", ui.paint(line, style)));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::run;
    use crate::cli::failure_of;
    use crate::error::Failure;
    use crate::lessons::library;
    use crate::ui::Ui;

    #[test]
    fn every_lesson_says_what_the_cluster_says() {
        let names: Vec<String> = library::lessons().map(|(name, _)| name.to_string()).collect();
        let ui = Ui::captured();
        let outcome = run(&ui, std::env::temp_dir().as_path(), &names, false).map_err(failure_of);
        assert_eq!(outcome, Ok(()), "{}", ui.take());
    }

    #[test]
    fn a_changed_byte_fails_and_an_update_takes_it_back() {
        let folder = std::env::temp_dir().join(format!("kstate-checks-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let text = "---\ntitle: T\nsummary: S.\nminutes: 5\n---\n\n## One\n\n```yaml file=tcm.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: tcm\n```\n\n```console\n$ kubectl create -f tcm.yaml\nconfigmap/tcm created\n$ kubectl create -f tcm.yaml\nError from server (AlreadyExists): error when creating \"tcm.yaml\": configmaps \"tcm\" already exists\n[exit 1]\n```\n\nThe end.\n";
        let check = |text: &str, rewrite: bool| {
            fs::write(folder.join("mine.md"), text).expect("a lesson");
            let ui = Ui::captured();
            let outcome = run(&ui, &folder, &["mine.md".to_string()], rewrite).map_err(failure_of);
            (outcome, ui.take())
        };
        assert_eq!(check(text, false), (Ok(()), "ok      mine           (2 commands)\n".into()));
        let changed = text.replace("tcm created", "tcm Created");
        let (outcome, shown) = check(&changed, false);
        assert_eq!(outcome, Err(Failure::silent(1)));
        insta::assert_snapshot!(shown, @r#"
        FAILED  mine           (1 of 2 commands differ)
        mine.md:17: output of "kubectl create -f tcm.yaml" differs
        --- expected
        +++ printed
        @@ -1 +1 @@
        -configmap/tcm Created
        +configmap/tcm created
        "#);
        assert_eq!(check(&changed, true), (Ok(()), "updated mine           (1 of 2 commands)\n".into()));
        assert_eq!(fs::read_to_string(folder.join("mine.md")).expect("a lesson"), text);
        fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
