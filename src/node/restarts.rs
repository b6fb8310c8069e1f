//! What became of a pod's containers, and which of them start again, and when.
//!
//! Mirrors `computePodActions`, `doBackOff` and `getPhase`.

use crate::api::k8s::api::core::v1::{Container, ContainerState, ContainerStatus, PodSpec, PodStatus};
use crate::api::{Duration, Time};
use crate::machine::kernel::{Container as Running, Ended, Sandbox, log};

use super::container_status::{Sort, all_mut, find, is_past, is_running, is_sidecar, terminated};
use super::events::warning;
use super::hooks::POST_START_HOOK_ERROR;
use super::pod_status::CRASH_LOOP_BACK_OFF;
use super::sync::{Sync, image};

/// How much of a termination message is kept, in bytes and, from the log, in lines.
const MESSAGE: (usize, usize, usize) = (4096, 2048, 80);

/// What is to be done with a container.
pub(super) enum Next {
    /// Nothing: it runs, or is through.
    Leave,
    /// Start it.
    Start,
    /// Start it at that time, not before; how long the wait is in all.
    BackOff(Time, Duration),
}

impl<'a> Sync<'a> {
    /// Takes over from the runtime which containers have ended, and which are ready.
    pub(super) fn observe(&self, status: &mut PodStatus) {
        let sandbox = self.view.sandbox(self.object.uid());
        for slot in all_mut(status).filter(|s| is_running(s)) {
            let is_ephemeral = Sort::of(self.spec, &slot.name) == Sort::Ephemeral;
            let (Some(sandbox), Some(running)) = (sandbox, sandbox.and_then(|s| s.containers.get(&slot.name))) else {
                slot.state = Some(self.lost(slot));
                (slot.ready, slot.started) = (false, (!is_ephemeral).then_some(false));
                continue;
            };
            if !slot.container_id.as_deref().unwrap_or_default().ends_with(&running.kept.id) {
                continue;
            }
            match &running.ended {
                Some(ended) => {
                    let container = self.container(&slot.name);
                    slot.state = Some(self.ended(slot, container, sandbox, running, ended));
                    slot.ready =
                        container.is_some_and(|c| self.is_init(c) && !is_sidecar(c) && ended.status.code() == 0);
                    slot.started = (!is_ephemeral).then_some(false);
                }
                // Nobody asks whether an ephemeral container is ready.
                None if is_ephemeral => {}
                None => {
                    let started = running.kept.has_started;
                    slot.started = Some(started);
                    // An init container is ready once it is through, a sidecar while it runs.
                    let goes_on = !self.container(&slot.name).is_some_and(|c| self.is_init(c) && !is_sidecar(c));
                    slot.ready = started && goes_on && running.kept.is_ready;
                }
            }
        }
    }

    /// A container that nobody knows of any more.
    fn lost(&self, slot: &ContainerStatus) -> ContainerState {
        let mut state = terminated(slot, "ContainerStatusUnknown", 137, Time::default(), self.now());
        if let Some(ended) = state.terminated.as_mut() {
            ended.message = Some("The container could not be located when the pod was terminated".into());
            ended.started_at = None;
        }
        state
    }

    fn ended(
        &self,
        slot: &ContainerStatus,
        container: Option<&Container>,
        sandbox: &Sandbox,
        running: &Running,
        ended: &Ended,
    ) -> ContainerState {
        let code = ended.status.code();
        let reason = match code {
            _ if ended.oom => "OOMKilled",
            0 => "Completed",
            _ => "Error",
        };
        let mut state = terminated(slot, reason, code, running.started, ended.at);
        if let (Some(state), Some(container)) = (state.terminated.as_mut(), container) {
            state.message = self.termination_message(container, sandbox, running, code);
        }
        state
    }

    /// Mirrors `getTerminationMessage`.
    fn termination_message(
        &self,
        container: &Container,
        sandbox: &Sandbox,
        running: &Running,
        code: i32,
    ) -> Option<String> {
        let path = container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
        let root = running.mounts.first().and_then(|m| match &m.what {
            crate::machine::kernel::mounts::Source::Disk(id, _) => self.view.disk(id),
            _ => None,
        });
        let written = root.and_then(|disk| disk.find(path).and_then(|ino| disk.contents(ino)).ok());
        let text = written.map(|bytes| {
            let end = bytes.len().min(MESSAGE.0);
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        });
        let text = text.filter(|t| !t.is_empty());
        let falls_back = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
        text.or_else(|| (falls_back && code != 0).then(|| self.tail_of_log(sandbox, running, &container.name)))
            .filter(|t| !t.is_empty())
    }

    /// The end of a container's log, as far as a termination message holds it.
    fn tail_of_log(&self, sandbox: &Sandbox, running: &Running, container: &str) -> String {
        let Some(disk) = self.view.disk(&log::disk_of(&sandbox.id)) else { return String::new() };
        let entries = log::entries(disk, container, running.kept.restarts);
        let last = &entries[entries.len().saturating_sub(MESSAGE.2)..];
        let text: Vec<u8> = last.iter().flat_map(|e| e.text.iter().copied()).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        let cut = text.len().saturating_sub(MESSAGE.1);
        let start = (cut..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text[start..].to_string()
    }

    /// What is to be done with a container that may be started.
    pub(super) fn next_for(&self, container: &Container, status: Option<&ContainerStatus>) -> Next {
        let Some(status) = status else { return Next::Start };
        if is_running(status) {
            return Next::Leave;
        }
        let Some(state) = status.state.as_ref() else { return Next::Start };
        let waits_for_back_off =
            |reason: Option<&str>| matches!(reason, Some(CRASH_LOOP_BACK_OFF | POST_START_HOOK_ERROR));
        let ended = match (&state.terminated, &state.waiting) {
            (Some(ended), _) => Some(ended),
            (None, Some(waiting)) if waits_for_back_off(waiting.reason.as_deref()) => {
                status.last_state.as_ref().and_then(|s| s.terminated.as_ref())
            }
            _ => None,
        };
        let Some(ended) = ended else { return Next::Start };
        if !should_restart(self.spec, container, self.is_init(container), ended.exit_code) {
            return Next::Leave;
        }
        let finished = ended.finished_at.as_ref().map(Time::from_meta).unwrap_or(self.now());
        let kept = self.memory.container(&container.name, image(container)).crashes;
        match kept.wait(finished) {
            Some(wait) if self.now() < finished + wait => Next::BackOff(finished + wait, wait),
            _ => Next::Start,
        }
    }

    /// The containers whose turn it is; those that must wait are said to, and when the first of them is due.
    pub(super) fn compute_pod_actions(&mut self, status: &mut PodStatus) -> (Vec<&'a Container>, Option<Time>) {
        let spec: &'a PodSpec = self.spec;
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let mut turn = Vec::new();
        let mut due: Option<Time> = None;
        let past = |c: &Container, status: &PodStatus| is_past(c, find(&status.init_container_statuses, &c.name));
        let initialized = status.container_statuses.iter().flatten().any(has_run);
        let next = init.iter().find(|c| !past(c, status));
        let candidates: Vec<&'a Container> = match next {
            Some(next) if !initialized => vec![next],
            _ => init.iter().filter(|c| is_sidecar(c)).chain(&spec.containers).collect(),
        };
        for container in candidates {
            let list =
                if self.is_init(container) { &status.init_container_statuses } else { &status.container_statuses };
            match self.next_for(container, find(list, &container.name)) {
                Next::Leave => {}
                Next::Start => turn.push(container),
                Next::BackOff(until, wait) => {
                    due = Some(due.map_or(until, |due| due.min(until)));
                    self.wait_for_back_off(status, container, wait);
                }
            }
        }
        (turn, due)
    }

    fn wait_for_back_off(&mut self, status: &mut PodStatus, container: &Container, wait: Duration) {
        let (namespace, name, uid) = (self.object.namespace(), self.object.name(), self.object.uid());
        let pod = format!("{name}_{namespace}({uid})");
        let message = format!("back-off {wait} restarting failed container={} pod={pod}", container.name);
        let is_init = self.is_init(container);
        let author = self.author;
        let list = if is_init { &mut status.init_container_statuses } else { &mut status.container_statuses };
        let Some(slot) = list.iter_mut().flatten().find(|s| s.name == container.name) else { return };
        let failed_hook = slot.state.as_ref().and_then(|s| s.waiting.as_ref()?.reason.as_deref());
        let last = match failed_hook == Some(POST_START_HOOK_ERROR) {
            true => slot.last_state.as_ref(),
            false => slot.state.as_ref(),
        };
        if let Some(ended) = last.and_then(|s| s.terminated.clone()) {
            let said = format!("Back-off restarting failed container {} in pod {pod}", container.name);
            let about = self.about(container);
            self.outcome.event(warning(about, self.node_name(), "BackOff", said));
            let last = ContainerState { terminated: Some(ended), ..Default::default() };
            let mut waiting = author.waiting(container, Some(slot), CRASH_LOOP_BACK_OFF, &message);
            waiting.last_state = Some(last);
            waiting.container_id.clone_from(&slot.container_id);
            waiting.image.clone_from(&slot.image);
            waiting.image_id.clone_from(&slot.image_id);
            waiting.allocated_resources.clone_from(&slot.allocated_resources);
            waiting.resources.clone_from(&slot.resources);
            *slot = waiting;
        }
    }
}

/// Whether a container has ever run.
fn has_run(status: &ContainerStatus) -> bool {
    is_running(status)
        || status.state.as_ref().is_some_and(|s| s.terminated.is_some())
        || status.last_state.as_ref().is_some_and(|s| s.terminated.is_some())
}

/// A container or init container of a pod by its name.
pub(super) fn container_of<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten()).find(|c| c.name == name)
}

/// Whether a container that ended with that code is started again. Mirrors `ShouldContainerBeRestarted`.
pub(super) fn should_restart(spec: &PodSpec, container: &Container, is_init: bool, code: i32) -> bool {
    if is_sidecar(container) {
        return true;
    }
    match spec.restart_policy.as_deref().unwrap_or("Always") {
        "Never" => false,
        "OnFailure" => code != 0,
        // An init container that has done its work is not asked for again.
        _ => !is_init || code != 0,
    }
}

/// What a pod has come to by its containers. Mirrors `getPhase`.
pub(super) fn phase(spec: &PodSpec, status: &PodStatus) -> Option<&'static str> {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for container in init.iter().filter(|c| !is_sidecar(c)) {
        let status = find(&status.init_container_statuses, &container.name);
        let ended = status.and_then(|s| s.state.as_ref()?.terminated.as_ref());
        if ended.is_some_and(|e| e.exit_code != 0 && !should_restart(spec, container, true, e.exit_code)) {
            return Some("Failed");
        }
    }
    let (mut running, mut stopped, mut succeeded, mut restartable) = (0, 0, 0, 0);
    for container in &spec.containers {
        let found = find(&status.container_statuses, &container.name)?;
        let state = found.state.as_ref();
        let last = found.last_state.as_ref().and_then(|s| s.terminated.as_ref());
        match state.and_then(|s| s.terminated.as_ref()) {
            Some(ended) => {
                stopped += 1;
                succeeded += usize::from(ended.exit_code == 0);
                restartable += usize::from(should_restart(spec, container, false, ended.exit_code));
            }
            None if state.is_some_and(|s| s.running.is_some()) => running += 1,
            // OBSERVATION: it waits to be started again.
            None if last.is_some() => {
                stopped += 1;
                restartable += 1;
            }
            None => return None,
        }
    }
    match () {
        () if running > 0 || restartable > 0 => Some("Running"),
        () if stopped > 0 && stopped == succeeded => Some("Succeeded"),
        () if stopped > 0 => Some("Failed"),
        () => None,
    }
}
