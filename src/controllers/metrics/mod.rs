//! What a metrics server knows: the processors and memory that pods and nodes use.
//!
//! Mirrors metrics-server (`pkg/storage`, `pkg/api`) with its resolution of 15 s. Nobody scrapes: what a scrape would have
//! found is worked out when somebody asks, so that time that passes costs nothing.

pub mod load;

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::api::k8s::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use crate::api::{Duration, Kind, Object, Time};
use crate::kinds::apiregistration::api_service::AVAILABLE;
use crate::kinds::core::pod::resources::is_restartable_init;
use crate::kinds::core::pod::status::phase;
use crate::kinds::shared::access::{items, text};
use crate::store::{Index, View};
use load::Loads;

/// How often a metrics server looks at the kubelets: `--metric-resolution`.
pub const RESOLUTION: Duration = Duration::secs(15);

/// How old a container must be for a first look at it to tell anything.
const FRESH: Duration = Duration::secs(10);

/// The group and version that a metrics server serves.
pub const API: &str = "v1beta1.metrics.k8s.io";

/// What a k3s server and a k3s agent use themselves, beside pods: microseconds a second, and bytes.
const SERVER: (i64, i64) = (85_000, 760 << 20);
const AGENT: (i64, i64) = (22_000, 290 << 20);

/// How it stands with the metrics API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// Nobody serves it.
    Absent,
    /// It is registered, and who serves it does not answer.
    Unavailable,
    /// It answers.
    Available,
}

/// How it stands with the metrics API.
pub fn availability(view: &View<'_>) -> Availability {
    let Some(api) = view.get_as::<APIService>("", API) else { return Availability::Absent };
    let conditions = api.status.as_ref().map_or(&[][..], |s| items(&s.conditions));
    match conditions.iter().any(|c| c.type_ == AVAILABLE && c.status == "True") {
        true => Availability::Available,
        false => Availability::Unavailable,
    }
}

/// What a container used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerMetrics {
    /// Its name.
    pub name: String,
    /// Billionths of a processor.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

/// What a pod used within a window that ended at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodMetrics {
    /// The window's end.
    pub timestamp: Time,
    /// Its length.
    pub window: Duration,
    /// The pod's containers.
    pub containers: Vec<ContainerMetrics>,
}

/// What a node used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeMetrics {
    /// The window's end.
    pub timestamp: Time,
    /// Its length.
    pub window: Duration,
    /// Billionths of a processor.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

/// What was measured by a time.
pub struct Meter<'a> {
    view: &'a View<'a>,
    now: Time,
    loads: Loads,
}

impl<'a> Meter<'a> {
    /// What is known at a time.
    pub fn new(view: &'a View<'a>, now: Time) -> Meter<'a> {
        Meter { view, now, loads: Loads::of(view) }
    }

    /// When the kubelets were looked at last.
    fn scrape(&self) -> Time {
        Time(self.now.0.div_euclid(RESOLUTION.0) * RESOLUTION.0)
    }

    fn is_scraped(&self, node: &str) -> bool {
        self.view.kubelet_stopped_since(node).is_none_or(|since| since > self.scrape())
    }

    /// What a pod used; none while nothing is known of one of its containers.
    pub fn pod(&self, object: &Arc<Object>) -> Option<PodMetrics> {
        let pod = object.get::<Pod>()?;
        let (spec, status) = (pod.spec.as_ref()?, pod.status.as_ref()?);
        if phase(pod) != "Running" || !self.is_scraped(text(&spec.node_name)) {
            return None;
        }
        let (sandbox, scrape) = (self.view.sandbox(object.uid())?, self.scrape());
        let sidecars = items(&spec.init_containers).iter().filter(|c| is_restartable_init(c));
        let (mut containers, mut window) = (Vec::new(), RESOLUTION);
        for container in spec.containers.iter().chain(sidecars) {
            let statuses = items(&status.container_statuses).iter().chain(items(&status.init_container_statuses));
            let mut running = statuses.filter(|s| s.state.as_ref().is_some_and(|s| s.running.is_some()));
            let Some(runs) = sandbox.containers.get(&container.name).filter(|c| c.ended.is_none()) else { continue };
            if !running.any(|s| s.name == container.name) {
                continue;
            }
            let age = scrape - runs.started;
            if age < FRESH {
                return None;
            }
            let span = age.min(RESOLUTION);
            window = window.min(span);
            let used = i64::try_from(sandbox.cpu_in(&container.name, slot_before(scrape))).unwrap_or(i64::MAX);
            let loaded = self.loads.cpu(self.view, object, &container.name, (scrape - span, scrape));
            let cpu = used.saturating_mul(1_000_000) / span.0.max(1) + loaded.saturating_mul(1_000_000);
            let most = runs.cpu_limit.filter(|l| *l > 0).map_or(4000, |l| i64::try_from(l).unwrap_or(4000)).min(4000);
            let memory = i64::try_from(sandbox.memory_of(&container.name, self.now)).unwrap_or(i64::MAX);
            containers.push(ContainerMetrics { name: container.name.clone(), cpu: cpu.min(most * 1_000_000), memory });
        }
        (!containers.is_empty()).then_some(PodMetrics { timestamp: scrape, window, containers })
    }

    /// What a node used; none while its kubelet does not answer.
    pub fn node(&self, node: &Node) -> Option<NodeMetrics> {
        let name = text(&node.metadata.name);
        let (timestamp, window) = (self.scrape(), RESOLUTION);
        let made = node.metadata.creation_timestamp.as_ref().map(Time::from_meta).unwrap_or_default();
        if !self.is_scraped(name) || timestamp - made < window {
            return None;
        }
        let labels = node.metadata.labels.iter().flatten();
        let serves = labels.into_iter().any(|(key, _)| key == "node-role.kubernetes.io/control-plane");
        let (cpu, memory) = if serves { SERVER } else { AGENT };
        let pods = self.view.indexed(Kind::Pod, Index::Node, name).filter_map(|pod| self.pod(pod));
        let used = pods.flat_map(|p| p.containers).fold((cpu * 1000, memory), |(cpu, memory), c| {
            (cpu.saturating_add(c.cpu), memory.saturating_add(c.memory))
        });
        Some(NodeMetrics { timestamp, window, cpu: used.0, memory: used.1 })
    }
}

/// The slot of time that ends at a scrape, as containers count.
fn slot_before(scrape: Time) -> i64 {
    scrape.0.div_euclid(RESOLUTION.0) - 1
}
