//! Consensus: who leads, who votes, and what is written.
//!
//! Mirrors what the documentation says of Raft in Consul: bootstrapping by expectation, elections, quorum, autopilot's
//! cleaning up of dead servers. A write is made where most voters have it; who forwards one to the leader counts as having
//! it and takes it from the answer, since it waits for that.

use serde::{Deserialize, Serialize};

use super::serf::{Packet, Say};
use super::{Consul, Standing, State, Voter};
use crate::api::{Duration, Time};
use crate::machine::kernel::Sys;

/// How often a leader looks for dead servers: autopilot's interval.
const PRUNE: Duration = Duration::secs(10);

/// What the log holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Change {
    Put(String, Vec<u8>, u64),
    Delete(String),
    DeleteTree(String),
    Voters(Vec<Voter>),
    /// A new leader's first entry.
    Noop,
}

/// What servers say to each other about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Word {
    AskVote(u64),
    Vote(bool),
    /// A change after an index.
    Append(u64, Change),
    /// All there is.
    Whole(State),
    /// Whether it was taken.
    Taken(bool),
    Forward(Change),
    /// A client wants all there is.
    Fetch,
    /// It was made: all there is then; or why not.
    Done(Result<State, String>),
}

/// What a server says that cannot answer.
pub(super) const NO_LEADER: &str = "No cluster leader";

impl Consul {
    fn is_voter(&self) -> bool {
        self.state.voters.iter().any(|v| v.id == self.id)
    }

    fn majority(&self) -> usize {
        self.state.voters.len() / 2 + 1
    }

    /// The name of the member with an id, where it is there.
    fn name_of(&self, id: &str) -> Option<String> {
        self.alive().find(|(_, m)| m.id == *id).map(|(n, _)| n.clone())
    }

    /// Whether that member answered last.
    fn answers(&self, id: &str) -> bool {
        *id == self.id || self.members.values().any(|m| m.id == *id && m.standing == Standing::Alive)
    }

    fn reachable(&self) -> usize {
        self.state.voters.iter().filter(|v| self.answers(&v.id)).count()
    }

    /// Becomes the first voters with the servers that are there, where as many are expected.
    pub(super) fn bootstrap(&mut self, sys: &mut Sys<'_>) {
        let servers: Vec<Voter> = self
            .alive()
            .filter(|(_, m)| m.server)
            .map(|(name, m)| Voter { id: m.id.clone(), name: name.clone(), ip: m.ip.clone() })
            .collect();
        let peers: Vec<String> = servers.iter().map(|v| format!("{}:8300", v.ip)).collect();
        if self.settings.expect > 1 {
            self.say(
                sys,
                "INFO",
                &format!(
                    "agent.server: Found expected number of peers, attempting bootstrap: peers={}",
                    peers.join(",")
                ),
            );
        }
        self.state.voters = servers;
        self.state.index = 1;
        self.unsaved = true;
        self.stand_later(sys);
    }

    /// Plans to stand for election, where it votes and nobody leads.
    pub(super) fn stand_later(&mut self, sys: &mut Sys<'_>) {
        if self.is_voter() && self.leader.is_none() && self.stands_at.is_none() {
            // The lowest of the reachable ones is the first to lose patience.
            let lot = (sys.random() % 4000) as i64;
            let first = if self.settings.expect == 1 { 1000 } else { 5000 };
            self.stands_at = Some(sys.now() + Duration::millis(first + lot));
        }
    }

    /// Looks at what follows from who is there.
    pub(super) fn consider(&mut self, sys: &mut Sys<'_>) {
        if !self.settings.server || self.leaving.is_some() {
            return;
        }
        let now = sys.now();
        if self.state.voters.is_empty() && self.settings.expect > 0 && self.leader.is_none() {
            let servers: Vec<_> = self.alive().filter(|(_, m)| m.server).collect();
            let fresh = servers.iter().all(|(_, m)| m.index == 0 && m.expect == self.settings.expect);
            if servers.len() as u32 >= self.settings.expect && fresh {
                self.bootstrap(sys);
            }
        }
        if self.leads {
            self.lead(sys);
        } else if let Some(leader) = self.leader.clone() {
            let gone = !self.answers(&leader);
            let known = self.members.values().any(|m| m.id == leader && m.standing != Standing::Left);
            if gone || !known {
                // A leader that is only suspected may be back within the heartbeat's timeout.
                let failed = !self.members.values().any(|m| m.id == leader && m.standing == Standing::Suspect);
                if failed {
                    let ip =
                        self.state.voters.iter().find(|v| v.id == leader).map(|v| v.ip.clone()).unwrap_or_default();
                    self.say(sys, "WARN", &format!("agent.server.raft: heartbeat timeout reached, starting election: last-leader-addr={ip}:8300 last-leader-id={leader}"));
                    self.leader = None;
                    self.stands_at = Some(now + Duration::millis((sys.random() % 2000) as i64));
                }
            } else {
                self.stands_at = None;
            }
        } else {
            self.stand_later(sys);
        }
        if self.stands_at.is_some_and(|at| at <= now) {
            self.stands_at = None;
            self.stand(sys);
        }
    }

    /// Asks the voters for their votes.
    fn stand(&mut self, sys: &mut Sys<'_>) {
        if !self.is_voter() || self.leader.is_some() {
            return;
        }
        let needed = self.majority();
        if self.reachable() < needed {
            // Nobody could win: it waits until somebody is back.
            self.say(sys, "ERROR", "agent.anti_entropy: failed to sync remote state: error=\"No cluster leader\"");
            return;
        }
        let me = self.address();
        self.term += 1;
        self.voted = self.term;
        self.unsaved = true;
        let term = self.term;
        self.say(
            sys,
            "INFO",
            &format!("agent.server.raft: entering candidate state: node=\"Node at {me} [Candidate]\" term={term}"),
        );
        let mut votes = 1;
        for voter in self.state.voters.clone() {
            let Some(name) = self.name_of(&voter.id).filter(|_| voter.id != self.id) else { continue };
            if let Some(Say::Raft(Word::Vote(true))) = self.talk(sys, &name, Say::Raft(Word::AskVote(term))) {
                votes += 1;
            }
        }
        if votes < needed || self.term != term {
            self.say(sys, "WARN", "agent.server.raft: Election timeout reached, restarting election");
            self.stands_at = Some(sys.now() + Duration::millis(5000 + (sys.random() % 5000) as i64));
            return;
        }
        self.say(sys, "INFO", &format!("agent.server.raft: election won: term={term} tally={votes}"));
        self.say(sys, "INFO", &format!("agent.server.raft: entering leader state: leader=\"Node at {me} [Leader]\""));
        for voter in self.state.voters.clone().iter().filter(|v| v.id != self.id) {
            self.say(sys, "INFO", &format!("agent.server.raft: added peer, starting replication: peer={}", voter.id));
        }
        self.say(sys, "INFO", "agent.server: cluster leadership acquired");
        self.leads = true;
        self.leader = Some(self.id.clone());
        let node = self.settings.node.clone();
        self.say(sys, "INFO", &format!("agent.server: New leader elected: payload={node}"));
        self.state.term = term;
        if self.write(sys, &Change::Noop, None).is_err() {
            return;
        }
        let members: Vec<String> = self.alive().map(|(n, _)| n.clone()).collect();
        for name in members {
            self.say(
                sys,
                "INFO",
                &format!("agent.server: member joined, marking health alive: member={name} partition=default"),
            );
        }
        self.say(sys, "INFO", "agent: Synced node info");
        self.news = true;
    }

    /// What a leader does as members come and go.
    fn lead(&mut self, sys: &mut Sys<'_>) {
        let now = sys.now();
        if self.reachable() < self.majority() {
            return self.step_down(sys);
        }
        // Servers that are new become voters, and one that has a name's new agent takes the old one's place.
        let mut voters = self.state.voters.clone();
        let servers: Vec<(String, String, String)> = self
            .members
            .iter()
            .filter(|(_, m)| m.server && m.standing == Standing::Alive)
            .map(|(n, m)| (n.clone(), m.id.clone(), m.ip.clone()))
            .collect();
        for (name, id, ip) in &servers {
            match voters.iter_mut().find(|v| v.id == *id) {
                Some(voter) => voter.ip.clone_from(ip),
                None => {
                    if let Some(old) = voters.iter().find(|v| v.name == *name).cloned() {
                        self.say(
                            sys,
                            "INFO",
                            &format!("agent.server: removed server with duplicate address: address={}:8300", old.ip),
                        );
                    }
                    voters.retain(|v| v.name != *name);
                    voters.push(Voter { id: id.clone(), name: name.clone(), ip: ip.clone() });
                    self.say(sys, "INFO", &format!("agent.server.raft: updating configuration: command=AddVoter server-id={id} server-addr={ip}:8300"));
                }
            }
        }
        voters.retain(|v| {
            let member = self.members.get(&v.name);
            v.id == self.id || !member.is_some_and(|m| m.id == v.id && m.standing == Standing::Left)
        });
        voters.sort_by(|a, b| a.name.cmp(&b.name));
        if voters != self.state.voters {
            for gone in self.state.voters.clone().iter().filter(|v| !voters.iter().any(|n| n.id == v.id)) {
                self.say(
                    sys,
                    "INFO",
                    &format!(
                        "agent.server.raft: updating configuration: command=RemoveServer server-id={} server-addr=",
                        gone.id
                    ),
                );
            }
            if self.write(sys, &Change::Voters(voters), None).is_err() {
                return;
            }
        }
        // Who is behind gets what it missed.
        let behind: Vec<String> = self
            .alive()
            .filter(|(n, m)| {
                m.server && **n != self.settings.node && m.index != self.state.index && m.standing == Standing::Alive
            })
            .map(|(n, _)| n.clone())
            .collect();
        for name in behind {
            self.bring_up(sys, &name);
        }
        self.prune(sys, now);
    }

    /// Autopilot: dead servers go, as long as most voters live.
    fn prune(&mut self, sys: &mut Sys<'_>, now: Time) {
        let dead: Vec<Voter> = self
            .state
            .voters
            .iter()
            .filter(|v| self.members.get(&v.name).is_some_and(|m| m.id == v.id && m.standing == Standing::Failed))
            .cloned()
            .collect();
        let most = self.state.voters.len().saturating_sub(1) / 2;
        if dead.is_empty() || dead.len() > most {
            self.prunes_at = None;
            return;
        }
        match self.prunes_at {
            None => self.prunes_at = Some(now + PRUNE),
            Some(at) if at > now => {}
            Some(_) => {
                self.prunes_at = None;
                for voter in dead {
                    self.say(sys, "INFO", &format!("agent.server.autopilot: Attempting removal of failed server node: id={} name={} address={}:8300", voter.id, voter.name, voter.ip));
                    self.mark_left(sys, &voter.name);
                }
                self.lead(sys);
            }
        }
    }

    fn step_down(&mut self, sys: &mut Sys<'_>) {
        let me = self.address();
        for voter in self.state.voters.clone().iter().filter(|v| !self.answers(&v.id)) {
            self.say(sys, "WARN", &format!("agent.server.raft: failed to contact: server-id={} time=2.5s", voter.id));
        }
        self.say(sys, "WARN", "agent.server.raft: failed to contact quorum of nodes, stepping down");
        self.say(sys, "INFO", &format!("agent.server.raft: entering follower state: follower=\"Node at {me} [Follower]\" leader-address= leader-id="));
        self.say(sys, "INFO", "agent.server: cluster leadership lost");
        (self.leads, self.leader, self.prunes_at) = (false, None, None);
        self.stand_later(sys);
        self.news = true;
    }

    /// A leader that leaves is no voter any more, and another will lead.
    pub(super) fn give_up_voter(&mut self, sys: &mut Sys<'_>) {
        let voters: Vec<Voter> = self.state.voters.iter().filter(|v| v.id != self.id).cloned().collect();
        if voters.is_empty() {
            return;
        }
        let id = self.id.clone();
        self.say(
            sys,
            "INFO",
            &format!("agent.server.raft: updating configuration: command=RemoveServer server-id={id} server-addr="),
        );
        let written = self.write(sys, &Change::Voters(voters), None);
        let _ = written;
        self.say(sys, "INFO", "agent.server: cluster leadership lost");
    }

    fn bring_up(&mut self, sys: &mut Sys<'_>, name: &str) -> bool {
        let whole = Word::Whole(self.state.clone());
        let taken = matches!(self.talk(sys, name, Say::Raft(whole)), Some(Say::Raft(Word::Taken(true))));
        if let (true, Some(member)) = (taken, self.members.get_mut(name)) {
            member.index = self.state.index;
        }
        taken
    }

    /// Makes a change where most voters take it; `has_it` is one that waits for the answer and takes it from there.
    ///
    /// # Errors
    /// Why it was not made.
    fn write(&mut self, sys: &mut Sys<'_>, change: &Change, has_it: Option<&str>) -> Result<(), String> {
        let before = self.state.clone();
        self.state.apply(change);
        let mut acks = 1;
        let others: Vec<Voter> = before.voters.iter().filter(|v| v.id != self.id).cloned().collect();
        for voter in others {
            if has_it == Some(voter.id.as_str()) {
                acks += 1;
                continue;
            }
            let Some(name) = self.name_of(&voter.id) else { continue };
            let index = self.members.get(&name).map_or(0, |m| m.index);
            let taken = index == before.index
                && matches!(
                    self.talk(sys, &name, Say::Raft(Word::Append(before.index, change.clone()))),
                    Some(Say::Raft(Word::Taken(true)))
                );
            if taken {
                if let Some(member) = self.members.get_mut(&name) {
                    member.index = self.state.index;
                }
                acks += 1;
            } else if self.bring_up(sys, &name) {
                acks += 1;
            }
        }
        if acks < before.voters.len() / 2 + 1 {
            self.state = before;
            self.step_down(sys);
            return Err(NO_LEADER.into());
        }
        self.unsaved = true;
        Ok(())
    }

    /// Makes a change, here or where the leader is.
    ///
    /// # Errors
    /// Why it was not made.
    pub(super) fn propose(&mut self, sys: &mut Sys<'_>, change: Change) -> Result<(), String> {
        if self.leads {
            return self.write(sys, &change, None);
        }
        let leader = self.leader.clone().and_then(|id| self.name_of(&id)).ok_or(NO_LEADER)?;
        match self.talk(sys, &leader, Say::Raft(Word::Forward(change))) {
            Some(Say::Raft(Word::Done(Ok(state)))) => {
                if self.settings.server {
                    self.state = state;
                    self.unsaved = true;
                }
                Ok(())
            }
            Some(Say::Raft(Word::Done(Err(why)))) => Err(why),
            _ => Err(NO_LEADER.into()),
        }
    }

    /// Has what there is: a client asks for it.
    ///
    /// # Errors
    /// Why it has it not.
    pub(super) fn catch_up(&mut self, sys: &mut Sys<'_>) -> Result<(), String> {
        if self.settings.server {
            return Ok(());
        }
        let leader = self.leader.clone().and_then(|id| self.name_of(&id)).ok_or(NO_LEADER)?;
        match self.talk(sys, &leader, Say::Raft(Word::Fetch)) {
            Some(Say::Raft(Word::Done(Ok(state)))) => {
                self.state = state;
                Ok(())
            }
            _ => Err(NO_LEADER.into()),
        }
    }

    /// Takes a term and a leader from what another says.
    pub(super) fn hear_term(&mut self, sys: &mut Sys<'_>, packet: &Packet) {
        if packet.term > self.term {
            self.term = packet.term;
            self.unsaved = true;
            if self.leads {
                self.leads = false;
                self.leader = None;
                let me = self.address();
                self.say(sys, "INFO", &format!("agent.server.raft: entering follower state: follower=\"Node at {me} [Follower]\" leader-address= leader-id="));
                self.say(sys, "INFO", "agent.server: cluster leadership lost");
            }
        }
        let Some(leader) = packet.leader.clone().filter(|_| packet.term == self.term) else { return };
        let there = self.members.iter().find(|(_, m)| m.id == leader && m.standing != Standing::Left);
        let Some((name, _)) = there else { return };
        let name = name.clone();
        if self.leader.as_ref() != Some(&leader) && leader != self.id && self.leaving.is_none() {
            // Only who leads, or hears from the leader, knows.
            let is_alive = self.members.get(&name).is_some_and(|m| m.standing == Standing::Alive);
            if is_alive {
                self.leader = Some(leader);
                self.stands_at = None;
                let area = if self.settings.server { "server" } else { "client" };
                self.say(sys, "INFO", &format!("agent.{area}: New leader elected: payload={name}"));
                self.say(sys, "INFO", "agent: Synced node info");
            }
        }
    }

    pub(super) fn on_raft(&mut self, sys: &mut Sys<'_>, packet: &Packet, word: &Word) -> Option<Word> {
        match word {
            Word::AskVote(term) => {
                let free = self.voted < *term && *term >= self.term && packet.index >= self.state.index;
                if free && !self.leads {
                    self.voted = *term;
                    self.leader = None;
                    self.stands_at = None;
                    self.unsaved = true;
                    if self.state.voters.is_empty() {
                        self.stands_at = None;
                    }
                }
                Some(Word::Vote(free && !self.leads))
            }
            Word::Append(index, change) => {
                let fits = *index == self.state.index && packet.term >= self.term && self.settings.server;
                if fits {
                    self.state.apply(change);
                    self.unsaved = true;
                }
                Some(Word::Taken(fits))
            }
            Word::Whole(state) => {
                let fits = packet.term >= self.term && self.settings.server;
                if fits {
                    self.state = state.clone();
                    self.unsaved = true;
                }
                Some(Word::Taken(fits))
            }
            Word::Forward(change) => {
                if !self.leads {
                    return Some(Word::Done(Err(NO_LEADER.into())));
                }
                let from = self.state.voters.iter().find(|v| packet.id() == v.id).map(|v| v.id.clone());
                let made = self.write(sys, change, from.as_deref());
                if made.is_ok()
                    && let Some(member) = self.members.values_mut().find(|m| Some(&m.id) == from.as_ref())
                {
                    member.index = self.state.index;
                }
                Some(Word::Done(made.map(|()| self.state.clone())))
            }
            Word::Fetch => Some(Word::Done(match self.leader {
                Some(_) => Ok(self.state.clone()),
                None => Err(NO_LEADER.into()),
            })),
            Word::Vote(_) | Word::Taken(_) | Word::Done(_) => None,
        }
    }
}
