//! What the pods of each node ask for in sum, kept up with every write, so that scheduling one pod costs a look at
//! each node and not at each pod.

use std::collections::BTreeMap;

use crate::api::Object;
use crate::api::k8s::api::core::v1::{Node, Pod, PodSpec};
use crate::api::object::controller_of;
use crate::api::resources::{self, Resources};

/// A host port in use: protocol, port, address.
pub type HostPort = (String, i32, String);

/// The pods of a node in sum. Pods that have ended count for nothing.
#[derive(Debug, Clone, Default)]
pub struct NodeLoad {
    /// What they ask for.
    pub requested: Resources,
    /// CPU in thousandths and memory in bytes for scores, with defaults for containers that ask for none.
    pub nonzero: (i64, i64),
    /// How many they are.
    pub pods: i64,
    /// The host ports that they use, with how many use each.
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

/// The sums over a table: of pods those per node, of nodes what they have.
#[derive(Debug, Default)]
pub(super) struct Loads {
    bound: BTreeMap<String, NodeLoad>,
    nominated: BTreeMap<String, NodeLoad>,
    capacity: BTreeMap<String, NodeCapacity>,
}

impl Loads {
    pub(super) fn bound(&self, node: &str) -> Option<&NodeLoad> {
        self.bound.get(node)
    }

    pub(super) fn nominated(&self, node: &str) -> Option<&NodeLoad> {
        self.nominated.get(node)
    }

    pub(super) fn capacity(&self, node: &str) -> Option<&NodeCapacity> {
        self.capacity.get(node)
    }

    /// Follows a change of one object.
    pub(super) fn change(&mut self, old: Option<&Object>, new: Option<&Object>) {
        match (old, new) {
            (Some(Object::Pod(old)), Some(Object::Pod(new))) if counts_alike(old, new) => {}
            (Some(Object::Pod(_)), _) | (_, Some(Object::Pod(_))) => {
                for (object, more) in [(old, false), (new, true)] {
                    if let Some(Object::Pod(pod)) = object {
                        self.count(pod, more);
                    }
                }
            }
            (_, Some(Object::Node(node))) => self.set_capacity(node),
            (Some(Object::Node(node)), None) => {
                self.capacity.remove(node.metadata.name.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }

    fn set_capacity(&mut self, node: &Node) {
        let (allocatable, pods) = resources::allocatable(node);
        let name = node.metadata.name.clone().unwrap_or_default();
        self.capacity.insert(name, NodeCapacity { allocatable, pods });
    }

    fn count(&mut self, pod: &Pod, more: bool) {
        let Some((node, bound)) = place(pod) else { return };
        let Some(spec) = &pod.spec else { return };
        let loads = if bound { &mut self.bound } else { &mut self.nominated };
        let load = loads.entry(node.to_string()).or_default();
        load.count(pod, spec, more);
        if load.pods == 0 {
            loads.remove(node);
        }
    }
}

/// The node that a pod is on, or is meant for, and whether it is bound to it; none for a pod that has ended.
fn place(pod: &Pod) -> Option<(&str, bool)> {
    let status = pod.status.as_ref();
    if matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed")) {
        return None;
    }
    let bound = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).filter(|n| !n.is_empty());
    if let Some(node) = bound {
        return Some((node, true));
    }
    let nominated = status.and_then(|s| s.nominated_node_name.as_deref()).filter(|n| !n.is_empty());
    nominated.map(|node| (node, false))
}

fn counts_alike(old: &Pod, new: &Pod) -> bool {
    place(old) == place(new)
        && old.metadata.deletion_timestamp.is_some() == new.metadata.deletion_timestamp.is_some()
        && old.spec == new.spec
}

impl NodeLoad {
    /// Counts a pod in, or out.
    pub fn count(&mut self, pod: &Pod, spec: &PodSpec, more: bool) {
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
