//! The heartbeats of kubelets: nobody stores them, so what each would have written by now is worked out when somebody
//! reads its node or its lease.
//!
//! Mirrors `pkg/kubelet/kubelet_node_status.go` (`nodeStatusReportFrequency`) and `k8s.io/component-helpers/apimachinery/lease`.

use std::sync::Arc;

use super::Server;
use crate::api::k8s::api::coordination::v1::Lease;
use crate::api::k8s::api::core::v1::Node;
use crate::api::{Duration, Object, Time};

/// How often a lease of 40 s is renewed.
const RENEWS: Duration = Duration::secs(10);
/// How often a status in which nothing changed is posted.
const REPORTS: Duration = Duration::secs(300);

impl Server {
    /// A node or its lease with the last heartbeat; any other object as it is.
    pub(super) fn beating(&self, object: Arc<Object>) -> Arc<Object> {
        match &*object {
            Object::Node(node) => self.with_reports(node).map_or(object, |node| Arc::new(Object::from(node))),
            Object::Lease(lease) if lease.metadata.namespace.as_deref() == Some("kube-node-lease") => {
                self.renewed(lease).map_or(object, |lease| Arc::new(Object::from(lease)))
            }
            _ => object,
        }
    }

    /// Until when a node's kubelet ran.
    fn ran_until(&self, node: &str) -> Time {
        let now = self.cluster.now();
        self.cluster.view().kubelet_stopped_since(node).map_or(now, |stopped| stopped.min(now))
    }

    fn with_reports(&self, node: &Node) -> Option<Node> {
        let until = self.ran_until(node.metadata.name.as_deref().unwrap_or_default());
        let mut node = node.clone();
        let mut beats = false;
        for condition in node.status.as_mut()?.conditions.iter_mut().flatten() {
            let Some(stored) = condition.last_heartbeat_time.as_ref().map(Time::from_meta) else { continue };
            let last = last_beat(stored, REPORTS, until);
            beats |= last != stored;
            condition.last_heartbeat_time = Some(last.meta());
        }
        beats.then_some(node)
    }

    fn renewed(&self, lease: &Lease) -> Option<Lease> {
        let stored = lease.spec.as_ref()?.renew_time.as_ref().map(Time::from_micro)?;
        let last = last_beat(stored, RENEWS, self.ran_until(lease.metadata.name.as_deref()?));
        let mut lease = lease.clone();
        lease.spec.as_mut()?.renew_time = Some(last.micro());
        (last != stored).then_some(lease)
    }
}

/// The last beat of those that follow a stored one.
fn last_beat(stored: Time, every: Duration, until: Time) -> Time {
    let beats = (until - stored).0.max(0) / every.0;
    stored + every * beats
}
