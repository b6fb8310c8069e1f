//! Snapshots of volumes: the snapshot-controller of a cluster, and the csi-snapshotter beside each driver.
//!
//! Mirrors kubernetes-csi/external-snapshotter (`pkg/common-controller`, `pkg/sidecar-controller`). The first exists once
//! somebody deployed it, which adding a driver that takes snapshots does.

mod common;
mod content;
mod delete;
mod sidecar;

pub use common::SnapshotController;
pub use sidecar::CsiSnapshotter;

use crate::api::snapshot::{VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent};
use crate::api::{Duration, Kind, Object, ObjectKey};
use crate::controllers::RateLimiter;
use crate::store::View;

/// The note that says that the snapshot-controller runs.
pub const DEPLOYED: &str = "snapshot-controller";

/// The finalizer on contents that are bound.
const CONTENT_FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
/// The finalizer on snapshots whose content goes with them.
const BOUND_FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";
/// The finalizer on snapshots that volumes may be made of.
const AS_SOURCE_FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
/// The finalizer on claims of which a snapshot is being made.
pub const CLAIM_FINALIZER: &str = "snapshot.storage.kubernetes.io/pvc-as-source-protection";
/// On a content: its snapshot is being deleted.
const ANN_BEING_DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
/// On a content: the driver was asked to make it, and has not answered.
const ANN_BEING_CREATED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";

/// `--retry-interval-start` and `--retry-interval-max`.
const RETRY: RateLimiter =
    RateLimiter { base_delay: Duration::secs(1), max_delay: Duration::secs(300), max_retries: None };

/// Whether the snapshot-controller runs.
fn is_deployed(view: &View<'_>) -> bool {
    view.note(DEPLOYED).is_some_and(|text| !text.is_empty())
}

/// The content of that name, and its object.
pub(super) fn content_named<'a>(view: &View<'a>, name: &str) -> Option<(&'a Object, VolumeSnapshotContent)> {
    let object = view.get(&ObjectKey::cluster(Kind::VolumeSnapshotContent, name))?;
    Some((object, VolumeSnapshotContent::of(object)?))
}

/// The snapshot of that name, and its object.
pub(super) fn snapshot_named<'a>(view: &View<'a>, namespace: &str, name: &str) -> Option<(&'a Object, VolumeSnapshot)> {
    let object = view.get(&ObjectKey::new(Kind::VolumeSnapshot, namespace, name))?;
    Some((object, VolumeSnapshot::of(object)?))
}

/// The class of that name.
fn class_named(view: &View<'_>, name: &str) -> Result<VolumeSnapshotClass, String> {
    let object = view.get(&ObjectKey::cluster(Kind::VolumeSnapshotClass, name));
    // As the lister says it, which knows the resource in the singular.
    let missing = || format!("volumesnapshotclass.snapshot.storage.k8s.io {name:?} not found");
    object.and_then(|o| VolumeSnapshotClass::of(o)).ok_or_else(missing)
}

/// Whether an object has a finalizer.
fn has_finalizer(object: &Object, finalizer: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|f| f == finalizer)
}
