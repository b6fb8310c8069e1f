//! The files that a command may see: all, or those of one folder.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cap_std::fs::{Dir, OpenOptions};

use super::copies::Itself;
use super::{private, read};

/// What a lesson's folder is called in absolute paths: where it really lies is nobody's business, and not the same twice.
const LESSON: &str = if cfg!(windows) { r"C:\lesson" } else { "/lesson" };

/// The files that a command may see.
#[derive(Debug, Clone)]
pub struct Files {
    /// Where relative paths start.
    folder: PathBuf,
    pub(super) place: Place,
    /// Whether a path led out of it.
    refused: Rc<Cell<bool>>,
}

/// Where files are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Wherever the system has them.
    Everywhere,
    /// In a folder that no path leads out of.
    Inside(Rc<Dir>),
    /// Not on this machine at all.
    Elsewhere(Rc<dyn Folder>),
}

/// Files that are not on this machine: those of one that is modelled. Relative paths start where its process is.
pub trait Folder: std::fmt::Debug {
    /// What a path leads to, links followed, or (with `itself`) the name itself.
    ///
    /// # Errors
    /// That machine's.
    fn look(&self, path: &Path, itself: bool) -> io::Result<Itself>;

    /// A path from the root to what a path leads to, links followed.
    ///
    /// # Errors
    /// That machine's.
    fn real_path(&self, path: &Path) -> io::Result<PathBuf>;

    /// What is in a folder, by name.
    ///
    /// # Errors
    /// That machine's.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// A file's content.
    ///
    /// # Errors
    /// That machine's.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Writes a file anew, or (with `exclusive`) one that is not there.
    ///
    /// # Errors
    /// That machine's.
    fn write(&self, path: &Path, bytes: &[u8], exclusive: bool) -> io::Result<()>;

    /// Makes a folder and those that it lies in.
    ///
    /// # Errors
    /// That machine's.
    fn make_folders(&self, path: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// That machine's.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A pipe or a device.
    Other,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// Whether it is a folder itself (no link to one).
    pub is_folder: bool,
    /// Whether it is a file itself (no link to one, no device).
    pub is_file: bool,
}

impl Files {
    /// All files; relative paths start at `folder`.
    pub fn all(folder: PathBuf) -> Files {
        Files { folder, place: Place::Everywhere, refused: Rc::default() }
    }

    /// The files of another machine; relative paths start at `folder` there.
    pub fn of(files: Rc<dyn Folder>, folder: PathBuf) -> Files {
        Files { folder, place: Place::Elsewhere(files), refused: Rc::default() }
    }

    /// The files of one folder. No path leads out of it: no absolute one, none with `..`, no link. To who tries, nothing
    /// is there: so it reads as kubectl says it of a file that is missing, and does not tell whether there is one.
    ///
    /// # Errors
    /// When it is no folder, or can't be opened.
    pub fn below(folder: &Path) -> io::Result<Files> {
        let inside = Dir::open_ambient_dir(folder, cap_std::ambient_authority())?;
        Ok(Files { folder: PathBuf::from(LESSON), place: Place::Inside(Rc::new(inside)), refused: Rc::default() })
    }

    /// Whether a path led out of the folder since this was asked last.
    pub fn take_refused(&self) -> bool {
        self.refused.take()
    }

    /// The system's error, but for a path that leads out, for which cap-std has one without a number.
    pub(super) fn refuse(&self, error: io::Error) -> io::Error {
        if error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
            self.refused.set(true);
            return ErrorKind::NotFound.into();
        }
        error
    }

    /// A path as it counts from the root. It need not be there.
    pub fn absolute(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    /// A path as it counts from the folder that nothing leads out of.
    pub(super) fn within<'a>(&self, path: &'a Path) -> &'a Path {
        match path.strip_prefix(LESSON) {
            Ok(rest) if rest.as_os_str().is_empty() => Path::new("."),
            Ok(rest) => rest,
            Err(_) => path,
        }
    }

    /// What a path leads to, links followed.
    ///
    /// # Errors
    /// The system's; [`ErrorKind::NotFound`] for a path out of a lesson's folder.
    pub fn file_type(&self, path: impl AsRef<Path>) -> io::Result<FileType> {
        let path = path.as_ref();
        let (is_folder, is_file) = match &self.place {
            Place::Everywhere => std::fs::metadata(self.absolute(path)).map(|m| (m.is_dir(), m.is_file()))?,
            Place::Inside(dir) => {
                dir.metadata(self.within(path)).map(|m| (m.is_dir(), m.is_file())).map_err(|e| self.refuse(e))?
            }
            Place::Elsewhere(files) => return Ok(files.look(path, false)?.kind.unwrap_or(FileType::Other)),
        };
        Ok(match (is_folder, is_file) {
            (true, _) => FileType::Folder,
            (_, true) => FileType::File,
            _ => FileType::Other,
        })
    }

    /// A path from the root to what a path leads to, links followed.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn real_path(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = path.as_ref();
        match &self.place {
            Place::Everywhere => std::fs::canonicalize(self.absolute(path)),
            Place::Elsewhere(files) => files.real_path(path),
            Place::Inside(dir) => {
                let real = dir.canonicalize(self.within(path)).map_err(|e| self.refuse(e))?;
                Ok(if real == Path::new(".") { self.folder.clone() } else { self.folder.join(real) })
            }
        }
    }

    /// Whether something is there that may be seen.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.file_type(path).is_ok()
    }

    /// What is in a folder, by name.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<Entry>> {
        let path = path.as_ref();
        let listed = match &self.place {
            Place::Everywhere => Dir::open_ambient_dir(self.absolute(path), cap_std::ambient_authority())?.entries()?,
            Place::Inside(dir) => dir.read_dir(self.within(path)).map_err(|e| self.refuse(e))?,
            Place::Elsewhere(files) => return files.list(path),
        };
        let mut entries = Vec::new();
        for entry in listed.filter_map(Result::ok) {
            let kind = entry.file_type().ok();
            let (is_folder, is_file) = (kind.is_some_and(|t| t.is_dir()), kind.is_some_and(|t| t.is_file()));
            entries.push(Entry { name: entry.file_name(), is_folder, is_file });
        }
        entries.sort();
        Ok(entries)
    }

    /// A file's content. In a lesson's folder only files are read, no pipes and devices.
    ///
    /// # Errors
    /// As [`Files::file_type`] and [`read::to_end`].
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        let dir = match &self.place {
            Place::Everywhere => return read::file(&self.absolute(path)),
            Place::Elsewhere(files) => return files.read(path),
            Place::Inside(dir) => dir,
        };
        match self.file_type(path)? {
            FileType::Other => Err(io::Error::other("a lesson reads plain files only")),
            // To open a folder as a file tells what it is, in the system's own way.
            FileType::File | FileType::Folder => {
                dir.open(self.within(path)).map_err(|e| self.refuse(e)).and_then(read::to_end)
            }
        }
    }

    /// Finds out whether a file can be read.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn check_readable(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        match (&self.place, self.file_type(path)?) {
            // To open a pipe would take it from whoever waits for its reader.
            (_, FileType::Other) => Ok(()),
            (Place::Everywhere, _) => std::fs::File::open(self.absolute(path)).map(drop),
            (Place::Inside(dir), _) => dir.open(self.within(path)).map(drop).map_err(|e| self.refuse(e)),
            (Place::Elsewhere(files), FileType::Folder) => files.list(path).map(drop),
            (Place::Elsewhere(files), _) => files.read(path).map(drop),
        }
    }

    /// Whether a file can be run as a program; in a lesson's folder none can.
    pub fn is_executable(&self, path: impl AsRef<Path>) -> bool {
        matches!(self.place, Place::Everywhere) && is_executable(&self.absolute(path))
    }

    /// Makes a file that none but its owner may read, empty, where there is none, and the folders that it lies in.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`]; else as [`Files::file_type`].
    pub fn create_new(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        self.make_parent(path)?;
        match &self.place {
            Place::Everywhere => private::create_new(&self.absolute(path)).map(drop),
            Place::Elsewhere(files) => files.write(path, b"", true),
            Place::Inside(dir) => {
                let mut options = private_options();
                dir.open_with(self.within(path), options.create_new(true)).map(drop).map_err(|e| self.refuse(e))
            }
        }
    }

    /// Writes a file that none but its owner may read, and makes the folders that it lies in.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn write(&self, path: impl AsRef<Path>, text: &str) -> io::Result<()> {
        let path = path.as_ref();
        self.make_parent(path)?;
        match &self.place {
            Place::Everywhere => private::create_or_empty(&self.absolute(path))?.write_all(text.as_bytes()),
            Place::Elsewhere(files) => files.write(path, text.as_bytes(), false),
            Place::Inside(dir) => {
                let mut options = private_options();
                let mut file = dir
                    .open_with(self.within(path), options.create(true).truncate(true))
                    .map_err(|e| self.refuse(e))?;
                file.write_all(text.as_bytes())
            }
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        match &self.place {
            Place::Everywhere => std::fs::remove_file(self.absolute(path)),
            Place::Inside(dir) => dir.remove_file(self.within(path)).map_err(|e| self.refuse(e)),
            Place::Elsewhere(files) => files.remove(path),
        }
    }

    fn make_parent(&self, path: &Path) -> io::Result<()> {
        match &self.place {
            Place::Everywhere => match self.absolute(path).parent() {
                Some(folder) if !folder.exists() => std::fs::create_dir_all(folder),
                _ => Ok(()),
            },
            Place::Elsewhere(files) => match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => files.make_folders(folder),
                _ => Ok(()),
            },
            Place::Inside(dir) => match self.within(path).parent() {
                Some(folder) if !folder.as_os_str().is_empty() => {
                    dir.create_dir_all(folder).map_err(|e| self.refuse(e))
                }
                _ => Ok(()),
            },
        }
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| !m.is_dir() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    matches!(extension.as_str(), "bat" | "cmd" | "com" | "exe" | "ps1") && path.exists()
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
