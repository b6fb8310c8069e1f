//! Gives nodes their values, expands aliases and merges, and turns the result into JSON.
//!
//! Mirrors `decode.go` of `go.yaml.in/yaml/v2` and `convertToJSONableObject` of `sigs.k8s.io/yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::item::{Item, Key};
use super::node::{Document, Id, Node};
use super::parser::Scalar;
use super::{Fault, YamlError};
use crate::api::scalar::{self, yaml_float32};
use crate::manifest::json::MAX_DEPTH;
use crate::manifest::json::{float_value, lossy};

/// What aliases may bring in, in bytes; Go shares the text of strings, JSON cannot.
const MAX_ALIASED_BYTES: usize = 32 << 20;

const LONG_TAG: &str = "tag:yaml.org,2002:";

/// The document's value as JSON.
pub(super) fn decode(document: &Document) -> Result<Value, YamlError> {
    let item = Decoder::new(document).item(document.root, 0)?;
    let mut unsupported = None;
    let value = convert(&item, &mut unsupported)?;
    match unsupported {
        Some(float) => Err(YamlError::new(format!("json: unsupported value: {float}"))),
        None => Ok(value),
    }
}

/// The keys that a mapping has twice: `line 3: key "a" already set in map`.
pub(super) fn duplicates(document: &Document) -> Result<Vec<String>, YamlError> {
    let mut decoder = Decoder::new(document);
    decoder.item(document.root, 0)?;
    Ok(decoder.duplicates)
}

struct Decoder<'a> {
    nodes: &'a [Node],
    lines: &'a [usize],
    duplicates: Vec<String>,
    /// Nodes decoded so far, each as often as aliases name it.
    decoded: usize,
    decoded_in_alias: usize,
    alias_depth: usize,
    aliased_bytes: usize,
    /// Aliases whose meaning is being decoded.
    expanding: BTreeSet<Id>,
}

impl<'a> Decoder<'a> {
    fn new(document: &'a Document) -> Decoder<'a> {
        Decoder {
            nodes: &document.nodes,
            lines: &document.lines,
            duplicates: Vec::new(),
            decoded: 0,
            decoded_in_alias: 0,
            alias_depth: 0,
            aliased_bytes: 0,
            expanding: BTreeSet::new(),
        }
    }

    fn item(&mut self, id: Id, depth: usize) -> Result<Item, Fault> {
        self.count(depth)?;
        match &self.nodes[id] {
            Node::Open => Ok(Item::Null),
            Node::Scalar(scalar) => self.scalar(scalar),
            Node::Sequence(items) => {
                let items: Result<Vec<Item>, Fault> = items.iter().map(|item| self.item(*item, depth + 1)).collect();
                Ok(Item::Sequence(items?))
            }
            Node::Mapping(pairs) => {
                let mut map = BTreeMap::new();
                self.fill(pairs, &mut map, depth)?;
                Ok(Item::Mapping(map))
            }
            Node::Alias(name, target) => {
                self.enter_alias(id, name)?;
                let item = self.item(*target, depth + 1)?;
                self.leave_alias(id);
                Ok(item)
            }
        }
    }

    /// Decodes a mapping into `map`. Whatever comes later wins, be it a key or a merge.
    fn fill(&mut self, pairs: &[(Id, Id)], map: &mut BTreeMap<Key, Item>, depth: usize) -> Result<(), Fault> {
        for (key, value) in pairs {
            if is_merge(&self.nodes[*key]) {
                self.merge(*value, map, depth + 1)?;
                continue;
            }
            let key = match self.item(*key, depth + 1)? {
                Item::Null => Key::Null,
                Item::Bool(b) => Key::Bool(b),
                Item::Int(n) => Key::Int(n),
                Item::Uint(n) => Key::Uint(n),
                Item::Float(f) => Key::Float(f.to_bits()),
                Item::Str(s) => Key::Str(s),
                collection => return Err(Fault::plain(format!("invalid map key: {}", collection.go_syntax()))),
            };
            let item = self.item(*value, depth + 1)?;
            if map.contains_key(&key) {
                let (line, key) = (self.lines[*value] + 1, Item::from(key.clone()).go_syntax_alone());
                self.duplicates.push(format!("line {line}: key {key} already set in map"));
            }
            map.insert(key, item);
        }
        Ok(())
    }

    /// `<<: *base` or `<<: [*one, *two]`, of which the first has precedence.
    fn merge(&mut self, id: Id, map: &mut BTreeMap<Key, Item>, depth: usize) -> Result<(), Fault> {
        match &self.nodes[id] {
            Node::Sequence(items) => {
                for item in items.iter().rev() {
                    self.merge_one(*item, map, depth)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, map, depth),
        }
    }

    fn merge_one(&mut self, id: Id, map: &mut BTreeMap<Key, Item>, depth: usize) -> Result<(), Fault> {
        let want_map = || Fault::plain("map merge requires map or sequence of maps as the value");
        match &self.nodes[id] {
            Node::Mapping(pairs) => {
                self.count(depth)?;
                self.fill(pairs, map, depth)
            }
            Node::Alias(name, target) => match &self.nodes[*target] {
                Node::Mapping(pairs) => {
                    self.count(depth)?;
                    self.enter_alias(id, name)?;
                    self.count(depth)?;
                    self.fill(pairs, map, depth)?;
                    self.leave_alias(id);
                    Ok(())
                }
                _ => Err(want_map()),
            },
            _ => Err(want_map()),
        }
    }

    fn enter_alias(&mut self, id: Id, name: &str) -> Result<(), Fault> {
        if !self.expanding.insert(id) {
            return Err(contains_itself(name));
        }
        self.alias_depth += 1;
        Ok(())
    }

    fn leave_alias(&mut self, id: Id) {
        self.expanding.remove(&id);
        self.alias_depth -= 1;
    }

    /// Counts one step, and refuses documents that consist of little but aliases.
    fn count(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::plain(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.decoded_in_alias += 1;
        }
        let ratio = self.decoded_in_alias as f64 / self.decoded as f64;
        if self.decoded_in_alias > 100 && self.decoded > 1000 && ratio > allowed_alias_ratio(self.decoded) {
            return Err(excessive_aliasing());
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: &Scalar) -> Result<Item, Fault> {
        if self.alias_depth > 0 {
            self.aliased_bytes += scalar.text.len();
            if self.aliased_bytes > MAX_ALIASED_BYTES {
                return Err(excessive_aliasing());
            }
        }
        resolve(scalar)
    }
}

fn contains_itself(name: &str) -> Fault {
    Fault::plain(format!("anchor '{name}' value contains itself"))
}

fn excessive_aliasing() -> Fault {
    Fault::plain("document contains excessive aliasing")
}

/// The share of steps that may be due to aliases: 99% up to 400,000 steps, falling to 10% at 4,000,000.
fn allowed_alias_ratio(decoded: usize) -> f64 {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;
    match decoded {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        n => 0.99 - 0.89 * ((n - LOW) as f64 / (HIGH - LOW) as f64),
    }
}

fn is_merge(node: &Node) -> bool {
    matches!(node, Node::Scalar(s) if s.text == "<<" && (s.implicit || s.tag == "tag:yaml.org,2002:merge"))
}

/// Types a scalar by its tag, its quotes and its text.
fn resolve(scalar: &Scalar) -> Result<Item, Fault> {
    let text = &scalar.text;
    if scalar.tag.is_empty() && !scalar.implicit {
        return Ok(Item::Str(text.clone()));
    }
    let kind = match scalar.tag.strip_prefix(LONG_TAG) {
        None if scalar.tag.is_empty() => "",
        Some(kind @ ("bool" | "int" | "float" | "null" | "timestamp")) => kind,
        Some("binary") => return binary(text),
        _ => return Ok(Item::Str(text.clone())),
    };
    let item = match scalar::resolve_as(text, kind.is_empty() || kind == "timestamp") {
        scalar::Scalar::Null => Item::Null,
        scalar::Scalar::Bool(b) => Item::Bool(b),
        scalar::Scalar::Int(n) if kind == "float" => Item::Float(n as f64),
        scalar::Scalar::Int(n) => Item::Int(n),
        scalar::Scalar::Uint(n) => Item::Uint(n),
        scalar::Scalar::Float(f) => Item::Float(f),
        scalar::Scalar::Timestamp if kind == "timestamp" || kind.is_empty() => return Ok(Item::Str(text.clone())),
        scalar::Scalar::Timestamp | scalar::Scalar::Str => Item::Str(text.clone()),
    };
    let found = match item {
        Item::Null => "null",
        Item::Bool(_) => "bool",
        Item::Int(_) | Item::Uint(_) => "int",
        Item::Float(_) => "float",
        _ => "str",
    };
    if kind.is_empty() || kind == found {
        return Ok(item);
    }
    Err(Fault::plain(format!("cannot decode !!{found} `{text}` as a !!{kind}")))
}

fn binary(text: &str) -> Result<Item, Fault> {
    let bytes = base64(text).ok_or_else(|| Fault::plain("!!binary value contains invalid base64 data"))?;
    Ok(Item::Str(lossy(&bytes)))
}

/// Standard base64 with padding; line breaks are passed over.
fn base64(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let mut bytes = Vec::with_capacity(symbols.len() / 4 * 3);
    let groups = symbols.len().div_ceil(4);
    for (i, group) in symbols.chunks(4).enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        if group.len() < 4 || padding > 2 || padding > 0 && i + 1 < groups {
            return None;
        }
        let mut bits = 0u32;
        for symbol in group {
            let six = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'a'..=b'z' => symbol - b'a' + 26,
                b'0'..=b'9' => symbol - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => 0,
                _ => return None,
            };
            bits = bits << 6 | u32::from(six);
        }
        if group[..4 - padding].contains(&b'=') {
            return None;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    Some(bytes)
}

/// Turns keys into strings and numbers into JSON's. The first float that JSON has no word for is left in
/// `unsupported`: Go finds those later than bad keys.
fn convert(item: &Item, unsupported: &mut Option<String>) -> Result<Value, YamlError> {
    Ok(match item {
        Item::Null => Value::Null,
        Item::Bool(b) => Value::Bool(*b),
        Item::Int(n) => Value::from(*n),
        Item::Uint(n) => Value::from(*n),
        Item::Float(f) if f.is_finite() => float_value(*f),
        Item::Float(f) => {
            let text = if f.is_nan() {
                "NaN"
            } else if *f > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            unsupported.get_or_insert(text.into());
            Value::Null
        }
        Item::Str(s) => Value::String(s.clone()),
        Item::Sequence(items) => {
            Value::Array(items.iter().map(|item| convert(item, unsupported)).collect::<Result<_, _>>()?)
        }
        Item::Mapping(pairs) => {
            let mut map = Map::new();
            for (key, item) in pairs {
                map.insert(key_text(key, item)?, convert(item, unsupported)?);
            }
            Value::Object(map)
        }
    })
}

fn key_text(key: &Key, value: &Item) -> Result<String, YamlError> {
    Ok(match key {
        Key::Str(s) => s.clone(),
        Key::Int(n) => n.to_string(),
        Key::Bool(b) => b.to_string(),
        Key::Float(bits) => yaml_float32(f64::from_bits(*bits)),
        Key::Null | Key::Uint(_) => {
            let kind = if *key == Key::Null { "%!s(<nil>)" } else { "uint64" };
            let (key, value) = (Item::from(key.clone()).go_syntax_alone(), value.go_syntax_alone());
            return Err(YamlError::new(format!("unsupported map key of type: {kind}, key: {key}, value: {value}")));
        }
    })
}
