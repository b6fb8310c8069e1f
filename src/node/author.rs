//! Who writes a pod's status.

use crate::api::Time;
use crate::api::k8s::api::core::v1::{Node, Pod, PodSpec};

/// Who writes a pod's status: the kubelet of a node, at a time.
#[derive(Clone, Copy)]
pub(super) struct Author<'a> {
    pub(super) pod: &'a Pod,
    pub(super) spec: &'a PodSpec,
    pub(super) node: &'a Node,
    /// The kubelet's minor version.
    pub(super) version: u32,
    pub(super) now: Time,
}

impl Author<'_> {
    /// Which generation of the pod the status is about.
    pub(super) fn observed_generation(&self) -> Option<i64> {
        self.pod.metadata.generation.filter(|_| self.version >= 34)
    }
}
