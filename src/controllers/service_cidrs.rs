//! Says of ServiceCIDRs that they are ready, and keeps those that go as long as services have their addresses.
//!
//! Mirrors `pkg/controller/servicecidrs/servicecidrs_controller.go`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::pvc_protection::{need_to_add_finalizer, with_finalizer, without_finalizer};
use crate::api::k8s::api::networking::v1::{IPAddress, ServiceCIDR, ServiceCIDRStatus};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::Condition;
use crate::api::names::addresses::{contains, overlap, parse_ip_sloppy};
use crate::api::{Duration, Kind, Object, ObjectKey, Time, Typed};
use crate::controllers::{Controller, Outcome, Write};
use crate::kinds::networking::ip_address::{ALLOCATOR, MANAGED_BY};
use crate::kinds::networking::service_cidr::{READY, contains_address, parsed_networks};
use crate::kinds::shared::access::items;
use crate::store::{Change, View};

/// The finalizer that holds a ServiceCIDR.
pub const SERVICE_CIDR_PROTECTION_FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";

const IS_READY: &str = "Kubernetes Service CIDR is ready";

/// How long a network that nothing holds any more stays, so that everybody sees that it goes.
const DELETION_GRACE_SECONDS: i64 = 10;

/// See the module.
pub(super) struct ServiceCidrController;

impl Controller for ServiceCidrController {
    fn name(&self) -> &'static str {
        "service-cidr-controller"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let mut keys = BTreeSet::new();
        match change.key.kind {
            Kind::ServiceCIDR => {
                keys.insert(change.key.name.clone());
                if change.old.is_none() {
                    let new = change.new.as_ref().and_then(|o| o.get::<ServiceCIDR>());
                    keys.extend(new.into_iter().flat_map(|new| overlapping(view, new)));
                }
            }
            Kind::IPAddress if change.old.is_none() || change.new.is_none() => {
                if let Some(address) = change.new.as_ref().or(change.old.as_ref()).and_then(|o| o.get::<IPAddress>())
                    && let Some(address) = managed(address)
                {
                    keys.extend(containing(view, address));
                }
            }
            _ => return,
        }
        // Only a network that goes waits for addresses.
        let waits = |name: &String| {
            change.key.kind == Kind::ServiceCIDR || view.get(&key(name)).is_some_and(|o| o.is_terminating())
        };
        keys.into_iter().filter(waits).for_each(|name| enqueue(key(&name)));
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        let Some(cidr) = object.get::<ServiceCIDR>() else { return outcome };
        let Some(deleted) = cidr.metadata.deletion_timestamp.as_ref().map(Time::from_meta) else {
            if need_to_add_finalizer(object, SERVICE_CIDR_PROTECTION_FINALIZER) {
                outcome.write(with_finalizer(object, SERVICE_CIDR_PROTECTION_FINALIZER));
            }
            update_condition(cidr, ("True", "", IS_READY), now, &mut outcome);
            return outcome;
        };
        if !can_delete(view, cidr) {
            let message = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a \
                           new ServiceCIDR";
            update_condition(cidr, ("False", "Terminating", message), now, &mut outcome);
            return outcome;
        }
        let left = deleted + Duration::secs(DELETION_GRACE_SECONDS) - now;
        if left > Duration::ZERO {
            outcome.after(left);
        } else if items(&cidr.metadata.finalizers).iter().any(|f| f == SERVICE_CIDR_PROTECTION_FINALIZER) {
            outcome.write(without_finalizer(object, SERVICE_CIDR_PROTECTION_FINALIZER));
        }
        outcome
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::cluster(Kind::ServiceCIDR, name)
}

fn name_of(cidr: &ServiceCIDR) -> String {
    cidr.metadata.name.clone().unwrap_or_default()
}

/// The address, if it is one that services are given.
fn managed(address: &IPAddress) -> Option<IpAddr> {
    let by = address.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY));
    by.filter(|by| *by == ALLOCATOR)?;
    parse_ip_sloppy(address.metadata.name.as_deref()?)
}

fn containing(view: &View<'_>, address: IpAddr) -> Vec<String> {
    view.list_as::<ServiceCIDR>().filter(|cidr| contains_address(cidr, address)).map(name_of).collect()
}

fn overlapping(view: &View<'_>, new: &ServiceCIDR) -> Vec<String> {
    let touches =
        |other: &&ServiceCIDR| parsed_networks(new).any(|one| parsed_networks(other).any(|other| overlap(one, other)));
    view.list_as::<ServiceCIDR>().filter(touches).map(name_of).collect()
}

/// Mirrors `canDeleteCIDR`: nothing would be left without a network.
fn can_delete(view: &View<'_>, cidr: &ServiceCIDR) -> bool {
    let others = || view.list_as::<ServiceCIDR>().filter(|other| other.metadata.uid != cidr.metadata.uid);
    let has_parent = parsed_networks(cidr).all(|(network, length)| {
        others().any(|other| parsed_networks(other).any(|parent| parent.1 <= length && contains(parent, network)))
    });
    let is_orphaned =
        |address: IpAddr| contains_address(cidr, address) && !others().any(|other| contains_address(other, address));
    has_parent || !view.list_as::<IPAddress>().filter_map(managed).any(is_orphaned)
}

/// A ServiceCIDR as it is once this controller has seen it.
pub fn ready(mut cidr: ServiceCIDR, now: Time) -> ServiceCIDR {
    cidr.metadata.finalizers = Some(vec![SERVICE_CIDR_PROTECTION_FINALIZER.into()]);
    let ready = condition(("True", "", IS_READY), now);
    cidr.status = Some(ServiceCIDRStatus { conditions: Some(vec![ready]) });
    cidr
}

fn condition((status, reason, message): (&str, &str, &str), now: Time) -> Condition {
    Condition {
        type_: READY.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: now.meta(),
        observed_generation: None,
    }
}

/// Mirrors `updateConditionIfNeeded`.
fn update_condition(
    cidr: &ServiceCIDR,
    (status, reason, message): (&str, &str, &str),
    now: Time,
    outcome: &mut Outcome,
) {
    let mut updated = cidr.clone();
    let conditions = updated.status.get_or_insert_default().conditions.get_or_insert_default();
    let is_same =
        |c: &Condition| (c.status.as_str(), c.reason.as_str(), c.message.as_str()) == (status, reason, message);
    if conditions.iter().any(|c| c.type_ == READY && is_same(c)) {
        return;
    }
    conditions.retain(|c| c.type_ != READY);
    conditions.push(condition((status, reason, message), now));
    let updated: Object = updated.into_object();
    outcome.write(Write::update_status(updated));
}
