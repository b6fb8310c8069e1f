//! What the runtime of a node knows of its pods, containers and images: for who asks it on the node itself.

use serde::{Deserialize, Serialize};

use crate::api::Time;

/// What a node's runtime holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// The sandboxes of its pods.
    pub pods: Vec<PodView>,
    /// The containers, those that have ended included.
    pub containers: Vec<ContainerView>,
    /// The images.
    pub images: Vec<ImageView>,
}

/// A pod's sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Its number, 64 hex digits.
    pub id: String,
    /// The pod's name.
    pub name: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's uid.
    pub uid: String,
    /// When it was made.
    pub created: Time,
    /// Whether it is there still.
    pub is_ready: bool,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerView {
    /// Its number, 64 hex digits.
    pub id: String,
    /// Its pod, as the number in `pods`.
    pub pod: usize,
    /// Its name in the pod.
    pub name: String,
    /// How often it was started anew.
    pub attempt: i32,
    /// The image's full name.
    pub image: String,
    /// The image's number, without `sha256:`.
    pub image_id: String,
    /// When it was started.
    pub started: Time,
    /// When it ended, and how.
    pub ended: Option<(Time, i32, String)>,
}

/// An image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// Its full name, `docker.io/library/busybox:latest`.
    pub name: String,
    /// Its digest in its registry, `docker.io/library/busybox@sha256:...`.
    pub digest: String,
    /// Its number, without `sha256:`.
    pub id: String,
    /// Its size in bytes.
    pub size: i64,
}

impl ContainerView {
    /// The file of its log on the node.
    pub fn log_path(&self, pod: &PodView) -> String {
        format!("/var/log/pods/{}/{}/{}.log", pod.folder(), self.name, self.attempt)
    }
}

impl PodView {
    /// The name of the folder of its logs. Mirrors `BuildPodLogsDirectory`.
    pub fn folder(&self) -> String {
        format!("{}_{}_{}", self.namespace, self.name, self.uid)
    }
}
