//! What k3s' own provisioner makes: a folder on the node that the scheduler chose.
//!
//! Mirrors `provisioner.go` of rancher/local-path-provisioner, as k3s configures it. A cluster of an older version has the
//! provisioner of its time.

use super::options::Options;
use crate::api::ObjectMeta;
use crate::api::k8s::api::core::v1::{
    HostPathVolumeSource, LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume,
    PersistentVolumeSpec, VolumeNodeAffinity,
};
use crate::api::object::annotation_of;

/// The name that classes give.
pub(super) const NAME: &str = "rancher.io/local-path";

/// Where k3s keeps the volumes on each node, as its configuration says it.
const K3S: &str =
    r#"{"nodePathMap":[{"node":"DEFAULT_PATH_FOR_NON_LISTED_NODES","paths":["/var/lib/rancher/k3s/storage"]}]}"#;

/// The name that stands for all nodes that the configuration doesn't list.
const OTHER_NODES: &str = "DEFAULT_PATH_FOR_NON_LISTED_NODES";

/// The annotation that tells on which node a volume is.
const ANN_NODE_NAME: &str = "local.path.provisioner/selected-node";

/// The label by whose value a volume knows its node, unless the class names another.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The version from which on k3s' class asks for volumes of type `local`.
pub(crate) const LOCAL_SINCE: u32 = 30;

fn is_of_today(options: &Options<'_>) -> bool {
    options.view.version() >= LOCAL_SINCE
}

fn parameter<'a>(options: &'a Options<'_>, name: &str) -> Option<&'a str> {
    options.class.parameters.as_ref()?.get(name).map(String::as_str)
}

/// What k3s' own refuses before its helper pod is made.
pub(super) fn check(options: &Options<'_>) -> Result<(), String> {
    check_with(options, K3S)
}

/// Makes the volume as k3s' own does.
pub(super) fn make(options: &Options<'_>) -> Result<PersistentVolume, String> {
    make_with(options, K3S)
}

/// What one with that configuration refuses before its helper pod is made.
pub(super) fn check_with(options: &Options<'_>, config: &str) -> Result<(), String> {
    options.refuse_selector("claim.Spec.Selector is not supported")?;
    let (allowed, refusal): (&[&str], _) = match is_of_today(options) {
        true => (
            &["ReadWriteOnce", "ReadWriteOncePod"],
            "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes",
        ),
        false => (&["ReadWriteOnce"], "Only support ReadWriteOnce access mode"),
    };
    if !options.access_modes().iter().all(|mode| allowed.contains(&mode.as_str())) {
        return Err(refusal.into());
    }
    let Some(node) = options.node else {
        return Err("configuration error, no node was specified".into());
    };
    path_on_node(options, node.metadata.name.as_deref().unwrap_or_default(), config)?;
    folder(options).map(|_| ())
}

/// The folder for volumes on a node. Mirrors `getPathOnNode`.
fn path_on_node(options: &Options<'_>, node: &str, config: &str) -> Result<String, String> {
    let config: serde_json::Value =
        serde_json::from_str(config).map_err(|_| "no valid config available".to_string())?;
    let nodes = config["nodePathMap"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |name: &str| nodes.iter().find(|entry| entry["node"] == name);
    let Some(entry) = of(node).or_else(|| of(OTHER_NODES)) else {
        return Err(format!("config doesn't contain node {node}, and no {OTHER_NODES} available"));
    };
    let paths: Vec<&str> = entry["paths"].as_array().into_iter().flatten().filter_map(|p| p.as_str()).collect();
    let paths: Vec<&str> = paths.iter().map(|path| path.trim_end_matches('/')).collect();
    match parameter(options, "nodePath").filter(|path| !path.is_empty()) {
        _ if paths.is_empty() => Err(format!("no local path available on node {node}")),
        Some(path) if !paths.contains(&path) => Err(format!("config doesn't contain path {path} on node {node}")),
        Some(path) => Ok(path.to_string()),
        None => Ok(paths.first().copied().unwrap_or_default().to_string()),
    }
}

/// Where the volume will be.
pub(super) fn place(options: &Options<'_>, config: &str) -> Result<String, String> {
    let node = options.node.and_then(|n| n.metadata.name.as_deref()).unwrap_or_default();
    Ok(format!("{}/{}", path_on_node(options, node, config)?, folder(options)?))
}

/// Makes the volume of one with that configuration, once the helper pod has made its folder.
pub(super) fn make_with(options: &Options<'_>, config: &str) -> Result<PersistentVolume, String> {
    let path = place(options, config)?;
    let mut volume = options.volume(PersistentVolumeSpec {
        node_affinity: Some(node_affinity(options)),
        volume_mode: Some("Filesystem".into()),
        ..source(options, path).map_err(|fault| format!("failed to create persistent volume source: {fault}"))?
    });
    // OBSERVATION: the class's mount options are not for a folder.
    volume.spec.get_or_insert_default().mount_options = None;
    if is_of_today(options) {
        let node = options.node.and_then(|n| n.metadata.name.clone()).unwrap_or_default();
        volume.metadata = ObjectMeta { annotations: Some([(ANN_NODE_NAME.into(), node)].into()), ..Default::default() };
    }
    Ok(volume)
}

/// Mirrors `createPersistentVolumeSource`: the claim says which type, else the class, else it is hostPath.
fn source(options: &Options<'_>, path: String) -> Result<PersistentVolumeSpec, String> {
    let of_claim = annotation_of(&options.claim.metadata, "volumeType");
    let of_class = annotation_of(&options.class.metadata, "defaultVolumeType");
    let asked = of_claim.or(of_class).filter(|_| is_of_today(options)).unwrap_or("hostPath");
    match asked.to_lowercase().as_str() {
        "local" => {
            Ok(PersistentVolumeSpec { local: Some(LocalVolumeSource { path, fs_type: None }), ..Default::default() })
        }
        "hostpath" => Ok(PersistentVolumeSpec {
            host_path: Some(HostPathVolumeSource { path, type_: Some("DirectoryOrCreate".into()) }),
            ..Default::default()
        }),
        _ => Err(format!("\"{asked}\" is not a recognised volume type")),
    }
}

fn node_affinity(options: &Options<'_>) -> VolumeNodeAffinity {
    let key = parameter(options, "nodeAffinityKey").filter(|key| !key.is_empty() && is_of_today(options));
    let key = key.unwrap_or(HOSTNAME);
    let node = options.node.map(|n| &n.metadata);
    let value = node.and_then(|m| m.labels.as_ref()?.get(key).cloned());
    let value = value.or_else(|| node.and_then(|m| m.name.clone())).unwrap_or_default();
    let here = NodeSelectorRequirement { key: key.into(), operator: "In".into(), values: Some(vec![value]) };
    let term = NodeSelectorTerm { match_expressions: Some(vec![here]), ..Default::default() };
    VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: vec![term] }) }
}

/// The folder's name: the volume's, the namespace's and the claim's, or what the class's pattern says.
fn folder(options: &Options<'_>) -> Result<String, String> {
    let Some(pattern) = parameter(options, "pathPattern").filter(|_| is_of_today(options)) else {
        return Ok([options.volume_name, options.namespace(), options.claim_name()].join("_"));
    };
    let path = path_from_pattern(options, pattern)
        .map_err(|fault| format!("failed to create path from pattern {pattern}: {fault}"))?;
    let unsafe_allowed = parameter(options, "allowUnsafePathPattern")
        .or_else(|| annotation_of(&options.class.metadata, "allowUnsafePathPattern"))
        .is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"));
    if unsafe_allowed {
        return Ok(clean(&path));
    }
    if !path.starts_with(&format!("{}/{}/", options.namespace(), options.claim_name())) {
        let fault = format!("pathPattern must start with {{{{ .PVC.Namespace }}}}/{{{{ .PVC.Name }}}}/: {path}");
        return Err(format!("failed to create path from pattern {pattern}: {fault}"));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!("folder path contains invalid references: {path}"));
    }
    Ok(clean(&path))
}

fn clean(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// Fills in a pattern: `{{ .PVName }}` and fields of the claim's metadata, which is all that a path can be made of.
fn path_from_pattern(options: &Options<'_>, pattern: &str) -> Result<String, String> {
    let meta = &options.claim.metadata;
    let (mut path, mut rest) = (String::new(), pattern);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((field, after)) = after.split_once("}}") else {
            return Err("template: pathPattern:1: unclosed action".into());
        };
        path.push_str(before);
        let field = field.trim_matches('-').trim();
        let of = |map: &Option<std::collections::BTreeMap<String, String>>, key: &str| {
            map.as_ref().and_then(|m| m.get(key).cloned()).unwrap_or_else(|| "<no value>".into())
        };
        let value = match field.strip_prefix('.').unwrap_or_default().split('.').collect::<Vec<_>>().as_slice() {
            ["PVName"] => options.volume_name.to_string(),
            ["PVC", "Name"] => options.claim_name().to_string(),
            ["PVC", "Namespace"] => options.namespace().to_string(),
            ["PVC", "UID"] => meta.uid.clone().unwrap_or_default(),
            ["PVC", "Labels", key] => of(&meta.labels, key),
            ["PVC", "Annotations", key] => of(&meta.annotations, key),
            _ => {
                return Err(format!(
                    "template: pathPattern:1: executing \"pathPattern\" at <{field}>: can't evaluate field {} in type \
                     main.pvMetadata",
                    field.trim_start_matches('.').split('.').next().unwrap_or_default()
                ));
            }
        };
        path.push_str(&value);
        rest = after;
    }
    Ok(path + rest)
}
