//! What of a pod may change. Mirrors `ValidatePodUpdate`.

use std::collections::BTreeMap;

use crate::api::k8s::api::core::v1::{Affinity, Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec, Toleration};
use crate::api::names;
use crate::error::FieldError;
use crate::kinds::NameRule;
use crate::kinds::core::pod::validation::scheduling::{validate_node_selector_mutation, validate_tolerations};
use crate::kinds::core::pod::validation::validate_metadata_and_spec;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::validate_object_meta;

const UPDATABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be \
    set to 1 if it was previously negative)";
const MIRROR: &str = "kubernetes.io/config.mirror";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Faults of the new version of a pod, beyond those of changed metadata.
pub(in crate::kinds::core::pod) fn validate_pod_update(new: &Pod, old: &Pod) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let none = PodSpec::default();
    let (spec, before) = (new.spec.as_ref().unwrap_or(&none), old.spec.as_ref().unwrap_or(&none));
    faults.extend(validate_object_meta(&new.metadata, NameRule::Subdomain, true, "metadata"));
    validate_metadata_and_spec(new, spec, &mut faults);
    validate_annotation_updates(new, old, spec, &mut faults);
    let (init, init_before) = (items(&spec.init_containers), items(&before.init_containers));
    if !validate_images(&spec.containers, &before.containers, "spec.containers", &mut faults)
        || !validate_images(init, init_before, "spec.initContainers", &mut faults)
        || !validate_deadline(spec, before, &mut faults)
    {
        return faults.0;
    }
    validate_only_added_tolerations(spec, before, &mut faults);
    for (i, gate) in items(&spec.scheduling_gates).iter().enumerate() {
        if !items(&before.scheduling_gates).contains(gate) {
            let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            faults.forbidden("spec", &format!("schedulingGates[{i}].name"), &detail);
        }
    }
    if spec == before {
        return faults.0;
    }
    let munged = munge(spec, before, &mut faults);
    if munged != *before {
        let diff = Internal::diff(&Internal::of("PodSpec", before), &Internal::of("PodSpec", &munged));
        let detail = format!("pod updates may not change fields other than {UPDATABLE}\n{diff}");
        faults.forbidden("spec", "", &detail);
    }
    faults.0
}

/// Faults of a pod whose ephemeral containers were changed. Mirrors `ValidatePodEphemeralContainersUpdate`.
pub(in crate::kinds::core::pod) fn validate_ephemeral_containers_update(new: &Pod, old: &Pod) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let none = PodSpec::default();
    let (spec, before) = (new.spec.as_ref().unwrap_or(&none), old.spec.as_ref().unwrap_or(&none));
    if is_mirror(old) {
        return vec![FieldError::forbidden("", "static pods do not support ephemeral containers")];
    }
    faults.extend(validate_object_meta(&new.metadata, NameRule::Subdomain, true, "metadata"));
    validate_metadata_and_spec(new, spec, &mut faults);
    for was in items(&before.ephemeral_containers) {
        let name = &was.name;
        match items(&spec.ephemeral_containers).iter().rev().find(|c| c.name == *name) {
            None => {
                let detail = format!("existing ephemeral containers {name:?} may not be removed\n");
                faults.forbidden("spec", "ephemeralContainers", &detail);
            }
            Some(is) if is != was => {
                let of = |c| Internal::of("EphemeralContainer", c);
                let diff = Internal::diff(&of(was), &of(is));
                let detail = format!("existing ephemeral containers {name:?} may not be changed\n{diff}");
                faults.forbidden("spec", "ephemeralContainers", &detail);
            }
            Some(_) => {}
        }
    }
    faults.0
}

/// Whether a pod stands for a static one of a node.
pub(in crate::kinds::core::pod) fn is_mirror(pod: &Pod) -> bool {
    pod.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(MIRROR))
}

/// Mirrors `ValidatePodSpecificAnnotationUpdates`.
fn validate_annotation_updates(new: &Pod, old: &Pod, spec: &PodSpec, faults: &mut Faults) {
    let none = BTreeMap::new();
    let (now, before) =
        (new.metadata.annotations.as_ref().unwrap_or(&none), old.metadata.annotations.as_ref().unwrap_or(&none));
    for (key, _) in before.iter().filter(|(key, value)| now.get(*key) != Some(*value)) {
        let path = format!("metadata.annotations[{key}]");
        if key.starts_with(APP_ARMOR) {
            faults.forbidden(&path, "", "may not remove or update AppArmor annotations");
        }
        if key == MIRROR {
            faults.forbidden(&path, "", "may not remove or update mirror pod annotation");
        }
    }
    for key in now.keys().filter(|key| !before.contains_key(*key)) {
        let path = format!("metadata.annotations[{key}]");
        if key.starts_with(APP_ARMOR) {
            faults.forbidden(&path, "", "may not add AppArmor annotations");
        }
        if key == MIRROR {
            faults.forbidden(&path, "", "may not add mirror pod annotation");
        }
    }
    crate::kinds::core::pod::validation::validate_pod_annotations(now, spec, "metadata.annotations", faults);
}

/// Mirrors `ValidateContainerUpdates`. Whether it makes sense to look on.
fn validate_images(new: &[Container], old: &[Container], path: &str, faults: &mut Faults) -> bool {
    if new.len() != old.len() {
        faults.forbidden(path, "", "pod updates may not add or remove containers");
        return false;
    }
    for (i, c) in new.iter().enumerate() {
        let path = format!("{path}[{i}]");
        faults.require(&path, "image", text(&c.image));
        crate::kinds::core::pod::validation::validate_image_blanks(c, &path, faults);
    }
    true
}

fn validate_deadline(new: &PodSpec, old: &PodSpec, faults: &mut Faults) -> bool {
    let field = "activeDeadlineSeconds";
    match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(now), _) if !(0..=i64::from(i32::MAX)).contains(&now) => {
            faults.invalid("spec", field, now, &names::inclusive_range_error(0, i32::MAX.into()));
            false
        }
        (Some(now), Some(before)) if before < now => {
            faults.invalid("spec", field, now, "must be less than or equal to previous value");
            false
        }
        (None, Some(_)) => {
            let none: Option<i64> = None;
            faults.invalid("spec", field, none, "must not update from a positive integer to nil value");
            true
        }
        _ => true,
    }
}

fn validate_only_added_tolerations(new: &PodSpec, old: &PodSpec, faults: &mut Faults) {
    let same = |a: &Toleration, b: &Toleration| {
        Toleration { toleration_seconds: None, ..a.clone() } == Toleration { toleration_seconds: None, ..b.clone() }
    };
    let now = items(&new.tolerations);
    if items(&old.tolerations).iter().any(|t| !now.iter().any(|n| same(n, t))) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        faults.forbidden("spec", "tolerations", detail);
        return;
    }
    validate_tolerations(now, "spec.tolerations", faults);
}

/// The new spec with the old one's values where a change is allowed.
fn munge(new: &PodSpec, old: &PodSpec, faults: &mut Faults) -> PodSpec {
    let mut munged = new.clone();
    for (c, before) in munged.containers.iter_mut().zip(&old.containers) {
        c.image = before.image.clone();
    }
    for (c, before) in munged.init_containers.iter_mut().flatten().zip(items(&old.init_containers)) {
        c.image = before.image.clone();
    }
    munged.active_deadline_seconds = old.active_deadline_seconds;
    munged.scheduling_gates = old.scheduling_gates.clone();
    munged.tolerations = old.tolerations.clone();
    if old.termination_grace_period_seconds.is_some_and(|n| n < 0) && munged.termination_grace_period_seconds == Some(1)
    {
        munged.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    if !items(&old.scheduling_gates).is_empty() {
        munge_gated(&mut munged, old, faults);
    }
    munged
}

/// A gated pod may still be told more narrowly where to run.
fn munge_gated(munged: &mut PodSpec, old: &PodSpec, faults: &mut Faults) {
    let none = BTreeMap::new();
    if munged.node_selector != old.node_selector {
        let (now, before) =
            (munged.node_selector.as_ref().unwrap_or(&none), old.node_selector.as_ref().unwrap_or(&none));
        validate_node_selector_mutation(now, before, "spec.nodeSelector", faults);
        munged.node_selector = old.node_selector.clone();
    }
    let of = |a: &Option<Affinity>| a.as_ref().and_then(|a| a.node_affinity.clone());
    let (now, before) = (of(&munged.affinity), of(&old.affinity));
    if now == before {
        return;
    }
    validate_node_affinity_mutation(now.as_ref(), before.as_ref(), faults);
    let affinity = munged.affinity.get_or_insert_default();
    affinity.node_affinity = before;
    if *affinity == Affinity::default() && old.affinity.is_none() {
        munged.affinity = None;
    }
}

fn validate_node_affinity_mutation(new: Option<&NodeAffinity>, old: Option<&NodeAffinity>, faults: &mut Faults) {
    let terms = |a: Option<&NodeAffinity>| -> Vec<NodeSelectorTerm> {
        let required = a.and_then(|a| a.required_during_scheduling_ignored_during_execution.clone());
        required.map(|r| r.node_selector_terms).unwrap_or_default()
    };
    let (now, before) = (terms(new), terms(old));
    let path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let internal = |t: &NodeSelectorTerm| Internal::of("NodeSelectorTerm", t);
    if !before.is_empty() && before.len() != now.len() {
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        faults.invalid(path, "", Internal::List(now.iter().map(internal).collect()), detail);
        return;
    }
    for (i, (old, new)) in before.iter().zip(&now).enumerate() {
        let grows = |old: &[_], new: &[_]| old.iter().all(|r| new.contains(r));
        let empty = |t: &NodeSelectorTerm| items(&t.match_expressions).is_empty() && items(&t.match_fields).is_empty();
        let kept = grows(items(&old.match_expressions), items(&new.match_expressions))
            && grows(items(&old.match_fields), items(&new.match_fields));
        if !kept || (empty(old) && !empty(new)) {
            let detail = "only additions are allowed (no mutations or deletions)";
            faults.invalid(&format!("{path}[{i}]"), "", internal(new), detail);
        }
    }
}
