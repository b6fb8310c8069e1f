//! What several kinds use.

pub mod access;
pub mod deletion;
pub mod describe;
pub(in crate::kinds) mod faults;
pub mod internal;
pub mod meta;
pub mod node_selector;
pub mod print;
pub mod quota;
pub mod rollout;
pub mod workload;
