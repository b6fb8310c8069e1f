//! What several modules ask of a pod's spec.

use super::Object;
use super::k8s::api::core::v1::{ContainerStatus, Pod, Volume};

/// The claim behind a volume of a pod; a generic ephemeral volume's is named `POD-VOLUME`.
pub fn claim_of(pod: &Pod, volume: &Volume) -> Option<String> {
    match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(claim), _) => Some(claim.claim_name.clone()),
        (None, Some(_)) => Some(format!("{}-{}", pod.metadata.name.as_deref().unwrap_or_default(), volume.name)),
        _ => None,
    }
}

/// The claims that a pod uses, `NAMESPACE/NAME`.
pub fn claims_of(pod: &Pod) -> Vec<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.filter_map(|volume| claim_of(pod, volume)).map(|claim| format!("{namespace}/{claim}")).collect()
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

/// What a pod's status says of its containers, of those that initialise it, and of those that were added to debug it.
pub fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    let lists =
        status.flat_map(|s| [&s.container_statuses, &s.init_container_statuses, &s.ephemeral_container_statuses]);
    lists.flatten().flatten()
}

/// Whether a container is running.
pub fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.running.is_some())
}
