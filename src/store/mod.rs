//! The cluster's state: a log of revisions in SQLite, with the newest revision of every object at hand in memory.
//!
//! The model is etcd's (and kine's table): every write of every key is a revision; a watch is the question
//! "what came after revision N". `View` is the read-only side that controllers see.

pub mod index;
pub mod load;
mod logged;
mod machines;
mod name;
mod operations;
mod small;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod view;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration as WallDuration;

pub use index::Index;
pub use sqlite::{Before, Operation, Place, Timer, file};
pub use view::View;

use crate::api::{Kind, Object, ObjectKey, definition};
use crate::error::ApiError;
pub use crate::machine::images::provisioner::{Provisions, Which, folders, klog, lines, logrus};
use load::Loads;
pub use logged::Logged;
use machines::Machines;
pub use machines::Route;
use small::{Sequences, Settings};
use table::Table;

/// A write that happened: what was there before, what is there now.
#[derive(Debug, Clone)]
pub struct Change {
    /// The object's key.
    pub key: ObjectKey,
    /// The object before; none when it was created.
    pub old: Option<Arc<Object>>,
    /// The object now; none when it was removed.
    pub new: Option<Arc<Object>>,
    /// The revision that this change made.
    pub revision: u64,
}

/// How many objects of a kind a transaction changes before it lays them down and forgets them.
const AT_HAND: usize = 40_000;

/// How long a command waits for another that writes.
pub const PATIENCE: WallDuration = WallDuration::from_secs(30);

fn removed() -> ApiError {
    ApiError::internal("the cluster was deleted")
}

/// Whether two objects differ in their revisions at most.
fn same_content(one: &Object, other: &Object) -> bool {
    let without = |object: &Object| {
        let mut object = object.clone();
        object.meta_mut().resource_version = None;
        object
    };
    without(one) == without(other)
}

/// A cluster's state, open within one transaction at a time.
pub struct Store {
    db: sqlite::Db,
    /// By the kinds' places.
    tables: Vec<Table>,
    nothing: Table,
    loads: Loads,
    revision: u64,
    /// The revision at which the transaction began.
    begun: u64,
    /// How many bytes of objects it wrote.
    written: u64,
    changes: Vec<Change>,
    /// By the kinds' places: no revision after this one is of the kind.
    last_of_kind: Vec<u64>,
    /// By the kinds' places: how many objects were removed.
    removed: Vec<u64>,
    settings: Settings,
    sequences: RefCell<Sequences>,
    fault: RefCell<Option<ApiError>>,
    taken_up: bool,
    machines: Machines,
    /// How often everything that was read was forgotten.
    forgotten: u64,
}

impl Store {
    /// Opens a state file; none for one whose cluster was removed and that others had open then.
    ///
    /// # Errors
    /// `InternalError` with a text that names the file when it can't be opened, is locked or is damaged.
    pub fn open(path: &Path) -> Result<Option<Store>, ApiError> {
        Ok(sqlite::Db::open(path)?.map(Store::over))
    }

    /// Makes a state file: `fill` puts into it what a new one holds, and only what is whole and lasts takes its name.
    /// A file whose cluster was removed is taken up anew.
    ///
    /// # Errors
    /// Those of `fill`; `InternalError` with a text that names the file when it can't be written. Nothing is there then.
    pub fn create(path: &Path, fill: impl FnOnce(Store) -> Result<Store, ApiError>) -> Result<Store, ApiError> {
        if path.exists() {
            let mut store = Store::over(sqlite::Db::open_any(path)?);
            store.taken_up = true;
            return fill(store);
        }
        file::make(path, |new| fill(Store::over(sqlite::Db::create(new, path)?))?.db.close())?;
        Store::open(path)?.ok_or_else(removed)
    }

    /// A state that lives in memory and ends with the process: lessons' checks and tests.
    ///
    /// # Errors
    /// `InternalError` when SQLite can't start.
    pub fn in_memory() -> Result<Store, ApiError> {
        Ok(Store::over(sqlite::Db::in_memory()?))
    }

    fn over(db: sqlite::Db) -> Store {
        Store {
            db,
            tables: Vec::new(),
            nothing: Table::new(Kind::ConfigMap),
            loads: Loads::default(),
            revision: 0,
            begun: 0,
            written: 0,
            changes: Vec::new(),
            last_of_kind: Vec::new(),
            removed: Vec::new(),
            settings: Settings::default(),
            sequences: RefCell::default(),
            fault: RefCell::new(None),
            taken_up: false,
            machines: Machines::default(),
            forgotten: 0,
        }
    }

    /// Begins a transaction. With `write`, other writers wait until it ends.
    ///
    /// What another process wrote since the last one is seen from here on.
    ///
    /// # Errors
    /// When another process writes for longer than half a minute, or the file is damaged.
    pub fn begin(&mut self, write: bool) -> Result<(), ApiError> {
        match self.try_begin(write, PATIENCE)? {
            true => Ok(()),
            false => Err(self.db.locked()),
        }
    }

    /// The same, but false where another process writes until `patience` is over. Who only reads never waits.
    ///
    /// # Errors
    /// When the file is damaged, or its cluster was removed.
    pub fn try_begin(&mut self, write: bool, patience: WallDuration) -> Result<bool, ApiError> {
        self.fault.take();
        self.make_room();
        if !self.db.begin(write, patience)? {
            return Ok(false);
        }
        let revision = self.db.revision()?;
        if revision != self.revision || self.db.changed_elsewhere()? {
            if self.db.is_retired()? && !self.taken_up {
                return Err(removed());
            }
            self.forget();
            self.last_of_kind.fill(revision);
            self.learn();
        }
        (self.revision, self.begun, self.written) = (revision, revision, 0);
        self.settings.load(&self.db)?;
        Ok(true)
    }

    /// Whether a revision was there when the transaction began, so that no rollback takes it back.
    pub fn lasts(&self, revision: u64) -> bool {
        revision <= self.begun
    }

    /// Whether the file's cluster was removed, and is to be made anew in it.
    pub fn is_taken_up(&self) -> bool {
        self.taken_up
    }

    /// Who writes to the file, if they said so.
    pub fn writer(&self) -> String {
        self.db.writer()
    }

    /// What is said when another process writes for too long.
    pub fn locked(&self) -> ApiError {
        self.db.locked()
    }

    /// Makes all writes since `begin` lasting.
    ///
    /// # Errors
    /// When the disk is full or the file can't be written; nothing of the transaction lasts then.
    pub fn commit(&mut self) -> Result<(), ApiError> {
        let settled = self.settle().and_then(|()| self.save_machines());
        let fault = self.fault.borrow_mut().take();
        let ended = match fault {
            Some(fault) => Err(fault),
            None => settled.and_then(|()| self.db.commit()),
        };
        self.changes.clear();
        ended.inspect_err(|_| self.rollback())
    }

    /// Closes the file as the process ends. To take apart what was read of a large cluster would take longer than many
    /// a command does.
    pub fn leave(self) {
        let Store { db, tables, loads, changes, .. } = self;
        drop(db);
        std::mem::forget((tables, loads, changes));
    }

    /// Whether other processes may have the same file open.
    pub fn is_shared(&self) -> bool {
        self.db.is_shared()
    }

    /// Says whether long work begins, or ends, that writes much in many transactions.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn expect_much(&self, much: bool) -> Result<(), ApiError> {
        self.db.expect_much(much)
    }

    /// Between two transactions of long work: lets those write who wait, and begins the next one. The answer is whether
    /// nobody did.
    ///
    /// # Errors
    /// Those of `begin`.
    pub fn let_others(&mut self) -> Result<bool, ApiError> {
        std::thread::sleep(sqlite::TURN);
        let forgotten = self.forgotten;
        self.begin(true)?;
        Ok(self.forgotten == forgotten)
    }

    /// Undoes all writes since `begin`.
    pub fn rollback(&mut self) {
        self.db.rollback();
        self.changes.clear();
        self.forget();
    }

    /// Has the kinds known that the definitions in the file teach. Those that are at hand are known: they are not read.
    fn learn(&mut self) {
        const LAST: u64 = i64::MAX as u64;
        if self.view().len(Kind::CustomResourceDefinition) == 0 {
            return;
        }
        let is_at_hand = |name: &str| Kind::known().any(|kind| kind.is_at_hand() && kind.resource() == name);
        let mut names = self.read(self.written_before(Kind::CustomResourceDefinition, LAST));
        names.retain(|key| !is_at_hand(&key.name));
        for key in names {
            self.view().get_as("", &key.name).and_then(definition::learn);
        }
        self.make_room();
    }

    /// A place for each kind that is known by now.
    fn make_room(&mut self) {
        if self.tables.len() < Kind::count() {
            let new = Kind::known().skip(self.tables.len()).map(Table::new);
            self.tables.extend(new);
            self.last_of_kind.resize(Kind::count(), self.revision);
            self.removed.resize(Kind::count(), 0);
        }
    }

    fn forget(&mut self) {
        self.tables.clear();
        self.loads = Loads::default();
        self.machines = Machines::default();
        self.settings.forget();
        self.sequences.get_mut().forget();
        self.forgotten += 1;
        self.make_room();
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The read-only side.
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    /// The first fault met while reading lazily; `commit` reports it too.
    pub fn fault(&self) -> Option<ApiError> {
        self.fault.borrow().clone()
    }

    fn table(&self, kind: Kind) -> &Table {
        // OBSERVATION: a kind that became known within this transaction, and that nothing was stored of.
        self.tables.get(kind.index()).unwrap_or(&self.nothing)
    }

    fn table_mut(&mut self, kind: Kind) -> (&mut Table, &sqlite::Db) {
        self.make_room();
        (&mut self.tables[kind.index()], &self.db)
    }

    /// The kinds of which a bucket has members, in their order.
    fn kinds_with(&self, index: Index, bucket: &str) -> Vec<Kind> {
        let mut kinds = self.read(self.db.kinds_with(index, bucket));
        kinds.extend(self.tables.iter().filter(|table| table.was_moved(index, bucket)).map(Table::kind));
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// What was read, or nothing where the file can't be read: the commit then says so.
    fn read<T: Default>(&self, result: Result<T, ApiError>) -> T {
        result.unwrap_or_else(|e| {
            self.fault.borrow_mut().get_or_insert(e);
            T::default()
        })
    }

    /// Writes an object as the next revision and stamps it with that revision.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn put(&mut self, mut object: Object) -> Result<Arc<Object>, ApiError> {
        let key = object.key();
        let revision = self.revision + 1;
        object.meta_mut().resource_version = Some(revision.to_string());
        let text = object.to_json();
        self.written += text.len() as u64;
        let object = Arc::new(object);
        if let Some(taught) = object.get() {
            definition::learn(taught);
        }
        let (table, db) = self.table_mut(key.kind);
        let old = table.replace(db, &key, Arc::clone(&object))?;
        db.append(old.as_ref().map_or(0, |o| o.revision()), revision, &key, Some(&text))?;
        self.loads.change(&self.db, old.as_ref(), Some(&object))?;
        self.note_revision(key.kind, revision);
        self.lay_down(key.kind)?;
        self.changes.push(Change { key, old, new: Some(Arc::clone(&object)), revision });
        Ok(object)
    }

    /// Removes an object; that is a revision too.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn remove(&mut self, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
        let revision = self.revision + 1;
        let (table, db) = self.table_mut(key.kind);
        let Some(old) = table.remove(db, key)? else { return Ok(None) };
        db.append(old.revision(), revision, key, None)?;
        self.loads.change(&self.db, Some(&old), None)?;
        self.note_revision(key.kind, revision);
        self.removed[key.kind.index()] += 1;
        self.lay_down(key.kind)?;
        self.changes.push(Change { key: key.clone(), old: Some(Arc::clone(&old)), new: None, revision });
        Ok(Some(old))
    }

    /// A number that grows whenever an object of a kind is removed, or another process wrote: who waits for one to go
    /// looks again then.
    pub fn removals(&self, kind: Kind) -> u64 {
        self.forgotten + self.removed.get(kind.index()).copied().unwrap_or(0)
    }

    fn note_revision(&mut self, kind: Kind, revision: u64) {
        self.revision = revision;
        self.last_of_kind[kind.index()] = revision;
    }

    /// Brings the newest revisions, and what follows from them, up to what the transaction did.
    fn settle(&mut self) -> Result<(), ApiError> {
        for kind in Kind::known().take(self.tables.len()) {
            self.settle_kind(kind)?;
        }
        self.save_small()?;
        self.loads.settle(&self.db)
    }

    fn settle_kind(&mut self, kind: Kind) -> Result<(), ApiError> {
        let mut tally: BTreeMap<String, i64> = BTreeMap::new();
        for (name, changed) in self.tables[kind.index()].take_changed() {
            let more = i64::from(changed.now.is_some()) - i64::from(changed.before.is_some());
            let key = ObjectKey::new(kind, name.namespace(), name.name());
            let revision = changed.now.as_ref().map(|object| object.revision());
            self.db.settle_object(&key, revision, &changed.entries_before, &changed.entries_now)?;
            if more != 0 {
                *tally.entry(key.namespace).or_default() += more;
            }
        }
        tally.into_iter().try_for_each(|(namespace, more)| self.db.add_to_tally(kind, &namespace, more))
    }

    /// Lays down what the transaction changed of a kind once that is very much, so that memory doesn't grow with it.
    fn lay_down(&mut self, kind: Kind) -> Result<(), ApiError> {
        if self.tables[kind.index()].changed() < AT_HAND {
            return Ok(());
        }
        self.settle_kind(kind)?;
        self.tables[kind.index()] = Table::new(kind);
        Ok(())
    }

    /// The changes of this transaction that nobody has taken yet.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Forgets everything: objects, their past, settings, timers and operations.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn clear(&mut self) -> Result<(), ApiError> {
        self.db.clear()?;
        self.db.take_up()?;
        self.taken_up = false;
        self.changes.clear();
        self.forget();
        self.settings.load(&self.db)?;
        self.revision = 0;
        self.last_of_kind.fill(0);
        Ok(())
    }

    /// How many bytes of objects the transaction wrote.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The objects of a kind whose newest revision lies before another one.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn written_before(&self, kind: Kind, revision: u64) -> Result<Vec<ObjectKey>, ApiError> {
        self.table(kind).written_before(&self.db, revision)
    }
}
