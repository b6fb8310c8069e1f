//! The work queue: which controller looks at which key, and when.
//!
//! It lies in the file, and of it a command takes into memory what comes due and what it touches; what it changed goes
//! back at its end.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::names::Draw;
use crate::api::{ObjectKey, Time};
use crate::error::ApiError;
use crate::store::{Place, Store, Timer};

/// Above this the place among equal times is drawn by lot, below it counted.
const COUNTED: u64 = 1 << 32;

/// How many timers are taken into memory first; from then on each time four times as many.
const FIRST_PIECE: usize = 32;

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
    /// The items that are in memory or were, with what the file holds of them.
    taken: BTreeMap<Item, Option<Timer>>,
    /// Up to where the file's timers are in memory; none before the first, the end of time once all are.
    reached: Option<Place>,
    piece: usize,
    /// The file's first item beyond there that a settling cluster waits for.
    far_progress: Option<Option<(Item, Time)>>,
    /// Draws lots among equal times in place of first in, first out.
    lots: Option<u64>,
    /// The number that was given last; none before the first change.
    seq: Option<u64>,
}

/// Behind the last timer.
const END: Place = (i64::MAX, i64::MAX);

impl WorkQueue {
    /// The queue of the file; with `lots` equal times go in an order drawn from that seed.
    pub(super) fn new(lots: Option<u64>) -> WorkQueue {
        WorkQueue { lots, piece: FIRST_PIECE, ..WorkQueue::default() }
    }

    /// Stores what changed since the last time.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn save(&mut self, store: &Store) -> Result<(), ApiError> {
        for (item, before) in &mut self.taken {
            let now = self.waits.get(item).map(|wait| {
                let failures = self.failures.get(item).copied().unwrap_or(0);
                Timer::new(item.controller, &item.key, wait.due, wait.seq, wait.recurring, failures)
            });
            if now != *before {
                store.change_timer(before.as_ref(), now.as_ref())?;
                *before = now;
            }
        }
        Ok(())
    }

    /// Takes a timer of the file into memory, unless it is or was there.
    fn take(&mut self, item: Item, timer: Timer) {
        if self.taken.contains_key(&item) {
            return;
        }
        if timer.failures > 0 {
            self.failures.insert(item.clone(), timer.failures);
        }
        self.insert(item.clone(), Wait { due: Time(timer.due), seq: timer.seq, recurring: timer.recurring });
        self.taken.insert(item, Some(timer));
    }

    /// Takes what the file holds of an item into memory.
    fn take_item(&mut self, item: &Item, store: &Store) {
        if self.taken.contains_key(item) {
            return;
        }
        let stored = match self.reached {
            Some(END) => None,
            _ => store.timer(item.controller, &item.key),
        };
        match stored {
            Some(timer) => self.take(item.clone(), timer),
            None => _ = self.taken.insert(item.clone(), None),
        }
    }

    /// Takes timers into memory until the first of all is among them.
    fn reach_first(&mut self, store: &Store) {
        let is_first = |queue: &WorkQueue| {
            let first = queue.order.first().map(|(due, seq, _)| (due.0, *seq as i64));
            queue.reached == Some(END) || first.is_some_and(|first| Some(first) <= queue.reached)
        };
        while !is_first(self) {
            let timers = store.timers_after(self.reached, false, self.piece);
            let last = timers.last().map(|timer| timer.place()).filter(|_| timers.len() == self.piece);
            for timer in timers {
                if let Some(item) = item_of(&timer) {
                    self.take(item, timer);
                }
            }
            self.reached = Some(last.unwrap_or(END));
            self.piece *= 4;
        }
    }

    /// Numbers go on from the greatest that waits.
    fn count_on(&mut self, store: &Store) -> u64 {
        *self.seq.get_or_insert_with(|| store.greatest_timer_seq(COUNTED))
    }

    /// Adds an item, or brings it forward. A later wish than the one that stands changes nothing.
    pub(super) fn add(&mut self, item: Item, due: Time, recurring: bool, store: &Store) {
        self.add_with(item, due, recurring, self.lots, store);
    }

    /// Adds recurring work; with a seed its place among equal times is drawn from it.
    pub(super) fn resync(&mut self, item: Item, due: Time, seed: Option<u64>, store: &Store) {
        self.add_with(item, due, true, self.lots.or(seed), store);
    }

    fn add_with(&mut self, item: Item, due: Time, recurring: bool, lots: Option<u64>, store: &Store) {
        self.take_item(&item, store);
        if let Some(wait) = self.waits.get(&item).copied() {
            // OBSERVATION: a resync that waits must not hide that something will get on later.
            let sooner = due < wait.due || (wait.recurring && !recurring);
            if !sooner {
                return;
            }
            self.order.remove(&(wait.due, wait.seq, item.clone()));
            self.progress.remove(&(wait.due, wait.seq));
        }
        let counted = self.count_on(store) + 1;
        self.seq = Some(counted);
        let seq = match lots {
            Some(seed) => (Draw::new(seed, "queue", counted).below(1 << 30) * COUNTED) + counted % COUNTED,
            None => counted,
        };
        self.insert(item, Wait { due, seq, recurring });
    }

    fn insert(&mut self, item: Item, wait: Wait) {
        self.order.insert((wait.due, wait.seq, item.clone()));
        if !wait.recurring {
            self.progress.insert((wait.due, wait.seq));
        }
        self.waits.insert(item, wait);
    }

    /// When the first item is due.
    pub(super) fn next_due(&mut self, store: &Store) -> Option<Time> {
        self.reach_first(store);
        self.order.first().map(|(due, _, _)| *due)
    }

    /// When the last of all items is due.
    pub(super) fn last_due(&self, store: &Store) -> Option<Time> {
        let here = self.order.last().map(|(due, _, _)| *due);
        if self.reached == Some(END) {
            return here;
        }
        let mut most = FIRST_PIECE;
        loop {
            let timers = store.last_timers(most);
            let there = timers.iter().find(|timer| self.is_in_file_only(timer)).map(|timer| Time(timer.due));
            if there.is_some() || timers.len() < most {
                return here.max(there);
            }
            most *= 4;
        }
    }

    fn is_in_file_only(&self, timer: &Timer) -> bool {
        item_of(timer).is_some_and(|item| !self.taken.contains_key(&item))
    }

    /// When the next item is due that a settling cluster waits for.
    pub(super) fn next_progress(&mut self, store: &Store) -> Option<Time> {
        let here = self.progress.first().map(|(due, _)| *due);
        if self.reached == Some(END) {
            return here;
        }
        let known = self.far_progress.take();
        let stands = |far: &Option<(Item, Time)>| far.as_ref().is_none_or(|(item, _)| !self.taken.contains_key(item));
        let far = known.filter(stands).unwrap_or_else(|| self.find_far_progress(store));
        let there = far.as_ref().map(|(_, due)| *due);
        self.far_progress = Some(far);
        here.into_iter().chain(there).min()
    }

    fn find_far_progress(&self, store: &Store) -> Option<(Item, Time)> {
        let mut most = FIRST_PIECE;
        loop {
            let timers = store.timers_after(self.reached, true, most);
            let found = timers.iter().find(|timer| self.is_in_file_only(timer));
            if let Some(timer) = found {
                return item_of(timer).map(|item| (item, Time(timer.due)));
            }
            if timers.len() < most {
                return None;
            }
            most *= 4;
        }
    }

    /// Takes the first item that is due by then.
    pub(super) fn pop(&mut self, by: Time, store: &Store) -> Option<(Item, Time, bool)> {
        self.reach_first(store);
        if self.order.first().is_none_or(|(due, _, _)| *due > by) {
            return None;
        }
        self.count_on(store);
        let (due, seq, item) = self.order.pop_first()?;
        self.progress.remove(&(due, seq));
        let recurring = self.waits.remove(&item).is_some_and(|w| w.recurring);
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

/// What a timer is of; none for a controller or a kind that this version doesn't have.
fn item_of(timer: &Timer) -> Option<Item> {
    Some(Item { controller: super::loops::controller_name(&timer.controller)?, key: timer.key()? })
}
