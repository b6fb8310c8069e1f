//! CSINode.
//!
//! Mirrors `pkg/registry/storage/csinode/strategy.go` and `pkg/apis/storage/validation`.

use std::collections::BTreeSet;

use crate::api::k8s::api::storage::v1::{CSINode, CSINodeDriver};
use crate::api::names;
use crate::api::time::rfc1123z;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::core::persistent_volume::source::validate_csi_driver_name;
use crate::kinds::core::pod::volumes::list;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::describe::{describe_events_of, print_annotations_multiline, print_labels_multiline};
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::meta::{FIELD_IMMUTABLE, validate_nonnegative};
use crate::kinds::shared::print;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("CREATED AT").until(17),
    Column::new("DRIVERS").since(18),
    Column::new("AGE").since(18),
];

/// The longest id that a driver may give a node.
const NODE_ID_MAX: usize = 256;

impl Strategy for CSINode {
    fn validate(&self) -> Vec<FieldError> {
        let mut seen = BTreeSet::new();
        let drivers = self.spec.drivers.iter().enumerate();
        drivers.flat_map(|(i, d)| validate_driver(d, &mut seen, &format!("spec.drivers[{i}]"))).collect()
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        let same = |a: &CSINodeDriver, b: &CSINodeDriver| {
            CSINodeDriver { allocatable: None, ..a.clone() } == CSINodeDriver { allocatable: None, ..b.clone() }
        };
        for was in &old.spec.drivers {
            for is in self.spec.drivers.iter().filter(|d| d.name == was.name && !same(d, was)) {
                let value = Internal::of("CSINodeDriver", &CSINodeDriver { allocatable: None, ..is.clone() });
                faults.push(FieldError::invalid("spec.drivers", value, FIELD_IMMUTABLE));
            }
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![
            text(&self.metadata.name).into(),
            print::created_at(&self.metadata),
            self.spec.drivers.len().to_string(),
            print::age(&self.metadata, context),
        ]
    }

    /// Mirrors `describeCSINode`.
    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        let meta = &self.metadata;
        d.field(0, "Name", text(&meta.name));
        print_labels_multiline(d, "Labels", &meta.labels);
        print_annotations_multiline(d, "Annotations", &meta.annotations);
        d.field(0, "CreationTimestamp", rfc1123z(meta.creation_timestamp.as_ref()));
        d.write(0, "Spec:\n");
        if !self.spec.drivers.is_empty() {
            d.write(1, "Drivers:\n");
        }
        for driver in &self.spec.drivers {
            d.write(2, format!("{}:\n", driver.name));
            d.field(3, "Node ID", &driver.node_id);
            if let Some(count) = driver.allocatable.as_ref().and_then(|a| a.count) {
                d.write(3, "Allocatables:\n");
                d.field(4, "Count", count);
            }
            if let Some(keys) = &driver.topology_keys {
                d.field(3, "Topology Keys", list(keys));
            }
        }
        describe_events_of(d, meta, context);
    }
}

fn validate_driver<'a>(driver: &'a CSINodeDriver, seen: &mut BTreeSet<&'a str>, path: &str) -> Vec<FieldError> {
    let mut faults = validate_csi_driver_name(&driver.name, &format!("{path}.name"));
    let field = format!("{path}.nodeID");
    if driver.node_id.is_empty() {
        faults.push(FieldError::required(&field, ""));
    }
    if driver.node_id.len() > NODE_ID_MAX {
        let detail = format!("must be {NODE_ID_MAX} characters or less");
        faults.push(FieldError::invalid(field, &driver.node_id, &detail));
    }
    if let Some(count) = driver.allocatable.as_ref().and_then(|a| a.count) {
        faults.extend(validate_nonnegative(count.into(), &format!("{path}.allocatable.count")));
    }
    if !seen.insert(&driver.name) {
        faults.push(FieldError::duplicate(format!("{path}.name"), &driver.name));
    }
    let mut keys = BTreeSet::new();
    for key in items(&driver.topology_keys) {
        if key.is_empty() {
            faults.push(FieldError::required(path, ""));
        }
        if !keys.insert(key) {
            faults.push(FieldError::duplicate(path, key));
        }
        faults.extend(names::qualified_name(key).iter().map(|e| FieldError::invalid(path, key, e)));
    }
    faults
}
