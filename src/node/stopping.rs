//! Stopping containers: the preStop hook, the signal, and the end of all patience.
//!
//! Mirrors `killContainer` and `SyncTerminatingPod`.

use crate::api::k8s::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus};
use crate::api::{Duration, Object, Time};
use crate::controllers::{About, Deletion, Outcome, Write};
use crate::machine::kernel::{Sandbox, Signal, Stopping};
use crate::store::{Store, View};

use super::container_status::{self, Sort};
use super::ephemeral;
use super::events;
use super::hooks::{self, Begun};
use super::kubelet::node_name;
use super::pods;
use super::sync::Sync;

/// How long it takes a kubelet to see that all containers of a pod have stopped, and to say so.
const STOP_TIME: Duration = Duration::secs(1);

/// How soon a kubelet sees that a hook is through.
pub(super) const LOOK: Duration = Duration::secs(1);

/// Stops a pod's containers and then removes the pod.
pub(super) fn kill_pod(view: &View<'_>, object: &Object, pod: &Pod, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let meta = &pod.metadata;
    let grace = Duration::secs(meta.deletion_grace_period_seconds.unwrap_or(0));
    if grace == Duration::ZERO {
        // OBSERVATION: the containers are gone and only finalizers keep the object.
        return outcome;
    }
    let end = meta.deletion_timestamp.as_ref().map(Time::from_meta).unwrap_or(now);
    let begun = end - grace;
    if !events::has_said(view, object, "Killing") {
        let statuses = pod.status.iter().flat_map(container_status::all);
        for status in statuses.filter(|s| container_status::is_running(s)) {
            say_stopping(object, pod, &status.name, &mut outcome);
        }
    }
    if view.sandbox(object.uid()).is_some_and(Sandbox::runs) {
        kill_containers(pod, end, &mut outcome);
        let look = if waits_for_hook(view, object.uid()) || now < begun { LOOK } else { end - now };
        outcome.after(look.min(end - now).max(Duration::millis(100)));
        return outcome;
    }
    let due = begun + STOP_TIME.min(grace);
    if now < due {
        outcome.after(due - now);
        return outcome;
    }
    if let Some(write) = pods::last_status(view, object, now) {
        outcome.write(write);
    }
    outcome.write(Write::Delete(Deletion::of(object).grace(0)));
    outcome
}

/// Says that a container is being stopped.
fn say_stopping(object: &Object, pod: &Pod, container: &str, outcome: &mut Outcome) {
    let path = pod.spec.as_ref().map(|s| Sort::of(s, container).path(container));
    let about = About { field_path: path.unwrap_or_default(), ..About::object(object) };
    outcome.event(events::event(about, node_name(pod), "Killing", format!("Stopping container {container}")));
}

/// How long a pod's containers have between the signal and the end.
pub(super) fn grace_period(spec: &PodSpec) -> Duration {
    Duration::secs(spec.termination_grace_period_seconds.unwrap_or(30))
}

impl Sync<'_> {
    /// Says that containers of a pod are being stopped though nobody deleted it.
    pub(super) fn say_stopping<'s>(&mut self, containers: impl Iterator<Item = &'s ContainerStatus>) {
        containers.for_each(|c| say_stopping(self.object, self.author.pod, &c.name, &mut self.outcome));
    }

    /// Stops what still runs of such a pod, or goes on with that, and says what its status is meanwhile.
    pub(super) fn stop_containers(&mut self, status: &mut PodStatus, deadline: Time) {
        kill_containers(self.author.pod, deadline, &mut self.outcome);
        let waits = waits_for_hook(self.view, self.object.uid());
        let look = if waits { LOOK } else { deadline - self.now() };
        self.outcome.after(look.max(Duration::millis(100)));
        self.author.finish(status, true);
        self.write(status.clone());
    }
}

/// Stops all containers of a pod, or goes on with that. Mirrors `killContainersWithSyncResult`.
fn kill_containers(pod: &Pod, end: Time, outcome: &mut Outcome) {
    let pod = pod.clone();
    outcome.machine(move |store, now| {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let Some(mut sandbox) = store.take_sandbox(&uid) else { return Vec::new() };
        let (all, init) =
            pod.spec.as_ref().map_or((&[][..], None), |s| (&s.containers[..], s.init_containers.as_ref()));
        let ephemeral = pod.spec.as_ref().map(ephemeral::containers).unwrap_or_default();
        let mut running = false;
        for container in all.iter().chain(&ephemeral) {
            kill_container(store, &mut sandbox, (&pod, container), end, now);
            running |= sandbox.is_running(&container.name);
        }
        for container in init.into_iter().flatten().rev() {
            // Sidecars stop one after the other, once all others have.
            if running {
                break;
            }
            kill_container(store, &mut sandbox, (&pod, container), end, now);
            running |= sandbox.is_running(&container.name);
        }
        store.put_sandbox(sandbox, Some(now));
        Vec::new()
    });
}

/// Whether a hook of the pod keeps its containers from being told to stop.
fn waits_for_hook(view: &View<'_>, uid: &str) -> bool {
    view.sandbox(uid).is_some_and(|s| s.containers.values().any(has_hook))
}

fn has_hook(container: &crate::machine::kernel::Container) -> bool {
    let stopping = container.kept.stopping.as_ref();
    container.ended.is_none() && stopping.is_some_and(|s| !s.signalled)
}

/// Stops a container, or goes on with that: first its hook, then the signal, at the deadline the end.
pub(super) fn kill_container(
    store: &mut Store,
    sandbox: &mut Sandbox,
    (pod, container): (&Pod, &Container),
    deadline: Time,
    now: Time,
) {
    let name = &container.name;
    if !sandbox.is_running(name) {
        return;
    }
    let lifecycle = container.lifecycle.as_ref();
    let known = sandbox.containers.get(name).and_then(|c| c.kept.stopping.clone());
    let mut stopping = known.unwrap_or_else(|| {
        let mut stopping = Stopping { deadline, hook: None, sleeps: None, signalled: false };
        if let Some(hook) = lifecycle.and_then(|l| l.pre_stop.as_ref()) {
            match hooks::begin(store, sandbox, (&hooks::full_name(pod), container), hook, now) {
                Begun::Runs(process, session) => stopping.hook = Some((process, session)),
                Begun::Sleeps(until) => stopping.sleeps = Some(until),
                Begun::Done(_) => {}
            }
        }
        stopping
    });
    stopping.deadline = stopping.deadline.min(deadline);
    let hook_runs = stopping.hook.is_some_and(|(pid, _)| sandbox.processes.contains_key(&pid))
        || stopping.sleeps.is_some_and(|until| now < until);
    if now >= stopping.deadline {
        sandbox.signal_container(name, Signal::KILL, store.disks_mut(), now);
    } else if !hook_runs && !stopping.signalled {
        stopping.signalled = true;
        let signal = lifecycle.and_then(|l| l.stop_signal.as_deref()).and_then(Signal::parse).unwrap_or(Signal::TERM);
        sandbox.signal_container(name, signal, store.disks_mut(), now);
    }
    if let Some(container) = sandbox.containers.get_mut(name) {
        container.kept.stopping = Some(stopping);
    }
}
