//! What is wrong with requests and limits. Mirrors `validateResourceRequirements` and `pkg/apis/core/helper`.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{PodSpec, ResourceClaim, ResourceRequirements};
use crate::api::{Quantity, names};
use crate::kinds::core::pod::resources::{Amounts, amounts, is_huge_page, is_pod_level, pod_limits, pod_requests};
use crate::kinds::shared::access::items;
use crate::kinds::shared::faults::{Faults, at};
use crate::kinds::shared::meta::IS_NEGATIVE;

const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
const MEASURED: [&str; 11] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
    "requests.storage",
];

/// Whether it is known without a prefix.
fn is_standard(name: &str) -> bool {
    COUNTED.contains(&name) || MEASURED.contains(&name) || is_huge_page(name) || name.starts_with("requests.hugepages-")
}

/// Whether a quota knows it without a prefix.
pub(crate) fn is_standard_quota_resource(name: &str) -> bool {
    is_standard(name) && name != "storage"
}

/// Whether its name is Kubernetes' own.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether it is a vendor's: `example.com/gpu`.
pub(crate) fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && names::qualified_name(&format!("requests.{name}")).is_empty()
}

/// Whether more may be promised than there is.
pub(crate) fn is_overcommit_allowed(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// A resource's name. Mirrors `validateResourceName`.
pub(crate) fn validate_resource_name(name: &str, path: &str, faults: &mut Faults) {
    let bad = names::qualified_name(name);
    if bad.is_empty() && !name.contains('/') && !is_standard(name) {
        faults.invalid(path, "", name, "must be a standard resource type or fully qualified");
    }
    faults.all_invalid(path, "", name, bad);
}

/// A container's resource. Mirrors `validateContainerResourceName`.
pub(crate) fn validate_container_resource_name(name: &str, path: &str, faults: &mut Faults) {
    validate_resource_name(name, path, faults);
    if !name.contains('/') {
        if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !is_huge_page(name) {
            faults.invalid(path, "", name, "must be a standard resource for containers");
        }
    } else if !is_native(name) && !is_extended(name) {
        faults.invalid(path, "", name, "doesn't follow extended resource name standard");
    }
}

fn validate_pod_resource_name(name: &str, path: &str, faults: &mut Faults) {
    let before = faults.0.len();
    validate_resource_name(name, path, faults);
    if faults.0.len() == before && !is_pod_level(name) {
        faults.one_of(path, "", name, &["cpu", "hugepages-", "memory"]);
    }
}

/// An amount: not negative, and whole where things are counted. Mirrors `ValidateResourceQuantityValue`.
pub(crate) fn validate_resource_quantity(name: &str, amount: Quantity, path: &str, faults: &mut Faults) {
    if amount.sign() < 0 {
        faults.invalid(path, "", amount.to_string(), IS_NEGATIVE);
    }
    if (COUNTED.contains(&name) || is_extended(name)) && amount.milli_value() % 1000 != 0 {
        faults.invalid(path, "", amount.to_string(), "must be an integer");
    }
}

fn validate_huge_pages(name: &str, amount: Quantity, path: &str, faults: &mut Faults) {
    let size = name.strip_prefix("hugepages-").and_then(|size| Quantity::parse(size).ok());
    let fits = size.is_some_and(|size| {
        size.sign() > 0 && size.milli_value() % 1000 == 0 && amount.value() % size.value().max(1) == 0
    });
    if !fits {
        let detail = format!("{amount} is not positive integer multiple of {name}");
        faults.invalid(path, "", amount.to_string(), &detail);
    }
}

/// Requests and limits of a container.
pub(super) fn validate_container_resources(
    resources: &ResourceRequirements,
    claims: &BTreeSet<&str>,
    path: &str,
    faults: &mut Faults,
) {
    validate_requirements(resources, validate_container_resource_name, claims, path, faults);
}

fn validate_requirements(
    resources: &ResourceRequirements,
    name_check: fn(&str, &str, &mut Faults),
    claims: &BTreeSet<&str>,
    path: &str,
    faults: &mut Faults,
) {
    let (limits, requests) = (amounts(resources.limits.as_ref()), amounts(resources.requests.as_ref()));
    let (limits_path, requests_path) = (at(path, "limits"), at(path, "requests"));
    for (name, amount) in &limits {
        let path = format!("{limits_path}[{name}]");
        name_check(name, &path, faults);
        validate_resource_quantity(name, *amount, &path, faults);
        if is_huge_page(name) {
            validate_huge_pages(name, *amount, &path, faults);
        }
    }
    for (name, amount) in &requests {
        let path = format!("{requests_path}[{name}]");
        name_check(name, &path, faults);
        validate_resource_quantity(name, *amount, &path, faults);
        match limits.get(name) {
            Some(limit) if amount != limit && !is_overcommit_allowed(name) => {
                let detail = format!("must be equal to {name} limit of {limit}");
                faults.invalid(&requests_path, "", amount.to_string(), &detail);
            }
            Some(limit) if amount > limit => {
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                faults.invalid(&requests_path, "", amount.to_string(), &detail);
            }
            None if !is_overcommit_allowed(name) => {
                faults.required_for(&limits_path, "", "Limit must be set for non overcommitable resources");
            }
            _ => {}
        }
        if is_huge_page(name) {
            validate_huge_pages(name, *amount, &path, faults);
        }
    }
    let has = |list: &Amounts, test: fn(&str) -> bool| list.keys().any(|name| test(name));
    let compute = |name: &str| matches!(name, "cpu" | "memory");
    if (has(&limits, is_huge_page) || has(&requests, is_huge_page))
        && !has(&limits, compute)
        && !has(&requests, compute)
    {
        faults.forbidden(path, "", "HugePages require cpu or memory");
    }
    validate_claim_names(items(&resources.claims), claims, &at(path, "claims"), faults);
}

fn validate_claim_names(claims: &[ResourceClaim], known: &BTreeSet<&str>, path: &str, faults: &mut Faults) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (i, claim) in claims.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = claim.name.as_str();
        if name.is_empty() {
            faults.required(&path, "");
            continue;
        }
        let request = claim.request.as_deref().unwrap_or_default();
        let key = if request.is_empty() { name.to_string() } else { format!("{name}/{request}") };
        if seen.contains(name) {
            faults.duplicate(&path, "", name);
        } else {
            if !request.is_empty() {
                faults.all_invalid(&path, "request", request, names::dns1123_label(request));
            }
            if seen.contains(&key) {
                faults.duplicate(&path, "", &key);
            } else if request.is_empty() {
                for _ in seen.iter().filter(|k| k.split_once('/').is_some_and(|(n, _)| n == name)) {
                    faults.duplicate(&path, "", name);
                }
            }
            seen.insert(key);
        }
        if !known.contains(name) {
            let list = match known.iter().copied().collect::<Vec<_>>().join(", ") {
                list if list.is_empty() => " which is empty".to_string(),
                list => format!(": {list}"),
            };
            let mut fault = crate::error::FieldError::not_found(path, name);
            fault.detail += &format!(": must be one of the names in pod.spec.resourceClaims{list}");
            faults.0.push(fault);
        }
    }
}

/// What a pod asks for as a whole. Mirrors `validatePodResources`.
pub(super) fn validate_pod_resources(spec: &PodSpec, claims: &BTreeSet<&str>, path: &str, faults: &mut Faults) {
    let Some(own) = &spec.resources else { return };
    let path = at(path, "resources");
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") {
        faults.forbidden(&path, "", "may not be set for a windows pod");
        return;
    }
    if own.claims.is_some() {
        faults.forbidden(&path, "claims", "claims may not be set for Resources at pod-level");
    }
    validate_requirements(own, validate_pod_resource_name, claims, &path, faults);
    let mut bare = spec.clone();
    (bare.resources, bare.overhead) = (None, None);
    let (requests, limits) = (amounts(own.requests.as_ref()), amounts(own.limits.as_ref()));
    for (name, sum) in pod_requests(&bare) {
        if let Some(own) = requests.get(&name).filter(|own| sum > **own) {
            let detail = format!("must be greater than or equal to aggregate container requests of {sum}");
            faults.invalid(&path, &format!("requests[{name}]"), own.to_string(), &detail);
        }
    }
    for (name, sum) in pod_limits(&bare).into_iter().filter(|(name, _)| is_huge_page(name)) {
        if let Some(own) = limits.get(&name).filter(|own| sum > **own) {
            let detail = format!("must be greater than or equal to aggregate container limits of {sum}");
            faults.invalid(&path, &format!("limits[{name}]"), own.to_string(), &detail);
        }
    }
    for (i, container) in spec.containers.iter().enumerate() {
        for (name, limit) in amounts(container.resources.as_ref().and_then(|r| r.limits.as_ref())) {
            if let Some(own) = limits.get(&name).filter(|own| limit > **own) {
                let detail = format!("must be less than or equal to pod limits of {own}");
                faults.invalid(&path, &format!("containers[{i}][{name}].limits"), limit.to_string(), &detail);
            }
        }
    }
}
