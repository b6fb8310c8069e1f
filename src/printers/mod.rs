//! printers

pub mod custom_columns;
pub mod explain;
mod go_order;
pub mod go_template;
pub mod go_value;
pub mod json;
pub mod jsonpath;
pub mod prefix_writer;
pub mod sort;
pub mod table;
pub mod tabwriter;
pub mod yaml;
