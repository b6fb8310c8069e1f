//! Operations: the way back to each of them, and what of the log is dropped when nobody needs it any more.

use rusqlite::params;

use super::{Db, Operation, Timer, What};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;

/// How the purposes begin that uids are drawn for.
const UIDS: &str = "uid/";

/// How many operations can be undone at least.
const OPERATIONS_KEPT: i64 = 200;

/// What was at a key.
pub(in crate::store) struct Past {
    pub(in crate::store) key: ObjectKey,
    /// The revision that it replaced; 0 for none.
    pub(in crate::store) previous: u64,
    /// None where there was nothing.
    pub(in crate::store) object: Option<Object>,
}

/// A row of the log without its object.
struct Row {
    revision: i64,
    key: (String, String, String),
    gone: bool,
}

impl Db {
    /// Finds out which operation is the newest.
    pub(super) fn find_operation(&mut self) -> Result<(), ApiError> {
        self.operation = self.number("SELECT COALESCE(MAX(id), 0) FROM operation", [])?.unwrap_or(0);
        self.noted.borrow_mut().clear();
        Ok(())
    }

    /// Notes what something was before this operation changed it for the first time.
    pub(super) fn journal(&self, what: What, name: &str, before: Option<&str>) -> Result<(), ApiError> {
        if !self.is_first_change(what, name) {
            return Ok(());
        }
        let sql = "INSERT OR IGNORE INTO journal (operation, what, name, before) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, params![self.operation, what.word(), name, before]).map(|_| ())
    }

    /// Whether an operation changes something for the first time.
    pub(super) fn is_first_change(&self, what: What, name: &str) -> bool {
        self.operation != 0 && self.noted.borrow_mut().insert((what, name.to_string()))
    }

    pub(in crate::store) fn begin_operation(&mut self, command: &str, revision: u64) -> Result<u64, ApiError> {
        let sql = "INSERT INTO operation (command, rev) VALUES (?1, ?2)";
        let is_first = self.untouched_at == Some(self.connection.total_changes());
        self.execute(sql, params![command, revision as i64])?;
        self.untouched_at = is_first.then(|| self.connection.total_changes());
        self.find_operation()?;
        Ok(self.operation as u64)
    }

    /// Forgets the newest operation; what it changed counts as the work of the one before it.
    pub(in crate::store) fn forget_operation(&mut self, operation: u64) -> Result<(), ApiError> {
        let operation = operation as i64;
        let is_all = self.untouched_at == Some(self.connection.total_changes());
        self.execute("DELETE FROM operation WHERE id = ?1", params![operation])?;
        self.find_operation()?;
        if self.operation > 0 {
            let sql = "UPDATE OR IGNORE journal SET operation = ?1 WHERE operation = ?2";
            self.execute(sql, params![self.operation, operation])?;
        }
        self.execute("DELETE FROM journal WHERE operation = ?1", params![operation])?;
        self.came_to_nothing = is_all.then(|| self.connection.total_changes());
        Ok(())
    }

    pub(in crate::store) fn operations(&self) -> Result<Vec<Operation>, ApiError> {
        self.rows("SELECT id, command, rev FROM operation ORDER BY id DESC", [], |r| {
            Ok(Operation { id: r.get::<_, i64>(0)? as u64, command: r.get(1)?, revision: r.get::<_, i64>(2)? as u64 })
        })
    }

    /// What was at an operation's beginning of every key that was written since.
    pub(in crate::store) fn written_since(&self, operation: u64) -> Result<Vec<Past>, ApiError> {
        let Some(revision) = self.number("SELECT rev FROM operation WHERE id = ?1", params![operation as i64])? else {
            return Err(ApiError::internal(format!("there is no operation {operation}")));
        };
        // One pass over the log: to look for each key's past by itself took time by the square.
        let sql = "SELECT w.kind, w.namespace, w.name, p.previous, p.object FROM
                   (SELECT kind, namespace, name, MAX(CASE WHEN rev <= ?1 THEN rev END) AS last
                   FROM revision GROUP BY kind, namespace, name HAVING MAX(rev) > ?1) w
                   LEFT JOIN revision p ON p.rev = w.last ORDER BY w.kind, w.namespace, w.name";
        type Columns = (String, String, String, Option<i64>, Option<String>);
        let rows: Vec<Columns> =
            self.rows(sql, params![revision], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
        let past = |(kind, namespace, name, previous, text): Columns| {
            let kind = Kind::from_stored_name(&kind).ok_or_else(|| self.damaged(&format!("it holds a {kind:?}")))?;
            let object = text.map(|text| Object::from_stored(kind, &text)).transpose()?;
            Ok(Past { key: ObjectKey::new(kind, namespace, name), previous: previous.unwrap_or(0) as u64, object })
        };
        rows.into_iter().map(past).collect()
    }

    /// Gives settings, sequences and timers what they were before an operation, and forgets it and those after it.
    pub(in crate::store) fn undo_operations(&mut self, operation: u64) -> Result<(), ApiError> {
        let operation = operation as i64;
        self.undo_journal(operation)?;
        self.execute("DELETE FROM journal WHERE operation >= ?1", params![operation])?;
        self.execute("DELETE FROM operation WHERE id >= ?1", params![operation])?;
        self.find_operation()
    }

    /// Gives everything that the journal names the value that it had before the operation.
    fn undo_journal(&self, operation: i64) -> Result<(), ApiError> {
        self.undo_blobs(operation)?;
        let sql = "SELECT what, name, before, MIN(operation) FROM journal WHERE operation >= ?1 AND what <> 'blob'
                   GROUP BY what, name";
        let noted: Vec<(String, String, Option<String>)> =
            self.rows(sql, params![operation], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        for (what, name, before) in noted {
            // An object that is made again is another one, and must not be taken for the one that was undone.
            if What::from_word(&what) == Some(What::Sequence) && name.starts_with(UIDS) {
                continue;
            }
            match (What::from_word(&what), before) {
                (Some(What::Setting), Some(value)) => {
                    self.execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)", params![name, value])?;
                }
                (Some(What::Setting), None) => {
                    self.execute("DELETE FROM setting WHERE name = ?1", params![name])?;
                }
                (Some(What::Sequence), Some(n)) => {
                    let n: i64 = n.parse().map_err(|_| self.damaged(&format!("sequence {name} was {n}")))?;
                    self.execute("INSERT OR REPLACE INTO sequence VALUES (?1, ?2)", params![name, n])?;
                }
                (Some(What::Sequence), None) => {
                    self.execute("DELETE FROM sequence WHERE purpose = ?1", params![name])?;
                }
                (Some(What::Timer), Some(text)) => {
                    let timer: Timer = serde_json::from_str(&text).map_err(|e| self.damaged(&e.to_string()))?;
                    self.put_timer(&timer)?;
                }
                (Some(What::Timer), None) => {
                    let sql =
                        "DELETE FROM timer WHERE controller || '/' || kind || '/' || namespace || '/' || name = ?1";
                    self.execute(sql, params![name])?;
                }
                (Some(What::Blob) | None, _) => {
                    return Err(self.damaged(&format!("the journal speaks of a {what:?}")));
                }
            }
        }
        Ok(())
    }

    /// Empties every table.
    pub(in crate::store) fn clear(&mut self) -> Result<(), ApiError> {
        for table in [
            "revision",
            "current",
            "member",
            "tally",
            "load",
            "setting",
            "sequence",
            "timer",
            "operation",
            "journal",
            "blob",
            "content",
        ] {
            self.execute(&format!("DELETE FROM {table}"), [])?;
        }
        self.find_operation()
    }

    /// Drops of the revisions before `horizon` those that neither the present nor an operation's way back needs,
    /// and the operations beyond the newest ones. The answer is how many of them are left.
    pub(in crate::store) fn compact(&mut self, horizon: u64) -> Result<usize, ApiError> {
        let horizon = horizon as i64;
        let sql = "SELECT id FROM operation ORDER BY id DESC LIMIT 1 OFFSET ?1";
        if let Some(oldest_dropped) = self.number(sql, params![OPERATIONS_KEPT])? {
            self.execute("DELETE FROM operation WHERE id <= ?1", params![oldest_dropped])?;
            self.execute("DELETE FROM journal WHERE operation <= ?1", params![oldest_dropped])?;
        }
        let boundaries: Vec<i64> =
            self.rows("SELECT rev FROM operation WHERE rev < ?1 ORDER BY rev", params![horizon], |r| r.get(0))?;
        let sql = "SELECT rev, kind, namespace, name, object IS NULL FROM revision WHERE rev < ?1
                   ORDER BY kind, namespace, name, rev";
        let rows = self.rows(sql, params![horizon], |r| {
            Ok(Row { revision: r.get(0)?, key: (r.get(1)?, r.get(2)?, r.get(3)?), gone: r.get(4)? })
        })?;
        let dropped = superseded(&rows, &boundaries);
        for revision in &dropped {
            self.execute("DELETE FROM revision WHERE rev = ?1", params![revision])?;
        }
        self.drop_unused_contents().map(|()| rows.len() - dropped.len())
    }
}

impl Db {
    /// Drops what the revisions after `from` up to `to` replaced of the transaction's own.
    pub(in crate::store) fn compact_between(&self, begun: u64, from: u64, to: u64) -> Result<(), ApiError> {
        let noted = self.number("SELECT MAX(rev) FROM operation", [])?.unwrap_or(0);
        let sql = "SELECT rev, previous, object IS NULL FROM revision WHERE rev > ?1 AND rev <= ?2 AND previous > ?3";
        let with = params![from as i64, to as i64, noted.max(begun as i64)];
        let rows: Vec<(i64, i64, bool)> = self.rows(sql, with, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        for (revision, previous, gone) in rows {
            self.execute("DELETE FROM revision WHERE rev = ?1", params![previous])?;
            // A deletion says nothing where nothing is left that it deleted.
            if gone {
                self.execute("DELETE FROM revision WHERE rev = ?1", params![revision])?;
            }
        }
        Ok(())
    }
}

/// The revisions that are not the newest of their key at any of the boundaries, nor in the end. The rows are sorted
/// by key and revision.
fn superseded(rows: &[Row], boundaries: &[i64]) -> Vec<i64> {
    let mut dropped = Vec::new();
    for of_key in rows.chunk_by(|row, next| row.key == next.key) {
        let mut has_older = false;
        for (n, row) in of_key.iter().enumerate() {
            let at = boundaries.partition_point(|b| *b < row.revision);
            let seen = of_key.get(n + 1).is_none_or(|next| boundaries.get(at).is_some_and(|b| *b < next.revision));
            // A deletion says nothing where nothing is left that it deleted.
            match seen && (has_older || !row.gone) {
                true => has_older = true,
                false => dropped.push(row.revision),
            }
        }
    }
    dropped
}

impl What {
    pub(super) fn word(self) -> &'static str {
        match self {
            What::Setting => "setting",
            What::Sequence => "sequence",
            What::Timer => "timer",
            What::Blob => "blob",
        }
    }

    fn from_word(word: &str) -> Option<What> {
        [What::Setting, What::Sequence, What::Timer, What::Blob].into_iter().find(|w| w.word() == word)
    }
}
