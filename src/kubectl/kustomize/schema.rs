//! Which lists a strategic merge patch merges, and by which keys.
//!
//! Kustomize goes by the schema of Kubernetes 1.21.2, whatever the cluster has. `schema.txt` holds what matters of it:
//! a type and the kinds that it is the object of; then its fields: `NAME TYPE`, or for lists `NAME STRATEGY KEYS TYPE`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("schema.txt");

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Schema {
    /// A struct.
    Type(&'static str),
    /// A list.
    List {
        /// `merge`, with others perhaps.
        strategy: &'static str,
        /// By commas; none for plain values.
        keys: &'static str,
        /// The type of its elements.
        element: &'static str,
    },
}

struct Types {
    fields: BTreeMap<(&'static str, &'static str), Schema>,
    /// From `GROUP/VERSION:KIND` to the type.
    objects: BTreeMap<&'static str, &'static str>,
}

fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut types = Types { fields: BTreeMap::new(), objects: BTreeMap::new() };
        let mut within = "";
        for line in TABLE.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["=", name, objects @ ..] => {
                    within = name;
                    types.objects.extend(objects.iter().flat_map(|o| o.split(',')).map(|object| (object, *name)));
                }
                [field, name] => {
                    types.fields.insert((within, field), Schema::Type(name));
                }
                [field, strategy, keys, element] => {
                    types.fields.insert((within, field), Schema::List { strategy, keys, element });
                }
                _ => {}
            }
        }
        types
    })
}

impl Schema {
    /// The schema of an object.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Schema> {
        types().objects.get(format!("{api_version}:{kind}").as_str()).map(|name| Schema::Type(name))
    }

    /// The schema of a field.
    pub(super) fn field(self, name: &str) -> Option<Schema> {
        match self {
            Schema::Type(within) => types().fields.get(&(within, name)).copied(),
            Schema::List { .. } => None,
        }
    }

    /// The schema of a list's elements.
    pub(super) fn element(self) -> Option<Schema> {
        match self {
            Schema::List { element, .. } if element != "-" => Some(Schema::Type(element)),
            _ => None,
        }
    }

    /// The keys that a list's elements are merged by, if they are merged.
    pub(super) fn merge_keys(self) -> Option<Vec<String>> {
        match self {
            Schema::List { strategy, keys, .. } if strategy.split(',').any(|s| s == "merge") => {
                Some(keys.split(',').filter(|key| *key != "-").map(str::to_string).collect())
            }
            _ => None,
        }
    }
}
