//! Mirrored EndpointSlices: what somebody wrote into an Endpoints object of a service without a selector.
//!
//! Mirrors `pkg/controller/endpointslicemirroring`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::endpoint_slice::{MANAGED_BY, SERVICE_NAME, generate_name, port_key, slices_of, unless_the_namespace_ends};
use super::endpoints::{LAST_CHANGE_TRIGGER_TIME, places_of, repack_subsets};
use crate::api::k8s::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints, Service};
use crate::api::k8s::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use crate::api::object::{LAST_APPLIED, new_controller_ref};
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::pods::warning;
use crate::controllers::{Controller, Deletion, Outcome, RateLimiter, Write};
use crate::kinds::shared::access::{items, text};
use crate::store::{Change, View};

const CONTROLLER: &str = "endpointslicemirroring-controller.k8s.io";
const COMPONENT: &str = "endpoint-slice-mirroring-controller";
/// Asks that an object be left alone.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Marks what was no list of addresses at all, but somebody's lease.
const LEADER_ELECTION: &str = "control-plane.alpha.kubernetes.io/leader";
/// How many addresses of a subset are mirrored: `--mirroring-max-endpoints-per-subset`.
const MAX_ENDPOINTS_PER_SUBSET: usize = 1000;

/// See the module.
pub(super) struct EndpointSliceMirroringController;

impl Controller for EndpointSliceMirroringController {
    fn name(&self) -> &'static str {
        "endpointslicemirroring"
    }

    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter { base_delay: Duration::secs(1), max_retries: Some(15), ..RateLimiter::DEFAULT }
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let both = || change.old.iter().chain(&change.new);
        let endpoints = |name: &str| ObjectKey::new(Kind::Endpoints, &change.key.namespace, name);
        match change.key.kind {
            Kind::Service => {
                let mut selects = both().filter_map(|o| o.get::<Service>()).map(has_selector);
                let concerns = match (&change.old, &change.new) {
                    (Some(_), Some(_)) => selects.next() != selects.next(),
                    _ => selects.any(|selects| !selects),
                };
                if concerns {
                    enqueue(endpoints(&change.key.name));
                }
            }
            Kind::Endpoints if both().any(|o| should_mirror(o)) => enqueue(change.key.clone()),
            Kind::EndpointSlice => both()
                .filter(|o| o.label(MANAGED_BY) == Some(CONTROLLER))
                .filter_map(|o| o.label(SERVICE_NAME))
                .for_each(|service| enqueue(endpoints(service))),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let slices = slices_of(view, key, CONTROLLER);
        let service = view.get_as::<Service>(&key.namespace, &key.name);
        let object = view.get(key).filter(|o| should_mirror(o) && service.is_some_and(|s| !has_selector(s)));
        let Some((object, endpoints)) = object.and_then(|o| Some((o, o.get::<Endpoints>()?))) else {
            slices.into_iter().for_each(|slice| outcome.write(delete(slice.clone())));
            return outcome;
        };
        reconcile_slices(object, endpoints, slices, &mut outcome);
        outcome
    }
}

fn has_selector(service: &Service) -> bool {
    service.spec.as_ref().and_then(|s| s.selector.as_ref()).is_some_and(|s| !s.is_empty())
}

fn should_mirror(endpoints: &Object) -> bool {
    let annotations = endpoints.meta().annotations.as_ref();
    endpoints.label(SKIP_MIRROR) != Some("true") && annotations.is_none_or(|a| !a.contains_key(LEADER_ELECTION))
}

fn delete(slice: EndpointSlice) -> Write {
    Write::Delete(Deletion::of(&Object::from(slice)))
}

/// The endpoint that stands for an address, and of which type that is. Mirrors `addressToEndpoint`.
fn endpoint_of(address: &EndpointAddress, ready: bool) -> Option<(&'static str, Endpoint)> {
    let ip: IpAddr = address.ip.parse().ok()?;
    let endpoint = Endpoint {
        addresses: vec![ip.to_string()],
        conditions: Some(EndpointConditions { ready: Some(ready), ..Default::default() }),
        hostname: address.hostname.clone().filter(|h| !h.is_empty()),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Default::default()
    };
    Some((if ip.is_ipv4() { "IPv4" } else { "IPv6" }, endpoint))
}

/// Ports and endpoints by type of address and ports.
type Desired = BTreeMap<(String, String), (Vec<EndpointPort>, Vec<Endpoint>)>;

/// The endpoints that there should be, and how many addresses were one too many for their subset.
fn desired(endpoints: &Endpoints) -> (Desired, usize) {
    let (mut all, mut skipped) = (Desired::new(), 0);
    for EndpointSubset { addresses, not_ready_addresses, ports } in repack_subsets(places_of(items(&endpoints.subsets)))
    {
        let port = |p: &crate::api::k8s::api::core::v1::EndpointPort| EndpointPort {
            name: Some(text(&p.name).to_string()),
            port: Some(p.port),
            protocol: p.protocol.clone(),
            app_protocol: p.app_protocol.clone(),
        };
        let ports: Vec<EndpointPort> = items(&ports).iter().map(port).collect();
        let ready = items(&addresses).iter().map(|a| (a, true));
        let addresses = ready.chain(items(&not_ready_addresses).iter().map(|a| (a, false)));
        for (at, (address, ready)) in addresses.enumerate() {
            if at >= MAX_ENDPOINTS_PER_SUBSET {
                skipped += 1;
                continue;
            }
            let Some((kind, endpoint)) = endpoint_of(address, ready) else { continue };
            let entry = all.entry((kind.to_string(), port_key(&ports))).or_insert_with(|| (ports.clone(), Vec::new()));
            entry.1.push(endpoint);
        }
    }
    (all, skipped)
}

/// A slice of an Endpoints object, under a name that is yet to be drawn. Mirrors `newEndpointSlice`.
fn new_slice(object: &Object, kind: &str, ports: Vec<EndpointPort>, mut endpoints: Vec<Endpoint>) -> EndpointSlice {
    endpoints.truncate(MAX_ENDPOINTS_PER_SUBSET);
    let (name, meta) = (object.name(), object.meta());
    let mut labels = meta.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.into(), name.to_string());
    labels.insert(MANAGED_BY.into(), CONTROLLER.into());
    let mut annotations = meta.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| key != LAST_CHANGE_TRIGGER_TIME && key != LAST_APPLIED);
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(generate_name(name)),
            namespace: Some(object.namespace().to_string()),
            labels: Some(labels),
            annotations: Some(annotations).filter(|a| !a.is_empty()),
            owner_references: Some(vec![new_controller_ref(object)]),
            ..Default::default()
        },
        address_type: kind.to_string(),
        ports: Some(ports).filter(|p| !p.is_empty()),
        endpoints: Some(endpoints).filter(|e| !e.is_empty()),
    }
}

/// The new slice under the name of one that is there.
fn in_place_of(old: EndpointSlice, new: EndpointSlice) -> EndpointSlice {
    let ObjectMeta { labels, annotations, owner_references, .. } = new.metadata;
    let metadata = ObjectMeta { labels, annotations, owner_references, ..old.metadata };
    EndpointSlice { metadata, ..new }
}

/// Whether a slice says what it should, in whatever order.
fn says(slice: &EndpointSlice, new: &EndpointSlice) -> bool {
    let (there, wanted) = (items(&slice.endpoints), items(&new.endpoints));
    let (meta, next) = (&slice.metadata, &new.metadata);
    there.len() == wanted.len()
        && wanted.iter().all(|e| there.contains(e))
        && meta.labels == next.labels
        && meta.annotations.clone().unwrap_or_default() == next.annotations.clone().unwrap_or_default()
        && meta.owner_references == next.owner_references
}

/// Mirrors `reconciler.reconcile`.
fn reconcile_slices(object: &Object, endpoints: &Endpoints, slices: Vec<&EndpointSlice>, outcome: &mut Outcome) {
    let (desired, skipped) = desired(endpoints);
    if skipped > 0 {
        let said = format!(
            "A max of {MAX_ENDPOINTS_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. \
             {skipped} addresses were skipped"
        );
        outcome.push(warning(object, COMPONENT, "TooManyAddressesToMirror", said));
    }
    let mut existing: BTreeMap<(String, String), Vec<EndpointSlice>> = BTreeMap::new();
    for slice in slices {
        let key = (slice.address_type.clone(), port_key(items(&slice.ports)));
        existing.entry(key).or_default().push(slice.clone());
    }
    let (mut to_create, mut to_update, mut to_delete) = (Vec::new(), Vec::new(), Vec::new());
    for (key, (ports, endpoints)) in desired {
        let new = new_slice(object, &key.0, ports, endpoints);
        let mut there = existing.remove(&key).unwrap_or_default().into_iter();
        match there.next() {
            Some(first) if says(&first, &new) => {}
            Some(first) => to_update.push(in_place_of(first, new)),
            None => to_create.push(new),
        }
        to_delete.extend(there);
    }
    to_delete.extend(existing.into_values().flatten());
    // What would go gives its name to what would come. Mirrors `recycleSlices`.
    to_create.retain(|new: &EndpointSlice| match to_delete.iter().position(|o| o.address_type == new.address_type) {
        Some(at) => {
            to_update.push(in_place_of(to_delete.remove(at), new.clone()));
            false
        }
        None => true,
    });
    for slice in to_create.into_iter().filter(|_| !object.is_terminating()) {
        outcome.push(Write::create(slice).then(unless_the_namespace_ends));
    }
    to_update.into_iter().for_each(|slice| outcome.write(Write::update(slice)));
    to_delete.into_iter().for_each(|slice| outcome.write(delete(slice)));
}
