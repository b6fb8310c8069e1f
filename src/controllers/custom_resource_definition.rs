//! Accepts the names of definitions, so that their kinds are served, and clears their objects away with them.
//!
//! Mirrors `k8s.io/apiextensions-apiserver/pkg/controller/status/naming_controller.go`, `establish/establishing_controller.go`
//! and `finalizer/crd_finalizer.go`.

use super::pvc_protection::{with_finalizer, without_finalizer};
use crate::api::definition::learn;
use crate::api::k8s::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionCondition,
};
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::{Controller, Deletion, Outcome, Write};
use crate::store::{Change, View};

/// The finalizer that holds a definition until its objects are gone.
const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// See the module.
pub struct CustomResourceDefinitionController;

impl Controller for CustomResourceDefinitionController {
    fn name(&self) -> &'static str {
        "custom-resource-definition"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let kind = change.key.kind;
        if kind == Kind::CustomResourceDefinition && change.new.is_some() {
            enqueue(change.key.clone());
        }
        if !kind.is_built_in() && change.new.is_none() {
            let key = ObjectKey::cluster(Kind::CustomResourceDefinition, kind.resource());
            if view.get(&key).is_some_and(|o| o.is_terminating()) {
                enqueue(key);
            }
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        let Some(definition) = object.get::<CustomResourceDefinition>() else { return outcome };
        let Some(kind) = learn(definition) else { return outcome };
        let held = object.meta().finalizers.iter().flatten().any(|f| f == FINALIZER);
        if object.is_terminating() {
            let left: Vec<_> = view.list(kind).filter(|o| !o.is_terminating()).collect();
            left.iter().for_each(|o| outcome.write(Write::Delete(Deletion::of(o))));
            if held && view.len(kind) == 0 {
                outcome.write(without_finalizer(object, FINALIZER));
            }
            return outcome;
        }
        if !held {
            outcome.write(with_finalizer(object, FINALIZER));
            return outcome;
        }
        let mut clone = definition.clone();
        let status = clone.status.get_or_insert_default();
        status.accepted_names = Some(definition.spec.names.clone());
        let conditions = status.conditions.get_or_insert_default();
        let accepted = [
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ];
        for (type_, reason, message) in accepted {
            if conditions.iter().all(|c| c.type_ != type_) {
                conditions.push(CustomResourceDefinitionCondition {
                    type_: type_.into(),
                    status: "True".into(),
                    last_transition_time: Some(now.meta()),
                    reason: Some(reason.into()),
                    message: Some(message.into()),
                    observed_generation: None,
                });
            }
        }
        if clone.status != definition.status {
            outcome.write(Write::update_status(clone));
        }
        outcome
    }
}
