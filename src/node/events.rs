//! What the kubelet says of pods and nodes.

use crate::api::k8s::api::core::v1::Event;
use crate::api::{Kind, Object};
use crate::controllers::{About, EventDraft};
use crate::store::{Index, View};

/// The component that the kubelet's events name.
const COMPONENT: &str = "kubelet";

/// Whether the kubelet has said something of that reason about a pod.
pub(super) fn has_said(view: &View<'_>, pod: &Object, reason: &str) -> bool {
    view.indexed(Kind::Event, Index::EventObject, pod.uid()).filter_map(|o| o.get::<Event>()).any(|event| {
        let source = event.source.as_ref().and_then(|s| s.component.as_deref());
        source == Some(COMPONENT) && event.reason.as_deref() == Some(reason)
    })
}

/// An event of the kubelet of a node.
pub(super) fn event(about: About, node: &str, reason: &str, message: impl Into<String>) -> EventDraft {
    EventDraft::normal(about, COMPONENT, reason, message).on(node)
}

/// A warning of the kubelet of a node.
pub(super) fn warning(about: About, node: &str, reason: &str, message: impl Into<String>) -> EventDraft {
    EventDraft::warning(about, COMPONENT, reason, message).on(node)
}
