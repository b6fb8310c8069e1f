//! The kinds of `storage.k8s.io`.

pub(in crate::kinds) mod csi_driver;
pub(in crate::kinds) mod csi_node;
pub(in crate::kinds) mod csi_storage_capacity;
pub mod storage_class;
pub(in crate::kinds) mod volume_attachment;
pub(in crate::kinds) mod volume_attributes_class;
