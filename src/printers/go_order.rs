//! The order in which Go writes the fields of a struct as JSON: as they are declared, not sorted.
//!
//! kubectl prints what it holds as Go structs (`create deployment --dry-run=client -o json`) in this order,
//! and everything else with sorted keys.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::api::schema::{FieldType, TypeDef};

fn table() -> &'static BTreeMap<&'static str, &'static str> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        include_str!("go_order.txt").lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(' ')).collect()
    })
}

/// The order in which a Go struct declares its fields, and the structs in them.
pub trait Order {
    /// The place of a field; none for one that is not known, which comes last.
    fn place(&self, name: &str) -> Option<usize>;

    /// The struct that a field holds, by itself or in a list.
    fn below(&self, name: &str) -> Option<&dyn Order>;
}

impl Order for TypeDef {
    fn place(&self, name: &str) -> Option<usize> {
        let short = self
            .name
            .strip_prefix("io.k8s.api.")
            .or_else(|| self.name.strip_prefix("io.k8s.apimachinery.pkg.apis."))
            .unwrap_or(&self.name);
        table().get(short)?.split(' ').position(|n| n == name)
    }

    fn below(&self, name: &str) -> Option<&dyn Order> {
        match &self.fields.get(name)?.ty {
            FieldType::Map(_) => None,
            other => other.leaf().as_struct().map(|def| def as &dyn Order),
        }
    }
}
