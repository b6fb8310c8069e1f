//! Open files: on disks, pipes, the ends of a session, a container's log, and what `/proc` shows.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::machine::bytes::Bytes;
use crate::machine::disk::{Device, DiskId, Ino};

/// The number of an open file in its sandbox. Several descriptors can share one.
pub type FileId = u32;

/// The number of a pipe in its sandbox.
pub type PipeId = u32;

/// How many bytes a pipe holds.
pub const PIPE_CAPACITY: usize = 65536;

/// An open file with its position.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenFile {
    /// What it is.
    pub on: On,
    /// Where the next read or write happens.
    pub offset: u64,
    /// Whether it can be read.
    pub read: bool,
    /// Whether it can be written.
    pub write: bool,
    /// Whether each write goes to the end.
    pub append: bool,
    /// How many descriptors share it.
    pub count: u32,
    /// The path that it was opened by; empty where there was none.
    pub path: String,
}

/// What an open file is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum On {
    /// A file on a disk.
    Disk(DiskId, Ino),
    /// An open folder.
    Dir(DiskId, Ino),
    /// The reading end of a pipe.
    PipeOut(PipeId),
    /// The writing end of a pipe.
    PipeIn(PipeId),
    /// A device.
    Device(Device),
    /// A container's standard output (1) or error (2): what `kubectl logs` shows.
    Log(String, u8),
    /// A stream of a session from outside (`exec`, `attach`): 0 is read, 1 and 2 are written.
    Session(u32, u8),
    /// Text that was made when it was opened, as in `/proc`.
    Text(Bytes),
    /// A network connection.
    Connection(u32),
    /// A socket that listens on a port.
    Listener(u16),
}

/// A pipe.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pipe {
    /// What is in it.
    pub bytes: VecDeque<u8>,
    /// Open files that can read from it.
    pub readers: u32,
    /// Open files that can write into it.
    pub writers: u32,
    /// Whether it has a name: then those who open it wait for each other.
    pub named: bool,
    /// Whether anybody has read from it.
    pub had_reader: bool,
    /// Whether anybody has written into it.
    pub had_writer: bool,
}

impl Pipe {
    /// Whether nothing more will come, once it is empty.
    pub fn is_at_end(&self) -> bool {
        self.writers == 0 && (self.had_writer || !self.named)
    }

    /// Whether nobody will read what is written.
    pub fn is_broken(&self) -> bool {
        self.readers == 0 && (self.had_reader || !self.named)
    }
}

/// How many bytes of output a session holds before its processes wait for them to be fetched.
pub const MAX_UNFETCHED: usize = 8 << 20;

/// What somebody outside sees of a process that he started or attached to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Session {
    /// What was typed and has not been read.
    pub stdin: VecDeque<u8>,
    /// Whether more can come.
    pub stdin_open: bool,
    /// What was written and not fetched, with its stream: 1 or 2.
    pub output: Vec<(u8, Vec<u8>)>,
    /// Whether it is a terminal.
    pub tty: bool,
    /// Whether what its container prints is to be heard: somebody is attached, or will be.
    pub hears: bool,
    /// Whether somebody is.
    pub attached: bool,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
}

/// How much of what a container prints is kept for whom will attach to it.
const MAX_UNHEARD: usize = 64 << 10;

impl Session {
    /// Hears what its container prints. What nobody fetches for long is dropped.
    pub fn hear(&mut self, stream: u8, bytes: &[u8]) {
        if !self.hears {
            return;
        }
        let most = if self.attached { MAX_UNFETCHED } else { MAX_UNHEARD };
        let over = self.unfetched().saturating_add(bytes.len()) > most;
        if over {
            self.output.clear();
        }
        let start = bytes.len().saturating_sub(most);
        self.output.push((if self.tty { 1 } else { stream }, bytes[start..].to_vec()));
    }

    /// How many bytes of output have not been fetched.
    pub fn unfetched(&self) -> usize {
        self.output.iter().map(|o| o.1.len()).sum()
    }
}

/// What a read gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Bytes, at least one.
    Bytes(Vec<u8>),
    /// Nothing will come any more.
    End,
    /// Nothing is there yet: return `Turn::Wait(Wait::input(fd))`.
    Wait,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenOptions {
    /// `O_RDONLY` or `O_RDWR`
    pub read: bool,
    /// `O_WRONLY` or `O_RDWR`
    pub write: bool,
    /// `O_APPEND`
    pub append: bool,
    /// `O_CREAT`
    pub create: bool,
    /// `O_EXCL`
    pub exclusive: bool,
    /// `O_TRUNC`
    pub truncate: bool,
    /// The mode of a new file, before the umask; 0 for `0o666`.
    pub mode: u32,
}

impl OpenOptions {
    /// To read.
    pub const READ: OpenOptions = OpenOptions {
        read: true,
        write: false,
        append: false,
        create: false,
        exclusive: false,
        truncate: false,
        mode: 0,
    };

    /// To write anew: made or emptied.
    pub const WRITE: OpenOptions =
        OpenOptions { read: false, write: true, create: true, truncate: true, ..OpenOptions::READ };

    /// To write on at the end.
    pub const APPEND: OpenOptions = OpenOptions { truncate: false, append: true, ..OpenOptions::WRITE };
}

impl super::Sandbox {
    /// Ends what an open file has locked.
    pub(super) fn drop_locks(&mut self, id: FileId) {
        if self.locks.is_empty() {
            return;
        }
        self.locks.retain(|_, (holders, _)| {
            holders.remove(&id);
            !holders.is_empty()
        });
    }
}
