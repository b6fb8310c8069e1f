//! Walking a path through a container's mounts, with links.

use crate::machine::disk::{Disk, Ino, Inode, Node, ROOT};
use crate::machine::errno::Errno;

use super::Disks;
use super::mounts::{Found, Mount, Place, SYS, Source};

/// How many links a walk follows.
const MAX_LINKS: usize = 40;

/// A path without `.`, `..` and doubled slashes, taken from a folder.
pub(super) fn absolute(cwd: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_string() } else { format!("{cwd}/{path}") }
}

/// Who walks: folders that he may not search stop him.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walker<'a> {
    pub uid: u32,
    pub gid: u32,
    pub groups: &'a [u32],
}

impl Walker<'_> {
    /// Whether the permission bits allow `want` (4 read, 2 write, 1 execute).
    pub(super) fn may(&self, inode: &Inode, want: u32) -> bool {
        if self.uid == 0 {
            return want & 1 == 0 || inode.is_dir() || inode.mode & 0o111 != 0;
        }
        let shift = match () {
            () if inode.uid == self.uid => 6,
            () if inode.gid == self.gid || self.groups.contains(&inode.gid) => 3,
            () => 0,
        };
        (inode.mode >> shift) & want == want
    }
}

/// A place on the way, with its disk and that one's name as its mount has it.
#[derive(Clone)]
enum Here<'a> {
    Inode(&'a str, &'a Disk, Ino),
    Proc(String),
}

impl Here<'_> {
    fn place(&self) -> Place {
        match self {
            Here::Inode(id, _, ino) => Place::Inode(id.to_string(), *ino),
            Here::Proc(path) => Place::Proc(path.clone()),
        }
    }

    fn is_dir(&self) -> Result<bool, Errno> {
        match self {
            Here::Inode(_, disk, ino) => Ok(disk.get(*ino)?.is_dir()),
            Here::Proc(_) => Ok(true),
        }
    }
}

/// The names of a path, the last first.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').rev().filter(|n| !n.is_empty() && *n != ".")
}

/// Walks to an absolute path. With `follow`, a link at its end is followed too.
pub(super) fn walk(mounts: &[Mount], disks: &Disks, who: Walker<'_>, path: &str, follow: bool) -> Result<Found, Errno> {
    if path.is_empty() {
        return Err(Errno::NoEnt);
    }
    let must_be_dir = path.len() > 1 && path.ends_with('/');
    // What links lead to is borrowed from their inodes, as the path is.
    let mut todo: Vec<&str> = names(path).collect();
    let (root, read_only) = mounted(mounts, disks, "/")?.ok_or(Errno::NoEnt)?;
    // The path so far, and the folders on the way: what they are, where their path ends in it, and whether writing is
    // refused there.
    let mut at = String::with_capacity(path.len());
    let mut way: Vec<(Here<'_>, usize, bool)> = Vec::with_capacity(todo.len() + 1);
    way.push((root, 0, read_only));
    let mut links = 0;
    loop {
        let Some((here, end, read_only)) = way.last().map(|w| (&w.0, w.1, w.2)) else { return Err(Errno::NoEnt) };
        at.truncate(end);
        let Some(name) = todo.pop() else {
            if must_be_dir && !here.is_dir()? {
                return Err(Errno::NotDir);
            }
            let folder = way.len().checked_sub(2).and_then(|i| way.get(i)).map_or(here, |w| &w.0).place();
            let name = at.rsplit('/').next().unwrap_or_default().to_string();
            let place = Some(here.place());
            return Ok(Found { place, folder, name, path: if at.is_empty() { "/".into() } else { at }, read_only });
        };
        if name == ".." {
            if !here.is_dir()? {
                return Err(Errno::NotDir);
            }
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        if name.len() > 255 {
            return Err(Errno::NameTooLong);
        }
        if let Here::Inode(_, disk, ino) = here {
            let inode = disk.get(*ino)?;
            inode.entries()?;
            if !who.may(inode, 1) {
                return Err(Errno::Access);
            }
        }
        at.push('/');
        at.push_str(name);
        if let Some((place, read_only)) = mounted(mounts, disks, &at)? {
            way.push((place, at.len(), read_only));
            continue;
        }
        let (id, disk, ino) = match here {
            Here::Proc(p) => {
                let below = Here::Proc(format!("{p}/{name}"));
                way.push((below, at.len(), true));
                continue;
            }
            Here::Inode(id, disk, ino) => (*id, *disk, *ino),
        };
        match disk.lookup(ino, name) {
            Ok(next) => match &disk.get(next)?.node {
                Node::Link(to) if follow || !todo.is_empty() || must_be_dir => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::Loop);
                    }
                    if to.starts_with('/') {
                        way.truncate(1);
                    }
                    todo.extend(names(to));
                }
                _ => way.push((Here::Inode(id, disk, next), at.len(), read_only)),
            },
            Err(Errno::NoEnt) if todo.is_empty() => {
                let folder = Place::Inode(id.to_string(), ino);
                return Ok(Found { place: None, folder, name: name.to_string(), path: at, read_only });
            }
            Err(other) => return Err(other),
        }
    }
}

/// What is mounted at exactly that path: the mount that came last.
fn mounted<'a>(mounts: &'a [Mount], disks: &'a Disks, path: &str) -> Result<Option<(Here<'a>, bool)>, Errno> {
    let Some(mount) = mounts.iter().rev().find(|m| m.at == path) else { return Ok(None) };
    let place = match &mount.what {
        Source::Disk(id, ino) => {
            let disk = disks.get(id).ok_or(Errno::Io)?;
            Here::Inode(id, disk, if *ino == 0 { ROOT } else { *ino })
        }
        Source::Proc => Here::Proc(String::new()),
        Source::Sys => Here::Proc(SYS.into()),
    };
    Ok(Some((place, mount.read_only)))
}
