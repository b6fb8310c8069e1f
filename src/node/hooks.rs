//! The hooks of a container's life: what is run once it has started, and before it is stopped.
//!
//! Mirrors `pkg/kubelet/lifecycle/handlers.go` and step 4 of `startContainer`. The kubelet's worker of a pod waits for a
//! postStart hook, so meanwhile the pod's status does not change and no further container starts.

use crate::api::k8s::api::core::v1::{Container, ContainerState, ContainerStatus, LifecycleHandler, Pod, PodSpec};
use crate::api::{Duration, ObjectKey, Time};
use crate::controllers::{About, Action};
use crate::machine::kernel::{Pid, PostStart, Sandbox, Status};
use crate::machine::net::Nowhere;
use crate::store::Store;

use super::container_status::{Sort, find, put, terminated};
use super::events::{event, warning};
use super::restarts::{container_of, should_restart};
use super::sync::Sync;
use super::{images, pods, prober, stopping};

/// The reason of a container whose postStart hook failed. Mirrors `ErrPostStartHook`.
pub(super) const POST_START_HOOK_ERROR: &str = "PostStartHookError";

/// What became of a hook when it was begun.
pub(super) enum Begun {
    /// It runs, as that process in that session.
    Runs(Pid, u32),
    /// It sleeps until then.
    Sleeps(Time),
    /// It is through; what the kubelet says of it where it failed.
    Done(Result<(), String>),
}

/// Begins a hook of a container. `pod` is its name as the kubelet logs it, `web-0_default(UID)`.
pub(super) fn begin(
    store: &mut Store,
    sandbox: &mut Sandbox,
    (pod, container): (&str, &Container),
    hook: &LifecycleHandler,
    now: Time,
) -> Begun {
    let name = &container.name;
    if let Some(exec) = &hook.exec {
        let command = exec.command.clone().unwrap_or_default();
        return match sandbox.exec(name, command.clone(), (false, false), store.disks_mut(), now) {
            Ok((process, session)) => Begun::Runs(process, session),
            Err(fault) => Begun::Done(Err(exec_failed(&command, (pod, name), &fault.0, ""))),
        };
    }
    if let Some(sleep) = &hook.sleep {
        return Begun::Sleeps(now + Duration::secs(sleep.seconds));
    }
    if let Some(get) = &hook.http_get {
        let port = prober::port_of(&get.port, container).unwrap_or(80);
        let answer = prober::http_get(store, sandbox, port, get);
        return Begun::Done(answer.map_err(|fault| {
            let path = get.path.as_deref().unwrap_or_default();
            format!("HTTP lifecycle hook ({path}) for Container {name:?} in Pod {pod:?} failed - error: {fault}")
        }));
    }
    Begun::Done(Ok(()))
}

fn exec_failed(command: &[String], (pod, container): (&str, &str), fault: &str, output: &str) -> String {
    format!(
        "Exec lifecycle hook ([{}]) for Container {container:?} in Pod {pod:?} failed - error: {fault}, message: {output:?}",
        command.join(" ")
    )
}

/// A pod as the kubelet logs it. Mirrors `format.Pod`.
pub(super) fn full_name(pod: &Pod) -> String {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    let meta = &pod.metadata;
    format!("{}_{}({})", of(&meta.name), of(&meta.namespace), of(&meta.uid))
}

/// Begins the postStart hook of a container that has just started; says whether it is to be waited for.
pub(super) fn post_start(store: &mut Store, pod: &Pod, container: &Container, now: Time) -> bool {
    let Some(hook) = container.lifecycle.as_ref().and_then(|l| l.post_start.as_ref()) else { return false };
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let Some(mut sandbox) = store.take_sandbox(&uid) else { return false };
    // The container's first process is there before its hook.
    let mut disks = std::mem::take(store.disks_mut());
    sandbox.run(&mut disks, &mut Nowhere, now);
    *store.disks_mut() = disks;
    let begun = begin(store, &mut sandbox, (&full_name(pod), container), hook, now);
    if let Some(running) = sandbox.containers.get_mut(&container.name) {
        running.kept.post_start = match begun {
            Begun::Runs(process, session) => Some(PostStart::Runs(process, session)),
            Begun::Sleeps(until) => Some(PostStart::Sleeps(until)),
            Begun::Done(Ok(())) => None,
            Begun::Done(Err(fault)) => Some(PostStart::Failed(fault)),
        };
    }
    let waits = sandbox.containers.get(&container.name).is_some_and(|c| c.kept.post_start.is_some());
    store.put_sandbox(sandbox, Some(now));
    waits
}

/// Whether a postStart hook of a pod is to be waited for; if so it is asked how far it is.
pub(super) fn wait_for_hooks(sync: &mut Sync<'_>) -> bool {
    let Some(sandbox) = sync.view.sandbox(sync.object.uid()) else { return false };
    let Some(name) = sandbox.containers.iter().find(|(_, c)| c.kept.post_start.is_some()).map(|(name, _)| name) else {
        return false;
    };
    let (pod, key, name) = (sync.author.pod.clone(), sync.object.key(), name.clone());
    sync.outcome.machine(move |store, now| go_on(store, &pod, &key, &name, now));
    sync.outcome.after(stopping::LOOK);
    true
}

/// How far a postStart hook has got: still on its way, or what became of it.
fn progress(
    sandbox: &mut Sandbox,
    pod: &Pod,
    container: &Container,
    state: PostStart,
    now: Time,
) -> Result<(), PostStart> {
    match state {
        PostStart::Runs(process, session) => {
            let Some(status) = sandbox.exited.remove(&process) else { return Err(state) };
            let output = sandbox.sessions.remove(&session).map(|s| s.output).unwrap_or_default();
            if status == Status::Code(0) {
                return Ok(());
            }
            let hook = container.lifecycle.as_ref().and_then(|l| l.post_start.as_ref()).and_then(|h| h.exec.as_ref());
            let command = hook.and_then(|e| e.command.clone()).unwrap_or_default();
            let text = |of: &dyn Fn(u8) -> bool| {
                let bytes: Vec<u8> =
                    output.iter().filter(|(stream, _)| of(*stream)).flat_map(|(_, bytes)| bytes.clone()).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let errors = text(&|stream| stream == 2);
            let fault = format!("command '{}' exited with {}: {errors}", command.join(" "), status.code());
            let told = exec_failed(&command, (&full_name(pod), &container.name), &fault, &text(&|_| true));
            Err(PostStart::Failed(told))
        }
        PostStart::Sleeps(until) if now < until => Err(state),
        PostStart::Sleeps(_) => Ok(()),
        PostStart::Failed(_) => Err(state),
    }
}

/// Looks how far the postStart hook of a container is, and says so once it is through.
fn go_on(store: &mut Store, pod: &Pod, key: &ObjectKey, name: &str, now: Time) -> Vec<Action> {
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let Some(spec) = &pod.spec else { return Vec::new() };
    let Some(container) = container_of(spec, name) else { return Vec::new() };
    let Some(mut sandbox) = store.take_sandbox(&uid) else { return Vec::new() };
    let mut actions = Vec::new();
    let state = sandbox.containers.get_mut(name).and_then(|c| c.kept.post_start.take());
    let next = state.and_then(|state| progress(&mut sandbox, pod, container, state, now).err());
    let mut result = Some(Ok(()));
    if let Some(next) = next {
        result = None;
        if let PostStart::Failed(fault) = &next {
            match sandbox.is_running(name) {
                true => {
                    if sandbox.containers.get(name).is_some_and(|c| c.kept.stopping.is_none()) {
                        actions = failed((pod, spec), key, name, store);
                    }
                    let deadline = now + stopping::grace_period(spec);
                    stopping::kill_container(store, &mut sandbox, (pod, container), deadline, now);
                }
                false => result = Some(Err(fault.clone())),
            }
        }
        if let (Some(running), None) = (sandbox.containers.get_mut(name), &result) {
            running.kept.post_start = Some(next);
        }
    }
    store.put_sandbox(sandbox, Some(now));
    if let Some(result) = result {
        actions.extend(tell(store, key, name, result, now));
    }
    actions
}

/// What is said of a container whose hook failed; not why, lest secrets be told.
fn failed((pod, spec): (&Pod, &PodSpec), key: &ObjectKey, name: &str, store: &Store) -> Vec<Action> {
    let view = store.view();
    let Some(object) = view.get(key) else { return Vec::new() };
    let about = About { field_path: Sort::of(spec, name).path(name), ..About::object(object) };
    let node = super::kubelet::node_name(pod);
    let said = warning(about.clone(), node, "FailedPostStartHook", "PostStartHook failed");
    vec![Action::Event(said), Action::Event(event(about, node, "Killing", "FailedPostStartHook"))]
}

/// Writes the status of a pod once a hook is through.
fn tell(store: &Store, key: &ObjectKey, name: &str, result: Result<(), String>, now: Time) -> Vec<Action> {
    let view = store.view();
    let Some(object) = view.get(key) else { return Vec::new() };
    let write = pods::write_with(&view, object, now, |sync, status| {
        let Some(container) = container_of(sync.spec, name) else { return };
        let Some(running) = sync.view.sandbox(object.uid()).and_then(|s| s.containers.get(name)) else { return };
        let before = find(sync.sort(container).statuses(status), name).cloned();
        let full = images::full_name(super::sync::image(container)).unwrap_or_default();
        let mut next = sync.started(container, before.as_ref(), &full);
        if let Some(state) = next.state.as_mut().and_then(|s| s.running.as_mut()) {
            state.started_at = Some(running.started.meta());
        }
        if let (Err(fault), Some(ended)) = (&result, &running.ended) {
            let code = ended.status.code();
            let last = terminated(&next, "Error", code, running.started, ended.at);
            // One that does not start again has ended, and that is all.
            if should_restart(sync.spec, container, sync.is_init(container), code) {
                next = hook_error(sync, container, next, last, fault);
            }
        }
        put(sync.sort(container).statuses_mut(status), next);
    });
    write.map(|w| vec![w.action()]).unwrap_or_default()
}

fn hook_error(
    sync: &Sync<'_>,
    container: &Container,
    started: ContainerStatus,
    last: ContainerState,
    fault: &str,
) -> ContainerStatus {
    let mut waiting = sync.author.waiting(container, Some(&started), POST_START_HOOK_ERROR, fault);
    waiting.last_state = Some(last);
    ContainerStatus {
        container_id: started.container_id,
        image: started.image,
        image_id: started.image_id,
        allocated_resources: started.allocated_resources,
        resources: started.resources,
        ..waiting
    }
}
