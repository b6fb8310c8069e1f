//! Time as a client of the server meets it: it passes while one waits.
//!
//! A real client sleeps; here the cluster's clock goes from one due thing to the next.

use std::time::Duration as WallDuration;

use super::Server;
use crate::api::{Duration, Time};
use crate::error::ApiError;
use crate::sim::ClockMode;
pub use crate::sim::{Passed, Wait};
use crate::store::PATIENCE;

impl Server {
    /// A wait that lets everything happen until a deadline, or without one, as long as anything can still change.
    pub fn wait_until(&mut self, deadline: Option<Time>) -> Wait {
        self.cluster.wait_until(deadline)
    }

    /// A wait that ends at a deadline, or before it when nothing can change any more.
    pub fn wait_while_it_helps(&mut self, deadline: Time) -> Wait {
        self.cluster.wait_while_it_helps(deadline)
    }

    /// A wait until the cluster has come to rest, but no longer than `most`.
    pub fn wait_for_rest(&mut self, most: Duration) -> Wait {
        self.cluster.wait_for_rest(most)
    }

    /// Lets the next thing happen that is due.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn pass(&mut self, wait: &mut Wait) -> Result<Passed, ApiError> {
        self.cluster.pass(wait)
    }

    /// Lets the controllers work between two requests of one command.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn between_requests(&mut self) -> Result<(), ApiError> {
        self.cluster.between_requests()
    }

    /// Begins a command: what others did since the last one is seen from here on. `wall` is the real time. Where another
    /// process writes, it is waited for; after `silence`, `say` is told for whom.
    ///
    /// # Errors
    /// When it writes for longer than `patience`, or the file is damaged.
    pub fn begin(
        &mut self,
        write: bool,
        wall: impl Fn() -> Time,
        (silence, patience): (WallDuration, Option<WallDuration>),
        say: impl FnOnce(&str),
    ) -> Result<(), ApiError> {
        let patience = patience.unwrap_or(PATIENCE);
        if self.cluster.try_begin(write, wall(), silence.min(patience))? {
            return Ok(());
        }
        if let Some(rest) = patience.checked_sub(silence) {
            say(&self.cluster.store().writer());
            if self.cluster.try_begin(write, wall(), rest)? {
                return Ok(());
            }
        }
        Err(self.cluster.store().locked())
    }

    /// Ends the command: all of it lasts from here on.
    ///
    /// # Errors
    /// When the disk is full or the file can't be written; then none of it lasts.
    pub fn commit(&mut self) -> Result<(), ApiError> {
        self.cluster.commit()
    }

    /// Whether the cluster's clock stands still unless a command moves it.
    pub fn is_manual(&self) -> bool {
        self.cluster.config().clock == ClockMode::Manual
    }
}
