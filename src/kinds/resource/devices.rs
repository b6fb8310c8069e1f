//! What claims, classes and slices say of devices alike.
//!
//! Mirrors `pkg/apis/resource/validation/validation.go`.

use std::collections::BTreeSet;

use crate::api::k8s::api::resource::v1::{DeviceSelector, DeviceToleration, OpaqueDeviceConfiguration};
use crate::api::names;
use crate::api::selector::validate_label_name;
use crate::error::FieldError;
use crate::kinds::core::persistent_volume::source::validate_csi_driver_name;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;

/// The effects of a device's taint.
pub(super) const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

const MAX_SELECTORS: usize = 32;
const MAX_EXPRESSION: usize = 10 * 1024;
const MAX_PARAMETERS: usize = 10 * 1024;
/// The longest name within a domain.
const MAX_ID: usize = 32;

/// Refuses a list that is too long, or else looks at each item. Mirrors `validateSlice`.
pub(super) fn validate_list<T>(
    list: &[T],
    most: usize,
    path: &str,
    faults: &mut Faults,
    mut validate: impl FnMut(&T, &str, &mut Faults),
) -> bool {
    if list.len() > most {
        faults.0.push(FieldError::too_many(path, list.len(), most));
        return false;
    }
    for (i, item) in list.iter().enumerate() {
        validate(item, &format!("{path}[{i}]"), faults);
    }
    true
}

/// The same for a list whose items have different keys. Mirrors `validateSet`.
pub(super) fn validate_set<T>(
    list: &[T],
    most: usize,
    path: &str,
    faults: &mut Faults,
    key: impl Fn(&T) -> &str,
    validate: impl FnMut(&T, &str, &mut Faults),
) {
    if !validate_list(list, most, path, faults, validate) {
        return;
    }
    let mut seen = BTreeSet::new();
    for (i, item) in list.iter().enumerate() {
        if !seen.insert(key(item)) {
            faults.duplicate(&format!("{path}[{i}]"), "", key(item));
        }
    }
}

/// A name that is one DNS label.
pub(super) fn validate_label(name: &str, path: &str, field: &str, faults: &mut Faults) {
    faults.all_invalid(path, field, name, names::dns1123_label(name));
}

/// Mirrors `validateSelectorSlice`.
pub(super) fn validate_selectors(selectors: &[DeviceSelector], path: &str, faults: &mut Faults) {
    let path = format!("{path}.selectors");
    validate_list(selectors, MAX_SELECTORS, &path, faults, |selector, path, faults| match &selector.cel {
        None => faults.required(path, "cel"),
        Some(cel) if cel.expression.len() > MAX_EXPRESSION => {
            faults.0.push(FieldError::too_long(format!("{path}.cel.expression"), MAX_EXPRESSION));
        }
        Some(_) => {}
    });
}

/// Mirrors `validateDeviceConfiguration`.
pub(super) fn validate_configuration(opaque: Option<&OpaqueDeviceConfiguration>, path: &str, faults: &mut Faults) {
    let Some(opaque) = opaque else { return faults.required(path, "opaque") };
    let path = format!("{path}.opaque");
    faults.extend(validate_csi_driver_name(&opaque.driver, &format!("{path}.driver")));
    let parameters = &opaque.parameters.0;
    if parameters.is_null() {
        faults.required(&path, "parameters");
    } else if parameters.to_string().len() > MAX_PARAMETERS {
        faults.0.push(FieldError::too_long(format!("{path}.parameters"), MAX_PARAMETERS));
    } else if !parameters.is_object() {
        faults.invalid(&path, "parameters", "<value omitted>", "must be a valid JSON object");
    }
}

/// Mirrors `validateDeviceToleration`.
pub(super) fn validate_tolerations(tolerations: &[DeviceToleration], path: &str, faults: &mut Faults) {
    for (i, toleration) in tolerations.iter().enumerate() {
        let path = format!("{path}.tolerations[{i}]");
        let (key, value) = (text(&toleration.key), text(&toleration.value));
        if !key.is_empty() {
            faults.extend(validate_label_name(key, &format!("{path}.key")));
        }
        match text(&toleration.operator) {
            "Exists" if !value.is_empty() => {
                faults.invalid(&path, "value", value, "must be empty for operator `Exists`");
            }
            "Exists" => {}
            "Equal" => faults.all_invalid(&path, "value", value, names::label_value(value)),
            "" => faults.required(&path, "operator"),
            other => faults.one_of(&path, "operator", other, &["Equal", "Exists"]),
        }
        if let Some(effect) = toleration.effect.as_deref().filter(|effect| !effect.is_empty()) {
            faults.one_of(&path, "effect", effect, &EFFECTS);
        }
    }
}

/// Mirrors `validateQualifiedName`: a C identifier, or one after a domain.
pub(super) fn validate_qualified_name(name: &str, path: &str, faults: &mut Faults) {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [id] => validate_c_identifier(id, path, faults),
        [domain, id] => {
            match *domain {
                "" => faults.invalid(path, "", "", "the domain must not be empty"),
                domain => faults.extend(validate_csi_driver_name(domain, path)),
            }
            match *id {
                "" => faults.invalid(path, "", "", "the name must not be empty"),
                id => validate_c_identifier(id, path, faults),
            }
        }
        // OBSERVATION: the original lets names with more slashes pass.
        _ => {}
    }
}

/// Mirrors `validateFullyQualifiedName`.
pub(super) fn validate_fully_qualified_name(name: &str, path: &str, faults: &mut Faults) {
    validate_qualified_name(name, path, faults);
    if !name.contains('/') {
        let detail = "a fully qualified name must be a domain and a name separated by a slash";
        faults.invalid(path, "", name, detail);
    }
}

fn validate_c_identifier(id: &str, path: &str, faults: &mut Faults) {
    if id.len() > MAX_ID {
        faults.0.push(FieldError::too_long(path, MAX_ID));
    }
    let good = !id.starts_with(|c: char| c.is_ascii_digit())
        && !id.is_empty()
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !good {
        let message = "a valid C identifier must start with alphabetic character or '_', followed by a string of \
                       alphanumeric characters or '_'";
        let detail = names::regex_error(message, "[A-Za-z_][A-Za-z0-9_]*", &["my_name", "MY_NAME", "MyName"]);
        faults.invalid(path, "", id, &detail);
    }
}

/// Mirrors `validateDeviceBindingParameters`.
pub(super) fn validate_binding_conditions(
    conditions: &Option<Vec<String>>,
    failures: &Option<Vec<String>>,
    path: &str,
    faults: &mut Faults,
) {
    const MOST: usize = 4;
    let (conditions, failures) = (items(conditions), items(failures));
    for (list, field) in [(conditions, "bindingConditions"), (failures, "bindingFailureConditions")] {
        validate_list(list, MOST, &format!("{path}.{field}"), faults, |name, path, faults| {
            faults.extend(validate_label_name(name, path));
        });
    }
    for (list, field) in [(conditions, "bindingConditions"), (failures, "bindingFailureConditions")] {
        let mut seen = BTreeSet::new();
        for (i, condition) in list.iter().enumerate() {
            let field = format!("{field}[{i}]");
            if !seen.insert(condition) {
                faults.duplicate(path, &field, condition);
            }
            if field.starts_with("bindingF") && conditions.contains(condition) {
                let detail = "bindingFailureConditions must not overlap with bindingConditions";
                faults.invalid(path, &field, condition, detail);
            }
        }
    }
    if conditions.is_empty() && !failures.is_empty() {
        let detail = "bindingConditions are required to use bindingFailureConditions";
        faults.invalid(path, "bindingConditions", serde_json::Value::Null, detail);
    }
    if failures.is_empty() && !conditions.is_empty() {
        let detail = "bindingFailureConditions are required to use bindingConditions";
        faults.invalid(path, "bindingFailureConditions", serde_json::Value::Null, detail);
    }
}
