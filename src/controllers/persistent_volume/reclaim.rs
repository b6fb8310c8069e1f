//! What becomes of a volume whose claim is gone: it is kept, deleted or recycled.

use super::claim::is_pod_terminated;
use super::helpers::{ANN_MIGRATED_TO, PV_DELETION_IN_TREE_PROTECTION_FINALIZER};
use super::plugins::{Deleting, delete_host_path, find_deletable_plugin};
use super::volume::reclaim_policy;
use super::{Sync, event};
use crate::api::k8s::api::core::v1::{
    Container, HostPathVolumeSource, NFSVolumeSource, PersistentVolume, Pod, PodSpec, Volume, VolumeMount,
};
use crate::api::object::annotation_of;
use crate::api::{Duration, Kind, Object, ObjectMeta, Time, Typed};
use crate::controllers::{Deletion, Write};
use crate::store::Index;

/// What the name of a recycler pod begins with; the volume's name follows.
pub(super) const RECYCLER_PREFIX: &str = "recycler-for-";
/// How long a recycler takes to empty a volume.
const SCRUB_TIME: Duration = Duration::secs(1);
/// Where recycler pods live.
const RECYCLER_NAMESPACE: &str = "default";

impl Sync<'_> {
    /// Does what the volume's policy asks for.
    pub(super) fn reclaim_volume(&mut self, volume: &PersistentVolume) {
        if annotation_of(&volume.metadata, ANN_MIGRATED_TO).is_some_and(|driver| !driver.is_empty()) {
            // OBSERVATION: a CSI driver took the volume over; its provisioner sees to it.
            return;
        }
        match reclaim_policy(volume) {
            "Retain" => {
                // OBSERVATION: nothing to do; the user decides.
            }
            "Recycle" => self.recycle_volume_operation(volume),
            "Delete" => self.delete_volume_operation(volume),
            _ => {
                let message = "Volume has unrecognized PersistentVolumeReclaimPolicy";
                self.update_volume_phase_with_event(
                    volume.clone(),
                    "Failed",
                    true,
                    "VolumeUnknownReclaimPolicy",
                    message,
                );
            }
        }
    }

    fn delete_volume_operation(&mut self, volume: &PersistentVolume) {
        let host_path = volume.spec.as_ref().and_then(|s| s.host_path.as_ref());
        let deleted = match find_deletable_plugin(volume) {
            // OBSERVATION: the volume's own provisioner deletes it.
            Ok(Deleting::External) => return,
            Ok(Deleting::HostPath) => match host_path {
                Some(source) => delete_host_path(&source.path),
                None => Err(format!(
                    "failed to create deleter for volume {:?}: spec.PersistentVolumeSource.HostPath is nil",
                    volume.metadata.name.as_deref().unwrap_or_default()
                )),
            },
            Err(reason) => Err(reason),
        };
        match deleted {
            Ok(()) => {
                let mut clone = volume.clone();
                let finalizers = clone.metadata.finalizers.get_or_insert_default();
                if finalizers.iter().any(|f| f == PV_DELETION_IN_TREE_PROTECTION_FINALIZER) {
                    finalizers.retain(|f| f != PV_DELETION_IN_TREE_PROTECTION_FINALIZER);
                    self.outcome.write(Write::update(clone));
                }
                self.outcome.write(Write::Delete(Deletion::of(&volume.clone().into_object())));
            }
            Err(reason) => {
                // OBSERVATION: deleting fails for good; a change of the volume brings it back here.
                self.update_volume_phase_with_event(volume.clone(), "Failed", true, "VolumeFailedDelete", &reason);
            }
        }
    }

    /// Has a pod scrub the volume, then frees it. Mirrors `recycler_client.go` too.
    fn recycle_volume_operation(&mut self, volume: &PersistentVolume) {
        let spec = volume.spec.clone().unwrap_or_default();
        let users = self.is_volume_used(volume);
        let claim_ref = spec.claim_ref.clone().unwrap_or_default();
        let claim_of_that_name =
            self.claim(&claim_ref.namespace.unwrap_or_default(), &claim_ref.name.unwrap_or_default()).is_some();
        if !users.is_empty() && !claim_of_that_name {
            let message = format!("Volume is used by pods: {}", users.join(","));
            self.event(volume, false, "VolumeFailedRecycle", message);
            self.look_again();
            return;
        }
        let (source, timeout) = match (spec.host_path, spec.nfs) {
            (Some(source), _) => (
                Volume {
                    host_path: Some(HostPathVolumeSource { path: source.path, type_: None }),
                    ..Default::default()
                },
                60,
            ),
            (None, Some(source)) => (
                Volume {
                    nfs: Some(NFSVolumeSource { server: source.server, path: source.path, read_only: None }),
                    ..Default::default()
                },
                300,
            ),
            (None, None) => {
                // OBSERVATION: nobody can scrub such a volume.
                let message = "No recycler plugin found for the volume!";
                self.update_volume_phase_with_event(volume.clone(), "Failed", true, "VolumeFailedRecycle", message);
                return;
            }
        };
        let name = format!("{RECYCLER_PREFIX}{}", volume.metadata.name.as_deref().unwrap_or_default());
        let Some(pod) = self.view.get_as::<Pod>(RECYCLER_NAMESPACE, &name) else {
            let gibibytes = super::helpers::volume_capacity(volume).value() / (1 << 30);
            let deadline = gibibytes.saturating_mul(30).max(timeout);
            self.outcome.write(Write::create(recycler_pod(&name, source, deadline)));
            return;
        };
        self.relay_events(volume, pod);
        match pod.status.as_ref().and_then(|s| s.phase.as_deref()) {
            _ if pod.metadata.deletion_timestamp.is_some() => {
                // OBSERVATION: the recycler is on its way out.
            }
            Some("Running") if scrubbed_at(pod).is_none_or(|done| done > self.now) => {
                // OBSERVATION: the recycler works.
                let wait = scrubbed_at(pod).map_or(SCRUB_TIME, |done| done - self.now);
                self.outcome.after(wait);
            }
            Some("Running" | "Succeeded") => {
                self.outcome.write(Write::Delete(Deletion::of(&pod.clone().into_object()).grace(0)));
                self.event(volume, false, "VolumeRecycled", "Volume recycled");
                self.unbind_volume(volume);
            }
            Some("Failed") => {
                self.outcome.write(Write::Delete(Deletion::of(&pod.clone().into_object())));
                let reason = pod.status.as_ref().and_then(|s| s.message.clone()).filter(|m| !m.is_empty());
                let reason = reason.unwrap_or_else(|| "pod failed, pod.Status.Message unknown".into());
                let message = format!("Recycle failed: failed to recycle volume: {reason}");
                self.update_volume_phase_with_event(volume.clone(), "Failed", true, "VolumeFailedRecycle", &message);
                self.look_again();
            }
            _ => {
                // OBSERVATION: the recycler has not started; its start brings the volume back here.
            }
        }
    }

    /// Tells of the recycler's events at the volume: what the volume does not tell of yet.
    fn relay_events(&mut self, volume: &PersistentVolume, pod: &Pod) {
        let of = |uid: &Option<String>| {
            let events = self.view.indexed(Kind::Event, Index::EventObject, uid.as_deref().unwrap_or_default());
            let mut found: Vec<_> = events
                .filter_map(|o| match o.as_ref() {
                    Object::Event(e) => Some((o.revision(), e)),
                    _ => None,
                })
                .collect();
            found.sort_by_key(|(revision, _)| *revision);
            found.into_iter().map(|(_, e)| e).collect::<Vec<_>>()
        };
        let told = of(&volume.metadata.uid);
        let new: Vec<_> = of(&pod.metadata.uid)
            .into_iter()
            .map(|e| {
                let message = format!("Recycler pod: {}", e.message.as_deref().unwrap_or_default());
                event(volume, e.type_.as_deref() == Some("Warning"), "RecyclerPod", message)
            })
            .filter(|draft| !told.iter().any(|e| e.message.as_ref() == Some(&draft.message)))
            .collect();
        new.into_iter().for_each(|draft| self.outcome.event(draft));
    }

    /// The active pods that use a volume's claim, `NAMESPACE/NAME`.
    fn is_volume_used(&self, volume: &PersistentVolume) -> Vec<String> {
        let claim_ref = volume.spec.as_ref().and_then(|s| s.claim_ref.clone()).unwrap_or_default();
        let key = format!("{}/{}", claim_ref.namespace.unwrap_or_default(), claim_ref.name.unwrap_or_default());
        let pods = self.view.indexed(Kind::Pod, Index::PodClaim, &key);
        pods.filter(|o| o.get::<Pod>().is_some_and(|pod| !is_pod_terminated(pod)))
            .map(|o| format!("{}/{}", o.namespace(), o.name()))
            .collect()
    }
}

/// When a recycler that runs is done: containers here don't end by themselves.
fn scrubbed_at(pod: &Pod) -> Option<Time> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let started = status.state.as_ref()?.running.as_ref()?.started_at.as_ref()?;
    Some(Time::from_meta(started) + SCRUB_TIME)
}

/// Mirrors `volume.NewPersistentVolumeRecyclerPodTemplate`.
fn recycler_pod(name: &str, source: Volume, deadline: i64) -> Pod {
    let scrub = "test -e /scrub && find /scrub -mindepth 1 -delete && test -z \"$(ls -A /scrub)\" || exit 1";
    Pod {
        metadata: ObjectMeta {
            name: Some(name.to_string()),
            namespace: Some(RECYCLER_NAMESPACE.into()),
            ..Default::default()
        },
        spec: Some(PodSpec {
            active_deadline_seconds: Some(deadline),
            restart_policy: Some("Never".into()),
            volumes: Some(vec![Volume { name: "vol".into(), ..source }]),
            containers: vec![Container {
                name: "pv-recycler".into(),
                image: Some("registry.k8s.io/build-image/debian-base:bookworm-v1.0.6".into()),
                command: Some(vec!["/bin/sh".into()]),
                args: Some(vec!["-c".into(), scrub.into()]),
                volume_mounts: Some(vec![VolumeMount {
                    name: "vol".into(),
                    mount_path: "/scrub".into(),
                    ..Default::default()
                }]),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}
