//! The functions of templates; mirrors Go's `text/template/funcs.go` and what kubectl adds.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::super::go_value::{sprint, type_name};
use super::format;
use super::value::{Val, Wanted};

/// Every function with the number of its arguments and whether more may follow.
const FUNCTIONS: [(&str, usize, bool); 21] = [
    ("and", 1, true),
    ("base64decode", 1, false),
    ("call", 1, true),
    ("eq", 1, true),
    ("exists", 1, true),
    ("ge", 2, false),
    ("gt", 2, false),
    ("html", 0, true),
    ("index", 1, true),
    ("js", 0, true),
    ("le", 2, false),
    ("len", 1, false),
    ("lt", 2, false),
    ("ne", 2, false),
    ("not", 1, false),
    ("or", 1, true),
    ("print", 0, true),
    ("printf", 1, true),
    ("println", 0, true),
    ("slice", 1, true),
    ("urlquery", 0, true),
];

pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|(n, ..)| *n == name)
}

/// The least number of arguments, and whether more are taken.
pub(super) fn arity(name: &str) -> (usize, bool) {
    FUNCTIONS.iter().find(|(n, ..)| *n == name).map_or((0, true), |(_, least, variadic)| (*least, *variadic))
}

/// What the argument at an index has to be.
pub(super) fn wanted(name: &str, index: usize) -> Wanted {
    match (name, index) {
        ("printf" | "base64decode", 0) => Wanted::Text,
        _ => Wanted::Any,
    }
}

type Answer<T> = Result<T, String>;

/// Calls a function whose number of arguments has been checked. `and` and `or` are not among them.
pub(super) fn call<'a>(name: &str, args: &[Val<'a>]) -> Answer<Val<'a>> {
    let values: Vec<Option<&Value>> = args.iter().map(Val::get).collect();
    let text = |text: String| Ok(Val::from(Value::from(text)));
    let truth = |b: bool| Ok(Val::from(Value::from(b)));
    match (name, args) {
        ("base64decode", [value]) => {
            let encoded = value.get().and_then(Value::as_str).unwrap_or_default();
            text(base64_decode(encoded)?)
        }
        ("eq", [first, rest @ ..]) => truth(eq(first, rest)?),
        ("ne", [a, b]) => truth(!eq(a, std::slice::from_ref(b))?),
        ("lt", [a, b]) => truth(lt(a, b)?),
        ("le", [a, b]) => truth(lt(a, b)? || eq(a, std::slice::from_ref(b))?),
        ("gt", [a, b]) => truth(!(lt(a, b)? || eq(a, std::slice::from_ref(b))?)),
        ("ge", [a, b]) => truth(!lt(a, b)?),
        ("not", [value]) => truth(!value.truth()),
        ("len", [value]) => Ok(Val::from(Value::from(len(value)?))),
        ("index", [item, path @ ..]) => index(item.clone(), path),
        ("slice", [item, path @ ..]) => slice(item, path),
        ("exists", [item, path @ ..]) => truth(index(item.clone(), path).is_ok_and(|value| value.get().is_some())),
        ("print", _) => text(format::sprint_all(&values)),
        ("println", _) => {
            text(values.iter().map(|v| v.map_or("<nil>".into(), sprint)).collect::<Vec<_>>().join(" ") + "\n")
        }
        ("printf", [pattern, ..]) => {
            let pattern = pattern.get().and_then(Value::as_str).unwrap_or_default();
            text(format::sprintf(pattern, &values[1..]))
        }
        ("html", _) => text(html(&eval_args(&values))),
        ("js", _) => text(js(&eval_args(&values))),
        ("urlquery", _) => text(url_query(&eval_args(&values))),
        ("call", [function, ..]) => match function.get() {
            Some(value) => Err(format!("non-function of type {}", type_name(value))),
            None => Err("call of nil".into()),
        },
        _ => Err("wrong number of args".into()),
    }
}

fn eval_args(values: &[Option<&Value>]) -> String {
    match values {
        [Some(Value::String(text))] => text.clone(),
        _ => {
            let no_value = Value::from("<no value>");
            format::sprint_all(&values.iter().map(|v| Some(v.unwrap_or(&no_value))).collect::<Vec<_>>())
        }
    }
}

const INCOMPATIBLE: &str = "incompatible types for comparison";

fn eq(first: &Val<'_>, rest: &[Val<'_>]) -> Answer<bool> {
    if rest.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in rest {
        let equal = match (first.get(), other.get()) {
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
            (Some(a), Some(b)) => match (a, b) {
                (Value::Bool(a), Value::Bool(b)) => a == b,
                (Value::String(a), Value::String(b)) => a == b,
                (Value::Number(a), Value::Number(b)) if a.is_i64() == b.is_i64() => {
                    if a.is_i64() {
                        a.as_i64() == b.as_i64()
                    } else {
                        a.as_f64() == b.as_f64()
                    }
                }
                (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
                    return Err(format!("non-comparable type {}: {}", sprint(b), type_name(b)));
                }
                _ => return Err(INCOMPATIBLE.into()),
            },
        };
        if equal {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lt(a: &Val<'_>, b: &Val<'_>) -> Answer<bool> {
    let basic = |value: Option<&Value>| matches!(value, Some(Value::Bool(_) | Value::Number(_) | Value::String(_)));
    if !basic(a.get()) || !basic(b.get()) {
        return Err("invalid type for comparison".into());
    }
    let ordering = match (a.get(), b.get()) {
        (Some(Value::String(a)), Some(Value::String(b))) => Some(a.cmp(b)),
        (Some(Value::Number(a)), Some(Value::Number(b))) if a.is_i64() == b.is_i64() => {
            if a.is_i64() {
                Some(a.as_i64().cmp(&b.as_i64()))
            } else {
                a.as_f64().partial_cmp(&b.as_f64())
            }
        }
        (Some(Value::Bool(_)), Some(Value::Bool(_))) => return Err("invalid type for comparison".into()),
        _ => return Err(INCOMPATIBLE.into()),
    };
    Ok(ordering == Some(Ordering::Less))
}

fn len(value: &Val<'_>) -> Answer<usize> {
    match (value, value.get()) {
        (_, Some(Value::String(s))) => Ok(s.len()),
        (_, Some(Value::Array(items))) => Ok(items.len()),
        (_, Some(Value::Object(map))) => Ok(map.len()),
        (_, Some(other)) => Err(format!("len of type {}", type_name(other))),
        (Val::Boxed(_), None) => Err("len of nil pointer".into()),
        (_, None) => Err("reflect: call of reflect.Value.Type on zero Value".into()),
    }
}

fn number(index: &Val<'_>, limit: usize) -> Answer<usize> {
    match index.get() {
        Some(Value::Number(n)) if n.is_i64() => match usize::try_from(n.as_i64().unwrap_or(-1)) {
            Ok(i) if i <= limit => Ok(i),
            _ => Err(format!("index out of range: {n}")),
        },
        Some(other) => Err(format!("cannot index slice/array with type {}", type_name(other))),
        None => Err("cannot index slice/array with nil".into()),
    }
}

fn index<'a>(item: Val<'a>, path: &[Val<'_>]) -> Answer<Val<'a>> {
    if item.get().is_none() {
        return Err("index of untyped nil".into());
    }
    let mut item = item;
    for step in path {
        item = match item {
            Val::Boxed(Value::Array(items)) | Val::Plain(Cow::Borrowed(Value::Array(items))) => {
                let i = number(step, items.len())?;
                items.get(i).map(Val::Boxed).ok_or("reflect: slice index out of range")?
            }
            Val::Boxed(Value::Object(map)) | Val::Plain(Cow::Borrowed(Value::Object(map))) => match step.get() {
                Some(Value::String(key)) => map.get(key).map_or(Val::Boxed(&Value::Null), Val::Boxed),
                Some(other) => return Err(format!("value has type {}; should be string", type_name(other))),
                None => return Err("value is nil; should be of type string".into()),
            },
            other => match other.get() {
                Some(Value::String(text)) => {
                    let i = number(step, text.len())?;
                    let byte = text.as_bytes().get(i).copied().ok_or("reflect: string index out of range")?;
                    Val::from(Value::from(byte))
                }
                Some(value) => return Err(format!("can't index item of type {}", type_name(value))),
                None => return Err("index of nil pointer".into()),
            },
        };
    }
    Ok(item)
}

fn slice<'a>(item: &Val<'a>, path: &[Val<'_>]) -> Answer<Val<'a>> {
    let length = match item.get() {
        Some(Value::String(text)) => text.len(),
        Some(Value::Array(items)) => items.len(),
        Some(other) => return Err(format!("can't slice item of type {}", type_name(other))),
        None => return Err("slice of untyped nil".into()),
    };
    if path.len() > 3 {
        return Err(format!("too many slice indexes: {}", path.len()));
    }
    let is_text = item.get().is_some_and(Value::is_string);
    if path.len() == 3 && is_text {
        return Err("cannot 3-index slice a string".into());
    }
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(path) {
        *bound = number(index, length)?;
    }
    let [start, end, cap] = bounds;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}"));
    }
    if path.len() == 3 && end > cap {
        return Err(format!("invalid slice index: {end} > {cap}"));
    }
    Ok(match item.get() {
        Some(Value::Array(items)) => Val::from(Value::from(items[start..end].to_vec())),
        Some(Value::String(text)) => {
            Val::from(Value::from(String::from_utf8_lossy(&text.as_bytes()[start..end]).into_owned()))
        }
        _ => Val::Invalid,
    })
}

/// Standard base64 with padding; line breaks are skipped, as Go does.
fn base64_decode(text: &str) -> Answer<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let illegal = |at: usize| Err(format!("base64 decode failed: illegal base64 data at input byte {at}"));
    let bytes: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\n' | b'\r')).collect();
    let mut decoded = Vec::new();
    for (n, group) in bytes.chunks(4).enumerate() {
        let is_last = (n + 1) * 4 >= bytes.len();
        let padding = group.iter().rev().take_while(|(_, b)| *b == b'=').count();
        let mut bits = 0u32;
        for (i, (at, byte)) in group.iter().enumerate() {
            let digit = match ALPHABET.iter().position(|b| b == byte) {
                Some(digit) => digit as u32,
                None if *byte == b'=' && is_last && i >= 2 && i + padding >= 4 => 0,
                None => return illegal(*at),
            };
            bits = bits << 6 | digit;
        }
        if group.len() < 4 {
            return illegal(text.len() - group.len());
        }
        let [_, a, b, c] = bits.to_be_bytes();
        decoded.extend(&[a, b, c][..3 - padding]);
    }
    Ok(String::from_utf8_lossy(&decoded).into_owned())
}

fn html(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "&#34;".to_string(),
        '\'' => "&#39;".into(),
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '\0' => "\u{fffd}".into(),
        c => c.into(),
    };
    text.chars().map(escape).collect()
}

fn js(text: &str) -> String {
    let escape = |c: char| match c {
        '\\' => "\\\\".to_string(),
        '\'' => "\\'".into(),
        '"' => "\\\"".into(),
        '<' | '>' | '&' | '=' | '\0'..'\u{20}' => format!("\\u{:04X}", u32::from(c)),
        c => c.into(),
    };
    text.chars().map(escape).collect()
}

fn url_query(text: &str) -> String {
    let escape = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
        b' ' => "+".into(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(escape).collect()
}
