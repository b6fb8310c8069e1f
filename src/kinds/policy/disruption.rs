//! What a disruption budget guards, and the condition that says whether a pod may go: what the controller and the
//! eviction of pods share.

use crate::api::Object;
use crate::api::Time;
use crate::api::k8s::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1::Condition;
use crate::api::selector::Selector;

/// The condition that says whether a pod may go.
pub const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";

/// The pods that a budget is about.
pub fn selector_of(budget: &PodDisruptionBudget) -> Selector {
    let selector = budget.spec.as_ref().and_then(|s| s.selector.as_ref());
    Selector::from_label_selector(selector).unwrap_or_else(|_| Selector::nothing())
}

/// Whether a budget selects a pod of its namespace.
pub fn guards(budget: &Object, pod: &Object) -> bool {
    budget.get::<PodDisruptionBudget>().is_some_and(|b| selector_of(b).matches(&pod.meta().labels))
}

/// Says whether a pod may go. Mirrors `meta.SetStatusCondition`.
pub fn set_condition(status: &mut PodDisruptionBudgetStatus, allowed: bool, reason: &str, message: &str, now: Time) {
    let holds = if allowed { "True" } else { "False" };
    let condition = Condition {
        type_: DISRUPTION_ALLOWED.into(),
        status: holds.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation: status.observed_generation,
        last_transition_time: now.meta(),
    };
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|c| c.type_ == DISRUPTION_ALLOWED) {
        Some(old) if old.status == holds => {
            *old = Condition { last_transition_time: old.last_transition_time.clone(), ..condition };
        }
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}
