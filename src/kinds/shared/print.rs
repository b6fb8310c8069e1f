//! Tables as the API server makes them: columns with their age, and the cells that several kinds share.

use crate::api::k8s::api::core::v1::PodSpec;
use crate::api::selector::FieldSelector;
use crate::api::{Kind, Lister, Object, ObjectMeta, Time, time};

/// A Kubernetes minor version: 36 for v1.36.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

/// A column of a kind's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading, as kubectl prints it.
    pub name: &'static str,
    /// Whether only `-o wide` shows it.
    pub wide: bool,
    /// The version that brought it; 0 for always.
    pub since: u32,
    /// The last version that had it; none for still there.
    pub until: Option<u32>,
}

impl Column {
    /// A column that every version shows.
    pub const fn new(name: &'static str) -> Column {
        Column { name, wide: false, since: 0, until: None }
    }

    /// A column that `-o wide` adds.
    pub const fn wide(name: &'static str) -> Column {
        Column { name, wide: true, since: 0, until: None }
    }

    /// The same column, but only since v1.`minor`.
    pub const fn since(self, minor: u32) -> Column {
        Column { since: minor, ..self }
    }

    /// The same column, but only until v1.`minor`.
    pub const fn until(self, minor: u32) -> Column {
        Column { until: Some(minor), ..self }
    }

    /// Whether a cluster of that version has it.
    pub fn exists_in(&self, version: Version) -> bool {
        version.0 >= self.since && self.until.is_none_or(|last| version.0 <= last)
    }
}

/// What a row or a description is made with.
#[derive(Clone, Copy)]
pub struct PrintContext<'a> {
    /// The cluster's time.
    pub now: Time,
    /// The cluster's version.
    pub version: Version,
    /// For what lies beside the object.
    pub lister: &'a dyn Lister,
    /// Whether a description ends with the object's events (`--show-events`).
    pub show_events: bool,
}

/// The columns of a kind that has none of its own.
pub const NAME_AND_AGE: &[Column] = &[Column::new("NAME"), Column::new("AGE")];

/// The cells of `NAME_AND_AGE`.
pub fn name_and_age(meta: &ObjectMeta, context: &PrintContext<'_>) -> Vec<String> {
    vec![meta.name.clone().unwrap_or_default(), age(meta, context)]
}

/// The AGE cell: how long ago the object was made, `<unknown>` when it has no such time.
pub fn age(meta: &ObjectMeta, context: &PrintContext<'_>) -> String {
    time::translate_timestamp_since(meta.creation_timestamp.as_ref(), context.now)
}

/// The value of a field that `--field-selector` may name; none when the kind doesn't offer it.
pub fn selectable_field(object: &Object, path: &str) -> Option<String> {
    match path {
        "metadata.name" => return Some(object.name().to_string()),
        "metadata.namespace" => return Some(object.namespace().to_string()),
        _ => {}
    }
    let rules = crate::kinds::rules(object.kind());
    if !rules.selectable_fields().contains(&path) {
        return None;
    }
    let of_its_own = rules.selectable_field(object, path);
    of_its_own.or_else(|| {
        let tree = object.to_tree();
        let value = path.split('.').try_fold(&tree, |tree, key| tree.get(key));
        Some(match value {
            None => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        })
    })
}

/// Why a field selector can't be used on a kind; none when all its fields are known.
pub fn unknown_field(kind: Kind, selector: &FieldSelector) -> Option<String> {
    let known = crate::kinds::rules(kind).selectable_fields();
    // Nodes and namespaces list what they know themselves, and leave out the namespace that they don't have.
    let in_no_namespace = !known.is_empty() && !kind.is_namespaced();
    let is_known = |field: &str| match field {
        "metadata.name" => true,
        "metadata.namespace" => !in_no_namespace,
        _ => known.contains(&field),
    };
    let unknown = &selector.terms.iter().find(|t| !is_known(&t.field))?.field;
    Some(match kind {
        Kind::Job => format!("field label {unknown:?} not supported for Job"),
        _ if known.is_empty() => {
            format!("{unknown:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        }
        _ => format!("field label not supported: {unknown}"),
    })
}

/// The columns of a kind that has no printer in the server.
pub const NAME_AND_CREATED_AT: &[Column] = &[Column::new("NAME"), Column::new("CREATED AT")];

/// The cells of `NAME_AND_CREATED_AT`.
pub fn name_and_created_at(meta: &ObjectMeta) -> Vec<String> {
    vec![meta.name.clone().unwrap_or_default(), created_at(meta)]
}

/// The CREATED AT cell: when the object was made.
pub fn created_at(meta: &ObjectMeta) -> String {
    meta.creation_timestamp.as_ref().map(|t| Time::from_meta(t).rfc3339()).unwrap_or_default()
}

/// Names and images of containers, each with commas between. Mirrors `layoutContainerCells`.
pub fn container_cells(spec: Option<&PodSpec>) -> (String, String) {
    let containers = spec.map_or(&[][..], |s| &s.containers);
    let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
    let images: Vec<&str> = containers.iter().map(|c| c.image.as_deref().unwrap_or_default()).collect();
    (names.join(","), images.join(","))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Version};
    use crate::kinds::rules;

    #[test]
    fn columns_come_and_go_with_the_versions() {
        let columns = |kind: Kind, minor: u32| {
            let shown = rules(kind).columns().iter().filter(|c| c.exists_in(Version(minor)));
            shown.map(|c| c.name).collect::<Vec<_>>().join(" ")
        };
        let history = |kind: Kind| {
            let mut lines: Vec<String> = Vec::new();
            for minor in 16..=36 {
                let now = columns(kind, minor);
                if minor == 16 || columns(kind, minor - 1) != now {
                    lines.push(format!("{minor}: {now}"));
                }
            }
            lines.join("\n")
        };
        insta::assert_snapshot!(history(Kind::PersistentVolumeClaim), @r"
        16: NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS AGE VOLUMEMODE
        29: NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE VOLUMEMODE
        ");
        insta::assert_snapshot!(history(Kind::StorageClass), @r"
        16: NAME PROVISIONER AGE
        18: NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE
        ");
        insta::assert_snapshot!(history(Kind::CSIDriver), @r"
        16: NAME CREATED AT
        18: NAME ATTACHREQUIRED PODINFOONMOUNT MODES AGE
        21: NAME ATTACHREQUIRED PODINFOONMOUNT STORAGECAPACITY TOKENREQUESTS REQUIRESREPUBLISH MODES AGE
        ");
        insta::assert_snapshot!(history(Kind::ResourceQuota), @r"
        16: NAME AGE REQUEST LIMIT
        33: NAME REQUEST LIMIT AGE
        ");
    }
}
