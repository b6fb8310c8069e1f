//! What the snapshot-controller does with contents: it holds those that are bound, and says when their snapshot goes.
//!
//! Mirrors `syncContent` of `pkg/common-controller/snapshot_controller.go`.

use super::{
    ANN_BEING_DELETED, AS_SOURCE_FINALIZER, BOUND_FINALIZER, CONTENT_FINALIZER, has_finalizer, snapshot_named,
};
use crate::api::Object;
use crate::api::snapshot::VolumeSnapshotContent;
use crate::controllers::pvc_protection::{need_to_add_finalizer, with_finalizer};
use crate::controllers::{Outcome, Write};
use crate::store::View;

pub(super) fn sync(view: &View<'_>, object: &Object, content: &VolumeSnapshotContent, outcome: &mut Outcome) {
    let reference = &content.fields.spec.volume_snapshot_ref;
    if reference.uid.as_deref().unwrap_or_default().is_empty() {
        // OBSERVATION: it waits for a snapshot that names it.
        return;
    }
    if need_to_add_finalizer(object, CONTENT_FINALIZER) {
        outcome.write(with_finalizer(object, CONTENT_FINALIZER));
        return;
    }
    let (namespace, name) = (reference.namespace.as_deref(), reference.name.as_deref());
    let found = snapshot_named(view, namespace.unwrap_or_default(), name.unwrap_or_default());
    let Some((snapshot, _)) = found.filter(|(_, s)| content.is_of(s)) else {
        // OBSERVATION: a content whose snapshot is missing stays: it may have been copied from elsewhere.
        return;
    };
    if is_deletion_candidate(snapshot) {
        mark_snapshot_being_deleted(object, outcome);
    }
}

/// Mirrors `IsSnapshotDeletionCandidate`.
pub(super) fn is_deletion_candidate(snapshot: &Object) -> bool {
    let held = [AS_SOURCE_FINALIZER, BOUND_FINALIZER].iter().any(|finalizer| has_finalizer(snapshot, finalizer));
    snapshot.is_terminating() && held
}

/// Says on a content that its snapshot is being deleted. Mirrors `setAnnVolumeSnapshotBeingDeleted`.
pub(super) fn mark_snapshot_being_deleted(content: &Object, outcome: &mut Outcome) {
    if content.annotation(ANN_BEING_DELETED).is_none() {
        let mut clone = content.clone();
        let annotations = clone.meta_mut().annotations.get_or_insert_default();
        annotations.insert(ANN_BEING_DELETED.into(), "yes".into());
        outcome.write(Write::Update(clone));
    }
}
