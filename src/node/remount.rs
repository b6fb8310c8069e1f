//! Volumes made of objects while their pod runs: a ConfigMap that changes is in its files with the kubelet's next sync.
//!
//! Mirrors the remounts of `pkg/kubelet/volumemanager/reconciler`, which every sync of a pod asks for
//! (`MarkRemountRequired`). A pod is synced each minute, and by lot up to half a minute later (`resyncInterval` and
//! `workerResyncIntervalJitterFactor` of `pod_workers.go`).

use std::sync::Arc;

use crate::api::k8s::api::core::v1::{Node, Pod, Volume};
use crate::api::names::Draw;
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::controllers::{About, Controller, Outcome};
use crate::store::{Change, View};

use super::events::warning;
use super::kubelet::node_name;
use super::runtime::{Payload, is_up_to_date, payload, write_atomically};
use super::volumes;

/// A pod is synced at least that often, and at most so much later.
const SYNC: (i64, u64) = (60_000, 30_000);

/// How long the kubelet waits after a volume could not be set up: at first, twice as long with each try, and at most.
const FIRST_BACKOFF: Duration = Duration::millis(500);
const LONGEST_BACKOFF: Duration = Duration::secs(122);

/// The reconciler of the volume manager, as far as it looks at volumes that are mounted.
pub(super) struct Reconciler;

impl Controller for Reconciler {
    fn name(&self) -> &'static str {
        "kubelet-volumes"
    }

    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey)) {
        let key = &change.key;
        match key.kind {
            Kind::ConfigMap | Kind::Secret => {
                let mounts =
                    |o: &Object| o.get::<Pod>().is_some_and(|p| runs(p) && volumes::mounts_object(p, &key.name));
                view.list_in(Kind::Pod, &key.namespace).filter(|o| mounts(o)).for_each(|o| enqueue(o.key()));
            }
            Kind::Pod => {
                let Some(new) = pod_of(&change.new).filter(|p| runs(p) && volumes::tells_of_itself(p)) else { return };
                let same = |old: &Pod| {
                    old.metadata.labels == new.metadata.labels && old.metadata.annotations == new.metadata.annotations
                };
                if !pod_of(&change.old).is_some_and(same) {
                    enqueue(key.clone());
                }
            }
            _ => {}
        }
    }

    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
        let mut outcome = Outcome::done();
        tell_of_faults(view, key, now, &mut outcome);
        let note = format!("remount/{}/{}", key.namespace, key.name);
        let due = view.note(&note).and_then(|text| text.parse().ok()).map(Time);
        let stale = stale_volumes(view, key);
        if stale.is_empty() {
            if due.is_some() {
                outcome.note(note, "");
            }
            return outcome;
        }
        let uid = view.get(key).map(|o| o.uid().to_string()).unwrap_or_default();
        let due = due.unwrap_or_else(|| {
            let due = next_sync(view, &uid, now);
            outcome.note(&note, due.0);
            due
        });
        if now < due {
            outcome.recurring(due - now);
            return outcome;
        }
        outcome.note(note, "");
        outcome.machine(move |store, now| {
            for (volume, group, files) in stale {
                let disk = format!("pod/{uid}/{volume}");
                if store.have_disk(&disk)
                    && let Some(disk) = store.disks_mut().get_mut(&disk)
                {
                    write_atomically(disk, &files, group, now);
                }
            }
            Vec::new()
        });
        outcome
    }
}

/// Tells of volumes that can't be set up anew, since what they are made of is gone: with each try, which are further and
/// further apart. What is in them stays. Mirrors `GenerateMountVolumeFunc` and `pkg/util/goroutinemap/exponentialbackoff`.
fn tell_of_faults(view: &View<'_>, key: &ObjectKey, now: Time, outcome: &mut Outcome) {
    let note = format!("remount-failed/{}/{}", key.namespace, key.name);
    let known = view.note(&note).and_then(|text| text.split_once(' '));
    let pod = view.get(key).filter(|o| o.get::<Pod>().is_some_and(runs));
    let faults: Vec<String> = pod.and_then(|o| o.get::<Pod>()).map(|p| faults(view, p)).unwrap_or_default();
    let (Some(object), false) = (pod, faults.is_empty()) else {
        if known.is_some() {
            outcome.note(note, "");
        }
        return;
    };
    let parsed = known.and_then(|(tries, due)| Some((tries.parse::<u32>().ok()?, Time(due.parse().ok()?))));
    let (mut tries, mut due) = parsed.unwrap_or_else(|| (0, next_sync(view, object.uid(), now)));
    if now >= due {
        let node = object.get::<Pod>().map(node_name).unwrap_or_default();
        for fault in faults {
            outcome.event(warning(About::object(object), node, "FailedMount", fault));
        }
        due = now + Duration(FIRST_BACKOFF.0 << tries.min(8)).min(LONGEST_BACKOFF);
        tries += 1;
    }
    outcome.note(note, format!("{tries} {}", due.0));
    outcome.recurring(due - now);
}

/// What the kubelet says of a pod's volumes that can't be set up anew.
fn faults(view: &View<'_>, pod: &Pod) -> Vec<String> {
    if view.kubelet_stopped_since(node_name(pod)).is_some() {
        return Vec::new();
    }
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    // Those that no container uses were never set up.
    let volumes = volumes.filter(|volume| view.disk(&format!("pod/{uid}/{}", volume.name)).is_some());
    let fault = |volume: &Volume| {
        let fault = volumes::object_fault(view, namespace, volume)?;
        Some(format!("MountVolume.SetUp failed for volume {:?} : {fault}", volume.name))
    };
    volumes.filter_map(fault).collect()
}

fn pod_of(object: &Option<Arc<Object>>) -> Option<&Pod> {
    object.as_ref()?.get::<Pod>()
}

/// When a pod is synced next: its syncs are so far apart since it started.
fn next_sync(view: &View<'_>, uid: &str, now: Time) -> Time {
    let mut draw = Draw::new(view.seed(), &format!("sync/{uid}"), 0);
    let period = SYNC.0 + draw.below(SYNC.1) as i64;
    let phase = draw.below(period.unsigned_abs()) as i64;
    Time(now.0 + period - (now.0 + phase).rem_euclid(period))
}

/// The volumes of a pod that hold something else than they should, with their group and what they should hold.
fn stale_volumes(view: &View<'_>, key: &ObjectKey) -> Vec<(String, Option<u32>, Payload)> {
    let Some(pod) = view.get_as::<Pod>(&key.namespace, &key.name).filter(|p| runs(p)) else { return Vec::new() };
    let Some(node) = view.get_as::<Node>("", node_name(pod)) else { return Vec::new() };
    if view.kubelet_stopped_since(node_name(pod)).is_some() {
        return Vec::new();
    }
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let group = spec.and_then(|s| s.security_context.as_ref()).and_then(|c| c.fs_group).map(|g| g as u32);
    let stale = |volume: &Volume| {
        let files = payload(view, node, pod, volume)?;
        // What can't be set up as a whole stays as it was.
        if volumes::object_fault(view, &key.namespace, volume).is_some() {
            return None;
        }
        let disk = view.disk(&format!("pod/{uid}/{}", volume.name))?;
        (!is_up_to_date(disk, &files)).then(|| (volume.name.clone(), group, files))
    };
    spec.iter().flat_map(|s| s.volumes.iter().flatten()).filter_map(stale).collect()
}

fn runs(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    phase == Some("Running") && !node_name(pod).is_empty() && pod.metadata.deletion_timestamp.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_sync_is_within_a_minute_and_a_half() {
        let config = crate::sim::Config { clock: crate::sim::ClockMode::Manual, ..Default::default() };
        let cluster = crate::sim::Cluster::new_in_memory(config, Time::default()).unwrap();
        for second in 0..200 {
            let now = Time(second * 1000 + 1);
            let wait = next_sync(&cluster.view(), "uid", now) - now;
            assert!(wait > Duration::ZERO && wait <= Duration::secs(90), "{wait}");
        }
    }
}
