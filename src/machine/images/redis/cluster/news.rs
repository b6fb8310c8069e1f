//! What a node learns from another's message: where it is, what it is, what it serves, and what it says of others.

use super::Redis;
use super::bus::{MEETS, Message, SOON};
use super::slots::Slots;
use crate::machine::kernel::Sys;

impl Redis {
    /// Notes that a node is there, and where.
    pub(super) fn greet(&mut self, sys: &mut Sys<'_>, message: &Message, ip: Option<&str>) {
        let sign = self.sign();
        let now = sys.now();
        let timeout = self.node_timeout();
        let Some(node) = self.cluster.nodes.get_mut(&message.from) else { return };
        node.offset = message.offset;
        if let Some(ip) = ip {
            if node.ip != ip || node.port != message.port {
                (node.ip, node.port) = (ip.to_string(), message.port);
                let link = node.link.take();
                let text = format!("Address updated for node {}, now {ip}:{}", message.from, message.port);
                if let Some(fd) = link {
                    let _ = sys.close(fd);
                }
                self.say(sys, sign, &text);
                self.cluster.changed();
            }
            if let Some(node) = self.cluster.nodes.get_mut(&message.from).filter(|n| n.link.is_none()) {
                // It is there again: it is called back.
                node.tried = None;
                self.wake_at(now + SOON);
            }
            return;
        }
        node.silent = None;
        if std::mem::take(&mut node.pfail) {
            self.cluster.unsaved = true;
        }
        let is_idle = message.is_replica || message.slots.is_empty();
        let long_ago = (now - node.failed_at).0 > timeout.0.saturating_mul(2);
        if node.fail && (is_idle || long_ago) {
            node.fail = false;
            node.reports.clear();
            let what = match (message.is_replica, is_idle) {
                (true, _) => "replica is reachable again.",
                (_, true) => "master without slots is reachable again.",
                _ => "is reachable again and nobody is serving its slots after some time.",
            };
            let text = format!("Clear FAIL state for node {}: {what}", message.from);
            self.say(sys, '*', &text);
            self.cluster.changed();
        }
    }

    pub(super) fn hear_role(&mut self, message: &Message) {
        let Some(node) = self.cluster.nodes.get_mut(&message.from) else { return };
        let before = (node.is_replica, node.master.clone(), node.epoch);
        node.is_replica = message.is_replica;
        node.master.clone_from(&message.master);
        if message.is_replica {
            node.slots = Slots::default();
        }
        node.epoch = node.epoch.max(message.epoch);
        if before != (node.is_replica, node.master.clone(), node.epoch) {
            self.cluster.unsaved = true;
        }
    }

    /// Two masters with one epoch part: the one with the smaller name takes a new one.
    pub(super) fn part_epochs(&mut self, sys: &mut Sys<'_>, message: &Message) {
        let Some(me) = self.cluster.mine() else { return };
        if me.is_replica || message.epoch != me.epoch || message.from <= self.cluster.me {
            return;
        }
        self.cluster.epoch += 1;
        let epoch = self.cluster.epoch;
        self.cluster.mine_mut().epoch = epoch;
        self.cluster.changed();
        let text = format!("configEpoch collision with node {}. configEpoch set to {epoch}", message.from);
        let sign = self.sign();
        self.say(sys, sign, &format!("WARNING: {text}"));
    }

    /// Gives a master the slots that it claims, where nobody has them with a greater epoch.
    pub(super) fn hear_slots(&mut self, sys: &mut Sys<'_>, id: &str, epoch: u64, claimed: &Slots) {
        let me = self.cluster.me.clone();
        let Some(node) = self.cluster.nodes.get(id) else { return };
        if node.slots == *claimed {
            return;
        }
        let is_replica = self.cluster.is_replica();
        let served =
            if is_replica { self.cluster.mine().map(|n| n.master.clone()).unwrap_or_default() } else { me.clone() };
        let mut gained = claimed.clone();
        let mut lost_from_served = false;
        let mut lost = Slots::default();
        for (other, node) in &mut self.cluster.nodes {
            if other == id {
                continue;
            }
            let shared = node.slots.shared(claimed);
            if shared.is_empty() {
                continue;
            }
            if node.epoch < epoch {
                node.slots.subtract(&shared);
                lost_from_served |= *other == served;
                if *other == me {
                    lost.unite(&shared);
                }
            } else {
                gained.subtract(&shared);
            }
        }
        let Some(node) = self.cluster.nodes.get_mut(id) else { return };
        let before = node.slots.clone();
        node.slots.unite(&gained);
        if node.slots == before && !lost_from_served {
            return;
        }
        self.cluster.unsaved = true;
        let empty = self.cluster.nodes.get(&served).is_some_and(|n| n.slots.is_empty());
        if lost_from_served && empty {
            let sign = self.sign();
            self.say(sys, sign, &format!("Configuration change detected. Reconfiguring myself as a replica of {id}"));
            self.become_replica_of(id);
        } else if !lost.is_empty() {
            let keys: Vec<Vec<u8>> = self
                .dbs
                .get(&0)
                .map_or_else(Vec::new, |db| db.keys().filter(|k| lost.has(super::slots::of_key(k))).cloned().collect());
            if let Some(db) = self.dbs.get_mut(&0) {
                keys.iter().for_each(|k| drop(db.remove(k)));
            }
        }
        let (me, migrating) =
            (self.cluster.mine().map(|n| n.slots.clone()).unwrap_or_default(), &mut self.cluster.migrating);
        migrating.retain(|slot, _| me.has(*slot));
    }

    pub(super) fn hear_gossip(&mut self, sys: &mut Sys<'_>, message: &Message) {
        let now = sys.now();
        self.cluster.forgotten.retain(|_, until| *until > now);
        for said in &message.gossip {
            if said.id == self.cluster.me {
                continue;
            }
            match self.cluster.nodes.get_mut(&said.id) {
                Some(node) => {
                    if !message.is_replica && said.silent {
                        node.reports.insert(message.from.clone());
                    } else {
                        node.reports.remove(&message.from);
                    }
                    // One that is not reached and has moved, as somebody says who reaches it, is where he says.
                    let moved = node.ip != said.ip || node.port != said.port;
                    if (node.fail || node.pfail || node.ip.is_empty()) && !said.silent && moved {
                        (node.ip, node.port, node.tried) = (said.ip.clone(), said.port, None);
                        if let Some(fd) = node.link.take() {
                            let _ = sys.close(fd);
                        }
                        self.cluster.unsaved = true;
                        self.wake_at(now + SOON);
                    }
                }
                None if !said.silent && !self.cluster.forgotten.contains_key(&said.id) => {
                    if !self.cluster.meets.iter().any(|(ip, port, _)| *ip == said.ip && *port == said.port) {
                        self.cluster.meets.push((said.ip.clone(), said.port, now + MEETS));
                        self.wake_at(now + SOON);
                    }
                }
                None => {}
            }
        }
        for id in self.cluster.others() {
            self.fail_if_agreed(sys, &id);
        }
    }
}
