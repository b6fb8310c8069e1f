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
use std::path::Path;
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

/// What stands before the server at a plain address: it answers a request itself, or changes it into one for the server.
pub type Front = Box<dyn Fn(&mut http::Request) -> Option<http::Response> + Send>;

/// What comes from where it listens.
pub struct Listening {
    jobs: Receiver<Job>,
}

/// Listens on an address, port 0 for any that is free, and speaks with whoever comes until the process ends. The address
/// is told.
///
/// # Errors
/// What the system says of the address, or what is wrong with the certificates.
pub fn listen(ip: IpAddr, port: u16, certificates: &Certificates) -> io::Result<(SocketAddr, Listening)> {
    let listener = bind(ip, port)?;
    let address = listener.local_addr()?;
    let config = tls::config(certificates)?;
    Ok((address, speak(|jobs| http1::accept(listener, config, jobs))?))
}

/// The same without TLS, behind a front.
///
/// # Errors
/// What the system says of the address.
pub fn listen_plainly(ip: IpAddr, port: u16, front: Front) -> io::Result<(SocketAddr, Listening)> {
    let listener = bind(ip, port)?;
    let address = listener.local_addr()?;
    Ok((address, speak(|jobs| http1::accept_plainly(listener, front, jobs))?))
}

/// The same at a Unix socket.
///
/// # Errors
/// What the system says; that it has none.
#[cfg(unix)]
pub fn listen_at_socket(path: &Path, front: Front) -> io::Result<Listening> {
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    speak(|jobs| http1::accept_at_socket(listener, front, jobs))
}

/// The same at a Unix socket.
///
/// # Errors
/// Always: this system has none that could be used.
#[cfg(not(unix))]
pub fn listen_at_socket(_: &Path, _: Front) -> io::Result<Listening> {
    Err(io::ErrorKind::Unsupported.into())
}

fn bind(ip: IpAddr, port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::new(ip, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Starts the thread that speaks with all clients.
fn speak<F: Future<Output = ()>>(accept: impl FnOnce(Sender<Job>) -> F + Send + 'static) -> io::Result<Listening> {
    let (sender, jobs): (Sender<Job>, Receiver<Job>) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    std::thread::Builder::new().name("kstate-serve".into()).spawn(move || runtime.block_on(accept(sender)))?;
    Ok(Listening { jobs })
}
