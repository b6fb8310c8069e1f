//! The work queue's side of the store: the timers that wait, read in pieces and changed one by one.

use super::{Place, Store, Timer};
use crate::api::ObjectKey;
use crate::error::ApiError;

impl Store {
    /// At most `limit` pending timers of the work queue behind a place, in their order; with `progress` only those that
    /// are not recurring.
    pub fn timers_after(&self, after: Option<Place>, progress: bool, limit: usize) -> Vec<Timer> {
        self.read(self.db.timers_after(after, progress, limit))
    }

    /// At most `limit` pending timers before a place, or of all, the last one first.
    pub fn timers_before(&self, before: Option<Place>, limit: usize) -> Vec<Timer> {
        self.read(self.db.timers_before(before, limit))
    }

    /// The pending timer of a controller for a key.
    pub fn timer(&self, controller: &str, key: &ObjectKey) -> Option<Timer> {
        self.read(self.db.timer(controller, key))
    }

    /// The greatest number of a pending timer, modulo `counted`; 0 when none waits.
    pub fn greatest_timer_seq(&self, counted: u64) -> u64 {
        self.read(self.db.greatest_timer_seq(counted))
    }

    /// Puts a pending timer in the place of another of its name, or removes it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn change_timer(&self, before: Option<&Timer>, now: Option<&Timer>) -> Result<(), ApiError> {
        self.db.change_timer(before, now)
    }
}
