//! CSIStorageCapacity.
//!
//! Mirrors `pkg/registry/storage/csistoragecapacity/strategy.go` and `pkg/apis/storage/validation`.

use crate::api::k8s::api::storage::v1::CSIStorageCapacity;
use crate::api::quantity::Quantity;
use crate::api::selector::validate_label_selector;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::persistent_volume::validation::validate_class_name;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::quantity;
use crate::kinds::shared::meta::{FIELD_IMMUTABLE, IS_NEGATIVE};
use crate::kinds::shared::node_selector::get_node_label_deprecated_message;

const COLUMNS: &[Column] = &[Column::new("NAME"), Column::new("STORAGECLASSNAME"), Column::new("CAPACITY")];

impl Strategy for CSIStorageCapacity {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if let Some(topology) = &self.node_topology {
            faults.extend(validate_label_selector(topology, "nodeTopology"));
        }
        faults.extend(validate_class_name(&self.storage_class_name, "storageClassName"));
        let capacity = self.capacity.as_ref().and_then(|q| Quantity::try_from(q).ok());
        if let Some(capacity) = capacity.filter(|q| q.sign() < 0) {
            faults.push(FieldError::invalid("capacity", capacity.to_string(), IS_NEGATIVE));
        }
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Some(topology) = &self.node_topology else { return warnings };
        for (i, expression) in items(&topology.match_expressions).iter().enumerate() {
            if let Some(message) = get_node_label_deprecated_message(&expression.key) {
                let key = &expression.key;
                warnings.push(format!("nodeTopology.matchExpressions[{i}].key: {key} is {message}"));
            }
        }
        for (label, _) in topology.match_labels.iter().flatten() {
            if let Some(message) = get_node_label_deprecated_message(label) {
                warnings.push(format!("nodeTopology.matchLabels.{label}: {message}"));
            }
        }
        warnings
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        if self.node_topology != old.node_topology {
            faults.push(FieldError::invalid("nodeTopology", &self.node_topology, FIELD_IMMUTABLE));
        }
        if self.storage_class_name != old.storage_class_name {
            faults.push(FieldError::invalid("storageClassName", &self.storage_class_name, FIELD_IMMUTABLE));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, _context: &PrintContext<'_>) -> Vec<String> {
        vec![
            text(&self.metadata.name).into(),
            self.storage_class_name.clone(),
            self.capacity.as_ref().map_or("<unset>".into(), quantity),
        ]
    }
}
