//! The machine that kstate runs on, and what a command may see of it: the one gate to files, environment and programs.
//!
//! A person's command sees the whole machine. A lesson's was written by somebody else: it sees the files of its lesson's
//! folder, no environment, and starts a program only for somebody at the terminal. Which of the two a command is stands
//! in the [`Host`] that each verb gets by value; nothing in `kubectl` and `cli` opens a file, reads a variable or starts a
//! program but through it (`tests/tidy.rs` holds that).

pub mod copies;
pub mod files;
pub mod folder;
pub mod interrupt;
pub mod lines;
pub mod lock;
pub mod moment;
pub mod private;
pub mod process;
pub mod read;
pub mod sockets;
pub mod temporary;
pub mod whole;

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
pub use std::process::Child;
use std::process::{Command, ExitStatus};

use files::Files;

/// What a command sees of the machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// The files.
    pub files: Files,
    is_person: bool,
    starts_programs: bool,
}

/// Whether somebody sits at the terminal in which a lesson's commands run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attended {
    /// A learner, who may be shown an editor.
    Yes,
    /// A check, a pipe, a recording: nothing is started.
    No,
}

/// The permission to start programs, and what names them.
#[derive(Debug, Clone, Copy)]
pub struct Programs(());

impl Host {
    /// Everything, as the person sees it who typed the command. Relative paths start at `folder`.
    pub fn of_person(folder: PathBuf) -> Host {
        Host { files: Files::all(folder), is_person: true, starts_programs: true }
    }

    /// Sockets to listen on, for a person alone.
    pub fn sockets(&self) -> Option<sockets::Sockets> {
        self.is_person.then(sockets::Sockets::default)
    }

    /// The files of one folder and nothing else.
    ///
    /// # Errors
    /// When it is no folder, or can't be opened.
    pub fn of_lesson(folder: &Path, attended: Attended) -> io::Result<Host> {
        let files = Files::below(folder)?;
        Ok(Host { files, is_person: false, starts_programs: attended == Attended::Yes })
    }

    /// Whether a person typed the command, and no lesson holds it.
    pub fn is_person(&self) -> bool {
        self.is_person
    }

    /// The files of a machine that is modelled, and nothing else.
    pub fn of_desk(files: Files, attended: Attended) -> Host {
        Host { files, is_person: false, starts_programs: attended == Attended::Yes }
    }

    /// A variable of the environment; a lesson's command has none.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        Some(name).filter(|_| self.is_person).and_then(variable)
    }

    /// The same as text.
    pub fn variable_text(&self, name: &str) -> Option<String> {
        self.variable(name).and_then(|value| value.into_string().ok())
    }

    /// The paths that a variable lists, as `PATH` does.
    pub fn paths(&self, name: &str) -> Vec<PathBuf> {
        self.variable(name).map(|value| std::env::split_paths(&value).collect()).unwrap_or_default()
    }

    /// The permission to start the user's programs; none where nobody would see them.
    pub fn programs(&self) -> Option<Programs> {
        self.starts_programs.then_some(Programs(()))
    }
}

impl Programs {
    /// The first of the variables that names a program.
    pub fn named_by(self, variables: &[&str]) -> Option<String> {
        variables.iter().find_map(|name| variable(name)?.into_string().ok())
    }

    /// Runs a program in this one's place; where a system has no such thing, until it ends.
    ///
    /// # Errors
    /// It can't be run.
    pub fn run_in_place(self, program: &Path, words: &[String]) -> io::Result<ExitStatus> {
        let mut command = self.command(program);
        command.args(words);
        #[cfg(unix)]
        let outcome = Err(std::os::unix::process::CommandExt::exec(&mut command));
        #[cfg(not(unix))]
        let outcome = command.status();
        outcome
    }

    /// A program to be started.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        Command::new(program)
    }
}

/// A variable of the process's own environment that is set to something.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Why the system, or the gate, refused something, as Go words it.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    if error.raw_os_error().is_none() && error.get_ref().is_some() && !text.contains("(os error") {
        return text;
    }
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::IsADirectory => "is a directory".into(),
        ErrorKind::NotADirectory => "not a directory".into(),
        ErrorKind::AlreadyExists => "file exists".into(),
        ErrorKind::ReadOnlyFilesystem => "read-only file system".into(),
        ErrorKind::StorageFull => "no space left on device".into(),
        _ => text.split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}

/// The same with what was tried, and on which file: `open x.yaml: permission denied`.
pub fn go_io_error(what: &str, path: &str, error: &io::Error) -> String {
    let reads = matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::FileTooLarge);
    let what = if what == "open" && reads { "read" } else { what };
    format!("{what} {path}: {}", reason(error))
}
