//! JSON text, refused in the words of Go's scanner, with the duplicate keys that a strict decoder reports.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::scalars::go_quote;

/// Deeper documents are refused; Go allows ten thousand, no manifest comes near either.
const MAX_DEPTH: usize = 1000;

/// A document and what a strict decoder objects to.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The document; of two equal keys the last one counts.
    pub value: Value,
    /// `duplicate field "spec.replicas"`, each once, in the order of the text.
    pub duplicates: Vec<String>,
}

/// Reads JSON text.
///
/// # Errors
/// Go's text: `invalid character 'b' looking for beginning of object key string`, `unexpected end of JSON input`.
pub fn parse_json(text: &str) -> Result<Parsed, String> {
    let mut scanner = Scanner { text, at: 0, depth: 0, path: String::new(), duplicates: Vec::new() };
    let value = scanner.value()?;
    scanner.skip_blanks();
    if scanner.peek().is_some() {
        return Err(scanner.invalid("after top-level value"));
    }
    Ok(Parsed { value, duplicates: scanner.duplicates })
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    path: String,
    duplicates: Vec<String>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The byte here may not stand here, or there is none.
    fn invalid(&self, context: &str) -> String {
        let Some(byte) = self.peek() else { return "unexpected end of JSON input".to_string() };
        let shown = match byte {
            b'\'' => r"'\''".to_string(),
            b'"' => "'\"'".to_string(),
            byte => format!("'{}'", go_quote(&char::from(byte).to_string()).trim_matches('"')),
        };
        format!("invalid character {shown} {context}")
    }

    fn value(&mut self) -> Result<Value, String> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", true.into()),
            Some(b'f') => self.literal("false", false.into()),
            Some(b'n') => self.literal("null", Value::Null),
            _ => Err(self.invalid("looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.invalid("exceeded max depth"));
        }
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value, String> {
        let (mut map, mut seen, before) = (Map::new(), BTreeSet::new(), self.path.len());
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.invalid("after object key"));
            }
            self.at += 1;
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(&key);
            if !seen.insert(key.clone()) {
                let text = format!("duplicate field {}", go_quote(&self.path));
                if !self.duplicates.contains(&text) {
                    self.duplicates.push(text);
                }
            }
            let value = self.value()?;
            map.insert(key, value);
            self.path.truncate(before);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.invalid("after object key:value pair")),
            }
        }
        self.at += 1;
        Ok(Value::Object(map))
    }

    fn array(&mut self) -> Result<Value, String> {
        let (mut items, before) = (Vec::new(), self.path.len());
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.path.push_str(&format!("[{}]", items.len()));
            items.push(self.value()?);
            self.path.truncate(before);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.invalid("after array element")),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for (i, expected) in word.bytes().enumerate() {
            if self.peek() != Some(expected) {
                let expected = char::from(expected);
                debug_assert!(i > 0);
                return Err(self.invalid(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), String> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.invalid(context));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits("in numeric literal")?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        text.parse::<Number>()
            .map(Value::Number)
            .map_err(|_| format!("json: cannot unmarshal number {text} into Go value of type float64"))
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) | None => return Err(self.invalid("in string literal")),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let text = self.text.get(start..self.at).unwrap_or_default();
        // What is left to fail is half a surrogate pair, for which Go puts the replacement character.
        Ok(serde_json::from_str(text).unwrap_or_else(|_| replace_surrogates(text)))
    }

    fn escape(&mut self) -> Result<(), String> {
        self.at += 1;
        match self.peek() {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.peek().is_some_and(|b| b.is_ascii_hexdigit()) {
                        return Err(self.invalid("in \\u hexadecimal character escape"));
                    }
                }
                self.at += 1;
                Ok(())
            }
            _ => Err(self.invalid("in string escape code")),
        }
    }
}

fn replace_surrogates(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(place) = rest.find("\\u") {
        let (before, escape) = rest.split_at(place);
        let (escape, after) = escape.split_at(escape.len().min(6));
        out.push_str(before);
        let is_surrogate = escape.get(2..3).is_some_and(|c| c.eq_ignore_ascii_case("d"))
            && escape.get(3..4).is_some_and(|c| {
                matches!(c, "8" | "9" | "a" | "b" | "c" | "d" | "e" | "f" | "A" | "B" | "C" | "D" | "E" | "F")
            });
        out.push_str(if is_surrogate { "\u{fffd}" } else { escape });
        rest = after;
    }
    out.push_str(rest);
    serde_json::from_str(&out).unwrap_or_default()
}
