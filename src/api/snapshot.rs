//! Snapshots as who works with them sees them: the trees of their kinds, read.
//!
//! Mirrors `client/apis/volumesnapshot/v1/types.go` of kubernetes-csi/external-snapshotter.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::k8s::api::core::v1::ObjectReference;
use super::object::{Custom, annotation_of};
use super::{Kind, Object, ObjectMeta, Quantity};

/// The group of the snapshots.
pub const GROUP: &str = "snapshot.storage.k8s.io";
/// On a class: it is taken for snapshots that name none.
pub const IS_DEFAULT_CLASS: &str = "snapshot.storage.kubernetes.io/is-default-class";

/// An object whose tree is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<T> {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Everything else.
    pub fields: T,
}

/// What can be read from the tree of a kind.
pub trait Fields: Serialize + DeserializeOwned {
    /// The kind.
    const OF: Kind;
}

impl<T: Fields> Read<T> {
    /// Reads an object of that kind.
    pub fn of(object: &Object) -> Option<Read<T>> {
        let Object::Custom(custom) = object else { return None };
        let fields = || serde_json::from_value(Value::Object(custom.fields.clone())).ok();
        let fields = (custom.kind == T::OF).then(fields)??;
        Some(Read { metadata: custom.metadata.clone(), fields })
    }

    /// The object.
    pub fn into_object(self) -> Object {
        let fields = match serde_json::to_value(self.fields) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        Object::Custom(Box::new(Custom { kind: T::OF, metadata: self.metadata, fields }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }
}

/// The fields of a VolumeSnapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotFields {
    /// What is wanted.
    pub spec: VolumeSnapshotSpec,
    /// How it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<VolumeSnapshotStatus>,
}

/// A VolumeSnapshot.
pub type VolumeSnapshot = Read<VolumeSnapshotFields>;

impl Fields for VolumeSnapshotFields {
    const OF: Kind = Kind::VolumeSnapshot;
}

/// See `VolumeSnapshotFields`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotSpec {
    /// What it is a snapshot of.
    pub source: VolumeSnapshotSource,
    /// Its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_class_name: Option<String>,
}

/// See `VolumeSnapshotSpec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotSource {
    /// A claim of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim_name: Option<String>,
    /// A content that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_content_name: Option<String>,
}

/// See `VolumeSnapshotFields`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotStatus {
    /// The content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_volume_snapshot_content_name: Option<String>,
    /// When it was taken, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// Whether it can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_to_use: Option<bool>,
    /// The least size of a volume that is made of it: a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_size: Option<Value>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<VolumeSnapshotError>,
    /// What else there is.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl VolumeSnapshotStatus {
    /// The least size in bytes.
    pub fn restore_bytes(&self) -> Option<i64> {
        match self.restore_size.as_ref()? {
            Value::String(text) => Quantity::parse(text).ok().map(|q| q.value()),
            number => number.as_i64(),
        }
    }
}

/// What went wrong with a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotError {
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// The fields of a VolumeSnapshotContent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotContentFields {
    /// What is wanted.
    pub spec: VolumeSnapshotContentSpec,
    /// How it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<VolumeSnapshotContentStatus>,
}

/// A VolumeSnapshotContent.
pub type VolumeSnapshotContent = Read<VolumeSnapshotContentFields>;

impl Fields for VolumeSnapshotContentFields {
    const OF: Kind = Kind::VolumeSnapshotContent;
}

/// See `VolumeSnapshotContentFields`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotContentSpec {
    /// `Delete` or `Retain`.
    pub deletion_policy: String,
    /// The driver's name.
    pub driver: String,
    /// What it is a snapshot of.
    pub source: VolumeSnapshotContentSource,
    /// `Filesystem` or `Block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_volume_mode: Option<String>,
    /// Its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_snapshot_class_name: Option<String>,
    /// Whose it is.
    pub volume_snapshot_ref: ObjectReference,
}

/// See `VolumeSnapshotContentSpec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotContentSource {
    /// What the driver calls the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_handle: Option<String>,
    /// What the driver calls a snapshot that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_handle: Option<String>,
}

/// See `VolumeSnapshotContentFields`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotContentStatus {
    /// When it was taken, in nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<i64>,
    /// Whether it can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_to_use: Option<bool>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_size: Option<i64>,
    /// What the driver calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_handle: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<VolumeSnapshotError>,
    /// What else there is.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The fields of a VolumeSnapshotClass.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeSnapshotClassFields {
    /// The driver's name.
    pub driver: String,
    /// `Delete` or `Retain`.
    pub deletion_policy: String,
    /// What the driver and its sidecars are told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A VolumeSnapshotClass.
pub type VolumeSnapshotClass = Read<VolumeSnapshotClassFields>;

impl Fields for VolumeSnapshotClassFields {
    const OF: Kind = Kind::VolumeSnapshotClass;
}

impl VolumeSnapshotClass {
    /// Whether it is taken for snapshots that name none. Mirrors `IsVolumeSnapshotClassDefaultAnnotation`.
    pub fn is_default(&self) -> bool {
        annotation_of(&self.metadata, IS_DEFAULT_CLASS) == Some("true")
    }
}

impl VolumeSnapshot {
    /// Whether it can be used. Mirrors `IsSnapshotReady`.
    pub fn is_ready(&self) -> bool {
        self.fields.status.as_ref().is_some_and(|s| s.ready_to_use == Some(true))
    }

    /// The content that it says it is bound to.
    pub fn content_name(&self) -> Option<&str> {
        let name = self.fields.status.as_ref()?.bound_volume_snapshot_content_name.as_deref();
        name.filter(|name| !name.is_empty())
    }
}

impl VolumeSnapshotContent {
    /// Whether it is a snapshot's. Mirrors `IsVolumeSnapshotRefSet`.
    pub fn is_of(&self, snapshot: &VolumeSnapshot) -> bool {
        let reference = &self.fields.spec.volume_snapshot_ref;
        reference.name.as_deref() == Some(snapshot.name())
            && reference.namespace.as_deref() == Some(snapshot.namespace())
            && reference.uid.as_deref() == Some(snapshot.uid())
    }

    /// The disk that its contents lie on, once it has a name there.
    pub fn disk(&self) -> Option<String> {
        let handle = self.fields.status.as_ref()?.snapshot_handle.as_deref()?;
        Some(disk_of(&self.fields.spec.driver, handle))
    }
}

/// The disk of a snapshot that a driver calls so.
pub fn disk_of(driver: &str, handle: &str) -> String {
    format!("snapshot/{driver}/{handle}")
}
