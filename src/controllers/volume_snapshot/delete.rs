//! How a snapshot goes: first what is made of it, then its content where that goes with it, then the snapshot.
//!
//! Mirrors `processSnapshotWithDeletionTimestamp` and `checkandRemoveSnapshotFinalizersAndCheckandDeleteContent` of
//! `pkg/common-controller/snapshot_controller.go`.

use super::common::{Look, check_and_remove_claim_finalizer, dynamic_content_name};
use super::content::{is_deletion_candidate, mark_snapshot_being_deleted};
use super::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, content_named};
use crate::api::Kind;
use crate::api::k8s::api::core::v1::PersistentVolumeClaim;
use crate::api::snapshot::GROUP;
use crate::controllers::{Deletion, Outcome, Write};

pub(super) fn process(look: &Look<'_>, outcome: &mut Outcome) -> Result<(), String> {
    let snapshot = look.snapshot;
    let dynamic = snapshot.fields.spec.source.persistent_volume_claim_name.is_some();
    let named = snapshot.content_name().map(String::from);
    let name = named.or_else(|| dynamic.then(|| dynamic_content_name(snapshot)));
    let content = name.and_then(|name| content_named(look.view, &name)).filter(|(_, c)| c.is_of(snapshot));
    if !is_deletion_candidate(look.object) {
        return Ok(());
    }
    if content.is_some() && is_being_restored(look) {
        let message = "Snapshot is being used to restore a PVC";
        outcome.event(look.event(true, "SnapshotDeletePending", message));
        let key = format!("{}/{}", snapshot.namespace(), snapshot.name());
        return Err(format!("snapshot {key} is in use (being used to restore a PVC), will retry deletion"));
    }
    let mut goes_with_it = false;
    if let Some((object, content)) = &content {
        mark_snapshot_being_deleted(object, outcome);
        goes_with_it = content.fields.spec.deletion_policy == "Delete";
        if goes_with_it && !object.is_terminating() {
            outcome.write(Write::Delete(Deletion::of(object)));
        }
    }
    check_and_remove_claim_finalizer(look, true, outcome);
    let mut clone = look.object.clone();
    let finalizers = &mut clone.meta_mut().finalizers;
    let stays = |f: &String| f != AS_SOURCE_FINALIZER && (goes_with_it || f != BOUND_FINALIZER);
    finalizers.iter_mut().for_each(|all| all.retain(stays));
    *finalizers = finalizers.take().filter(|all| !all.is_empty());
    if clone != *look.object {
        outcome.write(Write::Update(clone));
    }
    Ok(())
}

/// Whether a claim waits for a volume made of the snapshot. Mirrors `isVolumeBeingCreatedFromSnapshot`.
fn is_being_restored(look: &Look<'_>) -> bool {
    let snapshot = look.snapshot;
    let mut claims = look.view.list_in(Kind::PersistentVolumeClaim, snapshot.namespace());
    claims.any(|object| {
        let Some(claim) = object.get::<PersistentVolumeClaim>() else { return false };
        let source = claim.spec.as_ref().and_then(|s| s.data_source.as_ref());
        let of_it = source.is_some_and(|s| {
            s.name == snapshot.name() && s.kind == "VolumeSnapshot" && s.api_group.as_deref() == Some(GROUP)
        });
        of_it && claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Pending")
    })
}
