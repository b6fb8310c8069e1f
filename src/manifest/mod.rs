//! Reads manifests as kubectl reads them, decodes them strictly, and merges and patches.

pub mod json;
pub mod managed;
pub mod merge;
pub mod stream;
pub mod strict;
pub mod versions;
pub mod yaml;
