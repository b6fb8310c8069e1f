//! The log: what it tells those who follow what happens, and what of it is dropped.

use std::sync::Arc;

use super::{Before, Store};
use crate::api::{Kind, Object};
use crate::error::ApiError;

/// A revision of the log.
#[derive(Debug)]
pub struct Logged {
    /// The revision.
    pub revision: u64,
    /// The object; one that the revision removed as it was last.
    pub object: Arc<Object>,
    /// Whether the revision removed it.
    pub gone: bool,
    /// Whether there was something in its place.
    pub replaced: bool,
    /// What that was, as it is stored.
    pub(super) before: Option<String>,
}

impl Logged {
    /// What was in its place; none too where that was dropped from the log since.
    pub fn before(&self) -> Option<Arc<Object>> {
        Object::from_stored(self.object.kind(), self.before.as_deref()?).ok().map(Arc::new)
    }
}

impl Store {
    /// The version of an object that its revision replaced.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn version_before(&self, object: &Object) -> Result<Before, ApiError> {
        self.db.version_before(object.kind(), object.revision())
    }

    /// Every change of a kind after a revision, oldest first: the object, and whether that revision removed it.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn changes_after(&self, kind: Kind, revision: u64) -> Result<Vec<(u64, Object, bool)>, ApiError> {
        if self.last_of_kind.get(kind.index()).is_some_and(|last| *last <= revision) {
            return Ok(Vec::new());
        }
        self.db.changes_after(kind, revision)
    }

    /// The same with what each change replaced.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn log_after(&self, kind: Kind, revision: u64) -> Result<Vec<Logged>, ApiError> {
        if self.last_of_kind.get(kind.index()).is_some_and(|last| *last <= revision) {
            return Ok(Vec::new());
        }
        self.db.log_after(kind, revision)
    }

    /// Drops of the log before the revision `horizon` what no operation's way back needs, and the operations beyond
    /// the newest 200. The newest revision of each key stays. A watch that has not come as far as `horizon` sees the
    /// newest of what it missed and not every step. The answer is how many revisions before it are left.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn compact(&mut self, horizon: u64) -> Result<usize, ApiError> {
        self.db.compact(horizon.min(self.revision))
    }

    /// The same within a transaction, for the revisions of its own after `from` up to `to`: what they replaced is
    /// dropped, unless it was there when the transaction or its operation began.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn compact_between(&mut self, from: u64, to: u64) -> Result<(), ApiError> {
        self.db.compact_between(self.begun, from, to)
    }
}
