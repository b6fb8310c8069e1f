//! Role.

use crate::api::k8s::api::rbac::v1::Role;
use crate::kinds::Strategy;

impl Strategy for Role {}
