//! Objects taken apart by their schema: their fields, how two versions differ, their merge, their rest.
//!
//! Mirrors `sigs.k8s.io/structured-merge-diff/typed`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::set::{Element, FieldSet, Scalar};
use crate::api::schema::{FieldDef, FieldType, ListType, TypeDef};

/// A place in the schema.
#[derive(Clone, Copy)]
pub enum Place {
    /// A whole object.
    Object(&'static TypeDef),
    /// A field of a struct.
    Field(&'static FieldDef),
    /// What a list or a map holds.
    Item(&'static FieldType),
}

/// What a value at a place is to server-side apply.
enum Atom {
    Leaf,
    Map(MapOf),
    List(&'static ListType, &'static FieldType),
}

#[derive(Clone, Copy)]
pub(super) enum MapOf {
    Struct(&'static TypeDef),
    Values(&'static FieldType),
}

impl MapOf {
    pub(super) fn place(self, key: &str) -> Option<Place> {
        match self {
            MapOf::Struct(def) => def.fields.get(key).map(Place::Field),
            MapOf::Values(item) => Some(Place::Item(item)),
        }
    }

    fn has_field(self, key: &str) -> bool {
        matches!(self, MapOf::Struct(def) if def.fields.contains_key(key))
    }
}

impl Place {
    fn atom(self) -> Atom {
        match self {
            Place::Object(def) => Atom::Map(MapOf::Struct(def)),
            Place::Field(field) => match &field.ty {
                FieldType::Struct(def) if !field.atomic => Atom::Map(MapOf::Struct(def)),
                FieldType::Map(item) if !field.atomic => Atom::Map(MapOf::Values(item)),
                FieldType::Array(item) if field.list != ListType::Atomic => Atom::List(&field.list, item),
                _ => Atom::Leaf,
            },
            Place::Item(FieldType::Struct(def)) if !def.atomic => Atom::Map(MapOf::Struct(def)),
            Place::Item(FieldType::Map(item)) => Atom::Map(MapOf::Values(item)),
            Place::Item(_) => Atom::Leaf,
        }
    }

    pub(super) fn ty(self) -> Option<&'static FieldType> {
        match self {
            Place::Object(_) => None,
            Place::Field(field) => Some(&field.ty),
            Place::Item(ty) => Some(ty),
        }
    }
}

/// What tells an item of a list from the others.
///
/// # Errors
/// Why nothing does.
pub(super) fn element_of(list: &ListType, ty: &FieldType, item: &Value) -> Result<Element, String> {
    let ListType::Map(keys) = list else {
        return Scalar::of(item).map(Element::Value).ok_or_else(|| match item {
            Value::Object(_) => "associative list without keys has an element that's a map type".into(),
            Value::Array(_) => "not supported: associative list with lists as elements".into(),
            _ => "associative list without keys has an element that's an explicit null".into(),
        });
    };
    let Value::Object(map) = item else {
        return Err(match item {
            Value::Null => "associative list with keys may not have a null element".into(),
            _ => "associative list with keys may not have non-map elements".into(),
        });
    };
    let mut found: Vec<(String, Scalar)> = keys
        .iter()
        .filter_map(|key| {
            let value = map.get(*key).and_then(Scalar::of).or_else(|| key_default(ty, key))?;
            Some((key.to_string(), value))
        })
        .collect();
    if found.is_empty() {
        let keys: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
             values for any key fields)",
            keys.join(" ")
        ));
    }
    found.sort();
    Ok(Element::Key(found))
}

/// The value that a key field has when it is left out.
fn key_default(ty: &FieldType, key: &str) -> Option<Scalar> {
    let field = ty.as_struct()?.fields.get(key)?;
    match field.ty {
        FieldType::String if key == "protocol" => Some(Scalar::Text("TCP".into())),
        FieldType::String if field.required => Some(Scalar::Text(String::new())),
        FieldType::Int32 | FieldType::Int64 if field.required => Some(Scalar::Int(0)),
        _ => None,
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        _ => false,
    }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The fields that an object has. Mirrors `ToFieldSet`.
pub fn field_set(value: &Value, place: Place) -> FieldSet {
    below(value, place).0
}

/// What lies below a value, and whether the value counts itself.
fn below(value: &Value, place: Place) -> (FieldSet, bool) {
    let mut set = FieldSet::default();
    match place.atom() {
        Atom::Leaf => return (set, true),
        Atom::List(how, item) => {
            let mut groups: BTreeMap<Element, Vec<&Value>> = BTreeMap::new();
            for value in items(Some(value)) {
                if let Ok(element) = element_of(how, item, value) {
                    groups.entry(element).or_default().push(value);
                }
            }
            for (element, values) in groups {
                set.members.insert(element.clone());
                if let [one] = values[..] {
                    set.add_below(element, below(one, Place::Item(item)).0);
                }
            }
        }
        Atom::Map(of) => {
            for (key, value) in value.as_object().into_iter().flatten() {
                let Some(place) = of.place(key) else { continue };
                let element = Element::Field(key.clone());
                let (inner, counts) = below(value, place);
                let bare = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if counts || bare || !of.has_field(key) {
                    set.members.insert(element.clone());
                }
                set.add_below(element, inner);
            }
        }
    }
    (set, false)
}

/// How a second version of an object differs from the first.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Fields of the first alone.
    pub removed: FieldSet,
    /// Fields of both with different values.
    pub modified: FieldSet,
    /// Fields of the second alone.
    pub added: FieldSet,
}

impl Comparison {
    /// The same without some fields and what lies below them.
    pub fn without(&self, fields: &FieldSet) -> Comparison {
        Comparison {
            removed: self.removed.without(fields),
            modified: self.modified.without(fields),
            added: self.added.without(fields),
        }
    }

    fn below(&mut self, element: &Element, inner: Comparison) {
        self.removed.add_below(element.clone(), inner.removed);
        self.modified.add_below(element.clone(), inner.modified);
        self.added.add_below(element.clone(), inner.added);
    }
}

/// Whether a place itself was added, removed or changed.
enum Own {
    Same,
    Added,
    Removed,
    Modified,
}

/// Compares two versions. Mirrors `Compare`.
pub fn compare(left: &Value, right: &Value, place: Place) -> Comparison {
    differ(Some(left), Some(right), place).0
}

fn differ(left: Option<&Value>, right: Option<&Value>, place: Place) -> (Comparison, Own) {
    let own = |modified: bool| match (left, right) {
        (None, _) => Own::Added,
        (_, None) => Own::Removed,
        _ if modified => Own::Modified,
        _ => Own::Same,
    };
    let mut all = Comparison::default();
    let leaf = is_empty(left) && is_empty(right);
    match place.atom() {
        Atom::Leaf => return (all, own(left != right)),
        _ if leaf => return (all, own(left != right)),
        Atom::Map(of) => {
            let (left, right) = (left.and_then(Value::as_object), right.and_then(Value::as_object));
            let keys = left.into_iter().flatten().chain(right.into_iter().flatten()).map(|(key, _)| key);
            for key in keys.collect::<std::collections::BTreeSet<_>>() {
                let Some(place) = of.place(key) else { continue };
                let sides = (left.and_then(|m| m.get(key)), right.and_then(|m| m.get(key)));
                note(&mut all, Element::Field(key.clone()), sides, place);
            }
        }
        Atom::List(how, item) => {
            let mut groups: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
            for value in items(left) {
                if let Ok(element) = element_of(how, item, value) {
                    groups.entry(element).or_default().0.push(value);
                }
            }
            for value in items(right) {
                if let Ok(element) = element_of(how, item, value) {
                    groups.entry(element).or_default().1.push(value);
                }
            }
            for (element, (left, right)) in groups {
                let place = Place::Item(item);
                match (&left[..], &right[..]) {
                    ([] | [_], [] | [_]) => {
                        note(&mut all, element, (left.first().copied(), right.first().copied()), place);
                    }
                    ([_, _, ..], [_, _, ..]) => {
                        if left != right {
                            all.modified.members.insert(element);
                        }
                    }
                    ([_, _, ..], _) => {
                        if let Some(one) = right.first() {
                            note(&mut all, element.clone(), (None, Some(one)), place);
                        }
                        all.removed.members.insert(element);
                    }
                    _ => {
                        if let Some(one) = left.first() {
                            note(&mut all, element.clone(), (Some(one), None), place);
                        }
                        all.added.members.insert(element);
                    }
                }
            }
        }
    }
    (all, own(false))
}

fn note(all: &mut Comparison, element: Element, sides: (Option<&Value>, Option<&Value>), place: Place) {
    let (inner, own) = differ(sides.0, sides.1, place);
    all.below(&element, inner);
    match own {
        Own::Same => false,
        Own::Added => all.added.members.insert(element),
        Own::Removed => all.removed.members.insert(element),
        Own::Modified => all.modified.members.insert(element),
    };
}

/// Merges an applied configuration into an object. Mirrors `Merge`.
pub fn merge(live: &Value, config: &Value, place: Place) -> Value {
    join(Some(live), Some(config), place).unwrap_or(Value::Null)
}

fn join(left: Option<&Value>, right: Option<&Value>, place: Place) -> Option<Value> {
    let leaf = is_empty(left) && is_empty(right);
    match place.atom() {
        Atom::Leaf => right.or(left).cloned(),
        _ if leaf => right.or(left).cloned(),
        Atom::Map(of) => {
            let mut out = left.and_then(Value::as_object).cloned().unwrap_or_default();
            for (key, value) in right.and_then(Value::as_object).into_iter().flatten() {
                let Some(place) = of.place(key) else { continue };
                match join(out.get(key), Some(value), place) {
                    Some(merged) => out.insert(key.clone(), merged),
                    None => out.remove(key),
                };
            }
            Some(Value::Object(out))
        }
        Atom::List(how, item) => Some(Value::Array(join_lists(items(left), items(right), how, item))),
    }
}

/// The items of both: those of the configuration in its order, those of the live list alone where they stood.
fn join_lists(left: &[Value], right: &[Value], how: &ListType, item: &'static FieldType) -> Vec<Value> {
    let known = |list: &'_ [Value]| -> Vec<(Element, Value)> {
        list.iter().filter_map(|v| Some((element_of(how, item, v).ok()?, v.clone()))).collect()
    };
    let (left, right) = (known(left), known(right));
    let in_left = |e: &Element| left.iter().filter(|(l, _)| l == e).count();
    let in_right = |e: &Element| right.iter().any(|(r, _)| r == e);
    let join_item = |element: &Element, value: &Value| {
        // An item that the live list has more than once is not merged but replaced.
        let live = left.iter().find(|(l, _)| l == element).filter(|_| in_left(element) == 1).map(|(_, v)| v);
        join(live, Some(value), Place::Item(item))
    };
    let mut shared = right.iter().map(|(e, _)| e).filter(|e| in_left(e) > 0);
    let mut next_shared = shared.next();
    let (mut l, mut r) = (0, 0);
    let (mut out, mut merged): (Vec<Value>, Vec<&Element>) = (Vec::new(), Vec::new());
    while l < left.len() || r < right.len() {
        if let (Some((element, _)), Some((other, value))) = (left.get(l), right.get(r)) {
            if element == other {
                merged.push(element);
                out.extend(join_item(element, value));
                (l, r, next_shared) = (l + 1, r + 1, shared.next());
                continue;
            }
            if in_right(element) && next_shared.is_some_and(|next| next != element) {
                l += 1;
                continue;
            }
        }
        if let Some((element, value)) = left.get(l) {
            if !in_right(element) {
                out.push(value.clone());
                l += 1;
                continue;
            }
            if merged.contains(&element) {
                l += 1;
            }
        }
        if let Some((element, value)) = right.get(r) {
            merged.push(element);
            out.extend(join_item(element, value));
            r += 1;
            if next_shared == Some(element) {
                next_shared = shared.next();
            }
        }
    }
    out
}

/// The object without some fields. Mirrors `RemoveItems`.
pub fn remove(value: &Value, fields: &FieldSet, place: Place) -> Value {
    let emptied = |value: &Value, inner: &FieldSet, place: Place| match (remove(value, inner, place), value) {
        (Value::Null, Value::Object(_)) => Value::Object(Map::new()),
        (Value::Null, Value::Array(_)) => Value::Array(Vec::new()),
        (rest, _) => rest,
    };
    match (place.atom(), value) {
        (Atom::Map(of), Value::Object(map)) => {
            let mut rest = Map::new();
            for (key, value) in map {
                let element = Element::Field(key.clone());
                if fields.members.contains(&element) {
                    continue;
                }
                let inner = fields.children.get(&element).filter(|inner| !inner.is_empty());
                rest.insert(
                    key.clone(),
                    match (inner, of.place(key)) {
                        (Some(inner), Some(place)) => emptied(value, inner, place),
                        _ => value.clone(),
                    },
                );
            }
            Value::Object(rest)
        }
        (Atom::List(how, item), Value::Array(list)) => {
            let mut rest = Vec::new();
            for value in list {
                let Ok(element) = element_of(how, item, value) else { continue };
                if fields.members.contains(&element) {
                    continue;
                }
                let inner = fields.children.get(&element).filter(|inner| !inner.is_empty());
                rest.push(inner.map_or_else(|| value.clone(), |inner| emptied(value, inner, Place::Item(item))));
            }
            if rest.is_empty() { Value::Null } else { Value::Array(rest) }
        }
        // One whole of which a part goes, goes.
        (Atom::Leaf, Value::Object(_) | Value::Array(_)) => Value::Null,
        (_, value) => value.clone(),
    }
}

/// The set with every struct field as a member below which something lies. Mirrors `EnsureNamedFieldsAreMembers`.
pub fn with_named_fields(set: &FieldSet, place: Place) -> FieldSet {
    let mut all = FieldSet { members: set.members.clone(), children: BTreeMap::new() };
    let atom = place.atom();
    for (element, inner) in &set.children {
        let next = match (&atom, element) {
            (Atom::Map(of), Element::Field(name)) => {
                if of.has_field(name) {
                    all.members.insert(element.clone());
                }
                of.place(name)
            }
            (Atom::List(_, item), _) => Some(Place::Item(item)),
            _ => None,
        };
        let inner = next.map_or_else(|| inner.clone(), |place| with_named_fields(inner, place));
        all.children.insert(element.clone(), inner);
    }
    all
}
