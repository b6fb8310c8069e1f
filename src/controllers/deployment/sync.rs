//! One look at a Deployment: its new and old ReplicaSets, their numbers, scaling and cleaning up.
//!
//! Mirrors `pkg/controller/deployment/sync.go`.

use std::sync::Arc;

use super::COMPONENT;
use super::util::{self, wanted};
use crate::api::k8s::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetSpec};
use crate::api::k8s::api::core::v1::PodTemplateSpec;
use crate::api::object::{controller_of, new_controller_ref};
use crate::api::{Object, ObjectMeta, Time, names};
use crate::controllers::{Action, Deletion, Outcome, Write, pods};
use crate::error::Reason;
use crate::kinds::shared::workload::{LABEL_POD_TEMPLATE_HASH, by_creation, equal_ignore_hash};
use crate::store::View;

/// The look is over: what was written will lead to another one.
pub(super) struct Stop;

/// A look at a Deployment, with its ReplicaSets as they will be after what was decided so far.
pub(super) struct Sync<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) owner: &'a Arc<Object>,
    /// The Deployment, with the status and the number as decided so far.
    pub(super) deployment: Deployment,
    pub(super) sets: Vec<ReplicaSet>,
    pub(super) now: Time,
    pub(super) outcome: Outcome,
    /// Whether the status was written already: a second write would be based on an old version, as the real
    /// controller's is, and is left to the next look.
    pub(super) status_written: bool,
}

/// New and old ReplicaSets.
pub(super) struct Split {
    pub(super) new: Option<ReplicaSet>,
    pub(super) old: Vec<ReplicaSet>,
}

impl Split {
    /// All of them, the new one last.
    pub(super) fn all(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().chain(&self.new)
    }
}

/// What becomes of a Deployment that would select every pod.
pub(super) fn selecting_all(owner: &Arc<Object>, deployment: &Deployment) -> Outcome {
    let mut outcome = Outcome::done();
    let message = "This deployment is selecting all pods. A non-empty selector is required.";
    outcome.push(pods::warning(owner, COMPONENT, "SelectingAll", message));
    let mut seen = deployment.clone();
    seen.status.get_or_insert_default().observed_generation = deployment.metadata.generation;
    if seen != *deployment {
        outcome.write(Write::update_status(seen));
    }
    outcome
}

impl<'a> Sync<'a> {
    pub(super) fn new(
        view: &'a View<'a>,
        owner: &'a Arc<Object>,
        deployment: &Deployment,
        mut sets: Vec<ReplicaSet>,
        now: Time,
    ) -> Sync<'a> {
        sets.sort_by(by_creation);
        let deployment = deployment.clone();
        Sync { view, owner, deployment, sets, now, outcome: Outcome::done(), status_written: false }
    }

    /// The status as decided so far.
    pub(super) fn status(&self) -> DeploymentStatus {
        self.deployment.status.clone().unwrap_or_default()
    }

    /// Mirrors `syncDeployment`.
    pub(super) fn sync_deployment(&mut self) {
        let _ = self.step();
    }

    fn step(&mut self) -> Result<(), Stop> {
        if self.owner.is_terminating() {
            let split = self.get_all_replica_sets_and_sync_revision(false)?;
            self.sync_deployment_status(&split);
            return Ok(());
        }
        self.check_paused_conditions();
        if util::is_paused(&self.deployment) || self.is_scaling_event()? {
            return self.sync();
        }
        match util::strategy_type(&self.deployment) {
            "Recreate" => self.rollout_recreate(),
            _ => self.rollout_rolling(),
        }
    }

    /// While the Deployment is paused, and when scaling is all there is to do.
    fn sync(&mut self) -> Result<(), Stop> {
        let mut split = self.get_all_replica_sets_and_sync_revision(false)?;
        self.scale(&mut split);
        if util::is_paused(&self.deployment) {
            self.cleanup_deployment(&split);
        }
        self.sync_deployment_status(&split);
        Ok(())
    }

    /// Notes pausing and resuming, so that the time in between does not count against the deadline.
    fn check_paused_conditions(&mut self) {
        if util::progress_deadline(&self.deployment).is_none() {
            return;
        }
        let mut status = self.status();
        let reason = util::condition(&status, util::PROGRESSING).and_then(|c| c.reason.as_deref());
        if reason == Some(util::TIMED_OUT) {
            return;
        }
        let (reason, message) = match (util::is_paused(&self.deployment), reason == Some(util::PAUSED)) {
            (true, false) => (util::PAUSED, "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return,
        };
        let condition = util::new_condition(util::PROGRESSING, "Unknown", reason, message, self.now);
        util::set_condition(&mut status, condition);
        self.deployment.status = Some(status);
        self.write_status();
    }

    /// Writes the status and, with it, the number of the rollout.
    pub(super) fn write_status(&mut self) {
        self.outcome.write(Write::update_status(self.deployment.clone()));
        self.status_written = true;
    }

    /// Tells new from old ReplicaSets, with the new one numbered. Mirrors `getAllReplicaSetsAndSyncRevision`.
    pub(super) fn get_all_replica_sets_and_sync_revision(&mut self, create: bool) -> Result<Split, Stop> {
        let template = self.deployment.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
        let is_new = |rs: &ReplicaSet| {
            let of_set = rs.spec.as_ref().and_then(|s| s.template.as_ref());
            of_set.is_some_and(|t| equal_ignore_hash(t, &template))
        };
        // The oldest of several ReplicaSets with the template counts.
        let place = self.sets.iter().position(is_new);
        let mut old = self.sets.clone();
        let existing = place.map(|i| old.remove(i));
        let revision = util::max_revision(&old) + 1;
        let new = match existing {
            Some(rs) => Some(self.adopt_as_new(rs, revision)?),
            None if create => Some(self.create_new_replica_set(&template, &old, revision)?),
            None => None,
        };
        Ok(Split { new, old })
    }

    /// A ReplicaSet with the Deployment's template is there already.
    fn adopt_as_new(&mut self, existing: ReplicaSet, revision: i64) -> Result<ReplicaSet, Stop> {
        let mut rs = existing;
        let annotated = util::set_new_replica_set_annotations(&self.deployment, &mut rs, revision, true);
        let min_ready = self.deployment.spec.as_ref().and_then(|s| s.min_ready_seconds);
        let own = rs.spec.as_ref().and_then(|s| s.min_ready_seconds);
        if annotated || own.unwrap_or(0) != min_ready.unwrap_or(0) {
            rs.spec.get_or_insert_default().min_ready_seconds = min_ready;
            self.outcome.write(Write::update(rs));
            return Err(Stop);
        }
        let number = rs.metadata.annotations.as_ref().and_then(|a| a.get(util::ANN_REVISION)).cloned();
        let mut changed = util::set_deployment_revision(&mut self.deployment, &number.unwrap_or_default());
        let mut status = self.status();
        if util::progress_deadline(&self.deployment).is_some() && util::condition(&status, util::PROGRESSING).is_none()
        {
            let message = format!("Found new replica set {:?}", util::name(&rs));
            let condition = util::new_condition(util::PROGRESSING, "True", "FoundNewReplicaSet", message, self.now);
            util::set_condition(&mut status, condition);
            self.deployment.status = Some(status);
            changed = true;
        }
        if changed {
            self.write_status();
        }
        Ok(rs)
    }

    /// Mirrors the second half of `getNewReplicaSet`.
    fn create_new_replica_set(
        &mut self,
        template: &PodTemplateSpec,
        old: &[ReplicaSet],
        revision: i64,
    ) -> Result<ReplicaSet, Stop> {
        let collisions = self.status().collision_count;
        let hash = pods::compute_hash(template, collisions);
        let mut rs = self.new_replica_set(template, &hash);
        let count = util::new_rs_new_replicas(&self.deployment, util::replica_count(old), 0);
        rs.spec.get_or_insert_default().replicas = Some(count);
        util::set_new_replica_set_annotations(&self.deployment, &mut rs, revision, false);
        let name = util::name(&rs).to_string();
        let there = self.view.get_as::<ReplicaSet>(self.owner.namespace(), &name);
        if let Some(there) = there {
            // OBSERVATION: the name is taken, and not by a ReplicaSet of ours with that template, which would have
            // been found: the hashes collide.
            let mut status = self.status();
            status.collision_count = Some(collisions.unwrap_or(0) + 1);
            self.deployment.status = Some(status);
            self.write_status();
            let ours = controller_of(&there.metadata).is_some_and(|c| c.uid == self.owner.uid());
            if ours {
                self.outcome.after(crate::api::Duration::millis(5));
            }
            return Err(Stop);
        }
        self.push_creation(&rs, count);

        util::set_deployment_revision(&mut self.deployment, &revision.to_string());
        if util::progress_deadline(&self.deployment).is_some() {
            let mut status = self.status();
            let message = format!("Created new replica set {name:?}");
            let condition = util::new_condition(util::PROGRESSING, "True", "NewReplicaSetCreated", message, self.now);
            util::set_condition(&mut status, condition);
            self.deployment.status = Some(status);
        }
        self.write_status();
        Ok(rs)
    }

    fn new_replica_set(&self, template: &PodTemplateSpec, hash: &str) -> ReplicaSet {
        let deployment_name = self.owner.name();
        // The name must hold the hash whole.
        let room = names::SUBDOMAIN_MAX - 1 - hash.len();
        let name = format!("{}-{hash}", deployment_name.get(..room).unwrap_or(deployment_name));
        let spec = self.deployment.spec.clone().unwrap_or_default();
        let mut template = template.clone();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(LABEL_POD_TEMPLATE_HASH.into(), hash.into());
        let labels = labels.clone();
        let mut selector = spec.selector;
        selector.match_labels.get_or_insert_default().insert(LABEL_POD_TEMPLATE_HASH.into(), hash.into());
        ReplicaSet {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: self.deployment.metadata.namespace.clone(),
                owner_references: Some(vec![new_controller_ref(self.owner)]),
                labels: Some(labels),
                ..Default::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: None,
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            }),
            status: None,
        }
    }

    fn push_creation(&mut self, rs: &ReplicaSet, count: i32) {
        let (owner, deployment, now) = (Arc::clone(self.owner), self.deployment.clone(), self.now);
        let name = util::name(rs).to_string();
        let create = Write::create(rs.clone()).then(move |answer| match answer {
            Ok(_) if count > 0 => {
                let message = format!("Scaled up replica set {name} from 0 to {count}");
                vec![pods::normal(&owner, COMPONENT, "ScalingReplicaSet", message)]
            }
            Ok(_) => Vec::new(),
            Err(error) if pods::is_namespace_terminating(error) => vec![Action::Fail(error.clone())],
            Err(error) => {
                let message = format!("Failed to create new replica set {name:?}: {error}");
                let mut actions = Vec::new();
                if util::progress_deadline(&deployment).is_some() {
                    let mut failed = deployment;
                    let condition =
                        util::new_condition(util::PROGRESSING, "False", "ReplicaSetCreateError", message.clone(), now);
                    util::set_condition(failed.status.get_or_insert_default(), condition);
                    actions.push(Write::update_status(failed).action());
                }
                actions.push(pods::warning(&owner, COMPONENT, "ReplicaSetCreateError", message));
                actions.push(Action::Fail(error.clone()));
                actions
            }
        });
        self.outcome.push(create);
    }

    /// Whether an active ReplicaSet was last scaled for another number of replicas.
    fn is_scaling_event(&mut self) -> Result<bool, Stop> {
        let split = self.get_all_replica_sets_and_sync_revision(false)?;
        let mut active = split.all().filter(|rs| util::replicas(rs) > 0);
        Ok(active.any(|rs| util::desired_replicas(rs).is_some_and(|n| n != wanted(&self.deployment))))
    }

    /// Scales what there is in proportion. Mirrors `scale`.
    fn scale(&mut self, split: &mut Split) {
        split.old.sort_by(|a, b| by_creation(b, a));
        let active = split.all().filter(|rs| util::replicas(rs) > 0).count();
        if active <= 1 {
            let only = match active {
                0 => split.new.as_mut().or(split.old.first_mut()),
                _ => split.old.iter_mut().chain(&mut split.new).find(|rs| util::replicas(rs) > 0),
            };
            if let Some(only) = only
                && util::replicas(only) != wanted(&self.deployment)
            {
                self.scale_replica_set(only, wanted(&self.deployment), false);
            }
            return;
        }
        if util::is_saturated(&self.deployment, split.new.as_ref()) {
            for old in split.old.iter_mut().filter(|rs| util::replicas(rs) > 0) {
                self.scale_replica_set(old, 0, false);
            }
            return;
        }
        if util::is_rolling_update(&self.deployment) {
            self.scale_in_proportion(split);
        }
    }

    fn scale_in_proportion(&mut self, split: &mut Split) {
        let wanted = wanted(&self.deployment);
        let allowed = if wanted > 0 { util::most(&self.deployment) } else { 0 };
        let mut active: Vec<&mut ReplicaSet> =
            split.old.iter_mut().chain(&mut split.new).filter(|rs| util::replicas(rs) > 0).collect();
        let to_add = allowed.wrapping_sub(util::replica_count(active.iter().map(|rs| &**rs)));
        active.sort_by(|a, b| {
            let by_age = by_creation(a, b);
            util::replicas(b).cmp(&util::replicas(a)).then(if to_add > 0 { by_age.reverse() } else { by_age })
        });
        let mut added = 0;
        let mut sizes = Vec::new();
        for rs in &active {
            let share = util::proportion(rs, &self.deployment, to_add, added);
            sizes.push(util::replicas(rs) + share);
            added += share;
        }
        if let Some(largest) = sizes.first_mut() {
            *largest = largest.wrapping_add(to_add).wrapping_sub(added).max(0);
        }
        for (rs, size) in active.into_iter().zip(sizes) {
            self.scale_replica_set(rs, size, true);
        }
    }

    /// Scales a ReplicaSet and tells of it; with `force` its annotations are put right even if it has the size.
    /// Says whether its size changes. Mirrors `scaleReplicaSet`.
    pub(super) fn scale_replica_set(&mut self, rs: &mut ReplicaSet, size: i32, force: bool) -> bool {
        let before = util::replicas(rs);
        if !force && before == size {
            return false;
        }
        let (desired, most) = (wanted(&self.deployment), util::most(&self.deployment));
        if before == size && !util::replicas_annotations_need_update(rs, desired, most) {
            return false;
        }
        rs.spec.get_or_insert_default().replicas = Some(size);
        util::set_replicas_annotations(rs, desired, most);
        let (owner, name) = (Arc::clone(self.owner), util::name(rs).to_string());
        self.outcome.push(Write::update(rs.clone()).then(move |answer| match answer {
            Ok(_) if before != size => {
                let way = if before < size { "up" } else { "down" };
                let message = format!("Scaled {way} replica set {name} from {before} to {size}");
                vec![pods::normal(&owner, COMPONENT, "ScalingReplicaSet", message)]
            }
            Ok(_) => Vec::new(),
            Err(error) => vec![Action::Fail(error.clone())],
        }));
        before != size
    }

    /// Deletes the oldest ReplicaSets beyond `revisionHistoryLimit`. Mirrors `cleanupDeployment`.
    pub(super) fn cleanup_deployment(&mut self, split: &Split) {
        let limit = self.deployment.spec.as_ref().and_then(|s| s.revision_history_limit);
        let Some(limit) = limit.filter(|n| *n != i32::MAX).and_then(|n| usize::try_from(n).ok()) else { return };
        let mut old: Vec<&ReplicaSet> =
            split.old.iter().filter(|rs| rs.metadata.deletion_timestamp.is_none()).collect();
        let excess = old.len().saturating_sub(limit);
        old.sort_by(|a, b| util::by_revision(a, b));
        for rs in &old[..excess] {
            let status = util::status(rs);
            let unseen = rs.metadata.generation.unwrap_or(0) > status.observed_generation.unwrap_or(0);
            if status.replicas != 0 || util::replicas(rs) != 0 || unseen {
                continue;
            }
            let mut deletion = Deletion::of(&Object::from((*rs).clone()));
            deletion.uid = None;
            self.outcome.push(Write::Delete(deletion).then(|answer| match answer {
                Err(error) if error.reason != Reason::NotFound => vec![Action::Fail(error.clone())],
                _ => Vec::new(),
            }));
        }
    }

    /// Writes the status without a look at the progress. Mirrors `syncDeploymentStatus`.
    fn sync_deployment_status(&mut self, split: &Split) {
        let status = calculate_status(&self.deployment, split, self.now);
        self.put_status(status);
    }

    /// Writes a status unless it is the stored one. Says whether it was.
    pub(super) fn put_status(&mut self, status: DeploymentStatus) -> bool {
        if self.status_written {
            return true;
        }
        if self.deployment.status.as_ref() == Some(&status) {
            return false;
        }
        self.deployment.status = Some(status);
        self.write_status();
        true
    }
}

/// The status as the ReplicaSets have it. Mirrors `calculateStatus`.
pub(super) fn calculate_status(d: &Deployment, split: &Split, now: Time) -> DeploymentStatus {
    let sum = |number: fn(&ReplicaSet) -> i32| split.all().map(number).sum::<i32>();
    let shown = |n: i32| Some(n).filter(|n| *n != 0);
    let available = sum(util::available);
    let before = d.status.clone().unwrap_or_default();
    let mut status = DeploymentStatus {
        observed_generation: d.metadata.generation,
        replicas: shown(sum(|rs| util::status(rs).replicas)),
        updated_replicas: shown(split.new.as_ref().map_or(0, |rs| util::status(rs).replicas)),
        ready_replicas: shown(sum(|rs| util::status(rs).ready_replicas.unwrap_or(0))),
        available_replicas: shown(available),
        unavailable_replicas: shown((util::replica_count(split.all()) - available).max(0)),
        terminating_replicas: terminating_replicas(split),
        collision_count: before.collision_count,
        conditions: before.conditions,
    };
    let enough = available >= wanted(d) - util::max_unavailable(d);
    let condition = match enough {
        true => ("True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        false => ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
    };
    let condition = util::new_condition(util::AVAILABLE, condition.0, condition.1, condition.2, now);
    util::set_condition(&mut status, condition);
    status
}

/// How many pods go; none while a ReplicaSet does not say.
fn terminating_replicas(split: &Split) -> Option<i32> {
    let mut sum = 0;
    for rs in split.all() {
        let status = util::status(rs);
        match status.terminating_replicas {
            Some(n) => sum += n,
            None if status.observed_generation.unwrap_or(0) == 0 => {}
            None => return None,
        }
    }
    Some(sum)
}
