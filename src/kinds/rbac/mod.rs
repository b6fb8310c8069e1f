//! The kinds of `rbac.authorization.k8s.io`.

pub(in crate::kinds) mod cluster_role;
pub(in crate::kinds) mod cluster_role_binding;
pub(in crate::kinds) mod role;
pub(in crate::kinds) mod role_binding;
