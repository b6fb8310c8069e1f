//! Tells of claims that ask for more than they have, so that an external resizer may expand their volumes.
//!
//! Mirrors `pkg/controller/volume/expand/expand_controller.go`. None of the plugins in the tree can expand a volume
//! any more, so that an event is all that happens here.

use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::object::annotation_of;
use crate::api::quantity::{Quantity, amount};
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::helpers::requested_storage;
use crate::controllers::persistent_volume::{csi_name_from_in_tree_name, migrated_plugin_of};
use crate::controllers::{About, Controller, EventDraft, Outcome, Write};
use crate::store::{Change, View};

/// Who says the events.
const COMPONENT: &str = "volume_expand";
/// On a claim: the driver whose resizer shall expand its volume.
const ANN_VOLUME_RESIZER: &str = "volume.kubernetes.io/storage-resizer";

/// See the module.
pub struct ExpandController;

impl Controller for ExpandController {
    fn name(&self) -> &'static str {
        "volume-expand"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let claim_of = |object: &Option<std::sync::Arc<Object>>| {
            object.as_ref().and_then(|o| o.get::<PersistentVolumeClaim>()).map(|c| {
                let phase = c.status.as_ref().and_then(|s| s.phase.clone());
                (requested_storage(c), capacity(c), phase)
            })
        };
        if change.key.kind != Kind::PersistentVolumeClaim {
            return;
        }
        let Some((request, capacity, phase)) = claim_of(&change.new) else { return };
        let grew = claim_of(&change.old).is_none_or(|(was, had, _)| request > was || capacity > had);
        if grew && phase.as_deref() == Some("Bound") {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        if let Some(object) = view.get(key) {
            expand(view, object, &mut outcome);
        }
        outcome
    }
}

fn expand(view: &View<'_>, object: &Object, outcome: &mut Outcome) {
    let Some(claim) = object.get::<PersistentVolumeClaim>() else { return };
    let volume_name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let Some(volume) = view.get_as::<PersistentVolume>("", volume_name) else { return };
    let claim_ref = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
    if claim_ref.is_none_or(|r| r.uid != claim.metadata.uid) || requested_storage(claim) <= capacity(claim) {
        return;
    }
    let about = About::object(object);
    match migrated_plugin_of(volume) {
        Some(plugin) => {
            let message = format!("CSI migration enabled for {plugin}; waiting for external resizer to expand the pvc");
            outcome.event(EventDraft::normal(about, COMPONENT, "ExternalExpanding", message));
            let driver = csi_name_from_in_tree_name(plugin).unwrap_or_default();
            if annotation_of(&claim.metadata, ANN_VOLUME_RESIZER) != Some(driver) {
                let mut clone = claim.clone();
                let annotations = clone.metadata.annotations.get_or_insert_default();
                annotations.insert(ANN_VOLUME_RESIZER.into(), driver.into());
                outcome.write(Write::update(clone));
            }
        }
        None => {
            let message = "waiting for an external controller to expand this PVC";
            outcome.event(EventDraft::normal(about, COMPONENT, "ExternalExpanding", message));
        }
    }
}

/// What a claim has, as its status says.
fn capacity(claim: &PersistentVolumeClaim) -> Quantity {
    amount(claim.status.as_ref().and_then(|s| s.capacity.as_ref()), "storage").unwrap_or_default()
}
