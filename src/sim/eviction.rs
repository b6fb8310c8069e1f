//! The eviction of pods, which disruption budgets may forbid.
//!
//! Mirrors `pkg/registry/core/pod/storage/eviction.go`.

use super::Cluster;
use crate::api::k8s::api::core::v1::Pod;
use crate::api::k8s::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use crate::api::{Object, ObjectKey};
use crate::controllers::pods::{is_ready, is_terminal, is_terminating, phase, with_disruption_target};
use crate::controllers::{Deletion, disruption};
use crate::error::{ApiError, Reason};

/// How many evictions a budget remembers until the pods go.
const MAX_DISRUPTED_PODS: usize = 2000;
const MORE_THAN_ONE: &str =
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
const WOULD_VIOLATE: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

impl Cluster {
    /// Evicts a pod: deletes it, unless that would break a disruption budget. `grace` is in seconds; none for the
    /// pod's own. A dry run stores nothing.
    ///
    /// # Errors
    /// `TooManyRequests` when a budget forbids it for now, else the server's refusal.
    pub fn evict(&mut self, key: &ObjectKey, grace: Option<i64>, dry_run: bool) -> Result<(), ApiError> {
        let object = self.view().get(key).cloned().ok_or_else(|| ApiError::not_found("pods", &key.name))?;
        let Some(pod) = object.get::<Pod>() else { return Err(ApiError::not_found("pods", &key.name)) };
        // OBSERVATION: the pod serves nobody yet or no more, so that its going disrupts nothing.
        let harmless = is_terminal(pod) || is_terminating(pod) || phase(pod) == "Pending";
        if !harmless {
            self.ask_budget(&object, pod, dry_run)?;
        }
        if dry_run {
            return Ok(());
        }
        let mut disrupted = with_disruption_target(pod, ("EvictionByEvictionAPI", "Eviction API: evicting"), self.now);
        for condition in disrupted.status.iter_mut().flat_map(|s| s.conditions.iter_mut().flatten()) {
            if condition.type_ == "DisruptionTarget" {
                condition.observed_generation = None;
            }
        }
        self.update_status(disrupted.into())?;
        self.delete(&Deletion { grace, ..Deletion::of(&object) }).map(|_| ())
    }

    /// Takes one disruption off the budget that guards the pod, if one does.
    fn ask_budget(&mut self, object: &Object, pod: &Pod, dry_run: bool) -> Result<(), ApiError> {
        let all = disruption::budgets_of(&self.view(), object);
        let budgets: Vec<PodDisruptionBudget> = all.iter().filter_map(|o| o.get()).cloned().collect();
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
            return Err(ApiError::new(Reason::TooManyRequests, WOULD_VIOLATE));
        }
        if allowed < 0 {
            return refuse("pdb disruptions allowed is negative");
        }
        if status.disrupted_pods.as_ref().is_some_and(|d| d.len() > MAX_DISRUPTED_PODS) {
            return refuse("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
        }
        if allowed == 0 {
            return Err(ApiError::new(Reason::TooManyRequests, WOULD_VIOLATE));
        }
        take_one(status, object.name(), now);
        if !dry_run {
            self.update_status(budget.into())?;
        }
        Ok(())
    }
}

fn take_one(status: &mut PodDisruptionBudgetStatus, pod: &str, now: crate::api::Time) {
    let left = status.disruptions_allowed.unwrap_or(0) - 1;
    status.disruptions_allowed = Some(left);
    if left == 0 {
        disruption::set_condition(status, false, "InsufficientPods", "", now);
    }
    status.disrupted_pods.get_or_insert_default().insert(pod.to_string(), now.meta());
}
