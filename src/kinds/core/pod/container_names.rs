//! The containers of a pod, of whatever sort.

use crate::api::k8s::api::core::v1::Pod;

/// The names of all containers: the usual ones, ephemeral ones, and those that initialise.
pub fn names(pod: &Pod) -> [Vec<&str>; 3] {
    let Some(spec) = &pod.spec else { return [const { Vec::new() }; 3] };
    [
        spec.containers.iter().map(|c| c.name.as_str()).collect(),
        spec.ephemeral_containers.iter().flatten().map(|c| c.name.as_str()).collect(),
        spec.init_containers.iter().flatten().map(|c| c.name.as_str()).collect(),
    ]
}

/// Whether the pod has a container of the name.
pub fn has_container(pod: &Pod, name: &str) -> bool {
    names(pod).iter().any(|names| names.contains(&name))
}
