//! Ephemeral containers: they start once, beside whatever else the pod does.
//!
//! Mirrors `EphemeralContainersToStart` of `computePodActions`.

use crate::api::Duration;
use crate::api::Time;
use crate::api::k8s::api::core::v1::{Container, PodSpec, PodStatus};
use crate::kinds::core::pod::as_container;

use super::container_status::{Sort, find, put};
use super::images;
use super::pod_status::{CONTAINER_CREATING, POD_INITIALIZING};
use super::sync::{FIRST_SYNC, NEXT_SYNC, Sync, image};

/// How long a container takes to start when nothing must be pulled.
const START_TIME: Duration = Duration::secs(1);

/// The ephemeral containers of a pod, as containers.
pub(super) fn containers(spec: &PodSpec) -> Vec<Container> {
    spec.ephemeral_containers.iter().flatten().map(as_container).collect()
}

impl<'a> Sync<'a> {
    /// The ephemeral containers that have never run.
    fn to_start(&self, status: &PodStatus) -> Vec<&'a Container> {
        let has_run = |c: &Container| {
            find(&status.ephemeral_container_statuses, &c.name).is_some_and(|s| s.container_id.is_some())
        };
        self.ephemeral.iter().filter(|c| !has_run(c)).collect()
    }

    /// Whether an ephemeral container is to be started.
    pub(super) fn wants_ephemeral(&self, status: &PodStatus) -> bool {
        !self.to_start(status).is_empty()
    }

    /// The ephemeral containers that start now, and how long it takes until the next one may; those that wait say so.
    pub(super) fn due_ephemeral(&mut self, status: &mut PodStatus) -> (Vec<&'a Container>, Option<(Duration, bool)>) {
        let init = self.spec.init_containers.as_ref().is_some_and(|init| !init.is_empty());
        let reason = if init { POD_INITIALIZING } else { CONTAINER_CREATING };
        let (mut due, mut wait) = (Vec::new(), None::<(Duration, bool)>);
        for container in self.to_start(status) {
            let name = &container.name;
            if find(&status.ephemeral_container_statuses, name).is_none() {
                let mut waiting = self.author.waiting(container, None, reason, "");
                waiting.started = None;
                put(Sort::Ephemeral.statuses_mut(status), waiting);
            }
            let seen = *self.memory.ephemeral.entry(name.clone()).or_insert(self.author.now.0);
            let failed = self.memory.container(name, image(container)).attempts.next_look(FIRST_SYNC, NEXT_SYNC);
            let pulls = self.must_pull(container) && images::can_be_pulled(image(container));
            let takes = if pulls { self.pull_time(container) } else { START_TIME };
            let at = failed.unwrap_or(Time(seen) + takes);
            match self.now() < at {
                true => {
                    let next = (at - self.now(), failed.is_some());
                    wait = Some(wait.map_or(next, |w| if next.0 < w.0 { next } else { w }));
                }
                false => due.push(container),
            }
        }
        (due, wait)
    }
}
