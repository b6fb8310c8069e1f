//! Where a driver's volumes are: what nodes' labels say, and which of several places a new one goes to.
//!
//! Mirrors `GenerateAccessibilityRequirements` and `GenerateVolumeNodeAffinity` of `pkg/controller/topology.go` of
//! kubernetes-csi/external-provisioner.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Options;
use crate::api::k8s::api::core::v1::{
    LocalVolumeSource, Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume,
    PersistentVolumeSpec, TopologySelectorTerm, VolumeNodeAffinity,
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
            false => {
                let pairs = |all: &mut dyn Iterator<Item = (&String, &String)>| {
                    let all: Vec<String> = all.map(|(key, value)| format!("{{{key} {value}}}")).collect();
                    format!("[{}]", all.join(" "))
                };
                let all: Vec<String> = flatten(terms).iter().map(|term| pairs(&mut term.iter())).collect();
                let selected = pairs(&mut segment.iter());
                let all = all.join(" ");
                Err(format!("topology {selected} from selected node {name:?} is not in requisite: [{all}]"))
            }
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

/// Each place that terms allow, of which each names one value for each key.
fn flatten(terms: &[TopologySelectorTerm]) -> Vec<Segment> {
    let mut all = Vec::new();
    for term in terms {
        let mut places = vec![Segment::new()];
        for expression in term.match_label_expressions.iter().flatten() {
            let with = |place: &Segment, value: &String| {
                let mut place = place.clone();
                place.insert(expression.key.clone(), value.clone());
                place
            };
            places = places.iter().flat_map(|p| expression.values.iter().map(move |v| with(p, v))).take(1000).collect();
        }
        all.extend(places);
    }
    all
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
