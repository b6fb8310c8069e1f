//! A folder's files, for those who ask for them by a path.

use std::io;
use std::path::{Path, PathBuf};

use super::{read, reason};

/// What a path leads to.
pub enum Found {
    /// A file, and what it holds.
    File(Vec<u8>),
    /// A folder: the names in it, sorted, and whether each is a folder.
    Folder(Vec<(String, bool)>),
    /// Nothing that can be read, and why.
    Nothing(String),
}

/// What lies at a path, whose parts are separated by `/`; none leads above `folder`. Mirrors `http.Dir.Open`.
pub fn find(folder: &Path, path: &str) -> Found {
    let mut at = PathBuf::from(folder);
    let mut depth = 0;
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            if depth > 0 {
                at.pop();
                depth -= 1;
            }
            continue;
        }
        if part.contains(['\0', '\\', ':']) && cfg!(windows) || part.contains('\0') {
            return Found::Nothing("invalid argument".into());
        }
        at.push(part);
        depth += 1;
    }
    let look = || -> io::Result<Found> {
        if !std::fs::metadata(&at)?.is_dir() {
            return read::file(&at).map(Found::File);
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&at)? {
            let entry = entry?;
            entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir()));
        }
        entries.sort();
        Ok(Found::Folder(entries))
    };
    look().unwrap_or_else(|e| Found::Nothing(reason(&e)))
}
