//! From TYPE/NAME to one of the object's pods, and from a pod to one of its containers.
//!
//! Mirrors `k8s.io/kubectl/pkg/polymorphichelpers` (AttachablePodForObject, SelectorsForObject, GetFirstPod) and
//! `k8s.io/kubectl/pkg/cmd/util/podcmd`.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::api::k8s::api::core::v1::Pod;
use crate::api::object::is_terminating;
use crate::api::request::ListOptions;
use crate::api::selector::{Selector, SelectorError};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::error::Failure;
use crate::kinds::core::pod::container_names::{has_container, names};
use crate::kinds::core::pod::status::{is_ready, phase, ready_since, restarts};
use crate::kubectl::builder::build::Builder;
use crate::kubectl::client::Waited;
use crate::kubectl::print::errors::Fault;
use crate::kubectl::session::Session;

/// The annotation that names the container to use if none is named.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// The object that a word names: TYPE/NAME, or a name of a pod.
///
/// # Errors
/// When there is no such type or object.
pub fn object(session: &Session<'_>, word: &str) -> Result<Arc<Object>, Fault> {
    one(session, "pods", word)
}

/// The object that a word names: TYPE/NAME, or a name of a type.
///
/// # Errors
/// When there is no such type or object.
pub fn one(session: &Session<'_>, default_type: &str, word: &str) -> Result<Arc<Object>, Fault> {
    let words = [word.to_string()];
    let builder = Builder { args: &words, default_type, single_type: true, ..Builder::default() };
    let info = builder.plan(session)?.object(session)?;
    info.and_then(|info| info.object).ok_or_else(|| Fault::plain("expected a resource"))
}

/// The pod to attach to: the object itself, or the one of its pods that is the most alive.
///
/// # Errors
/// When the object has no pods within `timeout`, or can have none.
pub fn attachable(session: &mut Session<'_>, object: &Arc<Object>, timeout: Duration) -> Result<Arc<Object>, Failure> {
    if object.kind() == Kind::Pod {
        return Ok(Arc::clone(object));
    }
    let pods = pods_of(session, object, "attach to", timeout)?;
    Ok(first(&pods, |pod| Reverse(Alive::of(pod))))
}

/// The pod to read the logs of, and how many the object has.
///
/// # Errors
/// When the object has no pods within `timeout`, or can have none.
pub fn logging(
    session: &mut Session<'_>,
    object: &Object,
    timeout: Duration,
) -> Result<(Arc<Object>, Vec<Arc<Object>>), Failure> {
    let pods = pods_of(session, object, "get the logs from", timeout)?;
    Ok((first(&pods, Logged::of), pods))
}

/// The first by an order; of equal ones the first by name.
fn first<K: Ord>(pods: &[Arc<Object>], key: impl Fn(&Pod) -> K) -> Arc<Object> {
    let keyed = pods.iter().min_by_key(|o| o.get::<Pod>().map(&key));
    Arc::clone(keyed.unwrap_or(&pods[0]))
}

/// The pods of an object, at least one. Mirrors `GetPodList`.
fn pods_of(
    session: &mut Session<'_>,
    object: &Object,
    what: &str,
    timeout: Duration,
) -> Result<Vec<Arc<Object>>, Failure> {
    let selector = selector_of(object).map_err(|text| {
        let kind = object.kind();
        Failure::error(format!("cannot {what} *{}.{}: {text}", kind.version(), kind.name()))
    })?;
    let options = ListOptions { label_selector: selector.to_string(), ..ListOptions::default() };
    let deadline = session.client.now() + timeout;
    let waited = session.client.wait(Some(deadline), |client| {
        // OBSERVATION: kubectl watches; the first pod that comes ends it.
        let pods = client.list(Kind::Pod, object.namespace(), &options)?;
        Ok((!pods.is_empty()).then_some(pods))
    })?;
    match waited {
        Waited::Done(pods) => Ok(pods),
        Waited::Over | Waited::Never => Err(Failure::error("timed out waiting for the condition")),
    }
}

/// What selects an object's pods.
fn selector_of(object: &Object) -> Result<Selector, String> {
    let selector = match object {
        Object::ReplicaSet(s) => s.spec.as_ref().map(|s| Selector::from_label_selector(Some(&s.selector))),
        Object::StatefulSet(s) => s.spec.as_ref().map(|s| Selector::from_label_selector(Some(&s.selector))),
        Object::DaemonSet(s) => s.spec.as_ref().map(|s| Selector::from_label_selector(Some(&s.selector))),
        Object::Deployment(s) => s.spec.as_ref().map(|s| Selector::from_label_selector(Some(&s.selector))),
        Object::Job(s) => s.spec.as_ref().map(|s| Selector::from_label_selector(s.selector.as_ref())),
        Object::ReplicationController(c) => {
            let labels = c.spec.as_ref().and_then(|s| s.selector.clone()).unwrap_or_default();
            Some(Ok(Selector::from_set(&labels)))
        }
        Object::Service(s) => {
            let labels = s.spec.as_ref().and_then(|s| s.selector.clone()).unwrap_or_default();
            if labels.is_empty() {
                return Err(format!("invalid service '{}': Service is defined without a selector", object.name()));
            }
            Some(Ok(Selector::from_set(&labels)))
        }
        _ => {
            let kind = object.kind();
            return Err(format!("selector for *{}.{} not implemented", kind.version(), kind.name()));
        }
    };
    let selector = selector.unwrap_or_else(|| Ok(Selector::nothing()));
    selector.map_err(|e: SelectorError| format!("invalid label selector: {e}"))
}

/// How alive a pod is; the least alive goes first when pods must go. Mirrors `podutils.ActivePods`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alive {
    placed: bool,
    phase: u8,
    ready: bool,
    /// Pods that go come first, and among them those that went first.
    stays: (bool, Option<Time>),
    ready_since: Reverse<Option<Time>>,
    restarts: Reverse<(i32, i32)>,
    created: Reverse<Option<Time>>,
}

impl Alive {
    fn of(pod: &Pod) -> Alive {
        let phase = match phase(pod) {
            "Unknown" => 1,
            "Running" => 2,
            _ => 0,
        };
        let going = pod.metadata.deletion_timestamp.as_ref().map(Time::from_meta);
        Alive {
            placed: is_placed(pod),
            phase,
            ready: is_ready(pod),
            stays: (!is_terminating(&pod.metadata), going),
            ready_since: Reverse(ready_since(pod)),
            restarts: Reverse(restarts(pod)),
            created: Reverse(created(pod)),
        }
    }
}

/// Which pod's logs tell most. Mirrors `podutils.ByLogging`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Logged {
    placed: Reverse<bool>,
    phase: u8,
    ready: Reverse<bool>,
    ready_since: Option<Time>,
    restarts: Reverse<(i32, i32)>,
    created: Option<Time>,
}

impl Logged {
    fn of(pod: &Pod) -> Logged {
        let phase = match phase(pod) {
            "Unknown" => 1,
            "Pending" => 2,
            _ => 0,
        };
        Logged {
            placed: Reverse(is_placed(pod)),
            phase,
            ready: Reverse(is_ready(pod)),
            ready_since: ready_since(pod),
            restarts: Reverse(restarts(pod)),
            created: created(pod),
        }
    }
}

fn is_placed(pod: &Pod) -> bool {
    !node_of(pod).is_empty()
}

fn created(pod: &Pod) -> Option<Time> {
    pod.metadata.creation_timestamp.as_ref().map(Time::from_meta)
}

/// What names a pod.
pub fn key(pod: &Pod) -> ObjectKey {
    let meta = &pod.metadata;
    ObjectKey::new(Kind::Pod, meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// The name of the pod's node; empty for none.
fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()
}

/// All containers in the order in which kubectl reads their logs.
pub fn all_containers(pod: &Pod) -> Vec<String> {
    let [usual, ephemeral, init] = names(pod);
    [init, usual, ephemeral].concat().into_iter().map(String::from).collect()
}

/// The container that the annotation names; empty for none.
pub fn annotated(pod: &Pod) -> &str {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.and_then(|a| a.get(DEFAULT_CONTAINER)).map(String::as_str).unwrap_or_default()
}

/// All containers in one line. Mirrors `AllContainerNames`.
pub fn all_names(pod: &Pod) -> String {
    let [usual, ephemeral, init] = names(pod);
    let usual = usual.iter().map(ToString::to_string);
    let all = usual.chain(ephemeral.iter().map(|n| format!("{n} (ephem)")));
    all.chain(init.iter().map(|n| format!("{n} (init)"))).collect::<Vec<_>>().join(", ")
}

/// What is said of a container that is none of the pod's.
pub fn not_valid(pod: &Pod, container: &str) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    format!("container {container} is not valid for pod {name} out of: {}", all_names(pod))
}

/// The first container. If there are others, `say` is told which were left out.
pub fn first_container(pod: &Pod, say: impl Fn(&str)) -> String {
    let all = names(pod);
    let first = all[0].first().copied().unwrap_or_default();
    if all.iter().map(Vec::len).sum::<usize>() > 1 {
        say(&format!("Defaulted container {first:?} out of: {}\n", all_names(pod)));
    }
    first.to_string()
}

/// The container that is named, annotated, or the first. Mirrors `FindOrDefaultContainerByName`.
///
/// # Errors
/// When there is none of that name.
pub fn container(pod: &Pod, named: &str, say: impl Fn(&str)) -> Result<String, String> {
    let wanted = if named.is_empty() { annotated(pod) } else { named };
    match wanted {
        "" => Ok(first_container(pod, say)),
        wanted if has_container(pod, wanted) => Ok(wanted.to_string()),
        wanted => Err(not_valid(pod, wanted)),
    }
}
