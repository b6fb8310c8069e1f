//! Reads JSON as Go's `encoding/json` does, whose words for a fault reach the user.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Number, Value};

use crate::api::scalar::{json_float, quote};

/// How deep collections may nest. Go stops at 10,000; what is read here is stored as JSON, whose reader in
/// serde_json stops at 128.
pub(crate) const MAX_DEPTH: usize = 100;

/// Why a text is no JSON, in Go's words: `invalid character '}' looking for beginning of object key string`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    text: String,
    /// Bytes read when the fault was met, the faulty one included; none for a text that just ends.
    pub offset: Option<usize>,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for JsonError {}

/// The kind of a JSON value as Go's decoder names it.
pub fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Reads a text that is one JSON value, as `json.Unmarshal` does. A float that is whole becomes an integer, of
/// equal keys the last one wins.
pub fn unmarshal(bytes: &[u8]) -> Result<Value, JsonError> {
    unmarshal_strict(bytes).map(|(value, _)| value)
}

/// The same, with what a strict decoder objects to: `duplicate field "spec.replicas"`, each once, in the text's order.
pub fn unmarshal_strict(bytes: &[u8]) -> Result<(Value, Vec<String>), JsonError> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(0).map_err(|fault| match fault {
        Fault::End => JsonError { text: "unexpected end of JSON input".into(), offset: None },
        Fault::At(error) => error,
    })?;
    match reader.skip_space() {
        None => Ok((value, reader.duplicates)),
        Some(_) => Err(reader.invalid("after top-level value")),
    }
}

/// Reads one JSON value after the other from a text, as `json.Decoder` does.
pub struct Decoder<'a> {
    reader: Reader<'a>,
}

impl<'a> Decoder<'a> {
    /// A decoder that starts with the text's first value.
    pub fn new(bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { reader: Reader::new(bytes) }
    }

    /// The next value with the offset of its first byte; none when only white space is left.
    pub fn decode(&mut self) -> Result<Option<(Value, usize)>, JsonError> {
        if self.reader.skip_space().is_none() {
            return Ok(None);
        }
        let start = self.reader.at;
        match self.reader.value(0) {
            Ok(value) => Ok(Some((value, start))),
            Err(Fault::End) => Err(JsonError { text: "unexpected EOF".into(), offset: None }),
            Err(Fault::At(error)) => Err(error),
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> usize {
        self.reader.at
    }
}

/// Text from bytes, with U+FFFD for each byte that is none, as Go replaces them.
pub fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, bad) = rest.split_at(error.valid_up_to());
        text.push_str(std::str::from_utf8(valid).unwrap_or_default());
        text.push('\u{fffd}');
        rest = bad.get(1..).unwrap_or_default();
    }
    text.push_str(std::str::from_utf8(rest).unwrap_or_default());
    text
}

enum Fault {
    /// The text ends within a value.
    End,
    At(JsonError),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the value is that is being read, `spec.containers[0]`.
    path: String,
    duplicates: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, path: String::new(), duplicates: Vec::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The first byte that is not white space.
    fn skip_space(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    /// The current byte does not belong here.
    fn invalid(&self, context: &str) -> JsonError {
        let c = char::from(self.peek().unwrap_or_default());
        let shown = match c {
            '\'' => "\\'".into(),
            '"' => "\"".into(),
            c => quote(c.encode_utf8(&mut [0; 4])).trim_matches('"').to_owned(),
        };
        JsonError { text: format!("invalid character '{shown}' {context}"), offset: Some(self.at + 1) }
    }

    fn fault<T>(&self, context: &str) -> Result<T, Fault> {
        Err(if self.peek().is_none() { Fault::End } else { Fault::At(self.invalid(context)) })
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        match self.skip_space() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => self.fault("exceeded max depth"),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            _ => self.fault("looking for beginning of value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        let (mut map, mut seen, outer) = (Map::new(), BTreeSet::new(), self.path.len());
        self.at += 1;
        if self.skip_space() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            if self.skip_space() != Some(b'"') {
                return self.fault("looking for beginning of object key string");
            }
            let key = self.string()?;
            if self.skip_space() != Some(b':') {
                return self.fault("after object key");
            }
            self.at += 1;
            if outer > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            if !seen.insert(key.clone()) {
                self.duplicate();
            }
            map.insert(key, self.value(depth + 1)?);
            self.path.truncate(outer);
            match self.skip_space() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.fault("after object key:value pair"),
            }
        }
        self.at += 1;
        Ok(Value::Object(map))
    }

    fn duplicate(&mut self) {
        let text = format!("duplicate field {}", quote(&self.path));
        if !self.duplicates.contains(&text) {
            self.duplicates.push(text);
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        let (mut items, outer) = (Vec::new(), self.path.len());
        self.at += 1;
        if self.skip_space() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.path.push_str(&format!("[{}]", items.len()));
            items.push(self.value(depth + 1)?);
            self.path.truncate(outer);
            match self.skip_space() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.fault("after array element"),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return self.fault(&format!("in literal {word} (expecting '{}')", char::from(expected)));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let mut whole = true;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return self.fault("in numeric literal");
        }
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            if self.digits() == 0 {
                return self.fault("after decimal point in numeric literal");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.fault("in exponent of numeric literal");
            }
        }
        let text = lossy(&self.bytes[start..self.at]);
        if let (true, Ok(n)) = (whole, text.parse::<i64>()) {
            return Ok(Value::from(n));
        }
        let float = text.parse::<f64>().ok().filter(|f| f.is_finite()).map(float_value);
        float.ok_or_else(|| {
            let text = format!("json: cannot unmarshal number {text} into Go value of type float64");
            Fault::At(JsonError { text, offset: None })
        })
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(0x20..) => {
                    bytes.push(self.bytes[self.at]);
                    self.at += 1;
                }
                _ => return self.fault("in string literal"),
            }
        }
        self.at += 1;
        Ok(lossy(&bytes))
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let c = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return self.fault("in string escape code"),
        };
        self.at += 1;
        Ok(c)
    }

    /// The four digits behind `\u`, with the second half of a surrogate pair; half a pair alone is U+FFFD.
    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.four_digits()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let mark = self.at;
        if first < 0xdc00 && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = mark;
        }
        Ok('\u{fffd}')
    }

    fn four_digits(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            match self.peek().and_then(|b| char::from(b).to_digit(16)) {
                Some(digit) => code = code << 4 | digit,
                None => return self.fault("in \\u hexadecimal character escape"),
            }
            self.at += 1;
        }
        Ok(code)
    }
}

/// A finite float as a value. It goes through its JSON text, so that `1e3` ends as the integer 1000, as it does
/// between kubectl and the API server.
pub(super) fn float_value(f: f64) -> Value {
    match json_float(f).parse::<i64>() {
        Ok(n) => Value::from(n),
        Err(_) => Number::from_f64(f).map_or(Value::Null, Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Decoder, unmarshal};

    #[test]
    fn values_are_read_as_go_reads_them() {
        for (text, value) in [
            (r#" {"a":[1,-2.5,1e3,9223372036854775808],"a":null} "#, json!({"a": null})),
            ("[1e3, 0.1, -0, 9223372036854775808]", json!([1000, 0.1, 0, 9223372036854775808.0])),
            (r#""\u00e9\ud83d\ude00\ud83dx\/\n""#, json!("é😀\u{fffd}x/\n")),
        ] {
            assert_eq!(unmarshal(text.as_bytes()), Ok(value), "{text}");
        }
        assert_eq!(unmarshal(b"\"a\xff\xc3\""), Ok(json!("a\u{fffd}\u{fffd}")));
    }

    #[test]
    fn faults_are_worded_as_go_words_them() {
        for (text, fault) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("[1,", "unexpected end of JSON input"),
            ("{,}", "invalid character ',' looking for beginning of object key string"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("'a'", "invalid character '\\'' looking for beginning of value"),
            ("é", "invalid character 'Ã' looking for beginning of value"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("nope", "invalid character 'o' in literal null (expecting 'u')"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("01", "invalid character '1' after top-level value"),
            ("{} x", "invalid character 'x' after top-level value"),
        ] {
            assert_eq!(unmarshal(text.as_bytes()).map_err(|e| e.to_string()), Err(fault.into()), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(
            unmarshal(deep.as_bytes()).map_err(|e| e.to_string()),
            Err("invalid character '[' exceeded max depth".into())
        );
    }

    #[test]
    fn a_stream_is_one_value_after_the_other() {
        let mut decoder = Decoder::new(b" {\"a\":1}\n[2] true{,");
        assert_eq!(decoder.decode(), Ok(Some((json!({"a": 1}), 1))));
        assert_eq!(decoder.decode(), Ok(Some((json!([2]), 9))));
        assert_eq!(decoder.decode(), Ok(Some((json!(true), 13))));
        let fault = decoder.decode().map_err(|e| (e.to_string(), e.offset));
        let words = "invalid character ',' looking for beginning of object key string";
        assert_eq!(fault, Err((words.into(), Some(19))));
    }
}
