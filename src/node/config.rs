//! What a container's configuration refers to: ConfigMaps and Secrets in its environment.
//!
//! Mirrors `Kubelet.makeEnvironmentVariables`.

use crate::api::k8s::api::core::v1::{ConfigMap, Container, Secret};
use crate::store::View;

/// Why a container cannot be created, in the kubelet's words; none when all is there.
pub(super) fn problem(view: &View<'_>, namespace: &str, container: &Container) -> Option<String> {
    for source in container.env_from.iter().flatten() {
        if let Some(reference) = &source.config_map_ref
            && reference.optional != Some(true)
            && view.get_as::<ConfigMap>(namespace, &reference.name).is_none()
        {
            return Some(format!("configmap {:?} not found", reference.name));
        }
        if let Some(reference) = &source.secret_ref
            && reference.optional != Some(true)
            && view.get_as::<Secret>(namespace, &reference.name).is_none()
        {
            return Some(format!("secret {:?} not found", reference.name));
        }
    }
    let sources = container.env.iter().flatten().filter_map(|e| e.value_from.as_ref());
    for source in sources {
        if let Some(reference) = source.config_map_key_ref.as_ref().filter(|r| r.optional != Some(true)) {
            let Some(map) = view.get_as::<ConfigMap>(namespace, &reference.name) else {
                return Some(format!("configmap {:?} not found", reference.name));
            };
            if !config_map_has(map, &reference.key) {
                return Some(format!(
                    "couldn't find key {} in ConfigMap {namespace}/{}",
                    reference.key, reference.name
                ));
            }
        }
        if let Some(reference) = source.secret_key_ref.as_ref().filter(|r| r.optional != Some(true)) {
            let Some(secret) = view.get_as::<Secret>(namespace, &reference.name) else {
                return Some(format!("secret {:?} not found", reference.name));
            };
            if !secret_has(secret, &reference.key) {
                return Some(format!("couldn't find key {} in Secret {namespace}/{}", reference.key, reference.name));
            }
        }
    }
    None
}

/// Whether a ConfigMap has a key.
pub(super) fn config_map_has(map: &ConfigMap, key: &str) -> bool {
    map.data.as_ref().is_some_and(|d| d.contains_key(key))
        || map.binary_data.as_ref().is_some_and(|d| d.contains_key(key))
}

/// Whether a Secret has a key.
pub(super) fn secret_has(secret: &Secret, key: &str) -> bool {
    secret.data.as_ref().is_some_and(|d| d.contains_key(key))
}
