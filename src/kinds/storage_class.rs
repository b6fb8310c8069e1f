//! StorageClass.

use crate::api::k8s::api::storage::v1::StorageClass;
use crate::kinds::Strategy;

impl Strategy for StorageClass {}
