//! The API server.

pub mod authorize;
pub mod served;
