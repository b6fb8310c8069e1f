//! Lessons beside those in the binary: folders of them, which may be courses, and those that `KSTATE_LESSON_PATH` names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::home::{self, Found};
use crate::cli::home::failed;
use crate::error::Failure;
use crate::lessons::course::{self, Course};
use crate::lessons::library;

/// The variable that names folders of lessons, as `PATH` names those of programs.
const VARIABLE: &str = "KSTATE_LESSON_PATH";

/// All the lessons that a user has.
pub(super) struct Shelves {
    folders: Vec<PathBuf>,
}

impl Shelves {
    /// Those of whoever runs this.
    ///
    /// # Errors
    /// A folder that the variable names is not there.
    pub(super) fn of_user() -> Result<Shelves> {
        let named = std::env::var_os(VARIABLE).unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
        match folders.iter().find(|folder| !folder.is_dir()) {
            Some(lost) => {
                Err(Failure::error(format!("{VARIABLE} names {}, which is no folder", lost.display())).into())
            }
            None => Ok(Shelves { folders }),
        }
    }

    /// Finds the lesson that the user names: one in the binary, a Markdown file, or one on a shelf.
    ///
    /// # Errors
    /// There is none of that name, or it is broken.
    pub(super) fn find(&self, folder: &Path, name: &str) -> Result<Found> {
        let is_plain = !name.contains(['/', '\\']) && !name.ends_with(".md");
        if is_plain && library::lesson(name).is_none() && !folder.join(name).is_file() {
            let file = self.folders.iter().map(|shelf| shelf.join(format!("{name}.md"))).find(|file| file.is_file());
            if let Some(file) = file {
                return home::find(folder, &file.to_string_lossy());
            }
        }
        home::find(folder, name)
    }

    /// Whether there is a lesson of that name.
    pub(super) fn knows(&self, name: &str) -> bool {
        library::lesson(name).is_some() || self.folders.iter().any(|shelf| shelf.join(format!("{name}.md")).is_file())
    }

    /// All lessons, those in the binary first.
    ///
    /// # Errors
    /// A folder can't be read, or a lesson is broken.
    pub(super) fn all(&self) -> Result<Vec<Found>> {
        let mut all = home::all()?;
        for shelf in &self.folders {
            all.extend(in_folder(Path::new(""), &shelf.to_string_lossy())?);
        }
        Ok(all)
    }
}

/// The lessons of a folder, in a course's order.
///
/// # Errors
/// It can't be read, or a lesson is broken.
pub(super) fn in_folder(folder: &Path, name: &str) -> Result<Vec<Found>> {
    files(folder, name)?.iter().map(|file| home::find(folder, file)).collect()
}

/// The lessons' files of a folder, each with the folder as it was named: those of a course in its order, else by name.
///
/// # Errors
/// It can't be read, or its course is broken.
pub(super) fn files(folder: &Path, name: &str) -> Result<Vec<String>> {
    let path = folder.join(name);
    let name = name.trim_end_matches(['/', '\\']);
    if let Some(course) = course(folder, name)? {
        return Ok(course.lessons.iter().map(|lesson| format!("{name}/{lesson}.md")).collect());
    }
    let entries = fs::read_dir(&path).map_err(|e| failed(format!("{name} can't be read"), &e))?;
    let files = entries.filter_map(|entry| entry.ok().map(|e| e.path()));
    // What a code host shows of a folder is no lesson.
    let is_lesson = |file: &PathBuf| {
        file.extension().is_some_and(|e| e == "md") && file.file_stem().is_some_and(|stem| stem != "README")
    };
    let mut files: Vec<PathBuf> = files.filter(is_lesson).collect();
    files.sort();
    let leaves = files.iter().filter_map(|f| f.file_name()?.to_str());
    Ok(leaves.map(|leaf| format!("{name}/{leaf}")).collect())
}

/// What makes a folder a course, if anything does.
///
/// # Errors
/// The file is broken.
pub(super) fn course(folder: &Path, name: &str) -> Result<Option<Course>> {
    let file = folder.join(name).join(course::FILE);
    if !file.is_file() {
        return Ok(None);
    }
    let shown = format!("{}/{}", name.trim_end_matches(['/', '\\']), course::FILE);
    let text = fs::read_to_string(&file).map_err(|e| failed(format!("{shown} can't be read"), &e))?;
    Ok(Some(Course::read(&text).map_err(|fault| Failure::error(format!("{shown}: {fault}")))?))
}
