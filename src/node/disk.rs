//! What is on a node's disk, as far as a kubelet asks: the usual files of a k3s node, and what was made there since.
//!
//! A path that a persistent volume of type `local` names is taken to be there on the nodes that its affinity allows: whoever
//! made the volume has prepared it.

use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::selector::matches_node_selector;
use crate::controllers::Outcome;
use crate::store::View;

/// What a path leads to. Mirrors `hostutil.FileType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileType {
    Directory,
    File,
    Socket,
    CharDevice,
    BlockDevice,
}

const DIRECTORIES: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/dev/disk",
    "/dev/mapper",
    "/dev/net",
    "/dev/pts",
    "/dev/shm",
    "/etc",
    "/etc/cni",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/rancher/k3s",
    "/etc/rancher/node",
    "/etc/ssl",
    "/etc/ssl/certs",
    "/home",
    "/lib",
    "/lib/modules",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/opt/cni",
    "/opt/cni/bin",
    "/proc",
    "/root",
    "/run",
    "/run/containerd",
    "/run/flannel",
    "/run/k3s",
    "/run/k3s/containerd",
    "/sbin",
    "/srv",
    "/sys",
    "/sys/fs",
    "/sys/fs/bpf",
    "/sys/fs/cgroup",
    "/sys/kernel",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet/plugins",
    "/var/lib/kubelet/plugins_registry",
    "/var/lib/kubelet/pods",
    "/var/lib/rancher",
    "/var/lib/rancher/k3s",
    "/var/lib/rancher/k3s/agent",
    "/var/lib/rancher/k3s/agent/containerd",
    "/var/lib/rancher/k3s/agent/etc",
    "/var/lib/rancher/k3s/data",
    "/var/lib/rancher/k3s/storage",
    "/var/log",
    "/var/log/containers",
    "/var/log/pods",
    "/var/spool",
    "/var/tmp",
];
const FILES: &[&str] = &[
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/rancher/node/password",
    "/etc/resolv.conf",
    "/etc/shadow",
    "/run/flannel/subnet.env",
];
const SOCKETS: &[&str] = &["/run/k3s/containerd/containerd.sock"];
const CHARACTER_DEVICES: &[&str] = &[
    "/dev/console",
    "/dev/full",
    "/dev/fuse",
    "/dev/kmsg",
    "/dev/loop-control",
    "/dev/net/tun",
    "/dev/null",
    "/dev/ptmx",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];
const BLOCK_DEVICES: &[&str] = &["/dev/loop0", "/dev/loop1", "/dev/sda", "/dev/sda1"];

/// The disk of one node.
pub(super) struct Disk<'a> {
    view: &'a View<'a>,
    node: &'a Node,
    made: Vec<(String, FileType)>,
}

impl<'a> Disk<'a> {
    /// The disk of a node as it is.
    pub(super) fn of(view: &'a View<'a>, node: &'a Node) -> Disk<'a> {
        Disk { view, node, made: Vec::new() }
    }

    /// What is at a path; none where nothing is.
    pub(super) fn file_type(&self, path: &str) -> Option<FileType> {
        let path = clean(path);
        let usual = [
            (DIRECTORIES, FileType::Directory),
            (FILES, FileType::File),
            (SOCKETS, FileType::Socket),
            (CHARACTER_DEVICES, FileType::CharDevice),
            (BLOCK_DEVICES, FileType::BlockDevice),
        ];
        let usual = usual.iter().find(|(paths, _)| paths.contains(&path.as_str())).map(|(_, kind)| *kind);
        let made = || self.made.iter().find(|(made, _)| *made == path).map(|(_, kind)| *kind);
        let noted = || match self.view.note(&self.note(&path))? {
            "file" => Some(FileType::File),
            "directory" => Some(FileType::Directory),
            _ => None,
        };
        usual.or_else(made).or_else(noted).or_else(|| self.prepared(&path))
    }

    /// What somebody has prepared there for a persistent volume.
    fn prepared(&self, path: &str) -> Option<FileType> {
        self.view.list_as::<PersistentVolume>().filter_map(|v| v.spec.as_ref()).find_map(|spec| {
            let there = clean(&spec.local.as_ref()?.path);
            let here = spec.node_affinity.as_ref().and_then(|a| a.required.as_ref()).is_none_or(|required| {
                matches_node_selector(required, "", self.node.metadata.labels.as_ref()).unwrap_or(false)
            });
            if !here {
                return None;
            }
            match there == path {
                true if spec.volume_mode.as_deref() == Some("Block") => Some(FileType::BlockDevice),
                true => Some(FileType::Directory),
                false => there.strip_prefix(path)?.starts_with('/').then_some(FileType::Directory),
            }
        })
    }

    /// Makes a folder and those above it. Mirrors `os.MkdirAll`.
    ///
    /// # Errors
    /// When something else than a folder is in the way.
    pub(super) fn make_directory(&mut self, path: &str) -> Result<(), String> {
        let path = clean(path);
        let ends = path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let folder = &path[..end];
            match self.file_type(folder) {
                Some(FileType::Directory) => {}
                Some(_) => return Err(format!("mkdir {folder}: not a directory")),
                None => self.made.push((folder.to_string(), FileType::Directory)),
            }
        }
        Ok(())
    }

    /// Makes an empty file.
    ///
    /// # Errors
    /// When its folder isn't there.
    pub(super) fn make_file(&mut self, path: &str) -> Result<(), String> {
        let path = clean(path);
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        match self.file_type(folder) {
            Some(FileType::Directory) => {
                self.made.push((path, FileType::File));
                Ok(())
            }
            Some(_) => Err(format!("open {path}: not a directory")),
            None => Err(format!("open {path}: no such file or directory")),
        }
    }

    /// Keeps what was made.
    pub(super) fn save(self, outcome: &mut Outcome) {
        for (path, kind) in &self.made {
            outcome.note(self.note(path), if *kind == FileType::File { "file" } else { "directory" });
        }
    }

    fn note(&self, path: &str) -> String {
        format!("disk/{}{path}", self.node.metadata.name.as_deref().unwrap_or_default())
    }
}

/// A path without empty parts and dots, and past the link from `/var/run`.
fn clean(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let path = format!("/{}", parts.join("/"));
    match path.strip_prefix("/var/run") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/run{rest}"),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_are_made_plain() {
        assert_eq!(clean("/var//run/./docker.sock/"), "/run/docker.sock");
        assert_eq!(clean("/var/runner"), "/var/runner");
        assert_eq!(clean("/"), "/");
    }
}
