//! Reading to the end, where there is one: what goes on for ever is refused before it fills the memory.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The most bytes that are read of one file, pipe or standard input: 128 MiB.
pub const LARGEST: u64 = 128 << 20;

/// How long somebody has to open the other end of a named pipe.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that a reader gives.
///
/// # Errors
/// [`ErrorKind::FileTooLarge`] where that is more than [`LARGEST`]; else the system's.
pub fn to_end(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

/// A file's content.
///
/// # Errors
/// As [`to_end`], and [`ErrorKind::TimedOut`] for a named pipe that nobody writes to.
pub fn file(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if metadata.len() > LARGEST && metadata.is_file() {
        return Err(too_large());
    }
    to_end(open(path, &metadata)?)
}

/// Opens a file for reading.
fn open(path: &Path, metadata: &Metadata) -> io::Result<File> {
    if !is_pipe(metadata) {
        return File::open(path);
    }
    // To open a named pipe waits until somebody opens its other end.
    let (sender, receiver) = mpsc::channel();
    let path = path.to_path_buf();
    thread::spawn(move || sender.send(File::open(path)));
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let text = format!("nobody writes to this pipe, for {} seconds now", PATIENCE.as_secs());
        Err(io::Error::new(ErrorKind::TimedOut, text))
    })
}

#[cfg(unix)]
fn is_pipe(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

fn too_large() -> io::Error {
    let text = format!("more than {} MiB, which is the most that is read", LARGEST >> 20);
    io::Error::new(ErrorKind::FileTooLarge, text)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::to_end;

    #[test]
    fn what_has_no_end_is_refused() {
        assert_eq!(to_end(&b"abc"[..]).expect("a text"), b"abc");
        let refused = to_end(io::repeat(0)).expect_err("it has no end");
        assert_eq!(refused.to_string(), "more than 128 MiB, which is the most that is read");
    }
}
