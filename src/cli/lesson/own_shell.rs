//! `kstate shell`: the learner's own shell, in which `kubectl` means a lesson's cluster.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::cli::home::{Home, failed};
use crate::cli::lesson::home::Home as Lessons;
use crate::error::Failure;
use crate::host::{Host, private};
use crate::lessons::library;
use crate::ui::Ui;

/// The variable that names the lesson, to each kstate that is started in such a shell.
pub(in crate::cli) const VARIABLE: &str = "KSTATE_LESSON";

/// Open a shell of your own in which kubectl means the cluster of a lesson.
///
/// So your editor, your scripts and a second terminal work on what the lesson shows. Without a name it is the lesson
/// that you were at last.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Args {
    /// The lesson
    #[arg(value_name = "LESSON")]
    lesson: Option<String>,
    /// A command to run instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs `kstate shell`.
///
/// # Errors
/// The lesson was not begun, or the shell can't be started; what the shell ends with is what this ends with.
pub(in crate::cli) fn run(args: &Args, ui: &Ui, home: &Home, host: &Host) -> Result<()> {
    let lessons = Lessons::new(home.file("lessons"));
    let key = match &args.lesson {
        Some(name) => name.clone(),
        None => lessons.last().ok_or_else(|| {
            Failure::error("no lesson has been begun").hint("kstate lesson shows them; kstate lesson NAME begins one")
        })?,
    };
    if !lessons.cluster(&key).is_file() {
        let failure = Failure::error(format!("the lesson {key:?} has not been begun"));
        let hint = match library::lesson(&key) {
            Some(_) => format!("kstate lesson {key} begins it"),
            None => {
                library::nearest(&key).map_or("kstate lesson shows them".into(), |n| format!("did you mean {n:?}?"))
            }
        };
        return Err(failure.hint(hint).into());
    }
    let Some(programs) = host.programs() else { return Err(Failure::error("no program is started here").into()) };
    let files = lessons.files(&key, false)?;
    let folder = lessons.folder(&key).join("bin");
    links(&folder)?;
    let shell = programs.named_by(&["SHELL"]).unwrap_or_else(|| "/bin/sh".into());
    let (program, rest) = match args.command.split_first() {
        Some((program, rest)) => (program.clone(), rest.to_vec()),
        None => {
            ui.err(&format!(
                "kubectl means the cluster of the lesson {key} in this shell; exit leaves it.\nThe lesson's files are here: {}\n",
                files.display()
            ));
            (shell, Vec::new())
        }
    };
    let path = std::iter::once(folder).chain(host.paths("PATH"));
    let path = std::env::join_paths(path).map_err(|e| Failure::error(format!("PATH can't be set: {e}")))?;
    let home = fs::canonicalize(home.file("")).unwrap_or_else(|_| home.file(""));
    let mut command = programs.command(&program);
    command.args(rest).env("PATH", path).env(VARIABLE, &key).env("KSTATE_HOME", home).env_remove("KUBECONFIG");
    let status = command.current_dir(&files).status().map_err(|e| failed(format!("cannot start {program}"), &e))?;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Failure::silent(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)).into()),
    }
}

/// Puts this binary under its names into a folder.
fn links(folder: &Path) -> Result<()> {
    let unusable = |e: &std::io::Error| failed(format!("{} can't be written", folder.display()), e);
    private::create_folder(folder).map_err(|e| unusable(&e))?;
    let own = std::env::current_exe().map_err(|e| failed("kstate's own file is not found".to_string(), &e))?;
    for name in ["kubectl", "kstate"] {
        let link = folder.join(if cfg!(windows) { format!("{name}.exe") } else { name.to_string() });
        if fs::read_link(&link).is_ok_and(|to| to == own) {
            continue;
        }
        let _ = fs::remove_file(&link);
        #[cfg(unix)]
        let made = std::os::unix::fs::symlink(&own, &link);
        // Not everybody may make links there.
        #[cfg(not(unix))]
        let made = fs::copy(&own, &link).map(|_| ());
        made.map_err(|e| unusable(&e))?;
    }
    Ok(())
}
