//! System calls on open files: opening, reading, writing, locking.

use crate::machine::bytes::Bytes;
use crate::machine::disk::{Contents, Device, Node};
use crate::machine::errno::Errno;

use crate::machine::kernel::files::{FileId, Input, On, OpenFile, OpenOptions, PIPE_CAPACITY, Pipe};
use crate::machine::kernel::mounts::Place;
use crate::machine::kernel::proc_fs;
use crate::machine::kernel::program::Fd;
use crate::machine::kernel::signal::Signal;

use super::{MAX_GULP, MAX_READ, Seek, Sys, session_stream};

/// What a terminal makes an end of input of, for one read: Ctrl-D.
const END_OF_TRANSMISSION: u8 = 4;

impl Sys<'_> {
    pub(super) fn file(&self, fd: Fd) -> Result<(FileId, &OpenFile), Errno> {
        let id = self.process().fds.get(&fd).ok_or(Errno::BadFd)?;
        self.sandbox.files.get(id).map(|f| (*id, f)).ok_or(Errno::BadFd)
    }

    /// An open file of the process.
    ///
    /// # Errors
    /// `EBADF`
    pub fn open_file(&self, fd: Fd) -> Result<&OpenFile, Errno> {
        self.file(fd).map(|(_, file)| file)
    }

    pub(super) fn lowest_fd(&self, from: Fd) -> Fd {
        let fds = &self.process().fds;
        (from..).find(|fd| !fds.contains_key(fd)).unwrap_or(from)
    }

    /// Gives an open file the lowest free descriptor from `from` on.
    pub fn install(&mut self, on: On, (read, write, append): (bool, bool, bool), path: &str) -> Fd {
        self.sandbox.next_file += 1;
        let id = self.sandbox.next_file;
        if let On::Disk(disk, ino) | On::Dir(disk, ino) = &on {
            if let Some(disk) = self.disks.all.get_mut(disk) {
                disk.opened(*ino);
            }
        }
        let file = OpenFile { on, offset: 0, read, write, append, count: 1, path: path.to_string() };
        self.sandbox.files.insert(id, file);
        let fd = self.lowest_fd(0);
        self.process_mut().fds.insert(fd, id);
        fd
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(&mut self, path: &str, how: OpenOptions) -> Result<Fd, Errno> {
        if self.process().fds.len() >= 1024 {
            return Err(Errno::ManyFiles);
        }
        let found = self.walk(path, !how.exclusive)?;
        let (disk, ino) = match found.place {
            Some(_) if how.create && how.exclusive => return Err(Errno::Exist),
            Some(Place::Proc(p)) => {
                return match proc_fs::open_file(self, &p) {
                    Some(id) => self.reopen(id, how),
                    None => self.open_proc(&p, how, &found.path),
                };
            }
            Some(Place::Inode(disk, ino)) => (disk, ino),
            None if !how.create => return Err(Errno::NoEnt),
            None if path.ends_with('/') => return Err(Errno::IsDir),
            None => {
                let mode = if how.mode == 0 { 0o666 } else { how.mode } & !self.process().umask;
                let made = self.make(&found, Node::File(Contents::default()), mode)?;
                return Ok(self.install(On::Disk(made.0, made.1), (how.read, how.write, how.append), &found.path));
            }
        };
        let inode = self.disk(&disk)?.get(ino)?;
        let want = if how.read { 4 } else { 0 } | if how.write { 2 } else { 0 };
        if !self.walker().may(inode, want) {
            return Err(Errno::Access);
        }
        let flags = (how.read, how.write, how.append);
        match &inode.node {
            Node::Dir(_) if how.write => Err(Errno::IsDir),
            Node::Dir(_) => Ok(self.install(On::Dir(disk, ino), flags, &found.path)),
            Node::File(_) => {
                if how.write && found.read_only {
                    return Err(Errno::ReadOnly);
                }
                if how.truncate && how.write {
                    let now = self.now();
                    self.disk_mut(&disk)?.truncate(ino, 0, now)?;
                }
                Ok(self.install(On::Disk(disk, ino), flags, &found.path))
            }
            Node::Device(Device::Block) => {
                let block = self.disk(&disk)?.find("/block")?;
                Ok(self.install(On::Disk(disk, block), flags, &found.path))
            }
            Node::Device(device) => {
                let device = *device;
                Ok(self.install(On::Device(device), flags, &found.path))
            }
            Node::Link(_) => Err(Errno::Loop),
            Node::Fifo => {
                let pipe = self.sandbox.named_pipe(&disk, ino);
                let on = if how.write { On::PipeIn(pipe) } else { On::PipeOut(pipe) };
                self.sandbox.count_pipe(&on, 1);
                Ok(self.install(on, flags, &found.path))
            }
            Node::Socket => Err(Errno::NoDevice),
        }
    }

    pub(super) fn open_proc(&mut self, path: &str, how: OpenOptions, whole: &str) -> Result<Fd, Errno> {
        if how.write {
            return Err(proc_fs::refuses_writing(path));
        }
        let text = match proc_fs::look(self, path)? {
            proc_fs::Entry::File(text) => On::Text(text.into()),
            proc_fs::Entry::Dir(_) => On::Text(Bytes::default()),
            proc_fs::Entry::Link(to) => return self.open(&to, how),
        };
        Ok(self.install(text, (true, false, false), whole))
    }

    /// Opens what an open file is anew, as opening `/proc/self/fd/N` does.
    pub(super) fn reopen(&mut self, id: FileId, how: OpenOptions) -> Result<Fd, Errno> {
        let file = self.sandbox.files.get(&id).ok_or(Errno::NoEnt)?;
        let (path, flags) = (file.path.clone(), (how.read, how.write, how.append));
        let on = match file.on.clone() {
            On::PipeIn(pipe) | On::PipeOut(pipe) => {
                let on = if how.write { On::PipeIn(pipe) } else { On::PipeOut(pipe) };
                self.sandbox.count_pipe(&on, 1);
                on
            }
            On::Session(session, _) if how.write => On::Session(session, 1.max(session_stream(&file.on))),
            On::Session(session, _) => On::Session(session, 0),
            On::Log(..) if !how.write => return Err(Errno::Access),
            On::Disk(disk, ino) => {
                if how.truncate && how.write {
                    let now = self.now();
                    self.disk_mut(&disk)?.truncate(ino, 0, now)?;
                }
                On::Disk(disk, ino)
            }
            On::Dir(..) if how.write => return Err(Errno::IsDir),
            On::Text(_) if how.write => return Err(Errno::Access),
            On::Connection(_) | On::Listener(_) => return Err(Errno::NoDevice),
            other => other,
        };
        Ok(self.install(on, flags, &path))
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF`
    pub fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        let id = self.process_mut().fds.remove(&fd).ok_or(Errno::BadFd)?;
        self.sandbox.release(id, self.disks);
        Ok(())
    }

    /// Makes `to` another name of `from`; what `to` was is closed.
    ///
    /// # Errors
    /// `EBADF`
    pub fn dup2(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        let (id, _) = self.file(from)?;
        if from == to {
            return Ok(());
        }
        if let Some(file) = self.sandbox.files.get_mut(&id) {
            file.count += 1;
        }
        if let Some(old) = self.process_mut().fds.insert(to, id) {
            self.sandbox.release(old, self.disks);
        }
        Ok(())
    }

    /// Another name of `fd`, the lowest free one from `from` on.
    ///
    /// # Errors
    /// `EBADF`
    pub fn dup_from(&mut self, fd: Fd, from: Fd) -> Result<Fd, Errno> {
        self.file(fd)?;
        let to = self.lowest_fd(from);
        self.dup2(fd, to).map(|()| to)
    }

    /// A new pipe: the end to read and the end to write.
    pub fn pipe(&mut self) -> (Fd, Fd) {
        self.sandbox.next_pipe += 1;
        let pipe = self.sandbox.next_pipe;
        self.sandbox.pipes.insert(pipe, Pipe { readers: 1, writers: 1, ..Pipe::default() });
        let out = self.install(On::PipeOut(pipe), (true, false, false), "");
        let inn = self.install(On::PipeIn(pipe), (false, true, false), "");
        (out, inn)
    }

    /// Reads at most `max` bytes.
    ///
    /// # Errors
    /// `EBADF`, `EISDIR`.
    pub fn read(&mut self, fd: Fd, max: usize) -> Result<Input, Errno> {
        let max = max.min(MAX_READ);
        let (id, file) = self.file(fd)?;
        if !file.read {
            return Err(Errno::BadFd);
        }
        let offset = file.offset as usize;
        let on = file.on.clone();
        // What never ends is read on in the next step.
        if matches!(on, On::Disk(..) | On::Device(Device::Zero | Device::Full | Device::Random)) {
            self.sandbox.gulped += max.max(16_384);
            if self.sandbox.gulped > MAX_GULP {
                return Ok(Input::Wait);
            }
        }
        let piece = |all: &[u8]| {
            let start = offset.min(all.len());
            all[start..all.len().min(start.saturating_add(max))].to_vec()
        };
        let bytes = match &on {
            On::Disk(disk, ino) => self.disk(disk)?.file(*ino)?.read(offset as u64, max),
            On::Text(text) => piece(text),
            On::Dir(..) => return Err(Errno::IsDir),
            On::Device(device) => return Ok(self.read_device(*device, max)),
            On::PipeOut(pipe) => {
                let Some(pipe) = self.sandbox.pipes.get_mut(pipe) else { return Ok(Input::End) };
                if pipe.bytes.is_empty() {
                    return Ok(if pipe.is_at_end() { Input::End } else { Input::Wait });
                }
                let count = pipe.bytes.len().min(max);
                return Ok(Input::Bytes(pipe.bytes.drain(..count).collect()));
            }
            On::Session(session, _) => return Ok(self.read_session(*session, max)),
            On::Connection(connection) => return self.outside_read(*connection, max),
            On::PipeIn(_) | On::Log(..) | On::Listener(_) => return Err(Errno::BadFd),
        };
        if let Some(file) = self.sandbox.files.get_mut(&id) {
            file.offset += bytes.len() as u64;
        }
        Ok(if bytes.is_empty() { Input::End } else { Input::Bytes(bytes) })
    }

    pub(super) fn read_device(&mut self, device: Device, max: usize) -> Input {
        match device {
            Device::Null | Device::Block => Input::End,
            Device::Zero | Device::Full => Input::Bytes(vec![0; max]),
            Device::Random => {
                let words = max.div_ceil(8);
                let bytes = (0..words).flat_map(|_| self.sandbox.random().to_le_bytes());
                Input::Bytes(bytes.take(max).collect())
            }
            Device::Tty => match self.terminal() {
                Some(session) => self.read_session(session, max),
                None => Input::End,
            },
        }
    }

    pub(super) fn read_session(&mut self, session: u32, max: usize) -> Input {
        let Some(session) = self.sandbox.sessions.get_mut(&session) else { return Input::End };
        if session.stdin.is_empty() {
            return if session.stdin_open { Input::Wait } else { Input::End };
        }
        let mut count = session.stdin.len().min(max);
        if session.tty
            && let Some(end) = session.stdin.iter().take(count).position(|byte| *byte == END_OF_TRANSMISSION)
        {
            if end == 0 {
                session.stdin.pop_front();
                return Input::End;
            }
            count = end;
        }
        Input::Bytes(session.stdin.drain(..count).collect())
    }

    /// The session that is the process's terminal.
    pub(super) fn terminal(&self) -> Option<u32> {
        let of = |fd: &Fd| match self.file(*fd).ok()?.1.on {
            On::Session(session, _) => Some(session),
            _ => None,
        };
        [0, 1, 2].iter().find_map(of).filter(|s| self.sandbox.sessions.get(s).is_some_and(|s| s.tty))
    }

    /// The columns and rows of the process's terminal, where it has one.
    pub fn terminal_size(&self) -> Option<(u16, u16)> {
        self.terminal().and_then(|s| self.sandbox.sessions.get(&s)).map(|s| s.size)
    }

    /// Whether a descriptor is a terminal.
    pub fn is_tty(&self, fd: Fd) -> bool {
        match self.file(fd).map(|(_, f)| &f.on) {
            Ok(On::Session(session, _)) => self.sandbox.sessions.get(session).is_some_and(|s| s.tty),
            Ok(On::Device(Device::Tty)) => true,
            // A container's output goes to its terminal, if it has one, and from there into its log.
            Ok(On::Log(container, _)) => {
                let session = self.sandbox.containers.get(container).and_then(|c| c.session);
                session.and_then(|s| self.sandbox.sessions.get(&s)).is_some_and(|s| s.tty)
            }
            _ => false,
        }
    }

    /// Writes all bytes. What a full pipe does not take is kept, and the process is not stepped before it is gone:
    /// so a program need not care.
    ///
    /// # Errors
    /// `EBADF`, `ENOSPC`; `EPIPE` where nobody reads, after SIGPIPE.
    pub fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<(), Errno> {
        let (id, file) = self.file(fd)?;
        if !file.write {
            return Err(Errno::BadFd);
        }
        let file = file.clone();
        let now = self.now();
        // To write much takes time: else output without end would cost more than a loop without end.
        let share = match file.on {
            On::Disk(..) | On::Device(_) => 65_536,
            On::PipeIn(_) => 4096,
            _ => 1024,
        };
        let lines = if matches!(file.on, On::Log(..)) { bytes.iter().filter(|b| **b == b'\n').count() / 8 } else { 0 };
        self.sandbox.extra += u32::try_from(bytes.len() / share + lines).unwrap_or(u32::MAX >> 1);
        match file.on.clone() {
            On::Disk(disk, ino) => {
                let offset = if file.append { self.disk(&disk)?.get(ino)?.len() } else { file.offset };
                let written = self.disk_mut(&disk)?.write(ino, offset, bytes, now)?;
                if let Some(file) = self.sandbox.files.get_mut(&id) {
                    file.offset = offset + written as u64;
                }
                if written < bytes.len() {
                    return Err(Errno::NoSpace);
                }
            }
            On::PipeIn(pipe) => {
                let waiting = self.process().unsent.iter().any(|(f, _)| *f == id);
                let Some(pipe) = self.sandbox.pipes.get_mut(&pipe).filter(|p| !p.is_broken()) else {
                    self.signal_self(Signal::PIPE);
                    return Err(Errno::Pipe);
                };
                // Nobody has opened a named pipe's other end yet: its writer waits for him.
                let room = if waiting || pipe.readers == 0 {
                    0
                } else {
                    PIPE_CAPACITY.saturating_sub(pipe.bytes.len()).min(bytes.len())
                };
                pipe.bytes.extend(&bytes[..room]);
                if room < bytes.len() {
                    self.process_mut().unsent.push((id, bytes[room..].to_vec()));
                }
            }
            On::Device(Device::Full) => return Err(Errno::NoSpace),
            On::Device(Device::Tty) => {
                if let Some(session) = self.terminal().and_then(|s| self.sandbox.sessions.get_mut(&s)) {
                    session.output.push((1, bytes.to_vec()));
                }
            }
            On::Device(_) => {}
            On::Log(container, stream) => {
                if let Some(log) = self.sandbox.logs.get_mut(&container) {
                    log.write(now, stream, bytes);
                }
                let session = self.sandbox.containers.get(&container).and_then(|c| c.session);
                if let Some(session) = session.and_then(|s| self.sandbox.sessions.get_mut(&s)) {
                    session.hear(stream, bytes);
                }
            }
            On::Session(session, stream) => {
                if let Some(session) = self.sandbox.sessions.get_mut(&session) {
                    session.output.push((stream, bytes.to_vec()));
                }
            }
            On::Connection(connection) => return self.outside_write(connection, bytes),
            On::Dir(..) | On::PipeOut(_) | On::Text(_) | On::Listener(_) => return Err(Errno::BadFd),
        }
        Ok(())
    }

    /// Writes to standard output; what fails is said by `write` only.
    pub fn out(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.write(1, text.as_ref());
    }

    /// Writes to standard error.
    pub fn err(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.write(2, text.as_ref());
    }

    pub(super) fn lock_key(&self, fd: Fd) -> Result<(FileId, String), Errno> {
        let (id, file) = self.file(fd)?;
        match &file.on {
            On::Disk(disk, ino) | On::Dir(disk, ino) => Ok((id, format!("{disk}#{ino}"))),
            other => Ok((id, format!("{other:?}"))),
        }
    }

    /// Locks an open file, alone or shared, until it is unlocked or closed everywhere.
    ///
    /// # Errors
    /// `EAGAIN` where another open file holds the lock; `EBADF`.
    pub fn lock(&mut self, fd: Fd, exclusive: bool) -> Result<(), Errno> {
        let (id, key) = self.lock_key(fd)?;
        let (holders, alone) = self.sandbox.locks.entry(key).or_default();
        let others = holders.iter().any(|h| *h != id);
        if others && (exclusive || *alone) {
            return Err(Errno::Again);
        }
        holders.insert(id);
        *alone = exclusive;
        Ok(())
    }

    /// Takes the lock of an open file away.
    ///
    /// # Errors
    /// `EBADF`
    pub fn unlock(&mut self, fd: Fd) -> Result<(), Errno> {
        let (id, _) = self.lock_key(fd)?;
        self.sandbox.drop_locks(id);
        Ok(())
    }

    /// Moves a file's position, and tells it.
    ///
    /// # Errors
    /// `ESPIPE` for what has none.
    pub fn seek(&mut self, fd: Fd, to: Seek) -> Result<u64, Errno> {
        let (id, file) = self.file(fd)?;
        let len = match &file.on {
            On::Disk(disk, ino) => self.disk(disk)?.get(*ino)?.len(),
            On::Text(text) => text.len() as u64,
            _ => return Err(Errno::Seek),
        };
        let at = match to {
            Seek::Start(at) => at as i64,
            Seek::Current(by) => file.offset as i64 + by,
            Seek::End(by) => len as i64 + by,
        };
        let at = u64::try_from(at).map_err(|_| Errno::Invalid)?;
        if let Some(file) = self.sandbox.files.get_mut(&id) {
            file.offset = at;
        }
        Ok(at)
    }
}
