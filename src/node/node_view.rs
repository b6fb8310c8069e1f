//! What a node's runtime and its folders show of the node's pods.

use crate::api::k8s::api::core::v1::{ContainerState, ContainerStatus, Node, Pod, Volume};
use crate::api::names::Draw;
use crate::api::{Kind, Time};
use crate::machine::disk::DiskId;
use crate::machine::kernel::log;
use crate::machine::kernel::mounts::{Mount, Source};
use crate::machine::kernel::node_view::{ContainerView, ImageView, NodeView, PodView};
use crate::store::{Index, View};

use super::container_status;
use super::images::full_name;
use super::node_disks;
use super::runtime::mounted;

/// The number of an image, which is not that of its manifest.
fn image_number(full: &str) -> String {
    Draw::new(0, &format!("config/{full}"), 0).hex(64)
}

/// The number of a pod's sandbox.
pub(super) fn sandbox_number(seed: u64, uid: &str) -> String {
    Draw::new(seed, &format!("sandbox/{uid}"), 0).hex(64)
}

/// What the runtime of a node holds.
pub fn of(view: &View<'_>, node: &str) -> NodeView {
    let mut all = NodeView::default();
    for object in view.indexed(Kind::Pod, Index::Node, node) {
        let Some(pod) = object.get::<Pod>() else { continue };
        let Some(status) = pod.status.as_ref().filter(|s| s.start_time.is_some()) else { continue };
        let conditions = status.conditions.iter().flatten();
        let has_sandbox = conditions.clone().any(|c| c.type_ == "PodReadyToStartContainers" && c.status == "True");
        let statuses: Vec<&ContainerStatus> =
            container_status::all(status).filter(|s| s.container_id.is_some()).collect();
        if !has_sandbox && statuses.is_empty() {
            continue;
        }
        all.pods.push(PodView {
            id: sandbox_number(view.seed(), object.uid()),
            name: object.name().to_string(),
            namespace: object.namespace().to_string(),
            uid: object.uid().to_string(),
            created: status.start_time.as_ref().map(Time::from_meta).unwrap_or_default(),
            is_ready: has_sandbox,
        });
        let number = all.pods.len() - 1;
        all.containers.extend(statuses.iter().filter_map(|s| container(s, number)));
        all.containers.extend(statuses.iter().filter_map(|s| run_before(s, number)));
    }
    let node = view.get_as::<Node>("", node);
    let images = node.and_then(|n| n.status.as_ref()).and_then(|s| s.images.as_ref());
    for image in images.into_iter().flatten() {
        let names = image.names.as_deref().unwrap_or_default();
        let Some(name) = names.iter().find(|n| !n.contains('@')).or(names.first()) else { continue };
        let digest = names.iter().find(|n| n.contains('@')).cloned().unwrap_or_default();
        let (id, size) = (image_number(name), image.size_bytes.unwrap_or_default());
        all.images.push(ImageView { name: name.clone(), digest, id, size });
    }
    all
}

fn container(status: &ContainerStatus, pod: usize) -> Option<ContainerView> {
    let id = status.container_id.as_deref()?.rsplit('/').next()?.to_string();
    let state = status.state.as_ref();
    let last = status.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let ended = state.and_then(|s| s.terminated.as_ref());
    let running = state.and_then(|s| s.running.as_ref());
    let ended = if running.is_some() { None } else { ended.or(last) };
    let started = running.and_then(|r| r.started_at.as_ref()).or_else(|| ended.and_then(|e| e.started_at.as_ref()));
    let full = full_name(&status.image).unwrap_or_else(|| status.image.clone());
    Some(ContainerView {
        id,
        pod,
        name: status.name.clone(),
        attempt: status.restart_count,
        image_id: image_number(&full),
        image: full,
        started: started.map(Time::from_meta).unwrap_or_default(),
        ended: ended.map(|e| {
            let at = e.finished_at.as_ref().map(Time::from_meta).unwrap_or_default();
            (at, e.exit_code, e.reason.clone().unwrap_or_default())
        }),
    })
}

/// The run before the last one, which a kubelet keeps.
fn run_before(status: &ContainerStatus, pod: usize) -> Option<ContainerView> {
    let last = status.last_state.as_ref()?.terminated.as_ref()?;
    let id = last.container_id.as_deref()?;
    let state = Some(ContainerState { terminated: Some(last.clone()), ..Default::default() });
    if status.container_id.as_deref() == Some(id) {
        return None;
    }
    let before = ContainerStatus {
        container_id: Some(id.to_string()),
        restart_count: status.restart_count - 1,
        state,
        last_state: None,
        ..status.clone()
    };
    container(&before, pod)
}

/// The kubelet's name for the plugin of a volume that lies in its folder of the pod.
fn plugin(volume: &Volume) -> Option<&'static str> {
    Some(if volume.empty_dir.is_some() {
        "empty-dir"
    } else if volume.config_map.is_some() {
        "configmap"
    } else if volume.secret.is_some() {
        "secret"
    } else if volume.projected.is_some() {
        "projected"
    } else if volume.downward_api.is_some() {
        "downward-api"
    } else {
        return None;
    })
}

/// Where the disks of a node's pods are seen on the node: their logs, and the volumes that the kubelet makes.
pub fn folders(view: &View<'_>, node: &str) -> Vec<Mount> {
    let mut wanted: Vec<(String, DiskId, &str)> = Vec::new();
    let mut others = Vec::new();
    let own_node = view.get_as::<Node>("", node);
    for object in view.indexed(Kind::Pod, Index::Node, node) {
        let Some(pod) = object.get::<Pod>() else { continue };
        let uid = object.uid();
        let logs = format!("/var/log/pods/{}_{}_{uid}", object.namespace(), object.name());
        wanted.push((logs, log::disk_of(uid), "ext4"));
        for volume in pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
            let Some(plugin) = plugin(volume) else {
                let mount = own_node.filter(|_| is_started(pod)).and_then(|n| mounted(view, n, pod, volume));
                let here = format!("/var/lib/kubelet/pods/{uid}/volumes");
                others.extend(mount.map(|mount| Mount { at: format!("{here}/{}", mount.at), ..mount }));
                continue;
            };
            let path = format!("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~{plugin}/{}", volume.name);
            let fs_type = if matches!(plugin, "secret" | "projected") { "tmpfs" } else { "ext4" };
            wanted.push((path, format!("pod/{uid}/{}", volume.name), fs_type));
        }
    }
    let mount = |(at, disk, fs_type): (String, DiskId, &str)| Mount {
        at,
        what: Source::Disk(disk, 0),
        read_only: false,
        device: if fs_type == "tmpfs" { "tmpfs".into() } else { "/dev/sda1".into() },
        fs_type: fs_type.into(),
        options: "relatime".into(),
    };
    let own = wanted.into_iter().map(mount);
    let disks = node_disks::below(view, node, "/")
        .into_iter()
        .map(|(at, disk)| Mount { device: disk.device.clone(), ..mount((at, disk.id, "ext4")) });
    own.chain(others).chain(disks).collect()
}

/// Whether a pod's volumes are mounted.
fn is_started(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let ended = matches!(pod.status.as_ref().and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
    !ended && conditions.into_iter().any(|c| c.type_ == "PodReadyToStartContainers" && c.status == "True")
}
