//! Rolling out: step by step, or all at once after the old pods are gone.
//!
//! Mirrors `pkg/controller/deployment/rolling.go` and `recreate.go`.

use super::sync::{Split, Stop, Sync};
use super::util::{self, available, replicas, wanted};
use crate::api::Kind;
use crate::api::k8s::api::apps::v1::ReplicaSet;
use crate::api::k8s::api::core::v1::Pod;
use crate::controllers::pods;
use crate::kinds::shared::workload::by_creation;
use crate::store::Index;

impl Sync<'_> {
    /// Mirrors `rolloutRolling`.
    pub(super) fn rollout_rolling(&mut self) -> Result<(), Stop> {
        let mut split = self.get_all_replica_sets_and_sync_revision(true)?;
        let scaled = self.reconcile_new_replica_set(&mut split) || self.reconcile_old_replica_sets(&mut split);
        if !scaled && util::deployment_complete(&self.deployment, &self.status()) {
            self.cleanup_deployment(&split);
        }
        self.sync_rollout_status(&split);
        Ok(())
    }

    fn reconcile_new_replica_set(&mut self, split: &mut Split) -> bool {
        let all = util::replica_count(split.all());
        let Some(new) = &mut split.new else { return false };
        let size = match replicas(new) {
            n if n == wanted(&self.deployment) => return false,
            n if n > wanted(&self.deployment) => wanted(&self.deployment),
            n => util::new_rs_new_replicas(&self.deployment, all, n),
        };
        self.scale_replica_set(new, size, false)
    }

    /// Takes replicas from the old ReplicaSets as far as availability allows. Mirrors `reconcileOldReplicaSets`.
    fn reconcile_old_replica_sets(&mut self, split: &mut Split) -> bool {
        if util::replica_count(&split.old) == 0 {
            return false;
        }
        let min_available = wanted(&self.deployment) - util::max_unavailable(&self.deployment);
        let new_unavailable = split.new.as_ref().map_or(0, |rs| replicas(rs) - available(rs));
        let most = util::replica_count(split.all()) - min_available - new_unavailable;
        if most <= 0 {
            return false;
        }
        split.old.sort_by(by_creation);
        // Unhealthy replicas go first: they can't make things worse.
        let mut cleaned = 0;
        for rs in active(&mut split.old) {
            let unhealthy = (most - cleaned).min(replicas(rs) - available(rs));
            if unhealthy > 0 {
                let size = replicas(rs) - unhealthy;
                self.scale_replica_set(rs, size, false);
                cleaned += unhealthy;
            }
        }
        let mut budget = split.all().map(available).sum::<i32>() - min_available;
        let mut scaled = cleaned;
        for rs in active(&mut split.old) {
            let down = replicas(rs).min(budget);
            if down <= 0 {
                break;
            }
            let size = replicas(rs) - down;
            self.scale_replica_set(rs, size, false);
            budget -= down;
            scaled += down;
        }
        scaled > 0
    }

    /// Mirrors `rolloutRecreate`.
    pub(super) fn rollout_recreate(&mut self) -> Result<(), Stop> {
        let mut split = self.get_all_replica_sets_and_sync_revision(false)?;
        let mut scaled = false;
        for rs in active(&mut split.old) {
            scaled |= self.scale_replica_set(rs, 0, false);
        }
        if scaled || self.old_pods_running(&split) {
            self.sync_rollout_status(&split);
            return Ok(());
        }
        if split.new.is_none() {
            split = self.get_all_replica_sets_and_sync_revision(true)?;
        }
        let size = wanted(&self.deployment);
        if let Some(new) = &mut split.new {
            self.scale_replica_set(new, size, false);
        }
        if util::deployment_complete(&self.deployment, &self.status()) {
            self.cleanup_deployment(&split);
        }
        self.sync_rollout_status(&split);
        Ok(())
    }

    fn old_pods_running(&self, split: &Split) -> bool {
        let running = |rs: &ReplicaSet| {
            let uid = rs.metadata.uid.as_deref().unwrap_or_default();
            let mut pods = self.view.indexed(Kind::Pod, Index::Owner, uid).filter_map(|o| o.get::<Pod>());
            util::status(rs).replicas > 0 || pods.any(|pod| !pods::is_terminal(pod))
        };
        split.old.iter().any(running)
    }
}

fn active(sets: &mut [ReplicaSet]) -> impl Iterator<Item = &mut ReplicaSet> {
    sets.iter_mut().filter(|rs| replicas(rs) > 0)
}
