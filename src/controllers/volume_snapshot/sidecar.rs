//! The csi-snapshotter beside a driver: has it take the snapshots that contents ask for, and delete them.
//!
//! Mirrors `pkg/sidecar-controller/snapshot_controller.go`. The key is a content. What the driver itself would answer is as
//! `controllers::csi` has it. A snapshot holds what the volume held when the driver was asked for it.

use serde::{Deserialize, Serialize};

use super::{ANN_BEING_CREATED, ANN_BEING_DELETED, CONTENT_FINALIZER, RETRY, class_named, has_finalizer};
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::api::names::Draw;
use crate::api::snapshot::{VolumeSnapshotContent, VolumeSnapshotError, disk_of};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::csi::model::{NewSnapshot, is_of_sidecars};
use crate::controllers::csi::{Driver, Operation, driver};
use crate::controllers::persistent_volume::helpers::volume_capacity;
use crate::controllers::pvc_protection::without_finalizer;
use crate::controllers::{About, Controller, EventDraft, Outcome, Write};
use crate::store::{Change, View};

/// See the module.
pub struct CsiSnapshotter;

impl Controller for CsiSnapshotter {
    fn name(&self) -> &'static str {
        "csi-snapshotter"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let is_content = change.key.kind == Kind::VolumeSnapshotContent;
        if is_content && (change.new.is_some() || view.note(&note(&change.key.name)).is_some()) {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some((object, content)) = view.get(key).and_then(|o| Some((o, VolumeSnapshotContent::of(o)?))) else {
            outcome.note(note(&key.name), "");
            return outcome;
        };
        if let Some(driver) = driver_of(view, &content) {
            Look { view, object, content: &content, driver: &driver, now }.sync(&mut outcome);
        }
        outcome
    }
}

/// Whose content it is. Mirrors `isDriverMatch`.
fn driver_of(view: &View<'_>, content: &VolumeSnapshotContent) -> Option<Driver> {
    let spec = &content.fields.spec;
    let class = spec.volume_snapshot_class_name.as_deref().and_then(|name| class_named(view, name).ok());
    let other = class.is_some_and(|class| class.fields.driver != spec.driver);
    driver(view, &spec.driver).filter(|d| !other && d.model().csi && d.model().snapshot)
}

/// What a sidecar keeps in mind of a content.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    uid: String,
    /// Since when the driver is at it.
    begun: Option<i64>,
    /// How often it failed in a row, and when for the last time.
    failed: (u32, i64),
}

fn note(content: &str) -> String {
    format!("csi-snapshotter/{content}")
}

/// What a driver knows of a snapshot that it took, also when nobody in the cluster speaks of it any more.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    /// When, in nanoseconds since 1970.
    creation_time: i64,
    /// How many bytes it has.
    size: i64,
}

fn note_of_taken(driver: &str, handle: &str) -> String {
    format!("csi-snapshot/{driver}/{handle}")
}

/// The parameters of a class that sidecars read.
const KNOWN_TO_SIDECARS: &[&str] = &[
    "csi.storage.k8s.io/snapshotter-secret-name",
    "csi.storage.k8s.io/snapshotter-secret-namespace",
    "csi.storage.k8s.io/snapshotter-list-secret-name",
    "csi.storage.k8s.io/snapshotter-list-secret-namespace",
    "csi.storage.k8s.io/group-snapshotter-secret-name",
    "csi.storage.k8s.io/group-snapshotter-secret-namespace",
    "csi.storage.k8s.io/group-snapshotter-get-secret-name",
    "csi.storage.k8s.io/group-snapshotter-get-secret-namespace",
];

/// What one look at a content is about.
struct Look<'a> {
    view: &'a View<'a>,
    object: &'a Object,
    content: &'a VolumeSnapshotContent,
    driver: &'a Driver,
    now: Time,
}

impl Look<'_> {
    fn attempt(&self) -> Attempt {
        let name = note(self.object.name());
        let kept = self.view.note(&name).and_then(|text| serde_json::from_str::<Attempt>(text).ok());
        let fresh = || Attempt { uid: self.object.uid().to_string(), ..Attempt::default() };
        kept.filter(|a| a.uid == self.object.uid()).unwrap_or_else(fresh)
    }

    fn save(&self, attempt: &Attempt, outcome: &mut Outcome) {
        outcome.note(note(self.object.name()), serde_json::to_string(attempt).unwrap_or_default());
    }

    /// Mirrors `syncContent`.
    fn sync(&self, outcome: &mut Outcome) {
        let status = self.content.fields.status.as_ref();
        if self.should_delete() {
            return self.delete(outcome);
        }
        if status.is_some_and(|s| s.ready_to_use == Some(true)) {
            return self.say_being_created(false, self.object, outcome);
        }
        match &self.content.fields.spec.source.snapshot_handle {
            Some(handle) => self.look_up(handle, outcome),
            None => self.create(outcome),
        }
    }

    /// Mirrors `shouldDelete`.
    fn should_delete(&self) -> bool {
        let spec = &self.content.fields.spec;
        let unbound = spec.volume_snapshot_ref.uid.as_deref().unwrap_or_default().is_empty();
        self.object.is_terminating()
            && ((spec.source.snapshot_handle.is_some() && unbound)
                || (self.object.annotation(ANN_BEING_CREATED).is_none()
                    && self.object.annotation(ANN_BEING_DELETED).is_some()))
    }

    /// Has the driver delete the snapshot where the policy says so, and lets go of the content. Mirrors
    /// `deleteCSISnapshotOperation`.
    fn delete(&self, outcome: &mut Outcome) {
        let handle = self.content.fields.status.as_ref().and_then(|s| s.snapshot_handle.clone());
        if let Some(handle) = handle.filter(|_| self.content.fields.spec.deletion_policy == "Delete") {
            if self.is_at_it(&mut self.attempt(), outcome) {
                return;
            }
            let disk = disk_of(&self.driver.name, &handle);
            outcome.machine(move |store, _| {
                store.remove_disk(&disk);
                Vec::new()
            });
            outcome.note(note_of_taken(&self.driver.name, &handle), "");
            let mut clone = self.content.clone();
            if let Some(status) = &mut clone.fields.status {
                (status.snapshot_handle, status.ready_to_use) = (None, None);
                (status.creation_time, status.restore_size) = (None, None);
            }
            outcome.write(Write::UpdateStatus(clone.into_object()));
        }
        outcome.note(note(self.object.name()), "");
        if has_finalizer(self.object, CONTENT_FINALIZER) {
            outcome.write(without_finalizer(self.object, CONTENT_FINALIZER));
        }
    }

    /// Lets the time pass that the driver needs: whether it is not over.
    fn is_at_it(&self, attempt: &mut Attempt, outcome: &mut Outcome) -> bool {
        let begun = *attempt.begun.get_or_insert(self.now.0);
        let due = Time(begun) + self.driver.latency();
        if self.now < due {
            self.save(attempt, outcome);
            outcome.after(due - self.now);
        }
        self.now < due
    }

    /// Says on the content that the driver was asked to make it, or that it has answered.
    fn say_being_created(&self, on: bool, object: &Object, outcome: &mut Outcome) {
        if object.annotation(ANN_BEING_CREATED).is_some() == on {
            return;
        }
        let mut clone = object.clone();
        let annotations = clone.meta_mut().annotations.get_or_insert_default();
        match on {
            true => _ = annotations.insert(ANN_BEING_CREATED.into(), "yes".into()),
            false => _ = annotations.remove(ANN_BEING_CREATED),
        }
        let left = clone.meta_mut().annotations.take().filter(|all| !all.is_empty());
        clone.meta_mut().annotations = left;
        outcome.write(Write::Update(clone));
    }

    /// Looks at a snapshot that was there before its content. Mirrors `GetSnapshotStatus`: as volumes are, a snapshot is
    /// there by being named.
    fn look_up(&self, handle: &str, outcome: &mut Outcome) {
        if let Some(name) = &self.content.fields.spec.volume_snapshot_class_name
            && let Err(fault) = class_named(self.view, name)
        {
            let name = format!("failed to get snapshot class {name} for snapshot content {}", self.object.name());
            return self.fail(self.attempt(), &format!("{name}: {fault}"), outcome);
        }
        let known = self.view.note(&note_of_taken(&self.driver.name, handle));
        let taken = known.and_then(|text| serde_json::from_str::<Taken>(text).ok());
        let taken = taken.unwrap_or(Taken { creation_time: nanoseconds(self.now), size: 0 });
        self.update_status(handle, true, &taken, outcome);
    }

    /// Has the driver take a snapshot. Mirrors `createSnapshotWrapper`.
    fn create(&self, outcome: &mut Outcome) {
        let mut attempt = self.attempt();
        if let Some(next) = next_attempt(attempt.failed).filter(|next| self.now < *next) {
            outcome.recurring(next - self.now);
            return;
        }
        if let Err(fault) = self.input() {
            return self.fail(attempt, &fault, outcome);
        }
        let spec = &self.content.fields.spec;
        let volume = spec.source.volume_handle.clone().unwrap_or_default();
        let volume = CsiVolume { driver: self.driver.name.clone(), handle: volume };
        let handle = self.handle(&volume);
        let disk = disk_of(&self.driver.name, &handle);
        if attempt.begun.is_none() && !self.is_taken() {
            // What the volume holds from now on is in no snapshot that is asked for now.
            let (from, to, size) = (volume.disk(), disk, self.size_of(&volume).unwrap_or(0).max(0) as u64);
            outcome.machine(move |store, _| {
                store.remove_disk(&to);
                store.copy_disk(&from, &to, size);
                Vec::new()
            });
            self.say_being_created(true, self.object, outcome);
            self.is_at_it(&mut attempt, outcome);
            return;
        }
        if self.is_at_it(&mut attempt, outcome) {
            return;
        }
        let begun = attempt.begun.take().map_or(self.now, Time);
        let uploads = self.driver.model().uploads_snapshots && !self.is_taken();
        let missing = || {
            let text = format!("rpc error: code = NotFound desc = Could not find volume {:?}", volume.handle);
            self.size_of(&volume).ok_or(text)
        };
        match self.driver.failure(Operation::Snapshot).map_or_else(missing, Err) {
            Ok(size) => {
                let taken = Taken { creation_time: nanoseconds(begun), size };
                let text = serde_json::to_string(&taken).unwrap_or_default();
                outcome.note(note_of_taken(&self.driver.name, &handle), text);
                match uploads {
                    true => _ = self.is_at_it(&mut Attempt { failed: (0, 0), ..attempt }, outcome),
                    false => outcome.note(note(self.object.name()), ""),
                }
                self.update_status(&handle, !uploads, &taken, outcome);
                self.say_being_created(false, self.object, outcome);
            }
            Err(fault) => {
                outcome.machine(move |store, _| {
                    store.remove_disk(&disk);
                    Vec::new()
                });
                if is_final(&fault) {
                    self.say_being_created(false, self.object, outcome);
                }
                let fault = format!("failed to take snapshot of the volume {}: {fault:?}", volume.handle);
                self.fail(attempt, &fault, outcome);
            }
        }
    }

    /// Whether the driver took the snapshot already, so that only the upload is waited for.
    fn is_taken(&self) -> bool {
        self.content.fields.status.as_ref().is_some_and(|s| s.snapshot_handle.is_some())
    }

    /// Mirrors `getCSISnapshotInput` and `RemovePrefixedParameters`.
    fn input(&self) -> Result<(), String> {
        let name = self.object.name();
        let class = match &self.content.fields.spec.volume_snapshot_class_name {
            Some(class) => class_named(self.view, class),
            None => Err(format!("failed to take snapshot {name} without a snapshot class")),
        };
        let class = class.map_err(|fault| {
            format!("failed to get input parameters to create snapshot for content {name}: {fault:?}")
        })?;
        let unknown = |key: &&String| is_of_sidecars(key) && !KNOWN_TO_SIDECARS.contains(&key.as_str());
        match class.fields.parameters.keys().find(unknown) {
            Some(key) => Err(format!(
                "failed to remove CSI Parameters of prefixed keys: found unknown parameter key {key:?} with reserved \
                 namespace csi.storage.k8s.io/"
            )),
            None => Ok(()),
        }
    }

    fn handle(&self, volume: &CsiVolume) -> String {
        let uid = self.content.fields.spec.volume_snapshot_ref.uid.as_deref().unwrap_or_default();
        let mut draw = Draw::new(self.view.seed(), &format!("csi-snapshot/{}", self.object.uid()), 0);
        let new = NewSnapshot { name: &format!("snapshot-{uid}"), volume: &volume.handle };
        (self.driver.model().snapshot_handle)(&mut draw, &new)
    }

    /// How many bytes the volume has; none where the driver has no such.
    fn size_of(&self, volume: &CsiVolume) -> Option<i64> {
        let mut all = self.view.list_as::<PersistentVolume>();
        let found = all.find(|v| CsiVolume::of(v).as_ref() == Some(volume));
        let of_disk = || self.view.disk(&volume.disk()).map(|d| d.size.unwrap_or(0) as i64);
        found.map(|v| volume_capacity(v).value()).or_else(of_disk)
    }

    /// Mirrors `updateSnapshotContentStatus`.
    fn update_status(&self, handle: &str, ready: bool, taken: &Taken, outcome: &mut Outcome) {
        let mut clone = self.content.clone();
        let status = clone.fields.status.get_or_insert_default();
        status.snapshot_handle.get_or_insert_with(|| handle.to_string());
        status.creation_time.get_or_insert(taken.creation_time);
        if status.ready_to_use != Some(ready) {
            status.ready_to_use = Some(ready);
            status.error = status.error.take().filter(|_| !ready);
        }
        if status.restore_size.is_none() && taken.size > 0 {
            status.restore_size = Some(taken.size);
        }
        if clone != *self.content {
            outcome.write(Write::UpdateStatus(clone.into_object()));
        }
    }

    /// Says in the content's status what went wrong, tells of it once, and tries again later. Mirrors
    /// `updateContentErrorStatusWithEvent`.
    fn fail(&self, mut attempt: Attempt, fault: &str, outcome: &mut Outcome) {
        let (reason, what) = match self.content.fields.status {
            None => ("SnapshotCreationFailed", "Failed to create snapshot"),
            Some(_) => ("SnapshotContentCheckandUpdateFailed", "Failed to check and update snapshot content"),
        };
        let message = format!("{what}: {fault}");
        attempt.begun = None;
        attempt.failed = (attempt.failed.0.saturating_add(1), self.now.0);
        self.save(&attempt, outcome);
        outcome.recurring(next_attempt(attempt.failed).map_or(RETRY.base_delay, |next| next - self.now));
        let mut clone = self.content.clone();
        let status = clone.fields.status.get_or_insert_default();
        if status.error.as_ref().is_some_and(|e| e.message.as_deref() == Some(&message)) {
            return;
        }
        status.error = Some(VolumeSnapshotError { message: Some(message.clone()), time: Some(self.now.rfc3339()) });
        status.ready_to_use = Some(false);
        outcome.write(Write::UpdateStatus(clone.into_object()));
        let component = format!("csi-snapshotter {}", self.driver.name);
        outcome.event(EventDraft::warning(About::object(self.object), &component, reason, message));
    }
}

fn nanoseconds(time: Time) -> i64 {
    time.0.saturating_mul(1_000_000)
}

fn next_attempt(failed: (u32, i64)) -> Option<Time> {
    let doublings = failed.0.checked_sub(1)?.min(20);
    Some(Time(failed.1) + Duration(RETRY.base_delay.0 << doublings).min(RETRY.max_delay))
}

/// Whether the driver is surely not at it any more. Mirrors `isCSIFinalError`.
fn is_final(fault: &str) -> bool {
    let code = fault.split("code = ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    !["", "Canceled", "DeadlineExceeded", "Unavailable", "ResourceExhausted", "Aborted"].contains(&code)
}
