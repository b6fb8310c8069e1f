//! Brings where a volume is attached to where it is wanted: detaching first, so that it may go elsewhere.
//!
//! Mirrors `reconciler/reconciler.go`, and `GenerateAttachVolumeFunc` and `GenerateDetachVolumeFunc` of
//! `pkg/volume/util/operationexecutor/operation_generator.go` with `pkg/volume/csi/csi_attacher.go`.

use std::collections::BTreeMap;

use super::COMPONENT;
use super::actual_state_of_world::{AttachState, Attachment, Memory, attachments};
use super::desired_state_of_world::{Volume, nodes_of, nodes_of_removed, volume_of};
use super::node_status_updater::{is_reported, report_attached, report_detachable};
use crate::api::csi::{CsiVolume, is_inline};
use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::k8s::api::storage::v1::{VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec};
use crate::api::{Duration, Kind, Object, ObjectKey, ObjectMeta, Time};
use crate::controllers::csi::is_multi_attach_allowed;
use crate::controllers::{About, Deletion, EventDraft, Outcome, Write};
use crate::store::View;

/// How long a volume stays attached to a node that is not healthy and does not say that it has unmounted it:
/// `maxWaitForUnmountDuration`.
pub(super) const MAX_WAIT_FOR_UNMOUNT: Duration = Duration::secs(360);

/// How long an attempt to attach waits for the driver: `csiTimeout`.
const CSI_TIMEOUT: Duration = Duration::secs(120);

/// Whether a node is ready.
pub(super) fn is_healthy(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether somebody said that a node is gone for good.
pub(super) fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_ref());
    taints.into_iter().flatten().any(|t| t.key == "node.kubernetes.io/out-of-service")
}

/// The volumes that a node's kubelet says it uses.
pub(super) fn in_use(node: &Node) -> impl Iterator<Item = &str> {
    let in_use = node.status.as_ref().and_then(|s| s.volumes_in_use.as_ref());
    in_use.into_iter().flatten().map(String::as_str)
}

/// Whether a node's kubelet says that it does not use a volume.
pub(super) fn has_unmounted(node: &Node, unique_name: &str) -> bool {
    !in_use(node).any(|name| name == unique_name)
}

/// One look at a volume.
struct Look<'a> {
    view: View<'a>,
    now: Time,
    name: &'a str,
    volume: Option<Volume<'a>>,
    csi: Option<CsiVolume>,
    wanted: BTreeMap<&'a str, Vec<&'a Object>>,
    there: Vec<Attachment<'a>>,
    memory: Memory,
    outcome: Outcome,
}

pub(super) fn reconcile(view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome {
    let volume = volume_of(view, &key.name);
    let (before, there) = (Memory::of(view, &key.name), attachments(view, &key.name));
    let mut look = Look {
        view: *view,
        now,
        name: &key.name,
        csi: volume.as_deref().and_then(CsiVolume::of).or_else(|| there.iter().find_map(|a| csi_of(view, a))),
        wanted: match &volume {
            Some(volume) => nodes_of(view, &key.name, volume),
            None if there.is_empty() || is_inline(&key.name) => BTreeMap::new(),
            None => nodes_of_removed(view, &key.name),
        },
        volume,
        there,
        memory: before.clone(),
        outcome: Outcome::done(),
    };
    // What was kept in mind of a node that has to do with the volume no more.
    let concerned =
        |node: &String| look.wanted.contains_key(node.as_str()) || look.there.iter().any(|a| a.node == node.as_str());
    let gone: Vec<String> = look.memory.0.keys().filter(|node| !concerned(node)).cloned().collect();
    gone.iter().for_each(|node| _ = look.memory.0.remove(node));
    look.detach_unwanted();
    look.attach_desired_volumes();
    let Look { memory, mut outcome, .. } = look;
    memory.save(&key.name, &before, &mut outcome);
    outcome
}

/// What an attached volume is to its driver, where the volume itself is no more: its node still names it, or the
/// attachment says it.
fn csi_of(view: &View<'_>, attachment: &Attachment<'_>) -> Option<CsiVolume> {
    if let Some(spec) = &attachment.attachment.spec.source.inline_volume_spec {
        return CsiVolume::of(&PersistentVolume { spec: Some(spec.clone()), ..Default::default() });
    }
    let status = view.get_as::<Node>("", attachment.node)?.status.as_ref()?;
    let listed = status.volumes_attached.iter().flatten().map(|v| v.name.as_str());
    let all = listed.filter_map(|name| name.strip_prefix("kubernetes.io/csi/")?.split_once('^'));
    let mut all = all.map(|(driver, handle)| CsiVolume { driver: driver.into(), handle: handle.into() });
    all.find(|csi| csi.attachment_name(attachment.node) == attachment.object.name())
}

impl<'a> Look<'a> {
    fn detach_unwanted(&mut self) {
        let there = std::mem::take(&mut self.there);
        for attachment in &there {
            if self.wanted.contains_key(attachment.node) {
                continue;
            }
            self.memory.node(attachment.node).multi_attach_error_reported = false;
            match attachment.state {
                AttachState::Detaching => {}
                AttachState::Uncertain if self.is_attaching(attachment) => {
                    // OBSERVATION: the attempt to attach it goes on until the driver answers or the time is over.
                }
                AttachState::Attached | AttachState::Uncertain => self.detach(attachment),
            }
        }
        self.there = there;
    }

    /// Whether the attempt to attach a volume still runs.
    fn is_attaching(&mut self, attachment: &Attachment<'_>) -> bool {
        let now = self.now;
        let memory = self.memory.node(attachment.node);
        let Some(begun) = memory.attaching.map(Time) else { return false };
        let failed = attachment.attachment.status.as_ref().is_some_and(|s| s.attach_error.is_some());
        if failed || now >= begun + CSI_TIMEOUT {
            memory.fail(now);
            return false;
        }
        self.outcome.recurring(begun + CSI_TIMEOUT - now);
        true
    }

    fn detach(&mut self, attachment: &Attachment<'a>) {
        let (now, name) = (self.now, attachment.node);
        let unique_name = self.csi.as_ref().map(CsiVolume::unique_name).unwrap_or_default();
        let node = self.view.get_as::<Node>("", name);
        let memory = self.memory.node(name);
        memory.attaching = None;
        let is_first = memory.detach_requested.is_none();
        let since = Time(*memory.detach_requested.get_or_insert(now.0));
        match node {
            Some(node) => memory.mounted = !has_unmounted(node, &unique_name),
            // OBSERVATION: the node is gone; had it unmounted the volume when it was seen last, it would be detached.
            None if is_first => memory.mounted = attachment.state == AttachState::Attached,
            None => {}
        }
        let healthy = node.is_some_and(is_healthy);
        let force_detach = !healthy && now - since > MAX_WAIT_FOR_UNMOUNT;
        if memory.mounted && !force_detach && !node.is_some_and(is_out_of_service) {
            // OBSERVATION: it is still mounted; the node's status, or time, brings it back here.
            if !healthy {
                self.outcome.recurring(since + MAX_WAIT_FOR_UNMOUNT + Duration::millis(100) - now);
            }
            return;
        }
        if let Some(node) = node.filter(|node| is_reported(node, &unique_name)) {
            report_detachable(&self.view, node, &unique_name, &mut self.outcome);
        }
        self.outcome.write(Write::Delete(Deletion::of(attachment.object)));
    }

    fn attach_desired_volumes(&mut self) {
        let multi_attach = self.volume.as_deref().map(is_multi_attach_allowed);
        let (Some(multi_attach), Some(csi)) = (multi_attach, self.csi.clone()) else { return };
        for (node, pods) in self.wanted.clone() {
            let here = self.there.iter().find(|a| a.node == node).map(|a| (a.state, a.attachment));
            let elsewhere: Vec<(&str, AttachState)> =
                self.there.iter().filter(|a| a.node != node).map(|a| (a.node, a.state)).collect();
            let pending = elsewhere.iter().any(|(other, state)| match state {
                AttachState::Detaching => true,
                AttachState::Uncertain => self.memory.0.get(*other).is_some_and(|m| m.attaching.is_some()),
                AttachState::Attached => false,
            });
            let being_attached = self.outcome_attaches();
            match here {
                Some((AttachState::Attached, _)) => self.attached(&csi, node),
                Some((AttachState::Detaching, _)) => {
                    // OBSERVATION: it is detached first; that it is gone brings it back here.
                }
                _ if !multi_attach && (pending || being_attached) => {
                    // OBSERVATION: another operation runs for the volume.
                }
                _ if !multi_attach && !elsewhere.is_empty() => {
                    let others: Vec<&str> = elsewhere.iter().map(|(node, _)| *node).collect();
                    self.report_multi_attach_error(node, &pods, &others);
                }
                Some((_, attachment)) => self.attach(&csi, node, &pods, Some(attachment)),
                None => self.attach(&csi, node, &pods, None),
            }
        }
    }

    /// Whether this look has just begun to attach the volume to a node.
    fn outcome_attaches(&self) -> bool {
        let there = |node: &str| self.there.iter().any(|a| a.node == node);
        self.memory.0.iter().any(|(node, memory)| memory.attaching == Some(self.now.0) && !there(node))
    }

    /// The volume is attached: says so, once, and in the node's status.
    fn attached(&mut self, csi: &CsiVolume, node: &str) {
        let now = self.now;
        let memory = self.memory.node(node);
        if memory.attaching.is_none()
            && let Some(next) = memory.next_attempt().filter(|next| now < *next)
        {
            // OBSERVATION: the driver got on after all; the next attempt finds that out.
            self.outcome.recurring(next - now);
            return;
        }
        let tried = memory.attaching.is_some() || memory.failed.0 > 0;
        let pods = std::mem::take(&mut memory.scheduled_pods);
        *memory = Default::default();
        if tried {
            let message = attach_succeeded(self.called());
            self.tell(&pods, false, "SuccessfulAttachVolume", &message);
        }
        let Some(node) = self.view.get_as::<Node>("", node) else { return };
        if !is_reported(node, &csi.unique_name()) {
            report_attached(&self.view, node, &mut self.outcome);
        }
    }

    /// Has a volume attached, or looks how that goes.
    fn attach(&mut self, csi: &CsiVolume, node: &str, pods: &[&Object], there: Option<&VolumeAttachment>) {
        let now = self.now;
        let memory = self.memory.node(node);
        memory.multi_attach_error_reported = false;
        memory.detach_requested = None;
        let Some(begun) = memory.attaching.map(Time) else {
            if let Some(next) = memory.next_attempt().filter(|next| now < *next) {
                self.outcome.recurring(next - now);
                return;
            }
            memory.attaching = Some(now.0);
            memory.scheduled_pods = pods.iter().map(|p| format!("{}/{}", p.namespace(), p.name())).collect();
            if there.is_none() {
                let attachment = attachment_of(csi, self.name, self.volume.as_deref(), node);
                self.outcome.write(Write::create(attachment));
            } else if let Some(message) = there.and_then(attach_error) {
                self.attach_failed(node, &message);
                return;
            }
            self.outcome.recurring(CSI_TIMEOUT);
            return;
        };
        if let Some(message) = there.and_then(attach_error) {
            return self.attach_failed(node, &message);
        }
        if now < begun + CSI_TIMEOUT {
            self.outcome.recurring(begun + CSI_TIMEOUT - now);
            return;
        }
        let message = format!(
            "timed out waiting for external-attacher of {} CSI driver to attach volume {}",
            csi.driver, csi.handle
        );
        self.attach_failed(node, &message);
    }

    fn attach_failed(&mut self, node: &str, fault: &str) {
        let now = self.now;
        let memory = self.memory.node(node);
        memory.fail(now);
        let wait = memory.next_attempt().map_or(Duration::ZERO, |next| next - now);
        let pods = memory.scheduled_pods.clone();
        let message = format!("AttachVolume.Attach failed for volume {:?} : {fault}", self.called());
        self.tell(&pods, true, "FailedAttachVolume", &message);
        self.outcome.recurring(wait);
    }

    /// Says, once for a node, that another one has the volume. Mirrors `reportMultiAttachError`.
    fn report_multi_attach_error(&mut self, node: &str, scheduled: &[&Object], others: &[&str]) {
        let memory = self.memory.node(node);
        if std::mem::replace(&mut memory.multi_attach_error_reported, true) {
            return;
        }
        let called = self.called().to_string();
        multi_attach_error((&called, &self.wanted), scheduled, others, &mut self.outcome);
    }

    /// What the volume is called in messages.
    fn called(&self) -> &str {
        self.volume.as_deref().and_then(|v| v.metadata.name.as_deref()).unwrap_or(self.name)
    }

    /// Tells pods of something.
    fn tell(&mut self, pods: &[String], warning: bool, reason: &str, message: &str) {
        for pod in pods {
            let Some((namespace, name)) = pod.split_once('/') else { continue };
            if let Some(pod) = self.view.get(&ObjectKey::new(Kind::Pod, namespace, name)) {
                let draft = EventDraft::normal(About::object(pod), COMPONENT, reason, message);
                self.outcome.event(EventDraft { warning, ..draft });
            }
        }
    }
}

/// What is said once a volume is attached.
pub(super) fn attach_succeeded(volume: &str) -> String {
    format!("AttachVolume.Attach succeeded for volume {volume:?} ")
}

/// Tells pods that other nodes have their volume, which is called so and wanted there. Mirrors `reportMultiAttachError`.
pub(super) fn multi_attach_error(
    (volume, all): (&str, &BTreeMap<&str, Vec<&Object>>),
    scheduled: &[&Object],
    others: &[&str],
    outcome: &mut Outcome,
) {
    let error = format!("Multi-Attach error for volume {volume:?}");
    let users: Vec<&Object> = others.iter().filter_map(|node| all.get(node)).flatten().copied().collect();
    for pod in scheduled {
        let local = users.iter().filter(|user| user.namespace() == pod.namespace());
        let local: Vec<&str> = local.map(|user| user.name()).collect();
        let message = match (users.len(), local.len()) {
            (0, _) => "Volume is already exclusively attached to one node and can't be attached to another".to_string(),
            (all, 0) => format!("Volume is already used by {all} pod(s) in different namespaces"),
            (all, here) if all > here => format!(
                "Volume is already used by pod(s) {} and {} pod(s) in different namespaces",
                local.join(", "),
                all - here
            ),
            _ => format!("Volume is already used by pod(s) {}", local.join(", ")),
        };
        let message = format!("{error} {message}");
        outcome.event(EventDraft::warning(About::object(pod), COMPONENT, "FailedAttachVolume", message));
    }
}

/// Why the driver could not attach the volume. Mirrors `verifyAttachmentStatus`.
fn attach_error(attachment: &VolumeAttachment) -> Option<String> {
    attachment.status.as_ref()?.attach_error.as_ref().map(|e| e.message.clone().unwrap_or_default())
}

/// An attachment of a volume to a node; of one of a pod's own it says what that is.
fn attachment_of(csi: &CsiVolume, key: &str, volume: Option<&PersistentVolume>, node: &str) -> VolumeAttachment {
    let source = match is_inline(key) {
        true => {
            VolumeAttachmentSource { inline_volume_spec: volume.and_then(|v| v.spec.clone()), ..Default::default() }
        }
        false => VolumeAttachmentSource { persistent_volume_name: Some(key.to_string()), ..Default::default() },
    };
    VolumeAttachment {
        metadata: ObjectMeta { name: Some(csi.attachment_name(node)), ..Default::default() },
        spec: VolumeAttachmentSpec { attacher: csi.driver.clone(), node_name: node.to_string(), source },
        status: None,
    }
}
