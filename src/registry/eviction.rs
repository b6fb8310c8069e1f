//! The eviction of pods, which disruption budgets may forbid.
//!
//! Mirrors `pkg/registry/core/pod/storage/eviction.go`.

use super::delete::check_preconditions;
use super::{Context, Registry};
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use crate::api::object::is_terminating;
use crate::api::request::{DeleteOptions, Deletion};
use crate::api::{Kind, Object, ObjectKey};
use crate::error::{ApiError, Reason};
use crate::kinds::core::pod::status::{is_ready, is_terminal, phase, with_disruption_target};
use crate::kinds::policy::disruption::{DISRUPTION_ALLOWED, guards, set_condition};

/// How many evictions a budget remembers until the pods go.
const MAX_DISRUPTED_PODS: usize = 2000;
const MORE_THAN_ONE: &str =
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
const WOULD_VIOLATE: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

impl Registry {
    /// Evicts a pod: deletes it, unless that would break a disruption budget.
    ///
    /// # Errors
    /// `TooManyRequests` when a budget forbids it for now, else the server's refusal.
    pub fn evict(&mut self, key: &ObjectKey, options: &DeleteOptions, context: &Context<'_>) -> Result<(), ApiError> {
        let object = self.live(key)?;
        let Some(pod) = object.get::<Pod>() else { return Err(ApiError::not_found("pods", &key.name)) };
        let uid = options.uid.clone().or(Some(object.uid().to_string()));
        let resource_version = options.resource_version.clone();
        let deletion = Deletion { uid, resource_version, grace: options.grace_period, ..Deletion::of(&object) };
        check_preconditions(&deletion, &object)?;
        // OBSERVATION: the pod serves nobody yet or no more, so that its going disrupts nothing.
        let harmless = is_terminal(pod) || is_terminating(&pod.metadata) || phase(pod) == "Pending";
        if !harmless {
            self.ask_budget(&object, pod, context)?;
        }
        if context.dry_run {
            return Ok(());
        }
        let mut disrupted = with_disruption_target(pod, ("EvictionByEvictionAPI", "Eviction API: evicting"), self.now);
        for condition in disrupted.status.iter_mut().flat_map(|s| s.conditions.iter_mut().flatten()) {
            if condition.type_ == "DisruptionTarget" {
                condition.observed_generation = None;
            }
        }
        self.update(disrupted.into(), &context.part("status"))?;
        self.delete(&Deletion { resource_version: None, ..deletion }, context).map(|_| ())
    }

    /// Takes one disruption off the budget that guards the pod, if one does.
    fn ask_budget(&mut self, object: &Object, pod: &Pod, context: &Context<'_>) -> Result<(), ApiError> {
        let view = self.view();
        let all = view.list_in(Kind::PodDisruptionBudget, object.namespace()).filter(|budget| guards(budget, object));
        let budgets: Vec<PodDisruptionBudget> = all.filter_map(|o| o.get()).cloned().collect();
        let mut budget = match <[PodDisruptionBudget; 1]>::try_from(budgets) {
            Ok([budget]) => budget,
            Err(none) if none.is_empty() => return Ok(()),
            Err(_) => return Err(ApiError::new(Reason::Unknown, MORE_THAN_ONE)),
        };
        let now = self.now;
        let status = budget.status.get_or_insert_default();
        if !is_ready(pod) {
            let policy = budget.spec.as_ref().and_then(|s| s.unhealthy_pod_eviction_policy.as_deref());
            let (current, desired) = (status.current_healthy.unwrap_or(0), status.desired_healthy.unwrap_or(0));
            if policy == Some("AlwaysAllow") || (current >= desired && desired > 0) {
                return Ok(());
            }
        }
        let name = budget.metadata.name.clone().unwrap_or_default();
        let refuse = |detail: &str| Err(ApiError::forbidden("poddisruptionbudget.policy", &name, detail));
        let allowed = status.disruptions_allowed.unwrap_or(0);
        if status.observed_generation < budget.metadata.generation {
            let text = format!("The disruption budget {name} is still being processed by the server.");
            return Err(would_violate(10, &text));
        }
        if allowed < 0 {
            return refuse("pdb disruptions allowed is negative");
        }
        if status.disrupted_pods.as_ref().is_some_and(|d| d.len() > MAX_DISRUPTED_PODS) {
            return refuse("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
        }
        if allowed == 0 {
            return Err(would_violate(0, &why_none_may_go(&name, status)));
        }
        take_one(status, object.name(), now);
        if !context.dry_run {
            self.update(budget.into(), &context.part("status"))?;
        }
        Ok(())
    }
}

/// A refusal for now; the cause says why. Mirrors `createTooManyRequestsError`.
fn would_violate(retry_after_seconds: u32, why: &str) -> ApiError {
    let refusal = ApiError { retry_after_seconds, ..ApiError::new(Reason::TooManyRequests, WOULD_VIOLATE) };
    refusal.cause("DisruptionBudget", "", why)
}

/// Mirrors `checkAndDecrement`.
fn why_none_may_go(name: &str, status: &PodDisruptionBudgetStatus) -> String {
    let (needs, has) = (status.desired_healthy.unwrap_or(0), status.current_healthy.unwrap_or(0));
    let conditions = status.conditions.iter().flatten();
    let forbids =
        conditions.into_iter().find(|c| c.type_ == DISRUPTION_ALLOWED && c.status == "False" && !c.message.is_empty());
    let head = format!("The disruption budget {name}");
    match forbids {
        // Counts are not to be trusted then.
        Some(c) if c.reason == "SyncFailed" => {
            format!("{head} does not allow evicting pods currently because it failed sync: {}", c.message)
        }
        _ if has <= needs => format!("{head} needs {needs} healthy pods and has {has} currently"),
        Some(c) => format!("{head} does not allow evicting pods currently ({}): {}", c.reason, c.message),
        None => format!("{head} does not allow evicting pods currently"),
    }
}

fn take_one(status: &mut PodDisruptionBudgetStatus, pod: &str, now: crate::api::Time) {
    let left = status.disruptions_allowed.unwrap_or(0) - 1;
    status.disruptions_allowed = Some(left);
    if left == 0 {
        set_condition(status, false, "InsufficientPods", "", now);
    }
    status.disrupted_pods.get_or_insert_default().insert(pod.to_string(), now.meta());
}
