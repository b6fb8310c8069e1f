//! Parts of objects that are resources of their own, and resources that nothing is stored of.

mod approval;
pub(super) mod binding;
mod components;
mod connect;
pub(in crate::server) mod containers;
mod eviction;
mod proxy;
mod reviews;
pub(super) mod scale;
mod sessions;
mod token;
