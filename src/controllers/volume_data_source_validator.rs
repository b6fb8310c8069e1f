//! Tells of claims whose volume is to be filled from what nobody is registered for.
//!
//! Mirrors `pkg/data-source-validator/data_source_validator.go` of kubernetes-csi/volume-data-source-validator. It is there
//! where the definition of VolumePopulators is.

use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::snapshot::GROUP;
use crate::api::{Kind, Object, ObjectKey, Time};
use crate::controllers::{About, Controller, EventDraft, Outcome};
use crate::store::{Change, View};

/// See the module.
pub struct VolumeDataSourceValidator;

impl Controller for VolumeDataSourceValidator {
    fn name(&self) -> &'static str {
        "volume-data-source-validator"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind != Kind::PersistentVolumeClaim || change.new.is_none() {
            return;
        }
        let source = change.new.as_deref().and_then(Object::get::<PersistentVolumeClaim>);
        let has_source = source.and_then(|c| c.spec.as_ref()).is_some_and(|s| s.data_source_ref.is_some());
        if has_source && view.taught_kinds().contains(&Kind::VolumePopulator) {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        let spec = object.get::<PersistentVolumeClaim>().and_then(|c| c.spec.as_ref());
        let Some(source) = spec.and_then(|s| s.data_source_ref.as_ref()) else { return outcome };
        let (group, kind) = (source.api_group.as_deref().unwrap_or_default(), source.kind.as_str());
        let of_the_core = [("", "PersistentVolumeClaim"), (GROUP, "VolumeSnapshot")].contains(&(group, kind));
        let registered = |populator: &std::sync::Arc<Object>| {
            let Object::Custom(populator) = populator.as_ref() else { return false };
            let of = populator.fields.get("sourceKind");
            let text = |name: &str| of.and_then(|of| of[name].as_str()).unwrap_or_default();
            (text("group"), text("kind")) == (group, kind)
        };
        if !of_the_core && !view.list(Kind::VolumePopulator).any(registered) {
            let message = "The datasource for this PVC does not match any registered VolumePopulator";
            let about = About::object(object);
            outcome.event(EventDraft::warning(about, self.name(), "UnrecognizedDataSourceKind", message));
        }
        outcome
    }
}
