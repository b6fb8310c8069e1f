//! ResourceSlice: devices that a driver offers.
//!
//! Mirrors `pkg/registry/resource/resourceslice/strategy.go` and, for the essentials, `pkg/apis/resource/validation`:
//! not looked at are the policies of capacities and the mappings of node resources.

use super::devices::{
    EFFECTS, validate_binding_conditions, validate_label, validate_list, validate_qualified_name, validate_set,
};
use crate::api::k8s::api::resource::v1::{
    CounterSet, Device, DeviceAttribute, DeviceTaint, ResourcePool, ResourceSlice, ResourceSliceSpec,
};
use crate::api::names;
use crate::api::selector::validate_label_name;
use crate::error::FieldError;
use crate::kinds::core::persistent_volume::source::validate_csi_driver_name;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::node_selector::validate_node_selector;
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const COLUMNS: &[Column] =
    &[Column::new("NAME"), Column::new("NODE"), Column::new("DRIVER"), Column::new("POOL"), Column::new("AGE")];

const MAX_DEVICES: usize = 128;
/// How many devices there may be when some have taints, counters or lists.
const MAX_ADVANCED_DEVICES: usize = 64;
const MAX_COUNTER_SETS: usize = 8;
const MAX_COUNTERS: usize = 32;
const MAX_CONSUMPTIONS: usize = 2;
const MAX_ATTRIBUTES: usize = 32;
const MAX_ATTRIBUTE_VALUES: usize = 48;
const MAX_VALUE: usize = 64;
const MAX_TAINTS: usize = 16;
const MAX_POOL_NAME: usize = 253;

impl Strategy for ResourceSlice {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        let made = self.metadata.creation_timestamp.clone();
        let devices = self.spec.devices.iter_mut().flatten();
        for taint in devices.flat_map(|device| device.taints.iter_mut().flatten()) {
            taint.time_added = taint.time_added.clone().or_else(|| made.clone());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        validate_spec(&self.spec, None, &mut faults);
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        validate_spec(&self.spec, Some(&old.spec), &mut faults);
        faults.0
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let driver = &self.spec.driver;
        let warning =
            || format!("spec.driver: driver names should be lowercase; {driver:?} contains uppercase characters");
        (*driver != driver.to_lowercase()).then(warning).into_iter().collect()
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![
            text(&self.metadata.name).into(),
            text(&self.spec.node_name).into(),
            self.spec.driver.clone(),
            self.spec.pool.name.clone(),
            print::age(&self.metadata, context),
        ]
    }

    fn selectable_fields() -> &'static [&'static str] {
        &["spec.nodeName", "spec.driver"]
    }
}

/// Mirrors `validateResourceSliceSpec`.
fn validate_spec(spec: &ResourceSliceSpec, old: Option<&ResourceSliceSpec>, faults: &mut Faults) {
    faults.extend(validate_csi_driver_name(&spec.driver, "spec.driver"));
    validate_pool(&spec.pool, faults);
    if let Some(old) = old {
        let fixed = [
            ("pool.name", Some(&spec.pool.name), Some(&old.pool.name)),
            ("driver", Some(&spec.driver), Some(&old.driver)),
            ("nodeName", spec.node_name.as_ref(), old.node_name.as_ref()),
        ];
        for (field, new, _) in fixed.into_iter().filter(|(_, new, old)| new != old) {
            faults.invalid("spec", field, new, FIELD_IMMUTABLE);
        }
    }
    validate_nodes(spec, faults);
    if spec.shared_counters.is_some() && spec.devices.is_some() {
        faults.invalid("spec", "", "", "only one of `sharedCounters` or `devices` is allowed");
    }
    let devices = items(&spec.devices);
    let most = if devices.iter().any(is_advanced) { MAX_ADVANCED_DEVICES } else { MAX_DEVICES };
    let per_device = spec.per_device_node_selection == Some(true);
    validate_set(
        devices,
        most,
        "spec.devices",
        faults,
        |device| device.name.as_str(),
        |device, path, faults| {
            validate_device(device, per_device, path, faults);
        },
    );
    let sets = items(&spec.shared_counters);
    validate_set(sets, MAX_COUNTER_SETS, "spec.sharedCounters", faults, |set| set.name.as_str(), validate_counter_set);
}

fn is_advanced(device: &Device) -> bool {
    let is_list =
        |a: &DeviceAttribute| a.bools.is_some() || a.ints.is_some() || a.strings.is_some() || a.versions.is_some();
    !items(&device.taints).is_empty()
        || !items(&device.consumes_counters).is_empty()
        || device.attributes.iter().flat_map(|all| all.values()).any(is_list)
}

fn validate_pool(pool: &ResourcePool, faults: &mut Faults) {
    let path = "spec.pool";
    if faults.require(path, "name", &pool.name) {
        if pool.name.len() > MAX_POOL_NAME {
            faults.0.push(FieldError::too_long(format!("{path}.name"), MAX_POOL_NAME));
        }
        for part in pool.name.split('/') {
            faults.all_invalid(path, "name", part, names::dns1123_subdomain(part));
        }
    }
    if pool.resource_slice_count <= 0 {
        faults.invalid(path, "resourceSliceCount", pool.resource_slice_count, "must be greater than zero");
    }
    if pool.generation < 0 {
        faults.invalid(path, "generation", pool.generation, "must be greater than or equal to zero");
    }
}

/// Which nodes have the devices: said in one of four ways.
fn validate_nodes(spec: &ResourceSliceSpec, faults: &mut Faults) {
    const ONE: &str = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    let mut given = Vec::new();
    match spec.node_name.as_deref() {
        Some("") => {
            faults.invalid("spec", "nodeName", "", "must be either unset or set to a non-empty string");
        }
        Some(name) => {
            given.push("`nodeName`");
            faults.all_invalid("spec", "nodeName", name, names::dns1123_subdomain(name));
        }
        None => {}
    }
    if let Some(selector) = &spec.node_selector {
        given.push("`nodeSelector`");
        faults.extend(validate_node_selector(selector, "spec.nodeSelector"));
        let terms = &selector.node_selector_terms;
        if terms.len() != 1 {
            let terms = Internal::List(terms.iter().map(|term| Internal::of("NodeSelectorTerm", term)).collect());
            faults.invalid("spec.nodeSelector", "nodeSelectorTerms", terms, "must have exactly one node selector term");
        }
    }
    for (field, flag) in [("allNodes", spec.all_nodes), ("perDeviceNodeSelection", spec.per_device_node_selection)] {
        match flag {
            Some(true) if field == "allNodes" => given.push("`allNodes`"),
            Some(true) => given.push("`perDeviceNodeSelection`"),
            Some(false) => faults.invalid("spec", field, false, "must be either unset or set to true"),
            None => {}
        }
    }
    match given.len() {
        0 => faults.required_for("spec", "", ONE),
        1 => {}
        _ => {
            let detail = format!("{ONE}, but multiple fields are set");
            faults.invalid("spec", "", format!("{{{}}}", given.join(", ")), &detail);
        }
    }
}

/// Mirrors `validateDevice`.
fn validate_device(device: &Device, per_device: bool, path: &str, faults: &mut Faults) {
    validate_label(&device.name, path, "name", faults);
    let attributes = device.attributes.clone().unwrap_or_default();
    let capacity = device.capacity.clone().unwrap_or_default();
    let all = attributes.len() + capacity.len();
    if all > MAX_ATTRIBUTES {
        let detail = format!("the total number of attributes and capacities must not exceed {MAX_ATTRIBUTES}");
        faults.invalid(path, "", all, &detail);
    }
    let values: usize = attributes.values().map(count_values).sum();
    if values > MAX_ATTRIBUTE_VALUES {
        let detail = format!("the total number of attribute values must not exceed {MAX_ATTRIBUTE_VALUES}");
        faults.invalid(path, "", values, &detail);
    }
    for (name, attribute) in &attributes {
        validate_qualified_name(name, &format!("{path}.attributes"), faults);
        validate_attribute(attribute, &format!("{path}.attributes[{name}]"), faults);
    }
    for (name, amount) in &capacity {
        validate_qualified_name(name, &format!("{path}.capacity"), faults);
        if amount.request_policy.is_some() && device.allow_multiple_allocations != Some(true) {
            let field = format!("capacity[{name}].requestPolicy");
            faults.forbidden(path, &field, "allowMultipleAllocations must be true");
        }
    }
    validate_list(items(&device.taints), MAX_TAINTS, &format!("{path}.taints"), faults, validate_taint);
    let consumptions = items(&device.consumes_counters);
    let at = format!("{path}.consumesCounters");
    validate_set(
        consumptions,
        MAX_CONSUMPTIONS,
        &at,
        faults,
        |c| c.counter_set.as_str(),
        |consumption, path, faults| {
            if faults.require(path, "counterSet", &consumption.counter_set) {
                validate_label(&consumption.counter_set, path, "counterSet", faults);
            }
            let counters: Vec<&String> = consumption.counters.keys().collect();
            validate_counters(&counters, path, faults);
        },
    );
    validate_device_nodes(device, per_device, path, faults);
    validate_binding_conditions(&device.binding_conditions, &device.binding_failure_conditions, path, faults);
}

fn validate_device_nodes(device: &Device, per_device: bool, path: &str, faults: &mut Faults) {
    let some = device.node_name.is_some() || device.node_selector.is_some() || device.all_nodes.is_some();
    if !per_device {
        if some {
            let detail = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set \
                          to true in the ResourceSlice spec";
            faults.invalid(path, "", serde_json::Value::Null, detail);
        }
        return;
    }
    let mut given = Vec::new();
    match device.node_name.as_deref() {
        Some("") => faults.invalid(path, "nodeName", "", "must not be empty"),
        Some(name) => {
            given.push("`nodeName`");
            faults.all_invalid(path, "nodeName", name, names::dns1123_subdomain(name));
        }
        None => {}
    }
    if let Some(selector) = &device.node_selector {
        given.push("`nodeSelector`");
        faults.extend(validate_node_selector(selector, &format!("{path}.nodeSelector")));
    }
    match device.all_nodes {
        Some(true) => given.push("`allNodes`"),
        Some(false) => faults.invalid(path, "allNodes", false, "must be either unset or set to true"),
        None => {}
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is \
                  set to true in the ResourceSlice spec";
    match given.len() {
        0 => faults.required_for(path, "", detail),
        1 => {}
        _ => faults.invalid(path, "", format!("{{{}}}", given.join(", ")), detail),
    }
}

fn count_values(attribute: &DeviceAttribute) -> usize {
    let listed = items(&attribute.bools).len()
        + items(&attribute.ints).len()
        + items(&attribute.strings).len()
        + items(&attribute.versions).len();
    listed.max(1)
}

/// Mirrors `validateDeviceAttribute`.
fn validate_attribute(attribute: &DeviceAttribute, path: &str, faults: &mut Faults) {
    let too_long = |value: &str, field: &str, faults: &mut Faults| {
        if value.len() > MAX_VALUE {
            faults.0.push(FieldError::too_long(format!("{path}.{field}"), MAX_VALUE));
        }
    };
    let version = |value: &str, field: &str, faults: &mut Faults| {
        if !is_semver(value) {
            faults.invalid(path, field, value, "must be a string compatible with semver.org spec 2.0.0");
        }
        too_long(value, field, faults);
    };
    if let Some(value) = &attribute.string {
        too_long(value, "string", faults);
    }
    if let Some(value) = &attribute.version {
        version(value, "version", faults);
    }
    for (i, value) in items(&attribute.strings).iter().enumerate() {
        too_long(value, &format!("strings[{i}]"), faults);
    }
    for (i, value) in items(&attribute.versions).iter().enumerate() {
        version(value, &format!("versions[{i}]"), faults);
    }
    let given = [
        attribute.bool.is_some(),
        attribute.int.is_some(),
        attribute.string.is_some(),
        attribute.version.is_some(),
        attribute.bools.is_some(),
        attribute.ints.is_some(),
        attribute.strings.is_some(),
        attribute.versions.is_some(),
    ];
    match given.into_iter().filter(|given| *given).count() {
        0 => faults.invalid(path, "", "", "exactly one value must be specified"),
        1 => {}
        _ => {
            let value = Internal::of("DeviceAttribute", attribute);
            faults.invalid(path, "", value, "exactly one value must be specified");
        }
    }
}

/// Mirrors `semverRe`: three numbers without leading zeros, and what may follow them.
fn is_semver(version: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_number = |part: &str| {
        part == "0" || !part.is_empty() && !part.starts_with('0') && part.chars().all(|c| c.is_ascii_digit())
    };
    let (rest, build) = version.split_once('+').map_or((version, None), |(rest, build)| (rest, Some(build)));
    let (core, release) = rest.split_once('-').map_or((rest, None), |(core, release)| (core, Some(release)));
    let is_release = |part: &str| is_part(part) && (is_number(part) || part.chars().any(|c| !c.is_ascii_digit()));
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && release.is_none_or(|release| release.split('.').all(is_release))
        && build.is_none_or(|build| build.split('.').all(is_part))
}

/// Mirrors `validateDeviceTaint`.
fn validate_taint(taint: &DeviceTaint, path: &str, faults: &mut Faults) {
    faults.extend(validate_label_name(&taint.key, &format!("{path}.key")));
    let value = text(&taint.value);
    if !value.is_empty() {
        faults.all_invalid(path, "value", value, names::label_value(value));
    }
    if faults.require(path, "effect", &taint.effect) {
        faults.one_of(path, "effect", &taint.effect, &EFFECTS);
    }
}

/// Mirrors `validateCounterSet`.
fn validate_counter_set(set: &CounterSet, path: &str, faults: &mut Faults) {
    if faults.require(path, "name", &set.name) {
        validate_label(&set.name, path, "name", faults);
    }
    let counters: Vec<&String> = set.counters.keys().collect();
    validate_counters(&counters, path, faults);
}

fn validate_counters(counters: &[&String], path: &str, faults: &mut Faults) {
    if counters.is_empty() {
        return faults.required(path, "counters");
    }
    if counters.len() > MAX_COUNTERS {
        return faults.0.push(FieldError::too_many(format!("{path}.counters"), counters.len(), MAX_COUNTERS));
    }
    for name in counters {
        validate_label(name, path, "counters", faults);
    }
}

#[cfg(test)]
mod tests {
    use super::is_semver;

    #[test]
    fn versions_are_those_of_semver() {
        let good = ["1.0.0", "0.1.2-alpha.1", "1.0.0-x-y+build.05", "10.20.30+a"];
        let bad = ["1.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "v1.0.0", ""];
        assert!(good.into_iter().all(is_semver));
        assert!(!bad.into_iter().any(is_semver));
    }
}
