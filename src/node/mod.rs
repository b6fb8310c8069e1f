//! What a kubelet does: the life of pods, containers and images on a node.

use crate::controllers::Controller;

/// The control loops of the node side.
pub const CONTROLLERS: &[&dyn Controller] = &[];
