//! Which disk each of a container's volumes lies on, and how it is mounted.

use std::collections::BTreeMap;

use crate::api::Quantity;
use crate::api::Time;
use crate::api::csi::translation::volume_to_csi;
use crate::api::csi::{CsiVolume, as_persistent};
use crate::api::k8s::api::core::v1::{Container, Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume};
use crate::api::k8s::api::storage::v1::CSIDriver;
use crate::controllers::provisioner::server_of;
use crate::machine::disk::{Disk, DiskId, Ino, Inode, Node as Content, ROOT};
use crate::machine::errno::Errno;
use crate::machine::kernel::environment::Variables;
use crate::machine::kernel::mounts::{Mount, Source};
use crate::machine::kernel::sys;
use crate::node::disk::{clean, lay_down};
use crate::node::node_disks::{self, NodeDisk};
use crate::store::{Store, View};

use super::contents::{Payload, payload, write_atomically};
use super::environment::expand;
use super::shown;

/// A place where a volume's contents lie.
#[derive(Debug, Clone)]
pub(in crate::node) struct Backing {
    /// The disk.
    pub disk: DiskId,
    /// The folder on it that the volume is; empty for the whole disk.
    pub path: String,
    make: Make,
    /// The device, the type and the options that `mount` prints.
    shown: (String, String, String),
    /// The group that gets the volume, if the kubelet hands it over.
    group: Option<u32>,
    /// The node's disks that are mounted below it.
    below: Vec<(String, NodeDisk)>,
}

/// How a disk comes to be.
#[derive(Debug, Clone)]
enum Make {
    /// An empty one with that mode and size.
    Empty(u32, Option<u64>),
    /// A node's.
    OfNode(String),
    /// A raw device of that size.
    Block(u64),
    /// Files from objects.
    Files(Payload),
}

/// One volume of a container.
#[derive(Debug, Clone)]
pub(in crate::node) struct MountPlan {
    at: String,
    backing: Backing,
    sub_path: String,
    read_only: bool,
}

/// The disk behind a persistent volume, and the folder on it. What names it decides: a volume of the same name on the
/// same backend is the same storage.
pub(in crate::node) fn backing_of_volume(node: &str, volume: &PersistentVolume, group: Option<u32>) -> Option<Backing> {
    let spec = volume.spec.as_ref()?;
    let name = volume.metadata.name.clone().unwrap_or_default();
    let size = spec.capacity.as_ref().and_then(|c| c.get("storage")).and_then(|q| Quantity::parse(&q.0).ok());
    let size = size.map(|q| q.value().max(0) as u64);
    let block = spec.volume_mode.as_deref() == Some("Block");
    let host = |path: &str| Backing {
        disk: format!("node/{node}"),
        path: path.to_string(),
        make: Make::OfNode(node.to_string()),
        shown: ("/dev/sda1".into(), "ext4".into(), "relatime".into()),
        group: None,
        below: Vec::new(),
    };
    if let Some(source) = &spec.host_path {
        return Some(host(&source.path));
    }
    if let Some(source) = &spec.local {
        return Some(Backing { group, ..host(&source.path) });
    }
    if let Some(source) = &spec.nfs {
        return Some(nfs(&source.server, &source.path, spec.mount_options.as_deref().unwrap_or_default()));
    }
    let disk = match (CsiVolume::of(volume), &spec.iscsi) {
        (Some(csi), _) => csi.disk(),
        (_, Some(iscsi)) => format!("iscsi/{}/{}", iscsi.iqn, iscsi.lun),
        _ => format!("volume/{name}"),
    };
    let make = if block { Make::Block(size.unwrap_or(1 << 30)) } else { Make::Empty(0o755, size) };
    let shown = shown::volume(volume);
    Some(Backing { disk, path: String::new(), make, shown, group, below: Vec::new() })
}

/// The disk that is a persistent volume's own.
pub(in crate::node) fn disk_of_volume(volume: &PersistentVolume) -> Option<DiskId> {
    backing_of_volume("", volume, None).filter(|b| b.path.is_empty()).map(|b| b.disk)
}

fn nfs(server: &str, path: &str, asked: &[String]) -> Backing {
    Backing {
        disk: format!("nfs/{server}"),
        path: path.to_string(),
        make: Make::Empty(0o755, None),
        shown: shown::nfs(server, path, asked),
        group: None,
        below: Vec::new(),
    }
}

/// The options of a file system in memory: it may grow to the size that it was given, to what its pod may use, or to
/// what the node has for pods. Mirrors `calculateEmptyDirMemorySize`.
fn memory(node: &Node, pod: &Pod, limit: Option<u64>) -> String {
    let bytes = |quantity: &str| Quantity::parse(quantity).ok().map(|q| q.value().max(0) as u64);
    let allocatable = node.status.as_ref().and_then(|s| s.allocatable.as_ref()?.get("memory"));
    let of_node = allocatable.and_then(|q| bytes(&q.0)).unwrap_or(sys::MEMORY * 1024);
    let of_container = |c: &Container| bytes(&c.resources.as_ref()?.limits.as_ref()?.get("memory")?.0);
    let of_pod: Option<u64> = pod.spec.as_ref().and_then(|s| s.containers.iter().map(of_container).sum());
    let most = of_pod.filter(|of_pod| *of_pod > 0).map_or(of_node, |of_pod| of_pod.min(of_node));
    let size = limit.filter(|limit| *limit > 0).map_or(most, |limit| limit.min(most)) / 1024;
    format!("relatime,size={size}k,noswap")
}

fn backing_of(view: &View<'_>, node: &Node, pod: &Pod, volume: &Volume) -> Option<Backing> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let node_name = node.metadata.name.as_deref().unwrap_or_default();
    let group = pod.spec.as_ref().and_then(|s| s.security_context.as_ref()).and_then(|c| c.fs_group).map(|g| g as u32);
    let own = |make: Make, fs: (&str, &str, &str)| Backing {
        disk: format!("pod/{uid}/{}", volume.name),
        path: String::new(),
        make,
        shown: (fs.0.into(), fs.1.into(), fs.2.into()),
        group,
        below: Vec::new(),
    };
    if let Some(source) = &volume.empty_dir {
        let limit =
            source.size_limit.as_ref().and_then(|q| Quantity::parse(&q.0).ok()).map(|q| q.value().max(0) as u64);
        return Some(match source.medium.as_deref() {
            // A tmpfs is sticky by itself, and the kubelet looks at the other bits only.
            Some("Memory") => own(Make::Empty(0o1777, limit), ("tmpfs", "tmpfs", &memory(node, pod, limit))),
            _ => own(Make::Empty(0o777, None), ("/dev/sda1", "ext4", "relatime")),
        });
    }
    if let Some(source) = &volume.host_path {
        let backing = Backing {
            disk: format!("node/{node_name}"),
            path: source.path.clone(),
            make: Make::OfNode(node_name.to_string()),
            shown: ("/dev/sda1".into(), "ext4".into(), "relatime".into()),
            group: None,
            below: Vec::new(),
        };
        return Some(on_node_disk(view, node_name, backing, false));
    }
    if let Some(source) = &volume.nfs {
        return Some(nfs(&source.server, &source.path, &[]));
    }
    if let Some(attached) = as_persistent(volume, pod.metadata.namespace.as_deref().unwrap_or_default()) {
        let group = group.filter(|_| takes_group(view, &attached));
        return backing_of_volume(node_name, &attached, group);
    }
    if let Some(files) = payload(view, node, pod, volume) {
        let shown = match volume.config_map.is_some() || volume.downward_api.is_some() {
            true => ("/dev/sda1", "ext4", "relatime"),
            false => ("tmpfs", "tmpfs", &*memory(node, pod, None)),
        };
        return Some(own(Make::Files(files), shown));
    }
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let claim = match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(source), _) => source.claim_name.clone(),
        (None, Some(_)) => format!("{}-{}", pod.metadata.name.as_deref().unwrap_or_default(), volume.name),
        (None, None) => return Some(own(Make::Empty(0o777, None), ("/dev/sda1", "ext4", "relatime"))),
    };
    let claim = view.get_as::<PersistentVolumeClaim>(namespace, &claim)?;
    let bound = view.get_as::<PersistentVolume>("", claim.spec.as_ref()?.volume_name.as_deref()?)?;
    if let Some(backing) = on_own_server(view, bound) {
        return Some(backing);
    }
    let spec = bound.spec.as_ref()?;
    let backing = backing_of_volume(node_name, bound, group.filter(|_| takes_group(view, bound)))?;
    match spec.host_path.is_some() || spec.local.is_some() {
        true => Some(on_node_disk(view, node_name, backing, spec.volume_mode.as_deref() == Some("Block"))),
        false => Some(backing),
    }
}

/// Whether the kubelet hands a volume over to its pod's group: a driver may have said that it shall not. Mirrors
/// `supportsFSGroup` of `pkg/volume/csi/csi_mounter.go`.
fn takes_group(view: &View<'_>, volume: &PersistentVolume) -> bool {
    let translated = volume_to_csi(volume);
    let Some(spec) = &translated.as_ref().unwrap_or(volume).spec else { return true };
    let Some(csi) = &spec.csi else { return true };
    let driver = view.get_as::<CSIDriver>("", &csi.driver);
    let modes = spec.access_modes.iter().flatten();
    match driver.and_then(|d| d.spec.fs_group_policy.as_deref()) {
        _ if csi.read_only == Some(true) => false,
        Some("None") => false,
        Some("File") => true,
        _ if csi.fs_type.as_deref().unwrap_or_default().is_empty() => false,
        _ => modes.into_iter().any(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod"),
    }
}

/// Where a kubelet mounts a pod's volume in its folder of the pod, below `volumes`, and as what; none for those that it
/// makes itself, that lie on the node, or that nobody has written to yet.
pub(in crate::node) fn mounted(view: &View<'_>, node: &Node, pod: &Pod, volume: &Volume) -> Option<Mount> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let attached = as_persistent(volume, namespace);
    let bound = attached.as_ref().or_else(|| bound_volume(view, pod, volume));
    let spec = bound.and_then(|v| v.spec.as_ref());
    let name = bound.and_then(|v| v.metadata.name.as_deref()).unwrap_or(&volume.name);
    let at = match spec {
        None if volume.nfs.is_some() => format!("kubernetes.io~nfs/{name}"),
        Some(s) if s.volume_mode.as_deref() == Some("Block") => return None,
        Some(s) if s.nfs.is_some() => format!("kubernetes.io~nfs/{name}"),
        Some(s) if s.local.is_some() => format!("kubernetes.io~local-volume/{name}"),
        Some(s) if s.iscsi.is_some() => format!("kubernetes.io~iscsi/{name}"),
        Some(s) if s.fc.is_some() => format!("kubernetes.io~fc/{name}"),
        Some(_) if bound.is_some_and(|v| CsiVolume::of(v).is_some()) => format!("kubernetes.io~csi/{name}/mount"),
        _ => return None,
    };
    let backing = backing_of(view, node, pod, volume)?;
    let ino = view.disk(&backing.disk)?.find(&backing.path).ok()?;
    let (device, fs_type, options) = backing.shown;
    let read_only = bound.is_some_and(is_published_read_only);
    Some(Mount { at, what: Source::Disk(backing.disk, ino), read_only, device, fs_type, options })
}

/// A place on a node where it really lies: on another of the node's disks perhaps.
fn on_node_disk(view: &View<'_>, node: &str, mut backing: Backing, as_device: bool) -> Backing {
    let path = clean(&backing.path);
    backing.below = node_disks::below(view, node, &path);
    let Some((at, disk)) = node_disks::over(view, node, &path) else { return backing };
    let size = u64::try_from(disk.size).unwrap_or_default();
    (backing.disk, backing.make) = match (disk.block, as_device) {
        (true, true) => (disk.id, Make::Block(size)),
        (true, false) => (disk.formatted(), Make::Empty(0o755, Some(size))),
        (false, _) => (disk.id, Make::Empty(0o755, Some(size))),
    };
    backing.path = path.get(at.len()..).unwrap_or_default().trim_start_matches('/').to_string();
    backing.shown.0 = disk.device;
    backing
}

/// Where a volume lies that a server in a pod exports: below what that pod has mounted there.
fn on_own_server(view: &View<'_>, volume: &PersistentVolume) -> Option<Backing> {
    let asked = volume.spec.as_ref()?.mount_options.as_deref().unwrap_or_default();
    let source = volume.spec.as_ref()?.nfs.as_ref()?;
    let (pod, container) = server_of(view, volume)?;
    let spec = pod.spec.as_ref()?;
    let node = view.get_as::<Node>("", spec.node_name.as_deref()?)?;
    let container = spec.containers.iter().find(|c| c.name == container)?;
    let mounts = container.volume_mounts.iter().flatten();
    let (mount, rest) = mounts.filter(|m| m.sub_path.is_none()).find_map(|mount| {
        let rest = source.path.strip_prefix(mount.mount_path.trim_end_matches('/'))?;
        rest.starts_with('/').then_some((mount, rest))
    })?;
    let its = spec.volumes.iter().flatten().find(|v| v.name == mount.name)?;
    // A server's own folders are not another server's.
    let below = Some(its).filter(|v| v.nfs.is_none()).and_then(|v| backing_of(view, node, pod, v))?;
    let shown = nfs(&source.server, &source.path, asked).shown;
    Some(Backing { path: format!("{}{rest}", below.path.trim_end_matches('/')), shown, group: None, ..below })
}

/// The persistent volume behind a pod's volume.
fn bound_volume<'a>(view: &View<'a>, pod: &Pod, volume: &Volume) -> Option<&'a PersistentVolume> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let claim = match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(source), _) => source.claim_name.clone(),
        (None, Some(_)) => format!("{}-{}", pod.metadata.name.as_deref().unwrap_or_default(), volume.name),
        (None, None) => return None,
    };
    let claim = view.get_as::<PersistentVolumeClaim>(namespace, &claim)?;
    view.get_as::<PersistentVolume>("", claim.spec.as_ref()?.volume_name.as_deref()?)
}

/// Whether a driver hands a volume out for reading only: it is told the first access mode alone. Mirrors `SetUpAt` of
/// `pkg/volume/csi/csi_mounter.go`.
fn is_published_read_only(volume: &PersistentVolume) -> bool {
    let Some(spec) = &volume.spec else { return false };
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    spec.csi
        .as_ref()
        .is_some_and(|csi| csi.read_only == Some(true) || modes.first().is_some_and(|mode| mode == "ReadOnlyMany"))
}

/// The mounts of a container, by what the pod says.
pub(in crate::node) fn plan_mounts(
    view: &View<'_>,
    node: &Node,
    pod: &Pod,
    container: &Container,
    env: &Variables,
) -> Vec<MountPlan> {
    let volumes = pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    let volumes: BTreeMap<&str, &Volume> = volumes.map(|v| (v.name.as_str(), v)).collect();
    let mut plans = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let Some(volume) = volumes.get(mount.name.as_str()) else { continue };
        let Some(backing) = backing_of(view, node, pod, volume) else { continue };
        let sub_path = match mount.sub_path_expr.as_deref().filter(|s| !s.is_empty()) {
            Some(text) => expand(text, &|name| env.get(name).cloned()),
            None => mount.sub_path.clone().unwrap_or_default(),
        };
        let claim_read_only = volume.persistent_volume_claim.as_ref().and_then(|c| c.read_only) == Some(true);
        let objects = volume.config_map.is_some() || volume.secret.is_some() || volume.projected.is_some();
        let read_only = mount.read_only == Some(true)
            || claim_read_only
            || objects
            || volume.downward_api.is_some()
            || bound_volume(view, pod, volume).is_some_and(is_published_read_only);
        let at = absolute(&mount.mount_path, container.working_dir.as_deref());
        plans.push(MountPlan { at, backing, sub_path, read_only });
    }
    for device in container.volume_devices.iter().flatten() {
        let Some(volume) = volumes.get(device.name.as_str()) else { continue };
        let Some(backing) = backing_of(view, node, pod, volume) else { continue };
        let plan = MountPlan { at: device.device_path.clone(), backing, sub_path: "device".into(), read_only: false };
        plans.push(plan);
    }
    // What is mounted below another mount comes after it.
    plans.sort_by_key(|plan| plan.at.matches('/').count());
    plans
}

fn absolute(path: &str, cwd: Option<&str>) -> String {
    let whole = if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", cwd.unwrap_or("")) };
    let parts: Vec<&str> = whole.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    format!("/{}", parts.join("/"))
}

/// Has the disk at hand, with the folder that the volume is.
fn set_up(store: &mut Store, backing: &Backing, now: Time) -> Option<Ino> {
    match &backing.make {
        Make::OfNode(node) => lay_down(store, node),
        Make::Empty(mode, size) => store.add_disk(&backing.disk, || Disk::new(*mode, *size, now)),
        Make::Files(_) => {
            let mode = if backing.shown.1 == "tmpfs" { 0o1777 } else { 0o777 };
            store.add_disk(&backing.disk, || Disk::new(mode, None, now));
        }
        Make::Block(size) => store.add_disk(&backing.disk, || block_device(*size, now)),
    }
    let disk = store.disks_mut().get_mut(&backing.disk)?;
    if let Make::Files(files) = &backing.make {
        write_atomically(disk, files, backing.group, now);
    }
    // Who made the volume has prepared the folder; where that is a provisioner, it is open to all.
    let ino = disk.find(&backing.path).or_else(|_| disk.make_dirs(&backing.path, 0o777, now)).ok()?;
    if let (Some(group), false) = (backing.group, matches!(backing.make, Make::Files(_))) {
        let _ = give_to_group(disk, ino, group);
    }
    Some(ino)
}

/// An empty raw device.
pub(in crate::node) fn block_device(size: u64, now: Time) -> Disk {
    let mut disk = Disk::new(0o755, Some(size), now);
    let _ = disk.put("block", Inode::new(Content::File(Default::default()), 0o600, (0, 0), now));
    let device = Content::Device(crate::machine::disk::Device::Block);
    let _ = disk.put("device", Inode::new(device, 0o660, (0, 6), now));
    disk
}

/// Mirrors `volume.SetVolumeOwnership`.
fn give_to_group(disk: &mut Disk, top: Ino, group: u32) -> Result<(), Errno> {
    let root = disk.get(top)?;
    if root.gid == group && root.mode & 0o2070 == 0o2070 {
        return Ok(());
    }
    let mut todo = vec![top];
    while let Some(ino) = todo.pop() {
        let inode = disk.get_mut(ino)?;
        inode.gid = group;
        inode.mode |= 0o060;
        if inode.is_dir() {
            inode.mode |= 0o2010;
            todo.extend(inode.entries()?.values());
        }
    }
    Ok(())
}

/// Mounts a container's volumes.
///
/// # Errors
/// The kubelet's text where a `subPath` can't be had.
pub(in crate::node) fn mount(store: &mut Store, plans: &[MountPlan], now: Time) -> Result<Vec<Mount>, String> {
    let mut mounts = Vec::new();
    for plan in plans {
        let Some(mut ino) = set_up(store, &plan.backing, now) else { continue };
        if !plan.sub_path.is_empty() {
            ino = sub_path(store, plan, ino, now)?;
        }
        let mut disk = plan.backing.disk.clone();
        if let (Make::Files(_), false) = (&plan.backing.make, plan.sub_path.is_empty()) {
            (disk, ino) = keep_as_it_is(store, (disk, ino), &plan.at, now);
        }
        let (device, fs_type, options) = plan.backing.shown.clone();
        let what = Source::Disk(disk, if ino == 0 { ROOT } else { ino });
        mounts.push(Mount { at: plan.at.clone(), what, read_only: plan.read_only, device, fs_type, options });
        // A node's root comes with what is mounted below it.
        if matches!(plan.backing.make, Make::OfNode(_)) && plan.backing.path == "/" && plan.sub_path.is_empty() {
            mounts.extend(below_node_root(&plan.at));
        }
        for (way, node_disk) in plan.backing.below.iter().filter(|_| plan.sub_path.is_empty()) {
            store.have_disk(&node_disk.id);
            mounts.push(Mount {
                at: format!("{}{way}", plan.at.trim_end_matches('/')),
                what: Source::Disk(node_disk.id.clone(), ROOT),
                read_only: plan.read_only,
                device: node_disk.device.clone(),
                fs_type: "ext4".into(),
                options: "relatime".into(),
            });
        }
    }
    Ok(mounts)
}

fn below_node_root(at: &str) -> [Mount; 2] {
    let mount = |name: &str, what: Source, fs_type: &str| Mount {
        at: format!("{}/{name}", at.trim_end_matches('/')),
        what,
        read_only: false,
        device: fs_type.into(),
        fs_type: fs_type.into(),
        options: "nosuid,nodev,noexec,relatime".into(),
    };
    [mount("proc", Source::Proc, "proc"), mount("sys", Source::Sys, "sysfs")]
}

/// What a `subPath` of a volume made of objects shows: what was there when it was mounted, whatever the volume holds
/// later.
fn keep_as_it_is(store: &mut Store, (disk, ino): (DiskId, Ino), at: &str, now: Time) -> (DiskId, Ino) {
    let Some(from) = store.disks_mut().get(&disk) else { return (disk, ino) };
    let mut copy = Disk::new(0o755, None, now);
    let mut todo = vec![(ino, String::from("kept"))];
    while let Some((ino, path)) = todo.pop() {
        let Ok(inode) = from.get(ino) else { continue };
        if let Ok(entries) = inode.entries() {
            let _ = copy.make_dirs(&path, 0o755, now);
            todo.extend(entries.iter().map(|(name, ino)| (*ino, format!("{path}/{name}"))));
        } else {
            let _ = copy.put(&path, inode.clone());
        }
    }
    let kept = format!("{disk}{}", at.replace('/', "~"));
    let top = copy.find("kept").unwrap_or(ROOT);
    store.remove_disk(&kept);
    store.add_disk(&kept, || copy);
    (kept, top)
}

fn sub_path(store: &mut Store, plan: &MountPlan, top: Ino, now: Time) -> Result<Ino, String> {
    let disk = store.disks_mut().get_mut(&plan.backing.disk).ok_or_else(|| "no such disk".to_string())?;
    let mut dir = top;
    for name in plan.sub_path.split('/').filter(|n| !n.is_empty() && *n != ".") {
        dir = match disk.lookup(dir, name) {
            // A link leads to another file of the same volume, as `..data` does.
            Ok(ino) => follow(disk, top, ino).unwrap_or(ino),
            Err(_) => {
                let mode = disk.get(top).map_or(0o755, |i| i.mode);
                let folder =
                    Inode::new(Content::Dir(Default::default()), mode, (0, plan.backing.group.unwrap_or(0)), now);
                disk.create(dir, name, folder).map_err(|e| {
                    format!("failed to create subPath directory for volumeMount: mkdir {}: {}", plan.sub_path, e.text())
                })?
            }
        };
    }
    Ok(dir)
}

fn follow(disk: &Disk, top: Ino, mut ino: Ino) -> Option<Ino> {
    for _ in 0..8 {
        let Content::Link(to) = &disk.get(ino).ok()?.node else { return Some(ino) };
        let mut dir = top;
        for name in to.split('/').filter(|n| !n.is_empty() && *n != ".") {
            dir = disk.lookup(dir, name).ok()?;
            while let Ok(Content::Link(_)) = disk.get(dir).map(|i| &i.node) {
                dir = follow(disk, top, dir)?;
            }
        }
        ino = dir;
    }
    None
}
