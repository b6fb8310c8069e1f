//! Commands that mend: what a manifest must be, and how an object is made anew.

use serde_json::{Map, Value, json};

use super::{Mend, type_of};
use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::{Kind, Object};
use crate::controllers::persistent_volume::helpers::requested_storage;
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;

/// `-n NAMESPACE ` for an object of another namespace than `default`; every command names its namespace then.
pub(super) fn in_namespace(object: &Object) -> String {
    match object.namespace() {
        "" | "default" => String::new(),
        namespace => format!(" -n {namespace}"),
    }
}

/// `kubectl VERB TYPE NAME` with its namespace.
pub(super) fn on(object: &Object, verb: &str) -> String {
    format!("kubectl {verb}{} {} {}", in_namespace(object), type_of(object.kind()), object.name())
}

/// Text as a shell takes it for one word.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_string(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// A merge patch.
pub(super) fn patch(object: &Object, change: &Value) -> Mend {
    Mend::line(format!("{} --type=merge -p {}", on(object, "patch"), quoted(&change.to_string())))
}

/// A manifest as `kubectl apply -f -` takes it.
pub(super) fn apply(tree: &Value) -> Mend {
    Mend::with("kubectl apply -f -", yaml(tree))
}

/// The object without what the server added, changed, and made anew in place of the old one.
pub(super) fn made_anew(object: &Object, change: impl FnOnce(&mut Value)) -> Mend {
    let mut tree = without_server_fields(object);
    change(&mut tree);
    Mend::with("kubectl replace --force -f -", yaml(&tree))
}

fn yaml(tree: &Value) -> String {
    serde_yaml::to_string(tree).unwrap_or_default()
}

/// An object as somebody would have written it.
fn without_server_fields(object: &Object) -> Value {
    let mut tree = object.to_tree();
    let Some(map) = tree.as_object_mut() else { return tree };
    map.remove("status");
    map.insert("apiVersion".into(), json!(object.kind().api_version()));
    map.insert("kind".into(), json!(object.kind().name()));
    if let Some(Value::Object(meta)) = map.get_mut("metadata") {
        let kept = ["name", "namespace", "labels", "annotations"];
        meta.retain(|key, _| kept.contains(&key.as_str()));
        if let Some(Value::Object(annotations)) = meta.get_mut("annotations") {
            annotations.retain(|key, _| !key.contains("kubernetes.io/"));
            if annotations.is_empty() {
                meta.remove("annotations");
            }
        }
    }
    if let (Kind::Pod, Some(Value::Object(spec))) = (object.kind(), map.get_mut("spec")) {
        spec.remove("nodeName");
        for list in ["volumes", "containers", "initContainers"] {
            for item in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                without_service_account(item);
            }
        }
        if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
            volumes.retain(|v| !is_service_account(v.get("name")));
        }
    }
    tree
}

fn is_service_account(name: Option<&Value>) -> bool {
    name.and_then(Value::as_str).is_some_and(|n| n.starts_with("kube-api-access-"))
}

fn without_service_account(container: &mut Value) {
    if let Some(mounts) = container.get_mut("volumeMounts").and_then(Value::as_array_mut) {
        mounts.retain(|m| !is_service_account(m.get("name")));
    }
}

/// A volume, made by hand, that suits a claim: a folder on a node.
pub(super) fn volume_for(claim: &PersistentVolumeClaim) -> Value {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let namespace = claim.metadata.namespace.as_deref().unwrap_or_default();
    let spec = claim.spec.as_ref();
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(format!("{namespace}-{name}")));
    let selector = spec.and_then(|s| s.selector.as_ref());
    let mut labels: Map<String, Value> =
        selector.iter().flat_map(|s| s.match_labels.iter().flatten()).map(|(k, v)| (k.clone(), json!(v))).collect();
    for term in selector.iter().flat_map(|s| s.match_expressions.iter().flatten()) {
        match (term.operator.as_str(), term.values.iter().flatten().next()) {
            ("In", Some(value)) => _ = labels.insert(term.key.clone(), json!(value)),
            ("Exists", _) => _ = labels.insert(term.key.clone(), json!("")),
            _ => {}
        }
    }
    if !labels.is_empty() {
        metadata.insert("labels".into(), Value::Object(labels));
    }
    let mut volume = json!({
        "capacity": {"storage": requested_storage(claim).to_string()},
        "accessModes": spec.and_then(|s| s.access_modes.clone()).unwrap_or_default(),
        "storageClassName": get_persistent_volume_claim_class(claim),
        "claimRef": {"namespace": namespace, "name": name},
    });
    if let Some(mode) = spec.and_then(|s| s.volume_mode.as_ref()).filter(|m| *m != "Filesystem") {
        volume["volumeMode"] = json!(mode);
    }
    volume["hostPath"] = json!({"path": format!("/srv/{namespace}-{name}"), "type": "DirectoryOrCreate"});
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": volume})
}
