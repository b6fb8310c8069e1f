//! Has drivers give volumes the attributes of another class.
//!
//! Mirrors `pkg/modifycontroller/{controller,modify_volume,modify_status}.go` of kubernetes-csi/external-resizer. The key is a
//! claim. What the driver itself would answer is as `controllers::csi` has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::k8s::api::core::v1::{
    ModifyVolumeStatus, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimCondition,
};
use crate::api::k8s::api::storage::v1::{StorageClass, VolumeAttributesClass};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::csi::{Driver, Operation, driver};
use crate::controllers::{About, Controller, EventDraft, Outcome, RateLimiter, Write};
use crate::store::{Change, View};

/// `--retry-interval-start` and `--retry-interval-max`; the latter is how long what is infeasible rests, too.
const RETRY: RateLimiter =
    RateLimiter { base_delay: Duration::secs(1), max_delay: Duration::secs(300), max_retries: None };

const MODIFYING: &str = "ModifyingVolume";
const ERROR: &str = "ModifyVolumeError";

/// See the module.
pub struct ModifyController;

impl Controller for ModifyController {
    fn name(&self) -> &'static str {
        "external-resizer-modify"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        if change.key.kind != Kind::PersistentVolumeClaim {
            return;
        }
        let claim_of = |o: &Option<std::sync::Arc<Object>>| {
            o.as_ref().and_then(|o| o.get::<PersistentVolumeClaim>()).map(|c| {
                let status = c.status.as_ref();
                let modify = status.and_then(|s| s.modify_volume_status.clone());
                (wanted(c).to_string(), current(c).to_string(), modify, phase(c).to_string())
            })
        };
        match (claim_of(&change.old), claim_of(&change.new)) {
            (old, Some((class, current, status, phase))) if phase == "Bound" => {
                let changed = old.is_none_or(|(was, ..)| was != class) || status.is_none();
                if changed && (status.is_some() || class != current) {
                    enqueue(change.key.clone());
                }
            }
            (_, None) if view.note(&note(&change.key)).is_some() => enqueue(change.key.clone()),
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        match view.get(key).and_then(|o| Some((o, o.get::<PersistentVolumeClaim>()?))) {
            Some((object, claim)) => sync_claim(view, object, claim, now, &mut outcome),
            None => outcome.note(note(key), ""),
        }
        outcome
    }
}

fn phase(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// The class that a claim asks for.
fn wanted(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|s| s.volume_attributes_class_name.as_deref()).unwrap_or_default()
}

/// The class that its volume has.
fn current(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().and_then(|s| s.current_volume_attributes_class_name.as_deref()).unwrap_or_default()
}

/// What a resizer keeps in mind of a claim.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    uid: String,
    /// Since when the driver is at it.
    begun: Option<i64>,
    /// How often it failed in a row, and when for the last time.
    failed: (u32, i64),
    /// Whether the driver may be at it though it answered with an error: the goal must not change then.
    uncertain: bool,
}

fn note(key: &ObjectKey) -> String {
    format!("external-resizer-modify/{}/{}", key.namespace, key.name)
}

fn attempt_of(view: &View<'_>, object: &Object) -> Attempt {
    let kept = view.note(&note(&object.key())).and_then(|text| serde_json::from_str::<Attempt>(text).ok());
    let fresh = || Attempt { uid: object.uid().to_string(), ..Attempt::default() };
    kept.filter(|a| a.uid == object.uid()).unwrap_or_else(fresh)
}

fn save(attempt: &Attempt, object: &Object, outcome: &mut Outcome) {
    outcome.note(note(&object.key()), serde_json::to_string(attempt).unwrap_or_default());
}

/// What one look at a claim is about.
struct Look<'a> {
    view: &'a View<'a>,
    object: &'a Object,
    claim: &'a PersistentVolumeClaim,
    volume: &'a PersistentVolume,
    driver: &'a Driver,
    now: Time,
}

/// Mirrors `syncPVC` and `modify`.
fn sync_claim(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time, outcome: &mut Outcome) {
    let name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else { return };
    let csi = volume.spec.as_ref().and_then(|s| s.csi.as_ref());
    let driver = csi.and_then(|csi| driver(view, &csi.driver)).filter(|d| d.model().modify.is_some());
    let Some(driver) = driver.filter(|_| phase(claim) == "Bound") else { return };
    let look = Look { view, object, claim, volume, driver: &driver, now };
    let status = claim.status.as_ref().and_then(|s| s.modify_volume_status.as_ref());
    let mut attempt = attempt_of(view, object);
    let target = status.and_then(|s| s.target_volume_attributes_class_name.as_deref()).unwrap_or_default();
    if status.is_some() && target != wanted(claim) && !attempt.uncertain && attempt.begun.is_none() {
        // OBSERVATION: another class was asked for, which may be feasible.
        attempt.failed = (0, 0);
    }
    if let Some(next) = look.next_attempt(&attempt, status).filter(|next| now < *next) {
        outcome.recurring(next - now);
        return;
    }
    if status.is_none() && wanted(claim) == current(claim) {
        return;
    }
    let in_progress = status.is_some_and(|s| s.status == "InProgress");
    if wanted(claim).is_empty() && !in_progress {
        return look.rolled_back(outcome);
    }
    let goes_on = in_progress && (attempt.begun.is_some() || attempt.uncertain);
    match goes_on || wanted(claim).is_empty() {
        true => look.call(target, claim.clone(), attempt, outcome),
        false => look.begin(attempt, outcome),
    }
}

impl Look<'_> {
    fn tell(&self, warning: bool, reason: &str, message: impl Into<String>) -> EventDraft {
        let component = format!("external-resizer {}", self.driver.name);
        EventDraft { warning, ..EventDraft::normal(About::object(self.object), &component, reason, message) }
    }

    fn next_attempt(&self, attempt: &Attempt, status: Option<&ModifyVolumeStatus>) -> Option<Time> {
        let doublings = attempt.failed.0.checked_sub(1)?.min(20);
        let rests = status.is_some_and(|s| s.status == "Infeasible");
        let wait = if rests { RETRY.max_delay } else { Duration(RETRY.base_delay.0 << doublings).min(RETRY.max_delay) };
        Some(Time(attempt.failed.1) + wait)
    }

    /// Nobody wants another class any more. Mirrors `rolledBack`.
    fn rolled_back(&self, outcome: &mut Outcome) {
        let mut clone = self.claim.clone();
        let conditions = clone.status.get_or_insert_default().conditions.get_or_insert_default();
        let before = conditions.len();
        conditions.retain(|c| c.type_ != MODIFYING);
        if conditions.len() < before {
            outcome.event(self.tell(false, "VolumeModifyCanceled", "Cancelled modify."));
            outcome.write(Write::update_status(clone));
        }
    }

    /// Mirrors `validateVACAndModifyVolumeWithTarget`.
    fn begin(&self, attempt: Attempt, outcome: &mut Outcome) {
        let name = wanted(self.claim);
        if self.view.get_as::<VolumeAttributesClass>("", name).is_none() {
            let message = format!("VAC {name:?} does not exist.");
            outcome.event(self.tell(true, "VolumeModifyFailed", message));
            let mut clone = self.claim.clone();
            let status = clone.status.get_or_insert_default().modify_volume_status.get_or_insert_with(no_status);
            status.status = "Pending".into();
            if clone != *self.claim {
                outcome.write(Write::update_status(clone));
            }
            // OBSERVATION: a class that is made later brings nobody back here; only the claim's change does.
            return;
        }
        let mut clone = self.claim.clone();
        let status = clone.status.get_or_insert_default();
        let modify = status.modify_volume_status.get_or_insert_with(no_status);
        modify.status = "InProgress".into();
        modify.target_volume_attributes_class_name = Some(name.to_string());
        let message = format!("Modifying volume to {name:?} is in progress.");
        merge(&mut status.conditions, &[condition(MODIFYING, "", message)], self.now);
        outcome.write(Write::update_status(clone.clone()));
        let message = format!("external resizer is modifying volume {} with vac {name}", self.object.name());
        outcome.event(self.tell(false, "VolumeModify", message));
        self.call(name, clone, attempt, outcome);
    }

    /// Has the driver do it, and says what came of it. Mirrors `controllerModifyVolumeWithTarget`.
    fn call(&self, target: &str, claim: PersistentVolumeClaim, mut attempt: Attempt, outcome: &mut Outcome) {
        let Some(class) = self.view.get_as::<VolumeAttributesClass>("", target) else {
            outcome.event(self.tell(true, "VolumeModifyFailed", format!("VAC {target:?} does not exist.")));
            return self.fail(attempt, outcome);
        };
        let begun = Time(*attempt.begun.get_or_insert(self.now.0));
        let due = begun + self.driver.latency();
        if self.now < due {
            save(&attempt, self.object, outcome);
            outcome.after(due - self.now);
            return;
        }
        match self.modify(class) {
            Ok(()) => self.completed(target, claim, outcome),
            Err(fault) => self.failed(target, claim, attempt, &fault, outcome),
        }
    }

    /// What the driver answers. Mirrors `ControllerModifyVolume`.
    fn modify(&self, class: &VolumeAttributesClass) -> Result<(), String> {
        if let Some(fault) = self.driver.failure(Operation::Modify) {
            return Err(fault);
        }
        let none = BTreeMap::new();
        let storage_class = self.volume.spec.as_ref().and_then(|s| s.storage_class_name.as_deref()).unwrap_or_default();
        let storage_class = self.view.get_as::<StorageClass>("", storage_class);
        let of_class = storage_class.and_then(|c| c.parameters.as_ref()).unwrap_or(&none);
        let Some(modify) = self.driver.model().modify else { return Ok(()) };
        modify(class.parameters.as_ref().unwrap_or(&none), of_class)
            .map_err(|fault| format!("rpc error: code = InvalidArgument desc = {fault}"))
    }

    /// Mirrors `markControllerModifyVolumeCompleted`.
    fn completed(&self, target: &str, mut claim: PersistentVolumeClaim, outcome: &mut Outcome) {
        let mut volume = self.volume.clone();
        volume.spec.get_or_insert_default().volume_attributes_class_name = Some(target.to_string());
        outcome.write(Write::update(volume));
        let status = claim.status.get_or_insert_default();
        status.modify_volume_status = None;
        status.current_volume_attributes_class_name = Some(target.to_string());
        let mut conditions = status.conditions.take().unwrap_or_default();
        conditions.retain(|c| c.type_ != MODIFYING && c.type_ != ERROR);
        status.conditions = Some(conditions).filter(|all| !all.is_empty());
        outcome.note(note(&self.object.key()), "");
        outcome.write(Write::update_status(claim));
        let name = self.object.name();
        let message = format!("external resizer modified volume {name} with vac {target} successfully");
        outcome.event(self.tell(false, "VolumeModifySuccessful", message));
    }

    fn failed(
        &self,
        target: &str,
        mut claim: PersistentVolumeClaim,
        mut attempt: Attempt,
        fault: &str,
        outcome: &mut Outcome,
    ) {
        let (code, text) = code_and_text(fault);
        let non_final = ["Canceled", "DeadlineExceeded", "Unavailable", "ResourceExhausted", "Aborted"];
        attempt.uncertain = non_final.contains(&code);
        let infeasible = code == "InvalidArgument";
        let status = claim.status.get_or_insert_default();
        let modify = status.modify_volume_status.get_or_insert_with(no_status);
        modify.status = if infeasible { "Infeasible" } else { "InProgress" }.into();
        let (state, told) = match attempt.uncertain {
            true => ("is still in progress.", format!("{fault}. Still modifying to VAC {target}")),
            false => ("failed. Waiting for retry.", fault.to_string()),
        };
        let modifying = condition(MODIFYING, "", format!("Modifying volume to {target:?} {state}"));
        merge(&mut status.conditions, &[modifying, condition(ERROR, code, text.to_string())], self.now);
        outcome.write(Write::update_status(claim));
        outcome.event(self.tell(true, "VolumeModifyFailed", told));
        attempt.failed.1 = self.now.0;
        self.fail(attempt, outcome);
    }

    fn fail(&self, mut attempt: Attempt, outcome: &mut Outcome) {
        attempt.begun = None;
        attempt.failed = (attempt.failed.0.saturating_add(1), self.now.0);
        save(&attempt, self.object, outcome);
        let status = self.claim.status.as_ref().and_then(|s| s.modify_volume_status.as_ref());
        let next = self.next_attempt(&attempt, status);
        outcome.recurring(next.map_or(RETRY.base_delay, |next| next - self.now));
    }
}

fn no_status() -> ModifyVolumeStatus {
    ModifyVolumeStatus { status: String::new(), target_volume_attributes_class_name: None }
}

/// The code and the description of a gRPC status.
fn code_and_text(fault: &str) -> (&str, &str) {
    let rest = fault.strip_prefix("rpc error: code = ").unwrap_or(fault);
    rest.split_once(" desc = ").unwrap_or(("Unknown", fault))
}

fn condition(type_: &str, reason: &str, message: String) -> PersistentVolumeClaimCondition {
    PersistentVolumeClaimCondition {
        type_: type_.into(),
        status: "True".into(),
        reason: Some(reason.to_string()).filter(|r| !r.is_empty()),
        message: Some(message),
        ..Default::default()
    }
}

/// Mirrors `MergePVCConditions`.
fn merge(
    conditions: &mut Option<Vec<PersistentVolumeClaimCondition>>,
    new: &[PersistentVolumeClaimCondition],
    now: Time,
) {
    let list = conditions.get_or_insert_default();
    for condition in new {
        let mut condition = condition.clone();
        condition.last_probe_time = Some(now.meta());
        condition.last_transition_time = Some(now.meta());
        match list.iter_mut().find(|c| c.type_ == condition.type_) {
            Some(old) => {
                if old.reason == condition.reason && old.status == condition.status {
                    condition.last_transition_time = old.last_transition_time.clone();
                }
                *old = condition;
            }
            None => list.push(condition),
        }
    }
}
