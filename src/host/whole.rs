//! Small files that are written whole or not at all, whatever ends the process or fills the disk.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::private;

/// Replaces what is in a file, or makes one. It is written beside its place, made to last, and moved there; one that is
/// there keeps its mode, and a link to it stays a link. A new one is its owner's alone.
///
/// # Errors
/// The system's; the file is then as it was.
pub fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let new = beside(path);
    // One that a killed process left.
    remove(&new)?;
    let written = filled(path, &new, text).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // OBSERVATION: what can't be removed now, the next one to write this file removes.
        let _ = remove(&new);
    }
    written.and_then(|()| sync_folder(path))
}

fn filled(path: &Path, new: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = private::create_new(new)?;
    if let Ok(there) = fs::metadata(path) {
        file.set_permissions(there.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()
}

/// Removes a file, if it is there.
///
/// # Errors
/// The system's.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn beside(path: &Path) -> PathBuf {
    let leaf = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{leaf}.kstate"))
}

/// Makes a new name in the folder of `path` last through a loss of power.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The same; Windows does so by itself.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    let _: Option<File> = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_keeps_its_mode_its_link_and_no_leftover_is_in_the_way() {
        let folder = std::env::temp_dir().join(format!("kstate-whole-{}", std::process::id()));
        private::create_folder(&folder).expect("a folder");
        let file = folder.join("a.md");
        write(&file, b"one").expect("to write");
        fs::write(folder.join(".a.md.kstate"), "half").expect("a leftover");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a mode");
            let link = folder.join("link.md");
            std::os::unix::fs::symlink("a.md", &link).expect("a link");
            write(&link, b"two").expect("to write");
            assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o640);
            assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        }
        #[cfg(not(unix))]
        write(&file, b"two").expect("to write");
        assert_eq!(fs::read_to_string(&file).expect("the file"), "two");
        assert!(!folder.join(".a.md.kstate").exists());
        fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
