//! Files and folders that none but their owner may look into: state files hold Secrets.
//!
//! On Unix a file's mode is 0600 and a folder's 0700, from the moment it is there, whatever the umask. On Windows both
//! take the access list of the folder that they are made in, and a user's own folders let only the user in.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a file that is not there yet, for reading and writing. SQLite gives the files that it keeps beside its own
/// (`-wal`, `-shm`) the mode of that one: so a state file is made here, empty, before SQLite opens it.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where something of that name is, be it a link to nothing; else the system's.
pub fn create_new(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

/// Opens a file for reading and writing, a lock's for instance; it is made if it is not there. One that is there keeps
/// its content and its mode.
///
/// # Errors
/// The system's.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    options().create(true).truncate(false).open(path)
}

/// Opens a file that is there for reading and writing.
///
/// # Errors
/// The system's.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    options().open(path)
}

/// Opens a file for writing, empty; it is made if it is not there. One that is there keeps its mode.
///
/// # Errors
/// The system's.
pub fn create_or_empty(path: &Path) -> io::Result<File> {
    options().create(true).truncate(true).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder, and those that it lies in; what is there stays as it is.
///
/// # Errors
/// The system's.
pub fn create_folder(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

/// Makes a folder that is not there yet.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where something of that name is; else the system's.
pub fn create_new_folder(path: &Path) -> io::Result<()> {
    builder().create(path)
}

fn builder() -> DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Takes from all but the owner what they may do with a file or folder of kstate's own that an earlier kstate made.
/// Where that can't be done (somebody else's file, a file system without modes) it stays as it is.
#[cfg(unix)]
pub fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
    let mode = metadata.permissions().mode();
    if !metadata.is_symlink() && mode & 0o077 != 0 {
        // OBSERVATION: to look after the mode is not what the command was called for.
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700));
    }
}

/// The same; access lists are inherited here, and stay as they are.
#[cfg(not(unix))]
pub fn restrict(_: &Path) {}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{create_folder, create_new, create_new_folder, create_or_empty, open_or_create, restrict};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_may_look() {
        let root = std::env::temp_dir().join(format!("kstate-private-{}", std::process::id()));
        let folder = root.join("a/b");
        create_folder(&folder).expect("a folder");
        create_folder(&folder).expect("a folder that is there");
        assert_eq!((mode(&root), mode(&folder)), (0o700, 0o700));
        assert!(create_new_folder(&folder).is_err() && create_new_folder(&root.join("c")).is_ok());
        let file = folder.join("state.db");
        create_new(&file).expect("a file");
        assert_eq!(mode(&file), 0o600);
        assert!(create_new(&file).is_err());
        std::os::unix::fs::symlink("nowhere", folder.join("link")).expect("a link");
        assert!(create_new(&folder.join("link")).is_err(), "a link is not followed");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
        fs::write(&file, "x").expect("a text");
        open_or_create(&file).expect("a file that is there");
        assert_eq!((mode(&file), fs::read_to_string(&file).expect("a text").as_str()), (0o644, "x"));
        restrict(&file);
        create_or_empty(&file).expect("a file that is there");
        assert_eq!((mode(&file), fs::read_to_string(&file).expect("a text").as_str()), (0o600, ""));
        fs::remove_dir_all(&root).expect("the folder goes");
    }
}
