//! Sessions with processes in containers, after `exec` and `attach` have begun them.

use crate::api::Time;
use crate::error::ApiError;
use crate::machine::kernel::Signal;
use crate::server::Server;
use crate::sim::{Pause, SessionId};

impl Server {
    /// Lets a session go on until it ends, has written something, wants input, or would wait beyond the deadline.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn go_on_with(&mut self, id: &SessionId, deadline: Time) -> Result<Pause, ApiError> {
        self.cluster.go_on_with(id, deadline)
    }

    /// Types into a session; with `end` nothing more will come.
    pub fn type_into(&mut self, id: &SessionId, bytes: &[u8], end: bool) {
        self.cluster.type_into(id, bytes, end);
    }

    /// Takes what was written to a session: stream and bytes.
    pub fn take_output(&mut self, id: &SessionId) -> Vec<(u8, Vec<u8>)> {
        self.cluster.take_output(id)
    }

    /// Ends a session as Ctrl-C does.
    pub fn interrupt(&mut self, id: &SessionId) {
        self.cluster.interrupt(id, Signal::INT);
    }
}
