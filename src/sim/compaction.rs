//! What of the log is dropped, and when.

use super::Cluster;
use crate::error::ApiError;

/// The settings that say at which revision the log is compacted next, and from which on it is whole.
const COMPACT_AT: &str = "compact-at";
const COMPACTED: &str = "compacted";

/// How many revisions are written between two compactions of the log at least. One looks through all that the last one
/// left: so there are half as many as that, and what compactions cost grows with what is written.
const COMPACT_EVERY: u64 = 10_000;

/// How many bytes of objects a command writes between two compactions of what it wrote itself.
const COMPACT_BYTES: u64 = 32 << 20;

/// How many of the newest revisions a compaction leaves alone at most.
const LOG_KEPT: u64 = 100_000;

impl Cluster {
    /// Now and then drops what of the log nobody needs. The last two operations stay whole, unless they are huge: a
    /// watch in another process may not have seen them yet.
    pub(super) fn compact(&mut self) -> Result<(), ApiError> {
        let revision = self.store().revision();
        let due = self.store().setting(COMPACT_AT).and_then(|v| v.parse().ok()).unwrap_or(COMPACT_EVERY);
        if revision < due {
            return Ok(());
        }
        let before_last = self.store().operations()?.get(1).map_or(0, |o| o.revision);
        let horizon = before_last.max(revision.saturating_sub(LOG_KEPT));
        let left = self.store_mut().compact(horizon)?;
        let next = revision + COMPACT_EVERY.max(left as u64 / 2);
        self.store_mut().set_setting(COMPACTED, &horizon.to_string());
        self.store_mut().set_setting(COMPACT_AT, &next.to_string());
        Ok(())
    }

    /// Before which revision the log does not tell every step any more.
    pub fn compacted(&self) -> u64 {
        self.store().setting(COMPACTED).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// Drops, within a command that does much, what of its own revisions was replaced since, but for the newest ones.
    pub(super) fn compact_along(&mut self) -> Result<(), ApiError> {
        let (revision, written) = (self.revision(), self.store().written());
        let (done, next, before) = self.compacted;
        if revision < next + COMPACT_EVERY && written < before + COMPACT_BYTES {
            return Ok(());
        }
        self.compacted = (next, revision, written);
        self.store_mut().compact_between(done, next)
    }
}
