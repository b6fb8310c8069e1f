//! What still runs of a pod whose containers are through: sidecars and ephemeral containers are stopped.
//!
//! Mirrors the end of `SyncPod` and `SyncTerminatingPod` for a pod that has ended by itself.

use crate::api::k8s::api::core::v1::{ContainerStatus, PodStatus};
use crate::api::{Duration, Time};
use crate::controllers::About;

use super::container_status::{Sort, is_running};
use super::events::event;
use super::sync::Sync;
use super::{restarts, stopping};

/// How soon the worker sees that all has stopped.
const LOOK: Duration = Duration::secs(1);

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
        let grace = Duration::secs(self.spec.termination_grace_period_seconds.unwrap_or(30));
        let deadline = match self.memory.ending {
            Some(deadline) => Time(deadline),
            None => {
                for running in beside(status) {
                    let path = Sort::of(self.spec, &running.name).path(&running.name);
                    let about = About { field_path: path, ..About::object(self.object) };
                    let text = format!("Stopping container {}", running.name);
                    let said = event(about, self.node_name(), "Killing", text);
                    self.outcome.event(said);
                }
                self.now() + grace
            }
        };
        self.memory.ending = Some(deadline.0);
        stopping::kill_containers(self.author.pod, deadline, &mut self.outcome);
        let waits = stopping::waits_for_hook(self.view, self.object.uid());
        let look = if waits { LOOK } else { deadline - self.now() };
        self.outcome.after(look.max(Duration::millis(100)));
        self.author.finish(status, true);
        self.write(status.clone());
        true
    }
}
