//! Endpoints: which pods stand behind a service.
//!
//! Mirrors `pkg/controller/endpoint/endpoints_controller.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::k8s::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service, ServicePort,
};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::pods::{is_namespace_terminating, is_ready, is_terminal, is_terminating};
use crate::controllers::{Controller, Deletion, Outcome, RateLimiter, Write};
use crate::kinds::core::service::{CLUSTER_IP_NONE, kind_of};
use crate::kinds::shared::access::{items, text};
use crate::store::{Change, View};

/// When the change happened that an object answers to.
pub(crate) const LAST_CHANGE_TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// Marks endpoints of services without a cluster address.
pub(crate) const IS_HEADLESS: &str = "service.kubernetes.io/headless";
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// The most addresses that one object holds.
const MAX_CAPACITY: usize = 1000;
/// From so many addresses on, an object is written once a second at most.
const BUSY: usize = 50;

/// See the module.
pub(super) struct EndpointsController;

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        "endpoint"
    }

    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter { max_retries: Some(15), ..RateLimiter::DEFAULT }
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Service => enqueue(change.key.clone()),
            Kind::Endpoints if change.old.is_some() => {
                enqueue(ObjectKey::new(Kind::Service, &change.key.namespace, &change.key.name));
            }
            Kind::Pod => services_of_changed_pod(view, change).into_iter().for_each(enqueue),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let endpoints_key = ObjectKey::new(Kind::Endpoints, &key.namespace, &key.name);
        let existing = view.get(&endpoints_key);
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else {
            if let Some(existing) = existing.filter(|e| e.label(MANAGED_BY).is_some()) {
                outcome.write(Write::Delete(Deletion::of(existing)));
            }
            return outcome;
        };
        let Some(service) = object.get::<Service>() else { return outcome };
        if !has_endpoints(service) {
            return outcome;
        }
        let current = existing.and_then(|e| e.get::<Endpoints>());
        if let Some(current) = current
            && let Some(wait) = busy(&current.metadata, count(items(&current.subsets)), now)
        {
            outcome.postpone(wait);
            return outcome;
        }
        let pods = selected_pods(view, object, service);
        let write = sync_service(object, service, &pods, current);
        if let Some(write) = write {
            // A service is deleted with its namespace, in which nothing new is made any more.
            outcome.push(write.then(|answer| match answer {
                Err(error) if !is_namespace_terminating(error) => {
                    vec![crate::controllers::Action::Fail(error.clone())]
                }
                _ => Vec::new(),
            }));
        }
        outcome
    }
}

/// How long to wait before a large object is written again, if it was written within this second.
pub(crate) fn busy(meta: &ObjectMeta, addresses: usize, now: Time) -> Option<Duration> {
    let stamp = meta.annotations.as_ref().and_then(|a| a.get(LAST_CHANGE_TRIGGER_TIME))?;
    let second = |t: Time| t.0.div_euclid(1000);
    let just_now = Time::parse_rfc3339(stamp).is_some_and(|t| second(t) == second(now));
    (addresses >= BUSY && just_now).then(|| Duration((second(now) + 1) * 1000 - now.0))
}

/// Whether the controllers find a service's endpoints; otherwise its maker does, or it has none.
pub(crate) fn has_endpoints(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.is_some_and(|s| kind_of(s) != "ExternalName" && s.selector.as_ref().is_some_and(|s| !s.is_empty()))
}

/// The services that a changed pod belongs to, or belonged to; none when nothing changed that they care about.
/// Mirrors `GetPodUpdateProjectionKey`.
pub(crate) fn services_of_changed_pod(view: &View<'_>, change: &Change) -> Vec<ObjectKey> {
    let pod = |object| Option::<&Arc<Object>>::and_then(object, |o| o.get::<Pod>());
    let (old, new) = (pod(change.old.as_ref()), pod(change.new.as_ref()));
    if same_facts(old, new) {
        return Vec::new();
    }
    let none = BTreeMap::new();
    let pods = [old, new].into_iter().flatten();
    let labels: Vec<_> = pods.map(|pod| pod.metadata.labels.as_ref().unwrap_or(&none)).collect();
    let services = view.list_in(Kind::Service, &change.key.namespace);
    let matching = services.filter(|o| {
        let Some(service) = o.get::<Service>().filter(|s| has_endpoints(s)) else { return false };
        let selector = service.spec.as_ref().and_then(|s| s.selector.as_ref());
        labels.iter().any(|l| selector.is_some_and(|s| selects(s, l)))
    });
    matching.map(|o| o.key()).collect()
}

/// Whether two versions of a pod are alike in what services care about.
fn same_facts(old: Option<&Pod>, new: Option<&Pod>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return old.is_none() && new.is_none() };
    old.metadata.labels == new.metadata.labels
        && is_terminating(&old.metadata) == is_terminating(&new.metadata)
        && is_ready(old) == is_ready(new)
        && is_terminal(old) == is_terminal(new)
        && pod_ip(old) == pod_ip(new)
        && names_of(old) == names_of(new)
}

fn pod_ip(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref()
}

/// The node that a pod is on, and what it is called in the DNS.
fn names_of(pod: &Pod) -> Option<[Option<&str>; 3]> {
    let spec = pod.spec.as_ref()?;
    Some([spec.node_name.as_deref(), spec.hostname.as_deref(), spec.subdomain.as_deref()])
}

fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The pods that a service selects, by name.
pub(crate) fn selected_pods<'a>(view: &View<'a>, object: &'a Object, service: &Service) -> Vec<&'a Pod> {
    let Some(selector) = service.spec.as_ref().and_then(|s| s.selector.as_ref()) else { return Vec::new() };
    let pods = view.list_in(Kind::Pod, object.namespace()).filter_map(|o| o.get::<Pod>());
    pods.filter(|p| p.metadata.labels.as_ref().is_some_and(|l| selects(selector, l))).collect()
}

/// Whether a pod has an address and has not ended. Mirrors `ShouldPodBeInEndpoints`.
pub(crate) fn should_pod_be_in_endpoints(pod: &Pod, include_terminating: bool) -> bool {
    let ip = pod.status.as_ref().and_then(|s| s.pod_ip.as_deref()).unwrap_or_default();
    !is_terminal(pod) && !ip.is_empty() && (include_terminating || !is_terminating(&pod.metadata))
}

/// Whether the pod has a name of its own below the service's. Mirrors `ShouldSetHostname`.
pub(crate) fn hostname_for<'a>(pod: &'a Pod, service: &Service) -> Option<&'a str> {
    let spec = pod.spec.as_ref()?;
    let hostname = spec.hostname.as_deref().filter(|h| !h.is_empty())?;
    (spec.subdomain == service.metadata.name && pod.metadata.namespace == service.metadata.namespace)
        .then_some(hostname)
}

/// The container port that a service's port leads to. Mirrors `FindPort`.
pub(crate) fn find_port(pod: &Pod, port: &ServicePort) -> Option<i32> {
    let name = match port.target_port.as_ref()? {
        IntOrString::Int(number) => return Some(*number),
        IntOrString::String(name) => name,
    };
    let spec = pod.spec.as_ref()?;
    let sidecars = items(&spec.init_containers).iter().filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|c| items(&c.ports));
    let found = ports.into_iter().find(|p| p.name.as_ref() == Some(name) && p.protocol == port.protocol);
    found.map(|p| p.container_port)
}

/// Since when a pod is as ready as it is.
pub(crate) fn pod_trigger_time(pod: &Pod) -> Option<Time> {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref())?;
    let ready = conditions.iter().find(|c| c.type_ == "Ready")?;
    ready.last_transition_time.as_ref().map(Time::from_meta)
}

/// The earliest of the changes that new addresses stand for; for a new object the service's own creation counts too.
pub(crate) fn trigger_time<'a>(
    service: &Service,
    is_new: bool,
    changed: impl Iterator<Item = &'a Pod>,
) -> Option<String> {
    let created = service.metadata.creation_timestamp.as_ref().filter(|_| is_new).map(Time::from_meta);
    changed.filter_map(pod_trigger_time).chain(created).min().map(Time::rfc3339)
}

fn address_of(pod: &Pod, service: &Service) -> EndpointAddress {
    EndpointAddress {
        ip: pod.status.as_ref().and_then(|s| s.pod_ip.clone()).unwrap_or_default(),
        hostname: hostname_for(pod, service).map(String::from),
        node_name: pod.spec.as_ref().and_then(|s| s.node_name.clone()),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".into()),
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
            ..Default::default()
        }),
    }
}

/// Whether it is ready, at which port it is.
pub(super) type Place = (bool, EndpointAddress, Option<EndpointPort>);

fn places(service: &Service, pods: &[&Pod]) -> Vec<Place> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let publish_not_ready = spec.publish_not_ready_addresses == Some(true);
    let mut all = Vec::new();
    for pod in pods.iter().filter(|p| should_pod_be_in_endpoints(p, publish_not_ready)) {
        let ready = publish_not_ready || is_ready(pod);
        let address = address_of(pod, service);
        if items(&spec.ports).is_empty() && text(&spec.cluster_ip) == CLUSTER_IP_NONE {
            all.push((ready, address.clone(), None));
        }
        for port in items(&spec.ports) {
            let Some(number) = find_port(pod, port) else { continue };
            let port = EndpointPort {
                name: port.name.clone().filter(|n| !n.is_empty()),
                port: number,
                protocol: port.protocol.clone(),
                app_protocol: port.app_protocol.clone(),
            };
            all.push((ready, address.clone(), Some(port)));
        }
    }
    all
}

/// The places that subsets hold, each by itself.
pub(super) fn places_of(subsets: &[EndpointSubset]) -> Vec<Place> {
    let mut all = Vec::new();
    for subset in subsets {
        let ports: Vec<Option<EndpointPort>> = match items(&subset.ports) {
            [] => vec![None],
            ports => ports.iter().cloned().map(Some).collect(),
        };
        for port in ports {
            let ready = items(&subset.addresses).iter().map(|a| (true, a.clone(), port.clone()));
            let not_ready = items(&subset.not_ready_addresses).iter().map(|a| (false, a.clone(), port.clone()));
            all.extend(not_ready.chain(ready));
        }
    }
    all
}

/// Ports that the same addresses offer stand together. Mirrors `RepackSubsets`.
pub(super) fn repack_subsets(places: Vec<Place>) -> Vec<EndpointSubset> {
    type Key = (String, String);
    let mut addresses: BTreeMap<Key, EndpointAddress> = BTreeMap::new();
    let mut by_port: BTreeMap<(String, i32, String), (Option<EndpointPort>, BTreeMap<Key, bool>)> = BTreeMap::new();
    for (ready, address, port) in places {
        let uid = address.target_ref.as_ref().and_then(|r| r.uid.clone()).unwrap_or_default();
        let key = (address.ip.clone(), uid);
        addresses.entry(key.clone()).or_insert(address);
        let port_key = port.as_ref().map_or((String::new(), -1, String::new()), |p| {
            (text(&p.name).to_string(), p.port, text(&p.protocol).to_string())
        });
        by_port.entry(port_key).or_insert_with(|| (port, BTreeMap::new())).1.insert(key, ready);
    }
    let mut subsets: Vec<(BTreeMap<Key, bool>, Vec<EndpointPort>)> = Vec::new();
    for (port, members) in by_port.into_values() {
        match subsets.iter_mut().find(|(others, _)| *others == members) {
            Some((_, ports)) => ports.extend(port),
            None => subsets.push((members, port.into_iter().collect())),
        }
    }
    let list = |members: &BTreeMap<Key, bool>, ready: bool| {
        let of = members.iter().filter(|(_, r)| **r == ready).filter_map(|(key, _)| addresses.get(key).cloned());
        Some(of.collect::<Vec<_>>()).filter(|all| !all.is_empty())
    };
    let subset = |(members, ports): &(BTreeMap<Key, bool>, Vec<EndpointPort>)| EndpointSubset {
        addresses: list(members, true),
        not_ready_addresses: list(members, false),
        ports: Some(ports.clone()).filter(|p| !p.is_empty()),
    };
    subsets.iter().map(subset).collect()
}

fn count(subsets: &[EndpointSubset]) -> usize {
    subsets.iter().map(|s| items(&s.addresses).len() + items(&s.not_ready_addresses).len()).sum()
}

/// Cuts the list down to what an object holds, those that are not ready first. Mirrors `truncateEndpoints`.
fn truncate(subsets: &mut [EndpointSubset]) -> bool {
    if count(subsets) <= MAX_CAPACITY {
        return false;
    }
    let ready: usize = subsets.iter().map(|s| items(&s.addresses).len()).sum();
    let cut_ready = ready > MAX_CAPACITY;
    let most = if cut_ready { MAX_CAPACITY } else { MAX_CAPACITY - ready };
    let total = if cut_ready { ready } else { count(subsets) - ready };
    let mut left = most;
    for subset in subsets {
        let list = if cut_ready { &mut subset.addresses } else { &mut subset.not_ready_addresses };
        if let Some(list) = list {
            let share = (list.len() * most).div_ceil(total.max(1)).min(left);
            list.truncate(share);
            left -= list.len();
        }
        if cut_ready {
            subset.not_ready_addresses = None;
        }
    }
    true
}

/// What to write, if anything.
fn sync_service(object: &Object, service: &Service, pods: &[&Pod], current: Option<&Endpoints>) -> Option<Write> {
    let mut subsets = repack_subsets(places(service, pods));
    let over_capacity = truncate(&mut subsets);
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    let cluster_ip = service.spec.as_ref().map(|s| text(&s.cluster_ip)).unwrap_or_default();
    match cluster_ip {
        "" | CLUSTER_IP_NONE => labels.insert(IS_HEADLESS.into(), String::new()),
        _ => labels.remove(IS_HEADLESS),
    };
    labels.insert(MANAGED_BY.into(), "endpoint-controller".into());
    if let Some(current) = current {
        let flagged = current.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(OVER_CAPACITY));
        let alike = items(&current.subsets) == subsets && current.metadata.labels.as_ref() == Some(&labels);
        if alike && flagged == over_capacity {
            return None;
        }
    }
    let mut endpoints = current.cloned().unwrap_or_else(|| Endpoints {
        metadata: ObjectMeta {
            name: Some(object.name().to_string()),
            namespace: Some(object.namespace().to_string()),
            ..Default::default()
        },
        subsets: None,
    });
    let known = addresses_of(items(&endpoints.subsets));
    let changed: BTreeSet<String> =
        addresses_of(&subsets).into_iter().filter(|a| !known.contains(a)).map(|(_, uid)| uid).collect();
    let changed = pods.iter().copied().filter(|p| changed.contains(text(&p.metadata.uid)));
    let annotations = endpoints.metadata.annotations.get_or_insert_default();
    match trigger_time(service, current.is_none(), changed) {
        Some(time) => annotations.insert(LAST_CHANGE_TRIGGER_TIME.into(), time),
        None => annotations.remove(LAST_CHANGE_TRIGGER_TIME),
    };
    match over_capacity {
        true => annotations.insert(OVER_CAPACITY.into(), "truncated".into()),
        false => annotations.remove(OVER_CAPACITY),
    };
    if annotations.is_empty() {
        endpoints.metadata.annotations = None;
    }
    endpoints.metadata.labels = Some(labels);
    endpoints.subsets = Some(subsets).filter(|s| !s.is_empty());
    Some(match current {
        Some(_) => Write::update(endpoints),
        None => Write::create(endpoints),
    })
}

/// Readiness and pod uid of each address.
fn addresses_of(subsets: &[EndpointSubset]) -> BTreeSet<(bool, String)> {
    let uid = |a: &EndpointAddress| a.target_ref.as_ref().and_then(|r| r.uid.clone()).unwrap_or_default();
    let of = |list: &[EndpointAddress], ready: bool| list.iter().map(|a| (ready, uid(a))).collect::<Vec<_>>();
    subsets
        .iter()
        .flat_map(|s| of(items(&s.addresses), true).into_iter().chain(of(items(&s.not_ready_addresses), false)))
        .collect()
}
