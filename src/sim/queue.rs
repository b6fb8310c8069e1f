//! The work queue: which controller looks at which key, and when.
//!
//! It lies in the file, and of it a command takes into memory what comes due and what it touches; what it changed goes
//! back at its end.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::names::Draw;
use crate::api::{Kind, ObjectKey, Time};
use crate::error::ApiError;
use crate::store::{Place, Store, Timer};

/// Above this the place among equal times is drawn by lot, below it counted.
const COUNTED: u64 = 1 << 32;

/// How many timers are taken into memory first; from then on each time four times as many.
const FIRST_PIECE: usize = 32;

/// What waits: a controller and one of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) controller: &'static str,
    pub(super) key: ObjectKey,
}

impl Item {
    /// What it sorts by. The name comes first: it differs where most else is alike, and items are looked up all the time.
    fn place(&self) -> (&str, &str, Kind, &str) {
        (&self.key.name, self.controller, self.key.kind, &self.key.namespace)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Item) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Item) -> Ordering {
        self.place().cmp(&other.place())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait {
    due: Time,
    seq: u64,
    recurring: bool,
}

/// What is known of an item that is in memory, or was.
#[derive(Debug)]
struct Known {
    item: Arc<Item>,
    /// The timer that the file holds.
    stored: Option<Timer>,
    wait: Option<Wait>,
    failures: u32,
    /// Whether the file may hold another timer than it is to hold.
    touched: bool,
}

impl Known {
    fn new(item: Arc<Item>, stored: Option<Timer>) -> Known {
        let wait = stored.as_ref().map(|t| Wait { due: Time(t.due), seq: t.seq, recurring: t.recurring });
        Known { item, wait, failures: stored.as_ref().map_or(0, |t| t.failures), stored, touched: false }
    }

    /// The timer that the file is to hold.
    fn timer(&self) -> Option<Timer> {
        let (item, wait) = (&self.item, self.wait?);
        Some(Timer::new(item.controller, &item.key, wait.due, wait.seq, wait.recurring, self.failures))
    }
}

/// Items by the time at which they are due; each item waits at most once. Equal times go first in, first out.
#[derive(Debug, Default)]
pub(super) struct WorkQueue {
    items: BTreeMap<Arc<Item>, Known>,
    order: BTreeSet<(Time, u64, Arc<Item>)>,
    /// The same items when they are not recurring, to find the next progress without a scan.
    progress: BTreeSet<(Time, u64)>,
    /// Up to where the file's timers are in memory; none before the first, the end of time once all are.
    reached: Option<Place>,
    piece: usize,
    /// The file's first item beyond there that a settling cluster waits for.
    far_progress: Option<Option<(Item, Place)>>,
    /// The last of those that the file alone holds.
    far_last: Option<Option<(Item, Place)>>,
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
        for known in self.items.values_mut().filter(|known| known.touched) {
            let now = known.timer();
            if now != known.stored {
                store.change_timer(known.stored.as_ref(), now.as_ref())?;
                known.stored = now;
            }
            known.touched = false;
        }
        // What does not wait is not in the file either: nothing is known of it.
        self.items.retain(|_, known| known.wait.is_some() || known.failures > 0);
        (self.far_progress, self.far_last) = (None, None);
        Ok(())
    }

    /// Goes on with a file that holds what was saved. Numbers are counted as one does who has just opened it.
    pub(super) fn go_on(&mut self) {
        self.seq = None;
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
                if let Some(item) = item_of(&timer).filter(|item| !self.items.contains_key(item)) {
                    self.take_in(item, Some(timer));
                }
            }
            self.reached = Some(last.unwrap_or(END));
            self.piece *= 4;
        }
    }

    /// Takes an item into memory, with the timer that the file holds of it.
    fn take_in(&mut self, item: Item, stored: Option<Timer>) {
        let item = Arc::new(item);
        let known = Known::new(Arc::clone(&item), stored);
        self.put_in_order(&item, known.wait);
        self.items.insert(item, known);
    }

    fn put_in_order(&mut self, item: &Arc<Item>, wait: Option<Wait>) {
        let Some(wait) = wait else { return };
        self.order.insert((wait.due, wait.seq, Arc::clone(item)));
        if !wait.recurring {
            self.progress.insert((wait.due, wait.seq));
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
        let Some(known) = self.items.get_mut(&item) else {
            // What the file holds of it further on comes into memory with it.
            let is_all = self.reached == Some(END);
            let stored = if is_all { None } else { store.timer(item.controller, &item.key) };
            self.take_in(item.clone(), stored);
            return self.add_with(item, due, recurring, lots, store);
        };
        if let Some(wait) = known.wait {
            // OBSERVATION: a resync that waits must not hide that something will get on later.
            let sooner = due < wait.due || (wait.recurring && !recurring);
            if !sooner {
                return;
            }
            self.order.remove(&(wait.due, wait.seq, Arc::clone(&known.item)));
            self.progress.remove(&(wait.due, wait.seq));
        }
        let counted = *self.seq.get_or_insert_with(|| store.greatest_timer_seq(COUNTED)) + 1;
        self.seq = Some(counted);
        let seq = match lots {
            Some(seed) => (Draw::new(seed, "queue", counted).below(1 << 30) * COUNTED) + counted % COUNTED,
            None => counted,
        };
        let wait = Some(Wait { due, seq, recurring });
        (known.wait, known.touched) = (wait, true);
        let item = Arc::clone(&known.item);
        self.put_in_order(&item, wait);
    }

    /// When the first item is due.
    pub(super) fn next_due(&mut self, store: &Store) -> Option<Time> {
        self.reach_first(store);
        self.order.first().map(|(due, _, _)| *due)
    }

    /// When the last of all items is due.
    pub(super) fn last_due(&mut self, store: &Store) -> Option<Time> {
        let here = self.order.last().map(|(due, _, _)| *due);
        if self.reached == Some(END) {
            return here;
        }
        let far = match self.far_last.take() {
            Some(None) => None,
            Some(Some((item, place))) if !self.items.contains_key(&item) => Some((item, place)),
            // What lies behind it is in memory too.
            Some(Some((_, place))) => self.find_far(|most| store.timers_before(Some(place), most)),
            None => self.find_far(|most| store.timers_before(None, most)),
        };
        let there = far.as_ref().map(|(_, place)| Time(place.0));
        self.far_last = Some(far);
        here.max(there)
    }

    /// The first of the timers that the file alone holds, of which `pieces` reads so many.
    fn find_far(&self, pieces: impl Fn(usize) -> Vec<Timer>) -> Option<(Item, Place)> {
        let mut most = FIRST_PIECE;
        loop {
            let timers = pieces(most);
            if let Some(timer) = timers.iter().find(|timer| self.is_in_file_only(timer)) {
                return item_of(timer).map(|item| (item, timer.place()));
            }
            if timers.len() < most {
                return None;
            }
            most *= 4;
        }
    }

    fn is_in_file_only(&self, timer: &Timer) -> bool {
        item_of(timer).is_some_and(|item| !self.items.contains_key(&item))
    }

    /// When the next item is due that a settling cluster waits for.
    pub(super) fn next_progress(&mut self, store: &Store) -> Option<Time> {
        let here = self.progress.first().map(|(due, _)| *due);
        if self.reached == Some(END) {
            return here;
        }
        let known = self.far_progress.take();
        let stands = |far: &Option<(Item, Place)>| far.as_ref().is_none_or(|(item, _)| !self.items.contains_key(item));
        let far =
            known.filter(stands).unwrap_or_else(|| self.find_far(|most| store.timers_after(self.reached, true, most)));
        let there = far.as_ref().map(|(_, place)| Time(place.0));
        self.far_progress = Some(far);
        here.into_iter().chain(there).min()
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
        let known = self.items.get_mut(&item);
        let wait = known.and_then(|known| {
            known.touched = true;
            known.wait.take()
        });
        Some((Item::clone(&item), due, wait.is_some_and(|w| w.recurring)))
    }

    /// Counts a failure and says how many there were in a row before it.
    pub(super) fn fail(&mut self, item: &Item) -> u32 {
        let known = self.items.entry(Arc::new(item.clone()));
        let known = known.or_insert_with_key(|item| Known::new(Arc::clone(item), None));
        (known.failures, known.touched) = (known.failures + 1, true);
        known.failures - 1
    }

    pub(super) fn forget_failures(&mut self, item: &Item) {
        if let Some(known) = self.items.get_mut(item).filter(|known| known.failures > 0) {
            (known.failures, known.touched) = (0, true);
        }
    }
}

/// What a timer is of; none for a controller or a kind that this version doesn't have.
fn item_of(timer: &Timer) -> Option<Item> {
    Some(Item { controller: super::loops::controller_name(&timer.controller)?, key: timer.key()? })
}

#[cfg(test)]
mod tests {
    use super::{Item, WorkQueue};
    use crate::api::names::Draw;
    use crate::api::{Kind, ObjectKey, Time};
    use crate::store::Store;

    fn item(n: u64) -> Item {
        Item { controller: "statefulset", key: ObjectKey::new(Kind::Pod, "default", format!("p{n}")) }
    }

    /// Adds, pops and asks as lots say, putting the queue away after each `away` steps.
    fn play(away: u64) -> Vec<String> {
        let mut store = Store::in_memory().unwrap();
        store.begin(true).unwrap();
        let mut queue = WorkQueue::new(None);
        let mut said = Vec::new();
        for step in 0..3000 {
            let mut lot = Draw::new(7, "play", step);
            let due = Time((step / 40 + lot.below(900)) as i64);
            match lot.below(5) {
                0 => said.push(format!("{:?}", queue.pop(due, &store))),
                1 => said.push(format!("{:?} {:?}", queue.next_due(&store), queue.next_progress(&store))),
                2 => said.push(format!("{:?}", queue.last_due(&store))),
                _ => queue.add(item(lot.below(400)), due, lot.below(2) == 0, &store),
            }
            if step % away == away - 1 {
                queue.save(&store).unwrap();
                queue = WorkQueue::new(None);
            }
        }
        while let Some(next) = queue.pop(Time(i64::MAX), &store) {
            said.push(format!("{next:?}"));
        }
        said
    }

    #[test]
    fn a_queue_that_is_put_away_goes_on_as_one_that_stays_in_memory() {
        let whole = play(u64::MAX);
        assert!(whole.len() > 1000);
        assert_eq!(play(1), whole);
        assert_eq!(play(50), whole);
    }
}
