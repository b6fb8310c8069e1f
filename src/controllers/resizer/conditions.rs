//! The conditions by which a claim tells how far its growing is.
//!
//! Mirrors `MergeResizeConditionsOfPVC` of `pkg/util/util.go` of kubernetes-csi/external-resizer, which the kubelet has too.

use crate::api::Time;
use crate::api::k8s::api::core::v1::PersistentVolumeClaimCondition;

/// The conditions that are of growing.
const KNOWN: &[&str] = &["FileSystemResizePending", "Resizing", "ControllerResizeError", "NodeResizeError"];

/// Puts new conditions, by type and message, among those that are there; of the old ones of growing the others go unless
/// they are kept.
pub(crate) fn merge(
    conditions: &mut Option<Vec<PersistentVolumeClaimCondition>>,
    new: &[(&str, String)],
    keep_old: bool,
    now: Time,
) {
    let mut list = conditions.take().unwrap_or_default();
    list.retain(|c| keep_old || !KNOWN.contains(&c.type_.as_str()) || new.iter().any(|(type_, _)| *type_ == c.type_));
    for (type_, message) in new {
        let condition = PersistentVolumeClaimCondition {
            type_: type_.to_string(),
            status: "True".into(),
            last_transition_time: Some(now.meta()),
            message: Some(message.clone()).filter(|m| !m.is_empty()),
            ..Default::default()
        };
        match list.iter_mut().find(|c| c.type_ == *type_) {
            Some(there) if there.status == "True" => {}
            Some(there) => *there = condition,
            None => list.push(condition),
        }
    }
    *conditions = Some(list).filter(|list| !list.is_empty());
}
