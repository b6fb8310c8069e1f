//! Lists in strategic merge patches: which items are the same, and in which order they end up.
//!
//! Go sorts these lists with comparisons that are no strict order, so equal items trade places;
//! the patches that kubectl prints show it.

use serde_json::{Map, Value};

use super::MergeError;
use super::print::go_value;

/// Marks an object of a patch as more than a value: `delete`, `replace` or `merge`.
pub(super) const DIRECTIVE: &str = "$patch";

/// What the items of a merged list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    Objects,
    Scalars,
}

/// Go's type of a JSON value, as far as comparisons see it.
pub(super) fn type_of(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(n) if n.is_f64() => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

/// What the items of some lists are; they must be all of one type, and no lists.
pub(super) fn items_of(lists: &[&[Value]]) -> Result<Items, MergeError> {
    let mut all = lists.iter().flat_map(|l| l.iter());
    let Some(first) = all.next() else {
        return Err(MergeError::other("no elements in any of the given slices"));
    };
    if first.is_array() {
        return Err(MergeError::Unprocessable("lists of lists are not supported".into()));
    }
    if all.any(|v| type_of(v) != type_of(first)) {
        let lists: Vec<String> = lists.iter().map(|l| go_value(&Value::Array(l.to_vec()))).collect();
        return Err(MergeError::other(format!("list element types are not identical: [{}]", lists.join(" "))));
    }
    Ok(if first.is_object() { Items::Objects } else { Items::Scalars })
}

/// The object that a list holds, with the value of its merge key.
pub(super) fn keyed<'a>(item: &'a Value, key: &str) -> Result<(&'a Map<String, Value>, &'a Value), MergeError> {
    let Value::Object(map) = item else {
        return Err(bad_type("map[string]interface {}", item));
    };
    let value = map.get(key).ok_or_else(|| {
        MergeError::other(format!("map: {} does not contain declared merge key: {key}", go_value(item)))
    })?;
    Ok((map, value))
}

/// A value is not of the type that a patch needs there.
pub(super) fn bad_type(expected: &str, actual: &Value) -> MergeError {
    let actual = match actual {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    MergeError::other(format!("expected a {expected}, but received a {actual}"))
}

fn identity<'a>(item: &'a Value, key: Option<&str>, items: Items) -> &'a Value {
    match (items, key) {
        (Items::Objects, Some(key)) => item.get(key).unwrap_or(&Value::Null),
        _ => item,
    }
}

/// Where a list has the item, by merge key or by value.
pub(super) fn position(list: &[Value], item: &Value, key: Option<&str>, items: Items) -> Option<usize> {
    let wanted = identity(item, key, items);
    list.iter().position(|v| identity(v, key, items) == wanted)
}

/// Whether an item of a patch takes that item out of the list.
pub(super) fn is_deletion(item: &Value) -> bool {
    item.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

/// Sorts items by their place in `order`; deletions come last.
pub(super) fn sort_by_order(
    list: Vec<Value>,
    order: &[Value],
    key: Option<&str>,
    items: Items,
) -> Result<Vec<Value>, MergeError> {
    let (mut kept, mut deleted) = (Vec::new(), Vec::new());
    if items == Items::Objects {
        for item in list.iter().chain(order) {
            keyed(item, key.unwrap_or_default())?;
        }
    }
    for item in list {
        if items == Items::Objects && is_deletion(&item) {
            deleted.push(item);
        } else {
            kept.push((position(order, &item, key, items), item));
        }
    }
    insertion_sort(&mut kept, |(i, _), (j, _)| match (i, j) {
        (Some(i), Some(j)) => i < j,
        _ => true,
    });
    Ok(kept.into_iter().map(|(_, item)| item).chain(deleted).collect())
}

/// Interleaves what the patch names with what only the server has, by the server's order as far as that goes.
pub(super) fn interleave(
    patch: Vec<Value>,
    server_only: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: Option<&str>,
    items: Items,
) -> Result<Vec<Value>, MergeError> {
    let patch = sort_by_order(patch, patch_order, key, items)?;
    let server_only = sort_by_order(server_only, server_order, key, items)?;
    let mut merged = Vec::with_capacity(patch.len() + server_only.len());
    let (mut left, mut right) = (server_only.into_iter().peekable(), patch.into_iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        let places = (position(server_order, l, key, items), position(server_order, r, key, items));
        let left_first = matches!(places, (Some(l), Some(r)) if l < r);
        merged.extend(if left_first { left.next() } else { right.next() });
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}

/// Splits a list into the items that `by` has too, and the others.
pub(super) fn partition(
    list: Vec<Value>,
    by: &[Value],
    key: Option<&str>,
    items: Items,
) -> Result<(Vec<Value>, Vec<Value>), MergeError> {
    if let (Items::Objects, Some(key)) = (items, key) {
        list.iter().try_for_each(|item| keyed(item, key).map(|_| ()))?;
    }
    Ok(list.into_iter().partition(|item| position(by, item, key, items).is_some()))
}

/// Sorts scalars by what Go prints of them, as `sort.Sort` with `<=` does.
pub(super) fn sort_scalars(list: &mut [Value]) {
    go_sort(list, go_value);
}

/// Sorts objects by what Go prints of their merge key.
pub(super) fn sort_by_key(list: &mut [Value], key: &str) {
    go_sort(list, |item| go_value(item.get(key).unwrap_or(&Value::Null)));
}

fn go_sort(list: &mut [Value], text: impl Fn(&Value) -> String) {
    // Up to a dozen items Go sorts by insertion, where "not after" swaps equal neighbours.
    const INSERTION: usize = 12;
    let mut keyed: Vec<(String, Value)> = list.iter_mut().map(|v| (text(v), v.take())).collect();
    if keyed.len() <= INSERTION {
        insertion_sort(&mut keyed, |(a, _), (b, _)| a <= b);
    } else {
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    for (place, (_, item)) in list.iter_mut().zip(keyed) {
        *place = item;
    }
}

fn insertion_sort<T>(list: &mut [T], less: impl Fn(&T, &T) -> bool) {
    for i in 1..list.len() {
        let mut j = i;
        while let (Some(here), Some(before)) = (list.get(j), j.checked_sub(1).and_then(|k| list.get(k))) {
            if !less(here, before) {
                break;
            }
            list.swap(j, j - 1);
            j -= 1;
        }
    }
}

/// Drops repeated scalars; the last item takes the place of one that goes.
pub(super) fn deduplicate(list: &mut Vec<Value>) {
    let mut i = 0;
    while i + 1 < list.len() {
        let mut j = i + 1;
        while j < list.len() {
            if list.get(i) == list.get(j) {
                list.swap_remove(j);
            } else {
                j += 1;
            }
        }
        i += 1;
    }
}
