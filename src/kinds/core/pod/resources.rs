//! What a pod asks for as a whole, and its quality of service.
//!
//! Mirrors `k8s.io/component-helpers/resource/helpers.go` and `pkg/apis/core/helper/qos`.

use std::collections::BTreeMap;

use crate::api::Quantity;
use crate::api::k8s::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::kinds::shared::access::{ResourceList, items, text};

/// Amounts by resource name.
pub type Amounts = BTreeMap<String, Quantity>;

/// The amounts of a list; unreadable ones are left out.
pub fn amounts(list: Option<&ResourceList>) -> Amounts {
    let parse = |(name, q): (&String, &Text)| Some((name.clone(), Quantity::parse(&q.0).ok()?));
    list.into_iter().flatten().filter_map(parse).collect()
}

/// Adds amounts to others.
pub fn add(list: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = list.get(name).map_or(*amount, |there| there.plus(*amount));
        list.insert(name.clone(), sum);
    }
}

/// Raises amounts to others where these are greater.
fn raise(list: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        if list.get(name).is_none_or(|there| *amount > *there) {
            list.insert(name.clone(), *amount);
        }
    }
}

/// Whether a resource can be asked for by a pod as a whole.
pub(super) fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_page(name)
}

/// Whether it is `hugepages-SIZE`.
pub fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Whether an init container keeps running beside the others.
pub fn is_restartable_init(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn aggregate(spec: &PodSpec, of: impl Fn(&ResourceRequirements) -> Option<&ResourceList>) -> Amounts {
    let of = |c: &Container| amounts(c.resources.as_ref().and_then(&of));
    let mut all = Amounts::new();
    for container in &spec.containers {
        add(&mut all, &of(container));
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in items(&spec.init_containers) {
        let mut needs = of(container);
        if is_restartable_init(container) {
            add(&mut all, &needs);
            add(&mut sidecars, &needs);
            needs = sidecars.clone();
        } else {
            add(&mut needs, &sidecars);
        }
        raise(&mut peak, &needs);
    }
    raise(&mut all, &peak);
    all
}

/// What a pod requests: containers, init containers, the pod's own requests and its overhead. Mirrors `PodRequests`.
pub fn pod_requests(spec: &PodSpec) -> Amounts {
    let mut all = aggregate(spec, |r| r.requests.as_ref());
    let own = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
    all.extend(amounts(own).into_iter().filter(|(name, _)| is_pod_level(name)));
    add(&mut all, &amounts(spec.overhead.as_ref()));
    all
}

/// What a pod is limited to. Mirrors `PodLimits`.
pub fn pod_limits(spec: &PodSpec) -> Amounts {
    let mut all = aggregate(spec, |r| r.limits.as_ref());
    let own = spec.resources.as_ref().and_then(|r| r.limits.as_ref());
    all.extend(amounts(own).into_iter().filter(|(name, _)| is_pod_level(name)));
    for (name, amount) in amounts(spec.overhead.as_ref()) {
        if let Some(limit) = all.get_mut(&name).filter(|l| !l.is_zero()) {
            *limit = limit.plus(amount);
        }
    }
    all
}

/// Fills in what a pod asks for as a whole. Mirrors `defaultHugePagePodLimits` and `defaultPodRequests`.
pub(super) fn set_pod_level_defaults(spec: &mut PodSpec) {
    let Some(mut own) = spec.resources.clone() else { return };
    let empty = |list: &Option<ResourceList>| list.as_ref().is_none_or(BTreeMap::is_empty);
    if empty(&own.limits) && empty(&own.requests) {
        return;
    }
    for (name, amount) in aggregate(spec, |r| r.limits.as_ref()) {
        let requested = own.requests.as_ref().is_some_and(|r| r.contains_key(&name));
        if is_huge_page(&name) && !requested {
            own.limits.get_or_insert_default().entry(name).or_insert_with(|| Text(amount.to_string()));
        }
    }
    if !empty(&own.limits) {
        let requests = own.requests.get_or_insert_default();
        for (name, amount) in aggregate(spec, |r| r.requests.as_ref()) {
            if is_pod_level(&name) && !is_huge_page(&name) {
                requests.entry(name).or_insert_with(|| Text(amount.to_string()));
            }
        }
        for (name, amount) in own.limits.iter().flatten() {
            if is_pod_level(name) {
                requests.entry(name.clone()).or_insert_with(|| amount.clone());
            }
        }
    }
    spec.resources = Some(own);
}

/// The pod's class as its status has it, or as its spec makes it. Mirrors `GetPodQOS`.
pub fn get_pod_qos(pod: &Pod) -> String {
    let class = pod.status.as_ref().map_or("", |s| text(&s.qos_class));
    match class {
        "" => pod.spec.as_ref().map_or("BestEffort", compute_pod_qos).to_string(),
        class => class.to_string(),
    }
}

/// `BestEffort`, `Burstable` or `Guaranteed`. Mirrors `ComputePodQOS`.
pub fn compute_pod_qos(spec: &PodSpec) -> &'static str {
    let counted = |list: Option<&ResourceList>| -> Amounts {
        let counts = |name: &str, q: &Quantity| matches!(name, "cpu" | "memory") && q.sign() > 0;
        amounts(list).into_iter().filter(|(name, q)| counts(name, q)).collect()
    };
    let parts: Vec<Option<&ResourceRequirements>> = match &spec.resources {
        Some(own) => vec![Some(own)],
        None => spec.containers.iter().chain(items(&spec.init_containers)).map(|c| c.resources.as_ref()).collect(),
    };
    let (mut requests, mut limits, mut guaranteed) = (Amounts::new(), Amounts::new(), true);
    for part in parts {
        add(&mut requests, &counted(part.and_then(|r| r.requests.as_ref())));
        let here = counted(part.and_then(|r| r.limits.as_ref()));
        let bare = spec.resources.is_some() && part.and_then(|r| r.limits.as_ref()).is_none_or(BTreeMap::is_empty);
        guaranteed &= here.len() == 2 || bare;
        add(&mut limits, &here);
    }
    if requests.is_empty() && limits.is_empty() {
        return "BestEffort";
    }
    let same = requests.len() == limits.len() && requests.iter().all(|(name, q)| limits.get(name) == Some(q));
    if guaranteed && same { "Guaranteed" } else { "Burstable" }
}
