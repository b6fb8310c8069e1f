//! Has drivers attach what VolumeAttachments ask for, and detach what they ask for no more.
//!
//! Mirrors `pkg/controller/csi_handler.go` and `util.go` of kubernetes-csi/external-attacher. The key is an attachment,
//! or a volume that is being deleted. What the driver itself would answer is as `controllers::csi` has it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::csi::{Driver, Operation, attach_fault, driver, is_deleted};
use super::pvc_protection::{with_finalizer, without_finalizer};
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{PersistentVolume, Secret, SecretReference};
use crate::api::k8s::api::storage::v1::{CSINode, VolumeAttachment, VolumeError};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{Controller, Outcome, Write};
use crate::store::{Change, Index, View};

/// On an attachment: what the driver calls the node.
const ANN_NODE_ID: &str = "csi.alpha.kubernetes.io/node-id";

/// How long to wait after a failure: `--retry-interval-start`, doubled up to `--retry-interval-max`.
const RETRY: (Duration, Duration) = (Duration::secs(1), Duration::secs(300));

/// gRPC's code for a node that takes no more volumes.
const RESOURCE_EXHAUSTED: i32 = 8;

/// See the module.
pub struct ExternalAttacher;

impl Controller for ExternalAttacher {
    fn name(&self) -> &'static str {
        "external-attacher"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        match (change.key.kind, change.new.as_deref().or(change.old.as_deref())) {
            (Kind::VolumeAttachment, Some(Object::VolumeAttachment(attachment))) => {
                enqueue(change.key.clone());
                let volume = attachment.spec.source.persistent_volume_name.as_deref().unwrap_or_default();
                let key = ObjectKey::cluster(Kind::PersistentVolume, volume);
                if change.new.is_none() && view.get(&key).is_some_and(|o| o.is_terminating()) {
                    enqueue(key);
                }
            }
            (Kind::PersistentVolume, Some(volume)) if change.new.is_some() && volume.is_terminating() => {
                enqueue(change.key.clone());
            }
            // A driver that is new on a node.
            (Kind::CSINode, Some(_)) => {
                let waiting = view.indexed(Kind::VolumeAttachment, Index::AttachmentNode, &change.key.name);
                waiting.filter(|o| !is_attached(o) || o.is_terminating()).for_each(|o| enqueue(o.key()));
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        match view.get(key).map(|o| (o, o.as_ref())) {
            Some((object, Object::VolumeAttachment(attachment))) => {
                let Some(driver) = driver(view, &attachment.spec.attacher).filter(|d| d.model().csi) else {
                    return outcome;
                };
                match object.is_terminating() {
                    true => sync_detach(view, object, attachment, &driver, now, &mut outcome),
                    false => sync_attach(view, object, attachment, &driver, now, &mut outcome),
                }
            }
            Some((object, Object::PersistentVolume(volume))) => release(view, object, volume, &mut outcome),
            _ if key.kind == Kind::VolumeAttachment => forget(view, &key.name, &mut outcome),
            _ => {}
        }
        outcome
    }
}

fn is_attached(object: &Object) -> bool {
    object.get::<VolumeAttachment>().and_then(|a| a.status.as_ref()).is_some_and(|s| s.attached)
}

/// The finalizer by which the sidecar of a driver holds attachments and volumes. Mirrors `GetFinalizerName`.
fn finalizer(driver: &str) -> String {
    let sanitized: String =
        driver.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
    let end = if sanitized.ends_with('-') { "X" } else { "" };
    format!("external-attacher/{sanitized}{end}")
}

/// What a sidecar keeps in mind of an attachment.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    /// Since when the driver is at it, in whichever direction.
    begun: Option<(bool, i64)>,
    /// How often it failed in a row, and when for the last time.
    failed: (u32, i64),
}

fn note(attachment: &str) -> String {
    format!("external-attacher/{attachment}")
}

impl Attempt {
    fn of(view: &View<'_>, attachment: &str) -> Attempt {
        view.note(&note(attachment)).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    fn save(&self, attachment: &str, outcome: &mut Outcome) {
        outcome.note(note(attachment), serde_json::to_string(self).unwrap_or_default());
    }

    /// Lets the time pass that the driver needs: whether it is over.
    fn works(&mut self, attaches: bool, driver: &Driver, attachment: &str, now: Time, outcome: &mut Outcome) -> bool {
        let begun = match self.begun {
            Some((direction, begun)) if direction == attaches => Time(begun),
            _ => {
                self.begun = Some((attaches, now.0));
                self.save(attachment, outcome);
                now
            }
        };
        let due = begun + if attaches { driver.attach_latency() } else { driver.latency() };
        if now < due {
            outcome.after(due - now);
        }
        now >= due
    }
}

fn forget(view: &View<'_>, attachment: &str, outcome: &mut Outcome) {
    if view.note(&note(attachment)).is_some() {
        outcome.note(note(attachment), "");
    }
}

/// Mirrors `syncAttach` and `csiAttach`.
fn sync_attach(
    view: &View<'_>,
    object: &Object,
    attachment: &VolumeAttachment,
    driver: &Driver,
    now: Time,
    outcome: &mut Outcome,
) {
    if attachment.status.as_ref().is_some_and(|s| s.attached) {
        return;
    }
    let mut attempt = Attempt::of(view, object.name());
    if let Some(next) = next_attempt(attempt.failed).filter(|next| now < *next) {
        outcome.recurring(next - now);
        return;
    }
    let node_id = match prepare(view, object, attachment, driver, outcome) {
        Ok(node_id) => node_id,
        Err(fault) => return save_attach_error(object, attachment, attempt, fault, None, now, outcome),
    };
    let csi = volume_of(view, attachment).as_deref().and_then(CsiVolume::of);
    let deleted = csi.filter(|csi| is_deleted(view, csi)).map(|csi| attach_fault(view, &csi, &node_id));
    let mut clone = attachment.clone();
    let finalizer = finalizer(&driver.name);
    let finalizers = clone.metadata.finalizers.get_or_insert_default();
    if !finalizers.contains(&finalizer) {
        finalizers.push(finalizer);
    }
    clone.metadata.annotations.get_or_insert_default().insert(ANN_NODE_ID.into(), node_id);
    if clone != *attachment {
        outcome.write(Write::update(clone.clone()));
    }
    if !attempt.works(true, driver, object.name(), now, outcome) {
        return;
    }
    if let Some(fault) = driver.failure(Operation::Attach).or(deleted) {
        let code = code_of(&fault);
        return save_attach_error(object, &clone, attempt, fault, code, now, outcome);
    }
    if let Some(limit) = driver.attach_limit().filter(|limit| attached_to(view, attachment) >= *limit) {
        let fault = format!(
            "rpc error: code = ResourceExhausted desc = Attachment limit exceeded for volume {:?} on node {:?}: the node \
             takes {limit} volumes",
            attachment.spec.source.persistent_volume_name.as_deref().unwrap_or_default(),
            attachment.spec.node_name
        );
        return save_attach_error(object, &clone, attempt, fault, Some(RESOURCE_EXHAUSTED), now, outcome);
    }
    let status = clone.status.get_or_insert_default();
    status.attached = true;
    status.attach_error = None;
    outcome.write(Write::update_status(clone));
    forget(view, object.name(), outcome);
}

/// How many volumes of the driver are attached to the node of an attachment.
fn attached_to(view: &View<'_>, attachment: &VolumeAttachment) -> i32 {
    let here = view.indexed(Kind::VolumeAttachment, Index::AttachmentNode, &attachment.spec.node_name);
    let of_driver = here
        .filter_map(|o| o.get::<VolumeAttachment>())
        .filter(|a| a.spec.attacher == attachment.spec.attacher && a.status.as_ref().is_some_and(|s| s.attached));
    i32::try_from(of_driver.count()).unwrap_or(i32::MAX)
}

/// The volume of an attachment; one of a pod's own the attachment itself describes.
fn volume_of<'a>(view: &View<'a>, attachment: &VolumeAttachment) -> Option<Cow<'a, PersistentVolume>> {
    let source = &attachment.spec.source;
    if let Some(name) = &source.persistent_volume_name {
        return view.get_as::<PersistentVolume>("", name).map(Cow::Borrowed);
    }
    let spec = source.inline_volume_spec.clone();
    spec.map(|spec| Cow::Owned(PersistentVolume { spec: Some(spec), ..Default::default() }))
}

/// Why the secret for attaching can't be had. Mirrors `getCredentialsFromPV`.
fn secret_fault(view: &View<'_>, secret: &SecretReference) -> Option<String> {
    let (namespace, name) = (secret.namespace.as_deref()?, secret.name.as_deref()?);
    let there = view.get_as::<Secret>(namespace, name).is_some();
    let fault = || format!("failed to load secret \"{namespace}/{name}\": secrets {name:?} not found");
    (!there).then(fault)
}

/// Looks at as much as possible before the driver is asked: what it calls the node.
fn prepare(
    view: &View<'_>,
    object: &Object,
    attachment: &VolumeAttachment,
    driver: &Driver,
    outcome: &mut Outcome,
) -> Result<String, String> {
    let source = &attachment.spec.source;
    if let Some(name) = &source.persistent_volume_name {
        let key = ObjectKey::cluster(Kind::PersistentVolume, name);
        let Some((found, volume)) = view.get(&key).and_then(|o| Some((o, o.get::<PersistentVolume>()?))) else {
            return Err(format!("persistentvolume {name:?} not found"));
        };
        if found.is_terminating() {
            return Err(format!("PersistentVolume {name:?} is marked for deletion"));
        }
        let finalizer = finalizer(&driver.name);
        let held = found.meta().finalizers.iter().flatten().any(|f| *f == finalizer);
        if !held && driver.model().holds_volumes {
            outcome.write(with_finalizer(found, &finalizer));
        }
        if CsiVolume::of(volume).is_none() {
            return Err("pv spec contains nil CSI source".into());
        }
        let secret = volume.spec.as_ref().and_then(|s| s.csi.as_ref()?.controller_publish_secret_ref.as_ref());
        if let Some(fault) = secret.and_then(|secret| secret_fault(view, secret)) {
            return Err(fault);
        }
    } else if source.inline_volume_spec.is_none() {
        return Err("neither InlineCSIVolumeSource nor PersistentVolumeName specified in VA source".into());
    }
    let node = attachment.spec.node_name.as_str();
    let Some(csi_node) = view.get_as::<CSINode>("", node) else {
        return Err(format!("csinode.storage.k8s.io {node:?} not found"));
    };
    let found = csi_node.spec.drivers.iter().find(|d| d.name == driver.name);
    let known = object.annotation(ANN_NODE_ID);
    let node_id = found.map(|d| d.node_id.as_str()).or(known);
    node_id.map(String::from).ok_or_else(|| format!("CSINode {node} does not contain driver {}", driver.name))
}

/// The number of the gRPC code that an error names.
fn code_of(fault: &str) -> Option<i32> {
    let name = fault.split("code = ").nth(1)?.split(' ').next()?;
    let names = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    names.iter().position(|n| *n == name).and_then(|n| i32::try_from(n).ok())
}

fn next_attempt(failed: (u32, i64)) -> Option<Time> {
    let doublings = failed.0.checked_sub(1)?.min(20);
    Some(Time(failed.1) + Duration(RETRY.0.0 << doublings).min(RETRY.1))
}

/// Mirrors `saveAttachError`.
fn save_attach_error(
    object: &Object,
    attachment: &VolumeAttachment,
    mut attempt: Attempt,
    fault: String,
    error_code: Option<i32>,
    now: Time,
    outcome: &mut Outcome,
) {
    attempt.begun = None;
    attempt.failed = (attempt.failed.0.saturating_add(1), now.0);
    attempt.save(object.name(), outcome);
    let mut clone = attachment.clone();
    let error = VolumeError { message: Some(fault), time: Some(now.meta()), error_code };
    clone.status.get_or_insert_default().attach_error = Some(error);
    outcome.write(Write::update_status(clone));
    outcome.recurring(next_attempt(attempt.failed).map_or(RETRY.0, |next| next - now));
}

/// Mirrors `syncDetach`, `csiDetach` and `markAsDetached`: the finalizer goes, and with it the attachment.
fn sync_detach(
    view: &View<'_>,
    object: &Object,
    attachment: &VolumeAttachment,
    driver: &Driver,
    now: Time,
    outcome: &mut Outcome,
) {
    let finalizer = finalizer(&driver.name);
    if !attachment.metadata.finalizers.iter().flatten().any(|f| *f == finalizer) {
        return;
    }
    let mut attempt = Attempt::of(view, object.name());
    let volume = attachment.spec.source.persistent_volume_name.as_deref();
    if let Some(name) = volume.filter(|name| view.get_as::<PersistentVolume>("", name).is_none()) {
        // OBSERVATION: nobody knows any more what the driver calls the volume; that ends only by hand.
        if let Some(next) = next_attempt(attempt.failed).filter(|next| now < *next) {
            outcome.recurring(next - now);
            return;
        }
        let mut clone = attachment.clone();
        let message = format!("persistentvolume {name:?} not found");
        let error = VolumeError { message: Some(message), time: Some(now.meta()), error_code: None };
        clone.status.get_or_insert_default().detach_error = Some(error);
        outcome.write(Write::update_status(clone));
        attempt.failed = (attempt.failed.0.saturating_add(1), now.0);
        attempt.save(object.name(), outcome);
        outcome.recurring(next_attempt(attempt.failed).map_or(RETRY.0, |next| next - now));
        return;
    }
    if attempt.works(false, driver, object.name(), now, outcome) {
        forget(view, object.name(), outcome);
        outcome.write(without_finalizer(object, &finalizer));
    }
}

/// Lets go of a volume that is being deleted and attached nowhere. Mirrors `SyncNewOrUpdatedPersistentVolume`.
fn release(view: &View<'_>, object: &Object, volume: &PersistentVolume, outcome: &mut Outcome) {
    let Some(csi) = CsiVolume::of(volume).filter(|csi| driver(view, &csi.driver).is_some()) else { return };
    let finalizer = finalizer(&csi.driver);
    let held = object.meta().finalizers.iter().flatten().any(|f| *f == finalizer);
    let attached = view.count(Kind::VolumeAttachment, Index::AttachmentVolume, object.name()) > 0;
    if object.is_terminating() && held && !attached {
        outcome.write(without_finalizer(object, &finalizer));
    }
}
