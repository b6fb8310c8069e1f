//! System calls that change what is at paths: making, removing, moving, modes and owners.

use crate::api::Time;
use crate::machine::disk::{Device, DiskId, Ino, Inode, Node};
use crate::machine::errno::Errno;

use crate::machine::kernel::files::{On, OpenFile};
use crate::machine::kernel::mounts::{Found, Mount, Place};
use crate::machine::kernel::proc_fs;
use crate::machine::kernel::program::Fd;

use super::{FileSystem, Kind, NODE_DISK, NODE_USED, Sys, stat_inode};

/// What else a loop takes for a file that it makes, in steps.
const MAKING: u32 = 8;

impl Sys<'_> {
    pub(super) fn make(&mut self, found: &Found, node: Node, mode: u32) -> Result<(DiskId, Ino), Errno> {
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
        self.sandbox.count_work(self.pid, MAKING);
        Ok((disk.clone(), ino))
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// As `mkdir(2)`.
    pub fn mkdir(&mut self, path: &str, mode: u32) -> Result<(), Errno> {
        let found = self.walk(Some(path.trim_end_matches('/')).filter(|p| !p.is_empty()).unwrap_or(path), false)?;
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
        let crate::machine::kernel::mounts::Source::Disk(id, top) = &mount.what else { return None };
        if matches!(mount.fs_type.as_str(), "devpts" | "mqueue") {
            return None;
        }
        let disk = self.disks.get(id)?;
        let block = crate::machine::disk::BLOCK;
        if let Some(size) = mount.options.split(',').find_map(|o| o.strip_prefix("size=")?.strip_suffix('k')) {
            let blocks = size.parse::<u64>().unwrap_or(0) * 1024 / block;
            // Of a part of a larger disk it is not known what lies in it.
            let used = if *top == crate::machine::disk::ROOT { disk.used().div_ceil(block) } else { 0 };
            let (free, files) = (blocks.saturating_sub(used), blocks);
            return Some(FileSystem { block, blocks, free, available: free, files, free_files: files });
        }
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
    pub(super) fn changeable(&self, found: &Found) -> Result<(DiskId, Ino), Errno> {
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

    /// Makes sure that a disk knows of all open files that are to lose their name: what it had noted may not have been
    /// saved.
    pub(super) fn hold_open(&mut self, found: &Found) {
        let Some(Place::Inode(disk, ino)) = &found.place else { return };
        let is = |f: &&OpenFile| matches!(&f.on, On::Disk(d, i) | On::Dir(d, i) if d == disk && i == ino);
        let count = self.sandbox.files.values().filter(is).count();
        if let Some(disk) = self.disks.all.get_mut(disk) {
            disk.hold(*ino, count as u32);
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
        self.hold_open(&found);
        self.disk_mut(&disk)?.unlink(dir, &found.name, now)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As `rmdir(2)`.
    pub fn rmdir(&mut self, path: &str) -> Result<(), Errno> {
        match path.trim_end_matches('/').rsplit('/').next() {
            Some(".") => return Err(Errno::Invalid),
            Some("..") => return Err(Errno::NotEmpty),
            _ => {}
        }
        let found = self.walk(path, false)?;
        let (disk, dir) = self.changeable(&found)?;
        let now = self.now();
        self.hold_open(&found);
        self.disk_mut(&disk)?.rmdir(dir, &found.name, now)
    }

    /// Moves a file or folder.
    ///
    /// # Errors
    /// As `rename(2)`; `EXDEV` between disks.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let last = |p: &str| matches!(p.trim_end_matches('/').rsplit('/').next(), Some("." | ".."));
        if last(from) || last(to) {
            return Err(Errno::Busy);
        }
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
            self.hold_open(&new);
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

    pub(super) fn owned(&self, path: &str, follow: bool) -> Result<(DiskId, Ino), Errno> {
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
        let me = self.process();
        let inode = self.disk(&disk)?.get(ino)?;
        if me.uid != 0 {
            let joins = |g: u32| g == inode.gid || g == me.gid || me.groups.contains(&g);
            if uid.is_some_and(|u| u != me.uid) || gid.is_some_and(|g| !joins(g)) {
                return Err(Errno::Perm);
            }
        }
        let inode = self.disk_mut(&disk)?.get_mut(ino)?;
        if !inode.is_dir() {
            inode.mode &= 0o1777;
        }
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
        let inode = self.disk(&disk)?.get(ino)?;
        if inode.uid != self.process().uid && !self.walker().may(inode, 2) {
            return Err(Errno::Access);
        }
        self.disk_mut(&disk)?.get_mut(ino)?.modified = time;
        Ok(())
    }

    /// Sets the time of the last change, of a link itself.
    ///
    /// # Errors
    /// As `utimensat(2)`.
    pub fn set_modified_link(&mut self, path: &str, time: Time) -> Result<(), Errno> {
        let (disk, ino) = self.owned(path, false)?;
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
            Place::Proc(path) => match proc_fs::look(self, &path)? {
                _ if want & 2 != 0 => Err(proc_fs::refuses_writing(&path)),
                proc_fs::Entry::File(_) if want & 1 != 0 => Err(Errno::Access),
                _ => Ok(()),
            },
        }
    }

    /// What a path leads to, and whether the process may do that with it: both with one walk.
    ///
    /// # Errors
    /// As `stat(2)`.
    pub fn stat_and_access(&self, path: &str, want: u32) -> Result<(Kind, bool), Errno> {
        match self.walk(path, true)?.place.ok_or(Errno::NoEnt)? {
            Place::Inode(disk, ino) => {
                let inode = self.disk(&disk)?.get(ino)?;
                Ok((stat_inode("", ino, inode).kind, self.walker().may(inode, want)))
            }
            place => Ok((self.stat_of(&place)?.kind, self.access(path, want).is_ok())),
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
}
