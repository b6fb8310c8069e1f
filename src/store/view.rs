//! The read-only side of the store: what controllers, admission and printers see.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::load::NodeInfo;
use super::name::Name;
use super::{Index, Store};
use crate::api::k8s::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use crate::api::{Kind, Lister, Object, ObjectKey, Time, Typed, definition};
use crate::machine::disk::Disk;
use crate::machine::kernel::Sandbox;

/// Whether objects of a definition's kind are taken. Mirrors `apihelpers.IsCRDConditionTrue`.
fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|c| c.type_ == "Established" && c.status == "True")
}

/// The state of the cluster at one moment.
#[derive(Clone, Copy)]
pub struct View<'a> {
    store: &'a Store,
}

impl<'a> View<'a> {
    pub(super) fn new(store: &'a Store) -> View<'a> {
        View { store }
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.store.revision()
    }

    /// The object of that key.
    pub fn get(&self, key: &ObjectKey) -> Option<&'a Arc<Object>> {
        self.store.read(self.store.table(key.kind).get(&self.store.db, &key.namespace, &key.name))
    }

    /// The object of a typed kind; an empty namespace for cluster-wide kinds.
    pub fn get_as<T: Typed + 'a>(&self, namespace: &str, name: &str) -> Option<&'a T> {
        self.get(&ObjectKey::new(T::OF, namespace, name)).and_then(|o| o.get::<T>())
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let all = self.store.table(kind).all(&self.store.db).map(Some);
        self.store.read(all).into_iter().flat_map(|all| all.values())
    }

    /// The objects of a kind in a namespace, by name.
    pub fn list_in(&self, kind: Kind, namespace: &'a str) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let found = self.store.table(kind).in_namespace(&self.store.db, namespace).map(Some);
        self.store.read(found).into_iter().flatten()
    }

    /// At most `limit` objects of a kind, in a namespace or in all, from a place on in the order of namespaces and
    /// names: what goes through many objects in pieces and keeps none at hand. Those whose stored text does not hold
    /// `telltale` may be left out.
    pub fn page(
        &self,
        kind: Kind,
        within: Option<&str>,
        from: (&str, &str),
        limit: usize,
        telltale: Option<&str>,
    ) -> Vec<Arc<Object>> {
        self.store.read(self.store.table(kind).page(&self.store.db, within, from, limit, telltale))
    }

    /// How many objects of a kind there are, in a namespace or in all, from a place on.
    pub fn count_from(&self, kind: Kind, within: Option<&str>, from: (&str, &str)) -> usize {
        self.store.read(self.store.table(kind).count_from(&self.store.db, within, from))
    }

    /// All objects of a typed kind.
    pub fn list_as<T: Typed + 'a>(&self) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.list(T::OF).filter_map(|o| o.get::<T>())
    }

    /// The members of an index's bucket, by rank, namespace and name.
    pub fn indexed(&self, kind: Kind, index: Index, bucket: &str) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        self.indexed_from(kind, index, bucket, 0)
    }

    /// The members of a bucket whose rank is at least `least`.
    pub fn indexed_from(
        &self,
        kind: Kind,
        index: Index,
        bucket: &str,
        least: u128,
    ) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let members = self.store.table(kind).bucket(&self.store.db, index, bucket).map(Some);
        let from = (least, Name::least());
        self.store.read(members).into_iter().flat_map(move |members| members.range(from.clone()..).map(|(_, o)| o))
    }

    /// What a scheduler knows of the nodes, by name.
    pub fn node_infos(&self) -> impl ExactSizeIterator<Item = &'a NodeInfo> + use<'a> {
        static NONE: BTreeMap<String, NodeInfo> = BTreeMap::new();
        let (store, db) = (self.store, &self.store.db);
        let nodes = || store.table(Kind::Node).all(db).map(|all| all.values().collect());
        store.read(store.loads.snapshot(db, nodes).map(Some)).unwrap_or(&NONE).values()
    }

    /// The kinds that the cluster was taught: whose definitions it holds and has established.
    pub fn taught_kinds(&self) -> Vec<Kind> {
        if self.len(Kind::CustomResourceDefinition) == 0 {
            return Vec::new();
        }
        // Each request asks: so a definition is looked up by its name, and not all of them gone through.
        let is_taught = |kind: &Kind| {
            let definition = self.get_as::<CustomResourceDefinition>("", &kind.resource());
            definition.is_some_and(|d| is_established(d) && definition::learn(d) == Some(*kind))
        };
        let mut kinds: Vec<Kind> = Kind::known().filter(|kind| !kind.is_built_in()).filter(is_taught).collect();
        kinds.sort();
        kinds
    }

    /// How many objects of a kind there are.
    pub fn len(&self, kind: Kind) -> usize {
        self.store.read(self.store.table(kind).len(&self.store.db, None))
    }

    /// How many objects of a kind there are in a namespace.
    pub fn len_in(&self, kind: Kind, namespace: &str) -> usize {
        self.store.read(self.store.table(kind).len(&self.store.db, Some(namespace)))
    }

    /// How many members a bucket has.
    pub fn count(&self, kind: Kind, index: Index, bucket: &str) -> usize {
        self.store.read(self.store.table(kind).bucket_len(&self.store.db, index, bucket))
    }

    /// Since when a node's kubelet is stopped; none while it runs.
    pub fn kubelet_stopped_since(&self, node: &str) -> Option<Time> {
        self.store.setting(&View::stopped_setting(node))?.parse().ok().map(Time)
    }

    /// What the cluster's lots are drawn from.
    pub fn seed(&self) -> u64 {
        self.store.setting(View::SEED).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// The name of the setting that holds the seed.
    pub const SEED: &'static str = "seed";

    /// The Kubernetes minor version that the cluster pretends to be: 36 for v1.36.
    pub fn version(&self) -> u32 {
        self.store.setting(View::VERSION).and_then(|v| v.parse().ok()).unwrap_or(36)
    }

    /// The name of the setting that holds the version.
    pub const VERSION: &'static str = "version";

    /// What a component outside of the API keeps on its disk, such as the last address that a node gave out.
    pub fn note(&self, name: &str) -> Option<&'a str> {
        self.store.setting(&format!("note/{name}"))
    }

    /// A pod's kernel by the pod's uid: its processes and what became of them.
    pub fn sandbox(&self, uid: &str) -> Option<&'a Sandbox> {
        self.store.sandbox(uid)
    }

    /// A disk of a node, a volume, a pod or a server.
    pub fn disk(&self, id: &str) -> Option<&'a Disk> {
        self.store.disk(id)
    }

    /// The name of the note that holds the uid of a node that the node controller knows.
    pub fn node_known(node: &str) -> String {
        format!("node-known/{node}")
    }

    /// The name of the setting that says since when a kubelet is stopped.
    pub fn stopped_setting(node: &str) -> String {
        format!("kubelet-stopped/{node}")
    }

    /// The objects of any kind that name an owner of that uid.
    pub fn dependents(&self, owner_uid: &str) -> Vec<&'a Arc<Object>> {
        let mut kinds = self.store.kinds_with(Index::Owner, owner_uid);
        kinds.retain(|k| *k != Kind::Event);
        kinds.into_iter().flat_map(|k| self.indexed(k, Index::Owner, owner_uid)).collect()
    }
}

impl Lister for View<'_> {
    fn get(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        View::get(self, key).cloned()
    }

    fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Arc<Object>> {
        match namespace {
            Some(ns) => self
                .store
                .read(self.store.table(kind).in_namespace(&self.store.db, ns).map(|found| found.cloned().collect())),
            None => View::list(self, kind).cloned().collect(),
        }
    }

    fn pods_using_claim(&self, namespace: &str, claim: &str) -> Vec<Arc<Object>> {
        self.indexed(Kind::Pod, Index::PodClaim, &format!("{namespace}/{claim}")).cloned().collect()
    }

    fn pods_on_node(&self, node: &str) -> Vec<Arc<Object>> {
        self.indexed(Kind::Pod, Index::Node, node).cloned().collect()
    }

    fn events_about(&self, uid: &str) -> Vec<Arc<Object>> {
        self.indexed(Kind::Event, Index::EventObject, uid).cloned().collect()
    }
}
