//! Files that are copied to and from elsewhere: with their modes, and links as links.

use std::io::{self, Write};
use std::path::Path;

use super::files::{FileType, Files, Place};

/// What stands under a name itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Itself {
    /// Its type; that of a link is none.
    pub kind: Option<FileType>,
    /// The permission bits.
    pub mode: u32,
    /// Where a link leads.
    pub target: Option<String>,
}

/// What a system without permission bits shows.
#[cfg(not(unix))]
const USUAL: (u32, u32) = (0o644, 0o755);

impl Files {
    /// What stands under a name, a link at its end not followed.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn itself(&self, path: impl AsRef<Path>) -> io::Result<Itself> {
        let path = path.as_ref();
        let kind = |is_dir: bool, is_file: bool| match (is_dir, is_file) {
            (true, _) => Some(FileType::Folder),
            (_, true) => Some(FileType::File),
            _ => Some(FileType::Other),
        };
        match &self.place {
            Place::Elsewhere(files) => files.look(path, true),
            Place::Everywhere => {
                let found = std::fs::symlink_metadata(self.absolute(path))?;
                if found.is_symlink() {
                    let target = std::fs::read_link(self.absolute(path))?.to_string_lossy().into_owned();
                    return Ok(Itself { kind: None, mode: 0o777, target: Some(target) });
                }
                #[cfg(unix)]
                let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o7777;
                #[cfg(not(unix))]
                let mode = if found.is_dir() { USUAL.1 } else { USUAL.0 };
                Ok(Itself { kind: kind(found.is_dir(), found.is_file()), mode, target: None })
            }
            Place::Inside(dir) => {
                let found = dir.symlink_metadata(self.within(path)).map_err(|e| self.refuse(e))?;
                if found.is_symlink() {
                    let target = dir.read_link(self.within(path)).map_err(|e| self.refuse(e))?;
                    return Ok(Itself { kind: None, mode: 0o777, target: Some(target.to_string_lossy().into_owned()) });
                }
                let mode = if found.is_dir() { 0o755 } else { 0o644 };
                Ok(Itself { kind: kind(found.is_dir(), found.is_file()), mode, target: None })
            }
        }
    }

    /// Makes a folder and those that it lies in.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn make_folders(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        match &self.place {
            Place::Everywhere => std::fs::create_dir_all(self.absolute(path)),
            _ if path.as_os_str().is_empty() => Ok(()),
            Place::Elsewhere(files) => files.make_folders(path),
            Place::Inside(dir) => dir.create_dir_all(self.within(path)).map_err(|e| self.refuse(e)),
        }
    }

    /// Writes a file anew, with the permissions that new files have.
    ///
    /// # Errors
    /// As [`Files::file_type`].
    pub fn copy_in(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let path = path.as_ref();
        match &self.place {
            Place::Everywhere => std::fs::File::create(self.absolute(path))?.write_all(bytes),
            Place::Elsewhere(files) => files.write(path, bytes, false),
            Place::Inside(dir) => dir.create(self.within(path)).map_err(|e| self.refuse(e))?.write_all(bytes),
        }
    }
}
