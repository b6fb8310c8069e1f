//! Keeps a volume that is being deleted as long as it is bound.
//!
//! Mirrors `pkg/controller/volume/pvprotection/pv_protection_controller.go`.

use super::pvc_protection::{is_deletion_candidate, need_to_add_finalizer, with_finalizer, without_finalizer};
use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome};
use crate::store::{Change, View};

/// The finalizer that holds a volume.
pub const PV_PROTECTION_FINALIZER: &str = "kubernetes.io/pv-protection";

/// See the module.
pub struct PvProtectionController;

impl Controller for PvProtectionController {
    fn name(&self) -> &'static str {
        "pv-protection"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if let (Kind::PersistentVolume, Some(volume)) = (change.key.kind, &change.new)
            && (need_to_add_finalizer(volume, PV_PROTECTION_FINALIZER)
                || is_deletion_candidate(volume, PV_PROTECTION_FINALIZER))
        {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        process_pv(view, key)
    }
}

fn process_pv(view: &View<'_>, key: &ObjectKey) -> Outcome {
    let mut outcome = Outcome::done();
    let Some(object) = view.get(key) else { return outcome };
    if is_deletion_candidate(object, PV_PROTECTION_FINALIZER) {
        if !is_being_used(object) {
            outcome.write(without_finalizer(object, PV_PROTECTION_FINALIZER));
        } else {
            // OBSERVATION: the volume is "Bound"; the end of its claim brings it back here.
        }
    } else if need_to_add_finalizer(object, PV_PROTECTION_FINALIZER) {
        outcome.write(with_finalizer(object, PV_PROTECTION_FINALIZER));
    }
    outcome
}

fn is_being_used(volume: &Object) -> bool {
    let status = volume.get::<PersistentVolume>().and_then(|v| v.status.as_ref());
    status.and_then(|s| s.phase.as_deref()) == Some("Bound")
}
