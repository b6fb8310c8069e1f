//! Events go an hour after they were written last.
//!
//! Mirrors `--event-ttl` of kube-apiserver, whose events of a minute share a lease
//! (`k8s.io/apiserver/pkg/storage/etcd3/lease_manager.go`).

use std::collections::VecDeque;

use super::Cluster;
use crate::api::{Duration, Kind, Time};
use crate::error::ApiError;
use crate::store::Change;

/// How long an event stays after it was written last: `--event-ttl`.
const EVENT_TTL: Duration = Duration::secs(3600);

/// How long events are given the same lease: `--lease-reuse-duration-seconds`.
const LEASE_REUSE: Duration = Duration::secs(60);

/// The setting that keeps the leases: of each when it expires, and the first revision that has it.
const LEASES: &str = "event-leases";

/// What the events of a minute share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    expires: Time,
    /// The first revision of an event that has it; those up to the next lease's first have it, too.
    since: u64,
}

/// The leases of the events that are there, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Leases {
    all: VecDeque<Lease>,
    dirty: bool,
}

impl Leases {
    fn parse(text: &str) -> Leases {
        let lease = |word: &str| {
            let (expires, since) = word.split_once('@')?;
            Some(Lease { expires: Time(expires.parse().ok()?), since: since.parse().ok()? })
        };
        Leases { all: text.split(' ').filter_map(lease).collect(), dirty: false }
    }

    fn text(&self) -> String {
        let words: Vec<String> = self.all.iter().map(|l| format!("{}@{}", l.expires.0, l.since)).collect();
        words.join(" ")
    }

    /// When the first events go.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.all.front().map(|lease| lease.expires)
    }

    /// Gives an event that was written a lease. Mirrors `GetLease`.
    pub(super) fn note(&mut self, change: &Change, now: Time) {
        let lasts = self.all.back().is_some_and(|last| now + EVENT_TTL < last.expires);
        if change.key.kind == Kind::Event && change.new.is_some() && !lasts {
            self.all.push_back(Lease { expires: now + EVENT_TTL + LEASE_REUSE, since: change.revision });
            self.dirty = true;
        }
    }

    /// Takes the oldest lease if it has expired, and gives the revision before which events go with it.
    fn expire(&mut self, now: Time) -> Option<u64> {
        self.all.front().filter(|lease| lease.expires <= now)?;
        self.all.pop_front();
        self.dirty = true;
        Some(self.all.front().map_or(u64::MAX, |next| next.since))
    }
}

impl Cluster {
    pub(super) fn load_leases(&mut self) {
        self.leases = Leases::parse(self.store().setting(LEASES).unwrap_or_default());
    }

    pub(super) fn save_leases(&mut self) {
        if !std::mem::take(&mut self.leases.dirty) {
            return;
        }
        let text = self.leases.text();
        self.store_mut().set_setting(LEASES, &text);
    }

    /// Puts the clock to a time, unless it is there already, and lets go what has expired by then.
    pub(super) fn move_clock(&mut self, to: Time) -> Result<(), ApiError> {
        let to = to.max(self.now());
        let mut before = None;
        while let Some(bound) = self.leases.expire(to) {
            before = Some(bound);
        }
        self.registry.set_now(to);
        match before {
            Some(before) => self.remove_events(before),
            None => Ok(()),
        }
    }

    /// Removes the events that were written last before a revision.
    fn remove_events(&mut self, before: u64) -> Result<(), ApiError> {
        for key in self.store().written_before(Kind::Event, before)? {
            self.store_mut().remove(&key)?;
        }
        Ok(())
    }
}
