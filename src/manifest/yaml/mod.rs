//! Reads one YAML document as kubectl reads it: YAML 1.1 as `sigs.k8s.io/yaml` turns it into JSON.
//!
//! No crate takes and refuses the same texts with the same words: those for YAML 1.2 reject quoted text and
//! brackets that go on in column 0, and take tabs that kubectl rejects. So the way is kubectl's own:
//! text -> `input` -> `scanner` (tokens) -> `parser` (events) -> `node` (tree) -> `decode` (JSON).

mod decode;
mod input;
mod item;
mod node;
mod parser;
mod scalars;
mod scanner;
#[cfg(test)]
mod tests;
mod tree;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

pub use self::tree::{Tree, to_tree};

use self::node::Document;
use self::scanner::Mark;

/// Why a text is no YAML, or has no equivalent in JSON; displayed in Go's words, `yaml: line 5: mapping values
/// are not allowed in this context`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    text: String,
}

impl YamlError {
    fn new(text: String) -> YamlError {
        YamlError { text }
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for YamlError {}

impl From<Fault> for YamlError {
    fn from(fault: Fault) -> YamlError {
        let place = if fault.line == 0 { String::new() } else { format!("line {}: ", fault.line) };
        YamlError::new(format!("yaml: {place}{}", fault.problem))
    }
}

/// Reads the first document of a text; nothing but comments is `null`.
///
/// Scalars are typed by YAML 1.1 (`0644` is 420, `yes` is true), keys become strings, of equal keys the last
/// one wins. Integers up to `u64::MAX` keep their value.
pub fn to_json(text: &str) -> Result<Value, YamlError> {
    match Document::read(text)? {
        Some(document) => decode::decode(&document),
        None => Ok(Value::Null),
    }
}

/// The keys that stand twice in a mapping of the first document, merged ones among them: `line 3: key "a" already set in
/// map`. Mirrors what `UnmarshalStrict` finds.
///
/// # Errors
/// Those of `to_json`.
pub fn duplicate_keys(text: &str) -> Result<Vec<String>, YamlError> {
    Document::read(text)?.map_or(Ok(Vec::new()), |document| decode::duplicates(&document))
}

/// What is wrong with a document, and where.
#[derive(Debug, Clone)]
struct Fault {
    problem: Cow<'static, str>,
    /// The line as Go states it, 0 for none.
    line: usize,
    /// The line on which begins what it lies in, as the third release of the YAML package states it; 0 for none.
    context: usize,
}

impl Fault {
    /// Found while reading characters.
    fn scanner(problem: impl Into<Cow<'static, str>>, at: Mark) -> Fault {
        // OBSERVATION: on the first line Go takes the line for unknown, and says nothing of it.
        Fault { problem: problem.into(), line: if at.line == 0 { 0 } else { at.line + 1 }, context: 0 }
    }

    /// Found while putting tokens together.
    fn parser(problem: &'static str, at: Mark) -> Fault {
        // OBSERVATION: Go counts from 0 here, so that the line before the fault is named.
        Fault { problem: problem.into(), line: at.line, context: 0 }
    }

    fn plain(problem: impl Into<Cow<'static, str>>) -> Fault {
        Fault { problem: problem.into(), line: 0, context: 0 }
    }
}
