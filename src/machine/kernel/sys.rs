//! The system calls: all that a program can do, as one process of one container.

use std::sync::Arc;

use crate::api::Time;
use crate::machine::bytes::Bytes;
use crate::machine::disk::{Contents, Device, Disk, DiskId, Ino, Inode, Node};
use crate::machine::errno::Errno;
use crate::machine::net::Outside;

use super::files::{FileId, Input, On, OpenFile, OpenOptions, PIPE_CAPACITY, Pipe};
use super::mounts::{Found, Mount, Place};
use super::process::{Disposition, Pid, Process, State, Status};
use super::program::{Fd, Program};
use super::signal::Signal;
use super::walk::{Walker, absolute, walk};
use super::{Disks, Sandbox, proc_fs};

/// What `stat` tells of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The disk that it is on; `proc` for `/proc`.
    pub disk: DiskId,
    /// Its number there.
    pub ino: Ino,
    /// What it is, without contents: files show as empty here.
    pub kind: Kind,
    /// The permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its length in bytes.
    pub size: u64,
    /// What it takes of its disk, in bytes.
    pub usage: u64,
    /// How many names it has.
    pub links: u32,
    /// When its contents changed last.
    pub modified: Time,
    /// Where a link leads.
    pub target: Option<String>,
}

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `-`
    File,
    /// `d`
    Dir,
    /// `l`
    Link,
    /// `p`
    Fifo,
    /// `s`
    Socket,
    /// `c`
    CharDevice,
    /// `b`
    BlockDevice,
}

/// Where a seek begins.
#[derive(Debug, Clone, Copy)]
pub enum Seek {
    /// At the beginning.
    Start(u64),
    /// At the position.
    Current(i64),
    /// At the end.
    End(i64),
}

/// What `statfs` tells of a mounted file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileSystem {
    /// The size of a block.
    pub block: u64,
    /// How many blocks there are.
    pub blocks: u64,
    /// How many are free.
    pub free: u64,
    /// How many of them a user can have.
    pub available: u64,
    /// How many inodes there are.
    pub files: u64,
    /// How many of them are free.
    pub free_files: u64,
}

/// How much one read gives at most.
const MAX_READ: usize = 1 << 20;

/// The size of a node's own disk in KiB, which is that of all disks without one.
const NODE_DISK: u64 = 263_174_212;

/// What a node's images and logs take of its disk, in KiB.
const NODE_USED: u64 = 11_534_336;

/// One process's view of its kernel.
pub struct Sys<'a> {
    /// The pod's kernel.
    pub sandbox: &'a mut Sandbox,
    /// The disks that are mounted.
    pub disks: &'a mut Disks,
    /// The network and the API server.
    pub outside: &'a mut dyn Outside,
    /// The process, in the sandbox's numbers.
    pub pid: Pid,
}

impl<'a> Sys<'a> {
    /// The system calls of a process.
    pub fn new(sandbox: &'a mut Sandbox, disks: &'a mut Disks, outside: &'a mut dyn Outside, pid: Pid) -> Sys<'a> {
        Sys { sandbox, disks, outside, pid }
    }

    // --- Who and when ---------------------------------------------------------------------------------------------

    /// The time.
    pub fn now(&self) -> Time {
        self.sandbox.now
    }

    /// The process itself.
    ///
    /// # Panics
    /// Never: a process that is stepped is in the table.
    pub fn process(&self) -> &Process {
        &self.sandbox.processes[&self.pid]
    }

    /// The process itself, to change.
    #[allow(clippy::missing_panics_doc)]
    pub fn process_mut(&mut self) -> &mut Process {
        self.sandbox.processes.get_mut(&self.pid).expect("the process that is stepped")
    }

    /// The container that the process is in.
    pub fn container(&self) -> &super::Container {
        &self.sandbox.containers[&self.process().container]
    }

    /// The full name of the container's image.
    pub fn image(&self) -> &str {
        &self.container().image
    }

    /// An environment variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.process().env.get(name).map(String::as_str)
    }

    /// Sets or (with none) removes an environment variable.
    pub fn set_env(&mut self, name: &str, value: Option<String>) {
        let env = Arc::make_mut(&mut self.process_mut().env);
        match value {
            Some(value) => env.insert(name.to_string(), value),
            None => env.remove(name),
        };
    }

    /// The process's number in its container.
    pub fn getpid(&self) -> Pid {
        self.process().local
    }

    /// The parent's number in the container; 0 where the parent is outside.
    pub fn getppid(&self) -> Pid {
        self.sandbox.processes.get(&self.process().parent).map_or(0, |p| p.local)
    }

    /// How an error is said by the C library of the container's image.
    pub fn text(&self, errno: Errno) -> &'static str {
        if crate::machine::images::has_musl(self.image()) { errno.musl_text() } else { errno.text() }
    }

    /// Whose tools the container's image holds.
    pub fn userland(&self) -> crate::machine::images::Userland {
        crate::machine::images::userland(self.image())
    }

    /// A random number, the same in each run of the cluster.
    pub fn random(&mut self) -> u64 {
        self.sandbox.random()
    }

    /// How much memory the process holds, in bytes; too much for its container gets it killed.
    pub fn set_memory(&mut self, bytes: u64) {
        self.process_mut().memory = bytes;
    }

    // --- Open files -----------------------------------------------------------------------------------------------

    fn file(&self, fd: Fd) -> Result<(FileId, &OpenFile), Errno> {
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

    fn lowest_fd(&self, from: Fd) -> Fd {
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
            Some(Place::Proc(p)) => return self.open_proc(&p, how, &found.path),
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

    fn open_proc(&mut self, path: &str, how: OpenOptions, whole: &str) -> Result<Fd, Errno> {
        if how.write {
            return Err(Errno::Access);
        }
        let text = match proc_fs::look(self, path)? {
            proc_fs::Entry::File(text) => On::Text(text.into()),
            proc_fs::Entry::Dir(_) => On::Text(Bytes::default()),
            proc_fs::Entry::Link(to) => return self.open(&to, how),
        };
        Ok(self.install(text, (true, false, false), whole))
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
                    return Ok(if pipe.writers == 0 { Input::End } else { Input::Wait });
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

    fn read_device(&mut self, device: Device, max: usize) -> Input {
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

    fn read_session(&mut self, session: u32, max: usize) -> Input {
        let Some(session) = self.sandbox.sessions.get_mut(&session) else { return Input::End };
        if session.stdin.is_empty() {
            return if session.stdin_open { Input::Wait } else { Input::End };
        }
        let count = session.stdin.len().min(max);
        Input::Bytes(session.stdin.drain(..count).collect())
    }

    /// The session that is the process's terminal.
    fn terminal(&self) -> Option<u32> {
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
        self.sandbox.steps += (bytes.len() / 1024) as u32;
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
                let Some(pipe) = self.sandbox.pipes.get_mut(&pipe).filter(|p| p.readers > 0) else {
                    self.signal_self(Signal::PIPE);
                    return Err(Errno::Pipe);
                };
                let room = if waiting { 0 } else { PIPE_CAPACITY.saturating_sub(pipe.bytes.len()).min(bytes.len()) };
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

    fn lock_key(&self, fd: Fd) -> Result<(FileId, String), Errno> {
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

    // --- Paths ----------------------------------------------------------------------------------------------------

    fn walker(&self) -> Walker<'_> {
        let process = self.process();
        Walker { uid: process.uid, gid: process.gid, groups: &process.groups }
    }

    pub(super) fn disk(&self, id: &str) -> Result<&Disk, Errno> {
        self.disks.get(id).ok_or(Errno::Io)
    }

    fn disk_mut(&mut self, id: &str) -> Result<&mut Disk, Errno> {
        self.disks.get_mut(id).ok_or(Errno::Io)
    }

    /// What is mounted in the container.
    pub fn mounts(&self) -> &[Mount] {
        &self.container().mounts
    }

    /// The mount that holds a path.
    ///
    /// # Errors
    /// As the walk.
    pub fn mount_of(&self, path: &str) -> Result<&Mount, Errno> {
        let path = self.walk(path, true)?.path;
        let holds =
            |m: &&Mount| m.at == "/" || m.at == path || path.strip_prefix(&m.at).is_some_and(|r| r.starts_with('/'));
        self.mounts().iter().filter(holds).max_by_key(|m| m.at.len()).ok_or(Errno::NoEnt)
    }

    /// Walks to a path from the working directory.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES`, `ENAMETOOLONG`.
    pub fn walk(&self, path: &str, follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NoEnt);
        }
        if path.len() >= 4096 {
            return Err(Errno::NameTooLong);
        }
        let path = absolute(&self.process().cwd, path);
        let mut found = walk(self.mounts(), self.disks, self.walker(), &path, follow)?;
        if let Some(Place::Proc(p)) = &found.place {
            match proc_fs::look(self, p) {
                Ok(proc_fs::Entry::Link(to)) if follow => return self.walk(&to, true),
                Ok(_) => {}
                Err(_) => found.place = None,
            }
        }
        Ok(found)
    }

    /// What is at a path; a link at its end is followed.
    ///
    /// # Errors
    /// As `stat(2)`.
    pub fn stat(&self, path: &str) -> Result<Stat, Errno> {
        let found = self.walk(path, true)?;
        self.stat_of(&found.place.ok_or(Errno::NoEnt)?)
    }

    /// What is at a path; a link at its end is not followed.
    ///
    /// # Errors
    /// As `lstat(2)`.
    pub fn lstat(&self, path: &str) -> Result<Stat, Errno> {
        let found = self.walk(path, false)?;
        self.stat_of(&found.place.ok_or(Errno::NoEnt)?)
    }

    fn stat_of(&self, place: &Place) -> Result<Stat, Errno> {
        match place {
            Place::Inode(disk, ino) => Ok(stat_inode(disk, *ino, self.disk(disk)?.get(*ino)?)),
            Place::Proc(path) => {
                let (kind, mode, size, target) = match proc_fs::look(self, path)? {
                    proc_fs::Entry::File(_) => (Kind::File, 0o444, 0, None),
                    proc_fs::Entry::Dir(_) => (Kind::Dir, 0o555, 0, None),
                    proc_fs::Entry::Link(to) => (Kind::Link, 0o777, 0, Some(to)),
                };
                let modified = self.now();
                let links = if kind == Kind::Dir { 2 } else { 1 };
                Ok(Stat {
                    disk: "proc".into(),
                    ino: 1,
                    kind,
                    mode,
                    uid: 0,
                    gid: 0,
                    size,
                    usage: 0,
                    links,
                    modified,
                    target,
                })
            }
        }
    }

    /// What an open file is.
    ///
    /// # Errors
    /// `EBADF`
    pub fn fstat(&self, fd: Fd) -> Result<Stat, Errno> {
        let (_, file) = self.file(fd)?;
        match &file.on {
            On::Disk(disk, ino) | On::Dir(disk, ino) => Ok(stat_inode(disk, *ino, self.disk(disk)?.get(*ino)?)),
            other => {
                let kind = match other {
                    On::PipeIn(_) | On::PipeOut(_) => Kind::Fifo,
                    On::Device(_) | On::Session(..) => Kind::CharDevice,
                    On::Connection(_) | On::Listener(_) => Kind::Socket,
                    On::Log(..) => Kind::Fifo,
                    _ => Kind::File,
                };
                let modified = self.now();
                Ok(Stat {
                    disk: "none".into(),
                    ino: 1,
                    kind,
                    mode: 0o600,
                    uid: 0,
                    gid: 0,
                    size: 0,
                    usage: 0,
                    links: 1,
                    modified,
                    target: None,
                })
            }
        }
    }

    /// The names in a folder, in order, with what they are.
    ///
    /// # Errors
    /// As `opendir(3)`.
    pub fn read_dir(&self, path: &str) -> Result<Vec<(String, Stat)>, Errno> {
        let found = self.walk(path, true)?;
        match found.place.ok_or(Errno::NoEnt)? {
            Place::Inode(id, ino) => {
                let disk = self.disk(&id)?;
                let inode = disk.get(ino)?;
                let entries = inode.entries()?;
                if !self.walker().may(inode, 4) {
                    return Err(Errno::Access);
                }
                let base = if found.path == "/" { String::new() } else { found.path };
                let mut all: Vec<(String, Stat)> = Vec::new();
                for (name, ino) in entries {
                    let at = format!("{base}/{name}");
                    let stat = match self.mounts().iter().any(|m| m.at == at) {
                        true => self.lstat(&at)?,
                        false => stat_inode(&id, *ino, disk.get(*ino)?),
                    };
                    all.push((name.clone(), stat));
                }
                Ok(all)
            }
            Place::Proc(p) => match proc_fs::look(self, &p)? {
                proc_fs::Entry::Dir(names) => {
                    names.into_iter().map(|n| self.stat_of(&Place::Proc(format!("{p}/{n}"))).map(|s| (n, s))).collect()
                }
                _ => Err(Errno::NotDir),
            },
        }
    }

    /// The whole of a file.
    ///
    /// # Errors
    /// As `open(2)` and `read(2)`; `EINVAL` for what never ends.
    pub fn read_file(&mut self, path: &str) -> Result<Bytes, Errno> {
        let fd = self.open(path, OpenOptions::READ)?;
        let file = self.open_file(fd)?.on.clone();
        let contents = match &file {
            On::Disk(disk, ino) => self.disk(disk).and_then(|d| d.contents(*ino)),
            On::Text(text) => Ok(text.clone()),
            On::Device(Device::Null) => Ok(Bytes::default()),
            On::Dir(..) => Err(Errno::IsDir),
            _ => Err(Errno::Invalid),
        };
        let _ = self.close(fd);
        contents
    }

    /// Makes or empties a file and writes it.
    ///
    /// # Errors
    /// As `open(2)` and `write(2)`.
    pub fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        let fd = self.open(path, OpenOptions::WRITE)?;
        let written = self.write(fd, bytes);
        let _ = self.close(fd);
        written
    }

    fn make(&mut self, found: &Found, node: Node, mode: u32) -> Result<(DiskId, Ino), Errno> {
        if found.place.is_some() {
            return Err(Errno::Exist);
        }
        let Place::Inode(disk, dir) = &found.folder else { return Err(Errno::NoEnt) };
        let folder = self.disk(disk)?.get(*dir)?;
        if found.read_only {
            return Err(Errno::ReadOnly);
        }
        if !self.walker().may(folder, 3) {
            return Err(Errno::Access);
        }
        let process = self.process();
        let (set_gid, is_dir) = (folder.mode & 0o2000 != 0, matches!(node, Node::Dir(_)));
        let gid = if set_gid { folder.gid } else { process.gid };
        let mode = mode | if set_gid && is_dir { 0o2000 } else { 0 };
        let inode = Inode::new(node, mode, (process.uid, gid), self.now());
        let ino = self.disk_mut(disk)?.create(*dir, &found.name, inode)?;
        Ok((disk.clone(), ino))
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// As `mkdir(2)`.
    pub fn mkdir(&mut self, path: &str, mode: u32) -> Result<(), Errno> {
        let found = self.walk(path.trim_end_matches('/').get(..).filter(|p| !p.is_empty()).unwrap_or("/"), true)?;
        let mode = mode & !self.process().umask;
        self.make(&found, Node::Dir(Default::default()), mode).map(drop)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As `symlink(2)`.
    pub fn symlink(&mut self, target: &str, path: &str) -> Result<(), Errno> {
        let found = self.walk(path, false)?;
        self.make(&found, Node::Link(target.to_string()), 0o777).map(drop)
    }

    /// Makes a named pipe.
    ///
    /// # Errors
    /// As `mkfifo(3)`.
    pub fn mkfifo(&mut self, path: &str, mode: u32) -> Result<(), Errno> {
        let found = self.walk(path, false)?;
        let mode = mode & !self.process().umask;
        self.make(&found, Node::Fifo, mode).map(drop)
    }

    /// Makes a device file.
    ///
    /// # Errors
    /// As `mknod(2)`.
    pub fn mknod(&mut self, path: &str, device: Device, mode: u32) -> Result<(), Errno> {
        let found = self.walk(path, false)?;
        let mode = mode & !self.process().umask;
        self.make(&found, Node::Device(device), mode).map(drop)
    }

    /// The size of a mounted file system; none where it has none, as `/proc`.
    pub fn statfs(&self, mount: &Mount) -> Option<FileSystem> {
        let super::mounts::Source::Disk(id, _) = &mount.what else { return None };
        let disk = self.disks.get(id)?;
        let block = crate::machine::disk::BLOCK;
        let (blocks, used) = match disk.size {
            Some(size) => (size / block, disk.used().div_ceil(block)),
            None => (NODE_DISK * 1024 / block, (NODE_USED * 1024 + disk.used()).div_ceil(block)),
        };
        let free = blocks.saturating_sub(used);
        let files = blocks / 4;
        let free_files = files.saturating_sub(disk.count() + if disk.size.is_none() { 389_120 } else { 0 });
        Some(FileSystem { block, blocks, free, available: free, files, free_files })
    }

    /// The folder and name of a path that is to be changed, where that is allowed.
    fn changeable(&self, found: &Found) -> Result<(DiskId, Ino), Errno> {
        let is_mount = self.mounts().iter().any(|m| m.at == found.path);
        match (&found.folder, &found.place) {
            (_, None) => Err(Errno::NoEnt),
            _ if is_mount => Err(Errno::Busy),
            (Place::Inode(disk, dir), Some(Place::Inode(_, ino))) => {
                if found.read_only {
                    return Err(Errno::ReadOnly);
                }
                let folder = self.disk(disk)?.get(*dir)?;
                if !self.walker().may(folder, 3) {
                    return Err(Errno::Access);
                }
                let (inode, me) = (self.disk(disk)?.get(*ino)?, self.process().uid);
                if folder.mode & 0o1000 != 0 && me != 0 && me != inode.uid && me != folder.uid {
                    return Err(Errno::Perm);
                }
                Ok((disk.clone(), *dir))
            }
            _ => Err(Errno::Perm),
        }
    }

    /// Removes a file or link.
    ///
    /// # Errors
    /// As `unlink(2)`.
    pub fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        let found = self.walk(path, false)?;
        let (disk, dir) = self.changeable(&found)?;
        let now = self.now();
        self.disk_mut(&disk)?.unlink(dir, &found.name, now)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As `rmdir(2)`.
    pub fn rmdir(&mut self, path: &str) -> Result<(), Errno> {
        let found = self.walk(path, false)?;
        let (disk, dir) = self.changeable(&found)?;
        let now = self.now();
        self.disk_mut(&disk)?.rmdir(dir, &found.name, now)
    }

    /// Moves a file or folder.
    ///
    /// # Errors
    /// As `rename(2)`; `EXDEV` between disks.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let (old, new) = (self.walk(from, false)?, self.walk(to.trim_end_matches('/'), false)?);
        let (disk, dir) = self.changeable(&old)?;
        let Place::Inode(new_disk, new_dir) = &new.folder else { return Err(Errno::CrossDevice) };
        if new_disk != &disk {
            return Err(Errno::CrossDevice);
        }
        if new.read_only {
            return Err(Errno::ReadOnly);
        }
        if new.place.is_some() {
            self.changeable(&new)?;
        }
        if !self.walker().may(self.disk(new_disk)?.get(*new_dir)?, 3) {
            return Err(Errno::Access);
        }
        let now = self.now();
        self.disk_mut(&disk)?.rename((dir, &old.name), (*new_dir, &new.name), now)
    }

    /// Gives a file another name on the same disk.
    ///
    /// # Errors
    /// As `link(2)`.
    pub fn link(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let (old, new) = (self.walk(from, false)?, self.walk(to, false)?);
        let Some(Place::Inode(disk, ino)) = old.place else { return Err(Errno::NoEnt) };
        if new.place.is_some() {
            return Err(Errno::Exist);
        }
        let Place::Inode(new_disk, dir) = &new.folder else { return Err(Errno::CrossDevice) };
        if *new_disk != disk {
            return Err(Errno::CrossDevice);
        }
        if new.read_only {
            return Err(Errno::ReadOnly);
        }
        if !self.walker().may(self.disk(new_disk)?.get(*dir)?, 3) {
            return Err(Errno::Access);
        }
        let now = self.now();
        self.disk_mut(&disk)?.link(ino, *dir, &new.name, now)
    }

    /// Where a link leads.
    ///
    /// # Errors
    /// `EINVAL` for what is no link.
    pub fn readlink(&self, path: &str) -> Result<String, Errno> {
        self.lstat(path)?.target.ok_or(Errno::Invalid)
    }

    /// A path without links, `.` and `..`.
    ///
    /// # Errors
    /// As the walk; `ENOENT` where nothing is there.
    pub fn canonical(&self, path: &str) -> Result<String, Errno> {
        let found = self.walk(path, true)?;
        found.place.map(|_| found.path).ok_or(Errno::NoEnt)
    }

    fn owned(&self, path: &str, follow: bool) -> Result<(DiskId, Ino), Errno> {
        let found = self.walk(path, follow)?;
        let Some(Place::Inode(disk, ino)) = found.place else { return Err(Errno::NoEnt) };
        if found.read_only {
            return Err(Errno::ReadOnly);
        }
        let me = self.process().uid;
        if me != 0 && me != self.disk(&disk)?.get(ino)?.uid {
            return Err(Errno::Perm);
        }
        Ok((disk, ino))
    }

    /// Sets the permission bits.
    ///
    /// # Errors
    /// As `chmod(2)`.
    pub fn chmod(&mut self, path: &str, mode: u32) -> Result<(), Errno> {
        let (disk, ino) = self.owned(path, true)?;
        self.disk_mut(&disk)?.get_mut(ino)?.mode = mode & 0o7777;
        Ok(())
    }

    /// Sets owner and group, where given.
    ///
    /// # Errors
    /// As `chown(2)`.
    pub fn chown(&mut self, path: &str, uid: Option<u32>, gid: Option<u32>, follow: bool) -> Result<(), Errno> {
        let (disk, ino) = self.owned(path, follow)?;
        if self.process().uid != 0 && uid.is_some_and(|u| u != self.process().uid) {
            return Err(Errno::Perm);
        }
        let inode = self.disk_mut(&disk)?.get_mut(ino)?;
        inode.uid = uid.unwrap_or(inode.uid);
        inode.gid = gid.unwrap_or(inode.gid);
        Ok(())
    }

    /// Sets the time of the last change.
    ///
    /// # Errors
    /// As `utimensat(2)`.
    pub fn set_modified(&mut self, path: &str, time: Time) -> Result<(), Errno> {
        let found = self.walk(path, true)?;
        let Some(Place::Inode(disk, ino)) = found.place else { return Err(Errno::NoEnt) };
        if found.read_only {
            return Err(Errno::ReadOnly);
        }
        if !self.walker().may(self.disk(&disk)?.get(ino)?, 2) {
            return Err(Errno::Access);
        }
        self.disk_mut(&disk)?.get_mut(ino)?.modified = time;
        Ok(())
    }

    /// Cuts or fills an open file to a length.
    ///
    /// # Errors
    /// As `ftruncate(2)`.
    pub fn ftruncate(&mut self, fd: Fd, len: u64) -> Result<(), Errno> {
        let On::Disk(disk, ino) = self.file(fd)?.1.on.clone() else { return Err(Errno::Invalid) };
        let now = self.now();
        self.disk_mut(&disk)?.truncate(ino, len, now)
    }

    /// Makes sure that an open file has room up to a length.
    ///
    /// # Errors
    /// As `fallocate(2)`.
    pub fn fallocate(&mut self, fd: Fd, len: u64) -> Result<(), Errno> {
        let On::Disk(disk, ino) = self.file(fd)?.1.on.clone() else { return Err(Errno::Invalid) };
        let now = self.now();
        self.disk_mut(&disk)?.allocate(ino, len, now)
    }

    /// Whether the process may read (4), write (2) or execute (1) what is at a path.
    ///
    /// # Errors
    /// As `access(2)`.
    pub fn access(&self, path: &str, want: u32) -> Result<(), Errno> {
        let found = self.walk(path, true)?;
        match found.place.ok_or(Errno::NoEnt)? {
            Place::Inode(disk, ino) => match self.walker().may(self.disk(&disk)?.get(ino)?, want) {
                _ if want & 2 != 0 && found.read_only => Err(Errno::ReadOnly),
                true => Ok(()),
                false => Err(Errno::Access),
            },
            Place::Proc(_) => {
                if want & 3 == 0 {
                    Ok(())
                } else {
                    Err(Errno::Access)
                }
            }
        }
    }

    /// Changes the working directory.
    ///
    /// # Errors
    /// As `chdir(2)`.
    pub fn chdir(&mut self, path: &str) -> Result<(), Errno> {
        let stat = self.stat(path)?;
        if stat.kind != Kind::Dir {
            return Err(Errno::NotDir);
        }
        self.access(path, 1)?;
        let to = self.canonical(path)?;
        self.process_mut().cwd = to;
        Ok(())
    }

    // --- Processes ------------------------------------------------------------------------------------------------

    /// Starts a child that runs `program` with this process's files, environment and folder. Its local number.
    ///
    /// # Errors
    /// `EAGAIN` where the container has too many processes.
    pub fn fork(&mut self, program: Program) -> Result<Pid, Errno> {
        self.sandbox.fork(self.pid, program)
    }

    fn global(&self, local: Pid) -> Option<Pid> {
        let container = &self.process().container;
        self.sandbox.processes.iter().find(|(_, p)| p.local == local && p.container == *container).map(|(pid, _)| *pid)
    }

    /// Another process of the container by its local number.
    pub fn process_of(&mut self, local: Pid) -> Option<&mut Process> {
        let pid = self.global(local)?;
        self.sandbox.processes.get_mut(&pid)
    }

    /// Makes `to` in a child another name of the child's `from`, as `dup2` between fork and exec.
    ///
    /// # Errors
    /// `EBADF`, `ESRCH`.
    pub fn child_dup2(&mut self, child: Pid, from: Fd, to: Fd) -> Result<(), Errno> {
        self.as_child(child, |sys| sys.dup2(from, to))
    }

    /// Closes a descriptor in a child.
    ///
    /// # Errors
    /// `EBADF`, `ESRCH`.
    pub fn child_close(&mut self, child: Pid, fd: Fd) -> Result<(), Errno> {
        self.as_child(child, |sys| sys.close(fd))
    }

    /// Makes system calls as a child that has not been stepped yet, as between fork and exec.
    ///
    /// # Errors
    /// `ESRCH` where there is no such process, or what the calls return.
    pub fn as_child<T>(
        &mut self,
        child: Pid,
        calls: impl FnOnce(&mut Sys<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let pid = self.global(child).ok_or(Errno::NoProcess)?;
        calls(&mut Sys { sandbox: self.sandbox, disks: self.disks, outside: self.outside, pid })
    }

    /// Takes a child that has ended off the table: that one, or with none any. None where none has ended yet.
    ///
    /// # Errors
    /// `ECHILD` where there is no such child.
    pub fn wait_child(&mut self, which: Option<Pid>) -> Result<Option<(Pid, Status)>, Errno> {
        let mine = |p: &&Process| p.parent == self.pid && which.is_none_or(|w| w == p.local);
        let mut any = false;
        let mut ended = None;
        for (pid, process) in self.sandbox.processes.iter().filter(|(_, p)| mine(p)) {
            any = true;
            if let State::Zombie(status) = process.state {
                ended = Some((*pid, process.local, status));
                break;
            }
        }
        match ended {
            Some((pid, local, status)) => {
                self.sandbox.processes.remove(&pid);
                Ok(Some((local, status)))
            }
            None if any => Ok(None),
            None => Err(Errno::Child),
        }
    }

    /// Sends a signal to a process of the container by its local number; to a group with a negative one.
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`. With no signal only that is checked.
    pub fn kill(&mut self, local: i64, signal: Option<Signal>) -> Result<(), Errno> {
        let container = self.process().container.clone();
        let me = (self.process().uid, self.pid);
        let group = if local == 0 { self.process().group } else { 0 };
        let wanted = |pid: Pid, p: &Process| match local {
            0 => p.group == group,
            -1 => p.local != 1 && pid != me.1,
            n if n < 0 => self.sandbox.processes.get(&p.group).is_some_and(|g| i64::from(g.local) == -n),
            n => i64::from(p.local) == n,
        };
        let all = self.sandbox.processes.iter().filter(|(pid, p)| p.container == container && wanted(**pid, p));
        let targets: Vec<(Pid, u32)> = all.map(|(pid, p)| (*pid, p.uid)).collect();
        if targets.is_empty() {
            return Err(Errno::NoProcess);
        }
        let allowed: Vec<Pid> = targets.iter().filter(|t| me.0 == 0 || me.0 == t.1).map(|t| t.0).collect();
        if allowed.is_empty() {
            return Err(Errno::Perm);
        }
        for pid in allowed {
            if let Some(signal) = signal {
                self.sandbox.deliver(pid, signal, self.disks, false);
            }
        }
        Ok(())
    }

    fn signal_self(&mut self, signal: Signal) {
        self.sandbox.deliver(self.pid, signal, self.disks, false);
    }

    /// Whether a signal has ended the process while it was stepped: it returns then.
    pub fn is_dead(&self) -> bool {
        matches!(self.process().state, State::Zombie(_))
    }

    /// Ignores a signal, catches it, or (with none) leaves it to the default.
    pub fn set_disposition(&mut self, signal: Signal, to: Option<Disposition>) {
        let dispositions = &mut self.process_mut().dispositions;
        match to {
            Some(to) => dispositions.insert(signal, to),
            None => dispositions.remove(&signal),
        };
    }

    /// A signal that was caught and not looked at yet.
    pub fn take_signal(&mut self) -> Option<Signal> {
        self.process_mut().caught.pop_first()
    }
}

fn stat_inode(disk: &str, ino: Ino, inode: &Inode) -> Stat {
    let kind = match &inode.node {
        Node::File(_) => Kind::File,
        Node::Dir(_) => Kind::Dir,
        Node::Link(_) => Kind::Link,
        Node::Fifo => Kind::Fifo,
        Node::Socket => Kind::Socket,
        Node::Device(Device::Block) => Kind::BlockDevice,
        Node::Device(_) => Kind::CharDevice,
    };
    let target = match &inode.node {
        Node::Link(to) => Some(to.clone()),
        _ => None,
    };
    Stat {
        disk: disk.to_string(),
        ino,
        kind,
        mode: inode.mode,
        uid: inode.uid,
        gid: inode.gid,
        size: inode.len(),
        usage: inode.disk_usage(),
        links: inode.links,
        modified: inode.modified,
        target,
    }
}
