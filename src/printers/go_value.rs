//! JSON values in the words of Go's `fmt` and `strconv`: `map[a:1]`, `[x y]`, `<nil>`, quoted strings.

use std::fmt::Write;

use serde_json::{Number, Value};

use crate::api::scalar::yaml_float;

/// The value as `%v` prints it: strings bare, `map[a:1 b:[x y]]`, `<nil>`.
pub fn sprint(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number(n),
        Value::String(s) => s.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(sprint).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", sprint(v))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// The value as `%#v` prints it: `map[string]interface {}{"a":1, "b":[]interface {}{"x"}}`.
pub fn sprint_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number(n),
        Value::String(s) => quote(s),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(sprint_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{}:{}", quote(k), sprint_syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", pairs.join(", "))
        }
    }
}

/// The name of the Go type that kubectl decodes such a value to.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A number as `%v` prints it; kubectl holds those that are no `int64` as floats.
pub fn number(n: &Number) -> String {
    match (n.as_i64(), n.as_f64()) {
        (Some(i), _) => i.to_string(),
        (None, Some(f)) => float(f),
        _ => n.to_string(),
    }
}

/// A float as `%v` prints it: `1.5`, `1e+06`, `1e-05`.
pub fn float(f: f64) -> String {
    yaml_float(f)
}

/// The text in double quotes, as `strconv.Quote` has it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            _ => push_escaped(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// The character in single quotes, as `strconv.QuoteRune` has it.
pub fn quote_char(c: char) -> String {
    let mut out = String::from("'");
    match c {
        '\'' | '\\' => out.extend(['\\', c]),
        _ => push_escaped(&mut out, c),
    }
    out + "'"
}

fn push_escaped(out: &mut String, c: char) {
    // Writing to a String does not fail.
    let _ = match c {
        '\u{7}' => write!(out, "\\a"),
        '\u{8}' => write!(out, "\\b"),
        '\u{c}' => write!(out, "\\f"),
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        '\u{b}' => write!(out, "\\v"),
        _ if is_printable(c) => write!(out, "{c}"),
        ..='\u{7f}' => write!(out, "\\x{:02x}", u32::from(c)),
        ..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(c)),
        _ => write!(out, "\\U{:08x}", u32::from(c)),
    };
}

/// Whether Go counts a character as printable: ASCII space is, other blanks and controls are not.
fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}'))
}

/// A code point as `%#U` prints it: `U+0026 '&'`.
pub fn code_point(c: char) -> String {
    let code = format!("U+{:04X}", u32::from(c));
    if is_printable(c) { format!("{code} '{c}'") } else { code }
}

/// Undoes the escapes of a Go string whose quotes are `quote`; none where the syntax is wrong.
pub fn unescape(text: &str, quote: char) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == quote || c == '\n' {
            return None;
        }
        if c != '\\' {
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = rest.next()?;
        let mut digits = |count: usize, radix: u32, first: Option<char>| {
            let digits: String = first.into_iter().chain(rest.by_ref().take(count)).collect();
            let complete = digits.chars().count() == count + usize::from(first.is_some());
            u32::from_str_radix(&digits, radix).ok().filter(|_| complete && !digits.starts_with('+'))
        };
        match escape {
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            '\'' | '"' if escape == quote => out.push(escape as u8),
            'x' => out.push(u8::try_from(digits(2, 16, None)?).ok()?),
            '0'..='7' => out.push(u8::try_from(digits(2, 8, Some(escape))?).ok()?),
            'u' | 'U' => {
                let c = char::from_u32(digits(if escape == 'u' { 4 } else { 8 }, 16, None)?)?;
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
            _ => return None,
        }
    }
    // Bytes that are no text cannot be printed as Go would print them.
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{code_point, float, quote, sprint, sprint_syntax, unescape};
    use serde_json::json;

    #[test]
    fn values() {
        let value = json!({"b": [1, "x", null], "a": {"c": true}, "f": 1.5});
        assert_eq!(sprint(&value), "map[a:map[c:true] b:[1 x <nil>] f:1.5]");
        assert_eq!(
            sprint_syntax(&value),
            r#"map[string]interface {}{"a":map[string]interface {}{"c":true}, "b":[]interface {}{1, "x", interface {}(nil)}, "f":1.5}"#
        );
        assert_eq!([float(1e6), float(0.00001), float(3.0), float(123456.5)].join(" "), "1e+06 1e-05 3 123456.5");
    }

    #[test]
    fn strings() {
        assert_eq!(quote("a\"b\\\n\u{1b}\u{e9}\u{feff}"), "\"a\\\"b\\\\\\n\\x1b\u{e9}\\ufeff\"");
        assert_eq!(unescape(r"a\tb\x41\101\u00e9\\", '"').as_deref(), Some("a\tbAA\u{e9}\\"));
        assert_eq!((unescape(r"\q", '"'), unescape(r"\x4", '"'), unescape(r"\'", '"')), (None, None, None));
        assert_eq!(code_point('&'), "U+0026 '&'");
    }
}
