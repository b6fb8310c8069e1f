//! The state file: the only place that speaks SQL.

mod blobs;
pub mod file;
mod history;
mod objects;
mod timers;
mod writer;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration as WallDuration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ffi, params};

use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;
use crate::host::{self, private};
use crate::store::Logged;
pub use blobs::Blob;
use file::RETIRED;
pub(super) use history::Past;
pub use timers::{Place, Timer};
use writer::Writer;

/// How long a command waits for the moments at which another process keeps even readers out.
const BUSY_TIMEOUT: WallDuration = WallDuration::from_secs(10);

/// How long a writer that waits sleeps before it asks again.
const ASK_AGAIN: WallDuration = WallDuration::from_millis(2);

/// How long a process that writes much leaves the turn to others.
pub(super) const TURN: WallDuration = WallDuration::from_millis(6);

/// How many pages of the log SQLite moves into the file at once, as it does by itself, and while much is written: what is
/// written again and again is moved once then.
const CHECKPOINT: i64 = 1_000;
const CHECKPOINT_IN_BULK: i64 = 32_768;

/// What stands for the path of a state that lives in memory.
const IN_MEMORY: &str = ":memory:";

/// How many KiB of the file may stand in memory; they are taken only as they are used.
const CACHE_KIB: i64 = 256 * 1024;

/// The layout's version; a file of a later one is refused, one of an earlier is brought up to it.
const LAYOUT: i64 = 7;

const SCHEMA: &str = "
CREATE TABLE revision (
    rev INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    previous INTEGER NOT NULL, object TEXT);
CREATE TABLE current (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, rev INTEGER NOT NULL,
    PRIMARY KEY (kind, namespace, name)) WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sequence (purpose TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE timer (
    controller TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    due INTEGER NOT NULL, seq INTEGER NOT NULL, recurring INTEGER NOT NULL, failures INTEGER NOT NULL,
    PRIMARY KEY (controller, kind, namespace, name)) WITHOUT ROWID;
CREATE TABLE operation (id INTEGER PRIMARY KEY, command TEXT NOT NULL, rev INTEGER NOT NULL);
CREATE TABLE journal (
    operation INTEGER NOT NULL, what TEXT NOT NULL, name TEXT NOT NULL, before TEXT,
    PRIMARY KEY (operation, what, name)) WITHOUT ROWID;
";

/// What follows from the objects and is kept up with them.
const DERIVED: &str = "
CREATE TABLE IF NOT EXISTS member (
    idx INTEGER NOT NULL, bucket TEXT NOT NULL, kind TEXT NOT NULL, rank BLOB NOT NULL, namespace TEXT NOT NULL,
    name TEXT NOT NULL, PRIMARY KEY (idx, bucket, kind, rank, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (kind, namespace)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS load (node TEXT NOT NULL, bound INTEGER NOT NULL, load TEXT NOT NULL,
    PRIMARY KEY (node, bound)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timer_due ON timer (due, seq);
CREATE INDEX IF NOT EXISTS timer_progress ON timer (due, seq) WHERE NOT recurring;
";

/// What a revision of an object replaced.
#[derive(Debug, Clone)]
pub enum Before {
    /// Nothing: it made the object.
    Nothing,
    /// A version that is not in the log any more.
    Dropped,
    /// This version.
    Version(Box<Object>),
}

/// A command that changed the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its number, from 1.
    pub id: u64,
    /// The command line.
    pub command: String,
    /// The revision before it.
    pub revision: u64,
}

pub(super) struct Db {
    connection: Connection,
    path: String,
    data_version: i64,
    /// The newest operation; 0 before the first.
    operation: i64,
    /// The first fault of this transaction: it can only be rolled back.
    fault: RefCell<Option<ApiError>>,
    /// What the journal holds already of that operation.
    noted: RefCell<BTreeSet<(What, String)>>,
    /// Tells others who writes, while a transaction does.
    writer: Option<Writer>,
    /// How many rows this connection had changed when this transaction had done nothing but begin, and then nothing but
    /// begin an operation; none once it did anything else first.
    untouched_at: Option<u64>,
    /// The same once that operation was forgotten, with nothing done in between.
    came_to_nothing: Option<u64>,
}

/// What `undo` brings back beside the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Setting,
    Sequence,
    Timer,
    Blob,
}

impl Db {
    /// Opens a state file that is there, and changes nothing in it; none for one whose cluster was removed.
    pub(super) fn open(path: &Path) -> Result<Option<Db>, ApiError> {
        let db = Db::open_any(path)?;
        match db.number("PRAGMA user_version", [])?.unwrap_or(0) {
            LAYOUT => Ok(Some(db)),
            1..LAYOUT => db.upgrade().map(Some),
            RETIRED => Ok(None),
            layout if layout > LAYOUT => {
                Err(ApiError::internal(format!("{} was written by a newer kstate; this one can't read it", db.path)))
            }
            _ => Err(db.damaged("it holds no cluster")),
        }
    }

    /// Opens a state file whatever is in it.
    pub(super) fn open_any(path: &Path) -> Result<Db, ApiError> {
        let shown = path.display().to_string();
        match connect(path) {
            Ok(connection) => Db::over(connection, shown),
            Err(e) => Err(match private::open_to_write(path) {
                // The system says more than SQLite does.
                Err(why) => ApiError::internal(format!("cannot open the state file {shown}: {}", host::reason(&why))),
                Ok(_) => fault(&shown, &e),
            }),
        }
    }

    /// Makes a state file that will be moved to the place `shown`.
    pub(super) fn create(path: &Path, shown: &Path) -> Result<Db, ApiError> {
        let shown = shown.display().to_string();
        // SQLite gives the files beside it the mode of this one.
        private::create_new(path)
            .map_err(|e| ApiError::internal(format!("cannot write the state file {shown}: {}", host::reason(&e))))?;
        let db = Db::over(connect(path).map_err(|e| fault(&shown, &e))?, shown)?;
        // WAL lets readers go on while one process writes.
        db.check(db.connection.pragma_update(None, "journal_mode", "wal"))?;
        db.lay_out()
    }

    pub(super) fn in_memory() -> Result<Db, ApiError> {
        let shown = IN_MEMORY.to_string();
        Db::over(Connection::open_in_memory().map_err(|e| fault(&shown, &e))?, shown)?.lay_out()
    }

    fn over(connection: Connection, path: String) -> Result<Db, ApiError> {
        let (fault, noted) = (RefCell::default(), RefCell::default());
        let db = Db {
            connection,
            path,
            data_version: 0,
            operation: 0,
            fault,
            noted,
            writer: None,
            untouched_at: None,
            came_to_nothing: None,
        };
        db.check(db.connection.busy_timeout(BUSY_TIMEOUT))?;
        // Else SQLite plans a statement anew for every value that is bound, which cost more than the statement.
        db.check(db.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true))?;
        // What a command acknowledged lasts through a loss of power, as etcd's does.
        db.check(db.connection.pragma_update(None, "synchronous", "full"))?;
        db.check(db.connection.pragma_update(None, "fullfsync", true))?;
        // A command that changes much is one transaction, which SQLite would write out and read back in pieces.
        db.check(db.connection.pragma_update(None, "cache_size", -CACHE_KIB))?;
        db.connection.set_prepared_statement_cache_capacity(64);
        Ok(db)
    }

    fn lay_out(self) -> Result<Db, ApiError> {
        self.check(self.connection.execute_batch(SCHEMA))?;
        self.check(self.connection.execute_batch(DERIVED))?;
        self.check(self.connection.execute_batch(blobs::BLOBS))?;
        self.check(self.connection.pragma_update(None, "user_version", LAYOUT))?;
        Ok(self)
    }

    fn check<T>(&self, result: rusqlite::Result<T>) -> Result<T, ApiError> {
        result.map_err(|e| self.fault.borrow_mut().get_or_insert(fault(&self.path, &e)).clone())
    }

    fn damaged(&self, detail: &str) -> ApiError {
        ApiError::internal(format!("the state file {} is damaged: {detail}", self.path))
    }

    fn execute(&self, sql: &str, with: impl rusqlite::Params) -> Result<usize, ApiError> {
        // OBSERVATION: after a fault SQLite may have left the transaction, and a write would last by itself.
        if let Some(fault) = self.fault.borrow().clone() {
            return Err(fault);
        }
        self.check(self.connection.prepare_cached(sql).and_then(|mut s| s.execute(with)))
    }

    fn number(&self, sql: &str, with: impl rusqlite::Params) -> Result<Option<i64>, ApiError> {
        let row = self.connection.prepare_cached(sql).and_then(|mut s| s.query_row(with, |r| r.get(0)).optional());
        self.check(row)
    }

    fn rows<T>(
        &self,
        sql: &str,
        with: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ApiError> {
        let rows = self.connection.prepare_cached(sql).and_then(|mut s| s.query_map(with, read)?.collect());
        self.check(rows)
    }

    /// Begins a transaction. False: another process writes, and did so until `patience` was over.
    pub(super) fn begin(&mut self, write: bool, patience: WallDuration) -> Result<bool, ApiError> {
        self.fault.take();
        (self.untouched_at, self.came_to_nothing) = (Some(self.connection.total_changes()), None);
        if write {
            self.check(self.connection.busy_timeout(WallDuration::ZERO))?;
            let mut waited = WallDuration::ZERO;
            // SQLite itself would ask ever more seldom, and miss the turn that long work leaves.
            let begun = loop {
                let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
                if !begun.as_ref().is_err_and(is_busy) || waited >= patience {
                    break begun;
                }
                std::thread::sleep(ASK_AGAIN);
                waited += ASK_AGAIN;
            };
            self.check(self.connection.busy_timeout(BUSY_TIMEOUT))?;
            if begun.as_ref().is_err_and(is_busy) {
                return Ok(false);
            }
            self.check(begun)?;
            self.writer = Writer::here(&self.path);
        } else {
            self.check(self.connection.execute_batch("BEGIN"))?;
        }
        self.find_operation()?;
        Ok(true)
    }

    /// Whether other processes may have the same file open.
    pub(super) fn is_shared(&self) -> bool {
        self.path != IN_MEMORY
    }

    /// Says whether much is going to be written in many transactions.
    pub(super) fn expect_much(&self, much: bool) -> Result<(), ApiError> {
        let pages = if much { CHECKPOINT_IN_BULK } else { CHECKPOINT };
        self.check(self.connection.pragma_update(None, "wal_autocheckpoint", pages))
    }

    /// Who writes to the file, if they said so.
    pub(super) fn writer(&self) -> String {
        writer::of(&self.path)
    }

    /// What is said when another process writes for too long.
    pub(super) fn locked(&self) -> ApiError {
        ApiError::internal(format!("the state file {} is locked by {}", self.path, self.writer()))
    }

    /// Whether another process removed the cluster.
    pub(super) fn is_retired(&self) -> Result<bool, ApiError> {
        Ok(self.number("PRAGMA user_version", [])? == Some(RETIRED))
    }

    /// Takes up a file whose cluster was removed for another one.
    pub(super) fn take_up(&self) -> Result<(), ApiError> {
        self.check(self.connection.pragma_update(None, "user_version", LAYOUT))
    }

    /// Ends the transaction, or reports its first fault: then it must be rolled back.
    pub(super) fn commit(&mut self) -> Result<(), ApiError> {
        let fault = self.fault.borrow().clone();
        match fault {
            Some(fault) => Err(fault),
            // An operation that came and went leaves nothing to be made lasting, which is what takes time.
            None if self.came_to_nothing == Some(self.connection.total_changes()) => {
                self.rollback();
                Ok(())
            }
            None => self.check(self.connection.execute_batch("COMMIT")).map(|()| self.writer = None),
        }
    }

    pub(super) fn rollback(&mut self) {
        // OBSERVATION: SQLite may have rolled back by itself (disk full); then there is nothing left to undo.
        let _ = self.connection.execute_batch("ROLLBACK");
        self.writer = None;
    }

    pub(super) fn changed_elsewhere(&mut self) -> Result<bool, ApiError> {
        let version = self.number("PRAGMA data_version", [])?.unwrap_or(0);
        let changed = version != self.data_version;
        self.data_version = version;
        Ok(changed)
    }

    pub(super) fn revision(&self) -> Result<u64, ApiError> {
        let newest = self.number("SELECT COALESCE(MAX(rev), 0) FROM revision", [])?;
        Ok(newest.unwrap_or(0) as u64)
    }

    /// Appends a revision that counts as coming after `previous`; 0 for none.
    pub(super) fn append(
        &self,
        previous: u64,
        revision: u64,
        key: &ObjectKey,
        object: Option<&str>,
    ) -> Result<(), ApiError> {
        let (kind, rev, previous) = (key.kind.stored_name(), revision as i64, previous as i64);
        let sql = "INSERT INTO revision (rev, kind, namespace, name, previous, object) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(sql, params![rev, kind, key.namespace, key.name, previous, object]).map(|_| ())
    }

    pub(super) fn changes_after(&self, kind: Kind, revision: u64) -> Result<Vec<(u64, Object, bool)>, ApiError> {
        let sql = "SELECT r.rev, COALESCE(r.object, p.object), r.object IS NULL FROM revision r
                   LEFT JOIN revision p ON p.rev = r.previous WHERE r.rev > ?1 AND r.kind = ?2 ORDER BY r.rev";
        let rows: Vec<(i64, Option<String>, bool)> =
            self.rows(sql, params![revision as i64, kind.stored_name()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        let read = |(rev, text, gone): (i64, Option<String>, bool)| {
            let object = Object::from_stored(kind, &text?);
            Some(object.map(|o| (rev as u64, o, gone)))
        };
        rows.into_iter().filter_map(read).collect()
    }

    pub(super) fn log_after(&self, kind: Kind, revision: u64) -> Result<Vec<Logged>, ApiError> {
        let sql = "SELECT r.rev, r.previous, r.object, p.object FROM revision r
                   LEFT JOIN revision p ON p.rev = r.previous WHERE r.rev > ?1 AND r.kind = ?2 ORDER BY r.rev";
        type Columns = (i64, i64, Option<String>, Option<String>);
        let rows: Vec<Columns> = self.rows(sql, params![revision as i64, kind.stored_name()], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
        })?;
        let read = |(rev, previous, text, before): Columns| {
            let object = Object::from_stored(kind, text.as_ref().or(before.as_ref())?);
            let (revision, gone, replaced) = (rev as u64, text.is_none(), previous > 0);
            Some(object.map(|object| Logged { revision, object: object.into(), gone, replaced, before }))
        };
        rows.into_iter().filter_map(read).collect()
    }

    pub(super) fn version_before(&self, kind: Kind, revision: u64) -> Result<Before, ApiError> {
        let sql = "SELECT r.previous, p.object FROM revision r LEFT JOIN revision p ON p.rev = r.previous
                   WHERE r.rev = ?1";
        let rows: Vec<(i64, Option<String>)> =
            self.rows(sql, params![revision as i64], |r| Ok((r.get(0)?, r.get(1)?)))?;
        match rows.into_iter().next() {
            Some((_, Some(text))) => Object::from_stored(kind, &text).map(|object| Before::Version(object.into())),
            Some((previous, None)) if previous > 0 => Ok(Before::Dropped),
            _ => Ok(Before::Nothing),
        }
    }

    /// Stores how often a sequence was drawn from, which was `before`.
    pub(super) fn set_sequence(&self, purpose: &str, n: u64, before: u64) -> Result<(), ApiError> {
        self.journal(What::Sequence, purpose, Some(before.to_string()).filter(|_| before > 0).as_deref())?;
        self.execute("INSERT OR REPLACE INTO sequence VALUES (?1, ?2)", params![purpose, n as i64]).map(|_| ())
    }

    /// Whether there is a sequence whose purpose begins so, with a slash at its end.
    pub(super) fn is_drawn_below(&self, beginning: &str) -> Result<bool, ApiError> {
        let end = format!("{}0", beginning.trim_end_matches('/'));
        let sql = "SELECT 1 FROM sequence WHERE purpose > ?1 AND purpose < ?2 LIMIT 1";
        Ok(self.number(sql, params![beginning, end])?.is_some())
    }

    pub(super) fn drawn(&self, purpose: &str) -> Result<u64, ApiError> {
        Ok(self.number("SELECT n FROM sequence WHERE purpose = ?1", params![purpose])?.unwrap_or(0) as u64)
    }

    pub(super) fn settings(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let rows = self.rows("SELECT name, value FROM setting", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// Changes a setting, whose value was `before`.
    pub(super) fn set_setting(&self, name: &str, value: &str, before: Option<&str>) -> Result<(), ApiError> {
        self.journal(What::Setting, name, before)?;
        self.execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)", params![name, value]).map(|_| ())
    }

    /// Removes a setting, whose value was `before`.
    pub(super) fn remove_setting(&self, name: &str, before: &str) -> Result<(), ApiError> {
        self.journal(What::Setting, name, Some(before))?;
        self.execute("DELETE FROM setting WHERE name = ?1", params![name]).map(|_| ())
    }
}

/// Opens a file that is there, whatever its name looks like.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// Whether another process is in the way.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The faults that are met reading.
const READS: [i32; 3] = [ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_FSTAT];

/// What SQLite said, as one clear sentence that names the file.
fn fault(path: &str, error: &rusqlite::Error) -> ApiError {
    let code = error.sqlite_error_code();
    let text = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("the state file {path} is locked by another process")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!("the state file {path} is damaged: {error}")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("cannot open the state file {path}: {error}")
        }
        Some(ErrorCode::ReadOnly) => format!("cannot write the state file {path}: {error}"),
        Some(ErrorCode::SystemIoFailure) => {
            let reads = matches!(error, rusqlite::Error::SqliteFailure(e, _) if READS.contains(&e.extended_code));
            let what = if reads { "read" } else { "write" };
            format!("cannot {what} the state file {path}: input/output error")
        }
        Some(ErrorCode::DiskFull) => format!("cannot write the state file {path}: no space left on device"),
        _ => format!("the state file {path}: {error}"),
    };
    // SQLite quotes the whole statement, lines and all.
    ApiError::internal(text.lines().next().unwrap_or_default())
}
