//! Functions of strings.
//!
//! Mirrors `github.com/google/cel-go/ext/strings.go` (version 2), `formatting.go`, and `k8s.io/apiserver/pkg/cel/library/regex.go`.

use std::sync::Arc;

use cel::{ExecutionError, Value};
use regex_lite::Regex;

use super::library::place;

type Answer = Result<Value, ExecutionError>;

fn text(text: impl Into<String>) -> Answer {
    Ok(Value::String(Arc::new(text.into())))
}

fn texts(all: impl Iterator<Item = String>) -> Answer {
    Ok(Value::List(Arc::new(all.map(|text| Value::String(Arc::new(text))).collect())))
}

fn fault(name: &str, why: impl ToString) -> ExecutionError {
    ExecutionError::function_error(name, why)
}

/// Answers a call; what it is called on comes first.
pub(super) fn call(name: &str, of: &[Value]) -> Answer {
    if let [Value::List(items), rest @ ..] = of {
        return match (name, rest) {
            ("join", []) => join(items, ""),
            ("join", [Value::String(between)]) => join(items, between),
            ("indexOf", [item]) => Ok(place(items, item, false)),
            ("lastIndexOf", [item]) => Ok(place(items, item, true)),
            _ => Err(ExecutionError::NoSuchOverload),
        };
    }
    let [Value::String(this), rest @ ..] = of else { return Err(ExecutionError::NoSuchOverload) };
    let chars: Vec<char> = this.chars().collect();
    match (name, rest) {
        ("lowerAscii", []) => text(this.to_ascii_lowercase()),
        ("upperAscii", []) => text(this.to_ascii_uppercase()),
        ("trim", []) => text(this.trim()),
        ("quote", []) => text(quoted(this)),
        ("charAt", [Value::Int(at)]) => match usize::try_from(*at) {
            Ok(at) if at < chars.len() => text(chars[at]),
            Ok(at) if at == chars.len() => text(""),
            _ => Err(fault(name, format!("index out of range: {at}"))),
        },
        ("indexOf", [Value::String(part)]) => index_of(&chars, part, Some(0)),
        ("indexOf", [Value::String(part), Value::Int(from)]) => {
            let from = usize::try_from(*from).ok().filter(|from| *from <= chars.len());
            index_of(&chars, part, Some(from.ok_or_else(|| fault(name, "index out of range"))?))
        }
        ("lastIndexOf", [Value::String(part)]) => index_of(&chars, part, None),
        ("substring", [Value::Int(from)]) => part(&chars, *from, chars.len() as i64),
        ("substring", [Value::Int(from), Value::Int(to)]) => part(&chars, *from, *to),
        ("replace", [Value::String(old), Value::String(new)]) => text(this.replace(old.as_str(), new)),
        ("replace", [Value::String(old), Value::String(new), Value::Int(most)]) => match usize::try_from(*most) {
            Ok(most) => text(this.replacen(old.as_str(), new, most)),
            Err(_) => text(this.replace(old.as_str(), new)),
        },
        ("split", [Value::String(at)]) => texts(split(this, at, -1)),
        ("split", [Value::String(at), Value::Int(most)]) => texts(split(this, at, *most)),
        ("find", [Value::String(pattern)]) => {
            text(regex(name, pattern)?.find(this).map(|found| found.as_str()).unwrap_or_default())
        }
        ("findAll", [Value::String(pattern)]) => find_all(this, &regex(name, pattern)?, -1),
        ("findAll", [Value::String(pattern), Value::Int(most)]) => find_all(this, &regex(name, pattern)?, *most),
        ("format", [Value::List(arguments)]) => format(this, arguments).and_then(text),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn join(items: &[Value], between: &str) -> Answer {
    let text_of = |item: &Value| match item {
        Value::String(text) => Ok(text.to_string()),
        _ => Err(ExecutionError::NoSuchOverload),
    };
    text(items.iter().map(text_of).collect::<Result<Vec<_>, _>>()?.join(between))
}

/// Where a part begins, at `from` or behind it; without one, where it begins last. -1 for nowhere.
fn index_of(chars: &[char], wanted: &str, from: Option<usize>) -> Answer {
    let wanted: Vec<char> = wanted.chars().collect();
    let last = chars.len().checked_sub(wanted.len());
    let is_there = |at: &usize| chars[*at..].starts_with(&wanted);
    let found = last.and_then(|last| match from {
        Some(from) => (from..=last).find(is_there),
        None => (0..=last).rev().find(is_there),
    });
    Ok(Value::Int(found.map_or(-1, |at| at as i64)))
}

fn part(chars: &[char], from: i64, to: i64) -> Answer {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| chars.get(from..to)) {
        Some(part) => text(part.iter().collect::<String>()),
        None if from > to => Err(fault("substring", format!("invalid substring range. start: {from}, end: {to}"))),
        None => Err(fault("substring", format!("index out of range: {}", if from < 0 { from } else { to }))),
    }
}

/// Mirrors Go's `strings.SplitN`.
fn split<'t>(this: &'t str, at: &'t str, most: i64) -> Box<dyn Iterator<Item = String> + 't> {
    let limit = if most < 0 { usize::MAX } else { usize::try_from(most).unwrap_or(0) };
    if limit == 0 {
        return Box::new(std::iter::empty());
    }
    if !at.is_empty() {
        return Box::new(this.splitn(limit, at).map(String::from));
    }
    let count = this.chars().count().min(limit);
    let cut = move |n: usize| {
        let rest = this.chars().skip(n);
        if n + 1 == count { rest.collect() } else { rest.take(1).collect() }
    };
    Box::new((0..count).map(cut))
}

fn regex(name: &str, pattern: &str) -> Result<Regex, ExecutionError> {
    Regex::new(pattern).map_err(|e| fault(name, format!("Illegal regex: {e}")))
}

fn find_all(this: &str, pattern: &Regex, most: i64) -> Answer {
    let limit = if most < 0 { usize::MAX } else { usize::try_from(most).unwrap_or(0) };
    texts(pattern.find_iter(this).take(limit).map(|found| found.as_str().to_string()))
}

/// Mirrors `strings.quote`.
fn quoted(this: &str) -> String {
    let mut quoted = "\"".to_string();
    for c in this.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Fills in `%s`, `%d`, `%f`, `%e`, `%b`, `%x`, `%X` and `%o`.
fn format(this: &str, arguments: &[Value]) -> Result<String, ExecutionError> {
    let name = "format";
    let (mut filled, mut rest, mut next) = (String::new(), this.chars().peekable(), arguments.iter());
    while let Some(c) = rest.next() {
        if c != '%' {
            filled.push(c);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            filled.push('%');
            continue;
        }
        let mut digits = String::new();
        if rest.next_if_eq(&'.').is_some() {
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
        }
        let places = digits.parse::<usize>().unwrap_or(6).min(100);
        let clause = rest.next().ok_or_else(|| fault(name, "unexpected end of string"))?;
        let at = arguments.len() - next.len();
        let argument = next.next().ok_or_else(|| fault(name, format!("index {at} out of range")))?;
        let number = |value: &Value| match value {
            Value::Int(n) => Some(*n as f64),
            Value::UInt(n) => Some(*n as f64),
            Value::Float(n) => Some(*n),
            _ => None,
        };
        let written = match (clause, argument) {
            ('s', value) => Some(shown(value)),
            ('d', Value::Int(n)) => Some(n.to_string()),
            ('d', Value::UInt(n)) => Some(n.to_string()),
            ('f', value) => number(value).map(|n| format!("{n:.places$}")),
            ('e', value) => number(value).map(|n| scientific(n, places)),
            ('b', Value::Int(n)) => Some(based(*n, |n| format!("{n:b}"))),
            ('b', Value::Bool(yes)) => Some(u8::from(*yes).to_string()),
            ('o', Value::Int(n)) => Some(based(*n, |n| format!("{n:o}"))),
            ('x', Value::Int(n)) => Some(based(*n, |n| format!("{n:x}"))),
            ('X', Value::Int(n)) => Some(based(*n, |n| format!("{n:X}"))),
            ('x', Value::String(text)) => Some(text.bytes().map(|byte| format!("{byte:02x}")).collect()),
            ('X', Value::String(text)) => Some(text.bytes().map(|byte| format!("{byte:02X}")).collect()),
            ('d' | 'b' | 'o' | 'x' | 'X', _) => None,
            (other, _) => return Err(fault(name, format!("unrecognized formatting clause \"{other}\""))),
        };
        let why = || fault(name, format!("error during formatting: {clause} clause can't be used with that value"));
        filled.push_str(&written.ok_or_else(why)?);
    }
    Ok(filled)
}

fn based(n: i64, write: impl Fn(u64) -> String) -> String {
    format!("{}{}", if n < 0 { "-" } else { "" }, write(n.unsigned_abs()))
}

fn scientific(n: f64, places: usize) -> String {
    let text = format!("{n:.places$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// A value as `%s` writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null => "null".into(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let pair =
                |(key, value): (&cel::objects::Key, &Value)| format!("{}: {}", shown(&Value::from(key)), shown(value));
            let mut pairs: Vec<String> = map.map.iter().map(pair).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Timestamp(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Value::Duration(span) => format!("{}s", span.num_milliseconds() as f64 / 1000.0),
        other => format!("{other:?}"),
    }
}
