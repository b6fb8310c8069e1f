//! What the schema says of a field to those who merge it.

use super::MergeError;
use crate::api::schema::{FieldType, PatchStrategy, TypeDef};

/// The place in the schema that a document is merged at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lookup {
    /// A struct.
    Struct(&'static TypeDef),
    /// A map or a scalar, which knows no fields.
    Other(&'static str),
}

impl Lookup {
    /// What merges an object under a key, and how.
    pub(super) fn object(self, key: &str) -> Result<(Lookup, PatchStrategy), MergeError> {
        let def = match self {
            Lookup::Struct(def) => def,
            Lookup::Other(kind) => {
                let text = format!("merging an object in json but data type is not struct, instead is: {kind}");
                return Err(MergeError::other(text));
            }
        };
        let field = def.fields.get(key).ok_or_else(|| {
            MergeError::other(format!("unable to find api field in struct {} for the json field {key:?}", def.go_name))
        })?;
        Ok((Lookup::of(&field.ty), field.go.patch))
    }

    /// What merges the items of a list under a key, and how.
    pub(super) fn list(self, key: &str) -> Result<(Lookup, PatchStrategy), MergeError> {
        let (_, strategy) = self.object(key)?;
        let Lookup::Struct(def) = self else { return Ok((self, strategy)) };
        match def.fields.get(key).map(|f| &f.ty) {
            Some(FieldType::Array(item)) => Ok((Lookup::of(item), strategy)),
            _ => Err(MergeError::other("expected slice or array type, but got: struct")),
        }
    }

    fn of(ty: &FieldType) -> Lookup {
        match ty {
            FieldType::Struct(def) => Lookup::Struct(def),
            FieldType::Map(_) => Lookup::Other("map"),
            FieldType::Array(_) | FieldType::Bytes => Lookup::Other("slice"),
            FieldType::Int32 => Lookup::Other("int32"),
            FieldType::Int64 => Lookup::Other("int64"),
            FieldType::Boolean => Lookup::Other("bool"),
            FieldType::String => Lookup::Other("string"),
            _ => Lookup::Other("struct"),
        }
    }

    /// The struct's name as errors print it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Lookup::Struct(_) => "struct",
            Lookup::Other(kind) => kind,
        }
    }
}
