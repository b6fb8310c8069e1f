//! `kstate serve`'s sockets: TLS, HTTP and WebSocket on the one side, the server's requests and answers on the other.
//!
//! One thread speaks with all clients and knows nothing of the cluster; the thread that calls [`run`] owns the cluster and
//! knows nothing of sockets. Between them go [`Job`]s and what they are told.

mod body;
mod http1;
mod hub;
mod sessions;
mod spdy;
mod tls;
mod web_socket;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::{mpsc, oneshot};

pub use hub::run;
pub use tls::{Certificates, random};

use crate::server::wire::http;

/// What goes from a client to the cluster.
enum Job {
    /// A request, and where its answer goes.
    Ask { request: http::Request, answer: oneshot::Sender<Told> },
    /// What is typed into a session, and whether nothing more will be.
    Type { session: u64, bytes: Vec<u8>, end: bool },
    /// What is sent to a port of a pod, by its place among those that were asked for.
    Send { session: u64, port: usize, bytes: Vec<u8> },
    /// A port of a pod is to be connected to; `at` is what this connection is called from here on.
    Open { session: u64, at: usize, port: u16 },
    /// Nothing more will be sent on such a connection.
    Shut { session: u64, at: usize },
    /// Who held a session is gone.
    Left { session: u64 },
}

/// What a client is told.
enum Told {
    /// All of an answer.
    Whole(http::Response),
    /// A head, and the pieces behind it as they come.
    Stream(http::Response, Pieces),
    /// A session, by its number, and what comes of it; true for one with ports instead of a process.
    Session(u64, mpsc::UnboundedReceiver<Frame>, bool),
}

/// What goes to a client of a session.
enum Frame {
    /// Bytes on one of its channels; a connection to a port has two, twice its place and the one behind it.
    Data(u32, Vec<u8>),
    /// Nothing more will come of a connection to a port.
    Closed(usize),
    /// It is over.
    End,
}

/// The pieces of a stream, and how much of them waits.
struct Pieces {
    comes: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Waiting,
}

/// How many bytes a client has not taken yet.
#[derive(Clone, Default)]
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn more(&self, bytes: usize) -> usize {
        self.0.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn less(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Where it listens, and what comes from there.
pub struct Listening {
    /// The address.
    pub address: SocketAddr,
    jobs: Receiver<Job>,
}

/// Listens on an address, port 0 for any that is free, and speaks with whoever comes until the process ends.
///
/// # Errors
/// What the system says of the address, or what is wrong with the certificates.
pub fn listen(ip: IpAddr, port: u16, certificates: &Certificates) -> io::Result<Listening> {
    let listener = TcpListener::bind(SocketAddr::new(ip, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let config = tls::config(certificates)?;
    let (sender, jobs): (Sender<Job>, Receiver<Job>) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    std::thread::Builder::new().name("kstate-serve".into()).spawn(move || {
        runtime.block_on(http1::accept(listener, config, sender));
    })?;
    Ok(Listening { address, jobs })
}
