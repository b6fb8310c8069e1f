//! kubectl: a client of the API server, which it knows by its requests alone.

pub mod annotation;
mod body;
pub mod builder;
pub mod client;
pub mod contexts;
pub mod flags;
mod follow;
pub mod kubeconfig;
pub mod kuberc;
pub mod kustomize;
pub mod log;
pub mod overrides;
pub mod print;
pub mod raw;
pub mod read_ahead;
pub mod request;
pub mod session;
pub mod verbs;
pub mod version;
pub mod wall;
