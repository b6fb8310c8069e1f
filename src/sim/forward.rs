//! Connections from outside to a port of a pod, as `kubectl port-forward` makes them: they come from within the pod.

use std::net::{IpAddr, Ipv4Addr};

use super::Cluster;
use super::network::Network;
use crate::machine::errno::Errno;
use crate::machine::net::{Peer, Sent};
use crate::store::Route;

/// What the way of such a connection names as its beginning.
const OUTSIDE: &str = "outside";

/// The ports that such connections come from begin here.
const FIRST_PORT: u64 = 33_000;

/// What came back, and whether the connection is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the pod's end closed it.
    pub closed: bool,
}

impl Cluster {
    /// Opens a connection to a port of a pod: its number, and what is said at once.
    ///
    /// # Errors
    /// `ECONNREFUSED` where nobody listens.
    pub fn open_forward(&mut self, uid: &str, port: u16) -> Result<(u64, Answered), Errno> {
        let connection = self.store_mut().count_connection();
        let route = Route { from: OUTSIDE.into(), to: uid.to_string(), port, ..Route::default() };
        self.store_mut().add_route(connection, route);
        match self.tell_pod(connection, Sent::Open) {
            Ok(answered) => Ok((connection, answered)),
            Err(fault) => {
                self.store_mut().remove_route(connection);
                Err(fault)
            }
        }
    }

    /// Sends bytes on such a connection; none where no more will come.
    ///
    /// # Errors
    /// `ECONNRESET` where the other end is gone.
    pub fn send_forward(&mut self, connection: u64, bytes: &[u8]) -> Result<Answered, Errno> {
        self.tell_pod(connection, Sent::Bytes(bytes))
    }

    /// What the pod has said on such a connection by itself.
    pub fn hear_forward(&mut self, connection: u64) -> Answered {
        let mut answered = Answered { closed: self.store_mut().route(connection).is_none(), ..Answered::default() };
        for further in self.store_mut().take_pushed(connection) {
            answered.bytes.extend(further.bytes);
            answered.closed |= further.close;
        }
        if answered.closed {
            self.store_mut().remove_route(connection);
        }
        answered
    }

    /// Closes such a connection.
    pub fn close_forward(&mut self, connection: u64) {
        let _ = self.tell_pod(connection, Sent::Closed);
        self.store_mut().remove_route(connection);
    }

    fn tell_pod(&mut self, connection: u64, sent: Sent<'_>) -> Result<Answered, Errno> {
        let route = self.store_mut().route(connection).ok_or(Errno::ConnReset)?;
        let now = self.now();
        let mut sandbox = self.store_mut().take_sandbox(&route.to).ok_or(Errno::ConnReset)?;
        let port = u16::try_from(FIRST_PORT + connection % 20_000).unwrap_or(u16::MAX);
        let peer = Peer { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port, connection, stands_for: 1 };
        let mut disks = std::mem::take(self.store_mut().disks_mut());
        let reply = {
            let mut outside = Network::new(self, &sandbox.id);
            sandbox.serve(route.port, peer, sent, now, &mut disks, &mut outside)
        };
        disks.absorb(std::mem::take(self.store_mut().disks_mut()));
        *self.store_mut().disks_mut() = disks;
        // What listens may have to do something before it answers.
        self.run_sandbox(sandbox, now);
        let mut reply = reply?;
        for further in self.store_mut().take_pushed(connection) {
            reply.bytes.extend(further.bytes);
            reply.close |= further.close;
        }
        if reply.close {
            self.store_mut().remove_route(connection);
        }
        Ok(Answered { bytes: reply.bytes, closed: reply.close })
    }
}
