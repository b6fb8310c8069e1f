//! From arguments and files to kinds and objects, as kubectl's resource builder finds them.

pub mod files;
pub mod mapper;
pub mod parts;
pub mod resources;
pub mod target;
