//! Volumes as CSI drivers know them: which driver has a volume, by which handle, and the names that follow from these.
//!
//! Mirrors `GetUniqueVolumeName` of `pkg/volume/util` and `getAttachmentName` of `pkg/volume/csi/csi_attacher.go`.

mod inline;
pub mod translation;

use super::digest::sha256;
use super::k8s::api::core::v1::PersistentVolume;

pub use inline::{as_persistent, attachable_inline_volumes, inline_names, is_inline};
pub use translation::csi_name_from_in_tree_name;

/// A volume that a node attaches before it mounts it, by who does that and what it is called there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CsiVolume {
    /// The driver's name.
    pub driver: String,
    /// The driver's name for the volume.
    pub handle: String,
}

impl CsiVolume {
    /// What a persistent volume is to a driver; none where no driver has to do with it.
    pub fn of(volume: &PersistentVolume) -> Option<CsiVolume> {
        let spec = volume.spec.as_ref()?;
        if let Some(source) = &spec.csi {
            return Some(CsiVolume { driver: source.driver.clone(), handle: source.volume_handle.clone() });
        }
        let (driver, handle) = translation::handle_of(volume)?;
        Some(CsiVolume { driver: driver.to_string(), handle })
    }

    /// The volume's name in a node's status.
    pub fn unique_name(&self) -> String {
        format!("kubernetes.io/csi/{}^{}", self.driver, self.handle)
    }

    /// The disk that the volume's contents lie on.
    pub fn disk(&self) -> String {
        format!("csi/{}/{}", self.driver, self.handle)
    }

    /// The name of the VolumeAttachment that ties the volume to a node.
    pub fn attachment_name(&self, node: &str) -> String {
        let digest = sha256(format!("{}{}{node}", self.handle, self.driver).as_bytes());
        digest.iter().fold("csi-".to_string(), |name, byte| name + &format!("{byte:02x}"))
    }
}

/// The name in nodes' statuses of a volume that is attached before it is mounted, by a driver or by one of the plugins for
/// iSCSI and Fibre Channel, which are still in the tree. Mirrors `GetUniqueVolumeNameFromSpec`.
pub fn unique_name_of(volume: &PersistentVolume) -> Option<String> {
    let spec = volume.spec.as_ref()?;
    if let Some(iscsi) = &spec.iscsi {
        return Some(format!("kubernetes.io/iscsi/{}:{}:{}", iscsi.target_portal, iscsi.iqn, iscsi.lun));
    }
    if let Some(fc) = &spec.fc {
        let list = |names: &Option<Vec<String>>| {
            names.as_ref().filter(|n| !n.is_empty()).map(|n| format!("[{}]", n.join(" ")))
        };
        let name = match (list(&fc.target_wwns), fc.lun, list(&fc.wwids)) {
            (Some(targets), Some(lun), _) => format!("{targets}:{lun}"),
            (_, _, Some(ids)) => ids,
            _ => return None,
        };
        return Some(format!("kubernetes.io/fc/{name}"));
    }
    CsiVolume::of(volume).map(|csi| csi.unique_name())
}

#[cfg(test)]
mod tests {
    use super::CsiVolume;

    #[test]
    fn an_attachment_is_named_by_volume_driver_and_node() {
        let volume = CsiVolume { driver: "ebs.csi.aws.com".into(), handle: "vol-1".into() };
        let hash = "7ba6b8ed285c3c863d675c3b4567d68ede4307ae1a37202e02bf2c4b9f42f28b";
        let name = volume.attachment_name("node-a");
        assert_eq!(name, format!("csi-{hash}"));
        assert_eq!(volume.unique_name(), "kubernetes.io/csi/ebs.csi.aws.com^vol-1");
    }
}
