//! `pods/resize`: other requests and limits for containers that run.
//!
//! Mirrors `dropNonResizeUpdates` of `pkg/registry/core/pod/strategy.go` and `ValidatePodResize`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity;
use crate::error::FieldError;
use crate::kinds::NameRule;
use crate::kinds::core::pod::resources::{compute_pod_qos, is_restartable_init};
use crate::kinds::core::pod::validation::{is_mirror, validate_metadata_and_spec};
use crate::kinds::shared::access::items;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::meta::validate_object_meta;

type ResourceList = BTreeMap<String, Quantity>;

/// What alone may change.
const MUTABLE: [&str; 2] = ["cpu", "memory"];

/// Takes over the resources and resize policies of a pod's containers. One with other containers is taken as it is, for the
/// validation to refuse it.
pub(super) fn copy(pod: &mut Pod, from: &Pod) {
    let Some(given) = &from.spec else { return };
    let spec = pod.spec.get_or_insert_default();
    let alike = |a: &[Container], b: &[Container]| a.iter().map(|c| &c.name).eq(b.iter().map(|c| &c.name));
    let init = items(&given.init_containers);
    if !alike(&spec.containers, &given.containers) || !alike(items(&spec.init_containers), init) {
        *spec = given.clone();
        return;
    }
    let all = spec.containers.iter_mut().zip(&given.containers);
    for (c, given) in all.chain(spec.init_containers.iter_mut().flatten().zip(init)) {
        c.resources.clone_from(&given.resources);
        c.resize_policy.clone_from(&given.resize_policy);
    }
    spec.resources.clone_from(&given.resources);
}

/// Faults of a pod with other resources.
pub(super) fn validate(new: &Pod, old: &Pod) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let none = PodSpec::default();
    let (spec, before) = (new.spec.as_ref().unwrap_or(&none), old.spec.as_ref().unwrap_or(&none));
    if is_mirror(old) {
        return vec![FieldError::forbidden("", "static pods cannot be resized")];
    }
    if before.os.as_ref().is_some_and(|os| os.name == "windows") {
        return vec![FieldError::forbidden("", "windows pods cannot be resized")];
    }
    faults.extend(validate_object_meta(&new.metadata, NameRule::Subdomain, true, "metadata"));
    validate_metadata_and_spec(new, spec, &mut faults);
    let class = old.status.as_ref().and_then(|s| s.qos_class.clone());
    let class = class.unwrap_or_else(|| compute_pod_qos(before).into());
    if class != compute_pod_qos(spec) {
        faults.invalid("spec", "", &class, "Pod QOS Class may not change as a result of resizing");
    }
    if !is_supported(old) {
        faults.forbidden("spec", "", "Pod running on node without support for resize");
    }
    let mut munged = spec.clone();
    validate_pod_level(spec, before, &mut munged, &mut faults);
    if !validate_order(spec, before, &mut faults) {
        return faults.0;
    }
    let (init, init_before) = (items(&spec.init_containers), items(&before.init_containers));
    for (i, (now, was)) in init.iter().zip(init_before).enumerate().filter(|(_, (_, was))| is_restartable_init(was)) {
        validate_container(now, was, &format!("spec.initContainers[{i}].resources"), &mut faults);
    }
    for (i, (now, was)) in spec.containers.iter().zip(&before.containers).enumerate() {
        validate_container(now, was, &format!("spec.containers[{i}].resources"), &mut faults);
    }
    for (c, was) in munged.containers.iter_mut().zip(&before.containers) {
        keep_cpu_and_memory(c, was);
        if c != was {
            faults.forbidden("spec", "", "only cpu and memory resources are mutable");
        }
    }
    for (i, (c, was)) in munged.init_containers.iter_mut().flatten().zip(init_before).enumerate() {
        if is_restartable_init(c) {
            keep_cpu_and_memory(c, was);
            if c != was {
                let detail = "only cpu and memory resources for init or sidecar containers are mutable";
                faults.forbidden("spec", &format!("initContainers[{i}]"), detail);
            }
        } else if c != was {
            faults.forbidden("spec", "", "resources for non-sidecar init containers are immutable");
        }
    }
    if faults.0.is_empty() && munged != *before {
        faults.forbidden("spec", "", "only cpu and memory resources are mutable");
    }
    faults.0
}

/// Whether the kubelet of a pod's node can do it: it tells the resources of what runs then.
fn is_supported(pod: &Pod) -> bool {
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    let mut running = statuses.filter(|s| s.state.as_ref().is_some_and(|s| s.running.is_some()));
    running.next().is_none_or(|s| s.resources.is_some())
}

fn validate_order(new: &PodSpec, old: &PodSpec, faults: &mut Faults) -> bool {
    let before = faults.0.len();
    let lists = [
        ("containers", &new.containers[..], &old.containers[..]),
        ("initContainers", items(&new.init_containers), items(&old.init_containers)),
    ];
    for (list, new, old) in lists {
        if new.len() != old.len() {
            faults.forbidden("spec", list, &format!("{list} may not be added or removed on resize"));
            continue;
        }
        for (i, _) in new.iter().zip(old).enumerate().filter(|(_, (new, old))| new.name != old.name) {
            let detail = format!("{list} may not be renamed or reordered on resize");
            faults.forbidden("spec", &format!("{list}[{i}].name"), &detail);
        }
    }
    faults.0.len() == before
}

/// Mirrors `validatePodLevelResourcesResize`.
fn validate_pod_level(new: &PodSpec, old: &PodSpec, munged: &mut PodSpec, faults: &mut Faults) {
    match (&new.resources, &old.resources) {
        (None, None) => return,
        (None, Some(_)) => return faults.forbidden("spec", "resources", "pod-level resources cannot be removed"),
        (Some(new), Some(old)) => {
            if is_removed(&new.requests, &old.requests) {
                faults.forbidden("spec", "resources.requests", "pod-level resource requests cannot be removed");
            }
            if is_removed(&new.limits, &old.limits) {
                faults.forbidden("spec", "resources.limits", "pod-level resource limits cannot be removed");
            }
        }
        (Some(_), None) => {}
    }
    let was = old.resources.clone().unwrap_or_default();
    if let Some(resources) = &mut munged.resources {
        resources.requests = kept(&resources.requests, &was.requests);
        resources.limits = kept(&resources.limits, &was.limits);
        if old.resources.is_none() && *resources == ResourceRequirements::default() {
            munged.resources = None;
        }
    }
    if munged.resources != old.resources {
        faults.forbidden("spec", "", "only cpu and memory resources are mutable at pod-level");
    }
}

/// Mirrors `validateContainerResize`.
fn validate_container(new: &Container, old: &Container, path: &str, faults: &mut Faults) {
    let (none, was) = (ResourceRequirements::default(), old.resources.clone().unwrap_or_default());
    let now = new.resources.as_ref().unwrap_or(&none);
    if is_removed(&now.requests, &was.requests) {
        faults.forbidden(path, "requests", "resource requests cannot be removed");
    }
    if is_removed(&now.limits, &was.limits) {
        faults.forbidden(path, "limits", "resource limits cannot be removed");
    }
}

fn is_removed(new: &Option<ResourceList>, old: &Option<ResourceList>) -> bool {
    old.iter().flatten().any(|(name, _)| !new.as_ref().is_some_and(|new| new.contains_key(name)))
}

/// A container with the old one's CPU and memory, and everything else that it asks for. Mirrors
/// `dropCPUMemoryResourcesFromContainer`.
fn keep_cpu_and_memory(c: &mut Container, old: &Container) {
    let was = old.resources.clone().unwrap_or_default();
    let resources = c.resources.get_or_insert_default();
    resources.limits = kept(&resources.limits, &was.limits);
    resources.requests = kept(&resources.requests, &was.requests);
    if *resources == ResourceRequirements::default() {
        c.resources.clone_from(&old.resources);
    }
}

/// A list with the old one's CPU and memory.
fn kept(new: &Option<ResourceList>, old: &Option<ResourceList>) -> Option<ResourceList> {
    let mut list = new.clone().unwrap_or_default();
    list.retain(|name, _| !MUTABLE.contains(&name.as_str()));
    let was = old.iter().flatten().filter(|(name, _)| MUTABLE.contains(&name.as_str()));
    list.extend(was.map(|(name, amount)| (name.clone(), amount.clone())));
    (!list.is_empty()).then_some(list)
}
