//! Has drivers make volumes larger, up to what is left for the node to do.
//!
//! Mirrors `pkg/controller/expand_and_recover.go` and `resize_status.go` of kubernetes-csi/external-resizer. The key is a
//! claim. What the driver itself would answer is as `controllers::csi` has it.

use serde::{Deserialize, Serialize};

use super::conditions::merge;
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::api::object::annotation_of;
use crate::api::quantity::{Quantity, amount};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::csi::model::Expansion;
use crate::controllers::csi::{Driver, Operation, driver, expand_fault, is_deleted};
use crate::controllers::persistent_volume::helpers::{claim_key, requested_storage, volume_capacity};
use crate::controllers::persistent_volume::{is_pod_terminated, migrated_plugin_of};
use crate::controllers::provisioner::{binary_si, round_up};
use crate::controllers::{About, Controller, EventDraft, Outcome, Write};
use crate::store::{Change, Index, View};

/// On a claim: the driver that took over from a plugin in the tree, whose resizer is to see to it.
const ANN_VOLUME_RESIZER: &str = "volume.kubernetes.io/storage-resizer";
/// On a claim: nothing is left for a node to do.
const ANN_NODE_EXPANSION_NOT_REQUIRED: &str = "volume.kubernetes.io/node-expansion-not-required";
/// On a volume: its size before, until the node has grown the file system.
const ANN_PRE_RESIZE_CAPACITY: &str = "volume.alpha.kubernetes.io/pre-resize-capacity";

/// How long to wait after a failure: `--retry-interval-start`, doubled up to `--retry-interval-max`.
const RETRY: (Duration, Duration) = (Duration::secs(1), Duration::secs(300));
/// How long after one that no repetition mends: `slowset`'s retention time.
const SLOW_RETRY: Duration = Duration::secs(20 * 60);

/// See the module.
pub struct ExternalResizer;

impl Controller for ExternalResizer {
    fn name(&self) -> &'static str {
        "external-resizer"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let new = change.new.as_deref();
        match (change.key.kind, new) {
            (Kind::PersistentVolumeClaim, Some(object)) => {
                if object
                    .get::<PersistentVolumeClaim>()
                    .is_some_and(|c| need_resize(c) || grew(c, change.old.as_deref()))
                {
                    enqueue(change.key.clone());
                }
            }
            (Kind::PersistentVolumeClaim, None) if view.note(&note(&change.key)).is_some() => {
                enqueue(change.key.clone());
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        match view.get(key).and_then(|o| Some((o, o.get::<PersistentVolumeClaim>()?))) {
            Some((object, claim)) => sync_pvc(view, object, claim, now, &mut outcome),
            None => outcome.note(note(key), ""),
        }
        outcome
    }
}

fn phase(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

fn capacity(claim: &PersistentVolumeClaim) -> Quantity {
    amount(claim.status.as_ref().and_then(|s| s.capacity.as_ref()), "storage").unwrap_or_default()
}

fn need_resize(claim: &PersistentVolumeClaim) -> bool {
    phase(claim) == "Bound" && requested_storage(claim) > capacity(claim)
}

fn grew(claim: &PersistentVolumeClaim, old: Option<&Object>) -> bool {
    old.and_then(Object::get::<PersistentVolumeClaim>).is_some_and(|old| capacity(claim) > capacity(old))
}

/// How far the resizing of a claim's volume is.
fn resize_status(claim: &PersistentVolumeClaim) -> &str {
    let all = claim.status.as_ref().and_then(|s| s.allocated_resource_statuses.as_ref());
    all.and_then(|all| all.get("storage")).map_or("", String::as_str)
}

/// What a resizer keeps in mind of a claim.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    uid: String,
    /// Since when the driver is at it.
    begun: Option<i64>,
    /// How often it failed in a row, and when for the last time.
    failed: (u32, i64),
    /// Whether the driver said that the volume is in use.
    in_use_error: bool,
    /// Whether what it said last was final.
    final_error: bool,
    /// Since when nothing is tried for a while.
    slow_since: Option<i64>,
}

fn note(key: &ObjectKey) -> String {
    format!("external-resizer/{}/{}", key.namespace, key.name)
}

impl Attempt {
    fn of(view: &View<'_>, object: &Object) -> Attempt {
        let kept = view.note(&note(&object.key())).and_then(|text| serde_json::from_str::<Attempt>(text).ok());
        kept.filter(|a| a.uid == object.uid())
            .unwrap_or_else(|| Attempt { uid: object.uid().to_string(), ..Attempt::default() })
    }

    fn save(&self, object: &Object, outcome: &mut Outcome) {
        let fresh = Attempt { uid: self.uid.clone(), ..Attempt::default() };
        let text = if *self == fresh { String::new() } else { serde_json::to_string(self).unwrap_or_default() };
        outcome.note(note(&object.key()), text);
    }

    fn next(&self) -> Option<Time> {
        let doublings = self.failed.0.checked_sub(1)?.min(20);
        Some(Time(self.failed.1) + Duration(RETRY.0.0 << doublings).min(RETRY.1))
    }
}

fn sync_pvc(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time, outcome: &mut Outcome) {
    let name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else { return };
    let Some(driver) = CsiVolume::of(volume).and_then(|csi| driver(view, &csi.driver)) else { return };
    if capacity(claim) >= volume_capacity(volume) && annotation_of(&volume.metadata, ANN_PRE_RESIZE_CAPACITY).is_some()
    {
        let mut clone = volume.clone();
        clone.metadata.annotations.iter_mut().for_each(|all| _ = all.remove(ANN_PRE_RESIZE_CAPACITY));
        outcome.write(Write::update(clone));
    }
    if !need_resize(claim) || !can_be_expanded(&driver, volume, claim) {
        if view.note(&note(&object.key())).is_some() {
            outcome.note(note(&object.key()), "");
        }
        return;
    }
    expand_and_recover(view, object, claim, volume, &driver, now, outcome);
}

fn can_be_expanded(driver: &Driver, volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let bound = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).is_some_and(|r| r.uid == claim.metadata.uid);
    let ours = migrated_plugin_of(volume).is_none()
        || annotation_of(&claim.metadata, ANN_VOLUME_RESIZER) == Some(driver.name.as_str());
    bound && ours && driver.expansion() != Expansion::No
}

/// To which size the volume is to be brought, the last operation first; none where that is the node's to do.
fn new_size(claim: &PersistentVolumeClaim, volume: &PersistentVolume, attempt: &Attempt) -> Option<Quantity> {
    let allocated = amount(claim.status.as_ref().and_then(|s| s.allocated_resources.as_ref()), "storage");
    let (asked, has, status) = (requested_storage(claim), volume_capacity(volume), resize_status(claim));
    if has < asked {
        return match status {
            "NodeResizeInfeasible" => Some(allocated.unwrap_or(asked)),
            "NodeResizePending" | "NodeResizeInProgress" => {
                // OBSERVATION: what was begun before goes on first.
                Some(allocated.unwrap_or(asked)).filter(|size| has < *size)
            }
            "ControllerResizeInProgress" if !attempt.final_error => Some(allocated.unwrap_or(asked)),
            _ => Some(asked),
        };
    }
    match status {
        "NodeResizePending" | "NodeResizeInProgress" => None,
        _ => Some(allocated.unwrap_or(asked)),
    }
}

fn expand_and_recover(
    view: &View<'_>,
    object: &Object,
    claim: &PersistentVolumeClaim,
    volume: &PersistentVolume,
    driver: &Driver,
    now: Time,
    outcome: &mut Outcome,
) {
    let mut attempt = Attempt::of(view, object);
    let Some(size) = new_size(claim, volume, &attempt) else { return };
    let allocated = amount(claim.status.as_ref().and_then(|s| s.allocated_resources.as_ref()), "storage");
    let same = allocated == Some(size);
    if same {
        let slow = attempt.slow_since.map(|since| Time(since) + SLOW_RETRY).filter(|until| now < *until);
        if let Some(due) = slow.or(attempt.next().filter(|next| now < *next)) {
            outcome.recurring(due - now);
            return;
        }
    } else {
        attempt = Attempt { uid: attempt.uid, in_use_error: attempt.in_use_error, begun: None, ..Attempt::default() };
    }
    let component = format!("external-resizer {}", driver.name);
    let tell = |warning: bool, reason: &str, message: String| EventDraft {
        warning,
        ..EventDraft::normal(About::object(object), &component, reason, message)
    };
    let marked = in_progress(claim, size, !same, now);
    if marked.status != claim.status {
        outcome.write(Write::update_status(marked.clone()));
    }
    if annotation_of(&claim.metadata, ANN_NODE_EXPANSION_NOT_REQUIRED).is_some() {
        let mut clone = marked.clone();
        clone.metadata.annotations.iter_mut().for_each(|all| _ = all.remove(ANN_NODE_EXPANSION_NOT_REQUIRED));
        outcome.write(Write::update(clone));
    }
    let in_use = is_in_use(view, claim);
    if attempt.in_use_error && in_use {
        let message = format!(
            "Unable to expand {} because CSI driver {} only supports offline expansion and volume is currently in-use",
            claim_key(claim),
            driver.name
        );
        outcome.event(tell(true, "VolumeResizeFailed", message));
        return fail(object, attempt, now, outcome);
    }
    let Some(begun) = attempt.begun.map(Time) else {
        let name = volume.metadata.name.as_deref().unwrap_or_default();
        outcome.event(tell(false, "Resizing", format!("External resizer is resizing volume {name}")));
        attempt.begun = Some(now.0);
        attempt.in_use_error = false;
        attempt.save(object, outcome);
        outcome.after(driver.latency());
        return;
    };
    if now < begun + driver.latency() {
        outcome.after(begun + driver.latency() - now);
        return;
    }
    match resize(view, driver, volume, size, in_use) {
        Ok(got) => finish(object, &marked, volume, driver, got, now, outcome, &tell),
        Err(fault) => {
            let name = volume.metadata.name.as_deref().unwrap_or_default();
            let code = fault.split("code = ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
            let infeasible = matches!(code, "InvalidArgument" | "OutOfRange" | "NotFound");
            attempt.in_use_error = code == "FailedPrecondition";
            attempt.final_error = true;
            attempt.slow_since = infeasible.then_some(now.0);
            outcome.write(Write::update_status(failed(&marked, &fault, infeasible, now)));
            let message = format!("resize volume {name:?} by resizer {:?} failed: {fault}", driver.name);
            outcome.event(tell(true, "VolumeResizeFailed", message));
            fail(object, attempt, now, outcome);
        }
    }
}

fn fail(object: &Object, mut attempt: Attempt, now: Time, outcome: &mut Outcome) {
    attempt.begun = None;
    attempt.failed = (attempt.failed.0.saturating_add(1), now.0);
    attempt.save(object, outcome);
    let next = attempt.slow_since.map(|since| Time(since) + SLOW_RETRY).or(attempt.next());
    outcome.recurring(next.map_or(RETRY.0, |next| next - now));
}

/// Whether a pod that has not ended uses the claim.
fn is_in_use(view: &View<'_>, claim: &PersistentVolumeClaim) -> bool {
    let mut pods = view.indexed(Kind::Pod, Index::PodClaim, &claim_key(claim)).filter_map(|o| o.get::<Pod>());
    pods.any(|pod| !is_pod_terminated(pod))
}

/// What the driver answers. Mirrors `ControllerExpandVolume`.
fn resize(
    view: &View<'_>,
    driver: &Driver,
    volume: &PersistentVolume,
    size: Quantity,
    in_use: bool,
) -> Result<i64, String> {
    if let Some(fault) = driver.failure(Operation::Expand) {
        return Err(fault);
    }
    if let Some(csi) = CsiVolume::of(volume).filter(|csi| is_deleted(view, csi)) {
        return Err(expand_fault(view, &csi));
    }
    if driver.expansion() == Expansion::Offline && in_use {
        return Err(
            "rpc error: code = FailedPrecondition desc = the volume is in use, and grows only when it is not".into()
        );
    }
    let got = round_up(size.value(), driver.model().granularity);
    let more = got.saturating_sub(volume_capacity(volume).value());
    match crate::controllers::provisioner::room_left(view, driver, volume).is_some_and(|left| left < more) {
        true => Err(format!("rpc error: code = OutOfRange desc = {more} bytes more are not available")),
        false => Ok(got),
    }
}

fn text(bytes: i64) -> Text {
    Text(binary_si(bytes))
}

fn in_progress(claim: &PersistentVolumeClaim, size: Quantity, update: bool, now: Time) -> PersistentVolumeClaim {
    let mut clone = claim.clone();
    let status = clone.status.get_or_insert_default();
    merge(&mut status.conditions, &[("Resizing", String::new())], !update, now);
    if update {
        let statuses = status.allocated_resource_statuses.get_or_insert_default();
        statuses.insert("storage".into(), "ControllerResizeInProgress".into());
    }
    status.allocated_resources.get_or_insert_default().insert("storage".into(), Text(size.to_string()));
    clone
}

fn failed(claim: &PersistentVolumeClaim, fault: &str, infeasible: bool, now: Time) -> PersistentVolumeClaim {
    let mut clone = claim.clone();
    let status = clone.status.get_or_insert_default();
    if infeasible {
        let statuses = status.allocated_resource_statuses.get_or_insert_default();
        statuses.insert("storage".into(), "ControllerResizeInfeasible".into());
    }
    let condition = ("ControllerResizeError", format!("failed to expand pvc with {fault}"));
    merge(&mut status.conditions, &[condition], true, now);
    clone
}

/// The driver has grown the volume: says so, and what is left to do.
#[allow(clippy::too_many_arguments)]
fn finish(
    object: &Object,
    claim: &PersistentVolumeClaim,
    volume: &PersistentVolume,
    driver: &Driver,
    got: i64,
    now: Time,
    outcome: &mut Outcome,
    tell: &dyn Fn(bool, &str, String) -> EventDraft,
) {
    let block = claim.spec.as_ref().and_then(|s| s.volume_mode.as_deref()) == Some("Block");
    let fs_resize_required = driver.model().node_expansion && !block;
    let mut grown = volume.clone();
    let spec = grown.spec.get_or_insert_default();
    spec.capacity.get_or_insert_default().insert("storage".into(), text(got));
    if fs_resize_required && annotation_of(&volume.metadata, ANN_PRE_RESIZE_CAPACITY).is_none() {
        let annotations = grown.metadata.annotations.get_or_insert_default();
        annotations.insert(ANN_PRE_RESIZE_CAPACITY.into(), capacity(claim).to_string());
    }
    outcome.write(Write::update(grown));
    let mut clone = claim.clone();
    let status = clone.status.get_or_insert_default();
    outcome.note(note(&object.key()), "");
    if fs_resize_required {
        let message = "Waiting for user to (re-)start a pod to finish file system resize of volume on node.";
        merge(&mut status.conditions, &[("FileSystemResizePending", message.into())], true, now);
        let statuses = status.allocated_resource_statuses.get_or_insert_default();
        statuses.insert("storage".into(), "NodeResizePending".into());
        outcome.write(Write::update_status(clone));
        let message = "Require file system resize of volume on node";
        outcome.event(tell(false, "FileSystemResizeRequired", message.into()));
        return;
    }
    status.capacity.get_or_insert_default().insert("storage".into(), text(got));
    merge(&mut status.conditions, &[], false, now);
    status.allocated_resource_statuses.iter_mut().for_each(|all| _ = all.remove("storage"));
    status.allocated_resource_statuses = status.allocated_resource_statuses.take().filter(|all| !all.is_empty());
    outcome.write(Write::update_status(clone.clone()));
    let annotations = clone.metadata.annotations.get_or_insert_default();
    annotations.insert(ANN_NODE_EXPANSION_NOT_REQUIRED.into(), "true".into());
    outcome.write(Write::update(clone));
    outcome.event(tell(false, "VolumeResizeSuccessful", "Resize volume succeeded".into()));
}
