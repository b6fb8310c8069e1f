//! The integration tests: one binary, so that it links once.

mod conformance;
mod tidy;
mod workshop;
mod yaml;
