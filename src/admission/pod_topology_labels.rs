//! PodTopologyLabels: a pod gets the zone and region of its node.
//!
//! Mirrors `plugin/pkg/admission/podtopologylabels`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::core::v1::{Node, Pod};
use crate::error::ApiError;
use crate::store::View;

/// The labels of a node that its pods get.
const LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// The plugin.
pub(super) struct PodTopologyLabels;

impl Plugin for PodTopologyLabels {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        if let Some(pod) = object.get_mut::<Pod>() {
            label_pod(request.view, pod);
        }
        Ok(())
    }
}

/// Copies the labels from the node that a pod is bound to, if it is bound.
pub fn label_pod(view: View<'_>, pod: &mut Pod) {
    let name = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default();
    let Some(labels) = view.get_as::<Node>("", name).and_then(|n| n.metadata.labels.as_ref()) else { return };
    for (key, value) in LABELS.iter().filter_map(|key| labels.get_key_value(*key)) {
        pod.metadata.labels.get_or_insert_default().insert(key.clone(), value.clone());
    }
}
