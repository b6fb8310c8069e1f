//! Volumes in scheduling: claims that are bound allow some nodes only, claims that are not are bound to what suits
//! the node.
//!
//! Mirrors `pkg/scheduler/framework/plugins/volumebinding`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::framework::{Cycle, NodeInfo, Rejection};
use super::volume_zone::{Topology, volume_topologies};
use crate::api::Kind;
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, TopologySelectorTerm, Volume};
use crate::api::k8s::api::storage::v1::{CSIDriver, CSIStorageCapacity, StorageClass};
use crate::api::object::controller_of;
use crate::api::quantity;
use crate::api::selector::label_selector_matches;
use crate::controllers::csi::as_on_node;
use crate::controllers::persistent_volume::bind::get_bind_volume_to_claim;
use crate::controllers::persistent_volume::helpers::{
    ANN_BIND_COMPLETED, ANN_SELECTED_NODE, NOT_SUPPORTED_PROVISIONER, check_volume_node_affinity, find_matching_volume,
    is_delay_binding_mode, may_match_a_volume, requested_storage,
};
use crate::controllers::{Outcome, Write};
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::store::Index;
use crate::store::load::node_of;

const BIND_CONFLICT: &str = "node(s) didn't find available persistent volumes to bind";
const NODE_CONFLICT: &str = "node(s) didn't match PersistentVolume's node affinity";
const NOT_ENOUGH_SPACE: &str = "node(s) did not have enough free storage";
const VOLUME_NOT_THERE: &str = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";

/// The pod's claims, told apart by what must happen to them.
#[derive(Default)]
pub(super) struct PodVolumeClaims<'a> {
    /// The volumes of those that are bound, as far as they are there.
    pub(super) bound: Vec<Option<&'a PersistentVolume>>,
    unbound_delay_binding: Vec<Unbound<'a>>,
    /// Whether all are bound already.
    pub(super) all_bound: bool,
    /// Whether another pod uses one of them that only one pod may use.
    pub(super) in_use: bool,
    /// Where the bound volumes are.
    pub(super) topologies: Vec<Topology<'a>>,
}

/// A claim that is bound once a node is chosen.
#[derive(Clone, Copy)]
struct Unbound<'a> {
    claim: &'a PersistentVolumeClaim,
    /// Whether there may be a volume for it already.
    may_match: bool,
    class: Option<&'a StorageClass>,
    /// Whether the class's driver says how much it has left.
    tracks_capacity: bool,
}

impl<'a> Unbound<'a> {
    fn new(cycle: &Cycle<'a>, claim: &'a PersistentVolumeClaim) -> Unbound<'a> {
        let class = cycle.view.get_as::<StorageClass>("", get_persistent_volume_claim_class(claim));
        let driver = class.and_then(|class| cycle.view.get_as::<CSIDriver>("", &class.provisioner));
        let tracks_capacity = driver.and_then(|d| d.spec.storage_capacity) == Some(true);
        Unbound { claim, may_match: may_match_a_volume(cycle.view, claim), class, tracks_capacity }
    }
}

/// What a node would mean for the pod's claims.
#[derive(Default, Clone)]
pub(super) struct PodVolumes<'a> {
    static_bindings: Vec<(&'a PersistentVolume, &'a PersistentVolumeClaim)>,
    dynamic_provisions: Vec<&'a PersistentVolumeClaim>,
}

impl PodVolumes<'_> {
    /// The names of volumes with the claims that they are bound to, and of claims for which volumes are made.
    pub(super) fn names(&self) -> (Vec<(String, String)>, Vec<String>) {
        let name = |meta: &crate::api::ObjectMeta| meta.name.clone().unwrap_or_default();
        let bindings = self.static_bindings.iter().map(|(v, c)| (name(&v.metadata), name(&c.metadata)));
        (bindings.collect(), self.dynamic_provisions.iter().map(|c| name(&c.metadata)).collect())
    }
}

/// The claim that a volume of a pod stands for, and whether it is made for the pod alone.
fn claim_name(pod: &Pod, volume: &Volume) -> Option<(String, bool)> {
    match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(claim), _) => Some((claim.claim_name.clone(), false)),
        (None, Some(_)) => {
            Some((format!("{}-{}", pod.metadata.name.as_deref().unwrap_or_default(), volume.name), true))
        }
        _ => None,
    }
}

/// Reads the pod's claims. Mirrors the PreFilter of VolumeRestrictions, VolumeBinding and VolumeZone.
///
/// # Errors
/// Why the pod can be placed nowhere.
pub(super) fn pod_volume_claims<'a>(cycle: &Cycle<'a>) -> Result<PodVolumeClaims<'a>, String> {
    let namespace = cycle.namespace();
    let mut claims = PodVolumeClaims { all_bound: true, ..Default::default() };
    let mut immediate = false;
    for volume in cycle.spec.volumes.iter().flatten() {
        let Some((name, ephemeral)) = claim_name(cycle.pod, volume) else { continue };
        let Some(claim) = cycle.view.get_as::<PersistentVolumeClaim>(namespace, &name) else {
            return Err(match ephemeral {
                true => {
                    format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
                }
                false => format!("persistentvolumeclaim {name:?} not found"),
            });
        };
        let spec = claim.spec.as_ref();
        let volume_name = spec.and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        if claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Lost") {
            return Err(format!(
                "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume_name:?}"
            ));
        }
        if claim.metadata.deletion_timestamp.is_some() {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if ephemeral && controller_of(&claim.metadata).is_none_or(|o| o.uid != cycle.object.uid()) {
            let pod = cycle.object.name();
            return Err(format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"));
        }
        let once =
            spec.and_then(|s| s.access_modes.as_ref()).is_some_and(|m| m.iter().any(|m| m == "ReadWriteOncePod"));
        claims.in_use |= once && is_in_use(cycle, &format!("{namespace}/{name}"));
        let complete = claim.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(ANN_BIND_COMPLETED));
        if !volume_name.is_empty() && complete {
            claims.bound.push(cycle.view.get_as::<PersistentVolume>("", volume_name));
            continue;
        }
        claims.all_bound = false;
        match is_delay_binding_mode(cycle.view, claim) && volume_name.is_empty() {
            true => claims.unbound_delay_binding.push(Unbound::new(cycle, claim)),
            false => immediate = true,
        }
    }
    if immediate {
        return Err("pod has unbound immediate PersistentVolumeClaims".into());
    }
    claims.topologies = volume_topologies(cycle)?;
    Ok(claims)
}

fn is_in_use(cycle: &Cycle<'_>, claim: &str) -> bool {
    cycle.view.indexed(Kind::Pod, Index::PodClaim, claim).any(|other| {
        other.uid() != cycle.object.uid()
            && !cycle.is_removed(other.uid())
            && other.get::<Pod>().is_some_and(|pod| node_of(pod).is_some())
    })
}

/// Finds volumes for the pod's claims on a node.
///
/// # Errors
/// Why the node does not do.
pub(super) fn find_pod_volumes<'a>(
    cycle: &Cycle<'a>,
    claims: &PodVolumeClaims<'a>,
    info: &NodeInfo<'a>,
) -> Result<PodVolumes<'a>, Rejection> {
    let mut found = PodVolumes::default();
    let mut reasons: Vec<&'static str> = Vec::new();
    for volume in &claims.bound {
        match volume {
            None => reasons.push(VOLUME_NOT_THERE),
            Some(volume) if !check_volume_node_affinity(&as_on_node(cycle.view, volume, info.node), info.node) => {
                reasons.push(NODE_CONFLICT);
            }
            Some(_) => continue,
        }
        break;
    }
    if let Err(reason) = find_for_unbound(cycle, &claims.unbound_delay_binding, info, &mut found) {
        reasons.push(reason);
    }
    match reasons.is_empty() {
        true => Ok(found),
        false => Err(Rejection { reasons: reasons.into_iter().map(Cow::Borrowed).collect(), resolvable: false }),
    }
}

fn find_for_unbound<'a>(
    cycle: &Cycle<'a>,
    unbound: &[Unbound<'a>],
    info: &NodeInfo<'a>,
    found: &mut PodVolumes<'a>,
) -> Result<(), &'static str> {
    let (mut to_match, mut to_provision) = (Vec::new(), Vec::new());
    for unbound in unbound {
        let selected = unbound.claim.metadata.annotations.as_ref().and_then(|a| a.get(ANN_SELECTED_NODE));
        match selected {
            Some(node) if node != info.name => return Err(BIND_CONFLICT),
            Some(_) => to_provision.push(unbound),
            None => to_match.push(unbound),
        }
    }
    // The smallest request first, so that it takes the smallest volume.
    to_match.sort_by_key(|unbound| requested_storage(unbound.claim));
    let mut chosen: BTreeSet<String> = BTreeSet::new();
    for unbound in to_match {
        let find = || find_matching_volume(cycle.view, unbound.claim, Some(info.node), &chosen, true);
        match unbound.may_match.then(find).flatten() {
            Some(volume) => {
                chosen.insert(volume.metadata.name.clone().unwrap_or_default());
                found.static_bindings.push((volume, unbound.claim));
            }
            None => to_provision.push(unbound),
        }
    }
    found.dynamic_provisions.extend(to_provision.iter().map(|unbound| unbound.claim));
    to_provision.into_iter().try_for_each(|unbound| check_provision(cycle, unbound, info))
}

/// Whether a claim's volume can be made for a node. Mirrors `checkVolumeProvisions`.
fn check_provision(cycle: &Cycle<'_>, unbound: &Unbound<'_>, info: &NodeInfo<'_>) -> Result<(), &'static str> {
    let class = unbound.class.ok_or(BIND_CONFLICT)?;
    if class.provisioner.is_empty() || class.provisioner == NOT_SUPPORTED_PROVISIONER {
        return Err(BIND_CONFLICT);
    }
    let none = BTreeMap::new();
    let labels = info.node.metadata.labels.as_ref().unwrap_or(&none);
    if !matches_topology(class.allowed_topologies.as_deref().unwrap_or_default(), labels) {
        return Err(BIND_CONFLICT);
    }
    if !unbound.tracks_capacity {
        return Ok(());
    }
    let (name, size) = (get_persistent_volume_claim_class(unbound.claim), requested_storage(unbound.claim).value());
    let enough = cycle.view.list_as::<CSIStorageCapacity>().any(|c| {
        let limit = c.maximum_volume_size.as_ref().or(c.capacity.as_ref());
        let limit = limit.and_then(|q| quantity::Quantity::parse(&q.0).ok());
        c.storage_class_name == name
            && limit.is_some_and(|l| l.value() >= size)
            && c.node_topology.as_ref().is_some_and(|t| label_selector_matches(Some(t), labels))
    });
    if enough { Ok(()) } else { Err(NOT_ENOUGH_SPACE) }
}

/// Whether labels match one of the terms; without any term, they do. Mirrors `MatchTopologySelectorTerms`.
fn matches_topology(terms: &[TopologySelectorTerm], labels: &BTreeMap<String, String>) -> bool {
    terms.is_empty()
        || terms.iter().any(|term| {
            let expressions = term.match_label_expressions.iter().flatten();
            expressions.into_iter().all(|e| labels.get(&e.key).is_some_and(|v| e.values.contains(v)))
        })
}

/// Asks for the bindings and volumes that the pod needs on its node; the binder and the provisioners do the rest.
/// Mirrors `AssumePodVolumes` and `bindAPIUpdate`.
pub(super) fn bind_pod_volumes(volumes: &PodVolumes<'_>, node: &str, outcome: &mut Outcome) {
    for (volume, claim) in &volumes.static_bindings {
        let (bound, dirty) = get_bind_volume_to_claim(volume, claim);
        if dirty {
            outcome.write(Write::update(bound));
        }
    }
    for claim in &volumes.dynamic_provisions {
        let mut claim = PersistentVolumeClaim::clone(claim);
        let annotations = claim.metadata.annotations.get_or_insert_default();
        if annotations.insert(ANN_SELECTED_NODE.into(), node.into()).as_deref() != Some(node) {
            outcome.write(Write::update(claim));
        }
    }
}
