//! ServiceAccount: a pod runs as a service account, whose token is mounted into its containers.
//!
//! Mirrors `plugin/pkg/admission/serviceaccount`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::{
    ConfigMapProjection, Container, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath, ObjectFieldSelector, Pod,
    PodSpec, ProjectedVolumeSource, SecretEnvSource, ServiceAccount, ServiceAccountTokenProjection, Volume,
    VolumeMount, VolumeProjection,
};
use crate::api::names::{self, Draw};
use crate::error::ApiError;
use crate::kinds::shared::access::{items, text};

/// Where a token is mounted.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// What the token's volume is called, before a drawn suffix.
const VOLUME_PREFIX: &str = "kube-api-access-";
/// The pod is one that a kubelet made from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// The account lets pods use no secrets but its own.
const MOUNTABLE: &str = "kubernetes.io/enforce-mountable-secrets";

/// The plugin.
pub(super) struct ServiceAccounts;

impl Plugin for ServiceAccounts {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let (namespace, name) = (object.namespace().to_string(), object.name().to_string());
        let purpose = format!("volume name/{namespace}/{name}/{}", object.uid());
        let Some(pod) = object.get_mut::<Pod>() else { return Ok(()) };
        if pod.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(MIRROR)) {
            return Ok(());
        }
        let spec = pod.spec.get_or_insert_default();
        if text(&spec.service_account_name).is_empty() {
            spec.service_account_name = Some("default".into());
            spec.service_account = spec.service_account_name.clone();
        }
        let account = text(&spec.service_account_name);
        // The server waits a while for the default account, which a new namespace is about to get.
        let soon = (account == "default").then(ServiceAccount::default);
        let Some(account) = request.view.get_as::<ServiceAccount>(&namespace, account).or(soon.as_ref()) else {
            let detail =
                format!("error looking up service account {namespace}/{account}: serviceaccount {account:?} not found");
            return Err(ApiError::forbidden("pods", &name, &detail));
        };
        let automount = spec.automount_service_account_token.or(account.automount_service_account_token);
        if automount != Some(false) {
            let suffix = Draw::new(request.seed, &purpose, 0).suffix();
            mount_service_account_token(spec, &names::generate_name(VOLUME_PREFIX, &suffix));
        }
        if items(&spec.image_pull_secrets).is_empty() {
            spec.image_pull_secrets = account.image_pull_secrets.clone();
        }
        match limit_secret_references(account, spec) {
            Some(detail) => Err(ApiError::forbidden("pods", &name, &detail)),
            None => Ok(()),
        }
    }
}

fn mount_service_account_token(spec: &mut PodSpec, fresh: &str) {
    let there = items(&spec.volumes).iter().find(|v| v.name.starts_with(VOLUME_PREFIX)).map(|v| v.name.clone());
    let volume = there.clone().unwrap_or_else(|| fresh.to_string());
    let mut needed = false;
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        if !items(&container.volume_mounts).iter().any(|m| m.mount_path == TOKEN_PATH) {
            container.volume_mounts.get_or_insert_default().push(VolumeMount {
                name: volume.clone(),
                read_only: Some(true),
                mount_path: TOKEN_PATH.into(),
                ..Default::default()
            });
            needed = true;
        }
    }
    if needed && there.is_none() {
        let projected = Some(token_volume_source());
        spec.volumes.get_or_insert_default().push(Volume { name: volume, projected, ..Default::default() });
    }
}

/// Token, certificates and namespace. The recorded control plane mounts the certificate of the services too.
fn token_volume_source() -> ProjectedVolumeSource {
    let certificate = |map: &str, key: &str| VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: map.into(),
            items: Some(vec![KeyToPath { key: key.into(), path: key.into(), mode: None }]),
            optional: None,
        }),
        ..Default::default()
    };
    let token = ServiceAccountTokenProjection {
        path: "token".into(),
        // An hour and seven seconds: so the server tells tokens that it made from those that pods ask for.
        expiration_seconds: Some(3607),
        audience: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".into(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".into()),
            field_path: "metadata.namespace".into(),
        }),
        ..Default::default()
    };
    ProjectedVolumeSource {
        default_mode: Some(0o644),
        sources: Some(vec![
            VolumeProjection { service_account_token: Some(token), ..Default::default() },
            certificate("kube-root-ca.crt", "ca.crt"),
            VolumeProjection {
                downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
                ..Default::default()
            },
            certificate("openshift-service-ca.crt", "service-ca.crt"),
        ]),
    }
}

/// What a pod uses that its account does not allow, where the account says what it allows.
fn limit_secret_references(account: &ServiceAccount, spec: &PodSpec) -> Option<String> {
    let enforced = account.metadata.annotations.as_ref().and_then(|a| a.get(MOUNTABLE));
    if !enforced.is_some_and(|v| matches!(v.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")) {
        return None;
    }
    let account_name = text(&account.metadata.name);
    let allowed = |name: &str| items(&account.secrets).iter().any(|s| text(&s.name) == name);
    for volume in items(&spec.volumes) {
        let name = volume.secret.as_ref().map(|s| text(&s.secret_name));
        if let Some(name) = name.filter(|name| !allowed(name)) {
            return Some(format!(
                "volume with secret.secretName=\"{name}\" is not allowed because service account {account_name} does \
                 not reference that secret"
            ));
        }
    }
    let init = items(&spec.init_containers).iter().map(|c| ("init container", c));
    for (what, container) in init.chain(spec.containers.iter().map(|c| ("container", c))) {
        for (how, name) in secrets_in_environment(container) {
            if !allowed(&name) {
                return Some(format!(
                    "{what} {} with {how} referencing secret.secretName=\"{name}\" is not allowed because service \
                     account {account_name} does not reference that secret",
                    container.name
                ));
            }
        }
    }
    let pull = |name: &str| items(&account.image_pull_secrets).iter().any(|s| s.name == name);
    let (i, secret) = items(&spec.image_pull_secrets).iter().enumerate().find(|(_, s)| !pull(&s.name))?;
    Some(format!(
        "imagePullSecrets[{i}].name=\"{}\" is not allowed because service account {account_name} does not reference \
         that imagePullSecret",
        secret.name
    ))
}

fn secrets_in_environment(container: &Container) -> impl Iterator<Item = (String, String)> {
    let single = items(&container.env).iter().filter_map(|e| {
        let key = e.value_from.as_ref()?.secret_key_ref.as_ref()?;
        Some((format!("envVar {}", e.name), key.name.clone()))
    });
    let whole = items(&container.env_from).iter().filter_map(|e| e.secret_ref.as_ref());
    single.chain(whole.map(|s: &SecretEnvSource| ("envFrom".to_string(), s.name.clone())))
}
