//! Writes JSON as kubectl does: Go's `encoding/json`, which escapes what HTML would read as markup.

use std::fmt::Write;

use serde_json::{Number, Value};

use super::go_order::Order;
use crate::api::Kind;
use crate::api::scalar::json_float;
use crate::api::schema;

/// What `kubectl get -o json` prints: keys sorted, four spaces, a final newline.
pub fn to_pretty(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, Some(0), None);
    out.push('\n');
    out
}

/// What kubectl prints for what it holds as a Go struct: fields in the order of their declaration.
pub fn to_pretty_in(order: &dyn Order, value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, Some(0), Some(order));
    out.push('\n');
    out
}

/// What Go's `json.Marshal` gives of the struct that holds an object.
pub fn to_compact_as_go(kind: Kind, value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, None, Some(schema::of(kind)));
    out
}

/// The same with another indentation than four spaces.
pub fn to_indented_in(order: &dyn Order, value: &Value, indent: &str) -> String {
    let lines = to_pretty_in(order, value);
    let indented = |line: &str| {
        let text = line.trim_start_matches(' ');
        format!("{}{text}\n", indent.repeat((line.len() - text.len()) / 4))
    };
    lines.lines().map(indented).collect()
}

/// The same for a struct that is no object of the API; sorted without an order.
pub fn to_compact_in(order: Option<&dyn Order>, value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, None, order);
    out
}

/// What Go's `json.Marshal` gives: no spaces and no final newline. For patches and annotations (kubectl ends
/// the last-applied annotation with a newline of its own).
pub fn to_compact(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, None, None);
    out
}

/// A number as Go's `encoding/json` spells it.
pub fn number(n: &Number) -> String {
    match n.as_f64() {
        Some(f) if n.is_f64() => json_float(f),
        _ => n.to_string(),
    }
}

/// `level` is the nesting depth in indented form, or nothing in compact form; `order` that of the struct's fields.
fn write_value(out: &mut String, value: &Value, level: Option<usize>, order: Option<&dyn Order>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&number(n)),
        Value::String(s) => write_string(out, s),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            let inner = level.map(|l| l + 1);
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, i, inner);
                write_value(out, item, inner, order);
            }
            break_line(out, level);
            out.push(']');
        }
        Value::Object(map) => {
            let inner = level.map(|l| l + 1);
            out.push('{');
            let mut keys: Vec<&String> = map.keys().collect();
            if let Some(order) = order {
                keys.sort_by_key(|key| order.place(key).unwrap_or(usize::MAX));
            }
            for (i, key) in keys.into_iter().enumerate() {
                separate(out, i, inner);
                write_string(out, key);
                out.push_str(if level.is_some() { ": " } else { ":" });
                let next = order.and_then(|order| order.below(key));
                write_value(out, &map[key], inner, next);
            }
            break_line(out, level);
            out.push('}');
        }
    }
}

fn separate(out: &mut String, index: usize, level: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    break_line(out, level);
}

fn break_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", level));
    }
}

/// Writes a text as Go's `encoding/json` quotes it.
pub fn write_string(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{to_compact, to_pretty};

    #[test]
    fn pretty_has_four_spaces_and_sorted_keys() {
        let value = json!({"kind": "List", "items": [], "metadata": {"a": [1, 2.5, null]}, "spec": {}});
        insta::assert_snapshot!(to_pretty(&value), @r#"
        {
            "items": [],
            "kind": "List",
            "metadata": {
                "a": [
                    1,
                    2.5,
                    null
                ]
            },
            "spec": {}
        }
        "#);
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let value = json!(["<a href=\"x\">&amp;\u{2028}", "\u{1}\té\u{1f600}\\"]);
        insta::assert_snapshot!(
            to_compact(&value),
            @r#"["\u003ca href=\"x\"\u003e\u0026amp;\u2028","\u0001\té😀\\"]"#
        );
        assert_eq!(to_compact(&json!({"b": 1e21, "a": -0.000001})), r#"{"a":-0.000001,"b":1e+21}"#);
    }
}
