//! Why a pod that has a node does not run, or is not ready.

use serde_json::json;

use super::pod::owner;
use super::repair::{in_namespace, made_anew, on};
use super::{Candidate, Mend, Rule, Verdict};
use crate::api::k8s::api::core::v1::{
    ConfigMap, ContainerStatus, EnvVar, PersistentVolume, PersistentVolumeClaim, Pod, Secret,
};
use crate::api::pod::claims_of;
use crate::api::{Kind, Object};
use crate::controllers::attach_detach::holders_elsewhere;
use crate::store::{Index, View};

const CONFIG: Rule = (
    "A container starts only when every ConfigMap and Secret that it refers to is there, unless the reference is optional.",
    "concepts/configuration/configmap/#using-configmaps",
);
const IMAGE: Rule = (
    "A container starts only when the node can pull its image; the kubelet tries again at longer and longer intervals.",
    "concepts/containers/images/#imagepullbackoff",
);
const CRASH: Rule = (
    "A container that ends is started again at longer and longer intervals, up to five minutes.",
    "concepts/workloads/pods/pod-lifecycle/#container-restarts",
);
const MEMORY: Rule = (
    "A container that takes more memory than its limit is killed.",
    "concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run",
);
const INIT: Rule = (
    "The init containers run one after the other, each to its end, before the pod's own containers start.",
    "concepts/workloads/pods/init-containers/",
);
const READY: Rule = (
    "A pod is ready when all of its containers are, and its readiness probes and gates say so; until then no Service \
     sends anything to it.",
    "concepts/workloads/pods/pod-lifecycle/#container-probes",
);
const ATTACH: Rule = (
    "A ReadWriteOnce volume that is attached must be detached from its node before another can have it.",
    "concepts/storage/persistent-volumes/#access-modes",
);

/// Why the containers of a pod are as they are.
pub(super) fn explain(view: &View<'_>, object: &Object, pod: &Pod) -> Verdict {
    let status = pod.status.as_ref();
    let phase = status.and_then(|s| s.phase.as_deref()).unwrap_or("Pending");
    if phase == "Succeeded" {
        return Verdict::well(object, "Succeeded", "All of its containers have ended well.").rule(CRASH);
    }
    let ready =
        status.iter().flat_map(|s| s.conditions.iter().flatten()).any(|c| c.type_ == "Ready" && c.status == "True");
    if ready {
        return Verdict::well(object, phase, "It runs, and it is ready.").rule(READY);
    }
    if let Some(missing) = missing_configuration(view, pod).first() {
        return without_configuration(object, missing);
    }
    if let Some(verdict) = held_volume(view, object, pod) {
        return verdict;
    }
    let init = status.iter().flat_map(|s| s.init_container_statuses.iter().flatten());
    if let Some(fault) = init.into_iter().find_map(|c| fault_of(c).map(|f| (c, f))) {
        let (container, fault) = fault;
        return faulty(view, object, pod, container, &fault).rule(INIT);
    }
    let own = status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    if let Some((container, fault)) = own.into_iter().find_map(|c| fault_of(c).map(|f| (c, f))) {
        return faulty(view, object, pod, container, &fault);
    }
    if phase == "Running" {
        return unready(object, pod);
    }
    Verdict::well(object, phase, "Its node is starting it.").rule(CRASH)
}

/// A ConfigMap or Secret that is referred to and not there, or without the key.
#[derive(Debug)]
struct Missing {
    kind: &'static str,
    name: String,
    keys: Vec<String>,
    there: bool,
}

fn missing_configuration(view: &View<'_>, pod: &Pod) -> Vec<Missing> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let mut wanted: Vec<(&'static str, String, Option<String>)> = Vec::new();
    let spec = pod.spec.as_ref();
    for container in spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten())) {
        for EnvVar { value_from, .. } in container.env.iter().flatten() {
            let Some(from) = value_from else { continue };
            if let Some(key) = from.config_map_key_ref.as_ref().filter(|k| k.optional != Some(true)) {
                wanted.push(("configmap", key.name.clone(), Some(key.key.clone())));
            }
            if let Some(key) = from.secret_key_ref.as_ref().filter(|k| k.optional != Some(true)) {
                wanted.push(("secret", key.name.clone(), Some(key.key.clone())));
            }
        }
        for from in container.env_from.iter().flatten() {
            if let Some(map) = from.config_map_ref.as_ref().filter(|m| m.optional != Some(true)) {
                wanted.push(("configmap", map.name.clone(), None));
            }
            if let Some(secret) = from.secret_ref.as_ref().filter(|m| m.optional != Some(true)) {
                wanted.push(("secret", secret.name.clone(), None));
            }
        }
    }
    for volume in spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
        if let Some(map) = volume.config_map.as_ref().filter(|m| m.optional != Some(true)) {
            let keys: Vec<_> = map.items.iter().flatten().map(|item| Some(item.key.clone())).collect();
            let keys = if keys.is_empty() { vec![None] } else { keys };
            wanted.extend(keys.into_iter().map(|key| ("configmap", map.name.clone(), key)));
        }
        if let Some(secret) = volume.secret.as_ref().filter(|m| m.optional != Some(true)) {
            let keys: Vec<_> = secret.items.iter().flatten().map(|item| Some(item.key.clone())).collect();
            let keys = if keys.is_empty() { vec![None] } else { keys };
            let name = secret.secret_name.clone().unwrap_or_default();
            wanted.extend(keys.into_iter().map(|key| ("secret", name.clone(), key)));
        }
    }
    let mut missing: Vec<Missing> = Vec::new();
    for (kind, name, key) in wanted {
        let there = match kind {
            "configmap" => view.get_as::<ConfigMap>(namespace, &name).map(|m| {
                let in_data = |key: &String| m.data.as_ref().is_some_and(|d| d.contains_key(key));
                key.as_ref().is_none_or(|k| in_data(k) || m.binary_data.as_ref().is_some_and(|d| d.contains_key(k)))
            }),
            _ => view
                .get_as::<Secret>(namespace, &name)
                .map(|s| key.as_ref().is_none_or(|k| s.data.as_ref().is_some_and(|d| d.contains_key(k)))),
        };
        if there == Some(true) {
            continue;
        }
        match missing.iter_mut().find(|m| m.kind == kind && m.name == name) {
            Some(known) => known.keys.extend(key),
            None => missing.push(Missing { kind, name, keys: key.into_iter().collect(), there: there.is_some() }),
        }
    }
    missing
}

fn without_configuration(object: &Object, missing: &Missing) -> Verdict {
    let Missing { kind, name, keys, there } = missing;
    let namespace = in_namespace(object);
    if *there {
        let text = format!("The {kind} {name:?} has no key {}.", keys.join(", "));
        let data: serde_json::Map<String, serde_json::Value> = keys.iter().map(|k| (k.clone(), json!(""))).collect();
        let field = if *kind == "secret" { "stringData" } else { "data" };
        let line = format!("kubectl patch{namespace} {kind} {name} --type=merge -p '{}'", json!({field: data}));
        return Verdict::of(object, "Pending", text).rule(CONFIG).mend([Mend::line(line)]);
    }
    let text = format!("The {kind} {name:?} that it refers to is not there.");
    let what = if *kind == "secret" { "secret generic" } else { "configmap" };
    let keys: String = keys.iter().map(|key| format!(" --from-literal={key}=VALUE")).collect();
    let line = format!("kubectl create{namespace} {what} {name}{keys}");
    Verdict::of(object, "Pending", text).rule(CONFIG).mend([Mend::line(line)])
}

/// A volume that another node has.
fn held_volume(view: &View<'_>, object: &Object, pod: &Pod) -> Option<Verdict> {
    let node = pod.spec.as_ref()?.node_name.as_deref()?;
    let started = pod.status.as_ref().is_some_and(|s| {
        s.container_statuses.iter().flatten().any(|c| c.state.as_ref().is_some_and(|s| s.running.is_some()))
    });
    if started {
        return None;
    }
    let (volume, elsewhere) = claims_of(pod).into_iter().find_map(|key| {
        let (namespace, name) = key.split_once('/')?;
        let claim = view.get_as::<PersistentVolumeClaim>(namespace, name)?;
        let volume = view.get_as::<PersistentVolume>("", claim.spec.as_ref()?.volume_name.as_deref()?)?;
        let holders = holders_elsewhere(view, volume, node);
        (!holders.is_empty()).then(|| (volume.metadata.name.clone().unwrap_or_default(), holders))
    })?;
    let other = elsewhere.first()?.clone();
    let users: Vec<&Object> = view
        .indexed(Kind::Pod, Index::Node, &other)
        .map(|o| o.as_ref())
        .filter(|o| o.get::<Pod>().is_some_and(|p| claims_of(p).iter().any(|c| claims_of(pod).contains(c))))
        .collect();
    let text = format!("Its volume {volume} is attached to the node {other}, and one node at a time may have it.");
    let seen = users.iter().map(|user| Candidate::new("pod", user.name(), vec![format!("uses the volume on {other}")]));
    let verdict = Verdict::of(object, "ContainerCreating", text).rule(ATTACH).seen(seen);
    if view.kubelet_stopped_since(&other).is_some() {
        let taint = format!("kubectl taint node {other} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute");
        return Some(verdict.mend([Mend::line(taint)]));
    }
    Some(verdict.mend(users.iter().map(|user| Mend::line(on(user, "delete")))))
}

/// What is wrong with a container.
enum Fault {
    Waiting { reason: String, message: String },
    Ended { code: i32, reason: String },
}

fn fault_of(container: &ContainerStatus) -> Option<Fault> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone().unwrap_or_default();
        let fine = matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing");
        let message = waiting.message.clone().unwrap_or_default();
        return (!fine).then_some(Fault::Waiting { reason, message });
    }
    let ended = state.terminated.as_ref().filter(|t| t.exit_code != 0)?;
    Some(Fault::Ended { code: ended.exit_code, reason: ended.reason.clone().unwrap_or_default() })
}

fn faulty(view: &View<'_>, object: &Object, pod: &Pod, container: &ContainerStatus, fault: &Fault) -> Verdict {
    let name = &container.name;
    let last = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let killed = last.or(container.state.as_ref().and_then(|s| s.terminated.as_ref()));
    if killed.and_then(|t| t.reason.as_deref()) == Some("OOMKilled") {
        let text = format!("The container {name} took more memory than its limit and was killed.");
        return Verdict::of(object, "OOMKilled", text).rule(MEMORY).mend(more_memory(view, object, pod, name));
    }
    let logs = Mend::line(format!(
        "{} -c {name}{}",
        on(object, "logs").replace(" pod ", " "),
        if container.restart_count > 0 { " --previous" } else { "" }
    ));
    match fault {
        Fault::Waiting { reason, message } if reason.contains("Image") || reason == "InvalidImageName" => {
            let text = format!("The image of the container {name} can't be had: {message}.");
            Verdict::of(object, reason, text).rule(IMAGE).mend(another_image(view, object, pod, name))
        }
        Fault::Waiting { reason, .. } => {
            let ended = last.map_or(String::new(), |t| format!(" It ended with {} last time.", t.exit_code));
            let text = format!("The container {name} ends again and again ({reason}).{ended} Its log says why.");
            let text = if container.restart_count == 0 {
                format!("The container {name} does not start: {reason}.")
            } else {
                text
            };
            Verdict::of(object, reason, text).rule(CRASH).mend([logs])
        }
        Fault::Ended { code, reason } => {
            let text = format!("The container {name} ended with {code}. Its log says why.");
            Verdict::of(object, reason, text).rule(CRASH).mend([logs])
        }
    }
}

fn more_memory(view: &View<'_>, object: &Object, pod: &Pod, container: &str) -> Vec<Mend> {
    let limit = pod.spec.iter().flat_map(|s| &s.containers).find(|c| c.name == container);
    let limit = limit.and_then(|c| c.resources.as_ref()).and_then(|r| r.limits.as_ref());
    let bytes = crate::api::quantity::amount(limit, "memory").map_or(0, |q| q.value());
    let more = format!("{}Mi", (bytes.saturating_mul(4) / (1 << 20)).max(64));
    let Some(owner) = owner(view, object) else {
        return vec![made_anew(object, |tree| {
            for c in tree["spec"]["containers"].as_array_mut().into_iter().flatten().filter(|c| c["name"] == container)
            {
                c["resources"]["limits"]["memory"] = json!(more);
            }
        })];
    };
    let (kind, name) = (super::type_of(owner.kind()), owner.name());
    vec![Mend::line(format!(
        "kubectl set resources{} {kind} {name} -c {container} --limits=memory={more}",
        in_namespace(object)
    ))]
}

/// An image of the same name that is there.
fn another_image(view: &View<'_>, object: &Object, pod: &Pod, container: &str) -> Vec<Mend> {
    let of = pod.spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let Some(image) = of.into_iter().find(|c| c.name == container).and_then(|c| c.image.clone()) else {
        return Vec::new();
    };
    let name = image.split('@').next().unwrap_or_default();
    let stem = name.rsplit('/').next().unwrap_or(name).split(':').next().unwrap_or_default().to_string();
    let (target, scope) = match owner(view, object) {
        Some(owner) => (format!("{}/{}", super::type_of(owner.kind()), owner.name()), in_namespace(object)),
        None => (format!("pod/{}", object.name()), in_namespace(object)),
    };
    vec![Mend::line(format!("kubectl set image{scope} {target} {container}={}", stem.to_lowercase()))]
}

fn unready(object: &Object, pod: &Pod) -> Verdict {
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    let waiting: Vec<String> = statuses.filter(|c| !c.ready).map(|c| c.name.clone()).collect();
    let gates = pod.spec.iter().flat_map(|s| s.readiness_gates.iter().flatten()).map(|g| g.condition_type.clone());
    let gates: Vec<String> = gates.collect();
    if waiting.is_empty() && !gates.is_empty() {
        let text = format!("Its containers are ready, and its readiness gates are not: {}.", gates.join(", "));
        return Verdict::of(object, "NotReady", text).rule(READY);
    }
    let text = format!("It runs, and is not ready: the readiness probe of {} does not succeed.", waiting.join(", "));
    let line = on(object, "describe");
    Verdict::of(object, "NotReady", text).rule(READY).mend([Mend::line(line)])
}
