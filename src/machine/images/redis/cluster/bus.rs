//! The cluster bus: what nodes say to each other on the port 10000 above their own.
//!
//! Mirrors what the cluster specification says of heartbeats, gossip and configuration epochs; the form is our own.

use serde::{Deserialize, Serialize};

use super::slots::Slots;
use super::{Node, Redis};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Fd, Input, Sys};
use crate::machine::net::{Peer, Reply, Sent};

/// How far the bus is above the port.
pub(in super::super) const PORT_OFFSET: u16 = 10_000;

/// How long after news they are told.
pub(super) const SOON: Duration = Duration::millis(100);

/// How often a node that is silent is tried again.
const AGAIN: Duration = Duration::secs(1);

/// How often one that has failed is tried again: one that is back speaks first.
const SELDOM: Duration = Duration::secs(15);

/// How long a node is silent before it is tried as seldom.
const LONG: Duration = Duration::secs(60);

/// How long a node that was named is tried.
pub(super) const MEETS: Duration = Duration::secs(15);

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum About {
    /// Who hears it is to know the sender from now on.
    Meet,
    Ping,
    Pong,
    /// A node has failed.
    Fail(String),
    /// A replica asks for a vote; even where its master is well.
    AskVote(bool),
    Vote,
}

/// A message, with what its sender says of itself and of others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) about: About,
    pub(super) from: String,
    pub(super) port: u16,
    pub(super) is_replica: bool,
    pub(super) master: String,
    pub(super) epoch: u64,
    pub(super) current: u64,
    pub(super) slots: Slots,
    pub(super) offset: u64,
    /// The address that the sender has for who hears it.
    pub(super) to: String,
    pub(super) gossip: Vec<Gossip>,
    /// Nodes that serve what who hears it claims, by id and epoch.
    pub(super) updates: Vec<(String, u64, Slots)>,
}

/// What a node says of another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Gossip {
    pub(super) id: String,
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) silent: bool,
}

impl Redis {
    fn message(&self, about: About, to: &str) -> Message {
        let cluster = &self.cluster;
        let me = cluster.mine().cloned().unwrap_or_default();
        let known = cluster.nodes.iter().filter(|(id, n)| **id != cluster.me && !n.ip.is_empty());
        Message {
            about,
            from: cluster.me.clone(),
            port: me.port,
            is_replica: me.is_replica,
            master: me.master,
            epoch: me.epoch,
            current: cluster.epoch,
            slots: me.slots,
            offset: self.offset,
            to: to.to_string(),
            gossip: known
                .map(|(id, n)| Gossip { id: id.clone(), ip: n.ip.clone(), port: n.port, silent: n.fail || n.pfail })
                .collect(),
            updates: Vec::new(),
        }
    }

    /// Notes the links that the other ends have closed.
    pub(super) fn hear_links(&mut self, sys: &mut Sys<'_>) {
        let links: Vec<(String, Fd)> =
            self.cluster.nodes.iter().filter_map(|(id, n)| n.link.map(|fd| (id.clone(), fd))).collect();
        for (id, fd) in links {
            if !matches!(sys.read(fd, 1 << 16), Ok(Input::Wait | Input::Bytes(_))) {
                self.lose(sys, &id);
                self.wake_at(sys.now());
            }
        }
    }

    pub(super) fn wake_at(&mut self, at: Time) {
        self.cluster.next = Some(self.cluster.next.map_or(at, |next| next.min(at)));
    }

    fn lose(&mut self, sys: &mut Sys<'_>, id: &str) {
        let now = sys.now();
        let Some(node) = self.cluster.nodes.get_mut(id) else { return };
        if let Some(fd) = node.link.take() {
            let _ = sys.close(fd);
        }
        node.silent.get_or_insert(now);
    }

    pub(super) fn drop_node(&mut self, sys: &mut Sys<'_>, id: &str) {
        if let Some(Node { link: Some(fd), .. }) = self.cluster.nodes.remove(id) {
            let _ = sys.close(fd);
        }
        self.cluster.nodes.values_mut().for_each(|n| {
            n.reports.remove(id);
        });
    }

    /// Talks with all others, and finds out who is silent.
    pub(super) fn look_after_others(&mut self, sys: &mut Sys<'_>) {
        let now = sys.now();
        self.cluster.next = None;
        self.cluster.news = false;
        for (ip, port, until) in std::mem::take(&mut self.cluster.meets) {
            let known = self.cluster.nodes.iter().any(|(id, n)| *id != self.cluster.me && n.ip == ip && n.port == port);
            if !known && !self.meet(sys, &ip, port) && now < until {
                self.cluster.meets.push((ip, port, until));
            }
        }
        for id in self.cluster.others() {
            let Some(node) = self.cluster.nodes.get(&id) else { continue };
            let gone = node.fail || node.silent.is_some_and(|since| now - since > LONG);
            let tried_lately = gone && node.tried.is_some_and(|at| now < at + SELDOM);
            if node.ip.is_empty() || tried_lately && node.link.is_none() {
                continue;
            }
            self.talk(sys, &id, About::Ping);
        }
        let timeout = self.node_timeout();
        let mut news = false;
        for (id, node) in &mut self.cluster.nodes {
            let Some(since) = node.silent.filter(|_| *id != self.cluster.me) else { continue };
            if now - since > timeout && !node.pfail && !node.fail {
                node.pfail = true;
                news = true;
            }
        }
        if news {
            for id in self.cluster.others() {
                if self.cluster.nodes.get(&id).is_some_and(|n| n.link.is_some()) {
                    self.talk(sys, &id, About::Ping);
                }
            }
        }
        for id in self.cluster.others() {
            self.fail_if_agreed(sys, &id);
        }
        self.elect(sys);
        // What is to be done next, and when.
        let mut at: Option<Time> = None;
        let mut by = |time: Time| at = Some(at.map_or(time, |a: Time| a.min(time)));
        if self.cluster.news {
            by(now + SOON);
        }
        if !self.cluster.meets.is_empty() {
            by(now + AGAIN);
        }
        for (id, node) in &self.cluster.nodes {
            if let Some(since) = node.silent.filter(|_| *id != self.cluster.me && !node.ip.is_empty()) {
                let times_out = since + timeout + Duration::millis(1);
                by(match () {
                    () if node.fail || now - since > LONG => now + SELDOM,
                    () if !node.pfail && times_out > now => times_out.min(now + AGAIN),
                    () => now + AGAIN,
                });
            }
        }
        self.cluster.next = at;
    }

    fn link_to(sys: &mut Sys<'_>, ip: &str, port: u16) -> Option<Fd> {
        sys.connect(ip.parse().ok()?, port.saturating_add(PORT_OFFSET)).ok()
    }

    /// Says something on a link, and hears the answer.
    fn exchange(sys: &mut Sys<'_>, fd: Fd, message: &Message) -> Option<Message> {
        sys.write(fd, &postcard::to_stdvec(message).ok()?).ok()?;
        let mut bytes = Vec::new();
        while let Ok(Input::Bytes(more)) = sys.read(fd, 1 << 16) {
            bytes.extend(more);
        }
        postcard::from_bytes(&bytes).ok()
    }

    /// Makes the acquaintance of who is at an address.
    fn meet(&mut self, sys: &mut Sys<'_>, ip: &str, port: u16) -> bool {
        let Some(fd) = Redis::link_to(sys, ip, port) else { return false };
        let answer = Redis::exchange(sys, fd, &self.message(About::Meet, ip));
        let Some(answer) = answer.filter(|a| a.from != self.cluster.me) else {
            let _ = sys.close(fd);
            // It is the node itself: that is no acquaintance, but done.
            return false;
        };
        let id = answer.from.clone();
        self.learn(&id, ip, answer.port);
        if let Some(node) = self.cluster.nodes.get_mut(&id) {
            match node.link {
                None => node.link = Some(fd),
                Some(_) => drop(sys.close(fd)),
            }
        }
        self.heard(sys, &answer, None);
        true
    }

    fn learn(&mut self, id: &str, ip: &str, port: u16) {
        if id != self.cluster.me && !self.cluster.nodes.contains_key(id) {
            let node = Node { ip: ip.to_string(), port, ..Node::default() };
            self.cluster.nodes.insert(id.to_string(), node);
            self.cluster.changed();
        }
    }

    /// Says something to a node; whether it answered, and with what.
    pub(super) fn talk(&mut self, sys: &mut Sys<'_>, id: &str, about: About) -> Option<About> {
        let now = sys.now();
        let node = self.cluster.nodes.get_mut(id)?;
        node.tried = Some(now);
        let (ip, port) = (node.ip.clone(), node.port);
        let fd = match node.link {
            Some(fd) => Some(fd),
            None => Redis::link_to(sys, &ip, port),
        };
        let Some(fd) = fd else {
            self.lose(sys, id);
            return None;
        };
        let message = self.message(about, &ip);
        let answer = Redis::exchange(sys, fd, &message);
        let node = self.cluster.nodes.get_mut(id)?;
        match answer {
            Some(answer) if answer.from == id => {
                node.link = Some(fd);
                self.heard(sys, &answer, None);
                Some(answer.about)
            }
            other => {
                node.link = Some(fd);
                if other.is_some() {
                    // Somebody else has that address by now.
                    (node.ip, node.port) = (String::new(), 0);
                }
                self.lose(sys, id);
                None
            }
        }
    }

    /// Answers what comes on the bus.
    pub(in super::super) fn on_bus(&mut self, sys: &mut Sys<'_>, peer: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        let Ok(message) = postcard::from_bytes::<Message>(bytes) else {
            return Reply { close: true, ..Reply::default() };
        };
        if message.from == self.cluster.me {
            let answer = self.message(About::Pong, "");
            return Reply { bytes: postcard::to_stdvec(&answer).unwrap_or_default(), ..Reply::default() };
        }
        let about = self.heard(sys, &message, Some(&peer.ip.to_string()));
        let mut answer = self.message(about.unwrap_or(About::Pong), &peer.ip.to_string());
        // A master that claims what others serve with a greater epoch is told so.
        if !message.is_replica {
            for (id, node) in
                self.cluster.nodes.iter().filter(|(id, n)| **id != message.from && n.epoch > message.epoch)
            {
                if !node.slots.shared(&message.slots).is_empty() {
                    answer.updates.push((id.clone(), node.epoch, node.slots.clone()));
                }
            }
        }
        Reply { bytes: postcard::to_stdvec(&answer).unwrap_or_default(), ..Reply::default() }
    }

    /// Learns from a message; with an address it was asked, else it is an answer. What to answer beside a pong.
    fn heard(&mut self, sys: &mut Sys<'_>, message: &Message, ip: Option<&str>) -> Option<About> {
        let sign = self.sign();
        if message.about == About::Meet {
            let announced = !self.setting("cluster-announce-ip").is_empty();
            if !announced && !message.to.is_empty() && self.cluster.mine().is_some_and(|me| me.ip != message.to) {
                self.cluster.mine_mut().ip.clone_from(&message.to);
                self.cluster.unsaved = true;
                self.say(sys, sign, &format!("IP address for this node updated to {}", message.to));
            }
            self.cluster.forgotten.remove(&message.from);
            if let Some(ip) = ip {
                self.learn(&message.from, ip, message.port);
            }
        }
        if !self.cluster.nodes.contains_key(&message.from) {
            return None;
        }
        if message.current > self.cluster.epoch {
            self.cluster.epoch = message.current;
            self.cluster.unsaved = true;
        }
        self.greet(sys, message, ip);
        self.hear_role(message);
        if !message.is_replica {
            self.hear_slots(sys, &message.from, message.epoch, &message.slots);
            self.part_epochs(sys, message);
        }
        for (id, epoch, slots) in &message.updates {
            if let Some(node) = self.cluster.nodes.get_mut(id).filter(|n| n.epoch < *epoch || n.is_replica) {
                (node.epoch, node.is_replica) = (*epoch, false);
                node.master.clear();
                self.cluster.unsaved = true;
            }
            if *id != self.cluster.me {
                self.hear_slots(sys, id, *epoch, slots);
            }
        }
        self.hear_gossip(sys, message);
        match &message.about {
            About::Fail(id) => {
                let from = message.from.clone();
                self.hear_of_failure(sys, &from, id);
                None
            }
            About::AskVote(force) => self.votes_for(sys, &message.from, message.current, *force).then_some(About::Vote),
            _ => None,
        }
    }
}
