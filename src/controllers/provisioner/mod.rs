//! The external provisioners that the clusters here have: they make volumes for claims and delete them again.
//!
//! Mirrors `sigs.k8s.io/sig-storage-lib-external-provisioner/controller/controller.go`, which rancher's local-path
//! provisioner and the NFS provisioners are built on. A class whose provisioner is not among `PROVISIONERS` waits for
//! ever, as on a cluster where nobody runs it.

mod backends;

use serde::{Deserialize, Serialize};

use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::names::Draw;
use crate::api::object::annotation_of;
use crate::api::{Duration, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::helpers::{
    ANN_BETA_STORAGE_PROVISIONER, ANN_DYNAMICALLY_PROVISIONED, ANN_SELECTED_NODE, ANN_STORAGE_PROVISIONER,
};
use crate::controllers::persistent_volume::reference_to_claim;
use crate::controllers::{About, Controller, Deletion, EventDraft, Outcome, Write};
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::store::{Change, View};
use backends::{Backend, Options, PROVISIONERS};

/// How long making or deleting a volume takes: a helper pod's life.
const HELPER_TIME: Duration = Duration::secs(1);
/// The first wait after a failure; it doubles with each.
const FIRST_BACKOFF: Duration = Duration::secs(15);
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::secs(1000);

/// See the module. The key is a claim or a volume.
pub struct ProvisionController;

impl Controller for ProvisionController {
    fn name(&self) -> &'static str {
        "external-provisioner"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let ours = match change.new.as_deref() {
            Some(Object::PersistentVolumeClaim(claim)) => backend_of_claim(claim).is_some() && !has_volume(claim),
            Some(Object::PersistentVolume(volume)) => backend_to_delete(volume).is_some(),
            Some(_) => false,
            None => view.note(&note(&change.key)).is_some(),
        };
        if ours {
            enqueue(change.key.clone());
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        match view.get(key).map(|o| o.as_ref()) {
            Some(object @ Object::PersistentVolumeClaim(claim)) => sync_pvc(view, object, claim, now),
            Some(Object::PersistentVolume(volume)) => delete_volume_operation(volume, now),
            _ => {
                let mut outcome = Outcome::done();
                outcome.note(note(key), "");
                outcome
            }
        }
    }
}

fn sync_pvc(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let Some(backend) = backend_of_claim(claim) else { return outcome };
    let Some(class) = should_provision(view, claim) else { return outcome };
    let volume_name = format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default());
    if view.get_as::<PersistentVolume>("", &volume_name).is_some() {
        // OBSERVATION: the volume is there; the binder binds it.
        return outcome;
    }
    let component = component(view, backend);
    let mut attempts = Attempts::of(view, object);
    let tell = |warning: bool, reason: &str, message: String| EventDraft {
        warning,
        ..EventDraft::normal(About::object(object), &component, reason, message)
    };
    if let Some(gone) = selected_node(claim).filter(|name| view.get_as::<Node>("", name).is_none()) {
        // OBSERVATION: the node that the scheduler chose is gone; it shall choose again.
        outcome.event(tell(true, "ProvisioningFailed", format!("node {gone:?} not found")));
        let mut clone = claim.clone();
        clone.metadata.annotations.iter_mut().for_each(|all| {
            all.remove(ANN_SELECTED_NODE);
        });
        outcome.write(Write::update(clone));
        return outcome;
    }
    let Some(begun) = attempts.begun else {
        let next = attempts.next();
        if next > now {
            // OBSERVATION: the last attempt failed a short while ago.
            outcome.recurring(next - now);
            return outcome;
        }
        attempts.begun = Some(now.0);
        attempts.save(object, &mut outcome);
        let name = format!("{}/{}", object.namespace(), object.name());
        let message = format!("External provisioner is provisioning volume for claim {name:?}");
        outcome.event(tell(false, "Provisioning", message));
        outcome.after(HELPER_TIME);
        return outcome;
    };
    let ready = Time(begun) + HELPER_TIME;
    if ready > now {
        outcome.after(ready - now);
        return outcome;
    }
    match provision(view, backend, claim, class, &volume_name) {
        Ok(volume) => {
            outcome.write(Write::create(volume));
            outcome.note(note(&object.key()), "");
            outcome.event(tell(
                false,
                "ProvisioningSucceeded",
                format!("Successfully provisioned volume {volume_name}"),
            ));
        }
        Err(reason) => {
            outcome.event(tell(true, "ProvisioningFailed", reason));
            attempts.begun = None;
            attempts.failed += 1;
            attempts.ended = now.0;
            attempts.save(object, &mut outcome);
            outcome.recurring(backoff(attempts.failed));
        }
    }
    outcome
}

/// The class of a claim that waits for its provisioner, if all that it needs to begin is there.
fn should_provision<'a>(view: &View<'a>, claim: &PersistentVolumeClaim) -> Option<&'a StorageClass> {
    if has_volume(claim) || claim.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let class = view.get_as::<StorageClass>("", get_persistent_volume_claim_class(claim))?;
    let delayed = class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
    // OBSERVATION: with WaitForFirstConsumer the scheduler must have chosen a node.
    (!delayed || selected_node(claim).is_some()).then_some(class)
}

/// The node that the scheduler chose for a claim's volume.
fn selected_node(claim: &PersistentVolumeClaim) -> Option<&str> {
    annotation_of(&claim.metadata, ANN_SELECTED_NODE).filter(|node| !node.is_empty())
}

/// Makes the volume, or says why it can't be.
fn provision(
    view: &View<'_>,
    backend: &Backend,
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    volume_name: &str,
) -> Result<PersistentVolume, String> {
    let node = selected_node(claim).and_then(|name| view.get_as::<Node>("", name));
    let options = Options { view, claim, class, node, volume_name };
    let mut volume = backend.provision(&options).map_err(|reason| {
        let class = class.metadata.name.as_deref().unwrap_or_default();
        format!("failed to provision volume with StorageClass {class:?}: {reason}")
    })?;
    volume.metadata.name = Some(volume_name.to_string());
    let annotations = volume.metadata.annotations.get_or_insert_default();
    annotations.insert(ANN_DYNAMICALLY_PROVISIONED.into(), class.provisioner.clone());
    let spec = volume.spec.get_or_insert_default();
    spec.claim_ref = Some(reference_to_claim(claim));
    spec.storage_class_name = Some(get_persistent_volume_claim_class(claim).to_string());
    Ok(volume)
}

/// Deletes a released volume that is ours, after the time that a helper needs.
fn delete_volume_operation(volume: &PersistentVolume, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    if backend_to_delete(volume).is_none() {
        return outcome;
    }
    let since = volume.status.as_ref().and_then(|s| s.last_phase_transition_time.as_ref()).map(Time::from_meta);
    let ready = since.map_or(now, |since| since + HELPER_TIME);
    if ready > now {
        outcome.after(ready - now);
    } else {
        outcome.write(Write::Delete(Deletion::of(&Object::from(volume.clone()))));
    }
    outcome
}

/// Whose claim it is, where it names a provisioner that we run.
fn backend_of_claim(claim: &PersistentVolumeClaim) -> Option<&'static Backend> {
    let named = annotation_of(&claim.metadata, ANN_STORAGE_PROVISIONER);
    let named = named.or(annotation_of(&claim.metadata, ANN_BETA_STORAGE_PROVISIONER))?;
    PROVISIONERS.iter().find(|b| b.provisioner == named)
}

/// Who shall delete a volume: it is released, its policy is Delete, and one of ours made it. Mirrors `shouldDelete`.
fn backend_to_delete(volume: &PersistentVolume) -> Option<&'static Backend> {
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref())?;
    let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
    let made_by = annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED)?;
    if !matches!(phase, "Released" | "Failed")
        || policy != Some("Delete")
        || volume.metadata.deletion_timestamp.is_some()
    {
        return None;
    }
    PROVISIONERS.iter().find(|b| b.provisioner == made_by)
}

fn has_volume(claim: &PersistentVolumeClaim) -> bool {
    !claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default().is_empty()
}

/// Who says a provisioner's events: `NAME_POD_UID`, the pod's name and the uid drawn once for a cluster.
fn component(view: &View<'_>, backend: &Backend) -> String {
    let mut draw = draw_of(view, backend.provisioner);
    let pod =
        if backend.pod.ends_with('-') { format!("{}{}", backend.pod, draw.suffix()) } else { backend.pod.to_string() };
    format!("{}_{pod}_{}", backend.provisioner, draw.uid())
}

/// What a provisioner draws, the same for the life of a cluster.
fn draw_of(view: &View<'_>, purpose: &str) -> Draw {
    Draw::new(view.seed(), &format!("provisioner/{purpose}"), 0)
}

fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_BACKOFF * (1 << (failures.clamp(1, 8) - 1));
    doubled.min(MAX_BACKOFF)
}

/// What a provisioner remembers of a claim until it has made the volume.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Attempts {
    /// The claim's uid.
    uid: String,
    /// When the attempt that runs began.
    begun: Option<i64>,
    /// How many have failed.
    failed: u32,
    /// When the last one failed.
    ended: i64,
}

/// The name of what is remembered of a claim.
fn note(key: &ObjectKey) -> String {
    format!("provisioner/{}/{}", key.namespace, key.name)
}

impl Attempts {
    /// What is remembered of a claim; nothing of an earlier one of its name.
    fn of(view: &View<'_>, claim: &Object) -> Attempts {
        let kept = view.note(&note(&claim.key())).and_then(|text| serde_json::from_str::<Attempts>(text).ok());
        kept.filter(|a| a.uid == claim.uid())
            .unwrap_or_else(|| Attempts { uid: claim.uid().to_string(), ..Attempts::default() })
    }

    fn save(&self, claim: &Object, outcome: &mut Outcome) {
        outcome.note(note(&claim.key()), serde_json::to_string(self).unwrap_or_default());
    }

    /// When the next attempt may begin.
    fn next(&self) -> Time {
        if self.failed == 0 { Time(0) } else { Time(self.ended) + backoff(self.failed) }
    }
}
