//! EndpointSlices: the endpoints of a service in slices of a hundred.
//!
//! Mirrors `pkg/controller/endpointslice` and `k8s.io/endpointslice/reconciler.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::endpoints::{
    IS_HEADLESS, LAST_CHANGE_TRIGGER_TIME, busy, find_port, has_endpoints, hostname_for, selected_pods,
    services_of_changed_pod, should_pod_be_in_endpoints, trigger_time,
};
use crate::api::k8s::api::core::v1::{Node, ObjectReference, Pod, Service};
use crate::api::k8s::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use crate::api::object::new_controller_ref;
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time, names};
use crate::controllers::pods::{is_namespace_terminating, is_ready, is_terminating};
use crate::controllers::{Action, Controller, Deletion, Outcome, RateLimiter, Write};
use crate::error::ApiError;
use crate::kinds::core::service::CLUSTER_IP_NONE;
use crate::kinds::shared::access::{items, text};
use crate::store::{Change, Index, View};

/// The service that a slice belongs to.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Whose slice it is.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// How many endpoints a slice holds: `--max-endpoints-per-slice`.
const MAX_ENDPOINTS_PER_SLICE: usize = 100;

/// The slices of a service that a controller manages.
pub(super) fn slices_of<'a>(view: &View<'a>, service: &ObjectKey, controller: &str) -> Vec<&'a EndpointSlice> {
    let bucket = format!("{}/{}", service.namespace, service.name);
    view.indexed(Kind::EndpointSlice, Index::SliceService, &bucket)
        .filter(|o| o.label(MANAGED_BY) == Some(controller) && !o.is_terminating())
        .filter_map(|o| o.get::<EndpointSlice>())
        .collect()
}

/// A slice that was not written is tried again, but not in a namespace that ends.
pub(super) fn unless_the_namespace_ends(answer: &Result<Arc<Object>, ApiError>) -> Vec<Action> {
    match answer {
        Err(error) if !is_namespace_terminating(error) => vec![Action::Fail(error.clone())],
        _ => Vec::new(),
    }
}

/// See the module.
pub(super) struct EndpointSliceController;

impl Controller for EndpointSliceController {
    fn name(&self) -> &'static str {
        "endpointslice"
    }

    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter { base_delay: Duration::secs(1), max_retries: Some(15), ..RateLimiter::DEFAULT }
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::Service => enqueue(change.key.clone()),
            Kind::EndpointSlice => {
                let slice = change.old.as_ref().filter(|o| o.label(MANAGED_BY) == Some(CONTROLLER));
                if let Some(service) = slice.and_then(|o| o.label(SERVICE_NAME)) {
                    enqueue(ObjectKey::new(Kind::Service, &change.key.namespace, service));
                }
            }
            Kind::Pod => services_of_changed_pod(view, change).into_iter().for_each(enqueue),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key).filter(|o| !o.is_terminating()) else { return outcome };
        let Some(service) = object.get::<Service>().filter(|s| has_endpoints(s)) else { return outcome };
        let slices = slices_of(view, key, CONTROLLER);
        let total = slices.iter().map(|s| items(&s.endpoints).len()).sum();
        if let Some(wait) = slices.iter().filter_map(|s| busy(&s.metadata, total, now)).max() {
            outcome.postpone(wait);
            return outcome;
        }
        let pods = selected_pods(view, object, service);
        for write in (Reconciler { view, object, service, pods }).reconcile(slices) {
            outcome.push(write.then(unless_the_namespace_ends));
        }
        outcome
    }
}

struct Reconciler<'a> {
    view: &'a View<'a>,
    object: &'a Object,
    service: &'a Service,
    pods: Vec<&'a Pod>,
}

/// Ports as a key: slices hold endpoints of the same ports.
pub(super) fn port_key(ports: &[EndpointPort]) -> String {
    let mut all: Vec<String> =
        ports.iter().map(|p| format!("{:?}/{:?}/{:?}/{:?}", p.name, p.port, p.protocol, p.app_protocol)).collect();
    all.sort();
    all.join(",")
}

/// What a slice's name begins with. Mirrors `getEndpointSlicePrefix`.
pub(super) fn generate_name(service: &str) -> String {
    let prefix = format!("{service}-");
    let long = !names::dns1123_subdomain(&names::mask_trailing_dash(&prefix)).is_empty();
    if long { service.to_string() } else { prefix }
}

/// What makes two endpoints the same one: their addresses, and the uid of the pod.
fn identity(endpoint: &Endpoint) -> (&[String], &str) {
    (&endpoint.addresses, endpoint.target_ref.as_ref().and_then(|r| r.uid.as_deref()).unwrap_or_default())
}

/// Endpoints that no slice holds yet, in their order.
struct Wanted<'a> {
    /// None for those that were taken.
    endpoints: Vec<Option<&'a Endpoint>>,
    /// Where those of an identity stand.
    places: BTreeMap<(&'a [String], &'a str), Vec<usize>>,
    /// Before here all were taken.
    from: usize,
    left: usize,
}

impl<'a> Wanted<'a> {
    fn new(endpoints: &'a [Endpoint]) -> Wanted<'a> {
        let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, endpoint) in endpoints.iter().enumerate() {
            places.entry(identity(endpoint)).or_default().push(at);
        }
        Wanted { endpoints: endpoints.iter().map(Some).collect(), places, from: 0, left: endpoints.len() }
    }

    /// Takes the one that is the same as `endpoint`.
    fn take(&mut self, endpoint: &Endpoint) -> Option<&'a Endpoint> {
        let at = *self.places.get(&identity(endpoint))?.iter().find(|at| self.endpoints[**at].is_some())?;
        self.take_at(at)
    }

    /// Takes the first one.
    fn next(&mut self) -> Option<&'a Endpoint> {
        self.from += self.endpoints[self.from..].iter().position(Option::is_some)?;
        self.take_at(self.from)
    }

    fn take_at(&mut self, at: usize) -> Option<&'a Endpoint> {
        self.left -= 1;
        self.endpoints[at].take()
    }
}

impl Reconciler<'_> {
    fn reconcile(&self, slices: Vec<&EndpointSlice>) -> Vec<Write> {
        let uid = self.object.uid();
        let mut existing: BTreeMap<String, Vec<EndpointSlice>> = BTreeMap::new();
        let mut to_delete: Vec<EndpointSlice> = Vec::new();
        let owned = |s: &EndpointSlice| s.metadata.owner_references.iter().flatten().any(|o| o.uid == uid);
        for slice in slices.iter().copied().cloned() {
            match owned(&slice) && slice.address_type == "IPv4" {
                true => existing.entry(port_key(items(&slice.ports))).or_default().push(slice),
                false => to_delete.push(slice),
            }
        }
        let before = slices.len();
        let desired = self.desired();
        let (mut to_create, mut to_update) = (Vec::new(), Vec::new());
        for (key, (ports, endpoints)) in &desired {
            let of_ports = existing.remove(key).unwrap_or_default();
            self.by_port(of_ports, ports, Wanted::new(endpoints), &mut to_create, &mut to_update, &mut to_delete);
        }
        to_delete.extend(existing.into_values().flatten());
        if before == to_delete.len() && to_create.is_empty() {
            let placeholder = self.new_slice(&[]);
            let same = |s: &EndpointSlice| {
                items(&s.endpoints).is_empty()
                    && items(&s.ports).is_empty()
                    && s.metadata.labels == placeholder.metadata.labels
            };
            match to_delete.as_slice() {
                [only] if same(only) => to_delete.clear(),
                _ => to_create.push(placeholder),
            }
        }
        self.finalize(to_create, to_update, to_delete, &slices)
    }

    /// The endpoints that there should be, by their ports.
    fn desired(&self) -> BTreeMap<String, (Vec<EndpointPort>, Vec<Endpoint>)> {
        let mut all: BTreeMap<String, (Vec<EndpointPort>, Vec<Endpoint>)> = BTreeMap::new();
        for pod in self.pods.iter().filter(|p| should_pod_be_in_endpoints(p, true)) {
            let ports = self.ports(pod);
            let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
            let node = self.view.get_as::<Node>("", node);
            let spec = self.service.spec.as_ref();
            if node.is_none() && spec.and_then(|s| s.publish_not_ready_addresses) != Some(true) {
                continue;
            }
            let entry = all.entry(port_key(&ports)).or_insert_with(|| (ports, Vec::new()));
            entry.1.push(self.endpoint(pod, node));
        }
        all
    }

    fn ports(&self, pod: &Pod) -> Vec<EndpointPort> {
        let ports = self.service.spec.as_ref().map(|s| items(&s.ports)).unwrap_or_default();
        let port = |p: &crate::api::k8s::api::core::v1::ServicePort| {
            Some(EndpointPort {
                name: Some(text(&p.name).to_string()),
                port: Some(find_port(pod, p)?),
                protocol: p.protocol.clone(),
                app_protocol: p.app_protocol.clone(),
            })
        };
        ports.iter().filter_map(port).collect()
    }

    fn endpoint(&self, pod: &Pod, node: Option<&Node>) -> Endpoint {
        let publish = self.service.spec.as_ref().and_then(|s| s.publish_not_ready_addresses) == Some(true);
        let (serving, terminating) = (is_ready(pod), is_terminating(&pod.metadata));
        let labels = node.and_then(|n| n.metadata.labels.as_ref());
        Endpoint {
            addresses: pod.status.as_ref().and_then(|s| s.pod_ip.clone()).into_iter().collect(),
            conditions: Some(EndpointConditions {
                ready: Some(publish || (serving && !terminating)),
                serving: Some(serving),
                terminating: Some(terminating),
            }),
            hostname: hostname_for(pod, self.service).map(String::from),
            node_name: pod.spec.as_ref().and_then(|s| s.node_name.clone()),
            target_ref: Some(ObjectReference {
                kind: Some("Pod".into()),
                name: pod.metadata.name.clone(),
                namespace: pod.metadata.namespace.clone(),
                uid: pod.metadata.uid.clone(),
                ..Default::default()
            }),
            zone: labels.and_then(|l| l.get("topology.kubernetes.io/zone")).cloned(),
            ..Default::default()
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.service.metadata.labels.clone().unwrap_or_default();
        let cluster_ip = self.service.spec.as_ref().map(|s| text(&s.cluster_ip)).unwrap_or_default();
        match cluster_ip {
            "" | CLUSTER_IP_NONE => labels.insert(IS_HEADLESS.into(), String::new()),
            _ => labels.remove(IS_HEADLESS),
        };
        labels.insert(SERVICE_NAME.into(), self.object.name().to_string());
        labels.insert(MANAGED_BY.into(), CONTROLLER.into());
        labels
    }

    fn new_slice(&self, ports: &[EndpointPort]) -> EndpointSlice {
        EndpointSlice {
            metadata: ObjectMeta {
                generate_name: Some(generate_name(self.object.name())),
                namespace: Some(self.object.namespace().to_string()),
                labels: Some(self.labels()),
                owner_references: Some(vec![new_controller_ref(self.object)]),
                ..Default::default()
            },
            address_type: "IPv4".into(),
            ports: Some(ports.to_vec()).filter(|p| !p.is_empty()),
            endpoints: None,
        }
    }

    /// Mirrors `reconcileByPortMapping`.
    fn by_port(
        &self,
        existing: Vec<EndpointSlice>,
        ports: &[EndpointPort],
        mut wanted: Wanted<'_>,
        to_create: &mut Vec<EndpointSlice>,
        to_update: &mut Vec<EndpointSlice>,
        to_delete: &mut Vec<EndpointSlice>,
    ) {
        let labels = Some(self.labels());
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        for mut slice in existing {
            let old = slice.endpoints.take().unwrap_or_default();
            let kept: Vec<Endpoint> = old.iter().filter_map(|endpoint| wanted.take(endpoint)).cloned().collect();
            let moved = kept != old;
            let emptied = moved && kept.is_empty();
            slice.endpoints = Some(kept).filter(|k| !k.is_empty());
            let relabelled = slice.metadata.labels != labels;
            if emptied {
                slice.endpoints = Some(old);
                to_delete.push(slice);
            } else if moved || relabelled {
                slice.metadata.labels = labels.clone();
                changed.push(slice);
            } else {
                unchanged.push(slice);
            }
        }
        let size = |slice: &EndpointSlice| items(&slice.endpoints).len();
        let fill = |slice: &mut EndpointSlice, wanted: &mut Wanted<'_>| {
            let room = MAX_ENDPOINTS_PER_SLICE.saturating_sub(size(slice));
            let more = std::iter::from_fn(|| wanted.next()).take(room).cloned();
            slice.endpoints.get_or_insert_default().extend(more);
        };
        changed.sort_by_key(|slice| std::cmp::Reverse(size(slice)));
        for slice in &mut changed {
            if wanted.left > 0 {
                fill(slice, &mut wanted);
            }
        }
        while wanted.left > 0 {
            // OBSERVATION: the empty placeholder of a service without pods is filled, it does not stay beside a new one.
            let few = wanted.left < MAX_ENDPOINTS_PER_SLICE;
            let fits = |slice: &EndpointSlice| few && size(slice) + wanted.left <= MAX_ENDPOINTS_PER_SLICE;
            let best = (0..unchanged.len()).filter(|i| fits(&unchanged[*i])).max_by_key(|i| size(&unchanged[*i]));
            match best {
                Some(at) => {
                    let mut slice = unchanged.remove(at);
                    fill(&mut slice, &mut wanted);
                    changed.push(slice);
                }
                None => {
                    let mut slice = self.new_slice(ports);
                    fill(&mut slice, &mut wanted);
                    to_create.push(slice);
                }
            }
        }
        to_update.extend(changed);
    }

    /// Slices that would go give way to those that would come. Mirrors `finalize`.
    fn finalize(
        &self,
        mut to_create: Vec<EndpointSlice>,
        mut to_update: Vec<EndpointSlice>,
        mut to_delete: Vec<EndpointSlice>,
        before: &[&EndpointSlice],
    ) -> Vec<Write> {
        let uid = self.object.uid();
        let reusable = |s: &EndpointSlice| {
            s.address_type == "IPv4" && s.metadata.owner_references.iter().flatten().any(|o| o.uid == uid)
        };
        while let Some(at) = to_delete.iter().position(&reusable) {
            let Some(new) = to_create.pop() else { break };
            let old = to_delete.remove(at);
            let metadata = ObjectMeta { labels: new.metadata.labels.clone(), ..old.metadata };
            to_update.push(EndpointSlice { metadata, ..new });
        }
        let mut known: BTreeMap<_, Vec<&Endpoint>> = BTreeMap::new();
        for endpoint in before.iter().flat_map(|s| items(&s.endpoints)) {
            known.entry(identity(endpoint)).or_default().push(endpoint);
        }
        let mut pods: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in self.pods.iter().copied() {
            pods.entry(text(&pod.metadata.uid)).or_default().push(pod);
        }
        let stamp = |mut slice: EndpointSlice, is_new: bool| {
            let is_fresh = |e: &&Endpoint| known.get(&identity(e)).is_none_or(|known| !known.contains(e));
            let fresh: BTreeSet<&str> =
                items(&slice.endpoints).iter().filter(is_fresh).map(|e| identity(e).1).collect();
            let changed = fresh.into_iter().filter_map(|uid| pods.get(uid)).flatten().copied();
            let first = is_new && before.is_empty();
            let time = trigger_time(self.service, first, changed);
            let annotations = slice.metadata.annotations.get_or_insert_default();
            match time {
                Some(time) => annotations.insert(LAST_CHANGE_TRIGGER_TIME.into(), time),
                None => annotations.remove(LAST_CHANGE_TRIGGER_TIME),
            };
            if annotations.is_empty() {
                slice.metadata.annotations = None;
            }
            slice
        };
        let mut writes: Vec<Write> = to_create.into_iter().map(|s| Write::create(stamp(s, true))).collect();
        writes.extend(to_update.into_iter().map(|s| Write::update(stamp(s, false))));
        writes.extend(to_delete.into_iter().map(|s| Write::Delete(Deletion::of(&Object::from(s)))));
        writes
    }
}
