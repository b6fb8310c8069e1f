//! When a node has failed, and how a replica takes its place.
//!
//! Mirrors the cluster specification: failure detection, replica election and promotion.

use serde::{Deserialize, Serialize};

use super::bus::About;
use super::slots::Slots;
use super::{Node, Redis};
use crate::api::{Duration, Time};
use crate::machine::kernel::Sys;

/// An election that a replica wants to win.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Election {
    /// When it asks for votes.
    pub(super) at: Time,
    /// Whether somebody asked for it though the master is well.
    force: bool,
    /// Whether it has asked and did not get enough.
    asked: bool,
}

impl Redis {
    /// Whether most masters find a node silent: then it has failed, and all are told.
    pub(super) fn fail_if_agreed(&mut self, sys: &mut Sys<'_>, id: &str) {
        let needed = self.cluster.majority();
        let is_master = !self.cluster.is_replica();
        let voters: std::collections::BTreeSet<String> =
            self.cluster.nodes.iter().filter(|(_, n)| !n.is_replica).map(|(id, _)| id.clone()).collect();
        let Some(node) = self.cluster.nodes.get_mut(id) else { return };
        if !node.pfail || node.fail {
            return;
        }
        let reports = node.reports.intersection(&voters).count() + usize::from(is_master);
        if reports < needed {
            return;
        }
        (node.pfail, node.fail, node.failed_at) = (false, true, sys.now());
        let name = if self.age() >= 702 { format!("{id} ()") } else { id.to_string() };
        self.say(sys, '*', &format!("Marking node {name} as failing (quorum reached)."));
        self.cluster.unsaved = true;
        for other in self.cluster.others() {
            if other != id && self.cluster.nodes.get(&other).is_some_and(|n| n.link.is_some()) {
                self.talk(sys, &other, About::Fail(id.to_string()));
            }
        }
        self.wake_at(sys.now());
    }

    /// Notes that another found that a node has failed.
    pub(super) fn hear_of_failure(&mut self, sys: &mut Sys<'_>, from: &str, id: &str) {
        let now = sys.now();
        let Some(node) = self.cluster.nodes.get_mut(id).filter(|n| !n.fail) else { return };
        (node.pfail, node.fail, node.failed_at) = (false, true, now);
        let text = if self.age() >= 702 {
            format!("FAIL message received from {from} () about {id} ()")
        } else {
            format!("FAIL message received from {from} about {id}")
        };
        self.say(sys, '*', &text);
        self.cluster.unsaved = true;
        if let Some(node) = self.cluster.nodes.get_mut(id) {
            node.silent.get_or_insert(now);
        }
        self.wake_at(now);
    }

    /// Whether a replica that asks gets this node's vote.
    pub(super) fn votes_for(&mut self, sys: &mut Sys<'_>, id: &str, epoch: u64, force: bool) -> bool {
        let now = sys.now();
        let pause = Duration(self.node_timeout().0.saturating_mul(2));
        let Some(me) = self.cluster.mine() else { return false };
        if me.is_replica || me.slots.is_empty() {
            return false;
        }
        let name = if self.age() >= 702 { format!("{id} ()") } else { id.to_string() };
        let sign = self.sign();
        let current = self.cluster.epoch;
        let master = self.cluster.nodes.get(id).map(|n| n.master.clone()).unwrap_or_default();
        let denied = if epoch < current {
            Some(format!("reqEpoch ({epoch}) < curEpoch({current})"))
        } else if self.cluster.voted == current {
            Some(format!("already voted for epoch {current}"))
        } else {
            match self.cluster.nodes.get(&master) {
                None => Some("I don't know its master".to_string()),
                Some(master) if !master.fail && !force => Some("its master is up".to_string()),
                Some(Node { voted: Some(at), .. }) if now - *at < pause => {
                    let left = (*at + pause - now).0;
                    Some(format!("can't vote about this master before {left} milliseconds"))
                }
                Some(_) => None,
            }
        };
        if let Some(why) = denied {
            self.say(sys, sign, &format!("Failover auth denied to {name}: {why}"));
            return false;
        }
        if let Some(master) = self.cluster.nodes.get_mut(&master) {
            master.voted = Some(now);
        }
        self.cluster.voted = current;
        self.cluster.unsaved = true;
        self.say(sys, sign, &format!("Failover auth granted to {name} for epoch {current}"));
        true
    }

    /// Plans an election where the master has failed, and holds one that is due.
    pub(super) fn elect(&mut self, sys: &mut Sys<'_>) {
        let now = sys.now();
        let Some(me) = self.cluster.mine().filter(|me| me.is_replica) else {
            self.cluster.election = None;
            return;
        };
        let master_id = me.master.clone();
        let Some(master) = self.cluster.nodes.get(&master_id) else { return };
        let forced = self.cluster.election.as_ref().is_some_and(|e| e.force);
        if (!master.fail && !forced) || master.slots.is_empty() {
            self.cluster.election = None;
            return;
        }
        let offset = self.offset;
        match self.cluster.election.clone() {
            None => {
                let rank = self.cluster.nodes.iter().filter(|(id, n)| {
                    **id != self.cluster.me && n.is_replica && n.master == master_id && !n.fail && n.offset > offset
                });
                let rank = rank.count() as i64;
                let delay = 500 + (sys.random() % 500) as i64 + rank * 1000;
                self.cluster.election = Some(Election { at: now + Duration::millis(delay), ..Election::default() });
                let text =
                    format!("Start of election delayed for {delay} milliseconds (rank #{rank}, offset {offset}).");
                let sign = self.sign();
                self.say(sys, sign, &text);
            }
            Some(election) if election.at > now => {}
            Some(election) if election.asked => {
                self.cluster.election = None;
                self.wake_at(now);
            }
            Some(election) => self.ask_for_votes(sys, election.force),
        }
    }

    fn ask_for_votes(&mut self, sys: &mut Sys<'_>, force: bool) {
        let sign = self.sign();
        self.cluster.epoch += 1;
        let epoch = self.cluster.epoch;
        self.say(sys, sign, &format!("Starting a failover election for epoch {epoch}."));
        let needed = self.cluster.majority();
        let mut votes = 0;
        for id in self.cluster.others() {
            let votes_at_all = |n: &Node| !n.is_replica && !n.slots.is_empty() && !n.fail && !n.ip.is_empty();
            if self.cluster.nodes.get(&id).is_some_and(votes_at_all)
                && self.talk(sys, &id, About::AskVote(force)) == Some(About::Vote)
            {
                votes += 1;
            }
        }
        if votes >= needed {
            self.say(sys, sign, "Failover election won: I'm the new master.");
            self.promote(sys, Some(epoch));
            return;
        }
        self.say(sys, sign, "Currently unable to failover: Waiting for votes, but majority still not reached.");
        let timeout = self.node_timeout();
        let pause = Duration(timeout.0.saturating_mul(2).max(2000).saturating_mul(2));
        self.cluster.election = Some(Election { at: sys.now() + pause, force: false, asked: true });
    }

    /// Takes the master's place; without an epoch one is taken unasked.
    fn promote(&mut self, sys: &mut Sys<'_>, epoch: Option<u64>) {
        let sign = self.sign();
        let epoch = epoch.unwrap_or_else(|| {
            self.cluster.epoch += 1;
            self.cluster.epoch
        });
        self.say(sys, sign, &format!("configEpoch set to {epoch} after successful failover"));
        let master = self.cluster.mine().map(|me| me.master.clone()).unwrap_or_default();
        let slots: Slots =
            self.cluster.nodes.get_mut(&master).map(|m| std::mem::take(&mut m.slots)).unwrap_or_default();
        let me = self.cluster.mine_mut();
        (me.is_replica, me.epoch) = (false, epoch);
        me.master.clear();
        me.slots.unite(&slots);
        self.cluster.election = None;
        self.follow_silently(sys, None);
        self.cluster.changed();
        self.wake_at(sys.now());
    }

    /// `CLUSTER FAILOVER`, as a replica is asked.
    pub(super) fn fail_over(&mut self, sys: &mut Sys<'_>, how: &str) {
        let sign = self.sign();
        if how == "takeover" {
            self.say(sys, sign, "Taking over the master (user request).");
            self.promote(sys, None);
            return;
        }
        if how == "force" {
            self.say(sys, sign, "Forced failover user request accepted.");
        } else {
            let offset = self.offset;
            self.say(sys, sign, "Manual failover user request accepted.");
            self.say(sys, sign, &format!("Received replication offset for paused master manual failover: {offset}"));
            self.say(sys, sign, "All master replication stream processed, manual failover can start.");
        }
        let offset = self.offset;
        self.say(sys, sign, &format!("Start of election delayed for 0 milliseconds (rank #0, offset {offset})."));
        self.cluster.election = Some(Election { at: sys.now(), force: true, asked: false });
        self.wake_at(sys.now());
    }

    /// Becomes a replica of a master.
    pub(super) fn become_replica_of(&mut self, id: &str) {
        let me = self.cluster.mine_mut();
        me.is_replica = true;
        me.master = id.to_string();
        me.slots = Slots::default();
        self.cluster.importing.clear();
        self.cluster.migrating.clear();
        self.cluster.election = None;
        self.cluster.changed();
    }
}
