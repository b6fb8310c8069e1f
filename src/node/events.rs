//! What the kubelet has said of a pod so far: its only memory of failures and back-offs.

use crate::api::k8s::api::core::v1::Event;
use crate::api::{Duration, Kind, Object, Time};
use crate::controllers::{About, EventDraft};
use crate::store::{Index, View};

/// The component that the kubelet's events name.
const COMPONENT: &str = "kubelet";

/// How often something was said, and when for the last time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) count: i32,
    pub(super) last: Time,
}

/// What the kubelet said of a pod, of one reason and of one container (`""` for the pod itself), where `fits`.
pub(super) fn said(view: &View<'_>, pod: &Object, container: &str, fits: impl Fn(&Event) -> bool) -> Option<Said> {
    let field = if container.is_empty() { String::new() } else { format!("{{{container}}}") };
    let mut all: Option<Said> = None;
    for object in view.indexed(Kind::Event, Index::EventObject, pod.uid()) {
        let Object::Event(event) = &**object else { continue };
        let source = event.source.as_ref().and_then(|s| s.component.as_deref());
        let about = event.involved_object.field_path.as_deref().unwrap_or_default();
        if source != Some(COMPONENT) || !about.ends_with(&field) || !fits(event) {
            continue;
        }
        let last = event.last_timestamp.as_ref().map(Time::from_meta).unwrap_or_default();
        let count = event.count.unwrap_or(1);
        all = Some(match all {
            Some(so_far) => Said { count: so_far.count + count, last: so_far.last.max(last) },
            None => Said { count, last },
        });
    }
    all
}

/// An event of the kubelet of a node.
pub(super) fn event(about: About, node: &str, reason: &str, message: impl Into<String>) -> EventDraft {
    EventDraft::normal(about, COMPONENT, reason, message).on(node)
}

/// A warning of the kubelet of a node.
pub(super) fn warning(about: About, node: &str, reason: &str, message: impl Into<String>) -> EventDraft {
    EventDraft::warning(about, COMPONENT, reason, message).on(node)
}

/// A wait that doubles with each failure, between two bounds.
pub(super) fn back_off(first: Duration, most: Duration, failures: i32) -> Duration {
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(20);
    Duration(first.0 << doublings).min(most)
}
