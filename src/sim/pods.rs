//! Letting what is in containers run as time passes.

use super::Cluster;
use super::converge::LONG_JUMP;
use super::network::Network;
use super::queue::Item;
use crate::api::Duration;
use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::provisioner;
use crate::error::ApiError;
use crate::machine::kernel::mounts::Source;
use crate::machine::kernel::{Container, Sandbox, log};
use crate::machine::net::{Nowhere, Reply};
use crate::node;
use crate::store::{Change, Index, Provisions};

impl Cluster {
    /// Runs the pod whose time comes first, if that is by `target` and before anything else is due, until something
    /// else is. False where none is to run.
    pub(super) fn run_pods(&mut self, target: Time) -> Result<bool, ApiError> {
        let due = self.queue.next_due(self.registry.store());
        // Work of the same moment comes first: it may stop the pod.
        let Some(wake) = self.store_mut().first_wake() else { return Ok(false) };
        if wake > target || due.is_some_and(|due| due <= wake.max(self.now())) {
            return Ok(false);
        }
        let Some((wake, sandbox)) = self.store_mut().pop_wake(target) else { return Ok(false) };
        // Of a long gap what is in containers sees the end only, as after a machine was asleep.
        if target - wake > LONG_JUMP {
            self.store_mut().put_sandbox(sandbox, Some(target - LONG_JUMP));
            return Ok(true);
        }
        // A node that is off runs nothing; once it is back, so are its pods.
        if self.view().kubelet_stopped_since(&sandbox.node).is_some() {
            self.store_mut().put_sandbox(sandbox, None);
            return Ok(true);
        }
        self.move_clock(wake.max(self.now()))?;
        let next = self.store_mut().first_wake();
        let horizon = [Some(target), due, next].into_iter().flatten().min().unwrap_or(target).max(self.now());
        self.run_sandbox(sandbox, horizon);
        Ok(true)
    }

    /// Runs a command on a node, or on a server outside of the cluster, and hands back what it wrote and its exit
    /// code. It has a minute.
    pub fn exec_on_disk(&mut self, disk: &str, name: &str, command: Vec<String>) -> (Vec<(u8, Vec<u8>)>, i32) {
        let now = self.now();
        let mut sandbox = Sandbox::new(&format!("host/{disk}"), name, 0, now);
        let at_root = disk.starts_with("node/");
        let mut folders = Vec::new();
        if at_root {
            node::disk::lay_down(self.store_mut(), name);
            sandbox.node_view = Some(Box::new(node::node_view::of(&self.view(), name)));
            folders = node::node_view::folders(&self.view(), name);
            folders.retain(|mount| matches!(&mount.what, Source::Disk(id, _) if self.store_mut().have_disk(id)));
        } else {
            self.store_mut().have_disk(disk);
        }
        let node = self.view().get_as::<Node>("", name).filter(|_| at_root);
        let node_ip = node
            .and_then(|n| n.status.as_ref()?.addresses.as_ref())
            .and_then(|addresses| addresses.iter().find(|a| a.type_ == "InternalIP").map(|a| a.address.clone()));
        let mut disks = std::mem::take(self.store_mut().disks_mut());
        let mut spec = node::disk::host_spec(&mut disks, disk, at_root, command);
        let made = node::disk::make_folders(&mut disks, disk, &folders, now);
        spec.mounts.extend(folders);
        let outcome = match sandbox.start_container(spec, &mut disks, now) {
            Err(fault) => (vec![(2, format!("{}\n", fault.0).into_bytes())], 127),
            Ok(()) => {
                let end = now + Duration::secs(60);
                match node_ip {
                    Some(ip) => {
                        (sandbox.ip, sandbox.is_host) = (ip, true);
                        sandbox.run(&mut disks, &mut Network::of_node(self, name), end)
                    }
                    None => sandbox.run(&mut disks, &mut Nowhere, end),
                };
                let logs = disks.all.remove(&log::disk_of(&sandbox.id)).unwrap_or_default();
                let lines = log::entries(&logs, node::disk::HOST, 0).into_iter().map(|e| (e.stream, e.text)).collect();
                let ended = sandbox.containers.get(node::disk::HOST).and_then(|c| c.ended.as_ref());
                (lines, ended.map_or(124, |e| e.status.code()))
            }
        };
        node::disk::remove_folders(&mut disks, disk, &made, now);
        disks.all.remove(node::disk::SCRATCH);
        disks.changed.remove(node::disk::SCRATCH);
        disks.changed.remove(&log::disk_of(&sandbox.id));
        disks.absorb(std::mem::take(self.store_mut().disks_mut()));
        *self.store_mut().disks_mut() = disks;
        outcome
    }

    /// Has all pods of a node that is back go on.
    pub(super) fn wake_pods_of(&mut self, node: &str) {
        let pods = self.view().indexed(Kind::Pod, Index::Node, node).filter_map(|o| o.get::<Pod>());
        let uids: Vec<String> = pods.filter_map(|pod| pod.metadata.uid.clone()).collect();
        let now = self.now();
        for uid in uids {
            self.store_mut().with_sandbox(&uid, now, |_, _| ());
        }
    }

    /// Tells those who were connected with a pod that was removed.
    fn hang_up(&mut self, uid: &str) {
        let now = self.now();
        for (connection, route) in self.store_mut().routes_of(uid) {
            self.store_mut().remove_route(connection);
            if route.to == uid {
                let end = Reply { close: true, ..Reply::default() };
                self.store_mut().with_sandbox(&route.from, now, |sandbox, _| sandbox.pushed(connection, end));
            } else {
                self.store_mut().with_sandbox(&route.to, now, |sandbox, _| {
                    sandbox.accepted.remove(&connection);
                });
            }
        }
    }

    /// Has the servers that are connected with pods of a node look after each other: it went off, or is back.
    pub(super) fn disturb_peers_of(&mut self, node: &str) {
        let pods = self.view().indexed(Kind::Pod, Index::Node, node).filter_map(|o| o.get::<Pod>());
        let uids: Vec<String> = pods.filter_map(|pod| pod.metadata.uid.clone()).collect();
        let now = self.now();
        let mut peers: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
        for uid in &uids {
            peers.extend(self.store_mut().routes_of(uid).into_iter().flat_map(|(_, r)| [r.from, r.to]));
        }
        for uid in peers {
            self.store_mut().with_sandbox(&uid, now, |sandbox, _| sandbox.disturb());
        }
    }

    /// What ran in a pod that was removed ends with it, and what it had on disks of its own is gone; so are the contents
    /// of a volume that was removed, where they go with it.
    pub(super) fn forget_what_ran(&mut self, change: &Change) {
        if let (Some(Object::PersistentVolume(volume)), None) = (change.old.as_deref(), &change.new) {
            let (volume, now) = (volume.clone(), self.now());
            node::storage::delete_contents(self.store_mut(), &volume, now);
        }
        let (Kind::Pod, Some(old), None) = (change.key.kind, &change.old, &change.new) else { return };
        let uid = old.uid().to_string();
        if !self.store().has_sandbox(&uid) {
            return;
        }
        self.hang_up(&uid);
        self.store_mut().remove_sandbox(&uid);
        for disk in self.store().disk_names(&format!("pod/{uid}/")) {
            self.store_mut().remove_disk(&disk);
        }
    }

    /// Lets one pod run as far as it gets without time passing.
    pub(super) fn run_at_once(&mut self, uid: &str) {
        if let Some(sandbox) = self.store_mut().take_sandbox(uid) {
            let now = self.now();
            self.run_sandbox(sandbox, now);
        }
    }

    /// Runs one pod until a time, or until a container of it ends; its kubelet hears of that.
    pub(super) fn run_sandbox(&mut self, mut sandbox: Sandbox, horizon: Time) {
        sandbox.now = sandbox.now.max(self.now());
        let mut disks = std::mem::take(self.store_mut().disks_mut());
        let ran = {
            let mut outside = Network::new(self, &sandbox.id);
            sandbox.run(&mut disks, &mut outside, horizon)
        };
        // Others were told something meanwhile: what they have on disks was read for that.
        disks.absorb(std::mem::take(self.store_mut().disks_mut()));
        *self.store_mut().disks_mut() = disks;
        let told = std::mem::take(&mut sandbox.told);
        if ran.ended && sandbox.containers.values().any(Container::concerns_kubelet) {
            let key = ObjectKey::new(Kind::Pod, sandbox.namespace.clone(), sandbox.pod.clone());
            let item = Item { controller: node::KUBELET, key };
            self.queue.add(item, sandbox.now.max(self.now()), false, self.registry.store());
        }
        let pod = ObjectKey::new(Kind::Pod, sandbox.namespace.clone(), sandbox.pod.clone());
        let uid = sandbox.id.clone();
        self.store_mut().put_sandbox(sandbox, ran.next);
        for provisions in told {
            self.provisioner_runs(&pod, &uid, provisions);
        }
    }

    /// Notes that a provisioner runs in a pod, and has it look at what waits for it.
    fn provisioner_runs(&mut self, pod: &ObjectKey, uid: &str, provisions: Provisions) {
        let name = provisions.name.clone();
        let note = provisioner::with_served(&self.view(), pod, uid, provisions);
        self.store_mut().set_setting(&format!("note/{}", provisioner::served_note(&name)), &note);
        let now = self.now();
        for key in provisioner::waiting_for(&self.view(), &name) {
            let item = Item { controller: provisioner::NAME, key };
            self.queue.add(item, now, false, self.registry.store());
        }
    }
}
