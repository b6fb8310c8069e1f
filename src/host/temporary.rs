//! Files and folders that pass: of a random name, made exclusively, for their owner alone, and gone in the end, be it by
//! an interrupt.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::lock::{self, Lock, try_lock};
use super::{interrupt, private, read};

/// How many random characters a name has.
const RANDOM: usize = 10;

/// What an interrupt removes.
static PASSING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file or folder that goes when this is dropped.
#[derive(Debug)]
pub struct Passing {
    path: PathBuf,
    /// Tells others that a process is still there that removes it.
    lock: Option<Lock>,
}

impl Passing {
    /// A new empty folder in the system's folder for such things: `PREFIX` and random characters.
    ///
    /// # Errors
    /// It can't be made.
    pub fn folder(prefix: &str) -> io::Result<Passing> {
        Passing::make(|| {
            let mut builder = tempfile::Builder::new();
            builder.prefix(prefix).rand_bytes(RANDOM);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            Ok(builder.tempdir()?.keep())
        })
    }

    /// The same with a folder `files` in it that is one's own. Those of this prefix go whose process was killed.
    ///
    /// # Errors
    /// It can't be made.
    pub fn locked_folder(prefix: &str) -> io::Result<(Passing, PathBuf)> {
        sweep(&std::env::temp_dir(), prefix);
        let mut passing = Passing::folder(prefix)?;
        passing.lock = try_lock(&passing.path);
        let files = passing.path.join("files");
        private::create_new_folder(&files)?;
        Ok((passing, files))
    }

    /// A new file there with a text: `PREFIX`, random characters, `SUFFIX`.
    ///
    /// # Errors
    /// It can't be written.
    pub fn file(prefix: &str, suffix: &str, text: &str) -> io::Result<Passing> {
        let mut opened = None;
        let file = Passing::make(|| {
            // It is made exclusively, of mode 0600.
            let made = tempfile::Builder::new().prefix(prefix).suffix(suffix).rand_bytes(RANDOM).tempfile()?;
            let (file, path) = made.keep().map_err(|e| e.error)?;
            opened = Some(file);
            Ok(path)
        })?;
        opened.map_or(Ok(()), |mut opened| opened.write_all(text.as_bytes()))?;
        Ok(file)
    }

    fn make(make: impl FnOnce() -> io::Result<PathBuf>) -> io::Result<Passing> {
        interrupt::before_exit(remove_all);
        // Held meanwhile: an interrupt finds what was made, or it is not made.
        let mut passing = PASSING.lock().unwrap_or_else(PoisonError::into_inner);
        let path = make()?;
        passing.insert(path.clone());
        Ok(Passing { path, lock: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// What a file holds by now.
    ///
    /// # Errors
    /// It can't be read, or is no text.
    pub fn text(&self) -> io::Result<String> {
        String::from_utf8(read::file(&self.path)?).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    /// Writes a file of this name into a folder, for its owner alone.
    ///
    /// # Errors
    /// It can't be written, is there, or the name is none of a file in this folder.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        if Path::new(name).file_name().is_none_or(|leaf| leaf != name) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        private::create_new(&self.path.join(name))?.write_all(text.as_bytes())
    }

    /// Leaves it there for good.
    pub fn keep(self) -> PathBuf {
        PASSING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
        self.path.clone()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let mut passing = PASSING.lock().unwrap_or_else(PoisonError::into_inner);
        if passing.remove(&self.path) {
            // Windows removes nothing that is open.
            self.lock = None;
            remove(&self.path);
        }
    }
}

/// Removes folders that were left by processes that were killed: nobody holds their locks.
fn sweep(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let named = entry.file_name().to_string_lossy().starts_with(prefix);
        // One without a lock is being made just now, or somebody else's.
        let ours = named && entry.file_type().is_ok_and(|t| t.is_dir()) && is_plain(&entry.path().join(lock::NAME));
        if ours && try_lock(&entry.path()).is_some() {
            remove(&entry.path());
        }
    }
}

fn is_plain(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn remove_all() {
    let passing = std::mem::take(&mut *PASSING.lock().unwrap_or_else(PoisonError::into_inner));
    passing.iter().for_each(|path| remove(path));
}

fn remove(path: &Path) {
    // OBSERVATION: what can't be removed lies in the system's own folder for such things. The command itself may still be
    // writing there when an interrupt removes it.
    for _ in 0..3 {
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        if removed.is_ok() {
            break;
        }
    }
}
