//! The integration tests: one binary, so that it links once.

// Tests start processes and watch real time pass.
#![allow(clippy::disallowed_methods)]

mod admission;
mod applysets;
mod authoring;
mod bounds;
mod conformance;
mod files;
mod forwarding;
mod holes;
mod home;
mod kubeconfig;
mod kuberc;
mod kustomize;
mod languages;
mod machine;
mod ownership;
mod properties;
mod serve;
mod state;
mod tidy;
mod time;
mod transcripts;
mod trials;
mod waiting;
mod why;
mod workshop;
mod yaml;
