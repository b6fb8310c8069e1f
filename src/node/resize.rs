//! Other requests and limits for containers that run.
//!
//! Mirrors `pkg/kubelet/allocation` (handlePodResourcesResize), `computePodResizeAction` and `pkg/kubelet/events/resize.go`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{Container, ContainerStatus, Pod, PodCondition, PodStatus, ResourceRequirements};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as K8sQuantity;
use crate::api::{Duration, Kind, Quantity, Time};
use crate::controllers::About;
use crate::kinds::core::pod::is_terminal;
use crate::kinds::core::pod::resources::{Amounts, add, amounts, pod_requests};
use crate::store::Index;

use super::container_status::{Sort, find, is_running, is_sidecar, terminated};
use super::events::{event, warning};
use super::pod_status::CONTAINER_CREATING;
use super::sync::Sync;

const PENDING: &str = "PodResizePending";
const IN_PROGRESS: &str = "PodResizeInProgress";

/// Since which version a kubelet resizes.
const SINCE: u32 = 33;

/// How long it takes until a kubelet knows that the runtime has done it.
const TAKES: Duration = Duration::secs(1);

impl<'a> Sync<'a> {
    /// Brings what containers have to what they are to have.
    pub(super) fn resize(&mut self, status: &mut PodStatus) {
        if self.author.version < SINCE {
            return;
        }
        let changed: Vec<&'a Container> = self.resizable().filter(|c| differs(c, status)).collect();
        if changed.is_empty() {
            take(status, PENDING);
            if let Some(done) = take(status, IN_PROGRESS) {
                let text = self.message("Pod resize completed", done.observed_generation, "");
                self.say(event(About::object(self.object), self.node_name(), "ResizeCompleted", text));
            }
            return;
        }
        let generation = self.author.observed_generation();
        let begun = status.conditions.iter().flatten().find(|c| c.type_ == IN_PROGRESS);
        if let Some(begun) = begun.filter(|c| c.observed_generation == generation) {
            let due = begun.last_transition_time.as_ref().map(Time::from_meta).unwrap_or(self.now()) + TAKES;
            match self.now() < due {
                true => self.outcome.after(due - self.now()),
                false => changed.into_iter().for_each(|c| self.actuate(c, status)),
            }
            return;
        }
        match self.lacking() {
            Some((reason, fault)) => self.defer(status, reason, &fault),
            None => self.allocate(status, &changed),
        }
    }

    /// The containers that can be resized.
    fn resizable(&self) -> impl Iterator<Item = &'a Container> + use<'a> {
        let sidecars = self.spec.init_containers.iter().flatten().filter(|c| is_sidecar(c));
        sidecars.chain(&self.spec.containers)
    }

    fn allocate(&mut self, status: &mut PodStatus, changed: &[&'a Container]) {
        take(status, PENDING);
        take(status, IN_PROGRESS);
        for container in changed {
            let list = self.sort(container).statuses_mut(status);
            if let Some(slot) = list.iter_mut().find(|s| s.name == container.name) {
                slot.allocated_resources = requests(container);
            }
        }
        let generation = self.author.observed_generation();
        self.put_condition(status, IN_PROGRESS, ("", ""), None);
        let text = self.message("Pod resize started", generation, "");
        self.say(event(About::object(self.object), self.node_name(), "ResizeStarted", text));
        self.outcome.after(TAKES);
    }

    /// The node has no room for it yet.
    fn defer(&mut self, status: &mut PodStatus, reason: &str, fault: &str) {
        let generation = self.author.observed_generation();
        let before = take(status, PENDING);
        let known = before.as_ref().is_some_and(|c| c.observed_generation == generation);
        self.put_condition(status, PENDING, ("Deferred", fault), before);
        if !known {
            let text = self.message(&format!("Pod resize {reason}"), generation, fault);
            self.say(warning(About::object(self.object), self.node_name(), "ResizeDeferred", text));
        }
    }

    fn put_condition(
        &self,
        status: &mut PodStatus,
        kind: &str,
        (reason, message): (&str, &str),
        before: Option<PodCondition>,
    ) {
        let text = |t: &str| Some(t.to_string()).filter(|t| !t.is_empty());
        let since = before.and_then(|c| c.last_transition_time).unwrap_or_else(|| self.now().meta());
        let condition = PodCondition {
            type_: kind.into(),
            status: "True".into(),
            reason: text(reason),
            message: text(message),
            last_probe_time: Some(self.now().meta()),
            last_transition_time: Some(since),
            observed_generation: self.author.observed_generation(),
        };
        status.conditions.get_or_insert_default().insert(0, condition);
    }

    /// What the node lacks for the pod as it is to be: the kubelet's reason and message.
    fn lacking(&self) -> Option<(&'static str, String)> {
        let allocatable = self.author.node.status.as_ref().and_then(|s| s.allocatable.as_ref());
        let allocatable = amounts(allocatable);
        let mut used = Amounts::default();
        let node = self.node_name();
        for other in self.view.indexed(Kind::Pod, Index::Node, node).filter(|o| o.uid() != self.object.uid()) {
            let pod = other.get::<Pod>().filter(|pod| !is_terminal(pod));
            if let Some(spec) = pod.and_then(|pod| pod.spec.as_ref()) {
                add(&mut used, &pod_requests(spec));
            }
        }
        let wanted = pod_requests(self.spec);
        let of = |list: &Amounts, resource: &str| {
            let none = Quantity::parse("0").unwrap_or_default();
            let amount = list.get(resource).cloned().unwrap_or(none);
            if resource == "cpu" { amount.milli_value() } else { amount.value() }
        };
        [("cpu", "OutOfcpu"), ("memory", "OutOfmemory")].into_iter().find_map(|(resource, reason)| {
            let (requested, taken) = (of(&wanted, resource), of(&used, resource));
            let capacity = of(&allocatable, resource);
            let fits = requested == 0 || requested.saturating_add(taken) <= capacity;
            (!fits).then(|| {
                let text = format!(
                    "Node didn't have enough resource: {resource}, requested: {requested}, used: {taken}, capacity: {capacity}"
                );
                (reason, text)
            })
        })
    }

    /// Has the runtime give a container what it is to have; one that must start anew for that does.
    fn actuate(&mut self, container: &'a Container, status: &mut PodStatus) {
        let now = self.now();
        let list = self.sort(container).statuses_mut(status);
        let Some(slot) = list.iter_mut().find(|s| s.name == container.name) else { return };
        if !restarts(container, slot) {
            slot.resources = Some(container.resources.clone().unwrap_or_default());
            let (uid, of) = (self.object.uid().to_string(), container.clone());
            self.outcome.machine(move |store, now| {
                let limit = |resource: &str| {
                    let limits = of.resources.as_ref()?.limits.as_ref()?;
                    Quantity::parse(&limits.get(resource)?.0).ok()
                };
                store.with_sandbox(&uid, now, |sandbox, _| {
                    if let Some(running) = sandbox.containers.get_mut(&of.name) {
                        running.memory_limit = limit("memory").map(|q| q.value().max(0) as u64);
                        running.cpu_limit = limit("cpu").map(|q| q.milli_value().max(0) as u64);
                    }
                });
                Vec::new()
            });
            return;
        }
        let since = slot.state.as_ref().and_then(|s| s.running.as_ref()).and_then(|r| r.started_at.as_ref());
        let last = terminated(slot, "Completed", 0, since.map(Time::from_meta).unwrap_or(now), now);
        let mut next = self.author.waiting(container, Some(slot), CONTAINER_CREATING, "");
        next.restart_count += 1;
        next.last_state = Some(last);
        *slot = next;
        let text = format!("Container {} resize requires restart", container.name);
        let said = event(self.about(container), self.node_name(), "Killing", text);
        self.say(said);
    }

    /// What an event about a resize says: all that the pod is to have.
    fn message(&self, begin: &str, generation: Option<i64>, fault: &str) -> String {
        let of = |containers: &mut dyn Iterator<Item = &Container>| {
            let all: Vec<String> = containers
                .map(|c| {
                    let resources = serde_json::to_string(&c.resources.clone().unwrap_or_default()).unwrap_or_default();
                    format!("{{\"name\":{:?},\"resources\":{resources}}}", c.name)
                })
                .collect();
            all.join(",")
        };
        let mut parts = Vec::new();
        let init = of(&mut self.spec.init_containers.iter().flatten());
        parts.extend((!init.is_empty()).then(|| format!("\"initContainers\":[{init}]")));
        parts.push(format!("\"containers\":[{}]", of(&mut self.spec.containers.iter())));
        parts.push(format!("\"generation\":{}", generation.unwrap_or_default()));
        parts.extend((!fault.is_empty()).then(|| format!("\"error\":{}", serde_json::Value::from(fault))));
        format!("{begin}: {{{}}}", parts.join(","))
    }
}

/// Takes a condition out of a status.
fn take(status: &mut PodStatus, kind: &str) -> Option<PodCondition> {
    let conditions = status.conditions.as_mut()?;
    let at = conditions.iter().position(|c| c.type_ == kind)?;
    Some(conditions.remove(at))
}

fn requests(container: &Container) -> Option<BTreeMap<String, K8sQuantity>> {
    container.resources.as_ref().and_then(|r| r.requests.clone()).filter(|r| !r.is_empty())
}

/// Whether a container that runs is to have other resources than it has.
fn differs(container: &Container, status: &PodStatus) -> bool {
    let lists = [Sort::Init, Sort::Usual];
    let slot = lists.iter().find_map(|sort| find(sort.statuses(status), &container.name));
    let Some(slot) = slot.filter(|s| is_running(s)) else { return false };
    let (wanted, has) = (container.resources.clone().unwrap_or_default(), slot.resources.clone().unwrap_or_default());
    let parts = |r: ResourceRequirements| (r.limits.unwrap_or_default(), r.requests.unwrap_or_default());
    slot.resources.is_some() && parts(wanted) != parts(has)
}

/// Whether a change of a container's resources makes it start anew.
fn restarts(container: &Container, slot: &ContainerStatus) -> bool {
    let (wanted, has) = (container.resources.clone().unwrap_or_default(), slot.resources.clone().unwrap_or_default());
    container.resize_policy.iter().flatten().filter(|p| p.restart_policy == "RestartContainer").any(|policy| {
        let name = policy.resource_name.as_str();
        let of = |r: &ResourceRequirements| {
            let part = |list: &Option<BTreeMap<String, _>>| -> Option<K8sQuantity> {
                list.as_ref().and_then(|list| list.get(name).cloned())
            };
            (part(&r.limits), part(&r.requests))
        };
        of(&wanted) != of(&has)
    })
}
