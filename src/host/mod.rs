//! The machine that kstate runs on: its files, and what a command may see of them.

pub mod lock;
pub mod private;
pub mod process;
pub mod whole;
