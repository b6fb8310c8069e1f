//! The forms that kubectl prints objects in, from tables to templates.

pub mod columns;
pub mod custom_columns;
pub mod explain;
pub mod go_order;
pub mod go_template;
pub mod go_value;
pub mod json;
pub mod jsonpath;
pub mod kyaml;
pub mod prefix_writer;
pub mod sort;
pub mod table;
pub mod tabwriter;
pub mod yaml;

/// A form that was given up in the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintFailure {
    /// What had been printed by then; for standard output.
    pub output: String,
    /// What follows `error: `.
    pub message: String,
}
