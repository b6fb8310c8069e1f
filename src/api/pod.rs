//! What several modules ask of a pod's spec.

use std::borrow::Cow;

use super::Object;
use super::k8s::api::core::v1::{ContainerStatus, Pod, Volume};

/// The claim behind a volume of a pod; a generic ephemeral volume's is named `POD-VOLUME`.
pub fn claim_of(pod: &Pod, volume: &Volume) -> Option<String> {
    claim_name_of(pod, volume).map(Cow::into_owned)
}

fn claim_name_of<'p>(pod: &'p Pod, volume: &'p Volume) -> Option<Cow<'p, str>> {
    match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(claim), _) => Some(claim.claim_name.as_str().into()),
        (None, Some(_)) => Some(format!("{}-{}", pod.metadata.name.as_deref().unwrap_or_default(), volume.name).into()),
        _ => None,
    }
}

/// The claims that a pod uses, `NAMESPACE/NAME`.
pub fn claims_of(pod: &Pod) -> Vec<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    claim_names_of(pod).map(|claim| format!("{namespace}/{claim}")).collect()
}

/// The names of the claims that a pod uses in its namespace.
pub fn claim_names_of(pod: &Pod) -> impl Iterator<Item = Cow<'_, str>> {
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    volumes.filter_map(|volume| claim_name_of(pod, volume))
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
