//! StorageClass.
//!
//! Mirrors `pkg/registry/storage/storageclass/strategy.go` and `pkg/apis/storage/validation`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::api::ObjectMeta;
use crate::api::k8s::api::core::v1::{TopologySelectorLabelRequirement, TopologySelectorTerm};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::names;
use crate::api::object::annotation_of;
use crate::api::selector::{format_labels, validate_label_name};
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_bool_ptr};
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::node_selector::get_node_label_deprecated_message;
use crate::kinds::shared::print;

/// The annotation that makes a class the default one.
pub const IS_DEFAULT_STORAGE_CLASS_ANNOTATION: &str = "storageclass.kubernetes.io/is-default-class";
/// The same before 1.6.
pub const BETA_IS_DEFAULT_STORAGE_CLASS_ANNOTATION: &str = "storageclass.beta.kubernetes.io/is-default-class";

/// How many parameters a class may have, and how many bytes all of them.
const MAX_PARAMETERS: usize = 512;
const MAX_PARAMETERS_SIZE: usize = 256 * 1024;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("PROVISIONER"),
    Column::new("RECLAIMPOLICY").since(18),
    Column::new("VOLUMEBINDINGMODE").since(18),
    Column::new("ALLOWVOLUMEEXPANSION").since(18),
    Column::new("AGE"),
];

impl Strategy for StorageClass {
    fn set_defaults(&mut self) {
        self.reclaim_policy.get_or_insert_with(|| "Delete".into());
        self.volume_binding_mode.get_or_insert_with(|| "Immediate".into());
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = validate_provisioner(&self.provisioner, "provisioner");
        faults.extend(validate_parameters(self.parameters.as_ref(), true, "parameters"));
        let policy = text(&self.reclaim_policy);
        if !policy.is_empty() && !["Delete", "Retain"].contains(&policy) {
            faults.push(FieldError::not_supported("reclaimPolicy", policy, &["Delete", "Retain"]));
        }
        let modes = ["Immediate", "WaitForFirstConsumer"];
        match self.volume_binding_mode.as_deref() {
            None => faults.push(FieldError::required("volumeBindingMode", "")),
            Some(mode) if !modes.contains(&mode) => {
                faults.push(FieldError::not_supported("volumeBindingMode", mode, &modes));
            }
            Some(_) => {}
        }
        faults.extend(validate_allowed_topologies(items(&self.allowed_topologies), "allowedTopologies"));
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (i, term) in items(&self.allowed_topologies).iter().enumerate() {
            for (j, expression) in items(&term.match_label_expressions).iter().enumerate() {
                if let Some(message) = get_node_label_deprecated_message(&expression.key) {
                    warnings.push(format!("allowedTopologies[{i}].matchLabelExpressions[{j}].key: {message}"));
                }
            }
        }
        warnings
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        if self.parameters.clone().unwrap_or_default() != old.parameters.clone().unwrap_or_default() {
            faults.push(FieldError::invalid("parameters", &self.parameters, FIELD_IMMUTABLE));
        }
        if self.provisioner != old.provisioner {
            faults.push(FieldError::invalid("provisioner", &self.provisioner, FIELD_IMMUTABLE));
        }
        if self.reclaim_policy != old.reclaim_policy {
            faults.push(FieldError::invalid("reclaimPolicy", &self.reclaim_policy, FIELD_IMMUTABLE));
        }
        if self.volume_binding_mode != old.volume_binding_mode {
            faults.push(FieldError::invalid("volumeBindingMode", &self.volume_binding_mode, FIELD_IMMUTABLE));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let default = if is_default_annotation(&self.metadata) { " (default)" } else { "" };
        vec![
            format!("{}{default}", text(&self.metadata.name)),
            self.provisioner.clone(),
            self.reclaim_policy.clone().unwrap_or_else(|| "Delete".into()),
            self.volume_binding_mode.clone().unwrap_or_else(|| "Immediate".into()),
            self.allow_volume_expansion.unwrap_or(false).to_string(),
            print::age(&self.metadata, context),
        ]
    }

    /// Mirrors `describeStorageClass`.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let default = if is_default_annotation(&self.metadata) { "Yes" } else { "No" };
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "IsDefaultClass", default);
        d.field(0, "Annotations", format_labels(self.metadata.annotations.as_ref()));
        d.field(0, "Provisioner", &self.provisioner);
        d.field(0, "Parameters", format_labels(self.parameters.as_ref()));
        d.field(0, "AllowVolumeExpansion", print_bool_ptr(self.allow_volume_expansion));
        if items(&self.mount_options).is_empty() {
            d.field(0, "MountOptions", "<none>");
        } else {
            d.write(0, "MountOptions:\n");
            items(&self.mount_options).iter().for_each(|option| d.write(1, format!("{option}\n")));
        }
        if let Some(policy) = &self.reclaim_policy {
            d.field(0, "ReclaimPolicy", policy);
        }
        if let Some(mode) = &self.volume_binding_mode {
            d.field(0, "VolumeBindingMode", mode);
        }
        if let Some(topologies) = &self.allowed_topologies {
            print_allowed_topologies(d, topologies);
        }
        describe_events_of(d, &self.metadata, context);
    }
}

fn print_allowed_topologies(d: &mut Description, topologies: &[TopologySelectorTerm]) {
    d.write(0, "AllowedTopologies:\t");
    if topologies.is_empty() {
        d.write(0, "<none>\n");
        return;
    }
    d.write(0, "\n");
    for (i, term) in topologies.iter().enumerate() {
        d.write(1, format!("Term {i}:\t"));
        let expressions = items(&term.match_label_expressions);
        if expressions.is_empty() {
            d.write(0, "<none>\n");
        }
        for (j, expression) in expressions.iter().enumerate() {
            if j != 0 {
                d.write(1, "\t");
            }
            let values = match expression.values.as_slice() {
                [] => String::new(),
                values => format!(" [{}]", values.join(", ")),
            };
            d.write(0, format!("{} in{values}\n", expression.key));
        }
    }
}

/// What is wrong with the name of a provisioner or driver.
pub(in crate::kinds) fn validate_provisioner(provisioner: &str, path: &str) -> Vec<FieldError> {
    if provisioner.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let name = provisioner.to_lowercase();
    names::qualified_name(&name).iter().map(|e| FieldError::invalid(path, &name, e)).collect()
}

/// What is wrong with the parameters of a class.
pub(in crate::kinds) fn validate_parameters(
    parameters: Option<&BTreeMap<String, String>>,
    allow_empty: bool,
    path: &str,
) -> Vec<FieldError> {
    let count = parameters.map_or(0, BTreeMap::len);
    if count > MAX_PARAMETERS {
        return vec![FieldError::too_long(path, MAX_PARAMETERS)];
    }
    let mut faults = Vec::new();
    let mut size = 0;
    for (key, value) in parameters.into_iter().flatten() {
        if key.is_empty() {
            faults.push(FieldError::invalid(path, key, "field can not be empty."));
        }
        size += key.len() + value.len();
    }
    if size > MAX_PARAMETERS_SIZE {
        faults.push(FieldError::too_long(path, MAX_PARAMETERS_SIZE));
    }
    if !allow_empty && count == 0 {
        faults.push(FieldError::required(path, "must contain at least one key/value pair"));
    }
    faults
}

fn validate_allowed_topologies(topologies: &[TopologySelectorTerm], path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut seen: Vec<BTreeMap<&str, BTreeSet<&str>>> = Vec::new();
    for (i, term) in topologies.iter().enumerate() {
        let field = format!("{path}[{i}].matchLabelExpressions");
        let mut expressions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (j, requirement) in items(&term.match_label_expressions).iter().enumerate() {
            let field = format!("{field}[{j}]");
            faults.extend(validate_topology_requirement(requirement, &field));
            let values = requirement.values.iter().map(String::as_str).collect();
            if expressions.insert(&requirement.key, values).is_some() {
                faults.push(FieldError::duplicate(format!("{field}.key"), &requirement.key));
            }
        }
        let twins = seen.iter().filter(|s| **s == expressions).count();
        faults.extend((0..twins).map(|_| FieldError::duplicate(&field, "")));
        seen.push(expressions);
    }
    faults
}

fn validate_topology_requirement(requirement: &TopologySelectorLabelRequirement, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if requirement.values.is_empty() {
        faults.push(FieldError::required(format!("{path}.values"), ""));
    }
    let mut seen = BTreeSet::new();
    for (i, value) in requirement.values.iter().enumerate() {
        if !seen.insert(value) {
            faults.push(FieldError::duplicate(format!("{path}.values[{i}]"), value));
        }
    }
    faults.extend(validate_label_name(&requirement.key, &format!("{path}.key")));
    faults
}

/// Whether a class is marked as a default; mirrors `util.IsDefaultAnnotation` of `pkg/apis/storage/util`.
pub fn is_default_annotation(meta: &ObjectMeta) -> bool {
    [IS_DEFAULT_STORAGE_CLASS_ANNOTATION, BETA_IS_DEFAULT_STORAGE_CLASS_ANNOTATION]
        .iter()
        .any(|key| annotation_of(meta, key) == Some("true"))
}

/// The class of claims that name none: the newest of those marked so, by name among equals.
/// Mirrors `util.GetDefaultClass` of `pkg/volume/util/storageclass.go`.
pub fn get_default_class<'a>(classes: impl Iterator<Item = &'a StorageClass>) -> Option<&'a StorageClass> {
    let defaults = classes.filter(|class| is_default_annotation(&class.metadata));
    defaults.min_by_key(|class| {
        (Reverse(class.metadata.creation_timestamp.as_ref().map(|t| t.0)), class.metadata.name.as_deref())
    })
}
