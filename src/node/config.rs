//! What a container's configuration refers to, ConfigMaps and Secrets in its environment, and whether its user may run it.
//!
//! Mirrors `Kubelet.makeEnvironmentVariables` and `verifyRunAsNonRoot`.

use crate::api::k8s::api::core::v1::{ConfigMap, Container, Pod, Secret};
use crate::machine::images;
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

/// Why a container that must not run as root cannot be created. Mirrors `verifyRunAsNonRoot`.
pub(super) fn root_problem(pod: &Pod, container: &Container, image: &str) -> Option<String> {
    let of_pod = pod.spec.as_ref().and_then(|s| s.security_context.as_ref());
    let own = container.security_context.as_ref();
    let must = own.and_then(|c| c.run_as_non_root).or(of_pod.and_then(|c| c.run_as_non_root));
    if must != Some(true) {
        return None;
    }
    let meta = &pod.metadata;
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let pod = format!("{}_{}({})", text(&meta.name), text(&meta.namespace), text(&meta.uid));
    let place = format!("(pod: {pod:?}, container: {})", container.name);
    if let Some(uid) = own.and_then(|c| c.run_as_user).or(of_pod.and_then(|c| c.run_as_user)) {
        return (uid == 0).then(|| format!("container's runAsUser breaks non-root policy {place}"));
    }
    let model = images::find(image);
    // Nobody knows as whom an image runs that nobody knows.
    if model.name == "unknown" {
        return None;
    }
    let user = model.user_name().split(':').next().unwrap_or_default();
    match user.parse::<i64>() {
        _ if user.is_empty() => Some(format!("container has runAsNonRoot and image will run as root {place}")),
        Ok(0) => Some(format!("container has runAsNonRoot and image will run as root {place}")),
        Ok(_) => None,
        Err(_) => Some(format!(
            "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root {place}"
        )),
    }
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
