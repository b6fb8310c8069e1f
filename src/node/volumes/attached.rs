//! Volumes that a CSI driver brings to a node: they are attached first, then staged there by the driver's node plugin.
//!
//! Mirrors `GenerateVerifyControllerAttachedVolumeFunc` of `pkg/volume/util/operationexecutor/operation_generator.go`,
//! and `csi_attacher.go` and `csi_block.go` of `pkg/volume/csi`.

use super::VolumeSpec;
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeSpec, Secret, SecretReference};
use crate::api::k8s::api::storage::v1::{CSIDriver, CSINode, VolumeAttachment};
use crate::controllers::csi::{Operation, driver, is_deleted, mount_fault};
use crate::node::volume_manager::{attachable, reported_name};
use crate::store::View;

/// gRPC's code for it.
const RESOURCE_EXHAUSTED: i32 = 8;

/// Whether a volume is yet to be attached, or the node yet to say that it is in use: of that a kubelet says nothing.
pub(in crate::node) fn awaits_attachment(view: &View<'_>, node: &Node, spec: &VolumeSpec<'_>) -> bool {
    let Some(name) = spec.persistent_volume().and_then(|volume| reported_name(view, volume)) else { return false };
    let status = node.status.as_ref();
    let in_use = status.and_then(|s| s.volumes_in_use.as_ref()).into_iter().flatten().any(|v| *v == name);
    let attached = status.and_then(|s| s.volumes_attached.as_ref()).into_iter().flatten().any(|v| v.name == name);
    !in_use || !attached
}

/// Whether a volume can't be attached since the node takes no more of them. Mirrors `VerifyExhaustedResource`.
pub(in crate::node) fn is_exhausted(view: &View<'_>, node: &Node, spec: &VolumeSpec<'_>) -> bool {
    let Some(csi) = spec.persistent_volume().and_then(|volume| attachable(view, volume)) else { return false };
    let object = view.get_as::<CSIDriver>("", &csi.driver);
    if object.and_then(|d| d.spec.node_allocatable_update_period_seconds).is_none() {
        return false;
    }
    let name = csi.attachment_name(node.metadata.name.as_deref().unwrap_or_default());
    let attachment = view.get_as::<VolumeAttachment>("", &name);
    let error = attachment.and_then(|a| a.status.as_ref()?.attach_error.as_ref()?.error_code);
    error == Some(RESOURCE_EXHAUSTED)
}

/// Why a node has no driver of that name. Mirrors `newCsiDriverClient`.
fn unregistered(view: &View<'_>, node: &Node, driver: &str) -> Option<String> {
    let registered = view.get_as::<CSINode>("", node.metadata.name.as_deref().unwrap_or_default());
    match registered.is_some_and(|n| n.spec.drivers.iter().any(|d| d.name == driver)) {
        true => None,
        false => Some(format!("driver name {driver} not found in the list of registered CSI drivers")),
    }
}

/// Why the VolumeAttachment does not let a kubelet go on. Mirrors `csiAttacher.WaitForAttach`.
fn wait_for_attach(view: &View<'_>, node: &Node, volume: &PersistentVolume) -> Result<(), String> {
    let Some(csi) = attachable(view, volume) else { return Ok(()) };
    let name = csi.attachment_name(node.metadata.name.as_deref().unwrap_or_default());
    let Some(attachment) = view.get_as::<VolumeAttachment>("", &name) else {
        let fault = format!("volumeattachments.storage.k8s.io {name:?} not found");
        return Err(format!("volume {} has GET error for volume attachment {name}: {fault}", csi.handle));
    };
    if attachment.metadata.deletion_timestamp.is_some() {
        return Err("volume attachment is being deleted".into());
    }
    match attachment.status.as_ref().is_some_and(|s| s.attached) {
        true => Ok(()),
        false => Err(format!("volume {} is not attached for volume attachment {name}", csi.handle)),
    }
}

/// Has the driver stage a volume on the node.
///
/// # Errors
/// The step that failed, and why.
pub(super) fn mount_device(
    view: &View<'_>,
    node: &Node,
    volume: &PersistentVolume,
) -> Result<(), (&'static str, String)> {
    let Some(csi) = CsiVolume::of(volume) else { return Ok(()) };
    wait_for_attach(view, node, volume).map_err(|fault| ("WaitForAttach", fault))?;
    let step = "MountDevice";
    if let Some(fault) = unregistered(view, node, &csi.driver) {
        return Err((
            step,
            format!("kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: {fault}"),
        ));
    }
    let stage = volume.spec.as_ref().and_then(|s| s.csi.as_ref()?.node_stage_secret_ref.as_ref());
    if let Some(fault) = stage.and_then(|secret| secret_fault(view, secret)) {
        return Err((step, format!("fetching NodeStageSecretRef {fault}")));
    }
    let deleted = is_deleted(view, &csi).then(|| mount_fault(&csi));
    let fault = driver(view, &csi.driver).and_then(|d| d.failure(Operation::Mount)).or(deleted);
    fault.map_or(Ok(()), |fault| Err((step, fault)))
}

/// Has the driver mount a volume for a pod: what keeps the kubelet from asking it. Mirrors `csiMountMgr.SetUpAt`.
///
/// # Errors
/// That a secret is missing.
pub(super) fn set_up(view: &View<'_>, source: &PersistentVolumeSpec) -> Result<(), String> {
    let secret = source.csi.as_ref().and_then(|csi| csi.node_publish_secret_ref.as_ref());
    let fault = secret.and_then(|secret| secret_fault(view, secret));
    fault.map_or(Ok(()), |fault| Err(format!("fetching NodePublishSecretRef {fault}")))
}

/// Why a secret can't be had, with its name before. Mirrors `getCredentialsFromSecret`.
fn secret_fault(view: &View<'_>, secret: &SecretReference) -> Option<String> {
    let (namespace, name) = (secret.namespace.as_deref()?, secret.name.as_deref()?);
    let fault = || {
        let fault = format!("secrets {name:?} not found");
        format!(
            "{namespace}/{name} failed: kubernetes.io/csi: failed to find the secret {name} in the namespace {namespace} \
             with error: {fault}"
        )
    };
    view.get_as::<Secret>(namespace, name).is_none().then(fault)
}

/// Has the driver stage a raw device on the node.
///
/// # Errors
/// The event's reason, the step that failed, and why.
pub(super) fn set_up_device(
    view: &View<'_>,
    node: &Node,
    volume: &PersistentVolume,
) -> Result<(), (&'static str, &'static str, String)> {
    let Some(csi) = CsiVolume::of(volume) else { return Ok(()) };
    let reason = "FailedMapVolume";
    wait_for_attach(view, node, volume).map_err(|fault| (reason, "WaitForAttach", fault))?;
    let step = "SetUpDevice";
    if let Some(fault) = unregistered(view, node, &csi.driver) {
        let fault = format!("kubernetes.io/csi: blockMapper.SetUpDevice failed to get CSI client: {fault}");
        return Err((reason, step, fault));
    }
    let stage = volume.spec.as_ref().and_then(|s| s.csi.as_ref()?.node_stage_secret_ref.as_ref());
    if let Some(fault) = stage.and_then(|secret| secret_fault(view, secret)) {
        let fault = fault.replacen(" failed: ", ": ", 1);
        return Err((reason, step, format!("kubernetes.io/csi: failed to get NodeStageSecretRef {fault}")));
    }
    let deleted = is_deleted(view, &csi).then(|| mount_fault(&csi));
    let fault = driver(view, &csi.driver).and_then(|d| d.failure(Operation::Mount)).or(deleted);
    fault.map_or(Ok(()), |fault| Err((reason, step, fault)))
}
