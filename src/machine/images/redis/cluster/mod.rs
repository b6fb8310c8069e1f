//! Cluster mode: what a node knows of the others, and how it keeps that in `nodes.conf`.
//!
//! Facts: Redis' cluster specification and tutorial, the documentation of the `CLUSTER` commands, and what servers of a
//! cluster print.
//!
//! Real nodes ping each other every second. Here the links stay open, whoever loses one hears of it, and nodes talk only
//! while something is amiss: a link that is down, a node that is new, an election. A cluster that is well costs nothing
//! as time passes; the times that `CLUSTER NODES` tells of the last pong are worked out from the clock.

mod bus;
mod commands;
mod failover;
mod file;
mod news;
pub mod slots;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Redis;
use super::resp::Resp;
use crate::api::{Duration, Time};
use crate::machine::kernel::{Fd, Sys};
use slots::Slots;

pub(super) use bus::PORT_OFFSET;

/// How long a node waits after its start before it takes writes, so that it can learn what it missed.
const WRITABLE_DELAY: Duration = Duration::secs(2);

/// A node of the cluster as another knows it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Node {
    ip: String,
    port: u16,
    is_replica: bool,
    /// The master of a replica; empty where it is not known.
    master: String,
    epoch: u64,
    slots: Slots,
    /// Whether it did not answer for longer than the timeout.
    pfail: bool,
    /// Whether most masters say so.
    fail: bool,
    failed_at: Time,
    /// Since when it does not answer.
    silent: Option<Time>,
    link: Option<Fd>,
    offset: u64,
    /// Masters that say that it does not answer.
    reports: BTreeSet<String>,
    /// When it was voted for one of its replicas.
    voted: Option<Time>,
    /// When it was spoken to last.
    tried: Option<Time>,
}

impl Node {
    fn address(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }
}

/// What a node knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) enabled: bool,
    me: String,
    epoch: u64,
    voted: u64,
    nodes: BTreeMap<String, Node>,
    /// Addresses that somebody named, until when they are tried, and whether they are to be told so.
    meets: Vec<(String, u16, Time)>,
    /// Those that were forgotten, and until when.
    forgotten: BTreeMap<String, Time>,
    importing: BTreeMap<u16, String>,
    migrating: BTreeMap<u16, String>,
    is_ok: bool,
    /// When to look after the others next.
    next: Option<Time>,
    /// How often the network was disturbed when this node looked last.
    seen: u64,
    /// Whether the others are to be told what is new here.
    news: bool,
    /// Whether `nodes.conf` is behind.
    unsaved: bool,
    election: Option<failover::Election>,
    since: Time,
}

impl Cluster {
    fn mine(&self) -> Option<&Node> {
        self.nodes.get(&self.me)
    }

    fn mine_mut(&mut self) -> &mut Node {
        self.nodes.entry(self.me.clone()).or_default()
    }

    fn others(&self) -> Vec<String> {
        self.nodes.keys().filter(|id| **id != self.me).cloned().collect()
    }

    fn is_replica(&self) -> bool {
        self.mine().is_some_and(|n| n.is_replica)
    }

    /// The node that serves a slot.
    fn owner(&self, slot: u16) -> Option<(&String, &Node)> {
        self.nodes.iter().find(|(_, n)| n.slots.has(slot))
    }

    /// The masters that serve slots: those that vote.
    fn size(&self) -> usize {
        self.nodes.values().filter(|n| !n.is_replica && !n.slots.is_empty()).count()
    }

    fn majority(&self) -> usize {
        self.size() / 2 + 1
    }

    fn changed(&mut self) {
        self.unsaved = true;
        self.news = true;
    }
}

impl Redis {
    /// Whether the server is a node of a cluster.
    pub(super) fn clustered(&self) -> bool {
        self.cluster.enabled
    }

    fn node_timeout(&self) -> Duration {
        Duration::millis(self.setting("cluster-node-timeout").parse().unwrap_or(15_000))
    }

    /// Does what the cluster wants of a step: when it wants the next one, and the links that it waits on.
    pub(super) fn tend_cluster(&mut self, sys: &mut Sys<'_>) -> super::replica::Waits {
        if !self.cluster.enabled {
            return super::replica::Waits::default();
        }
        self.hear_links(sys);
        let disturbed = std::mem::replace(&mut self.cluster.seen, sys.sandbox.disturbed) != sys.sandbox.disturbed;
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= sys.now());
        let votes = self.cluster.election.as_ref().map(|e| e.at);
        if disturbed || self.cluster.news || is_due(self.cluster.next) || is_due(votes) {
            self.look_after_others(sys);
        }
        self.judge_state(sys);
        self.follow_master(sys);
        if std::mem::take(&mut self.cluster.unsaved) {
            self.save_nodes(sys);
        }
        let input = self.cluster.nodes.values().filter_map(|n| n.link).collect();
        let until = [self.cluster.next, self.cluster.election.as_ref().map(|e| e.at)].into_iter().flatten().min();
        super::replica::Waits { input, until }
    }

    /// Whether the cluster can answer, and says so where that changes.
    fn judge_state(&mut self, sys: &mut Sys<'_>) {
        let cluster = &self.cluster;
        let mut covered = 0;
        let mut failing = false;
        let (mut reachable, mut size) = (0, 0);
        for node in cluster.nodes.values().filter(|n| !n.slots.is_empty()) {
            covered += node.slots.len();
            failing |= node.fail;
            if !node.is_replica {
                size += 1;
                reachable += usize::from(!node.fail && !node.pfail);
            }
        }
        let full = self.setting("cluster-require-full-coverage") == "yes";
        let mut is_ok = !(full && (covered < usize::from(slots::ALL) || failing)) && reachable > size / 2;
        if size == 0 {
            is_ok = !full;
        }
        // A master that has just started hears first what it has missed.
        let writable = cluster.since + WRITABLE_DELAY;
        if is_ok && !cluster.is_ok && sys.now() < writable && !cluster.is_replica() {
            self.cluster.next = Some(self.cluster.next.map_or(writable, |at| at.min(writable)));
            return;
        }
        if is_ok != cluster.is_ok {
            self.cluster.is_ok = is_ok;
            let sign = self.sign();
            self.say(sys, sign, &format!("Cluster state changed: {}", if is_ok { "ok" } else { "fail" }));
        }
    }

    /// Has a replica follow its master to where that is.
    fn follow_master(&mut self, sys: &mut Sys<'_>) {
        let Some(me) = self.cluster.mine() else { return };
        let master = if me.is_replica { self.cluster.nodes.get(&me.master) } else { None };
        let wanted = master.filter(|m| !m.ip.is_empty()).map(|m| (m.ip.clone(), m.port));
        match wanted {
            Some((ip, port)) if ip != self.link.host || port != self.link.port => {
                self.follow_silently(sys, Some((ip, port)));
            }
            None if !me.is_replica && !self.link.host.is_empty() => self.follow_silently(sys, None),
            _ => {}
        }
    }

    /// Why a command with those keys is not answered here; none where it is.
    pub(super) fn redirect(&mut self, sys: &Sys<'_>, client: u64, keys: &[&Vec<u8>], writes: bool) -> Option<Resp> {
        if !self.cluster.enabled || keys.is_empty() {
            return None;
        }
        let slot = slots::of_key(keys[0]);
        if keys.iter().any(|k| slots::of_key(k) != slot) {
            return Some(Resp::error("CROSSSLOT Keys in request don't hash to the same slot"));
        }
        if !self.cluster.is_ok {
            let text = if self.cluster.owner(slot).is_none() && self.setting("cluster-require-full-coverage") != "yes" {
                "CLUSTERDOWN Hash slot not served"
            } else {
                "CLUSTERDOWN The cluster is down"
            };
            return Some(Resp::error(text));
        }
        let (asks, reads) = match self.clients.get_mut(&client) {
            Some(client) => (std::mem::take(&mut client.asking), client.readonly),
            None => (false, false),
        };
        let Some((owner, node)) = self.cluster.owner(slot) else {
            return Some(Resp::error("CLUSTERDOWN Hash slot not served"));
        };
        let now = sys.now();
        let missing = || {
            let db = self.dbs.get(&0);
            keys.iter()
                .filter(|k| db.is_none_or(|d| d.get(**k).is_none_or(|e| e.expires.is_some_and(|t| t <= now))))
                .count()
        };
        if *owner == self.cluster.me {
            if let Some(to) = self.cluster.migrating.get(&slot)
                && missing() > 0
            {
                let address = self.cluster.nodes.get(to).map(Node::address).unwrap_or_default();
                return Some(if missing() < keys.len() {
                    Resp::error("TRYAGAIN Multiple keys request during rehashing of slot")
                } else {
                    Resp::error(format!("ASK {slot} {address}"))
                });
            }
            return None;
        }
        if self.cluster.importing.contains_key(&slot) && asks {
            return (keys.len() > 1 && missing() > 0)
                .then(|| Resp::error("TRYAGAIN Multiple keys request during rehashing of slot"));
        }
        let mine = self.cluster.mine().is_some_and(|me| me.is_replica && me.master == *owner);
        if mine && reads && !writes {
            return None;
        }
        Some(Resp::error(format!("MOVED {slot} {}", node.address())))
    }
}
