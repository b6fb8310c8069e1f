//! Trees as values of expressions, and back.
//!
//! Mirrors `k8s.io/apiserver/pkg/cel/common/values.go` and `pkg/cel/escaping.go`.

use std::sync::Arc;

use cel::Value;
use cel::common::types::CelOptional;
use cel::common::value::Val;
use cel::objects::{Key, Map};
use serde_json::Value as Tree;

/// The names of types.
pub(super) const TYPES: [&str; 15] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "google",
    "int",
    "list",
    "map",
    "null_type",
    "optional_type",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// The words that can't name a field.
const RESERVED: [&str; 23] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "__true__",
    "__false__",
];

/// A tree as a value, whose types its schema says.
pub(super) fn of(tree: &Tree, schema: &Tree) -> Value {
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(yes) => Value::Bool(*yes),
        Tree::Number(number) => {
            let is_double = schema["type"] == "number";
            match number.as_i64().filter(|_| !is_double) {
                Some(whole) => Value::Int(whole),
                None => Value::Float(number.as_f64().unwrap_or_default()),
            }
        }
        Tree::String(text) => text_of(text, schema),
        Tree::Array(items) => Value::List(Arc::new(items.iter().map(|item| of(item, &schema["items"])).collect())),
        Tree::Object(fields) => {
            let field = |(name, value): (&String, &Tree)| {
                let own = &schema["properties"][name];
                let (name, schema) = match own.is_null() {
                    true => (name.clone(), &schema["additionalProperties"]),
                    false => (escaped(name), own),
                };
                (Key::String(Arc::new(name)), of(value, schema))
            };
            Value::Map(Map { map: Arc::new(fields.iter().map(field).collect()) })
        }
    }
}

fn text_of(text: &str, schema: &Tree) -> Value {
    let read = match schema["format"].as_str() {
        Some("date") => chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .and_then(|day| day.and_hms_opt(0, 0, 0))
            .map(|at| Value::Timestamp(at.and_utc().fixed_offset())),
        Some("date-time") => chrono::DateTime::parse_from_rfc3339(text).ok().map(Value::Timestamp),
        Some("duration") => crate::api::Duration::parse(text)
            .ok()
            .and_then(|span| chrono::Duration::try_milliseconds(span.0))
            .map(Value::Duration),
        _ => None,
    };
    read.unwrap_or_else(|| Value::String(Arc::new(text.to_string())))
}

/// A field's name as an expression writes it. Mirrors `Escape`.
fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__").replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

/// An optional value, which may not be there.
pub(super) fn optional(value: Option<(&Tree, &Tree)>) -> Box<dyn Val> {
    let value = value.and_then(|(tree, schema)| Box::<dyn Val>::try_from(of(tree, schema)).ok());
    Box::new(CelOptional::from(value))
}

/// A number as it is written in errors.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        other => format!("{other:?}"),
    }
}
