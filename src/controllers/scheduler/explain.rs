//! What the scheduler thinks of each node for a pod, told to who asks why.

use super::Cycle;
use super::filters;
use super::inter_pod_affinity::Affinities;
use super::taints::{self, TAINT_NODE_UNSCHEDULABLE};
use super::topology_spread::Spread;
use super::{check, is_ours, volume_binding};
use crate::api::Object;
use crate::api::k8s::api::core::v1::{PersistentVolume, Pod, Taint};
use crate::controllers::csi::as_on_node;
use crate::controllers::persistent_volume::check_volume_node_affinity;
use crate::store::View;

/// The scheduler's opinion.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Why no node was looked at, in the scheduler's words.
    pub refused: Option<String>,
    /// Each node by name, with the reasons that reject it; none for a node that does.
    pub nodes: Vec<(String, Vec<String>)>,
}

/// Why a node is none for a pod, of what one command could change.
#[derive(Debug, Clone, PartialEq)]
pub enum Obstacle {
    /// It is cordoned.
    Cordoned,
    /// It has this taint, which the pod does not tolerate.
    Taint(Taint),
    /// A volume of the pod can't be reached from it.
    Volume,
    /// Its labels are not those that the pod's selector or affinity asks for.
    Labels,
}

/// Whether a pod waits for this scheduler to find it a node.
pub fn is_waiting(pod: &Object) -> bool {
    is_ours(pod)
}

/// Asks all plugins about every node, as a scheduling cycle would, and changes nothing.
pub fn explain(view: &View<'_>, pod: &Object) -> Placement {
    let mut placement = Placement::default();
    let Some(cycle) = Cycle::new(view, pod) else { return placement };
    let named = match filters::named_nodes(&cycle) {
        Ok(named) => named,
        Err(reason) => return Placement { refused: Some(reason), ..placement },
    };
    let claims = match volume_binding::pod_volume_claims(&cycle) {
        Ok(claims) => claims,
        Err(reason) => return Placement { refused: Some(reason), ..placement },
    };
    let (spread, affinities) = (Spread::new(&cycle), Affinities::new(&cycle));
    for info in cycle.nodes() {
        let absent = named.as_ref().is_some_and(|names| !names.contains(info.name));
        let reasons = match check(&cycle, info, &claims, &spread, &affinities) {
            _ if absent => vec!["node(s) didn't satisfy plugin(s) [NodeAffinity]".to_string()],
            Ok(_) => Vec::new(),
            Err(rejection) => rejection.reasons.iter().map(ToString::to_string).collect(),
        };
        placement.nodes.push((info.name.to_string(), reasons));
    }
    placement
}

/// What keeps a pod from a node that a command on the node could take away.
pub fn obstacles(view: &View<'_>, pod: &Object, node: &str) -> Vec<Obstacle> {
    let Some(cycle) = Cycle::new(view, pod) else { return Vec::new() };
    let Some(info) = cycle.nodes().iter().find(|info| info.name == node) else { return Vec::new() };
    let spec = info.node.spec.as_ref();
    let mut found = Vec::new();
    if spec.and_then(|s| s.unschedulable) == Some(true) {
        found.push(Obstacle::Cordoned);
    }
    let hard = spec.iter().flat_map(|s| s.taints.iter().flatten()).filter(|t| t.effect != "PreferNoSchedule");
    let tolerations = cycle.spec.tolerations.as_ref();
    let untolerated = hard.filter(|t| t.key != TAINT_NODE_UNSCHEDULABLE && !taints::is_tolerated(tolerations, t));
    found.extend(untolerated.cloned().map(Obstacle::Taint));
    if !filters::matches_node_affinity(&cycle, info) {
        found.push(Obstacle::Labels);
    }
    let bound = volume_binding::pod_volume_claims(&cycle).map(|claims| claims.bound).unwrap_or_default();
    let fits = |v: &&PersistentVolume| check_volume_node_affinity(&as_on_node(cycle.view, v, info.node), info.node);
    if !bound.iter().flatten().all(fits) {
        found.push(Obstacle::Volume);
    }
    found
}

/// The labels that a pod's node selector asks for and a node lacks.
pub fn missing_labels(pod: &Pod, labels: Option<&std::collections::BTreeMap<String, String>>) -> Vec<(String, String)> {
    let wanted = pod.spec.iter().flat_map(|s| s.node_selector.iter().flatten());
    let lacks = |key: &str, value: &str| labels.and_then(|l| l.get(key)).map(String::as_str) != Some(value);
    wanted.filter(|(k, v)| lacks(k, v)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
