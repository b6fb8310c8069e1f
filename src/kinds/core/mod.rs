//! The kinds of the core group.

pub(in crate::kinds) mod binding;
pub(in crate::kinds) mod component_status;
pub(in crate::kinds) mod config_map;
pub(in crate::kinds) mod endpoints;
pub(in crate::kinds) mod event;
pub(in crate::kinds) mod limit_range;
pub(in crate::kinds) mod namespace;
pub mod node;
pub mod persistent_volume;
pub mod persistent_volume_claim;
pub mod pod;
pub(in crate::kinds) mod pod_template;
pub(in crate::kinds) mod replication_controller;
pub(in crate::kinds) mod resource_quota;
pub(in crate::kinds) mod secret;
pub mod service;
pub(in crate::kinds) mod service_account;
