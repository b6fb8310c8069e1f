//! What is no API object: the processes of pods and the disks, by name, and the contents of large files by their hash.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};

use super::{Db, What};
use crate::api::Time;
use crate::error::ApiError;

/// The hash by which contents are known.
pub type Hash = [u8; 32];

/// The tables of this file.
pub(super) const BLOBS: &str = "
CREATE TABLE IF NOT EXISTS blob (name TEXT PRIMARY KEY, wake INTEGER, value BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blob_wake ON blob (wake) WHERE wake IS NOT NULL;
CREATE TABLE IF NOT EXISTS content (hash BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
";

/// What is kept under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// When it wants to go on; none for never by itself.
    pub wake: Option<Time>,
    /// The contents that it refers to.
    pub refers: Vec<Hash>,
    /// What it is.
    pub value: Vec<u8>,
}

impl Blob {
    /// One row of bytes: so an operation's journal can hold it too.
    fn pack(&self) -> Vec<u8> {
        let mut packed = self.wake.map_or(i64::MAX, |wake| wake.0).to_le_bytes().to_vec();
        packed.extend((self.refers.len() as u32).to_le_bytes());
        packed.extend(self.refers.iter().flatten());
        packed.extend(&self.value);
        packed
    }

    fn unpack(bytes: &[u8]) -> Option<Blob> {
        let (wake, rest) = bytes.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (refers, value) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * 32)?;
        let refers = refers.chunks_exact(32).filter_map(|hash| Hash::try_from(hash).ok()).collect();
        let wake = Some(i64::from_le_bytes(*wake)).filter(|wake| *wake != i64::MAX).map(Time);
        Some(Blob { wake, refers, value: value.to_vec() })
    }
}

impl Db {
    /// What is kept under a name.
    pub(in crate::store) fn blob(&self, name: &str) -> Result<Option<Blob>, ApiError> {
        match self.packed(name)? {
            None => Ok(None),
            Some(packed) => {
                Blob::unpack(&packed).map(Some).ok_or_else(|| self.damaged(&format!("{name} is cut short")))
            }
        }
    }

    /// Whether something is kept under a name.
    pub(in crate::store) fn has_blob(&self, name: &str) -> Result<bool, ApiError> {
        Ok(self.number("SELECT 1 FROM blob WHERE name = ?1", params![name])?.is_some())
    }

    fn packed(&self, name: &str) -> Result<Option<Vec<u8>>, ApiError> {
        let sql = "SELECT value FROM blob WHERE name = ?1";
        let row = self.connection.prepare_cached(sql).and_then(|mut s| s.query_row([name], |r| r.get(0)).optional());
        self.check(row)
    }

    /// Keeps something under a name, or (with none) nothing any more.
    pub(in crate::store) fn set_blob(&self, name: &str, blob: Option<&Blob>) -> Result<(), ApiError> {
        self.journal_blob(name)?;
        self.put_blob(name, blob)
    }

    fn put_blob(&self, name: &str, blob: Option<&Blob>) -> Result<(), ApiError> {
        match blob {
            Some(blob) => {
                let wake = blob.wake.map(|wake| wake.0);
                let sql = "INSERT OR REPLACE INTO blob (name, wake, value) VALUES (?1, ?2, ?3)";
                self.execute(sql, params![name, wake, blob.pack()]).map(|_| ())
            }
            None => self.execute("DELETE FROM blob WHERE name = ?1", params![name]).map(|_| ()),
        }
    }

    fn journal_blob(&self, name: &str) -> Result<(), ApiError> {
        if !self.is_first_change(What::Blob, name) {
            return Ok(());
        }
        let sql = "INSERT OR IGNORE INTO journal (operation, what, name, before)
                   VALUES (?1, ?2, ?3, (SELECT value FROM blob WHERE name = ?3))";
        self.execute(sql, params![self.operation, What::Blob.word(), name]).map(|_| ())
    }

    /// Gives the blobs that the journal names the value that they had before the operation.
    pub(super) fn undo_blobs(&self, operation: i64) -> Result<(), ApiError> {
        let sql =
            "SELECT name, before, MIN(operation) FROM journal WHERE operation >= ?1 AND what = 'blob' GROUP BY name";
        let noted: Vec<(String, Option<Vec<u8>>)> =
            self.rows(sql, params![operation], |r| Ok((r.get(0)?, r.get(1)?)))?;
        for (name, before) in noted {
            let blob = before.map(|b| Blob::unpack(&b).ok_or_else(|| self.damaged("the journal is cut short")));
            self.put_blob(&name, blob.transpose()?.as_ref())?;
        }
        Ok(())
    }

    /// The names that begin with a prefix, in order.
    pub(in crate::store) fn blob_names(&self, prefix: &str) -> Result<Vec<String>, ApiError> {
        let sql = "SELECT name FROM blob WHERE name >= ?1 AND name < ?1 || char(1114111) ORDER BY name";
        self.rows(sql, params![prefix], |r| r.get(0))
    }

    /// What wants to go on by a time, the first to wake first; at most `limit`.
    pub(in crate::store) fn wakes_until(&self, by: Time, limit: usize) -> Result<Vec<(Time, String)>, ApiError> {
        let sql = "SELECT wake, name FROM blob WHERE wake IS NOT NULL AND wake <= ?1 ORDER BY wake, name LIMIT ?2";
        self.rows(sql, params![by.0, limit as i64], |r| Ok((Time(r.get(0)?), r.get(1)?)))
    }

    /// Contents by their hash.
    pub(in crate::store) fn content(&self, hash: &Hash) -> Result<Vec<u8>, ApiError> {
        let sql = "SELECT bytes FROM content WHERE hash = ?1";
        let row = self.connection.prepare_cached(sql).and_then(|mut s| s.query_row([hash], |r| r.get(0)).optional());
        self.check(row)?.ok_or_else(|| self.damaged("contents of a file are missing"))
    }

    /// Keeps contents under their hash.
    pub(in crate::store) fn keep_content(&self, hash: &Hash, bytes: &[u8]) -> Result<(), ApiError> {
        self.execute("INSERT OR IGNORE INTO content VALUES (?1, ?2)", params![hash, bytes]).map(|_| ())
    }

    /// Drops the contents that neither the present nor an operation's way back refers to.
    pub(super) fn drop_unused_contents(&self) -> Result<(), ApiError> {
        if self.number("SELECT COUNT(*) FROM content", [])? == Some(0) {
            return Ok(());
        }
        let sql = "SELECT value FROM blob UNION ALL
                   SELECT before FROM journal WHERE what = 'blob' AND before IS NOT NULL";
        let packed: Vec<Vec<u8>> = self.rows(sql, [], |r| r.get(0))?;
        let used: BTreeSet<Hash> = packed.iter().filter_map(|p| Blob::unpack(p)).flat_map(|b| b.refers).collect();
        let all: Vec<Vec<u8>> = self.rows("SELECT hash FROM content", [], |r| r.get(0))?;
        for hash in all {
            if Hash::try_from(hash.as_slice()).is_ok_and(|h| !used.contains(&h)) {
                self.execute("DELETE FROM content WHERE hash = ?1", params![hash])?;
            }
        }
        Ok(())
    }
}
