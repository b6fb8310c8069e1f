//! Long work that is no command of a client's, cut into transactions: other processes get their turn in between.

use super::Cluster;
use crate::error::ApiError;

/// How many revisions one transaction of long work makes: some tenths of a second.
const PIECE: u64 = 10_000;

impl Cluster {
    /// Does work of which each part may last by itself, so that other processes get their turn in between.
    ///
    /// # Errors
    /// Those of `work`, and when the file can't be written.
    pub fn in_pieces<T>(&mut self, work: impl FnOnce(&mut Cluster) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.pieces = self.store().is_shared();
        let begun = self.piece_began;
        let done = work(self);
        self.pieces = false;
        if self.piece_began != begun {
            self.store().expect_much(false)?;
        }
        done
    }

    /// Whether a piece of long work is long enough.
    pub(super) fn is_long(&self) -> bool {
        self.pieces && self.revision() >= self.piece_began + PIECE
    }

    /// Ends the transaction and goes on in another one.
    pub(super) fn cut(&mut self) -> Result<(), ApiError> {
        self.commit()?;
        self.store().expect_much(true)?;
        let stands = self.store_mut().let_others()?;
        let losses = std::mem::take(&mut self.losses);
        let queue = std::mem::take(&mut self.queue);
        self.take_up(true);
        self.losses = losses;
        if stands {
            self.queue = queue;
            self.queue.go_on();
        }
        Ok(())
    }
}
