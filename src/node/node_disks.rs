//! The disks of a node beside the one that it runs from: mounted somewhere on it, or there as raw devices.
//!
//! Which there are is a note beside the objects; what is on one is a disk of the machine. A pod that had one mounted when
//! it was taken out goes on to see it, and can neither read nor write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::disk::lay_down;
use crate::api::Time;
use crate::machine::disk::{Device, Disk, DiskId, Inode, Node as Content};
use crate::store::{Store, View};

/// How a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It works.
    Healthy,
    /// It answers with errors.
    Broken,
    /// It was taken out, and nothing is at its path.
    Gone,
}

/// A disk of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDisk {
    /// Its name among the disks of the machine; empty where there never was one.
    pub id: DiskId,
    /// The device: `/dev/sdb`.
    pub device: String,
    /// How many bytes its file system, or the device, holds.
    pub size: i64,
    /// Whether it is a raw device, and not a file system that is mounted.
    pub block: bool,
    /// How it is.
    pub state: State,
    /// When it was put in.
    pub added: Time,
}

/// Disks by the path where they are on the node.
pub type NodeDisks = BTreeMap<String, NodeDisk>;

fn note(node: &str) -> String {
    format!("node-disks/{node}")
}

/// The disks of a node, those that are gone included.
pub fn disks(view: &View<'_>, node: &str) -> NodeDisks {
    view.note(&note(node)).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The note that says which disks a node has: its name and its text.
pub fn note_of(node: &str, disks: &NodeDisks) -> (String, String) {
    let text = if disks.is_empty() { String::new() } else { serde_json::to_string(disks).unwrap_or_default() };
    (note(node), text)
}

/// The disk that is, or was, at exactly that path.
pub(super) fn at(view: &View<'_>, node: &str, path: &str) -> Option<NodeDisk> {
    disks(view, node).remove(path)
}

/// The disk with a file system that a path lies on, where it is not the node's own: where it is mounted, and the disk.
pub(super) fn over(view: &View<'_>, node: &str, path: &str) -> Option<(String, NodeDisk)> {
    let is_over = |at: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let there = disks(view, node).into_iter().filter(|(at, disk)| disk.state != State::Gone && is_over(at));
    there.max_by_key(|(at, _)| at.len())
}

/// The file systems that are mounted below a path, each with its way from there.
pub(super) fn below(view: &View<'_>, node: &str, path: &str) -> Vec<(String, NodeDisk)> {
    let path = path.trim_end_matches('/');
    let mounted = |disk: &NodeDisk| disk.state != State::Gone && !disk.block;
    let way = |at: &str| at.strip_prefix(path).filter(|rest| rest.len() > 1 && rest.starts_with('/')).map(String::from);
    let all = disks(view, node).into_iter().filter(|(_, disk)| mounted(disk));
    all.filter_map(|(at, disk)| Some((way(&at)?, disk))).collect()
}

impl NodeDisk {
    /// The disk that the file system lies on that a kubelet makes on a raw device.
    pub(super) fn formatted(&self) -> DiskId {
        format!("{}/fs", self.id)
    }
}

/// Puts a disk into a node: its file system is empty.
pub fn put_in(store: &mut Store, node: &str, path: &str, disk: &NodeDisk, now: Time) {
    lay_down(store, node);
    let size = u64::try_from(disk.size).unwrap_or_default();
    if let Some(root) = store.disks_mut().get_mut(&super::disk::disk_of(node)) {
        let device = || Inode::new(Content::Device(Device::Block), 0o660, (0, 6), now);
        let _ = root.put(disk.device.trim_start_matches('/'), device());
        let _ = match disk.block {
            true => root
                .put(path.trim_start_matches('/'), Inode::new(Content::Link(disk.device.clone()), 0o777, (0, 0), now)),
            false => root.make_dirs(path, 0o755, now),
        };
    }
    store.add_disk(&disk.id, || match disk.block {
        true => super::runtime::block_device(size, now),
        false => Disk::new(0o755, Some(size), now),
    });
}

/// Has a disk answer with errors, or answer again.
pub fn set_broken(store: &mut Store, disk: &NodeDisk, broken: bool) {
    for id in [disk.id.clone(), disk.formatted()] {
        if store.have_disk(&id)
            && let Some(disk) = store.disks_mut().get_mut(&id)
        {
            disk.broken = broken;
        }
    }
}

/// Takes a disk out of a node, or, where there never was one, what lies at the path.
pub fn take_out(store: &mut Store, node: &str, path: &str, disk: &NodeDisk, now: Time) {
    for id in [disk.id.clone(), disk.formatted()] {
        // Who has it mounted holds what is left of it.
        if store.have_disk(&id) {
            store.remove_disk(&id);
            store.add_disk(&id, || Disk::dead(now));
        }
    }
    lay_down(store, node);
    let Some(root) = store.disks_mut().get_mut(&super::disk::disk_of(node)) else { return };
    for path in [path, disk.device.as_str()] {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let Ok(folder) = root.find(folder) else { continue };
        if let Ok(ino) = root.lookup(folder, name) {
            let _ = root.clear(ino, now);
            let _ = root.rmdir(folder, name, now).or_else(|_| root.unlink(folder, name, now));
        }
    }
}
