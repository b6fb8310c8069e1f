//! Emptying disks whose volumes were released, and removing the volumes, so that they are found anew.
//!
//! Mirrors `pkg/deleter/deleter.go`.

use super::{Provisioner, State, Turn, cleaning};
use crate::api::k8s::api::core::v1::PersistentVolume;
use crate::api::{Kind, Object};
use crate::controllers::{About, Deletion, EventDraft, Write};
use crate::machine::disk::ROOT;
use crate::node::node_disks::{self, NodeDisk};
use crate::node::runtime::block_device;
use crate::store::Index;

const FAILED_DELETE: &str = "VolumeFailedDelete";

impl Provisioner<'_> {
    /// Mirrors `DeletePVs`.
    pub(super) fn delete_volumes(&self, turn: &mut Turn) {
        for object in self.view.indexed(Kind::PersistentVolume, Index::ProvisionedBy, &self.name) {
            let Some(volume) = object.get::<PersistentVolume>().filter(|_| !object.is_terminating()) else { continue };
            if volume.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Released") {
                continue;
            }
            let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
            match policy {
                Some("Delete") => {
                    if let Err(fault) = self.delete_volume(object, volume, turn) {
                        turn.fails = true;
                        let message = format!("Error cleaning PV {:?}: {fault}", object.name());
                        turn.outcome.event(self.warning(object, FAILED_DELETE, message));
                    }
                }
                Some("Recycle") => {
                    turn.fails = true;
                    let message = "Volume has unsupported PersistentVolumeReclaimPolicy: Recycle";
                    turn.outcome.event(self.warning(object, "VolumeUnsupportedReclaimPolicy", message.into()));
                }
                _ => {}
            }
        }
    }

    fn warning(&self, object: &Object, reason: &str, message: String) -> EventDraft {
        EventDraft::warning(About::object(object), &self.name, reason, message)
    }

    /// Mirrors `deletePV`: in one round the disk is emptied, in the next the volume goes.
    fn delete_volume(&self, object: &Object, volume: &PersistentVolume, turn: &mut Turn) -> Result<(), String> {
        let spec = volume.spec.as_ref();
        let local = spec.and_then(|s| s.local.as_ref()).ok_or("Unsupported volume type")?;
        let class = spec.and_then(|s| s.storage_class_name.as_deref()).unwrap_or_default();
        let config = self.config.classes.get(class).ok_or_else(|| format!("Unknown storage class name {class}"))?;
        let relative = local.path.strip_prefix(&config.host_dir).unwrap_or(&local.path).trim_start_matches('/');
        let mount_path = format!("{}/{relative}", config.mount_dir);
        let disk = self
            .disk_at(&mount_path)
            .map_err(|fault| format!("failed to get volume mode of path {mount_path:?}: {fault}"))?;
        turn.gets_on = true;
        let name = cleaning(object.name());
        if self.view.note(&name).is_some() {
            turn.outcome.note(name, "");
            turn.outcome.write(Write::Delete(Deletion::of(object)));
            return Ok(());
        }
        turn.outcome.note(name, "1");
        if disk.block {
            let message = format!("Starting cleanup of Block PV {:?}, this may take a while", object.name());
            turn.outcome.event(EventDraft::normal(About::object(object), &self.name, "VolumeDelete", message));
        }
        turn.outcome.machine(move |store, now| {
            if disk.block {
                store.remove_disk(&disk.formatted());
                store.remove_disk(&disk.id);
                store.add_disk(&disk.id, || block_device(u64::try_from(disk.size).unwrap_or_default(), now));
            } else if store.have_disk(&disk.id)
                && let Some(contents) = store.disks_mut().get_mut(&disk.id)
            {
                let _ = contents.clear(ROOT, now);
            }
            Vec::new()
        });
        Ok(())
    }

    /// The disk at a path of the container. Mirrors `GetVolumeMode`.
    fn disk_at(&self, mount_path: &str) -> Result<NodeDisk, String> {
        let host = self.on_host(mount_path).map(|(host, _)| host).unwrap_or_default();
        let disk = node_disks::at(self.view, self.node_name(), &host).filter(|disk| disk.state != State::Gone);
        let fault = |what| Err(format!("Directory check for {mount_path:?} failed: open {mount_path}: {what}"));
        match disk {
            None => fault("no such file or directory"),
            Some(disk) if disk.state == State::Broken => fault("input/output error"),
            Some(disk) => Ok(disk),
        }
    }
}
