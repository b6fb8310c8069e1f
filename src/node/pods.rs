//! What a kubelet does for one pod: mount its volumes, make its sandbox, start its containers.
//!
//! Mirrors `Kubelet.SyncPod` and `kuberuntime_manager.go`, without a runtime: everything that a step needs is there
//! or it is not, so a step happens at one moment. When it is due is derived from the pod's status and from what the
//! kubelet remembers of the pod.

use crate::api::k8s::api::core::v1::{Container, Node, Pod, PodStatus};
use crate::api::names::Draw;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::{About, Outcome, Write};
use crate::store::View;

use super::author::Author;
use super::container_status::{all_mut, find, is_running, put, terminated};
use super::containers::Attempt;
use super::disk::Disk;
use super::events::{event, warning};
use super::kubelet::node_name;
use super::memory::Memory;
use super::pod_status::{self, CONTAINER_CREATING, POD_INITIALIZING};
use super::sync::{FIRST_SYNC, NEXT_SYNC, Sync, image};
use super::{conditions, config, ephemeral, hooks, images, network, volumes};

/// How long a sandbox and containers take to start when nothing must be pulled.
const START_TIME: Duration = Duration::secs(1);

/// Mirrors `durationBeforeRetry` of `pkg/util/goroutinemap/exponentialbackoff`: 500 ms, doubled up to 2 min 2 s.
const MOUNT_BACK_OFF: (Duration, Duration) = (Duration::millis(500), Duration::secs(122));

/// Brings a pod of this node one step further.
pub(super) fn sync_pod(view: &View<'_>, node: &Node, object: &Object, pod: &Pod, now: Time) -> Outcome {
    let Some(spec) = &pod.spec else { return Outcome::done() };
    let mut status = pod.status.clone().unwrap_or_default();
    let before = Memory::of(view, object);
    let ephemeral = ephemeral::containers(spec);
    let author = Author { pod, spec, node, version: view.version(), now };
    let (refused, outcome) = (Default::default(), Outcome::done());
    let mut sync = Sync { view, author, object, spec, ephemeral: &ephemeral, memory: before.clone(), outcome, refused };
    if status.start_time.is_none() {
        sync.write(author.first_status());
        return sync.outcome;
    }
    sync.observe(&mut status);
    if sync.is_evicted(&mut status) || sync.stops_the_rest(&mut status) {
        sync.memory.save(&before, object, &mut sync.outcome);
        return sync.outcome;
    }
    if hooks::wait_for_hooks(&mut sync) {
        return sync.outcome;
    }
    sync.resize(&mut status);
    let (turn, back_off) = sync.compute_pod_actions(&mut status);
    if turn.is_empty() && !sync.wants_ephemeral(&status) {
        sync.keep(status);
    } else {
        sync.advance(status, &turn);
    }
    if let Some(due) = back_off {
        sync.outcome.recurring(due - now);
    }
    sync.memory.save(&before, object, &mut sync.outcome);
    sync.outcome
}

/// What a pod's status is to say now that something of its containers has changed; none where it says so already.
pub(super) fn status_now(view: &View<'_>, key: &ObjectKey, now: Time) -> Option<Write> {
    last_status(view, view.get(key)?, now)
}

/// The same for a pod that is at hand.
pub(super) fn last_status(view: &View<'_>, object: &Object, now: Time) -> Option<Write> {
    write_with(view, object, now, |_, _| ())
}

/// The same, with a change to the status before.
pub(super) fn write_with(
    view: &View<'_>,
    object: &Object,
    now: Time,
    change: impl FnOnce(&Sync<'_>, &mut PodStatus),
) -> Option<Write> {
    let pod = object.get::<Pod>()?;
    let spec = pod.spec.as_ref()?;
    let node = view.get_as::<Node>("", spec.node_name.as_deref()?)?;
    let mut status = pod.status.clone()?;
    let author = Author { pod, spec, node, version: view.version(), now };
    let (memory, refused, outcome) = (Memory::of(view, object), Default::default(), Outcome::done());
    let ephemeral = ephemeral::containers(spec);
    let sync = Sync { view, author, object, spec, ephemeral: &ephemeral, memory, outcome, refused };
    change(&sync, &mut status);
    sync.observe(&mut status);
    author.finish(&mut status, true);
    author.update_status(status)
}

/// Whether the volumes of a pod are mounted.
enum Mounted {
    /// Since then.
    Since(Time),
    /// The next attempt is due after that time.
    Waits(Duration),
}

impl<'a> Sync<'a> {
    /// Looks again when that time is over. A settling cluster waits only for what will get on.
    fn come_back(&mut self, wait: Duration, will_fail: bool) {
        match will_fail && wait > FIRST_SYNC {
            true => self.outcome.recurring(wait),
            false => self.outcome.after(wait),
        }
    }

    fn advance(&mut self, mut status: PodStatus, turn: &[&'a Container]) {
        if !conditions::has_sandbox(self.spec, &status) {
            let since = match self.wait_for_attach_and_mount(&status) {
                Mounted::Since(time) => time,
                Mounted::Waits(wait) => return self.come_back(wait, true),
            };
            let retry = self.memory.sandboxes.next_look(FIRST_SYNC, NEXT_SYNC);
            let due = retry.unwrap_or_else(|| since + self.pulling(turn).max(START_TIME));
            if self.now() < due {
                return self.come_back(due - self.now(), retry.is_some());
            }
            if !self.create_pod_sandbox(&mut status) {
                return;
            }
        }
        let (mut now, wait) = self.due_ephemeral(&mut status);
        if let Some((wait, failed)) = wait {
            self.come_back(wait, failed);
        }
        let due = self.due(&status, turn);
        if self.now() < due {
            // OBSERVATION: what failed before may fail for ever.
            let failed = turn.iter().any(|c| self.next_sync(c).is_some());
            self.come_back(due - self.now(), failed && self.is_blocked(turn));
        } else {
            now.extend(turn);
        }
        if !now.is_empty() {
            self.start(status, &now);
        } else if wait.is_some() {
            self.author.finish(&mut status, true);
            self.write(status);
        }
    }

    /// Mounts what can be mounted now. Mirrors `volumeManager.WaitForAttachAndMount`.
    fn wait_for_attach_and_mount(&mut self, status: &PodStatus) -> Mounted {
        let begun = status.start_time.as_ref().map(Time::from_meta).unwrap_or(self.now());
        let (view, author) = (self.view, self.author);
        let (specs, faulty) = volumes::process_pod_volumes(view, author.pod);
        let mut disk = Disk::of(view, author.node);
        let mut unmounted: Vec<&str> = faulty.iter().map(|(name, _)| *name).collect();
        let mut next: Option<Time> = None;
        let mut to_remember = !self.memory.volumes.is_empty() || self.memory.claims.count > 0;
        for spec in &specs {
            let mut volume = self.memory.volumes.get(spec.outer_name).copied().unwrap_or_default();
            let until = volume.failures.back_off(MOUNT_BACK_OFF.0, MOUNT_BACK_OFF.1);
            if volume.mounted {
                continue;
            }
            if volumes::awaits_attachment(view, author.node, spec) {
                // OBSERVATION: the node's status brings the pod back here.
                self.memory.volumes.insert(spec.outer_name.to_string(), volume);
                unmounted.push(spec.outer_name);
                continue;
            }
            if until.is_none_or(|until| until <= self.now()) {
                let answer = volumes::mount_volume(view, author.node, author.pod, spec, &mut disk);
                volume.mounted = answer.is_ok();
                // OBSERVATION: another pod's mount is refused from now on, not only once this one has a sandbox.
                to_remember |= volume.mounted && spec.for_one_pod().is_some();
                let about = About::object(self.object);
                match answer {
                    Ok(told) => told.into_iter().for_each(|(reason, message)| {
                        to_remember = true;
                        self.say(event(about.clone(), self.node_name(), reason, message));
                    }),
                    Err(told) => {
                        volume.failures.add(self.now());
                        told.into_iter().for_each(|(reason, message)| {
                            self.say(warning(about.clone(), self.node_name(), reason, message));
                        });
                    }
                }
                self.memory.volumes.insert(spec.outer_name.to_string(), volume);
            }
            if !volume.mounted {
                unmounted.push(spec.outer_name);
                let retry = volume.failures.back_off(MOUNT_BACK_OFF.0, MOUNT_BACK_OFF.1);
                next = [next, retry].into_iter().flatten().min();
            }
        }
        disk.save(&mut self.outcome);
        if unmounted.is_empty() {
            if !to_remember {
                // OBSERVATION: all went well at once.
                self.memory.volumes.clear();
                return Mounted::Since(begun);
            }
            self.memory.claims = Default::default();
            return Mounted::Since(Time(*self.memory.mounted_at.get_or_insert(self.author.now.0)));
        }
        self.memory.mounted_at = None;
        if faulty.is_empty() {
            let timeout = self.note_timeout(status, &unmounted, &specs);
            next = [next, timeout.map(|due| due.min(self.now() + NEXT_SYNC))].into_iter().flatten().min();
        }
        if let Some(claims) = self.claims_failed(&faulty, unmounted) {
            next = Some(next.map_or(claims, |next| next.min(claims)));
        }
        Mounted::Waits(next.map_or(NEXT_SYNC, |next| next - self.now()))
    }

    /// Tells of the volumes that could not even be worked out, every so often: when for the next time.
    fn claims_failed(&mut self, faulty: &[(&str, String)], mut unmounted: Vec<&str>) -> Option<Time> {
        if faulty.is_empty() {
            self.memory.claims = Default::default();
            return None;
        }
        let due = self.memory.claims.next_look(FIRST_SYNC, NEXT_SYNC);
        if due.is_some_and(|due| self.now() < due) {
            return due;
        }
        let mut names: Vec<&str> = faulty.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        unmounted.sort_unstable();
        let faults: Vec<&str> = faulty.iter().map(|(_, fault)| fault.as_str()).collect();
        let message = format!(
            "Unable to attach or mount volumes: unmounted volumes=[{}], unattached volumes=[], failed to process \
             volumes=[{}]: {}",
            unmounted.join(" "),
            names.join(" "),
            faults.join("; ")
        );
        self.say(warning(About::object(self.object), self.node_name(), "FailedMount", message));
        self.memory.claims.add(self.now());
        self.memory.claims.next_look(FIRST_SYNC, NEXT_SYNC)
    }

    /// Makes the pod's sandbox, its network included; says whether that worked.
    fn create_pod_sandbox(&mut self, status: &mut PodStatus) -> bool {
        self.memory.volumes.clear();
        self.memory.mounted_at = None;
        if self.spec.host_network == Some(true) {
            self.author.finish(status, true);
            return true;
        }
        match network::allocate_address(self.view, self.author.node, self.object, &mut self.outcome) {
            Ok(address) => {
                self.memory.sandboxes = Default::default();
                pod_status::set_pod_ip(status, address);
                self.author.finish(status, true);
                true
            }
            Err(fault) => {
                let purpose = format!("sandbox/{}", self.object.uid());
                let id = Draw::new(self.view.seed(), &purpose, u64::from(self.memory.sandboxes.count)).hex(64);
                let message = format!(
                    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \
                     \"{id}\": plugin type=\"flannel\" failed (add): {fault}"
                );
                self.say(warning(About::object(self.object), self.node_name(), "FailedCreatePodSandBox", message));
                self.memory.sandboxes.add(self.now());
                let due = self.memory.sandboxes.next_look(FIRST_SYNC, NEXT_SYNC).unwrap_or(self.now());
                self.come_back(due - self.now(), true);
                false
            }
        }
    }

    /// Starts the containers whose turn it is.
    fn start(&mut self, mut status: PodStatus, turn: &[&'a Container]) {
        let mut node = None;
        let mut starts = false;
        let mut waits: Option<Duration> = None;
        let mut hooked = false;
        for container in turn {
            // What is still to start waits for the hook of what has.
            if hooked {
                break;
            }
            let started = match self.attempt(&status, container, &mut node) {
                Attempt::Done(started) => {
                    self.note_crash(&status, container);
                    self.memory.forget_container(&container.name);
                    self.memory.ephemeral.remove(&container.name);
                    starts = true;
                    hooked = container.lifecycle.as_ref().is_some_and(|l| l.post_start.is_some());
                    started
                }
                Attempt::Waits(waiting, wait) => {
                    waits = Some(waits.map_or(wait, |w| w.min(wait)));
                    waiting
                }
            };
            put(self.sort(container).statuses_mut(&mut status), started);
        }
        self.author.finish(&mut status, true);
        if let Some(node) = node {
            self.outcome.write(Write::update_status(node));
        }
        match starts {
            true => self.write_started(status),
            false => self.write(status),
        }
        if let Some(wait) = waits {
            self.come_back(wait, true);
        }
    }

    /// Remembers, where a container starts again, for how long it will have to wait the next time.
    fn note_crash(&mut self, status: &PodStatus, container: &Container) {
        let ended = find(self.sort(container).statuses(status), &container.name).and_then(|s| {
            let state = s.state.as_ref().and_then(|s| s.terminated.as_ref());
            state.or_else(|| s.last_state.as_ref().and_then(|s| s.terminated.as_ref()))
        });
        let Some(finished) = ended.and_then(|e| e.finished_at.as_ref()).map(Time::from_meta) else { return };
        let mut memory = self.memory.container(&container.name, image(container));
        memory.image = image(container).to_string();
        memory.crashes.next(finished, self.now());
        self.memory.set_container(&container.name, memory);
    }

    /// Writes the status after starts that the runtime may have refused: then it says so.
    fn write_started(&mut self, status: PodStatus) {
        let (pod, refused, now) = (self.author.pod.clone(), self.refused.clone(), self.now());
        self.outcome.machine(move |store, _| {
            let mut status = status;
            let before = pod.status.clone().unwrap_or_default();
            let refuses = !refused.borrow().is_empty();
            for (name, refusal) in refused.borrow().iter() {
                for slot in all_mut(&mut status).filter(|s| s.name == *name) {
                    *slot = refusal.status(&before, slot, now);
                }
            }
            let view = store.view();
            let node = view.get_as::<Node>("", node_name(&pod));
            if let (true, Some(spec), Some(node)) = (refuses, &pod.spec, node) {
                status.phase.clone_from(&before.phase);
                Author { pod: &pod, spec, node, version: view.version(), now }.finish(&mut status, true);
            }
            match pod.status.as_ref() == Some(&status) {
                true => Vec::new(),
                false => vec![Write::update_status(Pod { status: Some(status), ..pod }).action()],
            }
        });
    }

    /// How long the images of containers take to pull.
    fn pulling(&self, turn: &[&Container]) -> Duration {
        let pulls = turn.iter().filter(|c| self.must_pull(c) && images::can_be_pulled(image(c)));
        pulls.fold(Duration::ZERO, |sum, c| sum + self.pull_time(c))
    }

    /// When the containers whose turn it is start, or are tried again.
    fn due(&self, status: &PodStatus, turn: &[&Container]) -> Time {
        let retry = turn.iter().filter_map(|c| self.next_sync(c)).min();
        let begun = || self.begun(status).map(|begun| begun + self.pulling(turn).max(START_TIME));
        retry.or_else(begun).unwrap_or(self.now())
    }

    /// When the init container before ended or, as a sidecar, started; none where there is none: then the sandbox has
    /// waited for the images already.
    fn begun(&self, status: &PodStatus) -> Option<Time> {
        let ended = status.init_container_statuses.iter().flatten().filter_map(|s| {
            let state = s.state.as_ref()?;
            let ended = state.terminated.as_ref().and_then(|t| t.finished_at.as_ref());
            ended.or_else(|| state.running.as_ref().and_then(|r| r.started_at.as_ref()))
        });
        ended.map(Time::from_meta).max()
    }

    /// When a container that failed is tried again; none for one that did not.
    fn next_sync(&self, container: &Container) -> Option<Time> {
        self.memory.container(&container.name, image(container)).attempts.next_look(FIRST_SYNC, NEXT_SYNC)
    }

    /// Whether the next attempt to start a container would fail.
    fn is_blocked(&self, turn: &[&Container]) -> bool {
        turn.iter().any(|c| {
            let pullable = !self.must_pull(c) || images::can_be_pulled(image(c));
            !pullable
                || self.is_refused_pull(c)
                || images::full_name(image(c)).is_none()
                || config::problem(self.view, self.object.namespace(), c).is_some()
        })
    }

    /// Looks after a pod whose containers all run.
    fn keep(&mut self, mut status: PodStatus) {
        for container in &self.spec.containers {
            let Some(full) = images::full_name(image(container)) else { continue };
            let statuses = status.container_statuses.get_or_insert_default();
            let Some(slot) = statuses.iter_mut().find(|s| s.name == container.name) else { continue };
            if slot.image == full || !is_running(slot) {
                continue;
            }
            // OBSERVATION: the image was changed in place, so this container starts anew.
            let since = slot.state.as_ref().and_then(|s| s.running.as_ref()).and_then(|r| r.started_at.as_ref());
            let since = since.map(Time::from_meta).unwrap_or(self.author.now);
            let last = terminated(slot, "Completed", 0, since, self.author.now);
            let reason = if slot.image.is_empty() { POD_INITIALIZING } else { CONTAINER_CREATING };
            let mut next = self.author.waiting(container, Some(slot), reason, "");
            next.restart_count += 1;
            next.last_state = Some(last);
            *slot = next;
            let text = format!("Container {} definition changed, will be restarted", container.name);
            let draft = event(self.about(container), self.node_name(), "Killing", text);
            self.say(draft);
        }
        self.author.finish(&mut status, true);
        self.write(status);
    }
}
