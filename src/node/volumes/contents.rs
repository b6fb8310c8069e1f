//! What ConfigMaps and Secrets must hold for a volume to be made of them.
//!
//! Mirrors the SetUp of `pkg/volume/configmap`, `secret` and `projected`.

use crate::api::k8s::api::core::v1::{ConfigMap, KeyToPath, ProjectedVolumeSource, Secret, Volume};
use crate::node::config::{config_map_has, secret_has};
use crate::store::View;

/// What a volume is to hold and can't; none for other volumes.
pub(in crate::node) fn fault(view: &View<'_>, namespace: &str, volume: &Volume) -> Option<String> {
    if let Some(source) = &volume.config_map {
        return config_map_problem(view, namespace, &source.name, &source.items, source.optional == Some(true));
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        return secret_problem(view, namespace, name, &source.items, source.optional == Some(true));
    }
    projected_problem(view, namespace, volume.projected.as_ref()?)
}

fn projected_problem(view: &View<'_>, namespace: &str, projected: &ProjectedVolumeSource) -> Option<String> {
    let faults = projected.sources.iter().flatten().filter_map(|source| {
        if let Some(map) = &source.config_map {
            return config_map_problem(view, namespace, &map.name, &map.items, map.optional == Some(true));
        }
        let secret = source.secret.as_ref()?;
        secret_problem(view, namespace, &secret.name, &secret.items, secret.optional == Some(true))
    });
    let faults: Vec<String> = faults.collect();
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
