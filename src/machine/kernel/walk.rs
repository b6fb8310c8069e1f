//! Walking a path through a container's mounts, with links.

use crate::machine::disk::{Disk, Inode, Node, ROOT};
use crate::machine::errno::Errno;

use super::Disks;
use super::mounts::{Found, Mount, Place, Source};

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

fn disk<'d>(disks: &'d Disks, id: &str) -> Result<&'d Disk, Errno> {
    disks.get(id).ok_or(Errno::Io)
}

/// Walks to an absolute path. With `follow`, a link at its end is followed too.
pub(super) fn walk(mounts: &[Mount], disks: &Disks, who: Walker<'_>, path: &str, follow: bool) -> Result<Found, Errno> {
    if path.is_empty() {
        return Err(Errno::NoEnt);
    }
    let must_be_dir = path.len() > 1 && path.ends_with('/');
    let mut todo: Vec<String> =
        path.split('/').rev().filter(|n| !n.is_empty() && *n != ".").map(String::from).collect();
    let (root, read_only) = mounted(mounts, "/").ok_or(Errno::NoEnt)?;
    // The folders on the way: what they are, their path, and whether writing is refused there.
    let mut way: Vec<(Place, String, bool)> = vec![(root, String::new(), read_only)];
    let mut links = 0;
    loop {
        let Some((here, at, read_only)) = way.last().cloned() else { return Err(Errno::NoEnt) };
        let Some(name) = todo.pop() else {
            let folder = way.len().checked_sub(2).map_or(here.clone(), |i| way[i].0.clone());
            let name = at.rsplit('/').next().unwrap_or_default().to_string();
            let path = if at.is_empty() { "/".into() } else { at };
            if must_be_dir && !is_dir(disks, &here)? {
                return Err(Errno::NotDir);
            }
            return Ok(Found { place: Some(here), folder, name, path, read_only });
        };
        if name == ".." {
            if !is_dir(disks, &here)? {
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
        let child = format!("{at}/{name}");
        if let Place::Inode(id, ino) = &here {
            let inode = disk(disks, id)?.get(*ino)?;
            inode.entries()?;
            if !who.may(inode, 1) {
                return Err(Errno::Access);
            }
        }
        if let Some((place, read_only)) = mounted(mounts, &child) {
            way.push((place, child, read_only));
            continue;
        }
        let (id, ino) = match &here {
            Place::Proc(p) => {
                way.push((Place::Proc(format!("{p}/{name}")), child, true));
                continue;
            }
            Place::Inode(id, ino) => (id, *ino),
        };
        match disk(disks, id)?.lookup(ino, &name) {
            Ok(next) => {
                let inode = disk(disks, id)?.get(next)?;
                match &inode.node {
                    Node::Link(to) if follow || !todo.is_empty() || must_be_dir => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Errno::Loop);
                        }
                        if to.starts_with('/') {
                            way.truncate(1);
                        }
                        todo.extend(to.split('/').rev().filter(|n| !n.is_empty() && *n != ".").map(String::from));
                    }
                    _ => way.push((Place::Inode(id.clone(), next), child, read_only)),
                }
            }
            Err(Errno::NoEnt) if todo.is_empty() => {
                return Ok(Found { place: None, folder: here, name, path: child, read_only });
            }
            Err(other) => return Err(other),
        }
    }
}

fn is_dir(disks: &Disks, place: &Place) -> Result<bool, Errno> {
    match place {
        Place::Inode(id, ino) => Ok(disk(disks, id)?.get(*ino)?.is_dir()),
        Place::Proc(_) => Ok(true),
    }
}

/// What is mounted at exactly that path: the mount that came last.
fn mounted(mounts: &[Mount], path: &str) -> Option<(Place, bool)> {
    let mount = mounts.iter().rev().find(|m| m.at == path)?;
    let place = match &mount.what {
        Source::Disk(id, ino) => Place::Inode(id.clone(), if *ino == 0 { ROOT } else { *ino }),
        Source::Proc => Place::Proc(String::new()),
    };
    Some((place, mount.read_only))
}
