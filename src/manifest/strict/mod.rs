//! Reads objects as the API server's JSON decoder does: its refusals word by word, its strict errors, Go's normal form.
//!
//! Mirrors `sigs.k8s.io/json`, the `UnmarshalJSON` of the special types, and for patches
//! `k8s.io/apimachinery/pkg/runtime/converter.go`. The normal form is what encoding the decoded Go struct gives:
//! empty optional fields are gone, structs held by value are there even when empty, quantities are canonical.

mod custom;
mod decode;
mod scalars;

use std::fmt;

use serde_json::Value;

use self::decode::{Decoder, Dialect};
pub use self::scalars::canonical_bytes;
use crate::api::schema::{self, TypeDef};
use crate::api::{Kind, Object};
use crate::manifest::versions::to_stored;

/// What the server read, and what a strict decoder objects to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, in Go's normal form.
    pub object: Object,
    /// The strict errors in the server's order: `unknown field "spec.storageClazz"`.
    pub unknown: Vec<String>,
}

/// Why a document is no object of its kind, in the server's words:
/// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(pub String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

/// Reads an object that was sent as JSON (create, replace, JSON and merge patches).
///
/// # Errors
/// The first value that does not fit its field.
pub fn decode(kind: Kind, tree: &Value) -> Result<Decoded, DecodeError> {
    match kind.is_built_in() {
        true => typed(kind, decode_as(schema::of(kind), tree)?),
        false => typed(kind, custom::decode(Dialect::Json, kind, tree)?),
    }
}

/// Reads an object that was sent as JSON in a version that the server offers; the object has the stored version.
///
/// # Errors
/// The first value that does not fit its field.
pub fn decode_version(kind: Kind, api_version: &str, tree: &Value) -> Result<Decoded, DecodeError> {
    decode_by(Dialect::Json, kind, api_version, tree)
}

/// Reads the outcome of a strategic merge patch, which the server converts without going through JSON:
/// the words differ (`unrecognized type: int32`), and unknown fields are sorted.
///
/// # Errors
/// The first value that does not fit its field.
pub fn decode_patched(kind: Kind, api_version: &str, tree: &Value) -> Result<Decoded, DecodeError> {
    decode_by(Dialect::Unstructured, kind, api_version, tree)
}

fn decode_by(dialect: Dialect, kind: Kind, api_version: &str, tree: &Value) -> Result<Decoded, DecodeError> {
    if !kind.is_built_in() {
        return typed(kind, custom::decode(dialect, kind, tree)?);
    }
    let def = schema::of_version(kind, api_version).unwrap_or_else(|| schema::of(kind));
    let (tree, unknown) = Decoder::new(dialect).run(def, tree)?;
    typed(kind, (to_stored(kind, api_version, &tree), unknown))
}

/// Reads a document as a struct of the API: its normal form and the strict errors.
///
/// # Errors
/// The first value that does not fit its field.
pub fn decode_as(def: &'static TypeDef, tree: &Value) -> Result<(Value, Vec<String>), DecodeError> {
    Decoder::new(Dialect::Json).run(def, tree)
}

/// Brings a tree of a kind into Go's normal form; unknown fields and values that fit no field are dropped.
pub fn normalise(kind: Kind, tree: &mut Value) {
    let decoded = match kind.is_built_in() {
        true => Decoder::new(Dialect::Lenient).run(schema::of(kind), tree),
        false => custom::decode(Dialect::Lenient, kind, tree),
    };
    *tree = decoded.map_or(Value::Null, |(tree, _)| tree);
}

/// The check that kubectl makes of every manifest before it sends it: that `metadata` can be read.
/// kubectl puts `unable to decode "FILE": ` before the text.
///
/// # Errors
/// The first value that does not fit its field.
pub fn check_metadata(tree: &Value) -> Result<(), DecodeError> {
    // Every kind reaches ObjectMeta; the smallest one is built fastest.
    let Some(def) = schema::of(Kind::PriorityClass).fields.get("metadata").and_then(|f| f.ty.as_struct()) else {
        return Ok(());
    };
    match tree.get("metadata") {
        Some(metadata) => Decoder::new(Dialect::Json).run_field("metadataOnlyObject", "metadata", def, metadata),
        None => Ok(()),
    }
}

/// The server's message for a body that it could not read: `Pod in version "v1" cannot be handled as a Pod: ...`.
/// `detail` is a [`DecodeError`] or [`strict_message`].
pub fn bad_request_message(kind: Kind, api_version: &str, detail: impl fmt::Display) -> String {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    format!("{} in version {version:?} cannot be handled as a {}: {detail}", kind.name(), kind.name())
}

/// `strict decoding error: unknown field "a", unknown field "b"`.
pub fn strict_message(unknown: &[String]) -> String {
    format!("strict decoding error: {}", unknown.join(", "))
}

fn typed(kind: Kind, (mut tree, unknown): (Value, Vec<String>)) -> Result<Decoded, DecodeError> {
    forget_type(&mut tree);
    if let Some(Value::Array(templates)) = tree.pointer_mut("/spec/volumeClaimTemplates") {
        templates.iter_mut().for_each(forget_type);
    }
    // The typed structs do not tell an absent selector from an empty one, but the API does: an empty one gets a list.
    if let (Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet, Some(Value::Object(selector))) =
        (kind, tree.pointer_mut("/spec/selector"))
        && selector.is_empty()
    {
        selector.insert("matchLabels".into(), Value::Object(Default::default()));
    }
    let object = Object::from_tree(kind, tree).map_err(|e| DecodeError(e.to_string()))?;
    Ok(Decoded { object, unknown })
}

/// The typed structs know their own version and kind, and refuse any other.
fn forget_type(tree: &mut Value) {
    if let Value::Object(map) = tree {
        map.remove("apiVersion");
        map.remove("kind");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check_metadata, decode, decode_patched, normalise, strict_message};
    use crate::api::Kind;

    fn refusal(kind: Kind, tree: Value) -> String {
        decode(kind, &tree).expect_err("it is refused").0
    }

    #[test]
    fn refuses_in_the_servers_words() {
        let container = |value: Value| json!({"spec": {"containers": [value]}});
        let cases = [
            (
                Kind::Deployment,
                json!({"spec": {"replicas": "2"}}),
                "string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                Kind::Deployment,
                json!({"spec": {"replicas": 1.5}}),
                "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                Kind::Deployment,
                json!({"spec": {"replicas": 3_000_000_000_u64}}),
                "number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (Kind::ConfigMap, json!({"data": {"a": 1}}), "number into Go struct field ConfigMap.data of type string"),
            (Kind::Secret, json!({"data": {"a": 1}}), "number into Go struct field Secret.data of type []uint8"),
            (
                Kind::Pod,
                json!({"spec": {"volumes": [{"name": "a", "fc": {"lun": "2"}}]}}),
                "string into Go struct field FCVolumeSource.spec.volumes.VolumeSource.fc.lun of type int32",
            ),
            (
                Kind::PersistentVolume,
                json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"values": [true]}]}]}}}}),
                "bool into Go struct field NodeSelectorRequirement.spec.nodeAffinity.required.nodeSelectorTerms.matchExpressions.values of type string",
            ),
            (
                Kind::Pod,
                json!({"spec": {"containers": {}}}),
                "object into Go struct field PodSpec.spec.containers of type []v1.Container",
            ),
            (
                Kind::Pod,
                container(json!("x")),
                "string into Go struct field PodSpec.spec.containers of type v1.Container",
            ),
            (
                Kind::Pod,
                container(json!({"imagePullPolicy": 1})),
                "number into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
            ),
            (
                Kind::Pod,
                container(json!({"resources": {"limits": []}})),
                "array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
            ),
            (
                Kind::Pod,
                container(json!({"livenessProbe": {"tcpSocket": {"port": true}}})),
                "bool into Go struct field TCPSocketAction.spec.containers.livenessProbe.ProbeHandler.tcpSocket.port of type int32",
            ),
            (
                Kind::PersistentVolumeClaim,
                json!({"spec": {"accessModes": "ReadWriteOnce"}}),
                "string into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type []v1.PersistentVolumeAccessMode",
            ),
        ];
        for (kind, tree, text) in cases {
            assert_eq!(refusal(kind, tree), format!("json: cannot unmarshal {text}"));
        }
        let time = json!({"metadata": {"creationTimestamp": "yesterday"}});
        assert_eq!(
            refusal(Kind::ConfigMap, time),
            r#"parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006""#
        );
        assert_eq!(refusal(Kind::Secret, json!({"data": {"a": "Zm9v!"}})), "illegal base64 data at input byte 4");
        // A quantity ends the reading, so it wins over a mismatch that stands before it.
        let both = json!({"spec": {"accessModes": 1, "resources": {"requests": {"storage": "10Mb"}}}});
        assert_eq!(
            refusal(Kind::PersistentVolumeClaim, both),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        );
        let labels = json!({"metadata": {"labels": {"a": 1}}});
        assert_eq!(
            check_metadata(&labels).unwrap_err().0,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
        );
    }

    #[test]
    fn refuses_a_patch_in_the_converters_words() {
        let refusal =
            |kind: Kind, tree: Value| decode_patched(kind, &kind.api_version(), &tree).expect_err("it is refused").0;
        assert_eq!(refusal(Kind::Deployment, json!({"spec": {"replicas": "2"}})), "unrecognized type: int32");
        assert_eq!(refusal(Kind::ConfigMap, json!({"data": {"a": 1}})), "cannot convert int64 to string");
        assert_eq!(refusal(Kind::Pod, json!({"spec": 1})), "cannot restore struct from: int64");
        assert_eq!(refusal(Kind::Pod, json!({"spec": {"containers": {}}})), "cannot restore slice from map");
    }

    #[test]
    fn names_unknown_fields_by_their_path() {
        let tree = json!({"spec": {"volumes": [{"name": "a", "rbd": {"imagefeatures": "x", "imageformat": "2"}}]}, "Spec": {}});
        let unknown = decode(Kind::Pod, &tree).unwrap().unknown;
        insta::assert_snapshot!(strict_message(&unknown), @r#"strict decoding error: unknown field "Spec", unknown field "spec.volumes[0].rbd.imagefeatures", unknown field "spec.volumes[0].rbd.imageformat""#);
    }

    #[test]
    fn gives_gos_normal_form() {
        let mut tree = json!({
            "metadata": {"creationTimestamp": null, "labels": {}, "annotations": {"a": null}},
            "spec": {
                "replicas": 0, "paused": false, "minReadySeconds": 0.0, "revisionHistoryLimit": null,
                "template": {"spec": {
                    "containers": [{"name": "a", "image": "", "args": [], "resources": {"limits": {"memory": 1_073_741_824, "cpu": "0.5"}}}],
                    "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "secret": {"secretName": "", "optional": false}}],
                    "securityContext": {}, "nodeSelector": {},
                }},
            },
        });
        normalise(Kind::Deployment, &mut tree);
        insta::assert_snapshot!(tree, @r#"{"metadata":{"annotations":{"a":""}},"spec":{"replicas":0,"selector":null,"strategy":{},"template":{"metadata":{},"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"500m","memory":"1073741824"}}}],"securityContext":{},"volumes":[{"emptyDir":{},"name":"v"},{"name":"w","secret":{"optional":false}}]}}},"status":{}}"#);
    }
}
