//! The table `enums.txt`: what values the enumerated types have.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A value of an enumerated type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumValue {
    /// The value, `WaitForFirstConsumer`.
    pub value: &'static str,
    /// What it means; empty where the schema does not say.
    pub description: &'static str,
}

/// The values of the type with that Go name, in the order of the published schema.
pub(super) fn values_of(go_name: &str) -> Option<&'static [EnumValue]> {
    static TABLE: OnceLock<BTreeMap<&'static str, Vec<EnumValue>>> = OnceLock::new();
    TABLE.get_or_init(table).get(go_name).map(Vec::as_slice)
}

fn table() -> BTreeMap<&'static str, Vec<EnumValue>> {
    let mut table = BTreeMap::new();
    let mut name = "";
    for line in include_str!("enums.txt").lines().filter(|l| !l.starts_with('#')) {
        let Some(line) = line.strip_prefix(' ') else {
            name = line;
            continue;
        };
        let values: &mut Vec<EnumValue> = table.entry(name).or_default();
        if let Some(list) = line.strip_prefix("= ") {
            values.extend(list.split(' ').map(|value| EnumValue { value, description: "" }));
        } else if let Some((value, description)) = line.strip_prefix('"').and_then(|l| l.split_once("\" ")) {
            values.push(EnumValue { value, description });
        }
    }
    table
}
