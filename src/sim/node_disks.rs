//! Putting disks into nodes, breaking them, and taking them out.

use super::Cluster;
use super::queue::Item;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::selector::matches_node_selector;
use crate::api::{Kind, ObjectKey};
use crate::error::ApiError;
use crate::node::disk::clean;
use crate::node::node_disks::{self, NodeDisk, NodeDisks, State};
use crate::node::static_provisioner;
use crate::store::Index;

/// The disk that a node itself runs from.
const OWN_DEVICE: &str = "/dev/sda1";

/// The most disks that a node takes: the letters of its devices.
const MOST: usize = 25;

/// What a new disk is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewDisk {
    /// How many bytes it holds.
    pub size: i64,
    /// Whether it is a raw device.
    pub block: bool,
}

impl Cluster {
    /// The disks of a node by path, the folders of its own disk that local volumes lie in among them. Those that are gone
    /// are named as long as a volume lies there.
    pub fn node_disks(&self, node: &str) -> NodeDisks {
        let mut disks = node_disks::disks(&self.view(), node);
        for (path, _) in self.local_volumes(node) {
            disks.entry(path).or_insert_with(|| folder(self.now()));
        }
        disks.retain(|path, disk| disk.state != State::Gone || self.local_volume_at(node, path).is_some());
        disks
    }

    /// The local volume that lies at a path of a node.
    pub fn local_volume_at(&self, node: &str, path: &str) -> Option<String> {
        self.local_volumes(node).into_iter().find(|(at, _)| at == path).map(|(_, name)| name)
    }

    /// The local volumes that can only be on a node: path and name.
    fn local_volumes(&self, node: &str) -> Vec<(String, String)> {
        let view = self.view();
        let Some(node) = view.get_as::<Node>("", node) else { return Vec::new() };
        let labels = node.metadata.labels.as_ref();
        let volumes = view.indexed(Kind::PersistentVolume, Index::LocalPath, "");
        let here = volumes.filter_map(|o| o.get::<PersistentVolume>()).filter_map(|volume| {
            let spec = volume.spec.as_ref()?;
            let required = spec.node_affinity.as_ref()?.required.as_ref()?;
            let path = clean(&spec.local.as_ref()?.path);
            let matches = matches_node_selector(required, "", labels).unwrap_or(false);
            matches.then(|| (path, volume.metadata.name.clone().unwrap_or_default()))
        });
        here.collect()
    }

    /// Puts a new disk into a node.
    ///
    /// # Errors
    /// When there is no such node, or a disk is there already.
    pub fn add_node_disk(&mut self, node: &str, path: &str, new: NewDisk) -> Result<(), ApiError> {
        self.check_node(node)?;
        let mut disks = node_disks::disks(&self.view(), node);
        if let Some(disk) = disks.get(path).filter(|disk| disk.state != State::Gone) {
            return Err(ApiError::internal(format!("{} is at {path} of node {node:?} already", disk.device)));
        }
        let nested = disks.iter().find(|(at, disk)| {
            let within = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
            disk.state != State::Gone && (within(at, path) || within(path, at))
        });
        if let Some((at, _)) = nested {
            return Err(ApiError::internal(format!("a disk of node {node:?} is at {at}")));
        }
        let taken = |device: &str| disks.values().any(|d| d.device == device && d.state != State::Gone);
        let letters = ('b'..='z').take(MOST).map(|letter| format!("/dev/sd{letter}"));
        let Some(device) = letters.into_iter().find(|device| !taken(device)) else {
            return Err(ApiError::internal(format!("node {node:?} takes no more than {MOST} disks")));
        };
        let now = self.now();
        // A disk that takes the place of another is another: whoever has the old one mounted must not see it.
        let number = self.view().note(&count_note(node)).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0) + 1;
        let id = format!("node-disk/{node}/{number}");
        let disk = NodeDisk { id, device, size: new.size, block: new.block, state: State::Healthy, added: now };
        node_disks::put_in(self.store_mut(), node, path, &disk, now);
        self.store_mut().set_setting(&format!("note/{}", count_note(node)), &number.to_string());
        disks.insert(path.to_string(), disk);
        self.keep_node_disks(node, &disks);
        Ok(())
    }

    /// Breaks a disk of a node, mends it, or takes it out.
    ///
    /// # Errors
    /// When there is no such node or disk, or it can't come to that.
    pub fn change_node_disk(&mut self, node: &str, path: &str, state: State) -> Result<(), ApiError> {
        self.check_node(node)?;
        let now = self.now();
        let mut disks = node_disks::disks(&self.view(), node);
        let there = disks.get(path).cloned().or_else(|| self.local_volume_at(node, path).map(|_| folder(now)));
        let Some(mut disk) = there.filter(|disk| disk.state != State::Gone) else {
            return Err(ApiError::internal(format!("no disk is at {path} of node {node:?}")));
        };
        if disk.id.is_empty() && state != State::Gone {
            return Err(ApiError::internal(format!(
                "{path} is a folder of the disk that node {node:?} runs from: only a disk that was added there can break"
            )));
        }
        disk.state = state;
        match state {
            State::Gone => node_disks::take_out(self.store_mut(), node, path, &disk, now),
            State::Healthy | State::Broken => node_disks::set_broken(self.store_mut(), &disk, state == State::Broken),
        }
        disks.insert(path.to_string(), disk);
        self.keep_node_disks(node, &disks);
        Ok(())
    }

    fn check_node(&self, node: &str) -> Result<(), ApiError> {
        match self.view().get(&ObjectKey::cluster(Kind::Node, node)) {
            Some(_) => Ok(()),
            None => Err(ApiError::not_found("nodes", node)),
        }
    }

    fn keep_node_disks(&mut self, node: &str, disks: &NodeDisks) {
        let (note, text) = node_disks::note_of(node, disks);
        self.store_mut().set_setting(&format!("note/{note}"), &text);
        let now = self.now();
        for key in static_provisioner::on_node(&self.view(), node) {
            let item = Item { controller: static_provisioner::NAME, key };
            self.queue.add(item, now, false, self.registry.store());
        }
    }
}

fn count_note(node: &str) -> String {
    format!("node-disks-made/{node}")
}

/// A folder of the disk that a node runs from.
fn folder(now: crate::api::Time) -> NodeDisk {
    NodeDisk { id: String::new(), device: OWN_DEVICE.into(), size: 0, block: false, state: State::Healthy, added: now }
}
