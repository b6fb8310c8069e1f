//! LimitRanger: containers get a namespace's default resources, and stay within its limits.
//!
//! Mirrors `plugin/pkg/admission/limitranger`.

use super::{Plugin, Request};
use crate::api::k8s::api::core::v1::{Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod};
use crate::api::{Kind, Object, Quantity};
use crate::error::ApiError;
use crate::kinds::core::pod::resources::{Amounts, amounts, pod_limits, pod_requests};
use crate::kinds::shared::access::{ResourceList, items};

/// Where the plugin notes what it has set.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// The plugin.
pub(super) struct LimitRanger;

impl Plugin for LimitRanger {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let namespace = object.namespace().to_string();
        let Some(pod) = object.get_mut::<Pod>() else { return Ok(()) };
        for range in request.view.list_in(Kind::LimitRange, &namespace).filter_map(|o| o.get::<LimitRange>()) {
            set_default_resources(pod, range);
        }
        Ok(())
    }

    fn validate_create(&self, request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
        check(request, object)
    }

    fn validate_update(&self, request: &Request<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
        // Containers can't be changed, so pods are not looked at again.
        if object.kind() == Kind::Pod || old.is_terminating() { Ok(()) } else { check(request, object) }
    }
}

fn limits(range: &LimitRange) -> &[LimitRangeItem] {
    range.spec.as_ref().map_or(&[], |s| &s.limits)
}

fn set_default_resources(pod: &mut Pod, range: &LimitRange) {
    let (mut requests, mut maxima) = (ResourceList::new(), ResourceList::new());
    for item in limits(range).iter().filter(|item| item.type_ == "Container") {
        requests.extend(item.default_request.clone().into_iter().flatten());
        maxima.extend(item.default.clone().into_iter().flatten());
    }
    let mut done = Vec::new();
    let spec = pod.spec.get_or_insert_default();
    for c in &mut spec.containers {
        merge_container_resources(c, &requests, &maxima, "container", &mut done);
    }
    for c in spec.init_containers.iter_mut().flatten() {
        merge_container_resources(c, &requests, &maxima, "init container", &mut done);
    }
    if !done.is_empty() {
        let note = format!("LimitRanger plugin set: {}", done.join("; "));
        pod.metadata.annotations.get_or_insert_default().insert(ANNOTATION.into(), note);
    }
}

fn merge_container_resources(
    c: &mut Container,
    requests: &ResourceList,
    limits: &ResourceList,
    what: &str,
    done: &mut Vec<String>,
) {
    let resources = c.resources.get_or_insert_default();
    for (list, defaults, verb) in
        [(&mut resources.requests, requests, "request"), (&mut resources.limits, limits, "limit")]
    {
        let there = list.clone().unwrap_or_default();
        let missing: Vec<&String> = defaults.keys().filter(|name| !there.contains_key(*name)).collect();
        if missing.is_empty() {
            continue;
        }
        let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
        done.push(format!("{} {verb} for {what} {}", names.join(", "), c.name));
        let list = list.get_or_insert_default();
        for name in missing {
            list.insert(name.clone(), defaults[name].clone());
        }
    }
}

fn check(request: &Request<'_>, object: &Object) -> Result<(), ApiError> {
    for range in request.view.list_in(Kind::LimitRange, object.namespace()).filter_map(|o| o.get::<LimitRange>()) {
        let mut faults: Vec<String> = Vec::new();
        if let Some(pod) = object.get::<Pod>() {
            check_pod(range, pod, &mut faults);
        } else if let Some(claim) = object.get::<PersistentVolumeClaim>() {
            check_claim(range, claim, &mut faults);
        }
        // The same fault of several containers is told once.
        let mut told: Vec<String> = Vec::new();
        for fault in faults {
            if !told.contains(&fault) {
                told.push(fault);
            }
        }
        let detail = match told.as_slice() {
            [] => continue,
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        return Err(ApiError::forbidden(&object.kind().resource(), object.name(), &detail));
    }
    Ok(())
}

fn check_claim(range: &LimitRange, claim: &PersistentVolumeClaim, faults: &mut Vec<String>) {
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    let asked = Asked { requests: amounts(resources.and_then(|r| r.requests.as_ref())), limits: Amounts::new() };
    for item in limits(range).iter().filter(|item| item.type_ == "PersistentVolumeClaim") {
        for (name, bound) in amounts(item.min.as_ref()) {
            faults.extend(asked.below(&item.type_, &name, bound));
        }
        for (name, bound) in amounts(item.max.as_ref()) {
            faults.extend(asked.request_above(&item.type_, &name, bound));
        }
    }
}

fn check_pod(range: &LimitRange, pod: &Pod, faults: &mut Vec<String>) {
    let Some(spec) = &pod.spec else { return };
    for item in limits(range) {
        let asked: Vec<Asked> = match item.type_.as_str() {
            "Container" => spec.containers.iter().chain(items(&spec.init_containers)).map(Asked::by).collect(),
            "Pod" => {
                let mut bare = spec.clone();
                bare.overhead = None;
                vec![Asked { requests: pod_requests(&bare), limits: pod_limits(&bare) }]
            }
            _ => continue,
        };
        for asked in asked {
            for (name, bound) in amounts(item.min.as_ref()) {
                faults.extend(asked.below(&item.type_, &name, bound));
            }
            for (name, bound) in amounts(item.max.as_ref()) {
                faults.extend(asked.above(&item.type_, &name, bound));
            }
            for (name, bound) in amounts(item.max_limit_request_ratio.as_ref()) {
                faults.extend(asked.ratio_above(&item.type_, &name, bound));
            }
        }
    }
}

/// What a container, a pod or a claim asks for.
struct Asked {
    requests: Amounts,
    limits: Amounts,
}

impl Asked {
    fn by(container: &Container) -> Asked {
        let resources = container.resources.as_ref();
        Asked {
            requests: amounts(resources.and_then(|r| r.requests.as_ref())),
            limits: amounts(resources.and_then(|r| r.limits.as_ref())),
        }
    }

    /// Mirrors `minConstraint`.
    fn below(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let head = format!("minimum {name} usage per {kind} is {bound}");
        match (self.requests.get(name), self.limits.get(name)) {
            (None, _) => Some(format!("{head}.  No request is specified")),
            (Some(request), _) if *request < bound => Some(format!("{head}, but request is {request}")),
            (_, Some(limit)) if *limit < bound => Some(format!("{head}, but limit is {limit}")),
            _ => None,
        }
    }

    /// Mirrors `maxConstraint`.
    fn above(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let head = format!("maximum {name} usage per {kind} is {bound}");
        match (self.requests.get(name), self.limits.get(name)) {
            (_, None) => Some(format!("{head}.  No limit is specified")),
            (_, Some(limit)) if *limit > bound => Some(format!("{head}, but limit is {limit}")),
            (Some(request), _) if *request > bound => Some(format!("{head}, but request is {request}")),
            _ => None,
        }
    }

    /// Mirrors `maxRequestConstraint`.
    fn request_above(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let head = format!("maximum {name} usage per {kind} is {bound}");
        match self.requests.get(name) {
            None => Some(format!("{head}.  No request is specified")),
            Some(request) if *request > bound => Some(format!("{head}, but request is {request}")),
            Some(_) => None,
        }
    }

    /// Mirrors `limitRequestRatioConstraint`.
    fn ratio_above(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let head = format!("{name} max limit to request ratio per {kind} is {bound}");
        let some = |list: &Amounts| list.get(name).filter(|q| !q.is_zero()).copied();
        let Some(request) = some(&self.requests) else {
            return Some(format!("{head}, but no request is specified or request is 0"));
        };
        let Some(limit) = some(&self.limits) else {
            return Some(format!("{head}, but no limit is specified or limit is 0"));
        };
        let ratio = limit.as_f64() / request.as_f64();
        (ratio > bound.as_f64()).then(|| format!("{head}, but provided ratio is {ratio:.6}"))
    }
}
