//! ClusterRole.

use crate::api::k8s::api::rbac::v1::ClusterRole;
use crate::kinds::Strategy;

impl Strategy for ClusterRole {}
