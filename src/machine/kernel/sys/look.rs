//! System calls that look at paths: walking, `stat`, reading folders.

use crate::machine::bytes::Bytes;
use crate::machine::disk::{Device, Disk, DiskId, Ino, Inode};
use crate::machine::errno::Errno;

use crate::machine::kernel::files::{FileId, On, OpenOptions};
use crate::machine::kernel::mounts::{Found, Mount, Place, Source};
use crate::machine::kernel::proc_fs;
use crate::machine::kernel::program::Fd;
use crate::machine::kernel::walk::{Walker, absolute, walk};

use super::{Kind, MAX_WHOLE, Stat, Sys, stat_inode};

/// What an inode is, on a disk or in memory.
fn stat_inode_in(disk: &str, ino: Ino, inode: &Inode, in_memory: bool) -> Stat {
    let mut stat = stat_inode(disk, ino, inode);
    if let (true, Ok(entries)) = (in_memory, inode.entries()) {
        // A folder of a tmpfs takes no blocks; its size counts what is in it, `.` and `..` included.
        (stat.size, stat.usage) = (20 * (entries.len() as u64 + 2), 0);
    }
    stat
}

impl Sys<'_> {
    pub(super) fn walker(&self) -> Walker<'_> {
        let process = self.process();
        Walker { uid: process.uid, gid: process.gid, groups: &process.groups }
    }

    pub(in crate::machine::kernel) fn disk(&self, id: &str) -> Result<&Disk, Errno> {
        self.disks.get(id).ok_or(Errno::Io)
    }

    pub(super) fn disk_mut(&mut self, id: &str) -> Result<&mut Disk, Errno> {
        self.disks.get_mut(id).ok_or(Errno::Io)
    }

    /// What is mounted in the container.
    pub fn mounts(&self) -> &[Mount] {
        self.process().root.as_ref().unwrap_or(&self.container().mounts)
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
            // The link of an open file is that file, whatever its path is by now.
            if proc_fs::open_file(self, p).is_some() {
                return Ok(found);
            }
            if let Some(elsewhere) = proc_fs::elsewhere(self, p, follow) {
                let (mounts, inside, shown) = elsewhere?;
                let there = walk(&mounts, self.disks, self.walker(), &inside, follow)?;
                return Ok(Found { path: format!("{shown}{}", there.path.trim_end_matches('/')), ..there });
            }
            match proc_fs::look(self, p) {
                Ok(proc_fs::Entry::Link(to)) if follow => return self.walk(&to, true),
                Ok(_) => {}
                Err(_) => {
                    // A link on the way leads elsewhere: /proc/1/root/etc.
                    let cuts = p.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| at);
                    for cut in cuts.collect::<Vec<_>>() {
                        if let Ok(proc_fs::Entry::Link(to)) = proc_fs::look(self, &p[..cut]) {
                            return self.walk(&format!("{to}{}", &p[cut..]), follow);
                        }
                    }
                    found.place = None;
                }
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
        if let Some(Place::Proc(p)) = &found.place
            && let Some(id) = proc_fs::open_file(self, p)
        {
            return self.stat_file(id);
        }
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

    pub(super) fn stat_of(&self, place: &Place) -> Result<Stat, Errno> {
        match place {
            Place::Inode(disk, ino) => self.stat_on_disk(disk, *ino),
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
                    device: (0, 0),
                })
            }
        }
    }

    fn stat_on_disk(&self, disk: &DiskId, ino: Ino) -> Result<Stat, Errno> {
        let inode = self.disk(disk)?.get(ino)?;
        Ok(stat_inode_in(disk, ino, inode, inode.is_dir() && self.is_in_memory(disk)))
    }

    /// Whether a disk is a file system in memory, as all that the process sees of it is.
    fn is_in_memory(&self, disk: &DiskId) -> bool {
        let mounts = self.mounts();
        let mut of_disk = mounts.iter().filter(|m| matches!(&m.what, Source::Disk(id, _) if id == disk)).peekable();
        of_disk.peek().is_some() && of_disk.all(|m| m.fs_type == "tmpfs")
    }

    /// What an open file is.
    ///
    /// # Errors
    /// `EBADF`
    pub fn fstat(&self, fd: Fd) -> Result<Stat, Errno> {
        let (id, _) = self.file(fd)?;
        self.stat_file(id)
    }

    pub(super) fn stat_file(&self, id: FileId) -> Result<Stat, Errno> {
        let file = self.sandbox.files.get(&id).ok_or(Errno::BadFd)?;
        match &file.on {
            On::Disk(disk, ino) | On::Dir(disk, ino) => self.stat_on_disk(disk, *ino),
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
                    device: (0, 0),
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
                let in_memory = self.is_in_memory(&id);
                let mut all: Vec<(String, Stat)> = Vec::new();
                for (name, ino) in entries {
                    let at = format!("{base}/{name}");
                    let stat = match self.mounts().iter().any(|m| m.at == at).then(|| self.lstat(&at)) {
                        Some(Ok(stat)) => stat,
                        _ => stat_inode_in(&id, *ino, disk.get(*ino)?, in_memory),
                    };
                    all.push((name.clone(), stat));
                }
                Ok(all)
            }
            Place::Proc(p) => match proc_fs::look(self, &p)? {
                proc_fs::Entry::Dir(names) => {
                    let stat = |n: String| self.stat_of(&Place::Proc(format!("{p}/{n}"))).ok().map(|s| (n, s));
                    Ok(names.into_iter().filter_map(stat).collect())
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
            On::Disk(disk, ino) => self.disk(disk).and_then(|d| match d.get(*ino)?.len() > MAX_WHOLE {
                true => Err(Errno::FileTooBig),
                false => d.contents(*ino),
            }),
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
}
