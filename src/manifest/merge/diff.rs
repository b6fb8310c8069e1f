//! Makes strategic merge patches out of documents.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/strategicpatch`: `diffMaps`, `diffLists` and their helpers.

use serde_json::{Map, Value};

use super::MergeError;
use super::lists::{
    DIRECTIVE, Items, bad_type, deduplicate, items_of, keyed, sort_by_key, sort_by_order, sort_scalars, type_of,
};
use super::lookup::Lookup;
use super::print::go_value;

/// What of the difference goes into the patch.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiffOptions {
    /// Lists say their order, in `$setElementOrder`.
    pub(super) set_element_order: bool,
    /// Only what is gone.
    pub(super) only_deletions: bool,
    /// Only what is new or changed.
    pub(super) ignore_deletions: bool,
    /// The object lists the keys that stay, in `$retainKeys`.
    pub(super) retain_keys: bool,
}

/// The patch that leads from one object to another; lists in `original` may be reordered.
pub(super) fn diff_maps(
    original: &mut Map<String, Value>,
    modified: &Map<String, Value>,
    lookup: Lookup,
    options: DiffOptions,
) -> Result<Map<String, Value>, MergeError> {
    let mut patch = Map::new();
    let mut retained = Vec::new();
    for (key, new) in modified {
        if options.retain_keys && !new.is_null() {
            retained.push(Value::String(key.clone()));
        }
        let Some(old) = original.get_mut(key) else {
            if !options.only_deletions {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        };
        if key == DIRECTIVE {
            if !old.is_string() || !new.is_string() {
                return Err(MergeError::other(format!("invalid value for special key: {DIRECTIVE}")));
            }
            if old != new {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        }
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => diff_objects(key, old, new, &mut patch, lookup, options)?,
            (Value::Array(old), Value::Array(new)) => diff_arrays(key, old, new, &mut patch, lookup, options)?,
            (old, new) => {
                if !options.only_deletions && (type_of(old) != type_of(new) || old != new) {
                    patch.insert(key.clone(), new.clone());
                }
            }
        }
    }
    if !options.ignore_deletions {
        for key in original.keys().filter(|k| !modified.contains_key(*k)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    let loses_a_field = || original.iter().any(|(k, v)| !v.is_null() && !modified.contains_key(k));
    if !retained.is_empty() && (!patch.is_empty() || loses_a_field()) {
        sort_scalars(&mut retained);
        patch.insert("$retainKeys".into(), Value::Array(retained));
    }
    Ok(patch)
}

fn diff_objects(
    key: &str,
    old: &mut Map<String, Value>,
    new: &Map<String, Value>,
    patch: &mut Map<String, Value>,
    lookup: Lookup,
    options: DiffOptions,
) -> Result<(), MergeError> {
    let (inner, strategy) = match lookup.object(key) {
        Ok(found) => found,
        // What cannot be looked up does not matter where nothing has changed.
        Err(_) if old == new => return Ok(()),
        Err(e) => return Err(e),
    };
    if strategy.replace {
        if !options.only_deletions {
            patch.insert(key.into(), Value::Object(new.clone()));
        }
        return Ok(());
    }
    let inner_patch = diff_maps(old, new, inner, DiffOptions { retain_keys: strategy.retain_keys, ..options })?;
    if !inner_patch.is_empty() {
        patch.insert(key.into(), Value::Object(inner_patch));
    }
    Ok(())
}

fn diff_arrays(
    key: &str,
    old: &mut Vec<Value>,
    new: &[Value],
    patch: &mut Map<String, Value>,
    lookup: Lookup,
    options: DiffOptions,
) -> Result<(), MergeError> {
    let (inner, strategy) = match lookup.list(key) {
        Ok(found) => found,
        Err(_) if *old == new => return Ok(()),
        Err(e) => return Err(e),
    };
    if !strategy.merge {
        if !options.only_deletions && *old != new {
            patch.insert(key.into(), Value::Array(new.to_vec()));
        }
        return Ok(());
    }
    let options = DiffOptions { retain_keys: strategy.retain_keys, ..options };
    let difference = diff_lists(old, new, inner, strategy.merge_key, options)?;
    for (name, list) in [
        (key.to_string(), difference.changes),
        (format!("$deleteFromPrimitiveList/{key}"), difference.deletions),
        (format!("$setElementOrder/{key}"), difference.order),
    ] {
        if !list.is_empty() {
            patch.insert(name, Value::Array(list));
        }
    }
    Ok(())
}

#[derive(Default)]
struct ListDifference {
    changes: Vec<Value>,
    deletions: Vec<Value>,
    order: Vec<Value>,
}

fn diff_lists(
    old: &mut Vec<Value>,
    new: &[Value],
    lookup: Lookup,
    key: Option<&'static str>,
    options: DiffOptions,
) -> Result<ListDifference, MergeError> {
    if old.is_empty() {
        let changes = if options.only_deletions { Vec::new() } else { new.to_vec() };
        return Ok(ListDifference { changes, ..ListDifference::default() });
    }
    let items = items_of(&[old.as_slice(), new])?;
    let mut difference = ListDifference::default();
    if items == Items::Objects {
        let merge_key = key.unwrap_or_default();
        let (changes, deletions) = diff_lists_of_maps(old, new, lookup, merge_key, options)?;
        difference.changes = sort_by_order(changes, new, key, items)?;
        let same_order = same_order(old, new, merge_key)?;
        difference.changes.extend(deletions);
        let changed = !difference.changes.is_empty();
        if options.set_element_order
            && ((!options.only_deletions && (changed || !same_order)) || (!options.ignore_deletions && changed))
        {
            for item in new {
                let value = item.get(merge_key).cloned().unwrap_or_default();
                difference.order.push(Value::Object(Map::from_iter([(merge_key.to_string(), value)])));
            }
        }
    } else {
        let (changes, deletions) = diff_lists_of_scalars(old, new, options);
        difference.changes = sort_by_order(changes, new, key, items)?;
        difference.deletions = deletions;
        if options.set_element_order
            && ((!options.ignore_deletions && !difference.deletions.is_empty())
                || (!options.only_deletions && *old != new))
        {
            difference.order = new.to_vec();
        }
    }
    Ok(difference)
}

fn same_order(old: &[Value], new: &[Value], key: &str) -> Result<bool, MergeError> {
    if old.len() != new.len() {
        return Ok(false);
    }
    for (old, new) in old.iter().zip(new) {
        if keyed(old, key)?.1 != keyed(new, key)?.1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sorts `old` on the way, as Go does: the caller compares it with the new list after that.
fn diff_lists_of_scalars(old: &mut [Value], new: &[Value], options: DiffOptions) -> (Vec<Value>, Vec<Value>) {
    sort_scalars(old);
    let mut sorted = new.to_vec();
    sort_scalars(&mut sorted);
    let (mut additions, mut deletions) = (Vec::new(), Vec::new());
    let (mut left, mut right) = (old.iter().peekable(), sorted.iter().peekable());
    loop {
        let texts = (left.peek().map(|v| go_value(v)), right.peek().map(|v| go_value(v)));
        let (drop_left, drop_right) = match texts {
            (None, None) => break,
            (Some(l), Some(r)) => (l <= r, r <= l),
            (l, r) => (l.is_some(), r.is_some()),
        };
        let gone = if drop_left { left.next() } else { None };
        let come = if drop_right { right.next() } else { None };
        match (gone, come) {
            (Some(value), None) if !options.ignore_deletions => deletions.push(value.clone()),
            (None, Some(value)) if !options.only_deletions => additions.push(value.clone()),
            _ => {}
        }
    }
    deduplicate(&mut deletions);
    (additions, deletions)
}

fn diff_lists_of_maps(
    old: &[Value],
    new: &[Value],
    lookup: Lookup,
    key: &str,
    options: DiffOptions,
) -> Result<(Vec<Value>, Vec<Value>), MergeError> {
    let (mut patch, mut deletions) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (old.to_vec(), new.to_vec());
    sort_by_key(&mut old, key);
    sort_by_key(&mut new, key);
    let (mut left, mut right) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let left_key = left.peek().map(|v| keyed(v, key)).transpose()?.map(|(_, k)| (go_value(k), k.clone()));
        let right_key = right.peek().map(|v| keyed(v, key)).transpose()?.map(|(_, k)| (go_value(k), k.clone()));
        let (take_left, take_right) = match (&left_key, &right_key) {
            (None, None) => break,
            (Some((l, _)), Some((r, _))) => (l <= r, r <= l),
            (l, r) => (l.is_some(), r.is_some()),
        };
        let old = if take_left { left.next() } else { None };
        let new = if take_right { right.next() } else { None };
        match (old, new) {
            (Some(Value::Object(mut old)), Some(Value::Object(new))) => {
                let mut inner = diff_maps(&mut old, &new, lookup, options)?;
                if !inner.is_empty() {
                    inner.insert(key.to_string(), new.get(key).cloned().unwrap_or_default());
                    patch.push(Value::Object(inner));
                }
            }
            (None, Some(new)) if !options.only_deletions => patch.push(new),
            (Some(_), None) if !options.ignore_deletions => {
                let mut deletion = Map::new();
                deletion.insert(DIRECTIVE.into(), "delete".into());
                deletion.insert(key.to_string(), left_key.map(|(_, k)| k).unwrap_or_default());
                deletions.push(Value::Object(deletion));
            }
            (Some(old), Some(_)) if !old.is_object() => return Err(bad_type("map[string]interface {}", &old)),
            _ => {}
        }
    }
    Ok((patch, deletions))
}
