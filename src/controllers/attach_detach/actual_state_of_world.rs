//! Where a volume is attached, and what the controller keeps in mind of each node meanwhile.
//!
//! Mirrors `cache/actual_state_of_world.go`. That a volume is attached says its VolumeAttachment; the rest is a note.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::k8s::api::storage::v1::VolumeAttachment;
use crate::api::{Duration, Kind, Object, Time};
use crate::controllers::Outcome;
use crate::store::{Index, View};

/// Mirrors `durationBeforeRetry` of `pkg/util/goroutinemap/exponentialbackoff`: 500 ms, doubled up to 2 min 2 s.
const BACK_OFF: (Duration, Duration) = (Duration::millis(500), Duration::secs(122));

/// How far the attaching of a volume to a node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttachState {
    /// It is.
    Attached,
    /// There is a VolumeAttachment, and nobody knows whether it is: what the original calls uncertain.
    Uncertain,
    /// It is being detached.
    Detaching,
}

/// A VolumeAttachment of a volume.
pub(super) struct Attachment<'a> {
    pub(super) node: &'a str,
    pub(super) object: &'a Object,
    pub(super) attachment: &'a VolumeAttachment,
    pub(super) state: AttachState,
}

/// The VolumeAttachments of a volume, by name.
pub(super) fn attachments<'a>(view: &View<'a>, volume: &str) -> Vec<Attachment<'a>> {
    let found = view.indexed(Kind::VolumeAttachment, Index::AttachmentVolume, volume);
    found.filter_map(|object| of(object)).collect()
}

/// The VolumeAttachments of a node, by name.
pub(super) fn on_node<'a>(view: &View<'a>, node: &str) -> Vec<Attachment<'a>> {
    let found = view.indexed(Kind::VolumeAttachment, Index::AttachmentNode, node);
    found.filter_map(|object| of(object)).collect()
}

fn of(object: &Object) -> Option<Attachment<'_>> {
    let attachment = object.get::<VolumeAttachment>()?;
    let state = match attachment.status.as_ref().is_some_and(|s| s.attached) {
        _ if object.is_terminating() => AttachState::Detaching,
        true => AttachState::Attached,
        false => AttachState::Uncertain,
    };
    Some(Attachment { node: &attachment.spec.node_name, object, attachment, state })
}

/// What is kept in mind of a node and a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeMemory {
    /// Since when the volume is to be detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) detach_requested: Option<i64>,
    /// Whether the node's kubelet had it mounted when the node was seen last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) mounted: bool,
    /// Whether it was said that another node has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) multi_attach_error_reported: bool,
    /// Since when the attempt to attach it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attaching: Option<i64>,
    /// The pods for which that is, `NAMESPACE/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scheduled_pods: Vec<String>,
    /// How many attempts have failed, and when the last did.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) failed: (u32, i64),
}

fn is_none(failed: &(u32, i64)) -> bool {
    failed.0 == 0
}

impl NodeMemory {
    /// An attempt to attach failed.
    pub(super) fn fail(&mut self, now: Time) {
        self.attaching = None;
        self.failed = (self.failed.0.saturating_add(1), now.0);
    }

    /// When the next attempt may be made.
    pub(super) fn next_attempt(&self) -> Option<Time> {
        let doublings = self.failed.0.checked_sub(1)?.min(20);
        Some(Time(self.failed.1) + Duration(BACK_OFF.0.0 << doublings).min(BACK_OFF.1))
    }
}

/// What is kept in mind of a volume, by node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory(pub(super) BTreeMap<String, NodeMemory>);

fn note(volume: &str) -> String {
    format!("attachdetach/{volume}")
}

impl Memory {
    pub(super) fn of(view: &View<'_>, volume: &str) -> Memory {
        view.note(&note(volume)).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub(super) fn node(&mut self, node: &str) -> &mut NodeMemory {
        self.0.entry(node.to_string()).or_default()
    }

    /// Keeps what changed.
    pub(super) fn save(mut self, volume: &str, before: &Memory, outcome: &mut Outcome) {
        self.0.retain(|_, memory| *memory != NodeMemory::default());
        if self != *before {
            let text = if self.0.is_empty() { String::new() } else { serde_json::to_string(&self).unwrap_or_default() };
            outcome.note(note(volume), text);
        }
    }
}
