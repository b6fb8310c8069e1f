//! Which volumes a pod's containers use, and what each is made from.
//!
//! Mirrors `pkg/kubelet/volumemanager/populator`. The scheduler waits for claims; a pod that was given a node at once
//! comes here without it. What no container uses is left alone.

use super::{Source, VolumeSpec, mount};
use crate::api::csi::as_persistent;
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Volume};
use crate::controllers::csi::is_attached_inline;
use crate::store::View;

/// A volume that containers use, and how.
struct Used<'a> {
    volume: &'a Volume,
    mounted: bool,
    as_device: bool,
}

fn used_volumes(pod: &Pod) -> impl Iterator<Item = Used<'_>> {
    let spec = pod.spec.as_ref();
    let containers = move || spec.into_iter().flat_map(|s| s.init_containers.iter().flatten().chain(&s.containers));
    spec.into_iter().flat_map(|s| s.volumes.iter().flatten()).filter_map(move |volume| {
        let mounted = containers().any(|c| c.volume_mounts.iter().flatten().any(|m| m.name == volume.name));
        let as_device = containers().any(|c| c.volume_devices.iter().flatten().any(|d| d.name == volume.name));
        (mounted || as_device).then_some(Used { volume, mounted, as_device })
    })
}

/// What a pod's volumes are made from, and the faulty ones by the pod's name for them, each with what is wrong.
pub(in crate::node) fn process_pod_volumes<'a>(
    view: &'a View<'a>,
    pod: &'a Pod,
) -> (Vec<VolumeSpec<'a>>, Vec<(&'a str, String)>) {
    let (mut specs, mut faulty) = (Vec::new(), Vec::new());
    for used in used_volumes(pod) {
        match create_volume_spec(view, pod, &used) {
            Ok(spec) if mount::has_plugin(&spec) => specs.push(spec),
            Ok(spec) => {
                let fault = "no volume plugin matched";
                let fault = format!("failed to get Plugin from volumeSpec for volume {:?} err={fault}", spec.name());
                faulty.push((used.volume.name.as_str(), fault));
            }
            Err(fault) => faulty.push((used.volume.name.as_str(), fault)),
        }
    }
    (specs, faulty)
}

fn create_volume_spec<'a>(view: &'a View<'a>, pod: &Pod, used: &Used<'a>) -> Result<VolumeSpec<'a>, String> {
    let (volume, namespace) = (used.volume, pod.metadata.namespace.as_deref().unwrap_or_default());
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    let spec = |source| VolumeSpec { outer_name: &volume.name, source, as_device: used.as_device };
    let (claim_name, is_ephemeral) = match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(source), _) => (source.claim_name.clone(), false),
        (None, Some(_)) => (format!("{pod_name}-{}", volume.name), true),
        (None, None) => {
            let source = as_persistent(volume, namespace)
                .filter(|v| is_attached_inline(view, v))
                .map(Box::new)
                .map(Source::Attached);
            return Ok(spec(source.unwrap_or(Source::Volume(volume))));
        }
    };
    let of_claim = |fault| format!("error processing PVC {namespace}/{claim_name}: {fault}");
    let claim = extract_volume(view, namespace, &claim_name).map_err(of_claim)?;
    let owners = claim.metadata.owner_references.iter().flatten();
    if is_ephemeral && !owners.into_iter().any(|o| Some(&o.uid) == pod.metadata.uid.as_ref()) {
        let pod_key = format!("{namespace}/{pod_name}");
        return Err(format!("PVC {namespace}/{claim_name} was not created for pod {pod_key} (pod is not owner)"));
    }
    let bound = bound_volume(view, claim).map_err(of_claim)?;
    let mode = bound.spec.as_ref().and_then(|s| s.volume_mode.as_deref()).unwrap_or("Filesystem");
    let wrong = |list: &str| Err(format!("volume {} has volumeMode {mode}, but is specified in {list}", volume.name));
    match mode {
        "Block" if used.mounted => wrong("volumeMounts"),
        "Filesystem" if used.as_device => wrong("volumeDevices"),
        _ => Ok(spec(Source::PersistentVolume(bound))),
    }
}

/// Mirrors `getPVCExtractPV`.
fn extract_volume<'a>(view: &'a View<'_>, namespace: &str, name: &str) -> Result<&'a PersistentVolumeClaim, String> {
    let Some(claim) = view.get_as::<PersistentVolumeClaim>(namespace, name) else {
        return Err(format!("failed to fetch PVC from API server: persistentvolumeclaims {name:?} not found"));
    };
    let protected = claim.metadata.finalizers.iter().flatten().any(|f| f == "kubernetes.io/pvc-protection");
    if claim.metadata.deletion_timestamp.is_some() && !protected {
        return Err("PVC is being deleted".into());
    }
    if claim.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Bound") {
        return Err("PVC is not bound".into());
    }
    if claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default().is_empty() {
        return Err("PVC has empty pvc.Spec.VolumeName".into());
    }
    Ok(claim)
}

/// Mirrors `getPVSpec`.
fn bound_volume<'a>(view: &'a View<'_>, claim: &PersistentVolumeClaim) -> Result<&'a PersistentVolume, String> {
    let name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else {
        return Err(format!("failed to fetch PV {name} from API server: persistentvolumes {name:?} not found"));
    };
    let Some(owner) = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) else {
        return Err(format!(
            "found PV object {name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"
        ));
    };
    if owner.uid != claim.metadata.uid {
        let uid = |uid: &Option<String>| uid.clone().unwrap_or_default();
        return Err(format!(
            "found PV object {name} but its pv.Spec.ClaimRef.UID {} does not point to claim.UID {}",
            uid(&owner.uid),
            uid(&claim.metadata.uid)
        ));
    }
    Ok(volume)
}
