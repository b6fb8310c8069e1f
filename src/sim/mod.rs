//! The cluster that runs: a virtual clock and a work queue above the registry.

mod api_server;
mod circles;
mod compaction;
pub mod config;
mod converge;
mod csi;
mod events;
mod expiry;
mod faults;
mod forward;
mod load;
mod loops;
mod name_server;
mod network;
mod network_policy;
mod node_disks;
mod pieces;
mod pods;
mod profile;
mod queue;
mod rbac;
mod sessions;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration as WallDuration;

pub use crate::controllers::metrics;
pub use config::{ClockMode, Config, check_nodes, node_and_zone, parse_version};
pub use converge::{Passed, Settled, Wait};
pub use forward::Answered;
pub use node_disks::NewDisk;
pub use sessions::{Pause, SessionId};

use crate::api::{Duration, Time};
use crate::error::ApiError;
use crate::machine::net::http;
use crate::registry::Registry;
use crate::store::{Operation, Store, View};
use circles::{Losses, Moment};
use expiry::Leases;
use queue::{Item, WorkQueue};

/// A cluster, open for one command (one transaction) at a time.
pub struct Cluster {
    registry: Registry,
    config: Config,
    queue: WorkQueue,
    leases: Leases,
    losses: Losses,
    /// How far the log was compacted within this command, and up to where it will be next; and how many bytes were
    /// written by then.
    compacted: (u64, u64, u64),
    /// Whether what is done now may be cut into several transactions, and the revision at which this one began.
    pieces: bool,
    piece_began: u64,
    /// How many changes were handed to the controllers, events and heartbeats aside.
    changed: u64,
    /// When each key was asked for again at once.
    asked_at_once: BTreeMap<Item, Moment>,
    writable: bool,
    /// The real time at which the command began.
    wall: Time,
    /// What the order of equal times is drawn from, instead of first come, first served.
    lots: Option<u64>,
    /// How the API server answers what pods ask it.
    door: Option<Door>,
}

/// Answers a request that a pod sends to the API server over its network.
pub type Door = fn(&mut Cluster, &http::Request) -> http::Response;

const CONFIG: &str = "config";
const NOW: &str = "now";
const OFFSET: &str = "offset";
const KUBECONFIG: &str = "kubeconfig";
/// The setting that counts the resets.
const INCARNATION: &str = "incarnation";

/// How far real time may lie behind a wall clock before that counts as put back: longer than a command waits for
/// another one to end, which began later and has put the clock forward.
const BACKWARDS: Duration = Duration::secs(15);

/// How long a kubectl that changes something takes; measured on the cluster of the recordings.
const COMMAND_TIME: Duration = Duration::millis(100);

impl Cluster {
    /// Makes a new cluster in a state file, with its nodes, namespaces and classes, and leaves it settled and without
    /// events. There must be no such file, or one whose cluster was removed. `wall` is the real time.
    ///
    /// # Errors
    /// When the file can't be written; then it isn't there.
    pub fn new_on_disk(path: &Path, config: Config, wall: Time) -> Result<Cluster, ApiError> {
        let fill = |store| Ok(Cluster::make(store, config.clone(), wall)?.registry.into_store());
        Ok(Cluster::over(Store::create(path, fill)?, config.clone()))
    }

    /// The same in memory, for lessons' checks and tests.
    ///
    /// # Errors
    /// When SQLite can't start.
    pub fn new_in_memory(config: Config, wall: Time) -> Result<Cluster, ApiError> {
        Cluster::make(Store::in_memory()?, config, wall)
    }

    fn make(store: Store, config: Config, wall: Time) -> Result<Cluster, ApiError> {
        let mut cluster = Cluster::over(store, config);
        match cluster.store().is_taken_up() {
            true => cluster.reset(wall)?,
            false => {
                cluster.store_mut().begin(true)?;
                cluster.writable = true;
                cluster.furnish(wall)?;
                cluster.commit()?;
            }
        }
        Ok(cluster)
    }

    fn over(store: Store, config: Config) -> Cluster {
        Cluster {
            registry: Registry::new(store, config.seed, config.version),
            config,
            queue: WorkQueue::new(None),
            leases: Leases::default(),
            losses: Losses::default(),
            compacted: (0, 0, 0),
            pieces: false,
            piece_began: 0,
            changed: 0,
            asked_at_once: BTreeMap::new(),
            writable: false,
            wall: Time::default(),
            lots: None,
            door: None,
        }
    }

    /// Says who answers what pods ask the API server: the server above, which this module does not know.
    pub fn set_door(&mut self, door: Door) {
        self.door = Some(door);
    }

    fn has_door(&self) -> bool {
        self.door.is_some()
    }

    fn answer_pod(&mut self, request: &http::Request) -> http::Response {
        match self.door {
            Some(door) => door(self, request),
            None => http::Response::new(503, "Service Unavailable"),
        }
    }

    /// A cluster with nothing in it, to stand in another's place for a moment.
    ///
    /// # Errors
    /// When SQLite can't start.
    pub fn stand_in(config: &Config) -> Result<Cluster, ApiError> {
        Ok(Cluster::over(Store::in_memory()?, config.clone()))
    }

    /// Gives an empty store what a new cluster holds.
    fn furnish(&mut self, wall: Time) -> Result<(), ApiError> {
        self.registry.set_now(self.config.start(wall));
        self.keep_config()?;
        self.store_mut().set_setting(OFFSET, "0");
        self.registry.store_mut().set_setting(View::SEED, &self.config.seed.to_string());
        self.registry.store_mut().set_setting(View::VERSION, &self.config.version.to_string());
        self.populate()
    }

    /// Notes what the cluster is made with.
    fn keep_config(&mut self) -> Result<(), ApiError> {
        let text = serde_json::to_string(&self.config).map_err(|e| ApiError::internal(e.to_string()))?;
        self.store_mut().set_setting(CONFIG, &text);
        Ok(())
    }

    /// Makes the cluster anew, as it was when it was created, in one transaction of its own: other processes see the
    /// old one or the new one. `wall` is the real time.
    ///
    /// # Errors
    /// When the file is locked or can't be written; then it stays as it was.
    pub fn reset(&mut self, wall: Time) -> Result<(), ApiError> {
        self.store_mut().begin(true)?;
        self.writable = true;
        let resets: u64 = self.incarnation().and_then(|n| n.parse().ok()).unwrap_or(0);
        let done = self.store_mut().clear().and_then(|()| {
            self.queue = WorkQueue::new(self.lots);
            self.load_leases();
            self.furnish(wall)?;
            self.store_mut().set_setting(INCARNATION, &(resets + 1).to_string());
            self.commit()
        });
        done.inspect_err(|_| self.rollback())
    }

    /// Opens the cluster of a state file; none if it was removed. Nothing is read before `begin`.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged or holds no cluster.
    pub fn open(path: &Path) -> Result<Option<Cluster>, ApiError> {
        let Some(mut store) = Store::open(path)? else { return Ok(None) };
        store.begin(false)?;
        let text = store.setting(CONFIG).map(String::from);
        store.rollback();
        let text = text.ok_or_else(|| ApiError::internal(format!("{} holds no cluster", path.display())))?;
        let config = serde_json::from_str(&text)
            .map_err(|e| ApiError::internal(format!("the state file {} is damaged: {e}", path.display())))?;
        Ok(Some(Cluster::over(store, config)))
    }

    /// From the next command on, lets work that is due at the same time be done in an order drawn from `seed`: for
    /// tests of what must not depend on it.
    #[doc(hidden)]
    pub fn shuffle_equal_times(&mut self, seed: u64) {
        self.lots = Some(seed);
    }

    /// Begins a command: takes the clock and the queue from the file, and on a wall clock lets the time that has
    /// passed since the last command pass in the cluster too. `wall` is the real time.
    ///
    /// With `write` false the command only reads; where time has passed that controllers must act on, the
    /// transaction writes all the same, unless another process writes just then: a reader never waits.
    ///
    /// # Errors
    /// When another process writes for too long, or the file is damaged.
    pub fn begin(&mut self, write: bool, wall: Time) -> Result<(), ApiError> {
        self.store_mut().begin(write)?;
        self.go_on(write, wall)
    }

    /// The same, but false where another process writes until `patience` is over.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn try_begin(&mut self, write: bool, wall: Time, patience: WallDuration) -> Result<bool, ApiError> {
        let begun = self.store_mut().try_begin(write, patience)?;
        begun.then(|| self.go_on(write, wall)).transpose().map(|begun| begun.is_some())
    }

    /// The same, but nothing is done that is due by now: a manual clock moves only when it is told to.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn try_begin_as_it_stands(
        &mut self,
        write: bool,
        wall: Time,
        patience: WallDuration,
    ) -> Result<bool, ApiError> {
        let begun = self.store_mut().try_begin(write, patience)?;
        if begun {
            self.wall = wall;
            self.take_up(write);
        }
        Ok(begun)
    }

    fn go_on(&mut self, write: bool, wall: Time) -> Result<(), ApiError> {
        self.wall = wall;
        self.take_up(write);
        let target = self.wall_target();
        let wake = self.store_mut().first_wake();
        let next =
            self.queue.next_due(self.registry.store()).into_iter().chain(self.leases.next_due()).chain(wake).min();
        let is_due = next.is_some_and(|due| due <= target.max(self.now()));
        if !self.writable && (is_due || self.stands_still(target)) {
            self.store_mut().rollback();
            let writes = self.store_mut().try_begin(true, WallDuration::ZERO)?;
            if !writes {
                self.store_mut().begin(false)?;
            }
            self.take_up(writes);
        }
        if self.writable && self.stands_still(self.wall_target()) {
            self.put_forward();
        }
        let target = self.wall_target().max(self.now());
        match self.writable {
            true => self.catch_up(target),
            false => {
                self.registry.set_now(target);
                Ok(())
            }
        }
    }

    /// Takes the clock and the queue as the transaction finds them.
    fn take_up(&mut self, write: bool) {
        self.writable = write;
        self.asked_at_once.clear();
        let now = self.store().setting(NOW).and_then(|v| v.parse().ok()).unwrap_or(0);
        self.registry.set_now(Time(now));
        self.queue = WorkQueue::new(self.lots);
        self.load_leases();
        self.losses = Losses::since(self.now());
        self.compacted = (self.revision(), self.revision(), self.store().written());
        self.piece_began = self.revision();
    }

    /// Whether real time went back so far that the clock would stand still until it has caught up.
    fn stands_still(&self, target: Time) -> bool {
        self.now() - target > BACKWARDS
    }

    /// Has a wall clock go on from where it is.
    fn put_forward(&mut self) {
        let ahead = self.now() - self.wall;
        self.store_mut().set_setting(OFFSET, &ahead.0.to_string());
    }

    /// Where the clock should stand: the real time and what it was put forward by, or where it was.
    fn wall_target(&self) -> Time {
        match self.config.clock {
            ClockMode::Manual => self.now(),
            ClockMode::Wall => self.wall + self.offset(),
        }
    }

    /// Notes the command for `undo`, with its command line.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn note_operation(&mut self, command: &str) -> Result<u64, ApiError> {
        self.save_clock()?;
        self.store_mut().begin_operation(command)
    }

    /// Forgets a noted command that turned out to change nothing.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn forget_operation(&mut self, operation: u64) -> Result<(), ApiError> {
        self.store_mut().forget_operation(operation)
    }

    /// Lets pass, on a manual clock, the time that a kubectl which changes something takes on a real one.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn take_command_time(&mut self) -> Result<(), ApiError> {
        match self.config.clock {
            ClockMode::Manual => self.run_until(self.now() + COMMAND_TIME),
            ClockMode::Wall => Ok(()),
        }
    }

    fn save_clock(&mut self) -> Result<(), ApiError> {
        let now = self.now().0.to_string();
        self.store_mut().set_setting(NOW, &now);
        self.save_leases();
        self.queue.save(self.registry.store())
    }

    /// Ends the command: all of it lasts from here on.
    ///
    /// # Errors
    /// When the disk is full or the file can't be written; then none of it lasts.
    pub fn commit(&mut self) -> Result<(), ApiError> {
        if self.writable {
            self.save_clock()?;
            self.compact()?;
        }
        self.store_mut().commit()
    }

    /// When something is due next.
    pub fn next_due(&mut self) -> Option<Time> {
        let wake = self.store_mut().first_wake();
        let queued = self.queue.next_due(self.registry.store());
        queued.into_iter().chain(self.leases.next_due()).chain(wake).min()
    }

    /// Closes the file as the process ends. What was held in memory goes with the process.
    pub fn leave(self) {
        let Cluster { registry, queue, .. } = self;
        registry.leave();
        std::mem::forget(queue);
    }

    /// Ends the command as if it had never begun.
    pub fn rollback(&mut self) {
        self.store_mut().rollback();
    }

    /// Brings back the state before the last `n` operations and says which commands that undid, newest first.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn undo(&mut self, n: usize) -> Result<Vec<Operation>, ApiError> {
        let operations = self.store().operations()?;
        let Some(last) = n.checked_sub(1).and_then(|i| operations.get(i)) else {
            return Err(ApiError::internal(match operations.len() {
                0 => "there is nothing to undo".to_string(),
                1 => "only the last command can be undone".to_string(),
                all => format!("only the last {all} commands can be undone"),
            }));
        };
        self.store_mut().undo_to(last.id)?;
        self.start_again();
        Ok(operations.into_iter().take(n).collect())
    }

    /// What tells the cluster from the one that its file held before a reset; none when there was no reset.
    pub fn incarnation(&self) -> Option<String> {
        self.store().setting(INCARNATION).map(String::from)
    }

    /// After an undo the clock reads what it read then; a wall clock goes on from there.
    fn start_again(&mut self) {
        self.take_up(true);
        if let Some(config) = self.store().setting(CONFIG).and_then(|text| serde_json::from_str(text).ok()) {
            self.config = config;
        }
        if self.config.clock == ClockMode::Wall {
            self.put_forward();
        }
    }

    /// How far a wall clock is ahead of real time; negative where it is behind. A manual clock has no part in it.
    pub fn offset(&self) -> Duration {
        Duration(self.store().setting(OFFSET).and_then(|v| v.parse().ok()).unwrap_or(0))
    }

    /// Notes that a kubelet stops or returns; mirrors nothing in Kubernetes but a pulled plug.
    ///
    /// # Errors
    /// `NotFound` when there is no such node.
    pub fn set_kubelet(&mut self, node: &str, running: bool) -> Result<(), ApiError> {
        self.mark_kubelet(node, running)
    }

    /// The kubeconfig that the cluster keeps for a lesson or a test; none for one that nobody has changed.
    pub fn kubeconfig(&self) -> Option<String> {
        self.store().setting(KUBECONFIG).map(String::from)
    }

    /// Keeps a kubeconfig.
    pub fn set_kubeconfig(&mut self, text: &str) {
        self.store_mut().set_setting(KUBECONFIG, text);
    }

    /// What is.
    pub fn view(&self) -> View<'_> {
        self.registry.view()
    }

    /// The cluster's time.
    pub fn now(&self) -> Time {
        self.registry.now()
    }

    /// What the cluster was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.store().revision()
    }

    /// The store, to ask for past revisions.
    pub fn store(&self) -> &Store {
        self.registry.store()
    }

    fn store_mut(&mut self) -> &mut Store {
        self.registry.store_mut()
    }

    /// The registry, through which requests read and write.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The same, to write.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }
}
