//! What makes bound volumes larger.

pub mod expand;
