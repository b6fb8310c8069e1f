//! kstate runs a Kubernetes control plane for storage and state inside one process.
//!
//! The way of the data, and the order of the modules:
//!
//! ```text
//! argv / lesson step / pipe
//!    -> cli         a verb parses its flags and resolves names ("pv,pvc,sc" -> kinds)
//!    -> manifest    YAML/JSON read as kubectl reads it: positions, strict fields, merge and patch
//!    -> admission   set defaults -> mutate -> validate (one path for users and controllers alike)
//!    -> store       a revision log in SQLite; watch = "what came after revision N"
//!    -> sim         hands changed keys to the controllers until no work is due, else jumps to the next timer
//!         controllers, node   pure: (what is, key, now) -> writes + events + "come back at"
//!    -> printers    table | describe | yaml | json | name | jsonpath | go-template | custom-columns
//!    -> ui          the only writer to the terminal
//! ```
//!
//! It runs one way. A command is one SQLite transaction: what it acknowledged lasts, what was refused left nothing behind.
//! ARCHITECTURE.md holds the import rules; `tests/tidy.rs` checks them.

pub mod api;
pub mod error;

pub mod manifest;

pub mod kinds;

pub mod admission;

pub mod store;

pub mod registry;

pub mod controllers;

pub mod node;

pub mod sim;

pub mod server;

pub mod printers;

pub mod lessons;

pub mod kubectl;

pub mod cli;
pub mod ui;
