//! Sessions with processes in containers, after `exec` and `attach` have begun them.

use crate::api::Time;
use crate::error::ApiError;
use crate::machine::kernel::Signal;
use crate::server::Server;
use crate::sim::{Answered, Pause, SessionId};

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

    /// Interrupts what is in a session's foreground, as Ctrl-C does. False for a shell at its prompt.
    pub fn interrupt_foreground(&mut self, id: &SessionId) -> bool {
        self.cluster.interrupt_foreground(id)
    }

    /// Opens a connection to a port of a pod: its number, and what is said at once.
    ///
    /// # Errors
    /// What the node's dialer says.
    pub fn open_forward(&mut self, uid: &str, port: u16) -> Result<(u64, Answered), String> {
        self.cluster.open_forward(uid, port).map_err(|fault| fault.text().to_lowercase())
    }

    /// Sends bytes on such a connection; none where no more will come. One whose other end is gone is closed.
    pub fn send_forward(&mut self, connection: u64, bytes: &[u8]) -> Answered {
        let gone = |_| Answered { closed: true, ..Answered::default() };
        self.cluster.send_forward(connection, bytes).unwrap_or_else(gone)
    }

    /// What the pod has said on such a connection by itself.
    pub fn hear_forward(&mut self, connection: u64) -> Answered {
        self.cluster.hear_forward(connection)
    }

    /// Closes such a connection.
    pub fn close_forward(&mut self, connection: u64) {
        self.cluster.close_forward(connection);
    }
}
