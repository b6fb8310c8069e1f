//! A value as YAML has it, before JSON takes the types off its keys; and how Go prints one in a fault.

use std::collections::BTreeMap;

use crate::api::scalar::{quote, yaml_float};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Uint(u64),
    Float(f64),
    Str(String),
    Sequence(Vec<Item>),
    Mapping(BTreeMap<Key, Item>),
}

/// What a mapping's key may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// The bits of a 64 bit float.
    Float(u64),
    Str(String),
}

impl From<Key> for Item {
    fn from(key: Key) -> Item {
        match key {
            Key::Null => Item::Null,
            Key::Bool(b) => Item::Bool(b),
            Key::Int(n) => Item::Int(n),
            Key::Uint(n) => Item::Uint(n),
            Key::Float(bits) => Item::Float(f64::from_bits(bits)),
            Key::Str(s) => Item::Str(s),
        }
    }
}

impl Item {
    /// The value inside a collection as `%#v` prints it: `map[interface {}]interface {}{"a":1}`.
    pub(super) fn go_syntax(&self) -> String {
        match self {
            Item::Null => "interface {}(nil)".into(),
            Item::Bool(b) => b.to_string(),
            Item::Int(n) => n.to_string(),
            Item::Uint(n) => format!("{n:#x}"),
            Item::Float(f) if f.is_nan() => "NaN".into(),
            Item::Float(f) if f.is_infinite() => (if *f > 0.0 { "+Inf" } else { "-Inf" }).into(),
            Item::Float(f) => yaml_float(*f),
            Item::Str(s) => quote(s),
            Item::Sequence(items) => {
                let items: Vec<String> = items.iter().map(Item::go_syntax).collect();
                format!("[]interface {{}}{{{}}}", items.join(", "))
            }
            Item::Mapping(pairs) => {
                let pair = |(key, value): (&Key, &Item)| {
                    format!("{}:{}", Item::from(key.clone()).go_syntax(), value.go_syntax())
                };
                let pairs: Vec<String> = pairs.iter().map(pair).collect();
                format!("map[interface {{}}]interface {{}}{{{}}}", pairs.join(", "))
            }
        }
    }

    /// The same for a value that stands alone, where a nil has no type.
    pub(super) fn go_syntax_alone(&self) -> String {
        match self {
            Item::Null => "<nil>".into(),
            item => item.go_syntax(),
        }
    }
}
