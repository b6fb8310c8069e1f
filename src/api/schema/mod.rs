//! The fields of every kind: their types and descriptions, and how Go reads, prints and merges them.
//!
//! Names, types and descriptions come from k8s-openapi; what only the Go sources say is the table `go.txt`.

mod build;
mod custom;
mod enums;
mod go;
mod lists;

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Kind, definition};

pub use enums::EnumValue;
pub use go::{GoFacts, PatchStrategy};
pub use lists::ListType;

/// A struct of the API, or one of its special scalars (`Quantity`, `Time`, ...), which have no fields.
#[derive(Debug)]
pub struct TypeDef {
    /// The published name, `io.k8s.api.core.v1.PodSpec`.
    pub name: String,
    /// The Go package's last part, `v1`, which Go prints before the type's name.
    pub go_package: String,
    /// The Go type's name, `PodSpec`.
    pub go_name: String,
    /// What the type is, for `explain`.
    pub description: String,
    /// The fields by their JSON name, those of embedded structs included.
    pub fields: BTreeMap<String, FieldDef>,
    /// Whether server-side apply takes a value of the type as one whole.
    pub atomic: bool,
    /// Whether it stands for the struct of the same name, which holds itself in the end.
    pub stub: bool,
}

impl TypeDef {
    /// The struct with its fields, also where it stands in itself.
    pub fn whole(&'static self) -> &'static TypeDef {
        if self.stub { named(&self.name).unwrap_or(self) } else { self }
    }

    /// The type as Go prints it, `v1.PodSpec`.
    pub fn go_type(&self) -> String {
        format!("{}.{}", self.go_package, self.go_name)
    }

    /// Whether it is of a kind that a cluster was taught, and not built in.
    pub fn is_taught(&self) -> bool {
        self.name.contains('#')
    }

    /// The field at a path of JSON names; lists and maps are stepped through without a name of their own.
    pub fn field(&'static self, path: &[&str]) -> Option<&'static FieldDef> {
        let (first, rest) = path.split_first()?;
        let field = self.fields.get(*first)?;
        if rest.is_empty() { Some(field) } else { field.ty.leaf().as_struct()?.field(rest) }
    }
}

/// A field of a struct.
#[derive(Debug)]
pub struct FieldDef {
    /// What the field is for, as the published schema says.
    pub description: String,
    /// Whether the published schema requires it.
    pub required: bool,
    /// Its type.
    pub ty: FieldType,
    /// How the Go struct declares it.
    pub go: GoFacts,
    /// What its items are to server-side apply, if it is a list.
    pub list: ListType,
    /// Whether server-side apply takes it as one whole, if it is a map or a struct.
    pub atomic: bool,
    /// The values that the definition of a taught kind allows; of built-in ones see `enum_values`.
    pub allowed: Vec<String>,
    /// The Go package of the struct that declares it, for names that are local to it.
    package: String,
}

impl FieldDef {
    /// The field's type as Go prints it in errors, without the pointer: `int32`, `[]v1.Container`, `v1.ResourceList`.
    pub fn go_type(&self) -> String {
        match &self.ty {
            FieldType::Array(item) => format!("[]{}", self.named().unwrap_or_else(|| item.go_type())),
            FieldType::Map(item) if matches!(**item, FieldType::Quantity) && self.go.named.is_none() => {
                "v1.ResourceList".to_string()
            }
            FieldType::Map(item) => {
                self.go.named.map_or_else(|| format!("map[string]{}", item.go_type()), str::to_string)
            }
            scalar => self.named().unwrap_or_else(|| scalar.go_type()),
        }
    }

    /// The Go type of what a list or a map holds: `v1.PersistentVolumeAccessMode` for `accessModes`.
    pub fn item_go_type(&self) -> String {
        match &self.ty {
            FieldType::Array(item) => self.named().unwrap_or_else(|| item.go_type()),
            FieldType::Map(item) => match self.go.named.and_then(|n| n.split_once(']')) {
                Some((_, value)) => value.to_string(),
                None => item.go_type(),
            },
            scalar => scalar.go_type(),
        }
    }

    /// The values that a scalar may have, if its type is an enumerated one.
    pub fn enum_values(&self) -> Option<&'static [EnumValue]> {
        let name = self.go.named.filter(|_| matches!(self.ty, FieldType::String))?;
        enums::values_of(name.rsplit('.').next()?)
    }

    fn named(&self) -> Option<String> {
        let name = self.go.named?;
        Some(if name.contains('.') { name.to_string() } else { format!("{}.{name}", self.package) })
    }
}

/// What a field holds.
#[derive(Debug)]
pub enum FieldType {
    /// A struct.
    Struct(&'static TypeDef),
    /// A list.
    Array(Box<FieldType>),
    /// An object with free keys.
    Map(Box<FieldType>),
    /// A string.
    String,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A floating-point number.
    Number,
    /// A boolean.
    Boolean,
    /// An amount, `10Gi`.
    Quantity,
    /// A number or a string, `25%`.
    IntOrString,
    /// A `metav1.Time`: whole seconds.
    Time,
    /// A `metav1.MicroTime`: microseconds.
    MicroTime,
    /// Bytes, in base64.
    Bytes,
    /// An object that is kept as it is.
    RawExtension,
    /// The field set of a manager, kept as it is.
    FieldsV1,
}

impl FieldType {
    /// The struct, if it is one.
    pub fn as_struct(&self) -> Option<&'static TypeDef> {
        match self {
            FieldType::Struct(def) => Some(def),
            _ => None,
        }
    }

    /// What lists and maps of lists and maps hold in the end.
    pub fn leaf(&self) -> &FieldType {
        match self {
            FieldType::Array(item) | FieldType::Map(item) => item.leaf(),
            other => other,
        }
    }

    /// The type as Go prints it where the field gives it no name of its own.
    pub fn go_type(&self) -> String {
        match self {
            FieldType::Struct(def) => def.go_type(),
            FieldType::Array(item) => format!("[]{}", item.go_type()),
            FieldType::Map(item) => format!("map[string]{}", item.go_type()),
            FieldType::String => "string".into(),
            FieldType::Int32 => "int32".into(),
            FieldType::Int64 => "int64".into(),
            FieldType::Number => "float64".into(),
            FieldType::Boolean => "bool".into(),
            FieldType::Quantity => "resource.Quantity".into(),
            FieldType::IntOrString => "intstr.IntOrString".into(),
            FieldType::Time => "v1.Time".into(),
            FieldType::MicroTime => "v1.MicroTime".into(),
            FieldType::Bytes => "[]uint8".into(),
            FieldType::RawExtension => "runtime.RawExtension".into(),
            FieldType::FieldsV1 => "v1.FieldsV1".into(),
        }
    }

    /// The published name of a type that has one, `io.k8s.apimachinery.pkg.api.resource.Quantity`.
    pub fn published_name(&self) -> Option<&str> {
        Some(match self {
            FieldType::Struct(def) => &def.name,
            FieldType::Quantity => build::QUANTITY,
            FieldType::IntOrString => build::INT_OR_STRING,
            FieldType::Time => build::TIME,
            FieldType::MicroTime => build::MICRO_TIME,
            FieldType::RawExtension => build::RAW_EXTENSION,
            FieldType::FieldsV1 => build::FIELDS_V1,
            _ => return None,
        })
    }
}

type Registry = Mutex<BTreeMap<String, &'static TypeDef>>;

fn registry() -> &'static Registry {
    static TYPES: OnceLock<Registry> = OnceLock::new();
    TYPES.get_or_init(Registry::default)
}

/// The struct of a kind in its stored version.
pub fn of(kind: Kind) -> &'static TypeDef {
    root(&mut registry().lock().unwrap_or_else(PoisonError::into_inner), kind)
}

/// The struct of a kind, be it Kubernetes' own or one that a cluster was taught.
fn root(types: &mut BTreeMap<String, &'static TypeDef>, kind: Kind) -> &'static TypeDef {
    build::root(types, kind).unwrap_or_else(|| {
        let like = root(types, Kind::ConfigMap);
        custom::root(types, kind, like)
    })
}

/// The struct of a kind in a version that is served: the stored one, or another one of the few that there are.
pub fn of_version(kind: Kind, api_version: &str) -> Option<&'static TypeDef> {
    let mut types = registry().lock().unwrap_or_else(PoisonError::into_inner);
    match (kind, api_version) {
        (Kind::HorizontalPodAutoscaler, "autoscaling/v1") => Some(build::autoscaler_v1(&mut types)),
        (Kind::Event, "events.k8s.io/v1") => Some(build::events_v1(&mut types)),
        _ if api_version == kind.api_version() => Some(root(&mut types, kind)),
        _ if !kind.is_built_in() => {
            let (group, version) = api_version.split_once('/')?;
            let is_served = definition::of(kind)?.served.contains(&version);
            (group == kind.group() && is_served).then(|| root(&mut types, kind))
        }
        _ => None,
    }
}

/// The struct that the subresource `scale` holds.
pub fn scale() -> &'static TypeDef {
    build::scale(&mut registry().lock().unwrap_or_else(PoisonError::into_inner))
}

/// The struct that the subresource `eviction` takes.
pub fn eviction() -> &'static TypeDef {
    build::eviction(&mut registry().lock().unwrap_or_else(PoisonError::into_inner))
}

/// A type by its published name; known once a kind that reaches it was looked at.
pub fn named(name: &str) -> Option<&'static TypeDef> {
    registry().lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::{PatchStrategy, of, of_version};
    use crate::api::Kind;

    #[test]
    fn knows_what_go_knows_of_a_field() {
        let claim = of(Kind::PersistentVolumeClaim);
        let class = claim.field(&["spec", "storageClassName"]).unwrap();
        assert!(class.go.pointer && !class.required);
        let modes = claim.field(&["spec", "accessModes"]).unwrap();
        assert_eq!(
            (modes.go_type(), modes.item_go_type()),
            ("[]v1.PersistentVolumeAccessMode".into(), "v1.PersistentVolumeAccessMode".into())
        );
        let pod = of(Kind::Pod);
        let volumes = pod.field(&["spec", "volumes"]).unwrap();
        let expected =
            PatchStrategy { merge: true, retain_keys: true, merge_key: Some("name"), ..PatchStrategy::default() };
        assert_eq!(volumes.go.patch, expected);
        assert_eq!(pod.field(&["spec", "volumes", "nfs"]).unwrap().go.embedded, Some("VolumeSource"));
        assert_eq!(pod.field(&["spec", "volumes", "name"]).unwrap().go.embedded, None);
        assert!(!pod.field(&["spec", "imagePullSecrets", "name"]).unwrap().required);
        assert!(
            of_version(Kind::HorizontalPodAutoscaler, "autoscaling/v1")
                .unwrap()
                .field(&["spec", "minReplicas"])
                .is_some()
        );
    }

    #[test]
    fn every_line_of_the_tables_is_of_a_known_type() {
        for kind in Kind::ALL {
            of(*kind);
        }
        of_version(Kind::HorizontalPodAutoscaler, "autoscaling/v1");
        of_version(Kind::Event, "events.k8s.io/v1");
        let lines = include_str!("go.txt").lines().chain(include_str!("lists.txt").lines());
        for line in lines.filter(|l| !l.starts_with('#')) {
            let name = line.split(' ').next().unwrap();
            let known = |prefix: &&str| super::named(&format!("{prefix}{name}")).is_some();
            assert!(super::build::PREFIXES.iter().any(known), "{name}");
        }
    }
}
