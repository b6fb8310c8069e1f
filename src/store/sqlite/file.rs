//! Whole state files: made so that there is all of one or nothing, and removed so that nobody's log meets another's.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration as WallDuration;

use super::{Db, connect, fault, is_busy};
use crate::error::ApiError;
use crate::host::{self, private, whole};

/// The folder beside the state files in which a new one is made. It is there only meanwhile.
const MAKING: &str = "making";

/// The layout's version of a file whose cluster was removed: whoever has it open learns so at their next transaction.
pub(super) const RETIRED: i64 = -1;

/// How long a removal waits for others to let go of the file.
const LET_GO: WallDuration = WallDuration::from_millis(400);

/// Makes a state file: `fill` makes it beside its place, and only what is whole and lasts takes its name.
///
/// One process at a time may do so in a folder; what one that was killed left there goes first.
///
/// # Errors
/// Those of `fill`, and when the file can't be written or is there already; then nothing is left behind.
pub fn make(path: &Path, fill: impl FnOnce(&Path) -> Result<(), ApiError>) -> Result<(), ApiError> {
    let cannot = |e: io::Error| ApiError::internal(format!("cannot write {}: {}", path.display(), host::reason(&e)));
    let folder = making(path);
    clear_away(path).map_err(cannot)?;
    private::create_new_folder(&folder).map_err(cannot)?;
    let new = folder.join(path.file_name().unwrap_or_default());
    let made = fill(&new).and_then(|()| check(&new, path)).and_then(|()| {
        // A log of a file that is gone would be taken for the new one's.
        logs(path).iter().try_for_each(|log| whole::remove(log)).map_err(cannot)?;
        put_in_place(&new, path).and_then(|()| whole::sync_folder(path)).map_err(cannot)
    });
    let cleared = clear_away(path).map_err(cannot);
    made.and(cleared)
}

/// Clears away what a killed process left when it made a file beside `path`.
///
/// # Errors
/// When it can't be removed.
pub fn clear_away(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(making(path)) {
        Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Err(e),
        _ => Ok(()),
    }
}

/// Whether something was left beside `path` by a process that makes a file, or was killed doing so.
pub fn is_being_made(path: &Path) -> bool {
    making(path).exists()
}

/// Takes a state file away for good, and says whether a cluster was in it. Where others have it open and don't let go
/// it stays, but holds no cluster any more; who opens it is told so.
///
/// # Errors
/// When the file can't be written or removed.
pub fn remove(path: &Path) -> Result<bool, ApiError> {
    let shown = path.display().to_string();
    let db = Db::open_any(path);
    let held = !matches!(db.as_ref().map(Db::is_retired), Ok(Ok(true)));
    match db.map(Db::retire) {
        Ok(Ok(true)) => {}
        // Somebody has it open: SQLite would remove the log of whoever has the name by then.
        Ok(Ok(false)) => return Ok(held),
        Ok(Err(e)) if is_busy(&e) => return Err(fault(&shown, &e)),
        _ if !path.is_file() => return Err(ApiError::internal(format!("cannot remove {shown}: it is no file"))),
        // What is no state file any more, or can't be written, has no log that matters.
        _ => {}
    }
    whole::remove(path)
        .and_then(|()| logs(path).iter().try_for_each(|log| whole::remove(log)))
        .map_err(|e| ApiError::internal(format!("cannot remove {shown}: {}", host::reason(&e))))?;
    Ok(held)
}

/// Looks whether all of a new file is there, before it takes its name; that it lasts, SQLite saw to as it was closed.
fn check(new: &Path, path: &Path) -> Result<(), ApiError> {
    let shown = path.display().to_string();
    // SQLite removes them as it closes the file, once all of them is in it.
    if logs(new).iter().any(|log| log.exists()) {
        return Err(ApiError::internal(format!("cannot write {shown}: it could not be closed")));
    }
    let checked = connect(new)
        .and_then(|connection| {
            let found: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
            connection.close().map_err(|(_, e)| e).map(|()| found)
        })
        .map_err(|e| fault(&shown, &e))?;
    match checked.as_str() {
        "ok" => Ok(()),
        found => Err(ApiError::internal(format!("cannot write {shown}: {found}"))),
    }
}

fn making(path: &Path) -> PathBuf {
    path.with_file_name(MAKING)
}

/// The files that stand beside one that is open.
fn logs(path: &Path) -> [PathBuf; 4] {
    ["-wal", "-shm", "-journal", "-writer"].map(|suffix| {
        let mut name = path.as_os_str().to_os_string();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Gives a file its name, unless another has it: what that one holds must not be replaced.
fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(new, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(e),
        // A file system without hard links.
        Err(_) if !path.exists() => fs::rename(new, path),
        linked => linked,
    }
}

impl Db {
    /// Makes all of the file last and closes it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(in crate::store) fn close(self) -> Result<(), ApiError> {
        let path = self.path.clone();
        let checkpointed = self.number("PRAGMA wal_checkpoint(TRUNCATE)", [])?;
        self.connection.flush_prepared_statement_cache();
        self.connection.close().map_err(|(_, e)| fault(&path, &e))?;
        match checkpointed {
            Some(0) => Ok(()),
            _ => Err(ApiError::internal(format!("cannot write the state file {path}: it is in use"))),
        }
    }

    /// Marks the file as one whose cluster was removed, and says whether nobody else has it open; then no log stands
    /// beside it any more.
    fn retire(self) -> rusqlite::Result<bool> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.connection.pragma_update(None, "user_version", RETIRED)?;
        self.connection.execute_batch("COMMIT")?;
        self.connection.busy_timeout(LET_GO)?;
        // Leaving the log takes the file for oneself alone.
        let alone: rusqlite::Result<String> =
            self.connection.query_row("PRAGMA journal_mode=delete", [], |row| row.get(0));
        Ok(alone.is_ok_and(|mode| mode == "delete"))
    }
}
