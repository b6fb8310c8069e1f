//! The external provisioners that the clusters here have: they make volumes for claims and delete them again.
//!
//! Mirrors `sigs.k8s.io/sig-storage-lib-external-provisioner/controller/controller.go`, which rancher's local-path
//! provisioner, the NFS provisioners and the external-provisioner of CSI drivers are built on. A class whose provisioner
//! nobody runs waits for ever.

mod backends;
mod cloning_protection;
pub(crate) mod csi;
pub(crate) mod local_path;
mod nfs;
mod options;
mod pods;
mod secrets;
mod source;
mod topology;
mod voice;
mod work;

use serde::{Deserialize, Serialize};

use crate::api::csi::translation::class_to_csi;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use crate::api::k8s::api::storage::v1::{StorageClass, VolumeAttachment};
use crate::api::names::Draw;
use crate::api::object::annotation_of;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::persistent_volume::helpers::{
    ANN_BETA_STORAGE_PROVISIONER, ANN_DYNAMICALLY_PROVISIONED, ANN_SELECTED_NODE, ANN_STORAGE_PROVISIONER,
};
use crate::controllers::persistent_volume::reference_to_claim;
use crate::controllers::pvc_protection::without_finalizer;
use crate::controllers::{About, Action, Controller, Deletion, EventDraft, Outcome, Requeue, Write};
use crate::kinds::core::persistent_volume_claim::get_persistent_volume_claim_class;
use crate::store::{Change, Index, View};
use backends::Provisioner;
pub use cloning_protection::CloningProtectionController;
pub(crate) use csi::{binary_si, room_for as room_left, room_left as room_in, round_up};
use options::{Options, requests_block};
pub use pods::{served_note, server_of, waiting_for, with_served};

/// How often one looks whether a silent node answers again.
const LOOK: Duration = Duration::secs(1);
/// How long a helper pod may take: `defaultCmdTimeoutSeconds`.
const HELPER_TIMEOUT: Duration = Duration::secs(120);
/// The first wait after a failure, which doubles with each, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::secs(15), Duration::secs(1000));
/// The same for drivers: `--retry-interval-start` and `--retry-interval-max` of the external-provisioner, which never
/// gives up.
const CSI_BACKOFF: (Duration, Duration) = (Duration::secs(1), Duration::secs(300));
/// From how many failures on only a change or a resync helps: `DefaultFailedProvisionThreshold`.
const FAILURES: u32 = 15;
/// How often all claims and volumes are looked at again: `DefaultResyncPeriod`.
const RESYNC: Duration = Duration::secs(900);

/// The controller's name.
pub const NAME: &str = "external-provisioner";

/// See the module. The key is a claim or a volume.
pub struct ProvisionController;

impl Controller for ProvisionController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let ours = match change.new.as_deref() {
            Some(Object::PersistentVolumeClaim(claim)) => !has_volume(claim) && backend_of_claim(view, claim).is_some(),
            Some(Object::PersistentVolume(volume)) => backend_to_delete(view, volume).is_some(),
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
            Some(object @ Object::PersistentVolume(volume)) => delete_volume_operation(view, object, volume, now),
            _ => finish(view, key, now),
        }
    }
}

/// What becomes of a claim or volume that is gone. A driver that was about to make a volume makes it all the same: that
/// nobody wants it any more is found out then.
fn finish(view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
    let text = view.note(&note(key)).filter(|_| key.kind == Kind::PersistentVolumeClaim);
    let attempts = text.and_then(|text| serde_json::from_str::<Attempts>(text).ok()).filter(|a| a.begun.is_some());
    let claim = attempts.and_then(|a| Object::from_tree(Kind::PersistentVolumeClaim, a.claim?).ok());
    let mut outcome = match claim.as_ref().and_then(|object| Some((object, object.get::<PersistentVolumeClaim>()?))) {
        Some((object, claim)) => sync_pvc(view, object, claim, now),
        None => Outcome::done(),
    };
    if !matches!(outcome.requeue, Some(Requeue::After(_))) {
        outcome.requeue = None;
        outcome.actions.insert(0, Action::Note { name: note(key), value: String::new() });
    }
    outcome
}

/// Mirrors `syncClaim` and `provisionClaimOperation`. A claim that fails is tried again after a back-off, and at once
/// when somebody changes it.
fn sync_pvc(view: &View<'_>, object: &Object, claim: &PersistentVolumeClaim, now: Time) -> Outcome {
    let Some(backend) = backend_of_claim(view, claim).filter(|_| !has_volume(claim)) else { return Outcome::done() };
    let mut outcome = sync_with(view, &backend, object, claim, now);
    if let Provisioner::Pod(served) = &backend {
        let rejected = served.rejected(view, object.namespace());
        outcome.actions = served.voiced(rejected.as_deref(), outcome.actions);
    }
    outcome
}

fn sync_with(
    view: &View<'_>,
    backend: &Provisioner,
    object: &Object,
    claim: &PersistentVolumeClaim,
    now: Time,
) -> Outcome {
    let mut outcome = Outcome::done();
    let mut attempts = Attempts::of(view, object);
    let Some(class) = view.get_as::<StorageClass>("", get_persistent_volume_claim_class(claim)) else {
        attempts.fail(now);
        attempts.save(object, &mut outcome);
        attempts.come_back(backend.is_csi(), now, &mut outcome);
        return outcome;
    };
    let delayed = class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
    if delayed && selected_node(claim).is_none() {
        // OBSERVATION: with WaitForFirstConsumer the scheduler must have chosen a node.
        return outcome;
    }
    let volume_name = format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default());
    if view.get_as::<PersistentVolume>("", &volume_name).is_some() {
        // OBSERVATION: the volume is there; the binder binds it.
        return outcome;
    }
    let component = component(view, backend);
    let tell = |warning: bool, reason: &str, message: String| EventDraft {
        warning,
        ..EventDraft::normal(About::object(object), &component, reason, message)
    };
    if requests_block(claim) && !backend.supports_block() {
        // OBSERVATION: it makes no devices; nothing but a resync or a change brings the claim back.
        let refusal = format!("{} does not support block volume provisioning", backend.name());
        outcome.event(tell(true, "ProvisioningFailed", refusal));
        outcome.recurring(RESYNC);
        return outcome;
    }
    if !backend.serves(&class.provisioner) {
        return outcome;
    }
    if let Some(gone) = selected_node(claim).filter(|name| view.get_as::<Node>("", name).is_none()) {
        // OBSERVATION: the node that the scheduler chose is gone; it shall choose again.
        outcome.event(tell(true, "ProvisioningFailed", format!("nodes {gone:?} not found")));
        outcome.write(without_selected_node(claim));
        return outcome;
    }
    if let (Provisioner::Pod(served), Some(node)) = (backend, selected_node(claim))
        && let Some(why) = served.sees_nodes(view, node)
    {
        outcome.event(tell(true, "ProvisioningFailed", format!("failed to get target node: {why}")));
        attempts.fail(now);
        attempts.save(object, &mut outcome);
        attempts.come_back(backend.is_csi(), now, &mut outcome);
        return outcome;
    }
    let node = selected_node(claim).and_then(|name| view.get_as::<Node>("", name));
    let translated = backend.driver().and_then(|_| class_to_csi(class));
    let class = translated.as_ref().and_then(|class| class.as_ref().ok()).unwrap_or(class);
    let options = Options { view, claim, class, node, volume_name: &volume_name };
    let answer = match attempts.begun {
        None => {
            let name = format!("{}/{}", object.namespace(), object.name());
            let message = format!("External provisioner is provisioning volume for claim {name:?}");
            if let Provisioner::Pod(served) = backend {
                outcome.actions.extend(work::begins(served, &options));
            }
            outcome.event(tell(false, "Provisioning", message));
            if backend.is_csi() && options.is_populated_by_others() {
                let message = "Assuming an external populator will provision the volume";
                outcome.event(tell(false, "Provisioning", message.into()));
                return outcome;
            }
            let checked = match &translated {
                Some(Err(fault)) => Err(format!("failed to translate storage class: {fault}")),
                _ => backend.check(&options),
            };
            if checked.is_ok() {
                if backend.is_csi() {
                    options.hold_source().into_iter().for_each(|write| outcome.write(write));
                }
                attempts.begun = Some(now.0);
                attempts.claim = Some(object.to_tree()).filter(|_| backend.is_csi());
                attempts.save(object, &mut outcome);
                outcome.after(backend.latency());
                return outcome;
            }
            checked.map(|()| PersistentVolume::default())
        }
        Some(begun) => match helper_pod(view, backend, selected_node(claim), Time(begun), now) {
            Helper::Works(wait) => {
                outcome.after(wait);
                return outcome;
            }
            Helper::Hangs => {
                outcome.recurring(LOOK);
                return outcome;
            }
            Helper::Failed(fault) => Err(format!("failed to create volume {volume_name}: {fault}")),
            Helper::Done => backend.provision(&options),
        },
    };
    match answer {
        Ok(volume) if matches!(backend, Provisioner::Pod(_)) => {
            let Provisioner::Pod(served) = backend else { return outcome };
            attempts.fail(now);
            let class = class.metadata.name.as_deref().unwrap_or_default();
            let failed = format!("failed to provision volume with StorageClass {class:?}: ");
            let done = format!("Successfully provisioned volume {volume_name}");
            let ending = work::Ending {
                done: tell(false, "ProvisioningSucceeded", done),
                failed: tell(true, "ProvisioningFailed", failed),
                note: attempts.note(object),
            };
            work::provision(served, &options, completed(volume, &options), ending, &mut outcome);
            attempts.come_back(backend.is_csi(), now, &mut outcome);
        }
        Ok(volume) => {
            let volume = completed(volume, &options);
            let copied = backend.driver().and_then(|driver| csi::contents_of(&options, driver, &volume));
            outcome.write(Write::create(volume));
            if backend.is_csi() {
                options.release_source().into_iter().for_each(|write| outcome.write(write));
            }
            if let Some((from, to, size)) = copied {
                outcome.machine(move |store, _| {
                    store.copy_disk(&from, &to, size);
                    Vec::new()
                });
            }
            outcome.note(note(&object.key()), "");
            outcome.event(tell(
                false,
                "ProvisioningSucceeded",
                format!("Successfully provisioned volume {volume_name}"),
            ));
        }
        Err(reason) => {
            let class = class.metadata.name.as_deref().unwrap_or_default();
            let full = reason.contains("code = ResourceExhausted");
            let reason = format!("failed to provision volume with StorageClass {class:?}: {reason}");
            outcome.event(tell(true, "ProvisioningFailed", reason));
            attempts.fail(now);
            attempts.save(object, &mut outcome);
            if full && backend.supports_topology() && selected_node(claim).is_some() {
                // OBSERVATION: there may be room elsewhere; the scheduler shall choose again.
                outcome.write(without_selected_node(claim));
                return outcome;
            }
            attempts.come_back(backend.is_csi(), now, &mut outcome);
        }
    }
    outcome
}

/// Mirrors `rescheduleProvisioning`.
fn without_selected_node(claim: &PersistentVolumeClaim) -> Write {
    let mut clone = claim.clone();
    clone.metadata.annotations.iter_mut().for_each(|all| _ = all.remove(ANN_SELECTED_NODE));
    Write::update(clone)
}

/// How the pod gets on that makes or deletes a volume on its node.
enum Helper {
    Works(Duration),
    /// Its node is silent.
    Hangs,
    Failed(String),
    Done,
}

fn helper_pod(view: &View<'_>, backend: &Provisioner, node: Option<&str>, begun: Time, now: Time) -> Helper {
    let ready = begun + backend.latency();
    let silent = node.is_some_and(|node| view.kubelet_stopped_since(node).is_some()) && backend.works_on_node();
    match () {
        () if now < ready => Helper::Works(ready - now),
        () if silent && now < begun + HELPER_TIMEOUT => Helper::Hangs,
        () if silent => Helper::Failed(format!("create process timeout after {} seconds", HELPER_TIMEOUT.0 / 1000)),
        () => Helper::Done,
    }
}

/// A volume with what all provisioners add alike.
fn completed(mut volume: PersistentVolume, options: &Options<'_>) -> PersistentVolume {
    volume.metadata.name = Some(options.volume_name.to_string());
    let annotations = volume.metadata.annotations.get_or_insert_default();
    annotations.insert(ANN_DYNAMICALLY_PROVISIONED.into(), options.class.provisioner.clone());
    let spec = volume.spec.get_or_insert_default();
    spec.claim_ref = Some(reference_to_claim(options.claim));
    spec.storage_class_name = Some(get_persistent_volume_claim_class(options.claim).to_string());
    volume
}

/// The node that the scheduler chose for a claim's volume.
fn selected_node(claim: &PersistentVolumeClaim) -> Option<&str> {
    annotation_of(&claim.metadata, ANN_SELECTED_NODE).filter(|node| !node.is_empty())
}

/// Deletes a released volume that is ours, after the time that a helper needs. Mirrors `deleteVolumeOperation`.
fn delete_volume_operation(view: &View<'_>, object: &Object, volume: &PersistentVolume, now: Time) -> Outcome {
    let mut outcome = Outcome::done();
    let Some(backend) = backend_to_delete(view, volume) else { return outcome };
    if let Provisioner::Pod(served) = &backend {
        work::delete(view, served, object, volume, now, &mut outcome);
        return outcome;
    }
    let mut attempts = Attempts::of(view, object);
    let node = node_of(volume).filter(|name| view.get_as::<Node>("", name).is_some());
    let since = volume.status.as_ref().and_then(|s| s.last_phase_transition_time.as_ref()).map(Time::from_meta);
    let begun = match attempts.failed {
        0 => since.unwrap_or(now),
        _ => attempts.begun.map_or(now, Time),
    };
    match helper_pod(view, &backend, node, begun, now) {
        Helper::Works(wait) => {
            if attempts.failed > 0 && attempts.begun.is_none() {
                attempts.begun = Some(now.0);
                attempts.save(object, &mut outcome);
            }
            outcome.after(wait);
        }
        Helper::Hangs => outcome.recurring(LOOK),
        Helper::Failed(fault) => {
            let name = object.name();
            let message = format!("failed to delete volume {name}: failed to delete volume {name}: {fault}");
            fail_to_delete(view, &backend, object, message, attempts, now, &mut outcome);
        }
        Helper::Done => match attached_to(view, object.name()).filter(|_| backend.is_csi()) {
            Some(node) => {
                let message = format!("persistentvolume {} is still attached to node {node}", object.name());
                fail_to_delete(view, &backend, object, message, attempts, now, &mut outcome);
            }
            None => {
                outcome.note(note(&object.key()), "");
                outcome.write(Write::Delete(Deletion::of(object)));
                let held = volume.metadata.finalizers.iter().flatten().any(|f| f == csi::FINALIZER);
                if held {
                    outcome.write(without_finalizer(object, csi::FINALIZER));
                }
            }
        },
    }
    outcome
}

/// A node that a volume is attached to, or is to be.
fn attached_to<'a>(view: &View<'a>, volume: &str) -> Option<&'a str> {
    let mut attachments = view.indexed(Kind::VolumeAttachment, Index::AttachmentVolume, volume);
    attachments.find_map(|o| o.get::<VolumeAttachment>()).map(|a| a.spec.node_name.as_str())
}

/// Says that a volume could not be deleted, and tries again later.
fn fail_to_delete(
    view: &View<'_>,
    backend: &Provisioner,
    object: &Object,
    message: String,
    mut attempts: Attempts,
    now: Time,
    outcome: &mut Outcome,
) {
    let component = component(view, backend);
    outcome.event(EventDraft::warning(About::object(object), &component, "VolumeFailedDelete", message));
    attempts.fail(now);
    attempts.save(object, outcome);
    attempts.come_back(backend.is_csi(), now, outcome);
}

/// The node that a volume's affinity names.
fn node_of(volume: &PersistentVolume) -> Option<&str> {
    let required = volume.spec.as_ref()?.node_affinity.as_ref()?.required.as_ref()?;
    let expressions = required.node_selector_terms.iter().flat_map(|t| t.match_expressions.iter().flatten());
    let mut named = expressions.filter(|e| e.operator == "In").flat_map(|e| e.values.iter().flatten());
    named.next().map(String::as_str)
}

/// Whose claim it is, where it names a provisioner that runs in the cluster.
fn backend_of_claim(view: &View<'_>, claim: &PersistentVolumeClaim) -> Option<Provisioner> {
    Provisioner::named(view, provisioner_of(claim)?)
}

/// Who shall make a claim's volume.
fn provisioner_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    let named = annotation_of(&claim.metadata, ANN_STORAGE_PROVISIONER);
    named.or(annotation_of(&claim.metadata, ANN_BETA_STORAGE_PROVISIONER))
}

/// Who shall delete a volume: it is released, its policy is Delete, and one of ours made it. Mirrors `shouldDelete`.
fn backend_to_delete(view: &View<'_>, volume: &PersistentVolume) -> Option<Provisioner> {
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref())?;
    let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
    let made_by = annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED)?;
    // OBSERVATION: a volume that somebody deletes is still ours to delete as long as our finalizer holds it.
    let held = volume.metadata.finalizers.iter().flatten().any(|f| f == csi::FINALIZER);
    let goes = volume.metadata.deletion_timestamp.is_some();
    if phase != "Released" || policy != Some("Delete") || (goes && !held) {
        return None;
    }
    Provisioner::named(view, made_by)
}

fn has_volume(claim: &PersistentVolumeClaim) -> bool {
    !claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default().is_empty()
}

/// Who says a provisioner's events: `NAME_POD_UID`, the pod's name and the uid drawn once for a cluster.
fn component(view: &View<'_>, backend: &Provisioner) -> String {
    if let Provisioner::Pod(served) = backend {
        return served.component().to_string();
    }
    let (name, pod) = (backend.name(), backend.pod());
    let mut draw = draw_of(view, name);
    let pod = if pod.ends_with('-') { format!("{pod}{}", draw.suffix()) } else { pod.to_string() };
    format!("{name}_{pod}_{}", draw.uid())
}

/// What a provisioner draws, the same for the life of a cluster.
fn draw_of(view: &View<'_>, purpose: &str) -> Draw {
    Draw::new(view.seed(), &format!("provisioner/{purpose}"), 0)
}

/// What a provisioner remembers of a claim until it has made the volume, and of a volume that it failed to delete.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Attempts {
    /// The object's uid.
    uid: String,
    /// When the attempt that runs began.
    begun: Option<i64>,
    /// How many have failed.
    failed: u32,
    /// When the last one failed.
    #[serde(default)]
    ended: i64,
    /// The claim as it was when the attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<serde_json::Value>,
}

/// The name of what is remembered of an object.
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

    /// What is to be noted of it.
    fn note(&self, object: &Object) -> (String, String) {
        (note(&object.key()), serde_json::to_string(self).unwrap_or_default())
    }

    /// Notes that the attempt failed.
    fn fail(&mut self, now: Time) {
        self.begun = None;
        self.claim = None;
        self.failed += 1;
        self.ended = now.0;
    }

    /// Asks for the next attempt: after a back-off that doubles, and when that was too often at the next resync.
    fn come_back(&self, is_csi: bool, now: Time, outcome: &mut Outcome) {
        let (first, most) = if is_csi { CSI_BACKOFF } else { BACKOFF };
        let doubled = first * (1 << (self.failed.clamp(1, 10) - 1));
        let wait = match self.failed > FAILURES && !is_csi {
            true => RESYNC,
            false => doubled.min(most).min(RESYNC),
        };
        outcome.recurring(Time(self.ended) + wait - now);
    }
}
