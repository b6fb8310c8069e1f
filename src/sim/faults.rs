//! Faults to learn from: each brings about what went wrong somewhere, and leaves what comes of it to the controllers.

use super::Cluster;
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use crate::api::request::{By, Deletion};
use crate::api::{Duration, Kind, Object, ObjectKey};
use crate::controllers::csi::{self, Driver};
use crate::error::ApiError;
use crate::machine::disk::Disk;
use crate::registry::Context;
use crate::store::Index;

impl Cluster {
    /// Nothing is left of a driver's storage: no volume can be made, none can grow.
    ///
    /// # Errors
    /// When the driver is not there.
    pub fn fill_backend(&mut self, driver: &str) -> Result<(), ApiError> {
        self.change_driver(driver, |driver| driver.full = true)
    }

    /// A driver takes that long to attach a volume.
    ///
    /// # Errors
    /// When the driver is not there.
    pub fn slow_attach(&mut self, driver: &str, latency: Duration) -> Result<(), ApiError> {
        self.change_driver(driver, |driver| driver.attach_latency = Some(latency.0))
    }

    fn change_driver(&mut self, name: &str, change: impl FnOnce(&mut Driver)) -> Result<(), ApiError> {
        let Some(mut driver) = csi::driver(&self.view(), name) else {
            return Err(ApiError::not_found("csidrivers.storage.k8s.io", name));
        };
        change(&mut driver);
        self.add_csi_driver(driver)
    }

    /// Somebody deletes a volume in a driver's storage, where the cluster does not see it.
    ///
    /// # Errors
    /// When there is no such volume, or no driver has it.
    pub fn delete_volume_of_driver(&mut self, volume: &str) -> Result<(), ApiError> {
        let (_, found) = self.volume(volume)?;
        let Some(csi) = CsiVolume::of(&found) else {
            return Err(ApiError::internal(format!("persistentvolume {volume:?} is no volume of a CSI driver")));
        };
        let (note, text) = csi::with_deleted(&self.view(), &csi);
        self.store_mut().set_setting(&format!("note/{note}"), &text);
        let (disk, now) = (csi.disk(), self.now());
        if self.store_mut().have_disk(&disk) {
            // Who has it mounted holds what is left of it.
            self.store_mut().remove_disk(&disk);
            self.store_mut().add_disk(&disk, || Disk::dead(now));
        }
        Ok(())
    }

    /// Somebody removes a volume that is attached by force, with all that holds it: its attachment can't be undone any more.
    ///
    /// # Errors
    /// When there is no such volume, or it is not attached.
    pub fn orphan_attachment(&mut self, volume: &str) -> Result<(), ApiError> {
        let (object, _) = self.volume(volume)?;
        if self.view().count(Kind::VolumeAttachment, Index::AttachmentVolume, volume) == 0 {
            return Err(ApiError::internal(format!("persistentvolume {volume:?} is attached to no node")));
        }
        self.remove_by_force(&object)
    }

    /// Somebody removes the claim of a volume by force and keeps the volume: it waits for a claim that is gone.
    ///
    /// # Errors
    /// When there is no such volume, or no claim has it.
    pub fn delete_claim_of(&mut self, volume: &str) -> Result<(), ApiError> {
        let (_, mut found) = self.volume(volume)?;
        let claim = found.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).and_then(|r| {
            let (namespace, name) = (r.namespace.as_deref()?, r.name.as_deref()?);
            let key = ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name);
            self.view().get(&key).map(|claim| claim.as_ref().clone())
        });
        let Some(claim) = claim.filter(|claim| claim.get::<PersistentVolumeClaim>().is_some()) else {
            return Err(ApiError::internal(format!("no claim has persistentvolume {volume:?}")));
        };
        found.spec.get_or_insert_default().persistent_volume_reclaim_policy = Some("Retain".into());
        let by = By::cluster();
        self.registry.update(Object::from(found), &Context::new(&by))?;
        self.remove_by_force(&claim)
    }

    fn volume(&self, name: &str) -> Result<(Object, PersistentVolume), ApiError> {
        let object = self.view().get(&ObjectKey::cluster(Kind::PersistentVolume, name));
        let found = object.and_then(|o| Some((o.as_ref().clone(), o.get::<PersistentVolume>()?.clone())));
        found.ok_or_else(|| ApiError::not_found("persistentvolumes", name))
    }

    /// `kubectl delete`, and then `kubectl patch` with `finalizers: null`.
    fn remove_by_force(&mut self, object: &Object) -> Result<(), ApiError> {
        let by = By::cluster();
        self.registry.delete(&Deletion::of(object), &Context::new(&by))?;
        if let Some(left) = self.view().get(&object.key()).map(|left| left.as_ref().clone()) {
            let mut free = left;
            free.meta_mut().finalizers = None;
            self.registry.update(free, &Context::new(&by))?;
        }
        self.dispatch_changes();
        Ok(())
    }
}
