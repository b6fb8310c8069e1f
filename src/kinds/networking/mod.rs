//! The kinds of `networking.k8s.io`.

pub mod ingress;
pub mod ingress_class;
pub mod ip_address;
pub(in crate::kinds) mod network_policy;
pub mod service_cidr;
