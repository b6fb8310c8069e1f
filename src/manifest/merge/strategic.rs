//! Applies strategic merge patches.
//!
//! Mirrors `k8s.io/apimachinery/pkg/util/strategicpatch`: `mergeMap`, `mergeSlice` and their helpers.

use serde_json::{Map, Value};

use super::MergeError;
use super::lists::{
    DIRECTIVE, Items, bad_type, deduplicate, interleave, is_deletion, items_of, keyed, partition, type_of,
};
use super::lookup::Lookup;
use super::print::go_value;
use crate::api::schema::PatchStrategy;

const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder";
const PRIMITIVE_DELETION: &str = "$deleteFromPrimitiveList";

const BAD_ELEMENT_ORDER: MergeError = MergeError::BadFormat("invalid patch format of setElementOrder list");
const BAD_RETAIN_KEYS: MergeError = MergeError::BadFormat("invalid patch format of retainKeys");
const BAD_PRIMITIVE_LIST: MergeError = MergeError::BadFormat("invalid patch format of primitive list");

/// Who merges: the server applies a patch, kubectl joins two patches into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeMode {
    /// Directives are carried out; nulls delete.
    Apply,
    /// Directives and nulls stay.
    Join,
}

/// Merges a patch into an object. The patch is used up as in Go, which error texts show.
pub(super) fn merge_map(
    mut original: Map<String, Value>,
    patch: &mut Map<String, Value>,
    lookup: Lookup,
    mode: MergeMode,
) -> Result<Map<String, Value>, MergeError> {
    if let Some(directive) = patch.get(DIRECTIVE).cloned() {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch.clone())
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(unknown_directive(&directive, patch)),
        };
    }
    apply_retain_keys(&mut original, patch, mode)?;
    merge_ordered_lists(&mut original, patch, lookup, mode)?;
    for (name, new) in patch.iter_mut() {
        let deletes_scalars = name.starts_with(PRIMITIVE_DELETION);
        let key = match deletes_scalars {
            true if mode == MergeMode::Join => {
                original.insert(name.clone(), new.clone());
                continue;
            }
            true => directive_key(name, PRIMITIVE_DELETION).ok_or(BAD_PRIMITIVE_LIST)?,
            false => name.as_str(),
        };
        if new.is_null() {
            original.remove(key);
            if mode == MergeMode::Apply {
                continue;
            }
        }
        let old = original.remove(key);
        let merged = match (old, &mut *new) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let (inner, strategy) = lookup.object(key)?;
                if strategy.replace {
                    Some(Value::Object(new.clone()))
                } else {
                    Some(Value::Object(merge_map(old, new, inner, mode)?))
                }
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let (inner, strategy) = lookup.list(key)?;
                Some(Value::Array(merge_list_field(old, new, inner, strategy, deletes_scalars, mode)?.list))
            }
            (old, _) if deletes_scalars => old,
            (old, new) => {
                if mode == MergeMode::Apply && old.as_ref().is_none_or(|old| type_of(old) != type_of(new)) {
                    discard_nulls(new);
                }
                remove_directives(new).then(|| new.clone())
            }
        };
        if let Some(merged) = merged {
            original.insert(key.to_string(), merged);
        }
    }
    Ok(original)
}

fn unknown_directive(directive: &Value, patch: &Map<String, Value>) -> MergeError {
    let patch = go_value(&Value::Object(patch.clone()));
    MergeError::other(format!("unknown patch type: {} in map: {patch}", go_value(directive)))
}

/// `volumes` of `$setElementOrder/volumes`.
fn directive_key<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.split_once('/').filter(|(before, _)| *before == prefix).map(|(_, key)| key)
}

fn apply_retain_keys(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    mode: MergeMode,
) -> Result<(), MergeError> {
    let Some(retained) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    if mode == MergeMode::Join {
        let before = original.entry(RETAIN_KEYS).or_insert_with(|| retained.clone());
        if *before != retained {
            let (before, retained) = (go_value(before), go_value(&retained));
            return Err(MergeError::other(format!(
                "{before} and {retained} are not deep equal: this may happen when calculating the 3-way diff patch"
            )));
        }
        return Ok(());
    }
    let Value::Array(retained) = retained else { return Err(BAD_RETAIN_KEYS) };
    let is_retained = |key: &str| retained.iter().any(|v| v.as_str() == Some(key));
    let stray = patch.iter().any(|(key, value)| {
        let directive = key.starts_with(PRIMITIVE_DELETION) || key.starts_with(ELEMENT_ORDER);
        !value.is_null() && !directive && !is_retained(key)
    });
    if stray {
        return Err(BAD_RETAIN_KEYS);
    }
    original.retain(|key, _| is_retained(key));
    Ok(())
}

/// Merges the lists whose order the patch states, and takes them out of the patch.
fn merge_ordered_lists(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    lookup: Lookup,
    mode: MergeMode,
) -> Result<(), MergeError> {
    let names: Vec<String> = patch.keys().filter(|k| k.starts_with(ELEMENT_ORDER)).cloned().collect();
    for name in names {
        let Some(order) = patch.remove(&name) else { continue };
        if mode == MergeMode::Join {
            let before = original.entry(name.clone()).or_insert_with(|| order.clone());
            if *before != order {
                return Err(BAD_ELEMENT_ORDER);
            }
        }
        let Value::Array(order) = order else { return Err(bad_type("[]interface {}", &order)) };
        let key = directive_key(&name, ELEMENT_ORDER).ok_or(BAD_ELEMENT_ORDER)?;
        let old = list_of(original.get(key))?;
        let mut new = list_of(patch.get(key))?;
        let (inner, strategy) = lookup.list(key)?;
        check_order(new.as_deref().unwrap_or_default(), &order, strategy.merge_key)?;
        let items = match (&old, &new) {
            (None, None) => continue,
            (old, new) => items_of(&[old.as_deref().unwrap_or_default(), new.as_deref().unwrap_or_default()]),
        };
        let merged = match (old, &mut new) {
            (Some(old), Some(new)) => merge_list_field(old, new, inner, strategy, false, mode)?,
            (Some(old), None) => MergedList { list: old.clone(), server_order: old },
            (None, new) => {
                let mut list = Value::Array(new.take().unwrap_or_default());
                remove_directives(&mut list);
                MergedList { list: list_of(Some(&list))?.unwrap_or_default(), server_order: Vec::new() }
            }
        };
        let items = items?;
        let merge_key = strategy.merge_key;
        let (named, server_only) = partition(merged.list, &order, merge_key, items)?;
        let merged = interleave(named, server_only, &order, &merged.server_order, merge_key, items)?;
        original.insert(key.to_string(), Value::Array(merged));
        patch.remove(key);
    }
    Ok(())
}

fn list_of(value: Option<&Value>) -> Result<Option<Vec<Value>>, MergeError> {
    match value {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list.clone())),
        Some(other) => Err(bad_type("[]interface {}", other)),
    }
}

/// The items of the patch must all be in the stated order, deletions aside.
fn check_order(new: &[Value], order: &[Value], key: Option<&str>) -> Result<(), MergeError> {
    if new.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut places = order.iter();
    for item in new {
        if key.is_some() && !item.is_object() {
            return Err(bad_type("map[string]interface {}", item));
        }
        if item.get(DIRECTIVE).is_some() {
            continue;
        }
        loop {
            let Some(place) = places.next() else {
                let (new, order) = (go_value(&Value::Array(new.to_vec())), go_value(&Value::Array(order.to_vec())));
                return Err(MergeError::other(format!(
                    "The order in patch list:\n{new}\n doesn't match {ELEMENT_ORDER} list:\n{order}\n"
                )));
            };
            let same = match key {
                Some(key) => keyed(item, key)?.1 == keyed(place, key)?.1,
                None => item == place,
            };
            if same {
                break;
            }
        }
    }
    Ok(())
}

/// A merged list, and the order of the server's items as an enclosing merge sees it.
///
/// Go merges in place: what was deleted leaves room in the server's list, which new items then fill.
struct MergedList {
    list: Vec<Value>,
    server_order: Vec<Value>,
}

fn merge_list_field(
    old: Vec<Value>,
    new: &mut Vec<Value>,
    lookup: Lookup,
    strategy: PatchStrategy,
    deletes_scalars: bool,
    mode: MergeMode,
) -> Result<MergedList, MergeError> {
    if strategy.merge || deletes_scalars {
        merge_list(old, new, lookup, strategy.merge_key, deletes_scalars, mode)
    } else {
        Ok(MergedList { list: new.clone(), server_order: old })
    }
}

fn merge_list(
    old: Vec<Value>,
    new: &mut Vec<Value>,
    lookup: Lookup,
    key: Option<&'static str>,
    deletes_scalars: bool,
    mode: MergeMode,
) -> Result<MergedList, MergeError> {
    if old.is_empty() && new.is_empty() {
        return Ok(MergedList { list: Vec::new(), server_order: old });
    }
    let items = items_of(&[old.as_slice(), new.as_slice()])?;
    if items == Items::Scalars {
        if mode == MergeMode::Apply && deletes_scalars {
            let list = old.iter().filter(|v| !new.contains(v)).cloned().collect();
            return Ok(MergedList { list, server_order: old });
        }
        let mut merged = [old.as_slice(), new.as_slice()].concat();
        deduplicate(&mut merged);
        let (named, server_only) = partition(merged, new, key, items)?;
        let list = interleave(named, server_only, new, &old, key, items)?;
        return Ok(MergedList { list, server_order: old });
    }
    let Some(merge_key) = key else {
        return Err(MergeError::other(format!("cannot merge lists without merge key for {}", lookup.name())));
    };
    let room = old.len();
    let (old, mut new) = carry_out_directives(old, new, merge_key)?;
    let mut merged = old.clone();
    for item in &mut new {
        let wanted = keyed(item, merge_key)?.1;
        let place = merged.iter().position(|v| v.get(merge_key) == Some(wanted));
        match (place.and_then(|i| merged.get_mut(i)), item) {
            (Some(Value::Object(old)), Value::Object(item)) => {
                *old = merge_map(std::mem::take(old), item, lookup, mode)?;
            }
            (_, item) => merged.push(item.clone()),
        }
    }
    let server_order = merged.iter().take(room).cloned().collect();
    let (named, server_only) = partition(merged, &new, key, items)?;
    Ok(MergedList { list: interleave(named, server_only, &new, &old, key, items)?, server_order })
}

/// Carries out the directives among the items of a patch; gives the old list without what they delete, and the rest.
fn carry_out_directives(mut old: Vec<Value>, new: &[Value], key: &str) -> Result<(Vec<Value>, Vec<Value>), MergeError> {
    let (mut rest, mut replace) = (Vec::new(), false);
    for item in new {
        let Some(directive) = item.get(DIRECTIVE) else {
            rest.push(item.clone());
            continue;
        };
        if is_deletion(item) {
            let gone = keyed(item, key)?.1;
            old.retain(|v| v.get(key) != Some(gone));
            continue;
        }
        match (directive.as_str(), item) {
            (Some("replace"), _) => replace = true,
            (Some("merge"), _) => return Err(MergeError::other("merging lists cannot yet be specified in the patch")),
            (_, Value::Object(map)) => return Err(unknown_directive(directive, map)),
            _ => {}
        }
    }
    Ok(if replace { (rest, Vec::new()) } else { (old, rest) })
}

/// Takes directives out of a value; false if the value is itself one.
fn remove_directives(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            if map.contains_key(DIRECTIVE) {
                return false;
            }
            map.retain(|_, v| remove_directives(v));
        }
        Value::Array(list) => list.retain_mut(remove_directives),
        _ => {}
    }
    true
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => map.retain(|_, v| {
            discard_nulls(v);
            !v.is_null()
        }),
        Value::Array(list) => list.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}
