//! What the binder, the scheduler and the provisioners must agree on about claims and volumes.
//!
//! Mirrors `k8s.io/component-helpers/storage/volume` (pv_helpers.go, helpers.go).

use std::collections::BTreeSet;

use crate::api::Kind;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;
use crate::api::quantity::{Quantity, amount};
use crate::api::selector::{Selector, matches_node_selector};
use crate::kinds::core::persistent_volume::get_persistent_volume_class;
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::store::index::{free_volume_bucket, free_volume_rank};
use crate::store::{Index, View};

/// On a claim: it was bound once, and what is amiss from now on is a loss.
pub const ANN_BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or volume: the binder chose its partner, and not the user.
pub const ANN_BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// On a claim: the node for which the scheduler wants the volume provisioned.
pub const ANN_SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// On a volume: the provisioner that made it.
pub const ANN_DYNAMICALLY_PROVISIONED: &str = "pv.kubernetes.io/provisioned-by";
/// On a claim or volume: the CSI driver that took over from the plugin in the tree.
pub const ANN_MIGRATED_TO: &str = "pv.kubernetes.io/migrated-to";
/// On a claim: the provisioner that shall make its volume.
pub const ANN_STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// The same before 1.23.
pub const ANN_BETA_STORAGE_PROVISIONER: &str = "volume.beta.kubernetes.io/storage-provisioner";
/// The finalizer of volumes that a plugin in the tree provisioned.
pub const PV_DELETION_IN_TREE_PROTECTION_FINALIZER: &str = "kubernetes.io/pv-controller";
/// The provisioner of classes that have none.
pub const NOT_SUPPORTED_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// The access modes there are, in the order in which Kubernetes lists them.
const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

/// Whether a claim's class has its volume chosen by the scheduler, once a pod needs it.
pub fn is_delay_binding_mode(view: &View<'_>, claim: &PersistentVolumeClaim) -> bool {
    let class = view.get_as::<StorageClass>("", get_persistent_volume_claim_class(claim));
    class.is_some_and(|c| c.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"))
}

/// Whether the scheduler has asked for the claim's volume to be provisioned.
pub fn is_delay_binding_provisioning(claim: &PersistentVolumeClaim) -> bool {
    annotation_of(&claim.metadata, ANN_SELECTED_NODE).is_some()
}

/// Whether a volume is bound or pre-bound to a claim: by name, and by uid where the volume has one.
pub fn is_volume_bound_to_claim(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let Some(claim_ref) = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) else { return false };
    let uid = claim_ref.uid.as_deref().unwrap_or_default();
    claim_ref.name.as_deref().unwrap_or_default() == claim.metadata.name.as_deref().unwrap_or_default()
        && claim_ref.namespace.as_deref().unwrap_or_default() == claim.metadata.namespace.as_deref().unwrap_or_default()
        && (uid.is_empty() || uid == claim.metadata.uid.as_deref().unwrap_or_default())
}

/// Whether one of claim and volume is a block device and the other is not.
pub fn check_volume_mode_mismatches(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    claim_volume_mode(claim) != volume.spec.as_ref().and_then(|s| s.volume_mode.as_deref()).unwrap_or("Filesystem")
}

fn claim_volume_mode(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|s| s.volume_mode.as_deref()).unwrap_or("Filesystem")
}

/// Whether a volume offers every access mode that a claim asks for.
pub fn check_access_modes(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    let offered = volume.spec.iter().flat_map(|s| s.access_modes.iter().flatten()).collect::<BTreeSet<_>>();
    claim.spec.iter().flat_map(|s| s.access_modes.iter().flatten()).all(|mode| offered.contains(mode))
}

/// Whether a volume's node affinity allows a node. Mirrors `CheckNodeAffinity`.
pub fn check_volume_node_affinity(volume: &PersistentVolume, node: &Node) -> bool {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref());
    match affinity.and_then(|a| a.required.as_ref()) {
        Some(required) => matches_node_selector(required, "", node.metadata.labels.as_ref()).unwrap_or(false),
        None => true,
    }
}

/// The storage that a claim asks for.
pub fn requested_storage(claim: &PersistentVolumeClaim) -> Quantity {
    let requests = claim.spec.as_ref().and_then(|s| s.resources.as_ref()).and_then(|r| r.requests.as_ref());
    amount(requests, "storage").unwrap_or_default()
}

/// The storage that a volume offers.
pub fn volume_capacity(volume: &PersistentVolume) -> Quantity {
    amount(volume.spec.as_ref().and_then(|s| s.capacity.as_ref()), "storage").unwrap_or_default()
}

/// `NAMESPACE/NAME`; mirrors `claimToClaimKey`.
pub fn claim_key(claim: &PersistentVolumeClaim) -> String {
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", of(&claim.metadata.namespace), of(&claim.metadata.name))
}

/// The volume that suits a claim best: one that is bound or pre-bound to it, else the smallest that is large enough.
///
/// `node` is the scheduler's: the volume must be usable there. Without a node and with `delay_binding`, only
/// volumes that are pre-bound to the claim count. `excluded` names volumes that are promised already.
///
/// Volumes with fewer access modes go first, so that a claim for one mode leaves those that can do more to others
/// (`pkg/controller/volume/persistentvolume/index.go`); among volumes of one size the order is arbitrary.
pub fn find_matching_volume<'a>(
    view: &View<'a>,
    claim: &PersistentVolumeClaim,
    node: Option<&Node>,
    excluded: &BTreeSet<String>,
    delay_binding: bool,
) -> Option<&'a PersistentVolume> {
    let wanted = Wanted::of(claim)?;
    let bound: Vec<&PersistentVolume> = view
        .indexed(Kind::PersistentVolume, Index::VolumeClaim, &claim_key(claim))
        .filter_map(|o| o.get::<PersistentVolume>())
        .filter(|v| is_volume_bound_to_claim(v, claim) && !excluded.contains(name(v)) && wanted.is_met_by(v))
        .collect();
    if node.is_some() {
        // OBSERVATION: a volume is pre-bound to the claim, so it is that one, or none where that one is elsewhere.
        // The scheduler sees the volumes of the claim's class alone.
        let class = get_persistent_volume_claim_class(claim);
        if let Some(volume) = bound.into_iter().find(|v| get_persistent_volume_class(v) == class) {
            return node.is_none_or(|n| check_volume_node_affinity(volume, n)).then_some(volume);
        }
        let sizes = all_possible_matching_access_modes(claim).into_iter().filter_map(|modes| {
            smallest_free_volume(view, claim, &wanted, &modes, node, excluded).map(|v| (volume_capacity(v), v))
        });
        return sizes.min_by_key(|(size, _)| *size).map(|(_, v)| v);
    }
    for modes in all_possible_matching_access_modes(claim) {
        if let Some(volume) = bound.iter().find(|v| access_modes(v) == modes) {
            return Some(*volume);
        }
        if delay_binding {
            // OBSERVATION: the scheduler will choose among the free volumes once it knows the node.
            continue;
        }
        if let Some(volume) = smallest_free_volume(view, claim, &wanted, &modes, None, excluded) {
            return Some(volume);
        }
    }
    None
}

/// Whether there is any volume, wherever it is, that `find_matching_volume` could find on some node. It spares the
/// scheduler a search on each of them.
pub fn may_match_a_volume(view: &View<'_>, claim: &PersistentVolumeClaim) -> bool {
    let (class, mode) = (get_persistent_volume_claim_class(claim), claim_volume_mode(claim));
    view.count(Kind::PersistentVolume, Index::VolumeClaim, &claim_key(claim)) > 0
        || all_possible_matching_access_modes(claim).iter().any(|modes| {
            let bucket = free_volume_bucket(class, mode, modes.iter().copied());
            view.count(Kind::PersistentVolume, Index::FreeVolume, &bucket) > 0
        })
}

/// What a claim asks for, read once.
struct Wanted<'a> {
    size: Quantity,
    attributes_class: &'a str,
    claim: &'a PersistentVolumeClaim,
    selector: Selector,
}

impl<'a> Wanted<'a> {
    /// None where the claim's selector is broken.
    fn of(claim: &'a PersistentVolumeClaim) -> Option<Wanted<'a>> {
        let spec = claim.spec.as_ref()?;
        let selector = match &spec.selector {
            Some(selector) => Selector::from_label_selector(Some(selector)).ok()?,
            None => Selector::everything(),
        };
        let attributes_class = spec.volume_attributes_class_name.as_deref().unwrap_or_default();
        Some(Wanted { size: requested_storage(claim), attributes_class, claim, selector })
    }

    /// Size, volumeMode, attributes class, and that the volume is there to stay.
    fn is_met_by(&self, volume: &PersistentVolume) -> bool {
        let attributes_class = volume.spec.as_ref().and_then(|s| s.volume_attributes_class_name.as_deref());
        volume_capacity(volume) >= self.size
            && !check_volume_mode_mismatches(self.claim, volume)
            && attributes_class.unwrap_or_default() == self.attributes_class
            && volume.metadata.deletion_timestamp.is_none()
    }
}

fn smallest_free_volume<'a>(
    view: &View<'a>,
    claim: &PersistentVolumeClaim,
    wanted: &Wanted<'_>,
    modes: &BTreeSet<&str>,
    node: Option<&Node>,
    excluded: &BTreeSet<String>,
) -> Option<&'a PersistentVolume> {
    let class = get_persistent_volume_claim_class(claim);
    let bucket = free_volume_bucket(class, claim_volume_mode(claim), modes.iter().copied());
    view.indexed_from(Kind::PersistentVolume, Index::FreeVolume, &bucket, free_volume_rank(wanted.size.value()))
        .filter_map(|o| o.get::<PersistentVolume>())
        .find(|v| {
            wanted.is_met_by(v)
                // OBSERVATION: a volume that is not "Available" is about to change.
                && v.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Available")
                && wanted.selector.matches(v.metadata.labels.as_ref())
                && get_persistent_volume_class(v) == class
                && !excluded.contains(name(v))
                && node.is_none_or(|n| check_volume_node_affinity(v, n))
        })
}

/// The sets of access modes that hold all that a claim asks for, those with the fewest modes first.
pub(super) fn all_possible_matching_access_modes(claim: &PersistentVolumeClaim) -> Vec<BTreeSet<&'static str>> {
    let requested: BTreeSet<&str> =
        claim.spec.iter().flat_map(|s| s.access_modes.iter().flatten()).map(String::as_str).collect();
    if !requested.iter().all(|mode| ACCESS_MODES.contains(mode)) {
        return Vec::new();
    }
    let least: usize = (0..4).filter(|n| requested.contains(ACCESS_MODES[*n])).map(|n| 1 << n).sum();
    let subset = |bits: usize| (0..4).filter(|n| bits & (1 << n) != 0).map(|n| ACCESS_MODES[n]).collect();
    let mut all: Vec<BTreeSet<&str>> = (1usize..16).filter(|bits| bits & least == least).map(subset).collect();
    all.sort_by_key(BTreeSet::len);
    all
}

fn access_modes(volume: &PersistentVolume) -> BTreeSet<&str> {
    volume.spec.iter().flat_map(|s| s.access_modes.iter().flatten()).map(String::as_str).collect()
}

fn name(volume: &PersistentVolume) -> &str {
    volume.metadata.name.as_deref().unwrap_or_default()
}
