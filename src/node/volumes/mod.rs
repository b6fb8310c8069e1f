//! A pod's volumes on its node: which there are to be, and mounting them.
//!
//! Mirrors `pkg/kubelet/volumemanager` and `pkg/volume`.

mod attached;
mod contents;
mod host_path;
mod mount;
mod populator;

use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeSpec, Pod, Volume};

pub(super) use attached::{awaits_attachment, is_exhausted};
pub(super) use contents::fault as object_fault;
pub(super) use mount::mount_volume;
pub(super) use populator::process_pod_volumes;

/// What a volume of a pod is made from. Mirrors `volume.Spec`.
pub(super) struct VolumeSpec<'a> {
    /// The pod's own name for it.
    pub(super) outer_name: &'a str,
    source: Source<'a>,
    as_device: bool,
}

enum Source<'a> {
    Volume(&'a Volume),
    PersistentVolume(&'a PersistentVolume),
    /// A pod's own volume that is attached, as the persistent volume that it would be.
    Attached(Box<PersistentVolume>),
}

impl VolumeSpec<'_> {
    /// The name that messages give: the persistent volume's, or the pod's own.
    fn name(&self) -> &str {
        match &self.source {
            Source::Volume(volume) => &volume.name,
            Source::PersistentVolume(volume) => volume.metadata.name.as_deref().unwrap_or_default(),
            Source::Attached(volume) => volume.metadata.name.as_deref().unwrap_or_default(),
        }
    }

    /// A persistent volume that may be in use by one pod alone.
    pub(super) fn for_one_pod(&self) -> Option<&PersistentVolumeSpec> {
        let volume = self.persistent_volume()?.spec.as_ref()?;
        (volume.access_modes.as_deref()? == ["ReadWriteOncePod"]).then_some(volume)
    }

    fn persistent_volume(&self) -> Option<&PersistentVolume> {
        match &self.source {
            Source::Volume(_) => None,
            Source::PersistentVolume(volume) => Some(volume),
            Source::Attached(volume) => Some(volume),
        }
    }
}

/// Whether a pod's volumes show it its own fields.
pub(super) fn tells_of_itself(pod: &Pod) -> bool {
    pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()).any(|v| {
        v.downward_api.is_some()
            || v.projected.iter().flat_map(|p| p.sources.iter().flatten()).any(|s| s.downward_api.is_some())
    })
}

/// Whether a pod's volumes are made of a ConfigMap or Secret of that name.
pub(super) fn mounts_object(pod: &Pod, name: &str) -> bool {
    pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()).any(|v| {
        v.config_map.as_ref().is_some_and(|m| m.name == name)
            || v.secret.as_ref().is_some_and(|s| s.secret_name.as_deref() == Some(name))
            || v.projected.iter().flat_map(|p| p.sources.iter().flatten()).any(|s| {
                s.config_map.as_ref().is_some_and(|m| m.name == name)
                    || s.secret.as_ref().is_some_and(|s| s.name == name)
            })
    })
}

/// Whether a pod's volumes or containers read a ConfigMap or Secret of that name.
pub(super) fn refers_to(pod: &Pod, name: &str) -> bool {
    let containers = pod.spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    mounts_object(pod, name)
        || containers.into_iter().any(|c| {
            let whole = c.env_from.iter().flatten().any(|e| {
                e.config_map_ref.as_ref().is_some_and(|r| r.name == name)
                    || e.secret_ref.as_ref().is_some_and(|r| r.name == name)
            });
            whole
                || c.env.iter().flatten().filter_map(|e| e.value_from.as_ref()).any(|v| {
                    v.config_map_key_ref.as_ref().is_some_and(|r| r.name == name)
                        || v.secret_key_ref.as_ref().is_some_and(|r| r.name == name)
                })
        })
}
