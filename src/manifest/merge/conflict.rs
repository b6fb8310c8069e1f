//! Whether two patches of one document change the same thing differently (`apply --overwrite=false`).
//!
//! Mirrors `MergingMapsHaveConflicts` of `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::MergeError;
use super::lists::{DIRECTIVE, Items, deduplicate, items_of, sort_scalars};
use super::lookup::Lookup;
use super::print::go_value;
use crate::api::schema::PatchStrategy;

/// Whether what one patch does contradicts the other.
pub(super) fn clash(left: &Map<String, Value>, right: &Map<String, Value>, lookup: Lookup) -> Result<bool, MergeError> {
    if left.get(DIRECTIVE) != right.get(DIRECTIVE) {
        return Ok(true);
    }
    for (key, value) in left.iter().filter(|(key, _)| *key != DIRECTIVE && *key != "$retainKeys") {
        let Some(other) = right.get(key) else { continue };
        let (inner, strategy) = match value {
            Value::Array(_) => lookup.list(key)?,
            Value::Object(_) => lookup.object(key)?,
            _ => (lookup, PatchStrategy::default()),
        };
        if values_clash(value, other, inner, strategy)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn values_clash(left: &Value, right: &Value, lookup: Lookup, strategy: PatchStrategy) -> Result<bool, MergeError> {
    match (left, right) {
        // What is replaced as a whole has no keys to look at.
        (Value::Object(left), Value::Object(right)) if strategy.replace => {
            Ok(left.get(DIRECTIVE) != right.get(DIRECTIVE))
        }
        (Value::Object(left), Value::Object(right)) => clash(left, right, lookup),
        (Value::Array(left), Value::Array(right)) => lists_clash(left, right, lookup, strategy),
        (left, right) => Ok(left != right),
    }
}

fn lists_clash(left: &[Value], right: &[Value], lookup: Lookup, strategy: PatchStrategy) -> Result<bool, MergeError> {
    let items = items_of(&[left, right])?;
    if strategy.merge {
        if items == Items::Scalars {
            return Ok(false);
        }
        let key = strategy.merge_key.unwrap_or_default();
        let (left, right) = (by_key(left, key)?, by_key(right, key)?);
        for (name, item) in &left {
            if let Some(other) = right.get(name)
                && values_clash(item, other, lookup, PatchStrategy::default())?
            {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if left.len() != right.len() {
        return Ok(true);
    }
    let (mut left, mut right) = (left.to_vec(), right.to_vec());
    if items == Items::Scalars {
        for list in [&mut left, &mut right] {
            deduplicate(list);
            sort_scalars(list);
        }
    }
    for (item, other) in left.iter().zip(&right) {
        if values_clash(item, other, lookup, PatchStrategy::default())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn by_key<'a>(list: &'a [Value], key: &str) -> Result<BTreeMap<String, &'a Value>, MergeError> {
    let named = |item: &'a Value| match item.get(key) {
        Some(value) => Ok((go_value(value), item)),
        None => {
            let text = format!("cannot find merge key `{key}` in merging list element:{}", go_value(item));
            Err(MergeError::other(text))
        }
    };
    list.iter().map(named).collect()
}
