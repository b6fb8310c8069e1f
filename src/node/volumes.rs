//! Whether a pod's volumes can be mounted.
//!
//! Mirrors the SetUp of `pkg/volume/configmap`, `secret` and `projected`; volumes of other kinds always mount.

use super::config::{config_map_has, secret_has};
use crate::api::k8s::api::core::v1::{ConfigMap, KeyToPath, Pod, Secret, Volume};
use crate::store::View;

/// The first volume of a pod that cannot be mounted, with the message of its event.
pub(super) fn problem(view: &View<'_>, pod: &Pod) -> Option<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.into_iter().find_map(|volume| {
        let fault = volume_problem(view, namespace, volume)?;
        Some(format!("MountVolume.SetUp failed for volume {:?} : {fault}", volume.name))
    })
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
