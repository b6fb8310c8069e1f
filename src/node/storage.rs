//! What remains of a volume once its object is gone: nothing where whoever made it takes it away again.

use crate::api::Time;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume};
use crate::api::object::annotation_of;
use crate::controllers::persistent_volume::helpers::ANN_DYNAMICALLY_PROVISIONED;
use crate::machine::disk::{Disk, DiskId};
use crate::store::Store;

use super::disk::disk_of;
use super::static_provisioner;

/// Deletes the contents of a volume that was deleted, if its reclaim policy says so and a provisioner or plugin made
/// it. A volume that was released by hand stays where it is, and what a client of an NFS server made there it has dealt
/// with itself.
pub fn delete_contents(store: &mut Store, volume: &PersistentVolume, now: Time) {
    let Some(spec) = &volume.spec else { return };
    let policy = spec.persistent_volume_reclaim_policy.as_deref();
    let made_by = annotation_of(&volume.metadata, ANN_DYNAMICALLY_PROVISIONED);
    // The static provisioner has emptied the disk before, and made no folder.
    let made_by = made_by.filter(|name| !name.starts_with(static_provisioner::NAME));
    if policy != Some("Delete") {
        return;
    }
    if made_by.is_none() {
        let released = volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Released");
        let path = spec.host_path.as_ref().map(|s| s.path.as_str()).filter(|path| is_deletable(path) && released);
        let node = path.and_then(|_| control_plane(store));
        if let (Some(path), Some(node)) = (path, node) {
            remove(store, &disk_of(&node), path, now);
        }
        return;
    }
    if let Some(path) = spec.local.as_ref().map(|s| &s.path).or(spec.host_path.as_ref().map(|s| &s.path)) {
        let terms = spec.node_affinity.as_ref().and_then(|a| a.required.as_ref());
        let nodes =
            terms.iter().flat_map(|t| &t.node_selector_terms).flat_map(|t| t.match_expressions.iter().flatten());
        for node in nodes.flat_map(|e| e.values.iter().flatten()) {
            remove(store, &disk_of(node), path, now);
        }
        return;
    }
    if let Some(nfs) = spec.nfs.as_ref().filter(|_| annotation_of(&volume.metadata, "EXPORT_block").is_some()) {
        remove(store, &format!("nfs/{}", nfs.server), &nfs.path, now);
        return;
    }
    if let Some(disk) = super::runtime::disk_of_volume(volume) {
        store.remove_disk(&disk);
    }
}

/// Whether the controller manager deletes a folder. Mirrors `newDeleter` of `pkg/volume/hostpath`.
fn is_deletable(path: &str) -> bool {
    path.strip_prefix("/tmp/").is_some_and(|rest| !rest.is_empty())
}

/// The node that the controller manager runs on: what it deletes it deletes there, wherever the volume was used.
fn control_plane(store: &Store) -> Option<String> {
    const LABEL: &str = "node-role.kubernetes.io/control-plane";
    let view = store.view();
    let has_role = |node: &&Node| node.metadata.labels.as_ref().is_some_and(|l| l.contains_key(LABEL));
    view.list_as::<Node>().find(has_role)?.metadata.name.clone()
}

fn remove(store: &mut Store, disk: &DiskId, path: &str, now: Time) {
    if !store.have_disk(disk) {
        return;
    }
    if let Some(disk) = store.disks_mut().get_mut(disk) {
        remove_folder(disk, path, now);
    }
}

fn remove_folder(disk: &mut Disk, path: &str, now: Time) {
    let path = path.trim_end_matches('/');
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Ok(folder) = disk.find(folder) else { return };
    if let Ok(ino) = disk.lookup(folder, name) {
        let _ = disk.clear(ino, now);
        let _ = disk.rmdir(folder, name, now);
    }
}
