//! Laying down an image's file system.

use super::BINARY;
use crate::api::Time;
use crate::machine::disk::{Device, Disk, Ino, Inode, Node};

/// When the files of an image were made, as `ls -l` shows it.
const BUILT: Time = Time(1_764_547_200_000);

/// A file system that is being laid down. What cannot be laid down is left out.
pub struct Tree {
    /// The disk.
    pub disk: Disk,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { disk: Disk::new(0o755, None, BUILT) }
    }
}

impl Tree {
    fn put(&mut self, path: &str, node: Node, mode: u32, owner: (u32, u32)) -> Option<Ino> {
        let path = self.resolved(path);
        if let Some((folder, _)) = path.rsplit_once('/') {
            let _ = self.disk.make_dirs(folder, 0o755, BUILT);
        }
        self.disk.put(&path, Inode::new(node, mode, owner, BUILT)).ok()
    }

    /// A path with the first folder's link followed: `/bin/sh` is `/usr/bin/sh` where `/bin` is a link.
    fn resolved(&self, path: &str) -> String {
        let path = path.trim_start_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let link = self.disk.find(first).ok().and_then(|ino| self.disk.get(ino).ok()).and_then(|i| match &i.node {
            Node::Link(to) => Some(to.clone()),
            _ => None,
        });
        match link {
            Some(to) if !rest.is_empty() => format!("{}/{rest}", to.trim_start_matches('/')),
            _ => path.to_string(),
        }
    }

    /// A folder of root's.
    pub fn dir(&mut self, path: &str) {
        self.dir_of(path, 0o755, (0, 0));
    }

    /// A folder.
    pub fn dir_of(&mut self, path: &str, mode: u32, owner: (u32, u32)) {
        let path = self.resolved(path);
        if let Ok(ino) = self.disk.make_dirs(&path, 0o755, BUILT)
            && let Ok(inode) = self.disk.get_mut(ino)
        {
            (inode.mode, inode.uid, inode.gid) = (mode, owner.0, owner.1);
        }
    }

    /// A file of root's.
    pub fn file(&mut self, path: &str, text: &str) {
        self.put(path, Node::File(text.into()), 0o644, (0, 0));
    }

    /// A file.
    pub fn file_of(&mut self, path: &str, text: &str, mode: u32, owner: (u32, u32)) {
        self.put(path, Node::File(text.into()), mode, owner);
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, to: &str) {
        self.put(path, Node::Link(to.into()), 0o777, (0, 0));
    }

    /// A binary that is one of the machine's programs.
    pub fn program(&mut self, path: &str, name: &str) -> Option<Ino> {
        let mut binary = BINARY.to_vec();
        binary.extend_from_slice(name.as_bytes());
        self.put(path, Node::File(binary.into()), 0o755, (0, 0))
    }

    /// Another name of a file.
    pub fn hard_link(&mut self, ino: Ino, path: &str) {
        let path = self.resolved(path);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if let Ok(dir) = self.disk.make_dirs(folder, 0o755, BUILT) {
            let _ = self.disk.link(ino, dir, name, BUILT);
        }
    }

    /// Whether something is at a path.
    pub fn has(&self, path: &str) -> bool {
        self.disk.find(&self.resolved(path)).is_ok()
    }

    /// Adds a line to a file.
    pub fn append(&mut self, path: &str, line: &str) {
        let Ok(ino) = self.disk.find(path.trim_start_matches('/')) else { return };
        let Ok(end) = self.disk.contents(ino).map(|c| c.len() as u64) else { return };
        let _ = self.disk.write(ino, end, line.as_bytes(), BUILT);
    }

    /// Adds a user with a group of the same name.
    pub fn user(&mut self, name: &str, uid: u32, gid: u32, about: &str, home: &str, shell: &str) {
        self.append("/etc/passwd", &format!("{name}:x:{uid}:{gid}:{about}:{home}:{shell}\n"));
        self.append("/etc/group", &format!("{name}:x:{gid}:\n"));
    }

    /// `/dev`, as the container runtime lays it down.
    pub fn devices(&mut self) {
        for (name, device) in [
            ("null", Device::Null),
            ("zero", Device::Zero),
            ("full", Device::Full),
            ("random", Device::Random),
            ("urandom", Device::Random),
            ("tty", Device::Tty),
        ] {
            self.put(&format!("dev/{name}"), Node::Device(device), 0o666, (0, 0));
        }
        for (name, to) in [
            ("core", "/proc/kcore"),
            ("fd", "/proc/self/fd"),
            ("ptmx", "pts/ptmx"),
            ("stderr", "/proc/self/fd/2"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
        ] {
            self.link(&format!("dev/{name}"), to);
        }
        for name in ["mqueue", "pts"] {
            self.dir(&format!("dev/{name}"));
        }
        self.dir_of("dev/shm", 0o1777, (0, 0));
    }
}
