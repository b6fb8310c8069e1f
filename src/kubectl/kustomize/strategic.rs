//! Strategic merge patches, as kustomize applies them: fields are merged, some lists by keys, and `$patch` directs.
//!
//! Mirrors `merge2` and `walk` of `sigs.k8s.io/kustomize/kyaml/yaml`, which differ from what the API server does: new
//! elements come first, and directives for lists of plain values are not known.

use super::Failed;
use super::node::{Kind, Node, Tag};
use super::schema::Schema;

const DIRECTIVE: &str = "$patch";

/// What came of two nodes.
enum Merged {
    /// Nothing is left.
    Gone,
    /// The target as it was changed.
    Target(Node),
    /// The patch's own node.
    Patch(Node),
    /// A null that was written on purpose.
    Null(Node),
}

impl Merged {
    fn node(self) -> Option<Node> {
        match self {
            Merged::Gone => None,
            Merged::Target(node) | Merged::Patch(node) | Merged::Null(node) => Some(node),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges a patch into an object; none if that deletes it.
///
/// # Errors
/// Both hold different kinds of nodes somewhere, or a directive is unknown.
pub(super) fn merge(target: &Node, patch: &Node) -> Result<Option<Node>, Failed> {
    Ok(match walk(Some(target.clone()), Some(patch.clone()), None)? {
        Merged::Gone => None,
        // OBSERVATION: that a whole object be replaced is heard, but nothing comes of it.
        Merged::Patch(_) => Some(target.clone()),
        Merged::Target(node) | Merged::Null(node) => Some(node),
    })
}

fn is_missing(node: &Option<Node>) -> bool {
    node.as_ref().is_none_or(Node::is_null)
}

fn schema_of(node: &Option<Node>) -> Option<Schema> {
    let node = node.as_ref()?;
    let text = |name| node.field(name).map_or("", Node::text);
    Schema::of(text("apiVersion"), text("kind"))
}

fn walk(target: Option<Node>, patch: Option<Node>, schema: Option<Schema>) -> Result<Merged, Failed> {
    let schema = schema.or_else(|| schema_of(&target)).or_else(|| schema_of(&patch));
    let kind = [&target, &patch].into_iter().flatten().find(|node| !node.is_null()).map(Node::kind);
    if let Some(kind) = kind {
        [&target, &patch].into_iter().flatten().try_for_each(|node| node.expect(kind))?;
    }
    match kind {
        Some(Kind::Scalar) => Ok(match (patch, target) {
            (Some(node), _) => Merged::Patch(node),
            (None, Some(node)) => Merged::Target(node),
            (None, None) => Merged::Gone,
        }),
        Some(Kind::List) => match schema.and_then(|schema| Some((schema.merge_keys()?, schema))) {
            Some((keys, schema)) => walk_merged_list(target, patch, &keys, schema),
            None => Ok(match (patch, target) {
                (Some(node), _) => Merged::Patch(node),
                (None, Some(node)) => Merged::Target(node),
                (None, None) => Merged::Gone,
            }),
        },
        Some(Kind::Map) | None => walk_map(target, patch, schema),
    }
}

fn walk_map(target: Option<Node>, mut patch: Option<Node>, schema: Option<Schema>) -> Result<Merged, Failed> {
    let mut target = target;
    let mut of_patch = false;
    if is_missing(&target) {
        if matches!(take_directive(&mut patch), Ok(Directive::Delete)) {
            return Ok(Merged::Gone);
        }
        if let (None, Some(null)) = (&patch, &target) {
            if !null.text().is_empty() {
                return Ok(Merged::Null(null.clone()));
            }
        }
        target.clone_from(&patch);
        of_patch = true;
    } else if patch.as_ref().is_some_and(Node::is_null) {
        return Ok(Merged::Gone);
    } else {
        match take_directive(&mut patch)? {
            Directive::Delete => return Ok(Merged::Gone),
            Directive::Replace => {
                target.clone_from(&patch);
                of_patch = true;
            }
            Directive::Merge => {
                if let Some(Node::Map(fields)) = &mut target {
                    fields.remove(DIRECTIVE);
                }
            }
        }
    }
    let Some(mut target) = target else { return Ok(Merged::Gone) };
    let names = |node: &Node| match node {
        Node::Map(fields) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<String> = names(&target);
    all.extend(patch.iter().flat_map(names));
    all.sort();
    all.dedup();
    for name in &all {
        let schema = schema.and_then(|schema| schema.field(name));
        let field = |node: Option<&Node>| node.and_then(|node| node.field(name)).cloned();
        let merged = walk(field(Some(&target)), field(patch.as_ref()), schema)?;
        let keep = matches!(merged, Merged::Null(_));
        target.set_field(name, merged.node(), keep)?;
    }
    Ok(if of_patch { Merged::Patch(target) } else { Merged::Target(target) })
}

/// What a patch's map says of itself; it is taken out.
fn take_directive(patch: &mut Option<Node>) -> Result<Directive, Failed> {
    match patch {
        None => Ok(Directive::Merge),
        Some(Node::Map(fields)) => {
            let Some(directive) = fields.get(DIRECTIVE) else { return Ok(Directive::Merge) };
            let directive = parse_directive(directive.text())?;
            fields.remove(DIRECTIVE);
            Ok(directive)
        }
        Some(node) => {
            let tag = match node {
                Node::Scalar(scalar) if scalar.tag == Tag::Null => "!!null",
                _ => "!!str",
            };
            let text = format!("no implemented strategic merge patch strategy for '{tag}' ('{}\n')", node.text());
            Err(Failed::new(text))
        }
    }
}

fn parse_directive(text: &str) -> Result<Directive, Failed> {
    match text {
        "delete" => Ok(Directive::Delete),
        "replace" => Ok(Directive::Replace),
        "merge" => Ok(Directive::Merge),
        other => Err(Failed::new(format!("unknown patch strategy '{other}'"))),
    }
}

/// What an element of a patch's list says of the list; it is taken out.
fn take_list_directive(items: &mut Vec<Node>) -> Result<Directive, Failed> {
    let says = |node: &Node| match node {
        Node::Map(fields) => fields.get(DIRECTIVE).map(|d| (d.text().to_string(), fields.len())),
        _ => None,
    };
    let Some((text, 1)) = items.iter().find_map(says) else { return Ok(Directive::Merge) };
    let directive = parse_directive(&text)?;
    set_element(items, &[DIRECTIVE.to_string()], &[text], None)?;
    Ok(directive)
}

fn walk_merged_list(
    target: Option<Node>,
    patch: Option<Node>,
    keys: &[String],
    schema: Schema,
) -> Result<Merged, Failed> {
    let list = |node: Option<Node>| match node {
        Some(Node::List(items)) => Some(items),
        _ => None,
    };
    if patch.as_ref().is_some_and(Node::is_null) && !is_missing(&target) {
        return Ok(Merged::Gone);
    }
    let (mut target, mut patch) = (list(target), list(patch));
    match (&mut target, &mut patch) {
        (None, None) => return Ok(Merged::Gone),
        (None, Some(items)) => target = Some(items.clone()),
        (Some(_), None) => {}
        (Some(_), Some(items)) => match take_list_directive(items)? {
            Directive::Delete => return Ok(Merged::Gone),
            Directive::Replace => target = Some(items.clone()),
            Directive::Merge => {}
        },
    }
    let target = target.unwrap_or_default();
    let values = match keys.is_empty() {
        true => plain_values(patch.iter().flatten().chain(&target)),
        false => key_values(patch.iter().flatten().chain(&target), keys),
    };
    let plain = [String::new()];
    let keys = if keys.is_empty() { &plain } else { keys };
    merge_elements(values, keys, target, patch, schema.element()).map(|items| Merged::Target(Node::List(items)))
}

fn plain_values<'a>(items: impl Iterator<Item = &'a Node>) -> Vec<Vec<String>> {
    let mut values: Vec<Vec<String>> = Vec::new();
    for item in items {
        let value = vec![item.text().to_string()];
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

fn key_values<'a>(items: impl Iterator<Item = &'a Node>, keys: &[String]) -> Vec<Vec<String>> {
    let mut values: Vec<Vec<String>> = Vec::new();
    for item in items {
        let text = |key: &String| item.field(key).filter(|n| !n.is_empty()).map_or("", Node::text).to_string();
        let value: Vec<String> = keys.iter().map(text).collect();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Mirrors `setAssociativeSequenceElements`.
fn merge_elements(
    mut values: Vec<Vec<String>>,
    keys: &[String],
    mut target: Vec<Node>,
    patch: Option<Vec<Node>>,
    schema: Option<Schema>,
) -> Result<Vec<Node>, Failed> {
    if keys.len() > 1 {
        merge_values(&mut values);
    }
    let mut added = Vec::new();
    let mut valid_keys = Vec::new();
    for value in &values {
        let (used_keys, used) = valid(&values, value, keys);
        let (found_keys, found) = valid(std::slice::from_ref(&used), &used, &used_keys);
        let place = find_element(&target, &found_keys, &found);
        let element = |items: &[Node], place: Option<usize>| place.and_then(|place| items.get(place)).cloned();
        let patched = patch.as_ref().and_then(|items| element(items, find_element(items, &found_keys, &found)));
        let merged = walk(element(&target, place), patched, schema)?;
        let in_target = matches!(merged, Merged::Target(_));
        let merged = merged.node().filter(|node| !node.is_null() && !matches!(node, Node::Map(f) if f.is_empty()));
        valid_keys = used_keys;
        let Some(mut merged) = merged else {
            set_element(&mut target, &valid_keys, &used, None)?;
            continue;
        };
        for (key, text) in valid_keys.iter().zip(&used).filter(|(_, text)| !text.is_empty()) {
            if !key.is_empty() && merged.field(key).is_none() {
                merged.set_field(key, Some(Node::scalar(text)), false)?;
            }
        }
        if let Some(slot) = place.filter(|_| in_target).and_then(|place| target.get_mut(place)) {
            slot.clone_from(&merged);
        }
        set_element(&mut added, &valid_keys, &used, Some(merged))?;
    }
    if values.is_empty() {
        return Ok(target);
    }
    append_elements(&mut added, &target, &valid_keys)?;
    Ok(added)
}

/// The keys that any element has, and what an element has for them; all keys if none has any.
fn valid(all: &[Vec<String>], values: &[String], keys: &[String]) -> (Vec<String>, Vec<String>) {
    let used: Vec<bool> =
        (0..keys.len()).map(|i| all.iter().any(|values| values.get(i).is_some_and(|v| !v.is_empty()))).collect();
    if !used.contains(&true) {
        return (keys.to_vec(), values.to_vec());
    }
    let is_used = |i: usize| used.get(i).copied().unwrap_or_default();
    let pick = |list: &[String]| {
        list.iter().enumerate().filter(|(i, _)| is_used(*i)).map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    (pick(keys), pick(values))
}

/// Lets values that differ only in what one of them leaves out be the same.
fn merge_values(all: &mut [Vec<String>]) {
    for i in 0..all.len() {
        let Some(one) = all.get(i).cloned() else { continue };
        for j in 0..all.len() {
            let Some(both) = all.get(j).and_then(|other| combine(&one, other)) else { continue };
            if let Some(slot) = all.get_mut(j) {
                slot.clone_from(&both);
            }
            if let Some(slot) = all.get_mut(i) {
                *slot = both;
            }
        }
    }
}

fn combine(one: &[String], other: &[String]) -> Option<Vec<String>> {
    if one.len() != other.len() {
        return None;
    }
    let mut common = false;
    let mut both = Vec::new();
    for (a, b) in one.iter().zip(other) {
        common |= a == b;
        if a != b && !a.is_empty() && !b.is_empty() {
            return None;
        }
        both.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(both)
}

/// The first element with these values. Mirrors `ElementMatcher`.
fn find_element(items: &[Node], keys: &[String], values: &[String]) -> Option<usize> {
    if keys.first().is_none_or(String::is_empty) {
        let text = values.first().map_or("", String::as_str);
        return items.iter().position(|item| item.text() == text);
    }
    if keys.len() != values.len() {
        return None;
    }
    let has = |item: &Node, key: &String, text: &String| item.field(key).is_some_and(|field| field.text() == text);
    items.iter().position(|item| keys.iter().zip(values).all(|(key, text)| has(item, key, text)))
}

/// Whether an element has a value; an empty one stands for any. Mirrors `FieldMatcher`.
fn has_value(item: &Node, key: &str, value: &str) -> Result<bool, Failed> {
    if item.is_null() {
        return Ok(false);
    }
    if key.is_empty() {
        item.expect(Kind::Scalar)?;
        return Ok(item.text() == value);
    }
    item.expect(Kind::Map)?;
    Ok(item.field(key).is_some_and(|field| value.is_empty() || field.text() == value))
}

/// Replaces the elements with these values, adds one if there are none, or takes them away. Mirrors `ElementSetter`.
fn set_element(items: &mut Vec<Node>, keys: &[String], values: &[String], element: Option<Node>) -> Result<(), Failed> {
    let mut matched = false;
    let mut kept = Vec::new();
    let is_for_maps = |list: &[String]| list.first().is_some_and(|text| !text.is_empty());
    for item in items.drain(..) {
        if item.is_null() || matches!(&item, Node::Map(fields) if fields.is_empty()) {
            continue;
        }
        if !matches!(item, Node::Map(_)) && is_for_maps(keys) && is_for_maps(values) {
            kept.push(item);
            continue;
        }
        let mut found = !values.is_empty();
        for (key, value) in keys.iter().zip(values) {
            if !has_value(&item, key, value)? {
                found = false;
                break;
            }
        }
        if !found {
            // OBSERVATION: where an element has none of the keys, all others go.
            if !values.is_empty() {
                kept.push(item);
            }
            continue;
        }
        matched = true;
        kept.extend(element.clone());
    }
    *items = kept;
    if let Some(element) = element.filter(|node| !matched && !node.is_null()) {
        items.push(element);
    }
    Ok(())
}

/// Mirrors `appendListNode`.
fn append_elements(items: &mut Vec<Node>, more: &[Node], keys: &[String]) -> Result<(), Failed> {
    for element in more {
        if keys.first().is_none_or(String::is_empty) {
            let values = [element.text().to_string()];
            set_element(items, &[String::new()], &values, Some(element.clone()))?;
            continue;
        }
        let mut values = Vec::new();
        for key in keys {
            if !element.is_null() {
                element.expect(Kind::Map)?;
            }
            match element.field(key) {
                Some(field) => values.push(field.text().to_string()),
                None => items.push(element.clone()),
            }
        }
        if keys.len() > 1 {
            set_element(items, keys, &values, None)?;
        }
        set_element(items, keys, &values, Some(element.clone()))?;
    }
    Ok(())
}
