//! kstate runs a Kubernetes control plane for storage and state inside one process.
//!
//! The way of the data, and the order of the modules:
//!
//! ```text
//! argv / lesson step / pipe
//!    -> cli         reads the line as pflag does, finds the cluster's file, begins a transaction
//!    -> kubectl     a verb resolves names ("pv,pvc,sc"), reads files, and makes requests
//!    -> server      authenticate, authorize -> what is served? -> decode strictly -> the verb -> encode
//!    -> registry    one generic store for every kind: create, update, apply, delete, subresources, ownership
//!    -> admission   set defaults -> mutate -> validate (one path for users and controllers alike)
//!    -> store       a revision log in SQLite; watch = "what came after revision N"
//!         sim       hands changed keys to the controllers until no work is due, else jumps to the next timer
//!         controllers, node   pure: (what is, key, now) -> writes + events + "come back at", back to registry
//!    <- server      an object, a list, a table, or a refusal with its reason; and warnings
//!    <- kubectl     table | describe | yaml | json | name | jsonpath | go-template | custom-columns (printers)
//!    <- ui          the only writer to the terminal
//! ```
//!
//! It runs one way. A command is one SQLite transaction: what it acknowledged lasts, what was refused left nothing behind.
//! ARCHITECTURE.md holds the import rules; `tests/tidy.rs` checks them.

pub mod api;
pub mod error;

pub mod machine;
pub mod manifest;

pub mod kinds;

pub mod admission;

pub mod store;

pub mod registry;

pub mod controllers;

pub mod node;

pub mod sim;

pub mod server;

pub mod serve;

pub mod printers;

pub mod lessons;

pub mod kubectl;

pub mod cli;
pub mod host;
pub mod ui;
pub mod why;
