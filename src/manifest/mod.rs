//! manifest

pub mod strict;
