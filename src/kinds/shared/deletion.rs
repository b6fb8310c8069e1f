//! What a deletion makes of an object of whatever kind: its grace period, its marks, its finalizers.
//!
//! Mirrors `rest.BeforeDelete`, `markAsDeleting` and `deletionFinalizersForGarbageCollection` of `k8s.io/apiserver`.

use crate::api::k8s::api::core::v1::Pod;
use crate::api::object::{FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use crate::api::request::Propagation;
use crate::api::{Duration, Object, Time};

/// What a deletion makes of a grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// The kind has none, or it is over.
    None,
    /// It runs already, and this deletion does not shorten it.
    Pending,
    /// It ends then, after so many seconds.
    Until(Time, i64),
}

/// Only pods have a grace period. Mirrors `rest.BeforeDelete` and `podStrategy.CheckGracefulDelete`.
pub fn grace_period(object: &Object, asked: Option<i64>, now: Time) -> Grace {
    let Some(pod) = object.get::<Pod>() else { return Grace::None };
    let asked = asked.map(|seconds| if seconds < 0 { 1 } else { seconds });
    let running = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    match (&pod.metadata.deletion_timestamp, asked) {
        (Some(_), _) if running == 0 => return Grace::None,
        (Some(end), Some(asked)) if asked < running => {
            let end = Time::from_meta(end) - Duration::secs(running) + Duration::secs(asked);
            return match end < now {
                true => Grace::Until(now, asked.min(1)),
                false => Grace::Until(end, asked),
            };
        }
        (Some(_), _) => return Grace::Pending,
        (None, _) => {}
    }
    let spec = pod.spec.as_ref();
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
    // OBSERVATION: no kubelet has the pod, or it has ended: there is nothing to wait for.
    let seconds = match spec.and_then(|s| s.node_name.as_deref()).unwrap_or_default().is_empty()
        || matches!(phase, "Succeeded" | "Failed")
    {
        true => 0,
        false => asked.or(spec.and_then(|s| s.termination_grace_period_seconds)).unwrap_or(0),
    };
    let seconds = if seconds < 0 { 1 } else { seconds };
    Grace::Until(now + Duration::secs(seconds), seconds)
}

/// Mirrors `markAsDeleting`.
pub fn mark_as_deleting(object: &mut Object, end: Time, grace: Option<i64>) {
    let meta = object.meta_mut();
    let standing = meta.deletion_timestamp.as_ref().map(Time::from_meta);
    if standing.is_none()
        && let Some(generation) = meta.generation.as_mut()
    {
        *generation += 1;
    }
    if standing.is_none_or(|standing| standing > end) {
        meta.deletion_timestamp = Some(end.meta());
    }
    meta.deletion_grace_period_seconds = grace;
}

/// Mirrors `deletionFinalizersForGarbageCollection`: the newest deletion says what becomes of the dependents.
pub fn set_deletion_finalizers(object: &mut Object, propagation: Propagation) {
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FINALIZER_FOREGROUND),
        Propagation::Orphan => Some(FINALIZER_ORPHAN),
    };
    let before = object.meta().finalizers.as_deref().unwrap_or_default();
    let is_ours = |f: &String| f == FINALIZER_FOREGROUND || f == FINALIZER_ORPHAN;
    if before.iter().filter(|f| is_ours(f)).map(String::as_str).eq(wanted) {
        return;
    }
    let kept = before.iter().filter(|f| !is_ours(f)).cloned();
    let finalizers: Vec<String> = kept.chain(wanted.map(String::from)).collect();
    object.meta_mut().finalizers = Some(finalizers).filter(|f| !f.is_empty());
}

/// Whether a namespace still has finalizers in its spec; no other kind has such.
pub fn namespace_must_be_finalized(object: &Object) -> bool {
    match object {
        Object::Namespace(ns) => ns.spec.as_ref().and_then(|s| s.finalizers.as_ref()).is_some_and(|f| !f.is_empty()),
        _ => false,
    }
}
