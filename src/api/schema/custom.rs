//! The structs of kinds that a cluster was taught, from their OpenAPI schemas.
//!
//! Mirrors what `k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder` publishes for a structural schema.

use std::collections::BTreeMap;

use serde_json::Value;

use super::go::{GoFacts, PatchStrategy};
use super::lists::ListType;
use super::{FieldDef, FieldType, TypeDef};
use crate::api::{Kind, definition};

type Types = BTreeMap<String, &'static TypeDef>;

/// The struct of a kind: what its schema says, and the metadata that every object has, which `like` has too.
pub(super) fn root(types: &mut Types, kind: Kind, like: &TypeDef) -> &'static TypeDef {
    let info = kind.info();
    // Two schemas of one kind are two structs: a definition may change.
    let name = format!("{}.{}.{}#{}", reversed(info.group), info.version, info.name, kind.index());
    if let Some(def) = types.get(&name) {
        return def;
    }
    let document = definition::of(kind).map(|d| d.schema.clone()).unwrap_or_default();
    let mut builder = Builder { types, package: info.version.to_string() };
    let mut fields = builder.fields(&document, &name);
    for (field, description) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        fields
            .insert(field.to_string(), FieldDef { description: description.into(), ..plain(FieldType::String, false) });
    }
    if let Some(FieldType::Struct(meta)) = like.fields.get("metadata").map(|f| &f.ty) {
        fields.insert(
            "metadata".into(),
            FieldDef { description: METADATA.into(), ..plain(FieldType::Struct(meta), false) },
        );
    }
    builder.keep(&name, info.name, text(&document, "description"), fields, false)
}

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert \
     recognized schemas to the latest internal value, and may reject unrecognized values. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from \
     the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const METADATA: &str = "Standard object's metadata. More info: \
     https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// `com.example.stable`: the group as published names begin.
fn reversed(group: &str) -> String {
    group.rsplit('.').collect::<Vec<_>>().join(".")
}

fn text(document: &Value, key: &str) -> String {
    document[key].as_str().unwrap_or_default().to_string()
}

/// A field that is there or not, as trees are.
fn plain(ty: FieldType, required: bool) -> FieldDef {
    let go = GoFacts {
        pointer: true,
        omit_empty: true,
        omit_zero: false,
        named: None,
        embedded: None,
        patch: PatchStrategy::default(),
    };
    FieldDef {
        description: String::new(),
        required,
        ty,
        go,
        list: ListType::Atomic,
        atomic: false,
        allowed: Vec::new(),
        package: String::new(),
    }
}

struct Builder<'a> {
    types: &'a mut Types,
    package: String,
}

impl Builder<'_> {
    fn fields(&mut self, document: &Value, path: &str) -> BTreeMap<String, FieldDef> {
        let required: Vec<&str> =
            document["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = document["properties"].as_object().into_iter().flatten();
        let field = |(name, property): (&String, &Value)| {
            let ty = self.field_type(property, &format!("{path}.{name}"));
            let mut field = plain(ty, required.contains(&name.as_str()));
            field.description = text(property, "description");
            field.atomic = property["x-kubernetes-map-type"] == "atomic";
            field.list = list_type(property);
            let values = property["enum"].as_array().into_iter().flatten();
            field.allowed = values.map(|v| v.as_str().map_or_else(|| v.to_string(), String::from)).collect();
            field.package.clone_from(&self.package);
            (name.clone(), field)
        };
        properties.map(field).collect()
    }

    fn field_type(&mut self, property: &Value, path: &str) -> FieldType {
        if property["x-kubernetes-int-or-string"] == true {
            return FieldType::IntOrString;
        }
        let format = property["format"].as_str();
        match property["type"].as_str().unwrap_or_default() {
            "string" if format == Some("byte") => FieldType::Bytes,
            "string" => FieldType::String,
            "integer" if format == Some("int32") => FieldType::Int32,
            "integer" => FieldType::Int64,
            "number" => FieldType::Number,
            "boolean" => FieldType::Boolean,
            "array" => FieldType::Array(Box::new(self.field_type(&property["items"], path))),
            "object" if property["additionalProperties"].is_object() => {
                FieldType::Map(Box::new(self.field_type(&property["additionalProperties"], path)))
            }
            "object" if property["properties"].is_object() && !keeps_unknown(property) => {
                let fields = self.fields(property, path);
                let name = path.rsplit('.').next().unwrap_or_default().to_string();
                let atomic = property["x-kubernetes-map-type"] == "atomic";
                FieldType::Struct(self.keep(path, &name, text(property, "description"), fields, atomic))
            }
            _ => FieldType::RawExtension,
        }
    }

    fn keep(
        &mut self,
        name: &str,
        go_name: &str,
        description: String,
        fields: BTreeMap<String, FieldDef>,
        atomic: bool,
    ) -> &'static TypeDef {
        // The types live as long as the process, as those that are built in do.
        let def: &'static TypeDef = Box::leak(Box::new(TypeDef {
            name: name.to_string(),
            go_package: self.package.clone(),
            go_name: go_name.to_string(),
            description,
            fields,
            atomic,
            stub: false,
        }));
        self.types.insert(name.to_string(), def);
        def
    }
}

fn keeps_unknown(property: &Value) -> bool {
    property["x-kubernetes-preserve-unknown-fields"] == true
}

fn list_type(property: &Value) -> ListType {
    match property["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => {
            let keys = property["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
            // As the types that refer to them, the names live as long as the process.
            let keys = keys.filter_map(Value::as_str).map(|key| &*Box::leak(key.to_string().into_boxed_str()));
            ListType::Map(keys.collect())
        }
        _ => ListType::Atomic,
    }
}
