//! The network as a process sees it: connections that are answered at once, names, and the API server.
//!
//! A connection is a conversation: what is sent is handed to the listening program at once, and its answer is there to
//! be read. Nothing is in flight between two steps, so a sandbox can be put away at any of them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::errno::Errno;
use super::kernel::{Disks, Fd, Input, Pid, Sandbox, Sys, files::On, process::State};
use crate::api::Time;

pub mod dns;
pub mod http;
pub mod resolver;
pub mod tls;

/// Who asks: an address of the pod, the port that it asks from, and the time there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The pod's address.
    pub ip: IpAddr,
    /// The port, new for each connection.
    pub port: u16,
    /// When.
    pub now: Time,
    /// How many requests one stands for, where a hasty loop is thinned out.
    pub stands_for: u32,
}

/// Who is at the other end of a connection, as the listening program sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The number of the connection, unique in the cluster.
    pub connection: u64,
    /// How many requests one of its stands for.
    pub stands_for: u32,
}

/// What happens on a connection to a listening program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent<'a> {
    /// It was opened.
    Open,
    /// Bytes came; none where the other end will send no more but still listens.
    Bytes(&'a [u8]),
    /// The other end has closed it.
    Closed,
}

/// The mark in the number of a connection that stays in its own pod.
const LOCAL: u64 = 1 << 63;

/// A connection of a process to somewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Connection {
    /// The other end.
    pub to: (IpAddr, u16),
    /// The port of this end.
    pub port: u16,
    /// Its number, unique in the cluster.
    pub remote: u64,
    /// What came and was not read.
    pub inbox: Vec<u8>,
    /// Whether the other end has closed it.
    pub closed: bool,
    /// When that comes.
    pub ready_at: Time,
}

impl Connection {
    /// Whether a read would not wait.
    pub fn can_be_read(&self, now: Time) -> bool {
        (!self.inbox.is_empty() || self.closed) && self.ready_at <= now
    }

    /// When what is on its way comes.
    pub fn comes_at(&self) -> Option<Time> {
        (!self.inbox.is_empty() || self.closed).then_some(self.ready_at)
    }

    fn take(&mut self, reply: Reply) {
        self.inbox.extend(reply.bytes);
        self.closed |= reply.close;
        self.ready_at = self.ready_at.max(reply.at);
    }
}

/// A connection that a process of the pod has been opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Accepted {
    /// The process that listens.
    pub pid: Pid,
    /// The port that it listens on.
    pub port: u16,
    /// The other end.
    pub peer: Peer,
}

/// What a listening program says to what it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The bytes of its answer.
    pub bytes: Vec<u8>,
    /// Whether it closes the connection after them.
    pub close: bool,
    /// When it comes; at once where that is past.
    pub at: Time,
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

/// How a name server's answer came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rcode {
    /// The name exists, with no records of that type maybe.
    #[default]
    NoError,
    /// The server could not find out.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// The server does not answer such questions.
    Refused,
}

/// A name server's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether the name exists.
    pub code: Rcode,
    /// The records.
    pub records: Vec<Record>,
    /// The zone's authority, where there is nothing else to say.
    pub authority: Vec<Record>,
    /// What helps: the addresses of the hosts of SRV records.
    pub additional: Vec<Record>,
}

/// What lies outside of a pod.
pub trait Outside {
    /// Asks the name server at `server` for a full name (no search path is applied here).
    ///
    /// # Errors
    /// `ETIMEDOUT`, `ECONNREFUSED` where nobody answers there.
    fn query(&mut self, from: Caller, server: IpAddr, name: &str, kind: RecordType) -> Result<Answer, Errno>;

    /// Opens a connection to another pod, a service or the API server: its number, and what the listener says at once.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`.
    fn connect(&mut self, from: Caller, to: (IpAddr, u16), disks: &mut Disks) -> Result<(u64, Reply), Errno>;

    /// Sends bytes, and gets what the other end says to them. No bytes: this end will send no more.
    ///
    /// # Errors
    /// `ECONNRESET` where the other end is gone.
    fn exchange(&mut self, from: Caller, connection: u64, bytes: &[u8], disks: &mut Disks) -> Result<Reply, Errno>;

    /// Ends a connection from the side that opened it.
    fn close(&mut self, from: Caller, connection: u64, disks: &mut Disks);

    /// What a listening program says unasked to who opened a connection: kept until his pod runs again.
    fn push(&mut self, connection: u64, reply: Reply);

    /// The port that the last connection led to where that was the asking pod's own, by way of a service.
    fn own_port(&mut self) -> Option<u16> {
        None
    }

    /// What was said unasked to the pod that runs itself: it goes to its connections.
    fn take_pushed(&mut self) -> Vec<(u64, Reply)> {
        Vec::new()
    }

    /// Whether an address answers a ping.
    fn answers(&mut self, from: Caller, address: IpAddr) -> bool;
}

/// An outside where nothing is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Outside for Nowhere {
    fn query(&mut self, _: Caller, _: IpAddr, _: &str, _: RecordType) -> Result<Answer, Errno> {
        Err(Errno::TimedOut)
    }

    fn connect(&mut self, _: Caller, _: (IpAddr, u16), _: &mut Disks) -> Result<(u64, Reply), Errno> {
        Err(Errno::NetUnreach)
    }

    fn exchange(&mut self, _: Caller, _: u64, _: &[u8], _: &mut Disks) -> Result<Reply, Errno> {
        Err(Errno::ConnReset)
    }

    fn close(&mut self, _: Caller, _: u64, _: &mut Disks) {}

    fn push(&mut self, _: u64, _: Reply) {}

    fn answers(&mut self, _: Caller, _: IpAddr) -> bool {
        false
    }
}

impl Sandbox {
    /// Tells the program that listens on a port what happens on a connection to it.
    ///
    /// # Errors
    /// `ECONNREFUSED` where nobody listens, `ECONNRESET` where the listener of before is gone.
    pub fn serve(
        &mut self,
        port: u16,
        peer: Peer,
        sent: Sent<'_>,
        now: Time,
        disks: &mut Disks,
        outside: &mut dyn Outside,
    ) -> Result<Reply, Errno> {
        self.now = self.now.max(now);
        let pid = match (sent, self.accepted.get(&peer.connection)) {
            (Sent::Open, _) => *self.listeners.get(&port).ok_or(Errno::ConnRefused)?,
            (_, Some(accepted)) => accepted.pid,
            (_, None) => return Err(Errno::ConnReset),
        };
        let process = self.processes.get_mut(&pid).ok_or(Errno::ConnRefused)?;
        let mut program = process.program.take().ok_or(Errno::ConnRefused)?;
        match sent {
            Sent::Open => drop(self.accepted.insert(peer.connection, Accepted { pid, port, peer })),
            Sent::Closed => drop(self.accepted.remove(&peer.connection)),
            Sent::Bytes(_) => {}
        }
        (self.answers_at, self.serves) = (Time::default(), peer.stands_for);
        if matches!(sent, Sent::Bytes(bytes) if !bytes.is_empty()) {
            self.count_answer(pid, peer.stands_for);
        }
        let mut reply = program.receive(&mut Sys::new(self, disks, outside, pid), port, &peer, sent);
        reply.at = reply.at.max(self.answers_at);
        if reply.close {
            self.accepted.remove(&peer.connection);
        }
        if let Some(process) = self.processes.get_mut(&pid) {
            if !matches!(process.state, State::Zombie(_)) {
                process.program = Some(program);
            }
            if matches!(process.state, State::Waits(_)) {
                process.state = State::Ready;
            }
        }
        self.keep_logs(disks);
        Ok(reply)
    }

    /// Hands what a listening program said unasked to the process that opened the connection. Whether it is here.
    pub fn pushed(&mut self, connection: u64, reply: Reply) -> bool {
        match self.connections.values_mut().find(|c| c.remote == connection) {
            Some(connection) => {
                connection.take(reply);
                true
            }
            None => false,
        }
    }

    /// Who asks, from that port.
    pub(crate) fn caller(&self, port: u16) -> Caller {
        let ip = self.ip.parse().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        Caller { ip, port, now: self.now, stands_for: self.stands_for() }
    }

    /// Forgets the connections that a process that has ended had accepted; their other ends are told later.
    pub(super) fn drop_accepted(&mut self, pid: Pid) {
        let gone: Vec<u64> = self.accepted.iter().filter(|(_, a)| a.pid == pid).map(|(c, _)| *c).collect();
        for connection in gone {
            self.accepted.remove(&connection);
            self.cut.push(connection);
        }
    }

    /// Tells the other ends of connections that were closed here.
    pub(super) fn tell_closed(&mut self, disks: &mut Disks, outside: &mut dyn Outside) {
        for connection in std::mem::take(&mut self.cut) {
            let end = Reply { close: true, ..Reply::default() };
            if connection & LOCAL == 0 {
                outside.push(connection, end);
            } else {
                self.pushed(connection, end);
            }
        }
        for connection in std::mem::take(&mut self.hung_up) {
            let caller = self.caller(connection.port);
            if connection.remote & LOCAL == 0 {
                outside.close(caller, connection.remote, disks);
            } else {
                let stands_for = caller.stands_for;
                let peer = Peer { ip: caller.ip, port: caller.port, connection: connection.remote, stands_for };
                let _ = self.serve(connection.to.1, peer, Sent::Closed, caller.now, disks, outside);
            }
        }
    }
}

impl Sys<'_> {
    fn is_own(&self, address: IpAddr) -> bool {
        let is_own = address.is_loopback() || address.is_unspecified() || address.to_string() == self.sandbox.ip;
        is_own && !self.sandbox.is_host
    }

    /// Who asks, from that port.
    pub fn caller(&self, port: u16) -> Caller {
        self.sandbox.caller(port)
    }

    /// Whether an address answers a ping.
    pub fn answers(&mut self, address: IpAddr) -> bool {
        let caller = self.caller(0);
        self.is_own(address) || self.outside.answers(caller, address)
    }

    /// Listens on a port.
    ///
    /// # Errors
    /// `EADDRINUSE`
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
        let from = self.caller(32768 + (number.wrapping_mul(7919) % 28232) as u16);
        let opened = if self.is_own(to) { None } else { Some(self.outside.connect(from, (to, port), self.disks)) };
        // A service may lead to the pod that asks: then nothing leaves it.
        let (to, port, opened) = match (opened, self.outside.own_port()) {
            (Some(Err(_)), Some(port)) => (from.ip, port, None),
            (opened, _) => (to, port, opened),
        };
        let (remote, hello) = match opened {
            Some(opened) => opened?,
            None => {
                let remote = u64::from(number) | LOCAL;
                let ip = if to.is_loopback() { to } else { from.ip };
                let peer = Peer { ip, port: from.port, connection: remote, stands_for: from.stands_for };
                (remote, self.sandbox.serve(port, peer, Sent::Open, from.now, self.disks, self.outside)?)
            }
        };
        let mut connection = Connection {
            to: (to, port),
            port: from.port,
            remote,
            inbox: Vec::new(),
            closed: false,
            ready_at: Time::default(),
        };
        connection.take(hello);
        self.sandbox.connections.insert(number, connection);
        self.take_pushed();
        Ok(self.install(On::Connection(number), (true, true, false), ""))
    }

    /// Says something to who opened a connection, without being asked.
    pub fn push(&mut self, connection: u64, reply: Reply) {
        if reply.close {
            self.sandbox.accepted.remove(&connection);
        }
        if connection & LOCAL == 0 {
            self.outside.push(connection, reply);
        } else {
            self.sandbox.pushed(connection, reply);
        }
    }

    /// Reads from a connection.
    pub(super) fn outside_read(&mut self, connection: u32, max: usize) -> Result<Input, Errno> {
        let now = self.sandbox.now;
        let Some(connection) = self.sandbox.connections.get_mut(&connection) else { return Ok(Input::End) };
        if connection.ready_at > now {
            return Ok(Input::Wait);
        }
        if connection.inbox.is_empty() {
            return Ok(if connection.closed { Input::End } else { Input::Wait });
        }
        let count = connection.inbox.len().min(max);
        Ok(Input::Bytes(connection.inbox.drain(..count).collect()))
    }

    /// Says on a connection that nothing more will be sent, as `shutdown(2)` does.
    ///
    /// # Errors
    /// `ENOTTY` for what is no connection; as writing.
    pub fn shutdown(&mut self, fd: Fd) -> Result<(), Errno> {
        let On::Connection(number) = self.open_file(fd)?.on else { return Err(Errno::NotTty) };
        self.deliver(number, b"")
    }

    /// Writes into a connection, and gets the answer.
    pub(super) fn outside_write(&mut self, number: u32, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() { Ok(()) } else { self.deliver(number, bytes) }
    }

    /// Hands what others said unasked to whoever here is connected with them.
    fn take_pushed(&mut self) {
        for (connection, reply) in self.outside.take_pushed() {
            self.sandbox.pushed(connection, reply);
        }
    }

    fn deliver(&mut self, number: u32, bytes: &[u8]) -> Result<(), Errno> {
        let Some(connection) = self.sandbox.connections.get(&number) else { return Err(Errno::ConnReset) };
        if connection.closed && connection.ready_at <= self.sandbox.now {
            return Err(Errno::Pipe);
        }
        let (to, remote, from) = (connection.to, connection.remote, self.caller(connection.port));
        let reply = if remote & LOCAL == 0 {
            self.outside.exchange(from, remote, bytes, self.disks)
        } else {
            let ip = if to.0.is_loopback() { to.0 } else { from.ip };
            let peer = Peer { ip, port: from.port, connection: remote, stands_for: from.stands_for };
            self.sandbox.serve(to.1, peer, Sent::Bytes(bytes), from.now, self.disks, self.outside)
        }
        .map_err(|_| Errno::ConnReset)?;
        if let Some(connection) = self.sandbox.connections.get_mut(&number) {
            connection.take(reply);
        }
        self.take_pushed();
        Ok(())
    }
}
