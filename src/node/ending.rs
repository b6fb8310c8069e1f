//! What still runs of a pod whose containers are through: sidecars and ephemeral containers are stopped.
//!
//! Mirrors the end of `SyncPod` and `SyncTerminatingPod` for a pod that has ended by itself.

use crate::api::Time;
use crate::api::k8s::api::core::v1::{ContainerStatus, PodStatus};

use super::container_status::is_running;
use super::sync::Sync;
use super::{restarts, stopping};

fn beside(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status
        .init_container_statuses
        .iter()
        .chain(&status.ephemeral_container_statuses)
        .flatten()
        .filter(|s| is_running(s))
}

/// Whether something runs in a pod beside its containers.
pub(super) fn still_runs(status: &PodStatus) -> bool {
    beside(status).next().is_some()
}

impl Sync<'_> {
    /// Whether all that the pod is for is through and something else still runs; that is stopped then.
    pub(super) fn stops_the_rest(&mut self, status: &mut PodStatus) -> bool {
        let over = matches!(restarts::phase(self.spec, status), Some("Succeeded" | "Failed"));
        if !over || !still_runs(status) {
            return false;
        }
        let deadline = match self.memory.ending {
            Some(deadline) => Time(deadline),
            None => {
                self.say_stopping(beside(status));
                self.now() + stopping::grace_period(self.spec)
            }
        };
        self.memory.ending = Some(deadline.0);
        self.stop_containers(status, deadline);
        true
    }
}
