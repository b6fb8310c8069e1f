//! The binding cycle: what goes on between the choice of a node and the binding of the pod, when volumes must be bound
//! first.
//!
//! Mirrors `bindingCycle` and `handleBindingCycleError` of `pkg/scheduler/schedule_one.go`, `BindPodVolumes` and
//! `checkBindings` of `pkg/scheduler/framework/plugins/volumebinding/binder.go`. The original polls every second; here a
//! change of claim, volume or node brings the pod back.

use serde::{Deserialize, Serialize};

use super::framework::Cycle;
use super::volume_binding::PodVolumes;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use crate::api::object::annotation_of;
use crate::api::selector::matches_node_selector;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::Outcome;
use crate::controllers::persistent_volume::helpers::{ANN_BIND_COMPLETED, ANN_SELECTED_NODE};
use crate::store::View;

/// How long the scheduler waits for volumes to be bound: `bindTimeoutSeconds`.
const BIND_TIMEOUT: Duration = Duration::secs(600);

/// How long a pod that met an error waits: `podInitialBackoffSeconds`, doubled up to `podMaxBackoffSeconds`.
const BACKOFF: (Duration, Duration) = (Duration::secs(1), Duration::secs(10));

/// What the scheduler remembers of a pod whose volumes are being bound, or whose binding failed.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    uid: String,
    /// The cycle that runs.
    running: Option<Running>,
    /// How many cycles failed in a row, and when the last did.
    errors: u32,
    failed_at: i64,
}

/// A cycle that runs.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    node: String,
    since: i64,
    /// Volumes with the claims that they are bound to.
    bindings: Vec<(String, String)>,
    /// Claims for which volumes are made.
    claims_to_provision: Vec<String>,
}

/// How a pod's binding stands.
pub(super) enum Stage {
    /// No cycle runs and none failed a short while ago: the pod may be scheduled.
    Idle,
    /// The last cycle failed; the pod waits so long until the next.
    BacksOff(Duration),
    /// Volumes are not bound yet; the cycle ends after that time.
    Waits(Duration),
    /// All volumes are bound: the pod is bound to that node.
    Bound(String),
    /// The cycle ends with an error.
    Failed(String),
}

fn note(key: &ObjectKey) -> String {
    format!("scheduler-binding/{}/{}", key.namespace, key.name)
}

/// Forgets a pod that is gone or bound.
pub(super) fn forget(view: &View<'_>, key: &ObjectKey, outcome: &mut Outcome) {
    if view.note(&note(key)).is_some_and(|text| !text.is_empty()) {
        outcome.note(note(key), "");
    }
}

impl Binding {
    /// What is remembered of a pod; nothing of an earlier one of its name.
    pub(super) fn of(view: &View<'_>, pod: &Object) -> Binding {
        let kept = view.note(&note(&pod.key())).and_then(|text| serde_json::from_str::<Binding>(text).ok());
        kept.filter(|b| b.uid == pod.uid())
            .unwrap_or_else(|| Binding { uid: pod.uid().to_string(), ..Binding::default() })
    }

    fn save(&self, pod: &Object, outcome: &mut Outcome) {
        outcome.note(note(&pod.key()), serde_json::to_string(self).unwrap_or_default());
    }

    /// Begins a cycle.
    pub(super) fn begin(
        mut self,
        cycle: &Cycle<'_>,
        node: &str,
        volumes: &PodVolumes<'_>,
        now: Time,
        out: &mut Outcome,
    ) {
        let (bindings, claims_to_provision) = volumes.names();
        self.running = Some(Running { node: node.to_string(), since: now.0, bindings, claims_to_provision });
        self.save(cycle.object, out);
        out.recurring(BIND_TIMEOUT);
    }

    /// Ends a cycle with an error. The answer is how long until the next.
    pub(super) fn fail(mut self, pod: &Object, now: Time, outcome: &mut Outcome) -> Duration {
        self.running = None;
        self.errors += 1;
        self.failed_at = now.0;
        self.save(pod, outcome);
        self.backoff()
    }

    fn backoff(&self) -> Duration {
        let doubled = BACKOFF.0 * (1 << self.errors.saturating_sub(1).min(10));
        doubled.min(BACKOFF.1)
    }

    /// How the binding stands.
    pub(super) fn stage(&self, view: &View<'_>, namespace: &str, now: Time) -> Stage {
        let Some(running) = &self.running else {
            let until = Time(self.failed_at) + self.backoff();
            return match self.errors > 0 && now < until {
                true => Stage::BacksOff(until - now),
                false => Stage::Idle,
            };
        };
        let end = Time(running.since) + BIND_TIMEOUT;
        let failed =
            |fault: &str| Stage::Failed(format!("running PreBind plugin \"VolumeBinding\": binding volumes: {fault}"));
        match running.check_bindings(view, namespace) {
            Ok(true) => Stage::Bound(running.node.clone()),
            Ok(false) if now < end => Stage::Waits(end - now),
            Ok(false) => failed("context deadline exceeded"),
            Err(fault) => failed(&fault),
        }
    }
}

impl Running {
    /// Whether all is bound that the cycle asked for.
    fn check_bindings(&self, view: &View<'_>, namespace: &str) -> Result<bool, String> {
        let Some(node) = view.get_as::<Node>("", &self.node) else {
            return Err(format!("failed to get node {:?}: node {:?} not found", self.node, self.node));
        };
        let claim_of = |what: &str, name: &str| {
            let claim = view.get_as::<PersistentVolumeClaim>(namespace, name);
            claim.ok_or_else(|| {
                format!("failed to check {what}: could not find v1.PersistentVolumeClaim \"{namespace}/{name}\"")
            })
        };
        for (name, claim) in &self.bindings {
            let Some(volume) = view.get_as::<PersistentVolume>("", name) else {
                return Err(format!("failed to check binding: could not find v1.PersistentVolume {name:?}"));
            };
            let claim = claim_of("binding", claim)?;
            check_node_affinity(volume, node)?;
            let claim_ref = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
            if claim_ref.and_then(|r| r.uid.as_deref()).unwrap_or_default().is_empty() {
                return Err(format!("ClaimRef got reset for pv {name:?}"));
            }
            if !is_fully_bound(claim) {
                return Ok(false);
            }
        }
        for name in &self.claims_to_provision {
            let claim = claim_of("provisioning pvc", name)?;
            if claim.metadata.annotations.is_none() {
                return Err(format!("selectedNode annotation reset for PVC {name:?}"));
            }
            if annotation_of(&claim.metadata, ANN_SELECTED_NODE) != Some(&self.node) {
                return Err(format!("provisioning failed for PVC {name:?}"));
            }
            let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).filter(|name| !name.is_empty());
            match volume.map(|name| view.get_as::<PersistentVolume>("", name)) {
                Some(None) => return Ok(false),
                Some(Some(volume)) => check_node_affinity(volume, node)?,
                None => {}
            }
            if !is_fully_bound(claim) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn check_node_affinity(volume: &PersistentVolume, node: &Node) -> Result<(), String> {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref());
    let Some(required) = affinity.and_then(|a| a.required.as_ref()) else { return Ok(()) };
    if matches_node_selector(required, "", node.metadata.labels.as_ref()).unwrap_or(false) {
        return Ok(());
    }
    let name = |meta: &crate::api::ObjectMeta| meta.name.clone().unwrap_or_default();
    let (volume, node) = (name(&volume.metadata), name(&node.metadata));
    Err(format!("pv {volume:?} node affinity doesn't match node {node:?}: no matching NodeSelectorTerms"))
}

/// Mirrors `isPVCFullyBound`.
fn is_fully_bound(claim: &PersistentVolumeClaim) -> bool {
    let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    !volume.is_empty() && annotation_of(&claim.metadata, ANN_BIND_COMPLETED).is_some()
}
