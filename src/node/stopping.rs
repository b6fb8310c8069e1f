//! Stopping containers: the preStop hook, the signal, and the end of all patience.
//!
//! Mirrors `killContainer` and `SyncTerminatingPod`.

use crate::api::k8s::api::core::v1::{Container, Lifecycle, LifecycleHandler, Pod};
use crate::api::{Duration, Object, Time};
use crate::controllers::{About, Deletion, Outcome, Write};
use crate::machine::kernel::{Sandbox, Signal, Stopping};
use crate::store::{Store, View};

use super::container_status;
use super::events;
use super::kubelet::node_name;
use super::pods;
use super::prober;
use super::restarts::container_of;

/// How long it takes a kubelet to see that all containers of a pod have stopped, and to say so.
const STOP_TIME: Duration = Duration::secs(1);

/// How often a kubelet looks whether a hook that sleeps is through.
const LOOK: Duration = Duration::secs(1);

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
        let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
        for status in statuses.filter(|s| container_status::is_running(s)) {
            let about = About::container(object, &status.name);
            let message = format!("Stopping container {}", status.name);
            outcome.event(events::event(about, node_name(pod), "Killing", message));
        }
    }
    let runs = view.sandbox(object.uid()).is_some_and(|s| s.containers.values().any(|c| c.ended.is_none()));
    if runs {
        let (uid, spec) = (object.uid().to_string(), pod.spec.clone().unwrap_or_default());
        outcome.machine(move |store, now| {
            let names: Vec<String> = spec.containers.iter().map(|c| c.name.clone()).collect();
            let sidecars: Vec<String> = spec.init_containers.iter().flatten().rev().map(|c| c.name.clone()).collect();
            let Some(mut sandbox) = store.take_sandbox(&uid) else { return Vec::new() };
            let mut running = names.iter().any(|n| sandbox.is_running(n));
            for name in names.iter().chain(sidecars.iter()) {
                // Sidecars stop one after the other, once all others have.
                if running && sidecars.contains(name) {
                    break;
                }
                let lifecycle = container_of(&spec, name).and_then(|c| c.lifecycle.as_ref());
                kill_container(store, &mut sandbox, name, lifecycle, end, now);
                running |= sandbox.is_running(name);
            }
            store.put_sandbox(sandbox, Some(now));
            Vec::new()
        });
        let hooks = view.sandbox(object.uid()).is_some_and(|s| s.containers.values().any(has_hook));
        let look = if hooks || now < begun { LOOK } else { end - now };
        outcome.after(look.min(end - now).max(Duration::millis(100)));
        return outcome;
    }
    let due = begun + STOP_TIME.min(grace);
    if now < due {
        outcome.after(due - now);
        return outcome;
    }
    if let Some(write) = pods::last_status(view, object, pod, now) {
        outcome.write(write);
    }
    outcome.write(Write::Delete(Deletion::of(object).grace(0)));
    outcome
}

fn has_hook(container: &crate::machine::kernel::Container) -> bool {
    let stopping = container.kept.stopping.as_ref();
    container.ended.is_none() && stopping.is_some_and(|s| !s.signalled)
}

/// Stops a container, or goes on with that: first its hook, then the signal, at the deadline the end.
pub(super) fn kill_container(
    store: &mut Store,
    sandbox: &mut Sandbox,
    name: &str,
    lifecycle: Option<&Lifecycle>,
    deadline: Time,
    now: Time,
) {
    if !sandbox.is_running(name) {
        return;
    }
    let known = sandbox.containers.get(name).and_then(|c| c.kept.stopping.clone());
    let mut stopping = known.unwrap_or_else(|| {
        let mut stopping = Stopping { deadline, hook: None, sleeps: None, signalled: false };
        if let Some(hook) = lifecycle.and_then(|l| l.pre_stop.as_ref()) {
            begin_hook(store, sandbox, name, hook, &mut stopping, now);
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

fn begin_hook(
    store: &mut Store,
    sandbox: &mut Sandbox,
    name: &str,
    hook: &LifecycleHandler,
    stopping: &mut Stopping,
    now: Time,
) {
    if let Some(exec) = &hook.exec {
        let command = exec.command.clone().unwrap_or_default();
        if let Ok((pid, session)) = sandbox.exec(name, command, (false, false), store.disks_mut(), now) {
            stopping.hook = Some((pid, session));
        }
    }
    if let Some(sleep) = &hook.sleep {
        stopping.sleeps = Some(now + Duration::secs(sleep.seconds));
    }
    if let Some(get) = &hook.http_get {
        let port = prober::port_of(&get.port, &Container::default());
        let _ = prober::http_get(store, sandbox, port.unwrap_or(80), get);
    }
}
