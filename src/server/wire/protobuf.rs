//! Kubernetes' protobuf: objects from it and to it, by the numbers of their fields.
//!
//! Mirrors `k8s.io/apimachinery/pkg/runtime/serializer/protobuf`; the messages are those of the table `protobuf.txt`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::api::Time;
use crate::api::schema::{FieldType, TypeDef};

/// What every document begins with.
const MAGIC: &[u8] = b"k8s\0";

/// How deep messages may lie in each other.
const DEEPEST: usize = 64;

/// How often a field stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Once,
    Many,
    ByName,
    /// Its fields stand in the message around it.
    Inline,
}

#[derive(Debug)]
struct Field {
    number: u64,
    name: &'static str,
    how: How,
    ty: &'static str,
}

fn table() -> &'static BTreeMap<&'static str, Vec<Field>> {
    static TABLE: OnceLock<BTreeMap<&'static str, Vec<Field>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let field = |text: &'static str| {
            let mut parts = text.splitn(3, ':');
            let number = parts.next()?.parse().ok()?;
            let (name, ty) = (parts.next()?, parts.next()?);
            let how = match ty.as_bytes().first() {
                Some(b'*') => How::Many,
                Some(b'%') => How::ByName,
                Some(b'^') => How::Inline,
                _ => How::Once,
            };
            Some(Field { number, name, how, ty: ty.trim_start_matches(['*', '%', '^']) })
        };
        let line = |line: &'static str| {
            let mut words = line.split(' ');
            Some((words.next()?, words.filter_map(field).collect()))
        };
        include_str!("protobuf.txt").lines().filter(|l| !l.starts_with('#')).filter_map(line).collect()
    })
}

/// The message of a kind in a version, `core.v1.Pod`.
fn message_of(api_version: &str, kind: &str) -> String {
    match (api_version, kind) {
        (_, "DeleteOptions" | "Status") => format!("meta.v1.{kind}"),
        _ => {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            let first = group.split('.').next().filter(|word| !word.is_empty()).unwrap_or("core");
            format!("{first}.{version}.{kind}")
        }
    }
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(bytes: &[u8]) -> Result<Value, String> {
    let body = bytes.strip_prefix(MAGIC).ok_or("provided data does not appear to be a protobuf message")?;
    let mut unknown = Reader(body);
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, wire)) = unknown.next()? {
        match (number, wire) {
            (1, Wire::Bytes(meta)) => {
                let mut meta = Reader(meta);
                while let Some((number, wire)) = meta.next()? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => api_version = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(text)) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let message = message_of(&api_version, &kind);
    let mut tree = match table().contains_key(message.as_str()) {
        true => decode_message(&message, raw, 0)?,
        false => Value::Object(Map::new()),
    };
    tree["apiVersion"] = json!(api_version);
    tree["kind"] = json!(kind);
    Ok(tree)
}

/// A value as it lies on the wire.
enum Wire<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in 0..10 {
            let (first, rest) = self.0.split_first().ok_or("unexpected EOF")?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << (7 * shift).min(63);
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("proto: integer overflow".into())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        if count > self.0.len() {
            return Err("unexpected EOF".into());
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }

    /// The next field's number and value.
    fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let little = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Fixed(little(self.take(8)?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| "proto: negative length found")?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed(little(self.take(4)?)),
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        Ok(Some((tag >> 3, wire)))
    }
}

fn decode_message(message: &str, bytes: &[u8], depth: usize) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err("proto: too deep".into());
    }
    let Some(fields) = table().get(message) else { return Ok(json!({})) };
    let mut reader = Reader(bytes);
    let mut map = Map::new();
    while let Some((number, wire)) = reader.next()? {
        let Some(field) = fields.iter().find(|f| f.number == number) else { continue };
        match (field.how, wire) {
            (How::Once, wire) => _ = map.insert(field.name.into(), decode_value(field.ty, wire, depth)?),
            (How::Inline, Wire::Bytes(bytes)) => {
                if let Value::Object(inner) = decode_message(field.ty, bytes, depth + 1)? {
                    map.extend(inner);
                }
            }
            (How::Many, Wire::Bytes(bytes)) if field.ty == "i" => {
                let mut packed = Reader(bytes);
                while !packed.0.is_empty() {
                    let value = packed.varint()?;
                    push(&mut map, field.name, json!(value as i64));
                }
            }
            (How::Many, wire) => {
                let value = decode_value(field.ty, wire, depth)?;
                push(&mut map, field.name, value);
            }
            (How::ByName, Wire::Bytes(bytes)) => {
                let mut entry = Reader(bytes);
                let (mut key, mut value) = (String::new(), None);
                while let Some((number, wire)) = entry.next()? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => key = String::from_utf8_lossy(text).into_owned(),
                        (2, wire) => value = Some(decode_value(field.ty, wire, depth)?),
                        _ => {}
                    }
                }
                let value = value.unwrap_or_else(|| if field.ty == "s" { json!("") } else { json!({}) });
                let all = map.entry(field.name).or_insert_with(|| json!({}));
                if let Value::Object(all) = all {
                    all.insert(key, value);
                }
            }
            _ => return Err(format!("proto: wrong wireType for field {}", field.name)),
        }
    }
    Ok(special(message, map))
}

fn push(map: &mut Map<String, Value>, name: &str, value: Value) {
    if let Value::Array(all) = map.entry(name).or_insert_with(|| json!([])) {
        all.push(value);
    }
}

fn decode_value(ty: &str, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    Ok(match (ty, wire) {
        ("s", Wire::Bytes(bytes)) => json!(String::from_utf8_lossy(bytes)),
        ("y", Wire::Bytes(bytes)) => json!(STANDARD.encode(bytes)),
        ("i", Wire::Number(number)) => json!(number as i64),
        ("b", Wire::Number(number)) => json!(number != 0),
        ("d", Wire::Fixed(bits)) => json!(f64::from_bits(bits)),
        (message, Wire::Bytes(bytes)) if message.len() > 1 => decode_message(message, bytes, depth + 1)?,
        _ => return Err("proto: wrong wireType".into()),
    })
}

/// What messages are in JSON that are no objects there.
fn special(message: &str, map: Map<String, Value>) -> Value {
    let raw = |map: &Map<String, Value>| {
        let bytes = map.get("-").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null)
    };
    match message {
        "meta.v1.Time" | "meta.v1.MicroTime" | "meta.v1.Timestamp" => {
            match map.get("seconds").and_then(Value::as_i64) {
                None => Value::Null,
                Some(seconds) => {
                    let nanos = map.get("nanos").and_then(Value::as_i64).unwrap_or(0);
                    let time = Time(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000));
                    json!(if message == "meta.v1.MicroTime" { time.rfc3339_micro() } else { time.rfc3339() })
                }
            }
        }
        "api.resource.Quantity" => map.get("string").cloned().unwrap_or_else(|| json!("0")),
        "util.intstr.IntOrString" => match map.get("type").and_then(Value::as_i64) {
            Some(1) => map.get("strVal").cloned().unwrap_or_else(|| json!("")),
            _ => map.get("intVal").cloned().unwrap_or_else(|| json!(0)),
        },
        "pkg.runtime.RawExtension" | "meta.v1.FieldsV1" | "apiextensions.v1.JSON" => raw(&map),
        "apiextensions.v1.JSONSchemaPropsOrBool" => {
            map.get("schema").or(map.get("allows")).cloned().unwrap_or(Value::Bool(true))
        }
        "apiextensions.v1.JSONSchemaPropsOrArray" | "apiextensions.v1.JSONSchemaPropsOrStringArray" => {
            let or = |name: &str| map.get(name).cloned();
            or("schema").or_else(|| or("jSONSchemas")).or_else(|| or("property")).unwrap_or_else(|| json!([]))
        }
        _ if message.ends_with(".ExtraValue") || message == "meta.v1.Verbs" => {
            map.get("items").cloned().unwrap_or_else(|| json!([]))
        }
        _ => Value::Object(map),
    }
}

/// Drops what a message says of fields that Go would not print: they are empty, and no pointers.
pub(super) fn drop_empty(tree: &mut Value, def: &'static TypeDef) {
    let def = def.whole();
    let Value::Object(map) = tree else { return };
    for (name, value) in map.iter_mut() {
        if let Some(field) = def.fields.get(name) {
            drop_empty_in(value, &field.ty);
        }
    }
    map.retain(|name, value| {
        let Some(field) = def.fields.get(name) else { return !value.is_null() };
        let is_empty = match value {
            Value::Null => return false,
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_i64() == Some(0),
            Value::Bool(is) => !*is,
            Value::Object(map) => map.is_empty() && matches!(field.ty, FieldType::Struct(_)),
            Value::Array(_) => false,
        };
        !is_empty || field.go.pointer || field.required
    });
}

fn drop_empty_in(value: &mut Value, ty: &FieldType) {
    match (value, ty) {
        (value @ Value::Object(_), FieldType::Struct(def)) => drop_empty(value, def),
        (Value::Array(items), FieldType::Array(item)) => items.iter_mut().for_each(|v| drop_empty_in(v, item)),
        (Value::Object(map), FieldType::Map(item)) => map.values_mut().for_each(|v| drop_empty_in(v, item)),
        _ => {}
    }
}

/// Writes an object, a list or a status; none for what has no message.
pub(super) fn encode(tree: &Value) -> Option<Vec<u8>> {
    let (api_version, kind) = (tree["apiVersion"].as_str()?, tree["kind"].as_str()?);
    let message = message_of(api_version, kind);
    let raw = match (table().contains_key(message.as_str()), message.strip_suffix("List")) {
        (true, _) => encode_message(&message, tree, 0),
        (false, Some(item)) if table().contains_key(item) => {
            let mut raw = Vec::new();
            put_bytes(1, &encode_message("meta.v1.ListMeta", &tree["metadata"], 0), &mut raw);
            for one in tree["items"].as_array().into_iter().flatten() {
                put_bytes(2, &encode_message(item, one, 0), &mut raw);
            }
            raw
        }
        _ => return None,
    };
    let mut meta = Vec::new();
    put_bytes(1, api_version.as_bytes(), &mut meta);
    put_bytes(2, kind.as_bytes(), &mut meta);
    let mut out = MAGIC.to_vec();
    put_bytes(1, &meta, &mut out);
    put_bytes(2, &raw, &mut out);
    put_bytes(3, b"", &mut out);
    put_bytes(4, b"", &mut out);
    Some(out)
}

/// An amount as it is written: most are strings, few numbers.
fn amount(tree: &Value) -> String {
    tree.as_str().map_or_else(|| tree.to_string(), String::from)
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_number(number: u64, value: u64, out: &mut Vec<u8>) {
    put_varint(number << 3, out);
    put_varint(value, out);
}

pub(in crate::server) fn put_bytes(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(number << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn encode_message(message: &str, tree: &Value, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    if depth > DEEPEST {
        return out;
    }
    match message {
        "meta.v1.Time" | "meta.v1.MicroTime" | "meta.v1.Timestamp" => {
            if let Some(time) = tree.as_str().and_then(Time::parse_rfc3339) {
                put_number(1, time.0.div_euclid(1000) as u64, &mut out);
                put_number(2, (time.0.rem_euclid(1000) * 1_000_000) as u64, &mut out);
            }
            return out;
        }
        "api.resource.Quantity" => {
            put_bytes(1, amount(tree).as_bytes(), &mut out);
            return out;
        }
        "util.intstr.IntOrString" => {
            put_number(1, u64::from(tree.is_string()), &mut out);
            put_number(2, tree.as_i64().unwrap_or(0) as u64, &mut out);
            put_bytes(3, tree.as_str().unwrap_or_default().as_bytes(), &mut out);
            return out;
        }
        "pkg.runtime.RawExtension" | "meta.v1.FieldsV1" | "apiextensions.v1.JSON" => {
            put_bytes(1, tree.to_string().as_bytes(), &mut out);
            return out;
        }
        "apiextensions.v1.JSONSchemaPropsOrBool" => {
            put_number(1, u64::from(tree.as_bool().unwrap_or(true)), &mut out);
            if tree.is_object() {
                put_bytes(2, &encode_message("apiextensions.v1.JSONSchemaProps", tree, depth + 1), &mut out);
            }
            return out;
        }
        "apiextensions.v1.JSONSchemaPropsOrArray" | "apiextensions.v1.JSONSchemaPropsOrStringArray" => {
            match tree {
                Value::Array(all) => all.iter().for_each(|one| match one.as_str() {
                    Some(text) => put_bytes(2, text.as_bytes(), &mut out),
                    None => {
                        put_bytes(2, &encode_message("apiextensions.v1.JSONSchemaProps", one, depth + 1), &mut out);
                    }
                }),
                one => put_bytes(1, &encode_message("apiextensions.v1.JSONSchemaProps", one, depth + 1), &mut out),
            }
            return out;
        }
        _ if message.ends_with(".ExtraValue") || message == "meta.v1.Verbs" => {
            for text in tree.as_array().into_iter().flatten().filter_map(Value::as_str) {
                put_bytes(1, text.as_bytes(), &mut out);
            }
            return out;
        }
        _ => {}
    }
    for field in table().get(message).into_iter().flatten() {
        if field.how == How::Inline {
            let inner = encode_message(field.ty, tree, depth + 1);
            if !inner.is_empty() {
                put_bytes(field.number, &inner, &mut out);
            }
            continue;
        }
        let value = &tree[field.name];
        match (field.how, value) {
            (_, Value::Null) => {}
            (How::Many, Value::Array(items)) => {
                items.iter().for_each(|item| encode_value(field.number, field.ty, item, depth, &mut out));
            }
            (How::ByName, Value::Object(map)) => {
                for (key, value) in map {
                    let mut entry = Vec::new();
                    put_bytes(1, key.as_bytes(), &mut entry);
                    encode_value(2, field.ty, value, depth, &mut entry);
                    put_bytes(field.number, &entry, &mut out);
                }
            }
            (_, value) => encode_value(field.number, field.ty, value, depth, &mut out),
        }
    }
    out
}

fn encode_value(number: u64, ty: &str, value: &Value, depth: usize, out: &mut Vec<u8>) {
    match ty {
        "s" => put_bytes(number, value.as_str().unwrap_or_default().as_bytes(), out),
        "y" => put_bytes(number, &STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default(), out),
        "i" => put_number(number, value.as_i64().unwrap_or(0) as u64, out),
        "b" => put_number(number, u64::from(value.as_bool().unwrap_or(false)), out),
        "d" => {
            put_varint(number << 3 | 1, out);
            out.extend_from_slice(&value.as_f64().unwrap_or(0.0).to_bits().to_le_bytes());
        }
        message => put_bytes(number, &encode_message(message, value, depth + 1), out),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{decode, drop_empty, encode};
    use crate::api::{Kind, schema};

    #[test]
    fn an_object_comes_back_as_it_went() {
        let tree = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "labels": {"app": "p"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {
                "containers": [{
                    "name": "c",
                    "image": "busybox",
                    "command": ["sleep", "1"],
                    "resources": {"requests": {"cpu": "100m"}},
                    "livenessProbe": {"httpGet": {"port": "web", "path": "/"}, "initialDelaySeconds": 5},
                }],
                "volumes": [{"name": "d", "emptyDir": {}}],
                "terminationGracePeriodSeconds": 0,
            },
        });
        let mut back = decode(&encode(&tree).unwrap()).unwrap();
        drop_empty(&mut back, schema::of(Kind::Pod));
        assert_eq!(back, tree);
        assert!(decode(b"k8s\0\x0a").is_err() && decode(b"{}").is_err());
    }
}
