//! The newest revision of every object of one kind, in memory, with its indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::index::{self, Index};
use super::load::Loads;
use crate::api::{Kind, Object, ObjectKey};

/// Namespace and name.
type Name = (String, String);

#[derive(Debug)]
pub(super) struct Table {
    objects: BTreeMap<Name, Arc<Object>>,
    indexes: Vec<(Index, BTreeMap<String, BTreeSet<(u128, Name)>>)>,
    loads: Loads,
}

impl Table {
    pub(super) fn new(kind: Kind) -> Table {
        let indexes = index::of(kind).iter().map(|i| (*i, BTreeMap::new())).collect();
        Table { objects: BTreeMap::new(), indexes, loads: Loads::default() }
    }

    pub(super) fn insert(&mut self, object: Arc<Object>) {
        self.replace(object);
    }

    pub(super) fn replace(&mut self, object: Arc<Object>) -> Option<Arc<Object>> {
        let name = (object.namespace().to_string(), object.name().to_string());
        let old = self.objects.insert(name.clone(), Arc::clone(&object));
        self.loads.change(old.as_deref(), Some(&object));
        for (index, buckets) in &mut self.indexes {
            let before = old.as_ref().map(|o| index::entries(*index, o)).unwrap_or_default();
            let after = index::entries(*index, &object);
            if before != after {
                take_out(buckets, before, &name);
                for (bucket, rank) in after {
                    buckets.entry(bucket).or_default().insert((rank, name.clone()));
                }
            }
        }
        old
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<Object>> {
        let name = (key.namespace.clone(), key.name.clone());
        let old = self.objects.remove(&name)?;
        self.loads.change(Some(&old), None);
        for (index, buckets) in &mut self.indexes {
            take_out(buckets, index::entries(*index, &old), &name);
        }
        Some(old)
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        // BTreeMap has no lookup by a borrowed pair; the two clones are cheaper than a second map.
        self.objects.get(&(namespace.to_string(), name.to_string()))
    }

    pub(super) fn loads(&self) -> &Loads {
        &self.loads
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    pub(super) fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<Object>> + 'a {
        let from = (namespace.to_string(), String::new());
        self.objects.range(from..).take_while(move |((ns, _), _)| ns == namespace).map(|(_, o)| o)
    }

    pub(super) fn bucket<'a>(
        &'a self,
        index: Index,
        bucket: &str,
        least: u128,
    ) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let members = self.indexes.iter().find(|(i, _)| *i == index).and_then(|(_, b)| b.get(bucket));
        let from = (least, (String::new(), String::new()));
        members.into_iter().flat_map(move |m| m.range(from.clone()..)).filter_map(|(_, name)| self.objects.get(name))
    }

    pub(super) fn bucket_len(&self, index: Index, bucket: &str) -> usize {
        self.indexes.iter().find(|(i, _)| *i == index).and_then(|(_, b)| b.get(bucket)).map_or(0, BTreeSet::len)
    }
}

fn take_out(buckets: &mut BTreeMap<String, BTreeSet<(u128, Name)>>, entries: Vec<(String, u128)>, name: &Name) {
    for (bucket, rank) in entries {
        if let Some(members) = buckets.get_mut(&bucket) {
            members.remove(&(rank, name.clone()));
            if members.is_empty() {
                buckets.remove(&bucket);
            }
        }
    }
}
