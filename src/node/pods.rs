//! What a kubelet does for one pod: mount its volumes, pull its images, start its containers.
//!
//! Mirrors `Kubelet.SyncPod` and `kuberuntime_manager.go`, without a runtime: everything that a step needs is there
//! or it is not, so a step happens at one moment. When it is due is derived from the pod's status and from what the
//! kubelet has said of the pod.

use crate::api::k8s::api::core::v1::{Container, ContainerStatus, Node, Pod, PodSpec, PodStatus};
use crate::api::names::Draw;
use crate::api::{Duration, Object, Time};
use crate::controllers::{About, Action, EventDraft, Outcome, Write};
use crate::store::View;

use super::events::{event, warning};
use super::memory::Memory;
use super::pod_status::{self, CONTAINER_CREATING, POD_INITIALIZING};
use super::{config, images, volumes};

/// How long a sandbox and containers take to start when nothing must be pulled.
const START_TIME: Duration = Duration::secs(1);

/// Mirrors `durationBeforeRetry` of `pkg/util/goroutinemap/exponentialbackoff`: 500 ms, doubled up to 2 min 2 s.
const MOUNT_BACK_OFF: (Duration, Duration) = (Duration::millis(500), Duration::secs(122));

/// Mirrors `MaxContainerBackOff` and `imageBackOff`: 10 s, doubled up to 5 min.
const PULL_BACK_OFF: (Duration, Duration) = (Duration::secs(10), Duration::secs(300));

/// When a pod that failed is looked at again: soon after its first failure, then every so often.
const FIRST_SYNC: Duration = Duration::secs(3);
const NEXT_SYNC: Duration = Duration::secs(12);

/// One look at one pod.
struct Sync<'a> {
    view: &'a View<'a>,
    node: &'a Node,
    object: &'a Object,
    pod: &'a Pod,
    spec: &'a PodSpec,
    now: Time,
    memory: Memory,
    outcome: Outcome,
}

/// How the attempt to start a container ended.
enum Attempt {
    /// It runs, or an init container is through.
    Done(ContainerStatus),
    /// It waits, and is looked at again when that time is over.
    Waits(ContainerStatus, Duration),
}

/// Brings a pod of this node one step further.
pub(super) fn sync_pod(view: &View<'_>, node: &Node, object: &Object, pod: &Pod, now: Time) -> Outcome {
    let Some(spec) = &pod.spec else { return Outcome::done() };
    let status = pod.status.clone().unwrap_or_default();
    let before = Memory::of(view, object);
    let mut sync = Sync { view, node, object, pod, spec, now, memory: before.clone(), outcome: Outcome::done() };
    if status.start_time.is_none() {
        sync.write(pod_status::first_status(pod, node, now));
        return sync.outcome;
    }
    let turn = sync.turn(&status);
    if turn.is_empty() {
        sync.keep(status);
    } else {
        sync.advance(status, &turn);
    }
    sync.memory.save(&before, object, &mut sync.outcome);
    sync.outcome
}

impl<'a> Sync<'a> {
    fn write(&mut self, status: PodStatus) {
        if self.pod.status.as_ref() != Some(&status) {
            self.outcome.write(Write::update_status(Pod { status: Some(status), ..self.pod.clone() }));
        }
    }

    fn say(&mut self, event: EventDraft) {
        self.outcome.push(Action::Event(event));
    }

    fn node_name(&self) -> &'a str {
        self.node.metadata.name.as_deref().unwrap_or_default()
    }

    fn is_init(&self, container: &Container) -> bool {
        self.spec.init_containers.iter().flatten().any(|c| c.name == container.name)
    }

    /// What an event about a container names.
    fn about(&self, container: &Container) -> About {
        let list = if self.is_init(container) { "initContainers" } else { "containers" };
        About { field_path: format!("spec.{list}{{{}}}", container.name), ..About::object(self.object) }
    }

    /// The containers whose turn it is: the first init container that is not through, else all that do not run.
    fn turn(&self, status: &PodStatus) -> Vec<&'a Container> {
        let init = self.spec.init_containers.as_deref().unwrap_or_default();
        let past = |c: &Container| pod_status::is_past(c, pod_status::find(&status.init_container_statuses, &c.name));
        if let Some(next) = init.iter().find(|c| !past(c)) {
            return vec![next];
        }
        let running =
            |c: &Container| pod_status::find(&status.container_statuses, &c.name).is_some_and(pod_status::is_running);
        self.spec.containers.iter().filter(|c| !running(c)).collect()
    }

    fn advance(&mut self, mut status: PodStatus, turn: &[&'a Container]) {
        let due = self.due(&status, turn);
        if self.now < due {
            let wait = due - self.now;
            // OBSERVATION: what failed before may fail for ever; a settling cluster waits only for what will get on.
            let failed = turn.iter().any(|c| self.next_sync(c).is_some())
                || self.memory.mounts.count > 0
                || self.memory.claims.count > 0;
            match failed && self.is_blocked(turn) && wait > FIRST_SYNC {
                true => self.outcome.recurring(wait),
                false => self.outcome.after(wait),
            }
            return;
        }
        if status.pod_ip.is_none() {
            if let Some(fault) = volumes::claims_problem(self.view, self.pod) {
                return self.claims_failed(fault);
            }
            self.memory.claims = Default::default();
            let faults = volumes::problems(self.view, self.pod);
            if !faults.is_empty() {
                return self.mount_failed(faults);
            }
            self.memory.mounts = Default::default();
            let ip = self.draw_address();
            pod_status::set_pod_ip(&mut status, ip);
        }
        let mut node = None;
        let mut waits: Option<Duration> = None;
        for container in turn {
            let attempt = self.attempt(&status, container, &mut node);
            let started = match attempt {
                Attempt::Done(started) => {
                    self.memory.forget_container(&container.name);
                    started
                }
                Attempt::Waits(waiting, wait) => {
                    waits = Some(waits.map_or(wait, |w| w.min(wait)));
                    waiting
                }
            };
            let list = match self.is_init(container) {
                true => status.init_container_statuses.get_or_insert_default(),
                false => status.container_statuses.get_or_insert_default(),
            };
            match list.iter_mut().find(|s| s.name == started.name) {
                Some(slot) => *slot = started,
                None => list.push(started),
            }
        }
        pod_status::set_conditions(self.spec, &mut status, self.now);
        if let Some(node) = node {
            self.outcome.write(Write::update_status(node));
        }
        self.write(status);
        match waits {
            Some(wait) if wait <= FIRST_SYNC => self.outcome.after(wait),
            Some(wait) => self.outcome.recurring(wait),
            None => {}
        }
    }

    /// When the next step of a pod is due.
    fn due(&self, status: &PodStatus, turn: &[&Container]) -> Time {
        let begun = self.begun(status);
        let pulls = turn.iter().filter(|c| self.must_pull(c) && images::can_be_pulled(image(c)));
        let pulling = pulls.fold(Duration::ZERO, |sum, c| sum + self.pull_time(c));
        let first = begun + pulling.max(START_TIME);
        let after_mounts = self.memory.mounts.back_off(MOUNT_BACK_OFF.0, MOUNT_BACK_OFF.1);
        let after_failures = turn.iter().filter_map(|c| self.next_sync(c)).min();
        let after_claims = self.memory.claims.next_look(FIRST_SYNC, NEXT_SYNC);
        match (after_failures, after_claims.or(after_mounts)) {
            (Some(sync), _) => sync,
            (None, Some(mount)) if status.pod_ip.is_none() => mount,
            _ => first,
        }
    }

    /// Since when the containers whose turn it is could start.
    fn begun(&self, status: &PodStatus) -> Time {
        let ended = status.init_container_statuses.iter().flatten().filter_map(|s| {
            let state = s.state.as_ref()?;
            let ended = state.terminated.as_ref().and_then(|t| t.finished_at.as_ref());
            ended.or_else(|| state.running.as_ref().and_then(|r| r.started_at.as_ref()))
        });
        let ended = ended.map(Time::from_meta).max();
        let start = status.start_time.as_ref().map(Time::from_meta).unwrap_or(self.now);
        ended.map_or(start, |ended| ended.max(start))
    }

    /// When a container that failed is tried again; none for one that did not.
    fn next_sync(&self, container: &Container) -> Option<Time> {
        self.memory.container(&container.name, image(container)).attempts.next_look(FIRST_SYNC, NEXT_SYNC)
    }

    /// Whether the next step would fail.
    fn is_blocked(&self, turn: &[&Container]) -> bool {
        let namespace = self.object.namespace();
        let mounted = self.pod.status.as_ref().is_some_and(|s| s.pod_ip.is_some());
        (!mounted
            && (volumes::claims_problem(self.view, self.pod).is_some()
                || !volumes::problems(self.view, self.pod).is_empty()))
            || turn.iter().any(|c| {
                let pullable = !self.must_pull(c) || images::can_be_pulled(image(c));
                !pullable
                    || self.is_refused_pull(c)
                    || images::full_name(image(c)).is_none()
                    || config::problem(self.view, namespace, c).is_some()
            })
    }

    fn must_pull(&self, container: &Container) -> bool {
        match container.image_pull_policy.as_deref() {
            Some("Always") => true,
            Some("Never") => false,
            _ => !self.is_present(container),
        }
    }

    fn is_refused_pull(&self, container: &Container) -> bool {
        container.image_pull_policy.as_deref() == Some("Never") && !self.is_present(container)
    }

    fn is_present(&self, container: &Container) -> bool {
        images::full_name(image(container)).is_some_and(|full| images::is_present(self.node, &full))
    }

    fn pull_time(&self, container: &Container) -> Duration {
        images::pull_time(self.view.seed(), self.object.uid(), image(container))
    }

    fn claims_failed(&mut self, fault: String) {
        self.memory.claims.add(self.now);
        let due = self.memory.claims.next_look(FIRST_SYNC, NEXT_SYNC).unwrap_or(self.now);
        self.say(warning(About::object(self.object), self.node_name(), "FailedMount", fault));
        self.outcome.recurring(due - self.now);
    }

    fn mount_failed(&mut self, faults: Vec<String>) {
        self.memory.mounts.add(self.now);
        let due = self.memory.mounts.back_off(MOUNT_BACK_OFF.0, MOUNT_BACK_OFF.1).unwrap_or(self.now);
        let wait = due - self.now;
        for fault in faults {
            self.say(warning(About::object(self.object), self.node_name(), "FailedMount", fault));
        }
        match wait <= FIRST_SYNC {
            true => self.outcome.after(wait),
            false => self.outcome.recurring(wait),
        }
    }

    /// The next address of the node's network; the host's own for a pod in its network.
    fn draw_address(&mut self) -> String {
        if self.spec.host_network == Some(true) {
            return pod_status::host_ip(self.node).unwrap_or_default();
        }
        let cidr = self.node.spec.as_ref().and_then(|s| s.pod_cidr.clone()).unwrap_or_else(|| "10.42.0.0/24".into());
        let network = cidr.rsplit_once('.').map_or("10.42.0", |(network, _)| network).to_string();
        let note = format!("pod-address/{}", self.node_name());
        let last: u32 = self.view.note(&note).and_then(|n| n.parse().ok()).unwrap_or(1);
        let next = if last >= 254 { 2 } else { last + 1 };
        self.outcome.note(note, next);
        format!("{network}.{next}")
    }

    fn attempt(&mut self, status: &PodStatus, container: &'a Container, node: &mut Option<Node>) -> Attempt {
        let list = if self.is_init(container) { &status.init_container_statuses } else { &status.container_statuses };
        let before = pod_status::find(list, &container.name);
        let name = image(container);
        let (about, host) = (self.about(container), self.node_name());
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
            let text = format!(
                "Successfully pulled image {name:?} in {took} ({took} including waiting). Image size: {} bytes.",
                images::SIZE
            );
            self.say(event(about.clone(), host, "Pulled", text));
            let so_far = node.as_ref().unwrap_or(self.node);
            if !images::is_present(so_far, &full) {
                *node = Some(images::with_image(so_far, &full));
            }
        } else {
            let text = format!("Container image {name:?} already present on machine and can be accessed by the pod");
            self.say(event(about.clone(), host, "Pulled", text));
        }
        if let Some(fault) = config::problem(self.view, self.object.namespace(), container) {
            self.say(warning(about, host, "Failed", format!("Error: {fault}")));
            return self.waits(before, container, "CreateContainerConfigError", &fault);
        }
        self.say(event(about.clone(), host, "Created", "Container created"));
        self.say(event(about, host, "Started", "Container started"));
        Attempt::Done(self.started(container, before, &full))
    }

    fn started(&self, container: &Container, before: Option<&ContainerStatus>, full: &str) -> ContainerStatus {
        let restarts = before.map_or(0, |b| b.restart_count);
        let purpose = format!("container/{}/{}", self.object.uid(), container.name);
        let id = Draw::new(self.view.seed(), &purpose, restarts as u64).hex(64);
        let created = ContainerStatus {
            container_id: Some(format!("containerd://{id}")),
            image: full.to_string(),
            image_id: images::image_id(full),
            ..pod_status::waiting(container, before, CONTAINER_CREATING, "")
        };
        match self.is_init(container) && !pod_status::is_sidecar(container) {
            true => pod_status::completed(&created, self.now),
            false => pod_status::running(&created, self.now),
        }
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
        memory.attempts.add(self.now);
        let due = memory.attempts.next_look(FIRST_SYNC, NEXT_SYNC).unwrap_or(self.now);
        self.memory.set_container(&container.name, memory);
        Attempt::Waits(pod_status::waiting(container, before, reason, message), due - self.now)
    }

    /// Tries a pull that cannot succeed, or waits out its back-off. Mirrors `imageManager.EnsureImageExists`.
    fn pull_failed(&mut self, container: &Container, before: Option<&ContainerStatus>) -> Attempt {
        let (name, about, host) = (image(container), self.about(container), self.node_name());
        let mut memory = self.memory.container(&container.name, name);
        let until = memory.pulls.back_off(PULL_BACK_OFF.0, PULL_BACK_OFF.1);
        let (reason, message) = if until.is_some_and(|until| self.now < until) {
            let message = format!("Back-off pulling image {name:?}");
            self.say(event(about.clone(), host, "BackOff", &message));
            ("ImagePullBackOff", message)
        } else {
            memory.image = name.to_string();
            memory.pulls.add(self.now);
            self.memory.set_container(&container.name, memory);
            let message = images::pull_error(name);
            self.say(event(about.clone(), host, "Pulling", format!("Pulling image {name:?}")));
            self.say(warning(about.clone(), host, "Failed", format!("Failed to pull image {name:?}: {message}")));
            ("ErrImagePull", message)
        };
        self.say(warning(about, host, "Failed", format!("Error: {reason}")));
        self.waits(before, container, reason, &message)
    }

    /// Looks after a pod whose containers all run.
    fn keep(&mut self, mut status: PodStatus) {
        for container in &self.spec.containers {
            let Some(full) = images::full_name(image(container)) else { continue };
            let statuses = status.container_statuses.get_or_insert_default();
            let Some(slot) = statuses.iter_mut().find(|s| s.name == container.name) else { continue };
            if slot.image == full {
                continue;
            }
            // OBSERVATION: the image was changed in place, so this container starts anew.
            let since = slot.state.as_ref().and_then(|s| s.running.as_ref()).and_then(|r| r.started_at.as_ref());
            let since = since.map(Time::from_meta).unwrap_or(self.now);
            let last = pod_status::terminated(slot, "Completed", 0, since, self.now);
            let reason = if slot.image.is_empty() { POD_INITIALIZING } else { CONTAINER_CREATING };
            let mut next = pod_status::waiting(container, Some(slot), reason, "");
            next.restart_count += 1;
            next.last_state = Some(last);
            *slot = next;
            let text = format!("Container {} definition changed, will be restarted", container.name);
            let draft = event(self.about(container), self.node_name(), "Killing", text);
            self.say(draft);
        }
        pod_status::set_conditions(self.spec, &mut status, self.now);
        self.write(status);
    }
}

fn image(container: &Container) -> &str {
    container.image.as_deref().unwrap_or_default()
}
