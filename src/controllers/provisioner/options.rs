//! What a provisioner makes a volume from.

use crate::api::ObjectMeta;
use crate::api::csi::CsiVolume;
use crate::api::k8s::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec};
use crate::api::k8s::api::storage::v1::StorageClass;
use crate::api::k8s::apimachinery::pkg::api::resource::Quantity as Text;
use crate::controllers::persistent_volume::helpers::requested_storage;
use crate::store::View;

/// Whether a claim asks for a raw device.
pub(super) fn requests_block(claim: &PersistentVolumeClaim) -> bool {
    claim.spec.as_ref().and_then(|s| s.volume_mode.as_deref()) == Some("Block")
}

/// What a volume is made from.
pub(super) struct Options<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) claim: &'a PersistentVolumeClaim,
    pub(super) class: &'a StorageClass,
    pub(super) node: Option<&'a Node>,
    pub(super) volume_name: &'a str,
}

impl Options<'_> {
    pub(super) fn refuse_selector(&self, refusal: &str) -> Result<(), String> {
        match self.claim.spec.as_ref().is_some_and(|s| s.selector.is_some()) {
            true => Err(refusal.to_string()),
            false => Ok(()),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        self.claim.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn claim_name(&self) -> &str {
        self.claim.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn access_modes(&self) -> Vec<String> {
        self.claim.spec.as_ref().and_then(|s| s.access_modes.clone()).unwrap_or_default()
    }

    /// A volume of the size, modes, options and policy that are asked for.
    pub(super) fn volume(&self, spec: PersistentVolumeSpec) -> PersistentVolume {
        let size = Text(requested_storage(self.claim).to_string());
        PersistentVolume {
            metadata: ObjectMeta::default(),
            spec: Some(PersistentVolumeSpec {
                access_modes: Some(self.access_modes()),
                capacity: Some([("storage".to_string(), size)].into()),
                mount_options: self.class.mount_options.clone(),
                persistent_volume_reclaim_policy: self.class.reclaim_policy.clone(),
                ..spec
            }),
            status: None,
        }
    }
}

/// What a claim's volume is filled from.
pub(super) struct DataSource {
    pub(super) kind: String,
    pub(super) name: String,
}

impl<'a> Options<'a> {
    /// What the volume is filled from: a claim or a snapshot of the same namespace; none for an empty one.
    pub(super) fn source(&self) -> Option<DataSource> {
        let spec = self.claim.spec.as_ref()?;
        let of_ref = spec.data_source_ref.as_ref().map(|s| (&s.kind, &s.name));
        let (kind, name) = spec.data_source.as_ref().map(|s| (&s.kind, &s.name)).or(of_ref)?;
        Some(DataSource { kind: kind.clone(), name: name.clone() })
    }

    /// The volume of a claim that is to be copied. Mirrors `getPVCSource`.
    ///
    /// # Errors
    /// Why it can't be.
    pub(super) fn source_claim(&self, name: &str) -> Result<&'a PersistentVolume, String> {
        let Some(claim) = self.view.get_as::<PersistentVolumeClaim>(self.namespace(), name) else {
            let fault = format!("persistentvolumeclaim {name:?} not found");
            return Err(format!(
                "error getting PVC {name} (namespace {:?}) from api server: {fault}",
                self.namespace()
            ));
        };
        let phase = claim.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default();
        if phase != "Bound" {
            return Err(format!("the PVC DataSource {name} must have a status of Bound.  Got {phase}"));
        }
        if claim.metadata.deletion_timestamp.is_some() {
            return Err(format!("the PVC DataSource {name} is currently being deleted"));
        }
        let (requested, has) = (requested_storage(self.claim), requested_storage(claim));
        if requested < has {
            return Err(format!(
                "error, new PVC request must be greater than or equal in size to the specified PVC data source, \
                 requested {requested} but source is {has}"
            ));
        }
        let volume = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default();
        let volume = self.view.get_as::<PersistentVolume>("", volume);
        let same_driver = volume.is_some_and(|v| CsiVolume::of(v).is_some_and(|v| v.driver == self.class.provisioner));
        let Some(volume) = volume.filter(|_| same_driver) else {
            return Err("claim in dataSource not bound or invalid".into());
        };
        let mode = |claim: &PersistentVolumeClaim| match requests_block(claim) {
            true => "Block",
            false => "Filesystem",
        };
        if mode(claim) != mode(self.claim) {
            return Err(format!(
                "the source PVC and destination PVCs must have the same volume mode for cloning.  Source is {}, but new \
                 PVC requested {}",
                mode(claim),
                mode(self.claim)
            ));
        }
        Ok(volume)
    }
}
