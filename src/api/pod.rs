//! What several modules ask of a pod's spec.

use super::Object;
use super::k8s::api::core::v1::Pod;

/// The claims that a pod uses, `NAMESPACE/NAME`; a generic ephemeral volume's claim is named `POD-VOLUME`.
pub fn claims_of(pod: &Pod) -> Vec<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes
        .filter_map(|v| match (&v.persistent_volume_claim, &v.ephemeral) {
            (Some(claim), _) => Some(format!("{namespace}/{}", claim.claim_name)),
            (None, Some(_)) => Some(format!("{namespace}/{name}-{}", v.name)),
            _ => None,
        })
        .collect()
}

/// How many claims a pod names.
pub fn count_claims(pod: &Pod) -> usize {
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.filter(|v| v.persistent_volume_claim.is_some() || v.ephemeral.is_some()).count()
}

/// Whether a pod uses a claim of its namespace.
pub fn uses_claim(pod: &Object, claim: &str) -> bool {
    let key = format!("{}/{claim}", pod.namespace());
    pod.get::<Pod>().is_some_and(|pod| claims_of(pod).contains(&key))
}
