//! Time as a client of the server meets it: it passes while one waits.
//!
//! A real client sleeps; here the cluster's clock goes from one due thing to the next.

use std::time::Duration as WallDuration;

use super::Server;
use crate::api::{Duration, Kind, Time};
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

    /// A number that grows whenever an object of a kind may have been removed.
    pub fn removals(&self, kind: Kind) -> u64 {
        self.cluster.store().removals(kind)
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

    /// Begins to answer requests, unless another process writes until `patience` is over. `wall` is the real time.
    ///
    /// # Errors
    /// When the file is damaged, or its cluster was removed.
    pub fn try_begin(&mut self, write: bool, wall: Time, patience: WallDuration) -> Result<bool, ApiError> {
        match self.is_manual() {
            true => self.cluster.try_begin_as_it_stands(write, wall, patience),
            false => self.cluster.try_begin(write, wall, patience),
        }
    }

    /// Lets the controllers react to what requests changed, and on a manual clock the time pass that they took.
    /// `by_kubectl`: they were a command's of a real kubectl.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn after_requests(&mut self, by_kubectl: bool) -> Result<(), ApiError> {
        if !self.is_manual() {
            return self.cluster.between_requests();
        }
        if !by_kubectl {
            // It moves as clock commands and waits say; what is to be done is noted.
            self.cluster.dispatch_changes();
            return Ok(());
        }
        self.cluster.converge()?;
        self.cluster.take_command_time()
    }

    /// Notes requests for `undo`, in a few words.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn note_requests(&mut self, words: &str) -> Result<u64, ApiError> {
        self.cluster.note_operation(words)
    }

    /// Forgets them, since they changed nothing.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn forget_requests(&mut self, operation: u64) -> Result<(), ApiError> {
        self.cluster.forget_operation(operation)
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.cluster.revision()
    }

    /// How long it is until something is due; none where nothing is.
    pub fn until_due(&mut self) -> Option<Duration> {
        self.cluster.next_due().map(|due| due - self.cluster.now())
    }

    /// Gives up what was done since the last command.
    pub fn give_up(&mut self) {
        self.cluster.rollback();
    }

    /// What is said when another process writes for too long.
    pub fn locked(&self) -> ApiError {
        self.cluster.store().locked()
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
