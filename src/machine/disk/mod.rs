//! A disk: a tree of inodes, with a size where a real backend would have one.
//!
//! A container's root is a disk over an image's: only what was changed is in it.

mod contents;
pub mod saved;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use contents::Contents;

use super::bytes::Bytes;
use super::errno::Errno;
use super::images;
use crate::api::Time;

/// The number of an inode on its disk.
pub type Ino = u64;

/// The name of a disk in the cluster: `emptydir/UID/NAME`, `node/NAME`, `volume/UID`, `nfs/SERVER`.
pub type DiskId = String;

/// The root folder of every disk.
pub const ROOT: Ino = 1;

/// What `df` counts in, and what a file's contents are rounded up to.
pub const BLOCK: u64 = 4096;

/// How long a file can be: 16 TiB, as on ext4.
const MAX_FILE: u64 = 16 << 40;

/// How long a file can be that is read as a whole.
const MAX_WHOLE: u64 = 256 << 20;

/// Numbers of inodes from here on belong to changes over an image.
const OVER_IMAGE: Ino = 1 << 32;

/// A file, folder, link or device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    /// What it is, with its contents.
    pub node: Node,
    /// The permission bits, `0o7777` at most.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When its contents changed last.
    pub modified: Time,
    /// How many names it has. A folder counts as in `ls -l`: two, and one for each folder in it.
    pub links: u32,
}

/// What an inode is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A regular file.
    File(Contents),
    /// A folder.
    Dir(BTreeMap<String, Ino>),
    /// A symbolic link, to that path.
    Link(String),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device of `/dev`.
    Device(Device),
}

/// A device file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/full`
    Full,
    /// `/dev/random` and `/dev/urandom`
    Random,
    /// `/dev/tty`
    Tty,
    /// A block device, such as a raw volume: its contents are the file `/block` of the disk that it is on.
    Block,
}

impl Device {
    /// Its major and minor number.
    pub fn numbers(self) -> (u32, u32) {
        match self {
            Device::Null => (1, 3),
            Device::Zero => (1, 5),
            Device::Full => (1, 7),
            Device::Random => (1, 8),
            Device::Tty => (5, 0),
            Device::Block => (7, 0),
        }
    }
}

impl Inode {
    /// An inode that `uid:gid` made at that time.
    pub fn new(node: Node, mode: u32, (uid, gid): (u32, u32), modified: Time) -> Inode {
        let links = if matches!(node, Node::Dir(_)) { 2 } else { 1 };
        Inode { node, mode, uid, gid, modified, links }
    }

    /// The length of the contents in bytes, as `ls -l` shows it.
    pub fn len(&self) -> u64 {
        match &self.node {
            Node::File(contents) => contents.len(),
            Node::Dir(_) => BLOCK,
            Node::Link(to) => to.len() as u64,
            _ => 0,
        }
    }

    /// Whether it has no contents.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it takes of its disk, in bytes, as `du` counts: whole blocks.
    pub fn disk_usage(&self) -> u64 {
        match &self.node {
            Node::File(contents) => contents.usage(),
            Node::Dir(_) => BLOCK,
            _ => 0,
        }
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        matches!(self.node, Node::Dir(_))
    }

    /// Its names, where it is a folder.
    ///
    /// # Errors
    /// `ENOTDIR` for all else.
    pub fn entries(&self) -> Result<&BTreeMap<String, Ino>, Errno> {
        match &self.node {
            Node::Dir(entries) => Ok(entries),
            _ => Err(Errno::NotDir),
        }
    }
}

/// A disk and what is on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// The image below, by its name; empty for none. Its inodes show wherever `inodes` has none of that number.
    image: String,
    #[serde(skip)]
    below: Option<Arc<Disk>>,
    inodes: BTreeMap<Ino, Inode>,
    next: Ino,
    /// How many bytes fit, where the backend enforces a size.
    pub size: Option<u64>,
    /// What files take of it, in bytes.
    used: u64,
    /// How often an inode is open, so that an unlinked one lives until it is closed.
    open: BTreeMap<Ino, u32>,
    /// Whether it answers with errors.
    #[serde(skip)]
    pub broken: bool,
}

impl Disk {
    /// An empty disk whose root folder has that mode and belongs to root.
    pub fn new(mode: u32, size: Option<u64>, now: Time) -> Disk {
        let root = Inode::new(Node::Dir(BTreeMap::new()), mode, (0, 0), now);
        Disk { inodes: [(ROOT, root)].into(), next: ROOT + 1, size, ..Disk::default() }
    }

    /// What is left of a disk that was taken away: nothing, but for errors.
    pub fn dead(now: Time) -> Disk {
        Disk { broken: true, ..Disk::new(0o755, None, now) }
    }

    /// A disk that begins as an image's file system.
    pub fn over_image(name: &str) -> Disk {
        let mut disk = Disk { image: name.to_string(), next: OVER_IMAGE, ..Disk::default() };
        disk.restore();
        disk
    }

    /// Finds the image again after the disk was read from a file.
    pub fn restore(&mut self) {
        if !self.image.is_empty() {
            self.below = Some(images::file_system(&self.image));
        }
    }

    /// An inode.
    ///
    /// # Errors
    /// `ENOENT` where there is none of that number; `EIO` where the disk is broken.
    pub fn get(&self, ino: Ino) -> Result<&Inode, Errno> {
        if self.broken {
            return Err(Errno::Io);
        }
        let below = || self.below.as_ref().and_then(|b| b.inodes.get(&ino));
        self.inodes.get(&ino).or_else(below).ok_or(Errno::NoEnt)
    }

    /// An inode to change; copied from the image first.
    ///
    /// # Errors
    /// `ENOENT` where there is none of that number; `EIO` where the disk is broken.
    pub fn get_mut(&mut self, ino: Ino) -> Result<&mut Inode, Errno> {
        if self.broken {
            return Err(Errno::Io);
        }
        if !self.inodes.contains_key(&ino) {
            let copy = self.get(ino)?.clone();
            self.used += copy.disk_usage();
            self.inodes.insert(ino, copy);
        }
        self.inodes.get_mut(&ino).ok_or(Errno::NoEnt)
    }

    /// The inode of a name in a folder.
    ///
    /// # Errors
    /// `ENOENT`, or `ENOTDIR` where `dir` is no folder.
    pub fn lookup(&self, dir: Ino, name: &str) -> Result<Ino, Errno> {
        self.get(dir)?.entries()?.get(name).copied().ok_or(Errno::NoEnt)
    }

    fn entries_mut(&mut self, dir: Ino, now: Time) -> Result<&mut BTreeMap<String, Ino>, Errno> {
        let inode = self.get_mut(dir)?;
        inode.modified = now;
        match &mut inode.node {
            Node::Dir(entries) => Ok(entries),
            _ => Err(Errno::NotDir),
        }
    }

    fn charge(&mut self, before: u64, after: u64) -> Result<(), Errno> {
        let used = (self.used + after).saturating_sub(before);
        if after > before && self.size.is_some_and(|size| used > size) {
            return Err(Errno::NoSpace);
        }
        self.used = used;
        Ok(())
    }

    /// Puts a new inode into a folder under a name.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`, `ENAMETOOLONG`, `ENOSPC`.
    pub fn create(&mut self, dir: Ino, name: &str, inode: Inode) -> Result<Ino, Errno> {
        if name.len() > 255 {
            return Err(Errno::NameTooLong);
        }
        if self.get(dir)?.entries()?.contains_key(name) {
            return Err(Errno::Exist);
        }
        self.charge(0, inode.disk_usage())?;
        let (ino, is_dir, now) = (self.next, inode.is_dir(), inode.modified);
        self.next += 1;
        self.inodes.insert(ino, inode);
        self.entries_mut(dir, now)?.insert(name.to_string(), ino);
        if is_dir {
            self.get_mut(dir)?.links += 1;
        }
        Ok(ino)
    }

    /// Gives an inode another name.
    ///
    /// # Errors
    /// `EEXIST`; `EPERM` for a folder.
    pub fn link(&mut self, ino: Ino, dir: Ino, name: &str, now: Time) -> Result<(), Errno> {
        if self.get(ino)?.is_dir() {
            return Err(Errno::Perm);
        }
        if self.get(dir)?.entries()?.contains_key(name) {
            return Err(Errno::Exist);
        }
        self.entries_mut(dir, now)?.insert(name.to_string(), ino);
        self.get_mut(ino)?.links += 1;
        Ok(())
    }

    /// Takes a name away that is no folder's.
    ///
    /// # Errors
    /// `ENOENT`; `EISDIR` for a folder.
    pub fn unlink(&mut self, dir: Ino, name: &str, now: Time) -> Result<(), Errno> {
        let ino = self.lookup(dir, name)?;
        if self.get(ino)?.is_dir() {
            return Err(Errno::IsDir);
        }
        self.entries_mut(dir, now)?.remove(name);
        let inode = self.get_mut(ino)?;
        inode.links = inode.links.saturating_sub(1);
        self.forget_if_unused(ino);
        Ok(())
    }

    /// Takes an empty folder away.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENOTEMPTY`.
    pub fn rmdir(&mut self, dir: Ino, name: &str, now: Time) -> Result<(), Errno> {
        let ino = self.lookup(dir, name)?;
        if !self.get(ino)?.entries()?.is_empty() {
            return Err(Errno::NotEmpty);
        }
        self.entries_mut(dir, now)?.remove(name);
        let folder = self.get_mut(dir)?;
        folder.links = folder.links.saturating_sub(1);
        self.get_mut(ino)?.links = 0;
        self.forget_if_unused(ino);
        Ok(())
    }

    /// Moves a name, over what has the new one.
    ///
    /// # Errors
    /// `ENOENT`; `EISDIR`, `ENOTDIR` and `ENOTEMPTY` by what is in the way; `EINVAL` for a folder into itself.
    pub fn rename(&mut self, from: (Ino, &str), to: (Ino, &str), now: Time) -> Result<(), Errno> {
        let ino = self.lookup(from.0, from.1)?;
        let is_dir = self.get(ino)?.is_dir();
        if is_dir && self.holds(ino, to.0) {
            return Err(Errno::Invalid);
        }
        match self.lookup(to.0, to.1) {
            Ok(same) if same == ino => return Ok(()),
            Ok(there) => match (is_dir, self.get(there)?.is_dir()) {
                (true, true) => self.rmdir(to.0, to.1, now)?,
                (false, false) => self.unlink(to.0, to.1, now)?,
                (true, false) => return Err(Errno::NotDir),
                (false, true) => return Err(Errno::IsDir),
            },
            Err(Errno::NoEnt) => {}
            Err(other) => return Err(other),
        }
        self.entries_mut(from.0, now)?.remove(from.1);
        self.entries_mut(to.0, now)?.insert(to.1.to_string(), ino);
        if is_dir {
            let folder = self.get_mut(from.0)?;
            folder.links = folder.links.saturating_sub(1);
            self.get_mut(to.0)?.links += 1;
        }
        Ok(())
    }

    /// Whether a folder is, or holds somewhere below it, another.
    fn holds(&self, folder: Ino, other: Ino) -> bool {
        let mut left = vec![folder];
        while let Some(ino) = left.pop() {
            if ino == other {
                return true;
            }
            if let Ok(Node::Dir(entries)) = self.get(ino).map(|i| &i.node) {
                left.extend(entries.values().filter(|i| self.get(**i).is_ok_and(Inode::is_dir)));
            }
        }
        false
    }

    fn forget_if_unused(&mut self, ino: Ino) {
        if self.get(ino).is_ok_and(|i| i.links == 0) && !self.open.contains_key(&ino) {
            if let Some(gone) = self.inodes.remove(&ino) {
                self.used = self.used.saturating_sub(gone.disk_usage());
            }
        }
    }

    /// Keeps an inode while it is open.
    pub fn opened(&mut self, ino: Ino) {
        *self.open.entry(ino).or_default() += 1;
    }

    /// Notes that an inode is open at least so often.
    pub fn hold(&mut self, ino: Ino, count: u32) {
        if count > 0 {
            let held = self.open.entry(ino).or_default();
            *held = (*held).max(count);
        }
    }

    /// Ends one `opened`.
    pub fn closed(&mut self, ino: Ino) {
        if let Some(count) = self.open.get_mut(&ino) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.open.remove(&ino);
                self.forget_if_unused(ino);
            }
        }
    }

    /// The contents of a file.
    ///
    /// # Errors
    /// `EISDIR` for a folder, `EINVAL` for what has no contents.
    pub fn file(&self, ino: Ino) -> Result<&Contents, Errno> {
        match &self.get(ino)?.node {
            Node::File(contents) => Ok(contents),
            Node::Dir(_) => Err(Errno::IsDir),
            _ => Err(Errno::Invalid),
        }
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// `EISDIR` for a folder, `EINVAL` for what has no contents, `ENOMEM` for what is too long to be held.
    pub fn contents(&self, ino: Ino) -> Result<Bytes, Errno> {
        let contents = self.file(ino)?;
        if contents.len() > MAX_WHOLE { Err(Errno::NoMem) } else { Ok(contents.bytes()) }
    }

    /// Changes a file whose use of the disk was reckoned before.
    fn change(&mut self, ino: Ino, after: u64, now: Time, act: impl FnOnce(&mut Contents)) -> Result<(), Errno> {
        // Copied up first: only then is what it takes counted as this disk's own.
        self.get_mut(ino)?;
        let before = self.file(ino)?.usage();
        self.charge(before, after)?;
        let inode = self.get_mut(ino)?;
        inode.modified = now;
        if let Node::File(contents) = &mut inode.node {
            act(contents);
        }
        Ok(())
    }

    /// Writes into a file at an offset; a hole before it reads as zeros. As many bytes as fit.
    ///
    /// # Errors
    /// `ENOSPC` where nothing fits; `EFBIG`; `EISDIR` for a folder.
    pub fn write(&mut self, ino: Ino, offset: u64, bytes: &[u8], now: Time) -> Result<usize, Errno> {
        if offset.saturating_add(bytes.len() as u64) > MAX_FILE {
            return Err(Errno::FileTooBig);
        }
        let contents = self.file(ino)?;
        let before = contents.usage();
        let mut count = bytes.len() as u64;
        if let Some(size) = self.size {
            let free = size.saturating_sub(self.used);
            let grows = contents.usage_after(offset, count).saturating_sub(before);
            if grows > free {
                // What is left of the block that the offset is in, and the blocks that are free.
                let whole = free / BLOCK * BLOCK;
                let fits = |n: u64| contents.usage_after(offset, n).saturating_sub(before) <= whole;
                let (mut low, mut high) = (0, count);
                while low < high {
                    let middle = low + (high - low).div_ceil(2);
                    if fits(middle) { low = middle } else { high = middle - 1 }
                }
                count = low;
                if count == 0 && !bytes.is_empty() {
                    return Err(Errno::NoSpace);
                }
            }
        }
        let bytes = bytes.get(..count as usize).unwrap_or(bytes);
        let after = contents.usage_after(offset, count);
        self.change(ino, after, now, |contents| contents.write(offset, bytes))?;
        Ok(bytes.len())
    }

    /// Cuts a file to a length, or lengthens it by a hole.
    ///
    /// # Errors
    /// `EFBIG`; `EISDIR` for a folder.
    pub fn truncate(&mut self, ino: Ino, len: u64, now: Time) -> Result<(), Errno> {
        if len > MAX_FILE {
            return Err(Errno::FileTooBig);
        }
        let mut after = self.file(ino)?.clone();
        after.truncate(len);
        self.change(ino, after.usage(), now, |contents| *contents = after)
    }

    /// Makes sure that a file has room up to a length, as `fallocate`.
    ///
    /// # Errors
    /// `ENOSPC`, `EFBIG`; `EISDIR` for a folder.
    pub fn allocate(&mut self, ino: Ino, len: u64, now: Time) -> Result<(), Errno> {
        if len > MAX_FILE {
            return Err(Errno::FileTooBig);
        }
        let mut after = self.file(ino)?.clone();
        after.reserve(len);
        self.change(ino, after.usage(), now, |contents| *contents = after)
    }

    /// How many inodes it holds, without those of its image.
    pub fn count(&self) -> u64 {
        self.inodes.len() as u64
    }

    /// What is used, in bytes.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Makes folders along a path from the root, where they are missing.
    ///
    /// # Errors
    /// `ENOTDIR` where a file is in the way.
    pub fn make_dirs(&mut self, path: &str, mode: u32, now: Time) -> Result<Ino, Errno> {
        let mut dir = ROOT;
        for name in path.split('/').filter(|n| !n.is_empty()) {
            dir = match self.lookup(dir, name) {
                Ok(ino) => ino,
                Err(Errno::NoEnt) => {
                    self.create(dir, name, Inode::new(Node::Dir(BTreeMap::new()), mode, (0, 0), now))?
                }
                Err(other) => return Err(other),
            };
            self.get(dir)?.entries()?;
        }
        Ok(dir)
    }

    /// Lays a file down at a path, over what is there; missing folders are made.
    ///
    /// # Errors
    /// `ENOTDIR`, `EISDIR`, `ENOSPC`.
    pub fn put(&mut self, path: &str, inode: Inode) -> Result<Ino, Errno> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let now = inode.modified;
        let dir = self.make_dirs(folder, 0o755, now)?;
        if self.lookup(dir, name).is_ok() {
            self.unlink(dir, name, now)?;
        }
        self.create(dir, name, inode)
    }

    /// The inode at a path from the root; links are not followed.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn find(&self, path: &str) -> Result<Ino, Errno> {
        path.split('/').filter(|n| !n.is_empty()).try_fold(ROOT, |dir, name| self.lookup(dir, name))
    }

    /// Removes a folder's contents, all the way down.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn clear(&mut self, dir: Ino, now: Time) -> Result<(), Errno> {
        let mut way = vec![dir];
        while let Some(here) = way.last().copied() {
            let first = self.get(here)?.entries()?.iter().next().map(|(name, ino)| (name.clone(), *ino));
            match first {
                Some((_, ino)) if self.get(ino)?.is_dir() && !self.get(ino)?.entries()?.is_empty() => way.push(ino),
                Some((name, ino)) if self.get(ino)?.is_dir() => self.rmdir(here, &name, now)?,
                Some((name, _)) => self.unlink(here, &name, now)?,
                None => {
                    way.pop();
                }
            }
        }
        Ok(())
    }
}
