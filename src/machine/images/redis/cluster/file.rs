//! `nodes.conf`: what a node keeps of its cluster over a restart.
//!
//! Facts: the cluster specification; the files that servers write.

use super::slots::Slots;
use super::{Cluster, Node, Redis};
use crate::machine::errno::Errno;
use crate::machine::kernel::{Status, Sys, Turn};

impl Redis {
    /// Reads what was kept, or becomes a new node.
    ///
    /// # Errors
    /// How the server ends then.
    pub(in super::super) fn start_cluster(&mut self, sys: &mut Sys<'_>) -> Result<(), Turn> {
        self.cluster = Cluster { enabled: true, since: sys.now(), news: true, ..Cluster::default() };
        let path = self.setting("cluster-config-file").to_string();
        let sign = self.sign();
        match sys.read_file(&path) {
            Ok(bytes) if !bytes.is_empty() => {
                if self.read_nodes(&String::from_utf8_lossy(&bytes)).is_none() {
                    self.say(sys, '#', "Unrecoverable error: corrupted cluster config file.");
                    return Err(Turn::Exit(Status::Code(1)));
                }
                let text = format!("Node configuration loaded, I'm {}", self.cluster.me);
                self.say(sys, '*', &text);
            }
            Ok(_) | Err(Errno::NoEnt) => {
                let me: String = (0..3).map(|_| format!("{:016x}", sys.random())).collect();
                self.cluster.me = me.chars().take(40).collect();
                let port = self.port();
                let age = self.age();
                let me = self.cluster.mine_mut();
                me.port = if age >= 600 { port } else { 0 };
                let text = format!("No cluster configuration found, I'm {}", self.cluster.me);
                self.say(sys, '*', &text);
                if let Err(fault) = self.write_nodes(sys) {
                    let text = format!("Can't open {path} in order to acquire a lock: {}", sys.text(fault));
                    self.say(sys, '#', &text);
                    return Err(Turn::Exit(Status::Code(1)));
                }
            }
            Err(fault) => {
                let text = format!("Can't open {path} in order to acquire a lock: {}", sys.text(fault));
                self.say(sys, '#', &text);
                return Err(Turn::Exit(Status::Code(1)));
            }
        }
        let port = self.port();
        let announced = self.setting("cluster-announce-ip").to_string();
        let me = self.cluster.mine_mut();
        me.port = port;
        if !announced.is_empty() {
            me.ip = announced;
        }
        let bus = port.saturating_add(super::PORT_OFFSET);
        if sys.listen(bus).is_err() {
            self.say(
                sys,
                '#',
                &format!("Could not create server TCP listening socket *:{bus}: bind: Address already in use"),
            );
            self.say(sys, sign, &format!("Failed listening on port {bus} (cluster), aborting."));
            return Err(Turn::Exit(Status::Code(1)));
        }
        Ok(())
    }

    fn read_nodes(&mut self, text: &str) -> Option<()> {
        let cluster = &mut self.cluster;
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.first() == Some(&"vars") {
                for pair in words[1..].chunks_exact(2) {
                    match pair[0] {
                        "currentEpoch" => cluster.epoch = pair[1].parse().ok()?,
                        "lastVoteEpoch" => cluster.voted = pair[1].parse().ok()?,
                        _ => {}
                    }
                }
                continue;
            }
            let [id, address, flags, master, _, _, epoch, _, rest @ ..] = words.as_slice() else { return None };
            let address = address.split(',').next()?;
            let (host, _) = address.split_once('@').unwrap_or((address, ""));
            let (ip, port) = host.rsplit_once(':')?;
            let flags: Vec<&str> = flags.split(',').collect();
            let has = |flag: &str| flags.contains(&flag);
            if has("handshake") {
                continue;
            }
            let mut node = Node {
                ip: ip.to_string(),
                port: port.parse().ok()?,
                is_replica: has("slave"),
                master: if *master == "-" { String::new() } else { (*master).to_string() },
                epoch: epoch.parse().ok()?,
                fail: has("fail"),
                ..Node::default()
            };
            for word in rest {
                if word.starts_with('[') {
                    continue;
                }
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                node.slots.add(first.parse().ok()?, last.parse().ok()?);
            }
            if has("myself") {
                cluster.me = (*id).to_string();
            }
            cluster.nodes.insert((*id).to_string(), node);
        }
        (!cluster.me.is_empty()).then_some(())
    }

    /// The nodes as `CLUSTER NODES` tells them, or as they are kept.
    pub(super) fn nodes_text(&self, now: crate::api::Time, kept: bool) -> String {
        let mut text = String::new();
        for (id, node) in &self.cluster.nodes {
            let is_me = *id == self.cluster.me;
            let mut flags: Vec<&str> = Vec::new();
            if is_me {
                flags.push("myself");
            }
            flags.push(if node.is_replica { "slave" } else { "master" });
            if node.ip.is_empty() && !is_me {
                flags.push("noaddr");
            }
            if node.fail {
                flags.push("fail");
            } else if node.pfail {
                flags.push("fail?");
            }
            let extra = if kept && self.age() >= 702 {
                format!(",,tls-port=0,shard-id={}", self.shard_of(id))
            } else {
                String::new()
            };
            let master = if node.master.is_empty() { "-" } else { node.master.as_str() };
            let sent = node.silent.map_or(0, |at| at.0);
            let received = self.pong_of(id, node, now);
            let bus = if node.port == 0 { 0 } else { node.port.saturating_add(super::PORT_OFFSET) };
            let link = if is_me || node.link.is_some() { "connected" } else { "disconnected" };
            let mut slots = node.slots.text();
            if is_me {
                let moved = |(slot, to): (&u16, &String)| format!(" [{slot}->-{to}]");
                let taken = |(slot, from): (&u16, &String)| format!(" [{slot}-<-{from}]");
                slots.extend(self.cluster.migrating.iter().map(moved));
                slots.extend(self.cluster.importing.iter().map(taken));
            }
            text.push_str(&format!(
                "{id} {}:{}@{bus}{extra} {} {master} {sent} {received} {} {link}{slots}\n",
                node.ip,
                node.port,
                flags.join(","),
                self.epoch_of(node)
            ));
        }
        text
    }

    /// The epoch that is told of a node: of a replica that of its master, as of 6.0.
    fn epoch_of(&self, node: &Node) -> u64 {
        let master = self.cluster.nodes.get(&node.master).filter(|_| node.is_replica && self.age() >= 600);
        master.map_or(node.epoch, |m| m.epoch)
    }

    /// When a node's last pong came: within the last second where all is well.
    pub(super) fn pong_of(&self, id: &str, node: &Node, now: crate::api::Time) -> i64 {
        if *id == self.cluster.me {
            return 0;
        }
        let lot = id.bytes().fold(7i64, |sum, byte| (sum * 31 + i64::from(byte)) % 900);
        node.silent.map_or(now.0 - lot, |at| at.0 - lot)
    }

    /// The shard that a node is in: as its master's name says it.
    pub(super) fn shard_of(&self, id: &str) -> String {
        let node = self.cluster.nodes.get(id);
        let of = node.filter(|n| n.is_replica && !n.master.is_empty()).map_or(id, |n| &n.master);
        of.chars().rev().collect()
    }

    pub(super) fn write_nodes(&self, sys: &mut Sys<'_>) -> Result<(), Errno> {
        let mut text = self.nodes_text(sys.now(), true);
        text.push_str(&format!("vars currentEpoch {} lastVoteEpoch {}\n", self.cluster.epoch, self.cluster.voted));
        let path = self.setting("cluster-config-file").to_string();
        sys.write_file(&path, text.as_bytes())
    }

    pub(super) fn save_nodes(&mut self, sys: &mut Sys<'_>) {
        if let Err(fault) = self.write_nodes(sys) {
            let text = format!("Could not rename tmp cluster config file: {}", sys.text(fault));
            self.say(sys, '#', &text);
        }
    }

    /// A new, empty set of what is known, but for the node itself.
    pub(super) fn forget_all(&mut self, hard: bool, sys: &mut Sys<'_>) {
        for id in self.cluster.others() {
            self.drop_node(sys, &id);
        }
        let me = self.cluster.mine_mut();
        (me.slots, me.is_replica) = (Slots::default(), false);
        me.master.clear();
        if hard {
            let mut mine = self.cluster.nodes.remove(&self.cluster.me).unwrap_or_default();
            mine.epoch = 0;
            (self.cluster.epoch, self.cluster.voted) = (0, 0);
            let me: String = (0..3).map(|_| format!("{:016x}", sys.random())).collect();
            self.cluster.me = me.chars().take(40).collect();
            self.cluster.nodes.insert(self.cluster.me.clone(), mine);
            let text = format!("Node hard reset, now I'm {}", self.cluster.me);
            let sign = self.sign();
            self.say(sys, sign, &text);
        }
        self.cluster.unsaved = true;
    }
}
