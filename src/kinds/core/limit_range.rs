//! LimitRange.

use std::collections::BTreeSet;

use crate::api::k8s::api::core::v1::{LimitRange, LimitRangeItem};
use crate::api::{Quantity, names};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::pod::resources::amounts;
use crate::kinds::core::pod::{is_overcommit_allowed, validate_container_resource_name, validate_resource_name};
use crate::kinds::shared::access::{ResourceList, text};
use crate::kinds::shared::describe::quantity;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::print;

impl Strategy for LimitRange {
    fn set_defaults(&mut self) {
        for item in self.spec.iter_mut().flat_map(|s| &mut s.limits).filter(|i| i.type_ == "Container") {
            let default = item.default.get_or_insert_default();
            fill(default, item.max.as_ref());
            let request = item.default_request.get_or_insert_default();
            fill(request, item.default.as_ref());
            fill(request, item.min.as_ref());
            item.default = item.default.take().filter(|l| !l.is_empty());
            item.default_request = item.default_request.take().filter(|l| !l.is_empty());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (i, item) in self.spec.as_ref().map_or(&[][..], |s| &s.limits).iter().enumerate() {
            let path = format!("spec.limits[{i}]");
            let kind = item.type_.as_str();
            let bad = names::qualified_name(kind);
            if bad.is_empty() && !kind.contains('/') && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") {
                faults.invalid(&path, "type", kind, "must be a standard limit type or fully qualified");
            }
            faults.all_invalid(&path, "type", kind, bad);
            if !seen.insert(kind) {
                faults.duplicate(&path, "type", kind);
            }
            validate_item(item, &path, &mut faults);
        }
        faults.0
    }

    fn columns() -> &'static [Column] {
        print::NAME_AND_CREATED_AT
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        print::name_and_created_at(&self.metadata)
    }

    fn describe(&self, d: &mut Description, _context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Namespace", text(&self.metadata.namespace));
        d.write(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n");
        d.write(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n");
        describe_limit_range_spec(d, self, "");
    }
}

/// Takes over amounts that are not there.
fn fill(list: &mut ResourceList, from: Option<&ResourceList>) {
    for (name, amount) in from.into_iter().flatten() {
        list.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

fn validate_item(item: &LimitRangeItem, path: &str, faults: &mut Faults) {
    let of_containers = matches!(item.type_.as_str(), "Pod" | "Container");
    let check = |field: &str, list: &Option<ResourceList>, faults: &mut Faults| {
        for name in list.iter().flatten().map(|(name, _)| name) {
            let path = format!("{path}.{field}[{name}]");
            if of_containers {
                validate_container_resource_name(name, &path, faults);
            } else {
                validate_resource_name(name, &path, faults);
            }
        }
    };
    check("max", &item.max, faults);
    check("min", &item.min, faults);
    let (mut default, mut request) = (item.default.as_ref(), item.default_request.as_ref());
    if item.type_ == "Pod" {
        for (name, list) in [("default", default), ("defaultRequest", request)] {
            if list.is_some_and(|l| !l.is_empty()) {
                faults.forbidden(path, name, "may not be specified when `type` is 'Pod'");
            }
        }
        (default, request) = (None, None);
    } else {
        check("default", &item.default, faults);
        check("defaultRequest", &item.default_request, faults);
    }
    let has_storage = |list: &Option<ResourceList>| list.as_ref().is_some_and(|l| l.contains_key("storage"));
    if item.type_ == "PersistentVolumeClaim" && !has_storage(&item.min) && !has_storage(&item.max) {
        let detail = "either minimum or maximum storage value is required, but neither was provided";
        faults.required_for(path, "limits", detail);
    }
    check("maxLimitRequestRatio", &item.max_limit_request_ratio, faults);
    let lists = [
        amounts(item.min.as_ref()),
        amounts(item.max.as_ref()),
        amounts(default),
        amounts(request),
        amounts(item.max_limit_request_ratio.as_ref()),
    ];
    let keys: BTreeSet<&String> = lists.iter().flat_map(|l| l.keys()).collect();
    for key in keys {
        let [min, max, default, request, ratio] = lists.each_ref().map(|l| l.get(key).copied());
        compare(key, &Bounds { min, max, default, request, ratio }, path, faults);
    }
}

/// What an item says of one resource.
struct Bounds {
    min: Option<Quantity>,
    max: Option<Quantity>,
    default: Option<Quantity>,
    request: Option<Quantity>,
    ratio: Option<Quantity>,
}

fn compare(key: &str, b: &Bounds, path: &str, faults: &mut Faults) {
    let at = |field: &str| format!("{path}.{field}[{key}]");
    let above = |a: Option<Quantity>, b: Option<Quantity>| a.zip(b).filter(|(a, b)| a > b);
    if let Some((min, max)) = above(b.min, b.max) {
        let detail = format!("min value {min} is greater than max value {max}");
        faults.invalid(&at("min"), "", min.to_string(), &detail);
    }
    if let Some((min, request)) = above(b.min, b.request) {
        let detail = format!("min value {min} is greater than default request value {request}");
        faults.invalid(&at("defaultRequest"), "", request.to_string(), &detail);
    }
    if let Some((request, max)) = above(b.request, b.max) {
        let detail = format!("default request value {request} is greater than max value {max}");
        faults.invalid(&at("defaultRequest"), "", request.to_string(), &detail);
    }
    if let Some((request, default)) = above(b.request, b.default) {
        let detail = format!("default request value {request} is greater than default limit value {default}");
        faults.invalid(&at("defaultRequest"), "", request.to_string(), &detail);
    }
    if let Some((min, default)) = above(b.min, b.default) {
        let detail = format!("min value {min} is greater than default value {default}");
        faults.invalid(&at("default"), "", min.to_string(), &detail);
    }
    if let Some((default, max)) = above(b.default, b.max) {
        let detail = format!("default value {default} is greater than max value {max}");
        faults.invalid(&at("default"), "", max.to_string(), &detail);
    }
    if let Some(ratio) = b.ratio {
        if ratio.as_f64() < 1.0 {
            let detail = format!("ratio {ratio} is less than 1");
            faults.invalid(&at("maxLimitRequestRatio"), "", ratio.to_string(), &detail);
        }
        if let Some((min, max)) = b.min.zip(b.max) {
            let limit = max.as_f64() / min.as_f64();
            if ratio.as_f64() > limit {
                let detail = format!("ratio {ratio} is greater than max/min = {limit:.6}");
                faults.invalid(&at("maxLimitRequestRatio"), "", ratio.to_string(), &detail);
            }
        }
    }
    if let Some((default, request)) = b.default.zip(b.request).filter(|(d, r)| d != r)
        && !is_overcommit_allowed(key)
    {
        let detail = format!("default value {default} must equal to defaultRequest value {request} in {key}");
        faults.invalid(&at("defaultRequest"), "", request.to_string(), &detail);
    }
}

/// The table of a range, each line with a prefix. Mirrors `describeLimitRangeSpec`.
pub(super) fn describe_limit_range_spec(d: &mut Description, range: &LimitRange, prefix: &str) {
    for item in range.spec.as_ref().map_or(&[][..], |s| &s.limits) {
        let lists = [&item.min, &item.max, &item.default_request, &item.default, &item.max_limit_request_ratio];
        let keys: BTreeSet<&String> = lists.iter().flat_map(|l| l.iter().flatten().map(|(k, _)| k)).collect();
        for key in keys {
            let cell = |l: &Option<ResourceList>| l.as_ref().and_then(|l| l.get(key)).map_or("-".into(), quantity);
            let cells: Vec<String> = lists.iter().map(|l| cell(l)).collect();
            d.write(0, format!("{prefix}{}\t{key}\t{}\n", item.type_, cells.join("\t")));
        }
    }
}
