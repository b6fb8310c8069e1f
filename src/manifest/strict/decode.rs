//! The walk over a document and the schema of its kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::DecodeError;
use super::scalars::{canonical_bytes, canonical_time, go_number};
use crate::api::quantity::canonicalize;
use crate::api::scalar::quote;
use crate::api::schema::{FieldDef, FieldType, TypeDef};
use crate::manifest::json::go_kind;

/// Which of the server's decoders speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `sigs.k8s.io/json`: a mismatch is kept until the end, errors of `UnmarshalJSON` end the walk.
    Json,
    /// `runtime.DefaultUnstructuredConverter`: the first error ends the walk and names no field.
    Unstructured,
    /// Nothing is refused: what does not fit counts as absent.
    Lenient,
}

/// The server keeps no more strict errors than this.
const MAX_STRICT_ERRORS: usize = 100;

/// An error that ends the walk.
struct Fatal(String);

/// A walk and what it has found so far.
pub(super) struct Decoder {
    dialect: Dialect,
    /// The path as strict errors print it, `spec.containers[0]`.
    path: String,
    /// The fields on the way as type errors print them, embedded structs included.
    fields: Vec<String>,
    /// The struct that holds the last of them.
    owner: String,
    first_mismatch: Option<String>,
    strict: Vec<String>,
    seen: BTreeSet<String>,
}

/// What a value is called when it does not fit: what it is to be, and whether that is a number.
struct Target<'a> {
    field: &'a FieldDef,
    /// The value is what the field's list or map holds, not the field itself.
    item: bool,
}

impl Target<'_> {
    fn go_type(&self) -> String {
        if self.item { self.field.item_go_type() } else { self.field.go_type() }
    }
}

impl Decoder {
    pub(super) fn new(dialect: Dialect) -> Decoder {
        Decoder {
            dialect,
            path: String::new(),
            fields: Vec::new(),
            owner: String::new(),
            first_mismatch: None,
            strict: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Reads a whole document.
    pub(super) fn run(mut self, def: &'static TypeDef, tree: &Value) -> Result<(Value, Vec<String>), DecodeError> {
        let value = match tree {
            Value::Object(map) => self.structure(def, map),
            Value::Null => Ok(zero_struct(def)),
            other => self.mismatch(other, def.go_type(), "struct").map(|()| zero_struct(def)),
        };
        let value = self.finish(value)?;
        if self.dialect == Dialect::Unstructured {
            self.strict.sort();
        }
        Ok((value, self.strict))
    }

    /// Reads what stands under one field of a struct that is none of the API's.
    pub(super) fn run_field(
        mut self,
        owner: &str,
        name: &str,
        def: &'static TypeDef,
        value: &Value,
    ) -> Result<(), DecodeError> {
        self.owner = owner.to_string();
        self.fields.push(name.to_string());
        let value = match value {
            Value::Object(map) => self.structure(def, map),
            Value::Null => Ok(Value::Null),
            other => self.mismatch(other, def.go_type(), "struct").map(|()| Value::Null),
        };
        self.finish(value).map(|_| ())
    }

    fn finish(&mut self, value: Result<Value, Fatal>) -> Result<Value, DecodeError> {
        match (value, self.first_mismatch.take()) {
            (Err(Fatal(text)), _) | (Ok(_), Some(text)) => Err(DecodeError(text)),
            (Ok(value), None) => Ok(value),
        }
    }

    fn structure(&mut self, def: &'static TypeDef, map: &Map<String, Value>) -> Result<Value, Fatal> {
        let def = def.whole();
        let mut values: BTreeMap<&str, Value> = BTreeMap::new();
        let (fields_before, path_before) = (self.fields.len(), self.path.len());
        for (key, value) in map {
            let Some((name, field)) = def.fields.get_key_value(key) else {
                self.unknown_field(key);
                continue;
            };
            let owner = std::mem::replace(&mut self.owner, def.go_name.clone());
            self.fields.extend(field.go.embedded.map(str::to_string));
            self.fields.push(name.clone());
            self.push_key(name);
            let decoded = self.field(field, value)?;
            self.path.truncate(path_before);
            self.fields.truncate(fields_before);
            self.owner = owner;
            if let Some(decoded) = decoded {
                values.insert(name, decoded);
            }
        }
        Ok(encode(def, values))
    }

    /// The value of a field; none where the Go field stays nil.
    fn field(&mut self, field: &FieldDef, value: &Value) -> Result<Option<Value>, Fatal> {
        let nil = field.go.pointer || matches!(field.ty, FieldType::Array(_) | FieldType::Map(_));
        if value.is_null() {
            return Ok(if nil { None } else { Some(zero(&field.ty)) });
        }
        self.value(&field.ty, &Target { field, item: false }, value)
    }

    /// The normal form of a value; none where it does not fit.
    fn value(&mut self, ty: &FieldType, target: &Target<'_>, value: &Value) -> Result<Option<Value>, Fatal> {
        if value.is_null() {
            return Ok(Some(zero(ty)));
        }
        let result = match (ty, value) {
            (FieldType::Struct(def), Value::Object(map)) => self.structure(def, map).map(Some),
            (FieldType::Array(item), Value::Array(list)) => self.list(item, target, list).map(Some),
            (FieldType::Map(item), Value::Object(map)) => self.map(item, target, map).map(Some),
            (FieldType::String, Value::String(_)) | (FieldType::Boolean, Value::Bool(_)) => Ok(Some(value.clone())),
            (FieldType::Number, Value::Number(_)) => Ok(Some(value.clone())),
            (FieldType::Int32 | FieldType::Int64, Value::Number(_)) => self.integer(ty, target, value),
            (FieldType::Bytes, Value::String(text)) => self.bytes(text),
            (FieldType::RawExtension | FieldType::FieldsV1, _) => Ok(Some(value.clone())),
            (FieldType::Quantity, _) => self.quantity(value).map(Some),
            (FieldType::IntOrString, _) => self.int_or_string(value).map(Some),
            (FieldType::Time, _) => self.time(value, false).map(Some),
            (FieldType::MicroTime, _) => self.time(value, true).map(Some),
            _ => {
                let kind = match ty {
                    FieldType::Struct(_) => "struct",
                    FieldType::Array(_) | FieldType::Bytes => "slice",
                    FieldType::Map(_) => "map",
                    FieldType::Int32 => "int32",
                    FieldType::Int64 => "int64",
                    FieldType::Boolean => "bool",
                    FieldType::Number => "float64",
                    _ => "string",
                };
                self.mismatch(value, target.go_type(), kind).map(|()| None)
            }
        };
        match result {
            Err(_) if self.dialect == Dialect::Lenient => Ok(None),
            other => other,
        }
    }

    fn list(&mut self, item: &FieldType, target: &Target<'_>, list: &[Value]) -> Result<Value, Fatal> {
        let path_before = self.path.len();
        let mut items = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            self.path.push_str(&format!("[{i}]"));
            let value = self.value(item, &Target { field: target.field, item: true }, value)?;
            self.path.truncate(path_before);
            items.push(value.unwrap_or_else(|| zero(item)));
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, item: &FieldType, target: &Target<'_>, map: &Map<String, Value>) -> Result<Value, Fatal> {
        let path_before = self.path.len();
        let mut values = Map::new();
        for (key, value) in map {
            self.push_key(key);
            let value = self.value(item, &Target { field: target.field, item: true }, value)?;
            self.path.truncate(path_before);
            values.insert(key.clone(), value.unwrap_or_else(|| zero(item)));
        }
        Ok(Value::Object(values))
    }

    fn integer(&mut self, ty: &FieldType, target: &Target<'_>, value: &Value) -> Result<Option<Value>, Fatal> {
        let text = go_number(value);
        let whole: Option<i64> = text.parse().ok();
        match (whole, self.dialect) {
            (Some(n), Dialect::Json) if matches!(ty, FieldType::Int64) || i32::try_from(n).is_ok() => {
                Ok(Some(n.into()))
            }
            (_, Dialect::Json) => {
                self.keep(format!("number {text}"), target.go_type());
                Ok(None)
            }
            // The converter cuts a number to size without a word.
            (Some(n), _) if matches!(ty, FieldType::Int32) => Ok(Some((n as i32).into())),
            (Some(n), _) => Ok(Some(n.into())),
            (None, _) => Err(Fatal(format!("cannot convert float64 to {}", target.go_type()))),
        }
    }

    fn bytes(&mut self, text: &str) -> Result<Option<Value>, Fatal> {
        match (canonical_bytes(text), self.dialect) {
            (Ok(text), _) => Ok(Some(text.into())),
            (Err(e), Dialect::Json) => {
                self.first_mismatch.get_or_insert(e);
                Ok(None)
            }
            (Err(e), _) => Err(Fatal(format!("error decoding from json: {e}"))),
        }
    }

    fn quantity(&mut self, value: &Value) -> Result<Value, Fatal> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) => go_number(value),
            // The decoder hands over the raw text, which can only be refused.
            other => other.to_string(),
        };
        canonicalize(&text).map(Value::String).map_err(|e| Fatal(e.to_string()))
    }

    fn int_or_string(&mut self, value: &Value) -> Result<Value, Fatal> {
        if value.is_string() {
            return Ok(value.clone());
        }
        let text = go_number(value);
        match text.parse::<i32>() {
            Ok(n) => Ok(n.into()),
            Err(_) if value.is_number() => Err(self.type_error(&format!("number {text}"), "int32")),
            Err(_) => Err(self.type_error(go_kind(value), "int32")),
        }
    }

    fn time(&mut self, value: &Value, micro: bool) -> Result<Value, Fatal> {
        match value {
            Value::String(text) => canonical_time(text, micro).map_err(Fatal),
            other => Err(self.type_error(go_kind(other), "string")),
        }
    }

    /// A value does not fit: `go_type` is what it should have been, `kind` Go's `reflect.Kind` of that.
    fn mismatch(&mut self, value: &Value, go_type: String, kind: &str) -> Result<(), Fatal> {
        if self.dialect == Dialect::Json {
            self.keep(go_kind(value).to_string(), go_type);
            return Ok(());
        }
        let from = match value {
            Value::Object(_) => "map",
            Value::Array(_) => "slice",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            number if go_number(number).parse::<i64>().is_ok() => "int64",
            _ => "float64",
        };
        Err(Fatal(match kind {
            "struct" => format!("cannot restore struct from: {from}"),
            "slice" | "map" => format!("cannot restore {kind} from {from}"),
            // Go would make a character of a whole number, so the converter refuses in its own words.
            "string" if from == "int64" => format!("cannot convert int64 to {go_type}"),
            _ => format!("unrecognized type: {kind}"),
        }))
    }

    fn keep(&mut self, what: String, go_type: String) {
        let Fatal(text) = self.type_error(&what, &go_type);
        self.first_mismatch.get_or_insert(text);
    }

    fn type_error(&self, what: &str, go_type: &str) -> Fatal {
        let place = if self.owner.is_empty() || self.dialect == Dialect::Unstructured {
            "Go value".to_string()
        } else {
            format!("Go struct field {}.{}", self.owner, self.fields.join("."))
        };
        Fatal(format!("json: cannot unmarshal {what} into {place} of type {go_type}"))
    }

    fn push_key(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    fn unknown_field(&mut self, key: &str) {
        if self.strict.len() >= MAX_STRICT_ERRORS && self.dialect == Dialect::Json {
            return;
        }
        let before = self.path.len();
        self.push_key(key);
        let text = format!("unknown field {}", quote(&self.path));
        self.path.truncate(before);
        if self.seen.insert(text.clone()) {
            self.strict.push(text);
        }
    }
}

/// Encodes a struct as Go does from the values of the fields that are not nil.
fn encode(def: &TypeDef, mut values: BTreeMap<&str, Value>) -> Value {
    let mut map = Map::new();
    for (name, field) in &def.fields {
        let is_container = matches!(field.ty, FieldType::Array(_) | FieldType::Map(_));
        let nil = field.go.pointer || is_container;
        let value = match values.remove(name.as_str()) {
            // OBSERVATION: storage keeps no empty list or map, so they come back as nil ones.
            Some(value) if is_container && is_empty(&value) => Value::Null,
            Some(value) => value,
            None if nil => Value::Null,
            None => zero(&field.ty),
        };
        let by_value = matches!(
            field.ty,
            FieldType::Struct(_)
                | FieldType::Quantity
                | FieldType::IntOrString
                | FieldType::Time
                | FieldType::MicroTime
                | FieldType::RawExtension
        ) && !field.go.pointer;
        let omitted = match &value {
            _ if field.go.omit_zero && value.is_null() => true,
            _ if !field.go.omit_empty || by_value => false,
            Value::Null => true,
            value => !nil && is_empty(value),
        };
        if !omitted {
            map.insert(name.clone(), value);
        }
    }
    Value::Object(map)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    }
}

/// What Go encodes for a field that was never set.
fn zero(ty: &FieldType) -> Value {
    match ty {
        FieldType::Struct(def) => zero_struct(def),
        FieldType::String | FieldType::Bytes => "".into(),
        FieldType::Int32 | FieldType::Int64 | FieldType::Number | FieldType::IntOrString => 0.into(),
        FieldType::Boolean => false.into(),
        FieldType::Quantity => "0".into(),
        _ => Value::Null,
    }
}

fn zero_struct(def: &TypeDef) -> Value {
    encode(def, BTreeMap::new())
}
