//! What is on a node's disk, as far as a kubelet asks: the usual files of a k3s node, and what was made there since.
//!
//! A path that a persistent volume of type `local` names is taken to be there on the nodes that its affinity allows: whoever
//! made the volume has prepared it.

use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::selector::matches_node_selector;
use crate::api::{Kind, Time};
use crate::controllers::Outcome;
use crate::machine::kernel::mounts::{Mount, Source};
use crate::machine::kernel::{ContainerSpec, Disks, log};
use crate::machine::{self, disk::Inode};
use crate::store::{Index, Store, View};

use super::node_disks;

/// What a node is itself a container of: k3s' image is small.
pub const NODE_IMAGE: &str = "docker.io/library/busybox:latest";

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
        let disk = node_disks::at(self.view, self.name(), &path);
        let is_gone = disk.as_ref().is_some_and(|disk| disk.state == node_disks::State::Gone);
        if let Some(disk) = disk.filter(|_| !is_gone) {
            return Some(if disk.block { FileType::BlockDevice } else { FileType::Directory });
        }
        let usual = [
            (DIRECTORIES, FileType::Directory),
            (FILES, FileType::File),
            (SOCKETS, FileType::Socket),
            (CHARACTER_DEVICES, FileType::CharDevice),
            (BLOCK_DEVICES, FileType::BlockDevice),
        ];
        let usual = usual.iter().find(|(paths, _)| paths.contains(&path.as_str())).map(|(_, kind)| *kind);
        let made = || self.made.iter().find(|(made, _)| *made == path).map(|(_, kind)| *kind);
        let prepared = || self.prepared(&path).filter(|_| !is_gone);
        usual.or_else(made).or_else(|| self.on_disk(&path)).or_else(prepared)
    }

    /// The disk that is at a path, if it is not the node's own.
    pub(super) fn disk_at(&self, path: &str) -> Option<node_disks::NodeDisk> {
        node_disks::at(self.view, self.name(), &clean(path))
    }

    /// What was made there since.
    fn on_disk(&self, path: &str) -> Option<FileType> {
        let disk = self.view.disk(&disk_of(self.name()))?;
        Some(match &disk.get(disk.find(path).ok()?).ok()?.node {
            machine::disk::Node::Dir(_) => FileType::Directory,
            machine::disk::Node::Socket => FileType::Socket,
            machine::disk::Node::Device(machine::disk::Device::Block) => FileType::BlockDevice,
            machine::disk::Node::Device(_) => FileType::CharDevice,
            _ => FileType::File,
        })
    }

    fn name(&self) -> &'a str {
        self.node.metadata.name.as_deref().unwrap_or_default()
    }

    /// What somebody has prepared there for a persistent volume.
    fn prepared(&self, path: &str) -> Option<FileType> {
        // Most who ask mean such a volume itself, by the path as it is written.
        let in_bucket = |bucket: &str| {
            let mut volumes = self.view.indexed(Kind::PersistentVolume, Index::LocalPath, bucket);
            volumes.find_map(|object| self.prepared_for(object.get::<PersistentVolume>()?, path))
        };
        in_bucket(path).or_else(|| in_bucket(""))
    }

    fn prepared_for(&self, volume: &PersistentVolume, path: &str) -> Option<FileType> {
        let spec = volume.spec.as_ref()?;
        let there = clean(&spec.local.as_ref()?.path);
        let kind = match there == path {
            true if spec.volume_mode.as_deref() == Some("Block") => FileType::BlockDevice,
            true => FileType::Directory,
            false => there.strip_prefix(path)?.starts_with('/').then_some(FileType::Directory)?,
        };
        let required = spec.node_affinity.as_ref().and_then(|a| a.required.as_ref());
        let labels = self.node.metadata.labels.as_ref();
        required.is_none_or(|r| matches_node_selector(r, "", labels).unwrap_or(false)).then_some(kind)
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
        if self.made.is_empty() {
            return;
        }
        let (node, made) = (self.name().to_string(), self.made);
        outcome.machine(move |store, now| {
            lay_down(store, &node);
            if let Some(disk) = store.disks_mut().get_mut(&disk_of(&node)) {
                for (path, kind) in &made {
                    let _ = match kind {
                        FileType::File => disk.put(path, file(0o644, now)),
                        _ => disk.make_dirs(path, 0o755, now),
                    };
                }
            }
            Vec::new()
        });
    }
}

/// The name of a node's disk.
pub fn disk_of(node: &str) -> String {
    format!("node/{node}")
}

/// The name of what stands for a container when a command runs on a node itself.
pub const HOST: &str = "host";

/// The disk of tools for a command on a server that is known by its exports only.
pub const SCRATCH: &str = "scratch";

/// What it takes to run a command on a node's disk, or beside a server's.
pub fn host_spec(disks: &mut Disks, disk: &str, at_root: bool, command: Vec<String>) -> ContainerSpec {
    let mount = |at: &str, disk: &str, ino: u64| Mount {
        at: at.to_string(),
        what: Source::Disk(disk.to_string(), ino),
        read_only: false,
        device: "/dev/sda1".into(),
        fs_type: "ext4".into(),
        options: "relatime".into(),
    };
    let logs = log::disk_of(&format!("host/{disk}"));
    disks.all.insert(logs, machine::disk::Disk::new(0o755, None, Time::default()));
    let mut mounts = Vec::new();
    if at_root {
        mounts.push(mount("/", disk, 0));
    } else {
        let mut scratch = machine::disk::Disk::over_image(NODE_IMAGE);
        mounts.push(mount("/", SCRATCH, 0));
        let exports = disks.get(disk).and_then(|d| d.get(machine::disk::ROOT).ok()?.entries().ok().cloned());
        for (name, ino) in exports.unwrap_or_default() {
            let _ = scratch.make_dirs(&name, 0o755, Time::default());
            mounts.push(mount(&format!("/{name}"), disk, ino));
        }
        disks.all.insert(SCRATCH.into(), scratch);
    }
    mounts.push(Mount { what: Source::Proc, fs_type: "proc".into(), device: "proc".into(), ..mount("/proc", "", 0) });
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let env = [("PATH", path), ("HOME", "/root")].map(|(k, v)| (k.to_string(), v.to_string())).into();
    ContainerSpec { name: HOST.into(), image: NODE_IMAGE.into(), args: command, env, mounts, ..Default::default() }
}

/// Makes the folders that other disks are seen at, and says which were made.
pub fn make_folders(disks: &mut Disks, disk: &str, mounts: &[Mount], now: Time) -> Vec<String> {
    let mut made = Vec::new();
    let Some(disk) = disks.all.get_mut(disk).filter(|_| !mounts.is_empty()) else { return made };
    for mount in mounts {
        let ends = mount.at.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| at);
        for end in ends.chain([mount.at.len()]) {
            let folder = &mount.at[..end];
            if disk.find(folder).is_err() && disk.make_dirs(folder, 0o755, now).is_ok() {
                made.push(folder.to_string());
            }
        }
    }
    made
}

/// Takes these folders away again, as far as they are empty.
pub fn remove_folders(disks: &mut Disks, disk: &str, made: &[String], now: Time) {
    let Some(disk) = disks.all.get_mut(disk) else { return };
    for folder in made.iter().rev() {
        let Some((parent, name)) = folder.rsplit_once('/') else { continue };
        if let Ok(parent) = disk.find(parent) {
            let _ = disk.rmdir(parent, name, now);
        }
    }
}

fn file(mode: u32, now: Time) -> Inode {
    Inode::new(machine::disk::Node::File(Default::default()), mode, (0, 0), now)
}

/// Has a node's disk at hand, with what is usually on one.
pub fn lay_down(store: &mut Store, node: &str) {
    store.add_disk(&disk_of(node), || {
        let (mut disk, now) = (machine::disk::Disk::over_image(NODE_IMAGE), Time::default());
        for path in DIRECTORIES {
            let _ = disk.make_dirs(path, if path.ends_with("tmp") { 0o1777 } else { 0o755 }, now);
        }
        for path in FILES.iter().filter(|path| disk.find(path).is_err()).collect::<Vec<_>>() {
            let _ = disk.put(path, file(0o644, now));
        }
        let crictl = [machine::images::BINARY, b"crictl"].concat();
        let crictl = machine::disk::Node::File(crictl.into());
        let _ = disk.put("bin/crictl", Inode::new(crictl, 0o755, (0, 0), now));
        for path in SOCKETS {
            let _ = disk.put(path, Inode::new(machine::disk::Node::Socket, 0o660, (0, 0), now));
        }
        for path in BLOCK_DEVICES {
            let device = machine::disk::Node::Device(machine::disk::Device::Block);
            let _ = disk.put(path, Inode::new(device, 0o660, (0, 6), now));
        }
        let curl = [machine::images::BINARY, b"curl"].concat();
        let curl = Inode::new(machine::disk::Node::File(curl.into()), 0o755, (0, 0), now);
        let _ = disk.put("usr/bin/curl", curl);
        let run = machine::disk::Node::Link("/run".into());
        let _ = disk.put("var/run", Inode::new(run, 0o777, (0, 0), now));
        disk
    });
}

/// Whether something stands at a path on every node.
pub fn is_usual(path: &str) -> bool {
    [DIRECTORIES, FILES, SOCKETS, CHARACTER_DEVICES, BLOCK_DEVICES].iter().any(|paths| paths.contains(&path))
}

/// A path without empty parts and dots, and past the link from `/var/run`.
pub fn clean(path: &str) -> String {
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
