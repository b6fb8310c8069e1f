//! The work queue: which controller looks at which key, and when.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::names::Draw;
use crate::api::{ObjectKey, Time};
use crate::store::Timer;

/// Above this the place among equal times is drawn by lot, below it counted.
const COUNTED: u64 = 1 << 32;

/// What waits: a controller and one of its keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) controller: &'static str,
    pub(super) key: ObjectKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait {
    due: Time,
    seq: u64,
    recurring: bool,
}

/// Items by the time at which they are due; each item waits at most once. Equal times go first in, first out.
#[derive(Debug, Default)]
pub(super) struct WorkQueue {
    order: BTreeSet<(Time, u64, Item)>,
    /// The same items when they are not recurring, to find the next progress without a scan.
    progress: BTreeSet<(Time, u64)>,
    waits: BTreeMap<Item, Wait>,
    failures: BTreeMap<Item, u32>,
    /// Draws lots among equal times in place of first in, first out.
    lots: Option<u64>,
    seq: u64,
    dirty: bool,
}

impl WorkQueue {
    /// The queue with these timers; with `lots` equal times go in an order drawn from that seed.
    pub(super) fn load(timers: Vec<Timer>, lots: Option<u64>) -> WorkQueue {
        let mut queue = WorkQueue { lots, ..WorkQueue::default() };
        for timer in timers {
            let (Some(key), Some(controller)) = (timer.key(), super::loops::controller_name(&timer.controller)) else {
                continue;
            };
            let item = Item { controller, key };
            if timer.failures > 0 {
                queue.failures.insert(item.clone(), timer.failures);
            }
            queue.seq = queue.seq.max(timer.seq % COUNTED);
            queue.insert(item, Wait { due: Time(timer.due), seq: timer.seq, recurring: timer.recurring });
        }
        queue.dirty = false;
        queue
    }

    pub(super) fn save(&mut self) -> Vec<Timer> {
        self.dirty = false;
        let timer = |(item, wait): (&Item, &Wait)| {
            let failures = self.failures.get(item).copied().unwrap_or(0);
            Timer::new(item.controller, &item.key, wait.due, wait.seq, wait.recurring, failures)
        };
        self.waits.iter().map(timer).collect()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Adds an item, or brings it forward. A later wish than the one that stands changes nothing.
    pub(super) fn add(&mut self, item: Item, due: Time, recurring: bool) {
        self.add_with(item, due, recurring, self.lots);
    }

    /// Adds recurring work; with a seed its place among equal times is drawn from it.
    pub(super) fn resync(&mut self, item: Item, due: Time, seed: Option<u64>) {
        self.add_with(item, due, true, self.lots.or(seed));
    }

    fn add_with(&mut self, item: Item, due: Time, recurring: bool, lots: Option<u64>) {
        if let Some(wait) = self.waits.get(&item).copied() {
            // OBSERVATION: a resync that waits must not hide that something will get on later.
            let sooner = due < wait.due || (wait.recurring && !recurring);
            if !sooner {
                return;
            }
            self.order.remove(&(wait.due, wait.seq, item.clone()));
            self.progress.remove(&(wait.due, wait.seq));
        }
        self.seq += 1;
        let seq = match lots {
            Some(seed) => (Draw::new(seed, "queue", self.seq).below(1 << 30) * COUNTED) + self.seq % COUNTED,
            None => self.seq,
        };
        self.insert(item, Wait { due, seq, recurring });
    }

    fn insert(&mut self, item: Item, wait: Wait) {
        self.order.insert((wait.due, wait.seq, item.clone()));
        if !wait.recurring {
            self.progress.insert((wait.due, wait.seq));
        }
        self.waits.insert(item, wait);
        self.dirty = true;
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.order.first().map(|(due, _, _)| *due)
    }

    /// When the last of all items is due.
    pub(super) fn last_due(&self) -> Option<Time> {
        self.order.last().map(|(due, _, _)| *due)
    }

    /// When the next item is due that a settling cluster waits for.
    pub(super) fn next_progress(&self) -> Option<Time> {
        self.progress.first().map(|(due, _)| *due)
    }

    /// Takes the first item that is due by then.
    pub(super) fn pop(&mut self, by: Time) -> Option<(Item, Time, bool)> {
        if self.order.first().is_none_or(|(due, _, _)| *due > by) {
            return None;
        }
        let (due, seq, item) = self.order.pop_first()?;
        self.progress.remove(&(due, seq));
        let recurring = self.waits.remove(&item).is_some_and(|w| w.recurring);
        self.dirty = true;
        Some((item, due, recurring))
    }

    /// Counts a failure and says how many there were in a row before it.
    pub(super) fn fail(&mut self, item: &Item) -> u32 {
        let n = self.failures.entry(item.clone()).or_insert(0);
        *n += 1;
        *n - 1
    }

    pub(super) fn forget_failures(&mut self, item: &Item) {
        self.failures.remove(item);
    }
}
