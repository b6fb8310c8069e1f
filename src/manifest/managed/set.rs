//! Sets of fields: which fields of an object somebody owns.
//!
//! Mirrors `sigs.k8s.io/structured-merge-diff/fieldpath`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

/// One step of a path into an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a struct or a key of a map.
    Field(String),
    /// The item of a list whose fields have these values, each as JSON.
    Key(Vec<(String, Scalar)>),
    /// The item of a set.
    Value(Scalar),
}

/// A value that is no list and no map, ordered so that sets are sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// A whole number.
    Int(i64),
    /// A text, or any other scalar as JSON.
    Text(String),
    /// A boolean.
    Bool(bool),
}

impl Scalar {
    /// The scalar that a value is; none for null, lists and maps.
    pub fn of(value: &Value) -> Option<Scalar> {
        match value {
            Value::String(s) => Some(Scalar::Text(s.clone())),
            Value::Bool(b) => Some(Scalar::Bool(*b)),
            Value::Number(n) => Some(n.as_i64().map_or_else(|| Scalar::Text(n.to_string()), Scalar::Int)),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Scalar::Int(n) => Value::from(*n),
            Scalar::Text(s) => Value::from(s.as_str()),
            Scalar::Bool(b) => Value::from(*b),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Field(name) => write!(f, ".{name}"),
            Element::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Element::Value(value) => write!(f, "[={value}]"),
        }
    }
}

impl Element {
    /// The element as a key of `fieldsV1`: `f:spec`, `k:{"name":"web"}`, `v:"x"`.
    fn to_key(&self) -> String {
        match self {
            Element::Field(name) => format!("f:{name}"),
            Element::Key(keys) => {
                let keys: Map<String, Value> = keys.iter().map(|(k, v)| (k.clone(), v.to_value())).collect();
                format!("k:{}", Value::Object(keys))
            }
            Element::Value(value) => format!("v:{value}"),
        }
    }

    fn from_key(key: &str) -> Option<Element> {
        let (mark, rest) = key.split_once(':')?;
        let parsed = || serde_json::from_str::<Value>(rest).ok();
        match mark {
            "f" => Some(Element::Field(rest.to_string())),
            "v" => Some(Element::Value(Scalar::of(&parsed()?)?)),
            "k" => {
                let Value::Object(keys) = parsed()? else { return None };
                let keys = keys.into_iter().map(|(k, v)| Some((k, Scalar::of(&v)?)));
                Some(Element::Key(keys.collect::<Option<_>>()?))
            }
            _ => None,
        }
    }
}

/// A set of paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    /// The steps that are paths of the set themselves.
    pub members: BTreeSet<Element>,
    /// What lies below a step.
    pub children: BTreeMap<Element, FieldSet>,
}

impl FieldSet {
    /// The set of these paths of field names.
    pub fn of_names(paths: &[&[&str]]) -> FieldSet {
        let mut set = FieldSet::default();
        for path in paths {
            let Some((last, above)) = path.split_last() else { continue };
            let below = |set, name: &&str| FieldSet::child(set, Element::Field(name.to_string()));
            above.iter().fold(&mut set, below).members.insert(Element::Field(last.to_string()));
        }
        set
    }

    fn child(&mut self, element: Element) -> &mut FieldSet {
        self.children.entry(element).or_default()
    }

    /// Whether no path is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    /// Adds what lies below a step, if anything does.
    pub fn add_below(&mut self, element: Element, below: FieldSet) {
        if below.is_empty() {
            return;
        }
        let child = self.child(element);
        *child = child.union(&below);
    }

    /// What is in either.
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut all = self.clone();
        all.members.extend(other.members.iter().cloned());
        for (element, below) in &other.children {
            let child = all.child(element.clone());
            *child = child.union(below);
        }
        all
    }

    /// What is in both.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let members = self.members.intersection(&other.members).cloned().collect();
        let both = |(element, below): (&Element, &FieldSet)| {
            let shared = below.intersection(other.children.get(element)?);
            (!shared.is_empty()).then(|| (element.clone(), shared))
        };
        FieldSet { members, children: self.children.iter().filter_map(both).collect() }
    }

    /// What is in this one alone.
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let members = self.members.difference(&other.members).cloned().collect();
        let rest = |(element, below): (&Element, &FieldSet)| {
            let rest = other.children.get(element).map_or_else(|| below.clone(), |o| below.difference(o));
            (!rest.is_empty()).then(|| (element.clone(), rest))
        };
        FieldSet { members, children: self.children.iter().filter_map(rest).collect() }
    }

    /// This one without the paths of the other and all that lies below them.
    pub fn without(&self, other: &FieldSet) -> FieldSet {
        let members = self.members.difference(&other.members).cloned().collect();
        let rest = |(element, below): (&Element, &FieldSet)| {
            if other.members.contains(element) {
                return None;
            }
            let rest = other.children.get(element).map_or_else(|| below.clone(), |o| below.without(o));
            (!rest.is_empty()).then(|| (element.clone(), rest))
        };
        FieldSet { members, children: self.children.iter().filter_map(rest).collect() }
    }

    /// Whether a path of field names is in it.
    pub fn has(&self, path: &[&str]) -> bool {
        let Some((last, above)) = path.split_last() else { return false };
        let mut set = self;
        for name in above {
            let Some(below) = set.children.get(&Element::Field(name.to_string())) else { return false };
            set = below;
        }
        set.members.contains(&Element::Field(last.to_string()))
    }

    /// Every path as error texts have it: `.spec.replicas`, `.spec.template.spec.containers[name="web"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.walk("", &mut all);
        all
    }

    fn walk(&self, above: &str, all: &mut Vec<String>) {
        all.extend(self.members.iter().map(|member| format!("{above}{member}")));
        self.children.iter().for_each(|(element, below)| below.walk(&format!("{above}{element}"), all));
    }

    /// The set as `fieldsV1` has it.
    pub fn to_fields_v1(&self) -> Value {
        let mut map = Map::new();
        for member in &self.members {
            map.insert(member.to_key(), Value::Object(Map::new()));
        }
        for (element, below) in self.children.iter().filter(|(_, below)| !below.is_empty()) {
            let mut tree = below.to_fields_v1();
            if self.members.contains(element)
                && let Value::Object(tree) = &mut tree
            {
                tree.insert(".".into(), Value::Object(Map::new()));
            }
            map.insert(element.to_key(), tree);
        }
        Value::Object(map)
    }

    /// Reads `fieldsV1`; what it can't mean is left out.
    pub fn from_fields_v1(tree: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        for (key, below) in tree.as_object().into_iter().flatten() {
            let Some(element) = Element::from_key(key) else { continue };
            let nothing_below = below.as_object().is_none_or(Map::is_empty);
            if nothing_below || below.get(".").is_some() {
                set.members.insert(element.clone());
            }
            set.add_below(element, FieldSet::from_fields_v1(below));
        }
        set
    }
}
