//! Where a driver's volumes are: what nodes' labels say, and which of several places a new one goes to.
//!
//! Mirrors `GenerateAccessibilityRequirements` and `GenerateVolumeNodeAffinity` of `pkg/controller/topology.go` of
//! kubernetes-csi/external-provisioner, and `k8s.io/csi-translation-lib` for volumes of classes from the tree.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Options;
use crate::api::k8s::api::core::v1::{
    AWSElasticBlockStoreVolumeSource, AzureDiskVolumeSource, CinderPersistentVolumeSource,
    GCEPersistentDiskVolumeSource, LocalVolumeSource, Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
    PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity, VsphereVirtualDiskVolumeSource,
};
use crate::api::names::fnv32;
use crate::controllers::csi::Driver;

/// Keys of a topology with their values: a place.
type Segment = BTreeMap<String, String>;

/// The place where the volume is to be made; empty for anywhere.
///
/// # Errors
/// Why there is no such place.
pub(super) fn requirement(options: &Options<'_>, driver: &Driver) -> Result<Segment, String> {
    if driver.model().topology_keys.is_empty() {
        return Ok(Segment::new());
    }
    let terms = options.class.allowed_topologies.as_deref().unwrap_or_default();
    let is_allowed = |segment: &Segment, node: &Node| {
        let labels = node.metadata.labels.as_ref();
        let value = |key: &String| segment.get(key).or_else(|| labels.and_then(|l| l.get(key)));
        terms.is_empty()
            || terms.iter().any(|term| {
                let mut all = term.match_label_expressions.iter().flatten();
                all.all(|e| value(&e.key).is_some_and(|v| e.values.contains(v)))
            })
    };
    if let Some(node) = options.node {
        let segment = driver.topology_of(node);
        let name = node.metadata.name.as_deref().unwrap_or_default();
        if !driver.is_on(node) {
            return Err(format!("no topology key found on CSINode {name}"));
        }
        return match is_allowed(&segment, node) {
            true => Ok(segment),
            false => Err(format!("selected node '{name:?}' topology is not in allowed topologies")),
        };
    }
    let nodes: Vec<&Node> = options.view.list_as::<Node>().filter(|node| driver.is_on(node)).collect();
    let places: BTreeSet<Segment> = nodes
        .iter()
        .map(|node| (driver.topology_of(node), node))
        .filter(|(s, n)| is_allowed(s, n))
        .map(|(s, _)| s)
        .collect();
    let places: Vec<Segment> = places.into_iter().collect();
    if places.is_empty() {
        return match terms.is_empty() {
            true => Ok(Segment::new()),
            false => Err("no available topology found".into()),
        };
    }
    let (hash, offset) = hash_and_index_offset(options.claim_name());
    let at = (hash as usize).wrapping_add(offset as usize) % places.len();
    Ok(places.into_iter().nth(at).unwrap_or_default())
}

/// Spreads the claims of a stateful set over the places. Mirrors `getPVCNameHashAndIndexOffset`.
fn hash_and_index_offset(name: &str) -> (u32, u32) {
    let ordinal = name.rsplit_once('-').and_then(|(rest, n)| Some((rest, n.parse::<u32>().ok()?)));
    match ordinal {
        Some((rest, index)) => (fnv32(rest.rsplit('-').next().unwrap_or(rest).as_bytes()), index),
        None => (fnv32(name.as_bytes()), 0),
    }
}

/// The node affinity of a volume in a place: the driver's own key, the last that its node plugin tells.
pub(super) fn node_affinity(driver: &Driver, segment: &Segment) -> Option<VolumeNodeAffinity> {
    let key = driver.model().topology_keys.last()?;
    let value = segment.get(*key)?;
    Some(affinity(key, value))
}

fn affinity(key: &str, value: &str) -> VolumeNodeAffinity {
    let here =
        NodeSelectorRequirement { key: key.into(), operator: "In".into(), values: Some(vec![value.to_string()]) };
    let term = NodeSelectorTerm { match_expressions: Some(vec![here]), ..Default::default() };
    VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: vec![term] }) }
}

/// Where a volume is, as its node affinity says.
pub(super) fn segment_of(volume: &PersistentVolume) -> Segment {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref()).and_then(|a| a.required.as_ref());
    let all = affinity.iter().flat_map(|r| &r.node_selector_terms).flat_map(|t| t.match_expressions.iter().flatten());
    all.filter_map(|e| Some((e.key.clone(), e.values.as_ref()?.first()?.clone()))).collect()
}

/// Whether a volume is in a place.
pub(super) fn is_in(volume: &PersistentVolume, segment: &Segment) -> bool {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref()).and_then(|a| a.required.as_ref());
    let mut all =
        affinity.iter().flat_map(|r| &r.node_selector_terms).flat_map(|t| t.match_expressions.iter().flatten());
    all.all(|e| segment.get(&e.key).is_none_or(|value| e.values.iter().flatten().any(|v| v == value)))
}

/// A volume of type `local` on the node that the scheduler chose.
pub(super) fn local_volume(options: &Options<'_>, path: &str) -> PersistentVolume {
    let node = options.node.and_then(|n| n.metadata.name.as_deref()).unwrap_or_default();
    options.volume(PersistentVolumeSpec {
        local: Some(LocalVolumeSource { path: path.into(), fs_type: None }),
        node_affinity: Some(affinity("kubernetes.io/hostname", node)),
        volume_mode: Some("Filesystem".into()),
        ..Default::default()
    })
}

/// Has a volume of a class from the tree look as its plugin would have made it. Mirrors `TranslateCSIPVToInTree`.
pub(super) fn to_in_tree(volume: &mut PersistentVolume, plugin: &str) {
    let Some(spec) = &mut volume.spec else { return };
    let Some(csi) = spec.csi.take() else { return };
    let (handle, fs_type, read_only) = (csi.volume_handle.clone(), csi.fs_type.clone(), csi.read_only);
    match plugin {
        "kubernetes.io/aws-ebs" => {
            spec.aws_elastic_block_store =
                Some(AWSElasticBlockStoreVolumeSource { volume_id: handle, fs_type, read_only, partition: None });
        }
        "kubernetes.io/gce-pd" => {
            let pd_name = handle.rsplit('/').next().unwrap_or_default().to_string();
            spec.gce_persistent_disk =
                Some(GCEPersistentDiskVolumeSource { pd_name, fs_type, read_only, partition: None });
        }
        "kubernetes.io/azure-disk" => {
            let disk_name = handle.rsplit('/').next().unwrap_or_default().to_string();
            spec.azure_disk = Some(AzureDiskVolumeSource {
                disk_uri: handle,
                disk_name,
                fs_type,
                read_only,
                kind: Some("Managed".into()),
                caching_mode: Some("ReadOnly".into()),
            });
        }
        "kubernetes.io/cinder" => {
            spec.cinder =
                Some(CinderPersistentVolumeSource { volume_id: handle, fs_type, read_only, secret_ref: None });
        }
        "kubernetes.io/vsphere-volume" => {
            let volume_path = handle;
            spec.vsphere_volume = Some(VsphereVirtualDiskVolumeSource { volume_path, fs_type, ..Default::default() });
        }
        _ => spec.csi = Some(csi),
    }
}
