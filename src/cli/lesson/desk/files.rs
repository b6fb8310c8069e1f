//! The desk's files as a program at it sees them: what `kubectl apply -f` reads is what the shell wrote.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Inner;
use crate::host::copies::Itself;
use crate::host::files::{Entry, FileType, Folder};
use crate::machine::errno::Errno;
use crate::machine::kernel::sys::{Kind, Stat};
use crate::machine::kernel::{Input, OpenOptions, Pid, Sys};
use crate::machine::net::Nowhere;

/// The most that is read of a file, in bytes.
const MAX: usize = 64 << 20;

/// The files as a process sees them.
#[derive(Debug)]
pub(super) struct Seen {
    inner: Rc<RefCell<Inner>>,
    pid: Pid,
}

impl Seen {
    pub(super) fn new(inner: Rc<RefCell<Inner>>, pid: Pid) -> Seen {
        Seen { inner, pid }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Sys<'_>) -> Result<T, Errno>) -> io::Result<T> {
        let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
        if !sandbox.processes.contains_key(&self.pid) {
            return Err(ErrorKind::NotFound.into());
        }
        act(&mut Sys::new(sandbox, disks, &mut Nowhere, self.pid)).map_err(error)
    }

    /// Reads a pipe to its end, as its writers go on.
    fn read_pipe(&self, path: &str) -> io::Result<Vec<u8>> {
        let fd = self.with(|sys| sys.open(path, OpenOptions::READ))?;
        let mut bytes = Vec::new();
        let mut tries = 0;
        while bytes.len() < MAX {
            match self.with(|sys| sys.read(fd, 65536))? {
                Input::Bytes(more) => bytes.extend(more),
                Input::End => break,
                Input::Wait if tries > 100 => break,
                Input::Wait => {
                    tries += 1;
                    let Inner { sandbox, disks } = &mut *self.inner.borrow_mut();
                    let horizon = sandbox.now;
                    sandbox.run(disks, &mut Nowhere, horizon);
                }
            }
        }
        self.with(|sys| sys.close(fd))?;
        Ok(bytes)
    }
}

fn text(path: &Path) -> &str {
    match path.to_str() {
        Some("") => ".",
        text => text.unwrap_or("."),
    }
}

fn kind(stat: &Stat) -> Option<FileType> {
    match stat.kind {
        Kind::File => Some(FileType::File),
        Kind::Dir => Some(FileType::Folder),
        Kind::Link => None,
        _ => Some(FileType::Other),
    }
}

/// An error as the host's files have it.
fn error(errno: Errno) -> io::Error {
    match errno {
        Errno::NoEnt => ErrorKind::NotFound.into(),
        Errno::Access | Errno::Perm => ErrorKind::PermissionDenied.into(),
        Errno::Exist => ErrorKind::AlreadyExists.into(),
        Errno::IsDir => ErrorKind::IsADirectory.into(),
        Errno::NotDir => ErrorKind::NotADirectory.into(),
        Errno::NoSpace => ErrorKind::StorageFull.into(),
        Errno::ReadOnly => ErrorKind::ReadOnlyFilesystem.into(),
        other => io::Error::other(other.text().to_lowercase()),
    }
}

impl Folder for Seen {
    fn look(&self, path: &Path, itself: bool) -> io::Result<Itself> {
        let stat = self.with(|sys| if itself { sys.lstat(text(path)) } else { sys.stat(text(path)) })?;
        Ok(Itself { kind: kind(&stat), mode: stat.mode, target: stat.target })
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        self.with(|sys| sys.stat(text(path)).and_then(|_| sys.canonical(text(path)))).map(PathBuf::from)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let entries = self.with(|sys| sys.read_dir(text(path)))?;
        let entry = |(name, stat): (String, Stat)| Entry {
            name: name.into(),
            is_folder: stat.kind == Kind::Dir,
            is_file: stat.kind == Kind::File,
        };
        let mut entries: Vec<Entry> =
            entries.into_iter().map(entry).filter(|e| e.name != "." && e.name != "..").collect();
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.with(|sys| sys.stat(text(path)))?.kind {
            Kind::Fifo => self.read_pipe(text(path)),
            _ => self.with(|sys| sys.read_file(text(path))).map(|bytes| bytes.to_vec()),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8], exclusive: bool) -> io::Result<()> {
        self.with(|sys| {
            let fd = sys.open(text(path), OpenOptions { exclusive, ..OpenOptions::WRITE })?;
            let written = sys.write(fd, bytes);
            sys.close(fd)?;
            written
        })
    }

    fn make_folders(&self, path: &Path) -> io::Result<()> {
        let mut way = PathBuf::new();
        for part in path.components() {
            way.push(part);
            match self.with(|sys| sys.mkdir(text(&way), 0o755)) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists && self.look(&way, false).is_err() => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|sys| sys.unlink(text(path)))
    }
}
