//! What to do with a claim: find it a volume, have one provisioned, or notice that it lost the one it had.

use std::collections::BTreeSet;

use super::helpers::{
    ANN_BETA_STORAGE_PROVISIONER, ANN_BIND_COMPLETED, ANN_BOUND_BY_CONTROLLER, ANN_MIGRATED_TO,
    ANN_STORAGE_PROVISIONER, check_access_modes, check_volume_mode_mismatches, claim_key, find_matching_volume,
    is_delay_binding_mode, is_delay_binding_provisioning, is_volume_bound_to_claim, requested_storage, volume_capacity,
};
use super::plugins::{Provisioning, csi_name_from_in_tree_name, find_provisionable_plugin};
use super::{Sync, has_annotation, phase_of_volume, set_annotation};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::object::annotation_of;
use crate::api::{Kind, Time};
use crate::controllers::Write;
use crate::kinds::core::persistent_volume::get_persistent_volume_class;
use crate::kinds::core::persistent_volume_claim::{get_persistent_volume_claim_class, requested_class};
use crate::kinds::storage::storage_class::get_default_class;
use crate::store::Index;

impl<'a> Sync<'a> {
    pub(super) fn sync_claim(&mut self, claim: &PersistentVolumeClaim) {
        if self.update_claim_migration_annotations(claim) {
            return;
        }
        if !has_annotation(&claim.metadata, ANN_BIND_COMPLETED) {
            self.sync_unbound_claim(claim);
        } else {
            self.sync_bound_claim(claim);
        }
    }

    fn sync_unbound_claim(&mut self, claim: &PersistentVolumeClaim) {
        // OBSERVATION: claim is "Pending".
        self.look_again();
        let volume_name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        if volume_name.is_empty() {
            // The user does not care which volume it is.
            let delay_binding = is_delay_binding_mode(&self.view, claim);
            if let Some(volume) = self.find_best_match_for_claim(claim, delay_binding) {
                // OBSERVATION: claim is "Pending", volume is "Available".
                self.bind(volume, claim);
                // OBSERVATION: claim is "Bound", volume is "Bound".
            } else {
                // OBSERVATION: claim is "Pending", and there is no volume for it.
                if self.assign_default_storage_class(claim) {
                    // OBSERVATION: that write brings the claim back here.
                    return;
                }
                if delay_binding && !is_delay_binding_provisioning(claim) {
                    // OBSERVATION: the scheduler knows of no pod that uses the claim.
                    self.emit_event_for_unbound_delay_binding_claim(claim);
                } else if !get_persistent_volume_claim_class(claim).is_empty() {
                    self.provision_claim(claim);
                    return;
                } else {
                    let message = "no persistent volumes available for this claim and no storage class is set";
                    self.event(claim, false, "FailedBinding", message);
                }
                self.update_claim_status(claim.clone(), "Pending", None);
            }
        } else {
            // The user asks for a certain volume.
            let Some(volume) = self.volume(volume_name) else {
                // OBSERVATION: claim is "Pending", the volume does not exist (yet).
                self.update_claim_status(claim.clone(), "Pending", None);
                return;
            };
            if volume.spec.as_ref().is_none_or(|s| s.claim_ref.is_none()) {
                // OBSERVATION: claim is "Pending", volume is "Available".
                if let Err(reason) = check_volume_satisfy_claim(volume, claim) {
                    let message = format!("Cannot bind to requested volume {volume_name:?}: {reason}");
                    self.event(claim, true, "VolumeMismatch", message);
                    self.update_claim_status(claim.clone(), "Pending", None);
                } else {
                    self.bind(volume, claim);
                    // OBSERVATION: claim is "Bound", volume is "Bound".
                }
            } else if is_volume_bound_to_claim(volume, claim) {
                // OBSERVATION: claim is "Pending", volume is bound or reserved; the claim's uid completes it.
                self.bind(volume, claim);
                // OBSERVATION: claim is "Bound", volume is "Bound".
            } else {
                // OBSERVATION: claim is "Pending", volume is bound to another claim.
                let message = format!("volume {volume_name:?} already bound to a different claim.");
                self.event(claim, true, "FailedBinding", message);
                // Where the binder itself chose the volume, someone removed the claim's annotation bind-completed; its
                // status stays, and the next sync of the claim tries again.
                if !has_annotation(&claim.metadata, ANN_BOUND_BY_CONTROLLER) {
                    // The user asked for the volume; it may come free.
                    self.update_claim_status(claim.clone(), "Pending", None);
                }
            }
        }
    }

    fn sync_bound_claim(&mut self, claim: &PersistentVolumeClaim) {
        // OBSERVATION: the claim was bound before.
        let volume_name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        if volume_name.is_empty() {
            let message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
            self.update_claim_status_with_event(claim, "Lost", "ClaimLost", message);
            self.look_again();
            return;
        }
        let Some(volume) = self.volume(volume_name) else {
            // OBSERVATION: the volume is gone; one of that name may come back.
            let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
            self.update_claim_status_with_event(claim, "Lost", "ClaimLost", message);
            self.look_again();
            return;
        };
        match volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) {
            None => {
                // OBSERVATION: the claim is bound, the volume is not: someone removed its claimRef.
                if let Some(next_look) = self.next_look_after_unbinding(volume) {
                    self.outcome.recurring(next_look - self.now);
                } else {
                    self.bind(volume, claim);
                }
            }
            Some(claim_ref) if claim_ref.uid == claim.metadata.uid => {
                // OBSERVATION: all is well; what is missing of the binding is added.
                self.bind(volume, claim);
            }
            Some(_) => {
                // OBSERVATION: the volume has another claimant.
                let message = "Two claims are bound to the same volume, this one is bound incorrectly";
                self.update_claim_status_with_event(claim, "Lost", "ClaimMisbound", message);
                self.look_again();
            }
        }
    }

    /// A volume whose claimRef was removed stays Available until the binder's next look at the claim.
    fn next_look_after_unbinding(&self, volume: &PersistentVolume) -> Option<Time> {
        if phase_of_volume(volume) != "Available" {
            return Some(self.next_resync(self.now));
        }
        let since = volume.status.as_ref()?.last_phase_transition_time.as_ref()?;
        Some(self.next_resync(Time::from_meta(since))).filter(|next| *next > self.now)
    }

    fn find_best_match_for_claim(
        &self,
        claim: &PersistentVolumeClaim,
        delay_binding: bool,
    ) -> Option<&'a PersistentVolume> {
        find_matching_volume(&self.view, claim, None, &BTreeSet::new(), delay_binding)
    }

    /// Gives a claim without a class the default one, if there is one. Answers whether it did.
    fn assign_default_storage_class(&mut self, claim: &PersistentVolumeClaim) -> bool {
        if requested_class(claim).is_some() {
            // OBSERVATION: the user asked for a class, or for none.
            return false;
        }
        let Some(class) = get_default_class(self.view.list_as::<StorageClass>()) else {
            return false;
        };
        let mut clone = claim.clone();
        clone.spec.get_or_insert_default().storage_class_name = class.metadata.name.clone();
        self.outcome.write(Write::update(clone));
        true
    }

    fn emit_event_for_unbound_delay_binding_claim(&mut self, claim: &PersistentVolumeClaim) {
        let pods = self.find_non_scheduled_pods_by_pvc(claim);
        match pods.as_slice() {
            [] => {
                let message = "waiting for first consumer to be created before binding";
                self.event(claim, false, "WaitForFirstConsumer", message);
            }
            [one] => {
                let message = format!("waiting for pod {one} to be scheduled");
                self.event(claim, false, "WaitForPodScheduled", message);
            }
            many => {
                let message = format!("waiting for pods {} to be scheduled", many.join(","));
                self.event(claim, false, "WaitForPodScheduled", message);
            }
        }
    }

    fn find_non_scheduled_pods_by_pvc(&self, claim: &PersistentVolumeClaim) -> Vec<String> {
        let pods = self.view.indexed(Kind::Pod, Index::PodClaim, &claim_key(claim));
        pods.filter_map(|o| o.get::<Pod>())
            .filter(|pod| !is_pod_terminated(pod))
            .filter(|pod| pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default().is_empty())
            .map(|pod| pod.metadata.name.clone().unwrap_or_default())
            .collect()
    }

    /// Asks the class's provisioner for a volume; the claim is looked at again when there is one.
    fn provision_claim(&mut self, claim: &PersistentVolumeClaim) {
        let class_name = get_persistent_volume_claim_class(claim);
        let class = self.view.get_as::<StorageClass>("", class_name);
        match find_provisionable_plugin(class, class_name) {
            Err(reason) => self.event(claim, true, "ProvisioningFailed", reason),
            Ok(Provisioning::External(provisioner)) => {
                self.set_claim_provisioner(claim, &provisioner);
                let message = format!(
                    "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually \
                     by the system administrator. If volume creation is delayed, please verify that the provisioner \
                     is running and correctly registered."
                );
                self.event(claim, false, "ExternalProvisioning", message);
            }
            Ok(Provisioning::InTree { plugin, refusal }) => {
                self.set_claim_provisioner(claim, plugin);
                self.event(claim, true, "ProvisioningFailed", refusal);
            }
        }
    }

    /// Names the provisioner in the claim's annotations, so that it knows when to start.
    fn set_claim_provisioner(&mut self, claim: &PersistentVolumeClaim, provisioner: &str) {
        if annotation_of(&claim.metadata, ANN_STORAGE_PROVISIONER) == Some(provisioner) {
            return;
        }
        let mut clone = claim.clone();
        set_annotation(&mut clone.metadata, ANN_BETA_STORAGE_PROVISIONER, provisioner);
        set_annotation(&mut clone.metadata, ANN_STORAGE_PROVISIONER, provisioner);
        self.outcome.write(Write::update(clone));
    }

    /// Notes the CSI driver that took over a provisioner in the tree. Answers whether it had to.
    fn update_claim_migration_annotations(&mut self, claim: &PersistentVolumeClaim) -> bool {
        let named = annotation_of(&claim.metadata, ANN_STORAGE_PROVISIONER);
        let named = named.or(annotation_of(&claim.metadata, ANN_BETA_STORAGE_PROVISIONER));
        let Some(provisioner) = named else { return false };
        let mut clone = claim.clone();
        let annotations = clone.metadata.annotations.get_or_insert_default();
        match csi_name_from_in_tree_name(provisioner) {
            Some(driver) => annotations.insert(ANN_MIGRATED_TO.into(), driver.into()),
            None => annotations.remove(ANN_MIGRATED_TO),
        };
        let modified = clone != *claim;
        if modified {
            self.outcome.write(Write::update(clone));
        }
        modified
    }
}

/// Why a volume that a claim asks for by name does not do; mirrors `checkVolumeSatisfyClaim`.
fn check_volume_satisfy_claim(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Result<(), String> {
    let class_of = |name: Option<&Option<String>>| name.and_then(|n| n.clone()).unwrap_or_default();
    let wanted = class_of(claim.spec.as_ref().map(|s| &s.volume_attributes_class_name));
    let offered = class_of(volume.spec.as_ref().map(|s| &s.volume_attributes_class_name));
    if volume.metadata.deletion_timestamp.is_some() {
        Err(format!("the volume is marked for deletion {:?}", volume.metadata.name.as_deref().unwrap_or_default()))
    } else if volume_capacity(volume).value() < requested_storage(claim).value() {
        Err("requested PV is too small".into())
    } else if get_persistent_volume_class(volume) != get_persistent_volume_claim_class(claim) {
        Err("storageClassName does not match".into())
    } else if wanted != offered {
        Err("volumeAttributesClassName does not match".into())
    } else if check_volume_mode_mismatches(claim, volume) {
        Err("incompatible volumeMode".into())
    } else if !check_access_modes(claim, volume) {
        Err("incompatible accessMode".into())
    } else {
        Ok(())
    }
}

/// Whether a pod has ended; mirrors `pkg/volume/util.IsPodTerminated`.
pub fn is_pod_terminated(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let phase = status.and_then(|s| s.phase.as_deref()).unwrap_or_default();
    let running = || {
        let mut containers = status.into_iter().flat_map(|s| s.container_statuses.iter().flatten());
        containers.any(|c| c.state.as_ref().is_none_or(|s| s.terminated.is_none() && s.waiting.is_none()))
    };
    matches!(phase, "Failed" | "Succeeded") || (pod.metadata.deletion_timestamp.is_some() && !running())
}
