//! ResourceQuota.

use crate::api::Quantity;
use crate::api::k8s::api::core::v1::{ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement};
use crate::api::quantity::amount;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::resources::amounts;
use crate::kinds::core::pod::{is_standard_quota_resource, validate_resource_name, validate_resource_quantity};
use crate::kinds::shared::access::{ResourceList, items, set_resource_list_defaults, text};
use crate::kinds::shared::describe::quantity;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "VolumeAttributesClass",
    "CrossNamespacePodAffinity",
];

impl Strategy for ResourceQuota {
    crate::spec_and_status!();

    fn set_defaults(&mut self) {
        if let Some(spec) = &mut self.spec {
            set_resource_list_defaults(&mut spec.hard);
        }
        if let Some(status) = &mut self.status {
            set_resource_list_defaults(&mut status.hard);
            set_resource_list_defaults(&mut status.used);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let none = ResourceQuotaSpec::default();
        let spec = self.spec.as_ref().unwrap_or(&none);
        for (name, amount) in amounts(spec.hard.as_ref()) {
            let path = format!("spec.hard[{name}]");
            validate_resource_name(&name, &path, &mut faults);
            if !name.contains('/') && !is_standard_quota_resource(&name) {
                faults.invalid(&path, "", &name, "must be a standard resource for quota");
            }
            validate_resource_quantity(&name, amount, &path, &mut faults);
        }
        validate_scopes(spec, &mut faults);
        validate_scope_selector(spec, &mut faults);
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults(self.validate());
        let scopes = |quota: &Self| {
            let mut all = quota.spec.as_ref().map_or(&[][..], |s| items(&s.scopes)).to_vec();
            all.sort();
            all.dedup();
            all
        };
        if scopes(self) != scopes(old) {
            let now = self.spec.as_ref().and_then(|s| s.scopes.clone());
            faults.invalid("spec", "scopes", now, FIELD_IMMUTABLE);
        }
        faults.0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let hard = self.spec.as_ref().and_then(|s| s.hard.as_ref());
        let mut all = Vec::new();
        for name in ["cpu", "memory", "ephemeral-storage"] {
            let long = format!("requests.{name}");
            let bare = if name == "ephemeral-storage" { None } else { amount(hard, name) };
            let request = amount(hard, &long).map(|q| (long.as_str(), q)).or(bare.map(|q| (name, q)));
            let limit_name = format!("limits.{name}");
            if let Some(((name, request), limit)) = request.zip(amount(hard, &limit_name))
                && request > limit
            {
                all.push(format!("ResourceQuota {name} ({request}) should be less than {limit_name} ({limit})"));
            }
        }
        all
    }

    fn columns() -> &'static [Column] {
        const {
            &[
                Column::new("NAME"),
                Column::new("AGE").until(32),
                Column::new("REQUEST"),
                Column::new("LIMIT"),
                Column::new("AGE").since(33),
            ]
        }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let status = self.status.clone().unwrap_or_default();
        let used = status.used.unwrap_or_default();
        let cell = |limits: bool| {
            let of = status.hard.iter().flatten().filter(|(name, _)| name.starts_with("limits.") == limits);
            let one =
                |(name, hard)| format!("{name}: {}/{}", used.get(name).map_or("0".into(), quantity), quantity(hard));
            of.map(one).collect::<Vec<_>>().join(", ")
        };
        let age = print::age(&self.metadata, context);
        vec![text(&self.metadata.name).to_string(), age.clone(), cell(false), cell(true), age]
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Namespace", text(&self.metadata.namespace));
        describe_scopes(d, self, 0, " * ");
        d.write(0, "Resource\tUsed\tHard\n");
        d.write(0, "--------\t----\t----\n");
        let status = self.status.clone().unwrap_or_default();
        let used = status.used.unwrap_or_default();
        for (name, hard) in status.hard.iter().flatten() {
            d.write(0, format!("{name}\t{}\t{}\n", used_in_format_of(&used, name, &hard.0), quantity(hard)));
        }
    }
}

/// What is used, in the style of what may be: `0` or `1Gi`, not `1073741824`.
fn used_in_format_of(used: &ResourceList, name: &str, hard: &str) -> String {
    let used = amount(Some(used), name).unwrap_or(Quantity::ZERO);
    match Quantity::parse(hard) {
        Ok(hard) if hard.format() != used.format() => Quantity::from_i64(used.value(), hard.format()).to_string(),
        _ => used.to_string(),
    }
}

/// The scopes with what they mean; `bullet` stands before each meaning.
pub(super) fn describe_scopes(d: &mut Description, quota: &ResourceQuota, level: usize, bullet: &str) {
    let mut scopes = quota.spec.as_ref().map_or(&[][..], |s| items(&s.scopes)).to_vec();
    scopes.sort();
    if scopes.is_empty() {
        return;
    }
    d.field(level, "Scopes", scopes.join(", "));
    for scope in scopes {
        let help = match scope.as_str() {
            "Terminating" => {
                "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before \
                 being actively terminated by the system."
            }
            "NotTerminating" => {
                "Matches all pods that do not have an active deadline. These pods usually include long running pods \
                 whose container command is not expected to terminate."
            }
            "BestEffort" => {
                "Matches all pods that do not have resource requirements set. These pods have a best effort quality \
                 of service."
            }
            "NotBestEffort" => {
                "Matches all pods that have at least one resource requirement set. These pods have a burstable or \
                 guaranteed quality of service."
            }
            _ => continue,
        };
        d.write(level, format!("{bullet}{help}\n"));
    }
}

/// Whether a scope says something about a resource. Mirrors `IsResourceQuotaScopeValidForResource`.
fn scope_fits(scope: &str, resource: &str) -> bool {
    let compute =
        matches!(resource, "cpu" | "memory" | "limits.cpu" | "limits.memory" | "requests.cpu" | "requests.memory");
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            resource == "pods" || compute
        }
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => matches!(resource, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

fn misfits<'a>(spec: &'a ResourceQuotaSpec, scope: &'a str) -> impl Iterator<Item = &'a String> {
    let names = spec.hard.iter().flatten().map(|(name, _)| name);
    names.filter(move |name| is_standard_quota_resource(name) && !scope_fits(scope, name))
}

fn conflicts(scopes: &[&str]) -> usize {
    let pairs = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
    pairs.iter().filter(|pair| pair.iter().all(|s| scopes.contains(s))).count()
}

fn validate_scopes(spec: &ResourceQuotaSpec, faults: &mut Faults) {
    let scopes = items(&spec.scopes);
    for scope in scopes {
        if !SCOPES.contains(&scope.as_str()) {
            faults.invalid("spec", "scopes", scopes, "unsupported scope");
        }
        for _ in misfits(spec, scope) {
            faults.invalid("spec", "scopes", scopes, "unsupported scope applied to resource");
        }
    }
    let names: Vec<&str> = scopes.iter().map(String::as_str).collect();
    for _ in 0..conflicts(&names) {
        faults.invalid("spec", "scopes", scopes, "conflicting scopes");
    }
}

fn validate_scope_selector(spec: &ResourceQuotaSpec, faults: &mut Faults) {
    let Some(selector) = &spec.scope_selector else { return };
    let path = "spec.scopeSelector.matchExpressions";
    let requirements = items(&selector.match_expressions);
    for r in requirements {
        if !SCOPES.contains(&r.scope_name.as_str()) {
            faults.invalid(path, "scopeName", &r.scope_name, "unsupported scope");
        }
        for _ in misfits(spec, &r.scope_name) {
            let whole = Internal::of("ScopeSelector", selector);
            faults.invalid(path, "", whole, "unsupported scope applied to resource");
        }
        validate_operator(r, path, faults);
    }
    let names: Vec<&str> = requirements.iter().map(|r| r.scope_name.as_str()).collect();
    for _ in 0..conflicts(&names) {
        faults.invalid(path, "", &spec.scopes, "conflicting scopes");
    }
}

fn validate_operator(r: &ScopedResourceSelectorRequirement, path: &str, faults: &mut Faults) {
    let fixed = ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];
    if fixed.contains(&r.scope_name.as_str()) && r.operator != "Exists" {
        let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
            ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
            ResourceQuotaScopeCrossNamespacePodAffinity";
        faults.invalid(path, "operator", &r.operator, detail);
    }
    let values = items(&r.values);
    match r.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            faults.required_for(path, "values", detail);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            faults.invalid(path, "values", values, detail);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => faults.invalid(path, "operator", other, "not a valid selector operator"),
    }
}
