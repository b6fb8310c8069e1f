//! The persistent volume binder: brings claims and volumes together, and reclaims volumes whose claim is gone.
//!
//! Mirrors `pkg/controller/volume/persistentvolume/pv_controller.go`, in its "space shuttle style": every `if` has
//! its `else`, and an OBSERVATION says what is known where it is not obvious. Please keep it so.
//!
//! The key is a claim or a volume. A claim or volume that is bound and whole needs no further look until one of
//! the two changes; everything else is looked at again every 15 seconds, as the original looks at all.

pub(crate) mod bind;
mod claim;
pub mod explain;
pub mod helpers;
mod plugins;
mod reclaim;
mod volume;

#[cfg(test)]
mod tests;

use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::k8s::apimachinery::pkg::apis::meta::v1 as meta;
use crate::api::names::Draw;
use crate::api::{Duration, Kind, Object, ObjectKey, Time, Typed};
use crate::controllers::{About, Controller, EventDraft, Outcome};
use crate::store::{Change, Index, View};

pub(crate) use bind::reference_to_claim;
pub use claim::is_pod_terminated;
pub(crate) use plugins::{csi_name_from_in_tree_name, migrated_plugin_of};

pub use helpers::{
    check_access_modes, check_volume_mode_mismatches, check_volume_node_affinity, find_matching_volume,
    is_delay_binding_mode, is_delay_binding_provisioning, is_volume_bound_to_claim,
};

/// How often the binder looks at what is not bound: `--pvclaimbinder-sync-period`.
const RESYNC_PERIOD: Duration = Duration::secs(15);

/// Who says the binder's events.
const COMPONENT: &str = "persistentvolume-controller";

/// See the module.
pub struct PersistentVolumeController;

impl Controller for PersistentVolumeController {
    fn name(&self) -> &'static str {
        "persistentvolume-binder"
    }

    fn resyncs_by_lot(&self) -> bool {
        true
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match change.key.kind {
            Kind::PersistentVolumeClaim => match &change.new {
                Some(_) => enqueue(change.key.clone()),
                // OBSERVATION: the claim is gone; its volume does not wait for the next look to be released.
                None => {
                    volume_of(change).into_iter().for_each(&mut *enqueue);
                    // OBSERVATION: the binder was at it, and only the volume knew of the claim.
                    let claim = format!("{}/{}", change.key.namespace, change.key.name);
                    view.indexed(Kind::PersistentVolume, Index::VolumeClaim, &claim).for_each(|v| enqueue(v.key()));
                }
            },
            Kind::PersistentVolume => {
                if change.new.is_some() {
                    enqueue(change.key.clone());
                }
                // OBSERVATION: the volume left its claim (or is gone); the claim is lost or must be bound again.
                let (before, after) = (claim_of(change.old.as_deref()), claim_of(change.new.as_deref()));
                if before != after || change.new.is_none() {
                    before.into_iter().for_each(|(key, _)| enqueue(key));
                }
                // OBSERVATION: the volume waits for a claim that doesn't know of it, as a provisioned volume does.
                // Where the volume is "Bound", the binder itself is at it.
                let bound = view.get_as("", &change.key.name).is_some_and(|v| phase_of_volume(v) == "Bound");
                let awaited = after.filter(|(key, uid)| !bound && awaits_its_volume(view, key, uid));
                awaited.into_iter().for_each(|(key, _)| enqueue(key));
            }
            Kind::Pod if change.key.name.starts_with(reclaim::RECYCLER_PREFIX) => {
                let volume = change.key.name.trim_start_matches(reclaim::RECYCLER_PREFIX);
                enqueue(ObjectKey::cluster(Kind::PersistentVolume, volume));
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut sync = Sync { view: *view, now, outcome: Outcome::done() };
        match view.get(key).map(|o| o.as_ref()) {
            Some(Object::PersistentVolumeClaim(claim)) => sync.sync_claim(claim),
            Some(Object::PersistentVolume(volume)) => sync.sync_volume(volume),
            _ => {}
        }
        sync.outcome
    }
}

/// The volume that a deleted claim was bound to.
fn volume_of(change: &Change) -> Option<ObjectKey> {
    let claim = change.old.as_ref()?.get::<PersistentVolumeClaim>()?;
    let volume = claim.spec.as_ref()?.volume_name.as_deref().filter(|v| !v.is_empty())?;
    Some(ObjectKey::cluster(Kind::PersistentVolume, volume))
}

/// The claim that a volume refers to, with the uid.
fn claim_of(object: Option<&Object>) -> Option<(ObjectKey, String)> {
    let claim_ref = object?.get::<PersistentVolume>()?.spec.as_ref()?.claim_ref.as_ref()?;
    let (namespace, name) = (claim_ref.namespace.clone()?, claim_ref.name.clone()?);
    Some((ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name), claim_ref.uid.clone().unwrap_or_default()))
}

/// Whether a claim of that uid is not bound to any volume yet.
fn awaits_its_volume(view: &View<'_>, key: &ObjectKey, uid: &str) -> bool {
    let claim = view.get_as::<PersistentVolumeClaim>(&key.namespace, &key.name);
    claim.is_some_and(|c| {
        c.metadata.uid.as_deref() == Some(uid)
            && c.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default().is_empty()
    })
}

/// One look at a claim or volume, and what comes of it.
struct Sync<'a> {
    view: View<'a>,
    now: Time,
    outcome: Outcome,
}

impl<'a> Sync<'a> {
    fn event<T: Typed>(&mut self, object: &T, warning: bool, reason: &str, message: impl Into<String>) {
        self.outcome.event(event(object, warning, reason, message));
    }

    fn volume(&self, name: &str) -> Option<&'a PersistentVolume> {
        self.view.get_as::<PersistentVolume>("", name)
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<&'a PersistentVolumeClaim> {
        self.view.get_as::<PersistentVolumeClaim>(namespace, name)
    }

    /// Nothing is amiss that time alone could mend, but another object may: at the next of the binder's resyncs, which
    /// come for all claims and volumes at once.
    fn look_again(&mut self) {
        self.outcome.recurring(self.next_resync(self.now) - self.now);
    }

    /// The binder's first resync after a moment.
    fn next_resync(&self, after: Time) -> Time {
        let period = RESYNC_PERIOD.0;
        let phase = Draw::new(self.view.seed(), "resync", 0).below(period.unsigned_abs()).cast_signed();
        after + Duration(period - (after.0 - phase).rem_euclid(period))
    }

    fn now(&self) -> meta::Time {
        self.now.meta()
    }
}

/// An event of the binder's about a claim or volume.
fn event<T: Typed>(object: &T, warning: bool, reason: &str, message: impl Into<String>) -> EventDraft {
    let m = object.metadata();
    let about = About {
        key: ObjectKey::new(T::OF, m.namespace.clone().unwrap_or_default(), m.name.clone().unwrap_or_default()),
        uid: m.uid.clone().unwrap_or_default(),
        resource_version: m.resource_version.clone().unwrap_or_default(),
        field_path: String::new(),
    };
    EventDraft { warning, ..EventDraft::normal(about, COMPONENT, reason, message) }
}

fn has_annotation(meta: &crate::api::ObjectMeta, key: &str) -> bool {
    crate::api::object::annotation_of(meta, key).is_some()
}

fn set_annotation(meta: &mut crate::api::ObjectMeta, key: &str, value: &str) {
    meta.annotations.get_or_insert_default().insert(key.to_string(), value.to_string());
}

fn phase_of_volume(volume: &PersistentVolume) -> &str {
    volume.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

fn phase_of_claim(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}
