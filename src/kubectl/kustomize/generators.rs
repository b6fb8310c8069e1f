//! ConfigMaps and Secrets that are made of files, environments and texts, and the hashes in their names.
//!
//! Mirrors `internal/generators`, `kv` and `hasher` of `sigs.k8s.io/kustomize/api`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Failed;
use super::kustomization::{Generator, GeneratorOptions, Texts};
use super::loader::Loader;
use super::node::{Fields, Node, Scalar, Tag};
use super::resource::Resource;
use crate::api::digest::name_suffix;
use crate::printers::json::to_compact;

/// Bytes of encoded text in a line.
const BASE64_LINE: usize = 70;

/// Makes the ConfigMap or the Secret of a generator.
pub(super) fn generate(kind: &str, generator: &Generator, loader: &Loader<'_>) -> Result<Resource, Failed> {
    if generator.name.is_empty() {
        return Err(Failed::new("a configmap must have a name"));
    }
    let mut metadata = Fields::new();
    metadata.insert("name".into(), Node::scalar(&generator.name));
    if !generator.namespace.is_empty() {
        metadata.insert("namespace".into(), Node::scalar(&generator.namespace));
    }
    let mut object = Fields::new();
    object.insert("apiVersion".into(), Node::string("v1"));
    object.insert("kind".into(), Node::string(kind));
    let is_secret = kind == "Secret";
    if is_secret {
        let type_ = if generator.type_.is_empty() { "Opaque" } else { &generator.type_ };
        object.insert("type".into(), Node::string(type_));
        object.insert("data".into(), Node::Map(Fields::new()));
    }
    for (key, value) in data(generator, loader)? {
        let (field, text) = match String::from_utf8(value) {
            _ if key.is_empty() => continue,
            Ok(text) if is_secret => ("data", encode(text.as_bytes())),
            Ok(text) => ("data", text),
            Err(e) if is_secret => ("data", encode(e.as_bytes())),
            Err(e) => ("binaryData", encode(e.as_bytes())),
        };
        if let Node::Map(fields) = object.entry(field.into()).or_insert_with(|| Node::Map(Fields::new())) {
            fields.insert(key, Node::string(&text));
        }
    }
    let options = generator.options.clone().unwrap_or_default();
    for (field, texts) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        if !texts.is_empty() {
            let texts = texts.iter().map(|(k, v)| (k.clone(), Node::string(v))).collect();
            metadata.insert(field.into(), Node::Map(texts));
        }
    }
    if options.immutable {
        let yes = Scalar::tagged("true", Tag::Bool);
        object.insert("immutable".into(), Node::Scalar(yes));
    }
    object.insert("metadata".into(), Node::Map(metadata));
    let mut resource = Resource::new(Node::Map(object));
    resource.set_generated(&generator.behavior, !options.disable_name_suffix_hash)?;
    Ok(resource)
}

/// A generator's own options and those for all: what it says itself about a label or annotation holds.
pub(super) fn with_global_options(generator: &Generator, global: Option<&GeneratorOptions>) -> Generator {
    let mut generator = generator.clone();
    let Some(global) = global else { return generator };
    let own = generator.options.get_or_insert_default();
    let merge = |own: &mut Texts, global: &Texts| {
        global.iter().for_each(|(k, v)| {
            own.entry(k.clone()).or_insert_with(|| v.clone());
        });
    };
    merge(&mut own.labels, &global.labels);
    merge(&mut own.annotations, &global.annotations);
    own.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    own.immutable |= global.immutable;
    generator
}

/// Base64 in lines, if there is more than one. Mirrors `encodeBase64`.
fn encode(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < BASE64_LINE {
        return text;
    }
    let lines: Vec<&[u8]> = text.as_bytes().chunks(BASE64_LINE).collect();
    lines.iter().map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect()
}

fn go_list(texts: &[String]) -> String {
    format!("[{}]", texts.join(" "))
}

/// The keys and values of a generator's sources.
fn data(generator: &Generator, loader: &Loader<'_>) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let mut pairs = Vec::new();
    let loading = |e: Failed, what: String| e.within(&what).within("loading KV pairs");
    for path in &generator.envs {
        let read = loader.load(path).and_then(|bytes| pairs_of_lines(&bytes));
        let what = || format!("env source files: {}", go_list(&generator.envs));
        pairs.extend(read.map_err(|e| loading(e, what()))?);
    }
    for literal in &generator.literals {
        let what = || format!("literal sources {}", go_list(&generator.literals));
        pairs.push(pair_of_literal(literal).map_err(|e| loading(e, what()))?);
    }
    for source in &generator.files {
        let read = parse_file_source(source).and_then(|(key, path)| Ok((key, loader.load(&path)?)));
        let what = || format!("file sources: {}", go_list(&generator.files));
        pairs.push(read.map_err(|e| loading(e, what()))?);
    }
    let mut known = BTreeMap::new();
    for (key, value) in pairs {
        if known.contains_key(&key) {
            return Err(Failed::new(format!("configmap {} illegally repeats the key `{key}`", generator.name)));
        }
        known.insert(key, value);
    }
    Ok(known)
}

fn pairs_of_lines(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Failed> {
    let mut pairs = Vec::new();
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(line) = std::str::from_utf8(line) else {
            let (numbers, text) = (line.iter().map(u8::to_string).collect::<Vec<_>>(), String::from_utf8_lossy(line));
            return Err(Failed::new(format!("line [{}] has invalid utf8 bytes : {text}", numbers.join(" "))));
        };
        let line = if i == 0 { line.trim_start_matches('\u{feff}') } else { line };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        pairs.push((key.to_string(), value.as_bytes().to_vec()));
    }
    Ok(pairs)
}

fn pair_of_literal(source: &str) -> Result<(String, Vec<u8>), Failed> {
    let invalid = || Failed::new(format!("invalid literal source {source}, expected key=value"));
    let (key, value) = source.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(invalid)?;
    let quoted = |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    let value = match quoted('"') || quoted('\'') {
        true => value.get(1..value.len() - 1).unwrap_or_default(),
        false => value,
    };
    Ok((key.to_string(), value.as_bytes().to_vec()))
}

fn parse_file_source(source: &str) -> Result<(String, String), Failed> {
    let parts: Vec<&str> = source.split('=').collect();
    match parts.as_slice() {
        [path] => Ok((path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().into(), (*path).into())),
        ["", path] => Err(Failed::new(format!("missing key name for file path {path:?} in source {source:?}"))),
        [key, ""] => Err(Failed::new(format!("missing file path for key name {key:?} in source {source:?}"))),
        [key, path] => Ok(((*key).into(), (*path).into())),
        _ => Err(Failed::new(format!("source {source:?} key name or file path contains '='"))),
    }
}

/// The hash of an object's contents, as it stands in its name. Mirrors `Hasher`.
pub(super) fn hash(node: &Node) -> Result<String, Failed> {
    let mut hashed = Map::new();
    let kind = node.field("kind").map_or("", Node::text);
    let value = |name: &str| match node.field(name) {
        None => Ok(Value::from("")),
        Some(Node::Scalar(scalar)) => Ok(Value::from(scalar.text.clone())),
        Some(node) => node.value(),
    };
    let (own, other) = if kind == "Secret" { ("type", "stringData") } else { ("", "binaryData") };
    hashed.insert("kind".into(), kind.into());
    // OBSERVATION: the name is looked for in a place where none is.
    hashed.insert("name".into(), "".into());
    hashed.insert("data".into(), value("data")?);
    if !own.is_empty() {
        hashed.insert(own.into(), value(own)?);
    }
    if node.field(other).is_some_and(|n| matches!(n, Node::Map(_))) {
        hashed.insert(other.into(), value(other)?);
    }
    Ok(name_suffix(&to_compact(&Value::Object(hashed))))
}
