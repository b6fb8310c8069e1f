//! Standard output as the C libraries buffer it: what goes to a terminal line by line goes to a pipe in blocks.

use serde::{Deserialize, Serialize};

use crate::machine::errno::Errno;
use crate::machine::images::has_musl;
use crate::machine::kernel::{Fd, Sys};

/// A buffered stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Out {
    buffer: Vec<u8>,
    /// How much is gathered before it is written: 0 for nothing.
    block: usize,
    /// Whether each whole line is written.
    by_line: bool,
    fd: Fd,
}

impl Out {
    /// Standard output.
    pub fn stdout(sys: &Sys<'_>) -> Out {
        Out::of(sys, 1)
    }

    /// A stream to a descriptor.
    pub fn of(sys: &Sys<'_>, fd: Fd) -> Out {
        let block = if has_musl(sys.image()) { 1024 } else { 4096 };
        Out { buffer: Vec::new(), block, by_line: sys.is_tty(fd), fd }
    }

    /// Standard output, written at once.
    pub fn direct() -> Out {
        Out { fd: 1, ..Out::default() }
    }

    /// Writes at once from now on.
    pub fn make_direct(&mut self) {
        self.block = 0;
    }

    /// Writes line by line from now on.
    pub fn make_by_line(&mut self) {
        self.by_line = true;
    }

    /// Adds to the stream.
    pub fn put(&mut self, bytes: impl AsRef<[u8]>) {
        self.buffer.extend_from_slice(bytes.as_ref());
    }

    /// Adds one byte.
    pub fn byte(&mut self, b: u8) {
        self.buffer.push(b);
    }

    /// How much is waiting.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Writes what the buffer would not hold.
    ///
    /// # Errors
    /// As `write(2)`.
    pub fn settle(&mut self, sys: &mut Sys<'_>) -> Result<(), Errno> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let len = match self.block {
            0 => self.buffer.len(),
            block => {
                let whole = self.buffer.len() / block * block;
                let lines =
                    if self.by_line { self.buffer.iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1) } else { 0 };
                whole.max(lines)
            }
        };
        if len == 0 {
            return Ok(());
        }
        let rest = self.buffer.split_off(len);
        let done = std::mem::replace(&mut self.buffer, rest);
        sys.write(self.fd, &done)
    }

    /// Writes all.
    ///
    /// # Errors
    /// As `write(2)`.
    pub fn flush(&mut self, sys: &mut Sys<'_>) -> Result<(), Errno> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        sys.write(self.fd, &std::mem::take(&mut self.buffer))
    }
}
