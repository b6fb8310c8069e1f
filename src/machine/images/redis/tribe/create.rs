//! `--cluster create`, `add-node` and `del-node`: who is in the cluster.

use super::{Member, Phase, Tone, Tribe, place};
use crate::api::Duration;
use crate::machine::images::redis::cluster::slots::ALL;
use crate::machine::kernel::{Status, Sys, Turn};

impl Tribe {
    /// Plans a new cluster and shows the plan.
    pub(super) fn plan(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let mut members: Vec<Member> = Vec::new();
        for argument in self.arguments.clone() {
            let Some((ip, port)) = argument.rsplit_once(':').filter(|(_, p)| p.parse::<u16>().is_ok()) else {
                return Err(format!("Invalid address format: {argument}\n"));
            };
            let address = format!("{ip}:{port}");
            let mut view = self.members_of(sys, &address)?;
            let keys = self.ask_text(sys, &address, &["DBSIZE"])?;
            if view.len() > 1 || keys != "0" {
                return Err(format!(
                    "[ERR] Node {address} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.\n"
                ));
            }
            if view.is_empty() {
                return Err(format!("[ERR] Node {address} is not configured as a cluster node.\n"));
            }
            members.push(view.swap_remove(0));
        }
        let count = members.len();
        let masters = count / (self.replicas + 1);
        if masters < 3 {
            return Err(format!(
                "*** ERROR: Invalid configuration for cluster creation.\n*** Redis Cluster requires at least 3 master nodes.\n*** This is not possible with {count} nodes and {} replicas per node.\n*** At least {} nodes are required.\n",
                self.replicas,
                3 * (self.replicas + 1)
            ));
        }
        self.say(sys, Tone::Info, &format!(">>> Performing hash slots allocation on {count} nodes...\n"));
        let mut order = interleave(&members);
        let per = f64::from(ALL) / masters as f64;
        let (mut first, mut cursor) = (0u16, 0.0);
        for (number, at) in order.iter().take(masters).enumerate() {
            let last =
                if number + 1 == masters { ALL - 1 } else { ((cursor + per - 1.0_f64).round() as u16).max(first) };
            sys.out(format!("Master[{number}] -> Slots {first} - {last}\n"));
            members[*at].slots.add(first, last);
            first = last.saturating_add(1);
            cursor += per;
        }
        let chosen: Vec<usize> = order.drain(..masters).collect();
        if !order.is_empty() {
            order.rotate_left(1);
        }
        let mut left: Vec<Option<usize>> = order.into_iter().map(Some).collect();
        let mut assign = |sys: &mut Sys<'_>, members: &mut Vec<Member>, master: usize| {
            let other_host = |at: &Option<usize>| at.is_some_and(|at| members[at].ip != members[master].ip);
            let found = left.iter().position(other_host).or_else(|| left.iter().position(Option::is_some));
            let Some(at) = found.and_then(|f| left[f].take()) else { return };
            sys.out(format!("Adding replica {} to {}\n", members[at].address(), members[master].address()));
            members[at].is_replica = true;
            members[at].master = members[master].id.clone();
        };
        for master in &chosen {
            for _ in 0..self.replicas {
                assign(sys, &mut members, *master);
            }
        }
        let spare = count - masters * (self.replicas + 1);
        if spare > 0 && self.replicas > 0 {
            sys.out("Adding extra replicas...\n");
            chosen.iter().cycle().take(spare).for_each(|master| assign(sys, &mut members, *master));
        }
        for member in &members {
            let text = self.describe(member, &[]);
            sys.out(text);
        }
        self.members = members;
        self.phase = Phase::Confirm;
        if !self.yes {
            sys.out("Can I set the above configuration? (type 'yes' to accept): ");
        }
        Ok(Turn::Again)
    }

    pub(super) fn confirmed(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        if !self.yes {
            match self.line(sys) {
                Ok(line) if line == "yes" => {}
                Ok(_) => return Ok(Turn::Exit(Status::Code(0))),
                Err(wait) => return Ok(wait),
            }
        }
        for member in self.members.iter().filter(|m| !m.is_replica) {
            let slots: Vec<String> = member.slots.iter().map(|s| s.to_string()).collect();
            let mut words = vec!["CLUSTER", "ADDSLOTS"];
            words.extend(slots.iter().map(String::as_str));
            self.ask_text(sys, &member.address(), &words)?;
        }
        self.say(sys, Tone::Info, ">>> Nodes configuration updated\n");
        self.say(sys, Tone::Info, ">>> Assign a different config epoch to each node\n");
        for (number, member) in self.members.iter().enumerate() {
            let _ = self.ask_text(sys, &member.address(), &["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        self.say(sys, Tone::Info, ">>> Sending CLUSTER MEET messages to join the cluster\n");
        let (ip, port) = (self.members[0].ip.clone(), self.members[0].port.to_string());
        for member in &self.members[1..] {
            self.ask_text(sys, &member.address(), &["CLUSTER", "MEET", &ip, &port])?;
        }
        self.phase = Phase::Join;
        self.next = Some(sys.now() + Duration::secs(1));
        Ok(Turn::Again)
    }

    pub(super) fn join(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        if self.dots == 0 {
            sys.out("Waiting for the cluster to join\n");
        }
        let all = self.members.clone();
        let known = self.members_of(sys, &all[0].address())?.len();
        if known < all.len() || self.dots == 0 || !self.agree(sys, &all) {
            self.dots += 1;
            sys.out(".");
            self.next = Some(sys.now() + Duration::secs(1));
            return Ok(Turn::Again);
        }
        sys.out("\n");
        for member in all.iter().filter(|m| m.is_replica) {
            self.ask_text(sys, &member.address(), &["CLUSTER", "REPLICATE", &member.master])?;
        }
        // What replicas are is known everywhere a moment later.
        if self.questions == 0 {
            self.questions = 1;
            self.phase = Phase::Added;
            self.next = Some(sys.now() + Duration::millis(500));
            return Ok(Turn::Again);
        }
        Ok(Turn::Exit(Status::Code(0)))
    }

    pub(super) fn make_replica(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        if self.command == "create" {
            let well = self.check(sys, &self.members[0].address())?;
            return Ok(Turn::Exit(Status::Code(u8::from(!well))));
        }
        // A node was added.
        let new = place(&self.arguments[0]);
        if self.dots < 30 && self.members_of(sys, &new)?.len() < self.members.len() + 1 {
            self.dots += 1;
            self.next = Some(sys.now() + Duration::secs(1));
            return Ok(Turn::Again);
        }
        if self.adds_replica {
            sys.out("Waiting for the cluster to join\n\n");
            let master = self.master_id.clone();
            let at = self.members.iter().find(|m| m.id == master).map(Member::address).unwrap_or_default();
            self.say(sys, Tone::Info, &format!(">>> Configure node as replica of {at}.\n"));
            self.ask_text(sys, &new, &["CLUSTER", "REPLICATE", &master])?;
        }
        self.say(sys, Tone::Good, "[OK] New node added correctly.\n");
        Ok(Turn::Exit(Status::Code(0)))
    }

    pub(super) fn add_node(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let (new, known) = (place(&self.arguments[0]), place(&self.arguments[1]));
        self.say(sys, Tone::Info, &format!(">>> Adding node {new} to cluster {known}\n"));
        if !self.check(sys, &known)? {
            return Ok(Turn::Exit(Status::Code(1)));
        }
        let all: Vec<Member> = self.members_of(sys, &known)?.into_iter().filter(|m| !m.fails).collect();
        if self.adds_replica {
            let replicas = |id: &str| all.iter().filter(|m| m.is_replica && m.master == id).count();
            let masters = || all.iter().filter(|m| !m.is_replica && !m.slots.is_empty());
            if self.master_id.is_empty() {
                let chosen = masters().min_by_key(|m| replicas(&m.id));
                if let Some(master) = chosen {
                    sys.out(format!("Automatically selected master {}\n", master.address()));
                    self.master_id = master.id.clone();
                }
            } else if !masters().any(|m| m.id == self.master_id) {
                return Err(format!("[ERR] No such master ID {}\n", self.master_id));
            }
        }
        let view = self.members_of(sys, &new)?;
        if view.len() > 1 || self.ask_text(sys, &new, &["DBSIZE"])? != "0" {
            return Err(format!(
                "[ERR] Node {new} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.\n"
            ));
        }
        self.say(sys, Tone::Info, &format!(">>> Send CLUSTER MEET to node {new} to make it join the cluster.\n"));
        let (ip, port) = known.rsplit_once(':').unwrap_or((&known, "6379"));
        self.ask_text(sys, &new, &["CLUSTER", "MEET", ip, port])?;
        self.members = all;
        self.phase = Phase::Added;
        self.next = Some(sys.now() + Duration::secs(1));
        Ok(Turn::Again)
    }

    pub(super) fn remove_node(&mut self, sys: &mut Sys<'_>) -> Result<Turn, String> {
        let (known, id) = (place(&self.arguments[0]), self.arguments[1].to_lowercase());
        self.say(sys, Tone::Info, &format!(">>> Removing node {id} from cluster {known}\n"));
        let all: Vec<Member> = self.members_of(sys, &known)?.into_iter().filter(|m| !m.fails).collect();
        let Some(gone) = all.iter().find(|m| m.id == id).cloned() else {
            return Err(format!("[ERR] No such node ID {id}\n"));
        };
        if !gone.slots.is_empty() {
            return Err(format!("[ERR] Node {} is not empty! Reshard data away and try again.\n", gone.address()));
        }
        self.say(sys, Tone::Info, ">>> Sending CLUSTER FORGET messages to the cluster...\n");
        for member in all.iter().filter(|m| m.id != id) {
            if member.is_replica && member.master == id {
                let other = all.iter().find(|m| !m.is_replica && m.id != id).cloned().unwrap_or_default();
                self.say(sys, Tone::Info, &format!(">>> {} as replica of {}\n", member.address(), other.address()));
                let _ = self.ask_text(sys, &member.address(), &["CLUSTER", "REPLICATE", &other.id]);
            }
            self.ask_text(sys, &member.address(), &["CLUSTER", "FORGET", &id])?;
        }
        self.say(sys, Tone::Info, ">>> Sending CLUSTER RESET SOFT to the deleted node.\n");
        let _ = self.ask_text(sys, &gone.address(), &["CLUSTER", "RESET", "SOFT"]);
        Ok(Turn::Exit(Status::Code(0)))
    }
}

/// The nodes host by host, so that neighbours are on different ones where that can be.
fn interleave(members: &[Member]) -> Vec<usize> {
    let mut hosts: Vec<(&str, Vec<usize>)> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        match hosts.iter_mut().find(|(ip, _)| *ip == member.ip) {
            Some((_, all)) => all.push(at),
            None => hosts.push((&member.ip, vec![at])),
        }
    }
    let mut order = Vec::new();
    for round in 0..members.len() {
        order.extend(hosts.iter().filter_map(|(_, all)| all.get(round).copied()));
    }
    order
}
