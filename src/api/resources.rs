//! What pods ask of nodes and what nodes have to give, as plain numbers.
//!
//! Mirrors `k8s.io/component-helpers/resource` and the scheduler's `framework.Resource`.

use std::collections::BTreeMap;

use super::Quantity;
use super::k8s::api::core::v1::{Container, Node, PodSpec};
use super::k8s::apimachinery::pkg::api::resource::Quantity as Text;

/// The CPU that scoring takes a container for that asks for none, in thousandths.
const DEFAULT_MILLI_CPU: i64 = 100;
/// The memory that scoring takes a container for that asks for none, in bytes.
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts of the resources that a scheduler counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Resources {
    /// CPU in thousandths.
    pub milli_cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Local storage in bytes.
    pub ephemeral_storage: i64,
    /// Extended resources and huge pages, in whole units.
    pub scalar: BTreeMap<String, i64>,
}

impl Resources {
    /// Reads a resource list; what can't be read counts as nothing.
    pub fn from_list(list: Option<&BTreeMap<String, Text>>) -> Resources {
        let mut all = Resources::default();
        for (name, text) in list.into_iter().flatten() {
            let Ok(amount) = Quantity::parse(&text.0) else { continue };
            match name.as_str() {
                "cpu" => all.milli_cpu = amount.milli_value(),
                "memory" => all.memory = amount.value(),
                "ephemeral-storage" => all.ephemeral_storage = amount.value(),
                "pods" => {}
                _ => {
                    all.scalar.insert(name.clone(), amount.value());
                }
            }
        }
        all
    }

    fn combine(&mut self, other: &Resources, how: fn(i64, i64) -> i64) {
        self.milli_cpu = how(self.milli_cpu, other.milli_cpu);
        self.memory = how(self.memory, other.memory);
        self.ephemeral_storage = how(self.ephemeral_storage, other.ephemeral_storage);
        for (name, amount) in &other.scalar {
            let slot = self.scalar.entry(name.clone()).or_insert(0);
            *slot = how(*slot, *amount);
        }
    }

    /// Adds another amount.
    pub fn add(&mut self, other: &Resources) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes another amount away.
    pub fn subtract(&mut self, other: &Resources) {
        self.combine(other, i64::saturating_sub);
        self.scalar.retain(|_, amount| *amount != 0);
    }

    /// The larger amount of each resource.
    pub fn maximize(&mut self, other: &Resources) {
        self.combine(other, i64::max);
    }

    /// Whether nothing is asked for.
    pub fn is_nothing(&self) -> bool {
        self.milli_cpu == 0 && self.memory == 0 && self.ephemeral_storage == 0 && self.scalar.is_empty()
    }
}

/// What a pod asks for: the sum of its containers, or its widest init container. Mirrors `resource.PodRequests`.
pub fn pod_requests(spec: &PodSpec) -> Resources {
    requests(spec, |container| Resources::from_list(container.resources.as_ref().and_then(|r| r.requests.as_ref())))
}

/// CPU in thousandths and memory in bytes that a pod counts for in scores: containers that ask for none have a default.
pub fn nonzero_requests(spec: &PodSpec) -> (i64, i64) {
    let all = requests(spec, |container| {
        let asked = container.resources.as_ref().and_then(|r| r.requests.as_ref());
        let mut amounts = Resources::from_list(asked);
        let asks = |name: &str| asked.is_some_and(|list| list.contains_key(name));
        if !asks("cpu") {
            amounts.milli_cpu = DEFAULT_MILLI_CPU;
        }
        if !asks("memory") {
            amounts.memory = DEFAULT_MEMORY;
        }
        amounts
    });
    (all.milli_cpu, all.memory)
}

fn requests(spec: &PodSpec, of: impl Fn(&Container) -> Resources) -> Resources {
    let mut sum = Resources::default();
    spec.containers.iter().for_each(|container| sum.add(&of(container)));
    let mut sidecars = Resources::default();
    let mut widest = Resources::default();
    for container in spec.init_containers.iter().flatten() {
        let mut needs = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            sum.add(&needs);
            sidecars.add(&needs);
            needs = sidecars.clone();
        } else {
            needs.add(&sidecars);
        }
        widest.maximize(&needs);
    }
    sum.maximize(&widest);
    // Requests of the pod as a whole stand in place of its containers'.
    let whole = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
    let amounts = Resources::from_list(whole);
    let asks = |name: &str| whole.is_some_and(|list| list.contains_key(name));
    if asks("cpu") {
        sum.milli_cpu = amounts.milli_cpu;
    }
    if asks("memory") {
        sum.memory = amounts.memory;
    }
    sum.scalar.extend(amounts.scalar);
    sum.add(&Resources::from_list(spec.overhead.as_ref()));
    sum
}

/// What a node has to give, and how many pods it takes.
pub fn allocatable(node: &Node) -> (Resources, i64) {
    let list = node.status.as_ref().and_then(|s| s.allocatable.as_ref());
    let pods = super::quantity::amount(list, "pods").map_or(0, |q| q.value());
    (Resources::from_list(list), pods)
}
