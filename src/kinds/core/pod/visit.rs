//! The containers of a pod, whatever list they stand in.

use crate::api::k8s::api::core::v1::{Container, PodSpec};
use crate::kinds::shared::access::items;

/// All containers with their paths, init containers first. Mirrors `VisitContainersWithPath`.
pub(super) fn visit_containers<'a>(spec: &'a PodSpec, path: &str) -> Vec<(String, &'a Container)> {
    let init = items(&spec.init_containers).iter().enumerate();
    let init = init.map(|(i, c)| (format!("{path}.initContainers[{i}]"), c));
    let proper = spec.containers.iter().enumerate().map(|(i, c)| (format!("{path}.containers[{i}]"), c));
    init.chain(proper).collect()
}
