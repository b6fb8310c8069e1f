//! Where lessons keep things: the learner's progress, and a folder with files and cluster per lesson.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::cli::home::{failed, locked};
use crate::error::Failure;
use crate::host::lock::{Lock, try_lock};
use crate::host::{self, private, whole};
use crate::lessons::library;
use crate::lessons::model::Lesson;
use crate::lessons::parse::parse;
use crate::lessons::progress::{Progress, digest};

/// A lesson and what it is known by.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) lesson: Lesson,
    /// Its key in the progress, and the name of its folder: the lesson's name, for one of the
    /// learner's own with a fingerprint of where it lies.
    pub(super) key: String,
    /// The file it was read from; none for those in the binary.
    pub(super) file: Option<PathBuf>,
}

/// Finds the lesson that the user names: one in the binary, or a Markdown file.
///
/// # Errors
/// There is none of that name, or it is broken.
pub(super) fn find(folder: &Path, name: &str) -> Result<Found> {
    if let Some(source) = library::lesson(name) {
        let lesson = parse(&library::lesson_path(name), source).map_err(Failure::error)?;
        return Ok(Found { lesson, key: name.to_string(), file: None });
    }
    let file = folder.join(name);
    if !name.ends_with(".md") && !file.is_file() {
        let failure = Failure::error(format!("there is no lesson {name:?}"));
        let hint = match library::nearest(name) {
            Some(nearest) => format!("did you mean {nearest:?}?"),
            None => "kstate lesson list shows all; a lesson of your own is named by its file, ./my-lesson.md".into(),
        };
        return Err(failure.hint(hint).into());
    }
    let source = read(&file, name)?;
    let lesson = parse(name, &source).map_err(Failure::error)?;
    let place = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
    let key = format!("{}-{}", lesson.name, &digest(&place.to_string_lossy())[..8]);
    Ok(Found { lesson, key, file: Some(file) })
}

/// All lessons in the binary.
///
/// # Errors
/// One is broken, which `cargo test` would have told.
pub(super) fn all() -> Result<Vec<Found>> {
    library::lessons().map(|(name, _)| find(Path::new(""), name)).collect()
}

fn read(file: &Path, name: &str) -> Result<String> {
    let bytes = match host::read::file(file) {
        Err(e) if e.kind() == ErrorKind::NotFound => bail!("the path {name:?} does not exist"),
        read => read.map_err(|e| failed(format!("{name} can't be read"), &e))?,
    };
    String::from_utf8(bytes).map_err(|e| {
        let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        anyhow!("{name}:{line}: a lesson is text in UTF-8")
    })
}

/// The folder below kstate's own in which lessons keep things.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Home(PathBuf);

impl Home {
    pub(in crate::cli) fn new(folder: PathBuf) -> Self {
        Home(folder)
    }

    /// The folder in which a lesson's commands run; it is made if need be, and emptied if `fresh`.
    ///
    /// # Errors
    /// It can't be made or emptied.
    pub(in crate::cli) fn files(&self, key: &str, fresh: bool) -> Result<PathBuf> {
        let folder = self.0.join(key).join("files");
        if fresh {
            match fs::remove_dir_all(&folder) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                removed => removed.map_err(|e| failed(folder.display().to_string(), &e))?,
            }
        }
        private::create_folder(&folder).map_err(|e| failed(folder.display().to_string(), &e))?;
        [&self.0, &self.0.join(key)].into_iter().for_each(|folder| private::restrict(folder));
        Ok(folder)
    }

    /// The folder of a lesson.
    pub(in crate::cli) fn folder(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }

    /// Keeps other sessions out of a lesson, as long as it is held; none if one is in it.
    pub(super) fn session(&self, key: &str) -> Option<Lock> {
        let folder = self.0.join(key).join("session");
        private::create_folder(&folder).ok()?;
        try_lock(&folder)
    }

    /// The lesson that was begun or gone on with last.
    pub(in crate::cli) fn last(&self) -> Option<String> {
        let entries = fs::read_dir(&self.0).ok()?.filter_map(Result::ok);
        let begun = entries.filter_map(|entry| {
            let changed = fs::metadata(entry.path().join("cluster.db")).and_then(|m| m.modified()).ok()?;
            Some((changed, entry.file_name().to_str()?.to_string()))
        });
        begun.max().map(|(_, key)| key)
    }

    /// The state file of a lesson's cluster.
    pub(in crate::cli) fn cluster(&self, key: &str) -> PathBuf {
        self.0.join(key).join("cluster.db")
    }

    /// What is remembered; nothing on the first day.
    ///
    /// # Errors
    /// The file is damaged or can't be read.
    pub(super) fn progress(&self) -> Result<Progress> {
        let file = self.progress_file();
        let text = match fs::read_to_string(&file) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Progress::default()),
            read => read.map_err(|e| failed(file.display().to_string(), &e))?,
        };
        let damaged = |e: serde_json::Error| {
            Failure::error(format!("the progress in {} is damaged: {e}", file.display()))
                .hint("remove that file to start afresh; the lessons themselves are not touched")
        };
        Ok(serde_json::from_str(&text).map_err(damaged)?)
    }

    /// Keeps other commands from handling whole files of the lessons, until the lock is dropped.
    ///
    /// # Errors
    /// Another holds it for too long, or the folder can't be written.
    pub(super) fn lock(&self) -> Result<Lock> {
        locked(&self.0, "a lesson's file")
    }

    /// Remembers, all or nothing.
    ///
    /// # Errors
    /// The file can't be written.
    pub(super) fn save(&self, progress: &Progress) -> Result<()> {
        let file = self.progress_file();
        let text = serde_json::to_string_pretty(progress).unwrap_or_default() + "\n";
        let _lock = self.lock()?;
        whole::write(&file, text.as_bytes()).map_err(|e| failed(format!("cannot write {}", file.display()), &e).into())
    }

    fn progress_file(&self) -> PathBuf {
        self.0.join("progress.json")
    }
}
