//! What the pods of each node ask for in sum, kept up with every write, so that scheduling one pod costs a look at
//! each node and not at each pod.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use elsa::FrozenBTreeMap;
use serde::{Deserialize, Serialize};

use super::sqlite::Db;
use crate::api::Object;
use crate::api::k8s::api::core::v1::{Node, Pod, PodSpec};
use crate::api::object::controller_of;
use crate::api::resources::{self, Resources};
use crate::error::ApiError;

/// A host port in use: protocol, port, address.
pub type HostPort = (String, i32, String);

/// The pods of a node in sum. Pods that have ended count for nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NodeLoad {
    /// What they ask for.
    pub requested: Resources,
    /// CPU in thousandths and memory in bytes for scores, with defaults for containers that ask for none.
    pub nonzero: (i64, i64),
    /// How many they are.
    pub pods: i64,
    /// The host ports that they use, with how many use each.
    #[serde(with = "pairs")]
    pub ports: BTreeMap<HostPort, u32>,
    /// How many of them each controller has, by its uid; those that are being deleted are left out.
    pub owned: BTreeMap<String, u32>,
    /// The priorities of the pods, with how many have each.
    pub priorities: BTreeMap<i32, u32>,
}

/// What a node has to give.
#[derive(Debug, Clone, Default)]
pub struct NodeCapacity {
    /// The resources.
    pub allocatable: Resources,
    /// How many pods it takes.
    pub pods: i64,
}

/// What a scheduler knows of a node. Mirrors `NodeInfo` of `pkg/scheduler/framework`.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    /// The node.
    pub node: Arc<Object>,
    /// What it has to give.
    pub capacity: NodeCapacity,
    /// What the pods ask for that are bound to it, or assumed there; none when there are no such pods.
    pub load: Option<NodeLoad>,
    /// What the pods ask for that are meant for it once others made room.
    pub nominated: Option<NodeLoad>,
}

/// The nodes by name, kept from one pod to the next. Mirrors `Snapshot` of `pkg/scheduler/backend/cache`.
pub(super) type Snapshot = BTreeMap<String, NodeInfo>;

/// Where a pod counts: at the node that it is bound to, or that it is meant for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) node: String,
    /// Whether it counts as one of the node's own: it is bound, or assumed.
    pub(super) bound: bool,
}

/// The node that counts a pod as its own: that it is bound to, or assumed on.
pub fn node_of(pod: &Pod) -> Option<&String> {
    let bound = pod.spec.as_ref().and_then(|s| s.node_name.as_ref()).filter(|n| !n.is_empty());
    bound.or_else(|| assumed_node(pod))
}

/// The node that a pod is assumed on: chosen for it, while its volumes are still being bound there. Mirrors
/// `Cache.AssumePod` of `pkg/scheduler/backend/cache`. Who is only nominated, because others shall make room, was told
/// so by a condition. A pod that was refused once and is assumed later still has that condition and counts as nominated.
pub fn assumed_node(pod: &Pod) -> Option<&String> {
    let status = pod.status.as_ref()?;
    let refused = status.conditions.iter().flatten().any(|c| c.type_ == "PodScheduled" && c.status == "False");
    status.nominated_node_name.as_ref().filter(|node| !node.is_empty() && !refused)
}

/// The sums of nodes' pods, and the nodes, as far as somebody asked.
#[derive(Default)]
pub(super) struct Loads {
    sums: FrozenBTreeMap<Place, Box<Option<NodeLoad>>>,
    /// Whose sum the transaction changed.
    changed: BTreeSet<Place>,
    /// All nodes, once somebody asked for all.
    snapshot: OnceCell<Snapshot>,
}

impl Loads {
    pub(super) fn at(&self, db: &Db, node: &str, bound: bool) -> Result<Option<&NodeLoad>, ApiError> {
        let place = Place { node: node.to_string(), bound };
        if let Some(known) = self.sums.get(&place) {
            return Ok(known.as_ref());
        }
        let load = db.load(&place)?;
        Ok(self.sums.insert(place, Box::new(load)).as_ref())
    }

    /// What is known of every node; `nodes` are all that there are.
    pub(super) fn snapshot<'n>(
        &self,
        db: &Db,
        nodes: impl FnOnce() -> Result<Vec<&'n Arc<Object>>, ApiError>,
    ) -> Result<&Snapshot, ApiError> {
        if let Some(known) = self.snapshot.get() {
            return Ok(known);
        }
        let mut snapshot = Snapshot::new();
        for node in nodes()? {
            snapshot.insert(node.name().to_string(), self.node_info(db, node)?);
        }
        Ok(self.snapshot.get_or_init(|| snapshot))
    }

    fn node_info(&self, db: &Db, node: &Arc<Object>) -> Result<NodeInfo, ApiError> {
        let capacity = node.get::<Node>().map(NodeCapacity::of).unwrap_or_default();
        let load = self.at(db, node.name(), true)?.cloned();
        Ok(NodeInfo { node: Arc::clone(node), capacity, load, nominated: self.at(db, node.name(), false)?.cloned() })
    }

    /// Follows a change of one object.
    pub(super) fn change(
        &mut self,
        db: &Db,
        old: Option<&Arc<Object>>,
        new: Option<&Arc<Object>>,
    ) -> Result<(), ApiError> {
        match (old.map(Arc::as_ref), new.map(Arc::as_ref)) {
            (Some(Object::Pod(old)), Some(Object::Pod(new))) if counts_alike(old, new) => {}
            (Some(Object::Node(node)), _) | (_, Some(Object::Node(node))) => {
                let name = node.metadata.name.as_deref().unwrap_or_default();
                if let Some(mut snapshot) = self.snapshot.take() {
                    match new {
                        Some(node) => _ = snapshot.insert(name.to_string(), self.node_info(db, node)?),
                        None => _ = snapshot.remove(name),
                    }
                    self.snapshot = OnceCell::from(snapshot);
                }
            }
            _ => {
                for (object, more) in [(old, false), (new, true)] {
                    if let Some(Object::Pod(pod)) = object.map(Arc::as_ref) {
                        self.count(db, pod, more)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, db: &Db, pod: &Pod, more: bool) -> Result<(), ApiError> {
        let Some(place) = Place::of(pod) else { return Ok(()) };
        self.at(db, &place.node, place.bound)?;
        let sum = self.sums.as_mut().entry(place.clone()).or_default();
        let load = sum.get_or_insert_default();
        load.count(pod, more);
        if load.pods == 0 {
            **sum = None;
        }
        if let Some(info) = self.snapshot.get_mut().and_then(|nodes| nodes.get_mut(&place.node)) {
            let known = if place.bound { &mut info.load } else { &mut info.nominated };
            known.clone_from(sum);
        }
        self.changed.insert(place);
        Ok(())
    }

    /// Stores what the transaction changed.
    pub(super) fn settle(&mut self, db: &Db) -> Result<(), ApiError> {
        for place in std::mem::take(&mut self.changed) {
            db.set_load(&place, self.sums.get(&place).and_then(Option::as_ref))?;
        }
        Ok(())
    }
}

impl Place {
    /// Where a pod counts; none for a pod that has ended, or is not placed.
    pub(super) fn of(pod: &Pod) -> Option<Place> {
        let status = pod.status.as_ref();
        if matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed")) {
            return None;
        }
        let nominated = || status.and_then(|s| s.nominated_node_name.as_ref()).filter(|n| !n.is_empty());
        let place = node_of(pod).map(|node| (node, true));
        let place = place.or_else(|| nominated().map(|node| (node, false)));
        place.map(|(node, bound)| Place { node: node.clone(), bound })
    }
}

fn counts_alike(old: &Pod, new: &Pod) -> bool {
    Place::of(old) == Place::of(new)
        && old.metadata.deletion_timestamp.is_some() == new.metadata.deletion_timestamp.is_some()
        && old.spec == new.spec
}

impl NodeCapacity {
    fn of(node: &Node) -> NodeCapacity {
        let (allocatable, pods) = resources::allocatable(node);
        NodeCapacity { allocatable, pods }
    }
}

impl NodeLoad {
    /// Counts a pod in, or out.
    pub fn count(&mut self, pod: &Pod, more: bool) {
        let Some(spec) = &pod.spec else { return };
        let (requests, nonzero) = (resources::pod_requests(spec), resources::nonzero_requests(spec));
        let sign: i64 = if more { 1 } else { -1 };
        match more {
            true => self.requested.add(&requests),
            false => self.requested.subtract(&requests),
        }
        self.nonzero.0 = self.nonzero.0.saturating_add(sign * nonzero.0);
        self.nonzero.1 = self.nonzero.1.saturating_add(sign * nonzero.1);
        self.pods += sign;
        for port in host_ports(spec) {
            step(&mut self.ports, port, more);
        }
        step(&mut self.priorities, spec.priority.unwrap_or(0), more);
        if pod.metadata.deletion_timestamp.is_none()
            && let Some(owner) = controller_of(&pod.metadata)
        {
            step(&mut self.owned, owner.uid.clone(), more);
        }
    }
}

fn step<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, more: bool) {
    let count = counts.get(&key).copied().unwrap_or(0);
    match if more { count + 1 } else { count.saturating_sub(1) } {
        0 => counts.remove(&key),
        n => counts.insert(key, n),
    };
}

/// The host ports that a pod asks for.
pub fn host_ports(spec: &PodSpec) -> impl Iterator<Item = HostPort> + '_ {
    let sidecars = spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
    spec.containers.iter().chain(sidecars).flat_map(|c| c.ports.iter().flatten()).filter_map(|port| {
        let number = port.host_port.filter(|p| *p > 0)?;
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
        let ip = port.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".into());
        Some((protocol, number, ip))
    })
}

/// A map whose keys are no texts, as a list of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
