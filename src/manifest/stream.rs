//! Splits a file or standard input into documents, as kubectl does before it looks at any of them.
//!
//! A text that starts with a brace is read as JSON values one after the other, and as YAML only if that fails
//! early on; anything else is YAML, cut at lines that start with `---`.
//! Mirrors `YAMLOrJSONDecoder` of `k8s.io/apimachinery/pkg/util/yaml` and `StreamVisitor` of cli-runtime.

use std::fmt;

use serde_json::Value;

use super::json::{self, Decoder, JsonError};
use super::yaml;

/// One document that says something. A `List` is one document still.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says, as JSON.
    pub value: Value,
    /// The line of the file that its text starts on, counted from 1. Lines in a YAML fault count from here.
    pub line: usize,
}

/// Why a stream could not be read to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamError {
    text: String,
    /// The documents before the fault. `create` and `delete` have dealt with them by the time they meet it;
    /// `apply` touches none.
    pub before: Vec<Document>,
}

impl StreamError {
    /// The text as kubectl has it for a file (or `STDIN`): `error parsing SOURCE: ...`.
    pub fn parsing(&self, source: &str) -> String {
        format!("error parsing {source}: {}", self.text)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StreamError {}

/// How far kubectl looks for the brace that makes a stream JSON, in bytes.
const LOOK_AHEAD: usize = 4096;

/// Whether the first thing in a text is a brace, so that kubectl passes it on as JSON unseen.
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The documents of a file, without those that are empty or nothing but comments.
pub fn documents(bytes: &[u8]) -> Result<Vec<Document>, StreamError> {
    let text = text_of(bytes);
    let mut read = Vec::new();
    let head = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= LOOK_AHEAD);
    let starts_as_json = head.map(|(_, c)| c).find(|c| !c.is_whitespace()) == Some('{');
    let result = if starts_as_json {
        read_json(&text, &mut read)
    } else {
        YamlDocuments { rest: &text, line: 1 }.read_all(&mut read)
    };
    match result {
        Ok(()) => Ok(read),
        Err(text) => Err(StreamError { text, before: read }),
    }
}

/// The text of a file. A byte order mark tells UTF-16 from UTF-8; what is no text becomes U+FFFD.
fn text_of(bytes: &[u8]) -> String {
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        let odd = if bytes.len().is_multiple_of(2) { "" } else { "\u{fffd}" };
        String::from_utf16_lossy(&units) + odd
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => json::lossy(rest),
        bytes => json::lossy(bytes),
    }
}

fn read_json(text: &str, read: &mut Vec<Document>) -> Result<(), String> {
    let mut decoder = Decoder::new(text.as_bytes());
    let mut lines = Lines { text, offset: 0, line: 1 };
    let mut count = 0;
    loop {
        let good = decoder.offset();
        match decoder.decode() {
            Ok(None) => return Ok(()),
            Ok(Some((value, start))) => {
                count += 1;
                add(read, value, lines.at(start));
            }
            Err(error) if count > 1 => return Err(error.to_string()),
            Err(error) => {
                // It may be YAML in flow style after all, `{a: b}`; if not, the first fault is the one to tell.
                let error = with_offset(&error);
                let Some(skipped) = leading_space(&text[good..]) else { return Err(error) };
                let from = good + skipped;
                let mut documents = YamlDocuments { rest: &text[from..], line: lines.at(from) };
                match documents.next() {
                    None => return Ok(()),
                    Some(Err(_)) => return Err(error),
                    Some(Ok(document)) => add(read, document.value, document.line),
                }
                return documents.read_all(read);
            }
        }
    }
}

fn with_offset(error: &JsonError) -> String {
    match error.offset {
        Some(offset) => format!("json: offset {offset}: {error}"),
        None => error.to_string(),
    }
}

fn add(read: &mut Vec<Document>, value: Value, line: usize) {
    if !value.is_null() {
        read.push(Document { value, line });
    }
}

/// White space up to the first line break; none where the text is too short for kubectl to look at it.
fn leading_space(text: &str) -> Option<usize> {
    for (at, c) in text.char_indices() {
        if text.len() - at < 4 || c == '\u{fffd}' {
            return None;
        }
        if !c.is_whitespace() {
            return Some(at);
        }
        if c == '\n' {
            return Some(at + 1);
        }
    }
    None
}

/// Numbers the lines of a text for offsets that only grow.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        self.line += self.text[self.offset..offset].matches('\n').count();
        self.offset = offset;
        self.line
    }
}

/// What is left of a stream of YAML documents.
struct YamlDocuments<'a> {
    rest: &'a str,
    /// The line that the rest starts on.
    line: usize,
}

impl YamlDocuments<'_> {
    fn read_all(&mut self, read: &mut Vec<Document>) -> Result<(), String> {
        while let Some(document) = self.next() {
            let document = document?;
            add(read, document.value, document.line);
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Result<Document, String>> {
        let (text, line) = match self.cut() {
            Ok(cut) => cut?,
            Err(error) => return Some(Err(error)),
        };
        let value = yaml::to_json(&text).map_err(|error| format!("error converting YAML to JSON: {error}"));
        Some(value.map(|value| Document { value: plain_numbers(value), line }))
    }

    /// The text of the next document and its first line. Line ends are `\n` in it. A separator before the first
    /// line is part of the text, so that lines are counted from it.
    fn cut(&mut self) -> Result<Option<(String, usize)>, String> {
        let mut text = String::new();
        let first_line = self.line;
        while let Some(line) = self.take_line() {
            if let Some(behind) = line.strip_prefix("---").map(str::trim) {
                if !behind.is_empty() && !behind.starts_with('#') {
                    return Err(format!("invalid Yaml document separator: {behind}"));
                }
                if !text.is_empty() {
                    return Ok(Some((text, first_line)));
                }
            }
            text.push_str(line);
            text.push('\n');
        }
        Ok((!text.is_empty()).then_some((text, first_line)))
    }

    fn take_line(&mut self) -> Option<&str> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, rest) = match self.rest.split_once('\n') {
            Some((line, rest)) => (line.strip_suffix('\r').unwrap_or(line), rest),
            None => (self.rest, ""),
        };
        self.rest = rest;
        Some(line)
    }
}

/// Integers beyond 64 bits with a sign are floats to kubectl.
fn plain_numbers(value: Value) -> Value {
    match value {
        Value::Number(n) if n.as_i64().is_none() && n.is_u64() => n.as_f64().map_or(Value::Null, json::float_value),
        Value::Array(items) => Value::Array(items.into_iter().map(plain_numbers).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, plain_numbers(v))).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};
    use serde_json::json;

    use super::documents;

    /// The documents, `LINE VALUE` each, and the fault if there is one.
    fn read(text: &str) -> String {
        let (documents, fault) = match documents(text.as_bytes()) {
            Ok(documents) => (documents, None),
            Err(error) => (error.before.clone(), Some(error.parsing("x.yaml"))),
        };
        let lines = documents.iter().map(|document| format!("{} {}", document.line, document.value));
        lines.chain(fault).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn yaml_is_cut_at_separators() {
        insta::assert_snapshot!(read("# nothing\n---\na: 1\n--- # two\r\nb: 2\r\n---\n\n---\nc: |\n  x\n"), @r#"
        3 {"a":1}
        5 {"b":2}
        9 {"c":"x\n"}
        "#);
        insta::assert_snapshot!(read("---\na: 1\n---\nb: 2\n  c: 3\n"), @r#"
        1 {"a":1}
        error parsing x.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context
        "#);
        insta::assert_snapshot!(read("a: 1\n---b\n"), @r#"error parsing x.yaml: invalid Yaml document separator: b"#);
        insta::assert_snapshot!(read("\u{feff}a: 1\n"), @r#"1 {"a":1}"#);
        insta::assert_snapshot!(read(""), @"");
    }

    #[test]
    fn json_is_one_value_after_the_other() {
        insta::assert_snapshot!(read("\n{\"a\": 1}{\"b\": 2}\n\n{\"c\": [\n3]}"), @r#"
        2 {"a":1}
        2 {"b":2}
        4 {"c":[3]}
        "#);
        insta::assert_snapshot!(read("{\"a\": 1} {\"b\": 2} {\"c\" 3}"), @r#"
        1 {"a":1}
        1 {"b":2}
        error parsing x.yaml: invalid character '3' after object key
        "#);
        insta::assert_snapshot!(read("{\"a\": "), @r#"error parsing x.yaml: unexpected EOF"#);
    }

    #[test]
    fn what_fails_as_json_may_be_yaml() {
        // Observed: kubectl 1.33 creates from a file with a comma too many.
        insta::assert_snapshot!(read("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",}"), @r#"1 {"apiVersion":"v1","kind":"ConfigMap"}"#);
        insta::assert_snapshot!(read("{\"a\": 1}\n---\nb: 2\n---\nc: 3\n"), @r#"
        1 {"a":1}
        2 {"b":2}
        5 {"c":3}
        "#);
        insta::assert_snapshot!(read("{a b: [}"), @r#"error parsing x.yaml: json: offset 2: invalid character 'a' looking for beginning of object key string"#);
        insta::assert_snapshot!(read("{,}"), @r#"error parsing x.yaml: json: offset 2: invalid character ',' looking for beginning of object key string"#);
    }

    #[test]
    fn windows_writes_utf_16() {
        let bytes: Vec<u8> = "\u{feff}a: é\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let read = documents(&bytes).unwrap_or_default();
        assert_eq!(read.first().map(|document| document.value.clone()), Some(json!({"a": "é"})));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), brace in any::<bool>()) {
            let mut bytes = bytes;
            if brace {
                bytes.insert(0, b'{');
            }
            let _ = documents(&bytes);
        }
    }
}
