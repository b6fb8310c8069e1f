//! A Deployment's status, and whether its rollout gets on.
//!
//! Mirrors `pkg/controller/deployment/progress.go` and `calculateStatus`.

use super::sync::calculate_status;
use super::sync::{Split, Sync};
use super::util;
use crate::api::k8s::api::apps::v1::{DeploymentCondition, DeploymentStatus, ReplicaSet};
use crate::api::{Duration, Time};

impl Sync<'_> {
    /// Writes the status of a rollout. Mirrors `syncRolloutStatus`.
    pub(super) fn sync_rollout_status(&mut self, split: &Split) {
        let before = self.status();
        let mut status = calculate_status(&self.deployment, split, self.now);
        if util::progress_deadline(&self.deployment).is_none() {
            util::remove_condition(&mut status, util::PROGRESSING);
        } else {
            self.judge_progress(&before, &mut status, split);
        }
        match get_replica_failure(split) {
            Some(failure) => util::set_condition(&mut status, failure),
            None => util::remove_condition(&mut status, util::REPLICA_FAILURE),
        }
        if !self.put_status(status.clone()) {
            self.requeue_stuck_deployment(&status);
        }
    }

    fn judge_progress(&self, before: &DeploymentStatus, status: &mut DeploymentStatus, split: &Split) {
        let current = util::condition(before, util::PROGRESSING);
        let done = status.replicas.unwrap_or(0) == status.updated_replicas.unwrap_or(0)
            && current.is_some_and(|c| c.reason.as_deref() == Some(util::NEW_RS_AVAILABLE));
        if done {
            return;
        }
        let subject = match &split.new {
            Some(rs) => format!("ReplicaSet {:?}", util::name(rs)),
            None => format!("Deployment {:?}", self.owner.name()),
        };
        let condition = |status: &str, reason: &str, what: &str| {
            util::new_condition(util::PROGRESSING, status, reason, format!("{subject} {what}"), self.now)
        };
        if util::deployment_complete(&self.deployment, status) {
            let ended = condition("True", util::NEW_RS_AVAILABLE, "has successfully progressed.");
            util::set_condition(status, ended);
        } else if util::deployment_progressing(before, status) {
            let mut goes_on = condition("True", "ReplicaSetUpdated", "is progressing.");
            if let Some(current) = current {
                if current.status == "True" {
                    goes_on.last_transition_time = current.last_transition_time.clone();
                }
                util::remove_condition(status, util::PROGRESSING);
            }
            util::set_condition(status, goes_on);
        } else if util::deployment_timed_out(&self.deployment, status, self.now) {
            util::set_condition(status, condition("False", util::TIMED_OUT, "has timed out progressing."));
        }
    }

    /// Comes back when the rollout's time will be over. Mirrors `requeueStuckDeployment`.
    fn requeue_stuck_deployment(&mut self, status: &DeploymentStatus) {
        let Some(deadline) = util::progress_deadline(&self.deployment) else { return };
        let stored = self.status();
        let Some(condition) = util::condition(&stored, util::PROGRESSING) else { return };
        if util::deployment_complete(&self.deployment, status) || condition.reason.as_deref() == Some(util::TIMED_OUT) {
            return;
        }
        let from = condition.last_update_time.as_ref().map(Time::from_meta).unwrap_or_default();
        let left = from + Duration::secs(deadline.into()) - self.now;
        // OBSERVATION: it is over, and was a look ago. Time alone changes nothing any more.
        if left < Duration::secs(-2) {
            return;
        }
        // Nothing gets on by itself until then, so a settling cluster does not wait for it.
        self.outcome.recurring(left.max(Duration::ZERO) + Duration::secs(1));
    }
}

/// The failure of a ReplicaSet, the new one's before the old ones'. Mirrors `getReplicaFailures`.
fn get_replica_failure(split: &Split) -> Option<DeploymentCondition> {
    let failure = |rs: &ReplicaSet| {
        let conditions = rs.status.as_ref().and_then(|s| s.conditions.as_ref());
        conditions?.iter().find(|c| c.type_ == util::REPLICA_FAILURE).map(util::of_replica_set)
    };
    split.new.iter().chain(&split.old).find_map(failure)
}
