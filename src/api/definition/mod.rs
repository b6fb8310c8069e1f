//! What CustomResourceDefinitions say: the schema of a kind, its columns and parts.
//!
//! Some definitions kstate has at hand: their kinds exist in a cluster once somebody has installed them there. They are
//! those of kubernetes-csi/external-snapshotter and kubernetes-csi/volume-data-source-validator (`client/config/crd`), word
//! by word.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use super::kind::{Kind, KindInfo, Scope};

/// The group of the snapshots.
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";

/// The kinds whose definitions are at hand. Their places are those of the constants of `Kind`.
pub(super) static AT_HAND: &[KindInfo] = &[
    KindInfo {
        name: "VolumeSnapshotClass",
        group: SNAPSHOTS,
        version: "v1",
        plural: "volumesnapshotclasses",
        short_names: &["vsclass", "vsclasses"],
        scope: Scope::Cluster,
        categories: &[],
        definition: include_str!("volumesnapshotclasses.snapshot.storage.k8s.io.yaml"),
    },
    KindInfo {
        name: "VolumeSnapshotContent",
        group: SNAPSHOTS,
        version: "v1",
        plural: "volumesnapshotcontents",
        short_names: &["vsc", "vscs"],
        scope: Scope::Cluster,
        categories: &[],
        definition: include_str!("volumesnapshotcontents.snapshot.storage.k8s.io.yaml"),
    },
    KindInfo {
        name: "VolumeSnapshot",
        group: SNAPSHOTS,
        version: "v1",
        plural: "volumesnapshots",
        short_names: &["vs"],
        scope: Scope::Namespaced,
        categories: &[],
        definition: include_str!("volumesnapshots.snapshot.storage.k8s.io.yaml"),
    },
    KindInfo {
        name: "VolumePopulator",
        group: "populator.storage.k8s.io",
        version: "v1beta1",
        plural: "volumepopulators",
        short_names: &[],
        scope: Scope::Cluster,
        categories: &[],
        definition: include_str!("volumepopulators.populator.storage.k8s.io.yaml"),
    },
];

/// A column of a kind's table. Mirrors `CustomResourceColumnDefinition`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrinterColumn {
    /// Its name, `ReadyToUse`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub column_type: String,
    /// Where its value stands, `.status.readyToUse`.
    pub json_path: String,
    /// Above 0 only `-o wide` shows it.
    pub priority: i64,
}

/// What is said of a kind in the version in which its objects are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The whole document.
    pub document: Value,
    /// The schema: an OpenAPI v3 document.
    pub schema: Value,
    /// The columns after the name.
    pub columns: Vec<PrinterColumn>,
    /// Whether `status` is a subresource.
    pub has_status: bool,
}

impl Definition {
    /// Reads a definition's text, YAML or JSON; what can't be read says nothing.
    fn read(text: &str, version: &str) -> Definition {
        let document: Value = serde_yaml::from_str(text).unwrap_or_default();
        let versions = document["spec"]["versions"].as_array().into_iter().flatten();
        let found = versions.into_iter().find(|v| v["name"] == version).cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let column = |column: &Value| PrinterColumn {
            name: text(&column["name"]),
            column_type: text(&column["type"]),
            json_path: text(&column["jsonPath"]),
            priority: column["priority"].as_i64().unwrap_or(0),
        };
        let mut columns: Vec<PrinterColumn> =
            found["additionalPrinterColumns"].as_array().into_iter().flatten().map(column).collect();
        if columns.is_empty() {
            columns.push(PrinterColumn {
                name: "Age".into(),
                column_type: "date".into(),
                json_path: ".metadata.creationTimestamp".into(),
                priority: 0,
            });
        }
        Definition {
            schema: found["schema"]["openAPIV3Schema"].clone(),
            columns,
            has_status: found["subresources"]["status"].is_object(),
            document,
        }
    }
}

/// The definition of a kind that kstate has no type for.
pub fn of(kind: Kind) -> Option<&'static Definition> {
    // They live as long as the process, as the kinds do.
    static READ: RwLock<BTreeMap<usize, &'static Definition>> = RwLock::new(BTreeMap::new());
    if kind.is_built_in() {
        return None;
    }
    if let Some(known) = READ.read().unwrap_or_else(PoisonError::into_inner).get(&kind.index()) {
        return Some(known);
    }
    let read = || -> &'static Definition {
        let info = kind.info();
        Box::leak(Box::new(Definition::read(info.definition, info.version)))
    };
    Some(READ.write().unwrap_or_else(PoisonError::into_inner).entry(kind.index()).or_insert_with(read))
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::api::Kind;

    #[test]
    fn what_is_at_hand_is_what_its_document_says() {
        let kinds =
            [Kind::VolumeSnapshotClass, Kind::VolumeSnapshotContent, Kind::VolumeSnapshot, Kind::VolumePopulator];
        assert_eq!(kinds.len(), super::AT_HAND.len());
        for kind in kinds {
            let (definition, info) = (of(kind).unwrap(), kind.info());
            let spec = &definition.document["spec"];
            let short: Vec<&str> =
                spec["names"]["shortNames"].as_array().into_iter().flatten().map(|n| n.as_str().unwrap()).collect();
            let said = (&spec["names"]["kind"], &spec["names"]["plural"], &spec["group"]);
            assert_eq!((said.0.as_str(), said.1.as_str()), (Some(info.name), Some(info.plural)));
            assert_eq!((said.2.as_str(), short.as_slice()), (Some(info.group), info.short_names));
            assert_eq!(spec["scope"] == "Namespaced", kind.is_namespaced());
            assert_eq!(definition.document["metadata"]["name"], format!("{}.{}", info.plural, info.group));
            assert!(definition.schema["properties"].is_object());
            let with_status = [Kind::VolumeSnapshotContent, Kind::VolumeSnapshot].contains(&kind);
            assert_eq!(definition.has_status, with_status);
        }
    }
}
