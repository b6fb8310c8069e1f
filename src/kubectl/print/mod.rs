//! What verbs print: objects in the form that was asked for, tables, what was done, what went wrong.

pub mod errors;
pub mod made;
pub mod output;
pub mod table;
