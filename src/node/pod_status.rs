//! The status that a kubelet writes for a pod: its conditions, its addresses and its containers' states.
//!
//! Mirrors `Kubelet.generateAPIPodStatus` and `convertToAPIContainerStatuses`. What a version of Kubernetes did not
//! write yet, a cluster of that version lacks.

use crate::api::k8s::api::core::v1::{
    Container, ContainerState, ContainerStateWaiting, ContainerStatus, HostIP, Node, Pod, PodIP, PodStatus,
    VolumeMount, VolumeMountStatus,
};

use crate::controllers::Write;

use super::author::Author;
use super::conditions;
use super::ending;
use super::restarts;

/// The reason of a container that waits for its volumes or its image.
pub(super) const CONTAINER_CREATING: &str = "ContainerCreating";
/// The reason of a container that waits for the init containers.
pub(super) const POD_INITIALIZING: &str = "PodInitializing";
/// The reason of a container that waits to be started again.
pub(super) const CRASH_LOOP_BACK_OFF: &str = "CrashLoopBackOff";

impl Author<'_> {
    /// The write of a status; none where the pod has it already.
    pub(super) fn update_status(&self, status: PodStatus) -> Option<Write> {
        let Pod { metadata, spec, status: before } = self.pod;
        let changed = before.as_ref() != Some(&status);
        changed
            .then(|| Write::update_status(Pod { metadata: metadata.clone(), spec: spec.clone(), status: Some(status) }))
    }

    /// A container that waits.
    pub(super) fn waiting(
        &self,
        container: &Container,
        before: Option<&ContainerStatus>,
        reason: &str,
        message: &str,
    ) -> ContainerStatus {
        ContainerStatus {
            image: container.image.clone().unwrap_or_default(),
            name: container.name.clone(),
            started: Some(false),
            last_state: Some(before.and_then(|b| b.last_state.clone()).unwrap_or_default()),
            restart_count: before.map_or(0, |b| b.restart_count),
            volume_mounts: self.volume_mounts(container),
            state: Some(ContainerState {
                waiting: Some(ContainerStateWaiting {
                    reason: Some(reason.to_string()),
                    message: Some(message.to_string()).filter(|m| !m.is_empty()),
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// What the runtime tells of a container that it has made: its id and its image.
    pub(super) fn created(
        &self,
        container: &Container,
        before: Option<&ContainerStatus>,
        container_id: String,
        (image, image_id): (&str, String),
    ) -> ContainerStatus {
        let mut status = self.waiting(container, before, CONTAINER_CREATING, "");
        status.container_id = Some(container_id);
        status.image = image.to_string();
        status.image_id = image_id;
        if self.version >= 33 {
            let resources = container.resources.clone().unwrap_or_default();
            status.allocated_resources = resources.requests.clone().filter(|r| !r.is_empty());
            status.resources = Some(resources);
        }
        status
    }

    /// How a container's volumes are mounted.
    fn volume_mounts(&self, container: &Container) -> Option<Vec<VolumeMountStatus>> {
        let mounts = container.volume_mounts.iter().flatten().map(|mount| VolumeMountStatus {
            name: mount.name.clone(),
            mount_path: mount.mount_path.clone(),
            read_only: mount.read_only.filter(|read_only| *read_only),
            recursive_read_only: recursive_read_only(mount),
            ..Default::default()
        });
        let mounts: Vec<VolumeMountStatus> = mounts.collect();
        (self.version >= 31 && !mounts.is_empty()).then_some(mounts)
    }

    /// The status with which a kubelet takes a pod over: nothing has started yet.
    pub(super) fn first_status(&self) -> PodStatus {
        let init = self.spec.init_containers.as_deref().unwrap_or_default();
        let reason = if init.is_empty() { CONTAINER_CREATING } else { POD_INITIALIZING };
        let mut status = self.pod.status.clone().unwrap_or_default();
        status.phase = Some("Pending".into());
        status.start_time = Some(self.now.meta());
        status.nominated_node_name = None;
        let all = |containers: &[Container]| containers.iter().map(|c| self.waiting(c, None, reason, "")).collect();
        if !init.is_empty() {
            status.init_container_statuses = Some(all(init));
        }
        status.container_statuses = Some(all(&self.spec.containers));
        self.finish(&mut status, false);
        status
    }

    /// Derives from the containers' states what else the status says. `sandbox` says whether the pod's sandbox is
    /// there.
    pub(super) fn finish(&self, status: &mut PodStatus, sandbox: bool) {
        status.observed_generation = self.observed_generation();
        status.host_ip = host_ip(self.node);
        if self.version >= 29 {
            status.host_ips = status.host_ip.as_ref().map(|ip| vec![HostIP { ip: ip.clone() }]);
        }
        if self.spec.host_network == Some(true) && status.pod_ip.is_none() {
            status.pod_ip = status.host_ip.clone();
            status.pod_ips = status.pod_ip.as_ref().map(|ip| vec![PodIP { ip: ip.clone() }]);
        }
        if let Some(statuses) = &mut status.container_statuses {
            statuses.sort_by(|a, b| a.name.cmp(&b.name));
        }
        if let Some(statuses) = &mut status.ephemeral_container_statuses {
            statuses.sort_by(|a, b| a.name.cmp(&b.name));
        }
        if let Some(phase) = restarts::phase(self.spec, status) {
            // OBSERVATION: a pod has not ended before all that runs in it has.
            let ends = matches!(phase, "Succeeded" | "Failed") && ending::still_runs(status);
            status.phase = Some(if ends { "Running" } else { phase }.into());
        }
        // OBSERVATION: the sandbox of a pod that has ended is taken away at once.
        let over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        conditions::set(self, status, sandbox && !over);
    }
}

/// Whether a read-only mount is so down to the mounts below it. Mirrors `resolveRecursiveReadOnly`; the runtime and the
/// kernel here can do it.
fn recursive_read_only(mount: &VolumeMount) -> Option<String> {
    let mode = match mount.recursive_read_only.as_deref() {
        Some("Enabled" | "IfPossible") => "Enabled",
        _ => "Disabled",
    };
    (mount.read_only == Some(true)).then(|| mode.to_string())
}

/// The address of a node in the cluster's network.
pub(super) fn host_ip(node: &Node) -> Option<String> {
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    let of = |kind: &str| addresses.iter().find(|a| a.type_ == kind).map(|a| a.address.clone());
    of("InternalIP").or_else(|| of("ExternalIP"))
}

/// Gives the pod an address.
pub(super) fn set_pod_ip(status: &mut PodStatus, ip: String) {
    status.pod_ips = Some(vec![PodIP { ip: ip.clone() }]);
    status.pod_ip = Some(ip);
}
