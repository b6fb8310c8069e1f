//! CSIStorageCapacity.

use crate::api::k8s::api::storage::v1::CSIStorageCapacity;
use crate::kinds::Strategy;

impl Strategy for CSIStorageCapacity {}
