//! Probes: whether a container has started, lives and is ready.
//!
//! Mirrors `pkg/kubelet/prober`.

use std::net::{IpAddr, Ipv4Addr};

use crate::api::k8s::api::core::v1::{Container, HTTPGetAction, Pod, Probe};
use crate::api::k8s::apimachinery::pkg::util::intstr::IntOrString;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::{About, Action, Outcome};
use crate::machine::errno::Errno;
use crate::machine::images::Server;
use crate::machine::kernel::{Pid, Probing, Program, Sandbox, Status};
use crate::machine::net::{Nowhere, Peer, Sent};
use crate::store::{Store, View};

use super::container_status::Sort;
use super::events::{event, warning};
use super::kubelet::node_name;
use super::{pods, stopping};

/// The connection number of a probe; no container's connection has it.
const CONNECTION: u64 = u64::MAX >> 1;

/// The node's own address in its pods' network, from which the kubelet asks.
fn gateway(pod: Ipv4Addr) -> IpAddr {
    let [a, b, c, _] = pod.octets();
    IpAddr::V4(Ipv4Addr::new(a, b, c, 1))
}

/// The probes of a container by kind, in the order in which they matter.
fn probes(container: &Container) -> [(&'static str, &'static str, Option<&Probe>); 3] {
    [
        ("startup", "Startup", container.startup_probe.as_ref()),
        ("readiness", "Readiness", container.readiness_probe.as_ref()),
        ("liveness", "Liveness", container.liveness_probe.as_ref()),
    ]
}

/// Whether a container's probe of a kind has its turn: the others wait for the startup probe.
fn is_on(container: &crate::machine::kernel::Container, kind: &str) -> bool {
    let started = container.kept.has_started;
    let is_up = container.ended.is_none() && container.kept.post_start.is_none();
    is_up && container.kept.stopping.is_none() && (kind == "startup") != started
}

/// When a probe is to be looked at next: at once where its command has ended.
fn next_look(sandbox: &Sandbox, probing: &Probing, now: Time) -> Time {
    let ended = probing.runs.is_some_and(|(pid, ..)| sandbox.exited.contains_key(&pid));
    if ended { now } else { probing.next }
}

/// Runs the probes of a pod that are due, and asks to come back for the next one.
pub(super) fn probe_pod(view: &View<'_>, object: &Object, pod: &Pod, now: Time, outcome: &mut Outcome) {
    let Some(sandbox) = view.sandbox(object.uid()) else { return };
    let mut next: Option<Time> = None;
    for container in sandbox.containers.values().filter(|c| c.ended.is_none()) {
        if let Some(stopping) = &container.kept.stopping {
            next = Some(next.map_or(stopping.deadline, |n| n.min(stopping.deadline)));
        }
        let due = container.kept.probes.iter().filter(|(kind, _)| is_on(container, kind));
        let due = due.map(|(_, p)| next_look(sandbox, p, now)).min();
        next = next.into_iter().chain(due).min();
    }
    let Some(next) = next else { return };
    if next > now {
        // The first result of a probe is what a settling cluster waits for.
        let first = |c: &crate::machine::kernel::Container| {
            c.ended.is_none() && c.kept.probes.iter().any(|(kind, p)| is_on(c, kind) && p.in_a_row == 0)
        };
        match sandbox.containers.values().any(first) {
            true => outcome.after(next - now),
            false => outcome.recurring(next - now),
        }
        return;
    }
    // What comes of it may change nothing of the pod: the next try is waited for all the same.
    let all = pod.spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let seconds = |probe: &Probe| probe.period_seconds.unwrap_or(10).min(probe.timeout_seconds.unwrap_or(1)).max(1);
    let soonest = all.flat_map(probes).filter_map(|(_, _, probe)| probe.map(seconds)).min().unwrap_or(1);
    outcome.recurring(Duration::secs(i64::from(soonest)));
    let (pod, key, about) = (pod.clone(), object.key(), About::object(object));
    outcome.machine(move |store, now| run_due(store, &pod, &key, &about, now));
}

fn run_due(store: &mut Store, pod: &Pod, key: &ObjectKey, about: &About, now: Time) -> Vec<Action> {
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let Some(mut sandbox) = store.take_sandbox(&uid) else { return Vec::new() };
    let mut actions = Vec::new();
    let mut begun = false;
    let spec = pod.spec.clone().unwrap_or_default();
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        let field_path = Sort::of(&spec, &container.name).path(&container.name);
        let about = About { field_path, ..about.clone() };
        if sandbox.containers.get(&container.name).is_some_and(|c| c.ended.is_none() && c.kept.stopping.is_some()) {
            stopping::kill_container(store, &mut sandbox, (pod, container), Time(i64::MAX), now);
            continue;
        }
        for (kind, word, probe) in probes(container) {
            let Some(probe) = probe else { continue };
            let Some(running) = sandbox.containers.get(&container.name).filter(|c| is_on(c, kind)) else { continue };
            let mut kept = running.kept.probes.get(kind).cloned().unwrap_or_default();
            if next_look(&sandbox, &kept, now) > now {
                continue;
            }
            // A worker's ticks go by when a try began.
            let began = kept.runs.map_or(now, |(.., began)| began);
            kept.next = began + Duration::secs(i64::from(probe.period_seconds.unwrap_or(10).max(1)));
            kept.next = kept.next.max(now);
            let Some(result) = probe_once(store, &mut sandbox, container, probe, &mut kept, now) else {
                begun |= kept.next <= now;
                put_probe(&mut sandbox, container, kind, kept);
                continue;
            };
            if let Err(fault) = &result {
                let text = format!("{word} probe failed: {fault}");
                actions.push(Action::Event(warning(about.clone(), node_name(pod), "Unhealthy", text)));
            }
            let changed = count(&mut kept, probe, result.is_ok());
            put_probe(&mut sandbox, container, kind, kept);
            let Some(holds) = changed else { continue };
            let Some(running) = sandbox.containers.get_mut(&container.name) else { continue };
            match (kind, holds) {
                ("readiness", holds) => running.kept.is_ready = holds,
                ("startup", true) => running.kept.has_started = true,
                (_, true) => {}
                (_, false) => {
                    let text = format!("Container {} failed {kind} probe, will be restarted", container.name);
                    actions.push(Action::Event(event(about.clone(), node_name(pod), "Killing", text)));
                    let own = probe.termination_grace_period_seconds.map(Duration::secs);
                    let deadline = now + own.unwrap_or(stopping::grace_period(&spec));
                    stopping::kill_container(store, &mut sandbox, (pod, container), deadline, now);
                    break;
                }
            }
        }
    }
    let wake = Some(now);
    store.put_sandbox(sandbox, wake);
    actions.extend(pods::status_now(&store.view(), key, now).map(crate::controllers::Write::action));
    if begun {
        // Most commands are through at once; time is not let pass here.
        let (pod, key, about) = (pod.clone(), key.clone(), about.clone());
        actions.push(Action::Run(uid));
        actions.push(Action::Machine(Box::new(move |store, now| run_due(store, &pod, &key, &about, now))));
    }
    actions
}

fn put_probe(sandbox: &mut Sandbox, container: &Container, kind: &str, probing: Probing) {
    if let Some(running) = sandbox.containers.get_mut(&container.name) {
        running.kept.probes.insert(kind.to_string(), probing);
    }
}

/// Counts a result: what holds now, once there were enough in a row to say so. Mirrors `worker.doProbe`.
fn count(kept: &mut Probing, probe: &Probe, success: bool) -> Option<bool> {
    match kept.succeeds == success && kept.in_a_row > 0 {
        true => kept.in_a_row = kept.in_a_row.saturating_add(1),
        false => (kept.succeeds, kept.in_a_row) = (success, 1),
    }
    let enough = match success {
        true => probe.success_threshold.unwrap_or(1),
        false => probe.failure_threshold.unwrap_or(3),
    };
    (kept.in_a_row >= enough.max(1) as u32).then_some(success)
}

/// Whether a container stands for an image of which nothing is known: it is taken to answer as it should.
fn idles(sandbox: &Sandbox, container: &str) -> bool {
    let first = sandbox.containers.get(container).and_then(|c| sandbox.processes.get(&c.first));
    matches!(first.and_then(|p| p.program.as_ref()), Some(Program::Server(server)) if matches!(**server, Server::Idle(..)))
}

/// One try of a probe. None where it still runs.
fn probe_once(
    store: &mut Store,
    sandbox: &mut Sandbox,
    container: &Container,
    probe: &Probe,
    kept: &mut Probing,
    now: Time,
) -> Option<Result<(), String>> {
    if idles(sandbox, &container.name) {
        return Some(Ok(()));
    }
    if let Some(exec) = &probe.exec {
        let command = exec.command.clone().unwrap_or_default();
        let timeout = Duration::secs(i64::from(probe.timeout_seconds.unwrap_or(1).max(1)));
        return probe_exec(store, sandbox, container, command, timeout, kept, now);
    }
    if let Some(get) = &probe.http_get {
        let port = port_of(&get.port, container);
        return Some(
            port.map_or_else(|| Err("couldn't find port".to_string()), |port| http_get(store, sandbox, port, get)),
        );
    }
    let port = match (&probe.tcp_socket, &probe.grpc) {
        (Some(tcp), _) => port_of(&tcp.port, container),
        (None, Some(grpc)) => u16::try_from(grpc.port).ok(),
        (None, None) => return Some(Ok(())),
    };
    let port = port.unwrap_or(0);
    Some(match sandbox.listeners.contains_key(&port) {
        true => Ok(()),
        false => Err(format!("dial tcp {}:{port}: connect: connection refused", sandbox.ip)),
    })
}

fn probe_exec(
    store: &mut Store,
    sandbox: &mut Sandbox,
    container: &Container,
    command: Vec<String>,
    timeout: Duration,
    kept: &mut Probing,
    now: Time,
) -> Option<Result<(), String>> {
    let line = command.join(" ");
    let Some(begun) = kept.runs else {
        return match sandbox.exec(&container.name, command, (false, false), store.disks_mut(), now) {
            Ok((pid, session)) => {
                (kept.runs, kept.next) = (Some((pid, session, now)), now);
                None
            }
            Err(fault) => {
                Some(Err(format!("rpc error: code = Unknown desc = failed to exec in container: {}", fault.0)))
            }
        };
    };
    let (pid, session, since) = begun;
    match sandbox.exited.remove(&pid) {
        Some(status) => {
            kept.runs = None;
            let output = sandbox.sessions.remove(&session).map(|s| s.output).unwrap_or_default();
            let text: Vec<u8> = output.into_iter().flat_map(|(_, bytes)| bytes).collect();
            Some(match status {
                Status::Code(0) => Ok(()),
                _ => Err(String::from_utf8_lossy(&text).into_owned()),
            })
        }
        None if now >= since + timeout => {
            kept.runs = None;
            end(store, sandbox, pid, session);
            Some(Err(format!("command timed out: {line:?} timed out after {timeout}")))
        }
        None => {
            kept.runs = Some(begun);
            kept.next = since + timeout;
            None
        }
    }
}

fn end(store: &mut Store, sandbox: &mut Sandbox, pid: Pid, session: u32) {
    sandbox.kill_process(pid, store.disks_mut());
    sandbox.exited.remove(&pid);
    sandbox.sessions.remove(&session);
}

/// Asks a container over HTTP, as the kubelet does.
///
/// # Errors
/// What the kubelet says of an answer that is no success, or of none.
pub(super) fn http_get(store: &mut Store, sandbox: &mut Sandbox, port: u16, get: &HTTPGetAction) -> Result<(), String> {
    let path = get.path.as_deref().unwrap_or("/");
    let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
    let scheme = get.scheme.as_deref().unwrap_or("HTTP").to_lowercase();
    let host = get.host.clone().filter(|h| !h.is_empty()).unwrap_or_else(|| sandbox.ip.clone());
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: kube-probe/1.36\r\n");
    for header in get.http_headers.iter().flatten() {
        request += &format!("{}: {}\r\n", header.name, header.value);
    }
    request += "Accept: */*\r\nConnection: close\r\n\r\n";
    let mut disks = std::mem::take(store.disks_mut());
    let mut answer = Vec::new();
    let ip = sandbox.ip.parse().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), gateway);
    let (peer, now) = (Peer { ip, port: 40_000, connection: CONNECTION, stands_for: 1 }, sandbox.now);
    let opened = sandbox.serve(port, peer, Sent::Open, now, &mut disks, &mut Nowhere);
    let replied = opened.and_then(|hello| {
        answer.extend(hello.bytes);
        sandbox.serve(port, peer, Sent::Bytes(request.as_bytes()), now, &mut disks, &mut Nowhere)
    });
    sandbox.accepted.remove(&CONNECTION);
    *store.disks_mut() = disks;
    let url = format!("Get \"{scheme}://{host}:{port}{path}\"");
    match replied {
        Ok(reply) => answer.extend(reply.bytes),
        Err(Errno::ConnRefused) => return Err(format!("{url}: dial tcp {host}:{port}: connect: connection refused")),
        Err(other) => return Err(format!("{url}: dial tcp {host}:{port}: {}", other.text().to_lowercase())),
    }
    let head = String::from_utf8_lossy(&answer);
    let code: Option<u16> = head.split_whitespace().nth(1).and_then(|c| c.parse().ok());
    match code {
        Some(code) if (200..400).contains(&code) => Ok(()),
        Some(code) => Err(format!("HTTP probe failed with statuscode: {code}")),
        None => Err(format!("{url}: EOF")),
    }
}

/// The number of a port that a probe names.
pub(super) fn port_of(port: &IntOrString, container: &Container) -> Option<u16> {
    match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|p| p.name.as_deref() == Some(name));
            named.map(|p| p.container_port).or_else(|| name.parse().ok()).and_then(|n| u16::try_from(n).ok())
        }
    }
}
