//! The local sockets that `port-forward` listens on. Those of `serve` and `proxy` are the server's own.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

/// How often the sockets are looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// How much is read of a connection at once.
const PIECE: usize = 64 << 10;

/// How many connections there may be at once; others wait to be accepted.
const MOST: usize = 256;

/// Whether somebody listens at an address.
pub fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Removes a Unix socket that another process left at a path; other files stay.
pub fn make_way(path: &Path) {
    #[cfg(unix)]
    if std::fs::symlink_metadata(path).is_ok_and(|there| std::os::unix::fs::FileTypeExt::is_socket(&there.file_type()))
    {
        // OBSERVATION: where it can't be removed, nothing can be bound there either.
        let _ = std::fs::remove_file(path);
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Leaves a Unix socket to this user alone.
///
/// # Errors
/// What the system says.
pub fn keep_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// What happened at a socket, with the number of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Somebody connected to the port of a listener.
    Opened(u64, usize),
    /// Bytes came.
    Bytes(u64, Vec<u8>),
    /// The other end sends no more.
    Ended(u64),
    /// The connection broke.
    Broke(u64),
}

/// Listeners and their connections.
#[derive(Debug, Default)]
pub struct Sockets {
    listeners: Vec<TcpListener>,
    connections: Vec<Local>,
    counted: u64,
}

#[derive(Debug)]
struct Local {
    id: u64,
    stream: TcpStream,
    ended: bool,
    /// What could not be written yet.
    unsent: Vec<u8>,
    /// Whether it is closed once all is written.
    closes: bool,
}

impl Sockets {
    /// Listens on an address; port 0 for any that is free. The port, and the listener's number.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(&mut self, ip: IpAddr, port: u16) -> io::Result<(u16, usize)> {
        let listener = TcpListener::bind(SocketAddr::new(ip, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        self.listeners.push(listener);
        Ok((port, self.listeners.len() - 1))
    }

    /// Waits until something happens.
    pub fn wait(&mut self) -> Vec<Heard> {
        loop {
            let heard = self.look();
            if !heard.is_empty() {
                return heard;
            }
            std::thread::sleep(LOOKS_EVERY);
        }
    }

    fn look(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        for (at, listener) in self.listeners.iter().enumerate() {
            while self.connections.len() < MOST {
                let Ok((stream, _)) = listener.accept() else { break };
                if stream.set_nonblocking(true).is_err() {
                    continue;
                }
                self.counted += 1;
                let id = self.counted;
                self.connections.push(Local { id, stream, ended: false, unsent: Vec::new(), closes: false });
                heard.push(Heard::Opened(id, at));
            }
        }
        let mut broken = Vec::new();
        for local in &mut self.connections {
            if local.flush().is_err() {
                broken.push(local.id);
                heard.push(Heard::Broke(local.id));
                continue;
            }
            if local.ended || local.closes {
                continue;
            }
            let mut piece = vec![0; PIECE];
            match local.stream.read(&mut piece) {
                Ok(0) => {
                    local.ended = true;
                    heard.push(Heard::Ended(local.id));
                }
                Ok(count) => {
                    piece.truncate(count);
                    heard.push(Heard::Bytes(local.id, piece));
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => {
                    broken.push(local.id);
                    heard.push(Heard::Broke(local.id));
                }
            }
        }
        self.connections.retain(|l| !(broken.contains(&l.id) || l.closes && l.unsent.is_empty()));
        heard
    }

    /// Sends bytes on a connection.
    pub fn send(&mut self, id: u64, bytes: &[u8]) {
        if let Some(local) = self.connections.iter_mut().find(|l| l.id == id) {
            local.unsent.extend_from_slice(bytes);
            // OBSERVATION: one that broke is found when it is looked at next.
            let _ = local.flush();
        }
    }

    /// Closes a connection when all is sent.
    pub fn close(&mut self, id: u64) {
        if let Some(local) = self.connections.iter_mut().find(|l| l.id == id) {
            local.closes = true;
        }
        self.connections.retain(|l| !(l.closes && l.unsent.is_empty()));
    }
}

impl Local {
    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
