//! The kinds of `rbac.authorization.k8s.io`, and what they allow.

pub mod authorizer;
pub(in crate::kinds) mod cluster_role;
pub(in crate::kinds) mod cluster_role_binding;
pub mod covers;
pub(in crate::kinds) mod role;
pub(in crate::kinds) mod role_binding;
