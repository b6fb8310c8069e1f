//! Lets go of a claim that is to be deleted once no volume is made of it any more.
//!
//! Mirrors `pkg/controller/clone_controller.go` of kubernetes-csi/external-provisioner.

use super::source::CLONE_FINALIZER;
use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::pvc_protection::{is_deletion_candidate, without_finalizer};
use crate::controllers::{Action, Controller, Outcome};
use crate::error::ApiError;
use crate::store::{Change, View};

/// See the module.
pub struct CloningProtectionController;

impl Controller for CloningProtectionController {
    fn name(&self) -> &'static str {
        "external-provisioner-cloning-protection"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let candidate = change.new.as_ref().is_some_and(|o| is_deletion_candidate(o, CLONE_FINALIZER));
        if change.key.kind == Kind::PersistentVolumeClaim && candidate {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key).filter(|o| is_deletion_candidate(o, CLONE_FINALIZER)) else { return outcome };
        let is_copy = |claim: &&PersistentVolumeClaim| {
            let source = claim.spec.as_ref().and_then(|s| s.data_source.as_ref());
            let of_it = source.is_some_and(|s| s.kind == "PersistentVolumeClaim" && s.name == key.name);
            of_it && claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Pending")
        };
        let mut claims = view.list_in(Kind::PersistentVolumeClaim, object.namespace());
        match claims.find_map(|o| o.get::<PersistentVolumeClaim>().filter(is_copy)) {
            None => outcome.write(without_finalizer(object, CLONE_FINALIZER)),
            Some(copy) => {
                let name = copy.metadata.name.as_deref().unwrap_or_default();
                let fault = format!("PVC '{name}' is in 'Pending' state, cloning in progress");
                outcome.push(Action::Fail(ApiError::internal(fault)));
            }
        }
        outcome
    }
}
