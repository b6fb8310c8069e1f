//! printers

pub mod json;
pub mod yaml;
