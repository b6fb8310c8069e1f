//! Mounting one volume: the checks that go before, and what the volume's plugin finds.
//!
//! Mirrors `GenerateMountVolumeFunc` and `GenerateMapVolumeFunc` of `pkg/volume/util/operationexecutor`. Servers and disks
//! outside of the cluster are taken to be there.

use super::{Source, VolumeSpec, attached, contents, host_path};
use crate::api::k8s::api::core::v1::{CSIVolumeSource, Node, PersistentVolume, Pod};
use crate::api::k8s::api::storage::v1::{CSIDriver, CSINode};
use crate::api::object::annotation_of;
use crate::api::pod::claim_of;
use crate::api::selector::matches_node_selector;
use crate::api::{Kind, Object, ObjectKey};
use crate::controllers::csi::as_on_node;
use crate::node::disk::{Disk, FileType};
use crate::node::memory::Memory;
use crate::node::node_disks::State;
use crate::store::{Index, View};

/// The annotation that mount options once stood in.
const ANN_MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";

/// Where a kubelet keeps what is its own.
const KUBELET_FOLDER: &str = "/var/lib/kubelet";

/// An event that mounting a volume ends with: its reason and its message.
pub(in crate::node) type Told = (&'static str, String);

/// Mounts a volume: what to tell of it.
///
/// # Errors
/// What to tell of it instead; none where the kubelet says it in its log only.
pub(in crate::node) fn mount_volume(
    view: &View<'_>,
    node: &Node,
    pod: &Pod,
    spec: &VolumeSpec<'_>,
    disk: &mut Disk<'_>,
) -> Result<Vec<Told>, Option<Told>> {
    if spec.as_device {
        return map_volume(view, node, pod, spec, disk);
    }
    let failed = |what: &str, fault: String| {
        Some(("FailedMount", format!("MountVolume.{what} failed for volume {:?} : {fault}", spec.name())))
    };
    check_node_affinity(view, node, spec).map_err(|fault| failed("NodeAffinity check", fault))?;
    if let Some(fault) = local_path_fault(spec, disk) {
        return Err(failed("NewMounter initialization", fault));
    }
    if !mount_options(spec).is_empty() && !supports_mount_option(spec) {
        let fault = "mount options are not supported for this volume type";
        return Err(failed("MountOptionSupport check", fault.into()));
    }
    if let Some(fault) = mounted_elsewhere(view, pod, spec) {
        return Err(failed("SetUp", fault));
    }
    if let Some(volume) = spec.persistent_volume() {
        attached::mount_device(view, node, volume).map_err(|(step, fault)| failed(step, fault))?;
    }
    if let Some(fault) = device_fault(spec, disk) {
        return Err(failed("MountDevice", fault));
    }
    set_up(view, node, pod, spec, disk).map_err(|fault| failed("SetUp", fault)).map(|()| Vec::new())
}

/// Where a local volume is.
fn local_path<'a>(spec: &'a VolumeSpec<'_>) -> Option<&'a str> {
    Some(spec.persistent_volume()?.spec.as_ref()?.local.as_ref()?.path.as_str())
}

/// Why a local volume is nothing that can be mounted. Mirrors `getGlobalLocalPath` of `pkg/volume/local` and `getFileType`
/// of `pkg/volume/util/hostutil`.
fn local_path_fault(spec: &VolumeSpec<'_>, disk: &Disk<'_>) -> Option<String> {
    let path = local_path(spec)?;
    if disk.disk_at(path).is_some_and(|disk| disk.state == State::Broken && !disk.block) {
        return Some(format!("stat {path}: input/output error"));
    }
    match disk.file_type(path) {
        Some(FileType::Directory | FileType::BlockDevice) => None,
        Some(_) => Some("only directory and block device are supported".into()),
        None => Some(format!("path {path:?} does not exist")),
    }
}

/// Why the file system on a raw device can't be mounted. Mirrors `mountLocalBlockDevice`.
fn device_fault(spec: &VolumeSpec<'_>, disk: &Disk<'_>) -> Option<String> {
    let path = local_path(spec)?;
    let device = disk.disk_at(path).filter(|disk| disk.state == State::Broken && disk.block)?.device;
    let fs_type = spec.persistent_volume()?.spec.as_ref()?.local.as_ref()?.fs_type.as_deref().unwrap_or("ext4");
    let at = format!("{KUBELET_FOLDER}/plugins/kubernetes.io/local-volume/mounts/{}", spec.name());
    Some(format!(
        "local: failed to mount device {path} at {at} (fstype: {fs_type}), error mount failed: exit status 32\nMounting \
         command: mount\nMounting arguments: -t {fs_type} -o defaults {path} {at}\nOutput: mount: {at}: can't read \
         superblock on {device}.\n"
    ))
}

/// Mirrors `GenerateMapVolumeFunc`.
fn map_volume(
    view: &View<'_>,
    node: &Node,
    pod: &Pod,
    spec: &VolumeSpec<'_>,
    disk: &Disk<'_>,
) -> Result<Vec<Told>, Option<Told>> {
    let source = spec.persistent_volume().and_then(|v| v.spec.as_ref());
    if source.is_some_and(|s| s.host_path.is_some() || s.nfs.is_some()) {
        // OBSERVATION: such a plugin maps no devices; the kubelet says so in its log and waits.
        return Err(None);
    }
    let name = spec.name();
    check_node_affinity(view, node, spec).map_err(|fault| {
        Some(("FailedMount", format!("MapVolume.NodeAffinity check failed for volume {name:?} : {fault}")))
    })?;
    if let Some(fault) = mounted_elsewhere(view, pod, spec) {
        return Err(Some(("FailedMapVolume", format!("MapVolume.SetUpDevice failed for volume {name:?} : {fault}"))));
    }
    if let Some(volume) = spec.persistent_volume() {
        attached::set_up_device(view, node, volume).map_err(|(reason, step, fault)| {
            Some((reason, format!("MapVolume.{step} failed for volume {name:?} : {fault}")))
        })?;
    }
    if let Some(path) = local_path(spec).filter(|path| disk.file_type(path).is_none()) {
        let fault =
            format!("MapVolume.EvalHostSymlinks failed for volume {name:?} : lstat {path}: no such file or directory");
        return Err(Some(("FailedMapVolume", fault)));
    }
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let (plugin, global) = match source {
        Some(s) if s.local.is_some() => {
            ("kubernetes.io~local-volume", format!("kubernetes.io~local-volume/volumeDevices/{name}"))
        }
        Some(s) if s.csi.is_some() => ("kubernetes.io~csi", format!("kubernetes.io/csi/volumeDevices/{name}/dev")),
        _ => return Ok(Vec::new()),
    };
    let told = |path: &str| format!("MapVolume.MapPodDevice succeeded for volume {name:?} {path}");
    Ok(vec![
        ("SuccessfulMountVolume", told(&format!("globalMapPath \"{KUBELET_FOLDER}/plugins/{global}\""))),
        (
            "SuccessfulMountVolume",
            told(&format!("volumeMapPath \"{KUBELET_FOLDER}/pods/{uid}/volumeDevices/{plugin}\"")),
        ),
    ])
}

/// Mirrors `CheckNodeAffinity` of `k8s.io/component-helpers/storage/volume`.
fn check_node_affinity(view: &View<'_>, node: &Node, spec: &VolumeSpec<'_>) -> Result<(), String> {
    let volume = spec.persistent_volume().map(|volume| as_on_node(view, volume, node));
    let affinity = volume.as_deref().and_then(|v| v.spec.as_ref()).and_then(|s| s.node_affinity.as_ref());
    let Some(required) = affinity.and_then(|a| a.required.as_ref()) else { return Ok(()) };
    match matches_node_selector(required, "", node.metadata.labels.as_ref()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("no matching NodeSelectorTerms".into()),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Mirrors `MountOptionFromSpec`.
fn mount_options(spec: &VolumeSpec<'_>) -> Vec<String> {
    let Some(volume) = spec.persistent_volume() else { return Vec::new() };
    let options = match annotation_of(&volume.metadata, ANN_MOUNT_OPTIONS) {
        Some(annotation) => annotation.split(',').map(String::from).collect(),
        None => volume.spec.as_ref().and_then(|s| s.mount_options.clone()).unwrap_or_default(),
    };
    options.into_iter().filter(|option| !option.is_empty()).collect()
}

/// Which plugins hand mount options on; of those that a persistent volume may name only hostPath doesn't.
fn supports_mount_option(spec: &VolumeSpec<'_>) -> bool {
    spec.persistent_volume().and_then(|v| v.spec.as_ref()).is_some_and(|s| s.host_path.is_none())
}

/// Why a ReadWriteOncePod volume can't be mounted a second time on this node.
fn mounted_elsewhere(view: &View<'_>, pod: &Pod, spec: &VolumeSpec<'_>) -> Option<String> {
    let volume = spec.for_one_pod()?;
    let claim = volume.claim_ref.as_ref()?;
    let (namespace, name) = (claim.namespace.as_deref()?, claim.name.as_deref()?);
    let node = pod.spec.as_ref()?.node_name.as_deref();
    let mounted = view.indexed(Kind::Pod, Index::PodClaim, &format!("{namespace}/{name}")).any(|object| {
        let Some(other) = object.get::<Pod>() else { return false };
        let status = other.status.as_ref();
        let ended = matches!(status.and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"));
        other.metadata.uid != pod.metadata.uid
            && other.spec.as_ref().and_then(|s| s.node_name.as_deref()) == node
            && !ended
            && (status.is_some_and(|s| s.pod_ip.is_some()) || has_mounted(view, object, other, name))
    });
    mounted.then(|| "volume uses the ReadWriteOncePod access mode and is already in use by another pod".into())
}

/// Whether a pod that has no sandbox yet has mounted a claim's volume.
fn has_mounted(view: &View<'_>, object: &Object, pod: &Pod, claim: &str) -> bool {
    let memory = Memory::of(view, object);
    pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()).any(|volume| {
        let is_mounted = memory.volumes.get(&volume.name).is_some_and(|v| v.mounted);
        is_mounted && claim_of(pod, volume).as_deref() == Some(claim)
    })
}

fn set_up(view: &View<'_>, node: &Node, pod: &Pod, spec: &VolumeSpec<'_>, disk: &mut Disk<'_>) -> Result<(), String> {
    let volume = match &spec.source {
        Source::PersistentVolume(PersistentVolume { spec: Some(source), .. }) => {
            attached::set_up(view, source)?;
            return source.host_path.as_ref().map_or(Ok(()), |source| host_path::set_up(source, disk));
        }
        Source::PersistentVolume(_) | Source::Attached(_) => return Ok(()),
        Source::Volume(volume) => *volume,
    };
    if let Some(source) = &volume.host_path {
        return host_path::set_up(source, disk);
    }
    if volume.git_repo.is_some() {
        return Err("git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the \
                    feature-gate `GitRepoVolumeDriver`"
            .into());
    }
    if let Some(source) = &volume.csi {
        return set_up_inline_csi(view, node, source).map_err(|fault| format!("kubernetes.io/csi: mounter.{fault}"));
    }
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    contents::fault(view, namespace, volume).map_or(Ok(()), Err)
}

/// Mirrors `csiMountMgr.SetUpAt`, as far as it needs no driver.
fn set_up_inline_csi(view: &View<'_>, node: &Node, source: &CSIVolumeSource) -> Result<(), String> {
    let name = &source.driver;
    let registered = view.get_as::<CSINode>("", node.metadata.name.as_deref().unwrap_or_default());
    if !registered.is_some_and(|n| n.spec.drivers.iter().any(|d| d.name == *name)) {
        let fault = format!("driver name {name} not found in the list of registered CSI drivers");
        return Err(format!("SetUpAt failed to get CSI client: {fault}"));
    }
    let failed = |fault: String| Err(format!("SetupAt failed to check volume lifecycle mode: {fault}"));
    let Some(driver) = view.get(&ObjectKey::cluster(Kind::CSIDriver, name)).and_then(|o| o.get::<CSIDriver>()) else {
        return failed(format!("volume mode \"Ephemeral\" not supported by driver {name} (no CSIDriver object)"));
    };
    let modes = driver.spec.volume_lifecycle_modes.as_deref().unwrap_or_default();
    if modes.iter().any(|mode| mode == "Ephemeral") {
        return Ok(());
    }
    let modes: Vec<String> = modes.iter().map(|mode| format!("{mode:?}")).collect();
    let fault = format!("only supports [{}]", modes.join(" "));
    failed(format!("volume mode \"Ephemeral\" not supported by driver {name} ({fault})"))
}

/// Whether the kubelet has a plugin for a volume: those of the storage systems that Kubernetes has dropped are gone, and
/// no FlexVolume driver is installed. Mirrors `cmd/kubelet/app/plugins.go`.
pub(super) fn has_plugin(spec: &VolumeSpec<'_>) -> bool {
    match &spec.source {
        Source::Attached(_) => true,
        Source::Volume(v) => {
            v.rbd.is_none()
                && v.cephfs.is_none()
                && v.glusterfs.is_none()
                && v.quobyte.is_none()
                && v.scale_io.is_none()
                && v.storageos.is_none()
                && v.flocker.is_none()
                && v.photon_persistent_disk.is_none()
                && v.flex_volume.is_none()
        }
        Source::PersistentVolume(v) => v.spec.as_ref().is_none_or(|v| {
            v.rbd.is_none()
                && v.cephfs.is_none()
                && v.glusterfs.is_none()
                && v.quobyte.is_none()
                && v.scale_io.is_none()
                && v.storageos.is_none()
                && v.flocker.is_none()
                && v.photon_persistent_disk.is_none()
                && v.flex_volume.is_none()
        }),
    }
}
