//! Gives cluster roles that aggregate others the rules of those.
//!
//! Mirrors `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use crate::api::k8s::api::rbac::v1::{ClusterRole, PolicyRule};
use crate::api::selector::Selector;
use crate::api::{Kind, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, View};

/// See the module.
pub struct ClusterRoleAggregationController;

impl Controller for ClusterRoleAggregationController {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind != Kind::ClusterRole {
            return;
        }
        for object in view.list(Kind::ClusterRole) {
            if object.get::<ClusterRole>().is_some_and(|role| role.aggregation_rule.is_some()) {
                enqueue(object.key());
            }
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, _now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(shared) = view.get_as::<ClusterRole>("", &key.name) else { return outcome };
        let Some(aggregation) = &shared.aggregation_rule else { return outcome };
        let mut rules: Vec<PolicyRule> = Vec::new();
        for selector in aggregation.cluster_role_selectors.iter().flatten() {
            let Ok(selector) = Selector::from_label_selector(Some(selector)) else { return outcome };
            let chosen = view.list_as::<ClusterRole>().filter(|role| selector.matches(role.metadata.labels.as_ref()));
            for rule in
                chosen.filter(|role| role.metadata.name != shared.metadata.name).flat_map(|r| r.rules.iter().flatten())
            {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        if shared.rules.as_deref().unwrap_or_default() != rules {
            outcome.write(Write::update(ClusterRole { rules: Some(rules), ..shared.clone() }));
        }
        outcome
    }
}
