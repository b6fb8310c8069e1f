//! Keeps a claim that is being deleted until no scheduled pod uses it any more.
//!
//! Mirrors `pkg/controller/volume/pvcprotection/pvc_protection_controller.go`.

use crate::api::k8s::api::core::v1::{PersistentVolumeClaim, Pod};
use crate::api::pod::claims_of;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, Index, View};

/// The finalizer that holds a claim.
pub const PVC_PROTECTION_FINALIZER: &str = "kubernetes.io/pvc-protection";

/// See the module.
pub struct PvcProtectionController;

impl Controller for PvcProtectionController {
    fn name(&self) -> &'static str {
        "pvc-protection"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match (change.key.kind, &change.new) {
            (Kind::PersistentVolumeClaim, Some(claim)) => {
                if need_to_add_finalizer(claim, PVC_PROTECTION_FINALIZER)
                    || is_deletion_candidate(claim, PVC_PROTECTION_FINALIZER)
                {
                    enqueue(change.key.clone());
                }
            }
            (Kind::Pod, _) => {
                let pods = [change.old.as_deref(), change.new.as_deref()];
                for pod in pods.into_iter().flatten().filter_map(Object::get::<Pod>) {
                    // A pod that runs on a node can't set a claim free.
                    if change.new.is_none() || !is_scheduled(pod) || super::persistent_volume::is_pod_terminated(pod) {
                        for claim in claims_of(pod) {
                            let (namespace, name) = claim.split_once('/').unwrap_or_default();
                            enqueue(ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        process_pvc(view, key)
    }
}

fn process_pvc(view: &View<'_>, key: &ObjectKey) -> Outcome {
    let mut outcome = Outcome::done();
    let Some(object) = view.get(key) else { return outcome };
    if is_deletion_candidate(object, PVC_PROTECTION_FINALIZER) {
        if !is_being_used(view, object) {
            outcome.write(without_finalizer(object, PVC_PROTECTION_FINALIZER));
        } else {
            // OBSERVATION: a pod uses the claim; the pod's end brings it back here.
        }
    } else if need_to_add_finalizer(object, PVC_PROTECTION_FINALIZER) {
        outcome.write(with_finalizer(object, PVC_PROTECTION_FINALIZER));
    }
    outcome
}

fn is_being_used(view: &View<'_>, claim: &Object) -> bool {
    claim.get::<PersistentVolumeClaim>().is_some_and(|claim| !holders(view, claim).is_empty())
}

/// The pods that hold a claim, by name.
pub fn holders<'a>(view: &View<'a>, claim: &PersistentVolumeClaim) -> Vec<&'a Object> {
    let key = super::persistent_volume::helpers::claim_key(claim);
    let pods = view.indexed(Kind::Pod, Index::PodClaim, &key).map(|o| o.as_ref());
    pods.filter(|o| o.get::<Pod>().is_some_and(|pod| pod_uses_pvc(pod, claim))).collect()
}

/// Whether a pod holds a claim: it is scheduled, ended or not. A generic ephemeral volume's claim is let go once the
/// kubelet is done with the pod.
fn pod_uses_pvc(pod: &Pod, claim: &PersistentVolumeClaim) -> bool {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    is_scheduled(pod)
        && pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()).any(|volume| {
            let named = volume.persistent_volume_claim.as_ref().is_some_and(|c| c.claim_name == name);
            let ephemeral = volume.ephemeral.is_some()
                && format!("{pod_name}-{}", volume.name) == name
                && claim
                    .metadata
                    .owner_references
                    .iter()
                    .flatten()
                    .any(|o| o.controller == Some(true) && Some(&o.uid) == pod.metadata.uid.as_ref());
            named || (ephemeral && !pod_is_shut_down(pod))
        })
}

fn is_scheduled(pod: &Pod) -> bool {
    !pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default().is_empty()
}

/// Whether the kubelet is done with a pod, or it was deleted by force.
fn pod_is_shut_down(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some() && pod.metadata.deletion_grace_period_seconds == Some(0)
}

/// Whether an object is being deleted and held by a finalizer; mirrors `protectionutil.IsDeletionCandidate`.
pub(super) fn is_deletion_candidate(object: &Object, finalizer: &str) -> bool {
    object.is_terminating() && has_finalizer(object, finalizer)
}

/// Whether an object lacks the finalizer that it should have; mirrors `protectionutil.NeedToAddFinalizer`.
pub(super) fn need_to_add_finalizer(object: &Object, finalizer: &str) -> bool {
    !object.is_terminating() && !has_finalizer(object, finalizer)
}

fn has_finalizer(object: &Object, finalizer: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|f| f == finalizer)
}

/// The write that adds a finalizer.
pub(super) fn with_finalizer(object: &Object, finalizer: &str) -> Write {
    let mut clone = object.clone();
    clone.meta_mut().finalizers.get_or_insert_default().push(finalizer.to_string());
    Write::update(clone)
}

/// The write that removes a finalizer.
pub(super) fn without_finalizer(object: &Object, finalizer: &str) -> Write {
    let mut clone = object.clone();
    let finalizers = &mut clone.meta_mut().finalizers;
    finalizers.iter_mut().for_each(|all| all.retain(|f| f != finalizer));
    *finalizers = finalizers.take().filter(|all| !all.is_empty());
    Write::update(clone)
}
