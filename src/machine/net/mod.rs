//! The network as a process sees it: connections that are answered at once, names, and the API server.
//!
//! A connection is a conversation: what is sent is handed to the listening program at once, and its answer is there to
//! be read. Nothing is in flight between two steps, so a sandbox can be put away at any of them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::errno::Errno;
use super::kernel::{Disks, Fd, Input, Sandbox, Sys, files::On};

/// A connection of a process to somewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Connection {
    /// The other end.
    pub to: (IpAddr, u16),
    /// Its number at the other end.
    pub remote: u64,
    /// What came and was not read.
    pub inbox: Vec<u8>,
    /// Whether the other end has closed it.
    pub closed: bool,
}

impl Connection {
    /// Whether a read would not wait.
    pub fn can_be_read(&self) -> bool {
        !self.inbox.is_empty() || self.closed
    }
}

/// What a listening program says to what it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The bytes of its answer.
    pub bytes: Vec<u8>,
    /// Whether it closes the connection after them.
    pub close: bool,
}

/// A kind of DNS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
    /// A service's port and host.
    Srv,
    /// A name for an address.
    Ptr,
    /// A zone's authority.
    Soa,
    /// Any text.
    Txt,
}

/// A record of a DNS answer: the name asked for, its type as printed, its lifetime in seconds and its data as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name that has it, with its final dot.
    pub name: String,
    /// `A`, `CNAME`, ...
    pub kind: RecordType,
    /// Seconds; CoreDNS says 5 in a cluster.
    pub ttl: u32,
    /// An address, or a name with its final dot, or `0 100 80 web-0.nginx.default.svc.cluster.local.`.
    pub data: String,
}

/// A name server's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether the name exists (with no records of that type, maybe).
    pub exists: bool,
    /// The records.
    pub records: Vec<Record>,
}

/// What lies outside of a pod.
pub trait Outside {
    /// Asks the name server at `server` for a full name (no search path is applied here).
    ///
    /// # Errors
    /// `ETIMEDOUT`, `ECONNREFUSED` where nobody answers there.
    fn query(&mut self, from: &str, server: IpAddr, name: &str, kind: RecordType) -> Result<Answer, Errno>;

    /// Opens a connection to another pod, a service or the API server. The number of the other end.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`.
    fn connect(&mut self, from: &str, to: (IpAddr, u16), disks: &mut Disks) -> Result<u64, Errno>;

    /// Sends bytes, and gets what the other end says to them.
    ///
    /// # Errors
    /// `ECONNRESET` where the other end is gone.
    fn exchange(&mut self, remote: u64, bytes: &[u8], disks: &mut Disks) -> Result<Reply, Errno>;

    /// Whether an address answers a ping.
    fn answers(&mut self, from: &str, address: IpAddr) -> bool;
}

/// An outside where nothing is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Outside for Nowhere {
    fn query(&mut self, _: &str, _: IpAddr, _: &str, _: RecordType) -> Result<Answer, Errno> {
        Err(Errno::TimedOut)
    }

    fn connect(&mut self, _: &str, _: (IpAddr, u16), _: &mut Disks) -> Result<u64, Errno> {
        Err(Errno::NetUnreach)
    }

    fn exchange(&mut self, _: u64, _: &[u8], _: &mut Disks) -> Result<Reply, Errno> {
        Err(Errno::ConnReset)
    }

    fn answers(&mut self, _: &str, _: IpAddr) -> bool {
        false
    }
}

impl Sandbox {
    /// Hands bytes of a connection to the program that listens on a port; empty bytes when it is opened.
    ///
    /// # Errors
    /// `ECONNREFUSED` where nobody listens.
    pub fn serve(
        &mut self,
        port: u16,
        connection: u64,
        bytes: &[u8],
        disks: &mut Disks,
        outside: &mut dyn Outside,
    ) -> Result<Reply, Errno> {
        let pid = *self.listeners.get(&port).ok_or(Errno::ConnRefused)?;
        let process = self.processes.get_mut(&pid).ok_or(Errno::ConnRefused)?;
        let mut program = process.program.take().ok_or(Errno::ConnRefused)?;
        let reply = program.receive(&mut Sys::new(self, disks, outside, pid), port, connection, bytes);
        if let Some(process) = self.processes.get_mut(&pid) {
            process.program = Some(program);
        }
        Ok(reply)
    }
}

impl Sys<'_> {
    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || address.to_string() == self.sandbox.ip
    }

    /// Listens on a port.
    ///
    /// # Errors
    /// `EADDRINUSE`; `EACCES` for a port below 1024 of a user who is not root.
    pub fn listen(&mut self, port: u16) -> Result<Fd, Errno> {
        if self.sandbox.listeners.contains_key(&port) {
            return Err(Errno::AddrInUse);
        }
        self.sandbox.listeners.insert(port, self.pid);
        Ok(self.install(On::Listener(port), (true, false, false), ""))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// As `connect(2)`.
    pub fn connect(&mut self, to: IpAddr, port: u16) -> Result<Fd, Errno> {
        self.sandbox.next_connection += 1;
        let number = self.sandbox.next_connection;
        let (remote, hello) = if self.is_own(to) {
            let remote = u64::from(number);
            (remote, self.sandbox.serve(port, remote, b"", self.disks, self.outside)?)
        } else {
            let from = self.sandbox.ip.clone();
            let remote = self.outside.connect(&from, (to, port), self.disks)?;
            (remote, self.outside.exchange(remote, b"", self.disks)?)
        };
        let connection = Connection { to: (to, port), remote, inbox: hello.bytes, closed: hello.close };
        self.sandbox.connections.insert(number, connection);
        Ok(self.install(On::Connection(number), (true, true, false), ""))
    }

    /// Reads from a connection.
    pub(super) fn outside_read(&mut self, connection: u32, max: usize) -> Result<Input, Errno> {
        let Some(connection) = self.sandbox.connections.get_mut(&connection) else { return Ok(Input::End) };
        if connection.inbox.is_empty() {
            return Ok(if connection.closed { Input::End } else { Input::Wait });
        }
        let count = connection.inbox.len().min(max);
        Ok(Input::Bytes(connection.inbox.drain(..count).collect()))
    }

    /// Writes into a connection, and gets the answer.
    pub(super) fn outside_write(&mut self, number: u32, bytes: &[u8]) -> Result<(), Errno> {
        let Some(connection) = self.sandbox.connections.get(&number) else { return Err(Errno::ConnReset) };
        let (to, remote) = (connection.to, connection.remote);
        let reply = match self.is_own(to.0) {
            true => self.sandbox.serve(to.1, remote, bytes, self.disks, self.outside),
            false => self.outside.exchange(remote, bytes, self.disks),
        }
        .map_err(|_| Errno::ConnReset)?;
        if let Some(connection) = self.sandbox.connections.get_mut(&number) {
            connection.inbox.extend(reply.bytes);
            connection.closed |= reply.close;
        }
        Ok(())
    }
}
