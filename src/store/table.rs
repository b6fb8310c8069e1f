//! The newest revision of the objects of one kind, as far as a command has asked for them.
//!
//! What is asked for by name costs one row of the file, a bucket of an index its members, a namespace or the kind what
//! it holds. What was read stays at hand, and what the transaction changes lies over it until it is committed.

use std::borrow::Borrow;
use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use elsa::FrozenBTreeMap;

use super::index::{self, Entries, Index};
use super::name::{Name, joined};
use super::sqlite::Db;
use crate::api::{Kind, Object, ObjectKey};
use crate::error::ApiError;

/// An index's bucket: its members by rank, namespace and name.
type Bucket = BTreeMap<(u128, Name), Arc<Object>>;

/// What a transaction did to an object.
#[derive(Debug)]
pub(super) struct Changed {
    /// The object when the transaction began.
    pub(super) before: Option<Arc<Object>>,
    /// The object by now.
    pub(super) now: Option<Arc<Object>>,
    /// Where that one stood in indexes.
    pub(super) entries_before: Entries,
    /// Where this one does.
    pub(super) entries_now: Entries,
}

impl Changed {
    /// How many objects there are by now of what `n` were when the transaction began.
    fn counted_into(&self, n: usize) -> usize {
        match (&self.before, &self.now) {
            (None, Some(_)) => n + 1,
            (Some(_), None) => n.saturating_sub(1),
            _ => n,
        }
    }
}

pub(super) struct Table {
    kind: Kind,
    /// All objects, once all were asked for.
    whole: OnceCell<BTreeMap<Name, Arc<Object>>>,
    /// All objects of the namespaces that were asked for.
    #[expect(clippy::box_collection, reason = "elsa hands out references into what a Box holds")]
    namespaces: FrozenBTreeMap<String, Box<BTreeMap<String, Arc<Object>>>>,
    /// The objects that were asked for by name; none for a name that nobody has.
    single: FrozenBTreeMap<Name, Box<Option<Arc<Object>>>>,
    /// The buckets that were asked for.
    buckets: FrozenBTreeMap<(Index, String), Box<Bucket>>,
    /// What this transaction changed.
    changed: BTreeMap<Name, Changed>,
    /// What it changed in buckets that nobody has asked for yet: whether a member came.
    moved: BTreeMap<(Index, String), BTreeMap<(u128, Name), bool>>,
    /// How many objects there are, in all and in namespaces, as far as somebody asked.
    lens: RefCell<BTreeMap<Option<String>, usize>>,
    /// How many members buckets have, as far as somebody asked.
    bucket_lens: RefCell<BTreeMap<(Index, String), usize>>,
}

impl Table {
    pub(super) fn new(kind: Kind) -> Table {
        Table {
            kind,
            whole: OnceCell::new(),
            namespaces: FrozenBTreeMap::new(),
            single: FrozenBTreeMap::new(),
            buckets: FrozenBTreeMap::new(),
            changed: BTreeMap::new(),
            moved: BTreeMap::new(),
            lens: RefCell::default(),
            bucket_lens: RefCell::default(),
        }
    }

    pub(super) fn get(&self, db: &Db, namespace: &str, name: &str) -> Result<Option<&Arc<Object>>, ApiError> {
        let key = joined(namespace, name);
        let borrowed = key.as_str();
        if let Some(whole) = self.whole.get() {
            return Ok(whole.get(borrowed));
        }
        if let Some(changed) = self.changed.get(borrowed) {
            return Ok(changed.now.as_ref());
        }
        if let Some(objects) = self.namespaces.get(namespace) {
            return Ok(objects.get(name));
        }
        if let Some(known) = self.single.get(borrowed) {
            return Ok(known.as_ref());
        }
        let object = db.object(self.kind, namespace, name)?.map(Arc::new);
        Ok(self.single.insert(Name::from(key), Box::new(object)).as_ref())
    }

    /// All objects, by namespace and name.
    pub(super) fn all(&self, db: &Db) -> Result<&BTreeMap<Name, Arc<Object>>, ApiError> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let mut objects = BTreeMap::new();
        for object in db.objects(self.kind)? {
            objects.insert(Name::of(&object), Arc::new(object));
        }
        for (name, changed) in &self.changed {
            lay_over(&mut objects, name.clone(), &changed.now);
        }
        Ok(self.whole.get_or_init(|| objects))
    }

    /// The objects of a namespace, by name.
    pub(super) fn in_namespace<'a>(
        &'a self,
        db: &Db,
        namespace: &str,
    ) -> Result<Box<dyn Iterator<Item = &'a Arc<Object>> + 'a>, ApiError> {
        if let Some(whole) = self.whole.get() {
            let namespace = namespace.to_string();
            let from = Name::new(&namespace, "");
            let range = whole.range(from..).take_while(move |(name, _)| name.namespace() == namespace);
            return Ok(Box::new(range.map(|(_, o)| o)));
        }
        if let Some(known) = self.namespaces.get(namespace) {
            return Ok(Box::new(known.values()));
        }
        let mut objects = BTreeMap::new();
        for object in db.objects_in(self.kind, namespace)? {
            objects.insert(object.name().to_string(), Arc::new(object));
        }
        let changed = self.changed.range(Name::new(namespace, "")..);
        for (name, changed) in changed.take_while(|(name, _)| name.namespace() == namespace) {
            lay_over(&mut objects, name.name().to_string(), &changed.now);
        }
        Ok(Box::new(self.namespaces.insert(namespace.to_string(), Box::new(objects)).values()))
    }

    /// At most `limit` objects, of a namespace or of all, from a place on in the order of namespaces and names. They
    /// are not kept at hand: who goes through a whole kind in pieces holds a piece at a time. Those whose stored text
    /// does not hold `telltale` may be left out.
    pub(super) fn page(
        &self,
        db: &Db,
        within: Option<&str>,
        from: (&str, &str),
        limit: usize,
        telltale: Option<&str>,
    ) -> Result<Vec<Arc<Object>>, ApiError> {
        let (namespace, name) = (within.unwrap_or(from.0), from.1);
        let from = Name::new(namespace, name);
        let belongs = |name: &Name| within.is_none_or(|within| name.namespace() == within);
        if let Some(whole) = self.whole.get() {
            let range = whole.range(from..).take_while(|(name, _)| belongs(name));
            return Ok(range.take(limit).map(|(_, object)| Arc::clone(object)).collect());
        }
        let changed = || self.changed.range(from.clone()..).take_while(|(name, _)| belongs(name));
        // Of the rows as many may be gone or replaced as the transaction changed.
        let most = limit.saturating_add(changed().count());
        let stored = db.objects_from(self.kind, within, (namespace, name), most, telltale)?;
        let is_all = stored.len() < most;
        let mut page = BTreeMap::new();
        for object in stored {
            page.insert(Name::of(&object), Arc::new(object));
        }
        let last = page.last_key_value().map(|(name, _)| name.clone()).filter(|_| !is_all);
        for (name, changed) in changed().take_while(|(name, _)| last.as_ref().is_none_or(|last| *name <= last)) {
            lay_over(&mut page, name.clone(), &changed.now);
        }
        Ok(page.into_values().take(limit).collect())
    }

    /// How many objects there are, of a namespace or of all, from a place on.
    pub(super) fn count_from(&self, db: &Db, within: Option<&str>, from: (&str, &str)) -> Result<usize, ApiError> {
        let stored = db.count_from(self.kind, within, from)?;
        let changed = self.changed.range(Name::new(within.unwrap_or(from.0), from.1)..);
        let changed = changed.take_while(|(name, _)| within.is_none_or(|within| name.namespace() == within));
        Ok(changed.fold(stored, |n, (_, changed)| changed.counted_into(n)))
    }

    /// The members of a bucket.
    pub(super) fn bucket(&self, db: &Db, index: Index, bucket: &str) -> Result<&Bucket, ApiError> {
        let borrowed: &dyn Key = &(index, bucket);
        if let Some(known) = self.buckets.get(borrowed) {
            return Ok(known);
        }
        let key = (index, bucket.to_string());
        let mut members = Bucket::new();
        for (rank, object) in db.members(self.kind, index, bucket)? {
            let name = Name::of(&object);
            let now = self.changed.get(&name).and_then(|c| c.now.clone());
            members.insert((rank, name), now.unwrap_or_else(|| Arc::new(object)));
        }
        for ((rank, name), came) in self.moved.get(&key).into_iter().flatten() {
            let now = self.changed.get(name).and_then(|c| c.now.as_ref()).filter(|_| *came);
            match now {
                Some(object) => _ = members.insert((*rank, name.clone()), Arc::clone(object)),
                None => _ = members.remove(&(*rank, name.clone())),
            }
        }
        Ok(self.buckets.insert(key, Box::new(members)))
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the transaction brought members to a bucket, or somebody has asked for it.
    pub(super) fn was_moved(&self, index: Index, bucket: &str) -> bool {
        let borrowed: &dyn Key = &(index, bucket);
        self.moved.contains_key(borrowed) || self.buckets.get(borrowed).is_some()
    }

    /// How many members a bucket has.
    pub(super) fn bucket_len(&self, db: &Db, index: Index, bucket: &str) -> Result<usize, ApiError> {
        let borrowed: &dyn Key = &(index, bucket);
        if let Some(known) = self.bucket_lens.borrow().get(borrowed) {
            return Ok(*known);
        }
        let len = match self.buckets.get(borrowed) {
            Some(known) => known.len(),
            None => {
                let stored = db.count_members(self.kind, index, bucket)?;
                let moved = self.moved.get(borrowed).into_iter().flatten();
                moved.fold(stored, |n, (_, came)| if *came { n + 1 } else { n.saturating_sub(1) })
            }
        };
        self.bucket_lens.borrow_mut().insert((index, bucket.to_string()), len);
        Ok(len)
    }

    /// How many objects there are, in a namespace or in all.
    pub(super) fn len(&self, db: &Db, namespace: Option<&str>) -> Result<usize, ApiError> {
        let key = namespace.map(String::from);
        if let Some(known) = self.lens.borrow().get(&key) {
            return Ok(*known);
        }
        let stored = db.tally(self.kind, namespace)?;
        let changed = self.changed.iter().filter(|(name, _)| namespace.is_none_or(|n| n == name.namespace()));
        let len = changed.fold(stored, |n, (_, changed)| changed.counted_into(n));
        self.lens.borrow_mut().insert(key, len);
        Ok(len)
    }

    /// How many objects the transaction changed.
    pub(super) fn changed(&self) -> usize {
        self.changed.len()
    }

    /// The objects whose newest revision lies before another one.
    pub(super) fn written_before(&self, db: &Db, revision: u64) -> Result<Vec<ObjectKey>, ApiError> {
        let mut keys = db.written_before(self.kind, revision)?;
        keys.retain(|key| !self.changed.contains_key(joined(&key.namespace, &key.name).as_str()));
        let old = |changed: &Changed| changed.now.as_ref().is_some_and(|o| o.revision() < revision);
        let changed = self.changed.iter().filter(|(_, changed)| old(changed));
        keys.extend(changed.map(|(name, _)| ObjectKey::new(self.kind, name.namespace(), name.name())));
        Ok(keys)
    }

    /// Puts an object in the place of the one of its name, and gives that back.
    pub(super) fn replace(
        &mut self,
        db: &Db,
        key: &ObjectKey,
        object: Arc<Object>,
    ) -> Result<Option<Arc<Object>>, ApiError> {
        self.change(db, key, Some(object))
    }

    /// Removes an object, and gives it back.
    pub(super) fn remove(&mut self, db: &Db, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
        match self.get(db, &key.namespace, &key.name)? {
            Some(_) => self.change(db, key, None),
            None => Ok(None),
        }
    }

    fn change(&mut self, db: &Db, key: &ObjectKey, new: Option<Arc<Object>>) -> Result<Option<Arc<Object>>, ApiError> {
        let kind = self.kind;
        let entries = |object: &Option<Arc<Object>>| match object {
            Some(object) => index::entries_of(kind, object),
            None => Entries::new(),
        };
        let name = Name::new(&key.namespace, &key.name);
        let again = self.changed.get_mut(&name);
        let again = again.map(|changed| (changed.now.take(), std::mem::take(&mut changed.entries_now)));
        let is_first = again.is_none();
        let (old, before) = match again {
            Some(changed) => changed,
            None => {
                let old = self.get(db, &key.namespace, &key.name)?.cloned();
                self.single.as_mut().remove(&name);
                let before = entries(&old);
                (old, before)
            }
        };
        let after = entries(&new);
        for (index, bucket, rank) in before.iter().filter(|entry| !after.contains(entry)) {
            self.move_member(*index, bucket, (*rank, &name), None);
        }
        for entry in &after {
            let (index, bucket, rank) = entry;
            let came = !before.contains(entry);
            self.move_member(*index, bucket, (*rank, &name), new.as_ref().map(|o| (o, came)));
        }
        let lens = self.lens.get_mut();
        for counted in [None, Some(key.namespace.clone())] {
            if let Some(len) = lens.get_mut(&counted) {
                *len = (*len + usize::from(new.is_some())).saturating_sub(usize::from(old.is_some()));
            }
        }
        if let Some(whole) = self.whole.get_mut() {
            lay_over(whole, name.clone(), &new);
        }
        if let Some(objects) = self.namespaces.as_mut().get_mut(&key.namespace) {
            lay_over(objects, key.name.clone(), &new);
        }
        if is_first {
            let changed = Changed { before: old.clone(), now: new, entries_before: before, entries_now: after };
            self.changed.insert(name, changed);
            return Ok(old);
        }
        match self.changed.get_mut(&name) {
            // What came and went within the transaction is as if it had never been.
            Some(Changed { before: None, .. }) if new.is_none() => _ = self.changed.remove(&name),
            Some(changed) => (changed.now, changed.entries_now) = (new, after),
            None => {}
        }
        Ok(old)
    }

    /// Follows a member of a bucket that came (or was there and changed), or went.
    fn move_member(
        &mut self,
        index: Index,
        bucket: &str,
        (rank, name): (u128, &Name),
        object: Option<(&Arc<Object>, bool)>,
    ) {
        let borrowed: &dyn Key = &(index, bucket);
        let came = match object {
            Some((_, false)) => None,
            object => Some(object.is_some()),
        };
        if let Some(came) = came
            && let Some(len) = self.bucket_lens.get_mut().get_mut(borrowed)
        {
            *len = if came { *len + 1 } else { len.saturating_sub(1) };
        }
        if let Some(members) = self.buckets.as_mut().get_mut(borrowed) {
            match object {
                Some((object, _)) => _ = members.insert((rank, name.clone()), Arc::clone(object)),
                None => _ = members.remove(&(rank, name.clone())),
            }
            return;
        }
        let Some(came) = came else { return };
        let member = (rank, name.clone());
        let moved = self.moved.entry((index, bucket.to_string())).or_default();
        // What came and went within the transaction is as if it had never been.
        match moved.get(&member) {
            Some(before) if *before != came => _ = moved.remove(&member),
            _ => _ = moved.insert(member, came),
        }
    }

    /// What the transaction changed, by name; from here on it counts as stored.
    pub(super) fn take_changed(&mut self) -> BTreeMap<Name, Changed> {
        self.moved.clear();
        let changed = std::mem::take(&mut self.changed);
        if self.whole.get().is_none() {
            for (name, changed) in &changed {
                self.single.insert(name.clone(), Box::new(changed.now.clone()));
            }
        }
        changed
    }
}

fn lay_over<K: Ord>(objects: &mut BTreeMap<K, Arc<Object>>, key: K, now: &Option<Arc<Object>>) {
    match now {
        Some(object) => _ = objects.insert(key, Arc::clone(object)),
        None => _ = objects.remove(&key),
    }
}

/// A bucket's key, which is looked up without being copied.
trait Key {
    fn parts(&self) -> (Index, &str);
}

impl Key for (Index, String) {
    fn parts(&self) -> (Index, &str) {
        (self.0, &self.1)
    }
}

impl Key for (Index, &str) {
    fn parts(&self) -> (Index, &str) {
        (self.0, self.1)
    }
}

impl<'a> Borrow<dyn Key + 'a> for (Index, String) {
    fn borrow(&self) -> &(dyn Key + 'a) {
        self
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Key + '_ {}

impl PartialOrd for dyn Key + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Key + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}
