//! Zones and regions of volumes, as their labels have them.
//!
//! Mirrors `pkg/scheduler/framework/plugins/volumezone`.

use super::framework::{Cycle, NodeInfo, Rejection};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

const NO_ZONE: &str = "node(s) had no available volume zone";

/// The labels that count, each with its name of today.
pub(super) const TOPOLOGY_LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
];

/// A label of a volume, by both names, and the values that it allows.
pub(super) type Topology<'a> = ((&'static str, &'static str), Vec<&'a str>);

/// What the labels of the pod's bound volumes ask of a node. Mirrors `getPVbyPod`.
///
/// # Errors
/// Why the pod can be placed nowhere.
pub(super) fn volume_topologies<'a>(cycle: &Cycle<'a>) -> Result<Vec<Topology<'a>>, String> {
    let mut topologies = Vec::new();
    for source in cycle.spec.volumes.iter().flatten().filter_map(|v| v.persistent_volume_claim.as_ref()) {
        // The plugin that binds volumes has looked at the claims before.
        let claim = cycle.view.get_as::<PersistentVolumeClaim>(cycle.namespace(), &source.claim_name);
        let name = claim.and_then(|c| c.spec.as_ref()?.volume_name.as_deref()).unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let Some(volume) = cycle.view.get_as::<PersistentVolume>("", name) else {
            return Err(format!("persistentvolume {name:?} not found"));
        };
        for label in TOPOLOGY_LABELS {
            let value = volume.metadata.labels.as_ref().and_then(|labels| labels.get(label.0));
            let zones: Vec<&str> = value.into_iter().flat_map(|v| v.split("__")).map(str::trim).collect();
            // OBSERVATION: a list with an empty zone can't be read, and is left alone.
            if value.is_some() && !zones.contains(&"") {
                topologies.push((label, zones));
            }
        }
    }
    Ok(topologies)
}

/// Whether a node lies where the pod's volumes are; one without zone and region does.
pub(super) fn check_zones(topologies: &[Topology<'_>], info: &NodeInfo<'_>) -> Result<(), Rejection> {
    if topologies.is_empty() {
        return Ok(());
    }
    let lies_somewhere = TOPOLOGY_LABELS.iter().any(|(label, _)| info.label(label).is_some());
    let fits = |((old, new), zones): &Topology<'_>| {
        info.label(old).or_else(|| info.label(new)).is_some_and(|zone| zones.contains(&zone))
    };
    match lies_somewhere && !topologies.iter().all(fits) {
        true => Err(Rejection::unresolvable(NO_ZONE)),
        false => Ok(()),
    }
}
