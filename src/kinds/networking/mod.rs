//! The kinds of `networking.k8s.io`.

pub mod ingress;
pub mod ingress_class;
pub(in crate::kinds) mod ip_address;
pub(in crate::kinds) mod network_policy;
pub(in crate::kinds) mod service_cidr;
