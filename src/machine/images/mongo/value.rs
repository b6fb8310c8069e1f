//! Values as the shell of MongoDB writes and prints them.
//!
//! Mirrors the literals that `mongosh` takes, and `util.inspect` of Node.js with the options that `mongosh` gives it.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value, json};

/// The fields of the server's answers in the order in which it gives them; `ok` is the last.
const ANSWERS: [&str; 16] = [
    "_id",
    "name",
    "health",
    "state",
    "stateStr",
    "self",
    "set",
    "myState",
    "term",
    "members",
    "hosts",
    "setName",
    "isWritablePrimary",
    "secondary",
    "primary",
    "ok",
];

/// How deep values may be nested.
const DEPTH: usize = 40;

/// Reads a literal: JSON with bare keys, single quotes, `ObjectId(...)`, `ISODate(...)`.
pub(super) fn parse(chars: &mut Peekable<Chars<'_>>) -> Option<Value> {
    literal(chars, 0)
}

fn skip(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
}

fn quoted(chars: &mut Peekable<Chars<'_>>, end: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            c if c == end => return Some(text),
            '\\' => text.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                c => c,
            }),
            c => text.push(c),
        }
    }
}

fn word(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || "_$.-+".contains(*c)) {
        text.push(c);
    }
    text
}

fn literal(chars: &mut Peekable<Chars<'_>>, depth: usize) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    skip(chars);
    match *chars.peek()? {
        c @ ('"' | '\'' | '`') => {
            chars.next();
            Some(Value::String(quoted(chars, c)?))
        }
        '[' => {
            chars.next();
            let mut all = Vec::new();
            loop {
                skip(chars);
                if chars.next_if_eq(&']').is_some() {
                    return Some(Value::Array(all));
                }
                all.push(literal(chars, depth + 1)?);
                skip(chars);
                chars.next_if_eq(&',');
            }
        }
        '{' => {
            chars.next();
            let mut all = Map::new();
            loop {
                skip(chars);
                if chars.next_if_eq(&'}').is_some() {
                    return Some(Value::Object(all));
                }
                let key = match *chars.peek()? {
                    c @ ('"' | '\'') => {
                        chars.next();
                        quoted(chars, c)?
                    }
                    _ => word(chars),
                };
                skip(chars);
                chars.next_if_eq(&':')?;
                all.insert(key, literal(chars, depth + 1)?);
                skip(chars);
                chars.next_if_eq(&',');
            }
        }
        _ => {
            let text = word(chars);
            match text.as_str() {
                "" => None,
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                "null" | "undefined" => Some(Value::Null),
                "new" => literal(chars, depth + 1),
                "ObjectId" | "ISODate" | "Date" | "NumberLong" | "NumberInt" | "Long" => {
                    skip(chars);
                    chars.next_if_eq(&'(')?;
                    skip(chars);
                    let given = if chars.peek() == Some(&')') { Value::Null } else { literal(chars, depth + 1)? };
                    skip(chars);
                    chars.next_if_eq(&')')?;
                    Some(match text.as_str() {
                        "ObjectId" => json!({"$oid": given}),
                        "ISODate" | "Date" => json!({"$date": given}),
                        _ => given.as_str().and_then(|text| text.parse::<i64>().ok()).map_or(given, Value::from),
                    })
                }
                number => {
                    let whole = number.parse::<i64>().map(Value::from);
                    whole.or_else(|_| number.parse::<f64>().map(Value::from)).ok()
                }
            }
        }
    }
}

fn is_bare(key: &str) -> bool {
    !key.starts_with(|c: char| c.is_ascii_digit()) && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

fn text(value: &str) -> String {
    let quote = if value.contains('\'') && !value.contains('"') { '"' } else { '\'' };
    format!("{quote}{}{quote}", value.replace('\\', "\\\\").replace('\n', "\\n"))
}

/// Prints a value as `mongosh` does.
pub(super) fn inspect(value: &Value) -> String {
    shown(value, 0, 0).0
}

/// A value's text at an indentation and a depth, and how deep what it shows goes.
fn shown(value: &Value, indent: usize, depth: usize) -> (String, usize) {
    let special = |name: &str| value.as_object().filter(|o| o.len() == 1).and_then(|o| o.get(name)?.as_str());
    if let Some(id) = special("$oid") {
        return (format!("ObjectId('{id}')"), depth);
    }
    if let Some(date) = special("$date") {
        return (format!("ISODate('{date}')"), depth);
    }
    let (entries, deepest, open, close): (Vec<String>, usize, char, char) = match value {
        Value::Null => return ("null".into(), depth),
        Value::String(value) => return (text(value), depth),
        Value::Array(all) if all.is_empty() => return ("[]".into(), depth),
        Value::Object(all) if all.is_empty() => return ("{}".into(), depth),
        Value::Array(all) => {
            let parts: Vec<(String, usize)> = all.iter().map(|v| shown(v, indent + 2, depth + 1)).collect();
            let deepest = parts.last().map_or(depth, |(_, depth)| *depth);
            (parts.into_iter().map(|(text, _)| text).collect(), deepest, '[', ']')
        }
        Value::Object(all) => {
            let mut deepest = depth;
            let entry = |(key, value): (&String, &Value)| {
                let (shown, depth) = shown(value, indent + 2, depth + 1);
                let key = if is_bare(key) { key.clone() } else { text(key) };
                (format!("{key}: {shown}"), depth)
            };
            let mut fields: Vec<(&String, &Value)> = all.iter().collect();
            if ["ok", "stateStr"].iter().any(|field| all.contains_key(*field)) {
                fields
                    .sort_by_key(|(key, _)| ANSWERS.iter().position(|known| known == key).unwrap_or(ANSWERS.len() - 1));
            }
            let parts: Vec<(String, usize)> = fields.into_iter().map(entry).collect();
            if let Some((_, depth)) = parts.last() {
                deepest = *depth;
            }
            (parts.into_iter().map(|(text, _)| text).collect(), deepest, '{', '}')
        }
        other => return (other.to_string(), depth),
    };
    // Mirrors `reduceToSingleString`: three levels are put on one line where that is short enough.
    let length: usize = entries.iter().map(|e| e.chars().count()).sum();
    let start = entries.len() + indent + 1 + 10;
    let is_short = length + entries.len() + start <= 80 && !entries.iter().any(|e| e.contains('\n'));
    let text = match deepest - depth <= 3 && is_short {
        true => format!("{open} {} {close}", entries.join(", ")),
        false => {
            let gap = " ".repeat(indent + 2);
            format!("{open}\n{gap}{}\n{}{close}", entries.join(&format!(",\n{gap}")), " ".repeat(indent))
        }
    };
    (text, deepest)
}

#[cfg(test)]
mod tests {
    use super::{inspect, parse};

    #[test]
    fn values_are_read_and_printed() {
        let shown = |text: &str| parse(&mut text.chars().peekable()).map(|v| inspect(&v));
        assert_eq!(shown("{ok:1}").as_deref(), Some("{ ok: 1 }"));
        assert_eq!(shown("[{a:'x', \"b-c\": [1,2.5]}]").as_deref(), Some("[ { a: 'x', 'b-c': [ 1, 2.5 ] } ]"));
        let long = "{acknowledged: true, insertedId: ObjectId('64c8e7a1b2c3d4e5f6a7b8c9')}";
        let lines = "{\n  acknowledged: true,\n  insertedId: ObjectId('64c8e7a1b2c3d4e5f6a7b8c9')\n}";
        assert_eq!(shown(long).as_deref(), Some(lines));
        assert_eq!(shown("{a: "), None);
    }
}
