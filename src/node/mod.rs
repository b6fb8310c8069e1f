//! What a kubelet does: the life of pods, containers and images on a node.
//!
//! Mirrors `pkg/kubelet`. Containers are not run: they start as soon as their image, their configuration and their
//! volumes are there, and run until the pod is deleted.

mod config;
mod events;
mod images;
mod kubelet;
mod pod_status;
mod pods;
mod volumes;

use crate::controllers::Controller;

/// The control loops of the node side.
pub const CONTROLLERS: &[&dyn Controller] = &[
    &kubelet::Kubelet, //
];
