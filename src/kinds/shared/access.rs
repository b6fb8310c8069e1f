//! Short ways to read and fill optional fields.

use std::collections::BTreeMap;

use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::quantity::Quantity;

/// A list of amounts: `requests`, `limits`, `capacity`, `hard`.
pub type ResourceList = BTreeMap<String, Text>;

/// The text of an optional field; empty where it is absent.
pub fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// The items of an optional list; none where it is absent.
pub fn items<T>(field: &Option<Vec<T>>) -> &[T] {
    field.as_deref().unwrap_or_default()
}

/// Fills a field that is absent or empty.
pub fn set_text(field: &mut Option<String>, value: &str) {
    if text(field).is_empty() {
        *field = Some(value.to_string());
    }
}

/// Rounds amounts up to thousandths. Mirrors `SetDefaults_ResourceList`.
pub fn set_resource_list_defaults(list: &mut Option<ResourceList>) {
    for q in list.iter_mut().flat_map(BTreeMap::values_mut) {
        if let Ok(amount) = Quantity::parse(&q.0) {
            let rounded = Quantity::from_milli(amount.milli_value(), amount.format());
            if rounded > amount && rounded.milli_value() < i64::MAX {
                q.0 = rounded.to_string();
            }
        }
    }
}
