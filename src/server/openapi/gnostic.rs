//! The second version of OpenAPI as protobuf, which is how kubectl asks for it.
//!
//! Mirrors `OpenAPIv2.proto` of github.com/google/gnostic-models: the schemas, without the paths, which no client of that
//! form reads.

use serde_json::Value;

use crate::printers::yaml::to_yaml;
use crate::server::wire::protobuf::put_bytes;

/// What it is called on the wire.
pub(super) const CONTENT_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Writes a document.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(1, &document["swagger"], &mut out);
    let mut info = Vec::new();
    text(1, &document["info"]["title"], &mut info);
    text(2, &document["info"]["version"], &mut info);
    put_bytes(2, &info, &mut out);
    put_bytes(8, b"", &mut out);
    put_bytes(9, &named(&document["definitions"]), &mut out);
    out
}

fn text(number: u64, value: &Value, out: &mut Vec<u8>) {
    if let Some(text) = value.as_str() {
        put_bytes(number, text.as_bytes(), out);
    }
}

/// Schemas by their names.
fn named(schemas: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let mut entry = Vec::new();
        put_bytes(1, name.as_bytes(), &mut entry);
        put_bytes(2, &of_schema(schema), &mut entry);
        put_bytes(1, &entry, &mut out);
    }
    out
}

/// Whatever it is, as YAML.
fn any(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(2, to_yaml(value).as_bytes(), &mut out);
    out
}

fn of_schema(schema: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(1, &schema["$ref"], &mut out);
    text(2, &schema["format"], &mut out);
    text(4, &schema["description"], &mut out);
    for name in schema["required"].as_array().into_iter().flatten() {
        text(19, name, &mut out);
    }
    for value in schema["enum"].as_array().into_iter().flatten() {
        put_bytes(20, &any(value), &mut out);
    }
    if schema["additionalProperties"].is_object() {
        let mut item = Vec::new();
        put_bytes(1, &of_schema(&schema["additionalProperties"]), &mut item);
        put_bytes(21, &item, &mut out);
    }
    if schema["type"].is_string() {
        let mut item = Vec::new();
        text(1, &schema["type"], &mut item);
        put_bytes(22, &item, &mut out);
    }
    if schema["items"].is_object() {
        let mut item = Vec::new();
        put_bytes(1, &of_schema(&schema["items"]), &mut item);
        put_bytes(23, &item, &mut out);
    }
    if schema["properties"].is_object() {
        put_bytes(25, &named(&schema["properties"]), &mut out);
    }
    for (name, value) in schema.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-")) {
        let mut entry = Vec::new();
        put_bytes(1, name.as_bytes(), &mut entry);
        put_bytes(2, &any(value), &mut entry);
        put_bytes(31, &entry, &mut out);
    }
    out
}
