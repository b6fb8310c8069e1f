//! ResourceClaim and ResourceClaimTemplate: devices that somebody asks for.
//!
//! Mirrors `pkg/registry/resource/resourceclaim{,template}/strategy.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::device_class::MAX_CONFIGS;
use super::devices::{
    validate_configuration, validate_fully_qualified_name, validate_label, validate_list, validate_selectors,
    validate_set, validate_tolerations,
};
use crate::api::k8s::api::resource::v1::{
    DeviceClaim, DeviceConstraint, DeviceRequest, DeviceSelector, DeviceToleration, ResourceClaim, ResourceClaimSpec,
    ResourceClaimStatus, ResourceClaimTemplate,
};
use crate::api::names;
use crate::api::selector::validate_labels;
use crate::error::FieldError;
use crate::kinds::shared::access::{items, set_text, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::{FIELD_IMMUTABLE, validate_annotations};
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const MAX_REQUESTS: usize = 32;
const MAX_CONSTRAINTS: usize = 32;
const MAX_FIRST_AVAILABLE: usize = 8;
const MAX_RESERVED: usize = 256;

const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("STATE"), Column::new("AGE")];

/// The names of requests, each with those of its alternatives.
type Names<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

impl Strategy for ResourceClaim {
    const STATUS: bool = true;

    fn reset_status(&mut self) {
        self.status = None;
    }

    fn copy_status(&mut self, from: &Self) {
        self.status = from.status.clone();
    }

    fn set_defaults(&mut self) {
        set_claim_defaults(&mut self.spec);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        validate_claim(&self.spec, "spec", &mut faults);
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let changed = self.spec != old.spec;
        let value = || Internal::of("ResourceClaimSpec", &self.spec);
        changed.then(|| FieldError::invalid("spec", value(), FIELD_IMMUTABLE)).into_iter().collect()
    }

    fn validate_status_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let status = |claim: &Self| claim.status.clone().unwrap_or_default();
        validate_status(&status(self), &status(old), self.metadata.deletion_timestamp.is_some(), &mut faults);
        faults.0
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![text(&self.metadata.name).into(), state(self), print::age(&self.metadata, context)]
    }
}

/// Mirrors `resourceClaimState`.
fn state(claim: &ResourceClaim) -> String {
    let deleted = claim.metadata.deletion_timestamp.is_some();
    let mut states = Vec::new();
    states.extend(deleted.then_some("deleted"));
    match claim.status.as_ref().filter(|status| status.allocation.is_some()) {
        None => states.extend((!deleted).then_some("pending")),
        Some(status) => {
            states.push("allocated");
            states.extend((!items(&status.reserved_for).is_empty()).then_some("reserved"));
        }
    }
    states.join(",")
}

impl Strategy for ResourceClaimTemplate {
    fn set_defaults(&mut self) {
        set_claim_defaults(&mut self.spec.spec);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let meta = self.spec.metadata.clone().unwrap_or_default();
        faults.extend(validate_annotations(&meta.annotations.unwrap_or_default(), "spec.metadata.annotations"));
        faults.extend(validate_labels(&meta.labels.unwrap_or_default(), "spec.metadata.labels"));
        validate_claim(&self.spec.spec, "spec.spec", &mut faults);
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let changed = self.spec != old.spec;
        let value = || Internal::of("ResourceClaimTemplateSpec", &self.spec);
        changed.then(|| FieldError::invalid("spec", value(), FIELD_IMMUTABLE)).into_iter().collect()
    }
}

fn set_claim_defaults(spec: &mut ResourceClaimSpec) {
    let set = |mode: &mut Option<String>, count: &mut Option<i64>| {
        set_text(mode, "ExactCount");
        if text(mode) == "ExactCount" && count.unwrap_or(0) == 0 {
            *count = Some(1);
        }
    };
    for request in spec.devices.iter_mut().flat_map(|devices| devices.requests.iter_mut().flatten()) {
        if let Some(exactly) = &mut request.exactly {
            set(&mut exactly.allocation_mode, &mut exactly.count);
        }
        for alternative in request.first_available.iter_mut().flatten() {
            set(&mut alternative.allocation_mode, &mut alternative.count);
        }
    }
}

/// Mirrors `validateResourceClaimSpec`.
fn validate_claim(spec: &ResourceClaimSpec, path: &str, faults: &mut Faults) {
    let (devices, path) = (spec.devices.clone().unwrap_or_default(), format!("{path}.devices"));
    let names = gather_names(&devices);
    let requests = items(&devices.requests);
    let at = format!("{path}.requests");
    validate_set(requests, MAX_REQUESTS, &at, faults, |request| request.name.as_str(), validate_request);
    let at = format!("{path}.constraints");
    validate_list(items(&devices.constraints), MAX_CONSTRAINTS, &at, faults, |constraint, path, faults| {
        validate_constraint(constraint, &names, path, faults);
    });
    validate_list(items(&devices.config), MAX_CONFIGS, &format!("{path}.config"), faults, |config, path, faults| {
        validate_references(items(&config.requests), &names, path, faults);
        validate_configuration(config.opaque.as_ref(), path, faults);
    });
}

fn gather_names(devices: &DeviceClaim) -> Names<'_> {
    let mut names = Names::new();
    for request in items(&devices.requests) {
        let alternatives = items(&request.first_available).iter().map(|alternative| alternative.name.as_str());
        names.insert(&request.name, alternatives.collect());
    }
    names
}

/// Mirrors `validateDeviceRequest`.
fn validate_request(request: &DeviceRequest, path: &str, faults: &mut Faults) {
    const ONE: &str = "exactly one of `exactly` or `firstAvailable` is required";
    validate_label(&request.name, path, "name", faults);
    let alternatives = items(&request.first_available);
    match (&request.exactly, alternatives.is_empty()) {
        (None, true) => faults.required_for(path, "", ONE),
        (Some(_), false) => {
            let detail = format!("{ONE}, but multiple fields are set");
            faults.invalid(path, "", serde_json::Value::Null, &detail);
        }
        (None, false) => {
            let at = format!("{path}.firstAvailable");
            validate_set(
                alternatives,
                MAX_FIRST_AVAILABLE,
                &at,
                faults,
                |a| a.name.as_str(),
                |a, path, faults| {
                    validate_label(&a.name, path, "name", faults);
                    let wanted = Wanted {
                        class: &a.device_class_name,
                        selectors: items(&a.selectors),
                        mode: text(&a.allocation_mode),
                        count: a.count.unwrap_or(0),
                        tolerations: items(&a.tolerations),
                    };
                    validate_wanted(&wanted, path, faults);
                },
            );
        }
        (Some(exactly), true) => {
            let wanted = Wanted {
                class: &exactly.device_class_name,
                selectors: items(&exactly.selectors),
                mode: text(&exactly.allocation_mode),
                count: exactly.count.unwrap_or(0),
                tolerations: items(&exactly.tolerations),
            };
            validate_wanted(&wanted, &format!("{path}.exactly"), faults);
        }
    }
}

/// What a request and its alternatives say alike.
struct Wanted<'a> {
    class: &'a str,
    selectors: &'a [DeviceSelector],
    mode: &'a str,
    count: i64,
    tolerations: &'a [DeviceToleration],
}

fn validate_wanted(wanted: &Wanted<'_>, path: &str, faults: &mut Faults) {
    if faults.require(path, "deviceClassName", wanted.class) {
        faults.all_invalid(path, "deviceClassName", wanted.class, names::dns1123_subdomain(wanted.class));
    }
    validate_selectors(wanted.selectors, path, faults);
    match (wanted.mode, wanted.count) {
        ("All", 0) => {}
        (mode @ "All", count) => {
            let detail = format!("must not be specified when allocationMode is '{mode}'");
            faults.invalid(path, "count", count, &detail);
        }
        ("ExactCount", count) if count <= 0 => faults.invalid(path, "count", count, "must be greater than zero"),
        ("ExactCount", _) => {}
        (mode, _) => faults.one_of(path, "allocationMode", mode, &["All", "ExactCount"]),
    }
    validate_tolerations(wanted.tolerations, path, faults);
}

/// Mirrors `validateDeviceConstraint`.
fn validate_constraint(constraint: &DeviceConstraint, names: &Names<'_>, path: &str, faults: &mut Faults) {
    validate_references(items(&constraint.requests), names, path, faults);
    match (&constraint.match_attribute, &constraint.distinct_attribute) {
        (Some(attribute), _) => validate_fully_qualified_name(attribute, &format!("{path}.matchAttribute"), faults),
        (None, Some(attribute)) => {
            validate_fully_qualified_name(attribute, &format!("{path}.distinctAttribute"), faults);
        }
        (None, None) => {
            let detail = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields \
                          are set";
            faults.required_for(path, "", detail);
        }
    }
}

/// Mirrors `validateRequestNameRef`.
fn validate_references(references: &[String], names: &Names<'_>, path: &str, faults: &mut Faults) {
    const UNKNOWN: &str = "must be the name of a request in the claim or the name of a request and a subrequest \
                           separated by '/'";
    let at = format!("{path}.requests");
    validate_set(references, MAX_REQUESTS, &at, faults, String::as_str, |name, path, faults| {
        let segments: Vec<&str> = name.split('/').collect();
        if segments.len() > 2 {
            return faults.invalid(path, "", name, UNKNOWN);
        }
        segments.iter().for_each(|segment| validate_label(segment, path, "", faults));
        let known = match segments.as_slice() {
            [request, alternative] => names.get(request).is_some_and(|all| all.contains(alternative)),
            [request] => names.contains_key(request),
            _ => false,
        };
        if !known {
            faults.invalid(path, "", name, UNKNOWN);
        }
    });
}

/// Mirrors `validateResourceClaimStatusUpdate`, as far as it is about who uses a claim.
fn validate_status(status: &ResourceClaimStatus, old: &ResourceClaimStatus, deleted: bool, faults: &mut Faults) {
    let (reserved, path) = (items(&status.reserved_for), "status.reservedFor");
    validate_set(
        reserved,
        MAX_RESERVED,
        path,
        faults,
        |user| user.uid.as_str(),
        |user, path, faults| {
            for (field, value) in [("resource", &user.resource), ("name", &user.name), ("uid", &user.uid)] {
                faults.require(path, field, value);
            }
        },
    );
    if !reserved.is_empty() && status.allocation.is_none() {
        faults.forbidden(path, "", "may not be specified when `allocated` is not set");
    } else if deleted && reserved.iter().any(|user| !items(&old.reserved_for).contains(user)) {
        let detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
        faults.forbidden(path, "", detail);
    }
    if let (Some(new), Some(old)) = (&status.allocation, &old.allocation)
        && new != old
    {
        faults.invalid("status", "allocation", Internal::of("AllocationResult", new), FIELD_IMMUTABLE);
    }
}
