//! What CustomResourceDefinitions say: the schema of a kind, its columns and parts.
//!
//! Some definitions kstate has at hand: their kinds exist in a cluster once somebody has installed them there. They are
//! those of kubernetes-csi/external-snapshotter and kubernetes-csi/volume-data-source-validator (`client/config/crd`), word
//! by word.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use super::k8s::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
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
        singular: "",
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
        singular: "",
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
        singular: "",
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
        singular: "",
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
    /// Where the replicas stand, if `scale` is a subresource.
    pub scale: Option<ScalePaths>,
    /// The versions that are served, the preferred one first.
    pub served: Vec<&'static str>,
    /// Those of them in which its objects are not stored, with the group.
    pub others: &'static [(&'static str, &'static str)],
}

/// Where an object says how many replicas it shall have and has. Mirrors `CustomResourceSubresourceScale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    /// `.spec.replicas`
    pub spec: String,
    /// `.status.replicas`
    pub status: String,
    /// `.status.labelSelector`; empty for none.
    pub selector: String,
}

impl Definition {
    /// Reads a definition's text, YAML or JSON; what can't be read says nothing.
    fn read(text: &str, version: &str) -> Definition {
        let document: Value = serde_yaml::from_str(text).unwrap_or_default();
        let versions: &[Value] = document["spec"]["versions"].as_array().map_or(&[], Vec::as_slice);
        let found = versions.iter().find(|v| v["name"] == version).cloned().unwrap_or_default();
        let mut served: Vec<&str> =
            versions.iter().filter(|v| v["served"] == true).filter_map(|v| v["name"].as_str()).collect();
        served.sort_by(|a, b| by_priority(a, b));
        // They live as long as the process, as the kinds do.
        let served: Vec<&'static str> =
            served.into_iter().map(|name| &*Box::leak(name.to_string().into_boxed_str())).collect();
        let group = Box::leak(document["spec"]["group"].as_str().unwrap_or_default().to_string().into_boxed_str());
        let others: Vec<(&'static str, &'static str)> =
            served.iter().filter(|name| **name != version).map(|name| (&*group, *name)).collect();
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
            scale: Some(&found["subresources"]["scale"]).filter(|scale| scale.is_object()).map(|scale| ScalePaths {
                spec: text(&scale["specReplicasPath"]),
                status: text(&scale["statusReplicasPath"]),
                selector: text(&scale["labelSelectorPath"]),
            }),
            served,
            others: Box::leak(others.into_boxed_slice()),
            document,
        }
    }
}

/// Which of two versions comes first: v2 before v1 before v2beta1 before v1alpha1, then whatever else by name. Mirrors
/// `CompareKubeAwareVersionStrings`.
fn by_priority(one: &str, other: &str) -> Ordering {
    let rank = |version: &str| {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (major, rest) = rest.split_at(digits);
        let major: u32 = major.parse().ok()?;
        match rest {
            "" => Some((2, major, 0)),
            rest => {
                let (stage, minor) = match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
                    (Some(minor), _) => (1, minor),
                    (_, Some(minor)) => (0, minor),
                    _ => return None,
                };
                Some((stage, major, minor.parse::<u32>().ok()?))
            }
        }
    };
    match (rank(one), rank(other)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

/// What definitions at which revisions taught, by uid and revision; looked up for each request.
static LEARNED: RwLock<BTreeMap<(String, String), Kind>> = RwLock::new(BTreeMap::new());

/// How many of these are kept.
const MOST_LEARNED: usize = 4096;

/// The kind that a definition teaches: one that is at hand, else one that becomes known by this.
pub fn learn(definition: &CustomResourceDefinition) -> Option<Kind> {
    let meta = &definition.metadata;
    let key = (meta.uid.clone().unwrap_or_default(), meta.resource_version.clone().unwrap_or_default());
    if let Some(kind) = LEARNED.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        kind.becomes_current();
        return Some(*kind);
    }
    let kind = kind_of(definition)?;
    kind.becomes_current();
    let mut learned = LEARNED.write().unwrap_or_else(PoisonError::into_inner);
    if learned.len() >= MOST_LEARNED {
        learned.clear();
    }
    learned.insert(key, kind);
    Some(kind)
}

fn kind_of(definition: &CustomResourceDefinition) -> Option<Kind> {
    let spec = &definition.spec;
    let same = |kind: &Kind| kind.group() == spec.group && kind.plural() == spec.names.plural;
    if let Some(kind) = Kind::known().filter(|k| k.is_at_hand()).find(same) {
        return Some(kind);
    }
    let stored = spec.versions.iter().find(|v| v.storage)?;
    let text = serde_json::json!({"spec": spec}).to_string();
    let known = Kind::known().filter(|k| !k.is_built_in()).find(|k| same(k) && k.info().definition == text);
    if known.is_some() {
        return known;
    }
    // They live as long as the process.
    let keep = |text: &str| -> &'static str { Box::leak(text.to_string().into_boxed_str()) };
    let all = |names: &Option<Vec<String>>| -> &'static [&'static str] {
        let names: Vec<&'static str> = names.iter().flatten().map(|name| keep(name)).collect();
        Box::leak(names.into_boxed_slice())
    };
    Some(Kind::intern(KindInfo {
        name: keep(&spec.names.kind),
        group: keep(&spec.group),
        version: keep(&stored.name),
        plural: keep(&spec.names.plural),
        singular: keep(spec.names.singular.as_deref().unwrap_or_default()),
        short_names: all(&spec.names.short_names),
        scope: if spec.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster },
        categories: all(&spec.names.categories),
        definition: keep(&text),
    }))
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

/// What is warned of on every request for a version of a taught kind that its definition calls deprecated. Mirrors
/// `defaultDeprecationWarning` of `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`.
pub fn deprecation(kind: Kind, version: &str) -> Option<String> {
    let spec = &of(kind)?.document["spec"];
    let versions = spec["versions"].as_array()?;
    let is_deprecated = |version: &Value| version["deprecated"] == true;
    let asked = versions.iter().find(|v| v["name"] == version).filter(|v| is_deprecated(v))?;
    if let Some(text) = asked["deprecationWarning"].as_str() {
        return Some(text.to_string());
    }
    let (group, name) = (kind.group(), kind.name());
    let better =
        versions.iter().filter(|v| v["served"] == true && !is_deprecated(v)).filter_map(|v| v["name"].as_str());
    let better = better.filter(|other| by_priority(other, version) == Ordering::Less);
    let text = format!("{group}/{version} {name} is deprecated");
    Some(match better.min_by(|one, other| by_priority(one, other)) {
        Some(other) => format!("{text}; use {group}/{other} {name}"),
        None => text,
    })
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
