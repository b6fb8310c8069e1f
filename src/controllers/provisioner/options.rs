//! What a provisioner makes a volume from.

use crate::api::ObjectMeta;
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
