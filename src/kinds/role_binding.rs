//! RoleBinding.

use crate::api::k8s::api::rbac::v1::RoleBinding;
use crate::kinds::Strategy;

impl Strategy for RoleBinding {}
