//! What a Go struct makes of a document: its fields by name in any case, and no others.
//!
//! Mirrors `encoding/json` with `DisallowUnknownFields`, and its words.

use serde_json::{Map, Value};

use super::Failed;
use crate::manifest::json::go_kind;

/// A field: its name, the embedded structs that hold it (`ResId.Gvk.`), and what it holds.
pub(super) struct Field(pub(super) &'static str, pub(super) &'static str, pub(super) Kind);

/// What a field holds.
pub(super) enum Kind {
    Text,
    Bool,
    Number(&'static str),
    /// `map[string]string`
    Texts,
    List(&'static Kind),
    /// A struct, its name in Go and its fields.
    Struct(&'static str, &'static [Field]),
    /// What nothing is made of.
    Ignored,
}

impl Kind {
    /// Its type in Go.
    fn go_name(&self) -> String {
        match self {
            Kind::Text => "string".into(),
            Kind::Bool => "bool".into(),
            Kind::Number(name) => (*name).into(),
            Kind::Texts => "map[string]string".into(),
            Kind::List(of) => format!("[]{}", of.go_name()),
            Kind::Struct(name, _) => format!("types.{name}"),
            Kind::Ignored => "interface {}".into(),
        }
    }
}

/// The document with its fields as they are spelled, and without nulls.
///
/// # Errors
/// The first field that is unknown or of another type.
pub(super) fn normal(value: &Value, name: &'static str, fields: &'static [Field]) -> Result<Value, Failed> {
    let mut reader = Reader { first: None, path: Vec::new() };
    let read = match value {
        Value::Null => Value::Object(Map::new()),
        Value::Object(map) => reader.object(map, name, fields),
        _ => {
            let text = format!("json: cannot unmarshal {} into Go value of type types.{name}", go_kind(value));
            return Err(Failed::new(text));
        }
    };
    match reader.first {
        Some(text) => Err(Failed::new(text)),
        None => Ok(read),
    }
}

struct Reader {
    /// Go goes on after the first fault, and tells of it alone.
    first: Option<String>,
    path: Vec<String>,
}

impl Reader {
    fn fault(&mut self, text: String) {
        self.first.get_or_insert(text);
    }

    fn object(&mut self, map: &Map<String, Value>, name: &'static str, fields: &'static [Field]) -> Value {
        let mut read = Map::new();
        for (key, value) in map {
            let exact = fields.iter().find(|field| field.0 == key);
            let Some(Field(field, embedded, kind)) =
                exact.or_else(|| fields.iter().find(|field| field.0.eq_ignore_ascii_case(key)))
            else {
                self.fault(format!("json: unknown field {key:?}"));
                continue;
            };
            if value.is_null() {
                continue;
            }
            self.path.push(format!("{embedded}{field}"));
            let value = self.value(value, kind, name);
            self.path.pop();
            read.insert((*field).to_string(), value);
        }
        Value::Object(read)
    }

    fn value(&mut self, value: &Value, kind: &'static Kind, within: &'static str) -> Value {
        match (kind, value) {
            (_, Value::Null) | (Kind::Ignored, _) => value.clone(),
            (Kind::Text, Value::String(_)) | (Kind::Bool, Value::Bool(_)) => value.clone(),
            (Kind::Number(_), Value::Number(n)) if n.is_i64() => value.clone(),
            (Kind::Texts, Value::Object(map)) => {
                let texts = map.iter().map(|(key, value)| (key.clone(), self.value(value, &Kind::Text, within)));
                let texts = texts.map(|(key, value)| (key, if value.is_null() { "".into() } else { value })).collect();
                Value::Object(texts)
            }
            (Kind::List(of), Value::Array(items)) => {
                let read = items.iter().map(|item| self.value(item, of, within));
                let read = read.map(|item| match of {
                    Kind::Text if item.is_null() => "".into(),
                    Kind::Struct(..) if item.is_null() => Value::Object(Map::new()),
                    _ => item,
                });
                Value::Array(read.collect())
            }
            (Kind::Struct(name, fields), Value::Object(map)) => self.object(map, name, fields),
            _ => {
                let found = match (kind, value) {
                    (Kind::Number(_), Value::Number(n)) => format!("number {n}"),
                    _ => go_kind(value).into(),
                };
                let path = self.path.join(".");
                let wanted = kind.go_name();
                let text =
                    format!("json: cannot unmarshal {found} into Go struct field {within}.{path} of type {wanted}");
                self.fault(text);
                Value::Null
            }
        }
    }
}
