//! Binding as Kubernetes does it: four separate writes, so that watches show the states between.

use super::helpers::{ANN_BIND_COMPLETED, ANN_BOUND_BY_CONTROLLER, is_volume_bound_to_claim};
use super::{Sync, event, has_annotation, phase_of_claim, phase_of_volume, set_annotation};
use crate::api::k8s::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use crate::api::{Duration, Kind};
use crate::controllers::Write;

/// How long the binder takes to write a binding into the volume.
const WRITE_TIME: Duration = Duration::millis(10);
/// The size of a volume before its file system was grown.
const ANN_PRE_RESIZE_CAPACITY: &str = "volume.alpha.kubernetes.io/pre-resize-capacity";

/// A volume bound to a claim, and whether that changes it; mirrors `GetBindVolumeToClaim`.
pub(crate) fn get_bind_volume_to_claim(
    volume: &PersistentVolume,
    claim: &PersistentVolumeClaim,
) -> (PersistentVolume, bool) {
    let mut dirty = false;
    let mut clone = volume.clone();
    let should_set_bound_by_controller = !is_volume_bound_to_claim(volume, claim);
    let claim_ref = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
    let refers = claim_ref.is_some_and(|r| {
        r.name == claim.metadata.name && r.namespace == claim.metadata.namespace && r.uid == claim.metadata.uid
    });
    if !refers {
        clone.spec.get_or_insert_default().claim_ref = Some(reference_to_claim(claim));
        dirty = true;
    }
    if should_set_bound_by_controller && !has_annotation(&clone.metadata, ANN_BOUND_BY_CONTROLLER) {
        set_annotation(&mut clone.metadata, ANN_BOUND_BY_CONTROLLER, "yes");
        dirty = true;
    }
    (clone, dirty)
}

/// A reference to a claim as a volume holds it; mirrors `reference.GetReference`.
pub(crate) fn reference_to_claim(claim: &PersistentVolumeClaim) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some(Kind::PersistentVolumeClaim.name().into()),
        name: claim.metadata.name.clone(),
        namespace: claim.metadata.namespace.clone(),
        uid: claim.metadata.uid.clone(),
        resource_version: claim.metadata.resource_version.clone(),
        field_path: None,
    }
}

impl Sync<'_> {
    /// Writes the binding into both objects and marks both as Bound; the volume goes first.
    ///
    /// The writes take their time: a pod that comes with its claim finds it unbound, and says so in an event.
    pub(super) fn bind(&mut self, volume: &PersistentVolume, claim: &PersistentVolumeClaim) {
        let (volume, dirty) = self.bind_volume_to_claim(volume, claim);
        let volume = self.update_volume_phase(volume, "Bound", "");
        if dirty {
            // OBSERVATION: volume is "Bound", claim is "Pending"; the next look completes the binding.
            self.outcome.after(WRITE_TIME);
            return;
        }
        let claim = self.bind_claim_to_volume(claim, &volume);
        self.update_claim_status(claim, "Bound", Some(&volume));
    }

    /// Makes the volume point to the claim. The claim is left alone.
    fn bind_volume_to_claim(
        &mut self,
        volume: &PersistentVolume,
        claim: &PersistentVolumeClaim,
    ) -> (PersistentVolume, bool) {
        let (clone, dirty) = get_bind_volume_to_claim(volume, claim);
        if dirty {
            self.outcome.write(Write::update(clone.clone()));
        }
        (clone, dirty)
    }

    /// Makes the claim point to the volume. The volume is left alone.
    fn bind_claim_to_volume(
        &mut self,
        claim: &PersistentVolumeClaim,
        volume: &PersistentVolume,
    ) -> PersistentVolumeClaim {
        // Each part is written only where it is missing: a user may have chosen the volume, and an earlier sync may have
        // come as far as one of them, whose rest this one repairs.
        let mut dirty = false;
        let mut clone = claim.clone();
        let bound_to = clone.spec.get_or_insert_default().volume_name.clone();
        if bound_to != volume.metadata.name {
            clone.spec.get_or_insert_default().volume_name = volume.metadata.name.clone();
            set_annotation(&mut clone.metadata, ANN_BOUND_BY_CONTROLLER, "yes");
            dirty = true;
        }
        if !has_annotation(&clone.metadata, ANN_BIND_COMPLETED) {
            set_annotation(&mut clone.metadata, ANN_BIND_COMPLETED, "yes");
            dirty = true;
        }
        if dirty {
            self.outcome.write(Write::update(clone.clone()));
        }
        clone
    }

    /// Sets a volume's phase and message, unless it is in that phase.
    pub(super) fn update_volume_phase(
        &mut self,
        mut volume: PersistentVolume,
        phase: &str,
        message: &str,
    ) -> PersistentVolume {
        if phase_of_volume(&volume) == phase {
            return volume;
        }
        let now = self.now();
        let status = volume.status.get_or_insert_default();
        status.phase = Some(phase.to_string());
        status.message = Some(message.to_string()).filter(|m| !m.is_empty());
        status.last_phase_transition_time = Some(now);
        self.outcome.write(Write::update_status(volume.clone()));
        volume
    }

    /// The same, and tells of it: only when the phase changes, not at every look.
    pub(super) fn update_volume_phase_with_event(
        &mut self,
        volume: PersistentVolume,
        phase: &str,
        warning: bool,
        reason: &str,
        message: &str,
    ) -> PersistentVolume {
        if phase_of_volume(&volume) == phase {
            return volume;
        }
        let volume = self.update_volume_phase(volume, phase, message);
        self.outcome.event(event(&volume, warning, reason, message));
        volume
    }

    /// Sets a claim's phase, and its capacity and modes from the volume (none without one).
    pub(super) fn update_claim_status(
        &mut self,
        claim: PersistentVolumeClaim,
        phase: &str,
        volume: Option<&PersistentVolume>,
    ) -> PersistentVolumeClaim {
        let was = phase_of_claim(&claim).to_string();
        let mut clone = claim.clone();
        let status = clone.status.get_or_insert_default();
        status.phase = Some(phase.to_string());
        match volume {
            None => {
                status.access_modes = None;
                status.capacity = None;
                status.current_volume_attributes_class_name = None;
            }
            Some(volume) => {
                let spec = volume.spec.clone().unwrap_or_default();
                status.access_modes = spec.access_modes;
                // Once the claim is Bound, a difference between its capacity and the volume's can be meant: the file
                // system has not grown with the device yet.
                if was != phase {
                    let pre_resize = crate::api::object::annotation_of(&volume.metadata, ANN_PRE_RESIZE_CAPACITY);
                    status.capacity = spec.capacity;
                    if let (Some(size), Some(capacity)) = (pre_resize, &mut status.capacity) {
                        let text = crate::api::k8s::apimachinery::pkg::api::resource::Quantity(size.to_string());
                        capacity.insert("storage".into(), text);
                    }
                }
                // From then on it is the resizer that keeps the attributes class.
                if was == "Pending" && phase == "Bound" {
                    status.current_volume_attributes_class_name = spec.volume_attributes_class_name;
                }
            }
        }
        if clone != claim {
            self.outcome.write(Write::update_status(clone.clone()));
        }
        clone
    }

    /// The same, and tells of it: only when the phase changes, not at every look.
    pub(super) fn update_claim_status_with_event(
        &mut self,
        claim: &PersistentVolumeClaim,
        phase: &str,
        reason: &str,
        message: &str,
    ) {
        if phase_of_claim(claim) == phase {
            return;
        }
        let claim = self.update_claim_status(claim.clone(), phase, None);
        self.event(&claim, true, reason, message);
    }

    /// Takes a binding back, wholly where the binder made it, else all but the user's reservation.
    pub(super) fn unbind_volume(&mut self, volume: &PersistentVolume) {
        let mut clone = volume.clone();
        let spec = clone.spec.get_or_insert_default();
        if has_annotation(&volume.metadata, ANN_BOUND_BY_CONTROLLER) {
            // OBSERVATION: the binder bound the volume.
            spec.claim_ref = None;
            if let Some(annotations) = &mut clone.metadata.annotations {
                annotations.remove(ANN_BOUND_BY_CONTROLLER);
            }
            clone.metadata.annotations = clone.metadata.annotations.filter(|a| !a.is_empty());
        } else if let Some(claim_ref) = &mut spec.claim_ref {
            // OBSERVATION: the user reserved the volume for the claim.
            claim_ref.uid = None;
        }
        self.outcome.write(Write::update(clone.clone()));
        self.update_volume_phase(clone, "Available", "");
    }
}
