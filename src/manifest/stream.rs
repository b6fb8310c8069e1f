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
        let odd = if bytes.len() % 2 == 0 { "" } else { "\u{fffd}" };
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
    let mut count = 0;
    loop {
        let good = decoder.offset();
        match decoder.decode() {
            Ok(None) => return Ok(()),
            Ok(Some((value, start))) => {
                count += 1;
                add(read, value, line_of(text, start));
            }
            Err(error) if count > 1 => return Err(error.to_string()),
            Err(error) => {
                // It may be YAML in flow style after all, `{a: b}`; if not, the first fault is the one to tell.
                let error = with_offset(&error);
                let Some(skipped) = leading_space(&text[good..]) else { return Err(error) };
                let from = good + skipped;
                let mut documents = YamlDocuments { rest: &text[from..], line: line_of(text, from) };
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

fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
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
