//! CSINode.

use crate::api::k8s::api::storage::v1::CSINode;
use crate::kinds::Strategy;

impl Strategy for CSINode {}
