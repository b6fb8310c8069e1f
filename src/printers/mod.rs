//! printers

pub mod json;
pub mod prefix_writer;
pub mod table;
pub mod tabwriter;
pub mod yaml;
