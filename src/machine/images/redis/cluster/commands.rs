//! `CLUSTER` and what belongs to it.
//!
//! Facts: the documentation of the commands.

use super::slots::{self, Slots};
use super::{Node, Redis};
use crate::api::Duration;
use crate::machine::images::redis::data::Text;
use crate::machine::images::redis::resp::Resp;
use crate::machine::kernel::Sys;

fn shown(word: Option<&Text>) -> String {
    word.map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default()
}

fn slot(word: Option<&Text>) -> Result<u16, Resp> {
    let fault = || Resp::error("ERR Invalid or out of range slot");
    shown(word).parse().ok().filter(|slot| *slot < slots::ALL).ok_or_else(fault)
}

fn unknown_node(id: &str) -> Resp {
    Resp::error(format!("ERR Unknown node {id}"))
}

impl Redis {
    /// Answers `CLUSTER ...`.
    pub(in super::super) fn on_cluster(&mut self, sys: &mut Sys<'_>, words: &[Text]) -> Resp {
        let sub = shown(words.get(1)).to_ascii_lowercase();
        let least = match sub.as_str() {
            "meet" | "addslotsrange" | "delslotsrange" | "getkeysinslot" | "setslot" => 4,
            "addslots"
            | "delslots"
            | "replicate"
            | "keyslot"
            | "countkeysinslot"
            | "forget"
            | "replicas"
            | "slaves"
            | "set-config-epoch"
            | "count-failure-reports" => 3,
            _ => 2,
        };
        if words.len() < least {
            return Resp::error(format!("ERR wrong number of arguments for 'cluster|{sub}' command"));
        }
        let first = shown(words.get(2));
        self.answer_cluster(sys, &sub, &first, words).unwrap_or_else(|fault| fault)
    }

    fn answer_cluster(&mut self, sys: &mut Sys<'_>, sub: &str, first: &str, words: &[Text]) -> Result<Resp, Resp> {
        let now = sys.now();
        Ok(match sub {
            "myid" => Resp::bulk(self.cluster.me.clone()),
            "myshardid" => Resp::bulk(self.shard_of(&self.cluster.me)),
            "info" => Resp::bulk(self.cluster_info(sys)),
            "nodes" => Resp::bulk(self.nodes_text(now, false)),
            "slots" => self.slots_answer(),
            "shards" => self.shards_answer(),
            "links" => Resp::Array(Vec::new()),
            "keyslot" => Resp::Int(i64::from(slots::of_key(first.as_bytes()))),
            "countkeysinslot" => Resp::Int(self.keys_in(slot(words.get(2))?).len() as i64),
            "getkeysinslot" => {
                let count =
                    shown(words.get(3)).parse().map_err(|_| Resp::error("ERR Invalid slot or number of keys"))?;
                Resp::list(self.keys_in(slot(words.get(2))?).into_iter().take(count))
            }
            "meet" => {
                let port: u16 = shown(words.get(3)).parse().unwrap_or(0);
                if first.parse::<std::net::IpAddr>().is_err() || port == 0 {
                    let text = format!("ERR Invalid node address specified: {first}:{}", shown(words.get(3)));
                    return Err(Resp::error(text));
                }
                self.cluster.meets.push((first.to_string(), port, now + Duration::secs(15)));
                self.wake_at(now + Duration::millis(100));
                Resp::ok()
            }
            "addslots" | "delslots" => {
                let all: Vec<u16> = words[2..].iter().map(|w| slot(Some(w))).collect::<Result<_, _>>()?;
                self.change_slots(sub == "addslots", &all.iter().map(|s| (*s, *s)).collect::<Vec<_>>())?
            }
            "addslotsrange" | "delslotsrange" => {
                let all: Vec<u16> = words[2..].iter().map(|w| slot(Some(w))).collect::<Result<_, _>>()?;
                let pairs: Vec<(u16, u16)> = all.chunks_exact(2).map(|p| (p[0], p[1])).collect();
                if let Some((a, b)) = pairs.iter().find(|(a, b)| a > b) {
                    return Err(Resp::error(format!("ERR start slot number {a} is greater than end slot number {b}")));
                }
                self.change_slots(sub == "addslotsrange", &pairs)?
            }
            "flushslots" => {
                if self.dbs.values().any(|db| !db.is_empty()) {
                    return Err(Resp::error("ERR DB must be empty to perform CLUSTER FLUSHSLOTS."));
                }
                self.cluster.mine_mut().slots = Slots::default();
                self.cluster.changed();
                Resp::ok()
            }
            "setslot" => self.set_slot(sys, words)?,
            "bumpepoch" => {
                self.cluster.epoch += 1;
                let epoch = self.cluster.epoch;
                self.cluster.mine_mut().epoch = epoch;
                self.cluster.changed();
                Resp::Simple(format!("BUMPED {epoch}"))
            }
            "set-config-epoch" => {
                let epoch: u64 = first.parse().map_err(|_| Resp::error("ERR Invalid config epoch specified: "))?;
                if self.cluster.nodes.len() > 1 {
                    return Err(Resp::error(
                        "ERR The user can assign a config epoch only when the node does not know any other node.",
                    ));
                }
                if self.cluster.mine().is_some_and(|me| me.epoch != 0) {
                    return Err(Resp::error("ERR Node config epoch is already non-zero"));
                }
                self.cluster.mine_mut().epoch = epoch;
                self.cluster.epoch = self.cluster.epoch.max(epoch);
                self.cluster.unsaved = true;
                let sign = self.sign();
                self.say(sys, sign, &format!("configEpoch set to {epoch} via CLUSTER SET-CONFIG-EPOCH"));
                Resp::ok()
            }
            "replicate" => self.replicate_node(first)?,
            "failover" => {
                let how = first.to_ascii_lowercase();
                if !matches!(how.as_str(), "" | "force" | "takeover") {
                    return Err(Resp::error("ERR syntax error"));
                }
                let Some(me) = self.cluster.mine().filter(|me| me.is_replica) else {
                    return Err(Resp::error("ERR You should send CLUSTER FAILOVER to a replica"));
                };
                match self.cluster.nodes.get(&me.master) {
                    None => return Err(Resp::error("ERR I'm a replica but my master is unknown to me")),
                    Some(master) if how.is_empty() && (master.fail || master.link.is_none()) => {
                        return Err(Resp::error("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE"));
                    }
                    Some(_) => {}
                }
                self.fail_over(sys, &how);
                Resp::ok()
            }
            "forget" => {
                if first == self.cluster.me {
                    return Err(Resp::error("ERR I tried hard but I can't forget myself..."));
                }
                let Some(_) = self.cluster.nodes.get(first) else { return Err(unknown_node(first)) };
                if self.cluster.mine().is_some_and(|me| me.master == first) {
                    return Err(Resp::error("ERR Can't forget my master!"));
                }
                self.drop_node(sys, first);
                self.cluster.forgotten.insert(first.to_string(), now + Duration::secs(60));
                self.cluster.unsaved = true;
                Resp::ok()
            }
            "reset" => {
                let hard = match first.to_ascii_lowercase().as_str() {
                    "hard" => true,
                    "" | "soft" => false,
                    _ => return Err(Resp::error("ERR syntax error")),
                };
                if !self.cluster.is_replica() && self.dbs.values().any(|db| !db.is_empty()) {
                    return Err(Resp::error("ERR CLUSTER RESET can't be called with master nodes containing keys"));
                }
                if self.cluster.is_replica() {
                    self.dbs.clear();
                }
                self.forget_all(hard, sys);
                Resp::ok()
            }
            "saveconfig" => match self.write_nodes(sys) {
                Ok(()) => Resp::ok(),
                Err(fault) => {
                    let why = sys.text(fault);
                    Resp::error(format!("ERR error saving the cluster node config: {why}"))
                }
            },
            "replicas" | "slaves" => {
                let Some(master) = self.cluster.nodes.get(first) else { return Err(unknown_node(first)) };
                if master.is_replica {
                    return Err(Resp::error("ERR The specified node is not a master"));
                }
                let text = self.nodes_text(now, false);
                let of = |line: &&str| line.split(' ').nth(3) == Some(first);
                Resp::list(text.lines().filter(of).map(str::to_string))
            }
            "count-failure-reports" => match self.cluster.nodes.get(first) {
                Some(node) => Resp::Int(node.reports.len() as i64),
                None => return Err(unknown_node(first)),
            },
            _ => {
                let text = format!("ERR unknown subcommand '{}'. Try CLUSTER HELP.", shown(words.get(1)));
                return Err(Resp::error(text));
            }
        })
    }

    fn keys_in(&self, slot: u16) -> Vec<Text> {
        let all = self.dbs.get(&0).into_iter().flat_map(|db| db.keys());
        all.filter(|k| slots::of_key(k) == slot).cloned().collect()
    }

    fn change_slots(&mut self, adds: bool, ranges: &[(u16, u16)]) -> Result<Resp, Resp> {
        for slot in ranges.iter().flat_map(|(a, b)| *a..=*b) {
            match self.cluster.owner(slot) {
                Some(_) if adds => return Err(Resp::error(format!("ERR Slot {slot} is already busy"))),
                None if !adds => return Err(Resp::error(format!("ERR Slot {slot} is already unassigned"))),
                _ => {}
            }
        }
        for (first, last) in ranges {
            if adds {
                self.cluster.mine_mut().slots.add(*first, *last);
            } else {
                self.cluster.nodes.values_mut().for_each(|n| n.slots.remove(*first, *last));
            }
        }
        self.cluster.changed();
        Ok(Resp::ok())
    }

    fn replicate_node(&mut self, id: &str) -> Result<Resp, Resp> {
        let Some(node) = self.cluster.nodes.get(id) else { return Err(unknown_node(id)) };
        if *id == self.cluster.me {
            return Err(Resp::error("ERR Can't replicate myself"));
        }
        if node.is_replica {
            return Err(Resp::error("ERR I can only replicate a master, not a replica."));
        }
        let has_slots = self.cluster.mine().is_some_and(|me| !me.is_replica && !me.slots.is_empty());
        if has_slots || !self.cluster.is_replica() && self.dbs.values().any(|db| !db.is_empty()) {
            return Err(Resp::error("ERR To set a master the node must be empty and without assigned slots."));
        }
        self.become_replica_of(id);
        Ok(Resp::ok())
    }

    fn set_slot(&mut self, sys: &mut Sys<'_>, words: &[Text]) -> Result<Resp, Resp> {
        if self.cluster.is_replica() {
            return Err(Resp::error("ERR You can use SETSLOT only with masters."));
        }
        let slot = slot(words.get(2))?;
        let how = shown(words.get(3)).to_ascii_lowercase();
        let id = shown(words.get(4));
        if how == "stable" {
            self.cluster.importing.remove(&slot);
            self.cluster.migrating.remove(&slot);
            return Ok(Resp::ok());
        }
        let is_mine = self.cluster.mine().is_some_and(|me| me.slots.has(slot));
        let Some(node) = self.cluster.nodes.get(&id) else {
            return Err(Resp::error(format!("ERR I don't know about node {id}")));
        };
        if node.is_replica {
            return Err(Resp::error("ERR Target node is not a master"));
        }
        match how.as_str() {
            "migrating" if !is_mine => {
                return Err(Resp::error(format!("ERR I'm not the owner of hash slot {slot}")));
            }
            "migrating" => drop(self.cluster.migrating.insert(slot, id)),
            "importing" if is_mine => {
                return Err(Resp::error(format!("ERR I'm already the owner of hash slot {slot}")));
            }
            "importing" => drop(self.cluster.importing.insert(slot, id)),
            "node" => {
                if is_mine && id != self.cluster.me && !self.keys_in(slot).is_empty() {
                    return Err(Resp::error(format!(
                        "ERR Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."
                    )));
                }
                self.cluster.migrating.remove(&slot);
                self.cluster.nodes.values_mut().for_each(|n| n.slots.remove(slot, slot));
                if let Some(node) = self.cluster.nodes.get_mut(&id) {
                    node.slots.add(slot, slot);
                }
                if id == self.cluster.me && self.cluster.importing.remove(&slot).is_some() {
                    // The slot is claimed with an epoch of its own, so that all believe it.
                    let greatest = self.cluster.nodes.values().map(|n| n.epoch).max().unwrap_or(0);
                    if self.cluster.mine().is_some_and(|me| me.epoch < greatest || me.epoch == 0) {
                        self.cluster.epoch += 1;
                        let epoch = self.cluster.epoch;
                        self.cluster.mine_mut().epoch = epoch;
                        let sign = self.sign();
                        self.say(sys, sign, &format!("New configEpoch set to {epoch}"));
                    }
                }
                let served = self.cluster.mine().is_some_and(|me| me.slots.is_empty());
                if is_mine && served && id != self.cluster.me {
                    let sign = self.sign();
                    self.say(
                        sys,
                        sign,
                        &format!("Configuration change detected. Reconfiguring myself as a replica of {id}"),
                    );
                    self.become_replica_of(&id);
                }
                self.cluster.changed();
            }
            _ => {
                return Err(Resp::error("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"));
            }
        }
        self.cluster.unsaved = true;
        Ok(Resp::ok())
    }

    fn cluster_info(&self, sys: &Sys<'_>) -> String {
        let cluster = &self.cluster;
        let count = |wanted: &dyn Fn(&Node) -> bool| -> usize {
            cluster.nodes.values().filter(|n| wanted(n)).map(|n| n.slots.len()).sum()
        };
        let epoch = match cluster.mine() {
            Some(me) if me.is_replica => cluster.nodes.get(&me.master).map_or(0, |m| m.epoch),
            Some(me) => me.epoch,
            None => 0,
        };
        // Each node pings one other a second or so.
        let pings = (sys.now() - cluster.since).0.max(0) / 1000 * i64::from(cluster.nodes.len() > 1);
        let meets = cluster.nodes.len().saturating_sub(1).min(1) as i64;
        let mut lines = vec![
            format!("cluster_state:{}", if cluster.is_ok { "ok" } else { "fail" }),
            format!("cluster_slots_assigned:{}", count(&|_| true)),
            format!("cluster_slots_ok:{}", count(&|n| !n.fail && !n.pfail)),
            format!("cluster_slots_pfail:{}", count(&|n| n.pfail)),
            format!("cluster_slots_fail:{}", count(&|n| n.fail)),
            format!("cluster_known_nodes:{}", cluster.nodes.len()),
            format!("cluster_size:{}", cluster.size()),
            format!("cluster_current_epoch:{}", cluster.epoch),
            format!("cluster_my_epoch:{epoch}"),
        ];
        if pings > 0 {
            lines.push(format!("cluster_stats_messages_ping_sent:{pings}"));
            lines.push(format!("cluster_stats_messages_pong_sent:{pings}"));
        }
        lines.push(format!("cluster_stats_messages_sent:{}", pings * 2));
        if pings > 0 {
            lines.push(format!("cluster_stats_messages_ping_received:{pings}"));
            lines.push(format!("cluster_stats_messages_pong_received:{pings}"));
            lines.push(format!("cluster_stats_messages_meet_received:{meets}"));
        }
        lines.push(format!("cluster_stats_messages_received:{}", pings * 2 + meets * i64::from(pings > 0)));
        if self.age() >= 700 {
            lines.push("total_cluster_links_buffer_limit_exceeded:0".into());
        }
        lines.iter().map(|l| format!("{l}\r\n")).collect()
    }

    fn slots_answer(&self) -> Resp {
        let age = self.age();
        let one = |id: &String, node: &Node| {
            let mut parts = vec![Resp::bulk(node.ip.clone()), Resp::Int(i64::from(node.port)), Resp::bulk(id.clone())];
            if age >= 700 {
                parts.push(Resp::Array(Vec::new()));
            }
            Resp::Array(parts)
        };
        let mut all: Vec<(u16, Resp)> = Vec::new();
        for (id, node) in self.cluster.nodes.iter().filter(|(_, n)| !n.is_replica) {
            let replicas = || self.cluster.nodes.iter().filter(|(_, n)| n.is_replica && n.master == *id && !n.fail);
            for (first, last) in node.slots.ranges() {
                let mut parts = vec![Resp::Int(i64::from(*first)), Resp::Int(i64::from(*last)), one(id, node)];
                parts.extend(replicas().map(|(id, n)| one(id, n)));
                all.push((*first, Resp::Array(parts)));
            }
        }
        all.sort_by_key(|(first, _)| *first);
        Resp::Array(all.into_iter().map(|(_, r)| r).collect())
    }

    fn shards_answer(&self) -> Resp {
        let mut all = Vec::new();
        for (id, node) in self.cluster.nodes.iter().filter(|(_, n)| !n.is_replica) {
            let ranges =
                node.slots.ranges().iter().flat_map(|(a, b)| [Resp::Int(i64::from(*a)), Resp::Int(i64::from(*b))]);
            let members =
                self.cluster.nodes.iter().filter(|(other, n)| *other == id || n.is_replica && n.master == *id);
            let member = |(id, n): (&String, &Node)| {
                Resp::Array(vec![
                    Resp::bulk("id"),
                    Resp::bulk(id.clone()),
                    Resp::bulk("port"),
                    Resp::Int(i64::from(n.port)),
                    Resp::bulk("ip"),
                    Resp::bulk(n.ip.clone()),
                    Resp::bulk("endpoint"),
                    Resp::bulk(n.ip.clone()),
                    Resp::bulk("role"),
                    Resp::bulk(if n.is_replica { "replica" } else { "master" }),
                    Resp::bulk("replication-offset"),
                    Resp::Int(if *id == self.cluster.me { self.offset } else { n.offset } as i64),
                    Resp::bulk("health"),
                    Resp::bulk(if n.fail { "fail" } else { "online" }),
                ])
            };
            all.push(Resp::Array(vec![
                Resp::bulk("slots"),
                Resp::Array(ranges.collect()),
                Resp::bulk("nodes"),
                Resp::Array(members.map(member).collect()),
            ]));
        }
        Resp::Array(all)
    }
}
