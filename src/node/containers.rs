//! Starting a pod's containers: pull the image, find the configuration, run.
//!
//! Mirrors `kuberuntime_manager.startContainer` and `imageManager`.

use crate::api::Duration;
use crate::api::k8s::api::core::v1::{Container, ContainerStatus, Node, PodSpec, PodStatus};
use crate::api::names::Draw;
use crate::controllers::Action;

use super::container_status::{self, Sort};
use super::events::{event, warning};
use super::memory::BACK_OFF;
use super::pod_status::CRASH_LOOP_BACK_OFF;
use super::runtime::{Plan, Started, kept_of, start_container};
use super::sync::{FIRST_SYNC, NEXT_SYNC, Refusal, Sync, image};
use super::{config, hooks, images, words};

/// How the attempt to start a container ended.
pub(super) enum Attempt {
    /// It runs, or an init container is through.
    Done(ContainerStatus),
    /// It waits, and is looked at again when that time is over.
    Waits(ContainerStatus, Duration),
}

/// The container whose processes an ephemeral one is to see.
pub(super) fn target<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a str> {
    let ephemeral = spec.ephemeral_containers.iter().flatten().find(|c| c.name == name)?;
    ephemeral.target_container_name.as_deref().filter(|target| !target.is_empty())
}

impl<'a> Sync<'a> {
    pub(super) fn must_pull(&self, container: &Container) -> bool {
        match container.image_pull_policy.as_deref() {
            Some("Always") => true,
            Some("Never") => false,
            _ => !self.is_present(container),
        }
    }

    pub(super) fn is_refused_pull(&self, container: &Container) -> bool {
        container.image_pull_policy.as_deref() == Some("Never") && !self.is_present(container)
    }

    fn is_present(&self, container: &Container) -> bool {
        images::full_name(image(container)).is_some_and(|full| images::is_present(self.author.node, &full))
    }

    pub(super) fn pull_time(&self, container: &Container) -> Duration {
        images::pull_time(self.view.seed(), self.object.uid(), image(container))
    }

    /// Tries to start a container. A node that holds another image by then is handed back in `node`.
    pub(super) fn attempt(&mut self, status: &PodStatus, container: &'a Container, node: &mut Option<Node>) -> Attempt {
        let before = container_status::find(self.sort(container).statuses(status), &container.name);
        let name = image(container);
        let (about, host, version) = (self.about(container), self.node_name(), self.author.version);
        let Some(full) = images::full_name(name) else {
            let fault = format!("couldn't parse image name {name:?}: invalid reference format");
            let message = format!("Failed to apply default image tag {name:?}: {fault}");
            self.say(warning(about.clone(), host, "InspectFailed", &message));
            self.say(warning(about, host, "Failed", "Error: InvalidImageName"));
            return self.waits(before, container, "InvalidImageName", &message);
        };
        if self.is_refused_pull(container) {
            let message = format!("Container image {name:?} is not present with pull policy of Never");
            self.say(warning(about.clone(), host, "ErrImageNeverPull", &message));
            self.say(warning(about, host, "Failed", "Error: ErrImageNeverPull"));
            return self.waits(before, container, "ErrImageNeverPull", &message);
        }
        if self.must_pull(container) {
            if !images::can_be_pulled(name) {
                return self.pull_failed(container, before);
            }
            let took = self.pull_time(container);
            self.say(event(about.clone(), host, "Pulling", format!("Pulling image {name:?}")));
            let text = words::pulled(version, name, took, images::SIZE);
            self.say(event(about.clone(), host, "Pulled", text));
            let so_far = node.as_ref().unwrap_or(self.author.node);
            if !images::is_present(so_far, &full) {
                *node = Some(images::with_image(so_far, &full));
            }
        } else {
            let text = words::already_present(version, name);
            self.say(event(about.clone(), host, "Pulled", text));
        }
        if let Some(target) = self.lost_target(status, container) {
            let fault = format!("unable to find target container {target}");
            self.say(warning(about, host, "Failed", format!("Error: {fault}")));
            return self.waits(before, container, "CreateContainerConfigError", &fault);
        }
        if let Some(fault) = config::problem(self.view, self.object.namespace(), container) {
            self.say(warning(about, host, "Failed", format!("Error: {fault}")));
            return self.waits(before, container, "CreateContainerConfigError", &fault);
        }
        if let Some(fault) = config::root_problem(self.author.pod, container, &full) {
            self.say(warning(about, host, "Failed", format!("Error: {fault}")));
            return self.waits(before, container, "CreateContainerConfigError", &fault);
        }
        self.say(event(about, host, "Created", words::created(version, &container.name)));
        let started = self.started(container, before, &full);
        self.run(status, container, &started, &full);
        Attempt::Done(started)
    }

    /// The target of an ephemeral container that has never run. Mirrors `getTargetID`.
    fn lost_target(&self, status: &PodStatus, container: &Container) -> Option<&'a str> {
        let target = target(self.spec, &container.name)?;
        let found = container_status::find(Sort::of(self.spec, target).statuses(status), target);
        found.is_none_or(|s| s.container_id.is_none()).then_some(target)
    }

    /// Has the runtime start a container, and says how that went.
    fn run(&mut self, status: &PodStatus, container: &'a Container, started: &ContainerStatus, full: &str) {
        let ip = status.pod_ip.clone().unwrap_or_default();
        let kept = kept_of(started, container, self.now());
        let (node, pod, now) = (self.author.node, self.author.pod, self.now());
        let plan = Plan::of(self.view, node, pod, container, (full, &ip), kept, now);
        let (name, refused) = (container.name.clone(), self.refused.clone());
        let (about, host) = (self.about(container), self.node_name().to_string());
        let text = words::started(self.author.version, &container.name);
        let (pod, of) = (self.author.pod.clone(), container.clone());
        self.outcome.machine(move |store, now| match start_container(store, plan, now) {
            Started::Runs => {
                if hooks::post_start(store, &pod, &of, now) {
                    refused.borrow_mut().insert(name, Refusal::Hook);
                }
                vec![Action::Event(event(about, &host, "Started", text))]
            }
            Started::Refused(fault) => {
                let message = format!("failed to create containerd task: failed to create shim task: {fault}");
                refused.borrow_mut().insert(name, Refusal::Runtime(message.clone()));
                vec![Action::Event(warning(about, &host, "Failed", format!("Error: {message}")))]
            }
            Started::Unprepared(fault) => {
                refused.borrow_mut().insert(name, Refusal::Config(fault.clone()));
                vec![Action::Event(warning(about, &host, "Failed", format!("Error: {fault}")))]
            }
        });
    }

    /// The status of a container that has just started.
    pub(super) fn started(
        &self,
        container: &Container,
        before: Option<&ContainerStatus>,
        full: &str,
    ) -> ContainerStatus {
        // A container that has run before starts anew.
        let last = before.and_then(|b| b.state.as_ref()).filter(|s| s.terminated.is_some()).cloned();
        let waited_for = before.and_then(|b| b.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
        let crashed = matches!(waited_for, Some(CRASH_LOOP_BACK_OFF | hooks::POST_START_HOOK_ERROR));
        let restarts = before.map_or(0, |b| b.restart_count + i32::from(last.is_some() || crashed));
        let purpose = format!("container/{}/{}", self.object.uid(), container.name);
        let id = Draw::new(self.view.seed(), &purpose, restarts as u64).hex(64);
        let image = (full, images::image_id(full));
        let mut created = self.author.created(container, before, format!("containerd://{id}"), image);
        created.restart_count = restarts;
        created.last_state = last.or(created.last_state);
        let mut running = container_status::running(&created, self.now());
        running.started = Some(container.startup_probe.is_none());
        running.ready = container.startup_probe.is_none() && container.readiness_probe.is_none();
        // An init container is ready once it is through.
        if self.is_init(container) && !container_status::is_sidecar(container) {
            running.ready = false;
        }
        if self.sort(container) == Sort::Ephemeral {
            (running.ready, running.started) = (false, None);
        }
        running
    }

    fn waits(
        &mut self,
        before: Option<&ContainerStatus>,
        container: &Container,
        reason: &str,
        message: &str,
    ) -> Attempt {
        let mut memory = self.memory.container(&container.name, image(container));
        memory.image = image(container).to_string();
        memory.attempts.add(self.now());
        let due = memory.attempts.next_look(FIRST_SYNC, NEXT_SYNC).unwrap_or(self.now());
        self.memory.set_container(&container.name, memory);
        let mut waiting = self.author.waiting(container, before, reason, message);
        if self.sort(container) == Sort::Ephemeral {
            waiting.started = None;
        }
        Attempt::Waits(waiting, due - self.now())
    }

    /// Tries a pull that cannot succeed, or waits out its back-off. Mirrors `imageManager.EnsureImageExists`.
    fn pull_failed(&mut self, container: &Container, before: Option<&ContainerStatus>) -> Attempt {
        let (name, about, host) = (image(container), self.about(container), self.node_name());
        let mut memory = self.memory.container(&container.name, name);
        let until = memory.pulls.back_off(BACK_OFF.0, BACK_OFF.1);
        let (reason, message) = if until.is_some_and(|until| self.now() < until) {
            let message = format!("Back-off pulling image {name:?}");
            self.say(event(about.clone(), host, "BackOff", &message));
            ("ImagePullBackOff", message)
        } else {
            memory.image = name.to_string();
            memory.pulls.add(self.now());
            self.memory.set_container(&container.name, memory);
            let message = images::pull_error(name);
            self.say(event(about.clone(), host, "Pulling", format!("Pulling image {name:?}")));
            self.say(warning(about.clone(), host, "Failed", format!("Failed to pull image {name:?}: {message}")));
            ("ErrImagePull", message)
        };
        self.say(warning(about, host, "Failed", format!("Error: {reason}")));
        self.waits(before, container, reason, &message)
    }
}
