//! Sees to it that every service's address has its object, and that no such object is left over.
//!
//! Mirrors `pkg/registry/core/service/ipallocator/controller/repairip.go`.

use std::net::IpAddr;

use crate::api::k8s::api::core::v1::Service;
use crate::api::k8s::api::networking::v1::{IPAddress, ServiceCIDR};
use crate::api::names::addresses::parse_ip_sloppy;
use crate::api::{Duration, Kind, Object, ObjectKey, Time, Typed};
use crate::controllers::{About, Controller, Deletion, EventDraft, Outcome, Write};
use crate::kinds::networking::ip_address::{ALLOCATOR, FAMILY, MANAGED_BY, of_service};
use crate::kinds::networking::service_cidr::contains_address;
use crate::kinds::shared::access::{items, text};
use crate::store::{Change, View};

/// Who says that something was repaired.
pub const COMPONENT: &str = "ipallocator-repair-controller";

/// How often all services and addresses are looked at.
const INTERVAL: Duration = Duration::secs(180);
/// How long an address may be there before its service is.
const GRACE: Duration = Duration::secs(60);

/// See the module.
pub(super) struct RepairIpAddress;

impl Controller for RepairIpAddress {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::IPAddress if change.old.is_none() => enqueue(change.key.clone()),
            Kind::IPAddress => {
                let old = change.old.as_ref().and_then(|o| o.get::<IPAddress>());
                let service = old.filter(|a| references_service(a)).map(parent);
                service.filter(|key| view.get(key).is_some()).into_iter().for_each(&mut *enqueue);
                if change.new.is_some() {
                    enqueue(change.key.clone());
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        match (view.get(key), key.kind) {
            (None, _) => Outcome::done(),
            (Some(object), Kind::Service) => sync_service(view, object, now),
            (Some(object), _) => sync_address(view, object, now),
        }
    }
}

fn is_managed(address: &IPAddress) -> bool {
    let labels = address.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == ALLOCATOR)
}

fn references_service(address: &IPAddress) -> bool {
    let parent = &address.spec.parent_ref;
    text(&parent.group).is_empty() && parent.resource == "services"
}

fn parent(address: &IPAddress) -> ObjectKey {
    let parent = &address.spec.parent_ref;
    ObjectKey::new(Kind::Service, text(&parent.namespace), parent.name.clone())
}

fn warn(object: &Object, reason: &str, message: String, outcome: &mut Outcome) {
    outcome.event(EventDraft::warning(About::object(object), COMPONENT, reason, message));
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Mirrors `syncService`.
fn sync_service(view: &View<'_>, object: &Object, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let Some(service) = object.get::<Service>() else { return outcome };
    let ips = service.spec.iter().flat_map(|spec| items(&spec.cluster_ips));
    for address in ips.filter_map(|ip| parse_ip_sloppy(ip)) {
        let (family, place) = (family(address), format!("{}/{}", object.namespace(), object.name()));
        if !view.list_as::<ServiceCIDR>().any(|cidr| contains_address(cidr, address)) {
            let message = format!(
                "Cluster IP [{family}]: {address} is not within any configured Service CIDR; please recreate service"
            );
            warn(object, "ClusterIPOutOfRange", message, &mut outcome);
            continue;
        }
        let wanted = of_service(address, service);
        let Some(there) = view.get(&ObjectKey::cluster(Kind::IPAddress, address.to_string())) else {
            let wait = (-now.0).rem_euclid(INTERVAL.0);
            if wait > 0 {
                outcome.recurring(Duration(wait));
                continue;
            }
            let message = format!("Cluster IP [{family}]: {address} is not allocated; repairing");
            warn(object, "ClusterIPNotAllocated", message, &mut outcome);
            outcome.write(Write::create(wanted.into_object()));
            continue;
        };
        let Some(found) = there.get::<IPAddress>() else { continue };
        let is_ours = parent(found) == object.key() && references_service(found);
        if !is_ours && references_service(found) && view.get(&parent(found)).is_some() {
            let message =
                format!("Cluster IP [{family}]:{address} was assigned to multiple services; please recreate service");
            warn(object, "ClusterIPAlreadyAllocated", message, &mut outcome);
            continue;
        }
        if !is_ours {
            let message =
                format!("the ClusterIP [{family}]: {address} for Service {place} has a wrong reference; repairing");
            warn(object, "ClusterIPNotAllocated", message, &mut outcome);
        }
        let labels = found.metadata.labels.as_ref();
        let is_labelled = [(FAMILY, family), (MANAGED_BY, ALLOCATOR)]
            .iter()
            .all(|(key, value)| labels.and_then(|labels| labels.get(*key)).is_some_and(|v| v == value));
        if !is_ours || !is_labelled {
            outcome.write(Write::Delete(Deletion::of(there)));
            outcome.write(Write::create(wanted.into_object()));
        }
    }
    outcome
}

/// Mirrors `syncIPAddress`.
fn sync_address(view: &View<'_>, object: &Object, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let Some(address) = object.get::<IPAddress>() else { return outcome };
    let key = parent(address);
    let service = view.get(&key).and_then(|o| o.get::<Service>());
    if !is_managed(address) {
        // OBSERVATION: somebody else gave it out.
        return outcome;
    }
    if !references_service(address) {
        let message = format!(
            "IPAddress {} appears to have been modified, not referencing a Service \
             &ParentReference{{Group:{},Resource:{},Namespace:{},Name:{},}}: cleaning up",
            object.name(),
            text(&address.spec.parent_ref.group),
            address.spec.parent_ref.resource,
            key.namespace,
            key.name
        );
        warn(object, "IPAddressNotAllocated", message, &mut outcome);
        outcome.write(Write::Delete(Deletion::of(object)));
        return outcome;
    }
    let made = address.metadata.creation_timestamp.as_ref().map_or(now, Time::from_meta);
    let left = made + GRACE - now;
    let place = format!("{}/{}", key.namespace, key.name);
    let Some(service) = service else {
        if left > Duration::ZERO {
            outcome.recurring(left);
            return outcome;
        }
        let message = format!("IPAddress: {} for Service {place} appears to have leaked: cleaning up", object.name());
        warn(object, "IPAddressNotAllocated", message, &mut outcome);
        outcome.write(Write::Delete(Deletion::of(object)));
        return outcome;
    };
    let has_it = service.spec.iter().flat_map(|spec| items(&spec.cluster_ips)).any(|ip| ip == object.name());
    if !has_it {
        let waits = Duration::secs(5) - (now - made);
        if waits > Duration::ZERO {
            outcome.recurring(waits);
            return outcome;
        }
        let message = format!("IPAddress: {} for Service {place} has a wrong reference; cleaning up", object.name());
        warn(object, "IPAddressWrongReference", message, &mut outcome);
        outcome.write(Write::Delete(Deletion::of(object)));
    }
    outcome
}
