//! Who owns a claim, and so when it goes: `persistentVolumeClaimRetentionPolicy`.
//!
//! Mirrors `isClaimOwnerUpToDate` and `updateClaimOwnerRefForSetAndPod` in `stateful_set_utils.go`.

use super::identity::pod_in_ordinal_range;
use crate::api::k8s::api::apps::v1::StatefulSet;
use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, Pod};
use crate::api::{Kind, ObjectMeta, OwnerReference};

/// What happens to claims, as the spec says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// Whether a claim goes with the set.
    pub(super) delete_with_set: bool,
    /// Whether a claim goes with a pod that is no longer wanted.
    pub(super) delete_when_scaled: bool,
}

impl Policy {
    /// The policy of a set; without one claims stay.
    pub(super) fn of(set: &StatefulSet) -> Policy {
        let policy = set.spec.as_ref().and_then(|s| s.persistent_volume_claim_retention_policy.as_ref());
        let delete = |field: Option<&String>| field.is_some_and(|f| f == "Delete");
        Policy {
            delete_with_set: delete(policy.and_then(|p| p.when_deleted.as_ref())),
            delete_when_scaled: delete(policy.and_then(|p| p.when_scaled.as_ref())),
        }
    }

    /// Whether claims stay whatever happens.
    pub(super) fn retains(self) -> bool {
        !self.delete_with_set && !self.delete_when_scaled
    }

    /// Whether the set, and whether the pod, must own the pod's claims.
    fn owners(self, set: &StatefulSet, pod: &Pod) -> (bool, bool) {
        let scaled_down = !pod_in_ordinal_range(pod, set);
        match (self.delete_with_set, self.delete_when_scaled) {
            (false, false) => (false, false),
            (true, false) => (true, false),
            (false, true) => (false, scaled_down),
            (true, true) => (!scaled_down, scaled_down),
        }
    }
}

fn references(claim: &PersistentVolumeClaim) -> &[OwnerReference] {
    claim.metadata.owner_references.as_deref().unwrap_or_default()
}

/// Whether a reference means an object of that name, whatever its uid.
fn matches(reference: &OwnerReference, kind: Kind, meta: &ObjectMeta) -> bool {
    reference.api_version == kind.api_version()
        && reference.kind == kind.name()
        && Some(&reference.name) == meta.name.as_ref()
}

fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

fn has_owner_ref(claim: &PersistentVolumeClaim, owner: &ObjectMeta) -> bool {
    references(claim).iter().any(|r| r.uid == uid(owner))
}

/// Whether a claim names an owner that is gone and whose name another one bears now.
fn has_stale_owner_ref(claim: &PersistentVolumeClaim, kind: Kind, owner: &ObjectMeta) -> bool {
    let named = references(claim).iter().find(|r| matches(r, kind, owner));
    named.is_some_and(|r| r.uid != uid(owner))
}

/// Whether a claim is still owned by an earlier pod of that name, and will go with it.
pub(super) fn is_stale_for_pod(claim: &PersistentVolumeClaim, pod: &Pod) -> bool {
    has_stale_owner_ref(claim, Kind::Pod, &pod.metadata)
}

/// Whether something else than the set and the pod controls a claim that the policy is about.
pub(super) fn has_unexpected_controller(claim: &PersistentVolumeClaim, set: &StatefulSet, pod: &Pod) -> bool {
    if Policy::of(set).retains() {
        return false;
    }
    references(claim).iter().any(|r| {
        if matches(r, Kind::StatefulSet, &set.metadata) {
            r.uid != uid(&set.metadata)
        } else if matches(r, Kind::Pod, &pod.metadata) {
            r.uid != uid(&pod.metadata)
        } else {
            r.controller == Some(true)
        }
    })
}

/// Whether a claim's owners are as the policy wants them.
pub(super) fn is_claim_owner_up_to_date(claim: &PersistentVolumeClaim, set: &StatefulSet, pod: &Pod) -> bool {
    if has_stale_owner_ref(claim, Kind::StatefulSet, &set.metadata) || is_stale_for_pod(claim, pod) {
        // OBSERVATION: the claim is an earlier owner's, which the garbage collector sees to.
        return true;
    }
    let (by_set, by_pod) = (has_owner_ref(claim, &set.metadata), has_owner_ref(claim, &pod.metadata));
    if has_unexpected_controller(claim, set, pod) {
        return !by_set && !by_pod;
    }
    let ours = |r: &&OwnerReference| r.uid == uid(&set.metadata) || r.uid == uid(&pod.metadata);
    if references(claim).iter().filter(ours).any(|r| r.controller != Some(true)) {
        return false;
    }
    (by_set, by_pod) == Policy::of(set).owners(set, pod)
}

/// Gives a claim the owners that the policy wants.
pub(super) fn update_claim_owner_ref(claim: &mut PersistentVolumeClaim, set: &StatefulSet, pod: &Pod) {
    let unexpected = has_unexpected_controller(claim, set, pod);
    let mut refs = claim.metadata.owner_references.take().unwrap_or_default();
    refs.retain(|r| !matches(r, Kind::StatefulSet, &set.metadata) && !matches(r, Kind::Pod, &pod.metadata));
    if !unexpected {
        let (by_set, by_pod) = Policy::of(set).owners(set, pod);
        if by_set {
            refs.push(controller_ref(Kind::StatefulSet, &set.metadata));
        }
        if by_pod {
            refs.push(controller_ref(Kind::Pod, &pod.metadata));
        }
    }
    claim.metadata.owner_references = Some(refs).filter(|r| !r.is_empty());
}

fn controller_ref(kind: Kind, owner: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: kind.api_version(),
        kind: kind.name().to_string(),
        name: owner.name.clone().unwrap_or_default(),
        uid: uid(owner).to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
