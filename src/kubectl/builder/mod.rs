//! From a command line to objects: files, names, types and selectors.

pub mod build;
pub mod files;
pub mod info;
pub mod kustomization;
pub mod mapper;
mod paths;
mod plan;
pub mod select;
pub mod shape;
mod walk;
