//! What a scheduling cycle works on, and how it says why no node fits.
//!
//! Mirrors `pkg/scheduler/framework/types.go`.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Node, Pod, PodSpec};
use crate::api::resources::{self, Resources};
use crate::api::{Kind, Object};
use crate::store::load::{self, HostPort, NodeCapacity, NodeLoad, host_ports};
use crate::store::{Index, View};

pub(super) const HOSTNAME: &str = "kubernetes.io/hostname";
pub(super) const ZONE: &str = "topology.kubernetes.io/zone";

/// Why a plugin rejects a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The reasons, each as it is counted in the message.
    pub(super) reasons: Vec<Cow<'static, str>>,
    /// Whether the node might do once other pods are gone; otherwise it is `UnschedulableAndUnresolvable`.
    pub(super) resolvable: bool,
}

impl Rejection {
    /// Other pods are in the way.
    pub(super) fn resolvable(reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { reasons: vec![reason.into()], resolvable: true }
    }

    /// No other pod's end would help.
    pub(super) fn unresolvable(reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { reasons: vec![reason.into()], resolvable: false }
    }
}

/// A node with what is on it.
#[derive(Clone)]
pub(super) struct NodeInfo<'a> {
    pub(super) node: &'a Node,
    pub(super) name: &'a str,
    pub(super) capacity: &'a NodeCapacity,
    /// What its pods ask for, assumed ones too; none for a node without pods.
    pub(super) load: Option<&'a NodeLoad>,
    /// What the pods ask for that are meant for it once others made room.
    pub(super) nominated: Option<&'a NodeLoad>,
    /// The labels that most constraints go by.
    hostname: Option<&'a str>,
    zone: Option<&'a str>,
}

impl<'a> NodeInfo<'a> {
    /// A node as the snapshot has it.
    fn of(info: &'a load::NodeInfo) -> Option<NodeInfo<'a>> {
        let node = info.node.get::<Node>()?;
        let name = node.metadata.name.as_deref()?;
        let label = |key: &str| node.metadata.labels.as_ref()?.get(key).map(String::as_str);
        let (load, nominated) = (info.load.as_ref(), info.nominated.as_ref());
        let (hostname, zone) = (label(HOSTNAME), label(ZONE));
        Some(NodeInfo { node, name, capacity: &info.capacity, load, nominated, hostname, zone })
    }

    /// The value of a label of the node.
    pub(super) fn label(&self, key: &str) -> Option<&'a str> {
        match key {
            HOSTNAME => self.hostname,
            ZONE => self.zone,
            _ => self.node.metadata.labels.as_ref()?.get(key).map(String::as_str),
        }
    }
}

/// The pod to place, and the cluster as it is.
pub(super) struct Cycle<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) object: &'a Object,
    pub(super) pod: &'a Pod,
    pub(super) spec: &'a PodSpec,
    pub(super) requests: Resources,
    /// The host ports that the pod asks for.
    pub(super) ports: Vec<HostPort>,
    /// Gathered when first asked for: a pod whose node is chosen needs that node alone.
    nodes: OnceCell<Vec<NodeInfo<'a>>>,
    /// The pods that are thought away to see whether their end would help.
    removed: Option<Removed>,
}

/// A node as it would be without some of its pods.
struct Removed {
    node: String,
    load: NodeLoad,
    pods: BTreeSet<String>,
}

impl<'a> Cycle<'a> {
    /// A cycle for a pod; none for a pod without a spec.
    pub(super) fn new(view: &'a View<'a>, object: &'a Object) -> Option<Cycle<'a>> {
        let pod = object.get::<Pod>()?;
        let spec = pod.spec.as_ref()?;
        let (requests, nodes) = (resources::pod_requests(spec), OnceCell::new());
        let ports = host_ports(spec).collect();
        Some(Cycle { view, object, pod, spec, requests, ports, nodes, removed: None })
    }

    /// All nodes, by name.
    pub(super) fn nodes(&self) -> &[NodeInfo<'a>] {
        self.nodes.get_or_init(|| {
            let nodes = self.view.node_infos();
            nodes.filter_map(NodeInfo::of).collect()
        })
    }

    /// The same cycle, in which pods of one node can be thought away.
    pub(super) fn dry_run(&self, info: &NodeInfo<'_>) -> Cycle<'a> {
        let load = info.load.cloned().unwrap_or_default();
        let removed = Removed { node: info.name.to_string(), load, pods: BTreeSet::new() };
        let (requests, ports) = (self.requests.clone(), self.ports.clone());
        Cycle { requests, ports, nodes: self.nodes.clone(), removed: Some(removed), ..*self }
    }

    /// Thinks a pod of the dry run's node away.
    pub(super) fn take_away(&mut self, object: &Object) {
        if let Some(removed) = &mut self.removed
            && removed.pods.insert(object.uid().to_string())
        {
            removed.count(object, false);
        }
    }

    /// Has a pod of the dry run's node back.
    pub(super) fn put_back(&mut self, object: &Object) {
        if let Some(removed) = &mut self.removed
            && removed.pods.remove(object.uid())
        {
            removed.count(object, true);
        }
    }

    /// The pods that a node has: bound to it or assumed there, without those that are thought away.
    pub(super) fn pods_on<'s>(&'s self, node: &str) -> impl Iterator<Item = &'a Arc<Object>> + use<'s, 'a> {
        let assumed = self.view.indexed(Kind::Pod, Index::Nominated, node);
        let assumed = assumed.filter(|o| o.get::<Pod>().and_then(load::assumed_node).is_some());
        let all = self.view.indexed(Kind::Pod, Index::Node, node).chain(assumed);
        all.filter(|o| !self.is_removed(o.uid()))
    }

    /// Those, and the pods that are meant for the node and no less important than this one: what filters go by. Mirrors
    /// `addGENominatedPods`.
    pub(super) fn pods_meant_for<'s>(&'s self, node: &str) -> impl Iterator<Item = &'a Arc<Object>> + use<'s, 'a> {
        let nominated = self.view.indexed(Kind::Pod, Index::Nominated, node).filter(|o| {
            let pod = o.get::<Pod>().filter(|pod| load::assumed_node(pod).is_none() && o.uid() != self.object.uid());
            pod.is_some_and(|p| p.spec.as_ref().and_then(|s| s.priority).unwrap_or(0) >= self.priority())
        });
        self.pods_on(node).chain(nominated)
    }

    /// Whether a pod is thought away.
    pub(super) fn is_removed(&self, uid: &str) -> bool {
        self.removed.as_ref().is_some_and(|r| r.pods.contains(uid))
    }

    /// What the pods of a node ask for, without those that are thought away.
    pub(super) fn load<'s>(&'s self, info: &NodeInfo<'s>) -> Option<&'s NodeLoad> {
        match &self.removed {
            Some(removed) if removed.node == info.name => Some(&removed.load),
            _ => info.load,
        }
    }

    /// The pod's namespace.
    pub(super) fn namespace(&self) -> &'a str {
        self.object.namespace()
    }

    /// The pod's priority.
    pub(super) fn priority(&self) -> i32 {
        self.spec.priority.unwrap_or(0)
    }
}

impl Removed {
    fn count(&mut self, object: &Object, more: bool) {
        if let Some(pod) = object.get::<Pod>() {
            self.load.count(pod, more);
        }
    }
}

/// Why no node fits.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    /// What a plugin said that rejected the pod before looking at nodes.
    pub(super) pre_filter: Option<String>,
    /// The nodes that were rejected.
    pub(super) nodes: BTreeMap<String, Rejection>,
    /// The reason that counts for every node that is not among them.
    pub(super) absent: Option<String>,
    /// What the attempt to make room ended with; empty for nothing to say.
    pub(super) post_filter: String,
}

impl Diagnosis {
    /// The message of the FailedScheduling event. Mirrors `FitError.Error`.
    pub(super) fn message(&self, all_nodes: usize) -> String {
        let mut text = format!("0/{all_nodes} nodes are available:");
        match &self.pre_filter {
            Some(reason) => text += &format!(" {reason}."),
            None => {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                for reason in self.nodes.values().flat_map(|r| &r.reasons) {
                    *counts.entry(reason).or_default() += 1;
                }
                if let Some(reason) = &self.absent
                    && self.nodes.len() < all_nodes
                {
                    *counts.entry(reason).or_default() += all_nodes - self.nodes.len();
                }
                let mut reasons: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
                reasons.sort();
                if !reasons.is_empty() {
                    text += &format!(" {}.", reasons.join(", "));
                }
            }
        }
        if !self.post_filter.is_empty() {
            text += &format!(" {}", self.post_filter);
        }
        text
    }
}
