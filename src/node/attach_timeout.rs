//! What a kubelet does when a pod's volumes are not attached and mounted in time.
//!
//! Mirrors the end of `WaitForAttachAndMount` of `pkg/kubelet/volumemanager/volume_manager.go` and what `SyncPod` makes of
//! it. Since v1.27 a kubelet says nothing of a wait that is over; since v1.35 it rejects a pod whose node takes no more
//! volumes of the driver.

use crate::api::k8s::api::core::v1::PodStatus;
use crate::api::{Duration, Time};
use crate::controllers::{About, Write};

use super::events::warning;
use super::sync::Sync;
use super::volumes::{VolumeSpec, awaits_attachment, is_exhausted};

/// `podAttachAndMountTimeout`.
const TIMEOUT: Duration = Duration::secs(123);
/// The first version whose kubelet says nothing of it (`wait.Interrupted`).
const SILENT_SINCE: u32 = 27;
/// The first version that names what could not be worked out.
const NAMES_UNPROCESSED_SINCE: u32 = 26;
/// The first version with `MutableCSINodeAllocatableCount` on.
const REJECTS_SINCE: u32 = 35;
/// Why a pod is rejected.
const LIMIT_EXCEEDED: &str = "VolumeAttachmentLimitExceeded";

impl Sync<'_> {
    /// Notes that volumes are not mounted yet; when to look again because the time is over. None where the pod was
    /// rejected, or nothing comes of it.
    pub(super) fn note_timeout(
        &mut self,
        status: &PodStatus,
        unmounted: &[&str],
        specs: &[VolumeSpec<'_>],
    ) -> Option<Time> {
        let version = self.author.version;
        if (SILENT_SINCE..REJECTS_SINCE).contains(&version) {
            return None;
        }
        let begun = status.start_time.as_ref().map(Time::from_meta)?;
        let due = begun + TIMEOUT * i64::from(self.memory.timeouts + 1);
        if self.now() < due {
            return Some(due);
        }
        self.memory.timeouts += 1;
        let waiting: Vec<&VolumeSpec<'_>> =
            specs.iter().filter(|spec| awaits_attachment(self.view, self.author.node, spec)).collect();
        let list = |names: &mut Vec<&str>| {
            names.sort_unstable();
            format!("[{}]", names.join(" "))
        };
        let unmounted = list(&mut unmounted.to_vec());
        let unattached = list(&mut waiting.iter().map(|spec| spec.outer_name).collect());
        if version >= REJECTS_SINCE {
            if !waiting.iter().any(|spec| is_exhausted(self.view, self.author.node, spec)) {
                return Some(due + TIMEOUT);
            }
            let message = format!(
                "Node has reached its volume attachment limit, rejecting pod. unmounted volumes={unmounted}, unattached \
                 volumes={unattached}, failed to process volumes=[]: context deadline exceeded"
            );
            self.say(warning(About::object(self.object), self.node_name(), LIMIT_EXCEEDED, message.clone()));
            self.reject(status, LIMIT_EXCEEDED, &message);
            return None;
        }
        let unprocessed = if version >= NAMES_UNPROCESSED_SINCE { ", failed to process volumes=[]" } else { "" };
        let message = format!(
            "Unable to attach or mount volumes: unmounted volumes={unmounted}, unattached volumes={unattached}\
             {unprocessed}: timed out waiting for the condition"
        );
        self.say(warning(About::object(self.object), self.node_name(), "FailedMount", message));
        Some(due + TIMEOUT)
    }

    /// Mirrors `Kubelet.rejectPod`.
    fn reject(&mut self, status: &PodStatus, reason: &str, message: &str) {
        let kept = |c: &&crate::api::k8s::api::core::v1::PodCondition| c.type_ == "PodScheduled";
        let rejected = PodStatus {
            phase: Some("Failed".into()),
            reason: Some(reason.into()),
            message: Some(format!("Pod was rejected: {message}")),
            qos_class: status.qos_class.clone(),
            start_time: status.start_time.clone(),
            observed_generation: status.observed_generation,
            conditions: status.conditions.as_ref().map(|all| all.iter().filter(kept).cloned().collect()),
            ..Default::default()
        };
        let mut pod = self.author.pod.clone();
        pod.status = Some(rejected);
        self.outcome.write(Write::update_status(pod));
    }
}
