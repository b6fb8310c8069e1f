//! The types of the API as schemas of OpenAPI.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::definition;
use crate::api::schema::{self, EnumValue, FieldDef, FieldType, ListType, TypeDef};
use crate::server::served::Served;

/// The version of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    V2,
    V3,
}

impl Dialect {
    /// A schema of that name, as others speak of it.
    pub(super) fn reference(self, name: &str) -> Value {
        match self {
            Dialect::V2 => json!({"$ref": format!("#/definitions/{name}")}),
            Dialect::V3 => json!({"$ref": format!("#/components/schemas/{name}")}),
        }
    }
}

type Schemas = BTreeMap<String, Value>;

/// What lists have beside their items.
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// Adds the schemas of a resource, and hands back the name of its own.
pub(super) fn add(resource: &Served, dialect: Dialect, schemas: &mut Schemas) -> String {
    let gvk = json!([{"group": resource.group, "kind": resource.kind.name(), "version": resource.version}]);
    let own = match definition::of(resource.kind) {
        Some(definition) => {
            let name = taught_name(resource);
            let mut schema = definition.schema.clone();
            let meta = schema::of(crate::api::Kind::ConfigMap).fields.get("metadata").map(|f| &f.ty);
            let metadata = meta.map(|ty| type_of(ty, dialect, schemas)).unwrap_or_else(|| json!({"type": "object"}));
            let metadata = described(metadata, dialect, METADATA);
            if !schema.is_object() {
                schema = json!({"type": "object"});
            }
            schema["properties"]["metadata"] = metadata;
            for (field, text) in [("apiVersion", API_VERSION), ("kind", KIND)] {
                schema["properties"][field] = json!({"type": "string", "description": text});
            }
            schema["x-kubernetes-group-version-kind"] = gvk;
            schemas.insert(name.clone(), schema);
            name
        }
        None => {
            let def =
                schema::of_version(resource.kind, &resource.api_version()).unwrap_or_else(|| schema::of(resource.kind));
            add_type(def, dialect, schemas);
            if let Some(schema) = schemas.get_mut(&def.name) {
                schema["x-kubernetes-group-version-kind"] = gvk;
            }
            def.name.clone()
        }
    };
    schemas.entry(format!("{own}List")).or_insert_with(|| {
        json!({
            "type": "object",
            "description": format!("{0}List is a list of {0}", resource.kind.name()),
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string", "description": API_VERSION},
                "kind": {"type": "string", "description": KIND},
                "metadata": described(dialect.reference(LIST_META), dialect, "Standard list metadata."),
                "items": {"type": "array", "description": "", "items": dialect.reference(&own)},
            },
            "x-kubernetes-group-version-kind": [
                {"group": resource.group, "kind": format!("{}List", resource.kind.name()), "version": resource.version},
            ],
        })
    });
    schemas.entry(LIST_META.into()).or_insert_with(|| {
        json!({
            "type": "object",
            "description": "ListMeta describes metadata that synthetic resources must have, including lists and various status objects. A resource may have only one of {ObjectMeta, ListMeta}.",
            "properties": {
                "continue": {"type": "string"},
                "remainingItemCount": {"type": "integer", "format": "int64"},
                "resourceVersion": {"type": "string"},
                "selfLink": {"type": "string"},
            },
        })
    });
    own
}

/// What `apiVersion` is for.
const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";

/// What `kind` is for.
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

/// What `metadata` is for.
const METADATA: &str = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// `com.example.v1.Widget`
fn taught_name(resource: &Served) -> String {
    let mut words: Vec<&str> = resource.group.split('.').collect();
    words.reverse();
    format!("{}.{}.{}", words.join("."), resource.version, resource.kind.name())
}

fn add_type(def: &'static TypeDef, dialect: Dialect, schemas: &mut Schemas) {
    let def = def.whole();
    if schemas.contains_key(&def.name) {
        return;
    }
    // One that holds itself finds itself there.
    schemas.insert(def.name.clone(), Value::Null);
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, field) in &def.fields {
        if field.required {
            required.push(Value::from(name.as_str()));
        }
        properties.insert(name.clone(), of_field(field, dialect, schemas));
    }
    let mut schema = json!({"type": "object", "description": def.description});
    if !properties.is_empty() {
        schema["properties"] = properties.into();
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    if def.atomic {
        schema["x-kubernetes-map-type"] = json!("atomic");
    }
    schemas.insert(def.name.clone(), schema);
}

fn of_field(field: &FieldDef, dialect: Dialect, schemas: &mut Schemas) -> Value {
    let values = field.enum_values().unwrap_or_default();
    let mut text = field.description.clone();
    if !values.is_empty() {
        // Mirrors `EnumType.DescriptionLines` of `k8s.io/kube-openapi/pkg/generators`.
        let line = |v: &EnumValue| match v.description {
            "" => format!("\n - `{:?}`", v.value),
            words => format!("\n - `{:?}` {words}", v.value),
        };
        let lines: String = values.iter().map(line).collect();
        text = format!("{text}\n\nPossible enum values:{lines}").trim_start().to_string();
    }
    let mut schema = described(type_of(&field.ty, dialect, schemas), dialect, &text);
    if !values.is_empty() {
        schema["enum"] = values.iter().map(|v| Value::from(v.value)).collect();
    }
    match (&field.ty, &field.list) {
        (FieldType::Array(_), ListType::Atomic) => schema["x-kubernetes-list-type"] = json!("atomic"),
        (FieldType::Array(_), ListType::Set) => schema["x-kubernetes-list-type"] = json!("set"),
        (FieldType::Array(_), ListType::Map(keys)) => {
            schema["x-kubernetes-list-type"] = json!("map");
            schema["x-kubernetes-list-map-keys"] = json!(keys);
        }
        _ if field.atomic => schema["x-kubernetes-map-type"] = json!("atomic"),
        _ => {}
    }
    let patch = &field.go.patch;
    let ways = [(patch.merge, "merge"), (patch.replace, "replace"), (patch.retain_keys, "retainKeys")];
    let ways: Vec<&str> = ways.into_iter().filter(|(is, _)| *is).map(|(_, way)| way).collect();
    if !ways.is_empty() {
        schema["x-kubernetes-patch-strategy"] = json!(ways.join(","));
    }
    if let Some(key) = patch.merge_key {
        schema["x-kubernetes-patch-merge-key"] = json!(key);
    }
    schema
}

/// A schema with what it is for; in the third version a reference that says more stands within `allOf`.
fn described(schema: Value, dialect: Dialect, text: &str) -> Value {
    let mut schema = match (dialect, schema.get("$ref").is_some()) {
        (Dialect::V3, true) => json!({"allOf": [schema]}),
        _ => schema,
    };
    if !text.is_empty() {
        schema["description"] = json!(text);
    }
    schema
}

fn type_of(ty: &FieldType, dialect: Dialect, schemas: &mut Schemas) -> Value {
    let special = |name: &str, mut schema: Value, schemas: &mut Schemas| {
        if let Some(def) = schema::named(name).filter(|def| !def.description.is_empty()) {
            schema["description"] = json!(def.description);
        }
        schemas.entry(name.to_string()).or_insert(schema);
        dialect.reference(name)
    };
    let either = |types: &[&str]| match dialect {
        Dialect::V2 => json!({"type": "string"}),
        Dialect::V3 => json!({"oneOf": types.iter().map(|t| json!({"type": t})).collect::<Vec<_>>()}),
    };
    let name = ty.published_name().unwrap_or_default();
    match ty {
        FieldType::Struct(def) => {
            add_type(def, dialect, schemas);
            dialect.reference(&def.name)
        }
        FieldType::Array(item) => json!({"type": "array", "items": type_of(item, dialect, schemas)}),
        FieldType::Map(item) => json!({"type": "object", "additionalProperties": type_of(item, dialect, schemas)}),
        FieldType::String => json!({"type": "string"}),
        FieldType::Int32 => json!({"type": "integer", "format": "int32"}),
        FieldType::Int64 => json!({"type": "integer", "format": "int64"}),
        FieldType::Number => json!({"type": "number", "format": "double"}),
        FieldType::Boolean => json!({"type": "boolean"}),
        FieldType::Bytes => json!({"type": "string", "format": "byte"}),
        FieldType::Quantity => special(name, either(&["string", "number"]), schemas),
        FieldType::IntOrString => {
            let mut schema = either(&["integer", "string"]);
            schema["format"] = json!("int-or-string");
            special(name, schema, schemas)
        }
        FieldType::Time | FieldType::MicroTime => {
            special(name, json!({"type": "string", "format": "date-time"}), schemas)
        }
        FieldType::RawExtension | FieldType::FieldsV1 => special(name, json!({"type": "object"}), schemas),
    }
}
