//! Pods that a kubelet ends by itself: their time is over, or they took more of the node's disk than they may.
//!
//! Mirrors `active_deadline.go` and the `localStorageEviction` of `pkg/kubelet/eviction`.

use crate::api::k8s::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus, ResourceRequirements,
};
use crate::api::{Duration, Quantity, Time};
use crate::controllers::About;
use crate::machine::kernel::{Sandbox, log};

use super::conditions;
use super::container_status::is_running;
use super::events::{event, warning};
use super::memory::Eviction;
use super::stopping;
use super::sync::Sync;

/// How often the eviction manager looks at what pods use. Mirrors `evictionMonitoringPeriod`.
const PERIOD: Duration = Duration::secs(10);

/// The reason and the message of a pod whose time is over.
const DEADLINE: (&str, &str) = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");

impl Sync<'_> {
    /// Whether the kubelet ends this pod; if so it is brought further towards its end.
    pub(super) fn is_evicted(&mut self, status: &mut PodStatus) -> bool {
        if self.memory.eviction.is_none() {
            self.memory.eviction = self.should_evict(status);
            if self.memory.eviction.is_some() {
                self.say_stopping(status.container_statuses.iter().flatten().filter(|s| is_running(s)));
            }
        }
        let Some(eviction) = self.memory.eviction.clone() else { return false };
        (status.reason, status.message) = (Some(eviction.reason), Some(eviction.message));
        if self.view.sandbox(self.object.uid()).is_some_and(Sandbox::runs) {
            self.stop_containers(status, Time(eviction.deadline));
            return true;
        }
        for slot in status.container_statuses.iter_mut().flatten() {
            terminate(slot);
        }
        self.author.finish(status, true);
        status.phase = Some("Failed".into());
        conditions::set(&self.author, status, false);
        self.write(status.clone());
        true
    }

    fn should_evict(&mut self, status: &PodStatus) -> Option<Eviction> {
        let now = self.now();
        let start = status.start_time.as_ref().map(Time::from_meta)?;
        if let Some(seconds) = self.spec.active_deadline_seconds {
            let end = start + Duration::secs(seconds.clamp(0, i64::from(i32::MAX)));
            if now >= end {
                let said = event(About::object(self.object), self.node_name(), DEADLINE.0, DEADLINE.1);
                self.outcome.event(said);
                return Some(decided(DEADLINE.0, DEADLINE.1, now + stopping::grace_period(self.spec)));
            }
            self.outcome.recurring(end - now);
        }
        let pod = self.author.pod;
        if !has_storage_limits(pod) || self.view.sandbox(self.object.uid()).is_none() {
            return None;
        }
        if let Some(message) = self.over_limit() {
            let said = warning(About::object(self.object), self.node_name(), "Evicted", &message);
            self.outcome.event(said);
            return Some(decided("Evicted", &message, now));
        }
        self.outcome.recurring(PERIOD);
        None
    }

    /// What the pod took too much of, as the eviction manager says it.
    fn over_limit(&self) -> Option<String> {
        let uid = self.object.uid();
        let used = |name: &str| self.view.disk(&format!("pod/{uid}/{name}")).map_or(0, |d| d.used());
        let mut total = self.view.disk(&log::disk_of(uid)).map_or(0, |d| d.used());
        for volume in self.spec.volumes.iter().flatten() {
            let Some(empty) = &volume.empty_dir else { continue };
            let size = used(&volume.name);
            total += if empty.medium.as_deref() == Some("Memory") { 0 } else { size };
            let limit = empty.size_limit.as_ref().and_then(|q| Quantity::parse(&q.0).ok());
            if let Some(limit) = limit.filter(|l| l.value() > 0 && size > l.value().unsigned_abs()) {
                return Some(format!(
                    "Usage of EmptyDir volume {:?} exceeds the limit {:?}. ",
                    volume.name,
                    limit.to_string()
                ));
            }
        }
        let sandbox = self.view.sandbox(uid)?;
        let mut own = Vec::new();
        for container in &self.spec.containers {
            let Some(running) = sandbox.containers.get(&container.name) else { continue };
            let root = used(&format!("root-{}-{}", container.name, running.kept.restarts));
            total += root;
            own.push((container, root));
        }
        let limits: Vec<Option<Quantity>> =
            self.spec.containers.iter().map(|c| ephemeral_limit(c.resources.as_ref())).collect();
        if let Some(whole) = limits.iter().cloned().collect::<Option<Vec<Quantity>>>().filter(|l| !l.is_empty()) {
            let sum: i64 = whole.iter().map(Quantity::value).fold(0, i64::saturating_add);
            let shown = match whole.as_slice() {
                [one] => one.to_string(),
                _ => sum.to_string(),
            };
            if total > sum.unsigned_abs() {
                return Some(format!(
                    "Pod ephemeral local storage usage exceeds the total limit of containers {shown}. "
                ));
            }
        }
        own.into_iter().find_map(|(container, used)| {
            let limit = ephemeral_limit(container.resources.as_ref())?;
            let over = limit.value() > 0 && used > limit.value().unsigned_abs();
            over.then(|| {
                let (name, limit) = (&container.name, limit.to_string());
                format!("Container {name} exceeded its local ephemeral storage limit {limit:?}. ")
            })
        })
    }
}

fn decided(reason: &str, message: &str, deadline: Time) -> Eviction {
    Eviction { reason: reason.to_string(), message: message.to_string(), deadline: deadline.0 }
}

fn ephemeral_limit(resources: Option<&ResourceRequirements>) -> Option<Quantity> {
    let limit = resources?.limits.as_ref()?.get("ephemeral-storage")?;
    Quantity::parse(&limit.0).ok()
}

fn has_storage_limits(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    spec.volumes.iter().flatten().any(|v| v.empty_dir.as_ref().is_some_and(|e| e.size_limit.is_some()))
        || spec.containers.iter().any(|c| ephemeral_limit(c.resources.as_ref()).is_some())
}

/// A container of which nothing is known any more has failed. Mirrors `manager.TerminatePod`.
fn terminate(slot: &mut ContainerStatus) {
    if slot.state.as_ref().is_some_and(|s| s.terminated.is_some()) {
        return;
    }
    slot.state = Some(ContainerState {
        terminated: Some(ContainerStateTerminated {
            reason: Some("ContainerStatusUnknown".into()),
            message: Some("The container could not be located when the pod was terminated".into()),
            exit_code: 137,
            ..Default::default()
        }),
        ..Default::default()
    });
}
