//! What objects use of a quota, for the server that refuses and the controller that counts.
//!
//! Mirrors `pkg/quota/v1/evaluator/core` and `k8s.io/apiserver/pkg/quota/v1`.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::k8s::api::core::v1::{
    Container, PersistentVolumeClaim, Pod, PodAffinityTerm, PodSpec, ResourceQuota, ScopedResourceSelectorRequirement,
    Service,
};
use crate::api::quantity::{Format, amount};
use crate::api::selector::{Operator, Requirement};
use crate::api::{Kind, Object, Quantity, Time};
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::kinds::core::pod::is_native;
use crate::kinds::core::pod::resources::{Amounts, add, amounts, get_pod_qos, is_huge_page, pod_limits, pod_requests};
use crate::kinds::shared::access::{items, text};

/// Between a class's name and what of it is limited.
const BY_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Resources of which every container has to say something once they are limited.
const REQUIRED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

fn one() -> Quantity {
    Quantity::from_i64(1, Format::DecimalSi)
}

/// `count/` and the resource: how many objects of a kind there are, whatever their state.
fn count_name(kind: Kind) -> String {
    format!("count/{}", kind.resource())
}

/// Whether a kind's objects use a resource of quotas. Mirrors `MatchingResources`.
pub fn tracks(kind: Kind, resource: &str) -> bool {
    if resource == count_name(kind) {
        return kind != Kind::Event;
    }
    match kind {
        Kind::Pod => {
            let asked = resource.strip_prefix("requests.").or(resource.strip_prefix("limits.")).unwrap_or(resource);
            let extended = !is_native(resource) || resource.starts_with("requests.deviceclass.resource.kubernetes.io/");
            resource == "pods"
                || matches!(asked, "cpu" | "memory" | "ephemeral-storage")
                || is_huge_page(resource)
                || resource.starts_with("requests.hugepages-")
                || (extended && resource.starts_with("requests."))
        }
        Kind::Service => matches!(resource, "services" | "services.nodeports" | "services.loadbalancers"),
        Kind::PersistentVolumeClaim => {
            let of_class = resource.split_once(BY_CLASS).map_or(resource, |(_, of_class)| of_class);
            matches!(of_class, "persistentvolumeclaims" | "requests.storage")
        }
        Kind::ConfigMap => resource == "configmaps",
        Kind::Secret => resource == "secrets",
        Kind::ResourceQuota => resource == "resourcequotas",
        Kind::ReplicationController => resource == "replicationcontrollers",
        _ => false,
    }
}

/// What an object uses. Mirrors the evaluators' `Usage`.
pub fn usage(object: &Object, now: Time) -> Amounts {
    let mut all: Amounts = [(count_name(object.kind()), one())].into();
    match object {
        Object::Pod(pod) => {
            if counts(pod, now) {
                let spec = pod.spec.clone().unwrap_or_default();
                add(&mut all, &compute_usage(&pod_requests(&spec), &pod_limits(&spec)));
            }
        }
        Object::Service(service) => add(&mut all, &service_usage(service)),
        Object::PersistentVolumeClaim(claim) => add(&mut all, &claim_usage(claim)),
        Object::ConfigMap(_) | Object::Secret(_) | Object::ResourceQuota(_) | Object::ReplicationController(_) => {
            all.insert(object.kind().plural().to_string(), one());
        }
        _ => {}
    }
    all
}

/// Whether a pod still uses anything: it has neither ended nor outstayed its deletion. Mirrors `QuotaV1Pod`.
fn counts(pod: &Pod, now: Time) -> bool {
    let phase = pod.status.as_ref().map_or("", |s| text(&s.phase));
    let overdue = pod
        .metadata
        .deletion_timestamp
        .as_ref()
        .zip(pod.metadata.deletion_grace_period_seconds)
        .is_some_and(|(deleted, grace)| now > Time::from_meta(deleted) + crate::api::Duration::secs(grace));
    !matches!(phase, "Failed" | "Succeeded") && !overdue
}

/// Mirrors `podComputeUsageHelper`.
fn compute_usage(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut all: Amounts = [("pods".to_string(), one())].into();
    for (name, request) in requests {
        let known = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || is_huge_page(name);
        if known {
            all.insert(name.clone(), *request);
        }
        if known || !is_native(name) {
            all.insert(format!("requests.{name}"), *request);
        }
    }
    for (name, limit) in limits.iter().filter(|(n, _)| matches!(n.as_str(), "cpu" | "memory" | "ephemeral-storage")) {
        all.insert(format!("limits.{name}"), *limit);
    }
    all
}

fn service_usage(service: &Service) -> Amounts {
    let spec = service.spec.clone().unwrap_or_default();
    let ports = items(&spec.ports);
    let given = ports.iter().filter(|p| p.node_port.unwrap_or(0) != 0).count();
    let (node_ports, balancers) = match text(&spec.type_) {
        "NodePort" => (ports.len(), 0),
        "LoadBalancer" if spec.allocate_load_balancer_node_ports == Some(false) => (given, 1),
        "LoadBalancer" => (ports.len(), 1),
        _ => (0, 0),
    };
    let number = |n: usize| Quantity::from_i64(i64::try_from(n).unwrap_or(i64::MAX), Format::DecimalSi);
    [
        ("services".to_string(), one()),
        ("services.nodeports".to_string(), number(node_ports)),
        ("services.loadbalancers".to_string(), number(balancers)),
    ]
    .into()
}

fn claim_usage(claim: &PersistentVolumeClaim) -> Amounts {
    let asked = claim.spec.as_ref().and_then(|s| s.resources.as_ref()?.requests.as_ref());
    let allocated = claim.status.as_ref().and_then(|s| s.allocated_resources.as_ref());
    let mut own: Amounts = [("persistentvolumeclaims".to_string(), one())].into();
    if let Some(asked) = amount(asked, "storage") {
        let most = amount(allocated, "storage").filter(|a| *a > asked).unwrap_or(asked);
        // Parts of a byte count as a whole one.
        let whole = if most.milli_value() % 1000 == 0 { most } else { Quantity::from_i64(most.value(), most.format()) };
        own.insert("requests.storage".into(), whole);
    }
    let class = get_persistent_volume_claim_class(claim);
    let of_class: Amounts = own.iter().map(|(name, q)| (format!("{class}{BY_CLASS}{name}"), *q)).collect();
    if !class.is_empty() {
        own.extend(of_class);
    }
    own
}

/// Whether an object falls under all scopes of a quota.
pub fn in_scope(quota: &ResourceQuota, object: &Object) -> bool {
    let Some(spec) = &quota.spec else { return true };
    let exists = |scope: &String| ScopedResourceSelectorRequirement {
        scope_name: scope.clone(),
        operator: "Exists".into(),
        values: None,
    };
    let selected = spec.scope_selector.as_ref().map_or(&[][..], |s| items(&s.match_expressions));
    let mut all = items(&spec.scopes).iter().map(exists).chain(selected.iter().cloned());
    all.all(|scope| match object {
        Object::Pod(pod) => pod_in_scope(pod, &scope),
        Object::PersistentVolumeClaim(claim) => claim_in_scope(claim, &scope),
        _ => false,
    })
}

fn pod_in_scope(pod: &Pod, scope: &ScopedResourceSelectorRequirement) -> bool {
    let none = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&none);
    match scope.scope_name.as_str() {
        "Terminating" => has_deadline(spec),
        "NotTerminating" => !has_deadline(spec),
        "BestEffort" => get_pod_qos(pod) == "BestEffort",
        "NotBestEffort" => get_pod_qos(pod) != "BestEffort",
        "PriorityClass" => matches_selector(text(&spec.priority_class_name), scope),
        "CrossNamespacePodAffinity" => looks_at_other_namespaces(spec),
        _ => false,
    }
}

/// Whether a pod has a deadline.
pub fn has_deadline(spec: &PodSpec) -> bool {
    spec.active_deadline_seconds.is_some_and(|n| n >= 0)
}

fn claim_in_scope(claim: &PersistentVolumeClaim, scope: &ScopedResourceSelectorRequirement) -> bool {
    let (spec, status) = (claim.spec.as_ref(), claim.status.as_ref());
    let names: BTreeSet<&str> = [
        spec.map(|s| text(&s.volume_attributes_class_name)),
        status.map(|s| text(&s.current_volume_attributes_class_name)),
        status.and_then(|s| s.modify_volume_status.as_ref()).map(|m| text(&m.target_volume_attributes_class_name)),
    ]
    .into_iter()
    .flatten()
    .filter(|name| !name.is_empty())
    .collect();
    match scope.scope_name.as_str() {
        "VolumeAttributesClass" if names.is_empty() => matches_selector("", scope),
        "VolumeAttributesClass" => names.iter().any(|name| matches_selector(name, scope)),
        _ => false,
    }
}

/// Whether a name, empty for none, is one that a scope is about.
fn matches_selector(name: &str, scope: &ScopedResourceSelectorRequirement) -> bool {
    let operator = match scope.operator.as_str() {
        "Exists" => return !name.is_empty(),
        "DoesNotExist" => return name.is_empty(),
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        _ => return false,
    };
    let labels: BTreeMap<String, String> = match name {
        "" => BTreeMap::new(),
        name => [(scope.scope_name.clone(), name.to_string())].into(),
    };
    Requirement::new(&scope.scope_name, operator, items(&scope.values).to_vec(), "")
        .is_ok_and(|r| r.matches(Some(&labels)))
}

fn looks_at_other_namespaces(spec: &PodSpec) -> bool {
    let crosses = |t: &PodAffinityTerm| !items(&t.namespaces).is_empty() || t.namespace_selector.is_some();
    let Some(affinity) = &spec.affinity else { return false };
    let near = affinity.pod_affinity.as_ref().is_some_and(|a| {
        items(&a.required_during_scheduling_ignored_during_execution).iter().any(crosses)
            || items(&a.preferred_during_scheduling_ignored_during_execution)
                .iter()
                .any(|w| crosses(&w.pod_affinity_term))
    });
    let far = affinity.pod_anti_affinity.as_ref().is_some_and(|a| {
        items(&a.required_during_scheduling_ignored_during_execution).iter().any(crosses)
            || items(&a.preferred_during_scheduling_ignored_during_execution)
                .iter()
                .any(|w| crosses(&w.pod_affinity_term))
    });
    near || far
}

/// What a pod's containers leave open though a quota limits it: `must specify limits.cpu for: web`.
/// Mirrors `podEvaluator.Constraints`.
pub fn missing_resources(pod: &Pod, limited: &[&String]) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let of_pod = spec.resources.as_ref().is_some_and(|r| {
        let names = r.requests.iter().flatten().chain(r.limits.iter().flatten()).map(|(name, _)| name);
        names.clone().any(|name| matches!(name.as_str(), "cpu" | "memory") || is_huge_page(name))
    });
    if of_pod {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let containers = || spec.containers.iter().chain(items(&spec.init_containers));
    for name in limited.iter().map(|n| n.as_str()).filter(|n| REQUIRED.contains(n)) {
        let lacks = |c: &&Container| {
            let resources = c.resources.as_ref();
            let of = |list: Option<&_>| amounts(list);
            let (requests, limits) =
                (of(resources.and_then(|r| r.requests.as_ref())), of(resources.and_then(|r| r.limits.as_ref())));
            !compute_usage(&requests, &limits).contains_key(name)
        };
        for c in containers().filter(lacks) {
            missing.entry(name).or_default().insert(&c.name);
        }
    }
    let one = |(name, containers): (&str, BTreeSet<&str>)| {
        format!("{name} for: {}", containers.into_iter().collect::<Vec<_>>().join(","))
    };
    let all: Vec<String> = missing.into_iter().map(one).collect();
    (!all.is_empty()).then(|| format!("must specify {}", all.join("; ")))
}

/// The kinds whose objects use one of these resources.
pub fn kinds_using<'a>(resources: impl Iterator<Item = &'a String> + Clone) -> Vec<Kind> {
    let used = |kind: &Kind| kind.is_namespaced() && resources.clone().any(|r| tracks(*kind, r));
    Kind::known().filter(used).collect()
}

/// What a namespace uses of these resources: all objects that fall under the quota, together.
pub fn namespace_usage<'a>(
    quota: &ResourceQuota,
    hard: &Amounts,
    objects: impl Fn(Kind) -> Vec<&'a Object>,
    now: Time,
) -> Amounts {
    let zero = Quantity::from_i64(0, Format::DecimalSi);
    let kinds = kinds_using(hard.keys());
    let tracked = hard.keys().filter(|r| kinds.iter().any(|k| tracks(*k, r)));
    let mut used: Amounts = tracked.map(|r| (r.clone(), zero)).collect();
    for kind in kinds {
        for object in objects(kind).into_iter().filter(|o| in_scope(quota, o)) {
            let mut part = usage(object, now);
            part.retain(|name, _| used.contains_key(name));
            add(&mut used, &part);
        }
    }
    used
}
