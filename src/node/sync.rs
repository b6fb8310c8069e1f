//! One look of a kubelet at one pod, and what it says meanwhile.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::api::k8s::api::core::v1::{
    Container, ContainerState, ContainerStateWaiting, ContainerStatus, PodSpec, PodStatus,
};
use crate::api::{Duration, Object, Time};
use crate::controllers::{About, Action, EventDraft, Outcome};
use crate::store::View;

use super::author::Author;
use super::container_status::{Sort, terminated};
use super::memory::Memory;
use super::restarts::container_of;

/// When a pod that failed is looked at again: soon after its first failure, then every so often.
pub(super) const FIRST_SYNC: Duration = Duration::secs(3);
pub(super) const NEXT_SYNC: Duration = Duration::secs(12);

/// One look at one pod.
pub(super) struct Sync<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) author: Author<'a>,
    pub(super) object: &'a Object,
    pub(super) spec: &'a PodSpec,
    /// The ephemeral containers, as containers.
    pub(super) ephemeral: &'a [Container],
    pub(super) memory: Memory,
    pub(super) outcome: Outcome,
    /// The containers that the runtime did not start, known once that was tried.
    pub(super) refused: Rc<RefCell<BTreeMap<String, Refusal>>>,
}

/// Why a container did not start.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// The runtime could not execute its command.
    Runtime(String),
    /// The kubelet could not prepare it.
    Config(String),
    /// It runs, but its postStart hook is not through.
    Hook,
}

impl Refusal {
    /// The status of a container that was taken to run. Mirrors `startContainer`'s errors in
    /// `convertToAPIContainerStatuses`.
    pub(super) fn status(&self, before: &PodStatus, started: &ContainerStatus, now: Time) -> ContainerStatus {
        let mut status = started.clone();
        (status.ready, status.started) = (false, started.started.map(|_| false));
        status.state = Some(match self {
            Refusal::Runtime(text) => {
                let mut state = terminated(started, "StartError", 128, Time::default(), now);
                if let Some(ended) = state.terminated.as_mut() {
                    ended.message = Some(text.clone());
                }
                state
            }
            Refusal::Config(text) => {
                let waiting = ContainerStateWaiting {
                    reason: Some("CreateContainerConfigError".into()),
                    message: Some(text.clone()),
                };
                ContainerState { waiting: Some(waiting), ..Default::default() }
            }
            Refusal::Hook => {
                let lists = before.init_container_statuses.iter().chain(&before.container_statuses);
                return lists.flatten().find(|s| s.name == started.name).cloned().unwrap_or(status);
            }
        });
        status
    }
}

impl<'a> Sync<'a> {
    pub(super) fn now(&self) -> Time {
        self.author.now
    }

    pub(super) fn write(&mut self, status: PodStatus) {
        if let Some(write) = self.author.update_status(status) {
            self.outcome.write(write);
        }
    }

    pub(super) fn say(&mut self, event: EventDraft) {
        self.outcome.push(Action::Event(event));
    }

    pub(super) fn node_name(&self) -> &'a str {
        self.author.node.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn is_init(&self, container: &Container) -> bool {
        self.sort(container) == Sort::Init
    }

    /// What sort of a container it is.
    pub(super) fn sort(&self, container: &Container) -> Sort {
        Sort::of(self.spec, &container.name)
    }

    /// A container of the pod by its name, whatever its sort.
    pub(super) fn container(&self, name: &str) -> Option<&'a Container> {
        container_of(self.spec, name).or_else(|| self.ephemeral.iter().find(|c| c.name == name))
    }

    /// What an event about a container names.
    pub(super) fn about(&self, container: &Container) -> About {
        About { field_path: self.sort(container).path(&container.name), ..About::object(self.object) }
    }
}

/// The image that a container asks for.
pub(super) fn image(container: &Container) -> &str {
    container.image.as_deref().unwrap_or_default()
}
