//! Who is there: members tell each other of all that they know, and notice who is not.
//!
//! Mirrors what the documentation says of Serf and memberlist: suspicion, failure, leaving, names that are taken anew.

use serde::{Deserialize, Serialize};

use super::{Consul, Member, Standing};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Fd, Input, Sys};
use crate::machine::net::Reply;

/// How long a member is suspected before it counts as failed.
const SUSPICION: Duration = Duration::secs(4);

/// How often one that failed is tried again: `reconnect_interval`.
const RECONNECT: Duration = Duration::secs(30);

/// What one member says to another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Packet {
    from: String,
    id: String,
    pub(super) term: u64,
    pub(super) leader: Option<String>,
    pub(super) index: u64,
    members: Vec<(String, Member)>,
    pub(super) say: Say,
}

/// What it is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Say {
    Hello,
    /// The sender leaves.
    Leave,
    Raft(super::raft::Word),
}

impl Packet {
    /// The id of who says it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Consul {
    pub(super) fn packet(&self, say: Say) -> Packet {
        Packet {
            from: self.settings.node.clone(),
            id: self.id.clone(),
            term: self.term,
            leader: self.leader.clone(),
            index: self.state.index,
            members: self.members.iter().map(|(n, m)| (n.clone(), Member { link: None, ..m.clone() })).collect(),
            say,
        }
    }

    pub(super) fn hear_links(&mut self, sys: &mut Sys<'_>) {
        let links: Vec<(String, Fd)> =
            self.members.iter().filter_map(|(n, m)| m.link.map(|fd| (n.clone(), fd))).collect();
        for (name, fd) in links {
            if !matches!(sys.read(fd, 1 << 16), Ok(Input::Wait | Input::Bytes(_))) {
                self.lose(sys, &name);
            }
        }
    }

    /// Notes that a member does not answer.
    fn lose(&mut self, sys: &mut Sys<'_>, name: &str) {
        let now = sys.now();
        let Some(member) = self.members.get_mut(name) else { return };
        if let Some(fd) = member.link.take() {
            let _ = sys.close(fd);
        }
        member.tried = now;
        if member.standing == Standing::Alive {
            (member.standing, member.since) = (Standing::Suspect, now);
            let area = self.area();
            self.say(
                sys,
                "INFO",
                &format!("agent.{area}.memberlist.lan: memberlist: Suspect {name} has failed, no acks received"),
            );
        }
        self.look_at(now + Duration::secs(1));
    }

    fn area(&self) -> &'static str {
        if self.settings.server { "server" } else { "client" }
    }

    pub(super) fn look_at(&mut self, at: Time) {
        self.looks_at = Some(self.looks_at.map_or(at, |known| known.min(at)));
    }

    /// Talks with all others, and finds out who has failed.
    pub(super) fn look_after_others(&mut self, sys: &mut Sys<'_>) {
        let now = sys.now();
        self.looks_at = None;
        self.news = false;
        let others: Vec<String> = self.members.keys().filter(|n| **n != self.settings.node).cloned().collect();
        for name in &others {
            let Some(member) = self.members.get(name) else { continue };
            let waits = member.standing == Standing::Failed && now < member.tried + RECONNECT;
            if member.standing != Standing::Left && !waits {
                self.talk(sys, name, Say::Hello);
            }
        }
        for name in &others {
            let Some(member) = self.members.get_mut(name) else { continue };
            match member.standing {
                Standing::Suspect if now - member.since >= SUSPICION => {
                    (member.standing, member.since) = (Standing::Failed, now);
                    let area = self.area();
                    self.say(sys, "INFO", &format!("agent.{area}.memberlist.lan: memberlist: Marking {name} as failed, suspect timeout reached (0 peer confirmations)"));
                    self.tell_of(sys, name, "Failed");
                    self.news = true;
                }
                Standing::Suspect => self.look_at(now + Duration::secs(1)),
                _ => {}
            }
            if self.members.get(name).is_some_and(|m| m.standing == Standing::Failed) {
                self.look_at(now + RECONNECT);
            }
        }
    }

    /// Writes what happened to a member into the log.
    fn tell_of(&mut self, sys: &mut Sys<'_>, name: &str, what: &str) {
        let Some(member) = self.members.get(name).cloned() else { return };
        let (area, dc) = (self.area(), self.settings.datacenter.clone());
        let server = format!("\"{name} (Addr: tcp/{}:8300) (DC: {dc})\"", member.ip);
        self.say(sys, "INFO", &format!("agent.{area}.serf.lan: serf: EventMember{what}: {name} {}", member.ip));
        if member.server {
            let does = if what == "Join" { "Adding" } else { "Removing" };
            self.say(sys, "INFO", &format!("agent.{area}: {does} LAN server: server={server}"));
        }
        if self.leads {
            let text = match what {
                "Join" => "member joined, marking health alive",
                "Failed" => "member failed, marking health critical",
                _ => "deregistering member",
            };
            let rest = if what == "Leave" { " reason=left" } else { "" };
            self.say(sys, "INFO", &format!("agent.server: {text}: member={name} partition=default{rest}"));
        }
    }

    fn link_to(sys: &mut Sys<'_>, ip: &str) -> Option<Fd> {
        sys.connect(ip.parse().ok()?, 8301).ok()
    }

    fn exchange(sys: &mut Sys<'_>, fd: Fd, packet: &Packet) -> Option<Packet> {
        sys.write(fd, &postcard::to_stdvec(packet).ok()?).ok()?;
        let mut bytes = Vec::new();
        while let Ok(Input::Bytes(more)) = sys.read(fd, 1 << 16) {
            bytes.extend(more);
        }
        postcard::from_bytes(&bytes).ok()
    }

    /// Says something to a member; what it answers.
    pub(super) fn talk(&mut self, sys: &mut Sys<'_>, name: &str, say: Say) -> Option<Say> {
        let member = self.members.get(name)?;
        let (ip, id) = (member.ip.clone(), member.id.clone());
        let fd = member.link.or_else(|| Consul::link_to(sys, &ip));
        let answer = fd.and_then(|fd| Consul::exchange(sys, fd, &self.packet(say)).map(|a| (fd, a)));
        match answer {
            // Another agent has that address by now, or the name: it speaks for itself.
            Some((fd, answer)) if answer.id == id => {
                let now = sys.now();
                if let Some(member) = self.members.get_mut(name) {
                    member.link = Some(fd);
                    member.tried = now;
                }
                self.heard(sys, &answer, None);
                Some(answer.say)
            }
            other => {
                if let Some(member) = self.members.get_mut(name) {
                    member.link = None;
                }
                if let Some(fd) = fd {
                    let _ = sys.close(fd);
                }
                self.lose(sys, name);
                drop(other);
                None
            }
        }
    }

    /// Joins the agents at some addresses; with how many that worked.
    pub(super) fn join(&mut self, sys: &mut Sys<'_>, addresses: &[String]) -> usize {
        let mut count = 0;
        for ip in addresses {
            if *ip == self.settings.bind {
                count += 1;
                continue;
            }
            let Some(fd) = Consul::link_to(sys, ip) else { continue };
            if let Some(answer) = Consul::exchange(sys, fd, &self.packet(Say::Hello)) {
                count += 1;
                self.heard(sys, &answer, None);
            }
            let _ = sys.close(fd);
        }
        self.news |= count > 0;
        count
    }

    pub(super) fn on_gossip(&mut self, sys: &mut Sys<'_>, _ip: &str, bytes: &[u8]) -> Reply {
        let Ok(packet) = postcard::from_bytes::<Packet>(bytes) else {
            return Reply { close: true, ..Reply::default() };
        };
        let say = self.heard(sys, &packet, Some(()));
        let answer = self.packet(say.unwrap_or(Say::Hello));
        Reply { bytes: postcard::to_stdvec(&answer).unwrap_or_default(), ..Reply::default() }
    }

    /// Learns from a packet; where it was asked, what it answers.
    fn heard(&mut self, sys: &mut Sys<'_>, packet: &Packet, asked: Option<()>) -> Option<Say> {
        let now = sys.now();
        for (name, said) in &packet.members {
            let speaks_for_itself = *name == packet.from;
            if *name == self.settings.node {
                // Somebody believes that it is gone: it says with more weight that it is not.
                if said.standing != Standing::Alive
                    && said.id == self.id
                    && said.turn >= self.turn
                    && self.leaving.is_none()
                {
                    self.turn = said.turn + 1;
                    if let Some(me) = self.members.get_mut(name) {
                        me.turn = said.turn + 1;
                    }
                    self.news = true;
                }
                continue;
            }
            let known = self.members.get(name).cloned();
            let newer = match &known {
                None => said.standing != Standing::Left,
                Some(known) if known.id != said.id => said.turn > known.turn,
                Some(known) if said.turn > known.turn => true,
                Some(known) if said.turn < known.turn => false,
                // Of equal weight, worse news count, but for suspicions: everybody makes his own.
                Some(known) => said.standing > known.standing && said.standing != Standing::Suspect,
            };
            if !newer {
                if speaks_for_itself && asked.is_none() {
                    self.revive(sys, name);
                }
                if let (true, Some(member)) = (speaks_for_itself, self.members.get_mut(name)) {
                    member.index = packet.index;
                }
                continue;
            }
            let mut member = Member {
                link: None,
                since: now,
                tried: known.as_ref().map_or(Time::default(), |k| k.tried),
                ..said.clone()
            };
            if member.standing == Standing::Suspect {
                member.standing = Standing::Alive;
            }
            if let Some(Member { link: Some(fd), id, .. }) = &known {
                if *id == member.id {
                    member.link = Some(*fd);
                } else {
                    let _ = sys.close(*fd);
                }
            }
            let was = known.as_ref().map(|k| (k.standing, k.id.clone()));
            let is = member.standing;
            let same = was.as_ref().is_some_and(|(_, id)| *id == member.id);
            self.members.insert(name.clone(), member);
            match (was.map(|(standing, _)| standing), is) {
                (Some(Standing::Alive | Standing::Suspect), Standing::Alive) if same => {}
                (_, Standing::Alive | Standing::Suspect) => self.tell_of(sys, name, "Join"),
                (Some(Standing::Failed), Standing::Failed) => {}
                (_, Standing::Failed) => self.tell_of(sys, name, "Failed"),
                (Some(Standing::Left), Standing::Left) => {}
                (_, Standing::Left) => self.tell_of(sys, name, "Leave"),
            }
            self.news = true;
        }
        self.hear_term(sys, packet);
        match &packet.say {
            Say::Hello => None,
            Say::Leave => {
                self.mark_left(sys, &packet.from);
                None
            }
            Say::Raft(word) => self.on_raft(sys, packet, word).map(Say::Raft),
        }
    }

    /// Notes that a member that was suspected or had failed answers.
    fn revive(&mut self, sys: &mut Sys<'_>, name: &str) {
        let now = sys.now();
        let Some(member) = self.members.get_mut(name) else { return };
        match member.standing {
            Standing::Suspect => (member.standing, member.since) = (Standing::Alive, now),
            Standing::Failed => {
                (member.standing, member.since) = (Standing::Alive, now);
                member.turn += 1;
                self.tell_of(sys, name, "Join");
                self.news = true;
            }
            _ => {}
        }
    }

    pub(super) fn mark_left(&mut self, sys: &mut Sys<'_>, name: &str) {
        let now = sys.now();
        let Some(member) = self.members.get_mut(name).filter(|m| m.standing != Standing::Left) else { return };
        (member.standing, member.since) = (Standing::Left, now);
        member.turn += 1;
        if let Some(fd) = member.link.take() {
            let _ = sys.close(fd);
        }
        self.tell_of(sys, name, "Leave");
        self.news = true;
    }

    /// Says farewell to all.
    pub(super) fn leave(&mut self, sys: &mut Sys<'_>) {
        if self.leads {
            self.give_up_voter(sys);
        }
        let (node, ip, dc) = (self.settings.node.clone(), self.settings.bind.clone(), self.settings.datacenter.clone());
        let area = self.area();
        if self.settings.server {
            self.say(sys, "INFO", &format!("agent.server.serf.wan: serf: EventMemberLeave: {node}.{dc} {ip}"));
        }
        self.say(sys, "INFO", &format!("agent.{area}.serf.lan: serf: EventMemberLeave: {node} {ip}"));
        let others: Vec<String> = self.alive().map(|(n, _)| n.clone()).filter(|n| *n != node).collect();
        for name in others {
            self.talk(sys, &name, Say::Leave);
        }
        (self.leads, self.leader) = (false, None);
        if let Some(me) = self.members.get_mut(&node) {
            me.standing = Standing::Left;
        }
        if self.settings.server {
            // Who left does not stand for election when it is started again.
            self.state.voters.clear();
            self.unsaved = true;
        }
    }
}
