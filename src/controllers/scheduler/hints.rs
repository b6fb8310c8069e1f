//! Whether a change may help a pod that was rejected: the queueing hints of the plugins that rejected it.
//!
//! Mirrors `isSchedulableAfterNodeChange` and `isSchedulableAfterPodChange` of `pkg/scheduler/framework/plugins`.

use std::collections::BTreeMap;

use super::filters::clashes;
use super::inter_pod_affinity::{all_match, required_affinity, required_anti_affinity};
use super::taints::find_untolerated;
use super::volume_zone::TOPOLOGY_LABELS;
use crate::api::Object;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, Pod, PodSpec};
use crate::api::resources::{Resources, allocatable, pod_requests};
use crate::api::selector::{Selector, matches_required_node_affinity};
use crate::store::View;
use crate::store::load::host_ports;

/// What the scheduler said of the pod, without what came of the attempt to make room, which names no plugin.
fn rejections(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let message = conditions.iter().find(|c| c.type_ == "PodScheduled")?.message.as_deref()?;
    message.split(" no new claims to deallocate").next()
}

/// Whether a node that was added or changed may take the pod. Which plugins rejected it is read from its condition.
pub(super) fn node_may_help(pod: &Pod, old: Option<&Node>, new: &Node) -> bool {
    let (Some(spec), Some(message)) = (&pod.spec, rejections(pod)) else { return true };
    let mut known = false;
    let mut asks = |words: &[&str], hint: &dyn Fn() -> bool| {
        let rejected = words.iter().any(|w| message.contains(w));
        known |= rejected;
        rejected && hint()
    };
    let helps = asks(&["were unschedulable"], &|| cordoned(old).unwrap_or(true) && cordoned(Some(new)) != Some(true))
        || asks(&["untolerated taint"], &|| {
            let untolerated = |node: &Node| {
                let taints = node.spec.as_ref().and_then(|s| s.taints.as_ref());
                find_untolerated(taints, spec.tolerations.as_ref()).is_some()
            };
            old.is_none_or(untolerated) && !untolerated(new)
        })
        || asks(&["node affinity/selector"], &|| matches(spec, Some(new)) && !matches(spec, old))
        || asks(&["free ports"], &|| old.is_none())
        || asks(&["Insufficient", "Too many pods"], &|| fits(spec, old, new))
        || asks(&["topology spread constraints"], &|| spreads(spec, old, new))
        || asks(&["affinity rules"], &|| moves(spec, old, new))
        || asks(&["volume", "free storage", "persistent"], &|| {
            old.is_none_or(|old| old.metadata.labels != new.metadata.labels)
        });
    helps || !known
}

/// Whether a volume that was added or changed may help the pod. VolumeBinding has no hint for volumes, so any may; to
/// VolumeZone only another zone is news.
pub(super) fn volume_may_help(waiting: &Object, old: Option<&PersistentVolume>, new: &PersistentVolume) -> bool {
    let Some(message) = waiting.get::<Pod>().and_then(rejections) else { return true };
    let bindings =
        ["volumes to bind", "PersistentVolume's", "free storage", "persistent volume", "pvc(s)", "unbound immediate"];
    let zone = |volume: &PersistentVolume| {
        let labels = volume.metadata.labels.as_ref();
        TOPOLOGY_LABELS.map(|(label, _)| labels.and_then(|l| l.get(label)).cloned())
    };
    bindings.iter().any(|words| message.contains(words))
        || message.contains("volume zone") && old.is_none_or(|old| zone(old) != zone(new))
}

/// Whether a pod that got a node (`old` is none), left it (`new` is none) or has other labels may make room for a
/// waiting one.
pub(super) fn pod_may_help(view: &View<'_>, waiting: &Object, old: Option<&Object>, new: Option<&Object>) -> bool {
    let Some(pod) = waiting.get::<Pod>() else { return true };
    let (Some(spec), Some(message)) = (&pod.spec, rejections(pod)) else { return true };
    let gone = new.is_none();
    let says = |words: &[&str]| words.iter().any(|w| message.contains(w));
    if says(&["Insufficient", "Too many pods", "ReadWriteOncePod", "available disk", "max volume count"]) && gone {
        return true;
    }
    let spec_of = |object: Option<&'_ Object>| object.and_then(|o| o.get::<Pod>()).and_then(|p| p.spec.clone());
    if says(&["free ports"])
        && gone
        && spec_of(old).is_some_and(|old| host_ports(&old).any(|used| host_ports(spec).any(|p| clashes(&p, &used))))
    {
        return true;
    }
    if says(&["affinity rules"]) {
        let near = |object: &Object| all_match(&required_affinity(waiting, spec), view, object);
        let far = |object: &Object| all_match(&required_anti_affinity(waiting, spec), view, object);
        let helps = match (old, new) {
            (Some(old), Some(new)) => (!near(old) && near(new)) || (far(old) && !far(new)),
            (None, Some(new)) => near(new),
            (Some(old), None) => {
                let theirs = spec_of(Some(old)).unwrap_or_default();
                far(old) || all_match(&required_anti_affinity(old, &theirs), view, waiting)
            }
            (None, None) => true,
        };
        if helps {
            return true;
        }
    }
    says(&["topology spread constraints"]) && {
        let hard =
            spec.topology_spread_constraints.iter().flatten().filter(|c| c.when_unsatisfiable == "DoNotSchedule");
        let selectors: Vec<Selector> =
            hard.filter_map(|c| Selector::from_label_selector(c.label_selector.as_ref()).ok()).collect();
        let selected = |object: &Object, selector: &Selector| selector.matches(object.meta().labels.as_ref());
        let counted = [old, new].into_iter().flatten().all(|o| o.namespace() == waiting.namespace());
        counted
            && match (old, new) {
                (Some(old), Some(new)) => selectors.iter().any(|s| selected(old, s) != selected(new, s)),
                (Some(one), None) | (None, Some(one)) => selectors.iter().all(|s| selected(one, s)),
                (None, None) => true,
            }
    }
}

fn cordoned(node: Option<&Node>) -> Option<bool> {
    Some(node?.spec.as_ref().and_then(|s| s.unschedulable) == Some(true))
}

fn matches(spec: &PodSpec, node: Option<&Node>) -> bool {
    node.is_some_and(|node| {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        matches_required_node_affinity(spec, name, node.metadata.labels.as_ref()).unwrap_or(true)
    })
}

/// Whether the pod would fit the empty node, and there is now more of what it asks for.
fn fits(spec: &PodSpec, old: Option<&Node>, new: &Node) -> bool {
    let (asked, (has, pods)) = (pod_requests(spec), allocatable(new));
    let of = |list: &Resources, name: &str| list.scalar.get(name).copied().unwrap_or(0);
    let fits = asked.milli_cpu <= has.milli_cpu
        && asked.memory <= has.memory
        && asked.ephemeral_storage <= has.ephemeral_storage
        && asked.scalar.iter().all(|(name, amount)| *amount <= of(&has, name));
    let Some(old) = old.filter(|_| fits) else { return fits };
    let (had, had_pods) = allocatable(old);
    pods > had_pods
        || (asked.milli_cpu > 0 && has.milli_cpu > had.milli_cpu)
        || (asked.memory > 0 && has.memory > had.memory)
        || (asked.ephemeral_storage > 0 && has.ephemeral_storage > had.ephemeral_storage)
        || asked.scalar.keys().any(|name| of(&has, name) > of(&had, name))
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a String> {
    node.metadata.labels.as_ref().and_then(|l: &BTreeMap<String, String>| l.get(key))
}

fn spreads(spec: &PodSpec, old: Option<&Node>, new: &Node) -> bool {
    let hard = spec.topology_spread_constraints.iter().flatten().filter(|c| c.when_unsatisfiable == "DoNotSchedule");
    let keys: Vec<&str> = hard.map(|c| c.topology_key.as_str()).collect();
    let has_all = |node: &Node| keys.iter().all(|key| label(node, key).is_some());
    let taints = |node: &Node| node.spec.as_ref().and_then(|s| s.taints.clone());
    match old {
        None => has_all(new),
        Some(old) if has_all(old) != has_all(new) => true,
        Some(old) => {
            has_all(new) && (keys.iter().any(|key| label(old, key) != label(new, key)) || taints(old) != taints(new))
        }
    }
}

/// Whether the node came into another domain that the pod's affinity or anti-affinity looks at.
fn moves(spec: &PodSpec, old: Option<&Node>, new: &Node) -> bool {
    let affinity = spec.affinity.as_ref();
    let near = affinity.and_then(|a| a.pod_affinity.as_ref());
    let near = near.into_iter().flat_map(|a| a.required_during_scheduling_ignored_during_execution.iter().flatten());
    let far = affinity.and_then(|a| a.pod_anti_affinity.as_ref());
    let far = far.into_iter().flat_map(|a| a.required_during_scheduling_ignored_during_execution.iter().flatten());
    let gains = |key: &str| match old {
        None => label(new, key).is_some(),
        Some(old) => label(new, key).is_some() && label(old, key) != label(new, key),
    };
    let loses = |key: &str| old.is_none_or(|old| label(old, key).is_some() && label(old, key) != label(new, key));
    near.into_iter().any(|term| gains(&term.topology_key)) || far.into_iter().any(|term| loses(&term.topology_key))
}

/// Whether a pod waits for a node that takes more volumes. Mirrors the events that NodeVolumeLimits registers for.
pub(super) fn waits_for_volume_limits(waiting: &Object) -> bool {
    let status = waiting.get::<Pod>().and_then(|p| p.status.as_ref());
    let mut conditions = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
    let message = conditions.find(|c| c.type_ == "PodScheduled").and_then(|c| c.message.as_deref());
    message.is_some_and(|message| message.contains("max volume count"))
}
