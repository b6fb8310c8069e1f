//! Says of ValidatingAdmissionPolicies that they were looked at. kstate checks no types, so it finds nothing to warn of.
//!
//! Mirrors `pkg/controller/validatingadmissionpolicystatus`.

use crate::api::k8s::api::admissionregistration::v1::{TypeChecking, ValidatingAdmissionPolicy};
use crate::api::{Kind, Object, ObjectKey, Time, Typed};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, View};

/// See the module.
pub(super) struct ValidatingAdmissionPolicyStatusController;

impl Controller for ValidatingAdmissionPolicyStatusController {
    fn name(&self) -> &'static str {
        "validatingadmissionpolicy-status"
    }

    fn on_change(&self, _view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind == Kind::ValidatingAdmissionPolicy && change.new.is_some() {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(policy) = view.get(key).and_then(|o| o.get::<ValidatingAdmissionPolicy>()) else { return outcome };
        let observed = policy.status.as_ref().and_then(|status| status.observed_generation).unwrap_or(0);
        if policy.metadata.generation.unwrap_or(0) <= observed {
            return outcome;
        }
        let mut updated = policy.clone();
        let status = updated.status.get_or_insert_default();
        status.observed_generation = policy.metadata.generation;
        status.type_checking = Some(TypeChecking::default());
        let updated: Object = updated.into_object();
        outcome.write(Write::update_status(updated));
        outcome
    }
}
