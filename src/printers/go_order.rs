//! The order in which Go writes the fields of a struct as JSON: as they are declared, not sorted.
//!
//! kubectl prints what it holds as Go structs (`create deployment --dry-run=client -o json`) in this order,
//! and everything else with sorted keys.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::api::schema::TypeDef;

fn table() -> &'static BTreeMap<&'static str, &'static str> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        include_str!("go_order.txt").lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(' ')).collect()
    })
}

/// Sorts a struct's field names as Go declares them; unknown ones come last.
pub fn sort(def: &TypeDef, names: &mut [&String]) {
    let short = def
        .name
        .strip_prefix("io.k8s.api.")
        .or_else(|| def.name.strip_prefix("io.k8s.apimachinery.pkg.apis."))
        .unwrap_or(&def.name);
    let Some(order) = table().get(short) else { return };
    names.sort_by_key(|name| order.split(' ').position(|n| n == name.as_str()).unwrap_or(usize::MAX));
}
