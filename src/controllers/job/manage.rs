//! Making a Job's pods and taking away those that are too many. Mirrors `manageJob`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod};
use crate::api::{Duration, Object};
use crate::controllers::job::indexes::{completion_index, valid_index};
use crate::controllers::job::policy::{index_failure_annotations, remaining_for_index};
use crate::controllers::job::sync::{Sync, number};
use crate::controllers::job::{COMPONENT, TRACKING_FINALIZER, pod_of, remove_tracking_finalizer};
use crate::controllers::pods::{self, PodControl, is_ready, is_terminal};
use crate::controllers::{Action, Write};
use crate::kinds::batch::job::{COMPLETION_INDEX, is_indexed};

/// The most pods that one look creates or deletes.
const MAX_POD_CREATE_DELETE_PER_SYNC: i32 = 500;

/// The environment variable of a pod's index.
const COMPLETION_INDEX_ENV: &str = "JOB_COMPLETION_INDEX";

/// The longest `generateName`.
const MAX_GENERATED_NAME: usize = 58;

impl Sync<'_> {
    /// Brings the number of active pods to what is wanted.
    pub(super) fn manage_job(&mut self) {
        if self.is_suspended() {
            let all = self.active_pods_for_removal(self.active_pods.len());
            self.delete_job_pods(&all);
            return;
        }
        let parallelism = self.spec.parallelism.unwrap_or(1);
        let wanted = match self.completions() {
            None if self.succeeded > 0 => self.active,
            None => parallelism,
            Some(completions) => (completions - self.succeeded).min(parallelism).max(0),
        };
        let excess = usize::try_from(self.active - wanted).unwrap_or(0);
        let mut superfluous = self.active_pods_for_removal(excess);
        superfluous.truncate(MAX_POD_CREATE_DELETE_PER_SYNC as usize);
        if !superfluous.is_empty() {
            self.delete_job_pods(&superfluous);
            return;
        }
        let going = if self.only_replaces_failed_pods() { self.terminating } else { 0 };
        let lacking = (wanted - going - self.active).min(MAX_POD_CREATE_DELETE_PER_SYNC);
        if lacking <= 0 {
            return;
        }
        let per_index = self.spec.backoff_limit_per_index.is_some();
        let mut wait = if per_index { Duration::ZERO } else { self.backoff.remaining(self.now) };
        let mut indexes = Vec::new();
        if wait == Duration::ZERO && is_indexed(&self.spec) {
            indexes = self.first_pending_indexes(usize::try_from(lacking).unwrap_or(0));
            if per_index {
                let all = std::mem::take(&mut indexes);
                let waits = all.iter().map(|i| remaining_for_index(self.delayed.get(i), self.now));
                let shortest = waits.clone().filter(|w| *w > Duration::ZERO).min();
                indexes =
                    all.iter().copied().zip(waits).filter(|(_, w)| *w == Duration::ZERO).map(|(i, _)| i).collect();
                wait = shortest.filter(|_| indexes.is_empty()).unwrap_or(Duration::ZERO);
            }
        }
        if wait > Duration::ZERO {
            // The original counts no pod as active while it waits.
            self.active = 0;
            self.outcome.recurring(wait);
            return;
        }
        self.create_pods(lacking, &indexes);
    }

    fn create_pods(&mut self, lacking: i32, indexes: &[i32]) {
        let pods: Vec<Pod> = match is_indexed(&self.spec) {
            true => indexes.iter().map(|index| self.new_pod(Some(*index))).collect(),
            false => (0..lacking).map(|_| self.new_pod(None)).collect(),
        };
        let before = self.active;
        self.active += number(pods.len());
        let (mut job, ready, terminating) = (self.job.clone(), self.ready, self.terminating);
        job.status = Some(self.status.clone());
        let control = PodControl::new(self.object, COMPONENT, move |error, created| {
            let mut job = job.clone();
            let status = job.status.get_or_insert_default();
            status.active = Some(before + number(created)).filter(|n| *n != 0);
            status.ready = Some(ready);
            status.terminating = Some(terminating);
            vec![Write::update_status(job).action(), Action::Fail(error.clone())]
        });
        self.outcome.actions.extend(control.create_all(pods));
    }

    /// A pod as the template says, with what an index needs.
    fn new_pod(&self, index: Option<i32>) -> Pod {
        let mut pod = pods::pod_from_template(&self.spec.template, self.object);
        let finalizers = pod.metadata.finalizers.get_or_insert_default();
        if !finalizers.iter().any(|f| f == TRACKING_FINALIZER) {
            finalizers.push(TRACKING_FINALIZER.into());
        }
        let Some(index) = index else { return pod };
        let meta = &mut pod.metadata;
        let annotations = meta.annotations.get_or_insert_default();
        annotations.insert(COMPLETION_INDEX.into(), index.to_string());
        if self.spec.backoff_limit_per_index.is_some() {
            annotations.extend(index_failure_annotations(&self.spec, self.delayed.get(&index)));
        }
        meta.labels.get_or_insert_default().insert(COMPLETION_INDEX.into(), index.to_string());
        let suffix = format!("-{index}-");
        let mut prefix = self.object.name().to_string();
        prefix.truncate(MAX_GENERATED_NAME.saturating_sub(suffix.len()));
        meta.generate_name = Some(prefix + &suffix);
        if let Some(spec) = &mut pod.spec {
            spec.hostname = Some(format!("{}-{index}", self.object.name()));
            let init = spec.init_containers.iter_mut().flatten();
            init.chain(&mut spec.containers).for_each(add_completion_index_variable);
        }
        pod
    }

    /// The lowest indexes that no pod stands for. Mirrors `firstPendingIndexes`.
    fn first_pending_indexes(&self, count: usize) -> Vec<i32> {
        let mut taken: BTreeSet<i32> = self.active_pods.iter().filter_map(completion_index).collect();
        if self.only_replaces_failed_pods() {
            let going = self.pods.iter().filter(|p| p.is_terminating() && !pod_of(p).is_some_and(is_terminal));
            taken.extend(going.filter_map(completion_index));
        }
        let failed = self.failed_indexes.as_ref();
        let free = |index: &i32| {
            !taken.contains(index) && !self.succeeded_indexes.has(*index) && failed.is_none_or(|f| !f.has(*index))
        };
        (0..self.completions().unwrap_or(0)).filter(free).take(count).collect()
    }

    /// The pods to take away: those whose index is another's or nobody's, and then as many as it takes.
    /// Mirrors `activePodsForRemoval`.
    fn active_pods_for_removal(&self, at_least: usize) -> Vec<Arc<Object>> {
        let all: Vec<&Arc<Object>> = self.active_pods.iter().collect();
        let ranked = pods::rank_for_deletion(&all, &[], self.now);
        let (mut removed, mut left): (Vec<&Arc<Object>>, Vec<&Arc<Object>>) = (Vec::new(), Vec::new());
        if is_indexed(&self.spec) {
            let completions = self.completions().unwrap_or(0);
            let mut kept = BTreeSet::new();
            // The last of those with an index is the one worth keeping.
            for pod in ranked.iter().rev() {
                match valid_index(pod, completions) {
                    Some(index) if kept.insert(index) => left.push(pod),
                    _ => removed.push(pod),
                }
            }
            left.reverse();
        } else {
            left = ranked;
        }
        let more = at_least.saturating_sub(removed.len());
        removed.extend(left.into_iter().take(more));
        removed.into_iter().cloned().collect()
    }

    /// Takes pods away that the Job has no use for: they are not counted.
    fn delete_job_pods(&mut self, pods: &[Arc<Object>]) {
        let control = self.control();
        for pod in pods {
            self.outcome.actions.extend(remove_tracking_finalizer(pod));
            self.outcome.push(control.delete(pod));
        }
        self.count_deleted(pods);
    }

    /// Ends the pods of a Job that is over.
    pub(super) fn delete_active_pods(&mut self) {
        let (control, pods) = (self.control(), self.active_pods.clone());
        for pod in &pods {
            self.outcome.push(control.delete(pod));
        }
        self.count_deleted(&pods);
    }

    fn control(&self) -> std::rc::Rc<PodControl> {
        PodControl::new(self.object, COMPONENT, |error, _| vec![Action::Fail(error.clone())])
    }

    fn count_deleted(&mut self, pods: &[Arc<Object>]) {
        self.active -= number(pods.len());
        self.terminating += number(pods.len());
        self.ready -= number(pods.iter().filter(|p| pod_of(p).is_some_and(is_ready)).count());
    }
}

fn add_completion_index_variable(container: &mut Container) {
    let variables = container.env.get_or_insert_default();
    if variables.iter().any(|v| v.name == COMPLETION_INDEX_ENV) {
        return;
    }
    let field_path = format!("metadata.labels['{COMPLETION_INDEX}']");
    let field_ref = Some(ObjectFieldSelector { field_path, ..Default::default() });
    let value_from = Some(EnvVarSource { field_ref, ..Default::default() });
    variables.push(EnvVar { name: COMPLETION_INDEX_ENV.into(), value_from, ..Default::default() });
}
