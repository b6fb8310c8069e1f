//! What to do with a volume: keep its phase true, and reclaim it when its claim is gone.

use super::helpers::{
    ANN_DYNAMICALLY_PROVISIONED, ANN_MIGRATED_TO, PV_DELETION_IN_TREE_PROTECTION_FINALIZER,
    check_volume_mode_mismatches,
};
use super::plugins::csi_name_from_in_tree_name;
use super::{Sync, has_annotation, phase_of_volume};
use crate::api::k8s::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use crate::api::object::annotation_of;
use crate::controllers::Write;

/// The finalizer of the external provisioners.
const PV_DELETION_PROTECTION_FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";

impl<'a> Sync<'a> {
    pub(super) fn sync_volume(&mut self, volume: &PersistentVolume) {
        if self.update_volume_migration_annotations_and_finalizers(volume) {
            return;
        }
        let Some(claim_ref) = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) else {
            // OBSERVATION: the volume is unused.
            self.update_volume_phase(volume.clone(), "Available", "");
            return;
        };
        if claim_ref.uid.as_deref().unwrap_or_default().is_empty() {
            // OBSERVATION: the volume is reserved for a claim, which is not bound to it yet; the claim's sync does that.
            self.update_volume_phase(volume.clone(), "Available", "");
            return;
        }
        // OBSERVATION: the volume is bound to a claim.
        match self.claim_of_reference(claim_ref) {
            None => {
                // OBSERVATION: the claim is gone, or another one of its name has taken its place.
                let volume = self.release(volume);
                self.reclaim_volume(&volume);
            }
            Some(claim) => self.sync_bound_volume(volume, claim),
        }
    }

    /// The claim that a volume is bound to: of that name and uid.
    pub(super) fn claim_of_reference(&self, claim_ref: &ObjectReference) -> Option<&'a PersistentVolumeClaim> {
        let of = |part: &'_ Option<String>| part.clone().unwrap_or_default();
        let claim = self.claim(&of(&claim_ref.namespace), &of(&claim_ref.name))?;
        (claim.metadata.uid == claim_ref.uid).then_some(claim)
    }

    fn sync_bound_volume(&mut self, volume: &PersistentVolume, claim: &PersistentVolumeClaim) {
        let volume_name = volume.metadata.name.as_deref().unwrap_or_default();
        let bound_to = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        if bound_to.is_empty() {
            if check_volume_mode_mismatches(claim, volume) {
                // OBSERVATION: the claim's sync will never choose this volume.
                let claim_name = claim.metadata.name.as_deref().unwrap_or_default();
                let message = format!(
                    "Cannot bind PersistentVolume to requested PersistentVolumeClaim {claim_name:?} due to \
                     incompatible volumeMode."
                );
                self.event(volume, true, "VolumeMismatch", message);
                let message = format!(
                    "Cannot bind PersistentVolume {volume_name:?} to requested PersistentVolumeClaim due to \
                     incompatible volumeMode."
                );
                self.event(claim, true, "VolumeMismatch", message);
                self.look_again();
            }
            // Else the volume is bound and the claim "Pending": that is how a provisioned volume comes, or a binding
            // that was cut short. `on_change` has the claim looked at, and its next sync completes the binding.
        } else if bound_to == volume_name {
            // OBSERVATION: all is bound.
            self.update_volume_phase(volume.clone(), "Bound", "");
        } else if has_annotation(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED) && reclaim_policy(volume) == "Delete" {
            // OBSERVATION: the volume was provisioned for the claim, which meanwhile got another one.
            let volume = self.release(volume);
            self.reclaim_volume(&volume);
        } else {
            // OBSERVATION: the claim is bound elsewhere. Where the binder tried this volume for it, the volume is
            // free again; where the user reserved it, the reservation stays.
            self.unbind_volume(volume);
        }
    }

    /// Marks a volume as Released. A volume that Failed stays so: the user shall see what went wrong.
    fn release(&mut self, volume: &PersistentVolume) -> PersistentVolume {
        match phase_of_volume(volume) {
            "Released" | "Failed" => volume.clone(),
            _ => self.update_volume_phase(volume.clone(), "Released", ""),
        }
    }

    /// Notes the CSI driver that took over the volume's plugin, and keeps the plugins' own finalizer where the
    /// policy is Delete. Answers whether anything had to be written.
    fn update_volume_migration_annotations_and_finalizers(&mut self, volume: &PersistentVolume) -> bool {
        let Some(provisioner) = annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED) else {
            // OBSERVATION: the volume was made by hand.
            return false;
        };
        let mut clone = volume.clone();
        let annotations = clone.metadata.annotations.get_or_insert_default();
        let driver = csi_name_from_in_tree_name(provisioner);
        match driver {
            Some(driver) => annotations.insert(ANN_MIGRATED_TO.into(), driver.into()),
            None => annotations.remove(ANN_MIGRATED_TO),
        };
        if provisioner.starts_with("kubernetes.io/") {
            let finalizers = clone.metadata.finalizers.get_or_insert_default();
            let wanted = driver.is_none() && reclaim_policy(volume) == "Delete";
            let present = finalizers.iter().any(|f| f == PV_DELETION_IN_TREE_PROTECTION_FINALIZER);
            if wanted && !present {
                finalizers.push(PV_DELETION_IN_TREE_PROTECTION_FINALIZER.into());
            } else if !wanted && present {
                finalizers.retain(|f| f != PV_DELETION_IN_TREE_PROTECTION_FINALIZER);
            }
            if driver.is_none() {
                finalizers.retain(|f| f != PV_DELETION_PROTECTION_FINALIZER);
            }
            clone.metadata.finalizers = clone.metadata.finalizers.filter(|f| !f.is_empty());
        }
        let modified = clone != *volume;
        if modified {
            self.outcome.write(Write::update(clone));
        }
        modified
    }
}

/// The policy of a volume; Retain where it has none.
pub(super) fn reclaim_policy(volume: &PersistentVolume) -> &str {
    volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref()).unwrap_or("Retain")
}
