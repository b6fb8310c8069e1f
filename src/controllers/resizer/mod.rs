//! What makes bound volumes larger.

pub(crate) mod conditions;
pub mod expand;
pub mod external;
pub mod modify;
