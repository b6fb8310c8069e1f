//! Turns k8s-openapi's schema documents into `TypeDef`s.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use super::go::{Shape, TypeFacts};
use super::lists::Lists;
use super::{FieldDef, FieldType, TypeDef};
use crate::api::Kind;

pub(super) const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
pub(super) const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
pub(super) const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
pub(super) const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
pub(super) const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
pub(super) const FIELDS_V1: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1";

/// How the names of types end that are a schema, or something simpler in its place.
const ANY: [&str; 4] = [
    ".apiextensions.v1.JSON",
    ".apiextensions.v1.JSONSchemaPropsOrArray",
    ".apiextensions.v1.JSONSchemaPropsOrBool",
    ".apiextensions.v1.JSONSchemaPropsOrStringArray",
];

/// What the published names begin with that the tables leave out.
pub(super) const PREFIXES: [&str; 4] = [
    "io.k8s.api.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
];

type Types = BTreeMap<String, &'static TypeDef>;

macro_rules! define_root {
    ($($variant:ident, $($module:ident)::+, $group:literal, $version:literal, $plural:literal, [$($short:literal),*], $scope:ident, [$($category:literal),*];)*) => {
        /// The struct of a kind that Kubernetes itself has, with every type that it reaches.
        pub(super) fn root(types: &mut Types, kind: Kind) -> Option<&'static TypeDef> {
            match kind {
                $(Kind::$variant => Some(root_of::<k8s_openapi::$($module)::+::$variant>(types)),)*
                _ => None,
            }
        }
    };
}
crate::for_each_kind!(define_root);

/// The autoscaler in its first version, which manifests still use.
pub(super) fn autoscaler_v1(types: &mut Types) -> &'static TypeDef {
    root_of::<k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler>(types)
}

/// The event in the group that it moved to.
pub(super) fn events_v1(types: &mut Types) -> &'static TypeDef {
    root_of::<k8s_openapi::api::events::v1::Event>(types)
}

/// What the subresource `scale` holds.
pub(super) fn scale(types: &mut Types) -> &'static TypeDef {
    root_of::<k8s_openapi::api::autoscaling::v1::Scale>(types)
}

/// What the subresource `eviction` takes.
pub(super) fn eviction(types: &mut Types) -> &'static TypeDef {
    root_of::<k8s_openapi::api::policy::v1::Eviction>(types)
}

fn root_of<T: JsonSchema>(types: &mut Types) -> &'static TypeDef {
    let name = T::schema_name();
    if let Some(def) = types.get(name.as_ref()) {
        return def;
    }
    let mut generator = SchemaGenerator::default();
    let root = T::json_schema(&mut generator).to_value();
    let mut builder = Builder { documents: generator.take_definitions(false), open: BTreeSet::new(), types };
    builder.documents.insert(name.to_string(), root);
    builder.define(&name)
}

struct Builder<'a> {
    documents: Map<String, Value>,
    /// The structs that are being made, which may hold themselves.
    open: BTreeSet<String>,
    types: &'a mut Types,
}

impl Builder<'_> {
    fn define(&mut self, name: &str) -> &'static TypeDef {
        if let Some(def) = self.types.get(name) {
            return def;
        }
        let stub = self.open.contains(name);
        let mut document = match self.documents.remove(name) {
            Some(Value::Object(document)) => document,
            _ => Map::new(),
        };
        self.open.insert(name.to_string());
        let properties = match document.remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => Map::new(),
        };
        let required: Vec<String> = match document.remove("required") {
            Some(Value::Array(list)) => list.iter().filter_map(|v| v.as_str().map(str::to_string)).collect(),
            _ => Vec::new(),
        };
        let mut parts = name.rsplit('.');
        let go_name = parts.next().unwrap_or_default().to_string();
        let go_package = parts.next().unwrap_or_default().to_string();
        let is_object = ["apiVersion", "kind", "metadata"].iter().all(|f| properties.contains_key(*f));
        let short = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        let facts = TypeFacts::of(short, is_object);
        let lists = Lists::of(short);
        let mut fields = BTreeMap::new();
        for (field, mut property) in properties {
            let required = facts.required(&field, required.contains(&field));
            let description = take_text(&mut property, "description");
            let ty = self.field_type(&mut property);
            let shape = match ty {
                FieldType::Struct(_) => Shape::Struct,
                FieldType::Array(_) | FieldType::Map(_) => Shape::Container,
                FieldType::String
                | FieldType::Int32
                | FieldType::Int64
                | FieldType::Number
                | FieldType::Boolean
                | FieldType::Bytes => Shape::Scalar,
                _ => Shape::Special,
            };
            let go = facts.field(&field, required, shape);
            let whole = matches!(&ty, FieldType::Struct(def) if def.atomic);
            let (list, atomic) = (lists.list(&field), lists.is_whole(&field, whole));
            let package = go_package.clone();
            fields
                .insert(field, FieldDef { description, required, ty, go, list, atomic, allowed: Vec::new(), package });
        }
        let description = document.remove("description").and_then(text).unwrap_or_default();
        // The types live as long as the process: each is made once, and fields refer to it.
        let def: &'static TypeDef = Box::leak(Box::new(TypeDef {
            name: name.to_string(),
            go_package,
            go_name,
            description,
            fields,
            atomic: lists.atomic,
            stub,
        }));
        if !stub {
            self.types.insert(name.to_string(), def);
        }
        def
    }

    fn field_type(&mut self, property: &mut Value) -> FieldType {
        if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default().to_string();
            let def = self.define(&name);
            return match name.as_str() {
                QUANTITY => FieldType::Quantity,
                INT_OR_STRING => FieldType::IntOrString,
                TIME => FieldType::Time,
                MICRO_TIME => FieldType::MicroTime,
                RAW_EXTENSION => FieldType::RawExtension,
                // What a schema allows for a value, and values themselves: any JSON.
                name if ANY.iter().any(|any| name.ends_with(any)) => FieldType::RawExtension,
                FIELDS_V1 => FieldType::FieldsV1,
                _ => FieldType::Struct(def),
            };
        }
        let format = property.get("format").and_then(Value::as_str);
        match (property.get("type").and_then(Value::as_str).unwrap_or_default(), format) {
            ("string", Some("byte")) => FieldType::Bytes,
            ("string", _) => FieldType::String,
            ("integer", Some("int64")) => FieldType::Int64,
            ("integer", _) => FieldType::Int32,
            ("number", _) => FieldType::Number,
            ("boolean", _) => FieldType::Boolean,
            ("array", _) => FieldType::Array(Box::new(self.inner(property, "items"))),
            _ if property.get("additionalProperties").is_some() => {
                FieldType::Map(Box::new(self.inner(property, "additionalProperties")))
            }
            _ => FieldType::RawExtension,
        }
    }

    fn inner(&mut self, property: &mut Value, key: &str) -> FieldType {
        let mut item = property.get_mut(key).map(Value::take).unwrap_or_default();
        self.field_type(&mut item)
    }
}

fn text(v: Value) -> Option<String> {
    match v {
        Value::String(s) => Some(s),
        _ => None,
    }
}

fn take_text(property: &mut Value, key: &str) -> String {
    property.as_object_mut().and_then(|o| o.remove(key)).and_then(text).unwrap_or_default()
}
