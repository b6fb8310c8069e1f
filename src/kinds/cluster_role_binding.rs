//! ClusterRoleBinding.

use crate::api::k8s::api::rbac::v1::ClusterRoleBinding;
use crate::kinds::Strategy;

impl Strategy for ClusterRoleBinding {}
