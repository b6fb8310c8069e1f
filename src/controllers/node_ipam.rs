//! The networks of nodes: each gets its part of the cluster's.
//!
//! Mirrors `pkg/controller/nodeipam/ipam/range_allocator.go` and `cidrset`: the networks go round, past those in use.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::Node;
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::{About, Action, Controller, EventDraft, Outcome, Write};
use crate::error::ApiError;
use crate::store::{Change, View};

/// How many networks of 24 bits there are in the cluster's, 10.42.0.0/16.
pub(crate) const MAX_CIDRS: usize = 256;

/// Who says the controller's events.
const COMPONENT: &str = "cidrAllocator";

/// The note that holds the number of the network to look at first.
pub(crate) const NEXT_CANDIDATE: &str = "node-ipam/next-candidate";

/// See the module.
pub(super) struct NodeIpamController;

impl Controller for NodeIpamController {
    fn name(&self) -> &'static str {
        "node-ipam"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let node = change.new.as_ref().and_then(|o| o.get::<Node>());
        if change.key.kind == Kind::Node && node.is_some_and(|n| pod_cidrs(n).is_empty()) {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key).filter(|o| !o.is_terminating()) else { return outcome };
        let Some(node) = object.get::<Node>().filter(|n| pod_cidrs(n).is_empty()) else { return outcome };
        let Some(index) = allocate_next(view) else {
            let about = About { resource_version: String::new(), ..About::object(object) };
            let message = format!("Node {} status is now: CIDRNotAvailable", key.name);
            outcome.event(EventDraft::normal(about, COMPONENT, "CIDRNotAvailable", message));
            let fault = "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range";
            let fault = format!("failed to allocate cidr from cluster cidr at idx:0: {fault}");
            outcome.push(Action::Fail(ApiError::internal(fault)));
            return outcome;
        };
        let mut node = node.clone();
        let spec = node.spec.get_or_insert_default();
        spec.pod_cidr = Some(pod_cidr(index));
        spec.pod_cidrs = Some(vec![pod_cidr(index)]);
        outcome.write(Write::update(node));
        outcome.note(NEXT_CANDIDATE, (index + 1) % MAX_CIDRS);
        outcome
    }
}

fn pod_cidrs(node: &Node) -> &[String] {
    node.spec.as_ref().and_then(|s| s.pod_cidrs.as_deref()).unwrap_or_default()
}

/// The number of the next free network; none when all are in use.
fn allocate_next(view: &View<'_>) -> Option<usize> {
    let used: BTreeSet<&str> = view.list_as::<Node>().flat_map(pod_cidrs).map(String::as_str).collect();
    let next = view.note(NEXT_CANDIDATE).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let mut candidates = (0..MAX_CIDRS).map(|n| (next + n) % MAX_CIDRS);
    candidates.find(|n| !used.contains(pod_cidr(*n).as_str()))
}

/// The network of that number.
pub(crate) fn pod_cidr(index: usize) -> String {
    format!("10.42.{index}.0/24")
}
