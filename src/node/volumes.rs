//! Whether a pod's volumes can be mounted.
//!
//! Mirrors the SetUp of `pkg/volume/configmap`, `secret` and `projected`, and of
//! `pkg/kubelet/volumemanager/populator` what a claim must be; volumes of other kinds always mount. What no container
//! mounts is left alone.

use super::config::{config_map_has, secret_has};
use crate::api::k8s::api::core::v1::{
    ConfigMap, KeyToPath, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Volume,
};
use crate::store::View;

/// The claims of a pod that do not do, in the message of their event. The scheduler waits for claims; a pod that was
/// given a node at once comes here without it.
pub(super) fn claims_problem(view: &View<'_>, pod: &Pod) -> Option<String> {
    let faulty =
        used_volumes(pod).filter_map(|used| Some((used.volume.name.as_str(), claim_problem(view, pod, &used)?)));
    let (mut names, faults): (Vec<&str>, Vec<String>) = faulty.unzip();
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    let (names, faults) = (names.join(" "), faults.join("; "));
    Some(format!(
        "Unable to attach or mount volumes: unmounted volumes=[{names}], unattached volumes=[], \
         failed to process volumes=[{names}]: {faults}"
    ))
}

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

/// Mirrors `createVolumeSpec`.
fn claim_problem(view: &View<'_>, pod: &Pod, used: &Used<'_>) -> Option<String> {
    let (volume, namespace) = (used.volume, pod.metadata.namespace.as_deref().unwrap_or_default());
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    let (claim_name, is_ephemeral) = match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(source), _) => (source.claim_name.clone(), false),
        (None, Some(_)) => (format!("{pod_name}-{}", volume.name), true),
        (None, None) => return None,
    };
    let claim = match usable_claim(view, namespace, &claim_name) {
        Ok(claim) => claim,
        Err(fault) => return Some(format!("error processing PVC {namespace}/{claim_name}: {fault}")),
    };
    let owners = claim.metadata.owner_references.iter().flatten();
    if is_ephemeral && !owners.into_iter().any(|o| Some(&o.uid) == pod.metadata.uid.as_ref()) {
        let pod_key = format!("{namespace}/{pod_name}");
        return Some(format!("PVC {namespace}/{claim_name} was not created for pod {pod_key} (pod is not owner)"));
    }
    let mode = match volume_mode(view, claim) {
        Ok(mode) => mode,
        Err(fault) => return Some(format!("error processing PVC {namespace}/{claim_name}: {fault}")),
    };
    let wrong = |list: &str| Some(format!("volume {} has volumeMode {mode}, but is specified in {list}", volume.name));
    match mode {
        "Filesystem" if used.as_device => wrong("volumeDevices"),
        "Block" if used.mounted => wrong("volumeMounts"),
        _ => None,
    }
}

/// Mirrors `getPVCExtractPV`.
fn usable_claim<'a>(view: &'a View<'_>, namespace: &str, name: &str) -> Result<&'a PersistentVolumeClaim, String> {
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
    Ok(claim)
}

/// Mirrors `getPVSpec`.
fn volume_mode<'a>(view: &'a View<'_>, claim: &PersistentVolumeClaim) -> Result<&'a str, String> {
    let name = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
    let Some(volume) = view.get_as::<PersistentVolume>("", name) else {
        return Err(format!("failed to fetch PV {name} from API server: persistentvolumes {name:?} not found"));
    };
    let spec = volume.spec.as_ref();
    let Some(owner) = spec.and_then(|s| s.claim_ref.as_ref()) else {
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
    Ok(spec.and_then(|s| s.volume_mode.as_deref()).unwrap_or("Filesystem"))
}

/// The volumes of a pod that cannot be mounted, each by the message of its event.
pub(super) fn problems(view: &View<'_>, pod: &Pod) -> Vec<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let problem = |volume: &Volume| {
        let fault = volume_problem(view, namespace, volume)?;
        Some(format!("MountVolume.SetUp failed for volume {:?} : {fault}", volume.name))
    };
    used_volumes(pod).filter_map(|used| problem(used.volume)).collect()
}

fn volume_problem(view: &View<'_>, namespace: &str, volume: &Volume) -> Option<String> {
    if let Some(source) = &volume.config_map {
        return config_map_problem(view, namespace, &source.name, &source.items, source.optional == Some(true));
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        return secret_problem(view, namespace, name, &source.items, source.optional == Some(true));
    }
    let projected = volume.projected.as_ref()?;
    let faults: Vec<String> = projected
        .sources
        .iter()
        .flatten()
        .filter_map(|source| {
            if let Some(map) = &source.config_map {
                return config_map_problem(view, namespace, &map.name, &map.items, map.optional == Some(true));
            }
            let secret = source.secret.as_ref()?;
            secret_problem(view, namespace, &secret.name, &secret.items, secret.optional == Some(true))
        })
        .collect();
    match faults.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

fn config_map_problem(
    view: &View<'_>,
    namespace: &str,
    name: &str,
    items: &Option<Vec<KeyToPath>>,
    optional: bool,
) -> Option<String> {
    match view.get_as::<ConfigMap>(namespace, name) {
        None if optional => None,
        None => Some(format!("configmap {name:?} not found")),
        Some(map) => missing_key(items, optional, |key| config_map_has(map, key))
            .map(|key| format!("references non-existent config key: {key}")),
    }
}

fn secret_problem(
    view: &View<'_>,
    namespace: &str,
    name: &str,
    items: &Option<Vec<KeyToPath>>,
    optional: bool,
) -> Option<String> {
    match view.get_as::<Secret>(namespace, name) {
        None if optional => None,
        None => Some(format!("secret {name:?} not found")),
        Some(secret) => missing_key(items, optional, |key| secret_has(secret, key))
            .map(|key| format!("references non-existent secret key: {key}")),
    }
}

fn missing_key(items: &Option<Vec<KeyToPath>>, optional: bool, has: impl Fn(&str) -> bool) -> Option<&str> {
    let mut keys = items.iter().flatten().map(|item| item.key.as_str());
    keys.find(|key| !optional && !has(key))
}

/// Whether a pod's volumes or containers read a ConfigMap or Secret of that name.
pub(super) fn refers_to(pod: &Pod, name: &str) -> bool {
    let spec = pod.spec.iter();
    let volumes = spec.clone().flat_map(|s| s.volumes.iter().flatten());
    let mounted = volumes.into_iter().any(|v| {
        v.config_map.as_ref().is_some_and(|m| m.name == name)
            || v.secret.as_ref().is_some_and(|s| s.secret_name.as_deref() == Some(name))
            || v.projected.iter().flat_map(|p| p.sources.iter().flatten()).any(|s| {
                s.config_map.as_ref().is_some_and(|m| m.name == name)
                    || s.secret.as_ref().is_some_and(|s| s.name == name)
            })
    });
    let containers = spec.flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    mounted
        || containers.into_iter().any(|c| {
            let whole = c.env_from.iter().flatten().any(|e| {
                e.config_map_ref.as_ref().is_some_and(|r| r.name == name)
                    || e.secret_ref.as_ref().is_some_and(|r| r.name == name)
            });
            whole
                || c.env.iter().flatten().filter_map(|e| e.value_from.as_ref()).any(|v| {
                    v.config_map_key_ref.as_ref().is_some_and(|r| r.name == name)
                        || v.secret_key_ref.as_ref().is_some_and(|r| r.name == name)
                })
        })
}
