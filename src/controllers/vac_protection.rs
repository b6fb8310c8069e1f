//! Keeps a volume attributes class that is being deleted as long as a volume or claim refers to it.
//!
//! Mirrors `pkg/controller/volume/vacprotection/vac_protection_controller.go`.

use super::pvc_protection::{is_deletion_candidate, need_to_add_finalizer, with_finalizer, without_finalizer};
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome};
use crate::store::{Change, View};

/// The finalizer that holds a class.
pub const VAC_PROTECTION_FINALIZER: &str = "kubernetes.io/vac-protection";

/// See the module.
pub struct VacProtectionController;

impl Controller for VacProtectionController {
    fn name(&self) -> &'static str {
        "volumeattributesclass-protection"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::VolumeAttributesClass => {
                let held = |o: &Object| {
                    need_to_add_finalizer(o, VAC_PROTECTION_FINALIZER)
                        || is_deletion_candidate(o, VAC_PROTECTION_FINALIZER)
                };
                if change.new.as_deref().is_some_and(held) {
                    enqueue(change.key.clone());
                }
            }
            Kind::PersistentVolumeClaim | Kind::PersistentVolume => {
                for class in change.old.as_deref().map(referenced_classes).unwrap_or_default() {
                    let key = ObjectKey::cluster(Kind::VolumeAttributesClass, class);
                    if view.get(&key).is_some_and(|o| o.is_terminating()) {
                        enqueue(key);
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        if is_deletion_candidate(object, VAC_PROTECTION_FINALIZER) {
            if !is_being_used(view, &key.name) {
                outcome.write(without_finalizer(object, VAC_PROTECTION_FINALIZER));
            } else {
                // OBSERVATION: the change of a claim or volume that refers to it brings it back here.
            }
        } else if need_to_add_finalizer(object, VAC_PROTECTION_FINALIZER) {
            outcome.write(with_finalizer(object, VAC_PROTECTION_FINALIZER));
        }
        outcome
    }
}

/// Asked only while a class is being deleted, so that no index is kept for it.
fn is_being_used(view: &View<'_>, class: &str) -> bool {
    let refers = |o: &std::sync::Arc<Object>| referenced_classes(o).contains(&class);
    view.list(Kind::PersistentVolume).any(refers) || view.list(Kind::PersistentVolumeClaim).any(refers)
}

/// The attributes classes that a claim or volume refers to.
fn referenced_classes(object: &Object) -> Vec<&str> {
    let mut names: Vec<Option<&String>> = Vec::new();
    if let Some(volume) = object.get::<PersistentVolume>() {
        names.push(volume.spec.as_ref().and_then(|s| s.volume_attributes_class_name.as_ref()));
    }
    if let Some(claim) = object.get::<PersistentVolumeClaim>() {
        let status = claim.status.as_ref();
        names.push(claim.spec.as_ref().and_then(|s| s.volume_attributes_class_name.as_ref()));
        names.push(status.and_then(|s| s.current_volume_attributes_class_name.as_ref()));
        let modify = status.and_then(|s| s.modify_volume_status.as_ref());
        names.push(modify.and_then(|m| m.target_volume_attributes_class_name.as_ref()));
    }
    names.into_iter().flatten().map(String::as_str).filter(|n| !n.is_empty()).collect()
}
