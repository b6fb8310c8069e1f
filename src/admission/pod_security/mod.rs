//! PodSecurity: a namespace's labels say what its pods may do to their nodes.
//!
//! Mirrors `plugin/pkg/admission/security/podsecurity` and `k8s.io/pod-security-admission/admission`.

mod checks;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use self::checks::Violation;
use self::policy::{Level, LevelVersion, Policy};
use super::{Plugin, Request};
use crate::api::k8s::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use crate::api::k8s::api::batch::v1::{CronJob, Job};
use crate::api::k8s::api::core::v1::{
    Container, EphemeralContainer, Namespace, Pod, PodSpec, PodTemplate, PodTemplateSpec, ReplicationController,
};
use crate::api::object::controller_of;
use crate::api::{Kind, Object};
use crate::error::ApiError;
use crate::kinds::shared::access::items;

/// So many pods are looked at when a namespace's labels change.
const PODS_TO_CHECK: usize = 3000;

/// The plugin.
pub(super) struct PodSecurity;

impl Plugin for PodSecurity {
    fn validate_create(&self, request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        match object.kind() {
            Kind::Namespace => {
                let (_, faults) = Policy::of(object.meta().labels.as_ref());
                if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid("Namespace", object.name(), faults)) }
            }
            Kind::Pod => enforce(request, object),
            _ => Ok(()),
        }
    }

    fn validate_update(&self, request: &Request<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
        match object.kind() {
            Kind::Namespace => {
                let (_, faults) = Policy::of(object.meta().labels.as_ref());
                // Nobody has to mend what was wrong before.
                if faults.is_empty() || faults == Policy::of(old.meta().labels.as_ref()).1 {
                    return Ok(());
                }
                Err(ApiError::invalid("Namespace", object.name(), faults))
            }
            Kind::Pod if is_significant(object, old) => enforce(request, object),
            _ => Ok(()),
        }
    }

    fn warnings(&self, request: &Request<'_>, object: &Object, old: Option<&Object>) -> Vec<String> {
        if object.kind() == Kind::Namespace {
            return old.map(|old| warn_of_existing_pods(request, object, old)).unwrap_or_default();
        }
        let on_subresource = object.kind() != Kind::Pod && !request.subresource.is_empty();
        if on_subresource || !may_have_pod_spec(object.kind()) {
            return Vec::new();
        }
        let warn = policy_of(request, object.namespace()).warn;
        if warn.level == Level::Privileged {
            return Vec::new();
        }
        if object.kind() == Kind::Pod && old.is_some_and(|old| !is_significant(object, old)) {
            return Vec::new();
        }
        let found = evaluate(warn, object);
        if found.is_empty() {
            return Vec::new();
        }
        vec![format!("would violate PodSecurity \"{warn}\": {}", details(&found))]
    }
}

/// What the namespace's labels ask for.
fn policy_of(request: &Request<'_>, namespace: &str) -> Policy {
    let namespace = request.view.get_as::<Namespace>("", namespace);
    Policy::of(namespace.and_then(|n| n.metadata.labels.as_ref())).0
}

fn enforce(request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
    let enforce = policy_of(request, object.namespace()).enforce;
    let found = evaluate(enforce, object);
    if found.is_empty() {
        return Ok(());
    }
    let detail = format!("violates PodSecurity \"{enforce}\": {}", details(&found));
    Err(ApiError::forbidden("pods", object.name(), &detail))
}

fn details(found: &[Violation]) -> String {
    let all: Vec<String> = found.iter().map(|v| format!("{} ({})", v.reason, v.detail)).collect();
    all.join(", ")
}

fn may_have_pod_spec(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pod
            | Kind::ReplicationController
            | Kind::PodTemplate
            | Kind::ReplicaSet
            | Kind::Deployment
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob
    )
}

/// Looks at a pod, or at the template of what makes pods.
fn evaluate(policy: LevelVersion, object: &Object) -> Vec<Violation> {
    if policy.level == Level::Privileged {
        return Vec::new();
    }
    let none = PodSpec::default();
    if let Some(pod) = object.get::<Pod>() {
        return checks::evaluate(policy, pod.metadata.annotations.as_ref(), pod.spec.as_ref().unwrap_or(&none));
    }
    let Some(template) = template_of(object) else { return Vec::new() };
    let annotations = template.metadata.as_ref().and_then(|m| m.annotations.as_ref());
    checks::evaluate(policy, annotations, template.spec.as_ref().unwrap_or(&none))
}

/// Mirrors `DefaultPodSpecExtractor`.
fn template_of(object: &Object) -> Option<&PodTemplateSpec> {
    match object.kind() {
        Kind::Deployment => Some(&object.get::<Deployment>()?.spec.as_ref()?.template),
        Kind::StatefulSet => Some(&object.get::<StatefulSet>()?.spec.as_ref()?.template),
        Kind::DaemonSet => Some(&object.get::<DaemonSet>()?.spec.as_ref()?.template),
        Kind::Job => Some(&object.get::<Job>()?.spec.as_ref()?.template),
        Kind::CronJob => Some(&object.get::<CronJob>()?.spec.job_template.spec.as_ref()?.template),
        Kind::ReplicaSet => object.get::<ReplicaSet>()?.spec.as_ref()?.template.as_ref(),
        Kind::ReplicationController => object.get::<ReplicationController>()?.spec.as_ref()?.template.as_ref(),
        Kind::PodTemplate => object.get::<PodTemplate>()?.template.as_ref(),
        _ => None,
    }
}

/// Whether an update of a pod can break a rule: another image, or a container more. Mirrors `isSignificantPodUpdate`.
fn is_significant(object: &Object, old: &Object) -> bool {
    let [new, old] = [object, old].map(|o| o.get::<Pod>().and_then(|p| p.spec.as_ref()));
    let (Some(new), Some(old)) = (new, old) else { return false };
    let same = |new: &[Container], old: &[Container]| {
        new.len() == old.len() && new.iter().zip(old).all(|(new, old)| new.image == old.image)
    };
    let was_there = |new: &EphemeralContainer| {
        items(&old.ephemeral_containers).iter().any(|old| old.name == new.name && old.image == new.image)
    };
    !same(items(&new.init_containers), items(&old.init_containers))
        || !same(&new.containers, &old.containers)
        || !items(&new.ephemeral_containers).iter().all(was_there)
}

/// Tells of the pods that are there and would be refused now.
fn warn_of_existing_pods(request: &Request<'_>, object: &Object, old: &Object) -> Vec<String> {
    let [new, old] = [object, old].map(|o| Policy::of(o.meta().labels.as_ref()).0.enforce);
    let relaxed = new.version == old.version && new.level <= old.level;
    if new.level == Level::Privileged || relaxed {
        return Vec::new();
    }
    evaluate_pods_in_namespace(request, object.name(), new)
}

/// Mirrors `EvaluatePodsInNamespace`, without its limit of one second.
fn evaluate_pods_in_namespace(request: &Request<'_>, namespace: &str, enforce: LevelVersion) -> Vec<String> {
    // The first pod of every controller comes before the others of them.
    let mut controllers = BTreeSet::new();
    let (mut pods, others): (Vec<_>, Vec<_>) = request
        .view
        .list_in(Kind::Pod, namespace)
        .partition(|o| controller_of(o.meta()).is_none_or(|c| controllers.insert(c.uid.as_str())));
    pods.extend(others);
    let total = pods.len();
    pods.truncate(PODS_TO_CHECK);

    // By what is wrong: the first pod's name, and how many there are.
    let mut found: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for pod in &pods {
        let reasons: Vec<String> = evaluate(enforce, pod).into_iter().map(|v| v.reason).collect();
        if !reasons.is_empty() {
            let (first, count) = found.entry(reasons.join(", ")).or_insert((pod.name(), 0));
            *first = pod.name().min(*first);
            *count += 1;
        }
    }
    let mut warnings = Vec::new();
    if pods.len() < total {
        let checked = pods.len();
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {checked} of {total} existing pods"
        ));
    }
    if !found.is_empty() {
        warnings.push(format!(
            "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \"{enforce}\""
        ));
    }
    let mut told: Vec<String> = found
        .into_iter()
        .map(|(reasons, (name, count))| match count {
            1 => format!("{name}: {reasons}"),
            2 => format!("{name} (and 1 other pod): {reasons}"),
            _ => format!("{name} (and {} other pods): {reasons}", count - 1),
        })
        .collect();
    told.sort();
    warnings.extend(told);
    warnings
}
