//! manifest

pub mod merge;
pub mod strict;
