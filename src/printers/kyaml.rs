//! Writes KYAML: YAML with braces, quoted strings and a comma after each thing, so that no blank counts.
//!
//! Mirrors `sigs.k8s.io/yaml/kyaml`.

use serde_json::Value;

use super::go_order::Order;
use super::json::number;

/// What `kubectl get -o kyaml` prints: keys sorted, after a line that begins a document.
pub fn to_kyaml(value: &Value) -> String {
    write(value, None)
}

/// What kubectl prints for what it holds as a Go struct: fields in the order of their declaration.
pub fn to_kyaml_in(order: &dyn Order, value: &Value) -> String {
    write(value, Some(order))
}

fn write(value: &Value, order: Option<&dyn Order>) -> String {
    let mut out = String::from("---\n");
    node(&mut out, value, 0, order);
    out.push('\n');
    out
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn node(out: &mut String, value: &Value, level: usize, order: Option<&dyn Order>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&number(n)),
        Value::String(text) => string(out, text, level + 1, false),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        // Brackets of lists and structs stand together.
        Value::Array(items) if items.iter().all(|item| item.is_array() || item.is_object()) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                node(out, item, level, order);
            }
            out.push(']');
        }
        Value::Array(items) => {
            out.push_str("[\n");
            for item in items {
                indent(out, level + 1);
                node(out, item, level + 1, order);
                out.push_str(",\n");
            }
            indent(out, level);
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("{\n");
            let mut keys: Vec<&String> = map.keys().collect();
            if let Some(order) = order {
                keys.sort_by_key(|key| order.place(key).unwrap_or(usize::MAX));
            }
            for key in keys {
                indent(out, level + 1);
                match needs_quotes(key) {
                    true => string(out, key, level + 1, true),
                    false => out.push_str(key),
                }
                out.push_str(": ");
                node(out, &map[key], level + 1, order.and_then(|order| order.below(key)));
                out.push_str(",\n");
            }
            indent(out, level);
            out.push('}');
        }
    }
}

/// A string in quotes; one of several lines is folded, a line each, unless it has to be `compact`.
fn string(out: &mut String, text: &str, level: usize, compact: bool) {
    const FOLD: &str = "\\\n";
    let folds = text.contains('\n') && !compact;
    out.push('"');
    if folds {
        out.push_str(FOLD);
    }
    for c in text.chars() {
        if folds && out.ends_with('\n') {
            indent(out, level);
            // Blanks at the start of a line would be dropped; where there are none, one more keeps the columns.
            out.push(if c.is_whitespace() && c != '\n' { '\\' } else { ' ' });
        }
        match c {
            '\n' if folds => out.push_str("\\n\\\n"),
            '\n' => out.push_str("\\n"),
            '\t' if compact => out.push_str("\\t"),
            '\t' => out.push('\t'),
            '"' | '\\' => out.extend(['\\', c]),
            c if is_print(c) => out.push(c),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{b}' => out.push_str("\\v"),
            '\0' => out.push_str("\\0"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    if folds {
        if !out.ends_with('\n') {
            out.push_str(FOLD);
        }
        indent(out, level);
    }
    out.push('"');
}

/// Mirrors `unicode.IsPrint`, as far as it matters.
fn is_print(c: char) -> bool {
    c == ' ' || !(c.is_control() || c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}'))
}

/// Whether a key could be read as something else than a string.
fn needs_quotes(key: &str) -> bool {
    let last = key.chars().count().saturating_sub(1);
    let plain =
        |(i, c): (usize, char)| c.is_alphanumeric() || c == '_' || (i > 0 && i < last && matches!(c, '-' | '.' | '/'));
    key.is_empty() || is_ambiguous(key) || !key.chars().enumerate().all(plain)
}

/// Mirrors `isTypeAmbiguous`.
fn is_ambiguous(key: &str) -> bool {
    let lower = key.to_lowercase();
    let words = ["null", "~", "true", "t", "y", "yes", "on", "1", "false", "f", "n", "no", "off", "0"];
    let digits = lower.replace('_', "");
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    let in_radix =
        |prefix: &str, radix| unsigned.strip_prefix(prefix).is_some_and(|d| i64::from_str_radix(d, radix).is_ok());
    words.contains(&lower.as_str())
        || in_radix("0x", 16)
        || in_radix("0o", 8)
        || in_radix("0b", 2)
        || (unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok())
        || matches!(unsigned, "inf" | "infinity" | "nan")
        || is_date(key)
}

/// `2006-1-2`: keys have no colons, and dates with times have.
fn is_date(key: &str) -> bool {
    let parts: Vec<&str> = key.split('-').collect();
    let number = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    matches!(parts[..], [year, month, day] if number(year, 4, 4) && number(month, 1, 2) && number(day, 1, 2))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_kyaml;

    #[test]
    fn has_braces_quotes_and_commas() {
        let value = json!({
            "a": 1, "no": true, "x-y/z.w": null, "-": [], "list": ["a", 2], "maps": [{"b": {}}, {"c": "d\"e"}],
            "text": "one\n  two\n\nthree", "line": "ends\n", "0x1": 1.5
        });
        insta::assert_snapshot!(to_kyaml(&value), @r#"
        ---
        {
          "-": [],
          "0x1": 1.5,
          a: 1,
          line: "\
             ends\n\
            ",
          list: [
            "a",
            2,
          ],
          maps: [{
            b: {},
          }, {
            c: "d\"e",
          }],
          "no": true,
          text: "\
             one\n\
            \  two\n\
             \n\
             three\
            ",
          x-y/z.w: null,
        }
        "#);
    }
}
