//! The snapshot-controller: binds snapshots to contents, and has contents made for those that name a claim.
//!
//! Mirrors `pkg/common-controller/snapshot_controller.go` and `snapshot_controller_base.go`. The key is a snapshot or a
//! content. What one look writes brings the object back here, so that each does one step.

use super::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, CLAIM_FINALIZER, RETRY, class_named, content_named, has_finalizer};
use crate::api::k8s::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use crate::api::snapshot::{
    GROUP, VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent, VolumeSnapshotContentFields,
    VolumeSnapshotContentSource, VolumeSnapshotContentSpec, VolumeSnapshotError,
};
use crate::api::{Kind, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::persistent_volume::helpers::is_volume_bound_to_claim;
use crate::controllers::provisioner::binary_si;
use crate::controllers::pvc_protection::{with_finalizer, without_finalizer};
use crate::controllers::{About, Action, Controller, EventDraft, Outcome, RateLimiter, Write};
use crate::error::ApiError;
use crate::store::{Change, View};

/// Who says its events.
pub(super) const COMPONENT: &str = "snapshot-controller";

/// See the module.
pub struct SnapshotController;

impl Controller for SnapshotController {
    fn name(&self) -> &'static str {
        "snapshot-controller"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let object = change.new.as_deref().or(change.old.as_deref());
        match (change.key.kind, object) {
            (Kind::VolumeSnapshot, Some(object)) if super::is_deployed(view) => {
                enqueue(change.key.clone());
                let content = VolumeSnapshot::of(object).filter(|_| change.new.is_none());
                if let Some(name) = content.as_ref().and_then(|s| s.content_name()) {
                    enqueue(ObjectKey::cluster(Kind::VolumeSnapshotContent, name));
                }
            }
            (Kind::VolumeSnapshotContent, Some(object)) if super::is_deployed(view) => {
                if change.new.is_some() {
                    enqueue(change.key.clone());
                }
                let reference = VolumeSnapshotContent::of(object).map(|c| c.fields.spec.volume_snapshot_ref);
                if let Some(ObjectReference { namespace: Some(namespace), name: Some(name), .. }) = reference {
                    enqueue(ObjectKey::new(Kind::VolumeSnapshot, namespace, name));
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        let Some(object) = view.get(key) else { return outcome };
        if let Some(content) = VolumeSnapshotContent::of(object) {
            super::content::sync(view, object, &content, &mut outcome);
        }
        if let Some(snapshot) = VolumeSnapshot::of(object) {
            let done = sync_snapshot_by_key(view, object, &snapshot, now, &mut outcome);
            if let Err(fault) = done {
                outcome.push(Action::Fail(ApiError::internal(fault)));
            }
        }
        outcome
    }

    fn rate_limiter(&self) -> RateLimiter {
        RETRY
    }
}

/// What one look at a snapshot is about.
pub(super) struct Look<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) object: &'a Object,
    pub(super) snapshot: &'a VolumeSnapshot,
    now: Time,
}

impl Look<'_> {
    pub(super) fn event(&self, warning: bool, reason: &str, message: impl Into<String>) -> EventDraft {
        EventDraft { warning, ..EventDraft::normal(About::object(self.object), COMPONENT, reason, message) }
    }

    /// `NAMESPACE/NAME`
    fn key(&self) -> String {
        format!("{}/{}", self.snapshot.namespace(), self.snapshot.name())
    }

    /// Says in its status what is amiss with a snapshot, and tells of it, once. Mirrors
    /// `updateSnapshotErrorStatusWithEvent`.
    fn error(&self, unready: bool, reason: &str, message: &str, outcome: &mut Outcome) {
        let mut clone = self.snapshot.clone();
        let status = clone.fields.status.get_or_insert_default();
        if status.error.as_ref().is_some_and(|e| e.message.as_deref() == Some(message)) {
            return;
        }
        status.error = Some(VolumeSnapshotError { message: Some(message.to_string()), time: Some(self.now.rfc3339()) });
        if unready {
            status.ready_to_use = Some(false);
        }
        outcome.write(Write::UpdateStatus(clone.into_object()));
        outcome.event(self.event(true, reason, message));
    }

    /// The claim that it is to be a snapshot of. Mirrors `getClaimFromVolumeSnapshot`.
    pub(super) fn claim(&self) -> Result<(&Object, &PersistentVolumeClaim), String> {
        let name = self.snapshot.fields.spec.source.persistent_volume_claim_name.as_deref();
        let name = name.ok_or("the snapshot source PVC name is not specified")?;
        if name.is_empty() {
            return Err(format!("the PVC name is not specified in snapshot {}", self.key()));
        }
        let key = ObjectKey::new(Kind::PersistentVolumeClaim, self.snapshot.namespace(), name);
        let found = self.view.get(&key).and_then(|o| Some((o.as_ref(), o.get::<PersistentVolumeClaim>()?)));
        found.ok_or_else(|| {
            let fault = format!("persistentvolumeclaim {name:?} not found");
            format!("failed to retrieve PVC {name} from the lister: {fault:?}")
        })
    }

    /// The volume that it is to be a snapshot of. Mirrors `getVolumeFromVolumeSnapshot`.
    fn volume(&self) -> Result<&PersistentVolume, String> {
        let (_, claim) = self.claim()?;
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        if claim.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Bound") {
            return Err(format!("the PVC {name} is not yet bound to a PV, will not attempt to take a snapshot"));
        }
        let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        let found = self.view.get_as::<PersistentVolume>("", volume).ok_or_else(|| {
            let fault = format!("persistentvolumes {volume:?} not found");
            format!("failed to retrieve PV {volume} from the API server: {fault:?}")
        })?;
        match is_volume_bound_to_claim(found, claim) {
            true => Ok(found),
            false => Err("claim in dataSource not bound or invalid".into()),
        }
    }

    /// The class that is taken where none is named. Mirrors `SetDefaultSnapshotClass`.
    fn default_class(&self) -> Result<String, String> {
        let volume = self.volume()?;
        let Some(csi) = volume.spec.as_ref().and_then(|s| s.csi.as_ref()) else {
            return Err(format!("snapshotting non-CSI volumes is not supported, snapshot:{}", self.key()));
        };
        let classes = self.view.list(Kind::VolumeSnapshotClass).filter_map(|o| VolumeSnapshotClass::of(o));
        let defaults: Vec<_> = classes.filter(|c| c.is_default() && c.fields.driver == csi.driver).collect();
        match defaults.as_slice() {
            [] => Err("cannot find default snapshot class".into()),
            [one] => Ok(one.name().to_string()),
            many => Err(format!("{} default snapshot classes were found", many.len())),
        }
    }

    /// The content that a snapshot names, if it is there and is its own. Mirrors `getPreprovisionedContentFromStore` and
    /// `getDynamicallyProvisionedContentFromStore`.
    fn content(&self, outcome: &mut Outcome) -> Result<Option<VolumeSnapshotContent>, String> {
        let snapshot = self.snapshot;
        let named = snapshot.fields.spec.source.volume_snapshot_content_name.as_deref();
        let name = named.map_or_else(|| dynamic_content_name(snapshot), String::from);
        let Some((_, content)) = content_named(self.view, &name) else { return Ok(None) };
        let source = &content.fields.spec.source;
        let (dynamic, before) = ("dynamically provisioned", "pre-provisioned");
        let mismatch = match named {
            Some(_) if source.snapshot_handle.is_none() => Some((String::new(), dynamic, before)),
            None if source.volume_handle.is_none() => Some((format!(" {name}"), before, dynamic)),
            _ => None,
        };
        if let Some((which, is, wanted)) = mismatch {
            let message = format!("VolumeSnapshotContent{which} is {is} while expecting a {wanted} one");
            self.error(true, "SnapshotContentMismatch", &message, outcome);
            return Err(format!(
                "snapshot {} expects a {wanted} VolumeSnapshotContent {name} but gets a {is} one",
                self.key()
            ));
        }
        let reference = &content.fields.spec.volume_snapshot_ref;
        let uid = reference.uid.as_deref().unwrap_or_default();
        let fits = reference.name.as_deref() == Some(snapshot.name())
            && reference.namespace.as_deref() == Some(snapshot.namespace())
            && (uid == snapshot.uid() || (uid.is_empty() && named.is_some()));
        if !fits {
            let message = format!("VolumeSnapshotContent [{name}] is bound to a different snapshot");
            self.error(true, "SnapshotContentMisbound", &message, outcome);
            return Err(message);
        }
        Ok(Some(content))
    }
}

/// The name of the content that is made for a snapshot.
pub(super) fn dynamic_content_name(snapshot: &VolumeSnapshot) -> String {
    format!("snapcontent-{}", snapshot.uid())
}

fn update_failed(name: &str, fault: &str) -> String {
    format!("snapshot controller failed to update {name} on API server: {fault}")
}

/// Mirrors `syncSnapshotByKey` and `checkAndUpdateSnapshotClass`.
fn sync_snapshot_by_key(
    view: &View<'_>,
    object: &Object,
    snapshot: &VolumeSnapshot,
    now: Time,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let look = Look { view, object, snapshot, now };
    let spec = &snapshot.fields.spec;
    match &spec.volume_snapshot_class_name {
        Some(name) => {
            if let Err(fault) = class_named(view, name) {
                let message = format!("Failed to get snapshot class with error {fault}");
                look.error(false, "GetSnapshotClassFailed", &message, outcome);
                if !object.is_terminating() {
                    return Err(fault);
                }
            }
        }
        None if spec.source.volume_snapshot_content_name.is_some() => {}
        None => match look.default_class() {
            Ok(name) => {
                let mut clone = snapshot.clone();
                clone.fields.spec.volume_snapshot_class_name = Some(name);
                outcome.write(Write::Update(clone.into_object()));
                return Ok(());
            }
            Err(fault) => {
                let message = format!("Failed to set default snapshot class with error {fault}");
                look.error(false, "SetDefaultSnapshotClassFailed", &message, outcome);
                return Err(fault);
            }
        },
    }
    sync_snapshot(&look, outcome)
}

/// Mirrors `syncSnapshot`.
fn sync_snapshot(look: &Look<'_>, outcome: &mut Outcome) -> Result<(), String> {
    let snapshot = look.snapshot;
    check_and_remove_claim_finalizer(look, false, outcome);
    if look.object.is_terminating() {
        return super::delete::process(look, outcome);
    }
    if add_finalizers(look, outcome)? {
        return Ok(());
    }
    match snapshot.is_ready() && snapshot.content_name().is_some() {
        true => sync_ready(look, outcome),
        false => return sync_unready(look, outcome),
    }
    Ok(())
}

/// Sets a claim free once no snapshot of it is being made any more. Mirrors `checkandRemovePVCFinalizer`.
pub(super) fn check_and_remove_claim_finalizer(look: &Look<'_>, skip_this: bool, outcome: &mut Outcome) {
    let Ok((object, claim)) = look.claim() else { return };
    let name = claim.metadata.name.as_deref();
    let namespace = look.snapshot.namespace();
    let uses = |object: &std::sync::Arc<Object>| {
        let Some(other) = VolumeSnapshot::of(object) else { return false };
        let skipped = skip_this && other.name() == look.snapshot.name();
        !skipped && !other.is_ready() && other.fields.spec.source.persistent_volume_claim_name.as_deref() == name
    };
    if has_finalizer(object, CLAIM_FINALIZER) && !look.view.list_in(Kind::VolumeSnapshot, namespace).any(uses) {
        outcome.write(without_finalizer(object, CLAIM_FINALIZER));
    }
}

/// Mirrors `checkandAddSnapshotFinalizers`: whether there was one to add.
fn add_finalizers(look: &Look<'_>, outcome: &mut Outcome) -> Result<bool, String> {
    let content = match look.content(outcome) {
        Ok(content) => content,
        Err(fault) => {
            let message = format!("Failed to check and update snapshot: {fault}");
            outcome.event(look.event(true, "SnapshotFinalizerError", message));
            return Err(fault);
        }
    };
    let source = !has_finalizer(look.object, AS_SOURCE_FINALIZER);
    let deletes = content.is_some_and(|c| c.fields.spec.deletion_policy == "Delete");
    let bound = deletes && !has_finalizer(look.object, BOUND_FINALIZER) && look.snapshot.content_name().is_some();
    if !source && !bound {
        return Ok(false);
    }
    let mut clone = look.object.clone();
    let finalizers = clone.meta_mut().finalizers.get_or_insert_default();
    finalizers.extend(source.then(|| AS_SOURCE_FINALIZER.to_string()));
    finalizers.extend(bound.then(|| BOUND_FINALIZER.to_string()));
    outcome.write(Write::Update(clone));
    Ok(true)
}

/// Mirrors `syncReadySnapshot`.
fn sync_ready(look: &Look<'_>, outcome: &mut Outcome) {
    let name = look.snapshot.content_name().unwrap_or_default();
    match content_named(look.view, name) {
        None => look.error(true, "SnapshotContentMissing", "VolumeSnapshotContent is missing", outcome),
        Some((_, content)) if !content.is_of(look.snapshot) => {
            let message = "VolumeSnapshotContent is not bound to the VolumeSnapshot correctly";
            look.error(true, "SnapshotMisbound", message, outcome);
        }
        Some(_) => {
            // OBSERVATION: all is as it should be.
        }
    }
}

/// Mirrors `syncUnreadySnapshot`.
fn sync_unready(look: &Look<'_>, outcome: &mut Outcome) -> Result<(), String> {
    let source = &look.snapshot.fields.spec.source;
    let content = look.content(outcome)?;
    if let Some(name) = &source.volume_snapshot_content_name {
        let Some(content) = content else {
            look.error(true, "SnapshotContentMissing", "VolumeSnapshotContent is missing", outcome);
            return Err(format!("snapshot {} requests an non-existing content {name}", look.key()));
        };
        let content = bind_content(look, content, outcome);
        update_status(look, &content, outcome);
        return Ok(());
    }
    match content {
        Some(content) => update_status(look, &content, outcome),
        None => return create_content(look, outcome),
    }
    Ok(())
}

/// Gives a content that was made beforehand the snapshot's uid and class. Mirrors `checkandBindSnapshotContent`.
fn bind_content(look: &Look<'_>, content: VolumeSnapshotContent, outcome: &mut Outcome) -> VolumeSnapshotContent {
    let mut clone = content.clone();
    let spec = &mut clone.fields.spec;
    let bound = spec.volume_snapshot_ref.uid.as_deref().is_some_and(|uid| !uid.is_empty());
    if !bound || spec.volume_snapshot_class_name.is_none() {
        spec.volume_snapshot_ref.uid = Some(look.snapshot.uid().to_string());
        if let Some(class) = &look.snapshot.fields.spec.volume_snapshot_class_name {
            spec.volume_snapshot_class_name = Some(class.clone());
        }
    }
    if clone != content {
        outcome.write(Write::Update(clone.clone().into_object()));
    }
    clone
}

/// Brings a snapshot's status up to its content's, and tells of what is new. Mirrors `updateSnapshotStatus`.
fn update_status(look: &Look<'_>, content: &VolumeSnapshotContent, outcome: &mut Outcome) {
    let of = content.fields.status.clone().unwrap_or_default();
    let mut clone = look.snapshot.clone();
    let fresh = clone.fields.status.is_none();
    let status = clone.fields.status.get_or_insert_default();
    if status.bound_volume_snapshot_content_name.is_none() {
        status.bound_volume_snapshot_content_name = Some(content.name().to_string());
    }
    if status.creation_time.is_none() {
        status.creation_time = of.creation_time.map(|nanos| Time(nanos / 1_000_000).rfc3339());
    }
    let ready = of.ready_to_use == Some(true);
    if status.ready_to_use != Some(ready) {
        status.ready_to_use = Some(ready);
    }
    if status.restore_bytes().unwrap_or(0) == 0
        && let Some(size) = of.restore_size.filter(|size| fresh || *size > 0 || status.restore_size.is_none())
    {
        status.restore_size = Some(binary_si(size).into());
    }
    status.error = of.error;
    if clone.fields.status == look.snapshot.fields.status {
        return;
    }
    let created = |s: &VolumeSnapshot| s.fields.status.as_ref().is_some_and(|s| s.creation_time.is_some());
    if !created(look.snapshot) && created(&clone) {
        let message = format!("Snapshot {} was successfully created by the CSI driver.", look.key());
        outcome.event(look.event(false, "SnapshotCreated", message));
    }
    if !look.snapshot.is_ready() && clone.is_ready() {
        outcome.event(look.event(false, "SnapshotReady", format!("Snapshot {} is ready to use.", look.key())));
    }
    outcome.write(Write::UpdateStatus(clone.into_object()));
}

/// Has a content made for a snapshot of a claim. Mirrors `createSnapshotContent`.
fn create_content(look: &Look<'_>, outcome: &mut Outcome) -> Result<(), String> {
    let made = ensure_claim_finalizer(look, outcome).and_then(|()| new_content(look));
    match made {
        Ok(content) => {
            outcome.write(Write::Create(content.into_object()));
            let message = format!("Waiting for a snapshot {} to be created by the CSI driver.", look.key());
            outcome.event(look.event(false, "CreatingSnapshot", message));
            Ok(())
        }
        Err(fault) => {
            let message = format!("Failed to create snapshot content with error {fault}");
            look.error(true, "SnapshotContentCreationFailed", &message, outcome);
            Err(fault)
        }
    }
}

/// Holds a claim as long as a snapshot of it is being made. Mirrors `ensurePVCFinalizer`.
fn ensure_claim_finalizer(look: &Look<'_>, outcome: &mut Outcome) -> Result<(), String> {
    let Ok((object, _)) = look.claim() else {
        return Err(update_failed(look.snapshot.name(), "cannot get claim from snapshot"));
    };
    if has_finalizer(object, CLAIM_FINALIZER) {
        return Ok(());
    }
    if object.is_terminating() {
        let fault = "cannot add finalizer on claim because it is being deleted";
        return Err(update_failed(object.name(), fault));
    }
    outcome.write(with_finalizer(object, CLAIM_FINALIZER));
    Ok(())
}

fn new_content(look: &Look<'_>) -> Result<VolumeSnapshotContent, String> {
    let snapshot = look.snapshot;
    let input = || {
        let name = snapshot.fields.spec.volume_snapshot_class_name.as_deref();
        let name =
            name.ok_or_else(|| format!("failed to take snapshot {} without a snapshot class", snapshot.name()))?;
        Ok((class_named(look.view, name)?, look.volume()?))
    };
    let (class, volume): (VolumeSnapshotClass, &PersistentVolume) = input().map_err(|fault: String| {
        format!("failed to get input parameters to create snapshot {}: {fault:?}", snapshot.name())
    })?;
    let spec = volume.spec.clone().unwrap_or_default();
    let Some(csi) = spec.csi else {
        let name = volume.metadata.name.as_deref().unwrap_or_default();
        return Err(format!("cannot find CSI PersistentVolumeSource for volume {name}"));
    };
    Ok(VolumeSnapshotContent {
        metadata: ObjectMeta { name: Some(dynamic_content_name(snapshot)), ..Default::default() },
        fields: VolumeSnapshotContentFields {
            spec: VolumeSnapshotContentSpec {
                deletion_policy: class.fields.deletion_policy.clone(),
                driver: class.fields.driver.clone(),
                source: VolumeSnapshotContentSource { volume_handle: Some(csi.volume_handle), snapshot_handle: None },
                source_volume_mode: spec.volume_mode,
                volume_snapshot_class_name: Some(class.name().to_string()),
                volume_snapshot_ref: ObjectReference {
                    api_version: Some(format!("{GROUP}/v1")),
                    kind: Some("VolumeSnapshot".into()),
                    name: snapshot.metadata.name.clone(),
                    namespace: snapshot.metadata.namespace.clone(),
                    resource_version: snapshot.metadata.resource_version.clone(),
                    uid: snapshot.metadata.uid.clone(),
                    field_path: None,
                },
            },
            status: None,
        },
    })
}
